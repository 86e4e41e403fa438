//! Adapters in JavaScript: npm for the packages, `componentize-qjs` for the component, with `QuickJS` in it and nothing of
//! WASI.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

/// What makes components of JavaScript, as its package is called.
pub(super) const PACKAGE: &str = "componentize-qjs";
/// The interface, below an adapter's folder.
const INTERFACE: &str = "mux/wit";

/// What is read of a `package.json`.
#[derive(Debug, Deserialize)]
struct Package {
    main: Option<PathBuf>,
}

/// Whether an adapter's folder holds JavaScript and no Rust.
pub(super) fn is_in(dir: &Path) -> bool {
    dir.join("package.json").is_file() && !dir.join("Cargo.toml").exists()
}

/// Makes a component of the adapter in `dir` at `out`. None where it does not build, for reasons that were printed.
pub(super) fn build(dir: &Path, out: &Path, log: &mut dyn FnMut(&str)) -> io::Result<Option<()>> {
    let tool = dir.join("node_modules").join(PACKAGE).join("cli.mjs");
    if !tool.is_file() {
        log(&format!("fetching {PACKAGE} with npm"));
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund"])
            .current_dir(dir);
        if !went_well(&mut npm)? {
            return Ok(None);
        }
    }
    let package = std::fs::read(dir.join("package.json"))?;
    let package: Package = serde_json::from_slice(&package)?;
    let main = package.main.unwrap_or_else(|| PathBuf::from("adapter.js"));
    log(&format!("compiling {} with {PACKAGE}", main.display()));
    let node = env::var_os("NODE").unwrap_or_else(|| OsString::from("node"));
    let mut tool_run = Command::new(node);
    tool_run
        .arg(tool)
        .args(["--world", "provider", "--sync", "--stub-wasi", "--wit"])
        .arg(dir.join(INTERFACE))
        .arg("--js")
        .arg(dir.join(main))
        .arg("--output")
        .arg(out)
        .current_dir(dir);
    Ok(went_well(&mut tool_run)?.then_some(()))
}

/// Runs a program whose output is of interest only where it fails.
fn went_well(command: &mut Command) -> io::Result<bool> {
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()?;
    Ok(status.success())
}
