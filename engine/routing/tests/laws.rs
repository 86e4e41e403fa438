//! What holds of every flight, whatever its plan and whatever happens to it.
#![expect(
    clippy::panic,
    reason = "a test that cannot set itself up should fail loudly"
)]

use mux_dsl::image::{
    Accept, After, Arm, Attempt, BudgetId, Cascade, Combine, Compare, Ensemble, Fallback, Finish,
    Hedge, Judge, Quantile, Route, TargetId, Terms, Timeouts,
};
use mux_dsl::request::Live;
use mux_routing::class::Class;
use mux_routing::flight::{Action, Actions, Arrival, End, Event, Failure, Flight, Told};
use mux_routing::router::{Memory, Router};
use mux_routing::target::TargetState;
use mux_routing::{MILLI, Nanos, SECOND};
use mux_traffic::record::{Facts, Usage};
use proptest::prelude::*;
use std::sync::Arc;

const BUNDLE: &str = r"
provider p {
  kind openai
  key env KEY
  model a { price input $1/Mtok output $1/Mtok
    output 1k
  }
  model b { price input $1/Mtok output $1/Mtok
    output 1k
  }
  model c { price input $1/Mtok output $1/Mtok
    output 1k
  }
  model d
}
budget all {
  cap $0.50/day
  mode soft
}
policy @x {
  charge all
  when has tools or has images or has json-schema or has audio deny 400 'no'
  else use fallback {
    try p/a
    try p/b
    try p/c
    try p/d
  }
}
";

/// What the budget of the bundle holds, pico-dollars.
const CAP: i64 = 500_000_000_000;

fn router(route: Route, hard: bool) -> Arc<Router> {
    let mode = if hard { "hard" } else { "soft" };
    let text = BUNDLE.replace('\'', "\"").replace("soft", mode);
    let compiled = mux_dsl::compile(&["t.mux"], &mut |_| Ok(text.clone().into()), &|_| true);
    let shown = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
    let mut image = compiled.image.unwrap_or_else(|| panic!("{shown}"));
    let plan = image.plans.first_mut();
    plan.unwrap_or_else(|| panic!("a plan")).route = route;
    Arc::new(Router::new(
        Arc::new(image),
        "v",
        &Memory::default(),
        |_| None,
    ))
}

fn attempt(target: u32) -> Attempt {
    Attempt {
        target: TargetId(target),
        timeouts: Timeouts::default(),
        retry: None,
    }
}

fn terms() -> impl Strategy<Value = Terms> {
    let within = prop_oneof![Just(None), (1_000_u64..20_000).prop_map(Some)];
    (within, any::<bool>()).prop_map(|(within, resume)| Terms {
        within,
        resume,
        ..Terms::default()
    })
}

fn judge() -> Judge {
    Judge {
        attempt: attempt(3),
        rubric: "r.md".into(),
        text: "good".into(),
    }
}

fn combine() -> impl Strategy<Value = Combine> {
    prop_oneof![
        Just(Combine::FirstValid),
        Just(Combine::Majority("$".into())),
        Just(Combine::Vote("$".into())),
        Just(Combine::Best),
        Just(Combine::Merge(attempt(3))),
    ]
}

fn accept() -> impl Strategy<Value = Accept> {
    let leaf = prop_oneof![
        Just(Accept::Finish(Finish::Stop)),
        Just(Accept::Schema),
        Just(Accept::Score(Compare::AtLeast, 5_000)),
        Just(Accept::Output(Compare::More, 5)),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(Accept::All),
            prop::collection::vec(inner.clone(), 1..3).prop_map(Accept::Any),
            inner.prop_map(|a| Accept::Not(Box::new(a))),
        ]
    })
}

fn route() -> impl Strategy<Value = Route> {
    let leaf = (0_u32..4).prop_map(|t| Route::Attempt(attempt(t)));
    leaf.prop_recursive(3, 12, 3, |inner| {
        let arms = prop::collection::vec(inner.clone().prop_map(Arm::of), 1..4);
        let steps =
            prop::collection::vec((inner.prop_map(Arm::of), prop::option::of(accept())), 1..4);
        prop_oneof![
            (arms.clone(), terms())
                .prop_map(|(tries, terms)| Route::Fallback(Fallback { tries, terms })),
            (arms.clone(), terms(), 1_u8..3, any::<bool>()).prop_map(
                |(arms, terms, extra, timed)| Route::Hedge(Hedge {
                    after: if timed {
                        After::Time(200)
                    } else {
                        After::Quantile(Quantile::P95)
                    },
                    extra,
                    arms,
                    budget: Some(10_000),
                    cost: None,
                    terms,
                })
            ),
            (steps, terms(), any::<bool>()).prop_map(|(steps, terms, judged)| {
                Route::Cascade(Cascade {
                    judge: judged.then(judge),
                    steps,
                    buffer: true,
                    terms,
                })
            }),
            (arms, terms(), 1_u32..4, combine()).prop_map(|(asks, terms, quorum, combine)| {
                Route::Ensemble(Ensemble {
                    judge: (combine == Combine::Best).then(judge),
                    quorum: quorum.min(u32::try_from(asks.len()).unwrap_or(1)),
                    asks,
                    combine,
                    buffer: true,
                    terms,
                })
            }),
        ]
    })
}

/// Something that happens: to which of those under way, and what.
#[derive(Clone, Copy, Debug)]
enum What {
    Begins,
    Ends(u32),
    Fails(u8),
    Waits(Nanos),
    Leaves,
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        3 => Just(What::Begins),
        3 => (0_u32..3).prop_map(What::Ends),
        4 => (0_u8..6).prop_map(What::Fails),
        3 => (1_u64..4_000).prop_map(|ms| What::Waits(ms * MILLI)),
        1 => Just(What::Leaves),
    ]
}

fn class(n: u8) -> (Class, Option<u16>) {
    match n {
        0 => (Class::Server, Some(500)),
        1 => (Class::RateLimited, Some(429)),
        2 => (Class::Connect, None),
        3 => (Class::Authentication, Some(401)),
        4 => (Class::InvalidRequest, Some(400)),
        _ => (Class::Cut, None),
    }
}

struct Ride {
    flight: Flight,
    now: Nanos,
    actions: Vec<Action>,
}

impl Ride {
    fn on(&mut self, event: Event) {
        let mut out = Actions::new();
        self.flight.on(event, self.now, &mut out);
        self.actions.extend(out);
    }

    fn open(&self) -> Vec<usize> {
        let attempts = self.flight.attempts().iter().enumerate();
        attempts
            .filter(|(_, a)| a.end.is_none())
            .map(|(n, _)| n)
            .collect()
    }

    fn happens(&mut self, which: usize, what: What) {
        let open = self.open();
        let attempt = open.get(which % open.len().max(1)).copied();
        match (what, attempt) {
            (What::Waits(span), _) => self.pass(span),
            (What::Leaves, _) => self.on(Event::ClientGone),
            (_, None) => self.pass(SECOND),
            (What::Begins, Some(n)) => {
                self.on(Event::Connected(n));
                self.on(Event::Head(n, 200));
                self.on(Event::Content(n));
                self.on(Event::Progress(n, 40));
            }
            (What::Ends(value), Some(n)) => {
                if self.flight.asks(n).is_some() {
                    let told = Told {
                        finish: Some(Finish::Stop),
                        fits: Some(value > 0),
                        value: (value > 0).then(|| value.to_string().into()),
                        score: Some(value * 4_000),
                    };
                    self.on(Event::Told(n, Box::new(told)));
                }
                let usage = Usage {
                    input: 10,
                    output: 10,
                    ..Usage::default()
                };
                self.on(Event::Done(n, Some(usage)));
            }
            (What::Fails(n), Some(attempt)) => {
                let (class, status) = class(n);
                self.on(Event::Failed(
                    attempt,
                    Failure {
                        status,
                        resumable: n != 3,
                        ..Failure::of(class)
                    },
                ));
            }
        }
    }

    fn pass(&mut self, span: Nanos) {
        let until = self.now + span;
        while let Some(at) = self.flight.wake_at().filter(|at| *at <= until) {
            assert!(at >= self.now, "a timer is never in the past");
            self.now = at;
            self.on(Event::Wake);
        }
        self.now = until;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn a_flight_ends_once_and_leaves_nothing_under_way(
        route in route(),
        whole in any::<bool>(),
        hard in any::<bool>(),
        seed in any::<u64>(),
        script in prop::collection::vec((any::<usize>(), what()), 0..40),
    ) {
        let router = router(route, hard);
        let arrival = Arrival {
            seed,
            now: 100 * SECOND,
            whole,
            facts: Facts {
                model: "@x".to_owned(),
                tokens: 100,
                streaming: !whole,
                ..Facts::default()
            },
            ..Arrival::default()
        };
        let now = arrival.now;
        let flight = Flight::new(&router, arrival, &router.live(now));
        let mut ride = Ride { flight, now, actions: Vec::new() };
        let mut out = Actions::new();
        ride.flight.start(now, &mut out);
        ride.actions.extend(out);
        for (which, what) in script {
            if ride.flight.end().is_some() {
                break;
            }
            ride.happens(which, what);
        }
        // Whatever is left hangs: the last deadline ends it.
        ride.pass(700 * SECOND);

        let count = |wanted: fn(&Action) -> bool| ride.actions.iter().filter(|a| wanted(a)).count();
        prop_assert_eq!(count(|a| matches!(a, Action::Finish)), 1);
        prop_assert_eq!(ride.actions.last(), Some(&Action::Finish), "nothing is done after the end");
        let commits: Vec<usize> = ride.actions.iter().filter_map(|a| match a {
            Action::Commit(n) => Some(*n),
            _ => None,
        }).collect();
        prop_assert!(commits.len() <= 1, "a client gets one answer: {:?}", commits);
        let attempts = ride.flight.attempts();
        match ride.flight.end() {
            Some(End::Served(n)) => {
                let resumed = ride.actions.contains(&Action::Resume(*n));
                prop_assert!(resumed || commits.as_slice() == [*n], "{:?}", commits);
                prop_assert_eq!(commits.len(), 1);
                prop_assert_eq!(attempts[*n].class, Class::Ok);
                prop_assert!(attempts[*n].role.answers());
            }
            Some(End::Refused(_)) => prop_assert!(commits.is_empty(), "it was told to have an answer"),
            Some(End::Broken(_)) => prop_assert_eq!(commits.len(), 1),
            Some(End::ClientGone) => {}
            None => prop_assert!(false, "it never ended"),
        }
        for (n, attempt) in attempts.iter().enumerate() {
            prop_assert!(attempt.end.is_some(), "attempt {} was left open", n);
            let starts = ride.actions.iter().filter(|a| matches!(a, Action::Start { attempt, .. } if *attempt == n));
            prop_assert_eq!(starts.count(), 1);
        }
        for target in (0..4).map(TargetId) {
            prop_assert_eq!(router.state(target).map(TargetState::inflight), Some(0));
            prop_assert_eq!(router.state(target).map(|s| s.signals(ride.now).attempts >= 0.0), Some(true));
        }
        let sum: i64 = attempts.iter().filter_map(|a| a.cost).sum();
        prop_assert_eq!(ride.flight.cost().0, sum, "every attempt is booked");
        let live = router.live(ride.now);
        let used = ride.flight.arrival().request(|request| live.used(BudgetId(0), request));
        prop_assert_eq!(i64::from(used), sum * 10_000 / CAP, "and nothing is kept any more");
        drop(ride.flight.record());
    }
}
