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

/// Crates below `plugins`, and where their components go.
const COMPONENTS: [(&str, &str); 12] = [
    ("anthropic", "dist/anthropic.wasm"),
    ("azure", "dist/azure.wasm"),
    ("bedrock", "dist/bedrock.wasm"),
    ("cohere", "dist/cohere.wasm"),
    ("floor", "dist/floor.wasm"),
    ("gemini", "dist/gemini.wasm"),
    ("mistral", "dist/mistral.wasm"),
    ("ollama", "dist/ollama.wasm"),
    ("openai", "dist/openai.wasm"),
    ("vertex", "dist/vertex.wasm"),
    ("hostile/calls", "hostile/calls.wasm"),
    ("hostile/describe", "hostile/describe.wasm"),
];
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
    let target = if check {
        plugins.join("target/check")
    } else {
        plugins.clone()
    };
    let mut lines = String::from(HEADER);
    let mut same = true;
    for (name, file) in COMPONENTS {
        let built = build(&plugins.join(name), &target.join(file), &mut |line| {
            println!("{line}");
        })?;
        println!("{name}: {} bytes, {}", built.bytes, built.hash);
        writeln!(lines, "{name} {} {}", built.hash, digest(&plugins, name)?)?;
        if check && fs::read(plugins.join(file))? != fs::read(target.join(file))? {
            println!("{name}: {file} is not what {} builds", built.compiler);
            same = false;
        }
    }
    let sources = plugins.join("dist/SOURCES");
    if check {
        let current = fs::read_to_string(sources)? == lines;
        if !current {
            println!("dist/SOURCES is stale");
        }
        return Ok(same && current);
    }
    fs::write(sources, lines)?;
    Ok(true)
}
