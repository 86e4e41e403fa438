//! Putting records in the order of their arrivals, as far as a window of them allows: logs are often written when requests
//! end, or newest first, and several files are read one after the other.

use crate::record::Record;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Holds back so many records, and gives out the earliest.
#[derive(Debug)]
pub struct Order {
    window: usize,
    waiting: BinaryHeap<Reverse<Waiting>>,
    taken: u64,
}

/// A record by its arrival, and by its place among those that arrived at once.
#[derive(Debug)]
struct Waiting {
    key: (i64, u64),
    record: Box<Record>,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

impl Order {
    /// One that holds back `window` records.
    #[must_use]
    pub fn new(window: usize) -> Self {
        Self {
            window,
            waiting: BinaryHeap::new(),
            taken: 0,
        }
    }

    /// Takes a record; the earliest of those held back where there are too many.
    pub fn push(&mut self, record: Record) -> Option<Record> {
        self.waiting.push(Reverse(Waiting {
            key: (record.at, self.taken),
            record: Box::new(record),
        }));
        self.taken += 1;
        (self.waiting.len() > self.window).then(|| self.pop())?
    }

    /// The earliest of those held back.
    pub fn pop(&mut self) -> Option<Record> {
        self.waiting.pop().map(|Reverse(waiting)| *waiting.record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(arrivals: impl Iterator<Item = i64>, window: usize) -> Vec<(i64, String)> {
        let mut order = Order::new(window);
        let mut out = Vec::new();
        for (n, at) in arrivals.enumerate() {
            out.extend(order.push(Record {
                at,
                id: n.to_string(),
                ..Record::default()
            }));
        }
        out.extend(std::iter::from_fn(|| order.pop()));
        out.into_iter()
            .map(|record| (record.at, record.id))
            .collect()
    }

    #[test]
    fn within_the_window_everything_comes_in_order_and_ties_stay_as_they_were() {
        let found = ordered([5, 3, 4, 3, 9, 1].into_iter(), 10);
        let expected = [(1, "5"), (3, "1"), (3, "3"), (4, "2"), (5, "0"), (9, "4")];
        assert_eq!(found, expected.map(|(at, id)| (at, id.to_owned())));
        // Written at the end of requests of up to ten seconds.
        let found = ordered((0..1_000).map(|n| n - n * 7 % 10), 10);
        assert!(found.is_sorted_by_key(|(at, _)| *at) && found.len() == 1_000);
    }

    #[test]
    fn beyond_the_window_nothing_is_lost() {
        let found = ordered((0..100).rev(), 10);
        assert_eq!(found.len(), 100);
        assert!(!found.is_sorted());
    }
}
