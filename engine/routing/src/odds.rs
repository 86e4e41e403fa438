//! How likely chance alone would show such a difference: two tests of statistics, each of one side.

/// Of `n` answers `bad` were bad on this side, of `others` `bad_others` on the other: how likely at least so many of all bad
/// ones are on this side, were both alike (Fisher's exact test).
pub(crate) fn as_many(bad: u64, n: u64, bad_others: u64, others: u64) -> f64 {
    let (all, bad_all) = (n + others, bad + bad_others);
    let ways = |from: u64, taken: u64| {
        ln_factorial(from) - ln_factorial(taken) - ln_factorial(from - taken)
    };
    let most = bad_all.min(n);
    if bad > most || bad_all - bad > others {
        return 1.0;
    }
    let mut term = (ways(bad_all, bad) + ways(all - bad_all, n - bad) - ways(all, n)).exp();
    let (mut sum, mut k) = (term, bad);
    while k < most && term > sum * 1e-12 {
        // One more of the bad ones here, one less there.
        term *= real(bad_all - k) * real(n - k) / (real(k + 1) * real(others + k + 1 - bad_all));
        sum += term;
        k += 1;
    }
    sum.min(1.0)
}

/// How likely the mean of a sample lies so far above `bound`, the other's mean with its own error: Welch's test, with the
/// normal distribution, for samples of fifty and more.
pub(crate) fn as_far_above(excess: f64, error: f64) -> f64 {
    if error > 0.0 {
        above(excess / error)
    } else if excess > 0.0 {
        0.0
    } else {
        1.0
    }
}

/// The share of a normal distribution beyond `z` standard deviations: the series of Abramowitz and Stegun 7.1.5 near the
/// middle, and the continued fraction of 7.1.14 in the tail.
fn above(z: f64) -> f64 {
    if z < 0.0 {
        return 1.0 - above(-z);
    }
    let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if z > 3.0 {
        let fraction = (1..=60).rev().fold(z, |below, k| z + f64::from(k) / below);
        return density / fraction;
    }
    let (mut term, mut sum) = (z, z);
    for k in 1..=60 {
        term *= z * z / f64::from(2 * k + 1);
        sum += term;
    }
    (0.5 - density * sum).max(0.0)
}

/// `ln n!`, to ten digits.
fn ln_factorial(n: u64) -> f64 {
    if n < 20 {
        return (2..=n).map(|k| real(k).ln()).sum();
    }
    let n = real(n);
    // Stirling's series.
    n * n.ln() - n + (2.0 * std::f64::consts::PI * n).ln() / 2.0 + 1.0 / (12.0 * n)
        - 1.0 / (360.0 * n.powi(3))
        + 1.0 / (1_260.0 * n.powi(5))
}

/// A count as a number to reckon with.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of answers are far below 2^52"
)]
pub(crate) fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() <= b.abs() * 1e-6, "{a} is not {b}");
    }

    #[test]
    fn the_exact_test_says_what_counting_says() {
        // The tea of Fisher's lady: all four cups right, and three of them.
        near(as_many(4, 4, 0, 4), 1.0 / 70.0);
        near(as_many(3, 4, 1, 4), 17.0 / 70.0);
        near(as_many(0, 100, 5, 900), 1.0);
        // Counted out with whole numbers: 8 of 50 against 3 of 200, and 20 of 20 against 0 of 180.
        near(as_many(8, 50, 3, 200), 1.584_426_902_056e-4);
        near(as_many(20, 20, 0, 180), 6.197_369_659_445e-28);
        near(as_many(5, 5, 0, 0), 1.0);
    }

    #[test]
    fn the_tail_of_the_normal_distribution_is_that_of_the_tables() {
        for (z, share) in [
            (0.0, 0.5),
            (1.0, 0.158_655_253_9),
            (2.326_347_874, 0.01),
            (3.090_232_306, 0.001),
            (5.0, 2.866_515_719e-7),
            (-1.0, 0.841_344_746_1),
        ] {
            near(as_far_above(z, 1.0), share);
        }
        assert!(as_far_above(1.0, 0.0) < 1e-9 && as_far_above(0.0, 0.0) > 0.9);
    }
}
