//! Queries over the trees of tree-sitter: what is coloured, folded, indented and outlined.

use super::lists;
use std::collections::BTreeSet;

/// An editor, as far as its names for things go.
#[derive(Clone, Copy)]
enum Editor {
    /// The grammar's own, which are those of Neovim.
    Standard,
    Helix,
    Zed,
}

/// What a pattern finds. No node is found by two of them, since editors differ in which one then wins.
const PATTERNS: [(&str, [&str; 3]); 17] = [
    ("(comment) @", ["comment"; 3]),
    ("(string) @", ["string"; 3]),
    (
        "(escape) @",
        [
            "string.escape",
            "constant.character.escape",
            "string.escape",
        ],
    ),
    (
        "[(quantity) (clock) (date)] @",
        ["number", "constant.numeric", "number"],
    ),
    ("(alias) @", ["function"; 3]),
    (
        "(statement head: (name) @\n  (#any-of? @HEADS))",
        ["keyword"; 3],
    ),
    ("(action) @", ["keyword", "keyword.control", "keyword"]),
    (
        "[\"when\" \"where\" \"else\" \"expect\"] @",
        [
            "keyword.conditional",
            "keyword.control.conditional",
            "keyword",
        ],
    ),
    (
        "[\"and\" \"or\" \"not\" \"is\" \"in\" \"of\" \"has\" \"can\" \"matches\" \"starts\" \"with\"] @",
        ["keyword.operator", "keyword.operator", "operator"],
    ),
    ("[\">=\" \"<=\" \">\" \"<\"] @", ["operator"; 3]),
    (
        "(statement argument: (name) @\n  (#any-of? @OPTIONS))",
        ["property", "variable.other.member", "property"],
    ),
    (
        "(statement argument: (name) @\n  (#match? @ \"/\"))",
        ["type"; 3],
    ),
    (
        "(test subject: (name) @)",
        ["variable.builtin", "variable.builtin", "variable.special"],
    ),
    (
        "(metric figure: (name) @)",
        ["variable.builtin", "variable.builtin", "variable.special"],
    ),
    (
        "(presence (name) @)",
        ["variable.builtin", "variable.builtin", "variable.special"],
    ),
    ("[\"{\" \"}\" \"(\" \")\"] @", ["punctuation.bracket"; 3]),
    ("[\"|\" \"-\"] @", ["punctuation.delimiter"; 3]),
];

/// Every query of every editor: its path and its text.
pub(super) fn queries() -> Vec<(String, String)> {
    let standard = [
        ("highlights", highlights(Editor::Standard)),
        ("folds", query("(block) @fold")),
        (
            "indents",
            query("[(block) (group)] @indent.begin\n\n[\"}\" \")\"] @indent.branch @indent.end"),
        ),
    ];
    let helix = [
        ("highlights", highlights(Editor::Helix)),
        (
            "indents",
            query("[(block) (group)] @indent\n\n[\"}\" \")\"] @outdent"),
        ),
        (
            "textobjects",
            query(
                "(block) @class.inside\n\n(source_file (statement (block)) @class.around)\n\n(comment) @comment.inside",
            ),
        ),
    ];
    let zed = [
        ("highlights", highlights(Editor::Zed)),
        (
            "indents",
            query("(block \"}\" @end) @indent\n\n(group \")\" @end) @indent"),
        ),
        (
            "brackets",
            query("(\"{\" @open \"}\" @close)\n\n(\"(\" @open \")\" @close)"),
        ),
        (
            "outline",
            query(
                "(source_file\n  (statement\n    head: (name) @context\n    .\n    argument: (_) @name) @item)",
            ),
        ),
    ];
    let folders: [(&str, &[(&str, String)]); 4] = [
        ("tree-sitter-mux/queries", &standard),
        ("neovim/queries/mux", &standard),
        ("helix/queries/mux", &helix),
        ("zed/languages/mux", &zed),
    ];
    let queries = folders.iter().flat_map(|(folder, queries)| {
        let path =
            move |(name, text): &(&str, String)| (format!("{folder}/{name}.scm"), text.clone());
        queries.iter().map(path)
    });
    queries.collect()
}

fn highlights(editor: Editor) -> String {
    let heads = quoted(&lists::heads());
    let options = quoted(&lists::options());
    let patterns: Vec<_> = PATTERNS
        .iter()
        .map(|(pattern, [standard, helix, zed])| {
            let name = match editor {
                Editor::Standard => standard,
                Editor::Helix => helix,
                Editor::Zed => zed,
            };
            pattern
                .replace('@', &format!("@{name}"))
                .replace("HEADS", &heads)
                .replace("OPTIONS", &options)
        })
        .collect();
    query(&patterns.join("\n\n"))
}

fn query(patterns: &str) -> String {
    format!(
        "; Made from dsl/src/words.rs and dsl/src/editor/queries.rs; do not edit.\n\n{patterns}\n"
    )
}

/// Words as arguments of a predicate, a line per letter.
fn quoted(words: &BTreeSet<&str>) -> String {
    let mut text = String::new();
    let mut letter = None;
    for word in words {
        let first = word.chars().next();
        text.push_str(if first == letter { " " } else { "\n    " });
        letter = first;
        text.push('"');
        text.push_str(word);
        text.push('"');
    }
    text
}
