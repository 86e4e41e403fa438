//! Diagnostics as commands of a GitHub workflow, which shows them beside the lines of a pull request.

use super::cases::{Case, Failure};
use super::place::Place;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::Sources;

/// One line for each diagnostic; `base` leads from the root of the repository to the sources.
#[must_use]
pub fn github(diagnostics: &[Diagnostic], sources: &Sources, base: &str) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        text.push_str(&command(diagnostic, sources, base));
        text.push('\n');
    }
    text
}

fn command(diagnostic: &Diagnostic, sources: &Sources, base: &str) -> String {
    let level = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut properties = String::new();
    if let Some(label) = diagnostic.primary() {
        let at = (label.line, label.column);
        let place = Place::new(base, &label.file, label.span, at, sources);
        properties = format!("file={},line={}", property(&place.path), place.line);
        // Columns of a place of several lines are refused.
        if place.line == place.end_line {
            properties = format!(
                "{properties},col={},endColumn={}",
                place.column, place.end_column
            );
        }
        properties.push(',');
    }
    format!(
        "::{level} {properties}title={}::{}",
        property(diagnostic.code),
        data(&message(diagnostic))
    )
}

/// One line for each case that failed, with the whole of its text.
#[must_use]
pub fn github_cases(cases: &[Case]) -> String {
    let failed = cases
        .iter()
        .filter_map(|c| c.failure.as_ref().map(|f| (c, f)));
    let command = |(case, failure): (&Case, &Failure)| {
        let place = case.place.as_ref();
        let place = place.map(|(file, line)| format!("file={},line={line},", property(file)));
        format!(
            "::error {}title={}::{}\n",
            place.unwrap_or_default(),
            property(&case.name),
            data(failure.text.trim_end())
        )
    };
    failed.map(command).collect()
}

/// The message with what stands beneath the place and what to do.
fn message(diagnostic: &Diagnostic) -> String {
    let mut text = diagnostic.message.clone();
    if let Some(label) = diagnostic.primary().filter(|l| !l.text.is_empty()) {
        text = format!("{text}: {}", label.text);
    }
    if let Some(help) = &diagnostic.help {
        text = format!("{text}\nhelp: {help}");
    }
    text
}

/// As the text of a command is escaped; what would colour the log is replaced.
fn data(text: &str) -> String {
    let escaped = text
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A");
    escaped.replace(|c: char| c.is_control() && c != '\t', "\u{FFFD}")
}

/// As the value of a property is escaped.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
