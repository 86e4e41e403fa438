//! A checked bundle, and the decisions it makes: facts in, verdict out, nothing allocated on the way.

use crate::case::Test;
use crate::graph::{Graph, Step, Then};
use crate::image::{Fleet, Plan, PlanId, Policy, PolicyId, Route, RuleId, TargetId, Verdict};
use crate::request::{Live, Request};
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

/// Most policies that one request passes through by `go`; longer chains are refused when a bundle is checked.
pub const CHAIN: usize = 8;
/// Branches that a [`Path`] holds; what comes after them is decided all the same, but cannot be traced.
pub const BRANCHES: usize = 512;

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

/// At most [`CHAIN`] policies, never none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    ids: [PolicyId; CHAIN],
    len: usize,
}

/// Branches through a graph, in order: yes is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Path {
    bits: [u128; BRANCHES / 128],
    len: usize,
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

impl Route {
    /// Adds the targets of a route that are not in `found` yet.
    pub(crate) fn reach(&self, plans: &[Plan], found: &mut Vec<TargetId>) {
        match self {
            Self::Attempt(attempt) if found.contains(&attempt.target) => {}
            Self::Attempt(attempt) => found.push(attempt.target),
            Self::Plan(plan) => {
                if let Some(plan) = plans.get(plan.index()) {
                    plan.route.reach(plans, found);
                }
            }
            Self::Fallback(fallback) => fallback.tries.iter().for_each(|t| t.reach(plans, found)),
        }
    }
}

impl Chain {
    /// In the order they were entered.
    #[must_use]
    pub fn as_slice(&self) -> &[PolicyId] {
        self.ids.get(..self.len).unwrap_or(&self.ids)
    }

    /// The one that decided.
    #[must_use]
    pub fn last(&self) -> PolicyId {
        self.as_slice().last().copied().unwrap_or(PolicyId(0))
    }

    fn push(&mut self, policy: PolicyId) {
        if let Some(slot) = self.ids.get_mut(self.len) {
            *slot = policy;
            self.len += 1;
        }
    }
}

impl From<PolicyId> for Chain {
    fn from(first: PolicyId) -> Self {
        Self {
            ids: [first; CHAIN],
            len: 1,
        }
    }
}

impl Path {
    /// Branches taken, including those beyond [`BRANCHES`].
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The branches that were kept, in order.
    pub fn branches(&self) -> impl Iterator<Item = bool> {
        let words = self
            .bits
            .iter()
            .flat_map(|word| (0..128).map(move |bit| word >> bit & 1 == 1));
        words.take(self.len)
    }

    fn push(&mut self, held: bool) {
        if let Some(word) = self.bits.get_mut(self.len / 128) {
            *word |= u128::from(held) << (self.len % 128);
        }
        self.len += 1;
    }
}

/// Reads what [`Path`] prints.
impl FromStr for Path {
    type Err = BadPath;

    fn from_str(text: &str) -> Result<Self, BadPath> {
        let mut path = Self::default();
        let mut begun = false;
        for digit in text.chars() {
            let digit = digit.to_digit(16).ok_or(BadPath)?;
            for bit in (0..4).rev() {
                let held = digit >> bit & 1 == 1;
                if begun {
                    path.push(held);
                }
                begun |= held;
            }
        }
        if begun && path.len <= BRANCHES {
            Ok(path)
        } else {
            Err(BadPath)
        }
    }
}

/// A text that is no [`Path`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPath;

impl fmt::Display for BadPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "this is no path through a decision graph: it is hexadecimal digits behind a leading 1",
        )
    }
}

impl std::error::Error for BadPath {}

/// Hexadecimal, last branch lowest, behind a leading 1 that marks the length.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.len.min(BRANCHES);
        let mut digit = 0_u8;
        let branches = std::iter::once(true).chain(self.branches());
        for (at, held) in branches.enumerate() {
            digit = digit << 1 | u8::from(held);
            if (kept - at).is_multiple_of(4) {
                write!(f, "{digit:x}")?;
                digit = 0;
            }
        }
        Ok(())
    }
}
