//! What was generated from the grammar is what the grammar makes today. `MUX_UPDATE=1` writes it.

use mux_editors_check::folder;
use std::path::Path;
use std::process::Command;
use std::{env, fs};
use tree_sitter_generate::{OptLevel, generate_parser_in_directory};

const GRAMMAR: &str = "dsl/editors/tree-sitter-mux";
/// The version of parsers that Helix, Neovim and Zed load, and the first that knows reserved words.
const ABI: usize = 15;
const MADE: [&str; 5] = [
    "parser.c",
    "node-types.json",
    "tree_sitter/alloc.h",
    "tree_sitter/array.h",
    "tree_sitter/parser.h",
];

/// Makes everything from `source` anew, below `made`.
fn generate(source: &Path, made: &Path) {
    let mut warnings = Vec::new();
    generate_parser_in_directory(
        folder(GRAMMAR),
        Some(made),
        Some(source),
        ABI,
        None,
        Some("node"),
        true,
        OptLevel::default(),
        &mut warnings,
    )
    .unwrap_or_else(|error| panic!("{error}"));
    assert!(warnings.is_empty(), "{warnings:?}");
}

fn compare(file: &str, made: &Path) {
    let path = folder(GRAMMAR).join("src").join(file);
    let made = fs::read_to_string(made.join(file)).expect("it was made");
    if env::var_os("MUX_UPDATE").is_some() {
        fs::write(&path, &made).expect("a file can be written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == made,
        "{} is stale: run this test with `MUX_UPDATE=1`, then all of them again",
        path.display()
    );
}

#[test]
fn the_parser_is_the_one_that_the_grammar_makes() {
    let made = tempfile::tempdir().expect("a folder");
    let node = Command::new("node").arg("--version").output();
    if node.is_ok_and(|node| node.status.success()) {
        generate(&folder(GRAMMAR).join("grammar.js"), made.path());
        compare("grammar.json", made.path());
    } else {
        println!("there is no node here: grammar.json is not held to grammar.js");
        generate(&folder(GRAMMAR).join("src/grammar.json"), made.path());
    }
    for file in MADE {
        compare(file, made.path());
    }
}
