//! The store: a dozen verbs over journal, catalogue and index.

use crate::boot::{boot, boot_reading};
use crate::canary::{Canary, Terms};
use crate::copy::{self, Copied};
use crate::disk::{create_dir, unix_ms};
use crate::error::StoreError;
use crate::event::Event;
use crate::lock::Lock;
use crate::state::{Report, Standing, State};
use crate::version::{
    Action, Back, Committed, HistoryEntry, NewVersion, Refs, Version, VersionHead, version_id,
};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most bytes the files of one version may have together. Policies are text; a version this size is a mistake.
pub const VERSION_BYTES: u64 = 64 << 20;

/// Versions and refs in one folder, held by this process until dropped. Calls block on the disk.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    state: Mutex<State>,
    // Last, so that it is let go of when everything else is closed.
    lock: Mutex<Lock>,
}

impl Store {
    /// Opens the store in `dir`, creating it where there is none, and mends what can be mended: see [`Store::notices`]. On a
    /// disk that is mounted read-only it is only read from, until the disk takes writes: see [`Store::reads_only`].
    ///
    /// # Errors
    /// [`StoreError::Held`] names the process that has it open; others say what the disk refused.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        create_dir(dir).map_err(|error| StoreError::io(dir, error))?;
        let lock = Lock::take(dir)?;
        let reading = !lock.writes();
        let booted = if reading {
            boot_reading(dir)
        } else {
            boot(dir)
        };
        Ok(Self {
            dir: dir.to_owned(),
            state: Mutex::new(State::new(dir, booted?, reading)),
            lock: Mutex::new(lock),
        })
    }

    /// What was found and mended at the start, and what failed since.
    #[must_use]
    pub fn notices(&self) -> Vec<String> {
        self.state().notices().to_vec()
    }

    /// Whether the disk is mounted read-only, so that nothing is mended and nothing changed. Where it no longer is, the next
    /// write or [`Store::tend`] finds that out.
    #[must_use]
    pub fn reads_only(&self) -> bool {
        self.state().reads_only()
    }

    /// Uses the time between two writes, a few seconds each: after a read-only disk the store is opened for writing, after a
    /// full one the index is reopened, and the room that is kept for going back is taken again. Tells how the store is.
    #[must_use]
    pub fn tend(&self) -> Standing {
        self.writing().tend(&self.dir)
    }

    /// Stores a version and moves `folder` to it, and `live` unless it is held or beside a canary. When this returns it is on the disk.
    /// Storing a version again moves the refs only.
    ///
    /// # Errors
    /// The id is not that of the content, the version is too large, or the disk refused; then nothing has changed.
    pub fn commit(&self, version: NewVersion) -> Result<Committed, StoreError> {
        check(&version)?;
        let mut state = self.writing();
        let id = version.id.clone();
        let new = !state.catalogue().contains(&id);
        let refs = state.catalogue().refs();
        let moves = refs.folder.as_ref() != Some(&id)
            || (state.catalogue().follows() && refs.live.as_ref() != Some(&id));
        let (event, body) = state.save(version, false);
        if event.manifest.is_some() || moves {
            state.record(&self.dir, event, &body)?;
        }
        let live = state.catalogue().refs().live.as_ref() == Some(&id);
        Ok(Committed { id, new, live })
    }

    /// Stores a version that is served to nobody, and calls it `draft`. One that was served or saved before is no draft: then
    /// nothing changes.
    ///
    /// # Errors
    /// As for [`Store::commit`].
    pub fn draft(&self, version: NewVersion) -> Result<VersionHead, StoreError> {
        check(&version)?;
        let mut state = self.writing();
        let id = version.id.clone();
        let (event, body) = state.save(version, true);
        let catalogue = state.catalogue();
        let other = catalogue.refs().draft.as_ref() != Some(&id) && !catalogue.was_used(&id);
        if event.manifest.is_some() || other {
            state.record(&self.dir, event, &body)?;
        }
        Ok(state.catalogue().find(&id)?.0.clone())
    }

    /// Begins to try a version out beside the live one, or goes on with other terms.
    ///
    /// # Errors
    /// No version or several fit, it is live already, nothing is live, another one is tried out, or the disk refused.
    pub fn canary(
        &self,
        id: &str,
        terms: Terms,
        author: &str,
        reason: &str,
    ) -> Result<VersionHead, StoreError> {
        let mut state = self.writing();
        // Read in full: what is damaged must not be served to anybody.
        let head = state.version(id)?.head;
        let Refs { live, canary, .. } = state.catalogue().refs();
        let no = |reason: &str| StoreError::NoCanary {
            reason: reason.to_owned(),
        };
        match (live, canary) {
            (None, _) => return Err(no("nothing is live yet that it could be compared with")),
            (Some(live), _) if *live == head.id => return Err(no("that version is live already")),
            (_, Some(canary)) if canary.version != head.id => {
                return Err(StoreError::Canary {
                    version: canary.version.clone(),
                });
            }
            _ => {}
        }
        let event = Event {
            terms: Some(terms),
            ..event(Action::Canary, &head.id, author, reason)
        };
        state.record(&self.dir, event, &[])?;
        Ok(head)
    }

    /// Ends a canary: `live` goes on, or follows what was saved meanwhile. Returns what is live now.
    ///
    /// # Errors
    /// Nothing is tried out, or the disk refused.
    pub fn end_canary(&self, author: &str, reason: &str) -> Result<Back, StoreError> {
        self.ended(&mut self.writing(), author, reason)
    }

    fn ended(&self, state: &mut State, author: &str, reason: &str) -> Result<Back, StoreError> {
        let Some(Canary { version, .. }) = state.catalogue().refs().canary.clone() else {
            return Err(StoreError::NoCanary {
                reason: "none is tried out".to_owned(),
            });
        };
        let event = event(Action::EndCanary, &version, author, reason);
        state.record(&self.dir, event, &[])?;
        Ok(Back {
            head: state.catalogue().find("live")?.0.clone(),
            ended: Some(version),
        })
    }

    /// The version whose id is `id` or, with six digits or more, begins with it; every file checked against its hash.
    ///
    /// # Errors
    /// No version or several fit, or a file cannot be read back as it was written.
    pub fn version(&self, id: &str) -> Result<Version, StoreError> {
        self.state().version(id)
    }

    /// All versions, newest first.
    #[must_use]
    pub fn versions(&self) -> Vec<VersionHead> {
        self.state().catalogue().heads().cloned().collect()
    }

    /// Which version is which.
    #[must_use]
    pub fn refs(&self) -> Refs {
        self.state().catalogue().refs().clone()
    }

    /// Makes a version live and holds it: saves are stored but not served until [`Store::release`]. Without an id it is
    /// the version that was live before, and where a canary is tried out only that is ended; going back twice goes back twice.
    ///
    /// # Errors
    /// No version or several fit, nothing was live before, the version cannot be read back whole, or the disk refused.
    pub fn rollback(
        &self,
        to: Option<&str>,
        author: &str,
        reason: &str,
    ) -> Result<Back, StoreError> {
        let mut state = self.writing();
        if to.is_none() && state.catalogue().refs().canary.is_some() {
            return self.ended(&mut state, author, reason);
        }
        let id = to
            .or_else(|| state.catalogue().earlier())
            .ok_or(StoreError::NoEarlier)?;
        // Read in full: what is damaged must not go live.
        let head = state.version(id)?.head;
        state.record(
            &self.dir,
            event(Action::Rollback, &head.id, author, reason),
            &[],
        )?;
        Ok(Back { head, ended: None })
    }

    /// Makes a version live that was kept and not served; without an id the newest save. The newest save ends a hold, any
    /// other version is held.
    ///
    /// # Errors
    /// No version or several fit, nothing was saved yet, the version cannot be read back whole, or the disk refused.
    pub fn promote(
        &self,
        to: Option<&str>,
        author: &str,
        reason: &str,
    ) -> Result<VersionHead, StoreError> {
        let mut state = self.writing();
        let folder = state.catalogue().refs().folder.clone();
        let id = to
            .map(str::to_owned)
            .or(folder)
            .ok_or(StoreError::NoEarlier)?;
        // Read in full: what is damaged must not go live.
        let head = state.version(&id)?.head;
        let event = event(Action::Promote, &head.id, author, reason);
        state.record(&self.dir, event, &[])?;
        Ok(head)
    }

    /// Ends the hold: `live` follows `folder` again. Returns what is live now; `None` where nothing was held.
    ///
    /// # Errors
    /// A canary would lose what it is compared with, or the disk refused.
    pub fn release(&self, author: &str) -> Result<Option<VersionHead>, StoreError> {
        let mut state = self.writing();
        let Refs {
            folder: Some(id),
            held: Some(_),
            ..
        } = state.catalogue().refs().clone()
        else {
            return Ok(None);
        };
        if let Some(canary) = &state.catalogue().refs().canary {
            return Err(StoreError::Canary {
                version: canary.version.clone(),
            });
        }
        let head = state.catalogue().find(&id)?.0.clone();
        state.record(&self.dir, event(Action::Release, &id, author, ""), &[])?;
        Ok(Some(head))
    }

    /// Everything that happened, oldest first.
    #[must_use]
    pub fn history(&self) -> Vec<HistoryEntry> {
        self.state().catalogue().history().to_vec()
    }

    /// Reads everything back from the disk and checks it: the chain of events, every object, every version's id, the index.
    ///
    /// # Errors
    /// The journal cannot be read at all; all else is in [`Report::problems`].
    pub fn verify(&self) -> Result<Report, StoreError> {
        self.state().verify()
    }

    /// Writes everything to one file, which appears when it is whole and has been read back.
    ///
    /// # Errors
    /// The journal is damaged, or the disk refused.
    pub fn export(&self, to: &Path) -> Result<Copied, StoreError> {
        copy::write(self.state().journal_dir(), to)
    }

    /// Makes a store in `dir` from what [`Store::export`] or [`Store::back_up`] wrote.
    ///
    /// # Errors
    /// There is a store already, or backups that would roll this one on; the file is not whole, or the disk refused.
    pub fn import(dir: &Path, from: &Path) -> Result<Copied, StoreError> {
        create_dir(dir).map_err(|error| StoreError::io(dir, error))?;
        let _lock = Lock::take(dir)?;
        if dir.join("journal").exists() || dir.join("store").exists() {
            return Err(StoreError::Taken {
                dir: dir.to_owned(),
            });
        }
        let backups = dir.join("backups");
        if !copy::kept(&backups).is_empty() {
            return Err(StoreError::BackedUp { dir: backups });
        }
        copy::restore(&dir.join("journal"), from)
    }

    /// Makes a backup in the store's folder where anything happened since the last one, and removes those that are kept no
    /// longer: the newest 24 stay, and the newest of each of the last seven days that have one.
    ///
    /// # Errors
    /// The journal is damaged, the copy would leave too little room on the disk, or it refused.
    pub fn back_up(&self) -> Result<Option<PathBuf>, StoreError> {
        let state = self.state();
        let events = state
            .catalogue()
            .history()
            .last()
            .map_or(0, |entry| entry.seq);
        copy::leaves_room(state.journal_dir(), &self.dir)?;
        copy::back_up(state.journal_dir(), &self.dir.join("backups"), events)
    }

    /// Builds the index anew from the journal, which is all it is made of; sled gives no space back otherwise.
    ///
    /// # Errors
    /// The journal is damaged and the index may be needed to mend it, or the disk refused; then the old index stays.
    pub fn compact(&self) -> Result<(), StoreError> {
        self.state().compact(&self.dir)
    }

    /// Puts the index on the disk and closes. Dropping a store loses nothing either; this tells what went wrong.
    ///
    /// # Errors
    /// The index could not be written or closed. Everything acknowledged is in the journal all the same.
    pub fn close(self) -> Result<(), StoreError> {
        self.state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .close()
    }

    /// The state before something is written: one that was only read from is opened anew where the disk takes writes again.
    fn writing(&self) -> MutexGuard<'_, State> {
        let mut state = self.state();
        if state.reads_only() {
            let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            // Where that fails the disk is as it was, and the state says so.
            let writes = lock.writes() || lock.widen(&self.dir).is_ok() && lock.writes();
            if writes {
                state.take_up(&self.dir, boot(&self.dir));
            }
        }
        state
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refuses what contradicts itself before anything is written.
fn check(version: &NewVersion) -> Result<(), StoreError> {
    let bytes = version
        .files
        .iter()
        .map(|(_, content)| content.len() as u64)
        .sum();
    if bytes > VERSION_BYTES {
        return Err(StoreError::TooLarge {
            bytes,
            limit: VERSION_BYTES,
        });
    }
    let mut paths = HashSet::new();
    if let Some((path, _)) = version.files.iter().find(|(path, _)| !paths.insert(path)) {
        return Err(StoreError::Invalid {
            reason: format!("`{path}` is in it twice"),
        });
    }
    let id = version_id(&version.files, &version.plugins, version.prices.as_deref());
    if id != version.id {
        return Err(StoreError::Invalid {
            reason: format!("its id is `{id}`, not `{}`", version.id),
        });
    }
    Ok(())
}

fn event(action: Action, version: &str, author: &str, reason: &str) -> Event {
    Event {
        at: unix_ms(),
        author: author.to_owned(),
        reason: reason.to_owned(),
        action,
        version: version.to_owned(),
        terms: None,
        manifest: None,
        objects: Vec::new(),
    }
}
