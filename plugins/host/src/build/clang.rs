//! Adapters in C: clang for the objects, wasm-ld for the module, and no library but the sources beside it.

use std::env;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::failure::BuildError;
use super::toolchain::{on_path, say};

/// What the adapter itself is in.
const ADAPTER: &str = "adapter.c";
/// What it stands on, below its folder.
const SDK: &str = "mux/sdk-c";
/// The interface, below its folder.
const INTERFACE: &str = "mux/wit/provider.wit";
/// Where objects go, below its folder.
const OBJECTS: &str = "build";

/// What clang is asked for. The features are named one by one, since what it takes for granted differs from release to
/// release.
pub const C_FLAGS: &[&str] = &[
    "--target=wasm32-unknown-unknown",
    "-std=gnu11",
    "-O2",
    "-ffreestanding",
    "-mcpu=mvp",
    "-mbulk-memory",
    "-mmutable-globals",
    "-mnontrapping-fptoint",
    "-msign-ext",
    "-msimd128",
    "-Wall",
    "-Wextra",
    "-Imux/sdk-c",
];
/// What wasm-ld is asked for. A stack that overflows traps, since nothing lies below it.
const LINKED: &[&str] = &[
    "--no-entry",
    "--gc-sections",
    "--strip-all",
    "--stack-first",
    "-zstack-size=131072",
];

/// Whether an adapter's folder holds C, and neither Rust nor JavaScript.
pub(super) fn is_in(dir: &Path) -> bool {
    let has = |name: &str| dir.join(name).is_file();
    has(ADAPTER) && !has("Cargo.toml") && !has("package.json")
}

/// A compiler that knows WebAssembly, and a linker.
#[derive(Debug)]
pub(super) struct Clang {
    compiler: PathBuf,
    linker: PathBuf,
    version: String,
}

impl Clang {
    /// `$CC`, `clang` or the newest with a version in its name: the first that has the target. The linker is the one it came
    /// with, where that is there: an older one may not read its objects.
    pub(super) fn find() -> Option<Self> {
        let named = env::var_os("CC").map(PathBuf::from);
        let mut compilers = named.into_iter().chain(on_path("clang"));
        let (compiler, version) = compilers.find_map(|compiler| {
            let targets = say(compiler.as_os_str(), &["-print-targets"])?;
            let version = say(compiler.as_os_str(), &["--version"])?;
            let version = version.lines().next()?.to_owned();
            targets.contains("wasm32").then_some((compiler, version))
        })?;
        let own = say(compiler.as_os_str(), &["-print-prog-name=wasm-ld"]).map(PathBuf::from);
        let linker = own
            .filter(|linker| linker.is_absolute())
            .or_else(|| on_path("wasm-ld"))?;
        Some(Self {
            compiler,
            linker,
            version,
        })
    }

    /// What the compiler calls itself.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// The module of the adapter in `dir`, with its interface. All that the compiler says is printed.
    pub(super) fn module(&self, dir: &Path) -> Result<Vec<u8>, BuildError> {
        let io = |error| BuildError::Io(dir.to_owned(), error);
        let objects = dir.join(OBJECTS);
        fs::create_dir_all(&objects).map_err(io)?;
        let mut link = Command::new(&self.linker);
        link.args(LINKED);
        for source in sources(dir).map_err(io)? {
            let shown = source.to_string_lossy().replace(['/', '\\'], "-");
            let object = objects.join(shown).with_extension("o");
            let mut compile = Command::new(&self.compiler);
            // Sources are named from here, so that nothing of the way to them is written down.
            compile.args(C_FLAGS).arg("-c").arg(source);
            went_well(compile.arg("-o").arg(&object), dir)?;
            link.arg(object);
        }
        let module = objects.join("adapter.wasm");
        went_well(link.arg("-o").arg(&module), dir)?;
        let mut module = fs::read(&module).map_err(|error| BuildError::Io(module, error))?;
        describe(&mut module, &dir.join(INTERFACE))?;
        Ok(module)
    }
}

/// Runs a program that says itself what is wrong.
fn went_well(command: &mut Command, dir: &Path) -> Result<(), BuildError> {
    let program = PathBuf::from(command.get_program());
    let ran = command.current_dir(dir).stdin(Stdio::null()).status();
    if ran
        .map_err(|error| BuildError::Io(program, error))?
        .success()
    {
        return Ok(());
    }
    Err(BuildError::Source(dir.to_owned()))
}

/// The C in the folder itself and what it stands on, always in the same order.
fn sources(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in ["", SDK] {
        for entry in fs::read_dir(dir.join(folder))? {
            let path = Path::new(folder).join(entry?.file_name());
            if path.extension().is_some_and(|end| end == "c") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Writes down in a module which interface it has.
fn describe(module: &mut Vec<u8>, interface: &Path) -> Result<(), BuildError> {
    let text = fs::read_to_string(interface)
        .map_err(|error| BuildError::Io(interface.to_owned(), error))?;
    let wrong = |error: &dyn fmt::Display| {
        BuildError::NotAnAdapter(format!("`{}`: {error}", interface.display()))
    };
    let mut resolve = Resolve::default();
    let package = resolve
        .push_source("provider.wit", &text)
        .map_err(|error| wrong(&format_args!("{error:#}")))?;
    resolve
        .select_world(&[package], Some("provider"))
        .and_then(|world| embed_component_metadata(module, &resolve, world, StringEncoding::UTF8))
        .map_err(|error| wrong(&format_args!("{error:#}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_counts_only_where_nothing_else_says_what_the_folder_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str| fs::write(folder.path().join(name), "").expect("a save");
        assert!(!is_in(folder.path()));
        write("adapter.c");
        assert!(is_in(folder.path()));
        write("Cargo.toml");
        assert!(!is_in(folder.path()));
    }
}
