//! Compiled code kept on disk, so that a component is compiled once and not at every start.
//!
//! Machine code that is read back is run as it is, so each file begins with a keyed BLAKE3 of its name and its content,
//! and the key is in a file that only its owner may read. A file that does not match is never run: its component is
//! compiled anew, and the log says so.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::code::Code;

/// What a file of compiled code ends in.
const ENDING: &str = "cwasm";
/// Where the key is.
const KEY: &str = "key";
/// Bytes of a key, and of the proof at the beginning of each file.
const PROOF: usize = 32;
/// Most files that are kept; the oldest go first.
const FILES: usize = 64;

/// A folder of compiled code.
pub struct Cache {
    folder: PathBuf,
    key: [u8; PROOF],
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// Why compiled code cannot be kept.
#[derive(Debug)]
pub struct CacheError(PathBuf, io::Error);

impl fmt::Display for CacheError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "compiled plugins cannot be kept in `{}`: {}",
            self.0.display(),
            self.1
        )
    }
}

impl std::error::Error for CacheError {}

impl Cache {
    /// Opens a folder, which is made where it is missing and then is its owner's alone.
    ///
    /// # Errors
    /// When it cannot be made, or its key neither read nor written.
    pub fn open(folder: &Path) -> Result<Self, CacheError> {
        let failed = |error| CacheError(folder.to_path_buf(), error);
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(folder).map_err(failed)?;
        let mode = fs::metadata(folder).map_err(failed)?.permissions().mode();
        // Not where they are as they should be: what a read-only disk has is of use all the same.
        if mode & 0o777 != 0o700 {
            fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(failed)?;
        }
        Ok(Self {
            folder: folder.to_path_buf(),
            key: key(folder).map_err(failed)?,
        })
    }

    /// The compiled code of a component, where it was kept and nobody has touched it since.
    pub(crate) fn take(&self, engine: &Engine, hash: &blake3::Hash) -> Option<Component> {
        let name = name(engine, hash);
        let path = self.folder.join(&name);
        let mut hasher = self.hasher(&name);
        let read = File::open(&path).and_then(|mut file| {
            let mut proof = [0; PROOF];
            file.read_exact(&mut proof)?;
            Ok((proof, Some(Code::copy(&mut file, &mut hasher)?)))
        });
        let (proof, code) = match read {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            // Too short for a proof: nothing proves it.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => ([0; PROOF], None),
            Err(error) => {
                tracing::warn!("`{}` cannot be read: {error}", path.display());
                return None;
            }
        };
        // Compared in constant time, as hashes of this crate are.
        let proven = blake3::Hash::from_bytes(proof) == hasher.finalize();
        let Some(code) = code.filter(|_| proven) else {
            tracing::warn!(
                "`{}` is not as it was written, so it is not used: its component is compiled anew; whoever may write there may \
                 run code here",
                path.display()
            );
            return None;
        };
        code.component(engine)
            .inspect_err(|error| tracing::warn!("`{}` is of no use: {error:#}", path.display()))
            .ok()
    }

    /// Keeps the compiled code of a component. What goes wrong costs only time at the next start.
    pub(crate) fn keep(&self, engine: &Engine, hash: &blake3::Hash, component: &Component) {
        let name = name(engine, hash);
        let kept = component
            .serialize()
            .map_err(|error| error.to_string())
            .and_then(|code| {
                let mut hasher = self.hasher(&name);
                let proof = hasher.update(&code).finalize();
                let written = write_whole(&self.folder, &name, &[proof.as_bytes(), &code]);
                written.map_err(|error| error.to_string())
            });
        match kept {
            Ok(()) => self.prune(),
            Err(why) => tracing::warn!(
                "a compiled plugin is not kept in `{}`: {why}",
                self.folder.display()
            ),
        }
    }

    /// Makes what only the holder of the key can say of a name and the content that follows.
    fn hasher(&self, name: &str) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(name.as_bytes()).update(&[0]);
        hasher
    }

    fn prune(&self) {
        let mut files = compiled(&self.folder);
        let excess = files.len().saturating_sub(FILES);
        files.sort();
        for (_, path) in files.into_iter().take(excess) {
            // Gone or not: another process may prune as well.
            let _ = fs::remove_file(path);
        }
    }
}

/// A component and everything that its code depends on.
fn name(engine: &Engine, hash: &blake3::Hash) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{}-{:016x}.{ENDING}", hash.to_hex(), hasher.finish())
}

/// Files of compiled code, with the time they were written.
fn compiled(folder: &Path) -> Vec<(SystemTime, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    paths
        .filter(|path| path.extension().is_some_and(|end| end == ENDING))
        .filter_map(|path| Some((fs::metadata(&path).ok()?.modified().ok()?, path)))
        .collect()
}

/// Writes beside the place and renames, so that nobody reads half a file; for its owner only.
fn write_whole(folder: &Path, name: &str, parts: &[&[u8]]) -> io::Result<()> {
    let beside = beside(folder)?;
    let written = fill(&beside, parts).and_then(|()| fs::rename(&beside, folder.join(name)));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

fn fill(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    parts.iter().try_for_each(|part| file.write_all(part))
}

/// A name nobody else has.
fn beside(folder: &Path) -> io::Result<PathBuf> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = folder.join(format!(".part-{}-{next}", std::process::id()));
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        // Left by a process of the same number that was killed.
        _ => Ok(path),
    }
}

/// The key of a folder; a new one where there is none, or where others could have read it.
fn key(folder: &Path) -> io::Result<[u8; PROOF]> {
    let path = folder.join(KEY);
    if let Some(key) = read_key(&path)? {
        return Ok(key);
    }
    for (_, stale) in compiled(folder) {
        fs::remove_file(stale)?;
    }
    let mut key = [0; PROOF];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    let beside = beside(folder)?;
    fill(&beside, &[&key])?;
    // A link, unlike a rename, does not replace what another process has put there meanwhile.
    let linked = fs::hard_link(&beside, &path);
    fs::remove_file(&beside)?;
    match linked {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            read_key(&path)?.ok_or_else(|| io::Error::other("its key was replaced meanwhile"))
        }
        Err(error) => Err(error),
    }
}

fn read_key(path: &Path) -> io::Result<Option<[u8; PROOF]>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let others = file.metadata()?.permissions().mode() & 0o077;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    if let (0, Ok(key)) = (others, bytes.try_into()) {
        return Ok(Some(key));
    }
    tracing::warn!(
        "`{}` could be read by others or is damaged: it is replaced, and all plugins are compiled anew",
        path.display()
    );
    fs::remove_file(path)?;
    Ok(None)
}
