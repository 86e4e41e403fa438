//! What people see: every case under `cases/` with the diagnostics it gets.
#![expect(
    clippy::expect_used,
    clippy::format_push_string,
    reason = "test helpers fail loudly and build texts plainly"
)]

use std::fs;
use std::path::Path;

/// Compiles `dsl/tests/cases/NAME.mux` with everything it includes; every kind but `nosuchkind` is loaded.
fn compiled(name: &str) -> mux_dsl::Compiled {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut read =
        |path: &str| fs::read(folder.join(path)).map_err(|_| "there is no such file".to_owned());
    mux_dsl::compile(&[name], &mut read, &|kind| kind != "nosuchkind")
}

fn cases() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let entries = fs::read_dir(folder).expect("the folder of cases is there");
    let names = entries.map(|e| {
        e.expect("an entry")
            .file_name()
            .to_string_lossy()
            .into_owned()
    });
    let mut names: Vec<_> = names
        .filter(|n| Path::new(n).extension().is_some_and(|e| e == "mux"))
        .collect();
    names.sort();
    names
}

#[test]
fn every_case_gets_the_diagnostics_beside_it() {
    for name in cases() {
        let compiled = compiled(&name);
        let text = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
        let shown = format!(
            "image: {}\n\n{text}",
            if compiled.image.is_some() {
                "yes"
            } else {
                "no"
            }
        );
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name.trim_end_matches(".mux"), shown);
        });
    }
}

#[test]
fn there_is_an_image_exactly_when_there_is_no_error() {
    for name in cases() {
        let compiled = compiled(&name);
        let failed = compiled
            .diagnostics
            .iter()
            .any(|d| d.severity == mux_dsl::Severity::Error);
        assert_eq!(compiled.image.is_none(), failed, "{name}");
    }
}

#[test]
fn every_label_points_into_its_file() {
    for name in cases() {
        let compiled = compiled(&name);
        for label in compiled.diagnostics.iter().flat_map(|d| &d.labels) {
            let text = compiled
                .sources
                .shown(&label.file)
                .expect("a file that was read");
            let (start, end) = label.span;
            assert!(
                start <= end && text.get(start..end).is_some(),
                "{name}: {label:?}"
            );
            let line = text.split_at(start).0.matches('\n').count() + 1;
            assert_eq!(usize::try_from(label.line), Ok(line), "{name}: {label:?}");
        }
    }
}

#[test]
fn no_secret_of_the_cases_is_ever_shown() {
    let planted = [
        "Zm9vYmFyYmF6cXV4MTIz",
        "hunter2hunter",
        "correct horse",
        "plain words",
        "9aF3kLm0Qz81",
        "AKIAABCDEF",
        "0f1e2d3c4b5a",
    ];
    for name in cases() {
        let compiled = compiled(&name);
        let mut shown = mux_dsl::render(&compiled.diagnostics, &compiled.sources, true);
        shown.push_str(
            &serde_json::to_string(&compiled.diagnostics).expect("diagnostics are plain data"),
        );
        shown.push_str(&format!(
            "{:?} {:?}",
            compiled.diagnostics, compiled.sources
        ));
        for secret in planted {
            assert!(!shown.contains(secret), "{name} shows {secret}");
        }
    }
}
