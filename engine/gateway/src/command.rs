//! What the reload thread may be asked to do, and the handle to ask it by.

use crate::status::Listing;
use mux_store::{Back, StoreError, Terms, Version, VersionHead};
use std::sync::mpsc::Sender;
use tokio::sync::oneshot;

/// Path and content of every file of a version.
pub type Files = Vec<(String, Vec<u8>)>;

/// Why something was not done.
#[derive(Clone, Debug)]
pub struct Refused {
    /// For people.
    pub why: String,
    /// What was asked is good, and the disk does not take it.
    pub by_disk: bool,
}

impl From<String> for Refused {
    fn from(why: String) -> Self {
        Self {
            why,
            by_disk: false,
        }
    }
}

impl From<&str> for Refused {
    fn from(why: &str) -> Self {
        why.to_owned().into()
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self {
            why: error.to_string(),
            by_disk: error.is_of_the_disk(),
        }
    }
}

/// What the thread is asked to do.
#[derive(Debug)]
pub enum Command {
    /// Files may have changed.
    Changed,
    /// Serve an older version and hold it.
    Rollback {
        /// Which; the one served before where absent.
        id: Option<String>,
        /// Who asks.
        author: String,
        /// Why.
        reason: String,
        /// What became of it.
        reply: oneshot::Sender<Result<Back, Refused>>,
    },
    /// Serve a version that was kept and not served.
    Promote {
        /// Which; the newest save where absent.
        id: Option<String>,
        /// To a share of requests only, and on what terms.
        canary: Option<Terms>,
        /// Who asks.
        author: String,
        /// Why.
        reason: String,
        /// What became of it.
        reply: oneshot::Sender<Result<VersionHead, Refused>>,
    },
    /// End the hold and serve the folder again.
    Release {
        /// Who asks.
        author: String,
        /// What became of it.
        reply: oneshot::Sender<Result<Option<VersionHead>, Refused>>,
    },
    /// Keep a version that nobody is served by yet.
    Draft {
        /// Its files; those that end in `.mux` and lie at the top are its roots.
        files: Files,
        /// Who asks.
        author: String,
        /// Why.
        reason: String,
        /// What became of it.
        reply: oneshot::Sender<Result<VersionHead, Refused>>,
    },
    /// Look whether a canary has ended.
    Judge,
    /// List versions.
    Versions(oneshot::Sender<Listing>),
    /// Hand out one version with its files.
    Version {
        /// Its id, or the beginning of it.
        id: String,
        /// What was found.
        reply: oneshot::Sender<Result<Version, String>>,
    },
    /// End.
    Stop,
}

/// Who is at the keyboard, as far as the environment says.
#[must_use]
pub fn author() -> String {
    std::env::var("USER")
        .or_else(|_| std::env::var("LOGNAME"))
        .unwrap_or_else(|_| "unknown".to_owned())
}

/// A handle on the thread.
#[derive(Clone, Debug)]
pub struct Reloader {
    commands: Sender<Command>,
}

impl Reloader {
    /// Speaks to the thread that reads from the other end.
    #[must_use]
    pub fn new(commands: Sender<Command>) -> Self {
        Self { commands }
    }

    /// Asks for something; it is dropped where the thread has ended.
    pub fn ask(&self, command: Command) {
        // Only a gateway that is shutting down has no thread any more.
        let _ = self.commands.send(command);
    }
}
