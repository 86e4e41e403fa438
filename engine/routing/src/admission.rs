//! What is decided about a request before anything is called: the way it takes, the limits it is held to, the budgets it
//! is charged to.

use crate::arrival::Arrival;
use crate::candidate::{Candidates, PassedOver, cannot};
use crate::itinerary::Itinerary;
use crate::order::Order;
use crate::rate::Places;
use crate::refusal::Refusal;
use crate::router::{Router, Way};
use crate::unsupported;
use crate::{MILLI, Nanos};
use mux_dsl::image::{BudgetId, Features, LimitId, PlanId, Policy, RuleId, TargetId, Verdict};
use mux_dsl::request::{HealthState, Live};
use mux_dsl::{Chain, Decision, Path};
use smallvec::SmallVec;
use std::sync::Arc;

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
    /// Median of the time to first content, milliseconds.
    pub p50: Option<u64>,
    /// 95th percentile of it.
    pub p95: Option<u64>,
    /// 99th percentile of it.
    pub p99: Option<u64>,
    /// Share of failures.
    pub error_rate: Option<u32>,
    /// State by the `health` block.
    pub health: HealthState,
    /// Word for the breaker's position.
    pub breaker: &'static str,
    /// How well it is, basis points; see [`crate::score`].
    pub score: u32,
    /// Attempts in flight.
    pub inflight: u32,
    /// Share left of its tightest rate limit.
    pub headroom: Option<u32>,
}

/// Everything the decision rests on, and what it was.
#[derive(Debug, Default)]
pub struct Admission {
    /// Where the client's `model` leads.
    pub way: Option<Way>,
    /// What the policy said, where one was asked.
    pub decided: Option<Decided>,
    /// Live figures of every target, whether or not this policy reads them.
    pub figures: SmallVec<[Figure; 8]>,
    /// Spent shares of every budget, basis points.
    pub used: SmallVec<[u32; 4]>,
    /// The way through the plan, where the request is admitted.
    pub order: Option<Order>,
    /// Places in limits on what is in flight, kept until the flight is over.
    pub places: Places,
    /// Targets that cannot serve, where none can.
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
                self.places = arrival
                    .request(|request| router.take(limits.iter().copied(), request, arrival.now))?;
                denied.map_or(Ok(()), Err)?;
            }
            Way::Direct(_) => {
                let limits =
                    (0..u32::try_from(router.fleet().limits.len()).unwrap_or(0)).map(LimitId);
                self.places =
                    arrival.request(|request| router.take(limits, request, arrival.now))?;
            }
        }
        self.refuse_spent(router)?;
        self.order = self.lay(router, arrival, live);
        self.refuse_missing()?;
        self.refuse_unservable(router, arrival)
    }

    /// What is tried, in order.
    #[must_use]
    pub fn itinerary(&self) -> Option<Arc<Itinerary>> {
        self.order.as_ref().map(|o| Arc::clone(&o.itinerary))
    }

    fn lay<L: Live>(&self, router: &Router, arrival: &Arrival, live: &L) -> Option<Order> {
        let fixed = |itinerary: &Arc<Itinerary>| Order::fixed(Arc::clone(itinerary));
        let plan = match self.way? {
            Way::Direct(target) => return router.straight(target).map(fixed),
            Way::Policy(_) => self.decided.as_ref()?.plan?,
        };
        let own = || {
            let plan = router.image().plans.get(plan.index())?;
            Some(Order::of(&plan.route, router, arrival, live))
        };
        router.plan(plan).map(fixed).or_else(own)
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

    /// Most time the request may take, where a policy on its way says so.
    #[must_use]
    pub fn within(&self, router: &Router) -> Option<Nanos> {
        let written = self.policies(router).filter_map(|p| p.within);
        written.min().map(|ms| ms * MILLI)
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

    /// Refuses what this version cannot carry out.
    fn refuse_missing(&self) -> Result<(), Refusal> {
        let missing = self.order.as_ref().and_then(|o| o.itinerary.missing);
        missing.map_or(Ok(()), |strategy| {
            Err(Refusal::new(
                501,
                unsupported::CODE,
                unsupported::words(strategy),
            ))
        })
    }

    /// Refuses what no target of the plan can ever serve.
    fn refuse_unservable(&mut self, router: &Router, arrival: &Arrival) -> Result<(), Refusal> {
        let Some(order) = &self.order else {
            return Ok(());
        };
        if order.itinerary.steps.is_empty() {
            if order.dropped.is_empty() {
                let message = "no arm of the plan is for this request".to_owned();
                return Err(Refusal::new(503, "no_target_available", message));
            }
            self.candidates.clone_from(&order.dropped);
        }
        let mut lacking = Features::default();
        let mut widest = 0;
        let mut reasons = Candidates::new();
        let tried = order.itinerary.steps.iter().map(|step| step.target);
        let tried = tried.map(|target| (target, cannot(router, arrival, target)));
        for (target, reason) in tried.chain(order.dropped.iter().cloned()) {
            match reason {
                Some(PassedOver::Lacks(features)) => lacking = lacking.with(features),
                Some(PassedOver::Window(window)) => widest = widest.max(window),
                _ => return Ok(()),
            }
            reasons.push((target, reason));
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
            p50: live.p50(id),
            p95: live.p95(id),
            p99: live.p99(id),
            error_rate: live.error_rate(id),
            health: live.health(id),
            breaker: state.position(now).word(),
            score: state.score(now),
            inflight: live.inflight(id),
            headroom: live.headroom(id),
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
