//! Recordings read by as many threads as there are processors: a file each, the records in the order of the files. A reading
//! can begin where another one was.

use super::progress::Progress;
use crate::ending::Trouble;
use crate::recorded::Since;
use mux_traffic::record::{Entry, VERSION};
use mux_traffic::{Index, Record};
use serde::{Deserialize, Serialize};
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
enum Item<E> {
    Entry(Box<E>),
    /// A line, or a whole file, that is no record.
    Unreadable(String),
    /// No error, and worth telling.
    Notice(String),
}

type Batch<E> = Vec<Item<E>>;

/// A recording that is read more than once.
#[derive(Debug)]
pub(crate) struct Recording {
    path: PathBuf,
    files: Vec<PathBuf>,
    since: Since,
    /// Records that there are, where an index or an earlier reading tells.
    known: Cell<Option<u64>>,
    at: Cell<Place>,
    notices: RefCell<Vec<String>>,
    troubles: RefCell<Vec<String>>,
}

/// How far a reading is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Files that were read to their end.
    file: usize,
    /// Records and lines that are none, in the file behind them.
    items: u64,
    /// Records in all.
    pub(crate) records: u64,
    /// Lines that are none, in all.
    unreadable: u64,
    /// Records of a later schema.
    newer: u64,
}

/// The files of a recording: their names, and how many bytes were in them.
pub(crate) type Files = Vec<(PathBuf, u64)>;

impl Recording {
    /// Finds the files of a recording, as far as there may be something in them that came in time.
    pub(crate) fn open(path: &Path, since: Since) -> Result<Self, Trouble> {
        let unreadable =
            |e: std::io::Error| Trouble::usage(format!("cannot read `{}`: {e}", path.display()));
        // A file that is not there is the user's mistake, and not a record that cannot be read.
        mux_traffic::read(path).map_err(unreadable)?;
        let mut files = mux_traffic::files(path).map_err(unreadable)?;
        files.retain(|file| since.reaches(file));
        Ok(Self::of(path, files, since))
    }

    fn of(path: &Path, files: Vec<PathBuf>, since: Since) -> Self {
        let counts = files.iter().map(|file| Index::of(file).map(|i| i.records));
        Self {
            path: path.to_owned(),
            known: Cell::new(counts.sum()),
            files,
            since,
            at: Cell::default(),
            notices: RefCell::default(),
            troubles: RefCell::default(),
        }
    }

    /// Those that an earlier reading read, which may have grown since, and no others.
    pub(crate) fn again(path: &Path, files: &Files) -> Result<Self, Trouble> {
        for (file, bytes) in files {
            let now = std::fs::metadata(file).map(|m| m.len());
            if now.is_ok_and(|now| now >= *bytes) {
                continue;
            }
            return Err(Trouble::usage(format!(
                "`{}` is not what it was when the replay began; it cannot go on",
                file.display()
            )));
        }
        Ok(Self::of(
            path,
            files.iter().map(|(file, _)| file.clone()).collect(),
            Since::default(),
        ))
    }

    /// Its files as they are now.
    pub(crate) fn files(&self) -> Files {
        let bytes = |file: &PathBuf| std::fs::metadata(file).map_or(0, |m| m.len());
        self.files.iter().map(|f| (f.clone(), bytes(f))).collect()
    }

    /// How far the reading is.
    pub(crate) fn place(&self) -> Place {
        self.at.get()
    }

    /// Reads all of it. What is no record is counted, and passed over.
    pub(crate) fn records(&self, doing: &'static str) -> impl Iterator<Item = Record> {
        self.records_from(doing, Place::default())
    }

    /// The same from a place of an earlier reading on, as much of each record as is asked for.
    pub(crate) fn records_from<E: Entry + Send + 'static>(
        &self,
        doing: &'static str,
        from: Place,
    ) -> impl Iterator<Item = E> {
        self.troubles.borrow_mut().clear();
        self.notices.borrow_mut().clear();
        self.at.set(from);
        let mut records = Records::<E>::of(self.files.clone(), from);
        let mut progress = Progress::new(doing, self.known.get(), from.records);
        std::iter::from_fn(move || {
            loop {
                let next = records.next();
                let mut at = self.at.get();
                (at.file, at.items) = records.at;
                match next {
                    Some(Item::Entry(record)) => {
                        at.records += 1;
                        at.newer += u64::from(record.version() > VERSION);
                        self.at.set(at);
                        progress.seen(at.records);
                        if self.since.takes(&*record) {
                            return Some(*record);
                        }
                    }
                    Some(Item::Unreadable(why)) => {
                        at.unreadable += 1;
                        self.at.set(at);
                        keep(&self.troubles, why);
                    }
                    Some(Item::Notice(notice)) => keep(&self.notices, notice),
                    None => {
                        progress.over();
                        self.known.set(Some(at.records));
                        return None;
                    }
                }
            }
        })
    }

    /// Lines that are no records, in the last reading.
    pub(crate) fn unreadable(&self) -> u64 {
        self.at.get().unreadable
    }

    /// Records of a later schema than this one's.
    pub(crate) fn newer(&self) -> u64 {
        self.at.get().newer
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
struct Records<E> {
    files: std::vec::IntoIter<PathBuf>,
    reading: VecDeque<Receiver<Batch<E>>>,
    batch: std::vec::IntoIter<Item<E>>,
    /// Files that were read to their end, and what was read behind them.
    at: (usize, u64),
}

impl<E: Entry + Send + 'static> Records<E> {
    fn of(files: Vec<PathBuf>, from: Place) -> Self {
        let mut files = files.into_iter();
        if from.file > 0 {
            files.nth(from.file - 1);
        }
        let mut records = Self {
            files,
            reading: VecDeque::new(),
            batch: Vec::new().into_iter(),
            at: (from.file, from.items),
        };
        records.ahead(from.items);
        let ahead = thread::available_parallelism().map_or(1, usize::from);
        for _ in 1..ahead {
            records.ahead(0);
        }
        records
    }

    /// Begins with the next file, behind so many records of it.
    fn ahead(&mut self, pass: u64) {
        if let Some(file) = self.files.next() {
            let (sender, receiver) = sync_channel(WAITING);
            self.reading.push_back(receiver);
            thread::spawn(move || decode(&file, pass, &sender));
        }
    }
}

impl<E: Entry + Send + 'static> Iterator for Records<E> {
    type Item = Item<E>;

    fn next(&mut self) -> Option<Item<E>> {
        loop {
            if let Some(record) = self.batch.next() {
                if !matches!(record, Item::Notice(_)) {
                    self.at.1 += 1;
                }
                return Some(record);
            }
            if let Ok(batch) = self.reading.front()?.recv() {
                self.batch = batch.into_iter();
            } else {
                self.at = (self.at.0 + 1, 0);
                self.reading.pop_front();
                self.ahead(0);
            }
        }
    }
}

/// Ends early where nobody listens any more.
fn decode<E: Entry>(file: &Path, pass: u64, sender: &SyncSender<Batch<E>>) {
    let mut records = match mux_traffic::read(file) {
        Ok(records) => records,
        Err(why) => {
            let why = format!("{}: {why}", file.display());
            let _ = sender.send(vec![Item::Unreadable(why)]);
            return;
        }
    };
    records.pass(pass);
    loop {
        let batch = std::iter::from_fn(|| records.next_as()).take(BATCH);
        let batch: Batch<E> = batch
            .map(|read| match read {
                Ok(record) => Item::Entry(Box::new(record)),
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
        let recording = Recording::open(folder.path(), Since::default()).unwrap();
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
        let whole: Vec<Record> = recording.records("reading").collect();
        for passed in [0, 1, 299, 300, 950, 2_099, 2_100] {
            let mut records = recording.records("reading");
            assert_eq!(records.by_ref().take(passed).count(), passed);
            let place = recording.place();
            drop(records);
            let again = Recording::again(folder.path(), &recording.files()).unwrap();
            let rest: Vec<Record> = again.records_from("reading", place).collect();
            assert_eq!(rest, whole[passed..], "behind {passed}");
            assert_eq!(again.unreadable(), 1);
        }
        let mut files = recording.files();
        files[0].1 += 1;
        assert!(
            Recording::again(folder.path(), &files).is_err(),
            "it is shorter"
        );
        assert!(Recording::open(&folder.path().join("nowhere"), Since::default()).is_err());
    }
}
