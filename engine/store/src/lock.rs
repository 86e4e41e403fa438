//! One process at a time: an advisory lock that says who holds it.

use crate::error::StoreError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

/// Held until dropped. The system lets go of it when the process dies, however it dies.
#[derive(Debug)]
pub(crate) struct Lock {
    /// Absent where there is no such file and none can be made, because the disk is read-only.
    file: Option<File>,
    writes: bool,
}

impl Lock {
    /// Takes the lock of `dir`, or says who has it. On a disk that is read-only it is one for reading.
    pub(crate) fn take(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join("lock");
        let failed = |error| StoreError::io(&path, error);
        // Not truncated here: until the lock is ours, the name in it is another's.
        let options = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let (mut file, writes) = match options {
            Ok(file) => (file, true),
            Err(error) if error.kind() == ErrorKind::ReadOnlyFilesystem => {
                match File::open(&path) {
                    Ok(file) => (file, false),
                    Err(missing) if missing.kind() == ErrorKind::NotFound => {
                        return Ok(Self {
                            file: None,
                            writes: false,
                        });
                    }
                    Err(error) => return Err(failed(error)),
                }
            }
            Err(error) => return Err(failed(error)),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut by = String::new();
                // A holder that has not written its name yet, or could not, is still a holder.
                let _ = file.read_to_string(&mut by);
                let by = if by.trim().is_empty() {
                    "another process"
                } else {
                    by.trim()
                };
                return Err(StoreError::Held {
                    dir: dir.to_owned(),
                    by: by.to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        name(&file);
        Ok(Self {
            file: Some(file),
            writes,
        })
    }

    /// Makes one for reading one for writing, where the disk is read-only no more.
    pub(crate) fn widen(&mut self, dir: &Path) -> Result<(), StoreError> {
        if self.file.is_none() {
            *self = Self::take(dir)?;
            return Ok(());
        }
        // The lock itself stays: a second one on the file would have to wait for it.
        let path = dir.join("lock");
        let opened = OpenOptions::new().write(true).open(&path);
        let file = opened.map_err(|error| StoreError::io(&path, error))?;
        name(&file);
        self.writes = true;
        Ok(())
    }

    /// Whether the store can be written.
    pub(crate) fn writes(&self) -> bool {
        self.writes
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone is not enough: a child this process is just starting shares the open file until it runs.
        // If unlocking fails, closing the file is what is left, and happens next.
        let _ = self.file.as_ref().map(File::unlock);
    }
}

/// Writes down who holds it. On a full disk the name is missing, the lock is not.
fn name(mut file: &File) {
    let _ = file
        .set_len(0)
        .and_then(|()| file.write_all(holder().as_bytes()));
}

/// Process id, command and subcommand; no further arguments, they may hold secrets.
fn holder() -> String {
    let mut arguments = std::env::args_os();
    let command = arguments.next().unwrap_or_default();
    let command = Path::new(&command)
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let word = arguments
        .next()
        .map(|word| word.to_string_lossy().into_owned());
    let word = word.filter(|word| word.chars().all(|c| c.is_ascii_alphabetic()));
    let command = word.map_or(command.clone(), |word| format!("{command} {word}"));
    format!("pid {} (`{command}`)\n", std::process::id())
}
