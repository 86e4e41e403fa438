//! What is told of targets: as old as it may be where they serve, and never older than their last failure.
#![expect(
    clippy::panic,
    reason = "a test that cannot set itself up should fail loudly"
)]

use mux_dsl::image::TargetId;
use mux_dsl::request::{HealthState, Live};
use mux_routing::breaker::{Permit, Rule};
use mux_routing::chance::Chance;
use mux_routing::class::Class;
use mux_routing::flight::{Arrival, Flight};
use mux_routing::router::{Memory, Router};
use mux_routing::target::{Ended, Load, TargetState};
use mux_routing::{MILLI, Nanos, SECOND};
use mux_traffic::record::Facts;
use std::sync::Arc;

const A: TargetId = TargetId(0);

/// One target, for which failures are of more than one kind: a share of ten seconds, and a share of a minute.
fn router(memory: &Memory) -> Arc<Router> {
    let text = "provider p {\n  kind openai\n  key env KEY\n  model a { price input $1/Mtok output $1/Mtok }\n}\n\
                health {\n  degraded when error_rate > 10% over 60s\n  down when error_rate > 50% over 10s\n}\n\
                policy @x {\n  when health of p/a is down deny 503 \"down\"\n  else use p/a\n}\n";
    let compiled = mux_dsl::compile(&["t.mux"], &mut |_| Ok(text.into()), &|_| true);
    let shown = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
    let image = compiled.image.unwrap_or_else(|| panic!("{shown}"));
    Arc::new(Router::new(Arc::new(image), "v", memory, |_| None))
}

fn state(router: &Router) -> &TargetState {
    router.state(A).unwrap_or_else(|| panic!("a target"))
}

fn ends(state: &TargetState, class: Class, now: Nanos) {
    assert!(state.begin(Load::default(), None, now));
    let ended = Ended {
        start: now,
        load: Load::default(),
        waited: true,
        class,
        permit: Permit::Free,
        retry_after: None,
    };
    // A breaker that never opens: what is looked at is the share of failures alone.
    let never = Rule {
        error_rate: 10_000,
        consecutive: 0,
        ..Rule::default()
    };
    state.settle(&ended, &never, now, &mut Chance::new(1));
}

fn decided(router: &Arc<Router>, now: Nanos) -> (String, String, Option<u32>) {
    let arrival = Arrival {
        now,
        facts: Facts {
            model: "@x".to_owned(),
            ..Facts::default()
        },
        ..Arrival::default()
    };
    let flight = Flight::new(router, arrival, &router.live(now));
    let record = flight.record();
    let verdict = record.decision.map(|d| d.verdict).unwrap_or_default();
    let [figures] = record.live.as_slice() else {
        panic!("one target")
    };
    (verdict, figures.health.clone(), figures.error_rate)
}

#[test]
fn every_failure_is_told_to_the_very_next_request() {
    let router = router(&Memory::default());
    let (state, now) = (state(&router), 100 * SECOND);
    for _ in 0..50 {
        ends(state, Class::Ok, now);
    }
    let mut shares = Vec::new();
    for failed in 1..=60_u32 {
        // Somebody has just asked, so that what was told before is fresh.
        assert_ne!(decided(&router, now).2, None);
        ends(state, Class::Server, now);
        let (verdict, health, rate) = decided(&router, now);
        let share = failed * 10_000 / (50 + failed);
        assert_eq!(rate, Some(share));
        let expected = match share {
            5_001.. => ("deny", "down"),
            1_001.. => ("use", "degraded"),
            _ => ("use", "ok"),
        };
        assert_eq!((&*verdict, &*health), expected, "{failed} failed");
        shares.push(health);
    }
    shares.dedup();
    assert_eq!(shares, ["ok", "degraded", "down"]);
}

#[test]
fn a_failure_under_one_bundle_is_told_under_another() {
    let memory = Memory::default();
    let (one, other) = (router(&memory), router(&memory));
    let now = 100 * SECOND;
    assert_eq!(other.live(now).health(A), HealthState::Ok);
    for _ in 0..5 {
        ends(state(&one), Class::Server, now);
    }
    assert_eq!(other.live(now).health(A), HealthState::Down);
    assert_eq!(other.live(now).error_rate(A), Some(10_000));
}

#[test]
fn that_it_serves_again_is_told_within_a_tenth_of_a_second() {
    let router = router(&Memory::default());
    let (state, now) = (state(&router), 100 * SECOND);
    for _ in 0..5 {
        ends(state, Class::Server, now);
    }
    let told = |after: Nanos| {
        let live = router.live(now + after);
        (live.health(A), live.error_rate(A))
    };
    assert_eq!(told(0), (HealthState::Down, Some(10_000)));
    for _ in 0..95 {
        ends(state, Class::Ok, now);
    }
    assert_eq!(told(100 * MILLI), (HealthState::Ok, Some(500)));
    assert_eq!(told(61 * SECOND), (HealthState::Ok, None));
}
