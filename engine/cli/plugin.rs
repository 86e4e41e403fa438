//! `mux plugin`: begin provider plugins, build them, try them out, and see what is in one.

mod bench;
mod build;
mod door;
mod inspect;
mod lock;
mod named;
mod new;
mod play;
mod record;
mod recorded;
mod run;
mod trial;

pub(crate) use lock::default_lock;

use crate::ending::{Exit, Outcome, Trouble};
use crate::operator::{Said, ask};
use crate::out::{Format, Out, columns};
use clap::{Args, Subcommand};
use hyper::Method;
use mux_plugins::{Host, Limits, Plugin as Loaded, preset};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

/// Write, build and inspect provider plugins
#[derive(Debug, Subcommand)]
pub(crate) enum Plugin {
    /// Begin an adapter: a folder with one that builds and answers
    New(new::New),
    /// Build an adapter's folder to a component
    Build(build::Build),
    /// List the kinds there are, and the adapters of a folder
    List(List),
    /// Show what an adapter is, what it may do, and where its requests may go
    Inspect(inspect::Inspect),
    /// Approve the adapters of a folder as they are
    Lock(lock::Lock),
    /// Show what recorded exchanges decode to
    Run(run::Run),
    /// Try an adapter out: its fixtures, and what every adapter promises
    Test(trial::Test),
    /// Time what an adapter does, beside one that does nothing
    Bench(bench::Bench),
    /// Record exchanges with a provider, without keys
    Record(record::Record),
    /// Play a provider: answer requests as exchanges were recorded
    Play(play::Play),
}

impl Plugin {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        match self {
            Self::Build(build) => build.run(out),
            Self::List(list) => list.run(out),
            Self::Inspect(inspect) => inspect.run(out),
            Self::Lock(lock) => lock.run(out),
            Self::Run(run) => run.run(out),
            Self::New(new) => new.run(out),
            Self::Test(test) => test.run(out),
            Self::Bench(bench) => bench.run(out),
            Self::Record(record) => record.run(out),
            Self::Play(play) => play.run(out),
        }
    }
}

/// List the kinds there are, and the adapters of a folder
#[derive(Debug, Args)]
pub(crate) struct List {
    /// A plugin folder
    #[arg(long)]
    plugins: Option<PathBuf>,
    /// Where a gateway keeps its data: if it runs, how its adapters do is listed as well
    #[arg(long, env = "MUX_DATA", default_value = ".mux")]
    data: PathBuf,
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
        for preset in preset::PRESETS {
            let place = format!("by `{}`", preset.adapter);
            let url = preset.url.unwrap_or("an address of your own");
            table.push(vec![
                place.clone(),
                preset.kind.to_owned(),
                preset.display_name.to_owned(),
                url.to_owned(),
            ]);
            listed.push(json!({"where": place, "id": preset.kind, "name": preset.display_name, "url": preset.url}));
        }
        let running = match ask(&self.data, Method::GET, "/plugins", None)? {
            Said::Yes(Value::Array(conditions)) => conditions,
            _ => Vec::new(),
        };
        match self.format {
            Format::Json => {
                listed.extend(running.into_iter().map(|mut condition| {
                    if let Value::Object(fields) = &mut condition {
                        fields.insert("where".to_owned(), json!("running"));
                    }
                    condition
                }));
                out.json(&listed);
            }
            Format::Human => {
                out.line(&columns(&table));
                if !running.is_empty() {
                    out.line(&format!("\nin the gateway on {}:", self.data.display()));
                    out.line(&columns(&doing(&running)));
                }
            }
        }
        Ok(if bad { Exit::No } else { Exit::Good })
    }
}

/// How the adapters of a running gateway do, as a table.
pub(crate) fn doing(conditions: &[Value]) -> Vec<Vec<String>> {
    let head = [
        "id", "version", "from", "state", "calls", "faults", "retries", "busy", "",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(conditions.iter().map(|condition| {
        let of = |name: &str| condition.get(name).unwrap_or(&Value::Null);
        let text = |name: &str| of(name).as_str().unwrap_or_default().to_owned();
        let count = |name: &str| of(name).as_u64().unwrap_or_default();
        let faults = of("faults").as_object().into_iter().flatten();
        let faults = faults.filter_map(|(kind, count)| Some((kind, count.as_u64()?)));
        let faults: Vec<String> = faults
            .filter(|(_, count)| *count > 0)
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        let state = match count("aside_ms") {
            0 => text("state"),
            left => format!("{} for {} s", text("state"), left.div_ceil(1000)),
        };
        vec![
            text("id"),
            text("version"),
            of("file").as_str().unwrap_or("mux").to_owned(),
            state,
            count("calls").to_string(),
            faults.join(", "),
            count("retries").to_string(),
            format!("{}ms", count("busy_ms")),
            text("why"),
        ]
    }));
    rows
}

fn short(plugin: &Arc<Loaded>) -> String {
    plugin.hash().chars().take(12).collect()
}
