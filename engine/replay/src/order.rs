//! Records in the order their requests came, as far as they are not too far out of it.

use crate::sample::Samples;
use mux_traffic::record::Record;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

/// Records are written when a request ends; this many are held back to bring arrivals into order again.
const REORDER: usize = 4_096;

/// A record, ordered by arrival. It is large, moved about, and far away: when it came is at hand.
#[derive(Debug)]
struct ByArrival(i64, Arc<Record>);

impl PartialEq for ByArrival {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ByArrival {}

impl PartialOrd for ByArrival {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByArrival {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let by_id = || self.1.id.cmp(&other.1.id);
        self.0.cmp(&other.0).then_with(by_id)
    }
}

/// Records in the order their requests came, each at a time that can be.
#[derive(Debug)]
pub struct InOrder<'s, I> {
    records: std::iter::Fuse<I>,
    samples: &'s Samples,
    held: BinaryHeap<Reverse<ByArrival>>,
}

impl<'s, I: Iterator> InOrder<'s, I> {
    /// Of records behind some that are held back already.
    pub fn new(records: I, samples: &'s Samples, held: Vec<Record>) -> Self {
        Self {
            records: records.fuse(),
            samples,
            held: held
                .into_iter()
                .map(|r| Reverse(ByArrival(r.at, Arc::new(r))))
                .collect(),
        }
    }

    /// Those that are held back, earliest first.
    #[must_use]
    pub fn held(&self) -> Vec<&Record> {
        let mut held: Vec<&ByArrival> = self.held.iter().map(|Reverse(r)| r).collect();
        held.sort();
        held.into_iter()
            .map(|ByArrival(_, record)| &**record)
            .collect()
    }
}

impl<I: Iterator<Item: Into<Arc<Record>>>> Iterator for InOrder<'_, I> {
    type Item = Arc<Record>;

    fn next(&mut self) -> Option<Arc<Record>> {
        while self.held.len() < REORDER {
            match self.records.next() {
                Some(record) => {
                    let mut record: Arc<Record> = record.into();
                    let at = self.samples.time(record.at);
                    if at != record.at {
                        Arc::make_mut(&mut record).at = at;
                    }
                    self.held.push(Reverse(ByArrival(at, record)));
                }
                None => break,
            }
        }
        self.held.pop().map(|Reverse(ByArrival(_, record))| record)
    }
}
