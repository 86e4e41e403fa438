//! Exact counts of the last two minutes: one bucket a second where nothing else is said, no locks.
//!
//! A decayed average would give a tight burst almost no weight and can hide a total outage; trips and error rates read
//! exact buckets instead (the lesson of linkerd's unified failure accrual).

use crate::atomics::{AtomicU64, Ordering::Relaxed};
use crate::{Nanos, SECOND};

/// Buckets that cannot be asked for: they keep a late reader from seeing a bucket reused.
const SPARE: u64 = 8;

/// Successes and failures, in so many buckets of so many nanoseconds.
#[derive(Debug)]
pub struct Window<const BUCKETS: usize = 128, const UNIT: Nanos = SECOND> {
    /// 24 bits of the number of the unit it counts, 20 bits each of successes and failures.
    buckets: [AtomicU64; BUCKETS],
}

impl<const BUCKETS: usize, const UNIT: Nanos> Default for Window<BUCKETS, UNIT> {
    fn default() -> Self {
        Self {
            buckets: std::array::from_fn(|_| AtomicU64::new(EMPTY)),
        }
    }
}

/// A bucket of no second that will be asked for.
const EMPTY: u64 = STAMP << 40;
const STAMP: u64 = 0xff_ffff;
const COUNT: u64 = 0xf_ffff;

/// What happened in some span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Attempts that served.
    pub good: u32,
    /// Attempts that failed.
    pub bad: u32,
}

/// Fewest attempts that policies are told an error rate of.
const ENOUGH: u32 = 5;

impl Counts {
    /// Attempts.
    #[must_use]
    pub fn total(self) -> u32 {
        self.good + self.bad
    }

    /// Share that failed, in basis points; `None` of nothing.
    #[must_use]
    pub fn error_rate(self) -> Option<u32> {
        let share = (u64::from(self.bad) * 10_000).checked_div(u64::from(self.total()))?;
        u32::try_from(share).ok()
    }

    /// The same of enough to tell.
    pub(crate) fn told(self) -> Option<u32> {
        self.error_rate().filter(|_| self.total() >= ENOUGH)
    }
}

impl<const BUCKETS: usize, const UNIT: Nanos> Window<BUCKETS, UNIT> {
    /// Units that can be asked for.
    const LONGEST: u64 = BUCKETS as u64 - SPARE;

    /// Counts one attempt.
    pub fn record(&self, good: bool, now: Nanos) {
        let second = (now / UNIT) & STAMP;
        let Some(bucket) = self.bucket(second) else {
            return;
        };
        let word = bucket.load(Relaxed);
        let (good_n, bad_n) = ((word >> 20) & COUNT, word & COUNT);
        // Far from where a count would run over into its neighbour, whoever else adds at the same time.
        if word >> 40 == second && good_n.max(bad_n) < COUNT / 2 {
            bucket.fetch_add(if good { 1 << 20 } else { 1 }, Relaxed);
            return;
        }
        let _ = bucket.fetch_update(Relaxed, Relaxed, |word| {
            let (good_n, bad_n) = if word >> 40 == second {
                ((word >> 20) & COUNT, word & COUNT)
            } else {
                (0, 0)
            };
            let good_n = (good_n + u64::from(good)).min(COUNT);
            let bad_n = (bad_n + u64::from(!good)).min(COUNT);
            Some(second << 40 | good_n << 20 | bad_n)
        });
    }

    /// Counts of the `span` that ends now; at most of all that is kept.
    #[must_use]
    pub fn counts(&self, span: Nanos, now: Nanos) -> Counts {
        let [counts] = self.lately([span], now);
        counts
    }

    /// The same of several spans, the shortest first, each bucket read once.
    #[must_use]
    pub fn lately<const N: usize>(&self, spans: [Nanos; N], now: Nanos) -> [Counts; N] {
        let last = now / UNIT;
        let mut counts = Counts::default();
        let mut second = last;
        spans.map(|span| {
            let units = span.div_ceil(UNIT).clamp(1, Self::LONGEST);
            let first = last.saturating_sub(units - 1);
            // One before the first is the end; of the very first second there is none.
            while second >= first && second <= last {
                let stamp = second & STAMP;
                let word = self.bucket(stamp).map_or(EMPTY, |b| b.load(Relaxed));
                if word >> 40 == stamp {
                    counts.good += u32::try_from((word >> 20) & COUNT).unwrap_or(u32::MAX);
                    counts.bad += u32::try_from(word & COUNT).unwrap_or(u32::MAX);
                }
                second = second.wrapping_sub(1);
            }
            counts
        })
    }

    /// Successes and failures, each weighing less the older it is: by `e` in so much time.
    #[must_use]
    pub fn decayed(&self, span: Nanos, now: Nanos) -> (f64, f64) {
        let last = now / UNIT;
        let step = (-seconds(UNIT) / seconds(span).max(1e-3)).exp();
        let (mut weight, mut good, mut bad) = (1.0, 0.0, 0.0);
        for second in (last.saturating_sub(Self::LONGEST - 1)..=last).rev() {
            let stamp = second & STAMP;
            let word = self.bucket(stamp).map_or(EMPTY, |b| b.load(Relaxed));
            if word >> 40 == stamp {
                let part = |bits: u64| f64::from(u32::try_from(bits & COUNT).unwrap_or(0));
                good += weight * part(word >> 20);
                bad += weight * part(word);
            }
            weight *= step;
            if weight < FAINT {
                break;
            }
        }
        (good, bad)
    }

    /// Forgets everything, as after a recovery.
    pub fn clear(&self) {
        for bucket in &self.buckets {
            bucket.store(EMPTY, Relaxed);
        }
    }

    fn bucket(&self, second: u64) -> Option<&AtomicU64> {
        self.buckets
            .get(usize::try_from(second % BUCKETS as u64).ok()?)
    }
}

/// Counts that weigh less are not looked at.
const FAINT: f64 = 0.01;

#[expect(clippy::cast_precision_loss, reason = "spans of minutes are exact")]
fn seconds(span: Nanos) -> f64 {
    span as f64 / SECOND as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exact_and_expire() {
        let window = <Window>::default();
        for second in 0..40 {
            window.record(second % 4 != 0, second * SECOND);
        }
        assert_eq!(
            window.counts(40 * SECOND, 39 * SECOND),
            Counts { good: 30, bad: 10 }
        );
        assert_eq!(
            window.counts(4 * SECOND, 39 * SECOND),
            Counts { good: 3, bad: 1 }
        );
        assert_eq!(window.counts(10 * SECOND, 100 * SECOND), Counts::default());
        assert_eq!(
            window.counts(40 * SECOND, 39 * SECOND).error_rate(),
            Some(2_500)
        );
    }

    #[test]
    fn several_spans_are_counted_as_each_alone_from_the_first_second_on() {
        let window = <Window>::default();
        for second in 0..200 {
            window.record(second % 3 != 0, second * SECOND);
            let now = second * SECOND;
            let spans = [SECOND, 7 * SECOND, 60 * SECOND, 300 * SECOND];
            let each = spans.map(|span| window.counts(span, now));
            assert_eq!(window.lately(spans, now), each);
            let all = each.map(Counts::total).map(u64::from);
            assert_eq!(all, spans.map(|s| (s / SECOND).min(120).min(second + 1)));
        }
    }

    #[test]
    fn nothing_is_counted_before_anything_happened() {
        assert_eq!(
            <Window>::default().counts(60 * SECOND, 0),
            Counts::default()
        );
        assert_eq!(Counts::default().error_rate(), None);
    }
}
