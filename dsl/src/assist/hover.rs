//! What a word means, for whoever points at it.

use super::complete::place_at;
use super::symbol::{Named, Occurrence};
use super::view::View;
use crate::image::{Fleet, Target};
use crate::words;
use serde::Serialize;
use std::fmt::Write as _;

/// What a word means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hover {
    /// The word, bytes, end exclusive.
    pub span: (usize, usize),
    /// Markdown.
    pub text: String,
}

/// What the word at a place means.
pub(super) fn hover(view: View<'_>, file: &str, at: usize) -> Option<Hover> {
    if let Some(name) = view.at(file, at)
        && let Some(text) = named(view, &name)
    {
        return Some(Hover {
            span: (name.span.start, name.span.end),
            text,
        });
    }
    let text = view.loaded.sources.shown(file)?;
    let (from, to) = word_at(text, at)?;
    let word = text.get(from..to)?;
    let line = text.get(..from)?.rfind('\n').map_or(0, |n| n + 1);
    let head = text
        .get(line..)?
        .split_whitespace()
        .next()
        .unwrap_or_default();
    let place = place_at(text.get(..line)?);
    let entry = words::find(head, place);
    let option = || {
        let near = entry.into_iter().chain(words::strategy(head));
        near.chain(words::statements())
            .flat_map(words::Entry::options)
            .find(|o| o.word == word)
    };
    let said = if word == head && entry.is_some() {
        entry.map(|e| (e.form, e.doc))
    } else if let Some(strategy) = words::strategy(word) {
        Some((strategy.form, strategy.doc))
    } else if let Some(option) = option() {
        Some((option.form, option.doc))
    } else {
        [
            words::FACTS,
            words::METRICS,
            words::GIVENS,
            words::EXPECTS,
            words::PROMISES,
            words::FILTERS,
            words::ACCEPTS,
        ]
        .into_iter()
        .find_map(|table| words::subject(table, word))
        .map(|s| (s.form, s.doc))
    };
    let (form, doc) = said?;
    Some(Hover {
        span: (from, to),
        text: format!("```mux\n{form}\n```\n{doc}"),
    })
}

/// The word around a place.
pub(super) fn word_at(text: &str, at: usize) -> Option<(usize, usize)> {
    let part =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '@' | ':');
    let before = text.get(..at)?;
    let from = before.rfind(|c| !part(c)).map_or(0, |n| {
        n + before
            .get(n..)
            .and_then(|r| r.chars().next())
            .map_or(1, char::len_utf8)
    });
    let rest = text.get(at..)?;
    let to = at + rest.find(|c| !part(c)).unwrap_or(rest.len());
    (from < to).then_some((from, to))
}

fn named(view: View<'_>, name: &Occurrence) -> Option<String> {
    let image = view.image;
    match name.kind {
        Named::Model => {
            let image = image?;
            let target = image.target(&name.name)?;
            Some(model(
                image.fleet.targets.get(target.index())?,
                &image.fleet,
            ))
        }
        Named::Policy => {
            let image = image?;
            let policy = image
                .policies
                .get(image.policy(name.name.trim_start_matches('@'))?.index())?;
            Some(format!(
                "**policy** `{}`, {} rules",
                name.name,
                policy.rules.len()
            ))
        }
        kind => {
            let declared = view.declaration(name)?.span;
            let text = view.loaded.sources.text(declared.file);
            let from = text.get(..declared.start)?.rfind('\n').map_or(0, |n| n + 1);
            let declared: Vec<&str> = text
                .get(from..)?
                .lines()
                .enumerate()
                .take_while(|(at, l)| *at == 0 || (l.starts_with([' ', '}']) && *at < 16))
                .map(|(_, l)| l)
                .collect();
            Some(format!(
                "**{}** `{}`\n```mux\n{}\n```",
                kind.noun(),
                name.name,
                declared.join("\n")
            ))
        }
    }
}

/// A model: what it costs, how much it takes, what it can.
fn model(target: &Target, fleet: &Fleet) -> String {
    let mut text = format!("**model** `{}`\n", target.name);
    if let Some(price) = target.price {
        let _ = write!(
            text,
            "\n- price: {} input, {} output",
            per_million(price.input),
            per_million(price.output)
        );
        for (class, amount) in [
            ("cached", price.cached),
            ("cache write", price.cache_write),
            ("reasoning", price.reasoning),
        ] {
            if let Some(amount) = amount {
                let _ = write!(text, ", {} {class}", per_million(amount));
            }
        }
        text.push_str(" for a million tokens");
        if let Some(listed) = &target.listed {
            let _ = write!(text, ", as listed by {}", listed.source);
        }
    } else {
        text.push_str("\n- price: unknown");
    }
    for (what, tokens) in [("context", target.context), ("output", target.output)] {
        if let Some(tokens) = tokens {
            let _ = write!(text, "\n- {what}: {tokens} tokens");
        }
    }
    if let Some(tier) = target.tier {
        let _ = write!(text, "\n- tier: {}", format!("{tier:?}").to_lowercase());
    }
    let can: Vec<&str> = target.can.words().collect();
    let _ = write!(text, "\n- can: {}", can.join(", "));
    if let Some(provider) = fleet
        .providers
        .get(target.provider.index())
        .filter(|p| !p.regions.is_empty())
    {
        let _ = write!(text, "\n- regions: {}", provider.regions.join(", "));
    }
    text
}

/// Pico-dollars a token as dollars for a million of them.
fn per_million(pico: i64) -> String {
    let micro = pico;
    let text = format!("${}.{:06}", micro / 1_000_000, micro % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
