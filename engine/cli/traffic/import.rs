//! `mux traffic import`: what other gateways, clients and traces recorded, as records.

use super::source::{Unread, missing};
use crate::ending::{Exit, Outcome, Trouble};
use crate::out::{Format, Out};
use clap::{Args, ValueEnum};
use mux_traffic::{Assumed, Foreign, Options, Order, Record, Writer, import};
use serde_json::json;
use std::path::PathBuf;

/// So many records are held back to put them in the order of their arrivals, which a replay needs.
const WINDOW: usize = 100_000;

/// Read what others recorded
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Who recorded it
    #[arg(long, value_name = "FORM")]
    from: Form,
    /// The files, also packed with zstd
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The folder that gets the records, beside those it has [default: `imported` in the data folder]
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
    /// The gateway's data folder
    #[arg(long, env = "MUX_DATA", default_value = ".mux")]
    data: PathBuf,
    /// What clients asked for, where a log does not say: `@chat`
    #[arg(long)]
    model: Option<String>,
    /// The target that served, where a log does not say: `openai/gpt-5`
    #[arg(long)]
    target: Option<String>,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
}

/// What was written.
struct Written<'w> {
    writer: &'w Writer,
    records: u64,
    /// Records that arrived before the one written before them.
    disorder: u64,
    /// Records that do not say how long it took.
    untimed: u64,
    last: i64,
}

impl<'w> Written<'w> {
    fn new(writer: &'w Writer) -> Self {
        Self {
            writer,
            records: 0,
            disorder: 0,
            untimed: 0,
            last: i64::MIN,
        }
    }

    fn take(&mut self, record: Record) {
        self.disorder += u64::from(record.at < self.last);
        self.untimed += u64::from(record.outcome.total_us == 0);
        self.last = record.at;
        self.records += u64::from(self.writer.give(record));
    }
}

/// Forms of logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Requests and answers in `OpenAI`'s form, JSON lines or a list
    OpenaiLog,
    /// `LiteLLM`'s spend logs, JSON or CSV
    Litellm,
    /// `OpenTelemetry` spans with `gen_ai` attributes, OTLP in JSON
    Otel,
    /// CSV with a time and numbers of tokens, as published traces are
    Csv,
}

impl Import {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let from = match self.from {
            Form::OpenaiLog => Foreign::OpenaiLog,
            Form::Litellm => Foreign::Litellm,
            Form::Otel => Foreign::Otel,
            Form::Csv => Foreign::Csv,
        };
        let assumed = Assumed {
            model: self.model,
            target: self.target,
        };
        let to = self.to.unwrap_or_else(|| self.data.join("imported"));
        // Asked for before anything is written, so that a missing file leaves nothing half done.
        let sources = self
            .files
            .iter()
            .map(|file| import(file, from, assumed.clone()).map_err(|error| missing(file, &error)));
        let sources = sources.collect::<Result<Vec<_>, _>>()?;
        let writer = Writer::start(&to, Options::default()).map_err(|error| {
            Trouble::usage(format!("cannot write to `{}`: {error}", to.display()))
        })?;
        let mut unread = Unread::default();
        let (mut written, mut order) = (Written::new(&writer), Order::new(WINDOW));
        let mut others = 0;
        for mut source in sources {
            for item in &mut source {
                match item {
                    Ok(record) => order.push(record).into_iter().for_each(|r| written.take(r)),
                    Err(why) => unread.add(&why, out),
                }
            }
            others += source.others();
        }
        std::iter::from_fn(|| order.pop()).for_each(|record| written.take(record));
        let Written {
            records,
            disorder,
            untimed,
            ..
        } = written;
        writer.flush();
        let lost = writer.dropped();
        if lost > 0 {
            let why = writer.fault().unwrap_or_default();
            return Err(Trouble::usage(format!(
                "{lost} records could not be written: {why}"
            )));
        }
        match self.format {
            Format::Json => out.json(&json!({
                "records": records, "others": others, "unread": unread.count, "out_of_order": disorder, "untimed": untimed, "to": to,
            })),
            Format::Human => {
                out.line(&format!("imported {records} requests into `{}`", to.display()));
                for (count, what) in [
                    (others, "entries are no requests that mux would answer"),
                    (unread.count, "entries could not be read"),
                    (untimed, "requests do not say how long they took"),
                    (disorder, "requests are out of order all the same: the files are too far from it"),
                ] {
                    if count > 0 {
                        out.line(&format!("{count} {what}"));
                    }
                }
            }
        }
        Ok(Exit::when(records > 0))
    }
}
