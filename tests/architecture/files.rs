//! The project as text: every file that is part of it, by its path from the root.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Folders that hold what was built, fetched or recorded, nowhere part of the sources.
const NOT_SOURCES: [&str; 6] = [
    "target",
    ".git",
    ".mux",
    "node_modules",
    "corpus",
    "artifacts",
];

/// Files by path, with `/` between folders.
#[derive(Debug, Default)]
pub(crate) struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    /// Everything below the root of the project.
    pub(crate) fn of_the_project() -> Self {
        let mut files = Self::default();
        files.walk(Path::new(env!("CARGO_MANIFEST_DIR")), "");
        files
    }

    /// A project made up for a test.
    pub(crate) fn planted(files: &[(&str, &str)]) -> Self {
        let own = |(path, text): &(&str, &str)| ((*path).to_owned(), text.as_bytes().to_vec());
        Self(files.iter().map(own).collect())
    }

    fn walk(&mut self, folder: &Path, prefix: &str) {
        for entry in fs::read_dir(folder).expect("a folder of the project can be read") {
            let entry = entry.expect("a folder of the project can be read");
            let name = entry.file_name().to_string_lossy().into_owned();
            if NOT_SOURCES.contains(&name.as_str()) {
                continue;
            }
            let path = format!("{prefix}{name}");
            let kind = entry.file_type().expect("a file has a type");
            if kind.is_dir() {
                self.walk(&entry.path(), &format!("{path}/"));
            } else if kind.is_file() {
                // A file that was removed meanwhile, by an editor that saves, is not there.
                if let Ok(bytes) = fs::read(entry.path()) {
                    self.0.insert(path, bytes);
                }
            }
        }
    }

    /// Path and bytes of each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(path, bytes)| (path.as_str(), &**bytes))
    }

    /// Path and text of each that is text and whose path passes.
    pub(crate) fn texts(&self, passes: impl Fn(&str) -> bool) -> Vec<(&str, &str)> {
        self.iter()
            .filter(|(path, _)| passes(path))
            .filter_map(|(path, bytes)| Some((path, std::str::from_utf8(bytes).ok()?)))
            .collect()
    }

    /// The text of one, if it is there.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        std::str::from_utf8(self.0.get(path)?).ok()
    }
}

/// Whether a path is that of a Rust source file.
pub(crate) fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|ext| ext == "rs")
}
