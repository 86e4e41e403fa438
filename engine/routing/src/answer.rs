//! What is known of a complete answer.

use mux_dsl::image::{BasisPoints, Finish};

/// What whoever carries out a flight tells of a complete answer, where the flight asks; see [`crate::flight::Flight::asks`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Why it ended.
    pub finish: Option<Finish>,
    /// Whether it fits the schema that the request asked for; `None` where it asked for none.
    pub fits: Option<bool>,
    /// What stands at the path that votes are counted by, as JSON.
    pub value: Option<Box<str>>,
    /// Of a judge's answer, the score it gives.
    pub score: Option<BasisPoints>,
}

/// What a flight wants to know of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asks<'a> {
    /// Why it ended, and whether it fits the schema that the request asked for.
    pub form: bool,
    /// What stands at this path.
    pub path: Option<&'a str>,
    /// The score in it: it is a judge's.
    pub score: bool,
}
