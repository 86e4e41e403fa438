//! The words of the language, sorted by what they do in a line.

use crate::words::{self, Body, Choice, Entry, Place, Subject};
use std::collections::BTreeSet;

/// Words that begin a condition, or a rule that has none.
pub(super) const GUARDS: [&str; 4] = ["else", "expect", "when", "where"];

/// Words that say what becomes of a request.
pub(super) const ACTIONS: [&str; 3] = ["deny", "go", "use"];

/// Words that join and compare; `with` is one behind `starts` only.
pub(super) const OPERATORS: [&str; 10] = [
    "and", "has", "in", "is", "matches", "not", "of", "or", "starts", "with",
];

/// Words that are never names.
pub(super) fn reserved() -> impl Iterator<Item = &'static str> {
    let operators = OPERATORS.into_iter().filter(|word| *word != "with");
    GUARDS.into_iter().chain(ACTIONS).chain(operators)
}

/// Words that begin a line and are no reserved ones.
pub(super) fn heads() -> BTreeSet<&'static str> {
    let heads = entries().map(|entry| entry.word);
    heads.filter(|head| !is_reserved(head)).collect()
}

/// Words with a meaning of their own inside a line: those that the forms of the language name, and those that begin a
/// strategy, which may stand behind `use`.
pub(super) fn options() -> BTreeSet<&'static str> {
    let strategies = entries()
        .filter(|entry| entry.within.contains(&Place::Plan))
        .map(|entry| entry.word);
    let lines = words::statements().flat_map(|entry| {
        let words = literals(entry.form);
        words.filter(move |word| *word != entry.word)
    });
    let options = strategies.chain(lines).chain(forms().flat_map(literals));
    options.filter(|word| !is_reserved(word)).collect()
}

/// The forms of everything that stands inside lines.
fn forms() -> impl Iterator<Item = &'static str> {
    let choices: [&[Choice]; 8] = [
        words::CLASSES,
        words::COMBINES,
        words::FAULTS,
        words::FINISHES,
        words::PRICES,
        words::SCOPES,
        words::SCRIPTS,
        words::WHO,
    ];
    let subjects: [&[Subject]; 9] = [
        words::ACCEPTS,
        words::EXPECTS,
        words::FACTS,
        words::FIGURES,
        words::FILTERS,
        words::GIVENS,
        words::METRICS,
        words::PROMISES,
        words::THRESHOLDS,
    ];
    let options = words::statements().flat_map(Entry::options);
    let choices = choices.into_iter().flatten().map(|choice| choice.form);
    let subjects = subjects.into_iter().flatten().map(|subject| subject.form);
    options
        .map(|option| option.form)
        .chain(choices)
        .chain(subjects)
}

/// Words that begin a declaration: those whose line ends where it ends, and those that open a block.
pub(super) fn declarations() -> (Vec<&'static str>, Vec<&'static str>) {
    let (block, line): (Vec<&Entry>, Vec<&Entry>) = entries()
        .filter(|entry| entry.within.contains(&Place::File))
        .partition(|entry| opens_block(entry));
    let words = |entries: Vec<&Entry>| entries.iter().map(|entry| entry.word).collect();
    (words(line), words(block))
}

/// Every line that begins with a word.
pub(super) fn entries() -> impl Iterator<Item = &'static Entry> {
    words::statements().filter(|entry| !entry.word.starts_with('<'))
}

/// The declarations, for the scanner of line ends.
pub(super) fn header() -> String {
    let (line, block) = declarations();
    let array = |name: &str, words: &[&str]| {
        let words: Vec<_> = words
            .iter()
            .map(|word| format!("    \"{word}\","))
            .collect();
        format!(
            "static const char *const {name}[] = {{\n{}\n    NULL,\n}};\n",
            words.join("\n")
        )
    };
    format!(
        "// Words that begin a declaration. Made from dsl/src/words.rs; do not edit.\n\n#include <stddef.h>\n\n\
         // Those whose line ends the declaration.\n{}\n// Those with a block on their line.\n{}",
        array("DECLARES_LINE", &line),
        array("DECLARES_BLOCK", &block)
    )
}

/// All lists, for tests outside this crate.
pub(super) fn words() -> String {
    let lists = serde_json::json!({
        "actions": ACTIONS,
        "guards": GUARDS,
        "heads": heads(),
        "operators": OPERATORS,
        "options": options(),
    });
    format!("{lists:#}\n")
}

fn opens_block(entry: &Entry) -> bool {
    matches!(entry.block, Body::Must(_)) || entry.form.ends_with('}')
}

fn is_reserved(word: &str) -> bool {
    reserved().any(|reserved| reserved == word)
}

/// The words of a form that stand for themselves: of lower-case letters, and outside strings.
fn literals(form: &'static str) -> impl Iterator<Item = &'static str> {
    let outside = form.split('"').step_by(2);
    outside
        .flat_map(|part| part.split([' ', '[', ']', '{', '}', '|']))
        .filter(|word| {
            word.starts_with(|c: char| c.is_ascii_lowercase())
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
        })
}
