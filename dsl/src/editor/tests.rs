//! The lists against the parser they are told of.

use super::{files, lists, misshapen, snippets};
use crate::parse::parse;
use crate::report::Report;
use crate::source::FileId;
use crate::tree::Item;
use crate::words;
use std::collections::BTreeSet;

const GRAMMAR: &str = include_str!("../mux.pest");

/// The words that the grammar's rule `reserved` names.
fn reserved() -> BTreeSet<&'static str> {
    let (_, rule) = GRAMMAR
        .split_once("\nreserved ")
        .expect("the grammar has the rule");
    let (rule, _) = rule.split_once('}').expect("a rule ends");
    rule.split('"').skip(1).step_by(2).collect()
}

/// A name as a declaration takes it.
fn name(word: &str) -> &'static str {
    match word {
        "policy" => "@a",
        "test" | "guarantee" | "replay" | "include" => "\"a\"",
        _ => "a",
    }
}

fn first_word(text: &str) -> Option<String> {
    let mut report = Report::default();
    let tree = parse(text, FileId(0), &mut report);
    assert!(!report.failed(), "{text:?}");
    let stmt = tree.body.into_iter().next()?;
    match stmt.items.into_iter().next()? {
        Item::Word(word) => Some(word.text.into()),
        Item::Guard(guard) => Some(guard.head.text.into()),
        Item::Row(_) => None,
    }
}

#[test]
fn every_word_of_the_table_is_in_a_list() {
    let known: BTreeSet<_> = lists::heads()
        .into_iter()
        .chain(lists::reserved())
        .collect();
    let words = words::statements().map(|entry| entry.word);
    let missing: Vec<_> = words
        .filter(|word| !word.starts_with('<') && !known.contains(word))
        .collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn no_table_of_words_is_left_out() {
    let lists = include_str!("lists.rs");
    let tables = [
        include_str!("../words/answers.rs"),
        include_str!("../words/facts.rs"),
        include_str!("../words/trials.rs"),
    ];
    let names = tables.iter().flat_map(|table| {
        let statics = table.split("\npub static ").skip(1);
        statics.filter_map(|table| table.split_once(": &[").map(|(name, _)| name))
    });
    let names: Vec<_> = names.collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        assert!(lists.contains(&format!("words::{name},")), "{name}");
    }
}

#[test]
fn every_head_is_read_as_the_first_word_of_its_line() {
    assert!(lists::heads().len() > 40);
    for word in lists::heads() {
        assert_eq!(first_word(&format!("{word}\n")).as_deref(), Some(word));
        let name = name(word);
        assert_eq!(
            first_word(&format!("{word} {name} {{\n}}\n")).as_deref(),
            Some(word)
        );
    }
}

#[test]
fn every_option_is_read_as_a_word_of_a_line() {
    assert!(lists::options().len() > 20);
    for word in lists::options() {
        assert_eq!(misshapen(&format!("a {word} 5\n")), [""; 0], "{word}");
    }
}

#[test]
fn reserved_words_are_those_of_the_grammar_and_no_names() {
    let listed: BTreeSet<_> = lists::reserved().collect();
    assert_eq!(listed, reserved());
    for word in listed {
        let text = format!("when {word} > 5\n");
        assert_eq!(misshapen(&text), ["mux::syntax::unreadable"], "{text}");
    }
    for word in lists::heads().into_iter().chain(lists::options()) {
        assert_eq!(misshapen(&format!("when {word} > 5\n")), [""; 0], "{word}");
    }
}

#[test]
fn declarations_are_those_that_the_grammar_reads_on_at() {
    let (line, block) = lists::declarations();
    assert!(!line.is_empty() && !block.is_empty());
    let inside = |line: &str| misshapen(&format!("other {{\n{line}\n}}\n"));
    for word in &line {
        assert_ne!(inside(&format!("{word} a")), [""; 0], "{word}");
    }
    for word in &block {
        let name = name(word);
        assert_ne!(inside(&format!("{word} {name} {{ }}")), [""; 0], "{word}");
        assert_eq!(inside(&format!("{word} {name}")), [""; 0], "{word}");
    }
    let others = lists::heads().into_iter();
    for word in others.filter(|word| !line.contains(word) && !block.contains(word)) {
        assert_eq!(inside(&format!("{word} a {{ }}")), [""; 0], "{word}");
    }
}

#[test]
fn every_snippet_is_a_line_that_can_be_read() {
    for entry in lists::entries() {
        let body = snippets::body(entry);
        let filled = filled(&body);
        assert_eq!(misshapen(&filled), [""; 0], "{body:?} gives {filled:?}");
        assert_eq!(first_word(&filled).as_deref(), Some(entry.word), "{filled}");
    }
}

/// A snippet as it is left when nothing is typed: stops give their text, or `a`; choices their first.
fn filled(body: &str) -> String {
    let letter = if body.starts_with("set ") {
        "\"a\""
    } else {
        "a"
    };
    let mut parts = body.split("${");
    let mut text = parts.next().unwrap_or_default().replace("\\$", "$");
    for part in parts {
        let (stop, rest) = part.split_once('}').expect("a stop ends");
        let inner = stop.trim_start_matches(|c: char| c.is_ascii_digit());
        let default = match inner.strip_prefix('|') {
            Some(choices) => choices.split([',', '|']).next().unwrap_or_default(),
            None => inner.trim_start_matches(':'),
        };
        text.push_str(match default {
            "" => letter,
            "N" => "5",
            other => other,
        });
        text.push_str(&rest.replace("\\$", "$"));
    }
    text
}

#[test]
fn no_two_files_have_one_path() {
    let files = files();
    let paths: BTreeSet<_> = files.iter().map(|file| &file.path).collect();
    assert_eq!(paths.len(), files.len());
}
