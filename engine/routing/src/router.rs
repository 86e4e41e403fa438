//! Everything routing needs of one bundle, made once when it is loaded, and the memory that outlives bundles.

use crate::course::Course;
use crate::itinerary::Itinerary;
use crate::ledger::Ledger;
use crate::live::View;
use crate::rate::{Meter, Over, Places};
use crate::refusal::Refusal;
use crate::retry_budget::RetryBudget;
use crate::target::TargetState;
use crate::{Nanos, SECOND};
use mux_dsl::image::{
    Attempt, BudgetId, Fleet, LimitId, Plan, PlanId, PolicyId, Rate, RateUnit, TargetId, Timeouts,
};
use mux_dsl::request::Request;
use mux_dsl::{Demand, Image};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What is remembered across bundles: health by target, money by budget, rates by limit. Locked only while a bundle is
/// made, never by a request.
#[derive(Debug, Default)]
pub struct Memory {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    targets: HashMap<String, Arc<TargetState>>,
    ledgers: HashMap<String, Arc<Ledger>>,
    meters: HashMap<String, Arc<Meter>>,
    retries: Arc<RetryBudget>,
}

fn of<T: Default>(map: &mut HashMap<String, Arc<T>>, identity: String) -> Arc<T> {
    Arc::clone(map.entry(identity).or_default())
}

/// One bundle, ready to route.
#[derive(Debug)]
pub struct Router {
    image: Arc<Image>,
    version: Box<str>,
    demand: Demand,
    /// `None` where the order is each request's own.
    plans: Vec<Option<Arc<Itinerary>>>,
    direct: Vec<Arc<Itinerary>>,
    targets: Vec<Arc<TargetState>>,
    unavailable: Vec<Option<Box<str>>>,
    ledgers: Vec<Arc<Ledger>>,
    meters: Vec<Vec<Arc<Meter>>>,
    retries: Arc<RetryBudget>,
}

/// Where a client's `model` leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Through a policy.
    Policy(PolicyId),
    /// Straight to a deployment.
    Direct(TargetId),
}

impl Router {
    /// Makes a bundle ready. `unavailable` says why a target cannot be called at all: no credential, no adapter.
    #[must_use]
    pub fn new(
        image: Arc<Image>,
        version: &str,
        memory: &Memory,
        unavailable: impl Fn(TargetId) -> Option<String>,
    ) -> Self {
        let mut known = memory.known.lock().unwrap_or_else(PoisonError::into_inner);
        let fleet = &image.fleet;
        let targets = fleet.targets.iter().map(|t| {
            let p = fleet.providers.get(t.provider.index());
            of(
                &mut known.targets,
                format!(
                    "{} {:?} {}",
                    t.name,
                    p.map(|p| (&p.kind, &p.url, &p.key, &p.settings)),
                    t.model
                ),
            )
        });
        let targets = targets.collect();
        let ledgers = fleet
            .budgets
            .iter()
            .map(|b| of(&mut known.ledgers, format!("{} {:?}", b.name, b.per)))
            .collect();
        let meters = fleet.limits.iter().map(|limit| {
            let meters = limit.rates.iter().map(|r| {
                of(
                    &mut known.meters,
                    format!("{} {:?} {:?}", limit.name, r.unit, r.scope),
                )
            });
            meters.collect()
        });
        let meters = meters.collect();
        let ids = (0..u32::try_from(fleet.targets.len()).unwrap_or(u32::MAX)).map(TargetId);
        let straight = |target| {
            let attempt = Attempt {
                target,
                timeouts: Timeouts::default(),
                retry: None,
            };
            Arc::new(Itinerary::flat(Some(&Course::Attempt(&attempt)), fleet))
        };
        let fixed = |plan: &Plan| {
            let course = Course::of(&plan.route, &image.plans)?;
            Some(Arc::new(Itinerary::flat(Some(&course), fleet)))
        };
        Self {
            demand: image.demand(),
            plans: image.plans.iter().map(fixed).collect(),
            direct: ids.clone().map(straight).collect(),
            unavailable: ids.map(|t| unavailable(t).map(Into::into)).collect(),
            targets,
            ledgers,
            meters,
            retries: Arc::clone(&known.retries),
            version: version.into(),
            image,
        }
    }

    /// What all requests together may make of further attempts.
    #[must_use]
    pub fn retry_budget(&self) -> &RetryBudget {
        &self.retries
    }

    /// The bundle.
    #[must_use]
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// What can be called.
    #[must_use]
    pub fn fleet(&self) -> &Fleet {
        &self.image.fleet
    }

    /// What has to be read of a request for this bundle.
    #[must_use]
    pub fn demand(&self) -> &Demand {
        &self.demand
    }

    /// Version of the bundle.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Live figures as they stand.
    #[must_use]
    pub fn live(&self, now: Nanos) -> View<'_> {
        View {
            fleet: &self.image.fleet,
            targets: &self.targets,
            unavailable: &self.unavailable,
            ledgers: &self.ledgers,
            now,
        }
    }

    /// State of a target.
    #[must_use]
    pub fn state(&self, target: TargetId) -> Option<&TargetState> {
        self.targets.get(target.index()).map(AsRef::as_ref)
    }

    /// Why a target cannot be called at all.
    #[must_use]
    pub fn unavailable(&self, target: TargetId) -> Option<&str> {
        self.unavailable.get(target.index())?.as_deref()
    }

    /// Name of a target.
    #[must_use]
    pub fn name(&self, target: TargetId) -> &str {
        self.image
            .fleet
            .targets
            .get(target.index())
            .map_or("?", |t| &t.name)
    }

    /// A plan, laid flat; `None` where every request has an order of its own.
    #[must_use]
    pub fn plan(&self, plan: PlanId) -> Option<&Arc<Itinerary>> {
        self.plans.get(plan.index())?.as_ref()
    }

    /// The way straight to a target.
    #[must_use]
    pub fn straight(&self, target: TargetId) -> Option<&Arc<Itinerary>> {
        self.direct.get(target.index())
    }

    /// Where a client's `model` leads.
    ///
    /// # Errors
    /// 404, with what exists or the line to add.
    pub fn resolve(&self, model: &str) -> Result<Way, Refusal> {
        if let Some(name) = model.strip_prefix('@') {
            return self
                .image
                .policy(name)
                .map(Way::Policy)
                .ok_or_else(|| self.unknown(model));
        }
        if let Some(policy) = self.image.policy(model) {
            return Ok(Way::Policy(policy));
        }
        let mut deployments = self.image.deployments(model);
        let target = match (
            self.image.target(model),
            deployments.next(),
            deployments.next(),
        ) {
            (Some(exact), ..) => exact,
            (None, Some(only), None) => only,
            (None, Some(first), Some(second)) => {
                let (a, b) = (self.name(first), self.name(second));
                let message = format!(
                    "`{model}` is served by several providers: say which, such as `{a}` or `{b}`"
                );
                return Err(Refusal::new(404, "model_ambiguous", message).about("model"));
            }
            (None, None, _) => return Err(self.unknown(model)),
        };
        if self.image.fleet.direct {
            return Ok(Way::Direct(target));
        }
        let message = format!(
            "`{model}` is a deployment, and this gateway only takes policies{}; to let clients name deployments, add the line `allow direct` to a policy file",
            self.offered()
        );
        Err(Refusal::new(404, "direct_not_allowed", message).about("model"))
    }

    fn unknown(&self, model: &str) -> Refusal {
        Refusal::new(
            404,
            "model_not_found",
            format!("no policy or model called `{model}`{}", self.offered()),
        )
        .about("model")
    }

    fn offered(&self) -> String {
        let mut names: Vec<String> = self
            .image
            .policies
            .iter()
            .map(|p| format!("`@{}`", p.name))
            .collect();
        if names.len() > 8 {
            names.truncate(8);
            names.push("…".to_owned());
        }
        if names.is_empty() {
            String::new()
        } else {
            format!("; there is {}", names.join(", "))
        }
    }

    /// Takes a request from every rate of these limits, or from none. What comes back holds its places in limits on what
    /// is in flight.
    ///
    /// # Errors
    /// 429, naming the limit.
    pub fn take(
        &self,
        limits: impl Iterator<Item = LimitId> + Clone,
        request: &Request<'_>,
        now: Nanos,
    ) -> Result<Places, Refusal> {
        let rates = limits.filter_map(|id| {
            let limit = self.image.fleet.limits.get(id.index())?;
            Some((limit, self.meters.get(id.index())?))
        });
        let rates = rates.flat_map(|(limit, meters)| {
            limit
                .rates
                .iter()
                .zip(meters)
                .map(move |(rate, meter)| (limit, rate, meter))
        });
        let mut places = Places::default();
        for (taken, (limit, rate, meter)) in rates.clone().enumerate() {
            match meter.take(rate, request, now) {
                Ok(place) => place.into_iter().for_each(|place| places.keep(place)),
                Err(over) => {
                    for (_, rate, meter) in rates.take(taken) {
                        meter.give_back(rate, request, now);
                    }
                    return Err(reached(&limit.name, rate, over));
                }
            }
        }
        Ok(places)
    }

    /// Books the cost of an attempt.
    pub fn charge(
        &self,
        budgets: impl Iterator<Item = BudgetId>,
        request: &Request<'_>,
        amount: i64,
    ) {
        for id in budgets {
            if let (Some(ledger), Some(budget)) = (
                self.ledgers.get(id.index()),
                self.image.fleet.budgets.get(id.index()),
            ) {
                ledger.charge(budget, request, amount);
            }
        }
    }
}

/// A limit does not let a request pass.
fn reached(limit: &str, rate: &Rate, over: Over) -> Refusal {
    let (amount, seconds) = (rate.amount, rate.per / 1_000);
    let unit = match rate.unit {
        RateUnit::Requests | RateUnit::Concurrent => "requests",
        RateUnit::Tokens => "tokens",
    };
    let (message, wait) = match over {
        Over::Wait(wait) => (
            format!("limit `{limit}` is reached: {amount} {unit} in {seconds} s"),
            Some(wait),
        ),
        Over::Full => (
            format!("limit `{limit}` is reached: {amount} {unit} in flight"),
            Some(SECOND),
        ),
        Over::Never => (
            format!("this request alone is more than limit `{limit}` allows in {seconds} s"),
            None,
        ),
    };
    Refusal::new(429, "limit_reached", message).after(wait)
}
