//! The bytes of components that were good, kept in the data folder: what is served when their file no longer is.
//!
//! Of each file of the plugin folder the last good versions are known, and those that were set aside for their faults, so
//! that a restart does not try them again.

use blake3::Hash;
use mux_plugins::trust::signature_of;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Good versions that are kept of a file.
const GOOD: usize = 3;
/// Versions set aside that are remembered of a file.
const ASIDE: usize = 16;
/// The list of what is kept.
const LIST: &str = "kept.json";

/// A folder of components.
#[derive(Debug)]
pub(crate) struct Kept {
    folder: PathBuf,
    /// By the name of the file.
    files: BTreeMap<String, Versions>,
}

/// Hashes of the versions of a file, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Versions {
    good: Vec<String>,
    aside: Vec<String>,
}

impl Kept {
    /// What an earlier run kept. A list that cannot be read is begun anew, loudly.
    pub(crate) fn open(folder: &Path) -> Self {
        let list = folder.join(LIST);
        let files = fs::read(&list).map_err(|error| (error.kind() != ErrorKind::NotFound, error));
        let files = files.and_then(|text| {
            serde_json::from_slice(&text).map_err(|error| (true, io::Error::other(error)))
        });
        let files = files.unwrap_or_else(|(loud, error)| {
            if loud {
                tracing::warn!(
                    "`{}` is begun anew, and no earlier version of a plugin is known: {error}",
                    list.display()
                );
            }
            BTreeMap::new()
        });
        Self {
            folder: folder.to_path_buf(),
            files,
        }
    }

    /// Whether a version of a file was set aside.
    pub(crate) fn is_aside(&self, file: &str, hash: &Hash) -> bool {
        let versions = self.files.get(file);
        versions.is_some_and(|versions| versions.aside.contains(&text(hash)))
    }

    /// Keeps what a file holds, which loads, with its signature if there is one.
    pub(crate) fn good(&mut self, file: &Path, hash: &Hash, bytes: &[u8]) {
        let hash = text(hash);
        let versions = self.files.entry(name(file)).or_default();
        if versions.good.last() == Some(&hash) {
            return;
        }
        versions.good.retain(|known| *known != hash);
        versions.good.push(hash.clone());
        let excess = versions.good.len().saturating_sub(GOOD);
        versions.good.drain(..excess);
        let kept = self.folder.join(component(&hash));
        let written = fs::create_dir_all(&self.folder)
            .and_then(|()| write_whole(&kept, bytes))
            .and_then(|()| copy(&signature_of(file), &signature_of(&kept)));
        if let Err(error) = written {
            tracing::warn!(
                "a plugin is not kept in `{}`, so nobody can go back to it: {error}",
                self.folder.display()
            );
        }
        self.save();
    }

    /// Remembers that a version of a file is not to be served again.
    pub(crate) fn set_aside(&mut self, file: &str, hash: &str) {
        let versions = self.files.entry(file.to_owned()).or_default();
        versions.good.retain(|known| known != hash);
        if !versions.aside.iter().any(|known| known == hash) {
            versions.aside.push(hash.to_owned());
        }
        let excess = versions.aside.len().saturating_sub(ASIDE);
        versions.aside.drain(..excess);
        self.save();
    }

    /// The good versions of a file but this one, newest first: where they are, and their bytes.
    pub(crate) fn older(&self, file: &str, than: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let versions = self.files.get(file);
        let good = versions.map_or(&[][..], |versions| versions.good.as_slice());
        let newest_first = good.iter().rev().filter(|hash| *hash != than);
        newest_first.filter_map(|hash| self.read(hash)).collect()
    }

    /// Forgets all files but these.
    pub(crate) fn only(&mut self, files: &BTreeSet<String>) {
        let before = self.files.len();
        self.files.retain(|file, _| files.contains(file));
        if self.files.len() != before {
            self.save();
        }
    }

    fn read(&self, hash: &str) -> Option<(PathBuf, Vec<u8>)> {
        let path = self.folder.join(component(hash));
        let bytes = fs::read(&path).ok()?;
        let same = text(&blake3::hash(&bytes)) == hash;
        if !same {
            tracing::warn!("`{}` is not what was kept there", path.display());
        }
        same.then_some((path, bytes))
    }

    fn save(&self) {
        let saved = serde_json::to_vec_pretty(&self.files)
            .map_err(io::Error::other)
            .and_then(|list| {
                fs::create_dir_all(&self.folder)?;
                write_whole(&self.folder.join(LIST), &list)
            });
        match saved {
            Ok(()) => self.sweep(),
            Err(error) => tracing::warn!(
                "`{}` cannot be written, so a restart will not know what it says: {error}",
                self.folder.join(LIST).display()
            ),
        }
    }

    /// Removes components that the list no longer names.
    fn sweep(&self) {
        let good = self.files.values().flat_map(|versions| &versions.good);
        let named: BTreeSet<String> = good.map(|hash| component(hash)).collect();
        let entries = fs::read_dir(&self.folder).into_iter().flatten();
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            let name = path.file_name().map(|name| name.to_string_lossy());
            let stale = path.extension().is_some_and(|end| end == "wasm")
                && name.is_some_and(|name| !named.contains(&*name));
            if stale {
                // Tried again at the next change.
                let _ = fs::remove_file(signature_of(&path));
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// Copies a file, if it is there.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    match fs::read(from) {
        Ok(bytes) => write_whole(to, &bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// The name by which a file's versions are kept.
pub(crate) fn name(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn text(hash: &Hash) -> String {
    hash.to_hex().to_string()
}

fn component(hash: &str) -> String {
    format!("{hash}.wasm")
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("part");
    fs::write(&beside, bytes)?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(bytes: &[u8]) -> Hash {
        blake3::hash(bytes)
    }

    fn kept(versions: &[&[u8]]) -> (tempfile::TempDir, Kept) {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = Kept::open(&folder.path().join("kept"));
        for bytes in versions {
            kept.good(&folder.path().join("a.wasm"), &hash(bytes), bytes);
        }
        (folder, kept)
    }

    fn older(kept: &Kept, than: &[u8]) -> Vec<Vec<u8>> {
        let older = kept.older("a.wasm", &text(&hash(than)));
        older.into_iter().map(|(_, bytes)| bytes).collect()
    }

    fn reopened(kept: &Kept) -> Kept {
        Kept::open(&kept.folder)
    }

    #[test]
    fn what_was_good_before_is_known_after_a_restart_newest_first() {
        let (_folder, kept) = kept(&[b"1", b"2", b"3", b"4"]);
        for kept in [&reopened(&kept), &kept] {
            assert_eq!(older(kept, b"4"), [b"3".to_vec(), b"2".to_vec()]);
            assert!(kept.older("b.wasm", "").is_empty());
        }
        let files = fs::read_dir(&kept.folder).unwrap().count();
        assert_eq!(files, 4, "three versions and the list");
    }

    #[test]
    fn what_was_set_aside_is_not_good_any_more_and_stays_so() {
        let (_folder, mut kept) = kept(&[b"1", b"2"]);
        kept.set_aside("a.wasm", &text(&hash(b"2")));
        for kept in [&reopened(&kept), &kept] {
            assert!(kept.is_aside("a.wasm", &hash(b"2")) && !kept.is_aside("a.wasm", &hash(b"1")));
            assert_eq!(older(kept, b"2"), [b"1".to_vec()]);
        }
        kept.only(&BTreeSet::from(["b.wasm".to_owned()]));
        assert!(!reopened(&kept).is_aside("a.wasm", &hash(b"2")));
        assert!(kept.older("a.wasm", "").is_empty());
    }

    #[test]
    fn bytes_that_were_changed_and_a_damaged_list_are_not_taken() {
        let (_folder, kept) = kept(&[b"1", b"2"]);
        fs::write(kept.folder.join(component(&text(&hash(b"1")))), b"x").unwrap();
        assert!(older(&kept, b"2").is_empty());
        fs::write(kept.folder.join(LIST), b"{").unwrap();
        assert!(reopened(&kept).files.is_empty());
    }
}
