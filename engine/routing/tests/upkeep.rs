//! What is done for providers when no client asks.
#![expect(
    clippy::panic,
    reason = "a test that cannot set itself up should fail loudly"
)]

use mux_dsl::image::{ProviderId, TargetId};
use mux_routing::breaker::{Permit, Position, Rule};
use mux_routing::chance::Chance;
use mux_routing::class::Class;
use mux_routing::flight::{Action, Actions, Arrival, Event, Flight};
use mux_routing::router::{Memory, Router};
use mux_routing::target::{Ended, Load};
use mux_routing::upkeep::{Chore, Upkeep};
use mux_routing::{Nanos, SECOND};
use mux_traffic::record::{Facts, Usage};
use std::collections::BTreeSet;
use std::sync::Arc;

const A: TargetId = TargetId(0);

fn router(lines: &str) -> Arc<Router> {
    let text = format!(
        "provider p {{\n  kind openai\n  key env KEY\n  {lines}\n  model a {{ price input $1/Mtok output $1/Mtok }}\n}}\n\
         budget all {{ cap $1/day }}\nallow direct\n"
    );
    let compiled = mux_dsl::compile(&["t.mux"], &mut |_| Ok(text.clone().into()), &|_| true);
    let shown = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
    let image = compiled.image.unwrap_or_else(|| panic!("{shown}"));
    Arc::new(Router::new(
        Arc::new(image),
        "v",
        &Memory::default(),
        |_| None,
    ))
}

fn fails(router: &Router, now: Nanos) {
    let state = router.state(A).unwrap_or_else(|| panic!("a target"));
    for n in 0..5 {
        assert!(state.begin(Load::default(), None, now));
        let ended = Ended {
            start: now,
            load: Load::default(),
            waited: true,
            class: Class::Server,
            permit: Permit::Free,
            retry_after: None,
        };
        state.settle(&ended, &Rule::default(), now, &mut Chance::new(n));
    }
}

/// Seconds at which there was something to do.
fn chores(router: &Router, from: u64, to: u64, warm: u64) -> Vec<(u64, Chore)> {
    let mut upkeep = Upkeep::default();
    let mut all = Vec::new();
    for second in from..to {
        let due = upkeep.due(router, |_| warm, second * SECOND);
        all.extend(due.into_iter().map(|chore| (second, chore)));
    }
    all
}

#[test]
fn a_target_that_is_held_back_and_gets_no_traffic_is_asked_and_one_that_is_well_is_not() {
    let router = router("probe paid every 10s");
    assert_eq!(chores(&router, 100, 200, 0), []);
    fails(&router, 200 * SECOND);
    let asked = chores(&router, 200, 260, 0);
    assert!(asked.iter().all(|(_, chore)| *chore == Chore::Ask(A)));
    let times: Vec<_> = asked.iter().map(|(second, _)| *second).collect();
    assert!(times[0] >= 210, "not while it has traffic: {times:?}");
    assert!(
        (4..=7).contains(&times.len()),
        "about every ten seconds: {times:?}"
    );
    let gaps: BTreeSet<_> = times.windows(2).map(|w| w[1] - w[0]).collect();
    assert!(gaps.iter().all(|gap| (8..=13).contains(gap)), "{gaps:?}");
}

#[test]
fn nothing_is_asked_where_that_is_written() {
    let router = router("probe off");
    fails(&router, 200 * SECOND);
    assert_eq!(chores(&router, 200, 400, 0), []);
}

#[test]
fn idle_connections_are_kept_warm_and_busy_ones_keep_themselves() {
    let router = router("warm every 30s");
    let warmed = chores(&router, 100, 200, 0);
    assert!((3..=5).contains(&warmed.len()), "{warmed:?}");
    assert!(
        warmed
            .iter()
            .all(|(_, chore)| *chore == Chore::Warm(ProviderId(0)))
    );
    let mut upkeep = Upkeep::default();
    let state = router.state(A).unwrap_or_else(|| panic!("a target"));
    for second in 200..400 {
        assert!(state.begin(Load::default(), None, second * SECOND));
        assert_eq!(upkeep.due(&router, |_| 0, second * SECOND), []);
    }
}

#[test]
fn a_probe_closes_a_breaker_at_no_clients_cost_and_is_charged_to_no_budget() {
    let router = router("probe paid every 10s");
    fails(&router, 200 * SECOND);
    let state = router.state(A).unwrap_or_else(|| panic!("a target"));
    assert_eq!(state.position(200 * SECOND), Position::Open);
    for n in 0..3 {
        let now = (260 + n) * SECOND;
        let arrival = Arrival {
            id: "probe-1".to_owned(),
            now,
            whole: true,
            facts: Facts {
                model: "p/a".to_owned(),
                ..Facts::default()
            },
            ..Arrival::default()
        };
        let mut flight = Flight::probe(&router, A, arrival);
        let mut out = Actions::new();
        flight.start(now, &mut out);
        assert!(matches!(out.as_slice(), [Action::Start { .. }]), "{out:?}");
        let usage = Usage {
            input: 1_000_000,
            output: 1,
            ..Usage::default()
        };
        flight.on(Event::Done(0, Some(usage)), now, &mut out);
        let record = flight.record();
        assert_eq!(record.copy_of.as_deref(), Some("probe"));
        assert!(record.cost > 0);
    }
    assert_eq!(state.position(263 * SECOND), Position::Closed);
    let arrival = Arrival {
        now: 270 * SECOND,
        facts: Facts {
            model: "p/a".to_owned(),
            ..Facts::default()
        },
        ..Arrival::default()
    };
    let flight = Flight::new(&router, arrival, &router.live(270 * SECOND));
    assert_eq!(
        flight.admission().used.as_slice(),
        [0],
        "three dollars were asked for by nobody"
    );
}

#[test]
fn a_provider_that_cannot_be_reached_is_held_back_longer_and_no_client_finds_out() {
    let router = router("probe free every 10s");
    fails(&router, 200 * SECOND);
    let state = router.state(A).unwrap_or_else(|| panic!("a target"));
    assert_eq!(state.position(230 * SECOND), Position::HalfOpen);
    state.reached(true, &Rule::default(), 230 * SECOND, &mut Chance::new(1));
    assert_eq!(
        state.position(230 * SECOND),
        Position::HalfOpen,
        "reached is not well"
    );
    state.reached(false, &Rule::default(), 230 * SECOND, &mut Chance::new(1));
    assert_eq!(state.position(230 * SECOND), Position::Open);
}
