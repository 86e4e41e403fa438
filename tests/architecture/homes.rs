//! Where each foreign crate lives: outside of its home nobody knows that it is there.

use crate::architecture::fault::Fault;
use crate::architecture::files::{Files, is_rust};
use crate::architecture::manifest::Manifest;
use crate::architecture::tokens::tokens;

/// Crates and the paths that may name them; a path that ends in `/` is a folder.
const HOMES: [(&str, &[&str]); 12] = [
    ("pest", &["dsl/src/parse.rs", "dsl/src/parse/"]),
    ("pest_derive", &["dsl/src/parse.rs", "dsl/src/parse/"]),
    ("sled", &["engine/store/src/index.rs"]),
    ("wasmtime", &["plugins/host/src/"]),
    ("notify", &["engine/gateway/src/watch.rs"]),
    ("arc_swap", &["engine/gateway/src/latest.rs"]),
    ("parquet", &["engine/columns/src/columnar.rs"]),
    ("zstd", &["engine/traffic/src/"]),
    ("shuttle", &["engine/routing/src/atomics.rs"]),
    (
        "axum",
        &[
            "engine/gateway/src/admin.rs",
            "engine/gateway/src/gateway.rs",
        ],
    ),
    ("tokio", ASYNC),
    ("hyper", ASYNC),
];
/// Who may wait for a socket.
const ASYNC: &[&str] = &["engine/gateway/src/", "engine/mock/src/", "engine/cli/"];

/// Uses of a foreign crate outside of its home, in sources and in manifests.
pub(crate) fn strays(files: &Files) -> Vec<Fault> {
    let manifests = Manifest::all(files);
    let mut faults = Vec::new();
    for (file, text) in files.texts(is_rust) {
        if manifests
            .iter()
            .any(|manifest| file.starts_with(&manifest.sources()))
        {
            faults.extend(named(file, text));
        }
    }
    for manifest in &manifests {
        faults.extend(needed(manifest));
    }
    faults
}

/// Paths such as `sled::Db`, `use sled;` and `extern crate sled` in one file.
fn named(file: &str, text: &str) -> Vec<Fault> {
    let tokens = tokens(text);
    let mut faults = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let near = |at: Option<usize>| {
            at.and_then(|at| tokens.get(at))
                .map_or("", |near| near.text)
        };
        let (before, after) = (near(at.checked_sub(1)), near(Some(at + 1)));
        let starts = !matches!(before, "::" | "." | "fn" | "mod" | "let");
        let names = after == "::" || matches!(before, "use" | "crate");
        if let Some(homes) = homes(token.text)
            && starts
            && names
            && !homes.iter().any(|home| is_within(file, home))
        {
            let text = format!(
                "`{}` lives in {} alone; ask that module instead",
                token.text,
                homes.join(", ")
            );
            faults.push(Fault::new(file, token.line, text));
        }
    }
    faults
}

/// Needs of a crate that is no home of what it needs. Tests and benches of the root package look from outside, with
/// clients of their own.
fn needed(manifest: &Manifest) -> Vec<Fault> {
    let sources = manifest.sources();
    let foreign = manifest
        .needs
        .iter()
        .filter(|need| !(need.dev && manifest.name == "mux"));
    let strays = foreign.filter_map(|need| {
        let homes = homes(&need.name.replace('-', "_"))?;
        let at_home = homes.iter().any(|home| home.starts_with(&sources));
        let text = format!(
            "`{}` lives in {} alone; this crate may not need it",
            need.name,
            homes.join(", ")
        );
        (!at_home).then(|| Fault::new(&manifest.file, need.line, text))
    });
    strays.collect()
}

fn homes(name: &str) -> Option<&'static [&'static str]> {
    let (_, homes) = HOMES.iter().find(|(foreign, _)| *foreign == name)?;
    Some(homes)
}

fn is_within(file: &str, home: &str) -> bool {
    file == home || (home.ends_with('/') && file.starts_with(home))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORE: (&str, &str) = (
        "engine/store/Cargo.toml",
        "[package]\nname = \"mux-store\"\n[dependencies]\nsled.workspace = true\narc-swap = \"1\"\n",
    );

    #[test]
    fn a_planted_use_outside_of_the_home_is_found() {
        for line in [
            "use sled::Db;",
            "use sled;",
            "fn f(d: &sled::Db) {}",
            "use {sled::Db};",
        ] {
            let text = format!("//! x\n{line}");
            let planted = |file| {
                let files = Files::planted(&[
                    ("engine/store/Cargo.toml", "[package]\nname = \"mux-store\""),
                    (file, &text),
                ]);
                strays(&files)
                    .iter()
                    .map(Fault::to_string)
                    .collect::<Vec<_>>()
            };
            let told = planted("engine/store/src/journal.rs");
            assert_eq!(told.len(), 1, "{line}");
            assert!(
                told[0].starts_with("engine/store/src/journal.rs:2: `sled` lives in"),
                "{told:?}"
            );
            assert_eq!(planted("engine/store/src/index.rs"), Vec::<String>::new());
        }
    }

    #[test]
    fn a_planted_need_of_a_crate_that_is_no_home_is_found() {
        let faults = strays(&Files::planted(&[STORE]));
        assert_eq!(faults.len(), 1);
        assert!(
            faults[0]
                .to_string()
                .starts_with("engine/store/Cargo.toml:5: `arc-swap`")
        );
    }

    #[test]
    fn words_that_only_look_like_a_crate_pass() {
        let text =
            "// sled::Db\nfn notify() { self.notify(); watcher.notify::<u8>(); \"axum::Router\" }";
        assert_eq!(named("engine/store/src/journal.rs", text), []);
    }
}
