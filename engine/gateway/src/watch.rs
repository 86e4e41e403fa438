//! Tells when files change. The only place that knows how the operating system says so.

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::path::Path;

/// Watches folders; stops when dropped.
#[derive(Debug)]
pub struct Watch {
    watcher: RecommendedWatcher,
}

impl Watch {
    /// Calls `changed` for every batch of changes, on a thread of its own.
    ///
    /// # Errors
    /// The operating system cannot watch; the message says what to do.
    pub fn new(changed: impl Fn() + Send + 'static) -> Result<Self, String> {
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading a file is no change; an error may hide one.
            if event.map_or(true, |e| !e.kind.is_access()) {
                changed();
            }
        });
        watcher.map(|watcher| Self { watcher }).map_err(|e| {
            format!("cannot watch files: {e}; is the limit of inotify instances reached?")
        })
    }

    /// Adds a folder.
    ///
    /// # Errors
    /// It cannot be watched.
    pub fn add(&mut self, folder: &Path) -> Result<(), String> {
        self.watcher
            .watch(folder, RecursiveMode::NonRecursive)
            .map_err(|e| format!("cannot watch `{}`: {e}", folder.display()))
    }
}
