//! Tests on facts that are text: tags, the end user, the key, the model, the conversation.

use super::scope::{Scope, no_value, single, subject_of};
use crate::atom::{Atom, Text};
use crate::condition::Cond;
use crate::glob::Glob;
use crate::quantity;
use crate::report::Report;
use crate::tree::{self, Kind, Sign, Word};
use std::collections::HashSet;

/// Headers that carry credentials.
const SECRET: [&str; 7] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "x-amz-security-token",
];

/// A test on a fact that is text.
pub(super) fn read(
    scope: &mut Scope<'_>,
    fact: &Text,
    subject: &Word,
    test: &tree::Test,
    report: &mut Report,
) -> Option<Cond> {
    let Some((sign, at)) = test.sign else {
        report
            .error(
                "mux::type::comparison",
                subject.span,
                format!("`{}` is not true or false", subject.text),
            )
            .help(format!("write `has {0}` or `{0} is \"…\"`", subject.text));
        return None;
    };
    let negated = matches!(sign, Sign::IsNot | Sign::NotIn);
    let positive = match sign {
        Sign::Is | Sign::IsNot => is(scope, fact, subject, test, report)?,
        Sign::In | Sign::NotIn => member(scope, fact, test, report)?,
        Sign::Matches | Sign::StartsWith => {
            let word = single(subject, test, report)?;
            let value = pattern(fact, word, report)?;
            let atom = if sign == Sign::Matches {
                Atom::Matches(fact.clone(), Glob::pattern(&value))
            } else {
                Atom::StartsWith(fact.clone(), value)
            };
            scope.written(atom, test)
        }
        Sign::AtLeast | Sign::AtMost | Sign::More | Sign::Less => {
            report
                .error("mux::type::comparison", at, format!("`{}` is text, and cannot be compared with `{}`", subject.text, sign.word()))
                .help("text is compared with `is`, `is not`, `in`, `not in`, `matches` and `starts with`");
            return None;
        }
    };
    if !negated {
        return Some(positive);
    }
    // An absent fact makes every test on it false, `is not` included.
    let present = scope.implied(
        Atom::Has(fact.clone()),
        format!("has {}", subject.text),
        test.span,
    );
    Some(present.and(Cond::Not(Box::new(positive))))
}

fn is(
    scope: &mut Scope<'_>,
    fact: &Text,
    subject: &Word,
    test: &tree::Test,
    report: &mut Report,
) -> Option<Cond> {
    let word = single(subject, test, report)?;
    let value = value(scope, fact, &subject.text, word, report)?;
    let written = format!("{} is {}", subject.text, scope.sources.slice(word.span));
    Some(scope.test_of(Atom::Is(fact.clone(), value), written, test.span))
}

fn member(
    scope: &mut Scope<'_>,
    fact: &Text,
    test: &tree::Test,
    report: &mut Report,
) -> Option<Cond> {
    let mut parts = Vec::new();
    let mut values = HashSet::new();
    for word in &test.values {
        if word.kind == Kind::Name {
            let set = scope.names.sets.find(word, report)? as usize;
            let set = if *fact == Text::Model {
                bare(scope, set)
            } else {
                set
            };
            let written = format!("{} in {}", subject_of(test), word.text);
            parts.push(scope.test_of(Atom::In(fact.clone(), set), written, test.span));
        } else {
            values.insert(value(scope, fact, &subject_of(test), word, report)?);
        }
    }
    if !values.is_empty() {
        let set = scope.set(values);
        parts.push(scope.written(Atom::In(fact.clone(), set), test));
    }
    if parts.is_empty() {
        no_value(test, "the name of a set or strings", report);
        return None;
    }
    Some(if parts.len() == 1 {
        parts.remove(0)
    } else {
        Cond::Any(parts)
    })
}

/// What a fact is held against by `matches` and `starts with`.
fn pattern(fact: &Text, word: &Word, report: &mut Report) -> Option<Box<str>> {
    if word.kind != Kind::Text {
        not_text(word, report);
        return None;
    }
    let bare = word.text.strip_prefix('@').filter(|_| *fact == Text::Model);
    Some(bare.map_or_else(|| word.text.clone(), Into::into))
}

/// The set of the same names without their `@`.
fn bare(scope: &mut Scope<'_>, set: usize) -> usize {
    let Some(written) = scope.tables.sets.get(set).cloned() else {
        return set;
    };
    if !written.iter().any(|name| name.starts_with('@')) {
        return set;
    }
    let bare = written
        .iter()
        .map(|name| name.strip_prefix('@').unwrap_or(name).into())
        .collect();
    scope.set(bare)
}

/// A value that a fact can be compared with.
fn value(
    scope: &Scope<'_>,
    fact: &Text,
    subject: &str,
    word: &Word,
    report: &mut Report,
) -> Option<Box<str>> {
    let fits = word.kind == Kind::Text
        || (*fact == Text::Model && matches!(word.kind, Kind::Alias | Kind::Name));
    if fits {
        if word.kind == Kind::Alias {
            scope.names.policies.index_of(word, report)?;
        }
        if !scope.names.declared.allows(subject, word, report) {
            return None;
        }
        // Clients may leave out the `@` of a policy.
        let bare = word.text.strip_prefix('@').filter(|_| *fact == Text::Model);
        return Some(bare.map_or_else(|| word.text.clone(), Into::into));
    }
    not_text(word, report);
    None
}

fn not_text(word: &Word, report: &mut Report) {
    report
        .error(
            "mux::type::mismatch",
            word.span,
            format!(
                "text is compared with text, and `{}` is {}",
                word.text,
                quantity::what(word)
            ),
        )
        .help(format!("write `\"{}\"`", word.text))
        .fix(word.span, format!("\"{}\"", word.text));
}

/// Whether a word that names a text fact names one that may be asked about; what may not is reported.
pub(super) fn allowed(scope: &Scope<'_>, word: &Word, report: &mut Report) -> bool {
    if let Some(header) = word.text.strip_prefix("header.") {
        if SECRET.iter().any(|s| header.eq_ignore_ascii_case(s)) {
            report
                .error(
                    "mux::secret::header",
                    word.span,
                    format!("`{header}` holds a credential, and policies never see those"),
                )
                .help("to tell clients apart, ask for `key` or `team`");
            return false;
        }
        if header.bytes().any(|b| b.is_ascii_uppercase()) {
            report
                .error(
                    "mux::name::header",
                    word.span,
                    "names of headers are written in lower case",
                )
                .label(format!("write `{}`", word.text.to_ascii_lowercase()));
            return false;
        }
    }
    scope.names.declared.knows(word, report)
}

/// The text fact a word names.
pub(super) fn fact(word: &Word) -> Option<Text> {
    (word.kind == Kind::Name)
        .then(|| named(&word.text))
        .flatten()
}

/// The text fact of a name.
pub(super) fn named(name: &str) -> Option<Text> {
    match name {
        "end_user" => Some(Text::EndUser),
        "key" => Some(Text::Key),
        "team" => Some(Text::Team),
        "model" => Some(Text::Model),
        "conversation" => Some(Text::Conversation),
        "operation" => Some(Text::Operation),
        "dialect" => Some(Text::Dialect),
        other => {
            let named = |start| other.strip_prefix(start).filter(|t: &&str| !t.is_empty());
            let tag = named("tag.").map(|t| Text::Tag(t.into()));
            tag.or_else(|| named("header.").map(|h| Text::Header(h.into())))
        }
    }
}
