//! The table of codes says what is true: every code of the sources, and examples that get what they are said to get.
#![expect(clippy::expect_used, reason = "test helpers fail loudly")]

use mux_dsl::codes::{self, Code};
use mux_dsl::{Compiled, Severity};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The codes that the sources of the crate can emit: string literals that begin with `mux::`.
fn emitted() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            let name = path.file_stem().map(|n| n.to_string_lossy().into_owned());
            if name.as_deref() == Some("codes") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).expect("a source");
                let rests = text.split("\"mux::").skip(1);
                found.extend(
                    rests
                        .filter_map(|rest| rest.split('"').next())
                        .map(|c| format!("mux::{c}")),
                );
            }
        }
    }
    // What codes begin with is no code.
    found.retain(|code| code.split("::").count() == 3 && !code.ends_with(':'));
    found
}

fn example(text: &str) -> Compiled {
    let mut read = |path: &str| match path {
        "example.mux" => Ok(text.as_bytes().to_vec()),
        "fleet.mux" => Ok(codes::FLEET.as_bytes().to_vec()),
        "quality.md" => Ok(b"Score 0 to 1: is the answer right?\n".to_vec()),
        "blocked.txt" => Ok(b"eve@corp.example\n".to_vec()),
        "photo.png" => Ok(vec![0x89, b'P', b'N', b'G', 0, 0]),
        "everyone.txt" => Ok(b"someone@corp.example\n".repeat(60_000)),
        _ => Err("there is no such file".to_owned()),
    };
    let kinds = ["openai", "openai-compatible", "anthropic"];
    mux_dsl::compile(&["example.mux"], &mut read, &|kind| kinds.contains(&kind))
}

fn got(compiled: &Compiled) -> String {
    mux_dsl::render(&compiled.diagnostics, &compiled.sources, false)
}

#[test]
fn every_code_that_can_be_emitted_is_explained_and_no_other() {
    let explained: Vec<&str> = codes::all().map(|c| c.code).collect();
    let once: BTreeSet<String> = explained.iter().map(ToString::to_string).collect();
    assert_eq!(explained.len(), once.len(), "a code is explained twice");
    let emitted = emitted();
    assert!(emitted.len() > 80, "the sources were not read: {emitted:?}");
    let unexplained: Vec<_> = emitted.difference(&once).collect();
    assert!(
        unexplained.is_empty(),
        "add an entry, with a wrong and a right example, to a file in dsl/src/codes for {unexplained:?}"
    );
    let vanished: Vec<_> = once.difference(&emitted).collect();
    assert!(
        vanished.is_empty(),
        "nothing emits {vanished:?}: delete the entries in dsl/src/codes"
    );
}

#[test]
fn every_wrong_example_gets_its_code() {
    for Code {
        code,
        severity,
        wrong,
        ..
    } in codes::all()
    {
        let compiled = example(wrong);
        let hit = compiled.diagnostics.iter().find(|d| d.code == *code);
        let found = hit.map(|d| d.severity);
        assert_eq!(
            found,
            Some(*severity),
            "{code}:\n{wrong}\n{}",
            got(&compiled)
        );
    }
}

#[test]
fn every_wrong_example_has_one_cause() {
    for Code { code, wrong, .. } in codes::all() {
        if *code == "mux::file::more" {
            continue;
        }
        let compiled = example(wrong);
        let others = compiled
            .diagnostics
            .iter()
            .filter(|d| d.severity == Severity::Error && d.code != *code);
        assert_eq!(others.count(), 0, "{code}:\n{wrong}\n{}", got(&compiled));
    }
}

#[test]
fn every_right_example_loads_without_the_code() {
    for Code { code, right, .. } in codes::all() {
        let compiled = example(right);
        let fine = compiled.image.is_some() && compiled.diagnostics.iter().all(|d| d.code != *code);
        assert!(fine, "{code}:\n{right}\n{}", got(&compiled));
    }
}

#[test]
fn every_explanation_can_be_read_in_one_go() {
    for code in codes::all() {
        let lines: Vec<&str> = code.explanation.lines().collect();
        assert!(
            (2..=10).contains(&lines.len()),
            "{}: {} lines",
            code.code,
            lines.len()
        );
        for line in lines {
            let wide = line.chars().count();
            assert!(
                wide > 0 && wide <= 96 && line.trim() == line,
                "{}: `{line}`",
                code.code
            );
        }
        let title = code.title;
        assert!(
            !title.is_empty() && title.len() <= 72 && !title.ends_with('.'),
            "{}: `{title}`",
            code.code
        );
        assert!(code.wrong != code.right, "{}", code.code);
    }
}

#[test]
fn a_code_is_found_by_either_name_and_a_misspelt_one_by_what_is_close() {
    let unreachable = codes::find("mux::rule::unreachable").expect("a code");
    assert_eq!(codes::find("rule::unreachable"), Some(unreachable));
    assert_eq!(codes::find("rule::unreachble"), None);
    for near in ["rule::unreachble", "mux::rule::unreachble", "unreachable"] {
        assert_eq!(codes::closest(near), Some(unreachable), "{near}");
    }
    assert_eq!(codes::closest("nothing like it"), None);
}
