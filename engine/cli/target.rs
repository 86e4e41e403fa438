//! `mux target`: what an operator decides about a target of a running gateway.

use crate::ending::{Exit, Outcome, Trouble};
use crate::operator::{Said, ask};
use crate::out::Out;
use clap::{Args, ValueEnum};
use hyper::Method;
use serde::Serialize;
use serde_json::json;
use std::path::PathBuf;

/// Hold a target of a running gateway, let it go, or forget what it did
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The target, as `PROVIDER/MODEL`
    #[arg(value_name = "PROVIDER/MODEL")]
    name: String,
    /// What to do about it
    action: Action,
    /// Where the gateway keeps its data
    #[arg(long, env = "MUX_DATA", default_value = ".mux")]
    data: PathBuf,
}

#[derive(Clone, Copy, Debug, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
enum Action {
    /// No new attempts; those under way go on
    Drain,
    /// As if its breaker were open: called only when nothing else is left
    Open,
    /// Its breaker lets everything pass
    Close,
    /// Take the decision back: its figures decide again
    Free,
    /// Forget its failures, waits and an open breaker
    Reset,
}

impl Target {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let asked = json!({"target": self.name, "do": self.action});
        match ask(&self.data, Method::POST, "/targets", Some(&asked))? {
            Said::Yes(value) => {
                let held = value.get("by_hand").and_then(|v| v.as_str());
                let now = held.map_or("left to its figures".to_owned(), |held| {
                    format!("{held} until `mux target {} free`, or a restart", self.name)
                });
                out.line(&format!("{} is {now}", self.name));
                Ok(Exit::Good)
            }
            Said::No(why) => {
                out.error(&format!("mux: {why}"));
                Ok(Exit::No)
            }
            Said::Nobody => Err(Trouble::usage(format!(
                "no gateway is running on `{}`",
                self.data.display()
            ))),
        }
    }
}
