//! Strings in other quotes, names in quotes, and comments of other languages.

use super::edit::{Edit, Habit};
use super::scene::{Inside, Scene, Segment, name, target};
use super::tokens::Kind;
use crate::words::{self, Args, Slot};

/// Strings and comments anywhere.
pub(super) fn find(scene: &Scene<'_>, found: &mut Vec<Edit>) {
    for (at, token) in scene.tokens.iter().enumerate() {
        match token.kind {
            Kind::Quoted => found.push(Edit::new(
                Habit::Quotes,
                token.range.clone(),
                string(scene.said(at)),
            )),
            Kind::Foreign => found.push(Edit::new(
                Habit::Comment,
                token.range.clone(),
                comment(scene.said(at)),
            )),
            _ => {}
        }
    }
    for segment in scene.segments.iter().filter(|s| s.inside != Inside::Free) {
        if segment.inside == Inside::Values {
            values(scene, segment, found);
        } else {
            named(scene, segment, found);
        }
    }
}

/// Values of a set without quotes.
fn values(scene: &Scene<'_>, segment: &Segment, found: &mut Vec<Edit>) {
    let mut words: Vec<std::ops::Range<usize>> = Vec::new();
    for at in segment
        .tokens
        .clone()
        .filter(|at| scene.is(*at, Kind::Word))
    {
        match words.last_mut() {
            // `ana@corp.example`
            Some(last) if last.end == scene.range(at).start => last.end = scene.range(at).end,
            _ => words.push(scene.range(at)),
        }
    }
    found.extend(words.into_iter().filter_map(|range| {
        let text = format!("\"{}\"", scene.text.get(range.clone())?);
        Some(Edit::new(Habit::ValueWithout, range, text))
    }));
}

/// A string as it is written here.
pub(super) fn string(quoted: &str) -> String {
    let mut inner = quoted.chars();
    inner.next();
    inner.next_back();
    format!("\"{}\"", inner.as_str().replace('"', "\\\""))
}

/// A comment as it is written here, line by line.
fn comment(written: &str) -> String {
    let block = written.strip_prefix("/*");
    let text = block.map_or(written, |b| b.strip_suffix("*/").unwrap_or(b));
    let text = text.trim_start_matches(['/', '-']);
    let lines = text
        .lines()
        .map(|line| match line.trim().trim_start_matches("* ") {
            "" => "#".to_owned(),
            line => format!("# {line}"),
        });
    lines.collect::<Vec<_>>().join("\n")
}

/// Names in quotes: behind words that only take names, and behind those that use something.
fn named(scene: &Scene<'_>, segment: &Segment, found: &mut Vec<Edit>) {
    let first = segment.tokens.start;
    let takes = Some(first)
        .filter(|first| !scene.continues(*first))
        .and_then(|first| slot(scene.said(first)));
    for at in segment.tokens.clone().skip(1) {
        let written = scene.said(at);
        let inner = written.trim_matches('"');
        let inner = inner.strip_prefix('@').unwrap_or(inner);
        let string = scene.is(at, Kind::Text) && written.len() > 2;
        let bare = scene.is(at, Kind::Word) && name(written);
        let used = scene.says(at - 1, &["use", "try", "ask", "base"]) && target(inner)
            || scene.says(at - 1, &["env"]) && scene.says(first, &["key"]) && name(inner);
        let named = matches!(takes, Some(Slot::Alias | Slot::Name)) && name(inner);
        let habit = match takes {
            _ if string && (named || used) => Habit::NameInQuotes,
            Some(Slot::Alias) if bare && at == first + 1 => Habit::Alias,
            None if bare && scene.says(at - 1, &["go"]) && scene.verb(at - 1) => Habit::Alias,
            _ => continue,
        };
        let alias = takes == Some(Slot::Alias) || habit == Habit::Alias;
        let sign = if alias { "@" } else { "" };
        found.push(Edit::new(habit, scene.range(at), format!("{sign}{inner}")));
    }
}

/// What a statement takes, where it takes the same wherever it stands.
pub(super) fn slot(word: &str) -> Option<Slot> {
    let mut slots = words::named(word).map(|entry| match entry.args {
        Args::One(slot) | Args::Some(slot) => Some(slot),
        Args::Nothing | Args::Own => None,
    });
    let first = slots.next()?;
    slots.all(|slot| slot == first).then_some(first)?
}
