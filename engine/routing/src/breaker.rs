//! A circuit breaker in one atomic word.
//!
//! Closed → open on its trip rule; open → half-open when the pause is over; half-open lets one probe at a time through
//! and closes after enough successes. Every transition is a compare-and-swap, so exactly one caller wins a probe. The
//! pause is `U(½,1)·min(coolest, cool·2^k)` after the k-th opening in a row.

use crate::atomics::{
    AtomicU32, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed},
};
use crate::chance::Chance;
use crate::window::Window;
use crate::{MILLI, Nanos, SECOND};

/// Longest pause where none is written: a probe costs one request a few seconds at most, and a target that is well
/// again should have its share back within a minute, slow start and all.
const LONGEST: Nanos = 20 * SECOND;
/// Successes it can count: a rule that asks for more is content with these.
const MOST_SUCCESSES: u64 = 255;
/// Eras it tells apart: a probe that outlives so many closings by hand would be taken for one of its own.
const MOST_ERAS: u64 = 31;
/// Milliseconds of 139 years.
const UNTIL: u64 = (1 << 42) - 1;
/// Time from recovery to a full share where none is written.
const SLOW_START: Nanos = 20 * SECOND;

/// When a breaker opens, and how it closes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Opens above this share of failures, in basis points …
    pub error_rate: u32,
    /// … of so many attempts at least …
    pub min: u32,
    /// … within this span.
    pub over: Nanos,
    /// Opens after so many failures in a row; 0 is never.
    pub consecutive: u32,
    /// Base of the pause.
    pub cool: Nanos,
    /// Longest pause.
    pub coolest: Nanos,
    /// Successes in a row that close it.
    pub probe: u32,
    /// Time from then to a full share.
    pub slow_start: Nanos,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            error_rate: 5_000,
            min: 10,
            over: 10 * SECOND,
            consecutive: 5,
            cool: 3 * SECOND,
            coolest: LONGEST,
            probe: 3,
            slow_start: SLOW_START,
        }
    }
}

impl Rule {
    /// As a policy writes it.
    #[must_use]
    pub fn of(written: &mux_dsl::image::Breaker) -> Self {
        let cool = written.cool * MILLI;
        Self {
            // Without a span no share is written; none is above all of it.
            error_rate: if written.over == 0 {
                10_000
            } else {
                written.error_rate
            },
            min: written.min,
            over: written.over * MILLI,
            consecutive: written.failures,
            cool,
            coolest: written.cool_most.map_or(LONGEST.max(cool), |ms| ms * MILLI),
            probe: written.probe,
            slow_start: SLOW_START,
        }
    }
}

/// What a breaker says to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// Go.
    Free,
    /// Go, and report back whatever happens: nobody else may until then.
    Probe(Era),
}

/// The time between two closings by hand. A probe of an earlier one says nothing to the breaker any more: another may
/// be under way by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Era(u64);

/// As records and operators see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Attempts pass.
    Closed,
    /// None pass.
    Open,
    /// One at a time passes.
    HalfOpen,
}

impl Position {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

/// The word, unpacked: 2 bits of position, 1 of probing, 6 of openings, 8 of successes, 5 of the era, 42 of milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    position: Position,
    probing: bool,
    openings: u64,
    successes: u64,
    era: u64,
    until_ms: u64,
}

impl State {
    fn closed(era: u64) -> Self {
        Self {
            position: Position::Closed,
            probing: false,
            openings: 0,
            successes: 0,
            era,
            until_ms: 0,
        }
    }

    /// Whether a permit is that of the probe under way.
    fn probes(self, permit: Permit) -> bool {
        self.position == Position::HalfOpen
            && self.probing
            && permit == Permit::Probe(Era(self.era))
    }

    fn pack(self) -> u64 {
        let position = match self.position {
            Position::Closed => 0,
            Position::Open => 1,
            Position::HalfOpen => 2,
        };
        position << 62
            | u64::from(self.probing) << 61
            | self.openings.min(63) << 55
            | self.successes.min(MOST_SUCCESSES) << 47
            | (self.era & MOST_ERAS) << 42
            | self.until_ms & UNTIL
    }

    fn unpack(word: u64) -> Self {
        Self {
            position: match word >> 62 {
                0 => Position::Closed,
                1 => Position::Open,
                _ => Position::HalfOpen,
            },
            probing: word >> 61 & 1 == 1,
            openings: word >> 55 & 63,
            successes: word >> 47 & MOST_SUCCESSES,
            era: word >> 42 & MOST_ERAS,
            until_ms: word & UNTIL,
        }
    }
}

/// One breaker.
#[derive(Debug, Default)]
pub struct Breaker {
    word: AtomicU64,
    consecutive: AtomicU32,
}

impl Breaker {
    /// Asks to pass. `Err` holds the time the pause ends.
    ///
    /// # Errors
    /// When it is open, or another probe is under way.
    pub fn admit(&self, now: Nanos) -> Result<Permit, Nanos> {
        let mut word = self.word.load(Acquire);
        loop {
            let state = State::unpack(word);
            let next = match state.position {
                Position::Closed => return Ok(Permit::Free),
                Position::Open if now < state.until_ms * MILLI => {
                    return Err(state.until_ms * MILLI);
                }
                Position::HalfOpen if state.probing => return Err(now + 100 * MILLI),
                Position::Open | Position::HalfOpen => State {
                    position: Position::HalfOpen,
                    probing: true,
                    ..state
                },
            };
            match self
                .word
                .compare_exchange_weak(word, next.pack(), AcqRel, Acquire)
            {
                Ok(_) => return Ok(Permit::Probe(Era(next.era))),
                Err(seen) => word = seen,
            }
        }
    }

    /// An attempt served. Tells whether that closed it.
    pub fn success(&self, permit: Permit, rule: &Rule, window: &Window) -> bool {
        if self.consecutive.load(Relaxed) != 0 {
            self.consecutive.store(0, Relaxed);
        }
        if permit == Permit::Free {
            return false;
        }
        let next = self.change(|state| {
            if !state.probes(permit) {
                return None;
            }
            let successes = state.successes + 1;
            Some(if successes >= u64::from(rule.probe).min(MOST_SUCCESSES) {
                State::closed(state.era)
            } else {
                State {
                    probing: false,
                    successes,
                    ..state
                }
            })
        });
        let closed = next.is_some_and(|s| s.position == Position::Closed);
        if closed {
            window.clear();
        }
        closed
    }

    /// An attempt failed; the failure is in `window` already.
    pub fn failure(
        &self,
        permit: Permit,
        rule: &Rule,
        window: &Window,
        now: Nanos,
        chance: &mut Chance,
    ) {
        let row = self.consecutive.fetch_add(1, Relaxed).saturating_add(1);
        let trips = || {
            let counts = window.counts(rule.over, now);
            (rule.consecutive > 0 && row >= rule.consecutive)
                || (counts.total() >= rule.min
                    && counts.error_rate().is_some_and(|r| r > rule.error_rate))
        };
        let draw = chance.bits();
        self.change(|state| match state.position {
            Position::Closed if trips() => Some(open(state, rule, now, draw)),
            Position::HalfOpen if state.probes(permit) => Some(open(state, rule, now, draw)),
            _ => None,
        });
    }

    /// A probe ended without saying anything about the target.
    pub fn release(&self, permit: Permit) {
        self.change(|state| {
            state.probes(permit).then_some(State {
                probing: false,
                ..state
            })
        });
    }

    /// Closes it, whatever it knows. Its window is the caller's to clear.
    pub fn close(&self) {
        self.change(|state| Some(State::closed(state.era + 1)));
        self.consecutive.store(0, Relaxed);
    }

    /// Where it stands; an open one whose pause is over counts as half-open.
    #[must_use]
    pub fn position(&self, now: Nanos) -> Position {
        let state = State::unpack(self.word.load(Relaxed));
        if state.position == Position::Open && now >= state.until_ms * MILLI {
            Position::HalfOpen
        } else {
            state.position
        }
    }

    /// Applies `step` until it is stored or has nothing to change.
    fn change(&self, step: impl Fn(State) -> Option<State>) -> Option<State> {
        let mut word = self.word.load(Acquire);
        loop {
            let next = step(State::unpack(word))?;
            match self
                .word
                .compare_exchange_weak(word, next.pack(), AcqRel, Acquire)
            {
                Ok(_) => return Some(next),
                Err(seen) => word = seen,
            }
        }
    }
}

fn open(state: State, rule: &Rule, now: Nanos, draw: u64) -> State {
    let longest = rule
        .cool
        .saturating_mul(1 << state.openings.min(20))
        .min(rule.coolest);
    let pause = longest / 2 + Chance::new(draw).below(longest / 2 + 1);
    State {
        position: Position::Open,
        probing: false,
        openings: state.openings + 1,
        successes: 0,
        era: state.era,
        until_ms: (now + pause).div_ceil(MILLI),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PROBE: Permit = Permit::Probe(Era(0));

    fn fail(breaker: &Breaker, window: &Window, permit: Permit, now: Nanos) {
        window.record(false, now);
        breaker.failure(permit, &Rule::default(), window, now, &mut Chance::new(7));
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_three_probes_close_it() {
        let (breaker, window) = (Breaker::default(), <Window>::default());
        for _ in 0..5 {
            assert_eq!(breaker.admit(0), Ok(Permit::Free));
            fail(&breaker, &window, Permit::Free, 0);
        }
        let until = breaker.admit(0).unwrap_err();
        assert!(
            (3 * SECOND / 2..=3 * SECOND + MILLI).contains(&until),
            "{until}"
        );
        for _ in 0..3 {
            assert_eq!(breaker.admit(until), Ok(PROBE));
            assert!(breaker.admit(until).is_err(), "a second probe passed");
            breaker.success(PROBE, &Rule::default(), &window);
        }
        assert_eq!(breaker.admit(until), Ok(Permit::Free));
        assert_eq!(window.counts(60 * SECOND, until).total(), 0);
    }

    #[test]
    fn a_failed_probe_opens_it_for_longer() {
        let (breaker, window) = (Breaker::default(), <Window>::default());
        for _ in 0..5 {
            fail(&breaker, &window, Permit::Free, 0);
        }
        let mut now = breaker.admit(0).unwrap_err();
        let mut longest = 0;
        for _ in 0..8 {
            assert_eq!(breaker.admit(now), Ok(PROBE));
            fail(&breaker, &window, PROBE, now);
            let until = breaker.admit(now).unwrap_err();
            longest = longest.max(until - now);
            now = until;
        }
        assert!(
            longest > LONGEST / 2 && longest <= LONGEST + MILLI,
            "{longest}"
        );
    }

    #[test]
    fn a_probe_whose_client_left_lets_the_next_one_in() {
        let (breaker, window) = (Breaker::default(), <Window>::default());
        for _ in 0..5 {
            fail(&breaker, &window, Permit::Free, 0);
        }
        let now = breaker.admit(0).unwrap_err();
        assert_eq!(breaker.admit(now), Ok(PROBE));
        breaker.release(PROBE);
        assert_eq!(breaker.admit(now), Ok(PROBE));
    }

    proptest! {
        #[test]
        fn never_more_than_one_probe_is_under_way(steps in prop::collection::vec((0_u8..4, 0_u64..3_000), 1..300)) {
            let (breaker, window) = (Breaker::default(), <Window>::default());
            let (mut now, mut probes) = (0, 0_u32);
            for (step, ms) in steps {
                now += ms * MILLI;
                match (step, probes) {
                    (0, _) => probes += u32::from(breaker.admit(now) == Ok(PROBE)),
                    (1, 1) => { breaker.success(PROBE, &Rule::default(), &window); probes = 0; }
                    (2, 1) => { fail(&breaker, &window, PROBE, now); probes = 0; }
                    (3, 1) => { breaker.release(PROBE); probes = 0; }
                    (2, _) => fail(&breaker, &window, Permit::Free, now),
                    _ => {}
                }
                prop_assert!(probes <= 1);
            }
        }

        #[test]
        fn a_state_survives_packing(position in 0_u8..3, probing: bool, openings in 0_u64..64, successes in 0_u64..256, era in 0..=MOST_ERAS, until_ms in 0..=UNTIL) {
            let position = [Position::Closed, Position::Open, Position::HalfOpen][usize::from(position)];
            let state = State { position, probing, openings, successes, era, until_ms };
            prop_assert_eq!(State::unpack(state.pack()), state);
        }
    }
}
