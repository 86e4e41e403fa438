//! How slow a target is, compared with itself, and counting the attempts that still wait.
//!
//! A hang shows in the attempts that have not been answered long before the first of them times out; so their mean age
//! is compared with the usual time to first content as well as the latest times are (linkerd's load biaser counts what
//! is pending, too). Times are divided by what a prompt of that length takes, or long prompts would look like a
//! brown-out.

use crate::score::SLOW;
use crate::{MILLI, Nanos, SECOND};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// What the latest times are averaged over …
const RECENT: f64 = 2e9;
/// … and the usual ones, and those while the target is slow: an incident must not become what is usual.
const USUAL: f64 = 1_800e9;
const USUAL_WHILE_SLOW: f64 = 14_400e9;
/// However rare samples are, one is not more than this part of the average.
const MOST: f64 = 0.2;
/// Fewest samples that say what is usual, and the least time they must span: the first answers of many at once are the
/// quickest of them.
const KNOWN: u32 = 10;
const SETTLED: Nanos = 5 * SECOND;
/// Usual time to first content of a target that is not known yet.
const UNKNOWN: Nanos = 1_500 * MILLI;
/// So many attempts waiting say something together; fewer say less, by as many as they are fewer.
const SEVERAL: f64 = 3.0;
/// A prompt of so many tokens takes twice as long as none.
const DOUBLE: u64 = 4_000;

/// Times to first content of one target, of one kind of answer.
#[derive(Debug, Default)]
pub struct Latency {
    /// Averages of the logarithm of milliseconds; see [`Average`].
    recent: AtomicU64,
    usual: AtomicU64,
    samples: AtomicU32,
    /// When the first attempt began, plus one.
    first: AtomicU64,
    /// Attempts without content so far, the sum of when they began in microseconds, and of [`share`].
    waiting: AtomicU32,
    since: AtomicU64,
    shares: AtomicU64,
}

/// A prompt's part of its time, in 256ths: what an empty one takes is 256.
fn share(tokens: u32) -> u64 {
    256 + u64::from(tokens) * 256 / DOUBLE
}

impl Latency {
    /// An attempt has begun.
    pub fn begin(&self, tokens: u32, now: Nanos) {
        if self.first.load(Relaxed) == 0 {
            self.first.store(now + 1, Relaxed);
        }
        self.waiting.fetch_add(1, Relaxed);
        self.since.fetch_add(now / 1_000, Relaxed);
        self.shares.fetch_add(share(tokens), Relaxed);
    }

    /// An attempt that began at `start` waits no longer, for whatever reason.
    pub fn leave(&self, tokens: u32, start: Nanos) {
        self.waiting.fetch_sub(1, Relaxed);
        self.since.fetch_sub(start / 1_000, Relaxed);
        self.shares.fetch_sub(share(tokens), Relaxed);
    }

    /// Content came after `elapsed`.
    pub fn answered(&self, tokens: u32, elapsed: Nanos, slow: bool, now: Nanos) {
        let ln = (millis(elapsed) * 256.0 / count(share(tokens)))
            .max(0.1)
            .ln();
        let n = self.samples.fetch_add(1, Relaxed).saturating_add(1);
        // The first ones count alike, whenever they come.
        let least = 1.0 / f64::from(n.min(1 << 20));
        Average::add(&self.recent, ln, RECENT, least, now);
        if slow {
            Average::add(&self.usual, ln, USUAL_WHILE_SLOW, 0.0, now);
        } else {
            Average::add(&self.usual, ln, USUAL, least, now);
        }
    }

    /// Now over usual: the larger of what came lately and of what still waits. `tolerance` multiplies what is usual for
    /// the latter, for answers whose times vary more.
    #[must_use]
    pub fn slowness(&self, tolerance: f64, now: Nanos) -> f64 {
        let usual = self.usual(now);
        let (known, usual_ms) = match usual {
            Some(ms) => (true, ms),
            None => (false, millis(UNKNOWN)),
        };
        let recent = Average::of(&self.recent).filter(|_| known);
        let recent = recent.map_or(0.0, |ln| ln.exp() / usual_ms);
        let waiting = self.waiting.load(Relaxed);
        if waiting == 0 {
            return recent;
        }
        let n = f64::from(waiting);
        // Both sums are read without a lock; what changes between shows as a moment's error of one attempt.
        let began = count(self.since.load(Relaxed)) / n;
        let age = (count(now / 1_000) - began).max(0.0) / 1_000.0;
        let share = (count(self.shares.load(Relaxed)) / 256.0 / n).max(1.0);
        let waits = age / share / (usual_ms * tolerance);
        recent.max(waits * (n / SEVERAL).min(1.0))
    }

    /// Attempts that wait.
    #[must_use]
    pub fn waiting(&self) -> f64 {
        f64::from(self.waiting.load(Relaxed))
    }

    /// Usual time to first content of an empty prompt, milliseconds.
    #[must_use]
    pub fn usual(&self, now: Nanos) -> Option<f64> {
        let known = self.samples.load(Relaxed) >= KNOWN
            && now > self.first.load(Relaxed).saturating_add(SETTLED);
        Average::of(&self.usual).filter(|_| known).map(f64::exp)
    }

    /// Whether a ratio is slowness.
    #[must_use]
    pub fn is_slow(slowness: f64) -> bool {
        slowness > SLOW
    }
}

/// An average in one word, so that value and time change together: 32 bits of `f32`, 32 bits of milliseconds plus one.
struct Average;

impl Average {
    /// Adds a sample: its part is what the time since the last one says, at least `least` and at most [`MOST`].
    fn add(word: &AtomicU64, sample: f64, span: f64, least: f64, now: Nanos) {
        let at = (now / MILLI) & 0xffff_ffff;
        // Whoever loses the race adds to what the other left; a sample in a thousand is not missed.
        let _ = word.fetch_update(Relaxed, Relaxed, |seen| {
            let next = if seen == 0 {
                sample
            } else {
                let (value, then) = Self::unpack(seen);
                let elapsed = count(at.saturating_sub(then)) * count(MILLI);
                let part = 1.0 - (-elapsed / span).exp();
                value + (sample - value) * part.min(MOST).max(least)
            };
            Some(Self::pack(next, at))
        });
    }

    fn of(word: &AtomicU64) -> Option<f64> {
        match word.load(Relaxed) {
            0 => None,
            seen => Some(Self::unpack(seen).0),
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "seven digits of a logarithm are more than enough"
    )]
    fn pack(value: f64, at: u64) -> u64 {
        // Zero is an average of nothing; a sample that is exactly that is told from it by the smallest change.
        (u64::from((value as f32).to_bits()) << 32 | at).max(1)
    }

    fn unpack(word: u64) -> (f64, u64) {
        (
            f64::from(f32::from_bits((word >> 32) as u32)),
            word & 0xffff_ffff,
        )
    }
}

fn millis(time: Nanos) -> f64 {
    count(time) / count(MILLI)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds of 285 years are exact"
)]
fn count(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Nanos = 60 * SECOND;

    /// A target that answers after 500 ms, twenty times a second, for a minute.
    fn usual() -> Latency {
        let latency = Latency::default();
        for i in 0..1_200 {
            let now = i * 50 * MILLI;
            latency.begin(0, now);
            latency.leave(0, now);
            latency.answered(0, 500 * MILLI, false, now);
        }
        latency
    }

    #[test]
    fn a_hang_shows_within_seconds_and_before_anything_times_out() {
        let latency = usual();
        for i in 0..80 {
            latency.begin(0, MINUTE + i * 50 * MILLI);
        }
        let slowness = latency.slowness(1.0, MINUTE + 4 * SECOND);
        assert!((3.5..4.5).contains(&slowness), "{slowness}");
    }

    #[test]
    fn a_long_prompt_is_no_brown_out() {
        let latency = usual();
        for i in 0..200 {
            // 40 k tokens take eleven times as long.
            latency.answered(40_000, 5_500 * MILLI, false, MINUTE + i * 50 * MILLI);
        }
        for i in 0..20 {
            latency.begin(40_000, MINUTE + 10 * SECOND + i * 50 * MILLI);
        }
        let slowness = latency.slowness(1.0, MINUTE + 11 * SECOND);
        assert!(slowness < 1.1, "{slowness}");
    }

    #[test]
    fn an_incident_does_not_become_what_is_usual() {
        let latency = usual();
        for i in 0..2_400 {
            latency.answered(0, 2_500 * MILLI, true, MINUTE + i * 50 * MILLI);
        }
        let slowness = latency.slowness(1.0, 3 * MINUTE);
        assert!((4.5..5.2).contains(&slowness), "{slowness}");
    }

    #[test]
    fn scaling_all_times_changes_nothing() {
        let at = |scale: u64| {
            let latency = Latency::default();
            for i in 0..100 {
                let now = i * SECOND * scale;
                latency.begin(0, now);
                latency.leave(0, now);
                latency.answered(0, 300 * MILLI * scale, false, now + 300 * MILLI * scale);
            }
            for i in 0..5 {
                latency.begin(0, 100 * SECOND * scale + i * 10 * MILLI * scale);
            }
            latency.slowness(1.0, 101 * SECOND * scale)
        };
        assert!((at(1) - at(7)).abs() < 0.05, "{} {}", at(1), at(7));
    }

    #[test]
    fn one_that_waits_is_no_sign_until_it_waits_long() {
        let latency = usual();
        latency.begin(0, MINUTE);
        assert!(latency.slowness(1.0, MINUTE + SECOND) < 1.1);
        assert!(latency.slowness(1.0, MINUTE + 4 * SECOND) > 2.5);
        latency.leave(0, MINUTE);
        assert!(latency.slowness(1.0, MINUTE + 4 * SECOND) < 1.1);
    }
}
