//! A folder to work in; a temporary one is removed again.

use crate::ending::Trouble;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Temporary folders that this process has made so far.
static MADE: AtomicU32 = AtomicU32::new(0);

/// A folder to work in.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: PathBuf,
    kept: bool,
}

impl Scratch {
    /// One that is removed again.
    pub(crate) fn temporary() -> Result<Self, Trouble> {
        let name = format!("mux-{}-{}", std::process::id(), MADE.fetch_add(1, Relaxed));
        let folder = std::env::temp_dir().join(name);
        make(&folder)?;
        Ok(Self {
            folder,
            kept: false,
        })
    }

    /// One that stays.
    pub(crate) fn kept(folder: &Path) -> Result<Self, Trouble> {
        make(folder)?;
        Ok(Self {
            folder: folder.to_path_buf(),
            kept: true,
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.kept
    }

    /// Writes files, by name and text, into a folder of that name inside of it.
    pub(crate) fn save(&self, folder: &str, files: &[(&str, &str)]) -> Result<PathBuf, Trouble> {
        let folder = self.folder.join(folder);
        make(&folder)?;
        for (name, text) in files {
            std::fs::write(folder.join(name), text)
                .map_err(|e| Trouble::usage(format!("cannot write `{}`: {e}", folder.display())))?;
        }
        Ok(folder)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.kept {
            // It lies in the folder for temporary files; leaving it there harms nobody.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

fn make(folder: &Path) -> Result<(), Trouble> {
    std::fs::create_dir_all(folder)
        .map_err(|e| Trouble::usage(format!("cannot make `{}`: {e}", folder.display())))
}
