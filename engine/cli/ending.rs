//! How a command ends: it did it, the answer is no, or it could not.

use std::fmt::Display;

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did what was asked.
    Good,
    /// The answer is no.
    No,
}

/// Why a command could not do what was asked.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Used wrongly, or something cannot be read, written or reached: exit code 2.
    Usage(String),
    /// Our own fault: exit code 3.
    Internal(String),
}

impl Trouble {
    pub(crate) fn usage(what: impl Display) -> Self {
        Self::Usage(format!("{what}"))
    }

    pub(crate) fn internal(what: impl Display) -> Self {
        Self::Internal(format!("{what}"))
    }
}

/// What a command returns.
pub(crate) type Outcome = Result<Exit, Trouble>;
