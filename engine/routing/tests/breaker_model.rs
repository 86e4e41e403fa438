//! The breaker against a plain reference: whatever is asked of both, in whatever order, they say the same.
//!
//! The reference keeps what happened in lists and names its states; it shares nothing with the breaker but the rule. All
//! it does not know is the draw of a pause, which it holds to its bounds and then reads off.
#![expect(
    clippy::expect_used,
    reason = "a test that cannot set itself up should fail loudly"
)]

use mux_routing::breaker::{Breaker, Permit, Position, Rule};
use mux_routing::chance::Chance;
use mux_routing::window::Window;
use mux_routing::{MILLI, Nanos, SECOND};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::Cell;

/// What is done to a breaker. A number says which of the attempts under way.
#[derive(Clone, Copy, Debug)]
enum Command {
    /// An attempt asks to pass, and sets off if it may.
    Admit,
    /// One sets off without asking, since nothing else is left.
    Force,
    Serves(usize),
    Fails(usize),
    /// It ends without saying anything about the target.
    Leaves(usize),
    Passes(Nanos),
    /// An operator closes it.
    Close,
}

/// An attempt under way.
#[derive(Clone, Copy, Debug)]
struct Underway {
    permit: Permit,
    /// The probe that everyone waits for, as the reference has it.
    probes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stands {
    Closed,
    /// Until then.
    Open(Nanos),
    HalfOpen {
        probing: bool,
        served: u32,
    },
}

/// What the breaker promises, step by step.
struct Reference {
    rule: Rule,
    stands: Stands,
    /// Times it opened since it was closed.
    openings: u32,
    failures_in_a_row: u32,
    /// When attempts ended since it was closed by probes, and whether they served.
    ended: Vec<(Nanos, bool)>,
}

impl Reference {
    fn new(rule: Rule) -> Self {
        Self {
            rule,
            stands: Stands::Closed,
            openings: 0,
            failures_in_a_row: 0,
            ended: Vec::new(),
        }
    }

    fn position(&self, now: Nanos) -> Position {
        match self.stands {
            Stands::Closed => Position::Closed,
            Stands::Open(until) if now < until => Position::Open,
            Stands::Open(_) | Stands::HalfOpen { .. } => Position::HalfOpen,
        }
    }

    /// Whether an attempt may pass, and if so, whether it is a probe.
    fn admits(&mut self, now: Nanos) -> Option<bool> {
        match (self.position(now), self.stands) {
            (Position::Closed, _) => Some(false),
            (Position::Open, _) | (_, Stands::HalfOpen { probing: true, .. }) => None,
            (_, stands) => {
                let served = match stands {
                    Stands::HalfOpen { served, .. } => served,
                    _ => 0,
                };
                self.stands = Stands::HalfOpen {
                    probing: true,
                    served,
                };
                Some(true)
            }
        }
    }

    /// Tells whether that closes it.
    fn serves(&mut self, probes: bool, now: Nanos) -> bool {
        self.ended.push((now, true));
        self.failures_in_a_row = 0;
        let (true, Stands::HalfOpen { served, .. }) = (probes, self.stands) else {
            return false;
        };
        let closes = served + 1 >= self.rule.probe;
        if closes {
            *self = Self::new(self.rule);
        } else {
            self.stands = Stands::HalfOpen {
                probing: false,
                served: served + 1,
            };
        }
        closes
    }

    /// Tells the bounds of the pause, where it opens.
    fn fails(&mut self, probes: bool, now: Nanos) -> Option<(Nanos, Nanos)> {
        self.ended.push((now, false));
        self.failures_in_a_row += 1;
        let opens = match self.stands {
            Stands::Closed => self.trips(now),
            Stands::HalfOpen { .. } => probes,
            Stands::Open(_) => false,
        };
        let longest = (self.rule.cool << self.openings.min(20)).min(self.rule.coolest);
        opens.then_some((now + longest / 2, now + longest + MILLI))
    }

    fn trips(&self, now: Nanos) -> bool {
        let in_a_row = self.rule.consecutive > 0 && self.failures_in_a_row >= self.rule.consecutive;
        // A window is made of whole seconds, the present one among them.
        let since = (now / SECOND + 1).saturating_sub(self.rule.over.div_ceil(SECOND));
        let lately = || self.ended.iter().filter(|(at, _)| at / SECOND >= since);
        let (all, bad) = (lately().count(), lately().filter(|(_, good)| !good).count());
        let share = bad * 10_000 / all.max(1);
        in_a_row || all >= self.rule.min as usize && share > self.rule.error_rate as usize
    }

    fn opened(&mut self, until: Nanos) {
        self.openings += 1;
        self.stands = Stands::Open(until);
    }

    fn leaves(&mut self, probes: bool) {
        if let (true, Stands::HalfOpen { served, .. }) = (probes, self.stands) {
            self.stands = Stands::HalfOpen {
                probing: false,
                served,
            };
        }
    }
}

/// Both of them, and the attempts that are under way.
struct Pair {
    breaker: Breaker,
    window: Window,
    reference: Reference,
    underway: Vec<Underway>,
    now: Nanos,
    chance: Chance,
}

/// What a run has come by, so that no law holds for want of an occasion.
#[derive(Default)]
struct Seen {
    opened: Cell<u32>,
    opened_again: Cell<u32>,
    closed: Cell<u32>,
    turned_away: Cell<u32>,
    released: Cell<u32>,
    outlived: Cell<u32>,
}

fn count(cell: &Cell<u32>) {
    cell.set(cell.get() + 1);
}

impl Pair {
    fn new(rule: Rule, seed: u64) -> Self {
        Self {
            breaker: Breaker::default(),
            window: Window::default(),
            reference: Reference::new(rule),
            underway: Vec::new(),
            now: 100 * SECOND,
            chance: Chance::new(seed),
        }
    }

    fn does(&mut self, command: Command, seen: &Seen) -> Result<(), TestCaseError> {
        match command {
            Command::Admit => self.admit(seen)?,
            Command::Force => self.underway.push(Underway {
                permit: Permit::Free,
                probes: false,
            }),
            Command::Serves(which) => {
                if let Some(attempt) = self.take(which) {
                    self.serves(attempt, seen)?;
                }
            }
            Command::Fails(which) => {
                if let Some(attempt) = self.take(which) {
                    self.fails(attempt, seen)?;
                }
            }
            Command::Leaves(which) => {
                if let Some(attempt) = self.take(which) {
                    self.breaker.release(attempt.permit);
                    self.reference.leaves(attempt.probes);
                    if attempt.probes {
                        count(&seen.released);
                    }
                }
            }
            Command::Passes(span) => self.now += span,
            Command::Close => {
                self.breaker.close();
                self.window.clear();
                self.reference = Reference::new(self.reference.rule);
                for attempt in &mut self.underway {
                    attempt.probes = false;
                }
            }
        }
        let stands = self.reference.position(self.now);
        prop_assert_eq!(self.breaker.position(self.now), stands);
        let probes = self.underway.iter().filter(|a| a.probes).count();
        prop_assert!(probes <= 1, "{} probes at a time", probes);
        Ok(())
    }

    fn take(&mut self, which: usize) -> Option<Underway> {
        let at = which % self.underway.len().max(1);
        (at < self.underway.len()).then(|| self.underway.swap_remove(at))
    }

    fn admit(&mut self, seen: &Seen) -> Result<(), TestCaseError> {
        let expected = self.reference.admits(self.now);
        match (self.breaker.admit(self.now), expected) {
            (Ok(permit), Some(probes)) => {
                prop_assert_eq!(matches!(permit, Permit::Probe(_)), probes);
                self.underway.push(Underway { permit, probes });
            }
            (Err(until), None) => {
                count(&seen.turned_away);
                prop_assert!(until > self.now, "it is told to ask again, and when");
                if let Stands::Open(pause) = self.reference.stands {
                    prop_assert_eq!(until, pause);
                }
            }
            (said, expected) => prop_assert!(false, "{:?}, not {:?}", said, expected),
        }
        Ok(())
    }

    fn serves(&mut self, attempt: Underway, seen: &Seen) -> Result<(), TestCaseError> {
        let rule = self.reference.rule;
        self.window.record(true, self.now);
        let closed = self.breaker.success(attempt.permit, &rule, &self.window);
        prop_assert_eq!(closed, self.reference.serves(attempt.probes, self.now));
        if closed {
            count(&seen.closed);
            let left = self.window.counts(120 * SECOND, self.now);
            prop_assert_eq!(left.total(), 0, "what was before is forgotten");
        }
        self.outlived(attempt, seen);
        Ok(())
    }

    fn fails(&mut self, attempt: Underway, seen: &Seen) -> Result<(), TestCaseError> {
        let rule = self.reference.rule;
        self.window.record(false, self.now);
        self.breaker.failure(
            attempt.permit,
            &rule,
            &self.window,
            self.now,
            &mut self.chance,
        );
        if let Some((soonest, latest)) = self.reference.fails(attempt.probes, self.now) {
            prop_assert_eq!(self.breaker.position(self.now), Position::Open);
            let until = self.breaker.admit(self.now);
            let until = until.expect_err("an open breaker lets nobody pass");
            prop_assert!(
                (soonest..=latest).contains(&until),
                "opening {}: {} is not in {}..={}",
                self.reference.openings + 1,
                until,
                soonest,
                latest
            );
            self.reference.opened(until);
            count(if attempt.probes {
                &seen.opened_again
            } else {
                &seen.opened
            });
        }
        self.outlived(attempt, seen);
        Ok(())
    }

    /// A probe from before the breaker was closed by hand has ended while another is under way.
    fn outlived(&self, attempt: Underway, seen: &Seen) {
        let stale = matches!(attempt.permit, Permit::Probe(_)) && !attempt.probes;
        if stale && self.underway.iter().any(|a| a.probes) {
            count(&seen.outlived);
        }
    }
}

fn rule() -> impl Strategy<Value = Rule> {
    let trips = (0_u32..10_000, 1_u32..8, 1_u64..30_000, 0_u32..6);
    let cools = (2_u64..4_000, 1_u64..20, 1_u32..5);
    (trips, cools).prop_map(
        |((error_rate, min, over, consecutive), (cool, times, probe))| Rule {
            error_rate,
            min,
            over: over * MILLI,
            consecutive,
            cool: cool * MILLI,
            coolest: cool * times * MILLI,
            probe,
            ..Rule::default()
        },
    )
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        20 => Just(Command::Admit),
        2 => Just(Command::Force),
        7 => any::<usize>().prop_map(Command::Serves),
        8 => any::<usize>().prop_map(Command::Fails),
        3 => any::<usize>().prop_map(Command::Leaves),
        4 => (0_u64..1_000).prop_map(|ms| Command::Passes(ms * MILLI)),
        3 => (0_u64..40_000).prop_map(|ms| Command::Passes(ms * MILLI)),
        2 => Just(Command::Close),
    ]
}

#[test]
fn a_breaker_is_what_its_plain_reference_is() {
    let seen = Seen::default();
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 1_000,
        // Told by `mux`, not kept: the seed of a run is fixed.
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let commands = prop::collection::vec(command(), 0..300);
    let run = runner.run(
        &(rule(), any::<u64>(), commands),
        |(rule, seed, commands)| {
            let mut pair = Pair::new(rule, seed);
            commands
                .into_iter()
                .try_for_each(|command| pair.does(command, &seen))
        },
    );
    run.unwrap_or_else(|failed| panic!("{failed}"));
    for (what, times) in [
        ("opened", &seen.opened),
        ("opened again by a probe", &seen.opened_again),
        ("closed by probes", &seen.closed),
        ("turned away", &seen.turned_away),
        ("gave a probe back", &seen.released),
        (
            "was told by a probe that outlived its era while another probed",
            &seen.outlived,
        ),
    ] {
        let times = times.get();
        assert!(times > 0, "{what}: not once");
    }
}

/// Opens it by failures in a row.
fn opened(rule: &Rule, seed: u64) -> (Breaker, Window, Nanos) {
    let (breaker, window) = (Breaker::default(), Window::default());
    for _ in 0..rule.consecutive {
        window.record(false, 0);
        breaker.failure(Permit::Free, rule, &window, 0, &mut Chance::new(seed));
    }
    let until = breaker.admit(0).expect_err("it is open");
    (breaker, window, until)
}

#[test]
fn a_probe_that_an_operator_cut_off_does_not_let_a_second_one_in() {
    let rule = Rule::default();
    let (breaker, window, until) = opened(&rule, 1);
    let old = breaker.admit(until).expect("a probe");
    breaker.close();
    window.clear();
    for _ in 0..rule.consecutive {
        window.record(false, until);
        breaker.failure(Permit::Free, &rule, &window, until, &mut Chance::new(2));
    }
    let again = breaker.admit(until).expect_err("it is open again");
    assert!(matches!(breaker.admit(again), Ok(Permit::Probe(_))));
    breaker.success(old, &rule, &window);
    assert!(breaker.admit(again).is_err(), "one is under way");
    breaker.release(old);
    assert!(breaker.admit(again).is_err(), "still");
}

#[test]
fn a_breaker_that_is_to_see_more_successes_than_it_can_count_closes_all_the_same() {
    let rule = Rule {
        probe: 1_000,
        ..Rule::default()
    };
    let (breaker, window, until) = opened(&rule, 1);
    let closes = |_| {
        let probe = breaker.admit(until).expect("a probe");
        breaker.success(probe, &rule, &window)
    };
    assert_eq!((0..1_000).position(closes), Some(254));
}

#[test]
fn pauses_are_spread_over_all_of_their_bounds_and_grow_until_the_longest() {
    let rule = Rule::default();
    let (mut least, mut most) = ([Nanos::MAX; 6], [0; 6]);
    for seed in 0..400 {
        let (breaker, window, mut now) = opened(&rule, seed);
        let mut began = 0;
        for (least, most) in least.iter_mut().zip(&mut most) {
            let pause = now - began;
            (*least, *most) = ((*least).min(pause), (*most).max(pause));
            let probe = breaker.admit(now).expect("the pause is over");
            began = now;
            window.record(false, now);
            let mut chance = Chance::new(seed ^ now);
            breaker.failure(probe, &rule, &window, now, &mut chance);
            now = breaker.admit(now).expect_err("it is open");
        }
    }
    for (k, (least, most)) in least.into_iter().zip(most).enumerate() {
        let longest = (rule.cool << k).min(rule.coolest);
        assert!(
            least >= longest / 2 && least < longest * 55 / 100,
            "{k}: {least}"
        );
        assert!(
            most <= longest + MILLI && most > longest * 95 / 100,
            "{k}: {most}"
        );
    }
}
