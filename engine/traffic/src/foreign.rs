//! Traffic that others recorded, as records: request logs, spend logs, spans and traces.
//!
//! A log never says all that a record of mux does. What it does not say is absent; what it says wrongly (text for a
//! number, a line of a gigabyte, half a line) costs that entry, which is named, and reading goes on. Prompts and answers
//! are never kept.

mod call;
mod document;
mod fields;
mod litellm;
mod openai;
mod otel;
mod table;

use crate::lines::{Line, Lines, too_long};
use crate::reader::ReadError;
use crate::record::Record;
pub use call::Assumed;
use call::Call;
use document::{Document, Piece};
use serde_json::Value;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use table::Table;

/// Who recorded it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// A log of requests and answers in `OpenAI`'s form: JSON lines or one list, also answers alone and batch results.
    OpenaiLog,
    /// `LiteLLM`'s spend logs: JSON lines, one list, or CSV.
    Litellm,
    /// `OpenTelemetry` spans with `gen_ai.*` attributes, as OTLP writes them in JSON.
    Otel,
    /// CSV with a time and numbers of tokens, as published traces are.
    Csv,
}

/// Opens a file, packed with zstd where its name ends in `.zst`.
///
/// # Errors
/// It cannot be read, or is CSV without the columns that are needed.
pub fn import(path: &Path, from: Foreign, assumed: Assumed) -> io::Result<Import> {
    let mut lines = Lines::open(path.to_owned())?;
    let mut import = Import {
        path: path.to_owned(),
        from,
        assumed,
        source: Source::End,
        ready: VecDeque::new(),
        others: 0,
    };
    let first = lines.next();
    let text = lines.text().trim_ascii();
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let json = text.starts_with(b"{") || text.starts_with(b"[");
    import.source = match (first, from) {
        (Line::End, _) => Source::End,
        (Line::Whole | Line::Unended, Foreign::Csv) => Source::Table(table(lines)?),
        (Line::Whole | Line::Unended, Foreign::Litellm) if !json => Source::Table(table(lines)?),
        // A list, or values laid out over lines; anything else has one value a line.
        _ if text.starts_with(b"[") || text == b"{" => Source::Document(Document::open(path)?),
        _ => Source::Lines(Lines::open(path.to_owned())?),
    };
    Ok(import)
}

fn table(lines: Lines) -> io::Result<Table> {
    Table::new(lines).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))
}

/// Streams the records of a file.
#[derive(Debug)]
pub struct Import {
    path: PathBuf,
    from: Foreign,
    assumed: Assumed,
    source: Source,
    ready: VecDeque<Result<Record, ReadError>>,
    others: u64,
}

#[derive(Debug)]
enum Source {
    Lines(Lines),
    Document(Document),
    Table(Table),
    End,
}

impl Import {
    /// Entries that were read and are no request that mux would answer: other spans, images, copies of requests.
    #[must_use]
    pub fn others(&self) -> u64 {
        self.others
    }

    /// Reads one entry of the file into `ready`, which may hold any number of calls; false at the end of the file.
    fn advance(&mut self) -> bool {
        let (piece, number) = match &mut self.source {
            Source::End => return false,
            Source::Lines(lines) => {
                let piece = match lines.next() {
                    Line::Whole | Line::Unended => Piece::Value(lines.text().to_vec()),
                    Line::Long => Piece::Bad(too_long("line")),
                    Line::Torn => Piece::Broken("it ends in the middle of a write".to_owned()),
                    Line::Broken(why) => Piece::Broken(why),
                    Line::End => Piece::End,
                };
                (piece, lines.number())
            }
            Source::Document(document) => (document.next(), document.number()),
            Source::Table(table) => (table.next(), table.number()),
        };
        match piece {
            Piece::Value(text) => {
                let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
                match serde_json::from_slice(text) {
                    Ok(value) => self.take(&value, number),
                    Err(error) => self.refuse(number, format!("not JSON: {error}")),
                }
            }
            Piece::Row(value) => self.take(&value, number),
            Piece::Bad(why) => self.refuse(number, why),
            Piece::Broken(why) => {
                self.refuse(number, why);
                self.source = Source::End;
            }
            Piece::End => {
                self.source = Source::End;
                return false;
            }
        }
        true
    }

    fn take(&mut self, value: &Value, number: u64) {
        let found = match self.from {
            Foreign::OpenaiLog => each(value, openai::call),
            Foreign::Litellm => each(value, litellm::call),
            Foreign::Otel => otel::calls(value),
            Foreign::Csv => vec![table::call(value)],
        };
        for (place, call) in (1..).zip(found) {
            match call.and_then(|call| {
                call.map(|call| self.record(call, number, place))
                    .transpose()
            }) {
                Ok(Some(record)) => self.ready.push_back(Ok(record)),
                Ok(None) => self.others += 1,
                Err(why) => self.refuse(number, why),
            }
        }
    }

    fn record(&self, call: Call, number: u64, place: usize) -> Result<Record, String> {
        // Known by where it stands, so that the same file gives the same records.
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
        call.record(&self.assumed, || match place {
            1 => format!("{stem}-{number}"),
            _ => format!("{stem}-{number}-{place}"),
        })
    }

    fn refuse(&mut self, line: u64, reason: String) {
        self.ready.push_back(Err(ReadError {
            file: self.path.clone(),
            line,
            reason,
        }));
    }
}

impl Iterator for Import {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            if !self.advance() {
                return None;
            }
        }
    }
}

/// What a value or each element of its `data` is.
fn each(
    value: &Value,
    read: fn(&Value) -> Result<Option<Call>, String>,
) -> Vec<Result<Option<Call>, String>> {
    match value.get("data") {
        Some(Value::Array(list)) => list.iter().map(read).collect(),
        _ => vec![read(value)],
    }
}
