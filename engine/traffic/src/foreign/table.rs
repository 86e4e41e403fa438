//! CSV: a line a request, the columns found by their names.

use super::call::{Asked, Call};
use super::document::Piece;
use super::fields::{count, duration, money, text, time};
use crate::lines::{Line, Lines, too_long};
use crate::record::{Facts, Usage};
use serde_json::{Map, Value};

/// Names of the columns of times and tokens: those of the Azure LLM inference traces (Patel et al. 2024), of `BurstGPT`
/// (Wang et al. 2024), of spend logs, and of what mux itself exports.
const TIME: [&str; 7] = [
    "arrived_at",
    "timestamp",
    "time",
    "at",
    "starttime",
    "start_time",
    "created_at",
];
const INPUT: [&str; 6] = [
    "contexttokens",
    "request tokens",
    "input",
    "prompt_tokens",
    "input_tokens",
    "tokens",
];
const OUTPUT: [&str; 5] = [
    "generatedtokens",
    "response tokens",
    "output",
    "completion_tokens",
    "output_tokens",
];

/// How requests end, in the words of what mux exports.
const CLASSES: [&str; 26] = [
    "ok",
    "denied",
    "refused",
    "rate-limited",
    "quota-exhausted",
    "overloaded",
    "authentication",
    "permission",
    "invalid-request",
    "context-length",
    "content-filter",
    "model-not-found",
    "payload-too-large",
    "server",
    "timeout",
    "bad-response",
    "other",
    "connect",
    "timed-out",
    "idle",
    "cut",
    "unsupported",
    "plugin",
    "deadline",
    "client-gone",
    "superseded",
];

/// A file of CSV, whose first line was read.
#[derive(Debug)]
pub(crate) struct Table {
    lines: Lines,
    head: Vec<String>,
}

impl Table {
    /// Takes the line that was read last for the names of the columns.
    pub(crate) fn new(lines: Lines) -> Result<Self, String> {
        let first = String::from_utf8_lossy(lines.text()).into_owned();
        let first = first.trim_start_matches('\u{feff}').trim();
        let head = cells(first).ok_or("its first line has a quote that does not end")?;
        let small = |name: &String| name.trim().to_lowercase();
        if !head.iter().any(|name| TIME.contains(&&*small(name))) {
            let names = TIME.join("`, `");
            let told: String = first.chars().take(200).collect();
            return Err(format!(
                "its first line has no column `{names}`; it has `{told}`"
            ));
        }
        Ok(Self { lines, head })
    }

    pub(crate) fn number(&self) -> u64 {
        self.lines.number()
    }

    /// The next row as an object; the names of its columns as written and in small letters.
    pub(crate) fn next(&mut self) -> Piece {
        match self.lines.next() {
            Line::Whole | Line::Unended => {}
            Line::Long => return Piece::Bad(too_long("line")),
            Line::Torn => return Piece::Broken("it ends in the middle of a write".to_owned()),
            Line::Broken(why) => return Piece::Broken(why),
            Line::End => return Piece::End,
        }
        let Ok(line) = std::str::from_utf8(self.lines.text()) else {
            return Piece::Bad("not text in UTF-8".to_owned());
        };
        let Some(cells) = cells(line.trim_end_matches('\r')) else {
            return Piece::Bad("a quote does not end".to_owned());
        };
        if cells.len() != self.head.len() {
            let (is, wanted) = (cells.len(), self.head.len());
            return Piece::Bad(format!("it has {is} columns, the first line {wanted}"));
        }
        let mut row = Map::new();
        for (name, cell) in self.head.iter().zip(cells) {
            let name = name.trim();
            row.insert(name.to_lowercase(), Value::String(cell.clone()));
            row.insert(name.to_owned(), Value::String(cell));
        }
        Piece::Row(Value::Object(row))
    }
}

/// The cells of a line; `None` where a quote does not end.
fn cells(line: &str) -> Option<Vec<String>> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        let cell = cells.last_mut()?;
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' if quoted || cell.trim().is_empty() => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            other => cell.push(other),
        }
    }
    (!quoted).then_some(cells)
}

/// The call in a row; none where it is a copy, which no client asked for, or asks for what mux has not.
pub(crate) fn call(row: &Value) -> Result<Option<Call>, String> {
    let asked = Asked::named(text(row, &["operation"]), text(row, &["dialect"]));
    let Some(asked) = asked.filter(|_| text(row, &["copy_of"]).is_none()) else {
        return Ok(None);
    };
    let owned = |names: &[&str]| text(row, names).map(str::to_owned);
    let part = |name: &str| Ok::<_, String>(count(row, &[name])?.unwrap_or_default());
    let is = |name: &str| text(row, &[name]).is_some_and(|flag| flag.eq_ignore_ascii_case("true"));
    let small =
        |name: &str| Ok::<_, String>(count(row, &[name])?.and_then(|n| u32::try_from(n).ok()));
    let (input, output) = (count(row, &INPUT)?, count(row, &OUTPUT)?);
    let status = count(row, &["status", "status_code"])?;
    let usage = input.is_some() || output.is_some();
    let (cache_read, cache_write) = (part("cache_read")?, part("cache_write")?);
    let reasoning = part("reasoning")?;
    // An object, as mux itself exports them.
    let tags: Map<String, Value> = text(row, &["tags"])
        .and_then(|tags| serde_json::from_str(tags).ok())
        .unwrap_or_default();
    let target = owned(&["target"]);
    let (provider, answered_by) = match target.as_deref().and_then(|t| t.split_once('/')) {
        Some((provider, model)) => (Some(provider.to_owned()), Some(model.to_owned())),
        None => (owned(&["provider"]), None),
    };
    Ok(Some(Call {
        id: owned(&["id", "request_id"]),
        at: time(row, &TIME)?,
        asked,
        model: owned(&["model"]),
        provider,
        answered_by,
        status: status.and_then(|s| u16::try_from(s).ok()),
        class: CLASSES
            .into_iter()
            .find(|class| text(row, &["class"]) == Some(class)),
        failure: owned(&["class"]).filter(|class| class != "ok"),
        first_us: match count(row, &["committed_us"])? {
            None => duration(row, &["ttft_ms", "first_ms"], &["ttft", "ttft_s"])?,
            first => first,
        },
        total_us: match count(row, &["total_us"])? {
            None => duration(
                row,
                &["latency_ms", "duration_ms", "total_ms"],
                &["latency", "duration", "latency_s"],
            )?,
            total => total,
        },
        usage: usage.then(|| Usage {
            input: input.unwrap_or_default(),
            output: output.unwrap_or_default(),
            cache_read,
            cache_write,
            reasoning,
            estimated: is("estimated"),
            ..Usage::default()
        }),
        cost: money(row, &["cost_usd", "cost"])?,
        from_cache: false,
        facts: Facts {
            team: owned(&["team"]),
            end_user: owned(&["user", "end_user"]),
            conversation: owned(&["conversation", "session"]),
            tags: tags
                .into_iter()
                .filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())))
                .collect(),
            tokens: small("tokens")?.unwrap_or_default(),
            output_limit: small("output_limit")?,
            streaming: is("streaming"),
            needs: text(row, &["needs"])
                .into_iter()
                .flat_map(str::split_whitespace)
                .map(str::to_owned)
                .collect(),
            ..Facts::default()
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_cut_at_commas_outside_of_quotes() {
        let cut = |line| cells(line).map(|cells| cells.join("|"));
        assert_eq!(cut(r#"a,"b,""c""",,d"#).as_deref(), Some(r#"a|b,"c"||d"#));
        assert_eq!(cut("").as_deref(), Some(""));
        assert_eq!(cut(r#"a,"b"#), None);
    }
}
