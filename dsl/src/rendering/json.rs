//! Diagnostics as JSON, in the shape of `dsl/diagnostics.schema.json`.

use crate::diagnostic::{Diagnostic, Severity};
use serde::Serialize;

/// Version of the shape; a reader that knows it can read every listing of it.
pub const VERSION: u32 = 1;

/// Diagnostics with their numbers: the whole of a JSON output, or the beginning of one that says more.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Listing<'d> {
    version: u32,
    errors: usize,
    warnings: usize,
    diagnostics: &'d [Diagnostic],
}

impl<'d> Listing<'d> {
    /// A list of diagnostics.
    #[must_use]
    pub fn new(diagnostics: &'d [Diagnostic]) -> Self {
        let count = |severity| {
            let same = diagnostics.iter().filter(|d| d.severity == severity);
            same.count()
        };
        Self {
            version: VERSION,
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            diagnostics,
        }
    }
}
