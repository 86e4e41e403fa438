//! Three targets of one provider and one of another, plans over them, figures that are told, and the order of a request.

use mux_dsl::image::{
    Arm, Attempt, BasisPoints, By, Listed, Millis, Quantile, Route, Split, Sticky, TargetId, Terms,
    Timeouts,
};
use mux_dsl::request::{HealthState, Live, Request};
use mux_routing::SECOND;
use mux_routing::admission::Admission;
use mux_routing::candidate::Candidates;
use mux_routing::figure::Gauges;
use mux_routing::flight::Arrival;
use mux_routing::refusal::Refusal;
use mux_routing::router::{Memory, Router};
use mux_traffic::record::Facts;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const A: TargetId = TargetId(0);
pub(crate) const B: TargetId = TargetId(1);
pub(crate) const C: TargetId = TargetId(2);
pub(crate) const D: TargetId = TargetId(3);

/// `a` is cheap to ask, `b` cheap to listen to, `c` dear, and of `d` the price is not known.
pub(crate) const BUNDLE: &str = r"
provider p {
  kind openai
  regions eu
  key env KEY
  model a {
    context 10k
    price input $1/Mtok output $20/Mtok
    can tools images json-schema streaming
    tier economy
  }
  model b {
    context 10k
    price input $2/Mtok output $1/Mtok
    can tools images json-schema streaming
    tier standard
  }
  model c {
    context 100k
    price input $9/Mtok output $90/Mtok
    can tools images json-schema audio streaming
    tier frontier
  }
}
provider q {
  kind openai
  key env KEY
  model d {
    context 10k
    can tools images json-schema streaming
  }
}
policy @x {
  else use p/a
}
";

/// Live figures that are told.
#[derive(Clone, Default)]
pub(crate) struct Told {
    pub(crate) p50: BTreeMap<TargetId, Millis>,
    pub(crate) p95: BTreeMap<TargetId, Millis>,
    pub(crate) inflight: BTreeMap<TargetId, u32>,
    pub(crate) error_rate: BTreeMap<TargetId, BasisPoints>,
    pub(crate) down: Vec<TargetId>,
}

impl Live for Told {
    fn p50(&self, target: TargetId) -> Option<Millis> {
        self.p50.get(&target).copied()
    }
    fn p95(&self, target: TargetId) -> Option<Millis> {
        self.p95.get(&target).copied()
    }
    fn p99(&self, _: TargetId) -> Option<Millis> {
        None
    }
    fn error_rate(&self, target: TargetId) -> Option<BasisPoints> {
        self.error_rate.get(&target).copied()
    }
    fn inflight(&self, target: TargetId) -> u32 {
        self.inflight.get(&target).copied().unwrap_or(0)
    }
    fn breaker_open(&self, _: TargetId) -> bool {
        false
    }
    fn headroom(&self, _: TargetId) -> Option<BasisPoints> {
        None
    }
    fn health(&self, target: TargetId) -> HealthState {
        if self.down.contains(&target) {
            HealthState::Down
        } else {
            HealthState::Ok
        }
    }
    fn used(&self, _: mux_dsl::image::BudgetId, _: &Request<'_>) -> BasisPoints {
        0
    }
}

impl Gauges for Told {}

/// A gateway of one policy, `@x`, that always takes this route.
pub(crate) fn router(route: Route) -> Arc<Router> {
    router_with(route, &Memory::default())
}

pub(crate) fn router_with(route: Route, memory: &Memory) -> Arc<Router> {
    let compiled = mux_dsl::compile(&["t.mux"], &mut |_| Ok(BUNDLE.into()), &|_| true);
    let shown = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
    let mut image = compiled.image.unwrap_or_else(|| panic!("{shown}"));
    image.plans[0].route = route;
    Arc::new(Router::new(Arc::new(image), "v", memory, |_| None))
}

pub(crate) fn attempt(target: TargetId) -> Attempt {
    Attempt {
        target,
        timeouts: Timeouts::default(),
        retry: None,
    }
}

pub(crate) fn to(target: TargetId) -> Arm {
    Arm::of(Route::Attempt(attempt(target)))
}

pub(crate) fn weighing(target: TargetId, weight: u32) -> Arm {
    Arm {
        weight,
        ..to(target)
    }
}

pub(crate) fn list(by: By, targets: &[TargetId]) -> Listed {
    Listed {
        by,
        filter: None,
        arms: targets.iter().copied().map(to).collect(),
        otherwise: None,
        terms: Terms::default(),
    }
}

pub(crate) fn cheapest(targets: &[TargetId]) -> Listed {
    list(By::Cost, targets)
}

pub(crate) fn fastest(explore: BasisPoints, targets: &[TargetId]) -> Listed {
    list(By::Latency(Quantile::P95, 60_000, explore), targets)
}

pub(crate) fn split(salt: &str, arms: &[(BasisPoints, TargetId)]) -> Route {
    Route::Split(Split {
        by: vec![Sticky::EndUser],
        salt: salt.into(),
        arms: arms
            .iter()
            .map(|(share, target)| (*share, to(*target)))
            .collect(),
    })
}

pub(crate) fn request(seed: u64) -> Arrival {
    Arrival {
        id: format!("req_{seed}"),
        seed,
        at: 1_767_614_400_000,
        now: 100 * SECOND,
        facts: Facts {
            model: "@x".to_owned(),
            tokens: 1_000,
            streaming: true,
            ..Facts::default()
        },
        ..Arrival::default()
    }
}

pub(crate) fn of_user(name: &str) -> Arrival {
    let mut arrival = request(1);
    arrival.facts.end_user = Some(name.to_owned());
    arrival
}

pub(crate) fn admit(
    router: &Arc<Router>,
    arrival: &Arrival,
    live: &Told,
) -> (Admission, Option<Refusal>) {
    let mut admission = Admission::default();
    let decided = admission.decide(router, arrival, live, &mut Candidates::new());
    (admission, decided.err())
}

pub(crate) fn order(router: &Arc<Router>, arrival: &Arrival, live: &Told) -> Vec<TargetId> {
    let (admission, _) = admit(router, arrival, live);
    let itinerary = admission.itinerary().expect("it is admitted");
    itinerary.steps().map(|(_, step)| step.target).collect()
}

pub(crate) fn plain(router: &Arc<Router>, arrival: &Arrival) -> Vec<TargetId> {
    order(router, arrival, &Told::default())
}

pub(crate) fn counted(route: Route, users: u32) -> BTreeMap<TargetId, u32> {
    let router = router(route);
    let mut counts = BTreeMap::new();
    for user in 0..users {
        *counts
            .entry(plain(&router, &of_user(&format!("user-{user}")))[0])
            .or_default() += 1;
    }
    counts
}
