//! Where the policies of a command come from: a path, a revision of git, or a version that a gateway keeps.

mod git;

use crate::bundle::{Read, compiled, forced, read};
use crate::ending::Trouble;
use crate::operator::{Said, ask};
use clap::Args;
use hyper::Method;
use mux_dsl::Severity;
use mux_dsl::canon::Hash;
use mux_dsl::{Compiled, Image};
use mux_gateway::source::Given;
use mux_store::Store;
use serde::Serialize;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What names of revisions and versions are looked up in.
#[derive(Debug, Args)]
pub(crate) struct Places {
    /// The folder or file of policies that a revision without a path means
    #[arg(long, default_value = "policies")]
    policies: PathBuf,
    /// The gateway's data folder, where versions are kept
    #[arg(long, env = "MUX_DATA", default_value = ".mux")]
    data: PathBuf,
}

/// A bundle and what it was named by.
#[derive(Debug)]
pub(crate) struct Origin {
    /// As it was named, and what that is.
    pub(crate) name: String,
    pub(crate) image: Image,
    pub(crate) source: Hash,
}

/// An origin in a result.
#[derive(Debug, Serialize)]
pub(crate) struct Named<'n> {
    name: &'n str,
    semantic: Hash,
    source: Hash,
}

impl Origin {
    /// For a result.
    pub(crate) fn named(&self) -> Named<'_> {
        Named {
            name: &self.name,
            semantic: self.image.semantic().hash,
            source: self.source,
        }
    }
}

impl Places {
    /// Those of a command that names its policies in a way of its own.
    pub(crate) fn new(policies: &Path, data: &Path) -> Self {
        Self {
            policies: policies.to_owned(),
            data: data.to_owned(),
        }
    }

    /// Finds and compiles what was named: a path, `REV:PATH`, a version, or a revision.
    pub(crate) fn find(&self, named: &str) -> Result<Origin, Trouble> {
        let (name, read) = self.read(named)?;
        let source = read.compiled.source_hash();
        match read.compiled.image {
            Some(image) => Ok(Origin {
                name,
                image,
                source,
            }),
            None => Err(Trouble::Usage(broken(&name, &read.compiled))),
        }
    }

    /// The same as it was read, for a gateway that is to serve just that; and its name.
    pub(crate) fn given(&self, named: &str) -> Result<(String, Given), Trouble> {
        let (name, read) = self.read(named)?;
        match read.compiled.image {
            Some(_) => Ok((name, read.given())),
            None => Err(Trouble::Usage(broken(&name, &read.compiled))),
        }
    }

    /// The policies as they are.
    pub(crate) fn here(&self) -> Result<Origin, Trouble> {
        self.find(&self.policies.to_string_lossy())
    }

    fn read(&self, named: &str) -> Result<(String, Read), Trouble> {
        let path = Path::new(named);
        if path.exists() {
            return Ok((named.to_owned(), read(path, forced)?));
        }
        if let Some((revision, path)) = named.split_once(':')
            && let Some(commit) = git::commit(revision)
        {
            return Ok((named.to_owned(), git::read(&commit, path)?));
        }
        if let Some(read) = self.version(named)? {
            return Ok((format!("version {named}"), read));
        }
        if let Some(commit) = git::commit(named) {
            let path = self.policies.to_string_lossy();
            let read = git::read(&commit, &format!("./{}", path.trim_start_matches("./")))?;
            return Ok((named.to_owned(), read));
        }
        Err(Trouble::usage(format!(
            "`{named}` is no file, no folder, no version in `{}` and no revision of git here; write a path, `REV:PATH`, `REV` or a version id",
            self.data.display()
        )))
    }

    /// A version by its id or the beginning of it; `None` where it is no such thing.
    fn version(&self, id: &str) -> Result<Option<Read>, Trouble> {
        let digits = id.len() >= 6 && id.len() <= 64 && id.chars().all(|c| c.is_ascii_hexdigit());
        let name = matches!(id, "live" | "folder" | "draft" | "canary");
        if !digits && !name {
            return Ok(None);
        }
        let path = format!("/versions/{id}");
        let files = match ask(&self.data, Method::GET, &path, None)? {
            Said::Yes(value) => sent(&value),
            Said::No(_) => return Ok(None),
            Said::Nobody => {
                let store = self.data.join("store");
                if !store.exists() {
                    return Ok(None);
                }
                let store = Store::open(&store).map_err(Trouble::usage)?;
                match store.version(id) {
                    Ok(version) => version.files,
                    Err(_) => return Ok(None),
                }
            }
        };
        Ok(Some(kept(&files)))
    }
}

/// The files that a gateway sent.
fn sent(value: &Value) -> Vec<(String, Vec<u8>)> {
    let files = value.get("files").and_then(Value::as_array);
    let text = |file: &Value, name: &str| file.get(name).and_then(Value::as_str).map(str::to_owned);
    let file = |file: &Value| Some((text(file, "path")?, text(file, "text")?.into_bytes()));
    files.into_iter().flatten().filter_map(file).collect()
}

/// Compiles a version as the gateway does that keeps it.
fn kept(files: &[(String, Vec<u8>)]) -> Read {
    let mut roots: Vec<String> = files
        .iter()
        .map(|(path, _)| path.clone())
        .filter(|path| Path::new(path).extension().is_some_and(|e| e == "mux"))
        .collect();
    roots.sort();
    compiled(roots, None, forced, &mut |name| {
        let found = files.iter().find(|(path, _)| path == name);
        let missing = || "not part of this version".to_owned();
        found.map(|(_, bytes)| bytes.clone()).ok_or_else(missing)
    })
}

/// Why a bundle cannot be compared.
fn broken(name: &str, compiled: &Compiled) -> String {
    let errors: Vec<_> = compiled
        .diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .cloned()
        .collect();
    let shown = mux_dsl::render(&errors, &compiled.sources, false);
    format!("the policies of `{name}` do not load:\n{shown}")
}
