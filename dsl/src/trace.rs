//! What a decision leaves behind: the policies it went through, and every branch it took.

use crate::image::PolicyId;
use std::fmt;
use std::str::FromStr;

/// Most policies that one request passes through by `go`; longer chains are refused when a bundle is checked.
pub const CHAIN: usize = 8;

/// Bits that a [`Path`] holds; what comes after them is decided all the same, but cannot be traced.
pub const BITS: usize = 512;

/// At most [`CHAIN`] policies, never none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    ids: [PolicyId; CHAIN],
    len: usize,
}

/// Branches taken, in order: the number of each in as many bits as tell its alternatives apart, highest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Path {
    bits: [u128; BITS / 128],
    len: usize,
}

/// Reads a path branch by branch.
#[derive(Clone, Debug)]
pub(crate) struct Steps<'p> {
    path: &'p Path,
    at: usize,
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
    /// Bits of all branches taken, including those beyond [`BITS`].
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes a branch, a number below 2^`width`.
    #[inline]
    pub(crate) fn push(&mut self, branch: u32, width: u32) {
        if width == 0 {
            return;
        }
        let (word, used) = (self.len / 128, self.len % 128);
        let free = 128 - used;
        let width = width as usize;
        let bits = u128::from(branch);
        if let Some(slot) = self.bits.get_mut(word) {
            if width <= free {
                *slot |= bits << (free - width);
            } else {
                *slot |= bits >> (width - free);
                if let Some(next) = self.bits.get_mut(word + 1) {
                    *next |= bits << (128 - (width - free));
                }
            }
        }
        self.len += width;
    }

    /// Begins to read it.
    pub(crate) fn steps(&self) -> Steps<'_> {
        Steps { path: self, at: 0 }
    }

    fn bit(&self, at: usize) -> bool {
        self.bits
            .get(at / 128)
            .is_some_and(|word| word >> (127 - at % 128) & 1 == 1)
    }
}

impl Steps<'_> {
    /// The next branch; `None` where the path ends before, or was too long to be kept.
    pub(crate) fn take(&mut self, width: u32) -> Option<u32> {
        let end = self.at + width as usize;
        if end > self.path.len.min(BITS) {
            return None;
        }
        let branch =
            (self.at..end).fold(0, |branch, at| branch << 1 | u32::from(self.path.bit(at)));
        self.at = end;
        Some(branch)
    }

    /// Whether nothing is left.
    pub(crate) fn done(&self) -> bool {
        self.at >= self.path.len
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
                let set = digit >> bit & 1 == 1;
                if begun {
                    path.push(u32::from(set), 1);
                }
                begun |= set;
            }
        }
        if begun && path.len <= BITS {
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
        let kept = self.len.min(BITS);
        let mut digit = 0_u8;
        let bits = std::iter::once(true).chain((0..kept).map(|at| self.bit(at)));
        for (at, set) in bits.enumerate() {
            digit = digit << 1 | u8::from(set);
            if (kept - at).is_multiple_of(4) {
                write!(f, "{digit:x}")?;
                digit = 0;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{BITS, Path};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_path_reads_back_as_it_was_taken(branches in prop::collection::vec((any::<u32>(), 0..17_u32), 0..40)) {
            let mut path = Path::default();
            for (branch, width) in &branches {
                path.push(branch & ((1 << width) - 1), *width);
            }
            let printed: Path = if path.len() <= BITS { path.to_string().parse().unwrap() } else { path };
            prop_assert_eq!(printed, path);
            let mut steps = path.steps();
            let mut used = 0;
            for (branch, width) in branches {
                used += width as usize;
                let expected = (used <= BITS).then_some(branch & ((1 << width) - 1));
                let taken = steps.take(width);
                prop_assert_eq!(taken, expected);
                if expected.is_none() {
                    break;
                }
            }
        }
    }
}
