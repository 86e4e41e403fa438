//! What a new adapter begins with: the sources of the sample and of the SDK, the interface, and what is written about them.

macro_rules! sources {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../../plugins/", $path)))),*]
    };
}

/// The manifest of the guests' workspace: which releases the SDK needs.
pub(super) const WORKSPACE: &str = include_str!("../../../../plugins/Cargo.toml");

/// Files by their place below `plugins`.
pub(super) const SOURCES: &[(&str, &str)] = sources![
    "UNIFIED.md",
    "WRITE-A-PROVIDER.md",
    "sample-c/adapter.c",
    "sample-js/adapter.js",
    "sample-js/package.json",
    "sample/examples/native.rs",
    "sample/fixtures/busy.json",
    "sample/fixtures/hello.json",
    "sample/fixtures/stream.json",
    "sample/sample.mux",
    "sample/src/lib.rs",
    "sample/src/reply.rs",
    "sample/src/request.rs",
    "sdk-c/json.c",
    "sdk-c/json.h",
    "sdk-c/mux.c",
    "sdk-c/mux.h",
    "sdk-c/provider.h",
    "sdk/src/adapter.rs",
    "sdk/src/chat.rs",
    "sdk/src/chat/address.rs",
    "sdk/src/chat/answer.rs",
    "sdk/src/chat/answer/beside.rs",
    "sdk/src/chat/chunk.rs",
    "sdk/src/chat/citation.rs",
    "sdk/src/chat/content.rs",
    "sdk/src/chat/failure.rs",
    "sdk/src/chat/format.rs",
    "sdk/src/chat/json.rs",
    "sdk/src/chat/place.rs",
    "sdk/src/chat/progress.rs",
    "sdk/src/chat/request.rs",
    "sdk/src/chat/scan.rs",
    "sdk/src/chat/shape.rs",
    "sdk/src/chat/state.rs",
    "sdk/src/chat/stretch.rs",
    "sdk/src/chat/tools.rs",
    "sdk/src/chat/unread.rs",
    "sdk/src/chat/wire.rs",
    "sdk/src/component.rs",
    "sdk/src/component/arena.rs",
    "sdk/src/component/incoming.rs",
    "sdk/src/component/outgoing.rs",
    "sdk/src/embeddings.rs",
    "sdk/src/error.rs",
    "sdk/src/header.rs",
    "sdk/src/lib.rs",
    "sdk/src/manifest.rs",
    "sdk/src/native.rs",
    "sdk/src/reply.rs",
    "sdk/src/request.rs",
    "wit/provider.wit",
];

#[cfg(test)]
mod tests {
    use super::SOURCES;
    use std::path::{Path, PathBuf};

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).expect("a folder of the project");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let inner = |path: PathBuf| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        };
        paths.flat_map(inner).collect()
    }

    #[test]
    fn a_new_adapter_gets_every_file_of_the_sdk_and_of_the_sample() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins");
        let mut missing = Vec::new();
        for folder in ["sdk/src", "sdk-c", "wit", "sample", "sample-c", "sample-js"] {
            for file in files(&root.join(folder)) {
                let place = file.strip_prefix(&root).expect("below the root");
                let place = place.to_string_lossy().into_owned();
                let written_anew = place == "sample/Cargo.toml";
                if !written_anew && !SOURCES.iter().any(|(path, _)| *path == place) {
                    missing.push(place);
                }
            }
        }
        assert_eq!(missing, Vec::<String>::new(), "add them to `SOURCES`");
    }
}
