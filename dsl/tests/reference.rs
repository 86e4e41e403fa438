//! The reference files of the language: what checks clean, and what is diagnosed.
#![expect(
    clippy::expect_used,
    clippy::format_push_string,
    reason = "test helpers fail loudly and build texts plainly"
)]

use mux_dsl::{Answer, Compiled, Severity, compile, compile_forced, render};
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference")
}

fn compiled(name: &str) -> Compiled {
    let mut read =
        |path: &str| fs::read(folder().join(path)).map_err(|_| "there is no such file".to_owned());
    compile(&[name], &mut read, &|_| true)
}

fn shown(compiled: &Compiled) -> String {
    render(&compiled.diagnostics, &compiled.sources, false)
}

/// The names of the `.mux` files of a folder.
fn files(sub: &str) -> Vec<String> {
    let entries = fs::read_dir(folder().join(sub)).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut names: Vec<String> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "mux"))
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names
}

#[test]
fn every_reference_file_checks_clean() {
    let names = files("");
    assert!(names.len() >= 6, "{names:?}");
    for name in names {
        let compiled = compiled(&name);
        let errors = compiled
            .diagnostics
            .iter()
            .filter(|d| d.severity == Severity::Error);
        let codes: Vec<_> = errors.map(|d| d.code).collect();
        // One of its guarantees is wrong on purpose.
        let expected: &[&str] = if name == "production_test.mux" {
            &["mux::guarantee::refuted"]
        } else {
            &[]
        };
        assert_eq!(codes, expected, "{name}:\n{}", shown(&compiled));
        assert_eq!(compiled.image.is_some(), expected.is_empty(), "{name}");
    }
}

/// Name and answer of every guarantee of some files, as one bundle.
fn proofs(names: &[&str]) -> Vec<(String, Answer)> {
    let mut read =
        |path: &str| fs::read(folder().join(path)).map_err(|_| "there is no such file".to_owned());
    let compiled = compile_forced(names, &mut read, &|_| true);
    let image = compiled
        .image
        .expect("a broken promise stops nothing when forced");
    image
        .proofs
        .into_iter()
        .map(|p| (p.name, p.verdict))
        .collect()
}

#[test]
fn what_holds_in_production_is_proved_and_what_only_looks_so_is_refuted() {
    let [(eu, proved), (free, refuted)] = &proofs(&["production_test.mux"])[..] else {
        panic!("there are two guarantees");
    };
    assert_eq!(
        (eu.as_str(), proved),
        ("EU data stays in the EU", &Answer::Proved)
    );
    assert_eq!(
        free,
        "free tier never pays frontier prices inside its budget"
    );
    assert!(matches!(refuted, Answer::Refuted(_)), "{refuted:?}");
}

#[test]
fn a_policy_that_forgets_residency_breaks_the_promise_about_it() {
    let all = proofs(&["production_test.mux", "assistant.mux"]);
    let Some((_, Answer::Refuted(example))) = all.first() else {
        panic!("{all:?}");
    };
    assert_eq!(
        example.test,
        "test \"counterexample: EU data stays in the EU\" {\n  given model @assistant\n  given tag.experiment \"tone\"\n  given tag.residency \"eu\"\n  expect region is eu\n}\n"
    );
}

#[test]
fn the_reference_files_get_the_warnings_they_deserve() {
    let mut text = String::new();
    for name in files("") {
        text.push_str(&format!("=== {name}\n{}\n", shown(&compiled(&name))));
    }
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("reference_warnings", text);
    });
}

#[test]
fn every_bad_file_is_diagnosed_and_shows_no_key() {
    let names = files("bad");
    assert!(names.len() >= 5, "{names:?}");
    for name in names {
        let compiled = compiled(&format!("bad/{name}"));
        assert!(compiled.image.is_none(), "{name}");
        let text = shown(&compiled);
        for key in ["sk-proj-aaaa", "sk-live-0123"] {
            assert!(!text.contains(key), "{name}:\n{text}");
        }
        let label = name.trim_end_matches(".mux");
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("reference_bad_{label}"), text);
        });
    }
}

#[test]
fn the_demo_of_the_design_shows_its_ten_problems() {
    let compiled = compiled("bad/z_demo.mux");
    let mut codes: Vec<_> = compiled.diagnostics.iter().map(|d| d.code).collect();
    codes.sort_unstable();
    for code in [
        "mux::syntax::precedence",
        "mux::name::model",
        "mux::unit::unknown",
        "mux::secret::literal",
    ] {
        assert!(codes.contains(&code), "{codes:?}");
    }
}
