//! Everything routing needs of one bundle, made once when it is loaded, and the memory that outlives bundles.

use crate::course::Course;
use crate::excess::Excess;
use crate::hedge_budget::HedgeBudget;
use crate::history::Spans;
use crate::itinerary::{Hedging, Itinerary, Layout};
use crate::ledger::{Entry, Ledger, Reservations, Reserved};
use crate::live::View;
use crate::price::{cost, cost_at};
use crate::ramp::Ramp;
use crate::rate::{Meter, Over, Places};
use crate::refusal::Refusal;
use crate::retry_budget::RetryBudget;
use crate::served::{List, Served};
use crate::sparing::Sparing;
use crate::target::TargetState;
use crate::{Nanos, SECOND};
use mux_dsl::image::{
    Attempt, BasisPoints, Budget, BudgetId, Canary, Fleet, LimitId, Millis, Pico, Plan, PlanId,
    PolicyId, Rate, RateUnit, Route, TargetId, Timeouts,
};
use mux_dsl::request::Request;
use mux_dsl::{Demand, Image};
use mux_traffic::record::Usage;
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
    hedges: HashMap<BasisPoints, Arc<HedgeBudget>>,
    ramps: HashMap<String, Arc<Ramp>>,
    sparing: Arc<Sparing>,
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
    plans: Vec<Layout>,
    direct: Vec<Itinerary>,
    targets: Vec<Arc<TargetState>>,
    excesses: Vec<Excess>,
    unavailable: Vec<Option<Box<str>>>,
    ledgers: Vec<Arc<Ledger>>,
    meters: Vec<Vec<Arc<Meter>>>,
    retries: Arc<RetryBudget>,
    hedges: HashMap<BasisPoints, Arc<HedgeBudget>>,
    /// Of a share that no hedge of the bundle has.
    unhedged: HedgeBudget,
    /// When canaries that grow began to, by [`address`].
    ramps: HashMap<usize, Arc<Ramp>>,
    /// The highest priority of its policies.
    foremost: u8,
    sparing: Arc<Sparing>,
    spans: Spans,
    /// `None` where no catalogue is at hand.
    served: Option<Served>,
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
        let targets: Vec<Arc<TargetState>> = targets.collect();
        let spans = Spans::of(&image);
        if !spans.all().is_empty() {
            for target in &targets {
                target.keep_history();
            }
        }
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
            Itinerary::flat(Some(&Course::Attempt(&attempt)), fleet)
        };
        let layout = |plan: &Plan| Layout::of(&plan.route, &image.plans, fleet);
        let (mut shares, mut growing) = (Vec::new(), Vec::new());
        for plan in &image.plans {
            plan.route.each(&mut |route| match route {
                Route::Hedge(hedge) => {
                    shares.push(Hedging::of(hedge, fleet.defaults.hedge_budget).budget);
                }
                Route::Canary(canary) if canary.ramp.is_some() => {
                    growing.push((address(canary), grown_as(canary)));
                }
                _ => {}
            });
        }
        let ramps = growing.into_iter();
        let ramps = ramps.map(|(address, identity)| (address, of(&mut known.ramps, identity)));
        let ramps = ramps.collect();
        let priorities = image.policies.iter().map(|p| p.priority);
        let foremost = priorities.max().unwrap_or_default();
        let hedges = shares.into_iter().map(|share| {
            let budget = known.hedges.entry(share);
            let budget = budget.or_insert_with(|| Arc::new(HedgeBudget::new(share)));
            (share, Arc::clone(budget))
        });
        Self {
            hedges: hedges.collect(),
            unhedged: HedgeBudget::new(0),
            ramps,
            foremost,
            demand: image.demand(),
            plans: image.plans.iter().map(layout).collect(),
            direct: ids.clone().map(straight).collect(),
            excesses: ids.clone().map(|_| Excess::default()).collect(),
            unavailable: ids.map(|t| unavailable(t).map(Into::into)).collect(),
            targets,
            ledgers,
            meters,
            retries: Arc::clone(&known.retries),
            sparing: Arc::clone(&known.sparing),
            spans,
            version: version.into(),
            image,
            served: None,
        }
    }

    /// The same bundle after a restart: everything is forgotten but what was spent, and nothing may be under way. The prices of
    /// models that answer in the place of others are to be given anew.
    #[must_use]
    pub fn restarted(&self) -> Self {
        let new = Self::new(
            Arc::clone(&self.image),
            &self.version,
            &Memory::default(),
            |target| self.unavailable(target).map(str::to_owned),
        );
        Self {
            ledgers: self.ledgers.clone(),
            ..new
        }
    }

    /// What was spent of every budget, in their order.
    #[must_use]
    pub fn spent(&self) -> Vec<Vec<Entry>> {
        self.ledgers.iter().map(|l| l.entries()).collect()
    }

    /// Goes on from what was spent.
    pub fn take_up(&self, spent: &[Vec<Entry>]) {
        for (ledger, entries) in self.ledgers.iter().zip(spent) {
            ledger.take_up(entries);
        }
    }

    /// With a catalogue of what models cost that answer in the place of those that were asked for.
    #[must_use]
    pub fn with_prices(mut self, list: List) -> Self {
        self.served = Some(Served::new(list, self.targets.len()));
        self
    }

    /// Cost of an answer of a target to a request that came at a moment, unix milliseconds; `None` where no price is known.
    /// What an operator wrote holds whichever model answered; else the one that did counts, if its price is known.
    #[must_use]
    pub fn cost(
        &self,
        target: TargetId,
        model: Option<&str>,
        usage: &Usage,
        at: i64,
    ) -> Option<Pico> {
        let of = self.fleet().targets.get(target.index())?;
        let written = of.price.is_some() && of.listed.is_none();
        let other = model.filter(|name| !written && *name != &*of.model);
        let listed = other.and_then(|name| {
            let kind = &self.fleet().providers.get(of.provider.index())?.kind;
            self.served.as_ref()?.price(target, kind, name)
        });
        let price = listed.and_then(|list| list.at(at, usage.input, usage.output > 0));
        match price {
            Some(price) => Some(cost(&price, usage)),
            None => cost_at(of, usage, at),
        }
    }

    /// What all requests together may make of further attempts.
    #[must_use]
    pub fn retry_budget(&self) -> &RetryBudget {
        &self.retries
    }

    /// What all hedges of one share together may send of duplicates.
    #[must_use]
    pub fn hedge_budget(&self, share: BasisPoints) -> &HedgeBudget {
        self.hedges
            .get(&share)
            .map_or(&self.unhedged, AsRef::as_ref)
    }

    /// Whether only what clients wait for is sent.
    #[must_use]
    pub fn sparing(&self) -> &Sparing {
        &self.sparing
    }

    /// The highest priority of its policies.
    #[must_use]
    pub fn foremost(&self) -> u8 {
        self.foremost
    }

    /// When a canary that grows began to; `None` where it does not grow.
    #[must_use]
    pub fn ramp(&self, canary: &Canary) -> Option<&Ramp> {
        canary.ramp.as_ref()?;
        self.ramps.get(&address(canary)).map(AsRef::as_ref)
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
            excesses: &self.excesses,
            unavailable: &self.unavailable,
            ledgers: &self.ledgers,
            spans: &self.spans,
            now,
        }
    }

    /// The spans of more than a minute that figures are asked of, milliseconds.
    #[must_use]
    pub fn spans(&self) -> &[Millis] {
        self.spans.all()
    }

    /// State of a target.
    #[must_use]
    pub fn state(&self, target: TargetId) -> Option<&TargetState> {
        self.targets.get(target.index()).map(AsRef::as_ref)
    }

    /// Whether one of its targets has this very state. Targets of one name have different ones where bundles reach them in
    /// different ways.
    #[must_use]
    pub fn shares(&self, state: &TargetState) -> bool {
        let mut own = self.targets.iter().map(Arc::as_ptr);
        own.any(|own| std::ptr::eq(own, state))
    }

    /// The target of a name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<TargetId> {
        let mut targets = self.fleet().targets.iter();
        let at = targets.position(|target| *target.name == *name)?;
        u32::try_from(at).ok().map(TargetId)
    }

    /// Most attempts in flight at a target.
    #[must_use]
    pub fn concurrency(&self, target: TargetId) -> Option<u32> {
        let fleet = self.fleet();
        let target = fleet.targets.get(target.index())?;
        let provider = fleet.providers.get(target.provider.index());
        let provider = provider.and_then(|p| p.concurrency);
        target
            .concurrency
            .or(provider)
            .or(fleet.defaults.concurrency)
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

    /// How a plan is laid.
    #[must_use]
    pub fn layout(&self, plan: PlanId) -> Option<&Layout> {
        self.plans.get(plan.index())
    }

    /// The way straight to a target.
    #[must_use]
    pub fn straight(&self, target: TargetId) -> Option<&Itinerary> {
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

    /// Keeps what an attempt may cost at worst, `None` where that is not known, of those budgets whose cap is never passed: of
    /// all of them, or of none.
    ///
    /// # Errors
    /// The first budget that does not hold it.
    pub fn reserve(
        &self,
        budgets: impl Iterator<Item = BudgetId>,
        request: &Request<'_>,
        worst: Option<Pico>,
    ) -> Result<Reservations, BudgetId> {
        let mut all = Reservations::new();
        for id in budgets {
            let Some((ledger, budget)) = self.account(id).filter(|(_, b)| b.hard) else {
                continue;
            };
            let kept = worst.and_then(|worst| ledger.reserve((id, budget), request, worst));
            let Some(kept) = kept else {
                self.settle(std::iter::empty(), &all, request, 0);
                return Err(id);
            };
            all.push(kept);
        }
        Ok(all)
    }

    /// Books the cost of an attempt, in the place of what was kept for it.
    pub fn settle(
        &self,
        budgets: impl Iterator<Item = BudgetId>,
        kept: &[Reserved],
        request: &Request<'_>,
        cost: Pico,
    ) {
        for kept in kept {
            if let Some((ledger, budget)) = self.account(kept.budget) {
                ledger.settle(budget, request, *kept, cost);
            }
        }
        for id in budgets.filter(|id| kept.iter().all(|kept| kept.budget != *id)) {
            if let Some((ledger, budget)) = self.account(id).filter(|_| cost > 0) {
                ledger.charge(budget, request, cost);
            }
        }
    }

    fn account(&self, id: BudgetId) -> Option<(&Ledger, &Budget)> {
        let ledger = self.ledgers.get(id.index())?;
        Some((ledger, self.image.fleet.budgets.get(id.index())?))
    }
}

/// What a canary is known by within its bundle: an image never moves, and a request should not have to write a name.
fn address(canary: &Canary) -> usize {
    std::ptr::from_ref(canary).addr()
}

/// What a canary is known by across bundles: the same trial of the same users goes on growing.
fn grown_as(canary: &Canary) -> String {
    format!(
        "{:?} {} {:?} {:?}",
        canary.by, canary.salt, canary.trial.route, canary.ramp
    )
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
