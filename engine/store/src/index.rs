//! The index: a second copy of every event and object in sled. The only module that knows sled.
//!
//! Three things about sled 0.34 shape it. Its `flush` does not reach the disk's platter, so a checkpoint syncs the files
//! itself. It does not notice damage, and panics on some of it, so every value carries a checksum, opening reads all of
//! them, and every call is fenced. After one failed write it refuses all others until reopened, so the first failure is
//! the caller's sign to do that. Nothing here flushes inside a transaction: sled would wait for itself.

mod chunk;
pub(crate) mod snapshots;

use crate::digest::Digest;
use crate::disk::{is_full, sync_dir};
use crate::journal::Entry;
use chunk::{Joined, PART_BYTES, split};
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// Opening, reading through or closing takes milliseconds; after this long it hangs.
const PATIENCE: Duration = Duration::from_secs(30);
/// sled lets go of its lock a moment after it was dropped.
const LOCK_RETRIES: u32 = 200;
const LOCK_PAUSE: Duration = Duration::from_millis(2);
const CACHE_BYTES: u64 = 32 << 20;

/// An open index.
#[derive(Debug)]
pub(crate) struct Index {
    dir: PathBuf,
    db: sled::Db,
    /// Number of an event → kind, previous hash, hash, head.
    events: sled::Tree,
    /// Hash of an object → its content.
    objects: sled::Tree,
}

/// What an index was found to hold; only what passed its checks.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) events: BTreeMap<u64, Row>,
    pub(crate) objects: HashSet<Digest>,
    /// Records that did not pass.
    pub(crate) damaged: usize,
}

/// An event as the index keeps it: a frame without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) kind: u8,
    pub(crate) prev: Digest,
    pub(crate) hash: Digest,
    pub(crate) head: Vec<u8>,
}

/// Why the index failed.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Space, not damage.
    pub(crate) full: bool,
    pub(crate) reason: String,
}

impl Index {
    /// Opens or creates the index in `dir` and reads all of it.
    pub(crate) fn open(dir: &Path) -> Result<(Self, Contents), Fault> {
        let dir = dir.to_owned();
        patiently("opening", move || {
            let index = Self::connect(&dir)?;
            let contents = index.contents()?;
            Ok((index, contents))
        })
    }

    /// Adds an event and the objects of its body. What is there already is written again.
    pub(crate) fn put(&self, entry: &Entry, objects: &[(Digest, &[u8])]) -> Result<(), Fault> {
        fenced("writing", || {
            // One batch each, so that a crash leaves an object whole or absent; the event last, so that it has its objects.
            for (hash, content) in objects {
                self.objects
                    .apply_batch(batch(hash.as_bytes(), entry.seq, content)?)?;
            }
            let row = [
                &[entry.kind],
                &entry.prev.as_bytes()[..],
                &entry.hash.as_bytes()[..],
                &entry.head,
            ]
            .concat();
            Ok(self
                .events
                .apply_batch(batch(&entry.seq.to_be_bytes(), entry.seq, &row)?)?)
        })
    }

    /// The content of an object; `None` where it is absent or damaged.
    pub(crate) fn object(&self, hash: &Digest) -> Result<Option<Vec<u8>>, Fault> {
        fenced("reading", || {
            let mut joined = Joined::default();
            for chunk in self.objects.scan_prefix(hash.as_bytes()) {
                let (key, value) = chunk?;
                joined.push(&key, &value);
            }
            Ok(joined
                .finish()
                .filter(|content| Digest::of(content) == *hash))
        })
    }

    /// Reads through everything, checking every record.
    pub(crate) fn contents(&self) -> Result<Contents, Fault> {
        fenced("reading", || {
            let mut contents = Contents::default();
            for_each(&self.objects, |name, content| {
                let hash = name.try_into().ok().map(Digest::from_bytes);
                match hash
                    .zip(content)
                    .filter(|(hash, content)| Digest::of(content) == *hash)
                {
                    Some((hash, _)) => _ = contents.objects.insert(hash),
                    None => contents.damaged += 1,
                }
            })?;
            for_each(&self.events, |name, row| {
                let seq = name.try_into().ok().map(u64::from_be_bytes);
                match seq.zip(row.as_deref().and_then(Row::read)) {
                    Some((seq, row)) => _ = contents.events.insert(seq, row),
                    None => contents.damaged += 1,
                }
            })?;
            Ok(contents)
        })
    }

    /// Puts everything written so far on the disk.
    pub(crate) fn checkpoint(&self) -> Result<(), Fault> {
        fenced("writing", || {
            self.db.flush()?;
            // sled asks the system to begin writing and no more. A sync is per file, whichever handle asks for it.
            File::open(self.dir.join("db"))?.sync_all()?;
            Ok(sync_dir(&self.dir)?)
        })
    }

    /// Lets go of the files. A sled that failed may hang or panic at this, too.
    pub(crate) fn close(self) -> Result<(), Fault> {
        patiently("closing", move || {
            drop(self);
            Ok(())
        })
    }

    fn connect(dir: &Path) -> Result<Self, Fault> {
        let config = sled::Config::new()
            .path(dir)
            .cache_capacity(CACHE_BYTES)
            .mode(sled::Mode::LowSpace);
        let mut tries = 0;
        let db = loop {
            match config.open() {
                Err(error) if is_locked(&error) && tries < LOCK_RETRIES => {
                    tries += 1;
                    std::thread::sleep(LOCK_PAUSE);
                }
                opened => break opened?,
            }
        };
        let (events, objects) = (db.open_tree("events")?, db.open_tree("objects")?);
        Ok(Self {
            dir: dir.to_owned(),
            db,
            events,
            objects,
        })
    }
}

impl Row {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (&[kind], rest) = bytes.split_first_chunk::<1>()?;
        let (prev, rest) = rest.split_first_chunk::<{ Digest::LEN }>()?;
        let (hash, head) = rest.split_first_chunk::<{ Digest::LEN }>()?;
        let (prev, hash) = (Digest::from_bytes(*prev), Digest::from_bytes(*hash));
        Some(Self {
            kind,
            prev,
            hash,
            head: head.to_vec(),
        })
    }
}

/// Calls `visit` with each name of a tree and its value, `None` for a damaged one. Holds one value in memory at a time.
fn for_each(tree: &sled::Tree, mut visit: impl FnMut(&[u8], Option<Vec<u8>>)) -> Result<(), Fault> {
    let (mut name, mut joined) = (None::<Vec<u8>>, Joined::default());
    for chunk in tree {
        let (key, value) = chunk?;
        let this = key
            .get(..key.len().saturating_sub(PART_BYTES))
            .unwrap_or_default();
        if let Some(before) = name.take_if(|name| name != this) {
            visit(&before, std::mem::take(&mut joined).finish());
        }
        name.get_or_insert_with(|| this.to_vec());
        joined.push(&key, &value);
    }
    if let Some(last) = name {
        visit(&last, joined.finish());
    }
    Ok(())
}

/// The insertion of one value.
fn batch(name: &[u8], seq: u64, bytes: &[u8]) -> Result<sled::Batch, Fault> {
    let too_long = || Fault {
        full: false,
        reason: format!("{} bytes are too many for one value", bytes.len()),
    };
    let mut batch = sled::Batch::default();
    for (key, value) in split(name, seq, bytes).ok_or_else(too_long)? {
        batch.insert(key, value);
    }
    Ok(batch)
}

/// Runs `work` in a thread of its own and gives up on it when it takes too long.
fn patiently<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let (done, wait) = sync_channel(1);
    let run = move || {
        // Nobody waits any more after the time is up.
        let _ = done.send(fenced(doing, work));
    };
    std::thread::Builder::new()
        .name("mux-store-index".to_owned())
        .spawn(run)?;
    wait.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        Err(Fault {
            full: false,
            reason: format!(
                "{doing} the index took longer than {} s",
                PATIENCE.as_secs()
            ),
        })
    })
}

/// Runs `work`; a panic of sled's is a fault like any other.
fn fenced<T>(doing: &str, work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Fault {
            full: false,
            reason: format!("sled panicked: {}", text.unwrap_or("without a word")),
        })
    });
    result.map_err(|fault| Fault {
        reason: format!("{doing} the index failed: {}", fault.reason),
        ..fault
    })
}

fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error)
        if error.kind() == std::io::ErrorKind::WouldBlock || error.to_string().contains("could not acquire lock"))
}

impl From<sled::Error> for Fault {
    fn from(error: sled::Error) -> Self {
        let full = matches!(&error, sled::Error::Io(error) if is_full(error));
        Self {
            full,
            reason: error.to_string(),
        }
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self {
            full: is_full(&error),
            reason: error.to_string(),
        }
    }
}
