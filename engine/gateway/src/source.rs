//! Policy sources: a folder is one bundle, a file is one bundle with its includes, and so are files that were read before.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Bytes of a file that are read at most: more than the compiler takes, so that it says so.
const LARGEST: u64 = (1 << 20) + 1;

/// Where a bundle is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    path: PathBuf,
    folder: PathBuf,
    /// The only root file, where the source is not a whole folder.
    file: Option<String>,
}

impl Source {
    /// A folder or a file that exists.
    ///
    /// # Errors
    /// It does not exist or cannot be read; the message names it.
    pub fn new(path: &Path) -> io::Result<Self> {
        let meta = std::fs::metadata(path).map_err(|e| named(path, &e))?;
        // Watchers report absolute paths, and those must be comparable with ours.
        let absolute = std::path::absolute(path).map_err(|e| named(path, &e))?;
        if meta.is_dir() {
            std::fs::read_dir(path).map_err(|e| named(path, &e))?;
            return Ok(Self {
                path: path.to_path_buf(),
                folder: absolute,
                file: None,
            });
        }
        let file = absolute
            .file_name()
            .map(|n| n.to_string_lossy().into_owned());
        let folder = absolute.parent().unwrap_or(Path::new("/")).to_path_buf();
        Ok(Self {
            path: path.to_path_buf(),
            folder,
            file,
        })
    }

    /// The folder that names are relative to, absolute.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// As given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names of the root files, relative to [`Source::folder`], in order.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn roots(&self) -> io::Result<Vec<String>> {
        if let Some(file) = &self.file {
            return Ok(vec![file.clone()]);
        }
        let mut roots = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(|e| named(&self.path, &e))? {
            let name = entry
                .map_err(|e| named(&self.path, &e))?
                .file_name()
                .to_string_lossy()
                .into_owned();
            // Editors leave `.#file.mux` and the like behind.
            if Path::new(&name).extension().is_some_and(|e| e == "mux") && !name.starts_with('.') {
                roots.push(name);
            }
        }
        roots.sort();
        Ok(roots)
    }

    /// Reads one file, named relative to [`Source::folder`].
    ///
    /// # Errors
    /// In words for a diagnostic.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        let path = self.folder().join(name);
        let told = |e: io::Error| match e.kind() {
            io::ErrorKind::NotFound => "no such file".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => e.to_string(),
        };
        // A pipe would be waited for, and a device has no end.
        if !std::fs::metadata(&path).map_err(told)?.is_file() {
            return Err("this is no regular file".to_owned());
        }
        let mut bytes = Vec::new();
        let file = std::fs::File::open(&path).map_err(told)?;
        file.take(LARGEST).read_to_end(&mut bytes).map_err(told)?;
        Ok(bytes)
    }
}

/// Files that were read before, so that nothing that is saved since changes what is served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Names of those that are read by themselves.
    pub roots: Vec<String>,
    /// Names and texts of all.
    pub files: Vec<(String, Vec<u8>)>,
}

impl Given {
    /// Reads one file.
    ///
    /// # Errors
    /// In words for a diagnostic.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        let mut files = self.files.iter();
        let found = files.find(|(path, _)| path == name);
        let missing = || "not part of these policies".to_owned();
        found.map(|(_, text)| text.clone()).ok_or_else(missing)
    }
}

/// An input or output error that says which path.
fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
}
