//! How a plugin has done: what is counted of it, and whether it is set aside for its faults.
//!
//! Calls only add to atomics. A fault takes a lock, which nobody else waits for: faults are rare, and a plugin that has
//! many is soon not called any more.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::fault::Fault;

/// Faults that set a plugin aside, …
const FAULTS: usize = 5;
/// … from so many different inputs, so that one client that tries again does not, …
const INPUTS: usize = 3;
/// … within this time, …
const WINDOW: Duration = Duration::from_mins(1);
/// … being more than one in so many of its calls: a flaw that few requests meet costs those few.
const SHARE: u64 = 100;
/// By how much of its beginning, and by its length, one input is told from another, in bytes.
const TOLD_APART: usize = 64 << 10;
/// How long it is set aside the first time; each further time is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
/// The longest time it is set aside at once.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);
/// One call in so many is timed: a look at the clock costs a tenth of a short call.
const TIMED: u64 = 16;
/// A call that takes longer than this is known to.
const TICK: Duration = Duration::from_millis(1);
/// One call has so much less weight in what is usual than those before it together.
const WEIGHT: u64 = 8;
/// A plugin whose calls usually take longer than this is slow, in nanoseconds.
const SLOW: u64 = 250_000;

/// Whom to tell when a plugin is set aside.
pub(crate) type Tell = Arc<OnceLock<Box<dyn Fn() + Send + Sync>>>;

/// What is counted of one plugin of one version, by all its instances.
pub struct Standing {
    calls: AtomicU64,
    retries: AtomicU64,
    instances: AtomicU64,
    nanoseconds: AtomicU64,
    /// What a call usually takes, in nanoseconds: long ones and timed ones, the last of them counting most.
    usual: AtomicU64,
    faults: [AtomicU64; Kind::ALL.len()],
    quarantines: AtomicU64,
    /// Until when it is set aside, in milliseconds since `begun`; nought where it is not.
    until: AtomicU64,
    begun: Instant,
    recent: Mutex<Recent>,
    tell: Tell,
}

/// Faults of the last minute.
#[derive(Debug, Default)]
struct Recent {
    faults: Vec<Noted>,
    pause: Option<Duration>,
}

#[derive(Debug)]
struct Noted {
    at: Instant,
    input: blake3::Hash,
    /// Calls until then.
    calls: u64,
}

/// What plugins do wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Internal,
    Trap,
    Deadline,
    Memory,
    Output,
    Plan,
}

impl Kind {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Internal, "internal"),
        (Self::Trap, "trap"),
        (Self::Deadline, "deadline"),
        (Self::Memory, "memory"),
        (Self::Output, "output"),
        (Self::Plan, "plan"),
    ];

    fn of(fault: &Fault) -> Option<Self> {
        Some(match fault {
            Fault::Internal(_) => Self::Internal,
            Fault::Trap(_) => Self::Trap,
            Fault::Deadline => Self::Deadline,
            Fault::Memory => Self::Memory,
            Fault::Output(_) => Self::Output,
            Fault::Plan(_) => Self::Plan,
            _ => return None,
        })
    }
}

/// What was counted, at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Calls into the plugin, second tries included.
    pub calls: u64,
    /// Calls made once more on a fresh instance, because the first try failed on one that was used before.
    pub retries: u64,
    /// Instances made.
    pub instances: u64,
    /// Time spent in calls, in milliseconds; that of short calls is an estimate from one in sixteen.
    pub busy_ms: u64,
    /// Faults of the plugin's making, by their kind.
    pub faults: Faults,
    /// Times it was set aside.
    pub quarantines: u64,
    /// For how long it is set aside from now on, in milliseconds.
    pub aside_ms: u64,
}

/// Faults by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults([u64; Kind::ALL.len()]);

impl Faults {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Each kind by its name, with how many there were.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Kind::ALL
            .into_iter()
            .zip(self.0)
            .map(|((_, name), count)| (name, count))
    }
}

impl Serialize for Faults {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.each())
    }
}

impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Standing").field(&self.figures()).finish()
    }
}

impl Standing {
    pub(crate) fn new(tell: Tell) -> Self {
        let nought = || AtomicU64::new(0);
        Self {
            calls: nought(),
            retries: nought(),
            instances: nought(),
            nanoseconds: nought(),
            usual: nought(),
            faults: [const { AtomicU64::new(0) }; Kind::ALL.len()],
            quarantines: nought(),
            until: nought(),
            begun: Instant::now(),
            recent: Mutex::default(),
            tell,
        }
    }

    /// What was counted so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Figures {
            calls: read(&self.calls),
            retries: read(&self.retries),
            instances: read(&self.instances),
            busy_ms: read(&self.nanoseconds) / 1_000_000,
            faults: Faults(self.faults.each_ref().map(read)),
            quarantines: read(&self.quarantines),
            aside_ms: self.aside().map_or(0, milliseconds),
        }
    }

    /// For how long it is still set aside.
    #[must_use]
    pub fn aside(&self) -> Option<Duration> {
        let until = self.until.load(Ordering::Relaxed);
        if until == 0 {
            return None;
        }
        let until = Duration::from_millis(until);
        until.checked_sub(self.begun.elapsed())
    }

    /// Counts a call; the moment it begins at, where its turn to be timed has come.
    pub(crate) fn calls(&self) -> Option<Instant> {
        let before = self.calls.fetch_add(1, Ordering::Relaxed);
        before.is_multiple_of(TIMED).then(Instant::now)
    }

    /// Counts the time of a call. A long one is known by itself; of the others the timed one stands for all.
    pub(crate) fn took(&self, timed: Option<Instant>, long: Option<Duration>) {
        let (spent, calls) = match (long, timed) {
            (Some(long), _) => (long, 1),
            // What seems to be longer was spent waiting for a processor.
            (None, Some(began)) => (began.elapsed().min(TICK), TIMED),
            (None, None) => return,
        };
        let spent = u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds
            .fetch_add(spent.saturating_mul(calls), Ordering::Relaxed);
        let usual = self.usual.load(Ordering::Relaxed);
        // Two threads at once lose one of two figures that say the same.
        self.usual
            .store(usual - usual / WEIGHT + spent / WEIGHT, Ordering::Relaxed);
    }

    /// Whether calls usually take so long that others should not wait behind them.
    pub(crate) fn is_slow(&self) -> bool {
        self.usual.load(Ordering::Relaxed) > SLOW
    }

    /// Counts a second try.
    pub(crate) fn retried(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an instance.
    pub(crate) fn instantiated(&self) {
        self.instances.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts what a call came to in the end. Many faults of the plugin's own making, with inputs that differ, set it
    /// aside.
    pub(crate) fn failed(&self, plugin: &str, fault: &Fault, input: &[&[u8]]) {
        let Some(kind) = Kind::of(fault) else { return };
        if let Some(count) = self.faults.get(kind as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let mut hasher = blake3::Hasher::new();
        for part in input {
            hasher.update(&part.len().to_le_bytes());
            hasher.update(part.get(..TOLD_APART).unwrap_or(part));
        }
        let Some(pause) = self.noted(Instant::now(), hasher.finalize()) else {
            return;
        };
        tracing::error!(
            plugin,
            %fault,
            "too many of its calls fail: it is set aside for {} s; put a mended file in its place",
            pause.as_secs()
        );
        if let Some(tell) = self.tell.get() {
            tell();
        }
    }

    /// Notes a fault; for how long the plugin is set aside, where this one was too many.
    fn noted(&self, now: Instant, input: blake3::Hash) -> Option<Duration> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = self.calls.load(Ordering::Relaxed);
        let fresh = |noted: &Noted| now.saturating_duration_since(noted.at) < WINDOW;
        recent.faults.retain(fresh);
        recent.faults.push(Noted {
            at: now,
            input,
            calls,
        });
        let since_begun = now.saturating_duration_since(self.begun);
        let until = Duration::from_millis(self.until.load(Ordering::Relaxed));
        if since_begun < until {
            // Those that had begun before it was set aside.
            return None;
        }
        // Back from a pause it has to prove itself.
        let tried = !until.is_zero() && since_begun < until + WINDOW;
        let faults = recent.faults.as_slice();
        let mut inputs: Vec<_> = faults.iter().map(|noted| noted.input.as_bytes()).collect();
        inputs.sort_unstable();
        inputs.dedup();
        let often = faults.len() >= FAULTS && inputs.len() >= INPUTS;
        // The calls are those since the first fault, which is itself not among them.
        let first = faults.first().map_or(calls, |noted| noted.calls);
        let since_first = faults.len().saturating_sub(1) as u64;
        let share = since_first * SHARE > calls.saturating_sub(first);
        let too_many = often && share;
        if !(tried || too_many) {
            return None;
        }
        let pause = recent
            .pause
            .map_or(FIRST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE));
        recent.pause = Some(pause);
        recent.faults.clear();
        self.quarantines.fetch_add(1, Ordering::Relaxed);
        self.until
            .store(milliseconds(since_begun + pause).max(1), Ordering::Relaxed);
        Some(pause)
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Trial {
        standing: Standing,
        now: Instant,
    }

    impl Trial {
        fn new() -> Self {
            let standing = Standing::new(Tell::default());
            let now = standing.begun + Duration::from_millis(5);
            Self { standing, now }
        }

        /// A call that fails for this input, a second after the one before.
        fn fails(&mut self, input: u8) -> Option<u64> {
            self.now += Duration::from_secs(1);
            self.standing.calls();
            let pause = self.standing.noted(self.now, blake3::hash(&[input]));
            pause.map(|pause| pause.as_secs())
        }

        fn later(&mut self, seconds: u64) {
            self.now += Duration::from_secs(seconds);
        }
    }

    #[test]
    fn five_faults_with_three_inputs_within_a_minute_set_a_plugin_aside() {
        let mut trial = Trial::new();
        let told: Vec<_> = [1, 2, 3, 1, 2].map(|input| trial.fails(input)).into();
        assert_eq!(told, [None, None, None, None, Some(30)]);
        assert!(trial.standing.aside().is_some());
        assert_eq!(trial.standing.figures().quarantines, 1);
    }

    #[test]
    fn one_request_that_is_tried_again_and_again_sets_no_plugin_aside() {
        let mut trial = Trial::new();
        assert!((0..100).all(|n| trial.fails(n % 2).is_none()));
    }

    #[test]
    fn faults_that_are_far_apart_set_no_plugin_aside() {
        let mut trial = Trial::new();
        for input in 0..100 {
            trial.later(15);
            assert_eq!(trial.fails(input), None);
        }
    }

    #[test]
    fn a_flaw_that_one_call_in_a_hundred_meets_sets_no_plugin_aside() {
        let mut trial = Trial::new();
        for input in 0..20 {
            for _ in 0..120 {
                trial.standing.calls();
            }
            assert_eq!(trial.fails(input), None);
        }
    }

    #[test]
    fn back_from_a_pause_one_fault_is_enough_and_the_pause_doubles() {
        let mut trial = Trial::new();
        for input in 0..5 {
            trial.fails(input);
        }
        assert_eq!(trial.fails(9), None, "begun before");
        let mut pauses = Vec::new();
        for _ in 0..6 {
            let last = pauses.last().copied().unwrap_or(30);
            trial.later(last + 10);
            pauses.extend(trial.fails(9));
        }
        assert_eq!(pauses, [60, 120, 240, 480, 600, 600]);
        trial.later(600 + 90);
        assert_eq!(trial.fails(9), None, "a minute without a fault clears it");
    }

    #[test]
    fn whoever_is_to_be_told_is_told_once() {
        let tell = Tell::default();
        let told = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&told);
        let _ = tell.set(Box::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        }));
        let standing = Standing::new(tell);
        for input in 0..9_u8 {
            standing.failed("p", &Fault::Deadline, &[&[input]]);
            standing.failed("p", &Fault::Busy, &[&[input]]);
        }
        assert_eq!(told.load(Ordering::Relaxed), 1);
        let faults: Vec<_> = standing
            .figures()
            .faults
            .each()
            .filter(|(_, n)| *n > 0)
            .collect();
        assert_eq!(faults, [("deadline", 9)]);
    }
}
