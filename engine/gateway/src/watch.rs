//! Tells when files change. The only place that knows how the operating system says so.

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Watches folders; stops when dropped.
#[derive(Debug)]
pub struct Watch {
    watcher: RecommendedWatcher,
    folders: BTreeSet<PathBuf>,
    /// Files that matter whatever they are called.
    files: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl Watch {
    /// Calls `changed` for every batch of changes that may matter, on a thread of its own.
    ///
    /// # Errors
    /// The operating system cannot watch; the message says what to do.
    pub fn new(changed: impl Fn() + Send + 'static) -> Result<Self, String> {
        let files = Arc::new(Mutex::new(BTreeSet::new()));
        let known = Arc::clone(&files);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // An error may hide a change; reading a file is none.
            let matters = event.map_or(true, |e| {
                let known = known.lock().unwrap_or_else(PoisonError::into_inner);
                !e.kind.is_access()
                    && e.paths
                        .iter()
                        .any(|path| telling(path) || known.contains(path))
            });
            if matters {
                changed();
            }
        });
        let watcher = watcher.map_err(|e| {
            format!("cannot watch files: {e}; is the limit of inotify instances reached?")
        })?;
        Ok(Self {
            watcher,
            folders: BTreeSet::new(),
            files,
        })
    }

    /// Watches these files, and their folders for new ones.
    ///
    /// # Errors
    /// Folders that cannot be watched, in words.
    pub fn follow(&mut self, folders: &[&Path], files: BTreeSet<PathBuf>) -> Result<(), String> {
        let of_files = files.iter().filter_map(|file| file.parent());
        let wanted: BTreeSet<PathBuf> = folders
            .iter()
            .copied()
            .chain(of_files)
            .map(Path::to_path_buf)
            .collect();
        let mut troubles = Vec::new();
        for folder in wanted {
            if self.folders.contains(&folder) {
                continue;
            }
            match self.watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => drop(self.folders.insert(folder)),
                Err(e) => troubles.push(format!("cannot watch `{}`: {e}", folder.display())),
            }
        }
        *self.files.lock().unwrap_or_else(PoisonError::into_inner) = files;
        if troubles.is_empty() {
            Ok(())
        } else {
            Err(troubles.join("; "))
        }
    }
}

/// Whether a change there may matter by its name alone: policies, plugins with their signatures, and the link that Kubernetes turns when it
/// replaces all files of a mounted folder at once.
fn telling(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e == "mux" || e == "wasm" || e == "minisig")
        || path.file_name().is_some_and(|n| n == "..data")
}
