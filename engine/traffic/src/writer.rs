//! Writing records without ever making the caller wait: a bounded queue and one thread behind it.

use crate::record::Record;
use crate::scribe::{Options, Order, Scribe, Tally};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

/// Records that may wait for the thread; more are dropped and counted.
pub const QUEUE: usize = 16_384;

/// Takes records and writes them to segments of one folder. Dropping it writes what was offered and ends the segment.
#[derive(Debug)]
pub struct Writer {
    queue: Option<SyncSender<Order>>,
    tally: Arc<Tally>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Creates `dir` where it is missing and starts the thread.
    ///
    /// # Errors
    /// The folder cannot be created, or no thread started.
    pub fn start(dir: &Path, options: Options) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let (mut writer, orders) = Self::with_queue(QUEUE);
        writer.run(dir, options, orders)?;
        Ok(writer)
    }

    /// Hands over a record. `false`: the queue was full, the record is dropped and counted.
    #[must_use]
    pub fn offer(&self, record: Record) -> bool {
        let Some(queue) = &self.queue else {
            return false;
        };
        match queue.try_send(Order::Write(Box::new(record))) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.tally.drop_records(1);
                false
            }
        }
    }

    /// Waits until everything offered so far can be read on disk, or could not be written and is counted as dropped.
    pub fn flush(&self) {
        let Some(queue) = &self.queue else { return };
        let (done, wait) = sync_channel(1);
        if queue.send(Order::Flush(done)).is_ok() {
            // An error means the thread is gone, and with it everything there was to wait for.
            let _ = wait.recv();
        }
    }

    /// Records lost since the start: the queue was full, or the disk refused them.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.tally.dropped()
    }

    /// Why records could not be written, while that lasts.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        self.tally.fault()
    }

    fn with_queue(capacity: usize) -> (Self, Receiver<Order>) {
        let (queue, orders) = sync_channel(capacity);
        (
            Self {
                queue: Some(queue),
                tally: Arc::default(),
                thread: None,
            },
            orders,
        )
    }

    fn run(&mut self, dir: &Path, options: Options, orders: Receiver<Order>) -> io::Result<()> {
        let scribe = Scribe::new(dir.to_owned(), options, Arc::clone(&self.tally))?;
        let thread = std::thread::Builder::new()
            .name("mux-traffic".to_owned())
            .spawn(move || scribe.serve(&orders))?;
        self.thread = Some(thread);
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened; there is nothing left to save here.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::read;
    use std::time::Duration;

    fn record(id: usize) -> Record {
        Record {
            v: 1,
            id: format!("r{id}"),
            ..Record::default()
        }
    }

    fn ids(dir: &Path) -> Vec<String> {
        read(dir)
            .unwrap()
            .map(|record| record.unwrap().id)
            .collect()
    }

    /// An hour: no flush happens by the clock while a test runs.
    fn unhurried() -> Options {
        Options {
            flush_every: Duration::from_hours(1),
            ..Options::default()
        }
    }

    #[test]
    fn a_full_queue_drops_and_counts_instead_of_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let (mut writer, orders) = Writer::with_queue(10);
        let taken = (0..25).filter(|id| writer.offer(record(*id))).count();
        assert_eq!((taken, writer.dropped()), (10, 15));

        writer.run(dir.path(), unhurried(), orders).unwrap();
        writer.flush();
        assert_eq!(
            ids(dir.path()),
            (0..10).map(|id| format!("r{id}")).collect::<Vec<_>>()
        );
        assert!(writer.offer(record(25)));
        assert_eq!(writer.dropped(), 15);
    }

    #[test]
    fn flush_makes_everything_offered_readable_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let writer = Writer::start(dir.path(), unhurried()).unwrap();
        for id in 0..3 {
            assert!(writer.offer(record(id)));
            writer.flush();
            assert_eq!(ids(dir.path()).len(), id + 1);
        }
    }

    #[test]
    fn dropping_the_writer_writes_what_was_offered() {
        let dir = tempfile::tempdir().unwrap();
        let writer = Writer::start(dir.path(), unhurried()).unwrap();
        assert!((0..100).all(|id| writer.offer(record(id))));
        drop(writer);
        assert_eq!(ids(dir.path()).len(), 100);
    }

    #[test]
    fn segments_end_at_their_size_and_the_folder_reads_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let writer = Writer::start(
            dir.path(),
            Options {
                segment_bytes: 1,
                ..unhurried()
            },
        )
        .unwrap();
        for id in 0..12 {
            assert!(writer.offer(record(id)));
            writer.flush();
        }
        drop(writer);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 12);
        assert_eq!(
            ids(dir.path()),
            (0..12).map(|id| format!("r{id}")).collect::<Vec<_>>()
        );
    }

    #[test]
    fn an_old_segment_ends_at_the_next_flush() {
        let dir = tempfile::tempdir().unwrap();
        let writer = Writer::start(
            dir.path(),
            Options {
                segment_age: Duration::ZERO,
                ..unhurried()
            },
        )
        .unwrap();
        for id in 0..3 {
            assert!(writer.offer(record(id)));
            writer.flush();
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_folder_that_vanished_costs_counted_records_and_heals_when_it_is_back() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("recordings");
        let writer = Writer::start(&dir, unhurried()).unwrap();
        std::fs::remove_dir(&dir).unwrap();
        assert!(writer.offer(record(0)));
        writer.flush();
        assert_eq!(writer.dropped(), 1);
        assert!(writer.fault().unwrap().contains("recordings"));

        std::fs::create_dir(&dir).unwrap();
        assert!(writer.offer(record(1)));
        writer.flush();
        assert_eq!((ids(&dir), writer.fault()), (vec!["r1".to_owned()], None));
    }

    #[test]
    fn an_idle_writer_leaves_no_empty_segment() {
        let dir = tempfile::tempdir().unwrap();
        let writer = Writer::start(dir.path(), unhurried()).unwrap();
        writer.flush();
        drop(writer);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
