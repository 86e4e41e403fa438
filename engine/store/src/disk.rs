//! What the file system must be asked for explicitly: durable names, room to write, and a place for broken things.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Room a reopened index needs for its next segments.
const ROOM: usize = 2 << 20;

/// Makes the names in `dir` durable: a new file is not there after a power cut until its folder is synced too.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Creates `dir` and makes its name durable.
pub(crate) fn create_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(dir)?;
    sync_dir(parent(dir))
}

fn parent(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Whether the disk, the quota or a file size limit refused the write.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
    )
}

/// Whether there is room to go on, found out by writing: quotas and limits do not show in the free space.
pub(crate) fn has_room(dir: &Path) -> io::Result<()> {
    let probe = dir.join("room.probe");
    let written = File::create(&probe).and_then(|mut file| {
        file.write_all(&vec![0xA5; ROOM])
            .and_then(|()| file.sync_data())
    });
    // Where it was never created there is nothing to remove; a leftover is overwritten by the next probe.
    let _ = fs::remove_file(&probe);
    written
}

/// Moves `path` out of the way, to `<stem>-<unix ms>` beside it, and returns where it went.
pub(crate) fn set_aside(path: &Path, stem: &str) -> io::Result<PathBuf> {
    let dir = parent(path);
    let to = aside(dir, stem);
    fs::rename(path, &to)?;
    sync_dir(dir)?;
    Ok(to)
}

/// Removes the folders in `dir` that were moved out of the way to `<stem>-<unix ms>`.
pub(crate) fn clear_aside(dir: &Path, stem: &str) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let stamp = name
            .to_str()
            .and_then(|name| name.strip_prefix(stem)?.strip_prefix('-'));
        if stamp.is_some_and(|stamp| stamp.parse::<i64>().is_ok()) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// A name in `dir` that nothing has yet.
pub(crate) fn aside(dir: &Path, stem: &str) -> PathBuf {
    let mut stamp = unix_ms();
    loop {
        let path = dir.join(format!("{stem}-{stamp}"));
        if !path.exists() {
            return path;
        }
        stamp += 1;
    }
}

/// Now, unix milliseconds.
pub(crate) fn unix_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
