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

/// Bytes of lines that may wait for the thread, which are as long as prompts are; more are dropped and counted.
const LINES: u64 = 64 << 20;

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
        self.order(Order::Write(Box::new(record)))
    }

    /// The same of a line that is no record, without its end; `at` is when what it tells of arrived, unix milliseconds.
    #[must_use]
    pub fn offer_line(&self, at: i64, line: Vec<u8>) -> bool {
        let bytes = line.len();
        if !self.tally.wait(bytes, LINES) {
            self.tally.drop_records(1);
            return false;
        }
        let taken = self.order(Order::Line(at, line));
        if !taken {
            self.tally.waited(bytes);
        }
        taken
    }

    fn order(&self, order: Order) -> bool {
        let Some(queue) = &self.queue else {
            return false;
        };
        match queue.try_send(order) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.tally.drop_records(1);
                false
            }
        }
    }

    /// Hands over a record, and waits for a place in the queue: for those who have time. `false`: the thread is gone.
    #[must_use]
    pub fn give(&self, record: Record) -> bool {
        let queue = self.queue.as_ref();
        queue.is_some_and(|queue| queue.send(Order::Write(Box::new(record))).is_ok())
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

    /// What can be seen of the work after this was given away.
    #[must_use]
    pub fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// Why records could not be written, or old ones not be removed, while that lasts.
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
    use crate::index::{Index, Span};
    use crate::keep::Keep;
    use crate::reader::{read, read_within, segments};
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

    /// A segment ends with every flush.
    fn one_each(keep: Keep) -> Options {
        Options {
            segment_bytes: 1,
            keep,
            ..unhurried()
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
        let writer = Writer::start(dir.path(), one_each(Keep::default())).unwrap();
        for id in 0..12 {
            assert!(writer.offer(record(id)));
            writer.flush();
        }
        drop(writer);
        assert_eq!(segments(dir.path()).unwrap().len(), 12);
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
        assert_eq!(segments(dir.path()).unwrap().len(), 3);
    }

    #[test]
    fn an_ended_segment_has_an_index_and_another_time_is_passed_over_by_it() {
        let dir = tempfile::tempdir().unwrap();
        let writer = Writer::start(dir.path(), one_each(Keep::default())).unwrap();
        for id in 0..3 {
            for at in [10, 15] {
                assert!(writer.give(Record {
                    at: at + 100 * i64::try_from(id).unwrap(),
                    ..record(id)
                }));
            }
            writer.flush();
        }
        drop(writer);
        let files = segments(dir.path()).unwrap();
        let told = Index::of(&files[1]).unwrap();
        assert_eq!((told.records, told.first, told.last), (2, 110, 115));
        // What is never opened cannot be found damaged.
        std::fs::write(&files[0], vec![0; std::fs::read(&files[0]).unwrap().len()]).unwrap();
        let span = Span {
            since: Some(112),
            until: None,
        };
        let found: Vec<_> = read_within(dir.path(), span)
            .unwrap()
            .map(|r| r.unwrap().at)
            .collect();
        assert_eq!(found, [110, 115, 210, 215]);
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_newest_stays() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("january.jsonl.zst"), "not ours").unwrap();
        let writer = Writer::start(
            dir.path(),
            one_each(Keep {
                bytes: Some(1),
                age: None,
            }),
        )
        .unwrap();
        for id in 0..5 {
            assert!(writer.offer(record(id)));
            writer.flush();
        }
        drop(writer);
        let files = segments(dir.path()).unwrap();
        assert_eq!(files.len(), 2, "{files:?}");
        assert_eq!(ids(&files[0]), ["r4"]);
        // Neither an index without its segment.
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
    fn lines_that_wait_are_bounded_by_their_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let (mut writer, orders) = Writer::with_queue(10);
        let line = || vec![b'1'; 40 << 20];
        assert!(writer.offer_line(1, line()));
        assert!(!writer.offer_line(2, line()));
        assert!(writer.offer_line(3, b"2".to_vec()));
        assert_eq!(writer.dropped(), 1);

        writer.run(dir.path(), unhurried(), orders).unwrap();
        writer.flush();
        assert!(
            writer.offer_line(4, line()),
            "what was written waits no more"
        );
    }

    #[test]
    fn what_cannot_be_removed_is_told_until_it_can_be_however_well_writing_goes() {
        let dir = tempfile::tempdir().unwrap();
        // A folder of such a name is not removed as a file is.
        let stuck = dir.path().join("0000000000001-0000.jsonl.zst");
        std::fs::create_dir(&stuck).unwrap();
        let writer = Writer::start(
            dir.path(),
            one_each(Keep {
                bytes: Some(1),
                age: None,
            }),
        )
        .unwrap();
        for id in 0..3 {
            assert!(writer.offer(record(id)));
            writer.flush();
        }
        let told = writer.fault().unwrap_or_default();
        assert!(told.contains("cannot remove old recordings"), "{told}");
        assert_eq!(writer.dropped(), 0);
        std::fs::remove_dir(&stuck).unwrap();
        assert!(writer.offer(record(3)));
        writer.flush();
        assert_eq!(writer.fault(), None);
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
