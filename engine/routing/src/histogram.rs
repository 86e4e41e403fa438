//! Quantiles without locks: a logarithmic histogram over three rotating generations.
//!
//! Bucket `i` holds values from γ^i to γ^(i+1) milliseconds with γ = 1.09, which keeps the relative error of a quantile
//! below (γ−1)/(γ+1) = 4.4 % (Masson et al., `DDSketch`, 2019). A generation lasts 20 s; a quantile sees the last three.

use crate::{MILLI, Nanos, SECOND};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

const GAMMA: f64 = 1.09;
const BUCKETS: usize = 164;
const GENERATIONS: usize = 3;
const GENERATION: Nanos = 20 * SECOND;
/// Fewest samples a quantile may be told from.
pub const ENOUGH: u32 = 20;

/// Durations from 1 ms to 1 000 s.
#[derive(Debug)]
pub struct Histogram {
    generations: [Generation; GENERATIONS],
}

#[derive(Debug)]
struct Generation {
    /// Number of the 20 s span it counts, plus one; 0 is unused.
    span: AtomicU64,
    counts: [AtomicU32; BUCKETS],
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            generations: std::array::from_fn(|_| Generation::default()),
        }
    }
}

impl Default for Generation {
    fn default() -> Self {
        Self {
            span: AtomicU64::new(0),
            counts: std::array::from_fn(|_| AtomicU32::new(0)),
        }
    }
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&self, duration: Nanos, now: Nanos) {
        let span = now / GENERATION + 1;
        let Some(generation) = usize::try_from(span % GENERATIONS as u64)
            .ok()
            .and_then(|i| self.generations.get(i))
        else {
            return;
        };
        let seen = generation.span.load(Relaxed);
        if seen < span
            && generation
                .span
                .compare_exchange(seen, span, Relaxed, Relaxed)
                .is_ok()
        {
            // Samples counted by others between the swap and the clearing are lost: at most a few in 20 s.
            for count in &generation.counts {
                count.store(0, Relaxed);
            }
        }
        if let Some(count) = generation.counts.get(bucket(duration)) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// The given quantiles (0 to 1) in milliseconds; `None` with fewer than [`ENOUGH`] samples in the last minute.
    #[must_use]
    pub fn quantiles<const N: usize>(&self, wanted: [f64; N], now: Nanos) -> Option<[u64; N]> {
        let oldest = (now / GENERATION + 1).saturating_sub(GENERATIONS as u64 - 1);
        let mut counts = [0_u32; BUCKETS];
        let mut total = 0_u32;
        for generation in &self.generations {
            if generation.span.load(Relaxed) < oldest.max(1) {
                continue;
            }
            for (sum, count) in counts.iter_mut().zip(&generation.counts) {
                let n = count.load(Relaxed);
                *sum += n;
                total += n;
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
    let ms = duration as f64 / MILLI as f64;
    if ms <= 1.0 {
        0
    } else {
        ((ms.ln() / GAMMA.ln()) as usize).min(BUCKETS - 1)
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
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_quantile_is_within_five_percent_of_the_exact_one(mut values in prop::collection::vec(2_u64..900_000, 20..400)) {
            let histogram = Histogram::default();
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
        let histogram = Histogram::default();
        for _ in 0..ENOUGH - 1 {
            histogram.record(MILLI, 0);
        }
        assert_eq!(histogram.quantiles([0.5], 0), None);
    }

    #[test]
    fn what_is_older_than_a_minute_is_forgotten() {
        let histogram = Histogram::default();
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
