//! Counts: which rules took requests, which conditions were seen how, which edges were walked.

use super::arms::Arms;
use super::question::{Leaf, Tree};
use crate::clause::Then;
use crate::decide::Image;
use crate::diagram::{Edge, Step};
use crate::image::{PolicyId, TargetId, Verdict};
use crate::program::Program;
use crate::region::Terms;
use crate::request::{Live, Request};

use std::collections::HashMap;

/// What requests covered of one bundle.
#[derive(Debug)]
pub struct Coverage<'i> {
    pub(super) image: &'i Image,
    /// By policy.
    pub(super) policies: Vec<Entered<'i>>,
    pub(super) conditions: Vec<Condition>,
    pub(super) arms: Arms,
    pub(super) requests: u64,
}

/// A policy, and what was seen of it.
#[derive(Debug)]
pub(super) struct Entered<'i> {
    pub(super) rules: Vec<Ruled<'i>>,
    /// Node and where a branch of it leads.
    pub(super) edges: HashMap<(Edge, Edge), u64>,
}

/// A rule, and how often it was asked.
#[derive(Debug)]
pub(super) struct Ruled<'i> {
    pub(super) tree: Option<Tree>,
    pub(super) leaves: Vec<Leaf<'i>>,
    /// By leaf: which condition it is.
    pub(super) conditions: Vec<usize>,
    pub(super) taken: u64,
}

/// A condition of the text, wherever it is used.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) text: String,
    pub(super) file: String,
    pub(super) line: u32,
    /// Policy, rule and leaf.
    pub(super) uses: Vec<(usize, usize, usize)>,
    pub(super) yes: u64,
    pub(super) no: u64,
    pub(super) deciding: u64,
}

/// Something that can be covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    Rule(usize, usize),
    Condition(usize, Want),
    Edge(usize, Edge, Edge),
}

/// How a condition is to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
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
                edges: HashMap::new(),
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

    pub(super) fn terms(&self) -> Terms<'i> {
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
    pub(super) fn count(
        &mut self,
        policy: PolicyId,
        class: &[u32],
        many: u64,
    ) -> Option<crate::image::PlanId> {
        self.requests += many;
        let mut policy = policy;
        loop {
            self.follow(policy, class, many);
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
    fn follow(&mut self, policy: PolicyId, class: &[u32], many: u64) {
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
            *entered.edges.entry((edge, *next)).or_insert(0) += many;
            edge = *next;
        }
    }

    /// The bundle that is covered.
    pub(crate) fn image(&self) -> &'i Image {
        self.image
    }

    /// How many requests were decided.
    pub(crate) fn requests(&self) -> u64 {
        self.requests
    }

    /// How many requests a rule took.
    pub(crate) fn taken(&self, policy: PolicyId, rule: usize) -> u64 {
        let entered = self.policies.get(policy.index());
        entered
            .and_then(|p| p.rules.get(rule))
            .map_or(0, |r| r.taken)
    }

    /// How many requests went from one node of a graph to another.
    pub(crate) fn walked(&self, policy: PolicyId, edge: Edge, next: Edge) -> u64 {
        let entered = self.policies.get(policy.index());
        entered
            .and_then(|p| p.edges.get(&(edge, next)))
            .copied()
            .unwrap_or(0)
    }

    /// Everything that can be covered by deciding, rules first.
    pub(super) fn goals(&self) -> Vec<Goal> {
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

    pub(super) fn covered(&self, goal: Goal) -> bool {
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
                entered.is_some_and(|p| p.edges.contains_key(&(edge, next)))
            }
        }
    }

    pub(super) fn place(&self, policy: usize, rule: usize) -> (String, u32) {
        let policy = self.image.policies.get(policy);
        let rule = policy.and_then(|p| p.rules.get(rule));
        rule.map_or_else(Default::default, |r| (r.file.to_string(), r.line))
    }

    /// A rule, as its gap is told.
    pub(super) fn rule(&self, policy: usize, rule: usize) -> String {
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
}
