//! Why policies do not come to be served.

use mux_dsl::Diagnostic;

/// Why a bundle did not pass.
pub(crate) struct Rejected {
    pub(crate) text: String,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// It is good, and could not be kept.
    pub(crate) unkept: bool,
}

impl From<String> for Rejected {
    fn from(text: String) -> Self {
        Self {
            text,
            diagnostics: Vec::new(),
            unkept: false,
        }
    }
}

/// Why there is nothing to begin with.
#[derive(Debug)]
pub enum Nothing {
    /// The policies do not load.
    Policies(String),
    /// They do, and no version of them can be kept.
    Disk(String),
}
