//! The shipped components are what their sources build to, as far as that can be told without building.
#![expect(clippy::expect_used, reason = "a test")]

use std::path::{Path, PathBuf};

use mux_plugins::build::digest;

fn plugins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Name, hash of the component, hash of its sources.
fn lines() -> Vec<[String; 3]> {
    let text = std::fs::read_to_string(plugins().join("dist/SOURCES")).expect("dist/SOURCES");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    lines
        .map(|line| words(line).try_into().expect("three words a line"))
        .collect()
}

fn component(name: &str) -> PathBuf {
    let folder = if name.contains('/') { "" } else { "dist" };
    plugins().join(folder).join(format!("{name}.wasm"))
}

#[test]
fn components_are_rebuilt_when_their_sources_change() {
    for [name, _, sources] in lines() {
        let now = digest(&plugins(), &name).expect("readable sources");
        assert_eq!(
            now, sources,
            "the sources of `{name}` changed; run `cargo run -p mux-plugins --example build_dist`"
        );
    }
}

#[test]
fn components_are_the_ones_that_were_built() {
    for [name, hash, _] in lines() {
        let bytes = std::fs::read(component(&name)).expect("a component");
        assert_eq!(blake3::hash(&bytes).to_hex().as_str(), hash, "{name}");
    }
}

#[test]
fn every_shipped_component_has_its_line() {
    let named: Vec<String> = lines().into_iter().map(|[name, ..]| name).collect();
    for (name, bytes) in mux_plugins::embedded() {
        assert!(named.iter().any(|line| line == name), "{name}");
        assert_eq!(std::fs::read(component(name)).expect("a component"), *bytes);
    }
}

#[test]
fn no_component_tells_where_it_was_built() {
    let home = std::env::home_dir().map(|home| home.to_string_lossy().into_owned());
    let root = plugins().canonicalize().expect("a folder");
    for (name, bytes) in mux_plugins::embedded() {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains(&*root.to_string_lossy()), "{name}");
        assert!(
            home.as_ref()
                .is_none_or(|home| home.len() < 2 || !text.contains(home.as_str())),
            "{name}"
        );
    }
}
