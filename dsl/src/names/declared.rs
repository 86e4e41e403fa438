//! Facts that are declared: which tags, headers and end users there are, and the values they can have.

use crate::cursor::Cursor;
use crate::lines::Line;
use crate::report::Report;
use crate::source::Span;
use crate::tree::{Kind, Word};
use std::collections::{BTreeMap, BTreeSet};

/// Every line of every `facts` block, by the name of its fact.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    facts: BTreeMap<Box<str>, Fact>,
}

#[derive(Debug)]
struct Fact {
    at: Span,
    /// Any value where absent.
    values: Option<BTreeSet<Box<str>>>,
}

impl Declared {
    /// Reads one block.
    pub(super) fn add(&mut self, block: &Line<'_>, report: &mut Report) {
        for line in block.body(report) {
            let mut cursor = Cursor::of(&line);
            let Some(name) = cursor.need(Kind::Name, "a fact", report) else {
                continue;
            };
            if !declarable(name, report) {
                continue;
            }
            let values = values(&mut cursor, report);
            cursor.end(report);
            let fact = Fact {
                at: name.span,
                values,
            };
            if let Some(earlier) = self.facts.get(&name.text) {
                report
                    .error(
                        "mux::name::duplicate",
                        name.span,
                        format!("the fact `{}` is declared twice", name.text),
                    )
                    .label("the second")
                    .also(earlier.at, "the first");
            } else {
                self.facts.insert(name.text.clone(), fact);
            }
        }
    }

    /// Whether there can be such a fact; one that is not declared among its like is reported.
    pub(crate) fn knows(&self, word: &Word, report: &mut Report) -> bool {
        let name = &word.text;
        let Some((family, _)) = name.split_once('.') else {
            return true;
        };
        let like = |other: &&str| other.split_once('.').is_some_and(|(f, _)| f == family);
        let known: Vec<&str> = self.facts.keys().map(AsRef::as_ref).filter(like).collect();
        if known.is_empty() || self.facts.contains_key(name) {
            return true;
        }
        let code = if family == "tag" {
            "mux::name::tag"
        } else {
            "mux::name::header"
        };
        report
            .error(code, word.span, format!("no fact `{name}` is declared"))
            .advise(name, known, "the facts declared are");
        false
    }

    /// The values a fact can have, where they are declared.
    pub(crate) fn values(&self, name: &str) -> Option<&BTreeSet<Box<str>>> {
        self.facts.get(name)?.values.as_ref()
    }

    /// Every fact whose values are declared.
    pub(crate) fn closed(&self) -> impl Iterator<Item = (&str, &BTreeSet<Box<str>>)> {
        self.facts
            .iter()
            .filter_map(|(name, fact)| fact.values.as_ref().map(|v| (name.as_ref(), v)))
    }

    /// Whether a value can be; one that cannot is reported.
    pub(crate) fn allows(&self, name: &str, value: &Word, report: &mut Report) -> bool {
        let Some(values) = self.values(name).filter(|v| !v.contains(&value.text)) else {
            return true;
        };
        report
            .error(
                "mux::name::value",
                value.span,
                format!("`{name}` is never `{}`", value.text),
            )
            .advise(
                &value.text,
                values.iter().map(AsRef::as_ref),
                "its values are",
            );
        false
    }

    /// Warns of a value that a test gives and nobody declares: a request may have any, and means nothing by it.
    pub(crate) fn stranger(&self, name: &str, value: &Word, report: &mut Report) {
        let Some(values) = self.values(name).filter(|v| !v.contains(&value.text)) else {
            return;
        };
        report
            .warning(
                "mux::test::undeclared",
                value.span,
                format!("`{}` is no declared value of `{name}`", value.text),
            )
            .label(format!(
                "such a request is decided as if it had no `{name}`"
            ))
            .advise(
                &value.text,
                values.iter().map(AsRef::as_ref),
                "its values are",
            );
    }
}

/// Facts that lines of the block can begin with.
fn declarable(name: &Word, report: &mut Report) -> bool {
    let family = |start: &str| name.text.strip_prefix(start).is_some_and(|n| !n.is_empty());
    if name.says("end_user") || family("tag.") || family("header.") {
        return true;
    }
    report
        .error(
            "mux::name::fact",
            name.span,
            format!("`{}` cannot be declared", name.text),
        )
        .help("what can be declared is `tag.NAME`, `header.NAME` and `end_user`");
    false
}

/// `any`, or `one of "A" "B" …`.
fn values(cursor: &mut Cursor<'_>, report: &mut Report) -> Option<BTreeSet<Box<str>>> {
    if cursor.says("any") {
        return None;
    }
    cursor.keyword("one", report)?;
    cursor.keyword("of", report)?;
    let mut values = BTreeSet::new();
    let first = cursor.need(Kind::Text, "a value in quotes", report)?;
    values.insert(first.text.clone());
    while let Some(value) = cursor.kind(Kind::Text) {
        if !values.insert(value.text.clone()) {
            report.warning(
                "mux::set::repeated",
                value.span,
                "this value is declared already",
            );
        }
    }
    Some(values)
}
