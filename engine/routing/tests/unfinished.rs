//! What ends before its last byte: a client that leaves (`on-disconnect`), an answer that breaks off (`continue`).
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

use fleet::{A, B, FLEET, compiled, request, router};
use mux_routing::SECOND;
use mux_routing::class::Class;
use mux_routing::flight::{Action, End, Errand, Event, Failure};
use mux_routing::router::{Memory, Router};
use mux_traffic::record::Usage;
use ride::Ride;
use std::sync::Arc;

impl Ride {
    fn begin(&mut self, attempt: usize) -> &mut Self {
        self.on(Event::Connected(attempt))
            .on(Event::Head(attempt, 200))
            .on(Event::Content(attempt))
            .on(Event::Progress(attempt, 40))
    }

    fn done(&mut self, attempt: usize) -> &mut Self {
        let usage = Usage {
            input: 100,
            output: 10,
            ..Usage::default()
        };
        self.on(Event::Done(attempt, Some(usage)))
    }

    fn did(&self, action: Action) -> bool {
        self.actions.contains(&action)
    }
}

#[test]
fn what_a_provider_bills_anyway_is_read_on_for_its_usage_when_the_client_leaves() {
    let fleet = FLEET.replacen(
        "  key  env KEY",
        "  key  env KEY\n  on-disconnect drain 30s",
        1,
    );
    let image = compiled(&format!("{fleet}policy @x {{ else use p/a }}\n"));
    let memory = Memory::default();
    let router = Arc::new(Router::new(Arc::new(image), "v", &memory, |_| None));
    let mut ride = Ride::new(&router, request("@x"));
    ride.on(Event::Sent(0)).begin(0).on(Event::ClientGone);
    assert!(!ride.did(Action::Cancel(0)));
    assert_eq!(ride.flight.end(), None);
    ride.on(Event::Progress(0, 400)).done(0);
    assert_eq!(ride.flight.end(), Some(&End::ClientGone));
    let attempt = &ride.flight.attempts()[0];
    assert_eq!(attempt.class, Class::ClientGone);
    assert_eq!(
        attempt.usage.map(|u| (u.output, u.estimated)),
        Some((10, false))
    );
    assert!(attempt.cost > Some(0));

    let mut ride = Ride::new(&router, request("@x"));
    ride.on(Event::Sent(0))
        .begin(0)
        .on(Event::ClientGone)
        .pass(29 * SECOND);
    assert_eq!(ride.flight.end(), None);
    ride.pass(SECOND);
    assert!(ride.did(Action::Cancel(0)), "it is not read for ever");
    assert_eq!(ride.flight.end(), Some(&End::ClientGone));
}

const CARRIED_ON: &str = "
policy @x {
  else use fallback within 30s {
    continue once
    try p/a
    try p/b
    try p/c
  }
}
";

fn carried_on() -> Arc<Router> {
    router(CARRIED_ON)
}

fn cut(ride: &mut Ride, attempt: usize, resumable: bool) {
    let failure = Failure {
        resumable,
        ..Failure::of(Class::Cut)
    };
    ride.on(Event::Failed(attempt, failure));
}

#[test]
fn where_the_policy_says_so_the_next_goes_on_where_an_answer_broke_off_once() {
    let mut ride = Ride::new(&carried_on(), request("@x"));
    ride.begin(0);
    assert!(ride.did(Action::Commit(0)) && ride.flight.resumes(0));
    cut(&mut ride, 0, true);
    assert_eq!(ride.targets(), [A, B]);
    assert_eq!(ride.flight.errand(1), Errand::Resume(0));
    assert!(!ride.did(Action::Resume(1)));
    ride.begin(1);
    assert!(ride.did(Action::Resume(1)));
    ride.done(1);
    assert_eq!(ride.flight.end(), Some(&End::Served(1)));
    assert_eq!(
        ride.flight.record().attempts[1].role.as_deref(),
        Some("continue")
    );

    let mut ride = Ride::new(&carried_on(), request("@x"));
    ride.begin(0);
    cut(&mut ride, 0, true);
    ride.begin(1);
    cut(&mut ride, 1, true);
    assert_eq!(ride.targets(), [A, B], "once");
    assert_eq!(ride.flight.end(), Some(&End::Broken(Class::Cut)));
}

#[test]
fn what_cannot_be_carried_on_breaks_off_visibly() {
    let mut ride = Ride::new(&carried_on(), request("@x"));
    ride.begin(0);
    cut(&mut ride, 0, false);
    assert_eq!(ride.flight.end(), Some(&End::Broken(Class::Cut)));

    let plain = CARRIED_ON.replace("    continue once\n", "");
    let mut ride = Ride::new(&router(&plain), request("@x"));
    ride.begin(0);
    cut(&mut ride, 0, true);
    assert_eq!(ride.targets(), [A], "nobody asked for it");

    let mut ride = Ride::new(&carried_on(), request("@x"));
    ride.begin(0);
    cut(&mut ride, 0, true);
    ride.fail(Class::Server, 500);
    assert_eq!(
        ride.flight.end(),
        Some(&End::Broken(Class::Cut)),
        "as the client saw it"
    );
    assert!(!ride.did(Action::Resume(1)));

    let mut ride = Ride::new(&carried_on(), request("@x"));
    ride.begin(0);
    cut(&mut ride, 0, true);
    ride.pass(60 * SECOND);
    assert_eq!(
        ride.flight.end(),
        Some(&End::Broken(Class::Cut)),
        "and not after an age"
    );
}

#[test]
fn an_answer_that_was_carried_on_used_what_both_parts_did() {
    let mut ride = Ride::new(&carried_on(), request("@x"));
    ride.begin(0);
    let failure = Failure {
        resumable: true,
        usage: Some(Usage {
            input: 100,
            output: 7,
            ..Usage::default()
        }),
        ..Failure::of(Class::Cut)
    };
    ride.on(Event::Failed(0, failure)).begin(1).on(Event::Done(
        1,
        Some(Usage {
            input: 110,
            output: 5,
            ..Usage::default()
        }),
    ));
    let used = ride.flight.record().usage.expect("counts");
    assert_eq!((used.input, used.output), (210, 12));
}
