//! The lines of one file, packed or plain, in memory that grows neither with the file nor with a line.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Longest line that is read; a longer one is skipped.
pub(crate) const LINE_BYTES: usize = 16 << 20;

/// What the next line of a file turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line that ended, in [`Lines::text`]; never a blank one.
    Whole,
    /// The last line, which did not end.
    Unended,
    /// Longer than [`LINE_BYTES`].
    Long,
    /// The file ends in the middle of a write.
    Torn,
    /// Nothing behind this can be read.
    Broken(String),
    End,
}

/// One file, read line by line.
pub(crate) struct Lines {
    path: PathBuf,
    input: Box<dyn BufRead + Send>,
    number: u64,
    line: Vec<u8>,
}

impl fmt::Debug for Lines {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Lines({}:{})", self.path.display(), self.number)
    }
}

impl Lines {
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        let input = unpacked(&path).map_err(|error| {
            io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
        })?;
        Ok(Self {
            path,
            input,
            number: 0,
            line: Vec::new(),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The number of the last line, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The last line, without its end.
    pub(crate) fn text(&self) -> &[u8] {
        &self.line
    }

    /// Reads the next line that is not blank.
    pub(crate) fn next(&mut self) -> Line {
        loop {
            self.number += 1;
            let line = match self.fill() {
                Ok(Line::Whole | Line::Unended) if self.line.trim_ascii().is_empty() => continue,
                Ok(line) => line,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Line::Torn,
                Err(error) => Line::Broken(format!("the rest of the file cannot be read: {error}")),
            };
            return line;
        }
    }

    /// Reads up to the next line end into `self.line`, but never more than a line may have.
    fn fill(&mut self) -> io::Result<Line> {
        self.line.clear();
        let mut long = false;
        loop {
            let available = match self.input.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                return Ok(match (long, self.line.is_empty()) {
                    (true, _) => Line::Long,
                    (false, true) => Line::End,
                    (false, false) => Line::Unended,
                });
            }
            let end = memchr::memchr(b'\n', available);
            let piece = available
                .get(..end.unwrap_or(available.len()))
                .unwrap_or_default();
            long |= self.line.len() + piece.len() > LINE_BYTES;
            if long {
                self.line.clear();
            } else {
                self.line.extend_from_slice(piece);
            }
            let used = piece.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                return Ok(if long { Line::Long } else { Line::Whole });
            }
        }
    }
}

/// The content of a file, unpacked where its name ends in `.zst`.
pub(crate) fn unpacked(path: &Path) -> io::Result<Box<dyn BufRead + Send>> {
    let mut file = BufReader::new(File::open(path)?);
    // A segment without a single flush is empty, which zstd would take for a torn frame.
    let empty = file.fill_buf()?.is_empty();
    let packed = !empty && path.extension().is_some_and(|ending| ending == "zst");
    Ok(if packed {
        Box::new(BufReader::new(zstd::stream::read::Decoder::with_buffer(
            file,
        )?))
    } else {
        Box::new(file)
    })
}

/// Why something was skipped for its length.
pub(crate) fn too_long(what: &str) -> String {
    format!("the {what} is longer than {} MiB", LINE_BYTES >> 20)
}
