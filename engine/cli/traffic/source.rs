//! Which records are meant: where they lie, from when to when, and what must hold of them.

use crate::ending::Trouble;
use crate::out::Out;
use clap::Args;
use mux_gateway::clock;
use mux_traffic::{Condition, Record, Span, moment, read_within};
use std::path::PathBuf;

/// So many lines that cannot be read are named; the others are counted.
const NAMED: u64 = 10;

/// Which records are meant.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// Folders or files of records [default: `recordings` in the data folder]
    #[arg(long = "traffic", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The gateway's data folder
    #[arg(long, env = "MUX_DATA", default_value = ".mux")]
    data: PathBuf,
    /// Only what arrived from then on: `2026-11-01`, `2026-11-01T10:00:00Z`, or `2h` for two hours ago
    #[arg(long, value_name = "TIME", value_parser = then)]
    since: Option<i64>,
    /// Only what arrived before then
    #[arg(long, value_name = "TIME", value_parser = then)]
    until: Option<i64>,
    /// Only what this holds of, such as `class!=ok`; several must all hold
    #[arg(long = "where", value_name = "CONDITION")]
    wanted: Vec<Condition>,
}

/// Whether to read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Go {
    On,
    Enough,
}

/// What could not be read, the first of it named.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    pub(crate) count: u64,
}

impl Unread {
    /// Counts one, and names it where few were before.
    pub(crate) fn add(&mut self, why: &impl std::fmt::Display, out: &mut Out) {
        self.count += 1;
        if self.count <= NAMED {
            out.error(&format!("mux: {why}"));
        } else if self.count == NAMED + 1 {
            out.error("mux: further ones are counted only");
        }
    }
}

impl Source {
    /// Adds conditions.
    pub(crate) fn require(&mut self, conditions: Vec<Condition>) {
        self.wanted.extend(conditions);
    }

    /// Calls `take` with each record and its line, in the order of the files. Lines that are none are named on standard
    /// error; how many there were is returned.
    pub(crate) fn each(
        &self,
        out: &mut Out,
        mut take: impl FnMut(&Record, &[u8]) -> Result<Go, Trouble>,
    ) -> Result<u64, Trouble> {
        let recordings = [self.data.join("recordings")];
        let paths = if self.paths.is_empty() {
            &recordings[..]
        } else {
            &self.paths
        };
        let span = Span {
            since: self.since,
            until: self.until,
        };
        let mut unread = Unread::default();
        for path in paths {
            let mut reader = read_within(path, span).map_err(|error| missing(path, &error))?;
            while let Some(item) = reader.next() {
                let record = match item {
                    Ok(record) => record,
                    Err(why) => {
                        unread.add(&why, out);
                        continue;
                    }
                };
                if span.holds(record.at)
                    && self.fits(reader.line())
                    && take(&record, reader.line())? == Go::Enough
                {
                    return Ok(unread.count);
                }
            }
            for notice in reader.notices() {
                out.error(&format!("mux: {notice}"));
            }
        }
        Ok(unread.count)
    }

    fn fits(&self, line: &[u8]) -> bool {
        // It was read as a record before, and so is JSON.
        self.wanted.is_empty()
            || serde_json::from_slice(line)
                .is_ok_and(|value| self.wanted.iter().all(|condition| condition.holds(&value)))
    }
}

/// What cannot be opened, by its name.
pub(super) fn missing(path: &std::path::Path, error: &std::io::Error) -> Trouble {
    let text = error.to_string();
    let named = text.contains(&*path.to_string_lossy());
    Trouble::Usage(if named {
        text
    } else {
        format!("`{}`: {text}", path.display())
    })
}

/// A moment, or how long ago.
fn then(text: &str) -> Result<i64, String> {
    let ago = || {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let number: i64 = number.parse().ok()?;
        let worth = match unit {
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        clock::unix_ms().checked_sub(number.checked_mul(worth)?)
    };
    ago().or_else(|| moment(text)).ok_or_else(|| {
        format!("`{text}` is no time; write `2026-11-01`, `2026-11-01T10:00:00Z`, or `30m`, `2h`, `7d` for so long ago")
    })
}
