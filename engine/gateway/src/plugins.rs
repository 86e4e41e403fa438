//! The adapters at hand: the embedded ones, and those dropped into the plugin folder, which replace them by id.

use mux_plugins::{Host, Plugin};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Kinds that are another adapter with an address of their own.
const PRESETS: [(&str, &str); 1] = [("openai-compatible", "openai")];

/// The adapter that speaks for a `kind`.
#[must_use]
pub fn adapter_of(kind: &str) -> &str {
    PRESETS
        .iter()
        .find(|(preset, _)| *preset == kind)
        .map_or(kind, |(_, adapter)| adapter)
}

/// Loads and keeps adapters.
#[derive(Debug)]
pub struct Plugins {
    host: Arc<Host>,
    folder: PathBuf,
    /// What a file held when it was last looked at, so that an unchanged one is not compiled again.
    files: BTreeMap<PathBuf, Seen>,
    embedded: BTreeMap<String, Arc<Plugin>>,
}

#[derive(Debug)]
struct Seen {
    hash: blake3::Hash,
    outcome: Result<Arc<Plugin>, String>,
    /// The last good plugin of this file, served while a newer one is broken.
    good: Option<Arc<Plugin>>,
}

impl Plugins {
    /// Loads the embedded adapters.
    ///
    /// # Errors
    /// They do not load: the binary is damaged or the machine forbids executable memory.
    pub fn new(host: Arc<Host>, folder: &Path) -> Result<Self, String> {
        let mut embedded = BTreeMap::new();
        for (name, bytes) in mux_plugins::embedded() {
            let plugin = host
                .load(name, bytes)
                .map_err(|e| format!("the embedded adapter `{name}` does not load: {e}"))?;
            embedded.insert(plugin.id().to_owned(), plugin);
        }
        Ok(Self {
            host,
            folder: folder.to_path_buf(),
            files: BTreeMap::new(),
            embedded,
        })
    }

    /// The watched folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Looks at the folder again. Returns what changed, in words; a file that does not load leaves the last good one.
    pub fn refresh(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut present = Vec::new();
        for path in self.candidates() {
            let Ok(bytes) = std::fs::read(&path) else {
                continue;
            };
            let hash = blake3::hash(&bytes);
            present.push(path.clone());
            if self.files.get(&path).is_some_and(|seen| seen.hash == hash) {
                continue;
            }
            let name = path
                .file_stem()
                .map(|s| s.to_string_lossy().into_owned())
                .unwrap_or_default();
            let outcome = self.host.load(&name, &bytes).map_err(|e| e.to_string());
            let before = self.files.remove(&path).and_then(|seen| seen.good);
            changes.push(match &outcome {
                Ok(plugin) => Change {
                    file: path.clone(),
                    good: true,
                    text: format!("loaded `{}` {}", plugin.id(), plugin.version()),
                },
                Err(reason) => Change {
                    file: path.clone(),
                    good: false,
                    text: reason.clone(),
                },
            });
            let good = outcome.as_ref().ok().cloned().or(before);
            self.files.insert(
                path,
                Seen {
                    hash,
                    outcome,
                    good,
                },
            );
        }
        let gone: Vec<PathBuf> = self
            .files
            .keys()
            .filter(|p| !present.contains(p))
            .cloned()
            .collect();
        for path in gone {
            self.files.remove(&path);
            changes.push(Change {
                file: path,
                good: true,
                text: "removed".to_owned(),
            });
        }
        changes
    }

    fn candidates(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        let paths = entries.filter_map(Result::ok).map(|e| e.path());
        let mut found: Vec<PathBuf> = paths
            .filter(|p| p.extension().is_some_and(|e| e == "wasm"))
            .collect();
        found.sort();
        found
    }

    /// The adapter of a kind.
    #[must_use]
    pub fn get(&self, kind: &str) -> Option<&Arc<Plugin>> {
        let id = adapter_of(kind);
        let dropped = self
            .files
            .values()
            .filter_map(|seen| seen.good.as_ref())
            .find(|p| p.id() == id);
        dropped.or_else(|| self.embedded.get(id))
    }

    /// All adapters in use, by id.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Plugin>> {
        let mut all = self.embedded.clone();
        for plugin in self.files.values().filter_map(|seen| seen.good.as_ref()) {
            all.insert(plugin.id().to_owned(), Arc::clone(plugin));
        }
        all.into_values().collect()
    }

    /// Files that do not load, with the reason.
    pub fn broken(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.files.iter().filter_map(|(path, seen)| {
            Some((path.as_path(), seen.outcome.as_ref().err()?.as_str()))
        })
    }
}

/// What happened to a file of the plugin folder.
#[derive(Clone, Debug)]
pub struct Change {
    /// The file.
    pub file: PathBuf,
    /// Whether it is for the better.
    pub good: bool,
    /// In words.
    pub text: String,
}
