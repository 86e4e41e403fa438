//! Reading a whole journal: every good frame in order, and every byte that is not one accounted for.

use crate::digest::Digest;
use crate::frame::{LAYOUT, Piece, scan as take_apart};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Bytes in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The segment: number of its first frame.
    pub(crate) segment: u64,
    pub(crate) at: u64,
    pub(crate) len: u64,
}

/// A frame in the journal. Its body stays on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    pub(crate) kind: u8,
    pub(crate) prev: Digest,
    pub(crate) hash: Digest,
    pub(crate) head: Vec<u8>,
    pub(crate) body: Place,
    /// The frame from its first byte to its last.
    pub(crate) whole: Place,
}

/// What a journal was found to hold.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Good frames, their numbers rising.
    pub(crate) entries: Vec<Entry>,
    /// What is wrong, in words.
    pub(crate) faults: Vec<String>,
    /// The end of the last segment that is no frame: a write that a crash cut off.
    pub(crate) torn: Option<Place>,
    /// Last segment and its length without the torn end; absent in an empty journal.
    pub(crate) end: Option<(u64, u64)>,
    /// A file with frames of a layout this mux cannot read.
    pub(crate) newer: Option<PathBuf>,
}

/// Name of a segment.
pub(crate) fn segment_path(dir: &Path, segment: u64) -> PathBuf {
    dir.join(format!("{segment:020}.journal"))
}

/// Reads the journal in `dir`; an absent folder is an empty journal. Changes nothing.
pub(crate) fn scan(dir: &Path) -> io::Result<Scan> {
    let mut found = Scan::default();
    let segments = segments(dir)?;
    for (number, segment) in segments.iter().enumerate() {
        found.read_segment(dir, *segment, number + 1 == segments.len())?;
    }
    Ok(found)
}

fn segments(dir: &Path) -> io::Result<Vec<u64>> {
    let files = match fs::read_dir(dir) {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut segments = Vec::new();
    for file in files {
        let name = file?.file_name();
        let number: Option<u64> = name
            .to_str()
            .and_then(|name| name.strip_suffix(".journal"))
            .and_then(|number| number.parse().ok());
        segments.extend(number);
    }
    segments.sort_unstable();
    Ok(segments)
}

impl Scan {
    fn read_segment(&mut self, dir: &Path, segment: u64, last: bool) -> io::Result<()> {
        let path = segment_path(dir, segment);
        let bytes = fs::read(&path)?;
        let pieces = take_apart(&bytes);
        let count = pieces.len();
        let place = |at: usize, len: usize| Place {
            segment,
            at: at as u64,
            len: len as u64,
        };
        let mut end = bytes.len() as u64;
        for (number, piece) in pieces.into_iter().enumerate() {
            match piece {
                Piece::Damage { at, len } if last && number + 1 == count => {
                    self.torn = Some(place(at, len));
                    end = at as u64;
                }
                Piece::Damage { at, len } => {
                    self.faults.push(format!(
                        "`{}`: {len} bytes at {at} are damaged",
                        path.display()
                    ));
                }
                Piece::Frame { frame, .. } if frame.layout != LAYOUT => {
                    self.newer = Some(path.clone());
                }
                Piece::Frame { at, len, frame } => {
                    let before_body = len - frame.body.len() - size_of::<u32>();
                    self.take(Entry {
                        seq: frame.seq,
                        kind: frame.kind,
                        prev: frame.prev,
                        hash: frame.hash,
                        head: frame.head.to_vec(),
                        body: place(at + before_body, frame.body.len()),
                        whole: place(at, len),
                    });
                }
            }
        }
        self.end = Some((segment, end));
        Ok(())
    }

    /// Adds a frame, checking that it follows the one before.
    fn take(&mut self, entry: Entry) {
        let (last, hash) = self
            .entries
            .last()
            .map_or((0, Digest::NONE), |before| (before.seq, before.hash));
        if entry.seq <= last {
            self.faults.push(format!(
                "event {} stands behind event {last} and is left out",
                entry.seq
            ));
            return;
        }
        if entry.seq > last + 1 {
            self.faults.push(format!(
                "events {} to {} are missing",
                last + 1,
                entry.seq - 1
            ));
        } else if entry.prev != hash {
            self.faults.push(format!(
                "event {} does not continue event {last}: one of them was altered",
                entry.seq
            ));
        }
        self.entries.push(entry);
    }
}
