//! How many attempts at once a target takes, learned from what it refuses.
//!
//! Additive-increase, multiplicative-decrease (Chiu and Jain 1989) as Netflix's concurrency limits have it for clients,
//! with one difference: there is no limit until a refusal shows one, and none any more a minute after the last change.
//! A first guess would cut off a provider that takes thousands.

use crate::atomics::{AtomicU64, Ordering::Relaxed};
use crate::{MILLI, Nanos, SECOND};

/// A limit is changed once in so long: a burst of refusals is one sign.
const STEP: Nanos = 250 * MILLI;
/// A limit that nothing has changed for so long is forgotten.
const FORGOTTEN: Nanos = 60 * SECOND;

/// A learned limit: 20 bits of the limit, 44 of the millisecond it changed; 0 is none.
#[derive(Debug, Default)]
pub struct Concurrency(AtomicU64);

impl Concurrency {
    /// The target refused one of `inflight` attempts for want of room.
    pub fn refused(&self, inflight: u32, now: Nanos) {
        self.change(now, |limit| {
            let held = limit.map_or(inflight, |l| l.min(inflight));
            Some((held * 9 / 10).max(1))
        });
    }

    /// It served one of `inflight`.
    pub fn served(&self, inflight: u32, now: Nanos) {
        // No limit is the rule, and costs one load.
        if self.0.load(Relaxed) == 0 {
            return;
        }
        self.change(now, |limit| {
            let limit = limit?;
            (inflight.saturating_mul(2) >= limit).then(|| limit + (limit / 8).max(1))
        });
    }

    /// Attempts in flight over the limit; 0 where there is none.
    #[must_use]
    pub fn load(&self, inflight: u32, now: Nanos) -> f64 {
        match self.limit(now) {
            Some(limit) => f64::from(inflight) / f64::from(limit),
            None => 0.0,
        }
    }

    /// The limit, where one is known.
    #[must_use]
    pub fn limit(&self, now: Nanos) -> Option<u32> {
        let word = self.0.load(Relaxed);
        let (limit, at) = unpack(word);
        (word != 0 && now < at + FORGOTTEN).then_some(limit)
    }

    fn change(&self, now: Nanos, next: impl Fn(Option<u32>) -> Option<u32>) {
        let word = self.0.load(Relaxed);
        let (limit, at) = unpack(word);
        let known = (word != 0 && now < at + FORGOTTEN).then_some(limit);
        if known.is_some() && now < at + STEP {
            return;
        }
        if let Some(next) = next(known) {
            let packed = u64::from(next.min(0xf_ffff)) << 44 | (now / MILLI) & 0xfff_ffff_ffff;
            // Whoever comes second at the same moment saw the same sign.
            let _ = self.0.compare_exchange(word, packed, Relaxed, Relaxed);
        }
    }
}

fn unpack(word: u64) -> (u32, Nanos) {
    (
        u32::try_from(word >> 44).unwrap_or(u32::MAX),
        (word & 0xfff_ffff_ffff) * MILLI,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_no_limit_until_a_refusal_shows_one_and_a_burst_is_one_sign() {
        let limit = Concurrency::default();
        limit.served(5_000, SECOND);
        assert_eq!(limit.limit(SECOND), None);
        for i in 0..100 {
            limit.refused(100, SECOND + i);
        }
        assert_eq!(limit.limit(SECOND), Some(90));
    }

    #[test]
    fn it_grows_where_it_is_used_and_is_forgotten_where_it_is_not() {
        let limit = Concurrency::default();
        limit.refused(10, SECOND);
        for i in 1..=40 {
            limit.served(1_000, SECOND + i * STEP);
        }
        let grown = limit.limit(11 * SECOND).unwrap_or(0);
        assert!(grown > 90, "{grown}");
        limit.served(1, 12 * SECOND);
        assert_eq!(
            limit.limit(12 * SECOND),
            Some(grown),
            "half of it is not used"
        );
        assert_eq!(limit.limit(80 * SECOND), None);
    }
}
