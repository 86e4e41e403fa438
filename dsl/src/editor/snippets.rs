//! Snippets for VS Code: the form of every line, with its parts to fill in.

use super::lists;
use crate::words::{Body, Entry};
use serde_json::{Map, Value, json};

/// One snippet a form.
pub(super) fn snippets() -> String {
    let mut snippets = Map::new();
    for entry in lists::entries() {
        let body = body(entry);
        let lines: Vec<_> = body.split('\n').collect();
        let snippet = json!({ "prefix": entry.word, "body": lines, "description": entry.doc });
        snippets.insert(entry.form.to_owned(), snippet);
    }
    format!("{:#}\n", Value::Object(snippets))
}

/// A line as a snippet: the first alternative of its form without what may be left out, a stop for every part to fill in,
/// and an empty block where there must be one.
pub(super) fn body(entry: &Entry) -> String {
    if let Some((before, choices)) = choices(entry.form) {
        return format!("{before}${{1|{}|}}", choices.join(","));
    }
    let again = format!(" or {} ", entry.word);
    let form = entry.form.split(&again).next().unwrap_or(entry.form);
    let form = form.split(" | ").next().unwrap_or(form);
    let block = form.contains(" {") || matches!(entry.block, Body::Must(_));
    let line = form.split(" {").next().unwrap_or(form);
    let mut stops = Stops::default();
    stops.fill(once(without_optional(line).trim_end()));
    if block {
        stops.body.push_str(" {\n\t");
        stops.stop("");
        stops.body.push_str("\n}");
    }
    stops.body
}

/// What stands before a choice between plain words, and these words, where a form is one.
fn choices(form: &str) -> Option<(&str, Vec<&str>)> {
    let (first, _) = form.split_once(" | ")?;
    let start = first.rfind(' ')? + 1;
    let (before, words) = form.split_at_checked(start)?;
    let words: Vec<_> = words.split(" | ").collect();
    let plain = |word: &&str| word.bytes().all(|b| b.is_ascii_lowercase());
    words.iter().all(plain).then_some((before, words))
}

/// A form without the `…` that says that its last part may be repeated.
fn once(form: &str) -> &str {
    let part = form
        .strip_suffix(" …")
        .filter(|rest| rest.ends_with(char::is_uppercase));
    part.unwrap_or(form)
}

/// A form without its parts in brackets.
fn without_optional(form: &str) -> String {
    let mut depth = 0_usize;
    let mut kept = String::new();
    for c in form.chars() {
        match c {
            '[' => {
                depth += 1;
                kept.truncate(kept.trim_end().len());
            }
            ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 => kept.push(c),
            _ => {}
        }
    }
    kept
}

/// A snippet in the making.
#[derive(Default)]
struct Stops {
    body: String,
    last: usize,
}

impl Stops {
    fn fill(&mut self, form: &str) {
        let mut chars = form.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                'A'..='Z' => {
                    let mut name = String::from(c);
                    while let Some(c) = chars.next_if(|c| c.is_ascii_alphabetic() || *c == '_') {
                        name.push(c);
                    }
                    self.name(&name);
                }
                '…' => self.stop(""),
                '$' => self.body.push_str("\\$"),
                other => self.body.push(other),
            }
        }
    }

    /// A part to fill in, or a word such as `Mtok`.
    fn name(&mut self, name: &str) {
        if name.bytes().any(|b| b.is_ascii_lowercase()) {
            self.body.push_str(name);
        } else {
            self.stop(name);
        }
    }

    fn stop(&mut self, text: &str) {
        self.last += 1;
        let stop = match text {
            "" => format!("${{{}}}", self.last),
            text => format!("${{{}:{text}}}", self.last),
        };
        self.body.push_str(&stop);
    }
}
