//! What is wrong with a bundle, in a form that any renderer can show.

use serde::Serialize;

/// One problem: one root cause, with every place that matters to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Stable name such as `mux::name::model`.
    pub code: &'static str,
    /// Whether it stops a load.
    pub severity: Severity,
    /// Lower case, no full stop, the user's words in backticks.
    pub message: String,
    /// The primary place first; empty where no place is to blame.
    pub labels: Vec<Label>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Stops a load.
    Error,
    /// Never stops a load.
    Warning,
}

/// A place and what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Label {
    /// Path of the file.
    pub file: String,
    /// Bytes, end exclusive.
    pub span: (usize, usize),
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// May be empty.
    pub text: String,
    /// The place itself, as opposed to one that explains it.
    pub primary: bool,
}
