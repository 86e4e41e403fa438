//! Reading records back: one file or a folder of them, line by line, in memory that does not grow.

use crate::index::{Index, Span};
use crate::lines::{Line, Lines, too_long};
use crate::record::{Entry, Record};
use crate::segment::{ENDINGS, is_segment};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Opens `path`: a file of records, or a folder whose `*.jsonl.zst` and `*.jsonl` are read in the order of their names.
///
/// # Errors
/// The path cannot be read, or a folder holds no file of records.
pub fn read(path: &Path) -> io::Result<Reader> {
    read_within(path, Span::default())
}

/// The same, without the segments whose index says that nothing in them arrived within `span`. Records of the others are
/// all returned, whenever they arrived.
///
/// # Errors
/// The path cannot be read, or a folder holds no file of records.
pub fn read_within(path: &Path, span: Span) -> io::Result<Reader> {
    let files = files(path)?;
    let beyond = |file: &PathBuf| Index::of(file).is_some_and(|index| !index.touches(span));
    let files: Vec<PathBuf> = files.into_iter().filter(|file| !beyond(file)).collect();
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

/// The files that `path` stands for, in the order in which [`read`] reads them.
///
/// # Errors
/// A folder cannot be read, or holds no file of records.
pub fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if path.is_dir() {
        segments(path)
    } else {
        Ok(vec![path.to_owned()])
    }
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

    /// The line of the record that came last, as it is written: with the fields that this version does not know.
    #[must_use]
    pub fn line(&self) -> &[u8] {
        self.open.as_ref().map_or(&[], Lines::text)
    }

    /// Passes over so many records and lines that are none, without looking into them.
    pub fn pass(&mut self, mut many: u64) {
        while many > 0 {
            let Some(lines) = self.open.as_mut() else {
                match self.advance() {
                    Some(Ok(())) => continue,
                    Some(Err(_)) => {
                        many -= 1;
                        continue;
                    }
                    None => return,
                }
            };
            match lines.next() {
                Line::Whole | Line::Unended | Line::Long => many -= 1,
                Line::Broken(_) => {
                    many -= 1;
                    self.open = None;
                }
                Line::Torn | Line::End => self.open = None,
            }
        }
    }

    /// The next record, as much of it as is asked for: in the rest only what is no JSON is seen.
    pub fn next_as<E: Entry>(&mut self) -> Option<Result<E, ReadError>> {
        loop {
            let Some(lines) = self.open.as_mut() else {
                match self.advance()? {
                    Ok(()) => continue,
                    Err(error) => return Some(Err(error)),
                }
            };
            match understood(lines) {
                Item::Entry(entry) => return Some(Ok(*entry)),
                Item::Bad(reason) => return Some(Err(fault(lines, reason))),
                Item::Torn => self.notices.push(torn(lines)),
                Item::Broken(reason) => {
                    let error = fault(lines, reason);
                    self.open = None;
                    return Some(Err(error));
                }
                Item::End => {}
            }
            self.open = None;
        }
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
        self.next_as()
    }
}

/// The files of records in a folder, in the order of their names.
pub(crate) fn segments(dir: &Path) -> io::Result<Vec<PathBuf>> {
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

/// What the next line of a file means.
enum Item<E> {
    Entry(Box<E>),
    /// No record; the next line can be read.
    Bad(String),
    /// The file ends in the middle of a write.
    Torn,
    /// Nothing behind this can be read.
    Broken(String),
    End,
}

fn understood<E: Entry>(lines: &mut Lines) -> Item<E> {
    let whole = match lines.next() {
        Line::Whole => true,
        Line::Unended => false,
        Line::Long => {
            return Item::Bad(too_long("line"));
        }
        Line::Torn => return Item::Torn,
        Line::Broken(reason) => return Item::Broken(reason),
        Line::End => return Item::End,
    };
    // The derived reader would also take an array for the fields in their order.
    if lines.text().trim_ascii_start().first() != Some(&b'{') {
        return Item::Bad("not a record: a record is a JSON object".to_owned());
    }
    // To look once whether it is text is quicker than to look at every word of it.
    let read = match std::str::from_utf8(lines.text()) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(lines.text()),
    };
    match read {
        Ok(entry) => Item::Entry(Box::new(entry)),
        Err(error) if !whole && error.is_eof() => Item::Torn,
        Err(error) => Item::Bad(format!("not a record: {error}")),
    }
}

fn fault(lines: &Lines, reason: String) -> ReadError {
    ReadError {
        file: lines.path().to_owned(),
        line: lines.number(),
        reason,
    }
}

fn torn(lines: &Lines) -> String {
    format!(
        "`{}` ends in the middle of a write; every line flushed before it was read",
        lines.path().display()
    )
}
