//! One code of a diagnostic, as it is explained to people.

use crate::diagnostic::Severity;
use serde::Serialize;

/// A code, what it means, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Code {
    /// Stable name such as `mux::name::model`.
    pub code: &'static str,
    /// How bad it usually is.
    pub severity: Severity,
    /// One line, lower case, no full stop.
    pub title: &'static str,
    /// A few lines: what is wrong, why that matters, how to mend it.
    pub explanation: &'static str,
    /// A file that gets it.
    pub wrong: &'static str,
    /// The same, mended.
    pub right: &'static str,
}

impl Code {
    /// A code that stops a load.
    pub(super) const fn error(
        code: &'static str,
        title: &'static str,
        explanation: &'static str,
        [wrong, right]: [&'static str; 2],
    ) -> Self {
        Self {
            code,
            severity: Severity::Error,
            title,
            explanation,
            wrong,
            right,
        }
    }

    /// A code that never stops a load.
    pub(super) const fn warning(
        code: &'static str,
        title: &'static str,
        explanation: &'static str,
        examples: [&'static str; 2],
    ) -> Self {
        let mut code = Self::error(code, title, explanation, examples);
        code.severity = Severity::Warning;
        code
    }

    /// Without what all codes begin with.
    #[must_use]
    pub fn short(&self) -> &'static str {
        self.code.strip_prefix(PREFIX).unwrap_or(self.code)
    }
}

/// What all codes begin with.
pub(super) const PREFIX: &str = "mux::";
