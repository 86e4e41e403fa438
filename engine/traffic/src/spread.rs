//! Quantiles of numbers of any size in memory that does not grow with their count: exact below 256, and never told smaller
//! than they are, nor more than a hundredth larger.

use serde::{Deserialize, Serialize};

/// Buckets for each doubling, as a power of two.
const FINE: u32 = 7;

/// How numbers are spread.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    counts: Vec<u64>,
    count: u64,
}

impl Spread {
    /// Counts one.
    pub fn add(&mut self, number: u64) {
        let at = bucket(number);
        if self.counts.len() <= at {
            self.counts.resize(at + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(at) {
            *count += 1;
        }
        self.count += 1;
    }

    /// Counts all of another.
    pub fn merge(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (own, more) in self.counts.iter_mut().zip(&other.counts) {
            *own += more;
        }
        self.count += other.count;
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Every number that was counted, the smallest first, and how often.
    pub fn each(&self) -> impl Iterator<Item = (u64, u64)> {
        let counts = self.counts.iter().enumerate();
        let some = counts.filter(|(_, count)| **count > 0);
        some.map(|(at, count)| (top(at), *count))
    }

    /// The smallest number, as far as it is known, that so many of a hundred do not pass; `None` where there are none.
    #[must_use]
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let rank = (u128::from(self.count) * u128::from(percent))
            .div_ceil(100)
            .max(1);
        let mut seen = 0_u128;
        self.each().find_map(|(number, count)| {
            seen += u128::from(count);
            (seen >= rank).then_some(number)
        })
    }
}

fn bucket(number: u64) -> usize {
    let extra = (u64::BITS - number.leading_zeros()).saturating_sub(FINE + 1);
    let at = (u64::from(extra) << FINE) + (number >> extra);
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// The largest number of a bucket.
fn top(at: usize) -> u64 {
    let at = u64::try_from(at).unwrap_or(u64::MAX);
    let extra = (at >> FINE).saturating_sub(1);
    let low = (at - (extra << FINE)) << extra;
    low + ((1 << extra) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_percentile_is_the_exact_one_or_at_most_a_hundredth_above(
            mut numbers in proptest::collection::vec(prop_oneof![0_u64..600, any::<u64>()], 1..200),
            percent in 1_u64..=100,
        ) {
            let mut spread = Spread::default();
            for number in &numbers {
                spread.add(*number);
            }
            numbers.sort_unstable();
            let rank = (numbers.len() * usize::try_from(percent).unwrap()).div_ceil(100).max(1);
            let (exact, told) = (numbers[rank - 1], spread.percentile(percent).unwrap());
            prop_assert!(told >= exact && told - exact <= exact / 100, "{exact} {told}");
            prop_assert!(exact >= 256 || told == exact, "{exact} {told}");
        }
    }

    #[test]
    fn of_nothing_there_is_no_percentile() {
        assert_eq!(Spread::default().percentile(50), None);
    }

    #[test]
    fn what_is_merged_is_counted_as_if_it_had_been_added() {
        let [mut both, mut one, mut other] = [(); 3].map(|()| Spread::default());
        for number in [1, 5, 900] {
            one.add(number);
            both.add(number);
        }
        for number in [7, u64::MAX] {
            other.add(number);
            both.add(number);
        }
        one.merge(&other);
        assert_eq!(one, both);
        let counts = one.each().map(|(_, count)| count);
        assert_eq!(counts.collect::<Vec<_>>(), [1, 1, 1, 1, 1]);
        assert_eq!(one.each().last(), Some((u64::MAX, 1)));
    }
}
