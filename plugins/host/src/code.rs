//! Compiled code on its way from a file into memory: what was proven is what is run, whatever happens to the file meanwhile.

use std::fs::File;
use std::io::{self, Read, Seek as _, Write};

use wasmtime::Engine;
use wasmtime::component::Component;

/// Bytes read at once: little enough to be hashed and written while the processor still has them at hand.
const PIECE: usize = 128 << 10;

/// A copy of compiled code that nobody else can change.
pub(crate) enum Code {
    /// In a file without a name, in memory, that takes no more writing. It can be mapped: what never runs is never brought in.
    Sealed(File),
    /// As bytes, where the system has no such files.
    Bytes(Vec<u8>),
}

impl Code {
    /// Copies what is left of a file, and hashes what it copies.
    ///
    /// # Errors
    /// Those of reading, and of memory that is not to be had.
    pub(crate) fn copy(file: &mut File, hasher: &mut blake3::Hasher) -> io::Result<Self> {
        if let Some(mut sealed) = sealed::open() {
            copy(file, hasher, &mut sealed)?;
            sealed::seal(&sealed)?;
            return Ok(Self::Sealed(sealed));
        }
        let mut bytes = Vec::new();
        copy(file, hasher, &mut bytes)?;
        Ok(Self::Bytes(bytes))
    }

    /// The component whose code it is, which must have been proven to be what wasmtime wrote.
    ///
    /// # Errors
    /// When another wasmtime wrote it, or the system allows no code here.
    pub(crate) fn component(self, engine: &Engine) -> wasmtime::Result<Component> {
        match self {
            Self::Sealed(mut file) => mapped(engine, &file).or_else(|_| {
                // Without `/proc`, or where rules forbid to run what is mapped so.
                let mut bytes = Vec::new();
                file.rewind()?;
                file.read_to_end(&mut bytes)?;
                copied(engine, &bytes)
            }),
            Self::Bytes(bytes) => copied(engine, &bytes),
        }
    }
}

fn copy(file: &mut File, hasher: &mut blake3::Hasher, to: &mut impl Write) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let length = file.read(&mut piece)?;
        let Some(read) = piece.get(..length).filter(|read| !read.is_empty()) else {
            return Ok(());
        };
        hasher.update(read);
        to.write_all(read)?;
    }
}

fn mapped(engine: &Engine, file: &File) -> wasmtime::Result<Component> {
    let path = sealed::path(file);
    #[expect(
        unsafe_code,
        reason = "wasmtime requires a file that it wrote itself and that never changes. Its content carries a keyed hash of \
                  itself and of the name of component and engine, which was checked by the caller, by a key that only this user \
                  can read; what another version or configuration of wasmtime wrote has another name, and wasmtime checks that \
                  again. The file is sealed: it can be neither written nor cut"
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
    use std::fs::File;
    use std::io;
    use std::os::fd::AsRawFd as _;

    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

    /// A new file in memory; nothing where the system makes none.
    pub(super) fn open() -> Option<File> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        memfd_create("mux-plugin", flags).ok().map(File::from)
    }

    /// From here on it stays as it is.
    pub(super) fn seal(file: &File) -> io::Result<()> {
        let all = SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
        Ok(fcntl_add_seals(file, all)?)
    }

    pub(super) fn path(file: &File) -> String {
        format!("/proc/self/fd/{}", file.as_raw_fd())
    }
}

#[cfg(not(target_os = "linux"))]
mod sealed {
    use std::fs::File;
    use std::io;

    pub(super) fn open() -> Option<File> {
        None
    }

    pub(super) fn seal(_: &File) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn path(_: &File) -> String {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
