//! A BLAKE3 hash, written as hexadecimal wherever a person may read it.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Hash of an object or a frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Digest(blake3::Hash);

impl Digest {
    /// Bytes of a digest.
    pub(crate) const LEN: usize = blake3::OUT_LEN;
    /// What the first frame of a journal names as the one before it.
    pub(crate) const NONE: Self = Self(blake3::Hash::from_bytes([0; blake3::OUT_LEN]));

    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes))
    }

    pub(crate) fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(blake3::Hash::from_bytes(bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; Self::LEN] {
        self.0.as_bytes()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&self.0.to_hex())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        blake3::Hash::from_hex(text)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}
