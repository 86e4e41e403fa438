//! Files as people write them before they have read any grammar, each with what mux says to it.
//!
//! `MUX_ACCEPT=1` writes what mux says now beside each file; read the difference before it is committed.
#![expect(clippy::expect_used, reason = "test helpers fail loudly")]

use mux_dsl::{Compiled, Severity, codes};
use std::fs;
use std::path::{Path, PathBuf};

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/newcomer");
    let entries = fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|e| e.expect("an entry").path());
    let mut paths: Vec<_> = paths
        .filter(|p| p.extension().is_some_and(|e| e == "mux"))
        .collect();
    paths.sort();
    paths
}

fn compiled(path: &Path) -> Compiled {
    let name = path.file_name().expect("a name").to_string_lossy();
    let mut read = |file: &str| match file {
        "fleet.mux" => Ok(codes::FLEET.as_bytes().to_vec()),
        file if file == name => Ok(fs::read(path).expect("a file")),
        _ => Err("there is no such file".to_owned()),
    };
    mux_dsl::compile(&[&*name], &mut read, &|_| true)
}

#[test]
fn every_file_gets_what_stands_beside_it() {
    let mut wrong = Vec::new();
    for path in files() {
        let compiled = compiled(&path);
        let said = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
        let beside = path.with_extension("txt");
        if std::env::var_os("MUX_ACCEPT").is_some() {
            fs::write(&beside, &said).expect("a file beside");
        }
        let known = fs::read_to_string(&beside).unwrap_or_default();
        if known != said {
            wrong.push(format!("{}\n{said}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn none_of_them_loads() {
    let files = files();
    assert!(files.len() > 20, "{files:?}");
    for path in files {
        let compiled = compiled(&path);
        let errors = compiled
            .diagnostics
            .iter()
            .filter(|d| d.severity == Severity::Error);
        assert!(
            compiled.image.is_none() && errors.count() > 0,
            "{}",
            path.display()
        );
    }
}
