//! Times counted in buckets, so that millions of them take no more memory than a thousand: exact below 256 milliseconds,
//! and never told smaller than they are, nor more than a hundredth larger.

/// Buckets for each doubling, as a power of two.
const FINE: u32 = 7;

/// Milliseconds, counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sketch {
    counts: Vec<u64>,
    total: u64,
}

impl Sketch {
    /// Counts one.
    pub fn add(&mut self, ms: u32) {
        let at = bucket(ms);
        if self.counts.len() <= at {
            self.counts.resize(at + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(at) {
            *count += 1;
        }
        self.total += 1;
    }

    /// Counts all of another.
    pub fn merge(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (own, more) in self.counts.iter_mut().zip(&other.counts) {
            *own += more;
        }
        self.total += other.total;
    }

    /// Every time that was counted, the smallest first, and how often.
    pub fn each(&self) -> impl Iterator<Item = (u64, u64)> {
        let counts = self.counts.iter().enumerate();
        let some = counts.filter(|(_, count)| **count > 0);
        some.map(|(at, count)| (top(at), *count))
    }

    /// The time that so many hundredths do not exceed; 0 where there is none.
    #[must_use]
    pub fn percentile(&self, hundredths: u64) -> u64 {
        let rank = (self.total * hundredths).div_ceil(100).max(1);
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return top(at);
            }
        }
        0
    }
}

fn bucket(ms: u32) -> usize {
    let extra = (u32::BITS - ms.leading_zeros()).saturating_sub(FINE + 1);
    let at = (extra << FINE) + (ms >> extra);
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// The largest time of a bucket.
fn top(at: usize) -> u64 {
    let at = u64::try_from(at).unwrap_or(u64::MAX);
    let extra = (at >> FINE).saturating_sub(1);
    (((at - (extra << FINE)) + 1) << extra) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_never_told_smaller_and_hardly_larger() {
        for ms in (0..70_000).chain([u32::MAX / 3, u32::MAX]) {
            let told = top(bucket(ms));
            let exact = u64::from(ms);
            assert!(told >= exact && told - exact <= exact / 100, "{ms}: {told}");
            assert!(ms >= 256 || told == exact, "{ms}: {told}");
        }
    }

    #[test]
    fn percentiles_are_those_of_a_sorted_list() {
        let mut sketch = Sketch::default();
        for ms in (1..=200).rev() {
            sketch.add(ms);
        }
        let told = [1, 50, 95, 99, 100].map(|p| sketch.percentile(p));
        assert_eq!(told, [2, 100, 190, 198, 200]);
        assert_eq!(Sketch::default().percentile(50), 0);
    }

    #[test]
    fn what_is_merged_is_counted_as_if_it_had_been_added() {
        let (mut both, mut one, mut other) =
            (Sketch::default(), Sketch::default(), Sketch::default());
        for ms in [1, 5, 900] {
            one.add(ms);
            both.add(ms);
        }
        for ms in [7, 90_000] {
            other.add(ms);
            both.add(ms);
        }
        one.merge(&other);
        assert_eq!(one, both);
        assert_eq!(
            one.each().map(|(_, count)| count).collect::<Vec<_>>(),
            [1, 1, 1, 1, 1]
        );
    }
}
