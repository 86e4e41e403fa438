//! What is decided about a request before anything is called: the way it takes, the limits it is held to, the budgets it
//! is charged to.

use crate::arrival::Arrival;
use crate::candidate::{Candidates, PassedOver, cannot};
use crate::figure::{self, Figures, Gauges, Known};
use crate::history::Measured;
use crate::itinerary::{Itinerary, Layout};
use crate::order::Order;
use crate::rate::Places;
use crate::refusal::Refusal;
use crate::router::{Router, Way};
use crate::{MILLI, Nanos};
use mux_dsl::image::{BudgetId, Features, LimitId, PlanId, Policy, RuleId, TargetId, Verdict};
use mux_dsl::request::Request;
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

/// Everything the decision rests on, and what it was.
#[derive(Debug, Default)]
pub struct Admission {
    /// Where the client's `model` leads.
    pub way: Option<Way>,
    /// What the policy said, where one was asked.
    pub decided: Option<Decided>,
    /// Live figures of every target, whether or not this policy reads them.
    pub figures: Figures,
    /// Spent shares of every budget, basis points.
    pub used: SmallVec<[u32; 4]>,
    /// Figures of every target over every longer span of [`Router::spans`].
    pub longer: Vec<Measured>,
    /// The way through the plan, where the request is admitted.
    pub order: Option<Order>,
    /// Places in limits on what is in flight, kept until the flight is over.
    pub places: Places,
}

impl Admission {
    /// Decides, in place: it is large, and every request makes one. Targets that cannot serve are noted where none can.
    ///
    /// # Errors
    /// Why the request is refused.
    pub fn decide<L: Gauges>(
        &mut self,
        router: &Router,
        arrival: &Arrival,
        live: &L,
        passed_over: &mut Candidates,
    ) -> Result<(), Refusal> {
        figure::read(router, live, arrival.decided(), &mut self.figures);
        self.longer = figure::read_longer(router, live);
        let budgets = u32::try_from(router.fleet().budgets.len()).unwrap_or(0);
        if budgets > 0 {
            let used = |request: &Request<'_>| {
                (0..budgets).for_each(|i| self.used.push(live.used(BudgetId(i), request)));
            };
            arrival.request(used);
        }
        let way = router.resolve(&arrival.facts.model)?;
        self.way = Some(way);
        match way {
            Way::Policy(policy) => {
                let ask = |request: &Request<'_>| {
                    keep(
                        router,
                        &router.image().decide(policy, request, &self.known(router)),
                    )
                };
                let (decided, denied) = arrival.request(ask);
                self.decided = Some(decided);
                let mut limits: SmallVec<[LimitId; 4]> = SmallVec::new();
                for policy in self.policies(router) {
                    limits.extend_from_slice(&policy.limits);
                }
                if !limits.is_empty() {
                    limits.sort_unstable();
                    limits.dedup();
                    let limits = limits.iter().copied();
                    self.places = arrival
                        .request(|request| router.take(limits, request, arrival.decided()))?;
                }
                denied.map_or(Ok(()), Err)?;
            }
            Way::Direct(_) => {
                let limits =
                    (0..u32::try_from(router.fleet().limits.len()).unwrap_or(0)).map(LimitId);
                self.places =
                    arrival.request(|request| router.take(limits, request, arrival.decided()))?;
            }
        }
        self.refuse_spent(router)?;
        self.order = self.lay(router, arrival);
        self.refuse_unservable(router, arrival, passed_over)
    }

    fn known<'s>(&'s self, router: &'s Router) -> Known<'s> {
        Known {
            figures: &self.figures,
            used: &self.used,
            spans: router.spans(),
            longer: &self.longer,
        }
    }

    /// What is tried, in order.
    #[must_use]
    pub fn itinerary(&self) -> Option<Itinerary> {
        self.order.as_ref().map(|order| order.itinerary.clone())
    }

    fn lay(&self, router: &Router, arrival: &Arrival) -> Option<Order> {
        let fixed = |itinerary: &Itinerary| Order::fixed(itinerary.clone());
        let plan = match self.way? {
            Way::Direct(target) => return router.straight(target).map(fixed),
            Way::Policy(_) => self.decided.as_ref()?.plan?,
        };
        let route = &router.image().plans.get(plan.index())?.route;
        Some(match router.layout(plan)? {
            Layout::Fixed(itinerary) => fixed(itinerary),
            Layout::Picked(all) => Order::picked(all, route, router, arrival, &self.known(router)),
            Layout::Own => Order::of(route, router, arrival, &self.known(router)),
        })
    }

    /// Budgets the request is charged to: those its policies name, or all of them where it names a deployment. What mux
    /// asks on its own is charged to nobody.
    #[must_use]
    pub fn charges(&self, router: &Router) -> SmallVec<[BudgetId; 4]> {
        if self.way.is_none() {
            return SmallVec::new();
        }
        if self.decided.is_none() {
            return (0..u32::try_from(router.fleet().budgets.len()).unwrap_or(0))
                .map(BudgetId)
                .collect();
        }
        let mut charges: SmallVec<[BudgetId; 4]> = SmallVec::new();
        for policy in self.policies(router) {
            charges.extend_from_slice(&policy.charges);
        }
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

    fn policies<'s>(&'s self, router: &'s Router) -> impl Iterator<Item = &'s Policy> + Clone {
        let decided = self.decided.as_ref();
        let entered = decided.map_or(&[][..], |d| d.policies.as_slice());
        entered
            .iter()
            .filter_map(|p| router.image().policies.get(p.index()))
    }

    /// A spent budget refuses who names a deployment; of those who name a policy its rules decide.
    fn refuse_spent(&self, router: &Router) -> Result<(), Refusal> {
        if self.decided.is_some() {
            return Ok(());
        }
        let spent = |id: &BudgetId| {
            let used = self.used.get(id.index());
            used.is_some_and(|used| *used >= 10_000)
        };
        let found = self.charges(router).into_iter().find(spent);
        found.map_or(Ok(()), |id| Err(exhausted(router, id)))
    }

    /// Refuses what no target of the plan can ever serve.
    fn refuse_unservable(
        &self,
        router: &Router,
        arrival: &Arrival,
        passed_over: &mut Candidates,
    ) -> Result<(), Refusal> {
        let Some(order) = &self.order else {
            return Ok(());
        };
        if order.itinerary.is_empty() {
            if order.dropped.is_empty() {
                let message = "no arm of the plan is for this request".to_owned();
                return Err(Refusal::new(503, "no_target_available", message));
            }
            passed_over.extend(order.dropped.iter().cloned());
        }
        // Nearly always the first can, and nothing has to be gathered.
        let mut able = false;
        order.itinerary.each_target(&mut |target| {
            able = able || cannot(router, arrival, target).is_none();
        });
        if able {
            return Ok(());
        }
        let mut lacking = Features::default();
        let mut widest = 0;
        let mut reasons = Candidates::new();
        let mut targets = SmallVec::<[TargetId; 8]>::new();
        order
            .itinerary
            .each_target(&mut |target| targets.push(target));
        let tried = targets.into_iter();
        let tried = tried.map(|target| (target, cannot(router, arrival, target)));
        for (target, reason) in tried.chain(order.dropped.iter().cloned()) {
            match reason {
                Some(PassedOver::Lacks(features)) => lacking = lacking.with(features),
                Some(PassedOver::Window(window)) => widest = widest.max(window),
                _ => return Ok(()),
            }
            reasons.push((target, reason));
        }
        *passed_over = reasons;
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

/// A budget is spent.
fn exhausted(router: &Router, id: BudgetId) -> Refusal {
    let budget = router.fleet().budgets.get(id.index());
    let name = budget.map_or("?", |b| &b.name);
    let message = format!("budget `{name}` is spent");
    Refusal::new(429, "budget_exhausted", message)
}

/// Lets go of the bundle a decision borrows from.
fn keep(router: &Router, decision: &Decision<'_>) -> (Decided, Option<Refusal>) {
    let (plan, denied) = match decision.verdict {
        Verdict::Use(plan) => (Some(*plan), None),
        Verdict::Deny { status, message } => {
            let policy = decision.policies.as_slice().last();
            let policy = policy.and_then(|p| router.image().policies.get(p.index()));
            let rule = policy.and_then(|p| p.rules.get(decision.rule.index()));
            let refusal = match rule.and_then(|rule| rule.spent) {
                Some(budget) => exhausted(router, budget),
                None => Refusal::new(*status, "denied_by_policy", message.to_string()),
            };
            (None, Some(refusal))
        }
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
