//! Reading records back: one file or a folder of them, line by line, in memory that does not grow.

use crate::record::Record;
use crate::segment::{ENDINGS, is_segment};
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Longest line taken for a record; a longer one is an error item and skipped.
const LINE_BYTES: usize = 16 << 20;

/// Opens `path`: a file of records, or a folder whose `*.jsonl.zst` and `*.jsonl` are read in the order of their names.
///
/// # Errors
/// The path cannot be read, or a folder holds no file of records.
pub fn read(path: &Path) -> io::Result<Reader> {
    let files = if path.is_dir() {
        segments(path)?
    } else {
        vec![path.to_owned()]
    };
    let mut reader = Reader {
        files: files.into_iter(),
        open: None,
        notices: Vec::new(),
    };
    // Opened now, so that a missing or unreadable file is the caller's error and not a surprise further on.
    if let Some(first) = reader.files.next() {
        reader.open = Some(Lines::open(first)?);
    }
    Ok(reader)
}

/// Streams the records of one or more files.
#[derive(Debug)]
pub struct Reader {
    files: std::vec::IntoIter<PathBuf>,
    open: Option<Lines>,
    notices: Vec<String>,
}

/// A line, or a whole file, that could not be read. Reading goes on behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; 0 where the file could not be opened.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for ReadError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{}:{}: {}",
            self.file.display(),
            self.line,
            self.reason
        )
    }
}

impl std::error::Error for ReadError {}

impl Reader {
    /// What was seen on the way and is no error: segments whose last write a crash cut off.
    #[must_use]
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    fn advance(&mut self) -> Option<Result<(), ReadError>> {
        let file = self.files.next()?;
        Some(
            Lines::open(file.clone())
                .map(|lines| self.open = Some(lines))
                .map_err(|error| ReadError {
                    file,
                    line: 0,
                    reason: error.to_string(),
                }),
        )
    }
}

impl Iterator for Reader {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(lines) = self.open.as_mut() else {
                match self.advance()? {
                    Ok(()) => continue,
                    Err(error) => return Some(Err(error)),
                }
            };
            match lines.next() {
                Line::Record(record) => return Some(Ok(*record)),
                Line::Bad(reason) => return Some(Err(lines.error(reason))),
                Line::Torn => self.notices.push(lines.torn()),
                Line::Broken(reason) => {
                    let error = lines.error(reason);
                    self.open = None;
                    return Some(Err(error));
                }
                Line::End => {}
            }
            self.open = None;
        }
    }
}

/// The files of records in a folder, in the order of their names.
fn segments(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_segment) && !entry.file_type()?.is_dir() {
            files.push(entry.path());
        }
    }
    if files.is_empty() {
        let reason = format!(
            "`{}` holds no recorded traffic: no `*{}` in it",
            dir.display(),
            ENDINGS.join("` or `*")
        );
        return Err(io::Error::new(io::ErrorKind::NotFound, reason));
    }
    files.sort();
    Ok(files)
}

/// What the next line of a file turned out to be.
enum Line {
    Record(Box<Record>),
    /// No record; the next line can be read.
    Bad(String),
    /// The file ends in the middle of a write.
    Torn,
    /// Nothing behind this can be read.
    Broken(String),
    End,
}

/// One file, read line by line.
struct Lines {
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
    fn open(path: PathBuf) -> io::Result<Self> {
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
        };
        let mut file = BufReader::new(File::open(&path).map_err(named)?);
        // A segment without a single flush is empty, which zstd would take for a torn frame.
        let empty = file.fill_buf().map_err(named)?.is_empty();
        let packed = !empty && path.extension().is_some_and(|ending| ending == "zst");
        let input: Box<dyn BufRead + Send> = if packed {
            Box::new(BufReader::new(
                zstd::stream::read::Decoder::with_buffer(file).map_err(named)?,
            ))
        } else {
            Box::new(file)
        };
        Ok(Self {
            path,
            input,
            number: 0,
            line: Vec::new(),
        })
    }

    fn next(&mut self) -> Line {
        loop {
            self.number += 1;
            let whole = match self.fill() {
                Ok(Filled::Nothing) => return Line::End,
                Ok(Filled::Long) => {
                    return Line::Bad(format!("the line is longer than {} MiB", LINE_BYTES >> 20));
                }
                Ok(Filled::Whole) => true,
                Ok(Filled::Unended) => false,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Line::Torn,
                Err(error) => {
                    return Line::Broken(format!("the rest of the file cannot be read: {error}"));
                }
            };
            if self.line.trim_ascii().is_empty() {
                continue;
            }
            // The derived reader would also take an array for the fields in their order.
            if self.line.trim_ascii_start().first() != Some(&b'{') {
                return Line::Bad("not a record: a record is a JSON object".to_owned());
            }
            return match serde_json::from_slice(&self.line) {
                Ok(record) => Line::Record(Box::new(record)),
                Err(error) if !whole && error.is_eof() => Line::Torn,
                Err(error) => Line::Bad(format!("not a record: {error}")),
            };
        }
    }

    /// Reads up to the next line end into `self.line`, but never more than a line may have.
    fn fill(&mut self) -> io::Result<Filled> {
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
                    (true, _) => Filled::Long,
                    (false, true) => Filled::Nothing,
                    (false, false) => Filled::Unended,
                });
            }
            let end = available.iter().position(|byte| *byte == b'\n');
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
                return Ok(if long { Filled::Long } else { Filled::Whole });
            }
        }
    }

    fn error(&self, reason: String) -> ReadError {
        ReadError {
            file: self.path.clone(),
            line: self.number,
            reason,
        }
    }

    fn torn(&self) -> String {
        format!(
            "`{}` ends in the middle of a write; every line flushed before it was read",
            self.path.display()
        )
    }
}

enum Filled {
    Whole,
    /// The file ended without a line end.
    Unended,
    Long,
    Nothing,
}
