//! `plugins.lock`: the components an operator has approved, by their hashes.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::plugin::Plugin;

/// The form this release writes and reads.
const FORMAT: u32 = 1;

/// What was approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    format: u32,
    /// Each component, by file and then by hash.
    pub plugins: Vec<Locked>,
}

/// One component, and for whoever reads the lock what was approved with it. Only the hash decides: the rest follows
/// from it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Locked {
    /// The name of its file.
    pub file: String,
    /// BLAKE3 of it, in hexadecimal.
    pub blake3: String,
    /// What policies call it.
    pub id: String,
    /// Its own version.
    pub version: String,
    /// Where its requests may go: base addresses with the paths below them.
    pub upstreams: Vec<String>,
    /// The memory it asks for, in MiB; nought where it takes what it may have.
    pub memory_mib: u32,
}

impl Locked {
    /// A component of a file as it stands.
    #[must_use]
    pub fn of(file: &str, plugin: &Plugin) -> Self {
        let manifest = plugin.manifest();
        let upstreams = manifest.upstreams.iter();
        let upstream = |base: &str, paths: &[String]| format!("{base} {}", paths.join(" "));
        Self {
            file: file.to_owned(),
            blake3: plugin.hash().to_owned(),
            id: plugin.id().to_owned(),
            version: plugin.version().to_owned(),
            upstreams: upstreams
                .map(|place| upstream(&place.base_url, &place.paths))
                .collect(),
            memory_mib: manifest.memory_mib,
        }
    }
}

impl Lock {
    /// The lock of these components.
    #[must_use]
    pub fn new(mut plugins: Vec<Locked>) -> Self {
        plugins.sort();
        plugins.dedup();
        Self {
            format: FORMAT,
            plugins,
        }
    }

    /// Reads a lock.
    ///
    /// # Errors
    /// In words: there is none, or it is none of this form.
    pub fn read(path: &Path) -> Result<Self, String> {
        let name = path.display();
        let text = fs::read(path).map_err(|error| {
            format!("the lock `{name}` cannot be read: {error}; `mux plugin lock` writes it")
        })?;
        let lock: Self = serde_json::from_slice(&text).map_err(|error| {
            format!("`{name}` is no lock: {error}; `mux plugin lock` writes it")
        })?;
        if lock.format != FORMAT {
            return Err(format!(
                "the lock `{name}` has format {}, and this mux reads {FORMAT}; write it anew with `mux plugin lock`",
                lock.format
            ));
        }
        Ok(lock)
    }

    /// Writes it whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written there.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        let beside = path.with_extension("lock.part");
        fs::write(&beside, text)?;
        fs::rename(&beside, path)
    }

    /// Whether a component was approved, under whatever name.
    #[must_use]
    pub fn holds(&self, hash: &str) -> bool {
        self.plugins.iter().any(|locked| locked.blake3 == hash)
    }
}
