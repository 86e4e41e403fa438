//! Which policies a command is about, read and checked as the gateway does.

use crate::ending::Trouble;
use crate::found::{Found, Shape};
use crate::out::Out;
use clap::Args;
use mux_dsl::image::PriceList;
use mux_dsl::pack::Pack;
use mux_dsl::{Compiled, Image, Outside, compile_within};
use mux_gateway::clock::unix_ms;
use mux_gateway::plugins::adapter_of;
use mux_gateway::prices;
use mux_gateway::source::{Given, Source};
use mux_prices::Catalogue;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Which policies.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// A folder (its `.mux` files are one bundle), one file with its includes, or a bundle in one file (`.muxb`)
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
        let (image, found, _) = self.compiled(strict, out)?;
        Ok((image, found))
    }

    /// The same with what was read, where a guarantee that does not hold is told by whoever asks, and stops nothing.
    pub(crate) fn compile_forced(
        &self,
        out: &mut Out,
    ) -> Result<(Option<Image>, Found, Given), Trouble> {
        self.compiled(
            |roots, read, kinds| {
                let mut compiled = forced(roots, read, kinds);
                compiled
                    .diagnostics
                    .retain(|d| !d.code.starts_with("mux::guarantee::re"));
                compiled
            },
            out,
        )
    }

    fn compiled(
        &self,
        how: Compile,
        out: &mut Out,
    ) -> Result<(Option<Image>, Found, Given), Trouble> {
        let path = self.path();
        let read = read(path, how)?;
        let given = read.given();
        let compiled = read.compiled;
        let found = Found::new(path, compiled.diagnostics, compiled.sources);
        self.shape.problems(&found, out);
        Ok((compiled.image, found, given))
    }
}

/// How a bundle is compiled.
pub(crate) type Compile =
    fn(&[&str], &mut dyn FnMut(&str) -> Result<Vec<u8>, String>, &dyn Fn(&str) -> bool) -> Compiled;

/// What a bundle was compiled to, and the files it was read from by themselves.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) compiled: Compiled,
    pub(crate) roots: Vec<String>,
}

impl Read {
    /// What was read, for a gateway that is to serve just that.
    pub(crate) fn given(&self) -> Given {
        let files = self.compiled.sources.iter();
        let files = files.map(|(name, text)| (name.to_owned(), text.to_vec()));
        Given {
            roots: self.roots.clone(),
            files: files.collect(),
        }
    }
}

/// Compiles a folder or a file, as the gateway does.
pub(crate) fn compile(path: &Path) -> Result<Compiled, Trouble> {
    read(path, strict).map(|read| read.compiled)
}

/// The same, with one more file: its name and its text. Whoever asks about policies may do so although a guarantee of them
/// does not hold.
pub(crate) fn compile_with(path: &Path, more: Option<(&str, &str)>) -> Result<Compiled, Trouble> {
    read_with(path, more, forced).map(|read| read.compiled)
}

/// Compiles a folder, a file, or a bundle in one file.
pub(crate) fn read(path: &Path, how: Compile) -> Result<Read, Trouble> {
    read_with(path, None, how)
}

fn read_with(path: &Path, more: Option<(&str, &str)>, how: Compile) -> Result<Read, Trouble> {
    catalogue()?;
    if path.extension().is_some_and(|e| e == "muxb") {
        return unpacked(path, more, how);
    }
    let source = Source::new(path).map_err(Trouble::usage)?;
    let roots = source.roots().map_err(Trouble::usage)?;
    if roots.is_empty() {
        return Err(Trouble::usage(format!(
            "there is no `.mux` file in `{}`",
            path.display()
        )));
    }
    Ok(compiled(roots, more, how, &mut |name| source.read(name)))
}

/// Compiles files that are read as `read` says.
pub(crate) fn compiled(
    roots: Vec<String>,
    more: Option<(&str, &str)>,
    how: Compile,
    read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
) -> Read {
    let names = roots.iter().map(String::as_str);
    let names: Vec<&str> = names.chain(more.map(|(name, _)| name)).collect();
    let mut read = |name: &str| match more {
        Some((own, text)) if own == name => Ok(text.as_bytes().to_vec()),
        _ => read(name),
    };
    let compiled = how(&names, &mut read, &kinds);
    Read { compiled, roots }
}

/// A bundle in one file, held against its hashes first.
fn unpacked(path: &Path, more: Option<(&str, &str)>, how: Compile) -> Result<Read, Trouble> {
    let wrong = |why: &dyn std::fmt::Display| {
        Trouble::usage(format!("`{}` cannot be read: {why}", path.display()))
    };
    let bytes = std::fs::read(path).map_err(|e| wrong(&e))?;
    let pack = Pack::read(&bytes).map_err(|damage| wrong(&damage))?;
    let own = Compiled::unpacked(&pack, &kinds).map_err(|damage| wrong(&damage))?;
    let roots = pack.files().filter(|(_, root)| *root);
    let roots: Vec<String> = roots.map(|(path, _)| path.to_owned()).collect();
    Ok(compiled(roots, more, how, &mut |name| {
        let mut files = own.sources.iter();
        let found = files.find(|(path, _)| *path == name);
        let missing = || "it is not in the file".to_owned();
        found.map(|(_, bytes)| bytes.to_vec()).ok_or_else(missing)
    }))
}

/// Compiles as the gateway does, with the prices of the data folder.
pub(crate) fn strict(
    roots: &[&str],
    read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    kinds: &dyn Fn(&str) -> bool,
) -> Compiled {
    compile_within(roots, read, outside(kinds, &listed, false))
}

/// The same, where a guarantee that does not hold stops nothing.
pub(crate) fn forced(
    roots: &[&str],
    read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    kinds: &dyn Fn(&str) -> bool,
) -> Compiled {
    compile_within(roots, read, outside(kinds, &listed, true))
}

fn outside<'a>(
    kinds: &'a dyn Fn(&str) -> bool,
    prices: &'a dyn Fn(&str, &str) -> Option<PriceList>,
    force: bool,
) -> Outside<'a> {
    Outside {
        kinds,
        prices,
        force,
    }
}

/// What the catalogue of the data folder lists today.
pub(crate) fn listed(kind: &str, model: &str) -> Option<PriceList> {
    catalogue().ok()?.list(kind, model, unix_ms())
}

/// The catalogue of the data folder, as it was when this process first asked.
pub(crate) fn catalogue() -> Result<&'static Catalogue, Trouble> {
    static CATALOGUE: OnceLock<Result<Catalogue, String>> = OnceLock::new();
    let data = || std::env::var_os("MUX_DATA").unwrap_or_else(|| ".mux".into());
    let read = CATALOGUE.get_or_init(|| prices::read(Path::new(&data())));
    read.as_ref().map_err(Trouble::usage)
}

/// Whether an adapter for this kind is built in.
pub(crate) fn kinds(kind: &str) -> bool {
    mux_plugins::embedded()
        .iter()
        .any(|(name, _)| *name == adapter_of(kind))
}
