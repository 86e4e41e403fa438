//! What a flight does, event by event.
#![expect(
    clippy::panic,
    reason = "a test that cannot set itself up should fail loudly"
)]

#[path = "shared/fleet.rs"]
mod fleet;
#[path = "shared/ride.rs"]
mod ride;

use fleet::{A, B, C, CHAIN, FLEET, compiled, request, router};
use mux_dsl::image::{Features, TargetId};
use mux_routing::breaker::{Permit, Position, Rule};
use mux_routing::chance::Chance;
use mux_routing::class::Class;
use mux_routing::flight::{Action, Actions, Arrival, End, Event, Failure, Flight};
use mux_routing::router::{Memory, Router};
use mux_routing::target::{Ended, Load};
use mux_routing::{MILLI, Nanos, SECOND};
use ride::Ride;
use std::sync::Arc;

#[test]
fn the_client_is_committed_at_the_first_content_and_not_before() {
    let mut ride = Ride::new(&router(CHAIN), request("@x"));
    ride.on(Event::Connected(0))
        .on(Event::Head(0, 200))
        .on(Event::Progress(0, 0));
    assert!(!ride.actions.contains(&Action::Commit(0)));
    ride.fail(Class::Overloaded, 200);
    assert_eq!(
        ride.targets(),
        [A, B],
        "a failure after the head and before content is invisible"
    );
    ride.on(Event::Head(1, 200)).on(Event::Content(1));
    assert!(ride.actions.contains(&Action::Commit(1)));
}

#[test]
fn an_answer_that_is_not_streamed_commits_when_it_is_complete() {
    let mut arrival = request("@x");
    arrival.facts.streaming = false;
    arrival.whole = true;
    let mut ride = Ride::new(&router(CHAIN), arrival);
    ride.on(Event::Head(0, 200)).on(Event::Content(0));
    assert!(!ride.actions.contains(&Action::Commit(0)));
    ride.fail(Class::Cut, 200);
    assert_eq!(ride.targets(), [A, B]);
    ride.on(Event::Head(1, 200)).on(Event::Done(1, None));
    assert_eq!(
        ride.actions[ride.actions.len() - 2..],
        [Action::Commit(1), Action::Finish]
    );
}

#[test]
fn what_the_client_did_wrong_is_told_at_once() {
    let mut ride = Ride::new(&router(CHAIN), request("@x"));
    ride.fail(Class::InvalidRequest, 400);
    assert_eq!(ride.targets(), [A]);
    assert_eq!(ride.refused(), (400, "invalid_request"));
}

#[test]
fn a_written_retry_is_obeyed_before_moving_on_and_only_for_its_outcomes() {
    let policy =
        "policy @x { else use fallback within 60s {\n try p/a retry 2 on 429 5xx\n try p/b\n } }";
    let mut ride = Ride::new(&router(policy), request("@x"));
    ride.fail(Class::Server, 500)
        .pass(SECOND)
        .fail(Class::Server, 503)
        .pass(2 * SECOND);
    assert_eq!(ride.targets(), [A, A, A]);
    ride.fail(Class::Server, 500);
    assert_eq!(ride.targets(), [A, A, A, B]);
    let mut ride = Ride::new(&router(policy), request("@x"));
    ride.fail(Class::Authentication, 401);
    assert_eq!(ride.targets(), [A, B]);
}

#[test]
fn a_retry_waits_as_long_as_the_provider_asks() {
    let policy =
        "policy @x { else use fallback within 60s {\n try p/a retry 1 on 429\n try p/b\n } }";
    let mut ride = Ride::new(&router(policy), request("@x"));
    let failure = Failure {
        status: Some(429),
        retry_after: Some(5 * SECOND),
        ..Failure::of(Class::RateLimited)
    };
    ride.on(Event::Failed(0, failure)).pass(5 * SECOND - MILLI);
    assert_eq!(ride.targets(), [A]);
    ride.pass(2 * SECOND);
    assert_eq!(ride.targets(), [A, A]);
}

#[test]
fn a_list_after_on_decides_what_moves_on() {
    let policy = "policy @x { else use fallback within 60s on 429 {\n try p/a\n try p/b\n } }";
    let mut ride = Ride::new(&router(policy), request("@x"));
    ride.fail(Class::Server, 500);
    assert_eq!(ride.refused(), (502, "upstream_error"));
    let mut ride = Ride::new(&router(policy), request("@x"));
    ride.fail(Class::RateLimited, 429);
    assert_eq!(ride.targets(), [A, B]);
}

/// Five failures in a row at a target, each of an attempt of its own.
fn outage(router: &Router, target: TargetId, now: Nanos) {
    let state = router.state(target).unwrap_or_else(|| panic!("{target:?}"));
    for _ in 0..5 {
        assert!(state.begin(Load::default(), None, now));
        let ended = Ended {
            start: now,
            load: Load::default(),
            waited: true,
            class: Class::Server,
            permit: Permit::Free,
            retry_after: None,
        };
        state.settle(&ended, &Rule::default(), now, &mut Chance::new(1));
    }
}

#[test]
fn an_open_breaker_is_passed_over_and_called_again_rather_than_failing() {
    let router = router(CHAIN);
    outage(&router, A, request("@x").now);
    let mut ride = Ride::new(&router, request("@x"));
    assert_eq!(ride.targets(), [B]);
    ride.fail(Class::Server, 500).fail(Class::Server, 500);
    // The one that was held back comes before any that has just failed.
    assert_eq!(ride.targets(), [B, C, A]);
    ride.serve();
    assert_eq!(ride.flight.end(), Some(&End::Served(2)));
}

#[test]
fn of_several_that_failed_the_best_is_tried_once_more() {
    let mut ride = Ride::new(&router(CHAIN), request("@x"));
    ride.fail(Class::Server, 500)
        .fail(Class::Server, 500)
        .fail(Class::Server, 500)
        .pass(SECOND);
    assert_eq!(ride.targets(), [A, B, C, A]);
    ride.fail(Class::Server, 500).pass(SECOND);
    assert_eq!(ride.targets(), [A, B, C, A]);
    assert_eq!(ride.refused().0, 502);
}

#[test]
fn what_the_client_did_wrong_is_told_at_once_by_a_second_chance_too() {
    let router = router(CHAIN);
    outage(&router, C, request("@x").now);
    let mut ride = Ride::new(&router, request("@x"));
    // A flaw of the moment at targets that are known to be well.
    for target in [A, B] {
        let state = router.state(target).unwrap_or_else(|| panic!("{target:?}"));
        for _ in 0..200 {
            assert!(state.begin(Load::default(), None, ride.now));
            state.first_content(
                Load::default(),
                ride.now,
                Permit::Free,
                &Rule::default(),
                ride.now,
            );
            let ended = Ended {
                start: ride.now,
                load: Load::default(),
                waited: false,
                class: Class::Ok,
                permit: Permit::Free,
                retry_after: None,
            };
            state.settle(&ended, &Rule::default(), ride.now, &mut Chance::new(1));
        }
    }
    ride.fail(Class::Server, 500)
        .fail(Class::Server, 500)
        .pass(SECOND);
    assert_eq!(ride.targets(), [A, B, A]);
    ride.fail(Class::InvalidRequest, 400);
    assert_eq!(ride.targets(), [A, B, A], "no other is asked");
    assert_eq!(ride.refused(), (400, "invalid_request"));
}

#[test]
fn requests_leave_a_target_that_fails_more_and_more_before_its_breaker_opens() {
    let router = router(CHAIN);
    let start = request("@x").now;
    let mut left = 0;
    for n in 0..400_u64 {
        let now = start + n * 50 * MILLI;
        let arrival = Arrival {
            now,
            seed: n,
            ..request("@x")
        };
        let mut ride = Ride::new(&router, arrival);
        if ride.targets() == [B] {
            left += 1;
        }
        // One in four fails at A.
        if ride.targets() == [A] && n % 4 == 0 {
            ride.fail(Class::Server, 500);
        }
        ride.serve();
        assert_eq!(router.state(A).unwrap().position(now), Position::Closed);
    }
    assert!((100..300).contains(&left), "{left}");
}

#[test]
fn no_request_leaves_a_target_that_is_well() {
    let router = router(CHAIN);
    let start = request("@x").now;
    for n in 0..2_000_u64 {
        let arrival = Arrival {
            now: start + n * 50 * MILLI,
            seed: n,
            ..request("@x")
        };
        let mut ride = Ride::new(&router, arrival);
        assert_eq!(ride.targets(), [A]);
        // One in two hundred fails, as it does everywhere.
        if n % 200 == 7 {
            ride.fail(Class::Server, 500);
        }
        ride.serve();
    }
}

#[test]
fn attempts_that_wait_move_requests_before_the_first_of_them_times_out() {
    let router = router(CHAIN);
    let start = request("@x").now;
    let at = |now, seed| {
        let arrival = Arrival {
            now,
            seed,
            ..request("@x")
        };
        Ride::new(&router, arrival)
    };
    for n in 0..100_u64 {
        let mut ride = at(start + n * 50 * MILLI, n);
        ride.pass(300 * MILLI).serve();
    }
    let since = start + 6 * SECOND;
    let mut hung = Vec::new();
    let mut left = 0;
    for n in 0..36_u64 {
        let mut ride = at(since + n * 50 * MILLI, n);
        if ride.targets() == [A] {
            hung.push(ride);
        } else {
            left += 1;
            ride.serve();
        }
    }
    assert!(left > 3, "{left} of 36 within 1.8 s, and a timeout is 2 s");
}

#[test]
fn a_throttled_target_is_waited_for_when_nothing_else_is_left_and_time_allows() {
    let router = router("policy @x { else use p/a }");
    let throttled = |wait| Failure {
        status: Some(429),
        retry_after: Some(wait),
        ..Failure::of(Class::RateLimited)
    };
    let mut first = Ride::new(&router, request("@x"));
    first.on(Event::Failed(0, throttled(3 * SECOND)));
    let mut second = Ride::new(&router, request("@x"));
    assert_eq!(second.targets(), []);
    second.pass(4 * SECOND);
    assert_eq!(second.targets(), [A]);
    let mut hurried = request("@x");
    hurried.timeout = Some(2 * SECOND);
    let ride = Ride::new(&router, hurried);
    assert_eq!(ride.refused(), (503, "no_target_available"));
    let Some(End::Refused(refusal)) = ride.flight.end() else {
        panic!("not refused")
    };
    assert_eq!(refusal.retry_after, Some(3 * SECOND));
}

#[test]
fn a_request_nobody_can_serve_is_told_what_is_missing() {
    let mut arrival = request("@x");
    arrival.needs = Features::AUDIO;
    assert_eq!(
        Ride::new(&router("policy @x { else use p/a }"), arrival).refused(),
        (400, "capability_missing")
    );
    let mut arrival = request("@x");
    arrival.facts.tokens = 100_001;
    assert_eq!(
        Ride::new(&router(CHAIN), arrival).refused(),
        (400, "context_length_exceeded")
    );
}

#[test]
fn only_targets_that_can_serve_are_candidates() {
    let mut arrival = request("@x");
    arrival.needs = Features::AUDIO;
    let mut ride = Ride::new(&router(CHAIN), arrival);
    assert_eq!(ride.targets(), [C]);
    ride.serve();
    let passed: Vec<_> = ride
        .flight
        .record()
        .candidates
        .into_iter()
        .filter_map(|c| c.passed_over)
        .collect();
    assert_eq!(passed, ["cannot serve audio", "cannot serve audio"]);
}

#[test]
fn names_lead_where_the_contract_says() {
    let closed = router(CHAIN);
    assert_eq!(Ride::new(&closed, request("x")).targets(), [A]);
    assert_eq!(
        Ride::new(&closed, request("p/b")).refused(),
        (404, "direct_not_allowed")
    );
    assert_eq!(
        Ride::new(&closed, request("@y")).refused(),
        (404, "model_not_found")
    );
    let open = router(&format!("allow direct\n{CHAIN}"));
    assert_eq!(Ride::new(&open, request("p/b")).targets(), [B]);
    assert_eq!(Ride::new(&open, request("c")).targets(), [C]);
    assert_eq!(
        Ride::new(&open, request("nothing")).refused(),
        (404, "model_not_found")
    );
}

#[test]
fn a_client_that_leaves_cancels_the_attempt_and_is_booked() {
    let mut ride = Ride::new(&router(CHAIN), request("@x"));
    ride.on(Event::Head(0, 200))
        .on(Event::Content(0))
        .on(Event::Progress(0, 400))
        .on(Event::ClientGone);
    assert_eq!(
        ride.actions[ride.actions.len() - 2..],
        [Action::Cancel(0), Action::Finish]
    );
    let record = ride.flight.record();
    assert_eq!(record.outcome.class, "client-gone");
    assert_eq!(
        record.attempts[0]
            .usage
            .map(|u| (u.input, u.output, u.estimated)),
        Some((100, 100, true))
    );
    assert_eq!(record.cost, 100 * 1_000_000 + 100 * 10_000_000);
}

#[test]
fn events_of_an_attempt_that_is_over_change_nothing() {
    let mut ride = Ride::new(&router(CHAIN), request("@x"));
    ride.fail(Class::Server, 500);
    let before = ride.actions.len();
    ride.on(Event::Content(0))
        .on(Event::Done(0, None))
        .on(Event::Failed(0, Failure::of(Class::Cut)));
    assert_eq!(ride.actions.len(), before);
    assert_eq!(ride.flight.end(), None);
}

#[test]
fn what_the_bundle_says_for_all_holds_where_nothing_nearer_is_written() {
    let policy = |lines: &str, within: &str| {
        format!(
            "defaults {{\n  {lines}\n}}\npolicy @x {{\n  else use fallback {within} {{\n    try p/a\n    try p/b timeout 4s\n    try p/c\n  }}\n}}\n"
        )
    };
    let hang = |text: &str| {
        let mut ride = Ride::new(&router(text), request("@x"));
        ride.pass(60 * SECOND);
        let starts = ride
            .flight
            .attempts()
            .iter()
            .map(|a| (a.target, a.start / SECOND - 100));
        (
            starts.collect::<Vec<_>>(),
            ride.flight.over().0 / SECOND - 100,
        )
    };
    let all = policy("timeout 2s\n  within 7s", "");
    assert_eq!(hang(&all), (vec![(A, 0), (B, 2), (C, 6)], 7));
    let own = policy("timeout 2s\n  within 7s", "within 20s");
    let (starts, over) = hang(&own);
    assert_eq!(starts[..3], [(A, 0), (B, 2), (C, 6)]);
    assert!(
        (8..20).contains(&over),
        "its own deadline is nearer: {over}"
    );
}

#[test]
fn a_bundle_can_bound_the_attempts_of_a_request_and_those_at_one_target() {
    let tried = |lines: &str| {
        let text = format!("defaults {{\n  {lines}\n}}\n{CHAIN}");
        let mut ride = Ride::new(&router(&text), request("@x"));
        while ride.flight.end().is_none() {
            ride.pass(SECOND);
            if ride.flight.end().is_none() && ride.flight.attempts().iter().any(|a| a.end.is_none())
            {
                ride.fail(Class::Server, 500);
            }
        }
        ride.targets()
    };
    assert_eq!(tried("attempts 2"), [A, B]);
    assert_eq!(tried("attempts 9 per-target 1\n  retry 3"), [A, B, C]);
    let twice = tried("attempts 9 per-target 2\n  retry 3\n  backoff 1ms up-to 2ms");
    assert_eq!(twice, [A, A, B, B, C, C]);
}

#[test]
fn no_more_attempts_are_in_flight_at_a_target_than_are_written_and_the_next_takes_the_rest() {
    let text = FLEET.replacen("  model a {", "  model a {\n    concurrency 2", 1);
    let image = compiled(&format!("{text}{CHAIN}"));
    let memory = Memory::default();
    let router = Arc::new(Router::new(Arc::new(image), "v", &memory, |_| None));
    let mut rides: Vec<Ride> = (0..3)
        .map(|seed| {
            Ride::new(
                &router,
                Arrival {
                    seed,
                    ..request("@x")
                },
            )
        })
        .collect();
    let first: Vec<_> = rides.iter().map(|ride| ride.targets()[0]).collect();
    assert_eq!(first, [A, A, B]);
    let record = rides[2].flight.record();
    let said = record.candidates[0].passed_over.as_deref();
    assert_eq!(said, Some("has as many attempts in flight as it may"));
    rides[0].serve();
    let next = Ride::new(&router, request("@x"));
    assert_eq!(next.targets(), [A], "a place is free again");
}

#[test]
fn where_every_place_is_taken_the_client_is_told_when_to_come_back() {
    let text = FLEET.replace("    context 10", "    concurrency 1\n    context 10");
    let image = compiled(&format!("{text}{CHAIN}"));
    let router = Arc::new(Router::new(
        Arc::new(image),
        "v",
        &Memory::default(),
        |_| None,
    ));
    let rides: Vec<Ride> = (0..4).map(|_| Ride::new(&router, request("@x"))).collect();
    let last = &rides[3];
    assert_eq!(last.refused(), (503, "no_target_available"));
    let Some(End::Refused(refusal)) = last.flight.end() else {
        panic!("it is refused")
    };
    assert_eq!(refusal.retry_after, Some(SECOND));
}

/// Requests of a thousand that leave a target which fails one time in five.
fn leave(defaults: &str) -> usize {
    let router = router(&format!("defaults {{\n  {defaults}\n}}\n{CHAIN}"));
    let state = router.state(A).unwrap_or_else(|| panic!("a target"));
    for n in 0..100 {
        let class = if n % 5 == 0 { Class::Server } else { Class::Ok };
        assert!(state.begin(Load::default(), None, 100 * SECOND));
        let ended = Ended {
            start: 100 * SECOND,
            load: Load::default(),
            waited: true,
            class,
            permit: Permit::Free,
            retry_after: None,
        };
        let rule = Rule {
            consecutive: 0,
            error_rate: 10_000,
            ..Rule::default()
        };
        state.settle(&ended, &rule, 100 * SECOND, &mut Chance::new(n));
    }
    let first = |seed| {
        let arrival = Arrival {
            seed,
            ..request("@x")
        };
        Ride::new(&router, arrival).targets().first().copied()
    };
    (0..1_000).filter(|seed| first(*seed) != Some(A)).count()
}

#[test]
fn a_policy_says_from_which_health_on_traffic_moves() {
    let (usual, never, soon) = (
        leave("attempts 4"),
        leave("spill off"),
        leave("spill below 90%"),
    );
    assert_eq!(never, 0);
    assert!(0 < usual && usual < soon, "{usual} {soon}");
}

#[test]
fn the_last_places_are_kept_for_those_of_higher_priority() {
    let text = format!(
        "{FLEET}policy @x {{ priority 9\n  else use p/a }}\npolicy @y {{ priority 2\n  else use p/a }}\n"
    );
    let router = Arc::new(Router::new(
        Arc::new(compiled(&text)),
        "v",
        &Memory::default(),
        |_| None,
    ));
    let flight = |model| {
        let arrival = request(model);
        Flight::new(&router, arrival, &router.live(100 * SECOND))
    };
    assert_eq!((flight("@x").reserve(), flight("@y").reserve()), (0, 2_100));
    let mut shed = flight("@y");
    shed.shed();
    let mut out = Actions::new();
    shed.start(100 * SECOND, &mut out);
    assert_eq!(out.as_slice(), [Action::Finish]);
    assert!(matches!(shed.end(), Some(End::Refused(refusal)) if refusal.code == "gateway_busy"));
    let alone = router_of_one();
    let only = Flight::new(&alone, request("@x"), &alone.live(100 * SECOND));
    assert_eq!(
        only.reserve(),
        0,
        "nothing is kept where nobody is more important"
    );
}

#[test]
fn a_priority_is_foreseen_as_it_is_decided_and_takes_nothing_from_limits() {
    let text = format!(
        "{FLEET}limit one {{ 1 concurrent per key }}\npolicy @x {{ priority 9\n  else use p/a }}\npolicy @y {{ priority 2\n  limit one\n  when streaming go @x\n  else use p/a }}\n"
    );
    let router = Arc::new(Router::new(
        Arc::new(compiled(&text)),
        "v",
        &Memory::default(),
        |_| None,
    ));
    let live = router.live(100 * SECOND);
    let mut one = request("@y");
    for (streaming, priority) in [(true, 9), (false, 2), (true, 9)] {
        one.facts.streaming = streaming;
        assert_eq!(router.foresee(&one, &live), priority);
    }
    one.facts.streaming = false;
    let flight = Flight::new(&router, one.clone(), &live);
    assert!(
        flight.end().is_none(),
        "nothing was taken before: {:?}",
        flight.end()
    );
    assert_eq!(flight.reserve(), router.kept(2));
    assert_eq!(
        router.foresee(&request("@nobody"), &live),
        9,
        "it is refused soon enough"
    );
}

#[test]
fn a_client_that_has_its_status_is_recorded_with_it_whatever_fails() {
    let router = router("policy @x { else use p/a }\n");
    let mut flight = Flight::new(&router, request("@x"), &router.live(100 * SECOND));
    let mut out = Actions::new();
    flight.start(100 * SECOND, &mut out);
    flight.promise();
    flight.on(
        Event::Failed(0, Failure::of(Class::InvalidRequest)),
        101 * SECOND,
        &mut out,
    );
    assert!(matches!(flight.end(), Some(End::Refused(_))));
    let outcome = flight.record().outcome;
    assert_eq!(
        (outcome.status, outcome.class.as_str(), outcome.served),
        (200, "invalid-request", None)
    );
}

fn router_of_one() -> Arc<Router> {
    router("policy @x { priority 1\n  else use p/a }\n")
}
