//! `mux versions draft`: policies kept as a version that nobody is served by yet.

use super::kept::{Data, field, open};
use crate::bundle::compile_with;
use crate::ending::{Exit, Outcome, Trouble};
use crate::operator::{Said, ask};
use crate::out::{Format, Out};
use crate::testing;
use clap::Args;
use hyper::Method;
use mux_gateway::command::author;
use mux_gateway::gateway::{Options, StartError, draft};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

/// Keep policies as a version that nobody is served by yet: to compare, test and replay against, and to promote
#[derive(Debug, Args)]
pub(crate) struct Draft {
    /// A folder of policies, or one file with its includes
    #[arg(value_name = "POLICIES")]
    policies: PathBuf,
    /// Why, for the history
    #[arg(long, default_value = "")]
    reason: String,
}

impl Draft {
    pub(crate) fn run(self, data: &Data, out: &mut Out) -> Outcome {
        let compiled = compile_with(&self.policies, None)?;
        let sources = compiled.sources.iter();
        let files: Vec<(String, Vec<u8>)> = sources
            .map(|(path, bytes)| (path.to_owned(), bytes.to_vec()))
            .collect();
        if compiled.image.is_none() {
            out.error(&mux_dsl::render(
                &compiled.diagnostics,
                &compiled.sources,
                false,
            ));
            return Ok(Exit::No);
        }
        let text = |(path, bytes): &(String, Vec<u8>)| match std::str::from_utf8(bytes) {
            Ok(text) => Ok(json!({ "path": path, "text": text })),
            Err(_) => Err(Trouble::usage(format!("`{path}` is no UTF-8 text"))),
        };
        let sent: Vec<Value> = files.iter().map(text).collect::<Result<_, _>>()?;
        let asked = json!({ "files": sent, "author": author(), "reason": self.reason });
        let kept = match ask(&data.data, Method::POST, "/drafts", Some(&asked))? {
            Said::Yes(head) => Ok(head),
            Said::No(why) => Err(why),
            Said::Nobody => self.alone(data, &files)?,
        };
        let head = match kept {
            Ok(head) => head,
            Err(why) => {
                out.error(&format!("mux: {why}"));
                return Ok(Exit::No);
            }
        };
        match data.format {
            Format::Json => out.json(&head),
            Format::Human => out.line(&format!(
                "draft {}\ncompare it: mux policy diff live draft\ntry it out: mux promote draft --canary 10%",
                field(&head, "id").as_str().unwrap_or("?")
            )),
        }
        Ok(Exit::Good)
    }

    /// Where no gateway runs; the inner error is a no.
    fn alone(
        &self,
        data: &Data,
        files: &[(String, Vec<u8>)],
    ) -> Result<Result<Value, String>, Trouble> {
        // Drafts belong to what a gateway has: a mistyped folder is told, not made.
        drop(open(&data.data)?);
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let options = Options {
            examine: Some(Arc::new(testing::examine)),
            ..Options::new(&self.policies, &data.data, nowhere)
        };
        match draft(options, files, &author(), &self.reason) {
            Ok(head) => serde_json::to_value(head)
                .map(Ok)
                .map_err(Trouble::internal),
            Err(StartError::Policies(why)) => Ok(Err(why)),
            Err(StartError::Environment(why)) => Err(Trouble::Usage(why)),
        }
    }
}
