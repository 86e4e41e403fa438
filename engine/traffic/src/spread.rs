//! Quantiles of numbers of any size in memory that does not grow with their count.

use std::collections::BTreeMap;

/// Numbers share a bucket when their highest seven bits are the same: a quantile is at most 1.6 % too high.
const BITS: u32 = 6;

/// How numbers are spread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    buckets: BTreeMap<(u32, u64), u64>,
    count: u64,
}

impl Spread {
    /// Counts one.
    pub fn add(&mut self, number: u64) {
        let shift = (u64::BITS - number.leading_zeros()).saturating_sub(BITS + 1);
        *self.buckets.entry((shift, number >> shift)).or_default() += 1;
        self.count += 1;
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The smallest number, as far as it is known, that so many of a hundred do not pass; `None` where there are none.
    #[must_use]
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let rank = (u128::from(self.count) * u128::from(percent))
            .div_ceil(100)
            .max(1);
        let mut seen = 0_u128;
        self.buckets.iter().find_map(|((shift, top), count)| {
            seen += u128::from(*count);
            (seen >= rank).then(|| (top << shift) | ((1 << shift) - 1))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_percentile_is_the_exact_one_or_at_most_a_sixtieth_above(
            mut numbers in proptest::collection::vec(prop_oneof![0_u64..200, any::<u64>()], 1..200),
            percent in 1_u64..=100,
        ) {
            let mut spread = Spread::default();
            for number in &numbers {
                spread.add(*number);
            }
            numbers.sort_unstable();
            let rank = (numbers.len() * usize::try_from(percent).unwrap()).div_ceil(100).max(1);
            let (exact, told) = (numbers[rank - 1], spread.percentile(percent).unwrap());
            prop_assert!(told >= exact && told - exact <= exact / 64, "{exact} {told}");
        }
    }

    #[test]
    fn of_nothing_there_is_no_percentile() {
        assert_eq!(Spread::default().percentile(50), None);
    }
}
