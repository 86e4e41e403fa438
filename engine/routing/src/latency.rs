//! How slow a target is, compared with itself, and counting the attempts that still wait.
//!
//! A hang shows in the attempts that have not been answered long before the first of them times out; so their mean age
//! is compared with the usual time to first content as well as the latest times are (linkerd's load biaser counts what
//! is pending, too). Of many that came at once the slowest are the last to wait, which says nothing: so those that wait
//! count no more than all time that was waited of late says for each answer that came of late, the estimate of a mean
//! from lifetimes of which some have not ended (Epstein and Sobel, "Life testing", 1953). Times are divided by what a
//! prompt of that length takes, or long prompts would look like a brown-out.

use crate::atomics::{AtomicU64, Ordering::Relaxed};
use crate::logarithm::ln;
use crate::score::SLOW;
use crate::{MILLI, Nanos, SECOND};

/// What the latest times are averaged over, in milliseconds …
const RECENT: f64 = 2e3;
/// … and the usual ones, and those while the target is slow: an incident must not become what is usual.
const USUAL: f64 = 1_800e3;
const USUAL_WHILE_SLOW: f64 = 14_400e3;
/// However rare samples are, one is not more than this part of the average.
const MOST: f64 = 0.2;
/// Fewest samples that say what is usual, and the least time they must span: the first answers of many at once are the
/// quickest of them.
const KNOWN: u64 = 10;
const SETTLED: Nanos = 5 * SECOND;
/// Usual time to first content of a target that is not known yet.
const UNKNOWN: Nanos = 1_500 * MILLI;
/// So many attempts waiting say something together; fewer say less, by as many as they are fewer.
const SEVERAL: f64 = 3.0;
/// A prompt of so many tokens takes twice as long as none.
const DOUBLE: u64 = 4_000;

/// Times to first content of one target, of one kind of answer. Every answer changes all of it, so what changes together
/// lies in one word.
#[derive(Debug, Default)]
pub struct Latency {
    /// An average of the logarithm of milliseconds, 32 bits of `f32`; 32 bits of the millisecond of the last sample. 0 is
    /// none.
    recent: AtomicU64,
    /// The same over a long time, and in the other bits how many samples there were.
    usual: AtomicU64,
    /// Answers of late, each counting less the older it is: 32 bits of `f32`, and as above.
    flow: AtomicU64,
    /// When the first attempt began, plus one.
    first: AtomicU64,
    /// Attempts without content so far, in the lower 20 bits; above them the sum of when they began, in [`TICK`]s, which
    /// may come round: what counts is how much less it is than if all began now.
    waiting: AtomicU64,
    /// The sum of what their prompts add; see [`surplus`].
    surplus: AtomicU64,
}

/// Waits are told apart by so much.
const TICK: Nanos = 16_000;
const WAITING: u64 = (1 << 20) - 1;
/// What an empty prompt takes.
const EMPTY: u64 = 256;

/// What a prompt adds to its time, where that of an empty one is [`EMPTY`].
fn surplus(tokens: u32) -> u64 {
    u64::from(tokens) * EMPTY / DOUBLE
}

/// One that waits since then.
fn one(start: Nanos) -> u64 {
    (start / TICK) << 20 | 1
}

impl Latency {
    /// An attempt has begun.
    pub fn begin(&self, tokens: u32, now: Nanos) {
        if self.first.load(Relaxed) == 0 {
            self.first.store(now + 1, Relaxed);
        }
        self.waiting.fetch_add(one(now), Relaxed);
        let surplus = surplus(tokens);
        if surplus > 0 {
            self.surplus.fetch_add(surplus, Relaxed);
        }
    }

    /// Whether any attempt ever has.
    #[must_use]
    pub fn begun(&self) -> bool {
        self.first.load(Relaxed) != 0
    }

    /// An attempt that began at `start` waits no longer, for whatever reason.
    pub fn leave(&self, tokens: u32, start: Nanos) {
        self.waiting.fetch_sub(one(start), Relaxed);
        let surplus = surplus(tokens);
        if surplus > 0 {
            self.surplus.fetch_sub(surplus, Relaxed);
        }
    }

    /// Content came after `elapsed`.
    pub fn answered(&self, tokens: u32, elapsed: Nanos, slow: bool, now: Nanos) {
        let share = count(EMPTY) / count(EMPTY + surplus(tokens));
        let sample = ln((millis(elapsed) * share).max(0.1));
        let (recent, usual) = (self.recent.load(Relaxed), self.usual.load(Relaxed));
        let ((lately, then), (value, samples)) = (unpack(recent), unpack(usual));
        // The first ones count alike, whenever they come.
        let least = 1.0 / count((samples + 1).min(1 << 20));
        let at = (now / MILLI) & LOWER;
        let passed = count(at.saturating_sub(then));
        let next = match recent {
            0 => sample,
            _ => toward(lately, sample, part(passed * (1.0 / RECENT)).max(least)),
        };
        // Stored without regard to whoever else does so at the same moment: an average can miss one of many samples, and
        // what makes sure of each costs as much as all the rest.
        self.recent.store(pack(next, at), Relaxed);
        let next = match (samples, slow) {
            (0, _) => sample,
            (_, false) => toward(value, sample, part(passed * (1.0 / USUAL)).max(least)),
            (_, true) => toward(value, sample, part(passed * (1.0 / USUAL_WHILE_SLOW))),
        };
        let word = pack(next, (samples + 1).min(LOWER));
        self.usual.store(word, Relaxed);
        self.flow.store(pack(self.flow(now) + 1.0, at), Relaxed);
    }

    /// Forgets how it was of late; what is usual stays.
    pub fn forget(&self) {
        self.recent.store(0, Relaxed);
        self.flow.store(0, Relaxed);
    }

    /// Answers of about the time that [`RECENT`] is.
    fn flow(&self, now: Nanos) -> f64 {
        let (flow, then) = unpack(self.flow.load(Relaxed));
        let passed = ((now / MILLI) & LOWER).saturating_sub(then);
        flow * left(count(passed) * (1.0 / RECENT))
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
        let word = self.recent.load(Relaxed);
        let recent = if known && word != 0 {
            unpack(word).0.exp() / usual_ms
        } else {
            0.0
        };
        let word = self.waiting.load(Relaxed);
        let waiting = word & WAITING;
        if waiting == 0 {
            return recent;
        }
        let n = count(waiting);
        let all_now = waiting.wrapping_mul(now / TICK) << 20;
        let ticks = all_now.wrapping_sub(word & !WAITING) >> 20;
        // Another thread's clock may be ahead by a little.
        let ticks = if ticks >> 43 == 0 { count(ticks) } else { 0.0 };
        let age = ticks * count(TICK) / count(MILLI) / n;
        let share = 1.0 + count(self.surplus.load(Relaxed)) / count(EMPTY) / n;
        let waits = age / share / (usual_ms * tolerance);
        let all = waits * n / self.flow(now).max(1e-6) + recent.max(1.0);
        recent.max((waits * (n / SEVERAL).min(1.0)).min(all))
    }

    /// Attempts that wait.
    #[must_use]
    pub fn waiting(&self) -> f64 {
        count(self.waiting.load(Relaxed) & WAITING)
    }

    /// Usual time to first content of an empty prompt, milliseconds.
    #[must_use]
    pub fn usual(&self, now: Nanos) -> Option<f64> {
        let (value, samples) = unpack(self.usual.load(Relaxed));
        let known = samples >= KNOWN && now > self.first.load(Relaxed).saturating_add(SETTLED);
        known.then(|| value.exp())
    }

    /// Whether a ratio is slowness.
    #[must_use]
    pub fn is_slow(slowness: f64) -> bool {
        slowness > SLOW
    }
}

const LOWER: u64 = 0xffff_ffff;

/// A part of the way from an average to a sample.
fn toward(value: f64, sample: f64, part: f64) -> f64 {
    value + (sample - value) * part
}

/// The part of an average that a sample is, so long after the one before: `1 - exp(-x)`, as a series that is good to six
/// digits up to where [`MOST`] is reached.
fn part(x: f64) -> f64 {
    const HALF: f64 = 1.0 / 2.0;
    const SIXTH: f64 = 1.0 / 6.0;
    const OF_24: f64 = 1.0 / 24.0;
    const OF_120: f64 = 1.0 / 120.0;
    let x = x.min(0.25);
    let series = x * (1.0 - x * (HALF - x * (SIXTH - x * (OF_24 - x * OF_120))));
    series.min(MOST)
}

/// What is left of a count after so long: near enough to `exp(-x)`, and never less.
fn left(x: f64) -> f64 {
    1.0 / (1.0 + x * (1.0 + x * (0.5 + x * (1.0 / 6.0))))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "seven digits of a logarithm are more than enough"
)]
fn pack(value: f64, other: u64) -> u64 {
    // Zero is an average of nothing; a sample that is exactly that is told from it by the smallest change.
    (u64::from((value as f32).to_bits()) << 32 | other).max(1)
}

fn unpack(word: u64) -> (f64, u64) {
    (f64::from(f32::from_bits((word >> 32) as u32)), word & LOWER)
}

fn millis(time: Nanos) -> f64 {
    count(time) * 1e-6
}

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds of 285 years are exact"
)]
fn count(n: u64) -> f64 {
    // Signed, as that is one instruction.
    n.cast_signed() as f64
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
    fn a_sample_is_the_part_of_an_average_that_the_time_before_it_says() {
        for thousandths in 0..2_000 {
            let x = f64::from(thousandths) / 1_000.0;
            let exact = (1.0 - (-x).exp()).min(MOST);
            assert!((part(x) - exact).abs() < 1e-6, "{x}");
        }
    }

    #[test]
    fn many_that_wait_are_as_old_as_each_of_them() {
        let day = 86_400 * SECOND;
        let latency = usual();
        for start in [MINUTE + 20 * SECOND, day, 400 * day] {
            for n in [1, 10, 100_000] {
                (0..n).for_each(|_| latency.begin(20_000, start));
                // What 20 000 tokens take is six times what none take.
                let slowness = latency.slowness(1.0, start + 60 * SECOND);
                let expected = 20.0 * (f64::from(n) / SEVERAL).min(1.0);
                let usual = latency.usual(start + 60 * SECOND).is_some();
                let expected = if usual { expected } else { expected / 3.0 };
                assert!((slowness / expected - 1.0).abs() < 0.01, "{slowness}");
                assert!(latency.slowness(1.0, start) < 1.1, "none is older than now");
                (0..n).for_each(|_| latency.leave(20_000, start));
            }
        }
        assert_eq!(latency.waiting().to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn the_slowest_of_many_that_came_at_once_are_no_hang() {
        let latency = usual();
        let later = MINUTE + 20 * SECOND;
        for _ in 0..40 {
            latency.begin(0, later);
        }
        for i in 0..35 {
            let elapsed = (300 + 20 * i) * MILLI;
            latency.leave(0, later);
            latency.answered(0, elapsed, false, later + elapsed);
        }
        // Five are left, at three times what is usual.
        let slowness = latency.slowness(1.0, later + 1_500 * MILLI);
        assert!((1.0..1.8).contains(&slowness), "{slowness}");
        // Until those are the only news.
        let slowness = latency.slowness(1.0, later + 9 * SECOND);
        assert!(slowness > 10.0, "{slowness}");
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
        assert!(latency.slowness(1.0, MINUTE + 5 * SECOND) > 2.5);
        latency.leave(0, MINUTE);
        assert!(latency.slowness(1.0, MINUTE + 5 * SECOND) < 1.1);
    }
}
