//! Starting: journal and index are read, each mends the other, and what they agree on becomes the catalogue.

use crate::catalogue::Catalogue;
use crate::copy;
use crate::digest::Digest;
use crate::error::StoreError;
use crate::event::{Event, KIND};
use crate::index::{Contents, Fault, Index};
use crate::journal::{self, Entry, Journal, Scan};
use crate::ladder::{Climb, Rescued, climb};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// A store that started.
#[derive(Debug)]
pub(crate) struct Booted {
    pub(crate) journal: Journal,
    pub(crate) catalogue: Catalogue,
    /// The index, or why there is none.
    pub(crate) index: Result<Index, Closed>,
    pub(crate) notices: Vec<String>,
}

/// Why the index is closed.
#[derive(Clone, Debug)]
pub(crate) struct Closed {
    pub(crate) reason: String,
    /// For want of room: it opens again when there is some.
    pub(crate) full: bool,
}

/// Starts the store in `dir`.
pub(crate) fn boot(dir: &Path) -> Result<Booted, StoreError> {
    let home = dir.join("journal");
    let failed = |error| StoreError::io(&home, error);
    journal::settle(&home).map_err(failed)?;
    let mut found = read_journal(&home)?;
    let mut notices = found.faults.clone();
    let mut climbed = climb(&dir.join("store"), &known(&found));
    let of_index = climbed.rescued.len();
    rescue_from_copies(&dir.join("backups"), &found, &mut climbed);
    let of_copies = climbed.rescued.len() - of_index;
    if fits(&found, &mut climbed) {
        notices.push(format!(
            "took {} events back into the journal from {}",
            climbed.rescued.len(),
            match (of_index, of_copies) {
                (_, 0) => "the index",
                (0, _) => "a backup",
                _ => "the index and a backup",
            }
        ));
        mend(&home, &found, &climbed.rescued).map_err(failed)?;
        found = read_journal(&home)?;
        notices.extend(
            found
                .faults
                .iter()
                .map(|fault| format!("still so after mending: {fault}")),
        );
    } else if let Some(torn) = found.torn {
        notices.push(format!(
            "cut a torn write of {} bytes off the journal",
            torn.len
        ));
    }
    let journal = Journal::open(&home, &found).map_err(failed)?;
    let catalogue = catalogue(&found, &mut notices);
    let index = settle_index(climbed, &journal, &found, &mut notices);
    Ok(Booted {
        journal,
        catalogue,
        index,
        notices,
    })
}

/// Starts the store in `dir` without changing anything: from the journal, as far as that is whole.
pub(crate) fn boot_reading(dir: &Path) -> Result<Booted, StoreError> {
    let home = dir.join("journal");
    let found = read_journal(&home)?;
    let mut notices = found.faults.clone();
    let catalogue = catalogue(&found, &mut notices);
    Ok(Booted {
        journal: Journal::reader(&home),
        catalogue,
        index: Err(Closed {
            reason: "its file system is mounted read-only".to_owned(),
            full: false,
        }),
        notices,
    })
}

/// Opens the index again after it failed.
pub(crate) fn reopen_index(
    dir: &Path,
    journal: &Journal,
) -> Result<(Result<Index, Closed>, Vec<String>), StoreError> {
    let found = read_journal(journal.dir())?;
    let mut notices = Vec::new();
    let climbed = climb(&dir.join("store"), &known(&found));
    let index = settle_index(climbed, journal, &found, &mut notices);
    Ok((index, notices))
}

fn read_journal(home: &Path) -> Result<Scan, StoreError> {
    let found = journal::scan(home).map_err(|error| StoreError::io(home, error))?;
    match found.newer {
        Some(path) => Err(StoreError::Newer { path }),
        None if found.entries.iter().any(|entry| entry.kind != KIND) => Err(StoreError::Newer {
            path: home.to_owned(),
        }),
        None => Ok(found),
    }
}

fn known(found: &Scan) -> BTreeMap<u64, Digest> {
    found
        .entries
        .iter()
        .map(|entry| (entry.seq, entry.hash))
        .collect()
}

/// Takes out of the newest whole backup what neither journal nor index has.
fn rescue_from_copies(dir: &Path, found: &Scan, climbed: &mut Climb) {
    let known = known(found);
    let last = |keys: Option<&u64>| keys.copied().unwrap_or_default();
    let had = last(known.keys().next_back()).max(last(climbed.rescued.keys().next_back()));
    for (path, _, said) in copy::kept(dir) {
        // Whole up to there, and the copy does not say that there was more.
        let events = u64::try_from(known.len() + climbed.rescued.len()).unwrap_or(u64::MAX);
        if events == had && said <= had {
            return;
        }
        let events = match copy::events(&path) {
            Ok(events) => events,
            Err(error) => {
                climbed.notices.push(error.to_string());
                continue;
            }
        };
        let of = |seq| {
            let rescued = || Some(climbed.rescued.get(&seq)?.hash);
            known.get(&seq).copied().or_else(rescued)
        };
        if events
            .iter()
            .any(|event| of(event.seq).is_some_and(|hash| hash != event.hash))
        {
            let path = path.display();
            climbed.notices.push(format!(
                "the backup `{path}` is of another history and is left out"
            ));
            continue;
        }
        for event in events {
            if !known.contains_key(&event.seq) {
                climbed.rescued.entry(event.seq).or_insert(Rescued {
                    prev: event.prev,
                    hash: event.hash,
                    bytes: event.bytes,
                });
            }
        }
        return;
    }
}

/// Drops what was rescued but does not continue the chain of hashes; whether anything is left.
fn fits(found: &Scan, climbed: &mut Climb) -> bool {
    let mut chain = known(found);
    let links: BTreeMap<u64, Digest> = found
        .entries
        .iter()
        .map(|entry| (entry.seq, entry.prev))
        .collect();
    let mut unfit = Vec::new();
    for (seq, frame) in &climbed.rescued {
        let before = if *seq == 1 {
            Some(&Digest::NONE)
        } else {
            chain.get(&(seq - 1))
        };
        let follows = before.is_none_or(|hash| *hash == frame.prev);
        let followed = links.get(&(seq + 1)).is_none_or(|prev| *prev == frame.hash);
        if follows && followed {
            chain.insert(*seq, frame.hash);
        } else {
            unfit.push(*seq);
        }
    }
    for seq in unfit {
        climbed.rescued.remove(&seq);
        climbed.notices.push(format!(
            "event {seq} of the index or a backup does not belong to this journal and is left out"
        ));
    }
    !climbed.rescued.is_empty()
}

/// Where a frame of the mended journal comes from.
enum Source<'a> {
    Journal(&'a Entry),
    Index(&'a Rescued),
}

fn mend(home: &Path, found: &Scan, rescued: &BTreeMap<u64, Rescued>) -> io::Result<()> {
    let reader = Journal::reader(home);
    let mut frames: BTreeMap<u64, Source<'_>> = rescued
        .iter()
        .map(|(seq, frame)| (*seq, Source::Index(frame)))
        .collect();
    frames.extend(
        found
            .entries
            .iter()
            .map(|entry| (entry.seq, Source::Journal(entry))),
    );
    let bytes = |source| match source {
        Source::Journal(entry) => reader.read(entry.whole),
        Source::Index(frame) => Ok(frame.bytes.clone()),
    };
    journal::mend(
        home,
        frames
            .into_iter()
            .map(|(seq, source)| Ok((seq, bytes(source)?))),
    )
}

fn catalogue(found: &Scan, notices: &mut Vec<String>) -> Catalogue {
    let mut catalogue = Catalogue::default();
    for entry in &found.entries {
        match Event::decode(&entry.head) {
            Ok(event) => catalogue.apply(entry, event),
            Err(error) => notices.push(format!(
                "event {} cannot be understood and is left out: {error}",
                entry.seq
            )),
        }
    }
    catalogue
}

/// Brings the opened index up to the journal.
fn settle_index(
    climbed: Climb,
    journal: &Journal,
    found: &Scan,
    notices: &mut Vec<String>,
) -> Result<Index, Closed> {
    let last = climbed.notices.last().cloned().unwrap_or_default();
    notices.extend(climbed.notices);
    let Some((index, contents)) = climbed.index else {
        let full = climbed.full;
        let reason = if full {
            format!("the disk is full, free some space ({last})")
        } else {
            last
        };
        return Err(Closed { reason, full });
    };
    match replay(&index, &contents, journal, found) {
        Ok(0) => Ok(index),
        Ok(count) => {
            notices.push(format!(
                "brought {count} events from the journal into the index"
            ));
            Ok(index)
        }
        Err(closed) => {
            notices.push(closed.reason.clone());
            // Already failing; what it says at the end changes nothing.
            let _ = index.close();
            Err(closed)
        }
    }
}

fn replay(
    index: &Index,
    contents: &Contents,
    journal: &Journal,
    found: &Scan,
) -> Result<usize, Closed> {
    let damaged = |reason| Closed {
        reason,
        full: false,
    };
    let mut count = 0;
    for entry in &found.entries {
        // One that cannot be understood was left out of the catalogue, and said.
        let Ok(event) = Event::decode(&entry.head) else {
            continue;
        };
        let objects = event
            .objects
            .iter()
            .all(|object| contents.objects.contains(&object.hash));
        if objects && contents.events.contains_key(&entry.seq) {
            continue;
        }
        let body = journal
            .read(entry.body)
            .map_err(|error| damaged(format!("cannot read the journal: {error}")))?;
        index.put(entry, &event.pieces(&body).map_err(damaged)?)?;
        count += 1;
    }
    if count > 0 {
        index.checkpoint()?;
    }
    Ok(count)
}

impl From<Fault> for Closed {
    fn from(Fault { full, reason }: Fault) -> Self {
        Self { reason, full }
    }
}
