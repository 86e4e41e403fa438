//! Places as machines want them: seen from elsewhere, and with the line and column where they end.

use crate::source::Sources;

/// A place with its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) path: String,
    pub(super) line: u32,
    /// From 1, in characters, as all columns here.
    pub(super) column: u32,
    pub(super) end_line: u32,
    /// Of the character behind it.
    pub(super) end_column: u32,
}

impl Place {
    /// The place of a span that begins at `line` and `column`.
    pub(super) fn new(
        base: &str,
        file: &str,
        span: (usize, usize),
        (line, column): (u32, u32),
        sources: &Sources,
    ) -> Self {
        let text = sources.shown(file).unwrap_or_default();
        let covered = text.get(span.0..span.1).unwrap_or_default();
        let (mut end_line, mut end_column) = (line, column);
        for c in covered.chars() {
            if c == '\n' {
                (end_line, end_column) = (end_line + 1, 1);
            } else {
                end_column += 1;
            }
        }
        Self {
            path: joined(base, file),
            line,
            column,
            end_line,
            end_column,
        }
    }
}

/// A path of the sources as seen from where `base` is seen.
#[must_use]
pub fn joined(base: &str, file: &str) -> String {
    let base = base.strip_prefix("./").unwrap_or(base);
    match base.trim_end_matches('/') {
        _ if file.starts_with('/') => file.to_owned(),
        "" if base.starts_with('/') => format!("/{file}"),
        "" | "." => file.to_owned(),
        base => format!("{base}/{file}"),
    }
}
