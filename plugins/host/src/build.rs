//! Makes components from adapters: of a crate cargo makes the module, of C clang, and wit-component the component; of
//! JavaScript `componentize-qjs` makes all of it.
//!
//! A component holds no path of the machine it was built on, so that the same sources and the same compiler give
//! the same bytes everywhere.

mod clang;
mod failure;
mod javascript;
mod sources;
mod toolchain;

use std::fmt;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use wit_component::ComponentEncoder;

pub use clang::C_FLAGS;
pub use failure::BuildError;
pub use sources::digest;

use clang::Clang;
use toolchain::{TARGET, Toolchain};

/// A component that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// Where it is.
    pub path: PathBuf,
    /// Its length, in bytes.
    pub bytes: usize,
    /// BLAKE3 of it, in hexadecimal.
    pub hash: String,
    /// What compiled it, as it names itself.
    pub compiler: String,
}

/// Builds the adapter in `dir` to a component at `out`. `log` gets a line at a time of what goes on.
///
/// # Errors
/// When the machine lacks what it takes, when the crate does not build, or is no adapter.
pub fn build(dir: &Path, out: &Path, log: &mut dyn FnMut(&str)) -> Result<Built, BuildError> {
    if javascript::is_in(dir) {
        return scripted(dir, out, log);
    }
    if clang::is_in(dir) {
        return freestanding(dir, out, log);
    }
    let toolchain = Toolchain::find().ok_or(BuildError::NoTarget)?;
    log(&format!("compiling with {}", toolchain.version()));
    let module = compile(&toolchain, dir, log)?;
    let bytes = fs::read(&module).map_err(|error| BuildError::Io(module.clone(), error))?;
    let component = componentize(&bytes)?;
    write(out, &component)?;
    Ok(Built::of(out, &component, toolchain.version()))
}

fn scripted(dir: &Path, out: &Path, log: &mut dyn FnMut(&str)) -> Result<Built, BuildError> {
    let io = |error| BuildError::Io(dir.to_owned(), error);
    let dir = dir.canonicalize().map_err(io)?;
    let made = dir.join("node_modules/.component.wasm");
    match javascript::build(&dir, &made, log) {
        Ok(Some(())) => {}
        Ok(None) => return Err(BuildError::Script(dir)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(BuildError::NoNode),
        Err(error) => return Err(BuildError::Io(dir, error)),
    }
    let component = fs::read(&made).map_err(|error| BuildError::Io(made.clone(), error))?;
    write(out, &component)?;
    Ok(Built::of(out, &component, javascript::PACKAGE))
}

fn freestanding(dir: &Path, out: &Path, log: &mut dyn FnMut(&str)) -> Result<Built, BuildError> {
    let clang = Clang::find().ok_or(BuildError::NoClang)?;
    log(&format!("compiling with {}", clang.version()));
    let dir = dir
        .canonicalize()
        .map_err(|error| BuildError::Io(dir.to_owned(), error))?;
    let component = componentize(&clang.module(&dir)?)?;
    write(out, &component)?;
    Ok(Built::of(out, &component, clang.version()))
}

impl Built {
    fn of(path: &Path, component: &[u8], compiler: &str) -> Self {
        Self {
            path: path.to_owned(),
            bytes: component.len(),
            hash: blake3::hash(component).to_hex().to_string(),
            compiler: compiler.to_owned(),
        }
    }
}

/// What would compile adapters on this machine, as it names itself; nothing where there is nothing.
#[must_use]
pub fn compiler() -> Option<String> {
    Toolchain::find().map(|toolchain| toolchain.version().to_owned())
}

/// What would compile adapters in C on this machine, as it names itself; nothing where there is nothing.
#[must_use]
pub fn c_compiler() -> Option<String> {
    Clang::find().map(|clang| clang.version().to_owned())
}

/// Turns a core module that carries its interface into a component.
///
/// # Errors
/// When it carries none, or does not keep to it.
pub fn componentize(module: &[u8]) -> Result<Vec<u8>, BuildError> {
    let wrong = |error: &dyn fmt::Display| BuildError::NotAnAdapter(error.to_string());
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| wrong(&format_args!("{error:#}")))
}

/// One line of cargo's machine-readable output, as far as it matters here.
#[derive(Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<PathBuf>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
    executable: Option<PathBuf>,
}

fn compile(
    toolchain: &Toolchain,
    dir: &Path,
    log: &mut dyn FnMut(&str),
) -> Result<PathBuf, BuildError> {
    let io = |error| BuildError::Io(dir.to_owned(), error);
    let dir = dir.canonicalize().map_err(io)?;
    let io = |error| BuildError::Io(dir.clone(), error);
    let manifest = dir.join("Cargo.toml");
    let mut command = toolchain.cargo(&dir).map_err(io)?;
    command
        .args([
            "build",
            "--release",
            "--message-format",
            "json-render-diagnostics",
        ])
        .args(["--target", TARGET, "--manifest-path"])
        .arg(&manifest)
        .args(toolchain.extra())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let wasm = |path: &PathBuf| path.extension().is_some_and(|end| end == "wasm");
    let made = artifacts(command, &dir, &manifest, log)?;
    let mut files = made.into_iter().flat_map(|message| message.filenames);
    files.rfind(wasm).ok_or(BuildError::NoModule(dir))
}

/// Builds the example `native` of an adapter crate: the adapter as a program that answers the calls of a component. None
/// where it has no such example.
///
/// # Errors
/// When it does not build.
pub fn native(dir: &Path, log: &mut dyn FnMut(&str)) -> Result<Option<PathBuf>, BuildError> {
    if !dir.join("examples/native.rs").is_file() {
        return Ok(None);
    }
    let io = |error| BuildError::Io(dir.to_owned(), error);
    let dir = dir.canonicalize().map_err(io)?;
    let manifest = dir.join("Cargo.toml");
    let mut command = toolchain::host();
    command
        .args(["build", "--example", "native", "--message-format"])
        .args(["json-render-diagnostics", "--manifest-path"])
        .arg(&manifest)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let made = artifacts(command, &dir, &manifest, log)?;
    Ok(made
        .into_iter()
        .filter_map(|message| message.executable)
        .next_back())
}

/// Runs cargo and gives what it made of the crate itself.
fn artifacts(
    mut command: Command,
    dir: &Path,
    manifest: &Path,
    log: &mut dyn FnMut(&str),
) -> Result<Vec<Message>, BuildError> {
    let io = |error| BuildError::Io(dir.to_owned(), error);
    let mut child = command.spawn().map_err(io)?;
    let mut made = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.map_err(io)?;
            let Ok(message) = serde_json::from_str::<Message>(&line) else {
                log(&line);
                continue;
            };
            let ours = message.manifest_path.as_deref() == Some(manifest);
            if message.reason == "compiler-artifact" && ours {
                made.push(message);
            }
        }
    }
    if !child.wait().map_err(io)?.success() {
        return Err(BuildError::Cargo(dir.to_owned()));
    }
    Ok(made)
}

/// Writes beside the place and renames, so that nobody who watches the folder sees half a file.
fn write(out: &Path, component: &[u8]) -> Result<(), BuildError> {
    let io = |error| BuildError::Io(out.to_owned(), error);
    if let Some(folder) = out.parent() {
        fs::create_dir_all(folder).map_err(io)?;
    }
    let beside = out.with_extension("wasm.part");
    fs::write(&beside, component).map_err(io)?;
    fs::rename(&beside, out).map_err(io)
}
