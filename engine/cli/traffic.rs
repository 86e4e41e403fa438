//! `mux traffic`: what was recorded, counted, shown, searched, written for others, and read from others.

mod export;
mod import;
mod source;
mod stats;

use crate::ending::{Exit, Outcome, Trouble};
use crate::out::Out;
use clap::{Args, Subcommand};
use mux_traffic::Condition;
use source::{Go, Source};
use std::io::{ErrorKind, Write};

/// Look at recorded traffic
#[derive(Debug, Subcommand)]
pub(crate) enum Traffic {
    /// Count it: requests, tokens, cost and times, in all and by target, model, policy and class
    Stats(stats::Stats),
    /// Write records to standard output, one line of JSON each
    Cat(Cat),
    /// Find records by what is in them
    Grep(Grep),
    /// Write it as JSON lines, CSV or Parquet
    Export(export::Export),
    /// Read what others recorded
    Import(import::Import),
}

impl Traffic {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        match self {
            Self::Stats(stats) => stats.run(out),
            Self::Cat(cat) => cat.run(out),
            Self::Grep(grep) => grep.run(out),
            Self::Export(export) => export.run(out),
            Self::Import(import) => import.run(out),
        }
    }
}

/// Write records to standard output
#[derive(Debug, Args)]
pub(crate) struct Cat {
    #[command(flatten)]
    source: Source,
    /// No more than so many
    #[arg(long)]
    limit: Option<u64>,
}

impl Cat {
    fn run(self, out: &mut Out) -> Outcome {
        show(&self.source, self.limit, None, out)?;
        Ok(Exit::Good)
    }
}

/// Find records by what is in them
#[derive(Debug, Args)]
pub(crate) struct Grep {
    /// What must hold of a record, all together: `class!=ok`, `target=openai/gpt-5`, `tag.team=red`, `attempts.status>=500`
    #[arg(value_name = "CONDITION")]
    conditions: Vec<Condition>,
    /// The request of this id
    #[arg(long)]
    id: Option<String>,
    /// Only lines with this text in them
    #[arg(long)]
    text: Option<String>,
    /// No more than so many
    #[arg(long)]
    limit: Option<u64>,
    /// Only how many there are
    #[arg(long, conflicts_with = "limit")]
    count: bool,
    #[command(flatten)]
    source: Source,
}

impl Grep {
    fn run(mut self, out: &mut Out) -> Outcome {
        self.conditions.extend(self.id.take().map(Condition::id));
        self.source.require(self.conditions);
        let text = self.text.as_deref();
        let found = if self.count {
            let mut count = 0_u64;
            self.source.each(out, |_, line| {
                count += u64::from(holds(line, text));
                Ok(Go::On)
            })?;
            out.line(&count.to_string());
            count
        } else {
            show(&self.source, self.limit, text, out)?
        };
        Ok(Exit::when(found > 0))
    }
}

/// Writes the lines of records; how many.
fn show(
    source: &Source,
    limit: Option<u64>,
    text: Option<&str>,
    out: &mut Out,
) -> Result<u64, Trouble> {
    let (mut shown, mut refused) = (0, None);
    if limit == Some(0) {
        return Ok(shown);
    }
    let mut sink = out.sink();
    source.each(out, |_, line| {
        if !holds(line, text) {
            return Ok(Go::On);
        }
        shown += 1;
        let written = sink.write_all(line).and_then(|()| sink.write_all(b"\n"));
        refused = written.err();
        Ok(if refused.is_some() || Some(shown) == limit {
            Go::Enough
        } else {
            Go::On
        })
    })?;
    match refused.map_or_else(|| sink.flush(), Err) {
        // Whoever closed the pipe has read enough.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Trouble::usage(format!(
            "cannot write `standard output`: {error}"
        ))),
        _ => Ok(shown),
    }
}

fn holds(line: &[u8], text: Option<&str>) -> bool {
    text.is_none_or(|text| String::from_utf8_lossy(line).contains(text))
}
