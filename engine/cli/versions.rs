//! `mux versions`, `rollback`, `release` and `health`: of a running gateway over its socket, else of the store itself.

use crate::ending::{Exit, Outcome, Trouble};
use crate::operator::{Said, ask};
use crate::out::{Format, Out, columns};
use clap::Args;
use hyper::Method;
use mux_gateway::command::author;
use mux_gateway::status::Listing;
use mux_store::{Store, VersionHead};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Where the state is.
#[derive(Clone, Debug, Args)]
struct Data {
    /// The gateway's data folder
    #[arg(long, env = "MUX_DATA", default_value = ".mux")]
    data: PathBuf,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
}

/// List versions of the policies
#[derive(Debug, Args)]
pub(crate) struct Versions {
    /// `list`, which is what happens anyway
    #[arg(value_parser = ["list"], default_value = "list")]
    what: String,
    #[command(flatten)]
    data: Data,
}

impl Versions {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        debug_assert_eq!(self.what, "list");
        let listing = match ask(&self.data.data, Method::GET, "/versions", None)? {
            Said::Yes(value) => value,
            Said::No(why) => return Err(Trouble::Usage(why)),
            Said::Nobody => {
                let store = open(&self.data.data)?;
                let listing = Listing {
                    versions: store.versions(),
                    refs: store.refs(),
                    history: store.history(),
                };
                serde_json::to_value(listing).map_err(Trouble::internal)?
            }
        };
        match self.data.format {
            Format::Json => out.json(&listing),
            Format::Human => table(&listing, out),
        }
        Ok(Exit::Good)
    }
}

fn table(listing: &Value, out: &mut Out) {
    let refs = field(listing, "refs");
    let text = |v: &Value, name: &str| field(v, name).as_str().unwrap_or_default().to_owned();
    let short = |id: &str| id.chars().take(12).collect::<String>();
    let mut rows = vec![
        ["version", "semantic", "saved", "by", "note", "refs"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for version in field(listing, "versions").as_array().into_iter().flatten() {
        let id = text(version, "id");
        let names = ["live", "folder"]
            .into_iter()
            .filter(|name| text(refs, name) == id);
        let at = field(version, "at_unix_ms").as_i64().unwrap_or(0);
        rows.push(vec![
            short(&id),
            short(&text(version, "semantic")),
            when(at),
            text(version, "author"),
            text(version, "note"),
            names.collect::<Vec<_>>().join(" "),
        ]);
    }
    if rows.len() == 1 {
        out.line("no versions yet: `mux serve` keeps one at each save");
        return;
    }
    out.line(&columns(&rows));
    if let Some(reason) = field(refs, "held").as_str() {
        out.line(&format!(
            "\nheld: {reason} (saves are kept, not served; `mux release` ends the hold)"
        ));
    }
}

/// A field, or null where there is none.
fn field<'v>(value: &'v Value, name: &str) -> &'v Value {
    value.get(name).unwrap_or(&Value::Null)
}

/// Unix milliseconds as UTC.
fn when(ms: i64) -> String {
    let seconds = ms.div_euclid(1_000);
    mux_gateway::clock::utc(seconds)
}

fn open(data: &Path) -> Result<Store, Trouble> {
    let dir = data.join("store");
    if !dir.exists() {
        return Err(Trouble::usage(format!(
            "there is no gateway data in `{}`; name the folder with `--data`",
            data.display()
        )));
    }
    Store::open(&dir).map_err(Trouble::usage)
}

/// Serve an older version, and hold it
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The version, or enough of its beginning; the one served before where absent
    #[arg(value_name = "VERSION")]
    id: Option<String>,
    /// Why, for the history
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    data: Data,
}

impl Rollback {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let asked = json!({"id": self.id, "author": author(), "reason": self.reason});
        let head = match ask(&self.data.data, Method::POST, "/rollback", Some(&asked))? {
            Said::Yes(value) => value,
            Said::No(why) => return Ok(refuse(&why, out)),
            Said::Nobody => {
                let store = open(&self.data.data)?;
                match store.rollback(self.id.as_deref(), &author(), &self.reason) {
                    Ok(head) => shown(&head)?,
                    Err(why) => return Ok(refuse(&why.to_string(), out)),
                }
            }
        };
        match self.data.format {
            Format::Json => out.json(&head),
            Format::Human => out.line(&format!(
                "live is now {}, held until `mux release`",
                field(&head, "id").as_str().unwrap_or("?")
            )),
        }
        Ok(Exit::Good)
    }
}

fn shown(head: &VersionHead) -> Result<Value, Trouble> {
    serde_json::to_value(head).map_err(Trouble::internal)
}

fn refuse(why: &str, out: &mut Out) -> Exit {
    out.error(&format!("mux: {why}"));
    Exit::No
}

/// End a hold: serve the policy folder again
#[derive(Debug, Args)]
pub(crate) struct Release {
    #[command(flatten)]
    data: Data,
}

impl Release {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let live = match ask(
            &self.data.data,
            Method::POST,
            "/release",
            Some(&json!({"author": author()})),
        )? {
            Said::Yes(value) => field(&value, "live").clone(),
            Said::No(why) => return Ok(refuse(&why, out)),
            Said::Nobody => match open(&self.data.data)?.release(&author()) {
                Ok(Some(head)) => shown(&head)?,
                Ok(None) => Value::Null,
                Err(why) => return Ok(refuse(&why.to_string(), out)),
            },
        };
        match (self.data.format, field(&live, "id").as_str()) {
            (Format::Json, _) => out.json(&json!({"live": live})),
            (Format::Human, Some(id)) => out.line(&format!("the hold has ended, live is {id}")),
            (Format::Human, None) => out.line("nothing was held"),
        }
        Ok(Exit::Good)
    }
}

/// Show how the targets of a running gateway are
#[derive(Debug, Args)]
pub(crate) struct Health {
    #[command(flatten)]
    data: Data,
}

impl Health {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let health = match ask(&self.data.data, Method::GET, "/health", None)? {
            Said::Yes(value) => value,
            Said::No(why) => return Err(Trouble::Usage(why)),
            Said::Nobody => {
                return Err(Trouble::usage(format!(
                    "no gateway is running on `{}`",
                    self.data.data.display()
                )));
            }
        };
        if self.data.format == Format::Json {
            out.json(&health);
            return Ok(Exit::Good);
        }
        let number = |v: &Value, unit: &str| {
            v.as_u64()
                .map_or_else(|| "-".to_owned(), |n| format!("{n}{unit}"))
        };
        let mut rows = vec![
            [
                "target",
                "health",
                "breaker",
                "score",
                "in flight",
                "errors",
                "left of limits",
                "p50",
                "p95",
                "",
            ]
            .map(str::to_owned)
            .to_vec(),
        ];
        for target in field(&health, "targets").as_array().into_iter().flatten() {
            let text = |name: &str| field(target, name).as_str().unwrap_or("-").to_owned();
            let share = |name: &str| {
                let percent = |bp| format!("{}.{:02}%", bp / 100, bp % 100);
                let known = field(target, name).as_u64();
                known.map_or_else(|| "-".to_owned(), percent)
            };
            let why = field(target, "unavailable")
                .as_str()
                .map(|why| format!("unavailable: it {why}"))
                .or_else(|| {
                    field(target, "by_hand")
                        .as_str()
                        .map(|held| format!("{held} by an operator"))
                })
                .unwrap_or_default();
            let inflight = number(field(target, "inflight"), "");
            rows.push(vec![
                text("target"),
                text("health"),
                text("breaker"),
                share("score_bp"),
                inflight,
                share("error_rate_bp"),
                share("headroom_bp"),
                number(field(target, "p50_ms"), "ms"),
                number(field(target, "p95_ms"), "ms"),
                why,
            ]);
        }
        out.line(&columns(&rows));
        Ok(Exit::Good)
    }
}
