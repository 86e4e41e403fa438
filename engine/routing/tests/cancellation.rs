//! A client may hang up at any moment: after each step of a flight, whatever that flight is made of, its end is the same.
//!
//! Each script is flown once for every one of its prefixes, and for every target whose breaker may be looking for a probe
//! at that time; then the client leaves.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot set itself up should fail loudly"
)]

use mux_dsl::Image;
use mux_dsl::image::{BudgetId, Finish, RateUnit, TargetId};
use mux_dsl::request::Live;
use mux_routing::breaker::{Permit, Position, Rule};
use mux_routing::chance::Chance;
use mux_routing::class::Class;
use mux_routing::flight::{Action, Actions, Arrival, End, Event, Failure, Flight, Told};
use mux_routing::router::{Memory, Router};
use mux_routing::target::{Ended, Load};
use mux_routing::{MILLI, Nanos, SECOND};
use mux_traffic::record::{Facts, Usage};
use std::collections::BTreeSet;
use std::sync::Arc;

const FLEET: &str = r"
provider p {
  kind openai
  key  env KEY
  model a { price input $1/Mtok output $10/Mtok }
  model b { price input $1/Mtok output $10/Mtok }
  model c { price input $1/Mtok output $10/Mtok }
  model j { price input $1/Mtok output $10/Mtok }
}
budget pot { cap $0.1/day }
limit one { 1 requests/min per key }
defaults { hedge-budget 100% }
";
/// The cap of the budget in what one basis point of it is.
const BASIS_POINT: i64 = 10_000_000;
const TARGETS: [TargetId; 4] = [TargetId(0), TargetId(1), TargetId(2), TargetId(3)];
/// When requests come. What is done to breakers before is over by then.
const NOW: Nanos = 100 * SECOND;

const CHAIN: &str = "fallback within 60s {
    try p/a retry 1 on 5xx
    try p/b
    try p/c
  }";
const CARRIED_ON: &str = "fallback within 60s {
    continue once
    try p/a
    try p/b
  }";
const HEDGE: &str = "hedge after 800ms extra 2 within 60s {
    p/a
    p/b
    p/c
  }";
const CASCADE: &str = "cascade within 60s buffer {
    judge p/j rubric \"r.md\"
    try p/a {
      accept when finish is stop and score of judge >= 0.8
    }
    try p/b {
      accept when finish is stop and score of judge >= 0.8
    }
    try p/c
  }";
const BEST: &str = "ensemble within 60s buffer {
    judge p/j rubric \"r.md\"
    ask p/a
    ask fallback {
      try p/b
      try p/a
    }
    ask p/c
    combine best by judge
  }";
const MERGED: &str = "ensemble within 60s buffer {
    ask p/a
    ask p/b
    combine merge by p/j
  }";

/// One step of a script. A number is that of an attempt; where there is none of it, nothing happens.
#[derive(Clone, Copy, Debug)]
enum Step {
    Sent(usize),
    Connected(usize),
    Head(usize),
    Content(usize),
    Text(usize),
    /// Its answer is complete; a judge has given so many basis points.
    Done(usize, u32),
    Fails(usize, Class),
    Breaks(usize),
    Passes(Nanos),
}
use Step::{Breaks, Connected, Content, Done, Fails, Head, Passes, Sent, Text};

/// All that an answer goes through.
fn answers(n: usize, score: u32) -> [Step; 6] {
    [
        Sent(n),
        Connected(n),
        Head(n),
        Content(n),
        Text(n),
        Done(n, score),
    ]
}

fn scripts() -> Vec<(&'static str, &'static str, Vec<Step>)> {
    let of = |parts: &[&[Step]]| parts.concat();
    vec![
        (
            "a chain with a retry",
            CHAIN,
            of(&[
                &[Sent(0), Connected(0), Fails(0, Class::Server)],
                &[Passes(100 * MILLI), Passes(2 * SECOND), Head(1)],
                &[Fails(1, Class::Server), Fails(2, Class::RateLimited)],
                &answers(3, 0),
                &answers(2, 0),
            ]),
        ),
        (
            "a chain whose targets hang",
            CHAIN,
            of(&[
                &[Connected(0), Passes(9 * SECOND), Passes(9 * SECOND)],
                &[Head(1), Passes(20 * SECOND), Passes(30 * SECOND)],
            ]),
        ),
        (
            "an answer that is carried on",
            CARRIED_ON,
            of(&[&answers(0, 0)[..5], &[Breaks(0)], &answers(1, 0)]),
        ),
        (
            "a race",
            HEDGE,
            of(&[
                &[Sent(0), Connected(0), Passes(900 * MILLI), Connected(1)],
                &[Passes(900 * MILLI), Fails(0, Class::Server)],
                &answers(2, 0),
                &answers(1, 0),
            ]),
        ),
        (
            "a cascade",
            CASCADE,
            of(&[
                &answers(0, 0),
                &[Sent(1), Head(1), Done(1, 5_000)],
                &answers(2, 0),
                &[Fails(3, Class::Server)],
                &answers(4, 0),
            ]),
        ),
        (
            "the best of an ensemble",
            BEST,
            of(&[
                &answers(1, 0)[..3],
                &answers(0, 0),
                &[Fails(1, Class::Server), Head(3), Connected(4)],
                &answers(2, 0),
                &[Done(3, 4_000), Head(5), Done(5, 6_000)],
                &answers(4, 0),
                &[Head(6), Done(6, 9_000)],
            ]),
        ),
        (
            "a merged answer",
            MERGED,
            of(&[&answers(0, 0), &answers(1, 0), &answers(2, 0)]),
        ),
    ]
}

fn image(fleet: &str, route: &str) -> Arc<Image> {
    let policy = format!("policy @x {{\n  charge pot\n  limit one\n  else use {route}\n}}\n");
    let text = format!("{fleet}{policy}");
    let mut read = |path: &str| {
        let rubric = path != "t.mux";
        Ok((if rubric { "how good it is" } else { &text }).into())
    };
    let compiled = mux_dsl::compile(&["t.mux"], &mut read, &|_| true);
    let shown = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
    let mut image = compiled.image.unwrap_or_else(|| panic!("{shown}"));
    for rate in image.fleet.limits.iter_mut().flat_map(|l| &mut l.rates) {
        rate.unit = RateUnit::Concurrent;
    }
    Arc::new(image)
}

/// One that remembers nothing but that the breaker of a target is to look for a probe.
fn router(image: &Arc<Image>, probing: Option<TargetId>) -> Arc<Router> {
    let memory = Memory::default();
    let router = Router::new(Arc::clone(image), "v", &memory, |_| None);
    if let Some(target) = probing {
        looks_for_a_probe(&router, target);
    }
    Arc::new(router)
}

fn request(now: Nanos) -> Arrival {
    Arrival {
        id: "r".to_owned(),
        seed: 7,
        at: 1_767_614_400_000,
        now,
        facts: Facts {
            model: "@x".to_owned(),
            tokens: 100,
            output_limit: Some(100),
            streaming: true,
            ..Facts::default()
        },
        ..Arrival::default()
    }
}

/// Opens the breaker of a target so long ago that it looks for a probe by now.
fn looks_for_a_probe(router: &Router, target: TargetId) {
    let state = router.state(target).expect("it is declared");
    for _ in 0..5 {
        assert!(state.begin(Load::default(), None, SECOND));
        let ended = Ended {
            start: SECOND,
            load: Load::default(),
            waited: true,
            class: Class::Server,
            permit: Permit::Free,
            retry_after: None,
        };
        state.settle(&ended, &Rule::default(), SECOND, &mut Chance::new(1));
    }
    assert_eq!(state.position(SECOND), Position::Open);
    assert_eq!(state.position(NOW), Position::HalfOpen);
}

struct Ride {
    router: Arc<Router>,
    flight: Flight,
    now: Nanos,
}

impl Ride {
    fn new(router: &Arc<Router>) -> (Self, Vec<Action>) {
        let mut flight = Flight::new(router, request(NOW), &router.live(NOW));
        let mut out = Actions::new();
        flight.start(NOW, &mut out);
        let ride = Self {
            router: Arc::clone(router),
            flight,
            now: NOW,
        };
        (ride, out.into_vec())
    }

    fn on(&mut self, event: Event) -> Vec<Action> {
        let mut out = Actions::new();
        self.flight.on(event, self.now, &mut out);
        out.into_vec()
    }

    fn step(&mut self, step: Step) -> Vec<Action> {
        match step {
            Sent(n) => self.on(Event::Sent(n)),
            Connected(n) => self.on(Event::Connected(n)),
            Head(n) => self.on(Event::Head(n, 200)),
            Content(n) => self.on(Event::Content(n)),
            Text(n) => self.on(Event::Progress(n, 40)),
            Done(n, score) => {
                let mut actions = Vec::new();
                if self.flight.asks(n).is_some() {
                    let told = Told {
                        finish: Some(Finish::Stop),
                        fits: Some(true),
                        value: None,
                        score: Some(score),
                    };
                    actions = self.on(Event::Told(n, Box::new(told)));
                }
                let usage = Usage {
                    input: 100,
                    output: 10,
                    ..Usage::default()
                };
                actions.extend(self.on(Event::Done(n, Some(usage))));
                actions
            }
            Fails(n, class) => self.on(Event::Failed(n, Failure::of(class))),
            Breaks(n) => {
                let failure = Failure {
                    resumable: true,
                    ..Failure::of(Class::Cut)
                };
                self.on(Event::Failed(n, failure))
            }
            Passes(span) => {
                let until = self.now + span;
                let mut actions = Vec::new();
                while let Some(at) = self.flight.wake_at().filter(|at| *at <= until) {
                    self.now = at;
                    actions.extend(self.on(Event::Wake));
                }
                self.now = until;
                actions
            }
        }
    }

    fn open(&self) -> Vec<usize> {
        let attempts = self.flight.attempts().iter().enumerate();
        let open = attempts.filter(|(_, a)| a.end.is_none());
        open.map(|(n, _)| n).collect()
    }

    /// What holds of a flight that is over.
    fn is_over(&self, at: &str) {
        assert_eq!(self.open(), [0; 0], "{at}: left open");
        assert_eq!(self.flight.wake_at(), None, "{at}: a timer is left");
        let sum: i64 = self.flight.attempts().iter().filter_map(|a| a.cost).sum();
        let known = self.flight.attempts().iter().all(|a| a.cost.is_some());
        assert!(known, "{at}: not booked");
        let live = self.router.live(self.now);
        let used = request(NOW).request(|request| live.used(BudgetId(0), request));
        assert_eq!(i64::from(used), sum / BASIS_POINT, "{at}: charged");
        for target in TARGETS {
            let state = self.router.state(target).expect("it is declared");
            assert_eq!(state.inflight(), 0, "{at}: in flight at {target:?}");
            let waiting = state.signals(self.now + 60 * SECOND).slowness;
            assert!(waiting < 20.0, "{at}: somebody waits for {target:?}");
        }
        let next = Flight::new(&self.router, request(self.now), &live);
        assert_eq!(next.end(), None, "{at}: its place was not given back");
    }

    /// A breaker that looks for a probe can give it, and does so once.
    fn probes_are_free(&self, at: &str) -> usize {
        let mut free = 0;
        for target in TARGETS {
            let state = self.router.state(target).expect("it is declared");
            if state.position(self.now) == Position::HalfOpen {
                let again = state.admit(self.now, false);
                let Ok(permit @ Permit::Probe(_)) = again else {
                    panic!("{at}: {target:?} is held by nobody: {again:?}");
                };
                assert!(state.admit(self.now, false).is_err(), "{at}: twice");
                state.release(permit);
                free += 1;
            }
        }
        free
    }
}

#[test]
fn who_leaves_after_whatever_step_leaves_nothing_behind() {
    let mut occasions = BTreeSet::new();
    for (name, route, script) in scripts() {
        let image = image(FLEET, route);
        for probing in [None].into_iter().chain(TARGETS.map(Some)) {
            let (mut left, mut ends) = (0, 0);
            for prefix in 0..=script.len() {
                let at = format!("{name}, {probing:?}, after {prefix} steps");
                let router = router(&image, probing);
                let (mut ride, _) = Ride::new(&router);
                for step in &script[..prefix] {
                    ride.step(*step);
                }
                let before = ride.flight.end().cloned();
                let (open, booked) = (ride.open(), ride.flight.attempts().len());
                let gone = ride.on(Event::ClientGone);
                if before.is_some() {
                    assert_eq!(gone, [], "{at}: it was over");
                    assert_eq!(ride.flight.end(), before.as_ref(), "{at}");
                    ends += 1;
                } else {
                    let cancels = open.iter().map(|n| Action::Cancel(*n));
                    let wanted: Vec<_> = cancels.chain([Action::Finish]).collect();
                    assert_eq!(gone, wanted, "{at}");
                    assert_eq!(ride.flight.end(), Some(&End::ClientGone), "{at}");
                    for n in &open {
                        let attempt = &ride.flight.attempts()[*n];
                        assert_eq!(attempt.class, Class::ClientGone, "{at}");
                        let heard = attempt.connected.or(attempt.head).is_some();
                        assert_eq!(attempt.cost > Some(0), heard, "{at}: {n} may be billed");
                    }
                    left += 1;
                    if ride
                        .flight
                        .attempts()
                        .iter()
                        .any(|a| a.role.word().is_some())
                    {
                        occasions.insert(format!("{name}, helped"));
                    }
                    if open.is_empty() {
                        occasions.insert(format!("{name}, between two attempts"));
                    }
                }
                ride.is_over(&at);
                if ride.probes_are_free(&at) > 0 && before.is_none() {
                    occasions.insert(format!("{name}, {probing:?} probed"));
                }
                // Whatever the network still brings comes too late.
                for step in &script[prefix..] {
                    assert_eq!(ride.step(*step), [], "{at}: {step:?} came too late");
                }
                assert_eq!(ride.flight.attempts().len(), booked, "{at}");
                ride.is_over(&at);
                drop(ride.flight.record());
            }
            assert!(left > 2, "{name}: {left} and {ends}");
            if probing.is_none() {
                assert!(ends > 0, "{name}: the script ends, and not by the client");
            }
        }
    }
    let between = "a chain with a retry, between two attempts";
    assert!(occasions.contains(between), "{occasions:#?}");
    for (name, ..) in scripts() {
        let probed = format!("{name}, Some(TargetId(0)) probed");
        assert!(occasions.contains(&probed), "{probed}: {occasions:#?}");
    }
    for name in [
        "a race",
        "a cascade",
        "the best of an ensemble",
        "a merged answer",
    ] {
        let helped = format!("{name}, helped");
        assert!(occasions.contains(&helped), "{helped}: {occasions:#?}");
    }
}

#[test]
fn who_leaves_a_provider_that_bills_anyway_is_followed_by_the_usage_and_by_nothing_else() {
    let fleet = FLEET.replace("env KEY", "env KEY\n  on-disconnect drain 30s");
    let mut read_on = 0;
    for (name, route, script) in scripts() {
        let image = image(&fleet, route);
        for probing in [None, Some(TARGETS[0])] {
            for prefix in 0..=script.len() {
                let at = format!("{name}, {probing:?}, after {prefix} steps");
                let router = router(&image, probing);
                let (mut ride, _) = Ride::new(&router);
                for step in &script[..prefix] {
                    ride.step(*step);
                }
                if ride.flight.end().is_some() {
                    continue;
                }
                let (open, booked) = (ride.open(), ride.flight.attempts().len());
                let mut actions = ride.on(Event::ClientGone);
                for n in ride.open() {
                    assert!(ride.flight.attempts()[n].sent.is_some(), "{at}: {n}");
                    read_on += 1;
                }
                for step in &script[prefix..] {
                    actions.extend(ride.step(*step));
                }
                actions.extend(ride.step(Passes(30 * SECOND)));
                assert_eq!(actions.pop(), Some(Action::Finish), "{at}");
                let cancel =
                    |action: &Action| matches!(action, Action::Cancel(n) if open.contains(n));
                assert!(actions.iter().all(cancel), "{at}: {actions:?}");
                assert_eq!(ride.flight.attempts().len(), booked, "{at}");
                for n in open {
                    let class = ride.flight.attempts()[n].class;
                    assert_eq!(class, Class::ClientGone, "{at}: {n}");
                }
                ride.is_over(&at);
                ride.probes_are_free(&at);
            }
        }
    }
    assert!(read_on > 20, "{read_on} were read on");
}
