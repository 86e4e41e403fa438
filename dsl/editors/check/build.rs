//! Compiles the parser that editors get.

const SOURCES: [&str; 2] = ["parser.c", "scanner.c"];
const HEADERS: [&str; 2] = ["declarations.h", "tree_sitter/parser.h"];

fn main() {
    let folder = "../tree-sitter-mux/src";
    let files = SOURCES.map(|file| format!("{folder}/{file}"));
    for file in HEADERS
        .map(|file| format!("{folder}/{file}"))
        .iter()
        .chain(&files)
    {
        println!("cargo::rerun-if-changed={file}");
    }
    cc::Build::new()
        .include(folder)
        .files(&files)
        .std("c11")
        .warnings(true)
        .warnings_into_errors(true)
        .flag_if_supported("-Wno-unused-parameter")
        .compile("tree-sitter-mux");
}
