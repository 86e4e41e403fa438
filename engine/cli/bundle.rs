//! Which policies a command is about, read and checked as the gateway does.

use crate::ending::Trouble;
use crate::found::{Found, Shape};
use crate::out::Out;
use clap::Args;
use mux_dsl::{Compiled, Image};
use mux_gateway::plugins::adapter_of;
use mux_gateway::source::Source;
use std::path::{Path, PathBuf};

/// Which policies.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// A folder (its `.mux` files are one bundle) or one file with its includes
    #[arg(default_value = "policies")]
    path: PathBuf,
    /// The same, spelled as `mux serve` spells it
    #[arg(long, conflicts_with = "path")]
    policies: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) shape: Shape,
}

impl Which {
    /// The folder or file.
    pub(crate) fn path(&self) -> &Path {
        self.policies.as_deref().unwrap_or(&self.path)
    }

    /// Reads and checks; people see at once what is wrong.
    pub(crate) fn compile(&self, out: &mut Out) -> Result<(Option<Image>, Found), Trouble> {
        self.compiled(mux_dsl::compile, out)
    }

    /// The same, where a guarantee that does not hold is told by whoever asks, and stops nothing.
    pub(crate) fn compile_forced(&self, out: &mut Out) -> Result<(Option<Image>, Found), Trouble> {
        self.compiled(
            |roots, read, kinds| {
                let mut compiled = mux_dsl::compile_forced(roots, read, kinds);
                compiled
                    .diagnostics
                    .retain(|d| !d.code.starts_with("mux::guarantee::re"));
                compiled
            },
            out,
        )
    }

    fn compiled(&self, how: Compile, out: &mut Out) -> Result<(Option<Image>, Found), Trouble> {
        let path = self.path();
        let compiled = read(path, None, how)?;
        let found = Found::new(path, compiled.diagnostics, compiled.sources);
        self.shape.problems(&found, out);
        Ok((compiled.image, found))
    }
}

/// Compiles a folder or a file, as the gateway does.
pub(crate) fn compile(path: &Path) -> Result<Compiled, Trouble> {
    compile_with(path, None)
}

/// The same, with one more file: its name and its text.
pub(crate) fn compile_with(path: &Path, more: Option<(&str, &str)>) -> Result<Compiled, Trouble> {
    read(path, more, mux_dsl::compile)
}

/// How a bundle is compiled.
type Compile =
    fn(&[&str], &mut dyn FnMut(&str) -> Result<Vec<u8>, String>, &dyn Fn(&str) -> bool) -> Compiled;

fn read(path: &Path, more: Option<(&str, &str)>, how: Compile) -> Result<Compiled, Trouble> {
    let source = Source::new(path).map_err(Trouble::usage)?;
    let roots = source.roots().map_err(Trouble::usage)?;
    if roots.is_empty() {
        return Err(Trouble::usage(format!(
            "there is no `.mux` file in `{}`",
            path.display()
        )));
    }
    let names = roots.iter().map(String::as_str);
    let names: Vec<&str> = names.chain(more.map(|(name, _)| name)).collect();
    Ok(how(
        &names,
        &mut |name| match more {
            Some((own, text)) if own == name => Ok(text.as_bytes().to_vec()),
            _ => source.read(name),
        },
        &kinds,
    ))
}

/// Whether an adapter for this kind is built in.
pub(crate) fn kinds(kind: &str) -> bool {
    mux_plugins::embedded()
        .iter()
        .any(|(name, _)| *name == adapter_of(kind))
}
