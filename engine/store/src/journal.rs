//! The journal: appending frames so that they survive a crash, and mending it from frames saved elsewhere.

mod scan;

use crate::digest::Digest;
use crate::disk::{aside, create_dir, set_aside, sync_dir};
use crate::frame;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

pub(crate) use scan::{Entry, Place, Scan, scan};

/// A segment that reached this many bytes is followed by a new one.
const SEGMENT_BYTES: u64 = 16 << 20;

/// An open journal.
#[derive(Debug)]
pub(crate) struct Journal {
    dir: PathBuf,
    active: Option<Active>,
    last: u64,
    hash: Digest,
    segment_bytes: u64,
}

/// The segment being written.
#[derive(Debug)]
struct Active {
    segment: u64,
    file: File,
    /// Where the next frame goes.
    end: u64,
    /// A failed write may have left bytes behind `end`.
    dirty: bool,
}

impl Journal {
    /// Opens the journal found by `found` for appending, cutting its torn end off.
    ///
    /// What is cut off is kept beside the journal where there is room: it was never acknowledged unless the disk lied.
    pub(crate) fn open(dir: &Path, found: &Scan) -> io::Result<Self> {
        create_dir(dir)?;
        let (last, hash) = found
            .entries
            .last()
            .map_or((0, Digest::NONE), |entry| (entry.seq, entry.hash));
        let mut journal = Self {
            last,
            hash,
            ..Self::reader(dir)
        };
        if let Some((segment, end)) = found.end {
            let path = scan::segment_path(dir, segment);
            let file = OpenOptions::new().read(true).write(true).open(path)?;
            journal.active = Some(Active {
                segment,
                file,
                end,
                dirty: found.torn.is_some(),
            });
        }
        if let Some(torn) = found.torn {
            let bytes = journal.read(torn)?;
            // Without room for a copy the bytes go all the same: the next frame needs their place.
            let _ = fs::write(aside(dir.parent().unwrap_or(dir), "torn"), bytes);
            journal.clean()?;
        }
        Ok(journal)
    }

    /// A journal that is only read from.
    pub(crate) fn reader(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            active: None,
            last: 0,
            hash: Digest::NONE,
            segment_bytes: SEGMENT_BYTES,
        }
    }

    /// Writes one frame and waits until it is on the disk. On an error the journal is as it was.
    pub(crate) fn append(&mut self, kind: u8, head: &[u8], body: &[u8]) -> io::Result<Entry> {
        let seq = self.last + 1;
        let (bytes, hash) = frame::encode(kind, seq, &self.hash, head, body).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "an event may not be longer than 4 GiB",
            )
        })?;
        self.clean()?;
        let whole = self.write(&bytes)?;
        let before_body = whole.len - size_of::<u32>() as u64 - body.len() as u64;
        let body = Place {
            at: whole.at + before_body,
            len: body.len() as u64,
            ..whole
        };
        let entry = Entry {
            seq,
            kind,
            prev: self.hash,
            hash,
            head: head.to_vec(),
            body,
            whole,
        };
        (self.last, self.hash) = (seq, hash);
        Ok(entry)
    }

    /// Reads bytes back, unchecked.
    pub(crate) fn read(&self, place: Place) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(place.len).map_err(io::Error::other)?];
        match self
            .active
            .as_ref()
            .filter(|active| active.segment == place.segment)
        {
            Some(active) => active.file.read_exact_at(&mut bytes, place.at)?,
            None => File::open(scan::segment_path(&self.dir, place.segment))?
                .read_exact_at(&mut bytes, place.at)?,
        }
        Ok(bytes)
    }

    /// Folder of the segments.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<Place> {
        self.rotate()?;
        let active = self
            .active
            .as_mut()
            .ok_or_else(|| io::Error::other("the journal has no segment to write to"))?;
        let place = Place {
            segment: active.segment,
            at: active.end,
            len: bytes.len() as u64,
        };
        // Dirty until proven otherwise: a write that failed half way, or one the disk did not confirm, is cut off.
        active.dirty = true;
        let written = active
            .file
            .write_all_at(bytes, active.end)
            .and_then(|()| active.file.sync_data());
        if let Err(error) = written {
            // What cannot be cut off now is cut off before the next write.
            let _ = self.clean();
            return Err(error);
        }
        active.end += place.len;
        active.dirty = false;
        Ok(place)
    }

    /// Begins the next segment where there is none yet or the active one is full.
    fn rotate(&mut self) -> io::Result<()> {
        if self
            .active
            .as_ref()
            .is_some_and(|active| active.end < self.segment_bytes)
        {
            return Ok(());
        }
        let segment = self.last + 1;
        let path = scan::segment_path(&self.dir, segment);
        // Not `create_new`: an earlier attempt may have created it and failed to write.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)?;
        file.sync_all()?;
        sync_dir(&self.dir)?;
        self.active = Some(Active {
            segment,
            file,
            end: 0,
            dirty: false,
        });
        Ok(())
    }

    fn clean(&mut self) -> io::Result<()> {
        let Some(active) = self.active.as_mut().filter(|active| active.dirty) else {
            return Ok(());
        };
        active.file.set_len(active.end)?;
        active.file.sync_all()?;
        active.dirty = false;
        Ok(())
    }
}

/// Writes the journal anew from whole frames in the order of their numbers, and puts it in the place of the damaged one,
/// which is set aside. A crash at any point leaves either the old journal or the new one to be found by [`settle`].
pub(crate) fn mend(
    dir: &Path,
    frames: impl Iterator<Item = io::Result<(u64, Vec<u8>)>>,
) -> io::Result<()> {
    let building = dir.with_extension("building");
    if building.exists() {
        fs::remove_dir_all(&building)?;
    }
    let mut journal = Journal::open(&building, &Scan::default())?;
    for frame in frames {
        let (seq, bytes) = frame?;
        journal.last = seq - 1;
        journal.write(&bytes)?;
    }
    fs::rename(&building, dir.with_extension("mended"))?;
    settle(dir)
}

/// Finishes a mending that a crash interrupted.
pub(crate) fn settle(dir: &Path) -> io::Result<()> {
    let mended = dir.with_extension("mended");
    if !mended.exists() {
        return Ok(());
    }
    if dir.exists() {
        set_aside(dir, "journal-damaged")?;
    }
    fs::rename(&mended, dir)?;
    dir.parent().map_or(Ok(()), sync_dir)
}

#[cfg(test)]
mod tests;
