//! The trees that `tree-sitter-mux/test/corpus` shows are those that the parser makes. `MUX_UPDATE=1` writes them.

use mux_editors_check::{folder, tree};
use std::fmt::Write;
use std::{env, fs};

/// One case: its name, its text, and the tree it should have.
struct Case<'f> {
    name: &'f str,
    text: &'f str,
    tree: &'f str,
}

fn cases(file: &str) -> Vec<Case<'_>> {
    let (double, single) = (format!("{}\n", "=".repeat(80)), "-".repeat(80));
    let mut parts = file.split(double.as_str()).skip(1);
    let mut cases = Vec::new();
    while let (Some(name), Some(case)) = (parts.next(), parts.next()) {
        let (text, tree) = case
            .split_once(&format!("\n{single}\n"))
            .expect("a line of dashes stands between text and tree");
        cases.push(Case {
            name: name.trim(),
            text,
            tree: tree.trim(),
        });
    }
    cases
}

/// A tree with a line per node.
fn lines(tree: &str) -> String {
    let mut text = String::new();
    let mut depth = 0;
    let mut chars = tree.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            // A character that was not expected, which may be a parenthesis.
            '\'' => {
                text.push(c);
                let end = chars.position(|c| {
                    text.push(c);
                    c == '\''
                });
                assert!(end.is_some(), "{tree}");
            }
            '(' => {
                depth += 1;
                text.push(c);
            }
            ')' => {
                depth -= 1;
                text.push(c);
            }
            ' ' if !text.ends_with([':', 'G', 'D']) => {
                text.push('\n');
                text.push_str(&"  ".repeat(depth));
            }
            other => text.push(other),
        }
    }
    text
}

#[test]
fn every_case_of_the_corpus_has_the_tree_beside_it() {
    let mut count = 0;
    for entry in fs::read_dir(folder("dsl/editors/tree-sitter-mux/test/corpus")).expect("cases") {
        let path = entry.expect("an entry").path();
        let file = fs::read_to_string(&path).expect("a text");
        let (double, single) = ("=".repeat(80), "-".repeat(80));
        let mut written = Vec::new();
        for Case {
            name,
            text,
            tree: expected,
        } in cases(&file)
        {
            let found = lines(&tree(text).root_node().to_sexp());
            if env::var_os("MUX_UPDATE").is_none() {
                assert_eq!(found, expected, "{}: {name}", path.display());
            }
            let mut case = String::new();
            writeln!(
                case,
                "{double}\n{name}\n{double}\n{text}\n{single}\n\n{found}"
            )
            .expect("a string takes text");
            written.push(case);
            count += 1;
        }
        if env::var_os("MUX_UPDATE").is_some() {
            fs::write(&path, written.join("\n")).expect("a file can be written");
        }
    }
    assert!(count > 15, "{count} cases were found");
}
