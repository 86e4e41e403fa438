//! What a decision leaves behind: the policies it went through, and every branch it took.

use crate::image::PolicyId;
use std::fmt;
use std::str::FromStr;

/// Most policies that one request passes through by `go`; longer chains are refused when a bundle is checked.
pub const CHAIN: usize = 8;

/// Branches that a [`Path`] holds; what comes after them is decided all the same, but cannot be traced.
pub const BRANCHES: usize = 512;

/// At most [`CHAIN`] policies, never none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    ids: [PolicyId; CHAIN],
    len: usize,
}

/// Branches through a graph, in order: yes is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Path {
    bits: [u128; BRANCHES / 128],
    len: usize,
}

impl Chain {
    /// In the order they were entered.
    #[must_use]
    pub fn as_slice(&self) -> &[PolicyId] {
        self.ids.get(..self.len).unwrap_or(&self.ids)
    }

    /// The one that decided.
    #[must_use]
    pub fn last(&self) -> PolicyId {
        self.as_slice().last().copied().unwrap_or(PolicyId(0))
    }

    /// Enters a further policy; one beyond [`CHAIN`] is not kept.
    pub(crate) fn push(&mut self, policy: PolicyId) {
        if let Some(slot) = self.ids.get_mut(self.len) {
            *slot = policy;
            self.len += 1;
        }
    }
}

impl From<PolicyId> for Chain {
    fn from(first: PolicyId) -> Self {
        Self {
            ids: [first; CHAIN],
            len: 1,
        }
    }
}

impl Path {
    /// Branches taken, including those beyond [`BRANCHES`].
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The branches that were kept, in order.
    pub fn branches(&self) -> impl Iterator<Item = bool> {
        let words = self
            .bits
            .iter()
            .flat_map(|word| (0..128).map(move |bit| word >> bit & 1 == 1));
        words.take(self.len)
    }

    /// Takes a further branch.
    pub(crate) fn push(&mut self, held: bool) {
        if let Some(word) = self.bits.get_mut(self.len / 128) {
            *word |= u128::from(held) << (self.len % 128);
        }
        self.len += 1;
    }
}

/// Reads what [`Path`] prints.
impl FromStr for Path {
    type Err = BadPath;

    fn from_str(text: &str) -> Result<Self, BadPath> {
        let mut path = Self::default();
        let mut begun = false;
        for digit in text.chars() {
            let digit = digit.to_digit(16).ok_or(BadPath)?;
            for bit in (0..4).rev() {
                let held = digit >> bit & 1 == 1;
                if begun {
                    path.push(held);
                }
                begun |= held;
            }
        }
        if begun && path.len <= BRANCHES {
            Ok(path)
        } else {
            Err(BadPath)
        }
    }
}

/// A text that is no [`Path`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPath;

impl fmt::Display for BadPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "this is no path through a decision graph: it is hexadecimal digits behind a leading 1",
        )
    }
}

impl std::error::Error for BadPath {}

/// Hexadecimal, last branch lowest, behind a leading 1 that marks the length.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.len.min(BRANCHES);
        let mut digit = 0_u8;
        let branches = std::iter::once(true).chain(self.branches());
        for (at, held) in branches.enumerate() {
            digit = digit << 1 | u8::from(held);
            if (kept - at).is_multiple_of(4) {
                write!(f, "{digit:x}")?;
                digit = 0;
            }
        }
        Ok(())
    }
}
