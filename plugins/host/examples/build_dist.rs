//! Rebuilds `plugins/dist`, or with `--check` says whether it is what its sources build to.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program"
)]

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use mux_plugins::build::{build, digest};

const NAMES: [&str; 2] = ["anthropic", "openai"];
const HEADER: &str = "# component, BLAKE3 of the component, BLAKE3 of what it was built from\n";

fn main() -> ExitCode {
    let check = std::env::args().any(|argument| argument == "--check");
    match run(check) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run(check: bool) -> Result<bool, Box<dyn Error>> {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()?;
    let dist = plugins.join("dist");
    let target = if check {
        plugins.join("target/check")
    } else {
        dist.clone()
    };
    let mut lines = String::from(HEADER);
    let mut same = true;
    for name in NAMES {
        let file = format!("{name}.wasm");
        let built = build(&plugins.join(name), &target.join(&file), &mut |line| {
            println!("{line}")
        })?;
        println!("{name}: {} bytes, {}", built.bytes, built.hash);
        writeln!(lines, "{name} {} {}", built.hash, digest(&plugins, name)?)?;
        if check && fs::read(dist.join(&file))? != fs::read(target.join(&file))? {
            println!("{name}: dist/{file} is not what {} builds", built.compiler);
            same = false;
        }
    }
    if check {
        let current = fs::read_to_string(dist.join("SOURCES"))? == lines;
        if !current {
            println!("dist/SOURCES is stale");
        }
        return Ok(same && current);
    }
    fs::write(dist.join("SOURCES"), lines)?;
    Ok(true)
}
