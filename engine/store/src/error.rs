//! What can go wrong with a store, said so that the reader knows what to do.

use crate::disk::is_full;
use crate::room::{Room, bytes};
use rustix::process::geteuid;
use std::fmt;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
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
    /// The disk is nearly full: what is left is for going back; nothing was changed.
    Low {
        /// The store's folder.
        dir: PathBuf,
        /// What is left of it.
        room: Room,
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

    /// Whether it is for want of room, and will be over when there is some.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Low { .. })
    }

    /// Whether the disk is at fault, and not what was asked.
    #[must_use]
    pub fn is_of_the_disk(&self) -> bool {
        self.is_full() || matches!(self, Self::ReadOnly { .. } | Self::Io { .. })
    }
}

/// What is wrong with a path, and what its user can do about it.
#[must_use]
pub fn advice(path: &Path, error: &io::Error) -> String {
    let shown = path.display();
    match error.kind() {
        ErrorKind::PermissionDenied => {
            let own = geteuid().as_raw();
            match owner(path).filter(|(_, owner)| *owner != own) {
                Some((held, owner)) => format!(
                    "`{shown}`: {error}; `{}` belongs to user {owner} and mux runs as user {own}: run it as that user, give it the folder with `chown -R {own}`, or choose another one",
                    held.display()
                ),
                None => format!(
                    "`{shown}`: {error}; user {own}, as which mux runs, may not write there: change that with `chmod -R u+rwX`, or choose another folder"
                ),
            }
        }
        ErrorKind::ReadOnlyFilesystem => format!(
            "`{shown}`: {error}; mount its file system for writing, or choose another folder"
        ),
        _ if is_full(error) => out_of_room(path, error),
        _ => format!("`{shown}`: {error}"),
    }
}

/// The nearest to `path` that can be looked at, and whose it is.
fn owner(path: &Path) -> Option<(&Path, u32)> {
    path.ancestors()
        .find_map(|at| Some((at, at.metadata().ok()?.uid())))
}

/// Space and files run out apart from each other.
fn out_of_room(path: &Path, error: &io::Error) -> String {
    let shown = path.display();
    let room = path.ancestors().find_map(|at| Room::of(at).ok());
    match room {
        Some(Room { files: Some(0), .. }) => format!(
            "no more files can be made on the disk: remove some, its inodes are used up, as `df -i` shows (`{shown}`: {error})"
        ),
        _ => {
            format!("the disk is full: free some space, mux goes on by itself (`{shown}`: {error})")
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
                write!(out, "{}; nothing was changed", out_of_room(path, source))
            }
            Self::Low { dir, room } => write!(
                out,
                "the disk of `{}` is nearly full: {} are left, and the last {} are kept for going back; free some space, mux goes on by itself; nothing was changed",
                dir.display(),
                bytes(room.free),
                bytes(room.floor())
            ),
            Self::ReadOnly { reason } => write!(out, "the store is read-only: {reason}"),
            Self::Damaged { reason } => write!(out, "the store is damaged: {reason}"),
            Self::Newer { path } => {
                write!(
                    out,
                    "`{}` was written by a newer mux: use that one, or another data folder",
                    path.display()
                )
            }
            Self::Io { path, source } => out.write_str(&advice(path, source)),
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
