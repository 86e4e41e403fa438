//! Recordings read by as many threads as there are processors: a file each, the records in the order of the files.

use super::progress::Progress;
use crate::ending::Trouble;
use mux_traffic::Record;
use mux_traffic::record::VERSION;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Records that are handed over at once, and how many such batches of a file may wait.
const BATCH: usize = 128;
const WAITING: usize = 4;
/// Troubles that are kept to be shown.
const SHOWN: usize = 10;

/// What a file turned out to hold.
#[derive(Debug)]
enum Item {
    Record(Box<Record>),
    /// A line, or a whole file, that is no record.
    Unreadable(String),
    /// No error, and worth telling.
    Notice(String),
}

type Batch = Vec<Item>;

/// A recording that is read more than once.
#[derive(Debug)]
pub(crate) struct Recording {
    path: PathBuf,
    files: Vec<PathBuf>,
    /// Records that an earlier reading found.
    known: Cell<Option<u64>>,
    unreadable: Cell<u64>,
    newer: Cell<u64>,
    notices: RefCell<Vec<String>>,
    troubles: RefCell<Vec<String>>,
}

impl Recording {
    /// Finds the files of a recording.
    pub(crate) fn open(path: &Path) -> Result<Self, Trouble> {
        let unreadable =
            |e: std::io::Error| Trouble::usage(format!("cannot read `{}`: {e}", path.display()));
        // A file that is not there is the user's mistake, and not a record that cannot be read.
        mux_traffic::read(path).map_err(unreadable)?;
        Ok(Self {
            path: path.to_owned(),
            files: mux_traffic::files(path).map_err(unreadable)?,
            known: Cell::new(None),
            unreadable: Cell::new(0),
            newer: Cell::new(0),
            notices: RefCell::default(),
            troubles: RefCell::default(),
        })
    }

    /// Reads all of it. What is no record is counted, and passed over.
    pub(crate) fn records(&self, doing: &'static str) -> impl Iterator<Item = Record> {
        self.troubles.borrow_mut().clear();
        self.notices.borrow_mut().clear();
        self.unreadable.set(0);
        self.newer.set(0);
        let mut records = Records::of(self.files.clone());
        let mut progress = Progress::new(doing, self.known.get());
        let mut count = 0;
        std::iter::from_fn(move || {
            loop {
                match records.next() {
                    Some(Item::Record(record)) => {
                        count += 1;
                        progress.seen(count);
                        let newer = record.v > VERSION;
                        self.newer.set(self.newer.get() + u64::from(newer));
                        return Some(*record);
                    }
                    Some(Item::Unreadable(why)) => {
                        self.unreadable.set(self.unreadable.get() + 1);
                        keep(&self.troubles, why);
                    }
                    Some(Item::Notice(notice)) => keep(&self.notices, notice),
                    None => {
                        progress.over();
                        self.known.set(Some(count));
                        return None;
                    }
                }
            }
        })
    }

    /// Lines that are no records, in the last reading.
    pub(crate) fn unreadable(&self) -> u64 {
        self.unreadable.get()
    }

    /// Records of a later schema than this one's.
    pub(crate) fn newer(&self) -> u64 {
        self.newer.get()
    }

    /// What was seen and is no error: files whose last write a crash cut off, the first of them.
    pub(crate) fn notices(&self) -> Vec<String> {
        self.notices.borrow().clone()
    }

    /// The first of them, in words.
    pub(crate) fn troubles(&self) -> Vec<String> {
        self.troubles.borrow().clone()
    }

    /// Why there is nothing to do.
    pub(crate) fn empty(&self) -> Trouble {
        let first = self.troubles().into_iter().next();
        let first = first.map(|t| format!(": {t}")).unwrap_or_default();
        Trouble::usage(format!(
            "`{}` holds no recorded request{first}",
            self.path.display()
        ))
    }
}

fn keep(of: &RefCell<Vec<String>>, text: String) {
    let mut kept = of.borrow_mut();
    if kept.len() < SHOWN {
        kept.push(text);
    }
}

/// Records of several files, in their order, read ahead.
struct Records {
    files: std::vec::IntoIter<PathBuf>,
    reading: VecDeque<Receiver<Batch>>,
    batch: std::vec::IntoIter<Item>,
}

impl Records {
    fn of(files: Vec<PathBuf>) -> Self {
        let mut records = Self {
            files: files.into_iter(),
            reading: VecDeque::new(),
            batch: Vec::new().into_iter(),
        };
        let ahead = thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..ahead {
            records.ahead();
        }
        records
    }

    /// Begins with the next file.
    fn ahead(&mut self) {
        if let Some(file) = self.files.next() {
            let (sender, receiver) = sync_channel(WAITING);
            self.reading.push_back(receiver);
            thread::spawn(move || decode(&file, &sender));
        }
    }
}

impl Iterator for Records {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(record) = self.batch.next() {
                return Some(record);
            }
            if let Ok(batch) = self.reading.front()?.recv() {
                self.batch = batch.into_iter();
            } else {
                self.reading.pop_front();
                self.ahead();
            }
        }
    }
}

/// Ends early where nobody listens any more.
fn decode(file: &Path, sender: &SyncSender<Batch>) {
    let mut records = match mux_traffic::read(file) {
        Ok(records) => records,
        Err(why) => {
            let why = format!("{}: {why}", file.display());
            let _ = sender.send(vec![Item::Unreadable(why)]);
            return;
        }
    };
    loop {
        let batch = records.by_ref().take(BATCH);
        let batch: Batch = batch
            .map(|read| match read {
                Ok(record) => Item::Record(Box::new(record)),
                Err(why) => Item::Unreadable(why.to_string()),
            })
            .collect();
        if batch.is_empty() {
            let notices = records.notices().iter().cloned().map(Item::Notice);
            let _ = sender.send(notices.collect());
            return;
        }
        if sender.send(batch).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_side_by_side_and_their_records_come_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for file in 0..7 {
            let lines = (0..300).map(|n| format!("{{\"v\":1,\"id\":\"{file}-{n}\"}}\n"));
            let lines = lines.collect::<Vec<_>>().concat();
            let text = if file == 3 {
                format!("{lines}nonsense\n")
            } else {
                lines
            };
            std::fs::write(folder.path().join(format!("{file}.jsonl")), text).unwrap();
        }
        let recording = Recording::open(folder.path()).unwrap();
        for _ in 0..2 {
            let ids = recording.records("reading").map(|r| r.id);
            let ids: Vec<String> = ids.collect();
            let all = (0..7).flat_map(|file| (0..300).map(move |n| format!("{file}-{n}")));
            assert!(ids.into_iter().eq(all));
            assert_eq!(recording.unreadable(), 1);
            assert!(
                recording.troubles()[0].contains("3.jsonl:301"),
                "{recording:?}"
            );
        }
        assert!(Recording::open(&folder.path().join("nowhere")).is_err());
    }
}
