//! How long what is waited for: deadlines, timeouts, silences.
#![expect(
    clippy::panic,
    reason = "a test that cannot set itself up should fail loudly"
)]

#[path = "shared/fleet.rs"]
#[expect(dead_code, reason = "not all of it is wanted here")]
mod fleet;
#[path = "shared/ride.rs"]
mod ride;

use fleet::{A, B, C, CHAIN, FLEET, compiled, request, router};
use mux_dsl::image::Route;
use mux_dsl::request::{HealthState, Live};
use mux_routing::class::Class;
use mux_routing::flight::{Action, Actions, Arrival, End, Event, Failure, Flight};
use mux_routing::router::{Memory, Router};
use mux_routing::{MILLI, SECOND};
use ride::Ride;
use std::sync::Arc;

#[test]
fn a_hanging_target_costs_its_timeout_and_the_next_one_serves() {
    let mut ride = Ride::new(&router(CHAIN), request("@x"));
    ride.on(Event::Connected(0)).pass(1_999 * MILLI);
    assert_eq!(ride.targets(), [A]);
    ride.pass(MILLI);
    assert_eq!(ride.targets(), [A, B]);
    assert_eq!(
        ride.actions[..3],
        [
            Action::Start {
                attempt: 0,
                target: A
            },
            Action::Cancel(0),
            Action::Start {
                attempt: 1,
                target: B
            }
        ]
    );
    ride.serve();
    assert_eq!(ride.flight.end(), Some(&End::Served(1)));
}

#[test]
fn the_last_attempt_never_exceeds_the_total() {
    let mut ride = Ride::new(&router(CHAIN), request("@x"));
    ride.on(Event::Connected(0))
        .pass(2 * SECOND)
        .on(Event::Connected(1))
        .pass(3 * SECOND)
        .on(Event::Connected(2));
    assert_eq!(ride.targets(), [A, B, C]);
    assert_eq!(
        ride.flight.wake_at(),
        Some(108 * SECOND),
        "5 s were written, 3 s are left"
    );
    ride.pass(3 * SECOND);
    assert_eq!(ride.refused(), (504, "upstream_timeout"));
}

#[test]
fn a_connection_that_does_not_stand_is_given_up_before_the_timeout() {
    let policy = "policy @x { else use fallback within 60s {\n try p/a timeout 30s connect 1s\n try p/b\n } }";
    let mut ride = Ride::new(&router(policy), request("@x"));
    ride.pass(SECOND);
    assert_eq!(ride.targets(), [A, B]);
    assert_eq!(ride.flight.attempts()[0].class, Class::Connect);
}

#[test]
fn silence_in_the_middle_of_an_answer_breaks_it_and_replaces_nothing() {
    let policy = "policy @x { else use fallback within 60s {\n try p/a idle 3s\n try p/b\n } }";
    let mut ride = Ride::new(&router(policy), request("@x"));
    ride.on(Event::Head(0, 200))
        .on(Event::Content(0))
        .pass(2 * SECOND)
        .on(Event::Progress(0, 40))
        .pass(2 * SECOND);
    assert_eq!(ride.flight.end(), None);
    ride.pass(SECOND);
    assert_eq!(ride.flight.end(), Some(&End::Broken(Class::Idle)));
    assert_eq!(ride.targets(), [A]);
    assert!(
        ride.flight.attempts()[0]
            .usage
            .expect("what was sent is counted")
            .estimated
    );
}

#[test]
fn a_deadline_the_client_chose_is_not_held_against_a_target_that_works() {
    let router = router("policy @x { else use p/a }");
    for _ in 0..10 {
        let mut arrival = request("@x");
        arrival.timeout = Some(2_300 * MILLI);
        let mut ride = Ride::new(&router, arrival);
        ride.on(Event::Head(0, 200)).on(Event::Content(0));
        for _ in 0..22 {
            ride.pass(100 * MILLI).on(Event::Progress(0, 4));
        }
        ride.pass(SECOND);
        assert_eq!(ride.flight.end(), Some(&End::Broken(Class::Deadline)));
    }
    let state = router.state(A).expect("a target");
    assert_eq!(
        state.error_rate(110 * SECOND),
        Some(0),
        "it gave content each time, and nothing else was held against it"
    );
}

#[test]
fn a_long_wait_is_told_to_the_client_instead_of_waited_out() {
    let router = router("policy @x { else use p/a }");
    let mut ride = Ride::new(&router, request("@x"));
    let asked = Failure {
        status: Some(429),
        retry_after: Some(120 * SECOND),
        ..Failure::of(Class::RateLimited)
    };
    ride.on(Event::Failed(0, asked));
    assert_eq!(ride.refused(), (429, "rate_limited"));
    let Some(End::Refused(refusal)) = ride.flight.end() else {
        panic!("not refused")
    };
    assert_eq!(refusal.retry_after, Some(120 * SECOND));
}

#[test]
fn a_target_that_cannot_be_called_is_no_alternative() {
    let text =
        format!("{FLEET}policy @x {{ else use fallback within 60s {{\n try p/a\n try p/b\n }} }}");
    let compiled = mux_dsl::compile(&["t.mux"], &mut |_| Ok(text.clone().into_bytes()), &|_| {
        true
    });
    let image = Arc::new(compiled.image.expect("it is good"));
    let router = Arc::new(Router::new(image, "v", &Memory::default(), |t| {
        (t == B).then(|| "has no key".to_owned())
    }));
    assert_eq!(router.live(SECOND).health(B), HealthState::Down);
    let mut ride = Ride::new(&router, request("@x"));
    ride.on(Event::Connected(0)).pass(50 * SECOND);
    assert_eq!(
        ride.flight.end(),
        None,
        "nobody else could serve, so it may use all the time there is"
    );
}

#[test]
fn when_the_time_of_an_inner_fallback_is_up_the_outer_one_goes_on() {
    let policy = "
plan inner {
  fallback within 2s {
    try p/a timeout 5s
    try p/b timeout 5s
  }
}
plan outer {
  fallback within 10s {
    try plan inner
    try p/c timeout 5s
  }
}
policy @x { else use plan outer }
";
    let mut ride = Ride::new(&router(policy), request("@x"));
    ride.on(Event::Connected(0)).pass(2 * SECOND);
    assert_eq!(
        ride.targets(),
        [A, C],
        "the inner time is over for all of its targets"
    );
    ride.on(Event::Connected(1)).pass(5 * SECOND);
    assert_eq!(ride.refused(), (504, "upstream_timeout"));
}

#[test]
fn a_stream_that_only_keeps_alive_is_cut_off_where_content_is_asked_for() {
    let mut image = compiled(&format!(
        "{FLEET}policy @x {{\n  else use p/a idle 60s\n}}\n"
    ));
    for plan in &mut image.plans {
        if let Route::Attempt(attempt) = &mut plan.route {
            attempt.timeouts.content_idle = Some(5_000);
        }
    }
    let memory = Memory::default();
    let router = Arc::new(Router::new(Arc::new(image), "v", &memory, |_| None));
    let mut ride = Ride::new(&router, request("@x"));
    ride.on(Event::Head(0, 200)).pass(9 * SECOND);
    assert!(
        ride.flight.end().is_none(),
        "the first content has its own deadline"
    );
    ride.on(Event::Content(0))
        .pass(4 * SECOND)
        .on(Event::Progress(0, 12));
    ride.pass(4 * SECOND)
        .on(Event::Progress(0, 0))
        .pass(999 * MILLI);
    assert!(ride.flight.end().is_none());
    ride.pass(MILLI);
    assert_eq!(ride.flight.end(), Some(&End::Broken(Class::Idle)));
}

#[test]
fn measured_times_shorten_a_written_timeout_only_where_that_is_said() {
    let waits = |defaults: &str| {
        let text = format!(
            "defaults {{\n  {defaults}\n}}\n{}",
            CHAIN.replace("2s", "60s").replace("8s", "70s")
        );
        let router = router(&text);
        for n in 0..40 {
            let arrival = Arrival {
                seed: n,
                now: (40 + n) * SECOND,
                ..request("@x")
            };
            Ride::new(&router, arrival).pass(300 * MILLI).serve();
        }
        let mut ride = Ride::new(&router, request("@x"));
        ride.pass(4_500 * MILLI);
        ride.targets().len()
    };
    assert_eq!(waits("adaptive on"), 2);
    assert_eq!(waits("attempts 4"), 1);
}

#[test]
fn the_wait_for_a_place_is_part_of_a_requests_time_and_no_work_of_the_gateway() {
    let router = router("policy @x { else use p/a }\n");
    let arrival = Arrival {
        queued: 2 * SECOND,
        timeout: Some(5 * SECOND),
        ..request("@x")
    };
    let came = arrival.now;
    let mut flight = Flight::new(&router, arrival, &router.live(came + 2 * SECOND));
    let mut out = Actions::new();
    flight.start(came + 2 * SECOND, &mut out);
    flight.on(Event::Sent(0), came + 2 * SECOND, &mut out);
    assert!(flight.wake_at().is_some_and(|at| at <= came + 5 * SECOND));
    flight.on(Event::ClientGone, came + 3 * SECOND, &mut out);
    let outcome = flight.record().outcome;
    assert_eq!(
        (outcome.total_us, outcome.queued_us, outcome.overhead_us),
        (3_000_000, 2_000_000, 0)
    );
}

#[test]
fn what_a_credential_takes_is_not_at_the_expense_of_the_target() {
    let policy = "policy @x { else use fallback within 60s {\n try p/a timeout 4s connect 1s total 9s\n try p/b\n } }";
    let mut ride = Ride::new(&router(policy), request("@x"));
    ride.on(Event::Waits(0)).pass(5 * SECOND);
    assert_eq!(ride.targets(), [A], "its times have not begun");
    ride.on(Event::Sent(0)).pass(999 * MILLI);
    assert_eq!(ride.targets(), [A]);
    ride.pass(MILLI);
    assert_eq!(ride.flight.attempts()[0].class, Class::Connect);

    let mut ride = Ride::new(&router(policy), request("@x"));
    ride.on(Event::Waits(0))
        .pass(5 * SECOND)
        .on(Event::Sent(0))
        .on(Event::Connected(0))
        .pass(3_999 * MILLI);
    assert_eq!(ride.targets(), [A]);
    ride.pass(MILLI);
    assert_eq!(ride.targets(), [A, B]);
    assert_eq!(ride.flight.attempts()[0].class, Class::TimedOut);
}

#[test]
fn whoever_hands_out_credentials_and_hangs_is_blamed_and_not_the_target() {
    let policy = "policy @x { else use fallback within 6s {\n try p/a timeout 1s\n try p/b\n } }";
    let router = router(policy);
    let mut ride = Ride::new(&router, request("@x"));
    ride.on(Event::Waits(0)).pass(6 * SECOND);
    assert_eq!(ride.refused(), (502, "provider_credential_refused"));
    let attempt = &ride.flight.attempts()[0];
    assert_eq!(attempt.class, Class::Authentication);
    assert!(
        attempt
            .message
            .as_deref()
            .is_some_and(|m| m.contains("credential"))
    );
    let state = router.state(A).expect("a target");
    let now = 106 * SECOND;
    assert_eq!(state.error_rate(now), None, "the target has failed nobody");
    assert!(state.admit(now + SECOND, false).is_ok(), "it rests briefly");
}
