//! The queries of every editor: each can be compiled, and what they find is what the words mean.

use mux_editors_check::{folder, language, texts, tree};
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use tree_sitter::{Query, QueryCursor, StreamingIterator};

/// Colours of a text: what each node that has one is called, by where it stands.
fn colours(query: &Query, text: &str) -> Vec<(String, String)> {
    let tree = tree(text);
    let mut cursor = QueryCursor::new();
    let mut found = cursor.captures(query, tree.root_node(), text.as_bytes());
    let mut colours = Vec::new();
    let mut seen = HashMap::new();
    while let Some((matched, at)) = found.next() {
        let capture = matched.captures()[*at];
        let name = query.capture_names()[capture.index as usize].to_owned();
        let word = text[capture.node.byte_range()].to_owned();
        if let Some(other) = seen.insert(capture.node.id(), name.clone()) {
            panic!("`{word}` is both {other} and {name}");
        }
        colours.push((word, name));
    }
    colours
}

fn query(path: &str) -> Query {
    let text = fs::read_to_string(folder("dsl/editors").join(path)).expect("a query");
    Query::new(&language(), &text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

const HIGHLIGHTS: [&str; 4] = [
    "tree-sitter-mux/queries/highlights.scm",
    "neovim/queries/mux/highlights.scm",
    "helix/queries/mux/highlights.scm",
    "zed/languages/mux/highlights.scm",
];

#[test]
fn every_query_of_every_editor_goes_with_the_grammar() {
    let mut count = 0;
    for file in mux_dsl::editor::files() {
        if Path::new(&file.path)
            .extension()
            .is_some_and(|e| e == "scm")
        {
            query(&file.path);
            count += 1;
        }
    }
    assert!(count > 10, "{count} queries were found");
}

#[test]
fn no_word_has_two_colours_so_that_no_editor_has_to_choose() {
    for path in HIGHLIGHTS {
        let query = query(path);
        for (_, text) in texts() {
            colours(&query, &text);
        }
    }
}

#[test]
fn words_have_the_colours_of_what_they_do() {
    let text = "policy @a {\n  when p95 of b/c > 4s or has images\n    use b/c timeout 20s # now\n  | - | \"x\\n\" |\n}\n";
    let expected = [
        ("policy", "keyword"),
        ("@a", "function"),
        ("{", "punctuation.bracket"),
        ("when", "keyword.conditional"),
        ("p95", "variable.builtin"),
        ("of", "keyword.operator"),
        (">", "operator"),
        ("4s", "number"),
        ("or", "keyword.operator"),
        ("has", "keyword.operator"),
        ("images", "variable.builtin"),
        ("use", "keyword"),
        ("b/c", "type"),
        ("timeout", "property"),
        ("20s", "number"),
        ("# now", "comment"),
        ("|", "punctuation.delimiter"),
        ("-", "punctuation.delimiter"),
        ("|", "punctuation.delimiter"),
        ("\"x\\n\"", "string"),
        ("\\n", "string.escape"),
        ("|", "punctuation.delimiter"),
        ("}", "punctuation.bracket"),
    ];
    let found = colours(&query(HIGHLIGHTS[0]), text);
    let found: Vec<_> = found
        .iter()
        .map(|(w, c)| (w.as_str(), c.as_str()))
        .collect();
    assert_eq!(found, expected);
}
