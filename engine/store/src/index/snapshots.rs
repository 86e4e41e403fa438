//! sled's snapshot files, which are a shortcut for opening and the reason why opening can fail.

use crate::disk::sync_dir;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Removes snapshots that a crash left half written: sled would take one for the newest and refuse to open.
pub(crate) fn remove_unfinished(dir: &Path) -> io::Result<usize> {
    let unfinished = files(dir, |name| {
        name.starts_with("snap.") && name.ends_with(".generating")
    })?;
    for path in &unfinished {
        fs::remove_file(path)?;
    }
    Ok(unfinished.len())
}

/// Renames the finished snapshots so that sled reads its log from the beginning instead. Returns how many there were.
pub(crate) fn set_aside(dir: &Path) -> io::Result<usize> {
    let finished = files(dir, |name| name.starts_with("snap."))?;
    for path in &finished {
        let mut name = OsString::from("aside.");
        name.push(path.file_name().unwrap_or_default());
        fs::rename(path, path.with_file_name(name))?;
    }
    if !finished.is_empty() {
        sync_dir(dir)?;
    }
    Ok(finished.len())
}

fn files(dir: &Path, wanted: impl Fn(&str) -> bool) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(&wanted) {
            files.push(entry.path());
        }
    }
    Ok(files)
}
