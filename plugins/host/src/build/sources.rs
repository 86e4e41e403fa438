//! A digest over everything a component is built from.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// BLAKE3, in hexadecimal, over the interface, the guest SDK, the adapter `name` with those it borrows from, the manifests
/// and the lock file of the guests' workspace in `plugins`. It changes when, and only when, one of them does.
///
/// # Errors
/// When one of them cannot be read.
pub fn digest(plugins: &Path, name: &str) -> io::Result<String> {
    let mut files = vec![PathBuf::from("Cargo.toml"), PathBuf::from("Cargo.lock")];
    let mut folders = vec!["wit".to_owned(), "sdk".to_owned(), name.to_owned()];
    folders.extend(borrowed(plugins, name)?);
    for folder in folders {
        collect(plugins, Path::new(&folder), &mut files)?;
    }
    files.sort();
    let mut hasher = blake3::Hasher::new();
    for file in files {
        let bytes = fs::read(plugins.join(&file))?;
        let shown = file.to_string_lossy().replace('\\', "/");
        hasher.update(shown.as_bytes());
        hasher.update(&[0]);
        hasher.update(blake3::hash(&bytes).as_bytes());
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// The adapters beside it that an adapter is made of.
fn borrowed(plugins: &Path, name: &str) -> io::Result<Vec<String>> {
    let manifest = fs::read_to_string(plugins.join(name).join("Cargo.toml"))?;
    let paths = manifest.split("path = \"../").skip(1);
    let names = paths.filter_map(|rest| rest.split('"').next());
    Ok(names.map(str::to_owned).collect())
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            collect(root, &path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
