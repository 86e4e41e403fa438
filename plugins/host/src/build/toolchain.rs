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
            let linker = on_path("wasm-ld")?;
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

/// A program on the search path, or else the newest with a version in its name, as in `wasm-ld-22`.
pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let found = env::split_paths(&path)
        .filter_map(|folder| folder.read_dir().ok())
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let version = version(path.file_name()?.to_str()?, name)?;
            Some((version, path))
        });
    // Of the same version the first on the path.
    let newest = found.reduce(|best, other| if other.0 > best.0 { other } else { best });
    newest.map(|(_, path)| path)
}

/// The version in a file's name, where it is that of the program; one without is above all others.
fn version(file: &str, program: &str) -> Option<u32> {
    match file.strip_prefix(program)? {
        "" => Some(u32::MAX),
        rest => {
            let digits = rest.strip_prefix('-')?;
            let all = digits.bytes().all(|byte| byte.is_ascii_digit());
            all.then(|| digits.parse().ok()).flatten()
        }
    }
}

/// What a program prints.
pub(super) fn say(program: &OsStr, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_program_and_its_versions_count_and_the_newest_is_the_one() {
        assert_eq!(version("wasm-ld", "wasm-ld"), Some(u32::MAX));
        assert!(version("wasm-ld-9", "wasm-ld") < version("wasm-ld-22", "wasm-ld"));
        for other in [
            "wasm-ld-22.bak",
            "ld",
            "wasm-ld-",
            "wasm-ld.exe",
            "clang++-14",
        ] {
            assert_eq!(version(other, "wasm-ld"), None, "{other}");
        }
    }
}
