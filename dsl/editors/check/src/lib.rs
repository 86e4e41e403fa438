//! The tree-sitter grammar as compiled for editors, and the texts of the project to hold it to the language with.

use std::fs;
use std::path::{Path, PathBuf};
use tree_sitter::{Language, Node, Parser, Tree};
use tree_sitter_language::LanguageFn;

/// Folders that hold no sources of the project.
const NOT_SOURCES: [&str; 6] = [
    "target",
    ".git",
    ".mux",
    "node_modules",
    "corpus",
    "artifacts",
];

/// The language as editors load it.
#[must_use]
pub fn language() -> Language {
    #[expect(unsafe_code, reason = "the parser is C, as tree-sitter writes it")]
    let parser = unsafe {
        unsafe extern "C" {
            fn tree_sitter_mux() -> *const ();
        }
        LanguageFn::from_raw(tree_sitter_mux)
    };
    parser.into()
}

/// The tree of a text, with whatever is wrong in it.
///
/// # Panics
///
/// Panics if the compiled parser does not go with the library.
#[must_use]
pub fn tree(text: &str) -> Tree {
    let mut parser = Parser::new();
    parser
        .set_language(&language())
        .expect("the library reads parsers of this version");
    parser
        .parse(text, None)
        .expect("nothing stops a parse that has no time limit")
}

/// Whether something is wrong in a tree: an error, a missing token, or a block without its `}`.
#[must_use]
pub fn is_faulty(root: Node<'_>) -> bool {
    let mut unclosed = false;
    each(root, &mut |node| unclosed |= node.kind() == "unclosed");
    unclosed || root.has_error()
}

/// Every node below and including one, in textual order.
pub fn each<'t>(node: Node<'t>, visit: &mut impl FnMut(Node<'t>)) {
    visit(node);
    let mut cursor = node.walk();
    for child in node.children(&mut cursor) {
        each(child, visit);
    }
}

/// A folder of the project, from its root.
#[must_use]
pub fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../..")
        .join(path)
}

/// Every text of the project that is written in the language: files, and what stands between "```mux" and "```" in
/// documents; by where it was found.
#[must_use]
pub fn texts() -> Vec<(String, String)> {
    let mut texts = Vec::new();
    walk(&folder(""), &mut texts);
    texts.sort();
    texts
}

fn walk(folder: &Path, texts: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder of the project can be read") {
        let entry = entry.expect("an entry");
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if !NOT_SOURCES.iter().any(|skipped| name == *skipped) {
                walk(&path, texts);
            }
            continue;
        }
        let place = path.display().to_string();
        match path.extension().and_then(|e| e.to_str()) {
            Some("mux") => texts.extend(read(&path).map(|text| (place, text))),
            Some("md") => texts.extend(read(&path).iter().flat_map(|text| fenced(&place, text))),
            _ => {}
        }
    }
}

/// Text of a file; files that are no text are about how those are refused.
fn read(path: &Path) -> Option<String> {
    String::from_utf8(fs::read(path).ok()?).ok()
}

fn fenced(place: &str, document: &str) -> Vec<(String, String)> {
    let parts = document.split("```mux\n").skip(1).enumerate();
    parts
        .map(|(at, part)| {
            let text = part.split("```").next().unwrap_or_default();
            (format!("{place}, example {}", at + 1), text.to_owned())
        })
        .collect()
}
