//! What is taken of a table of prices, or what is wrong with it: all of it at once.

use crate::row::Edition;
use std::fmt;

/// Why a table of prices was not taken: everything that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub Vec<String>);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Refused {}

/// What was read, and what of it could not be.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Good rows.
    pub edition: Edition,
    /// What was left out although it is about a provider that mux knows, and why.
    pub left_out: Vec<String>,
}
