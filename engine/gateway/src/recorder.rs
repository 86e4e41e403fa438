//! Turns finished flights into records, off the hot path: a log line, the recordings, and whoever listens.

use mux_routing::flight::Flight;
use mux_traffic::record::Record;
use mux_traffic::{Options, Writer};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Flights that may wait to be recorded; more are counted and dropped.
const QUEUE: usize = 16_384;

/// How long a warning about a budget is not repeated.
const WARN_PAUSE: Duration = Duration::from_mins(1);

/// Called with every record, on the recorder's thread.
pub type Listener = Arc<dyn Fn(&Record) + Send + Sync>;

/// A handle for those who have something to record.
#[derive(Clone, Debug)]
pub struct Recorder {
    queue: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Message {
    Flight(Box<Flight>),
    Record(Box<Record>),
    Stop,
}

/// The recorder's thread; ends with [`Recording::stop`].
#[derive(Debug)]
pub struct Recording {
    thread: JoinHandle<()>,
    queue: SyncSender<Message>,
}

impl Recorder {
    /// Starts recording into `dir`.
    ///
    /// # Errors
    /// The folder cannot be made or written, or no thread can be started.
    pub fn start(dir: &Path, listener: Option<Listener>) -> io::Result<(Self, Recording)> {
        let writer = Writer::start(dir, Options::default())?;
        let (queue, waiting) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("mux-record".to_owned())
            .spawn(move || work(&waiting, &writer, listener.as_ref()))?;
        let recorder = Self {
            queue: queue.clone(),
            dropped: Arc::default(),
        };
        Ok((recorder, Recording { thread, queue }))
    }

    /// Hands over a flight that is over. Never blocks.
    pub fn flight(&self, flight: Flight) {
        self.offer(Message::Flight(Box::new(flight)));
    }

    /// Hands over a request that was refused before it could be decided about.
    pub fn refused(&self, record: Record) {
        self.offer(Message::Record(Box::new(record)));
    }

    /// Requests that were not recorded because the queue was full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    fn offer(&self, message: Message) {
        if self.queue.try_send(message).is_err() {
            self.dropped.fetch_add(1, Relaxed);
        }
    }
}

impl Recording {
    /// Writes out what is waiting and ends the segment.
    pub fn stop(self) {
        // Both fail only when the thread is gone already.
        let _ = self.queue.send(Message::Stop);
        let _ = self.thread.join();
    }
}

fn work(waiting: &Receiver<Message>, writer: &Writer, listener: Option<&Listener>) {
    let mut told = BTreeMap::new();
    for message in waiting {
        let record = match message {
            Message::Flight(flight) => {
                warn_of_budgets(&flight, &mut told);
                flight.record()
            }
            Message::Record(record) => *record,
            Message::Stop => return,
        };
        tracing::info!(
            id = record.id,
            model = record.request.model,
            status = record.outcome.status,
            class = record.outcome.class,
            target = record.outcome.served,
            attempts = record.attempts.len(),
            total_ms = record.outcome.total_us / 1_000,
            overhead_us = record.outcome.overhead_us,
            cost_micro_usd = record.cost / 1_000_000,
            "request"
        );
        if let Some(listener) = listener {
            listener(&record);
        }
        if !writer.offer(record)
            && let Some(fault) = writer.fault()
        {
            tracing::error!("recordings are not written: {fault}");
        }
    }
}

/// Says that a budget is nearly spent, at most once a minute for each.
fn warn_of_budgets(flight: &Flight, told: &mut BTreeMap<Box<str>, Instant>) {
    let budgets = flight
        .router()
        .fleet()
        .budgets
        .iter()
        .zip(&flight.admission().used);
    for (budget, used) in
        budgets.filter(|(budget, used)| budget.warn.is_some_and(|warn| **used >= warn))
    {
        if told
            .get(&budget.name)
            .is_none_or(|at| at.elapsed() > WARN_PAUSE)
        {
            told.insert(budget.name.clone(), Instant::now());
            let share = format!("{}.{:02}%", used / 100, used % 100);
            tracing::warn!(budget = %budget.name, used = share, id = flight.arrival().id, "a budget is nearly spent");
        }
    }
}
