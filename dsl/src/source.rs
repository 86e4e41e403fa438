//! The files of one bundle: their bytes, their text with secrets struck out, and places in them.

use std::fmt;

/// A file of [`Sources`], in load order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileId(pub(crate) u32);

/// Bytes `start..end` of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Span {
    pub(crate) file: FileId,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    /// From the start of `self` to the end of `other`.
    pub(crate) fn to(self, other: Self) -> Self {
        Self {
            end: other.end.max(self.end),
            ..self
        }
    }
}

/// Every file that was read, in load order: policies, and the files that sets are read from.
///
/// The bytes are what was read and may hold a secret that was written by mistake; everything that is shown to people is
/// taken from a copy in which such strings are replaced by as many `*`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Sources {
    files: Vec<File>,
}

#[derive(Clone, PartialEq, Eq)]
struct File {
    path: Box<str>,
    bytes: Vec<u8>,
    shown: Box<str>,
    /// Where each line starts.
    lines: Vec<usize>,
}

impl Sources {
    /// Path and bytes of each file, in load order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files
            .iter()
            .map(|f| (f.path.as_ref(), f.bytes.as_slice()))
    }

    /// Adds the files of another bundle; of two with one path the first is found by it.
    pub fn append(&mut self, mut more: Self) {
        self.files.append(&mut more.files);
    }

    /// The text of a file as it may be shown; empty for files that hold no policy.
    #[must_use]
    pub fn shown(&self, path: &str) -> Option<&str> {
        self.files
            .iter()
            .find(|f| f.path.as_ref() == path)
            .map(|f| f.shown.as_ref())
    }

    /// Adds a file; `shown` has the length of the bytes, or is empty where the file is never shown.
    pub(crate) fn add(&mut self, path: &str, bytes: Vec<u8>, shown: &str) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        let breaks = shown.match_indices('\n').map(|(at, _)| at + 1);
        self.files.push(File {
            path: path.into(),
            bytes,
            lines: std::iter::once(0).chain(breaks).collect(),
            shown: shown.into(),
        });
        id
    }

    /// Path of a file.
    pub(crate) fn path(&self, file: FileId) -> &str {
        self.file(file).map_or("", |f| &f.path)
    }

    /// The shown text of a file.
    pub(crate) fn text(&self, file: FileId) -> &str {
        self.file(file).map_or("", |f| &f.shown)
    }

    /// The shown text of a place.
    pub(crate) fn slice(&self, span: Span) -> &str {
        self.text(span.file)
            .get(span.start..span.end)
            .unwrap_or_default()
    }

    /// Line and column of a place, from 1; columns count characters.
    pub(crate) fn position(&self, span: Span) -> (u32, u32) {
        let Some(file) = self.file(span.file) else {
            return (1, 1);
        };
        let line = file.lines.partition_point(|start| *start <= span.start);
        let start = line
            .checked_sub(1)
            .and_then(|l| file.lines.get(l))
            .copied()
            .unwrap_or(0);
        let before = file.shown.get(start..span.start).unwrap_or_default();
        let column = before.chars().count() + 1;
        (
            u32::try_from(line).unwrap_or(u32::MAX),
            u32::try_from(column).unwrap_or(u32::MAX),
        )
    }

    fn file(&self, file: FileId) -> Option<&File> {
        self.files.get(file.0 as usize)
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.files.iter().map(|file| (&file.path, file.bytes.len())))
            .finish()
    }
}
