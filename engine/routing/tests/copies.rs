//! Copies of requests that nobody waits for: `shadow`.
#![expect(
    clippy::panic,
    reason = "a test that cannot set itself up should fail loudly"
)]

#[path = "shared/fleet.rs"]
#[expect(dead_code, reason = "not all of it is wanted here")]
mod fleet;
#[path = "shared/ride.rs"]
#[expect(dead_code, reason = "not all of it is wanted here")]
mod ride;

use fleet::{B, request, router};
use mux_routing::SECOND;
use mux_routing::class::Class;
use mux_routing::flight::{Actions, Arrival, Flight};
use mux_routing::router::Router;
use ride::Ride;
use std::sync::Arc;

/// One that sends copies of so many requests of a hundred to `p/b`.
fn copied(share: u32) -> Arc<Router> {
    router(&format!(
        "policy @x {{\n  when tokens >= 0 {{\n    shadow {share}% p/b\n    else use p/a\n  }}\n  else use p/c\n}}\n"
    ))
}

#[test]
fn a_copy_is_a_flight_of_its_own_that_is_charged_and_retries_nothing() {
    let router = copied(100);
    let mut ride = Ride::new(&router, request("@x"));
    let copies: Vec<Flight> = ride.flight.copies().collect();
    assert!(
        copies.is_empty(),
        "a copy is made before the request sets off, or not at all"
    );
    let arrival = request("@x");
    let now = arrival.now;
    let flight = Flight::new(&router, arrival, &router.live(now));
    let mut copies: Vec<Flight> = flight.copies().collect();
    assert_eq!(copies.len(), 1);
    let mut copy = Ride {
        flight: copies.remove(0),
        now,
        actions: Vec::new(),
    };
    let mut out = Actions::new();
    copy.flight.start(now, &mut out);
    assert_eq!(copy.targets(), [B]);
    copy.fail(Class::Server, 500);
    assert_eq!(copy.targets(), [B], "a copy is not worth a retry");
    let record = copy.flight.record();
    assert_eq!(record.copy_of.as_deref(), Some("r"));
    assert_eq!(record.id, "r-copy1");
    ride.serve();
}

#[test]
fn a_share_of_the_requests_is_copied_and_chance_is_the_requests_own() {
    let router = copied(10);
    let copied = |seed| {
        let arrival = Arrival {
            seed,
            ..request("@x")
        };
        let flight = Flight::new(&router, arrival, &router.live(100 * SECOND));
        flight.copies().count()
    };
    let sum: usize = (0..10_000).map(copied).sum();
    assert!((900..1_100).contains(&sum), "{sum}");
    assert_eq!(copied(17), copied(17));
}
