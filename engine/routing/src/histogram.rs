//! Quantiles without locks: a logarithmic histogram over three rotating generations.
//!
//! Bucket `i` holds values from γ^i to γ^(i+1) milliseconds with γ = 1.09, which keeps the relative error of a quantile
//! below (γ−1)/(γ+1) = 4.4 % (Masson et al., `DDSketch`, 2019). A generation lasts 20 s, where nothing else is said, and a
//! quantile sees the last three.

use crate::atomics::{AtomicU64, Ordering::Relaxed};
use crate::logarithm::ln;
use crate::{Nanos, SECOND};

const GAMMA: f64 = 1.09;
const LN_GAMMA: f64 = 0.086_177_696_241_052_33;
const BUCKETS: usize = 164;
/// Fewest samples a quantile may be told from.
pub const ENOUGH: u32 = 20;

/// Durations from 1 ms to 1 000 s, in so many generations of so many nanoseconds.
#[derive(Debug)]
pub struct Histogram<const GENERATIONS: usize = 3, const GENERATION: Nanos = { 20 * SECOND }> {
    /// Of each bucket, 32 bits of the number of the generation it counts, plus one, and 32 bits of the count; 0 is unused.
    /// Each word says itself how old it is, so that nothing has to be cleared, and no sample falls into a clearing.
    generations: [[AtomicU64; BUCKETS]; GENERATIONS],
}

const COUNT: u64 = 0xffff_ffff;

impl<const GENERATIONS: usize, const GENERATION: Nanos> Default
    for Histogram<GENERATIONS, GENERATION>
{
    fn default() -> Self {
        let generation = |_| std::array::from_fn(|_| AtomicU64::new(0));
        Self {
            generations: std::array::from_fn(generation),
        }
    }
}

impl<const GENERATIONS: usize, const GENERATION: Nanos> Histogram<GENERATIONS, GENERATION> {
    /// Counts one duration.
    pub fn record(&self, duration: Nanos, now: Nanos) {
        let span = now / GENERATION + 1;
        let generation = usize::try_from(span % GENERATIONS as u64)
            .ok()
            .and_then(|i| self.generations.get(i));
        let Some(word) = generation.and_then(|counts| counts.get(bucket(duration))) else {
            return;
        };
        if word.load(Relaxed) >> 32 == span {
            word.fetch_add(1, Relaxed);
            return;
        }
        let _ = word.fetch_update(Relaxed, Relaxed, |word| {
            Some(if word >> 32 < span {
                span << 32 | 1
            } else {
                word + 1
            })
        });
    }

    /// Forgets everything.
    pub fn clear(&self) {
        for word in self.generations.iter().flatten() {
            word.store(0, Relaxed);
        }
    }

    /// The given quantiles (0 to 1) in milliseconds; `None` with fewer than [`ENOUGH`] samples in all that is kept.
    #[must_use]
    pub fn quantiles<const N: usize>(&self, wanted: [f64; N], now: Nanos) -> Option<[u64; N]> {
        self.lately(wanted, Nanos::MAX, now)
    }

    /// The same of the generations that a span which ends now begins in at most.
    #[must_use]
    pub fn lately<const N: usize>(
        &self,
        wanted: [f64; N],
        span: Nanos,
        now: Nanos,
    ) -> Option<[u64; N]> {
        let generations = span.div_ceil(GENERATION).clamp(1, GENERATIONS as u64);
        let oldest = (now / GENERATION + 2).saturating_sub(generations).max(1);
        let mut counts = [0_u32; BUCKETS];
        let mut total = 0_u32;
        for generation in &self.generations {
            for (sum, word) in counts.iter_mut().zip(generation) {
                let word = word.load(Relaxed);
                if word >> 32 >= oldest {
                    let n = u32::try_from(word & COUNT).unwrap_or(u32::MAX);
                    *sum += n;
                    total += n;
                }
            }
        }
        (total >= ENOUGH).then(|| wanted.map(|q| quantile(&counts, total, q)))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "bounded by the bucket count"
)]
fn bucket(duration: Nanos) -> usize {
    // Signed, as that is one instruction.
    let ms = duration.cast_signed() as f64 * 1e-6;
    if ms <= 1.0 {
        0
    } else {
        ((ln(ms) * (1.0 / LN_GAMMA)) as usize).min(BUCKETS - 1)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "bounded by the bucket count"
)]
fn quantile(counts: &[u32; BUCKETS], total: u32, q: f64) -> u64 {
    let rank = (q * f64::from(total)).ceil().max(1.0) as u32;
    let mut seen = 0;
    for (i, count) in counts.iter().enumerate() {
        seen += count;
        if seen >= rank {
            // The middle of the bucket, by ratio.
            return (GAMMA.powf(i as f64 + 0.5)).round() as u64;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MILLI;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_quantile_is_within_five_percent_of_the_exact_one(mut values in prop::collection::vec(2_u64..900_000, 20..400)) {
            let histogram = <Histogram>::default();
            for v in &values {
                histogram.record(v * MILLI, 5 * SECOND);
            }
            values.sort_unstable();
            let [p50, p95] = histogram.quantiles([0.50, 0.95], 5 * SECOND).unwrap();
            for (percent, got) in [(50, p50), (95, p95)] {
                let exact = values[(values.len() * percent).div_ceil(100) - 1];
                prop_assert!(got.abs_diff(exact) <= exact / 20 + 1, "{got} for {exact}");
            }
        }
    }

    #[test]
    fn too_few_samples_tell_nothing() {
        let histogram = <Histogram>::default();
        for _ in 0..ENOUGH - 1 {
            histogram.record(MILLI, 0);
        }
        assert_eq!(histogram.quantiles([0.5], 0), None);
    }

    #[test]
    fn what_is_older_than_a_minute_is_forgotten() {
        let histogram = <Histogram>::default();
        for _ in 0..100 {
            histogram.record(9 * SECOND, SECOND);
        }
        for _ in 0..100 {
            histogram.record(100 * MILLI, 90 * SECOND);
        }
        let [p95] = histogram.quantiles([0.95], 90 * SECOND).unwrap();
        assert!(p95 < 110, "{p95}");
    }
}
