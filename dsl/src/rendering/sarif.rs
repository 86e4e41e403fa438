//! Diagnostics in SARIF 2.1.0, the form that code scanning reads.

use super::cases::{Case, Failure};
use super::place::Place;
use crate::codes;
use crate::diagnostic::{Diagnostic, Fix, Label, Severity};
use crate::source::Sources;
use serde_json::{Value, json};

/// One run of `mux` of that version, with its diagnostics and the cases that failed; `base` leads from the root of the
/// repository to the sources.
#[must_use]
pub fn sarif(
    (diagnostics, sources): (&[Diagnostic], &Sources),
    cases: &[Case],
    base: &str,
    version: &str,
) -> String {
    let failed = || {
        cases
            .iter()
            .filter_map(|c| c.failure.as_ref().map(|f| (c, f)))
    };
    let codes = diagnostics.iter().map(|d| d.code);
    let mut rules: Vec<&str> = codes
        .chain(failed().map(|(_, f)| f.kind.as_str()))
        .collect();
    rules.sort_unstable();
    rules.dedup();
    let scene = Scene { sources, base };
    let results: Vec<Value> = diagnostics
        .iter()
        .map(|d| scene.result(d, &rules))
        .chain(failed().map(|(case, failure)| failing(case, failure, &rules)))
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "mux",
                "semanticVersion": version,
                "rules": rules.iter().map(|code| rule(code)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

/// What the table says about a code.
fn rule(code: &str) -> Value {
    let Some(known) = codes::find(code) else {
        return json!({ "id": code });
    };
    let whole = format!(
        "{}\n\nWrong:\n\n{}\nRight:\n\n{}",
        known.explanation, known.wrong, known.right
    );
    json!({
        "id": code,
        "shortDescription": { "text": known.title },
        "fullDescription": { "text": known.explanation },
        "help": { "text": whole },
        "defaultConfiguration": { "level": level(known.severity) },
    })
}

/// A case that failed, at its line.
fn failing(case: &Case, failure: &Failure, rules: &[&str]) -> Value {
    let place = case.place.iter().map(|(file, line)| {
        json!({ "physicalLocation": {
            "artifactLocation": { "uri": uri(file) },
            "region": { "startLine": line },
        } })
    });
    json!({
        "ruleId": failure.kind,
        "ruleIndex": rules.iter().position(|r| *r == failure.kind),
        "level": "error",
        "message": { "text": format!("{}\n{}", case.name, failure.text.trim_end()) },
        "locations": place.collect::<Vec<_>>(),
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

struct Scene<'s> {
    sources: &'s Sources,
    base: &'s str,
}

impl Scene<'_> {
    fn result(&self, diagnostic: &Diagnostic, rules: &[&str]) -> Value {
        let (places, others) = diagnostic.labels.split_at(diagnostic.labels.len().min(1));
        let mut text = diagnostic.message.clone();
        for said in places.iter().map(|l| &l.text).chain(&diagnostic.help) {
            if !said.is_empty() {
                text = format!("{text}\n{said}");
            }
        }
        let mut result = json!({
            "ruleId": diagnostic.code,
            "ruleIndex": rules.iter().position(|r| *r == diagnostic.code),
            "level": level(diagnostic.severity),
            "message": { "text": text },
            "locations": places.iter().map(|l| self.location(l)).collect::<Vec<_>>(),
        });
        if let Some(object) = result.as_object_mut() {
            if !others.is_empty() {
                let others: Vec<_> = others.iter().map(|l| self.related(l)).collect();
                object.insert("relatedLocations".to_owned(), others.into());
            }
            if !diagnostic.fixes.is_empty() {
                let fixes: Vec<_> = diagnostic.fixes.iter().map(|f| self.fix(f)).collect();
                object.insert("fixes".to_owned(), fixes.into());
            }
        }
        result
    }

    fn location(&self, label: &Label) -> Value {
        let at = (label.line, label.column);
        let place = Place::new(self.base, &label.file, label.span, at, self.sources);
        json!({ "physicalLocation": {
            "artifactLocation": { "uri": uri(&place.path) },
            "region": region(&place, label.span),
        } })
    }

    fn related(&self, label: &Label) -> Value {
        let mut location = self.location(label);
        if let Some(object) = location.as_object_mut() {
            object.insert("message".to_owned(), json!({ "text": label.text }));
        }
        location
    }

    fn fix(&self, fix: &Fix) -> Value {
        let at = (fix.line, fix.column);
        let place = Place::new(self.base, &fix.file, fix.span, at, self.sources);
        json!({
            "description": { "text": format!("write `{}`", fix.text.trim()) },
            "artifactChanges": [{
                "artifactLocation": { "uri": uri(&place.path) },
                "replacements": [{
                    "deletedRegion": region(&place, fix.span),
                    "insertedContent": { "text": fix.text },
                }],
            }],
        })
    }
}

fn region(place: &Place, (start, end): (usize, usize)) -> Value {
    json!({
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
        "byteOffset": start,
        "byteLength": end - start,
    })
}

/// A path as a relative reference: what is no plain character of a path is written by its bytes.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    path.bytes()
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
