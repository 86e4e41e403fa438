//! Puts a new text in the place of a file.

use crate::ending::Trouble;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// At once: whoever reads it meanwhile gets the old one or the new one, whole. A new file is readable as the system makes it.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), Trouble> {
    let trouble = |e: io::Error| Trouble::usage(format!("cannot write `{}`: {e}", path.display()));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let write = || {
        let mut file = create(&beside)?;
        match fs::metadata(path) {
            Ok(meta) => file.set_permissions(meta.permissions())?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|error| {
        // It may not even have come to be.
        let _ = fs::remove_file(&beside);
        trouble(error)
    })
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}
