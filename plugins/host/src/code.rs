//! Compiled code on its way from a file into memory: what was proven is what is run, whatever happens to the file meanwhile.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use wasmtime::Engine;
use wasmtime::component::Component;

/// Bytes read at once: little enough for the processor to have them at hand as they are hashed and written, and so many that
/// hashing is quick.
const PIECE: usize = 256 << 10;

/// A copy of compiled code that nobody else can change.
pub(crate) enum Code {
    /// In a file without a name, in memory, that takes no more writing. It can be mapped, which spares another copy. What is
    /// proven is what goes into it; until it is sealed only this process has it, and whoever could reach into that could
    /// read the key as well.
    Sealed(File),
    /// As bytes, where the system has no such files.
    Bytes(Vec<u8>),
}

impl Code {
    /// Copies what is left of a file, and hashes what it copies.
    ///
    /// # Errors
    /// Those of reading.
    pub(crate) fn copy(file: &mut File, hasher: &mut blake3::Hasher) -> io::Result<Self> {
        let begin = file.stream_position()?;
        let mut proving = hasher.clone();
        let copied = sealed::copy(file, |piece| {
            proving.update(piece);
        });
        match copied {
            Ok(copy) => {
                *hasher = proving;
                return Ok(Self::Sealed(copy));
            }
            Err(error) => tracing::debug!("compiled code is kept as bytes: {error}"),
        }
        file.seek(SeekFrom::Start(begin))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        hasher.update(&bytes);
        Ok(Self::Bytes(bytes))
    }

    /// The component whose code it is, which must have been proven to be what wasmtime wrote.
    ///
    /// # Errors
    /// When another wasmtime wrote it, or the system allows no code here.
    pub(crate) fn component(self, engine: &Engine) -> wasmtime::Result<Component> {
        match self {
            Self::Sealed(mut file) => mapped(engine, &file).or_else(|error| {
                // Without `/proc`, or where rules forbid to run what is mapped so.
                tracing::debug!("compiled code is not mapped: {error:#}");
                let mut bytes = Vec::new();
                file.rewind()?;
                file.read_to_end(&mut bytes)?;
                copied(engine, &bytes)
            }),
            Self::Bytes(bytes) => copied(engine, &bytes),
        }
    }
}

/// Reads what is left of a file, piece by piece.
fn pieces(file: &mut File, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let length = file.read(&mut piece)?;
        match piece.get(..length) {
            Some(read) if !read.is_empty() => each(read)?,
            _ => return Ok(()),
        }
    }
}

fn mapped(engine: &Engine, file: &File) -> wasmtime::Result<Component> {
    let path = sealed::path(file)?;
    #[expect(
        unsafe_code,
        reason = "wasmtime requires a file that it wrote itself and that never changes. What was copied into it carries a keyed \
                  hash of itself and of the name of component and engine, which was checked by the caller, by a key that only \
                  this user can read; what another version or configuration of wasmtime wrote has another name, and wasmtime \
                  checks that again. The file has no name, nobody else had it as it was written, and it is sealed since: it can be \
                  neither written nor cut"
    )]
    // SAFETY: see the reason.
    unsafe {
        Component::deserialize_file(engine, path)
    }
}

fn copied(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Component> {
    #[expect(
        unsafe_code,
        reason = "as of the file that is mapped; wasmtime copies these bytes"
    )]
    // SAFETY: see the reason.
    unsafe {
        Component::deserialize(engine, bytes)
    }
}

#[cfg(target_os = "linux")]
mod sealed {
    use std::fs::{self, File};
    use std::io::{self, Write as _};
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::MetadataExt as _;

    use super::pieces;
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

    /// What is left of a file, told piece by piece, in a file in memory that stays as it is from here on.
    pub(super) fn copy(file: &mut File, mut each: impl FnMut(&[u8])) -> io::Result<File> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let mut copy = File::from(memfd_create("mux-plugin", flags)?);
        pieces(file, |piece| {
            each(piece);
            copy.write_all(piece)
        })?;
        let all = SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
        fcntl_add_seals(&copy, all)?;
        Ok(copy)
    }

    /// Where it can be opened again, which is looked at: without a `/proc` of the system's, anything could lie there.
    pub(super) fn path(file: &File) -> io::Result<String> {
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let (own, there) = (file.metadata()?, fs::metadata(&path)?);
        if (own.dev(), own.ino()) == (there.dev(), there.ino()) {
            Ok(path)
        } else {
            Err(io::Error::other(format!("`{path}` is another file")))
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod sealed {
    use std::fs::File;
    use std::io;

    pub(super) fn copy(_: &mut File, _: impl FnMut(&[u8])) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn path(_: &File) -> io::Result<String> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    /// A component in which nothing is.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    #[test]
    fn a_copy_is_whole_and_takes_no_more_writing() {
        let content: Vec<u8> = (0..PIECE * 2 + 7).map(|at| at.to_le_bytes()[0]).collect();
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&content).expect("room");
        file.rewind().expect("a file");
        let mut hasher = blake3::Hasher::new();
        let code = Code::copy(&mut file, &mut hasher).expect("a copy");
        assert_eq!(hasher.finalize(), blake3::hash(&content));
        let bytes = match code {
            Code::Sealed(mut sealed) => {
                assert!(sealed.write_all(b"more").is_err());
                assert!(sealed.set_len(3).is_err());
                let mut bytes = Vec::new();
                sealed.rewind().expect("a file");
                sealed.read_to_end(&mut bytes).expect("its content");
                bytes
            }
            Code::Bytes(bytes) => bytes,
        };
        assert_eq!(bytes, content);
    }

    #[test]
    fn code_is_run_where_it_was_proven() {
        let engine = Engine::default();
        let component = Component::new(&engine, EMPTY).expect("a component");
        let code = component.serialize().expect("its code");
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&code).expect("room");
        file.rewind().expect("a file");
        let code = Code::copy(&mut file, &mut blake3::Hasher::new()).expect("a copy");
        if let Code::Sealed(sealed) = &code {
            mapped(&engine, sealed).expect("it is mapped");
        }
        code.component(&engine).expect("a component");
        let bytes = Code::Bytes(component.serialize().expect("its code"));
        bytes.component(&engine).expect("a component");
    }
}
