//! How far figures of a replay may be from what happens: parts of the traffic drawn again and again, with replacement
//! (the block bootstrap: Künsch 1989), both sides of a part together.
//!
//! What is told is where the same figure of *another* run of such traffic falls 95 times of 100, so deviations count √2
//! times: the run that is predicted varies as much as the one that was drawn from. Shares are also held open as far as
//! their count alone demands (Wilson 1927), or a failure that never came would seem to be impossible.

use crate::bounds::{Bounds, Interval};
use crate::part::Part;
use crate::side::Side;
use mux_routing::chance::Chance;
use std::collections::BTreeSet;

/// How often the traffic is drawn again.
const DRAWS: usize = 400;
/// Deviations of a normal figure that 95 of 100 are within.
const SIGMAS: f64 = 1.96;

/// The figures that are drawn, in the order of [`Bounds`].
const FIGURES: usize = 8;
const CHANGE: usize = FIGURES - 1;
type Drawn = [f64; FIGURES];

/// One drawing of the parts: how often each came.
type Weights = Vec<u64>;

/// The drawings that every side is looked at with.
pub(crate) fn draws(parts: usize, seed: u64) -> Vec<Weights> {
    let mut chance = Chance::new(seed);
    let draw = |_| {
        let mut weights = vec![0; parts];
        for _ in 0..parts {
            let at = usize::try_from(chance.below(parts as u64)).unwrap_or(0);
            if let Some(weight) = weights.get_mut(at) {
                *weight += 1;
            }
        }
        weights
    };
    (0..DRAWS).map(draw).collect()
}

/// Where the figures of one side of all parts may be; its cost is compared with that of `before`.
pub(crate) fn bounds(
    parts: &[Part],
    drawings: &[Weights],
    side: impl Fn(&Part) -> &Side,
    before: impl Fn(&Part) -> &Side,
) -> Bounds {
    let once = vec![1; parts.len()];
    let times = Times::of(parts, &side);
    let middles = figures(parts, &once, (&side, &before), &times);
    let mut columns: [Vec<f64>; FIGURES] = Default::default();
    for weights in drawings {
        let drawn = figures(parts, weights, (&side, &before), &times);
        for (column, figure) in columns.iter_mut().zip(drawn) {
            column.push(figure);
        }
    }
    let requests: u64 = parts.iter().map(|p| p.requests).sum();
    let mut spread = middles.map(|figure| [figure, figure]);
    for ((at, column), bounds) in columns.iter_mut().enumerate().zip(&mut spread) {
        let [middle, _] = *bounds;
        column.sort_unstable_by(f64::total_cmp);
        let wide = |edge: f64| middle + (edge - middle) * std::f64::consts::SQRT_2;
        let floor = if at == CHANGE { f64::NEG_INFINITY } else { 0.0 };
        *bounds = [
            wide(quantile(column, 0.025)).min(middle).max(floor),
            wide(quantile(column, 0.975)).max(middle),
        ];
        if TIMES.contains(&at) {
            // Anywhere in the bucket that it was counted in.
            bounds[0] *= 1.0 - 1.0 / 128.0;
        }
        if at < SHARES {
            let [low, high] = wilson(middle / 10_000.0, requests);
            *bounds = [bounds[0].min(low), bounds[1].max(high)];
        }
    }
    let paid = parts.iter().any(|p| before(p).cost != 0);
    let [
        failed_over,
        errors,
        denied,
        p50_ms,
        p95_ms,
        p99_ms,
        cost,
        change,
    ] = spread;
    Bounds {
        failed_over,
        errors,
        denied,
        p50_ms,
        p95_ms,
        p99_ms,
        cost,
        cost_change: paid.then_some(change),
    }
}

/// The times of all parts, where only those that occur have a place.
struct Times {
    values: Vec<u64>,
    /// By part: places and counts.
    parts: Vec<Vec<(usize, u64)>>,
}

impl Times {
    fn of(parts: &[Part], side: impl Fn(&Part) -> &Side) -> Self {
        let each = parts.iter().flat_map(|p| side(p).times.each());
        let values: BTreeSet<u64> = each.map(|(ms, _)| ms).collect();
        let values: Vec<u64> = values.into_iter().collect();
        let placed = |p: &Part| {
            let each = side(p).times.each();
            each.map(|(ms, count)| (values.partition_point(|v| *v < ms), count))
                .collect()
        };
        Self {
            parts: parts.iter().map(placed).collect(),
            values,
        }
    }

    /// The 50th, the 95th and the 99th, where every part counts so many times.
    fn percentiles(&self, weights: &[u64]) -> [u64; 3] {
        let mut counts = vec![0; self.values.len()];
        for (part, weight) in self.parts.iter().zip(weights).filter(|(_, w)| **w > 0) {
            for (place, count) in part {
                if let Some(sum) = counts.get_mut(*place) {
                    *sum += count * weight;
                }
            }
        }
        let total: u64 = counts.iter().sum();
        [50, 95, 99].map(|hundredths| {
            let rank = (total * hundredths).div_ceil(100).max(1);
            let mut seen = 0;
            let found = counts.iter().position(|count| {
                seen += count;
                seen >= rank
            });
            found
                .and_then(|at| self.values.get(at))
                .copied()
                .unwrap_or(0)
        })
    }
}

/// Of the figures, these are times.
const TIMES: std::ops::Range<usize> = 3..6;
/// Of the figures, so many at the beginning are shares.
const SHARES: usize = 3;

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and money are compared to a few digits"
)]
fn figures(
    parts: &[Part],
    weights: &[u64],
    (side, before): (&impl Fn(&Part) -> &Side, &impl Fn(&Part) -> &Side),
    times: &Times,
) -> Drawn {
    let (mut requests, mut counts) = (0, [0_u64; SHARES]);
    let (mut cost, mut was) = (0_i128, 0_i128);
    for (part, weight) in parts.iter().zip(weights).filter(|(_, weight)| **weight > 0) {
        let own = side(part);
        requests += part.requests * weight;
        let own_counts = [own.failed_over, own.errors, own.denied];
        for (sum, count) in counts.iter_mut().zip(own_counts) {
            *sum += count * weight;
        }
        cost += own.cost * i128::from(*weight);
        was += before(part).cost * i128::from(*weight);
    }
    // Every part holds about as many requests, so money is that of as many requests as there are.
    let all: u64 = parts.iter().map(|p| p.requests).sum();
    let scale = all as f64 / requests.max(1) as f64;
    let [failed_over, errors, denied] =
        counts.map(|count| count as f64 * 10_000.0 / requests.max(1) as f64);
    let change = if was == 0 {
        0.0
    } else {
        (cost - was) as f64 * 10_000.0 / was as f64
    };
    let [p50, p95, p99] = times.percentiles(weights).map(|ms| ms as f64);
    [
        failed_over,
        errors,
        denied,
        p50,
        p95,
        p99,
        cost as f64 * scale,
        change,
    ]
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a rank in a few hundred draws"
)]
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (sorted.len().saturating_sub(1)) as f64 * share;
    let at = rank.round().max(0.0) as usize;
    sorted.get(at).copied().unwrap_or(0.0)
}

/// Basis points between which another share of so many requests lies, where this one was seen.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts are compared to a few digits"
)]
fn wilson(share: f64, requests: u64) -> Interval {
    // Both the share that was seen and the one to come are drawn.
    let z2 = 2.0 * SIGMAS * SIGMAS;
    let n = requests.max(1) as f64;
    let middle = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = (share * (1.0 - share) / n + z2 / (4.0 * n * n)).max(0.0);
    let half = z2.sqrt() * half.sqrt() / (1.0 + z2 / n);
    [
        (middle - half).max(0.0) * 10_000.0,
        (middle + half).min(1.0) * 10_000.0,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fate::Fate;
    use mux_traffic::record::{Outcome, Record};

    fn part(errors: u64, ms: u64) -> Part {
        let mut part = Part::default();
        for n in 0..100 {
            let record = Record {
                cost: 1_000,
                attempts: vec![mux_traffic::record::Attempt::default()],
                outcome: Outcome {
                    class: if n < errors { "server" } else { "ok" }.to_owned(),
                    total_us: (ms + n) * 1_000,
                    ..Outcome::default()
                },
                ..Record::default()
            };
            part.requests += 1;
            part.was.add(&Fate::of(&record));
            part.now.add(&Fate::of(&record));
        }
        part
    }

    #[test]
    fn parts_that_are_alike_leave_no_doubt_but_that_of_counting() {
        let parts: Vec<Part> = (0..50).map(|_| part(2, 100)).collect();
        let told = bounds(&parts, &draws(parts.len(), 7), |p| &p.now, |p| &p.was);
        let told_as = |interval: Interval| interval.map(|edge| format!("{edge:.3}"));
        assert_eq!(told_as(told.p50_ms), ["148.828", "150.000"]);
        assert_eq!(
            told.cost_change.map(told_as),
            Some(["0.000", "0.000"].map(str::to_owned))
        );
        let [low, high] = told.errors;
        // Of 5,000, 2 % fail: 1.96 · √2 deviations of 0.2 % to either side.
        assert!(
            (150.0..155.0).contains(&low) && (255.0..270.0).contains(&high),
            "{low} {high}"
        );
    }

    #[test]
    fn an_outage_in_a_part_of_the_traffic_widens_what_is_told_of_all() {
        let calm: Vec<Part> = (0..50).map(|_| part(4, 100)).collect();
        let torn: Vec<Part> = (0..50)
            .map(|n| part(if n < 2 { 100 } else { 0 }, 100))
            .collect();
        let width = |parts: &[Part]| {
            let [low, high] = bounds(parts, &draws(parts.len(), 7), |p| &p.now, |p| &p.was).errors;
            high - low
        };
        assert!(
            width(&torn) > 3.0 * width(&calm),
            "{} {}",
            width(&torn),
            width(&calm)
        );
    }

    #[test]
    fn a_failure_that_never_came_may_come() {
        let told = bounds(&[part(0, 100)], &draws(1, 7), |p| &p.now, |p| &p.was);
        let [low, high] = told.errors;
        assert!(low < 1e-9 && high > 500.0, "of a hundred: {low} {high}");
    }

    #[test]
    fn the_share_of_another_run_falls_into_the_interval_95_times_of_100() {
        let mut chance = Chance::new(11);
        let mut run = || -> Vec<Part> {
            let mut draw = || (0..100).filter(|_| chance.below(100) < 5).count() as u64;
            (0..30).map(|_| part(draw(), 0)).collect()
        };
        let share = |parts: &[Part]| {
            let errors: u64 = parts.iter().map(|p| p.now.errors).sum();
            f64::from(u32::try_from(errors).unwrap()) * 10_000.0 / 3_000.0
        };
        let hits = (0..100).filter(|seed| {
            let [low, high] = {
                let parts = run();
                bounds(&parts, &draws(parts.len(), *seed), |p| &p.now, |p| &p.was).errors
            };
            (low..=high).contains(&share(&run()))
        });
        let hits = hits.count();
        assert!((90..=99).contains(&hits), "{hits} of 100");
    }
}
