//! `mux traffic export`: records for other programs.

use super::source::{Go, Source};
use crate::ending::{Exit, Outcome, Trouble};
use crate::out::Out;
use clap::{Args, ValueEnum};
use mux_columns::{Csv, Parquet, Table};
use mux_traffic::Record;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Write it as JSON lines, CSV or Parquet
#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    source: Source,
    /// The file to write, which appears when it is whole; standard output where absent
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// How to write it [default: by the ending of the file, else jsonl]
    #[arg(long = "as", value_name = "FORM")]
    form: Option<Form>,
    /// The table to write, of CSV and Parquet
    #[arg(long, default_value = "requests")]
    table: Rows,
}

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A line of JSON for each, with everything in it
    Jsonl,
    /// A table with a head
    Csv,
    /// A table in columns, packed
    Parquet,
}

/// What the rows of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Rows {
    Requests,
    Attempts,
}

/// A file that is being written.
enum Writing<W: Write + Send> {
    Jsonl(W),
    Csv(Csv<W>),
    Parquet(Box<Parquet<W>>),
}

impl<W: Write + Send> Writing<W> {
    fn new(out: W, form: Form, table: Table) -> io::Result<Self> {
        Ok(match form {
            Form::Jsonl => Self::Jsonl(out),
            Form::Csv => Self::Csv(Csv::new(out, table)?),
            Form::Parquet => Self::Parquet(Box::new(Parquet::new(out, table)?)),
        })
    }

    fn write(&mut self, record: &Record, line: &[u8]) -> io::Result<()> {
        match self {
            Self::Jsonl(out) => out.write_all(line).and_then(|()| out.write_all(b"\n")),
            Self::Csv(csv) => csv.write(record),
            Self::Parquet(parquet) => parquet.write(record),
        }
    }

    fn end(self) -> io::Result<()> {
        match self {
            Self::Jsonl(mut out) => out.flush(),
            Self::Csv(csv) => csv.end(),
            Self::Parquet(parquet) => parquet.end(),
        }
    }
}

impl Export {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let ending = self
            .to
            .as_deref()
            .and_then(Path::extension)
            .and_then(|e| e.to_str());
        if let (Some("zst"), Some(to)) = (ending, &self.to) {
            return Err(Trouble::usage(format!(
                "an export is not packed: write `{}`, and pack it with `zstd`",
                to.with_extension("").display()
            )));
        }
        let form = self.form.unwrap_or(match ending {
            Some("csv") => Form::Csv,
            Some("parquet") => Form::Parquet,
            _ => Form::Jsonl,
        });
        let Some(to) = &self.to else {
            let sink = out.sink();
            return match self.copy(sink, form, out) {
                // Whoever closed the pipe has read enough.
                Err(Wrong::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                    Ok(Exit::Good)
                }
                Err(wrong) => Err(wrong.trouble("standard output")),
                Ok(_) => Ok(Exit::Good),
            };
        };
        let mut beside = to.clone().into_os_string();
        beside.push(".partial");
        let beside = PathBuf::from(beside);
        let name = to.display().to_string();
        let file = File::create(&beside).map_err(|e| Wrong::Output(e).trouble(&name))?;
        let written = self
            .copy(BufWriter::new(file), form, out)
            .and_then(|count| {
                std::fs::rename(&beside, to)
                    .map(|()| count)
                    .map_err(Wrong::Output)
            });
        match written {
            Ok(count) => {
                out.error(&format!("wrote {count} requests to `{name}`"));
                Ok(Exit::Good)
            }
            Err(wrong) => {
                // What is left of it is of no use to anybody.
                let _ = std::fs::remove_file(&beside);
                Err(wrong.trouble(&name))
            }
        }
    }

    fn copy<W: Write + Send>(&self, to: W, form: Form, out: &mut Out) -> Result<u64, Wrong> {
        let table = match self.table {
            Rows::Requests => Table::Requests,
            Rows::Attempts => Table::Attempts,
        };
        let mut writing = Writing::new(to, form, table).map_err(Wrong::Output)?;
        let (mut count, mut refused) = (0, None);
        let read = self.source.each(out, |record, line| {
            count += 1;
            refused = writing.write(record, line).err();
            Ok(if refused.is_some() {
                Go::Enough
            } else {
                Go::On
            })
        });
        read.map_err(Wrong::Input)?;
        match refused {
            Some(error) => Err(Wrong::Output(error)),
            None => writing.end().map(|()| count).map_err(Wrong::Output),
        }
    }
}

/// What stopped an export.
enum Wrong {
    Input(Trouble),
    Output(io::Error),
}

impl Wrong {
    fn trouble(self, to: &str) -> Trouble {
        match self {
            Self::Input(trouble) => trouble,
            Self::Output(error) => Trouble::usage(format!("cannot write `{to}`: {error}")),
        }
    }
}
