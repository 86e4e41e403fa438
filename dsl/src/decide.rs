//! A checked bundle, and the decisions it makes: facts in, verdict out, nothing allocated on the way.

use crate::case::{Replay, Test};
use crate::graph::{Graph, Step, Then};
use crate::image::{Fleet, Plan, PlanId, Policy, PolicyId, RuleId, TargetId, Verdict};
use crate::request::{Live, Request};
use crate::trace::{Chain, Path};
use std::collections::HashMap;

/// A checked, immutable bundle.
#[derive(Debug)]
pub struct Image {
    /// What can be called.
    pub fleet: Fleet,
    /// Named plans, and those written in rules.
    pub plans: Vec<Plan>,
    /// In order of declaration.
    pub policies: Vec<Policy>,
    /// Every `test` block and every row of a table.
    pub tests: Vec<Test>,
    /// Every `replay` block.
    pub replays: Vec<Replay>,
    graph: Graph,
    targets: HashMap<Box<str>, TargetId>,
    aliases: HashMap<Box<str>, PolicyId>,
}

/// What is to be done with one request, and why.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// What to do.
    pub verdict: &'a Verdict,
    /// Policies in the order they were entered; the last one decided.
    pub policies: Chain,
    /// The rule of the last policy that decided.
    pub rule: RuleId,
    /// Every branch taken.
    pub path: Path,
}

/// One test on a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tested<'a> {
    /// The policy it belongs to.
    pub policy: PolicyId,
    /// As written.
    pub text: &'a str,
    /// Whether it was true.
    pub held: bool,
    /// File it stands in.
    pub file: &'a str,
    /// Line, from 1.
    pub line: u32,
}

impl Image {
    pub(crate) fn new(
        fleet: Fleet,
        plans: Vec<Plan>,
        policies: Vec<Policy>,
        tests: Vec<Test>,
        replays: Vec<Replay>,
        graph: Graph,
    ) -> Self {
        let targets = (0..)
            .map(TargetId)
            .zip(&fleet.targets)
            .map(|(id, t)| (t.name.clone(), id))
            .collect();
        let aliases = (0..)
            .map(PolicyId)
            .zip(&policies)
            .map(|(id, p)| (p.name.clone(), id))
            .collect();
        Self {
            fleet,
            plans,
            policies,
            tests,
            replays,
            graph,
            targets,
            aliases,
        }
    }

    /// The policy of this name, without `@`.
    #[must_use]
    pub fn policy(&self, name: &str) -> Option<PolicyId> {
        self.aliases.get(name).copied()
    }

    /// The deployment `provider/model`.
    #[must_use]
    pub fn target(&self, name: &str) -> Option<TargetId> {
        self.targets.get(name).copied()
    }

    /// Every deployment whose model is declared under this name.
    pub fn deployments(&self, bare: &str) -> impl Iterator<Item = TargetId> {
        (0..)
            .map(TargetId)
            .zip(&self.fleet.targets)
            .filter_map(move |(id, target)| {
                let (_, model) = target.name.split_once('/')?;
                (model == bare).then_some(id)
            })
    }

    /// Every target a plan can reach, in the order it would be tried, without repeats.
    #[must_use]
    pub fn targets_of(&self, plan: PlanId) -> Vec<TargetId> {
        let mut found = Vec::new();
        if let Some(plan) = self.plans.get(plan.index()) {
            plan.route.reach(&self.plans, &mut found);
        }
        found
    }

    /// Decides one request. Allocates nothing.
    ///
    /// # Panics
    /// If the policy is of another image.
    pub fn decide<L: Live>(
        &self,
        policy: PolicyId,
        request: &Request<'_>,
        live: &L,
    ) -> Decision<'_> {
        let mut policies = Chain::from(policy);
        let mut path = Path::default();
        let mut edge = self.graph.root(policy);
        loop {
            match self.graph.step(edge) {
                Step::Test { atom, yes, no, .. } => {
                    let held = atom.holds(&self.graph.tables, request, live);
                    path.push(held);
                    edge = if held { yes } else { no };
                }
                Step::End(leaf) => match &leaf.then {
                    Then::Decide(verdict) => {
                        return Decision {
                            verdict,
                            policies,
                            rule: leaf.rule,
                            path,
                        };
                    }
                    Then::Go(next) => {
                        policies.push(*next);
                        edge = self.graph.root(*next);
                    }
                },
            }
        }
    }

    /// What was asked on a path that begins at `policy`, in order.
    #[must_use]
    pub fn explain(&self, policy: PolicyId, path: &Path) -> Vec<Tested<'_>> {
        let mut tested = Vec::new();
        let mut policy = policy;
        let mut edge = self.graph.root(policy);
        let mut branches = path.branches();
        loop {
            match self.graph.step(edge) {
                Step::Test {
                    yes, no, written, ..
                } => {
                    let Some(held) = branches.next() else {
                        return tested;
                    };
                    tested.push(Tested {
                        policy,
                        text: &written.text,
                        held,
                        file: &written.file,
                        line: written.line,
                    });
                    edge = if held { yes } else { no };
                }
                Step::End(leaf) => match &leaf.then {
                    Then::Decide(_) => return tested,
                    Then::Go(next) => {
                        policy = *next;
                        edge = self.graph.root(policy);
                    }
                },
            }
        }
    }
}
