//! What proving a guarantee comes to.

/// What became of a guarantee.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Proof {
    /// Name of the guarantee.
    pub name: String,
    /// File it stands in.
    pub file: String,
    /// Line of its head, from 1.
    pub line: u32,
    /// Whether it holds.
    pub verdict: Answer,
}

impl Proof {
    /// Whether a request is known for which it does not hold.
    #[must_use]
    pub fn refuted(&self) -> bool {
        matches!(self.verdict, Answer::Refuted(_))
    }
}

/// Whether a guarantee holds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase", tag = "answer")]
pub enum Answer {
    /// For every request.
    Proved,
    /// For every request, because there is none that it is about.
    Vacuous,
    /// Not for this one.
    Refuted(Counterexample),
    /// For every request that was looked at; there are too many to look at all.
    Bounded {
        /// Requests that were looked at.
        points: usize,
    },
}

/// A request for which a guarantee does not hold.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Counterexample {
    /// The expectation that fails, as written.
    pub expected: String,
    /// What happens instead, in words.
    pub got: String,
    /// The rule that decides, as `file:line`.
    pub rule: String,
    /// A `test` block of such a request; where [`Counterexample::fails`], it fails as long as the guarantee does not hold.
    pub test: String,
    /// Whether running the test shows it: what only some requests of a kind meet, or what no test can expect, it does not.
    pub fails: bool,
}
