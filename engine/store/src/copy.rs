//! A copy of a store in one file: a line that says what is in it, then the frames of the journal as they are.
//!
//! A copy holds everything: the journal is complete, and what else lies in a store is built from it. It is checked as it is
//! read, by its own hash, the checksum of each frame and the chain that the frames make.

use crate::digest::Digest;
use crate::disk::{sync_dir, unix_ms};
use crate::error::StoreError;
use crate::frame::{Frame, Piece, scan};
use crate::journal::{self, Journal};
use crate::room::Room;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The form written here.
const FORM: u32 = 1;
/// How copies are called.
const ENDING: &str = ".mux-store";
/// What a copy that is being written has behind its name.
const PARTIAL: &str = ".partial";
/// The newest copies that are kept …
const NEWEST: usize = 24;
/// … and the newest of each of so many days.
const DAYS: usize = 7;
const DAY_MS: i64 = 86_400_000;

/// The first line of a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Label {
    /// [`FORM`].
    mux_store: u32,
    /// Events in it, the first to this.
    events: u64,
    /// Bytes behind this line.
    bytes: u64,
    /// Hash of the last event.
    last: Digest,
    /// BLAKE3 of the bytes behind this line.
    hash: Digest,
}

/// What a copy holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Events.
    pub events: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Writes a copy of the journal in `home` to `to`, which appears when it is whole and has been read back.
pub(crate) fn write(home: &Path, to: &Path) -> Result<Copied, StoreError> {
    let failed = |error| StoreError::io(to, error);
    let found = journal::scan(home).map_err(|error| StoreError::io(home, error))?;
    let whole = found.faults.is_empty() && found.entries.first().is_none_or(|first| first.seq == 1);
    if !whole || found.newer.is_some() {
        let what = found
            .faults
            .first()
            .map_or("its beginning is missing", String::as_str);
        return Err(StoreError::Damaged {
            reason: format!("a copy of it would be, too: {what}"),
        });
    }
    let reader = Journal::reader(home);
    let mut hasher = blake3::Hasher::new();
    let mut bytes = 0;
    for entry in &found.entries {
        hasher.update(&reader.read(entry.whole).map_err(failed)?);
        bytes += entry.whole.len;
    }
    let (events, last) = found
        .entries
        .last()
        .map_or((0, Digest::NONE), |last| (last.seq, last.hash));
    let label = Label {
        mux_store: FORM,
        events,
        bytes,
        last,
        hash: Digest::from_bytes(*hasher.finalize().as_bytes()),
    };
    let mut name = to.as_os_str().to_owned();
    name.push(PARTIAL);
    let partial = PathBuf::from(name);
    let fill = || -> io::Result<()> {
        let mut file = File::create(&partial)?;
        let line = serde_json::to_string(&label).map_err(io::Error::other)?;
        writeln!(file, "{line}")?;
        for entry in &found.entries {
            file.write_all(&reader.read(entry.whole)?)?;
        }
        file.sync_all()
    };
    let copied = fill().map_err(failed).and_then(|()| {
        let copied = check(&partial)?;
        fs::rename(&partial, to).map_err(failed)?;
        let dir = to.parent().filter(|dir| !dir.as_os_str().is_empty());
        sync_dir(dir.unwrap_or(Path::new("."))).map_err(failed)?;
        Ok(copied)
    });
    if copied.is_err() {
        // Where it was never created there is nothing to remove.
        let _ = fs::remove_file(&partial);
    }
    copied
}

/// Reads a copy through and checks all of it.
pub(crate) fn check(path: &Path) -> Result<Copied, StoreError> {
    let bytes = read(path)?;
    let events = whole(path, &bytes)?.0.events;
    Ok(copied(events, &bytes))
}

fn read(path: &Path) -> Result<Vec<u8>, StoreError> {
    fs::read(path).map_err(|error| StoreError::io(path, error))
}

fn copied(events: u64, bytes: &[u8]) -> Copied {
    Copied {
        events,
        bytes: bytes.len() as u64,
    }
}

/// The label of a copy, and its frames, which are all there and follow each other.
fn whole<'b>(path: &Path, bytes: &'b [u8]) -> Result<(Label, Frames<'b>), StoreError> {
    let (label, frames) = frames(path, bytes)?;
    let mut before = (0, Digest::NONE);
    for (frame, _) in &frames {
        if (frame.seq, frame.prev) != (before.0 + 1, before.1) {
            return Err(broken(
                path,
                &format!("event {} does not continue event {}", frame.seq, before.0),
            ));
        }
        before = (frame.seq, frame.hash);
    }
    if before != (label.events, label.last) {
        return Err(broken(path, "it does not end where it says"));
    }
    Ok((label, frames))
}

/// Frames, each with its bytes.
type Frames<'b> = Vec<(Frame<'b>, &'b [u8])>;

/// The label of a copy, and its frames.
fn frames<'b>(path: &Path, bytes: &'b [u8]) -> Result<(Label, Frames<'b>), StoreError> {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (line, body) = end
        .and_then(|end| bytes.split_at_checked(end))
        .ok_or_else(|| broken(path, "it has no label"))?;
    let body = body.get(1..).unwrap_or_default();
    let label: Label = serde_json::from_slice(line)
        .map_err(|_| broken(path, "its first line is no label of a copy"))?;
    if label.mux_store != FORM {
        return Err(StoreError::Newer {
            path: path.to_owned(),
        });
    }
    if label.bytes != body.len() as u64 {
        return Err(broken(
            path,
            &format!("it has {} bytes of {}", body.len(), label.bytes),
        ));
    }
    if Digest::of(body) != label.hash {
        return Err(broken(path, "its content does not match its hash"));
    }
    let mut frames = Vec::new();
    for piece in scan(body) {
        match piece {
            Piece::Frame { at, len, frame } => {
                frames.push((frame, body.get(at..at + len).unwrap_or_default()));
            }
            Piece::Damage { .. } => return Err(broken(path, "a frame in it is damaged")),
        }
    }
    Ok((label, frames))
}

fn broken(path: &Path, what: &str) -> StoreError {
    StoreError::Damaged {
        reason: format!("`{}` is no whole copy: {what}", path.display()),
    }
}

/// Writes the journal of a store that has none from a copy.
pub(crate) fn restore(home: &Path, from: &Path) -> Result<Copied, StoreError> {
    let bytes = read(from)?;
    let (label, frames) = whole(from, &bytes)?;
    let frames = frames
        .into_iter()
        .map(|(frame, bytes)| Ok((frame.seq, bytes.to_vec())));
    journal::mend(home, frames).map_err(|error| StoreError::io(home, error))?;
    Ok(copied(label.events, &bytes))
}

/// An event of a copy.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) seq: u64,
    /// Hash of the one before.
    pub(crate) prev: Digest,
    pub(crate) hash: Digest,
    /// Its frame.
    pub(crate) bytes: Vec<u8>,
}

/// The events of a copy, which is checked first.
pub(crate) fn events(from: &Path) -> Result<Vec<Event>, StoreError> {
    let bytes = read(from)?;
    let (_, frames) = whole(from, &bytes)?;
    let owned = |(frame, bytes): (Frame<'_>, &[u8])| Event {
        seq: frame.seq,
        prev: frame.prev,
        hash: frame.hash,
        bytes: bytes.to_vec(),
    };
    Ok(frames.into_iter().map(owned).collect())
}

/// The copies in a folder, newest first, with when they were made and how many events they say they hold.
pub(crate) fn kept(dir: &Path) -> Vec<(PathBuf, i64, u64)> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let named = entries.filter_map(|entry| {
        let name = entry.file_name();
        let (stamp, events) = name.to_str()?.strip_suffix(ENDING)?.split_once('-')?;
        Some((entry.path(), stamp.parse().ok()?, events.parse().ok()?))
    });
    let mut copies: Vec<(PathBuf, i64, u64)> = named.collect();
    copies.sort_by_key(|(_, stamp, _)| std::cmp::Reverse(*stamp));
    copies
}

/// Whether a copy of the journal in `home` leaves alone what is left alone of the disk of `dir`.
pub(crate) fn leaves_room(home: &Path, dir: &Path) -> Result<(), StoreError> {
    let files = fs::read_dir(home).into_iter().flatten().flatten();
    let bytes: u64 = files
        .filter_map(|file| Some(file.metadata().ok()?.len()))
        .sum();
    match Room::of(dir) {
        Ok(room) if room.free < bytes.saturating_add(room.floor()) => Err(StoreError::Low {
            dir: dir.to_owned(),
            room,
        }),
        _ => Ok(()),
    }
}

/// Makes a copy in `dir` where no copy in it ends where the journal does, whatever the clock says of which is newest, and removes those that are kept no longer.
pub(crate) fn back_up(home: &Path, dir: &Path, events: u64) -> Result<Option<PathBuf>, StoreError> {
    if events == 0 || kept(dir).iter().any(|(_, _, held)| *held == events) {
        return Ok(None);
    }
    fs::create_dir_all(dir).map_err(|error| StoreError::io(dir, error))?;
    clear_unfinished(dir).map_err(|error| StoreError::io(dir, error))?;
    let to = dir.join(format!("{}-{events}{ENDING}", unix_ms()));
    write(home, &to)?;
    for path in superfluous(&kept(dir)) {
        fs::remove_file(&path).map_err(|error| StoreError::io(&path, error))?;
    }
    Ok(Some(to))
}

/// Removes what a process that ended in the middle left of a copy.
fn clear_unfinished(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix(PARTIAL));
        if stem.is_some_and(|stem| stem.ends_with(ENDING)) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Those of `copies`, which come newest first, that are kept no longer.
fn superfluous(copies: &[(PathBuf, i64, u64)]) -> Vec<PathBuf> {
    let mut days = Vec::new();
    let mut gone = Vec::new();
    for (place, (path, stamp, _)) in copies.iter().enumerate() {
        let day = stamp.div_euclid(DAY_MS);
        let first_of_day = !days.contains(&day);
        if first_of_day {
            days.push(day);
        }
        let of_the_days = first_of_day && days.len() <= DAYS;
        if place >= NEWEST && !of_the_days {
            gone.push(path.clone());
        }
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_copies_and_one_of_each_of_the_last_days_stay() {
        // Four a day for thirty days, newest first.
        let copies: Vec<_> = (0..120_i64)
            .map(|n| {
                (
                    PathBuf::from(n.to_string()),
                    (200 * DAY_MS) - 1 - n * DAY_MS / 4,
                    0,
                )
            })
            .collect();
        let gone = superfluous(&copies);
        let left: Vec<usize> = (0..120).filter(|n| !gone.contains(&copies[*n].0)).collect();
        let mut expected: Vec<usize> = (0..24).collect();
        expected.push(24);
        assert_eq!(left, expected);
        // Many on one day: of the days before it one each.
        let busy: Vec<_> = (0..50)
            .map(|n| (PathBuf::from(n.to_string()), 100 * DAY_MS + 50 - n, 0))
            .chain((1..20).map(|n| (PathBuf::from(format!("d{n}")), (100 - n) * DAY_MS, 0)))
            .collect();
        let gone = superfluous(&busy);
        let left: Vec<_> = busy
            .iter()
            .map(|(p, ..)| p.clone())
            .filter(|p| !gone.contains(p))
            .collect();
        assert_eq!(left.len(), 24 + 6, "{left:?}");
        assert!(left.contains(&PathBuf::from("d6")) && !left.contains(&PathBuf::from("d7")));
    }
}
