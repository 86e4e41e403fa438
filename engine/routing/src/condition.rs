//! How a target is, as everybody is told: worked out by the first who finds it old, and at every failure, and published in
//! one word, so that a request which weighs sixteen targets reads sixteen words.

use crate::atomics::{
    AtomicU64,
    Ordering::{AcqRel, Acquire},
};
use crate::score::WELL;
use crate::{MILLI, Nanos};

/// How old, in milliseconds, what is published may be.
const FRESH: u64 = 100;

/// How a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    /// Basis points; see [`crate::score`].
    pub(crate) score: u32,
    /// Share of its attempts of late that failed, basis points; `None` of too few.
    pub(crate) error_rate: Option<u32>,
    /// It is slower than it usually is.
    pub(crate) slow: bool,
}

/// What is published: 14 bits of how far the score is below [`WELL`], 14 of the error rate plus one, one of slowness, 35 of
/// the millisecond. 0 is nothing yet, or what a target that is well was in a first millisecond.
#[derive(Debug, Default)]
pub(crate) struct Published(AtomicU64);

/// Milliseconds come round in a little more than a year.
const STAMP: u64 = (1 << 35) - 1;
const SHARE: u64 = (1 << 14) - 1;

impl Published {
    /// What was published last, where it is fresh.
    pub(crate) fn fresh(&self, now: Nanos) -> Option<Condition> {
        let word = self.0.load(Acquire);
        // Half of the circle is to come: another thread's clock may be ahead by a little.
        let half = STAMP / 2;
        let age = (now / MILLI).wrapping_sub(word & STAMP).wrapping_add(half) & STAMP;
        (word != 0 && age < half + FRESH).then(|| unpack(word))
    }

    /// Whether it was slow when that was last worked out.
    pub(crate) fn slow(&self) -> bool {
        unpack(self.0.load(Acquire)).slow
    }

    /// Works it out and publishes it, unless somebody else has in the meantime.
    pub(crate) fn renew(&self, now: Nanos, judge: impl FnOnce() -> Condition) -> Condition {
        let seen = self.0.load(Acquire);
        let made = judge();
        let _ = self
            .0
            .compare_exchange(seen, pack(made, now), AcqRel, Acquire);
        made
    }

    /// The same after a failure, which may not be missing from what is published: what somebody else has published in the
    /// meantime may be from before it.
    pub(crate) fn insist(&self, now: Nanos, judge: impl Fn() -> Condition) {
        let mut seen = self.0.load(Acquire);
        while let Err(other) = self
            .0
            .compare_exchange(seen, pack(judge(), now), AcqRel, Acquire)
        {
            seen = other;
        }
    }
}

fn pack(condition: Condition, now: Nanos) -> u64 {
    let below = u64::from(WELL.saturating_sub(condition.score)).min(SHARE);
    let rate = condition.error_rate.map_or(0, |bp| u64::from(bp) + 1);
    below << 50 | rate.min(SHARE) << 36 | u64::from(condition.slow) << 35 | (now / MILLI) & STAMP
}

fn unpack(word: u64) -> Condition {
    let share = |place: u32| u32::try_from(word >> place & SHARE).unwrap_or(WELL);
    Condition {
        score: WELL.saturating_sub(share(50)),
        error_rate: share(36).checked_sub(1),
        slow: word >> 35 & 1 == 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn condition() -> impl Strategy<Value = Condition> {
        let rate = prop::option::of(0..=WELL);
        (0..=WELL, rate, any::<bool>()).prop_map(|(score, error_rate, slow)| Condition {
            score,
            error_rate,
            slow,
        })
    }

    proptest! {
        #[test]
        fn what_is_published_is_told_for_a_tenth_of_a_second_and_no_longer(
            made in condition(),
            ms in 1_u64..1 << 40,
            later in 0_u64..200,
        ) {
            let published = Published::default();
            prop_assert_eq!(published.fresh(ms * MILLI), None);
            published.renew(ms * MILLI, || made);
            prop_assert_eq!(published.slow(), made.slow);
            let told = published.fresh((ms + later) * MILLI);
            prop_assert_eq!(told, (later < FRESH && pack(made, ms * MILLI) != 0).then_some(made));
        }
    }

    #[test]
    fn a_failure_is_told_even_where_somebody_published_just_before() {
        let published = Published::default();
        let well = |score| Condition {
            score,
            error_rate: None,
            slow: false,
        };
        published.insist(MILLI, || {
            // Another thread is quicker, and has not seen the failure.
            if published.fresh(MILLI).is_none() {
                published.renew(MILLI, || well(9_000));
            }
            well(1_000)
        });
        assert_eq!(published.fresh(MILLI), Some(well(1_000)));
    }
}
