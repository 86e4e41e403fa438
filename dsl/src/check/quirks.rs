//! Where a provider departs from the dialect of its kind.

use crate::cursor::Cursor;
use crate::image::{Quirk, RateUnit};
use crate::lines::Line;
use crate::quantity;
use crate::report::Report;
use crate::tree::{Item, Kind, Word};
use crate::words::FAULTS;
use serde_json::Value;

/// Headers that mux writes itself, or that carry credentials.
const RESERVED: [&str; 8] = [
    "authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
];

/// The lines of a `quirks` block.
pub(super) fn read(block: &Line<'_>, report: &mut Report) -> Vec<Quirk> {
    let lines = block.body(report);
    lines.iter().flat_map(|line| quirk(line, report)).collect()
}

fn quirk(line: &Line<'_>, report: &mut Report) -> Vec<Quirk> {
    let mut cursor = Cursor::of(line);
    if line.entry.word == "drop" {
        let words = line.args.iter().filter_map(Item::word);
        return words.map(|w| Quirk::Drop(w.text.clone())).collect();
    }
    let quirk = match line.entry.word {
        "rename" => rename(&mut cursor, report),
        "force" => force(&mut cursor, report),
        "header" => header(&mut cursor, report),
        "path" => path(&mut cursor, report),
        "error" => error(&mut cursor, report),
        _ => limits(&mut cursor, report),
    };
    if quirk.is_some() {
        cursor.end(report);
    }
    quirk.into_iter().collect()
}

fn field<'w>(cursor: &mut Cursor<'w>, report: &mut Report) -> Option<&'w Word> {
    cursor.need(Kind::Text, "the name of a field, in quotes", report)
}

fn rename(cursor: &mut Cursor<'_>, report: &mut Report) -> Option<Quirk> {
    let from = field(cursor, report)?;
    cursor.keyword("to", report)?;
    let to = field(cursor, report)?;
    Some(Quirk::Rename(from.text.clone(), to.text.clone()))
}

/// The value is JSON: `true`, `false`, `null`, a number, or a string.
fn force(cursor: &mut Cursor<'_>, report: &mut Report) -> Option<Quirk> {
    let name = field(cursor, report)?;
    let Some(word) = cursor.word() else {
        cursor.missing("a value", report);
        return None;
    };
    let value = match word.kind {
        Kind::Text => Some(Value::String(word.text.clone().into())),
        _ => serde_json::from_str(&word.text).ok(),
    };
    let Some(value) = value else {
        report
            .error(
                "mux::type::mismatch",
                word.span,
                format!("`{}` is no JSON value", word.text),
            )
            .help("values are `true`, `false`, `null`, numbers, and strings in quotes");
        return None;
    };
    Some(Quirk::Force(name.text.clone(), value.to_string().into()))
}

fn header(cursor: &mut Cursor<'_>, report: &mut Report) -> Option<Quirk> {
    let name = cursor.need(Kind::Text, "the name of a header, in quotes", report)?;
    let value = cursor.need(Kind::Text, "its value, in quotes", report)?;
    let lower = name.text.to_ascii_lowercase();
    let token = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if lower.is_empty() || !lower.bytes().all(token) || value.text.contains(['\n', '\r']) {
        report
            .error("mux::quirk::header", name.span, "this is no header")
            .help(
                "names of headers are letters, digits, `-`, `_` and `.`; values stand on one line",
            );
        return None;
    }
    if RESERVED.contains(&lower.as_str()) {
        report
            .error(
                "mux::quirk::header",
                name.span,
                format!("`{lower}` is written by mux itself"),
            )
            .help("a credential is named by `key`; the rest belongs to the connection");
        return None;
    }
    Some(Quirk::Header(lower.into(), value.text.clone()))
}

fn path(cursor: &mut Cursor<'_>, report: &mut Report) -> Option<Quirk> {
    let operation = cursor.need(Kind::Name, "an operation such as `chat`", report)?;
    let path = cursor.need(Kind::Text, "a path in quotes", report)?;
    if !path.text.starts_with('/') {
        report
            .error(
                "mux::url::form",
                path.span,
                "a path begins with `/`, behind the `url` of its provider",
            )
            .help(format!("write `\"/{}\"`", path.text));
        return None;
    }
    Some(Quirk::Path(operation.text.clone(), path.text.clone()))
}

/// `STATUS | "CODE" is CLASS`.
fn error(cursor: &mut Cursor<'_>, report: &mut Report) -> Option<Quirk> {
    let code = if let Some(code) = cursor.kind(Kind::Text) {
        code.text.clone()
    } else {
        let word = cursor.need(Kind::Quantity, "a status, or a code in quotes", report)?;
        failure(word, report)?
    };
    cursor.keyword("is", report)?;
    let class = cursor.need(Kind::Name, "what it means, such as `rate-limited`", report)?;
    if !FAULTS.iter().any(|f| class.says(f.word)) {
        report
            .error(
                "mux::name::class",
                class.span,
                format!("no error means `{}`", class.text),
            )
            .advise(
                &class.text,
                FAULTS.iter().map(|f| f.word),
                "an error can mean",
            );
        return None;
    }
    Some(Quirk::Error(code, class.text.clone()))
}

fn failure(word: &Word, report: &mut Report) -> Option<Box<str>> {
    let status = quantity::count(word, "error", report)?;
    if !(400..=599).contains(&status) {
        report
            .error(
                "mux::type::range",
                word.span,
                format!("`{}` is no status of a failure", word.text),
            )
            .help("statuses from 400 to 599 say that something failed");
        return None;
    }
    Some(status.to_string().into())
}

/// `requests | tokens [limit "H"] [remaining "H"] [reset "H"]`.
fn limits(cursor: &mut Cursor<'_>, report: &mut Report) -> Option<Quirk> {
    let unit = if cursor.says("requests") {
        RateUnit::Requests
    } else if cursor.says("tokens") {
        RateUnit::Tokens
    } else {
        cursor.missing("`requests` or `tokens`", report);
        return None;
    };
    let mut headers = [None, None, None];
    let known = ["limit", "remaining", "reset"];
    while let Some(word) = cursor.peek().filter(|w| w.kind == Kind::Name) {
        let at = known.iter().position(|k| word.says(k));
        let Some(slot) = at.and_then(|at| headers.get_mut(at)) else {
            break;
        };
        cursor.word();
        let name = cursor.need(Kind::Text, "the name of a header, in quotes", report)?;
        *slot = Some(name.text.to_ascii_lowercase().into());
    }
    if headers.iter().all(Option::is_none) {
        cursor.missing("`limit`, `remaining` or `reset` with a header", report);
        return None;
    }
    Some(Quirk::Limits(unit, headers))
}
