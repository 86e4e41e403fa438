//! A checked bundle, and the decisions it makes: facts in, verdict out, nothing allocated on the way.

use crate::atom::Tables;
use crate::case::{Guarantee, Replay, Test};
use crate::cells::Cells;
use crate::clause::{self, Clause, Then};
use crate::condition::Cond;
use crate::image::{Fleet, GuardId, Plan, PlanId, Policy, PolicyId, RuleId, TargetId, Verdict};
use crate::mentions::Mentions;
use crate::program::{Laid, Program, Scene};
use crate::proof::Proof;
use crate::region::Terms;
use crate::request::{Live, Request};
use crate::space::{Source, Space};
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
    /// Every `guarantee` block.
    pub guarantees: Vec<Guarantee>,
    /// What became of each of them.
    pub proofs: Vec<Proof>,
    pub(crate) code: Code,
    targets: HashMap<Box<str>, TargetId>,
    aliases: HashMap<Box<str>, PolicyId>,
}

/// What a checked bundle consists of besides its conditions.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) fleet: Fleet,
    pub(crate) plans: Vec<Plan>,
    pub(crate) policies: Vec<Policy>,
    pub(crate) tests: Vec<Test>,
    pub(crate) replays: Vec<Replay>,
    pub(crate) guarantees: Vec<Guarantee>,
    pub(crate) proofs: Vec<Proof>,
}

/// The conditions of a bundle, as they were checked and as they run.
#[derive(Debug, Default)]
pub(crate) struct Code {
    /// By policy.
    pub(crate) clauses: Vec<Vec<Clause>>,
    /// Conditions that plans ask; by [`GuardId`].
    pub(crate) guards: Vec<Cond>,
    pub(crate) tables: Tables,
    pub(crate) space: Space,
    /// By field of the space.
    sources: Vec<Source>,
    /// By policy.
    pub(crate) programs: Vec<Program>,
    /// Where what it is made of stands in the text.
    pub(crate) mentions: Mentions,
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

/// What was asked on the way to a decision, and the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The policy that asked.
    pub policy: PolicyId,
    /// The answer, as a condition that holds of the request: `tokens > 100k`.
    pub answer: String,
}

/// How one policy is decided, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Form {
    /// `graph`, `bit-vector` or `rules`.
    pub kind: &'static str,
    /// Nodes of the graph.
    pub nodes: usize,
    /// Bytes of it.
    pub bytes: usize,
}

impl Code {
    /// Compiles every policy. Each must end in a clause without a condition.
    pub(crate) fn compile(
        clauses: Vec<Vec<Clause>>,
        guards: Vec<Cond>,
        tables: Tables,
        space: Space,
        laid: &[Laid],
        fleet: &Fleet,
    ) -> Self {
        let programs = laid.iter().map(|l| Program::compile(l, &space)).collect();
        Self {
            sources: space.sources(fleet),
            clauses,
            guards,
            mentions: Mentions::default(),
            tables,
            space,
            programs,
        }
    }

    /// What deciding in a policy needs, and its program.
    ///
    /// # Panics
    /// If the policy is of another image.
    #[inline]
    pub(crate) fn scene(&self, policy: PolicyId) -> (&Program, Scene<'_>) {
        #[expect(
            clippy::indexing_slicing,
            reason = "ids come from the bundle that the code was compiled from"
        )]
        (
            &self.programs[policy.index()],
            Scene {
                space: &self.space,
                sources: &self.sources,
                tables: &self.tables,
                clauses: &self.clauses[policy.index()],
            },
        )
    }

    /// The cell of every field: the equivalence class of a request.
    pub(crate) fn class<L: Live>(&self, request: &Request<'_>, live: &L) -> Vec<u32> {
        self.cells(request, live).collect()
    }

    fn cells<L: Live>(&self, request: &Request<'_>, live: &L) -> impl Iterator<Item = u32> {
        let fields = self.space.fields().iter().zip(&self.sources);
        fields.map(|(field, source)| field.cell(source, request, live))
    }
}

impl Image {
    pub(crate) fn new(parts: Parts, code: Code) -> Self {
        let Parts {
            fleet,
            plans,
            policies,
            tests,
            replays,
            guarantees,
            proofs,
        } = parts;
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
            guarantees,
            proofs,
            code,
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

    /// What a rule says; `None` where it goes on to another policy.
    #[must_use]
    pub fn verdict(&self, policy: PolicyId, rule: RuleId) -> Option<&Verdict> {
        match &self
            .code
            .clauses
            .get(policy.index())?
            .get(rule.index())?
            .then
        {
            Then::Decide(verdict) => Some(verdict),
            Then::Go(_) => None,
        }
    }

    /// How a policy is decided.
    #[must_use]
    pub fn form(&self, policy: PolicyId) -> Option<Form> {
        let program = self.code.programs.get(policy.index())?;
        let (nodes, bytes) = program.size();
        Some(Form {
            kind: program.kind(),
            nodes,
            bytes,
        })
    }

    /// What turns the conditions of the bundle into regions of its own space.
    pub(crate) fn terms(&self) -> Terms<'_> {
        Terms {
            space: &self.code.space,
            fleet: &self.fleet,
            tables: &self.code.tables,
        }
    }

    /// Adds the equivalence class of a request: of two with the same, every policy says the same.
    pub fn classify<L: Live>(&self, request: &Request<'_>, live: &L, class: &mut Vec<u32>) {
        class.extend(self.code.cells(request, live));
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
        self.decided(policy, |policy, path| {
            let (program, scene) = self.code.scene(policy);
            program.decide(scene, request, live, path)
        })
    }

    /// Decides one request by asking its rules one after the other, as the text is read: the oracle that every compiled
    /// form is held against. It leaves no path.
    ///
    /// # Panics
    /// If the policy is of another image.
    pub fn decide_naively<L: Live>(
        &self,
        policy: PolicyId,
        request: &Request<'_>,
        live: &L,
    ) -> Decision<'_> {
        self.decided(policy, |policy, _| {
            let (_, scene) = self.code.scene(policy);
            let rule = clause::first(scene.clauses, scene.tables, request, live);
            rule.and_then(|r| u32::try_from(r).ok()).unwrap_or(u32::MAX)
        })
    }

    #[inline]
    fn decided(
        &self,
        policy: PolicyId,
        mut rule_of: impl FnMut(PolicyId, &mut Path) -> u32,
    ) -> Decision<'_> {
        let mut policies = Chain::from(policy);
        let mut path = Path::default();
        let mut policy = policy;
        loop {
            let rule = rule_of(policy, &mut path);
            #[expect(
                clippy::indexing_slicing,
                reason = "every policy ends with a rule for all requests, so one was found"
            )]
            match &self.code.clauses[policy.index()][rule as usize].then {
                Then::Decide(verdict) => {
                    return Decision {
                        verdict,
                        policies,
                        rule: RuleId(rule),
                        path,
                    };
                }
                Then::Go(next) => {
                    policies.push(*next);
                    policy = *next;
                }
            }
        }
    }

    /// What was asked on a path that begins at `policy`, in order. `None` where the path is of another bundle, or was too
    /// long to be kept.
    #[must_use]
    pub fn asked(&self, policy: PolicyId, path: &Path) -> Option<Vec<Asked>> {
        let mut asked = Vec::new();
        let mut steps = path.steps();
        let mut policy = policy;
        loop {
            let (program, scene) = self.code.scene(policy);
            let (rule, read) = program.follow(scene, &mut steps)?;
            asked.extend(read.into_iter().map(|(field, cell)| {
                Asked {
                    policy,
                    answer: self
                        .code
                        .space
                        .field(field)
                        .words(&Cells::One(cell), &|set| self.code.tables.name(set)),
                }
            }));
            match &self
                .code
                .clauses
                .get(policy.index())?
                .get(rule as usize)?
                .then
            {
                Then::Decide(_) => return steps.done().then_some(asked),
                Then::Go(next) => policy = *next,
            }
        }
    }

    /// Whether a condition that a plan asks is true of a request.
    pub fn holds<L: Live>(&self, guard: GuardId, request: &Request<'_>, live: &L) -> bool {
        let guard = self.code.guards.get(guard.index());
        guard.is_some_and(|g| g.holds(&self.code.tables, request, live))
    }
}
