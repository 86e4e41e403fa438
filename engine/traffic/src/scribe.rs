//! The thread behind the queue: records become lines, lines become frames, frames fill segments.

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

/// When segments and frames end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// A segment ends when it holds this many compressed bytes.
    pub segment_bytes: u64,
    /// A segment ends when it is this old.
    pub segment_age: Duration,
    /// Longest a record waits before it can be read on disk.
    pub flush_every: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            segment_age: Duration::from_hours(1),
            flush_every: Duration::from_secs(1),
        }
    }
}

/// What the thread is asked to do.
pub(crate) enum Order {
    Write(Box<Record>),
    Flush(SyncSender<()>),
}

/// What the callers may see of the thread's work.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    dropped: AtomicU64,
    fault: Mutex<Option<String>>,
}

impl Tally {
    pub(crate) fn drop_records(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(crate) fn fault(&self) -> Option<String> {
        self.fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set_fault(&self, fault: Option<String>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
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
    waiting: u64,
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
            waiting: 0,
        })
    }

    /// Works until every sender is gone and everything they sent is written.
    pub(crate) fn serve(mut self, orders: &Receiver<Order>) {
        let mut due = Instant::now() + self.options.flush_every;
        loop {
            match orders.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(Order::Write(record)) => self.take(&record),
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
        }
        self.flush();
        self.end_segment();
    }

    fn take(&mut self, record: &Record) {
        let whole = self.lines.len();
        match serde_json::to_writer(&mut self.lines, record) {
            Ok(()) => {
                self.lines.push(b'\n');
                self.waiting += 1;
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
                Ok(()) => self.tally.set_fault(None),
                Err(error) => self.lose(self.waiting, &error.to_string()),
            }
            self.lines.clear();
            self.waiting = 0;
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
            segment.append(&mut self.frames, &self.lines)
        })
    }

    fn end_segment(&mut self) {
        if let Some(Err(error)) = self.segment.take().map(Segment::end) {
            self.tally.set_fault(Some(error.to_string()));
        }
    }

    fn lose(&self, count: u64, why: &str) {
        self.tally.drop_records(count);
        self.tally.set_fault(Some(format!(
            "cannot write records to `{}`: {why}",
            self.dir.display()
        )));
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
