//! What a flight does, event by event.
#![expect(
    clippy::panic,
    reason = "a test that cannot set itself up should fail loudly"
)]

use mux_dsl::Image;
use mux_dsl::image::{Features, RateUnit, Route, TargetId};
use mux_dsl::request::{HealthState, Live};
use mux_routing::breaker::{Permit, Position, Rule};
use mux_routing::chance::Chance;
use mux_routing::class::Class;
use mux_routing::flight::{Action, Actions, Arrival, End, Event, Failure, Flight};
use mux_routing::router::{Memory, Router};
use mux_routing::target::{Ended, Load};
use mux_routing::{MILLI, Nanos, SECOND};
use mux_traffic::record::{Facts, Usage};
use std::sync::Arc;

const A: TargetId = TargetId(0);
const B: TargetId = TargetId(1);
const C: TargetId = TargetId(2);

const FLEET: &str = r"
provider p {
  kind openai
  key  env KEY
  model a {
    context 10k
    price   input $1/Mtok  output $10/Mtok
    can     tools images json-schema streaming
  }
  model b {
    context 10k
    price   input $1/Mtok  output $10/Mtok
    can     tools images json-schema streaming
  }
  model c {
    context 100k
    price   input $1/Mtok  output $10/Mtok
    can     tools images json-schema audio streaming
  }
}
";

fn compiled(text: &str) -> Image {
    let compiled = mux_dsl::compile(&["t.mux"], &mut |_| Ok(text.into()), &|_| true);
    let shown = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
    compiled.image.unwrap_or_else(|| panic!("{shown}"))
}

fn router_with(policy: &str, memory: &Memory) -> Arc<Router> {
    let image = compiled(&format!("{FLEET}{policy}"));
    Arc::new(Router::new(Arc::new(image), "v", memory, |_| None))
}

fn router(policy: &str) -> Arc<Router> {
    router_with(policy, &Memory::default())
}

const CHAIN: &str = "
plan chain {
  fallback within 8s {
    try p/a timeout 2s
    try p/b timeout 3s
    try p/c timeout 5s
  }
}
policy @x { else use plan chain }
";

struct Ride {
    flight: Flight,
    now: Nanos,
    actions: Vec<Action>,
}

impl Ride {
    fn new(router: &Arc<Router>, arrival: Arrival) -> Self {
        let now = arrival.now;
        let flight = Flight::new(router, arrival, &router.live(now));
        let mut ride = Self {
            flight,
            now,
            actions: Vec::new(),
        };
        let mut out = Actions::new();
        ride.flight.start(now, &mut out);
        ride.actions.extend(out);
        ride
    }

    fn on(&mut self, event: Event) -> &mut Self {
        let mut out = Actions::new();
        self.flight.on(event, self.now, &mut out);
        self.actions.extend(out);
        self
    }

    fn pass(&mut self, span: Nanos) -> &mut Self {
        let until = self.now + span;
        while let Some(at) = self.flight.wake_at().filter(|at| *at <= until) {
            self.now = at;
            self.on(Event::Wake);
        }
        self.now = until;
        self
    }

    fn fail(&mut self, class: Class, status: u16) -> &mut Self {
        let attempt = self.flight.attempts().len() - 1;
        self.on(Event::Failed(
            attempt,
            Failure {
                status: Some(status),
                ..Failure::of(class)
            },
        ))
    }

    fn serve(&mut self) -> &mut Self {
        let attempt = self.flight.attempts().len() - 1;
        self.on(Event::Head(attempt, 200))
            .on(Event::Content(attempt));
        self.on(Event::Done(
            attempt,
            Some(Usage {
                input: 100,
                output: 10,
                ..Usage::default()
            }),
        ))
    }

    fn targets(&self) -> Vec<TargetId> {
        self.flight.attempts().iter().map(|a| a.target).collect()
    }

    fn refused(&self) -> (u16, &str) {
        match self.flight.end() {
            Some(End::Refused(refusal)) => (refusal.status, refusal.code),
            other => panic!("not refused: {other:?}"),
        }
    }
}

fn request(model: &str) -> Arrival {
    Arrival {
        id: "r".to_owned(),
        seed: 7,
        at: 1_767_614_400_000,
        now: 100 * SECOND,
        facts: Facts {
            model: model.to_owned(),
            tokens: 100,
            streaming: true,
            ..Facts::default()
        },
        ..Arrival::default()
    }
}

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
        state.begin(Load::default(), now);
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
            state.begin(Load::default(), ride.now);
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
        state.error_rate(None, 110 * SECOND),
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
