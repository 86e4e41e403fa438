//! Tests on facts that are text: tags, the end user, the key, the model, the conversation.

use super::scope::{Scope, no_value, single, subject_of};
use crate::atom::{Atom, Text};
use crate::condition::Cond;
use crate::glob::Glob;
use crate::quantity;
use crate::report::Report;
use crate::tree::{self, Kind, Sign, Word};
use std::collections::HashSet;
use std::sync::Arc;

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
            let value = value(fact, word, report)?;
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
    let present = scope.test_of(
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
    let value = value(fact, word, report)?;
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
            let set = scope.names.sets.find(word, report)?;
            let written = format!("{} in {}", subject_of(test), word.text);
            parts.push(scope.test_of(Atom::In(fact.clone(), set as usize), written, test.span));
        } else {
            values.insert(value(fact, word, report)?);
        }
    }
    if !values.is_empty() {
        let same = scope
            .tables
            .sets
            .iter()
            .skip(scope.names.sets.iter().count())
            .position(|s| **s == values);
        let set = same.map_or(scope.tables.sets.len(), |at| {
            at + scope.names.sets.iter().count()
        });
        if same.is_none() {
            scope.tables.sets.push(Arc::new(values));
        }
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

/// A value that a fact can be compared with.
fn value(fact: &Text, word: &Word, report: &mut Report) -> Option<Box<str>> {
    let fits = word.kind == Kind::Text
        || (*fact == Text::Model && matches!(word.kind, Kind::Alias | Kind::Name));
    if fits {
        // Clients may leave out the `@` of a policy.
        let bare = word.text.strip_prefix('@').filter(|_| *fact == Text::Model);
        return Some(bare.map_or_else(|| word.text.clone(), Into::into));
    }
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
    None
}

/// The text fact a word names.
pub(super) fn fact(word: &Word) -> Option<Text> {
    if word.kind != Kind::Name {
        return None;
    }
    match word.text.as_ref() {
        "end_user" => Some(Text::EndUser),
        "key" => Some(Text::Key),
        "model" => Some(Text::Model),
        "conversation" => Some(Text::Conversation),
        other => other
            .strip_prefix("tag.")
            .filter(|t| !t.is_empty())
            .map(|t| Text::Tag(t.into())),
    }
}
