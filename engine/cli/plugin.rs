//! `mux plugin`: build provider plugins, and see what is in one.

use crate::ending::{Exit, Outcome, Trouble};
use crate::out::{Format, Out, columns};
use clap::{Args, Subcommand};
use mux_plugins::{Host, Limits, Plugin as Loaded};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;

/// Build and inspect provider plugins
#[derive(Debug, Subcommand)]
pub(crate) enum Plugin {
    /// Build an adapter crate to a component
    Build(Build),
    /// List the built-in adapters, and those of a folder
    List(List),
}

impl Plugin {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        match self {
            Self::Build(build) => build.run(out),
            Self::List(list) => list.run(out),
        }
    }
}

/// Build an adapter crate to a component
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The crate
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// The file to write
    #[arg(long, short, value_name = "FILE.wasm")]
    out: Option<PathBuf>,
}

impl Build {
    fn run(self, out: &mut Out) -> Outcome {
        let dir = self
            .dir
            .canonicalize()
            .map_err(|e| Trouble::usage(format!("`{}`: {e}", self.dir.display())))?;
        let name = dir
            .file_name()
            .map_or_else(|| "plugin".to_owned(), |n| n.to_string_lossy().into_owned());
        let file = self
            .out
            .unwrap_or_else(|| PathBuf::from(format!("{name}.wasm")));
        match mux_plugins::build::build(&dir, &file, &mut |line| out.error(line)) {
            Ok(_) => {
                out.line(&format!(
                    "built {}; drop it into a gateway's plugin folder",
                    file.display()
                ));
                Ok(Exit::Good)
            }
            Err(why) => Err(Trouble::usage(why)),
        }
    }
}

/// List the built-in adapters, and those of a folder
#[derive(Debug, Args)]
pub(crate) struct List {
    /// A plugin folder
    #[arg(long)]
    plugins: Option<PathBuf>,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
}

impl List {
    fn run(self, out: &mut Out) -> Outcome {
        let host = Host::new(Limits::default()).map_err(Trouble::internal)?;
        let mut rows = Vec::new();
        let mut bad = false;
        for (name, bytes) in mux_plugins::embedded() {
            rows.push((
                format!("built in: {name}"),
                host.load(name, bytes).map_err(|e| e.to_string()),
            ));
        }
        for path in self.plugins.iter().flat_map(|dir| {
            std::fs::read_dir(dir)
                .into_iter()
                .flatten()
                .filter_map(Result::ok)
        }) {
            let path = path.path();
            if path.extension().is_none_or(|e| e != "wasm") {
                continue;
            }
            let loaded = std::fs::read(&path)
                .map_err(|e| e.to_string())
                .and_then(|bytes| {
                    host.load(&path.display().to_string(), &bytes)
                        .map_err(|e| e.to_string())
                });
            rows.push((path.display().to_string(), loaded));
        }
        let mut table = vec![
            ["where", "id", "version", "hash"]
                .map(str::to_owned)
                .to_vec(),
        ];
        let mut listed = Vec::new();
        for (place, loaded) in rows {
            match loaded {
                Ok(plugin) => {
                    table.push(vec![
                        place.clone(),
                        plugin.id().to_owned(),
                        plugin.version().to_owned(),
                        short(&plugin),
                    ]);
                    listed.push(json!({"where": place, "id": plugin.id(), "version": plugin.version(), "hash": plugin.hash()}));
                }
                Err(why) => {
                    bad = true;
                    table.push(vec![place.clone(), "does not load".to_owned(), why.clone()]);
                    listed.push(json!({"where": place, "error": why}));
                }
            }
        }
        match self.format {
            Format::Json => out.json(&listed),
            Format::Human => out.line(&columns(&table)),
        }
        Ok(if bad { Exit::No } else { Exit::Good })
    }
}

fn short(plugin: &Arc<Loaded>) -> String {
    plugin.hash().chars().take(12).collect()
}
