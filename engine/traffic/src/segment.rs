//! One file of records: its name, its zstd frames, and what a failed write leaves behind (nothing).

use crate::index::Index;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

/// The level that halves zstd's default effort; lines of records shrink about tenfold at either.
const LEVEL: i32 = 3;

/// How the files of a folder of records end: compressed, and plain.
pub const ENDINGS: [&str; 2] = [".jsonl.zst", ".jsonl"];

/// Whether `name` is one that mux gives to segments; nothing else in a folder is ever removed.
pub(crate) fn is_ours(name: &str) -> bool {
    let digits =
        |text: &str, count| text.len() >= count && text.bytes().all(|b| b.is_ascii_digit());
    name.strip_suffix(".jsonl.zst")
        .and_then(|stem| stem.split_once('-'))
        .is_some_and(|(stamp, count)| digits(stamp, 13) && digits(count, 4))
}

/// Whether `name` is the name of a file of records.
#[must_use]
pub fn is_segment(name: &str) -> bool {
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// The segment now written.
#[derive(Debug)]
pub(crate) struct Segment {
    path: PathBuf,
    file: File,
    /// Bytes of whole frames; anything behind them is the rest of a failed write.
    length: u64,
    began_ms: u64,
    torn: bool,
    index: Index,
}

impl Segment {
    /// Creates the next segment of `dir`: a name that sorts after every name given out before and is not taken.
    pub(crate) fn create(dir: &Path, names: &mut Names, now_ms: u64) -> io::Result<Self> {
        loop {
            let path = dir.join(names.next(now_ms));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => {
                    return Ok(Self {
                        path,
                        file,
                        length: 0,
                        began_ms: now_ms,
                        torn: false,
                        index: Index::default(),
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Compressed bytes written.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// When it was created, unix milliseconds.
    pub(crate) fn began_ms(&self) -> u64 {
        self.began_ms
    }

    /// Writes `lines`, of which `counted` tells, as one frame. On an error the file ends where it ended before.
    pub(crate) fn append(
        &mut self,
        frames: &mut Frames,
        lines: &[u8],
        counted: Index,
    ) -> io::Result<()> {
        use std::os::unix::fs::FileExt;
        if self.torn {
            self.file.set_len(self.length)?;
            self.torn = false;
        }
        let frame = frames.compress(lines)?;
        if let Err(error) = self.file.write_all_at(&frame, self.length) {
            self.torn = self.file.set_len(self.length).is_err();
            return Err(io::Error::new(
                error.kind(),
                format!("{}: {error}", self.path.display()),
            ));
        }
        self.length += u64::try_from(frame.len()).unwrap_or(u64::MAX);
        self.index.join(counted);
        Ok(())
    }

    /// Ends the segment: what it holds is on the disk, not only in the system's memory, and its index beside it.
    pub(crate) fn end(mut self) -> io::Result<()> {
        self.file.flush()?;
        self.file.sync_data()?;
        self.index.bytes = self.length;
        self.index.write(&self.path)
    }
}

/// Turns lines into zstd frames with a checksum each.
pub(crate) struct Frames(Compressor<'static>);

impl Frames {
    pub(crate) fn new() -> io::Result<Self> {
        let mut compressor = Compressor::new(LEVEL)?;
        compressor.set_parameter(CParameter::ChecksumFlag(true))?;
        Ok(Self(compressor))
    }

    fn compress(&mut self, lines: &[u8]) -> io::Result<Vec<u8>> {
        self.0.compress(lines)
    }
}

/// Gives out file names that sort in the order they were given out, even where the clock steps back.
#[derive(Debug, Default)]
pub(crate) struct Names {
    stamp_ms: u64,
    count: u32,
}

impl Names {
    fn next(&mut self, now_ms: u64) -> String {
        if now_ms > self.stamp_ms {
            self.stamp_ms = now_ms;
            self.count = 0;
        }
        let name = format!("{:013}-{:04}.jsonl.zst", self.stamp_ms, self.count);
        self.count += 1;
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_in_the_order_given_even_when_the_clock_steps_back() {
        let mut names = Names::default();
        let given: Vec<String> = [
            1_700_000_000_000,
            1_700_000_000_000,
            1_600_000_000_000,
            1_700_000_000_001,
        ]
        .map(|now| names.next(now))
        .into();
        let mut sorted = given.clone();
        sorted.sort();
        assert_eq!(given, sorted);
        assert!(given.iter().all(|name| is_segment(name) && is_ours(name)));
        assert!(!is_ours("january.jsonl.zst") && !is_ours("1-2.jsonl.zst"));
    }

    #[test]
    fn a_name_already_taken_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let first = Segment::create(dir.path(), &mut Names::default(), 7).unwrap();
        let second = Segment::create(dir.path(), &mut Names::default(), 7).unwrap();
        assert_ne!(first.path, second.path);
    }

    #[test]
    fn a_frame_that_cannot_be_written_leaves_the_file_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let mut segment = Segment::create(dir.path(), &mut Names::default(), 7).unwrap();
        let mut frames = Frames::new().unwrap();
        segment
            .append(&mut frames, b"one\n", Index::default())
            .unwrap();
        let before = std::fs::read(&segment.path).unwrap();

        let writable = std::mem::replace(&mut segment.file, File::open(&segment.path).unwrap());
        assert!(
            segment
                .append(&mut frames, b"two\n", Index::default())
                .is_err()
        );
        assert_eq!(std::fs::read(&segment.path).unwrap(), before);

        segment.file = writable;
        segment
            .append(&mut frames, b"three\n", Index::default())
            .unwrap();
        let all = std::fs::read(&segment.path).unwrap();
        assert_eq!(
            zstd::stream::decode_all(all.as_slice()).unwrap(),
            b"one\nthree\n"
        );
    }
}
