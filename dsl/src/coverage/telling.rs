//! What was counted as a report, and requests for what is missing.

use super::arms::entered;
use super::counted::{Coverage, Goal, Want};
use super::report::{Count, Gap, Line, Report, VERSION};
use super::search::{Search, Suggestion, class, suggestion};
use crate::clause::Then;
use crate::diagram::{Edge, Step};
use crate::image::{PlanId, TargetId, Verdict};
use crate::program::Program;
use crate::region::Region;
use crate::witness::Witness;
use std::collections::BTreeMap;

impl Coverage<'_> {
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
        let search = Search::new(self.image);
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
        let search = Search::new(self.image);
        for goal in self.goals() {
            if self.covered(goal) {
                continue;
            }
            if let Some((policy, region)) = search.find(self, goal) {
                let class = class(self.image, policy, &region);
                self.count(policy, &class, 1);
                if self.covered(goal) {
                    suggestions.push(suggestion(self, policy, &region, goal));
                }
            }
        }
        suggestions
    }

    /// How many arms of plans are covered.
    #[must_use]
    pub fn arms(&self) -> usize {
        self.arms.covered()
    }

    /// Requests that may cover arms of plans, one for each: others fail, so that it is asked. Whether it is, only
    /// carrying them out tells.
    #[must_use]
    pub fn suggest_arms(&self) -> Vec<Suggestion> {
        let search = Search::new(self.image);
        let open = self.arms.open();
        let suggestions = open.iter().filter_map(|goal| {
            let guards = &self.image.code.guards;
            let also = goal
                .guard
                .and_then(|(id, holds)| Some((guards.get(id.index())?, holds)));
            let users = self.users(goal.plan);
            let found = users.iter().find_map(|(policy, rule, used)| {
                let region = search.taking(*policy, *rule, also)?;
                Some((*policy, region, *used))
            });
            let (policy, region, used) = found?;
            Some(self.arm(policy, &region, used, &goal.serves))
        });
        suggestions.collect()
    }

    /// Rules that use a plan, also within another: policy, rule, and the plan of the rule.
    fn users(&self, plan: PlanId) -> Vec<(usize, usize, PlanId)> {
        let mut users = Vec::new();
        for (policy, clauses) in self.image.code.clauses.iter().enumerate() {
            for (rule, clause) in clauses.iter().enumerate() {
                if let Then::Decide(Verdict::Use(own)) = clause.then {
                    let mut within = Vec::new();
                    entered(own, self.image, &mut within);
                    if within.contains(&plan) {
                        users.push((policy, rule, own));
                    }
                }
            }
        }
        users
    }

    fn arm(&self, policy: usize, region: &Region, used: PlanId, wanted: &[TargetId]) -> Suggestion {
        let name = self.image.policies.get(policy).map_or("", |p| &p.name);
        let target = |id: &TargetId| {
            let target = self.image.fleet.targets.get(id.index());
            target.map_or_else(String::new, |t| t.name.to_string())
        };
        let others = self.image.targets_of(used);
        let others = others
            .iter()
            .filter(|t| !wanted.is_empty() && !wanted.contains(t));
        let plan = self
            .image
            .plans
            .get(used.index())
            .and_then(|p| p.name.as_ref());
        let plan = plan.map_or_else(String::new, |p| format!("plan {p}: "));
        let title = match wanted.first() {
            Some(first) => format!("@{name}: {plan}{} serves", target(first)),
            None => format!("@{name}: {plan}another condition of an arm"),
        };
        Suggestion {
            policy: name.to_owned(),
            title,
            givens: Witness::of(region, &self.image.code.space).givens,
            upstreams: others
                .map(|t| format!("{} replies 503 after 100ms", target(t)))
                .collect(),
        }
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
        let code = &self.image.code;
        let words = code
            .space
            .field(field)
            .words(&cells, &|set| code.tables.name(set));
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
