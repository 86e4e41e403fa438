//! A canary that grows: its share rises step by step as long as nothing goes wrong.

use crate::atomics::{AtomicU64, Ordering::Relaxed};
use crate::{MILLI, Nanos};
use mux_dsl::image::{BasisPoints, Canary};

/// When a canary began to grow. It is known to this process only: after a restart it begins again.
#[derive(Debug, Default)]
pub struct Ramp {
    /// Plus one; 0 is never.
    began: AtomicU64,
}

impl Ramp {
    /// The share of the trial now. The first request that asks begins it.
    #[must_use]
    pub fn share(&self, canary: &Canary, now: Nanos) -> BasisPoints {
        let Some((steps, each)) = &canary.ramp else {
            return canary.share;
        };
        let began = self
            .began
            .compare_exchange(0, now + 1, Relaxed, Relaxed)
            .map_or_else(|began| began - 1, |_| now);
        let step = now.saturating_sub(began) / (each * MILLI).max(1);
        let at = usize::try_from(step).unwrap_or(usize::MAX);
        let share = steps.get(at.min(steps.len().saturating_sub(1)));
        share.copied().unwrap_or(canary.share)
    }

    /// The trial is beyond a threshold: when it no longer is, it grows from the beginning.
    pub fn restart(&self, now: Nanos) {
        self.began.store(now + 1, Relaxed);
    }
}
