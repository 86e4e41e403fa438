//! The store: ten verbs over journal, catalogue and index.

use crate::boot::boot;
use crate::disk::{create_dir, unix_ms};
use crate::error::StoreError;
use crate::event::Event;
use crate::lock::Lock;
use crate::state::{Report, State};
use crate::version::{
    Action, Committed, HistoryEntry, NewVersion, Refs, Version, VersionHead, version_id,
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
    _lock: Lock,
}

impl Store {
    /// Opens the store in `dir`, creating it where there is none, and mends what can be mended: see [`Store::notices`].
    ///
    /// # Errors
    /// [`StoreError::Held`] names the process that has it open; others say what the disk refused.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        create_dir(dir).map_err(|error| StoreError::io(dir, error))?;
        let lock = Lock::take(dir)?;
        let state = Mutex::new(State::from(boot(dir)?));
        Ok(Self {
            dir: dir.to_owned(),
            state,
            _lock: lock,
        })
    }

    /// What was found and mended at the start, and what failed since.
    #[must_use]
    pub fn notices(&self) -> Vec<String> {
        self.state().notices().to_vec()
    }

    /// Stores a version and moves `folder` to it, and `live` unless it is held. When this returns it is on the disk.
    /// Storing a version again moves the refs only.
    ///
    /// # Errors
    /// The id is not that of the content, the version is too large, or the disk refused; then nothing has changed.
    pub fn commit(&self, version: NewVersion) -> Result<Committed, StoreError> {
        check(&version)?;
        let mut state = self.state();
        let id = version.id.clone();
        let new = !state.catalogue().contains(&id);
        let refs = state.catalogue().refs();
        let moves = refs.folder.as_ref() != Some(&id)
            || (refs.held.is_none() && refs.live.as_ref() != Some(&id));
        let (event, body) = state.save(version);
        if event.manifest.is_some() || moves {
            state.record(&self.dir, event, &body)?;
        }
        let live = state.catalogue().refs().live.as_ref() == Some(&id);
        Ok(Committed { id, new, live })
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
    /// the version that was live before; going back twice goes back twice.
    ///
    /// # Errors
    /// No version or several fit, nothing was live before, the version cannot be read back whole, or the disk refused.
    pub fn rollback(
        &self,
        to: Option<&str>,
        author: &str,
        reason: &str,
    ) -> Result<VersionHead, StoreError> {
        let mut state = self.state();
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
        Ok(head)
    }

    /// Ends the hold: `live` follows `folder` again. Returns what is live now; `None` where nothing was held.
    ///
    /// # Errors
    /// The disk refused.
    pub fn release(&self, author: &str) -> Result<Option<VersionHead>, StoreError> {
        let mut state = self.state();
        let Refs {
            folder: Some(id),
            held: Some(_),
            ..
        } = state.catalogue().refs().clone()
        else {
            return Ok(None);
        };
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
        manifest: None,
        objects: Vec::new(),
    }
}
