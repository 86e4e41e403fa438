//! A bundle in one file, `.muxb`: its sources, what they are read from, its hashes and its canonical form.
//!
//! The sources are what is run; the canonical form is there so that others can compare and address the bundle without
//! compiling it. Everything is little-endian; texts and lists stand behind their lengths in 32 bits. The file is not signed:
//! whoever needs that signs the file as a whole.

use crate::canon::{CANON, Hash};
use crate::source::Sources;
use std::fmt;

/// What such a file begins with: its kind and the version of its layout.
const MAGIC: &[u8; 8] = b"muxb\0\0\0\x01";

/// A bundle in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    files: Vec<Packed>,
    /// What it does.
    pub semantic: Hash,
    /// How it is written.
    pub source: Hash,
    canonical: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Packed {
    path: String,
    /// Whether it is read by itself, and not only because another names it.
    root: bool,
    bytes: Vec<u8>,
}

/// Why a file is no bundle, or not the one it says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It is no `.muxb` file, or one of a later version.
    Foreign,
    /// It ends too early or goes on too long.
    Cut,
    /// Its bytes are not those that were written.
    Changed,
    /// Its sources do not do what its hashes say.
    Other,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Foreign => "it is no `.muxb` file that this mux can read",
            Self::Cut => "it is not whole; build or copy it again",
            Self::Changed => "it was changed or damaged after it was built; build it again",
            Self::Other => {
                "its sources have other hashes than it says; it was built by another version of mux, or changed"
            }
        })
    }
}

impl std::error::Error for Damage {}

impl Pack {
    /// Packs sources with what was made of them.
    pub(crate) fn new(
        sources: &Sources,
        roots: &[&str],
        (semantic, source): (Hash, Hash),
        canonical: Vec<u8>,
    ) -> Self {
        let packed = |(path, bytes): (&str, &[u8])| Packed {
            path: path.to_owned(),
            root: roots.contains(&path),
            bytes: bytes.to_vec(),
        };
        Self {
            files: sources.iter().map(packed).collect(),
            semantic,
            source,
            canonical,
        }
    }

    /// The bytes of one of its files.
    pub(crate) fn bytes(&self, path: &str) -> Option<&[u8]> {
        let found = self.files.iter().find(|f| f.path == path);
        found.map(|f| f.bytes.as_slice())
    }

    /// Paths of its files and whether each is read by itself, in the order in which they were read.
    pub fn files(&self) -> impl Iterator<Item = (&str, bool)> {
        self.files.iter().map(|f| (f.path.as_str(), f.root))
    }

    /// The file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        put(&mut bytes, CANON.as_bytes());
        bytes.extend_from_slice(self.semantic.as_bytes());
        bytes.extend_from_slice(self.source.as_bytes());
        count(&mut bytes, self.files.len());
        for file in &self.files {
            put(&mut bytes, file.path.as_bytes());
            bytes.push(u8::from(file.root));
            bytes.extend_from_slice(blake3::hash(&file.bytes).as_bytes());
            put(&mut bytes, &file.bytes);
        }
        put(&mut bytes, &self.canonical);
        let whole = blake3::hash(&bytes);
        bytes.extend_from_slice(whole.as_bytes());
        bytes
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It is no such file, or not whole, or its bytes do not fit their hashes.
    pub fn read(bytes: &[u8]) -> Result<Self, Damage> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(Damage::Foreign)?;
        let (_, whole) = bytes.split_last_chunk::<32>().ok_or(Damage::Cut)?;
        let mut reader = Reader(rest);
        let canon = reader.text()?;
        if canon != CANON {
            return Err(Damage::Foreign);
        }
        let (semantic, source) = (reader.hash()?, reader.hash()?);
        let mut files = Vec::new();
        for _ in 0..reader.count()? {
            let path = reader.text()?;
            let root = reader.byte()? == 1;
            let hash = reader.chunk::<32>()?;
            let bytes = reader.bytes()?.to_vec();
            if *blake3::hash(&bytes).as_bytes() != hash {
                return Err(Damage::Changed);
            }
            files.push(Packed { path, root, bytes });
        }
        let canonical = reader.bytes()?.to_vec();
        let end = reader.chunk::<32>()?;
        let before = bytes.len().checked_sub(32).and_then(|n| bytes.get(..n));
        if !reader.0.is_empty() || end != *whole {
            return Err(Damage::Cut);
        }
        if before.is_none_or(|b| *blake3::hash(b).as_bytes() != end) {
            return Err(Damage::Changed);
        }
        Ok(Self {
            files,
            semantic,
            source,
            canonical,
        })
    }
}

fn count(bytes: &mut Vec<u8>, count: usize) {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&count.to_le_bytes());
}

fn put(bytes: &mut Vec<u8>, content: &[u8]) {
    count(bytes, content.len());
    bytes.extend_from_slice(content);
}

/// What is left to read.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let (chunk, rest) = self.0.split_first_chunk::<N>().ok_or(Damage::Cut)?;
        self.0 = rest;
        Ok(*chunk)
    }

    fn byte(&mut self) -> Result<u8, Damage> {
        let [byte] = self.chunk::<1>()?;
        Ok(byte)
    }

    fn count(&mut self) -> Result<usize, Damage> {
        let count = u32::from_le_bytes(self.chunk()?);
        usize::try_from(count).map_err(|_| Damage::Cut)
    }

    fn bytes(&mut self) -> Result<&'b [u8], Damage> {
        let count = self.count()?;
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(Damage::Cut)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn text(&mut self) -> Result<String, Damage> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_| Damage::Changed)
    }

    fn hash(&mut self) -> Result<Hash, Damage> {
        Ok(Hash::from_bytes(self.chunk()?))
    }
}
