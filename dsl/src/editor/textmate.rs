//! The `TextMate` grammar, which VS Code colours with before a language server has answered.

use super::lists::{self, ACTIONS, GUARDS, OPERATORS};
use serde_json::{Value, json};

/// What a word is made of.
const WORD: &str = "[A-Za-z0-9_\\-./:*]";

/// The grammar.
pub(super) fn grammar() -> String {
    let grammar = json!({
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "information_for_contributors": ["Made from dsl/src/words.rs and dsl/src/editor/textmate.rs; do not edit."],
        "name": "mux",
        "scopeName": "source.mux",
        "patterns": patterns(),
        "repository": { "string": string() },
    });
    format!("{grammar:#}\n")
}

/// In the order in which they are tried.
fn patterns() -> Vec<Value> {
    let words = |words: &[&str]| format!("(?<!{WORD}){}", one_of(words));
    let heads: Vec<_> = lists::heads().into_iter().collect();
    let options: Vec<_> = lists::options().into_iter().collect();
    let head = json!({
        "match": format!("(?:^|(\\{{))\\s*{}", one_of(&heads)),
        "captures": { "1": { "name": "punctuation.section.block.begin.mux" }, "2": { "name": "keyword.other.mux" } },
    });
    vec![
        named("comment.line.number-sign.mux", "#.*$"),
        json!({ "include": "#string" }),
        head,
        named("keyword.control.conditional.mux", &words(&GUARDS)),
        named("keyword.control.flow.mux", &words(&ACTIONS)),
        named("keyword.operator.word.mux", &words(&OPERATORS)),
        named("keyword.operator.comparison.mux", "[<>]=?"),
        named("entity.name.function.mux", &format!("@{WORD}+")),
        named(
            "constant.numeric.date.mux",
            "\\d{4}-\\d{2}-\\d{2}(?:T\\d{2}:\\d{2}(?::\\d{2})?Z?)?",
        ),
        named(
            "constant.numeric.clock.mux",
            "\\d{2}:\\d{2}(?:-\\d{2}:\\d{2})?",
        ),
        named(
            "constant.numeric.quantity.mux",
            "[+-]?\\$?\\d[\\d_]*(?:\\.\\d+)?(?:%|[A-Za-z]+)?(?:/[A-Za-z]+)?",
        ),
        named("support.type.property-name.mux", &words(&options)),
        named(
            "entity.name.type.mux",
            "[A-Za-z_*][A-Za-z0-9_\\-.:*]*/[A-Za-z0-9_\\-./:*]*",
        ),
        named("variable.other.mux", "[A-Za-z_*][A-Za-z0-9_\\-./:*]*"),
        named("punctuation.section.block.begin.mux", "\\{"),
        named("punctuation.section.block.end.mux", "\\}"),
        named("punctuation.section.group.mux", "[()]"),
        named("punctuation.separator.mux", "\\||(?<=[|\\s])-(?=[|\\s])"),
    ]
}

fn string() -> Value {
    json!({
        "name": "string.quoted.double.mux",
        "begin": "\"",
        "end": "\"|$",
        "patterns": [named("constant.character.escape.mux", "\\\\.")],
    })
}

fn named(name: &str, pattern: &str) -> Value {
    json!({ "name": name, "match": pattern })
}

/// One of some words, and not the beginning of a longer one. Words are letters, digits, `-` and `_`: none needs escaping.
fn one_of(words: &[&str]) -> String {
    format!("({})(?!{WORD})", words.join("|"))
}
