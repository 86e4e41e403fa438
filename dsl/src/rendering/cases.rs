//! Cases that passed or failed, as `JUnit` and TAP show them: diagnostics by file, or whatever else was checked.

use super::place::joined;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::Sources;

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// What it is called.
    pub name: String,
    /// What it belongs to, such as a file.
    pub group: String,
    /// Where it stands; a line from 1.
    pub place: Option<(String, u32)>,
    /// Why it failed; absent where it passed.
    pub failure: Option<Failure>,
    /// What else there is to say.
    pub note: Option<String>,
}

/// Why a case failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind of failure, such as the code of a diagnostic.
    pub kind: String,
    /// One line.
    pub message: String,
    /// Everything, in lines.
    pub text: String,
}

/// Diagnostics as cases: one for each, and one that passed for each policy file without any. Warnings fail where
/// `strict`.
#[must_use]
pub fn cases(diagnostics: &[Diagnostic], sources: &Sources, base: &str, strict: bool) -> Vec<Case> {
    let mut cases: Vec<Case> = diagnostics
        .iter()
        .map(|d| case(d, sources, base, strict))
        .collect();
    let policies = sources.iter().map(|(path, _)| path);
    // Files that sets are read from hold no policy.
    let policies = policies.filter(|p| sources.shown(p).is_some_and(|text| !text.is_empty()));
    for path in policies {
        let named = |d: &Diagnostic| d.primary().is_some_and(|l| l.file == path);
        if !diagnostics.iter().any(named) {
            cases.push(Case {
                name: "nothing is wrong with it".to_owned(),
                group: joined(base, path),
                place: None,
                failure: None,
                note: None,
            });
        }
    }
    cases
}

fn case(diagnostic: &Diagnostic, sources: &Sources, base: &str, strict: bool) -> Case {
    let label = diagnostic.primary();
    let path = label.map(|l| joined(base, &l.file));
    let text = super::human::plain(std::slice::from_ref(diagnostic), sources);
    let fails = strict || diagnostic.severity == Severity::Error;
    Case {
        name: match label {
            Some(l) => format!("{}:{}: {}", l.line, l.column, diagnostic.message),
            None => diagnostic.message.clone(),
        },
        group: path.clone().unwrap_or_else(|| "the bundle".to_owned()),
        place: path.zip(label.map(|l| l.line)),
        failure: fails.then(|| Failure {
            kind: diagnostic.code.to_owned(),
            message: diagnostic.message.clone(),
            text: text.clone(),
        }),
        note: (!fails).then_some(text),
    }
}

/// `JUnit` XML, as CI servers read it.
#[must_use]
pub fn junit(suite: &str, cases: &[Case]) -> String {
    let failed = cases.iter().filter(|c| c.failure.is_some()).count();
    let counts = format!(
        "tests=\"{}\" failures=\"{failed}\" errors=\"0\"",
        cases.len()
    );
    let suite = xml(suite);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{suite}\" {counts}>\n  <testsuite name=\"{suite}\" {counts} skipped=\"0\">\n"
    );
    for case in cases {
        text.push_str(&element(case));
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

fn element(case: &Case) -> String {
    let mut open = format!(
        "    <testcase name=\"{}\" classname=\"{}\"",
        xml(&case.name),
        xml(&case.group)
    );
    if let Some((file, line)) = &case.place {
        open = format!("{open} file=\"{}\" line=\"{line}\"", xml(file));
    }
    let mut inner = String::new();
    if let Some(Failure {
        kind,
        message,
        text,
    }) = &case.failure
    {
        inner = format!(
            "      <failure type=\"{}\" message=\"{}\">{}</failure>\n",
            xml(kind),
            xml(message),
            content(text)
        );
    }
    if let Some(note) = &case.note {
        inner = format!("{inner}      <system-out>{}</system-out>\n", content(note));
    }
    if inner.is_empty() {
        format!("{open}/>\n")
    } else {
        format!("{open}>\n{inner}    </testcase>\n")
    }
}

/// As the text of an element is escaped.
fn content(text: &str) -> String {
    xml(text).replace("&#10;", "\n")
}

/// As an attribute of XML 1.0 is escaped; characters that XML cannot hold are replaced.
fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => escaped.push('\u{FFFD}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// TAP 14, the Test Anything Protocol.
#[must_use]
pub fn tap(cases: &[Case]) -> String {
    let mut text = format!("TAP version 14\n1..{}\n", cases.len());
    for (number, case) in cases.iter().enumerate() {
        let ok = if case.failure.is_some() {
            "not ok"
        } else {
            "ok"
        };
        let name = format!("{}: {}", case.group, case.name);
        let name = description(&name);
        text = format!("{text}{ok} {} - {name}\n{}", number + 1, block(case));
    }
    text
}

/// The YAML beneath a point: scalars in JSON's form, which is YAML's too.
fn block(case: &Case) -> String {
    let mut lines = Vec::new();
    let mut scalar = |name: &str, value: &str| {
        lines.push(format!("  {name}: {}\n", serde_json::Value::from(value)));
    };
    if let Some(failure) = &case.failure {
        scalar("message", &failure.message);
        scalar("severity", "fail");
        scalar("kind", &failure.kind);
    }
    if let Some(note) = &case.note {
        scalar("note", note);
    }
    if lines.is_empty() {
        return String::new();
    }
    if let Some((file, line)) = &case.place {
        let file = serde_json::Value::from(file.as_str());
        lines.push(format!("  at:\n    file: {file}\n    line: {line}\n"));
    }
    if let Some(failure) = &case.failure {
        let text = serde_json::Value::from(failure.text.as_str());
        lines.push(format!("  text: {text}\n"));
    }
    format!("  ---\n{}  ...\n", lines.concat())
}

/// One line in which nothing is taken for a directive.
fn description(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace('\\', "\\\\").replace('#', "\\#")
}
