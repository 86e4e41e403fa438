//! What editors are given: files made from the statement table, and the shape of a text.
//!
//! The files lie in `dsl/editors`. `lists` sorts the words of the table by what they do; `queries`, `textmate` and
//! `snippets` write them down as editors want them.

mod lists;
mod queries;
mod snippets;
mod textmate;

#[cfg(test)]
mod tests;

use crate::parse;
use crate::report::Report;
use crate::source::{FileId, Sources};

/// A file that is made from the statement table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Below `dsl/editors`.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// Every file that is made from the statement table.
#[must_use]
pub fn files() -> Vec<File> {
    let others = [
        ("tree-sitter-mux/src/declarations.h", lists::header()),
        ("vscode/syntaxes/mux.tmLanguage.json", textmate::grammar()),
        ("vscode/snippets/mux.json", snippets::snippets()),
        ("vscode/test/words.json", lists::words()),
    ];
    let others = others.map(|(path, text)| (path.to_owned(), text));
    let files = queries::queries().into_iter().chain(others);
    files.map(|(path, text)| File { path, text }).collect()
}

/// Words that are never names.
pub fn reserved() -> impl Iterator<Item = &'static str> {
    lists::reserved()
}

/// What is wrong with the shape of one text as it is written, whatever its words mean and whatever they are meant to be: the
/// codes of the diagnostics, and no more, since its secrets are not struck out.
#[must_use]
pub fn misshapen(text: &str) -> Vec<&'static str> {
    let mut report = Report::default();
    parse::literally(text, FileId(0), &mut report);
    let found = report.finish(&Sources::default());
    found.iter().map(|diagnostic| diagnostic.code).collect()
}
