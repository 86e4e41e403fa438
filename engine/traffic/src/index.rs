//! What is in a segment, told beside it: how many records and from when to when, so that whoever wants an hour of a month
//! need not unpack the month.
//!
//! It is written when a segment ends, as `<segment>.index`, and may be lost: a segment without one is read.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// A stretch of time, unix milliseconds; all of it where both ends are open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// From this on.
    pub since: Option<i64>,
    /// Before this.
    pub until: Option<i64>,
}

impl Span {
    /// Whether it holds that moment.
    #[must_use]
    pub fn holds(self, at: i64) -> bool {
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }
}

/// What a segment holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Records in it.
    pub records: u64,
    /// The earliest arrival, unix milliseconds.
    pub first: i64,
    /// The latest arrival.
    pub last: i64,
    /// Bytes of the segment; where it has others by now, the index is of something else.
    pub bytes: u64,
}

impl Index {
    /// Counts a record that arrived then.
    pub(crate) fn count(&mut self, at: i64) {
        if self.records == 0 {
            (self.first, self.last) = (at, at);
        }
        self.first = self.first.min(at);
        self.last = self.last.max(at);
        self.records += 1;
    }

    /// Takes in what was counted apart.
    pub(crate) fn join(&mut self, other: Self) {
        if other.records > 0 {
            let records = self.records + other.records;
            self.count(other.first);
            self.count(other.last);
            self.records = records;
        }
    }

    /// The index of a segment, where there is one that fits it.
    #[must_use]
    pub fn of(segment: &Path) -> Option<Self> {
        let index: Self = serde_json::from_slice(&fs::read(beside(segment)).ok()?).ok()?;
        (fs::metadata(segment).ok()?.len() == index.bytes).then_some(index)
    }

    pub(crate) fn write(&self, segment: &Path) -> io::Result<()> {
        fs::write(beside(segment), serde_json::to_vec(self)?)
    }

    pub(crate) fn touches(&self, span: Span) -> bool {
        self.records > 0
            && span.since.is_none_or(|since| self.last >= since)
            && span.until.is_none_or(|until| self.first < until)
    }
}

/// Where the index of a segment lies.
pub(crate) fn beside(segment: &Path) -> PathBuf {
    let mut name = segment.as_os_str().to_owned();
    name.push(".index");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(first: i64, last: i64) -> Index {
        let mut index = Index::default();
        index.count(last);
        index.count(first);
        index
    }

    #[test]
    fn a_span_holds_its_beginning_and_not_its_end() {
        let span = Span {
            since: Some(10),
            until: Some(20),
        };
        assert_eq!(
            [9, 10, 19, 20].map(|at| span.holds(at)),
            [false, true, true, false]
        );
        let touches = |first, last| index(first, last).touches(span);
        assert!(touches(0, 10) && touches(19, 30) && touches(0, 99) && touches(12, 13));
        assert!(!touches(0, 9) && !touches(20, 30) && !Index::default().touches(span));
    }

    #[test]
    fn what_was_counted_apart_adds_up() {
        let mut all = Index::default();
        all.join(index(5, 9));
        all.join(Index::default());
        all.join(index(1, 7));
        assert_eq!((all.records, all.first, all.last), (4, 1, 9));
    }

    #[test]
    fn an_index_of_another_length_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let segment = dir.path().join("a.jsonl");
        fs::write(&segment, "{}\n").unwrap();
        assert_eq!(Index::of(&segment), None);
        let told = Index {
            bytes: 3,
            ..index(1, 2)
        };
        told.write(&segment).unwrap();
        assert_eq!(Index::of(&segment), Some(told));
        fs::write(&segment, "{}\n{}\n").unwrap();
        assert_eq!(Index::of(&segment), None);
    }
}
