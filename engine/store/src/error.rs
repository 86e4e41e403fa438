//! What can go wrong with a store, said so that the reader knows what to do.

use crate::disk::is_full;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a store refused.
#[derive(Debug)]
pub enum StoreError {
    /// Another process has the store open.
    Held {
        /// The store's folder.
        dir: PathBuf,
        /// That process: its id and command.
        by: String,
    },
    /// There is a store where one was to be made.
    Taken {
        /// Its folder.
        dir: PathBuf,
    },
    /// No version has this id.
    Unknown {
        /// The id as given.
        id: String,
    },
    /// Several versions begin like this.
    Ambiguous {
        /// The prefix as given.
        prefix: String,
        /// Their ids.
        candidates: Vec<String>,
    },
    /// Too little of an id to be safe.
    TooShort {
        /// The prefix as given.
        prefix: String,
    },
    /// Backups lie where a store is to be made: what they have beyond it would come back.
    BackedUp {
        /// Their folder.
        dir: PathBuf,
    },
    /// Nothing was live before what is live now.
    NoEarlier,
    /// No version is called this at present.
    Nothing {
        /// `live`, `folder`, `draft` or `canary`.
        name: String,
    },
    /// A canary runs, and has to end first.
    Canary {
        /// The version that is tried out.
        version: String,
    },
    /// There is nothing to try out, or nothing to compare it with.
    NoCanary {
        /// Why.
        reason: String,
    },
    /// The version handed in contradicts itself.
    Invalid {
        /// How.
        reason: String,
    },
    /// The version is larger than the store takes.
    TooLarge {
        /// Its size, bytes.
        bytes: u64,
        /// What is taken, bytes.
        limit: u64,
    },
    /// The disk is full; nothing was changed.
    Full {
        /// What was being written.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The store answers reads only.
    ReadOnly {
        /// Since when what.
        reason: String,
    },
    /// What was read back is not what was written.
    Damaged {
        /// What, and where.
        reason: String,
    },
    /// The store was written by a newer mux.
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// The disk refused for another reason.
    Io {
        /// What was being read or written.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
}

impl StoreError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if is_full(&source) {
            Self::Full { path, source }
        } else {
            Self::Io { path, source }
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { dir, by } => {
                write!(
                    out,
                    "the store in `{}` is held by {by}: stop it, or choose another folder",
                    dir.display()
                )
            }
            Self::Taken { dir } => write!(
                out,
                "`{}` holds a store already: name another folder, or move this one away first",
                dir.display()
            ),
            Self::BackedUp { dir } => write!(
                out,
                "`{}` has backups, which would bring back what they have beyond this: name another folder, or move them away first",
                dir.display()
            ),
            Self::Unknown { id } => write!(out, "no version `{id}`: `mux versions` lists them"),
            Self::Ambiguous { prefix, candidates } => {
                write!(
                    out,
                    "`{prefix}` fits {} versions, give more of the id: `{}`",
                    candidates.len(),
                    candidates.join("`, `")
                )
            }
            Self::TooShort { prefix } => write!(
                out,
                "`{prefix}` is too short for a version: give at least 6 digits of its id"
            ),
            Self::NoEarlier => write!(
                out,
                "no other version was live before this one: name the version to go back to"
            ),
            Self::Nothing { name } => write!(
                out,
                "no version is called `{name}` at present; `mux versions` lists them"
            ),
            Self::Canary { version } => write!(
                out,
                "`{version}` is tried out as a canary: end that first with `mux rollback`, or promote it"
            ),
            Self::NoCanary { reason } => write!(out, "there can be no canary: {reason}"),
            Self::Invalid { reason } => write!(out, "the version cannot be stored: {reason}"),
            Self::TooLarge { bytes, limit } => write!(
                out,
                "the version is too large to store: {bytes} bytes, at most {limit} are taken; keep large data out of the policy folder"
            ),
            Self::Full { path, source } => {
                write!(
                    out,
                    "the disk is full, nothing was changed: free some space and try again (`{}`: {source})",
                    path.display()
                )
            }
            Self::ReadOnly { reason } => write!(out, "the store is read-only: {reason}"),
            Self::Damaged { reason } => write!(out, "the store is damaged: {reason}"),
            Self::Newer { path } => {
                write!(
                    out,
                    "`{}` was written by a newer mux: use that one, or another data folder",
                    path.display()
                )
            }
            Self::Io { path, source } => write!(out, "`{}`: {source}", path.display()),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Full { source, .. } | Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
