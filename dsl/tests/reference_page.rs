//! The reference page says what the tables say, and every example on it stands in a file that checks.

use mux_dsl::reference::{Missing, page};
use std::fs;
use std::path::Path;

/// Files whose lines are the examples: none of them has an error.
const SHOWN: [&str; 7] = [
    "reference/fleet.mux",
    "reference/production.mux",
    "reference/assistant.mux",
    "reference/production_test.mux",
    "reference/replay_test.mux",
    "reference/seed.mux",
    "reference/everything.mux",
];

fn tests() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

#[test]
fn the_page_is_up_to_date_and_every_statement_has_an_example() {
    let mut read = |name: &str| fs::read(tests().join(name)).map_err(|e| e.to_string());
    let (text, missing) = page(&SHOWN, &mut read);
    assert_eq!(
        missing,
        Missing::default(),
        "add a line for each to dsl/tests/reference/everything.mux"
    );
    let at = Path::new(env!("CARGO_MANIFEST_DIR")).join("REFERENCE.md");
    if std::env::var_os("MUX_UPDATE").is_some() {
        fs::write(&at, &text).expect("the page can be written");
    }
    let kept = fs::read_to_string(&at).unwrap_or_default();
    assert!(
        kept == text,
        "REFERENCE.md is stale: run this test with MUX_UPDATE=1"
    );
}

#[test]
fn every_file_that_examples_come_from_checks() {
    for name in SHOWN {
        let mut read = |name: &str| fs::read(tests().join(name)).map_err(|e| e.to_string());
        let compiled = mux_dsl::compile_forced(&[name], &mut read, &|_| true);
        let shown = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
        assert!(compiled.image.is_some(), "{name}\n{shown}");
    }
}
