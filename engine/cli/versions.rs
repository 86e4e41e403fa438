//! `mux versions`, `rollback`, `promote`, `release` and `health`: of a running gateway over its socket, else of the store
//! itself.

mod canary;
mod draft;
mod history;
mod kept;

use crate::ending::{Exit, Outcome, Trouble};
use crate::operator::{Said, ask};
use crate::out::{Format, Out, columns};
use crate::plugin::doing;
use clap::{Args, Subcommand};
use hyper::Method;
pub(crate) use kept::open;
use kept::{Data, field, listing, refs_of, when};
use mux_gateway::command::author;
use mux_store::{Store, StoreError, Terms, VersionHead};
use serde::Serialize;
use serde_json::{Value, json};

/// List versions of the policies
#[derive(Debug, Args)]
pub(crate) struct Versions {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    data: Data,
}

/// What of the versions is asked for.
#[derive(Debug, Subcommand)]
enum What {
    /// List them, which is what happens anyway
    List,
    /// Show one: who saved it, when, on what, and its files
    Show(history::Show),
    /// Show how the files of two differ, line by line
    Diff(history::Diff),
    /// Show who did what, newest first
    Log(history::Log),
    /// Keep policies as a version that nobody is served by yet
    Draft(draft::Draft),
}

impl Versions {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        match self.what {
            None | Some(What::List) => {
                let listing = listing(&self.data)?;
                match self.data.format {
                    Format::Json => out.json(&listing),
                    Format::Human => table(&listing, out),
                }
                Ok(Exit::Good)
            }
            Some(What::Show(show)) => show.run(&self.data, out),
            Some(What::Diff(diff)) => diff.run(&self.data, out),
            Some(What::Log(log)) => log.run(&self.data, out),
            Some(What::Draft(draft)) => draft.run(&self.data, out),
        }
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
        let names = refs_of(listing, &id);
        let at = field(version, "at_unix_ms").as_i64().unwrap_or(0);
        rows.push(vec![
            short(&id),
            short(&text(version, "semantic")),
            when(at),
            text(version, "author"),
            text(version, "note"),
            names.join(" "),
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
    if let Some(told) = canary::standing(listing) {
        out.line(&format!("\n{told}"));
    }
    if let Some(told) = followed(field(listing, "branch")) {
        out.line(&format!("\n{told}"));
    }
    if let Some(why) = field(listing, "refused").as_str() {
        out.line(&format!("\nnot served, for it is refused:\n{why}"));
    }
}

/// The branch that a gateway follows.
fn followed(branch: &Value) -> Option<String> {
    let text = |name: &str| field(branch, name).as_str();
    let commit: String = text("commit").unwrap_or("none").chars().take(12).collect();
    let trouble = text("trouble").map_or_else(String::new, |why| {
        format!("\nit cannot be asked for: {why}")
    });
    Some(format!(
        "follows `{}` of {}, at {commit}: {}{trouble}",
        text("branch")?,
        text("url")?,
        text("subject").unwrap_or_default()
    ))
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
        let choice = Choice {
            id: self.id.as_deref(),
            reason: &self.reason,
            path: "/rollback",
            alone: &|store, id, author, reason| value(store.rollback(id, author, reason)),
            terms: None,
        };
        let Some(back) = choice.made(&self.data, out)? else {
            return Ok(Exit::No);
        };
        let live = field(&back, "id").as_str().unwrap_or("?");
        match (self.data.format, field(&back, "ended").as_str()) {
            (Format::Json, _) => out.json(&back),
            (Format::Human, Some(ended)) => {
                out.line(&format!("the canary {ended} has ended, live is {live}"));
            }
            (Format::Human, None) => {
                out.line(&format!("live is now {live}, held until `mux release`"));
            }
        }
        Ok(Exit::Good)
    }
}

/// What is done with the store itself where no gateway runs.
type Alone<'a> = &'a dyn Fn(&Store, Option<&str>, &str, &str) -> Result<Value, String>;

/// What a running gateway, or its store where none runs, is told to serve.
struct Choice<'a> {
    id: Option<&'a str>,
    reason: &'a str,
    path: &'a str,
    alone: Alone<'a>,
    /// To a share of requests only.
    terms: Option<&'a Terms>,
}

impl Choice<'_> {
    /// What was answered; `None` where it was a no, which has been told.
    fn made(&self, data: &Data, out: &mut Out) -> Result<Option<Value>, Trouble> {
        let asked = json!({
            "id": self.id, "author": author(), "reason": self.reason, "canary": self.terms,
        });
        let made = match ask(&data.data, Method::POST, self.path, Some(&asked))? {
            Said::Yes(value) => Ok(value),
            Said::No(why) => Err(why),
            Said::Nobody => (self.alone)(&open(&data.data)?, self.id, &author(), self.reason),
        };
        Ok(match made {
            Ok(value) => Some(value),
            Err(why) => {
                refuse(&why, out);
                None
            }
        })
    }
}

/// What the store answers, as a gateway would.
fn value<T: Serialize>(answer: Result<T, StoreError>) -> Result<Value, String> {
    let answer = answer.map_err(|why| why.to_string())?;
    serde_json::to_value(answer).map_err(|why| why.to_string())
}

fn shown(head: &VersionHead) -> Result<Value, Trouble> {
    serde_json::to_value(head).map_err(Trouble::internal)
}

fn refuse(why: &str, out: &mut Out) -> Exit {
    out.error(&format!("mux: {why}"));
    Exit::No
}

/// Serve a version that was kept and not served, to all or to a share of requests
#[derive(Debug, Args)]
pub(crate) struct Promote {
    /// The version, enough of its beginning, `draft` or `canary`; the newest save where absent, which ends a hold
    #[arg(value_name = "VERSION")]
    id: Option<String>,
    /// Why, for the history
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    trial: canary::Trial,
}

impl Promote {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let terms = self.trial.terms();
        let choice = Choice {
            id: self.id.as_deref(),
            reason: &self.reason,
            path: "/promote",
            alone: &|store, id, author, reason| match &terms {
                Some(terms) => {
                    let id = id.unwrap_or("folder");
                    value(store.canary(id, terms.clone(), author, reason))
                }
                None => value(store.promote(id, author, reason)),
            },
            terms: terms.as_ref(),
        };
        let Some(head) = choice.made(&self.data, out)? else {
            return Ok(Exit::No);
        };
        let id = field(&head, "id").as_str().unwrap_or("?");
        match (self.data.format, &terms) {
            (Format::Json, _) => out.json(&head),
            (Format::Human, None) => out.line(&format!("live is now {id}")),
            (Format::Human, Some(terms)) => out.line(&format!(
                "canary {id}: {}; see `mux versions`, end it with `mux rollback`",
                canary::told(&serde_json::to_value(terms).map_err(Trouble::internal)?)
            )),
        }
        Ok(Exit::Good)
    }
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
        out.line(&pressure(field(&health, "pressure")));
        // Disks that are as they should be are not mentioned either.
        if let Some(problem) = field(field(&health, "store"), "problem").as_str() {
            out.line(&format!("no version can be saved: {problem}"));
        }
        let problems = field(field(&health, "recording"), "problems").as_array();
        for problem in problems.into_iter().flatten().filter_map(Value::as_str) {
            let lost = field(&health, "unrecorded").as_u64().unwrap_or_default();
            out.line(&format!("{lost} requests were not recorded: {problem}"));
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
                .or_else(|| uncredited(field(target, "credential")));
            let unpriced = field(target, "price").is_null();
            // Where the live version reaches it in another way.
            let canary = field(target, "canary") == true;
            let canary = canary.then(|| "of the canary".to_owned());
            let why = canary
                .into_iter()
                .chain(why)
                .chain(unpriced.then(|| "no price known".to_owned()));
            let why = why.collect::<Vec<_>>().join("; ");
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
        // Those that are as they should be are not mentioned.
        if let Some(unwell @ [_, ..]) = field(&health, "plugins").as_array().map(Vec::as_slice) {
            out.line(&format!("\n{}", columns(&doing(unwell))));
        }
        Ok(Exit::Good)
    }
}

/// What is wrong with the credential of a target, if something is.
fn uncredited(credential: &Value) -> Option<String> {
    let problem = field(credential, "problem").as_str()?;
    let of = field(credential, "of").as_str().unwrap_or("?");
    let lack = match field(credential, "held").as_bool() {
        Some(true) => "no newer credential",
        _ => "no credential",
    };
    Some(format!("{lack} for {of}: {problem}"))
}

/// How hard pressed the machine of a gateway is, in a line.
fn pressure(seen: &Value) -> String {
    let number = |name: &str| field(seen, name).as_u64().unwrap_or_default();
    let mebi = |name: &str| match field(seen, name).as_u64() {
        Some(bytes) => format!("{} MiB", bytes >> 20),
        None => "?".to_owned(),
    };
    let bound = match field(seen, "memory_limit").as_u64() {
        Some(_) => format!(" of {}", mebi("memory_limit")),
        None => String::new(),
    };
    format!(
        "{}: event loop {} ms late, memory {}{bound}, {} of {} in flight, {} waiting",
        field(seen, "stage").as_str().unwrap_or("?"),
        number("lag_ms"),
        mebi("memory"),
        number("inflight"),
        number("places"),
        number("waiting"),
    )
}
