//! What an open store holds, and the one way a change gets into it.

use crate::ballast::Ballast;
use crate::boot::{Booted, Closed, reopen_index};
use crate::catalogue::Catalogue;
use crate::digest::Digest;
use crate::disk::{clear_aside, has_room, is_full, set_aside};
use crate::error::StoreError;
use crate::event::{Event, FileRef, KIND, Manifest, Object};
use crate::index::{Fault, Index};
use crate::journal::{self, Entry, Journal};
use crate::room::Room;
use crate::version::{Action, NewVersion, Version, version_id};
use serde::Serialize;
use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::path::Path;

/// What an index that is built anew is called until the new one stands.
const REPLACED: &str = "replaced";

/// The index is put on the disk after this many events; until then the journal would bring it up again.
const CHECKPOINT_EVERY: u64 = 64;

/// Journal, what it adds up to, and the index.
#[derive(Debug)]
pub(crate) struct State {
    journal: Journal,
    catalogue: Catalogue,
    /// The index, or why there is none; then no version is saved.
    index: Result<Index, Closed>,
    notices: Vec<String>,
    ballast: Ballast,
    /// The disk is read-only: nothing is written at all.
    reading: bool,
}

/// How a store is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Why no version can be saved; absent where one can.
    pub problem: Option<String>,
    /// Room on its disk, where the system tells.
    pub room: Option<Room>,
    /// Bytes of room below which no version is saved.
    pub floor: u64,
    /// Bytes that are kept for going back on a full disk.
    pub ballast: u64,
}

/// What `Store::verify` found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Versions that were read in full and match their id.
    pub versions: usize,
    /// Objects in the journal that match their hash.
    pub objects: usize,
    /// Events in the journal that match their checksum and continue the chain.
    pub events: usize,
    /// What is wrong; empty when all is well.
    pub problems: Vec<String>,
}

impl State {
    /// Of the store in `dir`, which is only read from where `reading` says so.
    pub(crate) fn new(dir: &Path, booted: Booted, reading: bool) -> Self {
        let Booted {
            journal,
            catalogue,
            index,
            notices,
        } = booted;
        Self {
            journal,
            catalogue,
            index,
            notices,
            ballast: Ballast::of(dir),
            reading,
        }
    }

    /// Goes on from a start for writing, after one that only read.
    pub(crate) fn take_up(&mut self, dir: &Path, booted: Result<Booted, StoreError>) {
        match booted {
            Ok(booted) => {
                let mut notices = std::mem::take(&mut self.notices);
                notices.push("the disk is read-only no more".to_owned());
                notices.extend(booted.notices.iter().cloned());
                *self = Self::new(dir, booted, false);
                self.notices = notices;
            }
            Err(error) => {
                self.index = Err(Closed {
                    reason: format!("its disk takes writes again, and it does not open: {error}"),
                    full: false,
                });
            }
        }
    }

    pub(crate) fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    pub(crate) fn reads_only(&self) -> bool {
        self.reading
    }

    pub(crate) fn notices(&self) -> &[String] {
        &self.notices
    }

    /// The event that saves `version`, and the objects the journal lacks, end to end. They are written also for a version
    /// that is known: damage may have taken them.
    pub(crate) fn save(&self, version: NewVersion, draft: bool) -> (Event, Vec<u8>) {
        let (mut files, mut objects, mut body, mut seen) =
            (Vec::new(), Vec::new(), Vec::new(), HashSet::new());
        for (path, content) in version.files {
            let len = u32::try_from(content.len()).unwrap_or(u32::MAX);
            let object = Object {
                hash: Digest::of(&content),
                len,
            };
            if self.catalogue.place(&object.hash).is_none() && seen.insert(object.hash) {
                objects.push(object);
                body.extend(content);
            }
            files.push(FileRef { path, object });
        }
        let written = !objects.is_empty() || !self.catalogue.contains(&version.id);
        let NewVersion {
            semantic,
            plugins,
            prices,
            ..
        } = version;
        let event = Event {
            at: version.at_unix_ms,
            author: version.author,
            reason: version.note,
            action: match (draft, version.forced) {
                (false, false) => Action::Save,
                (false, true) => Action::ForcedSave,
                (true, false) => Action::Draft,
                (true, true) => Action::ForcedDraft,
            },
            version: version.id,
            terms: None,
            manifest: written.then_some(Manifest {
                semantic,
                files,
                plugins,
                prices,
            }),
            objects,
        };
        (event, body)
    }

    /// Writes an event to the journal, then follows it everywhere else. An error means it did not happen. What saves a
    /// version waits for room and for an index; what only moves refs is written as long as there is any way to.
    pub(crate) fn record(
        &mut self,
        dir: &Path,
        event: Event,
        body: &[u8],
    ) -> Result<(), StoreError> {
        let saves = matches!(
            event.action,
            Action::Save | Action::ForcedSave | Action::Draft | Action::ForcedDraft
        );
        match &self.index {
            Err(closed) if self.reading => return Err(closed.refusal()),
            _ if saves => {
                spare(dir)?;
                self.revive(dir)?;
            }
            _ => {}
        }
        let invalid = |reason| StoreError::Invalid { reason };
        let head = event.encode().map_err(invalid)?;
        let pieces = event.pieces(body).map_err(invalid)?;
        let appended = self.append(&head, body, !saves);
        let entry = appended.map_err(|error| StoreError::io(self.journal.dir(), error))?;
        self.catalogue.apply(&entry, event);
        // Acknowledged from here on: the index may fail, the event has happened.
        if let Err(fault) = self.index_put(&entry, &pieces) {
            self.fail_index(fault);
        }
        Ok(())
    }

    /// Writes to the journal, at the cost of the ballast where `urgent`.
    fn append(&mut self, head: &[u8], body: &[u8], urgent: bool) -> io::Result<Entry> {
        loop {
            match self.journal.append(KIND, head, body) {
                // A limit on the size of files is not lifted by room.
                Err(error)
                    if urgent
                        && matches!(
                            error.kind(),
                            ErrorKind::StorageFull | ErrorKind::QuotaExceeded
                        )
                        && self.ballast.give() => {}
                appended => return appended,
            }
        }
    }

    fn index_put(&self, entry: &Entry, pieces: &[(Digest, &[u8])]) -> Result<(), Fault> {
        let Ok(index) = &self.index else {
            return Ok(());
        };
        index.put(entry, pieces)?;
        if entry.seq.is_multiple_of(CHECKPOINT_EVERY) {
            index.checkpoint()
        } else {
            Ok(())
        }
    }

    /// Gives the index up until the next write.
    fn fail_index(&mut self, fault: Fault) {
        self.notices.push(format!(
            "{}; no version is saved until the index can be reopened",
            fault.reason
        ));
        if let Ok(index) = std::mem::replace(&mut self.index, Err(fault.into()))
            && let Err(fault) = index.close()
        {
            self.notices.push(fault.reason);
        }
    }

    /// Reopens a failed index before something is written.
    fn revive(&mut self, dir: &Path) -> Result<(), StoreError> {
        let Err(before) = &self.index else {
            return Ok(());
        };
        if let Err(error) = has_room(dir) {
            if is_full(&error) {
                return Err(StoreError::io(dir, error));
            }
            let reason = format!(
                "the disk refuses writes ({error}); before that: {}",
                before.reason
            );
            return Err(StoreError::ReadOnly { reason });
        }
        let (index, notices) = reopen_index(dir, &self.journal)?;
        self.notices.extend(notices);
        self.index = index;
        match &self.index {
            Ok(_) => {
                self.notices
                    .push("the index is open again, the store takes writes".to_owned());
                Ok(())
            }
            Err(closed) => Err(closed.refusal()),
        }
    }

    /// Uses the time between two writes: where there is room again, the index is reopened and the ballast made whole.
    pub(crate) fn tend(&mut self, dir: &Path) -> Standing {
        if let Ok(room) = Room::of(dir)
            && !self.reading
            && !room.is_low()
        {
            // Only then: reopening what is damaged sets a copy aside each time.
            if self.index.as_ref().is_err_and(|closed| closed.full) {
                // What goes wrong is why it is still closed.
                let _ = self.revive(dir);
            }
            // Without it a rollback needs room; the next turn tries again.
            let _ = self.ballast.fill(room);
        }
        self.standing(dir)
    }

    fn standing(&self, dir: &Path) -> Standing {
        let room = Room::of(dir).ok();
        let closed = self.index.as_ref().err();
        let low = spare(dir).err();
        Standing {
            problem: low
                .or_else(|| closed.map(Closed::refusal))
                .map(|refusal| refusal.to_string()),
            room,
            floor: room.map_or(0, Room::floor),
            ballast: self.ballast.left(),
        }
    }

    pub(crate) fn version(&self, id: &str) -> Result<Version, StoreError> {
        let (head, manifest) = self.catalogue.find(id)?.clone();
        let mut files = Vec::with_capacity(manifest.files.len());
        for FileRef { path, object } in manifest.files {
            let content = self.object(&object).map_err(|reason| StoreError::Damaged {
                reason: format!(
                    "`{path}` of version `{}` cannot be read back: {reason}",
                    head.id
                ),
            })?;
            files.push((path, content));
        }
        if version_id(&files, &manifest.plugins, manifest.prices.as_deref()) != head.id {
            return Err(StoreError::Damaged {
                reason: format!("version `{}` does not match its id", head.id),
            });
        }
        Ok(Version {
            head,
            files,
            plugins: manifest.plugins,
            prices: manifest.prices,
        })
    }

    /// An object from the index, or from the journal where the index fails; never one that does not match its hash.
    fn object(&self, object: &Object) -> Result<Vec<u8>, String> {
        let indexed = self
            .index
            .as_ref()
            .ok()
            .and_then(|index| index.object(&object.hash).ok().flatten());
        indexed.map_or_else(|| self.journalled(&object.hash), Ok)
    }

    fn journalled(&self, hash: &Digest) -> Result<Vec<u8>, String> {
        let place = self
            .catalogue
            .place(hash)
            .ok_or_else(|| format!("object {hash} is lost"))?;
        let content = self
            .journal
            .read(place)
            .map_err(|error| error.to_string())?;
        if Digest::of(&content) == *hash {
            Ok(content)
        } else {
            Err(format!("object {hash} is damaged in the journal"))
        }
    }

    pub(crate) fn verify(&self) -> Result<Report, StoreError> {
        let dir = self.journal.dir();
        let found = journal::scan(dir).map_err(|error| StoreError::io(dir, error))?;
        let mut report = Report {
            events: found.entries.len(),
            problems: found.faults,
            ..Report::default()
        };
        if let Some(torn) = found.torn {
            report.problems.push(format!(
                "the last {} bytes of the journal cannot be read",
                torn.len
            ));
        }
        for (hash, _) in self.catalogue.objects() {
            match self.journalled(&hash) {
                Ok(_) => report.objects += 1,
                Err(reason) => report.problems.push(reason),
            }
        }
        for head in self.catalogue.heads() {
            match self.version(&head.id) {
                Ok(_) => report.versions += 1,
                Err(error) => report.problems.push(error.to_string()),
            }
        }
        report.problems.extend(self.index_problem(report.events));
        Ok(report)
    }

    /// What is wrong with the index, which should hold as many events as the journal.
    fn index_problem(&self, events: usize) -> Option<String> {
        match self.index.as_ref().map(Index::contents) {
            Ok(Ok(contents)) if contents.damaged > 0 => Some(format!(
                "{} records of the index are damaged",
                contents.damaged
            )),
            Ok(Ok(contents)) if contents.events.len() != events => Some(format!(
                "the index holds {} events, the journal {events}",
                contents.events.len()
            )),
            Ok(Ok(_)) => None,
            Ok(Err(fault)) => Some(fault.reason),
            Err(_) if self.reading => None,
            Err(closed) => Some(format!("the index is closed: {}", closed.reason)),
        }
    }

    /// Folder of the journal.
    pub(crate) fn journal_dir(&self) -> &Path {
        self.journal.dir()
    }

    /// Builds the index anew.
    pub(crate) fn compact(&mut self, dir: &Path) -> Result<(), StoreError> {
        let problems = self.verify()?.problems;
        if let Some(problem) = problems.first() {
            return Err(StoreError::Damaged {
                reason: format!("nothing is thrown away before it is mended: {problem}"),
            });
        }
        let failed = |error| StoreError::io(dir, error);
        has_room(dir).map_err(failed)?;
        let anew = Closed {
            reason: "it is being built anew".to_owned(),
            full: false,
        };
        let before = std::mem::replace(&mut self.index, Err(anew));
        if let Ok(index) = before {
            // Sound until now, and about to be replaced: what it says at its end changes nothing.
            let _ = index.close();
        }
        let old = set_aside(&dir.join("store"), REPLACED).map_err(failed)?;
        let (index, notices) = reopen_index(dir, &self.journal)?;
        self.notices.extend(notices);
        self.index = index;
        match &self.index {
            // With what an earlier one that was cut short left.
            Ok(_) => clear_aside(dir, REPLACED).map_err(failed),
            Err(closed) => Err(StoreError::ReadOnly {
                reason: format!(
                    "the index could not be built anew, the old one is `{}`: {}",
                    old.display(),
                    closed.reason
                ),
            }),
        }
    }

    /// Puts the index on the disk and closes it.
    pub(crate) fn close(self) -> Result<(), StoreError> {
        let Ok(index) = self.index else { return Ok(()) };
        let written = index.checkpoint();
        written.and(index.close()).map_err(|fault| {
            let kind = if fault.full {
                ErrorKind::StorageFull
            } else {
                ErrorKind::Other
            };
            StoreError::io(self.journal.dir(), io::Error::new(kind, fault.reason))
        })
    }
}

impl Closed {
    /// Why nothing is saved.
    fn refusal(&self) -> StoreError {
        let reason = self.reason.clone();
        StoreError::ReadOnly { reason }
    }
}

/// Leaves the last of a disk alone. What it cannot be asked about is found out by writing.
fn spare(dir: &Path) -> Result<(), StoreError> {
    match Room::of(dir) {
        Ok(room) if room.is_low() => Err(StoreError::Low {
            dir: dir.to_owned(),
            room,
        }),
        _ => Ok(()),
    }
}
