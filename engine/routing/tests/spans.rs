//! Figures over more than the last minute, where a policy asks for them.
#![expect(
    clippy::panic,
    clippy::expect_used,
    reason = "a test that cannot set itself up should fail loudly"
)]

#[path = "shared/fleet.rs"]
#[expect(dead_code, reason = "not all of it is wanted here")]
mod fleet;
#[path = "shared/ride.rs"]
#[expect(dead_code, reason = "not all of it is wanted here")]
mod ride;

use fleet::{A, B, request, router};
use mux_dsl::image::TargetId;
use mux_dsl::request::{HealthState, Live};
use mux_routing::breaker::{Permit, Rule};
use mux_routing::chance::Chance;
use mux_routing::class::Class;
use mux_routing::flight::Flight;
use mux_routing::router::Router;
use mux_routing::target::{Ended, Load};
use mux_routing::{MILLI, Nanos, SECOND};
use std::sync::Arc;

const MINUTE: Nanos = 60 * SECOND;

/// One attempt a second from one minute on until another.
fn attempts(
    router: &Router,
    target: TargetId,
    minutes: std::ops::Range<u64>,
    outcome: Option<u64>,
) {
    let state = router.state(target).expect("it is declared");
    for second in minutes.start * 60..minutes.end * 60 {
        let (start, load, rule) = (second * SECOND, Load::default(), Rule::default());
        assert!(state.begin(load, None, start));
        let (now, class) = match outcome {
            Some(ms) => (start + ms * MILLI, Class::Ok),
            None => (start, Class::Server),
        };
        if outcome.is_some() {
            state.first_content(load, start, Permit::Free, &rule, now);
        }
        let ended = Ended {
            start,
            load,
            waited: outcome.is_none(),
            class,
            permit: Permit::Free,
            retry_after: None,
        };
        state.settle(&ended, &rule, now, &mut Chance::new(second));
    }
}

/// A span, the 95th percentile, and the share of failures.
type Said = (u64, Option<u64>, Option<u32>);

/// Who is asked first at a minute, and what the record says of spans.
fn asked(router: &Arc<Router>, minute: u64) -> (TargetId, Vec<Said>) {
    let mut arrival = request("@x");
    arrival.now = minute * MINUTE;
    let flight = Flight::new(router, arrival, &router.live(minute * MINUTE));
    let order = flight.admission().order.as_ref().expect("it is admitted");
    let first = order.itinerary.step(0).expect("somebody is asked").target;
    let record = flight.record();
    let called = record.live.iter().filter(|f| f.target != "p/c");
    let over = called.flat_map(|figures| &figures.over);
    let over = over.map(|over| (over.span_ms, over.p95_ms, over.error_rate));
    (first, over.collect())
}

/// `a` was slow for a while, nine to five minutes ago; `b` has always been in between.
fn uneven(over: &str) -> Arc<Router> {
    let router = router(&format!(
        "policy @x {{\n  else use fastest by p95 over {over} explore 0% {{\n    p/a\n    p/b\n  }}\n}}\n"
    ));
    attempts(&router, A, 1..5, Some(4_000));
    attempts(&router, A, 5..10, Some(200));
    attempts(&router, B, 1..10, Some(900));
    router
}

#[test]
fn the_fastest_is_the_fastest_over_the_span_that_is_written() {
    let short = uneven("1m");
    assert_eq!(asked(&short, 10), (A, vec![]));
    let long = uneven("10m");
    let (first, over) = asked(&long, 10);
    assert_eq!(first, B);
    let near = |told: Option<u64>, ms: u64| told.is_some_and(|t| t.abs_diff(ms) < ms / 20);
    let [a, b] = over.as_slice() else {
        panic!("{over:?}")
    };
    assert!(
        a.0 == 600_000 && near(a.1, 4_000) && near(b.1, 900),
        "{over:?}"
    );
    assert_eq!((a.2, b.2), (Some(0), Some(0)));
    assert_eq!(
        asked(&long, 13).0,
        B,
        "the last minute that was slow is the tenth"
    );
    assert_eq!(asked(&long, 14).0, A, "and now it is out");
}

#[test]
fn what_is_longer_ago_than_a_span_counts_no_more() {
    let router = uneven("1h");
    for (minute, known) in [(59, true), (80, false)] {
        let (_, over) = asked(&router, minute);
        assert!(over.iter().all(|o| o.1.is_some() == known), "{over:?}");
    }
}

#[test]
fn a_canary_ends_by_what_its_trial_did_over_ten_minutes() {
    let router = router(
        "policy @x {\n  else use canary by key {\n    base p/a\n    100% p/b\n    abort when error_rate > 2% over 10m\n  }\n}\n",
    );
    attempts(&router, B, 1..8, Some(300));
    assert_eq!(asked(&router, 8).0, B);
    attempts(&router, B, 8..9, None);
    attempts(&router, B, 9..14, Some(300));
    assert_eq!(
        asked(&router, 14).0,
        A,
        "60 of 780, and none in the last minute"
    );
    attempts(&router, B, 14..21, Some(300));
    assert_eq!(asked(&router, 21).0, B);
}

#[test]
fn health_is_judged_over_the_spans_that_are_written() {
    let router = router(
        "health {\n  degraded when p95 > 3s over 5m\n  down when error_rate > 20% over 15m\n}\npolicy @x { else use p/a }\n",
    );
    let health = |target, minute: u64| router.live(minute * MINUTE).health(target);
    attempts(&router, A, 1..3, Some(4_000));
    attempts(&router, A, 3..5, Some(300));
    assert_eq!(health(A, 5), HealthState::Degraded);
    attempts(&router, A, 5..9, Some(300));
    assert_eq!(health(A, 9), HealthState::Ok);
    attempts(&router, B, 1..4, None);
    attempts(&router, B, 4..10, Some(300));
    assert_eq!(
        health(B, 10),
        HealthState::Down,
        "a third of the last quarter of an hour"
    );
    attempts(&router, B, 10..20, Some(300));
    assert_eq!(health(B, 20), HealthState::Ok);
}

#[test]
fn an_operator_who_knows_that_it_is_well_again_is_believed() {
    let router =
        router("health {\n  down when error_rate > 20% over 15m\n}\npolicy @x { else use p/a }\n");
    attempts(&router, A, 1..3, None);
    assert_eq!(router.live(3 * MINUTE).health(A), HealthState::Down);
    router.state(A).expect("it is declared").reset(3 * MINUTE);
    let later = 3 * MINUTE + 2 * SECOND;
    assert_eq!(router.live(later).health(A), HealthState::Ok);
}
