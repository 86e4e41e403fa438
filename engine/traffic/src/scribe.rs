//! The thread behind the queue: records become lines, lines become frames, frames fill segments.

use crate::index::Index;
use crate::keep::Keep;
use crate::record::Record;
use crate::segment::{Frames, Names, Segment};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Lines are flushed at this many bytes even before their time, so that the buffer stays small under load.
const FLUSH_BYTES: usize = 1 << 20;

/// How often what is too old is looked for, also where nothing is written.
const CLEAR_EVERY: Duration = Duration::from_hours(1);

/// When segments and frames end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// A segment ends when it holds this many compressed bytes.
    pub segment_bytes: u64,
    /// A segment ends when it is this old.
    pub segment_age: Duration,
    /// Longest a record waits before it can be read on disk.
    pub flush_every: Duration,
    /// What is kept of segments that have ended.
    pub keep: Keep,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            segment_age: Duration::from_hours(1),
            flush_every: Duration::from_secs(1),
            keep: Keep::default(),
        }
    }
}

/// What the thread is asked to do.
pub(crate) enum Order {
    Write(Box<Record>),
    /// A line that is no record, and when what it tells of arrived.
    Line(i64, Vec<u8>),
    Flush(SyncSender<()>),
}

/// What the callers may see of the thread's work.
#[derive(Debug, Default)]
pub struct Tally {
    dropped: AtomicU64,
    /// Bytes of lines that wait in the queue.
    waiting: AtomicU64,
    faults: Mutex<[Option<String>; 3]>,
}

/// Work that may fail, each for itself: what goes well again says nothing about the others.
#[derive(Clone, Copy)]
enum Work {
    Write,
    End,
    Keep,
}

impl Tally {
    pub(crate) fn drop_records(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }

    /// Counts bytes as waiting; `false` where they would be more than `most` together.
    pub(crate) fn wait(&self, bytes: usize, most: u64) -> bool {
        let bytes = bytes as u64;
        let fits = self.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes <= most;
        if !fits {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
        }
        fits
    }

    /// They wait no longer.
    pub(crate) fn waited(&self, bytes: usize) {
        self.waiting.fetch_sub(bytes as u64, Ordering::Relaxed);
    }

    /// Records lost since the start: the queue was full, or the disk refused them.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Why records could not be written, or old ones not be removed, while that lasts.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.iter().flatten().next().cloned()
    }

    fn set_fault(&self, of: Work, fault: Option<String>) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = faults.get_mut(of as usize) {
            *place = fault;
        }
    }
}

/// The thread's side: lines not yet flushed, and the segment they go to.
pub(crate) struct Scribe {
    dir: PathBuf,
    options: Options,
    tally: Arc<Tally>,
    frames: Frames,
    names: Names,
    segment: Option<Segment>,
    lines: Vec<u8>,
    /// Of the lines.
    waiting: Index,
}

impl Scribe {
    pub(crate) fn new(dir: PathBuf, options: Options, tally: Arc<Tally>) -> io::Result<Self> {
        let (frames, names) = (Frames::new()?, Names::default());
        Ok(Self {
            dir,
            options,
            tally,
            frames,
            names,
            segment: None,
            lines: Vec::new(),
            waiting: Index::default(),
        })
    }

    /// Works until every sender is gone and everything they sent is written.
    pub(crate) fn serve(mut self, orders: &Receiver<Order>) {
        self.clear_away();
        let mut clear_at = Instant::now() + CLEAR_EVERY;
        let mut due = Instant::now() + self.options.flush_every;
        loop {
            match orders.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(Order::Write(record)) => self.take(&record),
                Ok(Order::Line(at, line)) => {
                    self.tally.waited(line.len());
                    self.lines.extend(line);
                    self.lines.push(b'\n');
                    self.waiting.count(at);
                }
                Ok(Order::Flush(done)) => {
                    self.flush();
                    // The caller may have stopped waiting.
                    let _ = done.send(());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if Instant::now() >= due || self.lines.len() >= FLUSH_BYTES {
                self.flush();
                due = Instant::now() + self.options.flush_every;
            }
            if Instant::now() >= clear_at {
                self.clear_away();
                clear_at = Instant::now() + CLEAR_EVERY;
            }
        }
        self.flush();
        self.end_segment();
    }

    fn take(&mut self, record: &Record) {
        let whole = self.lines.len();
        match serde_json::to_writer(&mut self.lines, record) {
            Ok(()) => {
                self.lines.push(b'\n');
                self.waiting.count(record.at);
            }
            Err(error) => {
                self.lines.truncate(whole);
                self.lose(1, &format!("a record cannot be written as JSON: {error}"));
            }
        }
    }

    fn flush(&mut self) {
        let now_ms = unix_ms();
        if !self.lines.is_empty() {
            match self.append(now_ms) {
                Ok(()) => self.tally.set_fault(Work::Write, None),
                Err(error) => self.lose(self.waiting.records, &error.to_string()),
            }
            self.lines.clear();
            self.waiting = Index::default();
        }
        if self
            .segment
            .as_ref()
            .is_some_and(|segment| is_full(segment, &self.options, now_ms))
        {
            self.end_segment();
        }
    }

    fn append(&mut self, now_ms: u64) -> io::Result<()> {
        if self.segment.is_none() {
            self.segment = Some(Segment::create(&self.dir, &mut self.names, now_ms)?);
        }
        self.segment.as_mut().map_or(Ok(()), |segment| {
            segment.append(&mut self.frames, &self.lines, self.waiting)
        })
    }

    fn end_segment(&mut self) {
        if let Some(ended) = self.segment.take().map(Segment::end) {
            let why = |error| format!("cannot end a file in `{}`: {error}", self.dir.display());
            self.tally.set_fault(Work::End, ended.err().map(why));
        }
        self.clear_away();
    }

    /// Removes what is kept no longer.
    fn clear_away(&self) {
        let open = self.segment.as_ref().map(Segment::path);
        let cleared = self.options.keep.clear(&self.dir, open, SystemTime::now());
        let why = |error| {
            format!(
                "cannot remove old recordings from `{}`: {error}",
                self.dir.display()
            )
        };
        self.tally.set_fault(Work::Keep, cleared.err().map(why));
    }

    fn lose(&self, count: u64, why: &str) {
        self.tally.drop_records(count);
        let fault = Some(format!(
            "cannot write records to `{}`: {why}",
            self.dir.display()
        ));
        self.tally.set_fault(Work::Write, fault);
    }
}

fn is_full(segment: &Segment, options: &Options, now_ms: u64) -> bool {
    let age = Duration::from_millis(now_ms.saturating_sub(segment.began_ms()));
    segment.length() >= options.segment_bytes || age >= options.segment_age
}

fn unix_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
