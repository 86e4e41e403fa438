//! Hashes of canonical forms.

use serde::{Serialize, Serializer};
use std::fmt;

/// The name of the form, which every hash begins with.
pub const CANON: &str = "mux-canon-1";

/// A hash of a canonical form. Written as 64 hexadecimal digits; `{:#}` writes the first 12.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash([u8; 32]);

/// What a policy is hashed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Canon {
    /// Its decision graph: policies that behave alike have the same hash.
    Graph,
    /// Its rules, because the graph would be too large: only policies whose rules are alike have the same hash.
    Rules,
}

impl Hash {
    /// Of the bytes of one kind of thing.
    pub(super) fn of(kind: &str, bytes: &[u8]) -> Self {
        Self(blake3::derive_key(&format!("{CANON} {kind}"), bytes))
    }

    /// As it was read.
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = if f.alternate() { 6 } else { self.0.len() };
        self.0
            .iter()
            .take(shown)
            .try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#}")
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
