//! Sets of cells of one field, in the smallest of three forms; equal sets are equal values.

/// A set of cells, numbered from 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Cells {
    /// Exactly one.
    One(u32),
    /// From, and up to but not including. Empty is `0..0`; never of length one.
    Span(u32, u32),
    /// Bit by cell, no zero word at the end; used only where the others do not fit.
    Many(Box<[u64]>),
}

impl Cells {
    /// No cell.
    pub(crate) const NONE: Self = Self::Span(0, 0);

    /// Consecutive cells.
    pub(crate) fn span(from: u32, to: u32) -> Self {
        match to.saturating_sub(from) {
            0 => Self::NONE,
            1 => Self::One(from),
            _ => Self::Span(from, to),
        }
    }

    /// The cells of a field that has so many.
    pub(crate) fn all(count: u32) -> Self {
        Self::span(0, count)
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// Whether it is every cell of a field that has so many.
    pub(crate) fn is_all(&self, count: u32) -> bool {
        *self == Self::all(count)
    }

    /// Whether a cell is in it.
    pub(crate) fn contains(&self, cell: u32) -> bool {
        match self {
            Self::One(only) => *only == cell,
            Self::Span(from, to) => (*from..*to).contains(&cell),
            Self::Many(words) => words
                .get(cell as usize / 64)
                .is_some_and(|word| word >> (cell % 64) & 1 == 1),
        }
    }

    /// The lowest cell.
    pub(crate) fn first(&self) -> Option<u32> {
        self.iter().next()
    }

    /// In rising order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let (span, words): (_, &[u64]) = match self {
            Self::One(only) => (*only..*only + 1, &[]),
            Self::Span(from, to) => (*from..*to, &[]),
            Self::Many(words) => (0..0, words),
        };
        span.chain((0_u32..).zip(words).flat_map(|(at, word)| {
            std::iter::successors((*word != 0).then_some(*word), |w| {
                let rest = w & (w - 1);
                (rest != 0).then_some(rest)
            })
            .map(move |w| at * 64 + w.trailing_zeros())
        }))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> u32 {
        match self {
            Self::One(_) => 1,
            Self::Span(from, to) => to - from,
            Self::Many(words) => words.iter().map(|w| w.count_ones()).sum(),
        }
    }

    /// Those in both.
    pub(crate) fn and(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::One(cell), set) | (set, Self::One(cell)) => {
                if set.contains(*cell) {
                    Self::One(*cell)
                } else {
                    Self::NONE
                }
            }
            (Self::Span(a, b), Self::Span(c, d)) => Self::span(*a.max(c), (*b).min(*d)),
            (a, b) => {
                let words = a.words().into_iter().zip(b.words());
                Self::of_words(words.map(|(x, y)| x & y).collect())
            }
        }
    }

    /// Whether some cell is in both.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::One(cell), set) | (set, Self::One(cell)) => set.contains(*cell),
            (Self::Span(a, b), Self::Span(c, d)) => a.max(c) < b.min(d),
            (a, b) => !a.and(b).is_empty(),
        }
    }

    /// Those in either.
    pub(crate) fn or(&self, other: &Self) -> Self {
        let (mut a, b) = (self.words(), other.words());
        if a.len() < b.len() {
            a.resize(b.len(), 0);
        }
        a.iter_mut().zip(b).for_each(|(x, y)| *x |= y);
        Self::of_words(a)
    }

    /// Those of a field of `count` cells that are not in it.
    pub(crate) fn not(&self, count: u32) -> Self {
        match self {
            Self::Span(0, to) => Self::span(*to, count.max(*to)),
            Self::Span(from, to) if *to >= count => Self::span(0, *from),
            _ => {
                let mut words = Self::all(count).words();
                let own = self.words();
                words.iter_mut().zip(own).for_each(|(x, y)| *x &= !y);
                Self::of_words(words)
            }
        }
    }

    /// Whether every cell of `other` is in it.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (set, Self::One(cell)) => set.contains(*cell),
            (_, Self::Span(0, 0)) => true,
            (Self::Span(a, b), Self::Span(c, d)) => a <= c && d <= b,
            (a, b) => a.and(b) == *b,
        }
    }

    fn words(&self) -> Vec<u64> {
        if let Self::Many(words) = self {
            return words.to_vec();
        }
        let mut words = Vec::new();
        for cell in self.iter() {
            set(&mut words, cell);
        }
        words
    }

    fn of_words(mut words: Vec<u64>) -> Self {
        while words.last() == Some(&0) {
            words.pop();
        }
        let many = Self::Many(words.into());
        let count = many.len();
        let from = many.first().unwrap_or(0);
        let dense = count > 0 && many.contains(from + count - 1) && {
            let last = many.iter().last().unwrap_or(0);
            last + 1 - from == count
        };
        if count == 0 || dense {
            Self::span(from, from + count)
        } else {
            many
        }
    }
}

fn set(words: &mut Vec<u64>, cell: u32) {
    let at = cell as usize / 64;
    if words.len() <= at {
        words.resize(at + 1, 0);
    }
    if let Some(word) = words.get_mut(at) {
        *word |= 1 << (cell % 64);
    }
}

impl FromIterator<u32> for Cells {
    fn from_iter<I: IntoIterator<Item = u32>>(cells: I) -> Self {
        let mut words = Vec::new();
        for cell in cells {
            set(&mut words, cell);
        }
        Self::of_words(words)
    }
}

#[cfg(test)]
mod tests {
    use super::Cells;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const COUNT: u32 = 130;

    fn sets() -> impl Strategy<Value = BTreeSet<u32>> {
        prop_oneof![
            prop::collection::btree_set(0..COUNT, 0..6),
            (0..COUNT, 0..COUNT).prop_map(|(a, b)| (a..b).collect()),
        ]
    }

    fn cells(set: &BTreeSet<u32>) -> Cells {
        set.iter().copied().collect()
    }

    proptest! {
        #[test]
        fn sets_of_cells_obey_the_algebra_of_sets(a in sets(), b in sets()) {
            let (x, y) = (cells(&a), cells(&b));
            let back = |c: &Cells| c.iter().collect::<BTreeSet<_>>();
            prop_assert_eq!(back(&x), a.clone());
            prop_assert_eq!(x.len() as usize, a.len());
            prop_assert_eq!(x.and(&y), cells(&(&a & &b)));
            prop_assert_eq!(x.or(&y), cells(&(&a | &b)));
            prop_assert_eq!(x.not(COUNT), cells(&(&(0..COUNT).collect::<BTreeSet<_>>() - &a)));
            prop_assert_eq!(x.covers(&y), b.is_subset(&a));
            prop_assert_eq!(x.meets(&y), !a.is_disjoint(&b));
            prop_assert_eq!(x.is_empty(), a.is_empty());
            prop_assert_eq!(x.first(), a.first().copied());
        }
    }
}
