//! Which components of the plugin folder may be loaded at all.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use minisign_verify::{Error, PublicKey, Signature};

use crate::lock::Lock;

/// What is added to the name of a file for that of its signature.
const SIGNATURE: &str = "minisig";

/// Whom an operator trusts.
#[derive(Debug, Clone, Default)]
pub enum Trust {
    /// Whoever can write to the folder.
    #[default]
    Folder,
    /// What this lock holds.
    Pinned(PathBuf),
    /// What is signed with one of these keys, by minisign.
    Signed(Vec<PublicKey>),
}

/// A trust with the lock as it was at a moment.
#[derive(Debug)]
pub struct Judge<'a> {
    trust: &'a Trust,
    lock: Option<Result<Lock, String>>,
}

/// A key as minisign writes it: the line itself, or a file with it.
///
/// # Errors
/// In words: it is neither.
pub fn key(text: &str) -> Result<PublicKey, String> {
    if let Ok(key) = PublicKey::from_base64(text) {
        return Ok(key);
    }
    let content = fs::read_to_string(text).map_err(|error| {
        format!("`{text}` is no key of minisign, and no file with one: {error}")
    })?;
    PublicKey::decode(&content)
        .or_else(|_| PublicKey::from_base64(content.trim()))
        .map_err(|error| format!("the file `{text}` holds no public key of minisign: {error}"))
}

/// Where the signature of a file is.
#[must_use]
pub fn signature_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(SIGNATURE);
    PathBuf::from(name)
}

impl Trust {
    /// The lock, where there is one to watch.
    #[must_use]
    pub fn lock(&self) -> Option<&Path> {
        match self {
            Self::Pinned(lock) => Some(lock),
            Self::Folder | Self::Signed(_) => None,
        }
    }

    /// Reads what it takes to judge a folder of files.
    #[must_use]
    pub fn judge(&self) -> Judge<'_> {
        Judge {
            trust: self,
            lock: self.lock().map(Lock::read),
        }
    }
}

impl Judge<'_> {
    /// Whether what was allowed before, and has this hash, still is.
    #[must_use]
    pub fn still_allows(&self, hash: &str) -> bool {
        match (self.trust, &self.lock) {
            (Trust::Pinned(_), Some(Ok(lock))) => lock.holds(hash),
            (Trust::Pinned(_), _) => false,
            (Trust::Folder | Trust::Signed(_), _) => true,
        }
    }

    /// Whether the content of a file may be loaded.
    ///
    /// # Errors
    /// In words: why not, and what to do.
    pub fn allow(&self, file: &Path, bytes: &[u8]) -> Result<(), String> {
        match (self.trust, &self.lock) {
            (Trust::Folder, _) => Ok(()),
            (Trust::Signed(keys), _) => signed(keys, file, bytes),
            (Trust::Pinned(path), Some(Ok(lock))) => {
                let hash = blake3::hash(bytes).to_hex();
                if lock.holds(&hash) {
                    return Ok(());
                }
                let name = file.display();
                Err(format!(
                    "it is not in `{}`: nobody approved {hash}; look at it with `mux plugin inspect {name}`, then approve \
                     it with `mux plugin lock`",
                    path.display()
                ))
            }
            (Trust::Pinned(_), Some(Err(why))) => Err(why.clone()),
            (Trust::Pinned(path), None) => {
                Err(format!("the lock `{}` was not read", path.display()))
            }
        }
    }
}

fn signed(keys: &[PublicKey], file: &Path, bytes: &[u8]) -> Result<(), String> {
    let beside = signature_of(file);
    let name = beside.display();
    let text = fs::read_to_string(&beside).map_err(|error| match error.kind() {
        ErrorKind::NotFound => format!(
            "it is not signed: there is no `{name}`, which `minisign -Sm {}` writes",
            file.display()
        ),
        _ => format!("its signature `{name}` cannot be read: {error}"),
    })?;
    let signature = Signature::decode(&text)
        .map_err(|error| format!("`{name}` is no signature of minisign: {error}"))?;
    let mut why = String::from("no key is trusted; give one with `--plugin-key`");
    for key in keys {
        match key.verify(bytes, &signature, false) {
            Ok(()) => return Ok(()),
            Err(Error::UnexpectedKeyId) => {
                why = String::from("it is by none of the keys given with `--plugin-key`");
            }
            Err(error) => {
                return Err(format!(
                    "its signature `{name}` does not hold: {error}; the file is not the one that was signed"
                ));
            }
        }
    }
    Err(format!("its signature `{name}` is not trusted: {why}"))
}
