//! The words of the language: the statement table, the options of lines, and everything that can be tested or given.
//!
//! The checker is driven by it; a word that is not here does not exist in the language. Completion, hover, the reference
//! page and the grammars of editors are made from it as well.

mod answers;
mod entry;
mod facts;
mod fleet;
mod options;
mod plans;
mod rules;
mod trials;
mod units;

use std::collections::HashMap;
use std::sync::LazyLock;

pub use answers::{ACCEPTS, CLASSES, COMBINES, FAULTS, FILTERS, FINISHES, PRICES};
pub use entry::{Args, Body, Choice, Entry, Holds, Place, Slot, Subject};
pub use facts::{FACTS, METRICS, SCOPES, THRESHOLDS, WHO};
pub use options::{ARM, BY, Opt, SHARED, TARGET};
pub use trials::{EXPECTS, FIGURES, GIVENS, PROMISES, SCRIPTS};
pub use units::{UNITS, Unit};

/// The version of the language that the tables are of.
pub const LANGUAGE: u32 = 1;

/// Every statement, place by place.
pub fn statements() -> impl Iterator<Item = &'static Entry> {
    [
        fleet::TABLE,
        plans::STRATEGIES,
        plans::TABLE,
        rules::TABLE,
        trials::TABLE,
    ]
    .into_iter()
    .flatten()
}

/// The entry of a word at a place.
#[must_use]
pub fn find(word: &str, place: Place) -> Option<&'static Entry> {
    named(word).find(|e| e.within.contains(&place))
}

/// Every entry of a word.
pub fn named(word: &str) -> impl Iterator<Item = &'static Entry> {
    static BY_WORD: LazyLock<HashMap<&str, Vec<&Entry>>> = LazyLock::new(|| {
        let mut by: HashMap<&str, Vec<&Entry>> = HashMap::new();
        for entry in statements() {
            by.entry(entry.word).or_default().push(entry);
        }
        by
    });
    BY_WORD.get(word).into_iter().flatten().copied()
}

/// The words a place offers.
pub fn offered(place: Place) -> impl Iterator<Item = &'static str> {
    statements()
        .filter(move |e| e.within.contains(&place) && !e.word.starts_with('<'))
        .map(|e| e.word)
}

/// The strategy of this word, wherever it is written.
#[must_use]
pub fn strategy(word: &str) -> Option<&'static Entry> {
    plans::STRATEGIES.iter().find(|e| e.word == word)
}

/// Whether a word begins an option of some line.
#[must_use]
pub fn is_option(word: &str) -> bool {
    let mut options = statements().flat_map(Entry::options);
    options.any(|o| o.word == word)
}

/// The subject of this name; `tag.x` is found as `tag.NAME`.
#[must_use]
pub fn subject(table: &'static [Subject], name: &str) -> Option<&'static Subject> {
    let family = |s: &&Subject| {
        let start = s.name.strip_suffix("NAME");
        start.is_some_and(|start| name.len() > start.len() && name.starts_with(start))
    };
    let exact = table.iter().find(|s| s.name == name);
    exact.or_else(|| table.iter().find(family))
}

/// The names of a table, for suggestions.
pub fn names(table: &'static [Subject]) -> impl Iterator<Item = &'static str> {
    table.iter().map(|s| s.name)
}

/// The choice of this word.
#[must_use]
pub fn choice(table: &'static [Choice], word: &str) -> Option<&'static Choice> {
    table.iter().find(|c| c.word == word)
}
