//! Turns finished flights into records, off the hot path: a log line, the recordings, and whoever listens.

use crate::canary::SharedBoard;
use bytes::Bytes;
use mux_routing::flight::Flight;
use mux_store::{Room, bytes};
use mux_traffic::record::Record;
use mux_traffic::{Keep, Options, Redaction, Sample, Tally, Writer};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Flights that may wait to be recorded; more are counted and dropped.
const QUEUE: usize = 16_384;

/// Bytes of prompts that may wait to be written; more are counted and dropped.
const PROMPT_BYTES: u64 = 64 << 20;

/// How often it is looked whether what was recorded could be written.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a warning about a budget is not repeated.
const WARN_PAUSE: Duration = Duration::from_mins(1);

/// Called with every record, on the recorder's thread.
pub type Listener = Arc<dyn Fn(&Record) + Send + Sync>;

/// What is recorded, and how much of it is kept.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// How much is kept of records, and of prompts.
    pub keep: Keep,
    /// Which requests.
    pub sample: Sample,
    /// Prompts as well, in a folder of their own, without what this finds; absent where none are.
    pub prompts: Option<Arc<Redaction>>,
}

/// A handle for those who have something to record.
#[derive(Clone, Debug)]
pub struct Recorder {
    queue: SyncSender<Message>,
    records: Lost,
    prompts: Lost,
    /// Why nothing is written, where too little room is left for it.
    low: Arc<Mutex<Option<String>>>,
    /// Of which requests prompts are recorded.
    prompted: Option<Sample>,
    /// Bytes of them that wait.
    waiting: Arc<AtomicU64>,
}

/// What was not recorded: because the queue was full, and behind it.
#[derive(Clone, Debug, Default)]
struct Lost {
    dropped: Arc<AtomicU64>,
    tally: Option<Arc<Tally>>,
}

impl Lost {
    fn behind(writer: Option<&Writer>) -> Self {
        Self {
            tally: writer.map(Writer::tally),
            ..Self::default()
        }
    }

    fn one(&self) {
        self.dropped.fetch_add(1, Relaxed);
    }

    fn all(&self) -> u64 {
        let behind = self.tally.as_ref().map_or(0, |tally| tally.dropped());
        self.dropped.load(Relaxed) + behind
    }
}

#[derive(Debug)]
enum Message {
    Flight(Box<Flight>),
    Record(Box<Record>),
    Undecided(Box<Record>),
    Prompt(Box<Prompt>),
    Stop,
}

/// What a client asked, as it was sent.
#[derive(Debug)]
struct Prompt {
    id: String,
    at: i64,
    dialect: &'static str,
    body: Bytes,
}

/// The recorder's thread; ends with [`Recording::stop`].
#[derive(Debug)]
pub struct Recording {
    thread: JoinHandle<()>,
    queue: SyncSender<Message>,
}

impl Recorder {
    /// Starts recording into folders of `data`.
    ///
    /// # Errors
    /// A folder cannot be made or written, or no thread can be started.
    pub fn start(
        data: &Path,
        what: Recorded,
        listener: Option<Listener>,
        board: SharedBoard,
    ) -> io::Result<(Self, Recording)> {
        let options = Options {
            keep: what.keep,
            ..Options::default()
        };
        let prompted = what.prompts.is_some().then_some(what.sample);
        let prompts = match what.prompts {
            Some(redaction) => Some((private(&data.join("prompts"), options)?, redaction)),
            None => None,
        };
        let waiting = Arc::<AtomicU64>::default();
        let low = Arc::default();
        let writer = Writer::start(&data.join("recordings"), options)?;
        let records = Lost::behind(Some(&writer));
        let prompts_lost = Lost::behind(prompts.as_ref().map(|(writer, _)| writer));
        let mut desk = Desk {
            data: data.to_owned(),
            low: Arc::clone(&low),
            stopped: false,
            crumbled: false,
            records_lost: records.clone(),
            prompts_lost: prompts_lost.clone(),
            records: writer,
            sample: what.sample,
            prompts,
            waiting: Arc::clone(&waiting),
            listener,
            board,
        };
        // Before the first record, which may be what fills the disk.
        desk.measure();
        let (queue, messages) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("mux-record".to_owned())
            .spawn(move || desk.work(&messages))?;
        let recorder = Self {
            queue: queue.clone(),
            records,
            prompts: prompts_lost,
            low,
            prompted,
            waiting,
        };
        Ok((recorder, Recording { thread, queue }))
    }

    /// Hands over what a client asked, as it was sent, where prompts are recorded. Never blocks.
    pub fn prompt(&self, id: &str, at: i64, dialect: &'static str, body: &Bytes) {
        if !self.prompted.is_some_and(|sample| sample.takes(id)) {
            return;
        }
        let bytes = body.len() as u64;
        if self.waiting.fetch_add(bytes, Relaxed) + bytes > PROMPT_BYTES {
            self.waiting.fetch_sub(bytes, Relaxed);
            return self.prompts.one();
        }
        let prompt = Message::Prompt(Box::new(Prompt {
            id: id.to_owned(),
            at,
            dialect,
            body: body.clone(),
        }));
        if self.queue.try_send(prompt).is_err() {
            self.waiting.fetch_sub(bytes, Relaxed);
            self.prompts.one();
        }
    }

    /// Hands over a flight that is over. Never blocks.
    pub fn flight(&self, flight: Flight) {
        self.offer(Message::Flight(Box::new(flight)));
    }

    /// Hands over a request that a version decided about and no flight was made for, or none was needed for. It counts for
    /// that version as any other does.
    pub fn aside(&self, record: Record) {
        self.offer(Message::Record(Box::new(record)));
    }

    /// Hands over a request that says nothing about any version: it was refused before it was known which one decides about
    /// it, or mux answered it by itself.
    pub fn undecided(&self, record: Record) {
        self.offer(Message::Undecided(Box::new(record)));
    }

    /// Requests that were not recorded: a queue was full, or the disk refused them.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.records.all()
    }

    /// The same of prompts.
    #[must_use]
    pub fn dropped_prompts(&self) -> u64 {
        self.prompts.all()
    }

    /// Why records or prompts are not written, while that lasts.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let low = self.low.lock().unwrap_or_else(PoisonError::into_inner);
        let tallies = [&self.records, &self.prompts].into_iter();
        let faults = tallies.filter_map(|lost| lost.tally.as_ref()?.fault());
        low.clone().into_iter().chain(faults).collect()
    }

    fn offer(&self, message: Message) {
        if self.queue.try_send(message).is_err() {
            self.records.one();
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

fn no_files(data: &Path) -> String {
    format!(
        "no more files can be made on the disk of `{}`, its inodes are used up, as `df -i` shows: when the file of recordings ends there is no next one",
        data.display()
    )
}

/// Writes to a folder that only its user may look into.
fn private(dir: &Path, options: Options) -> io::Result<Writer> {
    std::fs::create_dir_all(dir)?;
    if std::fs::metadata(dir)?.permissions().mode() & 0o777 != 0o700 {
        std::fs::set_permissions(dir, Permissions::from_mode(0o700))?;
    }
    Writer::start(dir, options)
}

/// Times what is left alone for the store that recording leaves as well: it stops long before versions cannot be saved …
const LEAVES: u64 = 2;
/// … and goes on when there is half as much again.
const RESUMES: u64 = 3;

/// The thread's side.
struct Desk {
    data: PathBuf,
    low: Arc<Mutex<Option<String>>>,
    stopped: bool,
    /// No more files can be made. What is being written goes on.
    crumbled: bool,
    records_lost: Lost,
    prompts_lost: Lost,
    records: Writer,
    sample: Sample,
    prompts: Option<(Writer, Arc<Redaction>)>,
    waiting: Arc<AtomicU64>,
    listener: Option<Listener>,
    board: SharedBoard,
}

impl Desk {
    fn work(mut self, messages: &Receiver<Message>) {
        let mut told = BTreeMap::new();
        let mut faults = BTreeMap::new();
        let mut look_at = Instant::now() + LOOK_EVERY;
        loop {
            match messages.recv_timeout(look_at.saturating_duration_since(Instant::now())) {
                Ok(Message::Flight(flight)) => {
                    warn_of_budgets(&flight, &mut told);
                    let record = flight.record();
                    self.board.take(&record);
                    self.record(record);
                }
                Ok(Message::Record(record)) => {
                    self.board.take(&record);
                    self.record(*record);
                }
                Ok(Message::Undecided(record)) => self.record(*record),
                Ok(Message::Prompt(prompt)) => self.prompt(&prompt),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
            if Instant::now() >= look_at {
                self.measure();
                self.tell_faults(&mut faults);
                look_at = Instant::now() + LOOK_EVERY;
            }
        }
        self.writers().for_each(|(_, writer)| writer.flush());
        self.tell_faults(&mut faults);
    }

    /// Stops writing while the disk has too little room for both recordings and versions.
    fn measure(&mut self) {
        // Where the system does not tell, writing itself does.
        let Ok(room) = Room::of(&self.data) else {
            return;
        };
        let times = if self.stopped { RESUMES } else { LEAVES };
        let stop = room.free < room.floor() * times;
        let why = stop.then(|| {
            format!(
                "recording has stopped: {} are left on the disk of `{}`, and versions come first; free some space, or bound what is kept with `--keep`",
                bytes(room.free),
                self.data.display()
            )
        });
        match &why {
            Some(why) if !self.stopped => tracing::error!("{why}"),
            None if self.stopped => {
                let lost = self.records_lost.all();
                tracing::info!(lost, "there is room again, recording goes on");
            }
            _ => {}
        }
        self.stopped = stop;
        let crumbled = room.files == Some(0);
        if crumbled && !self.crumbled {
            tracing::error!("{}", no_files(&self.data));
        }
        self.crumbled = crumbled;
        let why = why.or_else(|| crumbled.then(|| no_files(&self.data)));
        *self.low.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// Counts a record or prompt that there is no room for; `false` where there is.
    fn left_out(&self, lost: &Lost) -> bool {
        if self.stopped {
            lost.one();
        }
        self.stopped
    }

    /// Who writes what.
    fn writers(&self) -> impl Iterator<Item = (&'static str, &Writer)> {
        let prompts = self.prompts.as_ref();
        let prompts = prompts.map(|(writer, _)| ("prompts", writer));
        [("recordings", &self.records)].into_iter().chain(prompts)
    }

    /// Logs what is wrong with the folders where that changed, once.
    fn tell_faults(&self, told: &mut BTreeMap<&'static str, String>) {
        for (what, writer) in self.writers() {
            match writer.fault() {
                Some(fault) if told.get(what) != Some(&fault) => {
                    let lost = writer.dropped();
                    tracing::error!(lost, "{what}: {fault}");
                    told.insert(what, fault);
                }
                Some(_) => {}
                None => {
                    if told.remove(what).is_some() {
                        tracing::info!(lost = writer.dropped(), "{what} are well again");
                    }
                }
            }
        }
    }

    /// Logs a request, and writes it down where it belongs to the sample.
    fn record(&self, mut record: Record) {
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
        if let Some(listener) = &self.listener {
            listener(&record);
        }
        // A copy goes with what it is a copy of.
        let asked = record.copy_of.as_deref().filter(|of| *of != "probe");
        if !self.sample.takes(asked.unwrap_or(&record.id)) {
            return;
        }
        if self.left_out(&self.records_lost) {
            return;
        }
        record.sample = self.sample.share();
        // Counted where it is refused.
        let _ = self.records.offer(record);
    }

    fn prompt(&self, prompt: &Prompt) {
        self.waiting.fetch_sub(prompt.body.len() as u64, Relaxed);
        // What is no JSON has been refused.
        let (Some((writer, redaction)), Ok(body)) =
            (&self.prompts, serde_json::from_slice::<Value>(&prompt.body))
        else {
            return;
        };
        if self.left_out(&self.prompts_lost) {
            return;
        }
        let line = json!({
            "v": 1, "id": prompt.id, "at": prompt.at, "dialect": prompt.dialect, "body": redaction.value(body),
        });
        // Counted where it is refused.
        let _ = writer.offer_line(prompt.at, line.to_string().into_bytes());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_that_is_dropped_is_no_dropped_request() {
        let data = tempfile::tempdir().unwrap();
        let what = Recorded {
            prompts: Some(Arc::new(Redaction::new(&[]).unwrap())),
            ..Recorded::default()
        };
        let (recorder, recording) =
            Recorder::start(data.path(), what, None, SharedBoard::default()).unwrap();
        let more = usize::try_from(PROMPT_BYTES).unwrap() + 1;
        recorder.prompt("r", 0, "openai-chat", &Bytes::from(vec![b' '; more]));
        assert_eq!((recorder.dropped(), recorder.dropped_prompts()), (0, 1));
        recording.stop();
    }
}
