//! What is decided about a request before anything is called: the way it takes, the limits it is held to, the budgets it
//! is charged to.

use crate::Nanos;
use crate::arrival::Arrival;
use crate::candidate::{Candidates, PassedOver, cannot};
use crate::itinerary::Itinerary;
use crate::refusal::Refusal;
use crate::router::{Router, Way};
use mux_dsl::image::{BudgetId, Features, LimitId, PlanId, Policy, RuleId, TargetId, Verdict};
use mux_dsl::request::{HealthState, Live};
use mux_dsl::{Chain, Decision, Path};
use smallvec::SmallVec;

/// What the policy said, without borrowing from the bundle.
#[derive(Clone, Debug)]
pub struct Decided {
    /// Policies entered; the last one decided.
    pub policies: Chain,
    /// Its rule.
    pub rule: RuleId,
    /// Path through the graph.
    pub path: Path,
    /// The plan; `None` is a refusal.
    pub plan: Option<PlanId>,
}

/// Raw live figures of one target at the decision.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Median and 95th percentile of the time to first content, milliseconds.
    pub quantiles: Option<(u64, u64)>,
    /// Share of failures.
    pub error_rate: Option<u32>,
    /// State by the `health` block.
    pub health: HealthState,
    /// Word for the breaker's position.
    pub breaker: &'static str,
    /// Attempts in flight.
    pub inflight: u32,
}

/// Everything the decision rests on, and what it was.
#[derive(Clone, Debug, Default)]
pub struct Admission {
    /// Where the client's `model` leads.
    pub way: Option<Way>,
    /// What the policy said, where one was asked.
    pub decided: Option<Decided>,
    /// Live figures of every target, whether or not this policy reads them.
    pub figures: SmallVec<[Figure; 8]>,
    /// Spent shares of every budget, basis points.
    pub used: SmallVec<[u32; 4]>,
    /// Targets that can never serve, where none can.
    pub candidates: Candidates,
}

impl Admission {
    /// Decides. The second value says why the request is refused, where it is.
    pub fn decide<L: Live>(
        router: &Router,
        arrival: &Arrival,
        live: &L,
    ) -> (Self, Option<Refusal>) {
        let mut admission = Self {
            figures: figures(router, live, arrival.now),
            ..Self::default()
        };
        let budgets = u32::try_from(router.fleet().budgets.len()).unwrap_or(0);
        admission.used =
            arrival.request(|r| (0..budgets).map(|i| live.used(BudgetId(i), r)).collect());
        let refusal = admission.pass(router, arrival, live).err();
        (admission, refusal)
    }

    fn pass<L: Live>(
        &mut self,
        router: &Router,
        arrival: &Arrival,
        live: &L,
    ) -> Result<(), Refusal> {
        let way = router.resolve(&arrival.facts.model)?;
        self.way = Some(way);
        match way {
            Way::Policy(policy) => {
                let (decided, denied) =
                    arrival.request(|request| keep(&router.image().decide(policy, request, live)));
                self.decided = Some(decided);
                let mut limits: SmallVec<[LimitId; 4]> = self
                    .policies(router)
                    .flat_map(|p| p.limits.iter().copied())
                    .collect();
                limits.sort_unstable();
                limits.dedup();
                arrival
                    .request(|request| router.take(limits.iter().copied(), request, arrival.now))?;
                denied.map_or(Ok(()), Err)?;
            }
            Way::Direct(_) => {
                let limits =
                    (0..u32::try_from(router.fleet().limits.len()).unwrap_or(0)).map(LimitId);
                arrival.request(|request| router.take(limits, request, arrival.now))?;
            }
        }
        self.refuse_spent(router)?;
        self.refuse_unservable(router, arrival)
    }

    /// The plan, laid flat.
    #[must_use]
    pub fn itinerary<'r>(&self, router: &'r Router) -> Option<&'r Itinerary> {
        match self.way? {
            Way::Direct(target) => router.straight(target),
            Way::Policy(_) => router.plan(self.decided.as_ref()?.plan?),
        }
    }

    /// Budgets the request is charged to: those its policies name, or all of them where it names a deployment.
    #[must_use]
    pub fn charges(&self, router: &Router) -> SmallVec<[BudgetId; 4]> {
        if self.decided.is_none() {
            return (0..u32::try_from(router.fleet().budgets.len()).unwrap_or(0))
                .map(BudgetId)
                .collect();
        }
        let mut charges: SmallVec<[BudgetId; 4]> = self
            .policies(router)
            .flat_map(|p| p.charges.iter().copied())
            .collect();
        charges.sort_unstable();
        charges.dedup();
        charges
    }

    fn policies<'r>(&self, router: &'r Router) -> impl Iterator<Item = &'r Policy> + Clone {
        let chain: SmallVec<[_; 8]> = self
            .decided
            .iter()
            .flat_map(|d| d.policies.as_slice().iter().copied())
            .collect();
        chain
            .into_iter()
            .filter_map(|p| router.image().policies.get(p.index()))
    }

    /// A spent budget refuses, unless the policy asks about it and so decides itself.
    fn refuse_spent(&self, router: &Router) -> Result<(), Refusal> {
        let policies = self.policies(router);
        for budget in self.charges(router) {
            let spent = self
                .used
                .get(budget.index())
                .is_some_and(|used| *used >= 10_000);
            if spent && !policies.clone().any(|p| p.asks.contains(&budget)) {
                let name = router
                    .fleet()
                    .budgets
                    .get(budget.index())
                    .map_or("?", |b| &b.name);
                return Err(Refusal::new(
                    429,
                    "budget_exhausted",
                    format!("budget `{name}` is spent"),
                ));
            }
        }
        Ok(())
    }

    /// Refuses what no target of the plan can ever serve.
    fn refuse_unservable(&mut self, router: &Router, arrival: &Arrival) -> Result<(), Refusal> {
        let Some(itinerary) = self.itinerary(router) else {
            return Ok(());
        };
        let mut lacking = Features::default();
        let mut widest = 0;
        let mut reasons = Candidates::new();
        for step in &itinerary.steps {
            let Some(reason) = cannot(router, arrival, step.target) else {
                return Ok(());
            };
            match reason {
                PassedOver::Lacks(features) => lacking = lacking.with(features),
                PassedOver::Window(window) => widest = widest.max(window),
                PassedOver::Unavailable(_) | PassedOver::Barred(_) => {}
            }
            reasons.push((step.target, Some(reason)));
        }
        self.candidates = reasons;
        if lacking != Features::default() {
            let words: Vec<&str> = lacking.words().collect();
            let message = format!("no target of this route can serve `{}`", words.join("`, `"));
            return Err(Refusal::new(400, "capability_missing", message));
        }
        let tokens = arrival.facts.tokens;
        let message = format!(
            "about {tokens} prompt tokens do not fit the largest window of this route, {widest}"
        );
        Err(Refusal::new(400, "context_length_exceeded", message).about("messages"))
    }
}

fn figures<L: Live>(router: &Router, live: &L, now: Nanos) -> SmallVec<[Figure; 8]> {
    let targets = (0..u32::try_from(router.fleet().targets.len()).unwrap_or(0)).map(TargetId);
    let figures = targets.filter_map(|id| {
        let state = router.state(id)?;
        Some(Figure {
            quantiles: live.p50(id).zip(live.p95(id)),
            error_rate: live.error_rate(id),
            health: live.health(id),
            breaker: state.position(now).word(),
            inflight: state.inflight(),
        })
    });
    figures.collect()
}

/// Lets go of the bundle a decision borrows from.
fn keep(decision: &Decision<'_>) -> (Decided, Option<Refusal>) {
    let (plan, denied) = match decision.verdict {
        Verdict::Use(plan) => (Some(*plan), None),
        Verdict::Deny { status, message } => (
            None,
            Some(Refusal::new(
                *status,
                "denied_by_policy",
                message.to_string(),
            )),
        ),
    };
    (
        Decided {
            policies: decision.policies,
            rule: decision.rule,
            path: decision.path,
            plan,
        },
        denied,
    )
}
