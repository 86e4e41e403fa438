//! What decided requests covered: rules taken, conditions seen true, false and deciding, edges of graphs, arms of plans.
//!
//! Everything is counted by equivalence class: requests in the same cell of every field cover the same, so recorded
//! traffic costs as much as the classes in it. What no request can cover is found out by the same search that finds
//! requests for what is missing, and is not counted.

mod arms;
mod question;
mod report;
mod search;

pub use report::{Count, Gap, Line, Report, VERSION};
pub use search::Suggestion;

use crate::clause::Then;
use crate::decide::Image;
use crate::diagram::{Edge, Step};
use crate::image::{PolicyId, TargetId, Verdict};
use crate::program::Program;
use crate::region::Terms;
use crate::request::{Live, Request};
use arms::Arms;
use question::{Leaf, Tree};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What requests covered of one bundle.
#[derive(Debug)]
pub struct Coverage<'i> {
    image: &'i Image,
    /// By policy.
    policies: Vec<Entered<'i>>,
    conditions: Vec<Condition>,
    arms: Arms,
    requests: u64,
}

/// A policy, and what was seen of it.
#[derive(Debug)]
struct Entered<'i> {
    rules: Vec<Ruled<'i>>,
    /// Node and where a branch of it leads.
    edges: HashSet<(Edge, Edge)>,
}

/// A rule, and how often it was asked.
#[derive(Debug)]
struct Ruled<'i> {
    tree: Option<Tree>,
    leaves: Vec<Leaf<'i>>,
    /// By leaf: which condition it is.
    conditions: Vec<usize>,
    taken: u64,
}

/// A condition of the text, wherever it is used.
#[derive(Debug)]
struct Condition {
    text: String,
    file: String,
    line: u32,
    /// Policy, rule and leaf.
    uses: Vec<(usize, usize, usize)>,
    yes: u64,
    no: u64,
    deciding: u64,
}

/// Something that can be covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    Rule(usize, usize),
    Condition(usize, Want),
    Edge(usize, Edge, Edge),
}

/// How a condition is to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    True,
    False,
    Deciding,
}

impl<'i> Coverage<'i> {
    /// Nothing is covered yet.
    #[must_use]
    pub fn new(image: &'i Image) -> Self {
        let mut coverage = Self {
            image,
            policies: Vec::new(),
            conditions: Vec::new(),
            arms: Arms::new(image),
            requests: 0,
        };
        let mut known = HashMap::new();
        for (policy, clauses) in image.code.clauses.iter().enumerate() {
            let mut entered = Entered {
                rules: Vec::new(),
                edges: HashSet::new(),
            };
            for (rule, clause) in clauses.iter().enumerate() {
                let mut leaves = Vec::new();
                let terms = coverage.terms();
                let tree = clause
                    .cond
                    .as_ref()
                    .map(|c| Tree::read(c, &terms, &mut leaves));
                let uses = leaves.iter().enumerate();
                let uses =
                    uses.map(|(at, leaf)| coverage.used(leaf, (policy, rule, at), &mut known));
                let conditions = uses.collect();
                entered.rules.push(Ruled {
                    tree,
                    leaves,
                    conditions,
                    taken: 0,
                });
            }
            coverage.policies.push(entered);
        }
        coverage
    }

    fn terms(&self) -> Terms<'i> {
        Terms {
            space: &self.image.code.space,
            fleet: &self.image.fleet,
            tables: &self.image.code.tables,
        }
    }

    /// The condition that a leaf is one use of.
    fn used(
        &mut self,
        leaf: &Leaf<'i>,
        at: (usize, usize, usize),
        known: &mut HashMap<(&'i str, u32, &'i str), usize>,
    ) -> usize {
        let test = leaf.test;
        let key = (&*test.file, test.line, &*test.text);
        let id = *known.entry(key).or_insert_with(|| {
            self.conditions.push(Condition {
                text: crate::story::condition(&leaf.cond),
                file: test.file.to_string(),
                line: test.line,
                uses: Vec::new(),
                yes: 0,
                no: 0,
                deciding: 0,
            });
            self.conditions.len() - 1
        });
        if let Some(condition) = self.conditions.get_mut(id) {
            condition.uses.push(at);
        }
        id
    }

    /// Takes a request that was decided, and what its plan did: the targets that were asked, and the one that served.
    pub fn decided(
        &mut self,
        policy: PolicyId,
        request: &Request<'_>,
        live: &dyn Live,
        attempts: &[TargetId],
        served: Option<TargetId>,
    ) {
        let class = self.image.code.class(request, &live);
        if let Some(plan) = self.count(policy, &class, 1) {
            let holds = |guard| self.image.holds(guard, request, &live);
            self.arms.ran(self.image, plan, &holds, attempts, served);
        }
    }

    /// Counts so many requests of one class; the plan they get.
    fn count(
        &mut self,
        policy: PolicyId,
        class: &[u32],
        many: u64,
    ) -> Option<crate::image::PlanId> {
        self.requests += many;
        let mut policy = policy;
        loop {
            self.follow(policy, class);
            let at = self.take(policy, class, many)?;
            match &self.image.code.clauses.get(policy.index())?.get(at)?.then {
                Then::Go(next) => policy = *next,
                Then::Decide(Verdict::Use(plan)) => return Some(*plan),
                Then::Decide(Verdict::Deny { .. }) => return None,
            }
        }
    }

    /// Asks the rules of a policy in order; the one that takes the class.
    fn take(&mut self, policy: PolicyId, class: &[u32], many: u64) -> Option<usize> {
        let entered = self.policies.get_mut(policy.index())?;
        for (at, rule) in entered.rules.iter_mut().enumerate() {
            let answers: Vec<bool> = rule.leaves.iter().map(|l| l.holds(class)).collect();
            let mut deciding = Vec::new();
            if let Some(tree) = &rule.tree {
                tree.deciding(&answers, &mut deciding);
            }
            for (leaf, (answer, id)) in answers.iter().zip(&rule.conditions).enumerate() {
                if let Some(condition) = self.conditions.get_mut(*id) {
                    *(if *answer {
                        &mut condition.yes
                    } else {
                        &mut condition.no
                    }) += many;
                    condition.deciding += if deciding.contains(&leaf) { many } else { 0 };
                }
            }
            if rule.tree.as_ref().is_none_or(|t| t.holds(&answers)) {
                rule.taken += many;
                return Some(at);
            }
        }
        None
    }

    /// Walks the graph of a policy.
    fn follow(&mut self, policy: PolicyId, class: &[u32]) {
        let image = self.image;
        let (program, _) = image.code.scene(policy);
        let (Program::Graph { arena, root }, Some(entered)) =
            (program, self.policies.get_mut(policy.index()))
        else {
            return;
        };
        let mut edge = *root;
        while let Step::Node(field, branches) = arena.step(edge) {
            let cell = class.get(usize::from(field)).copied().unwrap_or(0);
            let Some(next) = branches.get(cell as usize) else {
                return;
            };
            entered.edges.insert((edge, *next));
            edge = *next;
        }
    }

    /// Everything that can be covered by deciding, rules first.
    fn goals(&self) -> Vec<Goal> {
        let mut goals = Vec::new();
        for (policy, entered) in self.policies.iter().enumerate() {
            goals.extend((0..entered.rules.len()).map(|rule| Goal::Rule(policy, rule)));
        }
        for id in 0..self.conditions.len() {
            goals.extend([Want::True, Want::False, Want::Deciding].map(|w| Goal::Condition(id, w)));
        }
        for (policy, program) in self.image.code.programs.iter().enumerate() {
            let Program::Graph { arena, root } = program else {
                continue;
            };
            let mut edges = Vec::new();
            arena.each(*root, &mut |edge, step| {
                if let Step::Node(_, branches) = step {
                    edges.extend(branches.iter().map(|next| (edge, *next)));
                }
            });
            edges.sort_unstable();
            edges.dedup();
            goals.extend(
                edges
                    .into_iter()
                    .map(|(edge, next)| Goal::Edge(policy, edge, next)),
            );
        }
        goals
    }

    fn covered(&self, goal: Goal) -> bool {
        match goal {
            Goal::Rule(policy, rule) => {
                let rule = self.policies.get(policy).and_then(|p| p.rules.get(rule));
                rule.is_some_and(|r| r.taken > 0)
            }
            Goal::Condition(id, want) => self.conditions.get(id).is_some_and(|c| match want {
                Want::True => c.yes > 0,
                Want::False => c.no > 0,
                Want::Deciding => c.deciding > 0,
            }),
            Goal::Edge(policy, edge, next) => {
                let entered = self.policies.get(policy);
                entered.is_some_and(|p| p.edges.contains(&(edge, next)))
            }
        }
    }

    /// What is covered, and what is not.
    #[must_use]
    pub fn report(&self) -> Report {
        let mut report = Report {
            version: VERSION,
            requests: self.requests,
            rules: Count::default(),
            conditions: Count::default(),
            edges: Count::default(),
            arms: Count::default(),
            total: Count::default(),
            impossible: Vec::new(),
            missing: Vec::new(),
            lines: self.lines(),
        };
        let search = search::Search::new(self.image);
        for goal in self.goals() {
            let covered = self.covered(goal);
            if !covered && search.impossible(self, goal) {
                report.impossible.push(self.gap(goal));
                continue;
            }
            match goal {
                Goal::Rule(..) => report.rules.add(covered),
                Goal::Condition(..) => report.conditions.add(covered),
                Goal::Edge(..) => report.edges.add(covered),
            }
            if !covered {
                report.missing.push(self.gap(goal));
            }
        }
        self.arms
            .tell(self.image, &mut report.arms, &mut report.missing);
        let kinds = [report.rules, report.conditions, report.edges, report.arms];
        report.total = kinds.into_iter().fold(Count::default(), Count::with);
        report.missing.sort();
        report.missing.dedup();
        report
    }

    /// Requests that cover what is not covered yet, as few as one after the other allows.
    pub fn suggest(&mut self) -> Vec<Suggestion> {
        let mut suggestions = Vec::new();
        let search = search::Search::new(self.image);
        for goal in self.goals() {
            if self.covered(goal) {
                continue;
            }
            if let Some((policy, region)) = search.find(self, goal) {
                let class = search::class(self.image, policy, &region);
                self.count(policy, &class, 1);
                if self.covered(goal) {
                    suggestions.push(search::suggestion(self, policy, &region, goal));
                }
            }
        }
        suggestions
    }

    fn gap(&self, goal: Goal) -> Gap {
        let (kind, (file, line), what) = match goal {
            Goal::Rule(policy, rule) => (
                "rule",
                self.place(policy, rule),
                format!(
                    "`{}` of @{} never took a request",
                    self.rule(policy, rule),
                    self.image.policies.get(policy).map_or("", |p| &p.name)
                ),
            ),
            Goal::Condition(id, want) => {
                let condition = self.conditions.get(id);
                let place = condition.map_or_else(Default::default, |c| (c.file.clone(), c.line));
                let text = condition.map_or("", |c| &c.text);
                let never = match want {
                    Want::True => "was never true",
                    Want::False => "was never false",
                    Want::Deciding => "never decided a rule",
                };
                ("condition", place, format!("`{text}` {never}"))
            }
            Goal::Edge(policy, edge, next) => {
                let (file, _) = self.place(policy, 0);
                ("edge", (file, 0), self.edge(policy, edge, next))
            }
        };
        Gap {
            file,
            line,
            kind,
            what,
        }
    }

    fn place(&self, policy: usize, rule: usize) -> (String, u32) {
        let policy = self.image.policies.get(policy);
        let rule = policy.and_then(|p| p.rules.get(rule));
        rule.map_or_else(Default::default, |r| (r.file.to_string(), r.line))
    }

    /// A rule, as its gap is told.
    fn rule(&self, policy: usize, rule: usize) -> String {
        let own = self.image.policies.get(policy);
        let name = own
            .and_then(|p| p.rules.get(rule))
            .and_then(|r| r.name.as_ref());
        let clause = self
            .image
            .code
            .clauses
            .get(policy)
            .and_then(|c| c.get(rule));
        let when = clause.and_then(|c| c.cond.as_ref());
        match (name, when) {
            (Some(name), _) => format!("rule {name}"),
            (None, Some(when)) => format!("when {}", crate::story::condition(when)),
            (None, None) => "else".to_owned(),
        }
    }

    fn edge(&self, policy: usize, edge: Edge, next: Edge) -> String {
        let name = self.image.policies.get(policy).map_or("", |p| &p.name);
        let Some(Program::Graph { arena, .. }) = self.image.code.programs.get(policy) else {
            return String::new();
        };
        let Step::Node(field, branches) = arena.step(edge) else {
            return String::new();
        };
        let cells = (0..).zip(branches).filter(|(_, to)| **to == next);
        let cells = cells.map(|(cell, _)| cell).collect();
        let words = self.image.code.space.field(field).words(&cells, &|_| None);
        let to = match arena.step(next) {
            Step::Leaf(Some(rule)) => {
                let (file, line) = self.place(policy, rule as usize);
                format!("to the rule at {file}:{line}")
            }
            Step::Leaf(None) => "to no rule".to_owned(),
            Step::Node(field, _) => {
                format!(
                    "to the question of `{}`",
                    self.image.code.space.field(field).fact.words()
                )
            }
        };
        format!("no request of @{name} took the way of `{words}` {to}")
    }

    fn lines(&self) -> Vec<Line> {
        let mut lines: BTreeMap<(String, u32), Line> = BTreeMap::new();
        for condition in &self.conditions {
            let own = line(&mut lines, &condition.file, condition.line);
            own.hits = own.hits.max(condition.yes + condition.no);
            own.branches.push((condition.yes, condition.no));
        }
        for (policy, entered) in self.policies.iter().enumerate() {
            for (at, rule) in entered.rules.iter().enumerate() {
                let (file, number) = self.place(policy, at);
                line(&mut lines, &file, number).hits = rule.taken;
            }
        }
        lines.into_values().collect()
    }
}

/// The line at a place.
fn line<'l>(lines: &'l mut BTreeMap<(String, u32), Line>, file: &str, at: u32) -> &'l mut Line {
    lines.entry((file.to_owned(), at)).or_insert_with(|| Line {
        file: file.to_owned(),
        line: at,
        hits: 0,
        branches: Vec::new(),
    })
}
