//! Budgets and limits: what is charged, set aside, refused and given back.
#![expect(
    clippy::panic,
    reason = "a test that cannot set itself up should fail loudly"
)]

#[path = "shared/fleet.rs"]
#[expect(dead_code, reason = "not all of it is wanted here")]
mod fleet;
#[path = "shared/ride.rs"]
mod ride;

use fleet::{A, B, CHAIN, FLEET, compiled, request, router, router_with};
use mux_dsl::image::RateUnit;
use mux_routing::SECOND;
use mux_routing::class::Class;
use mux_routing::flight::{End, Event, Flight};
use mux_routing::router::{Memory, Router};
use mux_traffic::record::Usage;
use ride::Ride;
use std::sync::Arc;

#[test]
fn a_saved_policy_does_not_refund_a_budget() {
    let policy = "budget pot { cap $0.0002/day }\npolicy @x {\n charge pot\n else use p/a\n}";
    let memory = Memory::default();
    // 100 input tokens at $1/Mtok and 10 output tokens at $10/Mtok: $0.0002.
    Ride::new(&router_with(policy, &memory), request("@x")).serve();
    let saved = router_with(&policy.replace("0.0002", "0.0003"), &memory);
    Ride::new(&saved, request("@x")).serve();
    let ride = Ride::new(&router_with(policy, &memory), request("@x"));
    assert_eq!(ride.refused(), (429, "budget_exhausted"));
    assert!(ride.flight.attempts().is_empty());
}

#[test]
fn a_policy_that_asks_about_a_budget_decides_itself() {
    let policy = "budget pot { cap $0.0001/day }\npolicy @x {\n charge pot\n when used of budget pot >= 100% use p/b\n else use p/a\n}";
    let router = router(policy);
    Ride::new(&router, request("@x")).serve();
    let mut ride = Ride::new(&router, request("@x"));
    assert_eq!(ride.targets(), [B]);
    assert_eq!(ride.serve().flight.record().used["pot"], 20_000);
}

#[test]
fn a_limit_refuses_with_the_time_to_wait() {
    let router =
        router("limit slow { 2 requests/min per key }\npolicy @x {\n limit slow\n else use p/a\n}");
    Ride::new(&router, request("@x")).serve();
    Ride::new(&router, request("@x")).serve();
    let ride = Ride::new(&router, request("@x"));
    assert_eq!(ride.refused(), (429, "limit_reached"));
    let Some(End::Refused(refusal)) = ride.flight.end() else {
        panic!("not refused")
    };
    assert_eq!(refusal.retry_after, Some(30 * SECOND));
}

#[test]
fn a_count_that_cannot_be_true_does_not_empty_a_budget() {
    let router = router("budget pot { cap $1/day }\npolicy @x {\n charge pot\n else use p/a\n}");
    let mut ride = Ride::new(&router, request("@x"));
    let absurd = Usage {
        input: 1 << 63,
        output: 1 << 63,
        ..Usage::default()
    };
    ride.on(Event::Head(0, 200))
        .on(Event::Content(0))
        .on(Event::Done(0, Some(absurd)));
    assert!(ride.flight.attempts()[0].usage.expect("counted").estimated);
    assert_eq!(Ride::new(&router, request("@x")).targets(), [A]);
}

/// `@x` of [`CHAIN`], with one request in flight at a time.
fn one_at_a_time() -> Arc<Router> {
    let text = format!("{FLEET}limit one {{\n  1 requests/min per key\n}}\n{CHAIN}");
    let text = text.replace("policy @x {", "policy @x {\n  limit one\n ");
    let text = text.replace(" else use plan chain }", " else use plan chain\n}");
    let mut image = compiled(&text);
    for rate in image.fleet.limits.iter_mut().flat_map(|l| &mut l.rates) {
        rate.unit = RateUnit::Concurrent;
    }
    let memory = Memory::default();
    Arc::new(Router::new(Arc::new(image), "v", &memory, |_| None))
}

#[test]
fn a_place_in_flight_is_free_again_however_the_flight_ends() {
    let router = one_at_a_time();
    let taken = |router: &Arc<Router>| {
        let ride = Ride::new(router, request("@x"));
        match ride.flight.end() {
            Some(End::Refused(refusal)) => {
                assert_eq!(refusal.code, "limit_reached");
                assert_eq!(refusal.retry_after, Some(SECOND));
                true
            }
            _ => false,
        }
    };
    let ends: [fn(&mut Ride) -> &mut Ride; 4] = [
        |ride| ride.on(Event::Connected(0)).serve(),
        |ride| ride.on(Event::ClientGone),
        |ride| ride.fail(Class::InvalidRequest, 400),
        |ride| ride.pass(600 * SECOND),
    ];
    for end in ends {
        let mut ride = Ride::new(&router, request("@x"));
        assert!(ride.flight.end().is_none() && taken(&router));
        end(&mut ride);
        assert!(ride.flight.end().is_some());
        // The flight that is over still lives, as one that waits to be recorded does.
        assert!(!taken(&router));
    }
    let arrival = request("@x");
    let unflown = Flight::new(&router, arrival, &router.live(0));
    assert!(taken(&router));
    drop(unflown);
    assert!(!taken(&router));
}

#[test]
fn a_hard_budget_keeps_what_an_attempt_may_cost_and_its_cap_is_never_passed() {
    // At worst 1.1 · 1,000 tokens at $1 and 100 at $10: $0.0021 a request. The cap holds two of them.
    let router = router(
        "budget b {\n  cap $0.005/day\n  mode hard\n}\npolicy @x {\n  charge b\n  else use fallback within 60s {\n    try p/a\n    try p/b\n  }\n}\n",
    );
    let arrival = || {
        let mut arrival = request("@x");
        arrival.facts.tokens = 1_000;
        arrival.facts.output_limit = Some(100);
        arrival
    };
    let mut rides: Vec<Ride> = (0..2).map(|_| Ride::new(&router, arrival())).collect();
    let third = Ride::new(&router, arrival());
    let Some(End::Refused(refusal)) = third.flight.end() else {
        panic!("the cap could be passed: {:?}", third.flight.end());
    };
    assert_eq!((refusal.status, refusal.code), (429, "budget_exhausted"));
    assert!(
        refusal.message.contains("budget `b`"),
        "{}",
        refusal.message
    );
    let used = Usage {
        input: 1_000,
        output: 10,
        ..Usage::default()
    };
    for ride in &mut rides {
        ride.on(Event::Done(0, Some(used)));
        assert!(matches!(ride.flight.end(), Some(End::Served(0))));
    }
    // They did cost $0.0011 each: there is room again.
    let fourth = Ride::new(&router, arrival());
    assert_eq!(fourth.flight.end(), None);
}

#[test]
fn a_hard_budget_is_not_spent_on_what_has_no_price() {
    let router = router(
        "provider q {\n  kind openai\n  key env KEY\n  model free { output 1k }\n}\nbudget b {\n  cap $5/day\n  mode hard\n}\npolicy @x {\n  charge b\n  else use fallback within 60s {\n    try q/free\n    try p/c\n  }\n}\n",
    );
    let mut arrival = request("@x");
    arrival.facts.output_limit = Some(100);
    let ride = Ride::new(&router, arrival);
    let called: Vec<_> = ride.flight.attempts().iter().map(|a| a.target).collect();
    assert_eq!(called.len(), 1);
    assert_eq!(router.name(called[0]), "p/c");
}
