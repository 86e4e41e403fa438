//! What the reload thread does for the store between saves: backups, and getting on when a full disk has room again.

use crate::status::SharedStatus;
use mux_store::Store;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// How often it looks.
pub(crate) const TURN: Duration = Duration::from_secs(5);
/// How often versions are backed up, where there is something new …
const BACKUP_EVERY: Duration = Duration::from_hours(1);
/// … and after how long again where that failed.
const BACKUP_AGAIN: Duration = Duration::from_mins(5);

/// What it has done and told.
#[derive(Debug, Default)]
pub struct Tending {
    backed_up: Option<(Instant, Duration)>,
    /// Whether it was told that no version can be saved.
    unwell: bool,
    /// So many notices of the store were told.
    told: usize,
}

impl Tending {
    /// Of a store whose notices so far have been told.
    #[must_use]
    pub fn of(store: &Store) -> Self {
        Self {
            told: store.notices().len(),
            ..Self::default()
        }
    }

    /// Looks after the store, tells operators how it is, and returns whether it takes versions.
    pub(crate) fn turn(&mut self, store: &Store, status: &SharedStatus) -> bool {
        let standing = store.tend();
        let notices = store.notices();
        for notice in notices.iter().skip(self.told) {
            tracing::warn!("store: {notice}");
        }
        self.told = notices.len();
        let unwell = standing.problem.is_some();
        match &standing.problem {
            Some(problem) if !self.unwell => tracing::error!("no version can be saved: {problem}"),
            None if self.unwell => tracing::info!("versions can be saved again"),
            _ => {}
        }
        self.unwell = unwell;
        status.lock().unwrap_or_else(PoisonError::into_inner).store = standing;
        if !unwell {
            self.back_up(store);
        }
        !unwell
    }

    /// Copies the store where that is due and anything happened since.
    fn back_up(&mut self, store: &Store) {
        if self
            .backed_up
            .is_some_and(|(at, every)| at.elapsed() < every)
        {
            return;
        }
        let again = match store.back_up() {
            Ok(Some(path)) => {
                tracing::info!(path = %path.display(), "backed up the versions");
                BACKUP_EVERY
            }
            Ok(None) => BACKUP_EVERY,
            Err(error) => {
                tracing::error!("the versions cannot be backed up: {error}");
                BACKUP_AGAIN
            }
        };
        self.backed_up = Some((Instant::now(), again));
    }
}
