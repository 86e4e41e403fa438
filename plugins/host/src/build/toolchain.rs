//! Finds something that compiles to WebAssembly, and tells it to leave this machine's paths out.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The target adapters are built for: it imports nothing.
pub(super) const TARGET: &str = "wasm32-unknown-unknown";
/// Debian's compiler, whose packages can be installed without rustup.
const SYSTEM_RUSTC: &str = "/usr/bin/rustc";
/// Where a toolchain keeps the sources of the standard library, below its root.
const SOURCES: &str = "lib/rustlib/src/rust";
/// What is asked of the compiler beside: sixteen bytes at once where texts are looked through, and a stack that leaves the
/// memory of an instance small.
const FLAGS: [&str; 2] = [
    "-Ctarget-feature=+simd128",
    "-Clink-arg=-zstack-size=262144",
];

/// A compiler and how to make it compile to [`TARGET`].
#[derive(Debug, Clone)]
pub(super) struct Toolchain {
    rustc: OsString,
    version: String,
    sysroot: PathBuf,
    /// The linker to name, where the standard library must be built from its sources.
    from_sources: Option<PathBuf>,
}

impl Toolchain {
    /// The first compiler that has the target installed, or else the first with the library's sources and a
    /// linker to be had.
    pub(super) fn find() -> Option<Self> {
        let named = env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
        let found: Vec<Self> = [named, OsString::from(SYSTEM_RUSTC)]
            .into_iter()
            .filter_map(Self::ask)
            .collect();
        let ready = found.iter().find(|toolchain| toolchain.has_target());
        ready.cloned().or_else(|| {
            let linker = linker()?;
            let mut toolchain = found.into_iter().find(Self::has_sources)?;
            toolchain.from_sources = Some(linker);
            Some(toolchain)
        })
    }

    fn ask(rustc: OsString) -> Option<Self> {
        let version = say(&rustc, &["--version"])?;
        let sysroot = PathBuf::from(say(&rustc, &["--print", "sysroot"])?);
        Some(Self {
            rustc,
            version,
            sysroot,
            from_sources: None,
        })
    }

    fn has_target(&self) -> bool {
        self.sysroot
            .join("lib/rustlib")
            .join(TARGET)
            .join("lib")
            .is_dir()
    }

    fn has_sources(&self) -> bool {
        self.sysroot.join(SOURCES).join("library/std").is_dir()
    }

    /// What the compiler calls itself.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// Further arguments for `cargo build`.
    pub(super) fn extra(&self) -> &'static [&'static str] {
        match self.from_sources {
            Some(_) => &["-Zbuild-std=std,panic_abort"],
            None => &[],
        }
    }

    /// Cargo with this compiler, for the crate in `dir`.
    pub(super) fn cargo(&self, dir: &Path) -> io::Result<Command> {
        let mut cargo = host();
        cargo
            .env("RUSTC", &self.rustc)
            .env("CARGO_ENCODED_RUSTFLAGS", self.flags(dir)?)
            .env_remove("RUSTFLAGS");
        if let Some(linker) = &self.from_sources {
            // Building the standard library is not yet a stable option of cargo.
            cargo
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        Ok(cargo)
    }

    /// Flags for quick code in little memory, and those that replace every path a compiler might write down.
    fn flags(&self, dir: &Path) -> io::Result<OsString> {
        let workspace = workspace(dir)?;
        let home = env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(env::home_dir()?.join(".cargo")));
        let sources = self.sysroot.join(SOURCES);
        let places = [
            Some((
                sources.canonicalize().unwrap_or_else(|_| sources.clone()),
                "/rust",
            )),
            Some((sources, "/rust")),
            home.map(|home| (home, "/cargo")),
            Some((workspace, "/plugins")),
        ];
        let mut flags = OsString::from(FLAGS.join("\u{1f}"));
        for (from, to) in places.into_iter().flatten() {
            flags.push("\u{1f}--remap-path-prefix=");
            flags.push(&from);
            flags.push("=");
            flags.push(to);
        }
        Ok(flags)
    }
}

/// Cargo for this machine, with a target folder of the crate's own.
pub(super) fn host() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    cargo.env_remove("CARGO_TARGET_DIR");
    cargo
}

/// The root of the workspace a crate belongs to.
fn workspace(dir: &Path) -> io::Result<PathBuf> {
    let mut folders = dir.ancestors().skip(1);
    let is_root = |folder: &&Path| {
        std::fs::read_to_string(folder.join("Cargo.toml"))
            .is_ok_and(|text| text.contains("[workspace]"))
    };
    folders.find(is_root).unwrap_or(dir).canonicalize()
}

/// A linker for WebAssembly on the search path: `wasm-ld`, or the newest with a version in its name.
fn linker() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let mut found: Vec<PathBuf> = env::split_paths(&path)
        .filter_map(|folder| folder.read_dir().ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_name()
                .and_then(OsStr::to_str)
                .is_some_and(is_linker)
        })
        .collect();
    found.sort_by_key(|path| path.file_name().map(OsStr::len));
    let plain = found.iter().find(|path| path.ends_with("wasm-ld")).cloned();
    plain.or_else(|| found.into_iter().max())
}

fn is_linker(name: &str) -> bool {
    name == "wasm-ld"
        || name
            .strip_prefix("wasm-ld-")
            .is_some_and(|version| version.bytes().all(|byte| byte.is_ascii_digit()))
}

/// One line a program prints.
fn say(program: &OsStr, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_linkers_for_webassembly_count() {
        assert!(is_linker("wasm-ld"));
        assert!(is_linker("wasm-ld-22"));
        assert!(!is_linker("wasm-ld-22.bak"));
        assert!(!is_linker("ld"));
    }
}
