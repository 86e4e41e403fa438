//! Requests that pick from steps laid once take the way that would be laid for each of them alone.
#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot set itself up should fail loudly"
)]

#[path = "shared/fleet.rs"]
#[expect(dead_code, reason = "not all of it is wanted here")]
mod fleet;
#[path = "shared/ride.rs"]
#[expect(dead_code, reason = "not all of it is wanted here")]
mod ride;

use fleet::{FLEET, compiled, request};
use mux_dsl::image::{
    Arm, Attempt, By, Fallback, Features, Filter, GuardId, Listed, Outcomes, Quantile, Route,
    TargetId, Terms, Timeouts,
};
use mux_routing::arrival::Arrival;
use mux_routing::class::Class;
use mux_routing::itinerary::{Itinerary, Layout, Next};
use mux_routing::order::Order;
use mux_routing::router::{Memory, Router};
use proptest::prelude::*;
use std::sync::Arc;

/// Conditions of arms, by their numbers: about the prompt's length and about images.
const CONDITIONS: &str = "
policy @x {
  else use fallback {
    try p/a when tokens > 500
    try p/b when has images
    try p/c
  }
}
";

fn router(route: Route) -> Arc<Router> {
    let mut image = compiled(&format!("{FLEET}{CONDITIONS}"));
    image.plans[0].route = route;
    Arc::new(Router::new(
        Arc::new(image),
        "v",
        &Memory::default(),
        |target| (target == TargetId(1)).then(|| "it has no credential".to_owned()),
    ))
}

fn arm() -> impl Strategy<Value = (Option<GuardId>, u32)> {
    let when = prop::option::weighted(0.3, (0..2_u32).prop_map(GuardId));
    (when, 0..4_u32)
}

fn made(route: Route, (when, weight): (Option<GuardId>, u32)) -> Arm {
    Arm {
        when,
        weight,
        ..Arm::of(route)
    }
}

fn terms() -> impl Strategy<Value = Terms> {
    let throttled = Outcomes {
        statuses: vec![429],
        ..Outcomes::default()
    };
    let within = prop::option::of(1_000..9_000_u64);
    let on = prop::option::of(Just(throttled));
    (within, on, any::<bool>()).prop_map(|(within, on, resume)| Terms {
        within,
        on,
        resume,
        ..Terms::default()
    })
}

fn leaf() -> impl Strategy<Value = Route> {
    (0..3_u32).prop_map(|target| {
        Route::Attempt(Attempt {
            target: TargetId(target),
            timeouts: Timeouts::default(),
            retry: None,
        })
    })
}

/// Chains of lists of single targets, as deep as people write them.
fn route() -> impl Strategy<Value = Route> {
    leaf().prop_recursive(3, 16, 4, |inner| {
        let by = prop_oneof![
            Just(By::Cost),
            Just(By::Weight),
            (0..10_000_u32).prop_map(|share| By::Latency(Quantile::P95, 1, share))
        ];
        let filter = prop::option::of(Just(Filter::Can(Features::AUDIO)));
        let arms = prop::collection::vec((leaf(), arm()), 1..5);
        let otherwise = prop::option::of(inner.clone());
        let listed = (by, filter, arms, otherwise, terms());
        let listed = listed.prop_map(|(by, filter, arms, otherwise, terms)| {
            Route::Listed(Listed {
                by,
                filter,
                arms: arms
                    .into_iter()
                    .map(|(route, arm)| made(route, arm))
                    .collect(),
                otherwise: otherwise.map(Box::new),
                terms,
            })
        });
        let tries = prop::collection::vec((inner, arm()), 1..4);
        let chain = (tries, terms()).prop_map(|(tries, terms)| {
            let tries = tries.into_iter();
            Route::Fallback(Fallback {
                tries: tries.map(|(route, arm)| made(route, arm)).collect(),
                terms,
            })
        });
        prop_oneof![listed, chain]
    })
}

/// Everything that a flight reads of its way.
fn read(way: &Itinerary) -> impl PartialEq + std::fmt::Debug + use<> {
    let steps = way.steps().map(|(place, step)| {
        let around = way.around(place).filter_map(|g| way.group(g));
        let around: Vec<_> = around.map(|g| (g.within, g.on.clone(), g.resume)).collect();
        let after: Vec<Next> = [
            (Class::Server, 500),
            (Class::RateLimited, 429),
            (Class::InvalidRequest, 400),
        ]
        .map(|(class, status)| way.after(place, class, Some(status)))
        .into();
        let late: Vec<Next> = way.around(place).map(|g| way.after_group(g)).collect();
        (
            step.target,
            step.timeouts,
            step.breaker,
            around,
            after,
            late,
        )
    });
    steps.collect::<Vec<_>>()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_picked_is_what_would_be_laid(route in route(), seed: u64, long: bool, images: bool) {
        let router = router(route.clone());
        let mut arrival: Arrival = request("@x");
        arrival.seed = seed;
        arrival.facts.tokens = if long { 1_000 } else { 100 };
        arrival.needs = if images { Features::IMAGES } else { Features::default() };
        let live = router.live(arrival.now);
        let plan = mux_dsl::image::PlanId(0);
        let laid = Order::of(&route, &router, &arrival, &live);
        let picked = match router.layout(plan) {
            Some(Layout::Fixed(way)) => Order::fixed(way.clone()),
            Some(Layout::Picked(all)) => Order::picked(all, &route, &router, &arrival, &live),
            other => panic!("{other:?}"),
        };
        prop_assert_eq!(read(&picked.itinerary), read(&laid.itinerary));
        prop_assert_eq!(picked.costs, laid.costs);
        prop_assert_eq!(picked.dropped, laid.dropped);
        prop_assert_eq!(picked.itinerary.len(), laid.itinerary.len());
    }
}
