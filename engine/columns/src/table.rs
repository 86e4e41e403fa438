//! The tables: what columns they have, and what of a record is in them.

use mux_traffic::record::{Attempt, Record, Usage};

/// A table of recorded traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// A row for each request.
    Requests,
    /// A row for each attempt.
    Attempts,
}

/// What a row is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'r> {
    record: &'r Record,
    /// From 1, in a table of attempts.
    attempt: Option<(i64, &'r Attempt)>,
}

/// What a column holds. Any cell may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text.
    Text,
    /// A whole number.
    Number,
    /// Yes or no.
    Flag,
    /// A moment, unix milliseconds.
    Time,
    /// Pico-dollars, written as dollars.
    Money,
}

/// What is in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// Nothing.
    Empty,
    /// Of [`Kind::Text`].
    Text(String),
    /// Of [`Kind::Number`], [`Kind::Time`] or [`Kind::Money`].
    Number(i64),
    /// Of [`Kind::Flag`].
    Flag(bool),
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it holds.
    pub(crate) kind: Kind,
    cell: fn(&Row<'_>) -> Cell,
}

impl Column {
    /// Its cell in a row.
    #[must_use]
    pub(crate) fn cell(&self, row: &Row<'_>) -> Cell {
        (self.cell)(row)
    }
}

impl Table {
    /// Its name.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Attempts => "attempts",
        }
    }

    /// Its columns, in order.
    #[must_use]
    pub(crate) fn columns(self) -> &'static [Column] {
        match self {
            Self::Requests => REQUESTS,
            Self::Attempts => ATTEMPTS,
        }
    }

    /// The rows of a record.
    pub(crate) fn rows(self, record: &Record) -> impl Iterator<Item = Row<'_>> {
        let attempts = (self == Self::Attempts).then_some(&*record.attempts);
        let request = (self == Self::Requests).then_some(Row {
            record,
            attempt: None,
        });
        let attempts = (1..)
            .zip(attempts.unwrap_or_default())
            .map(move |attempt| Row {
                record,
                attempt: Some(attempt),
            });
        request.into_iter().chain(attempts)
    }
}

const fn column(name: &'static str, kind: Kind, cell: fn(&Row<'_>) -> Cell) -> Column {
    Column { name, kind, cell }
}

const REQUESTS: &[Column] = &[
    column("id", Kind::Text, |r| text(&r.record.id)),
    column("arrived_at", Kind::Time, |r| Cell::Number(r.record.at)),
    column("version", Kind::Text, |r| text(&r.record.version)),
    column("dialect", Kind::Text, |r| text(&r.record.request.dialect)),
    column("operation", Kind::Text, |r| {
        text(&r.record.request.operation)
    }),
    column("model", Kind::Text, |r| text(&r.record.request.model)),
    column("key", Kind::Text, |r| some(r.record.request.key.as_ref())),
    column("team", Kind::Text, |r| some(r.record.request.team.as_ref())),
    column("end_user", Kind::Text, |r| {
        some(r.record.request.end_user.as_ref())
    }),
    column("conversation", Kind::Text, |r| {
        some(r.record.request.conversation.as_ref())
    }),
    column("tags", Kind::Text, |r| tags(&r.record.request.tags)),
    column("tokens", Kind::Number, |r| {
        Cell::Number(r.record.request.tokens.into())
    }),
    column("output_limit", Kind::Number, |r| {
        count(r.record.request.output_limit)
    }),
    column("streaming", Kind::Flag, |r| {
        Cell::Flag(r.record.request.streaming)
    }),
    column("needs", Kind::Text, |r| {
        text(&r.record.request.needs.join(" "))
    }),
    column("policy", Kind::Text, |r| {
        some(r.record.decision.as_ref().and_then(|d| d.policies.last()))
    }),
    column("rule", Kind::Text, |r| {
        some(r.record.decision.as_ref().map(|d| &d.rule))
    }),
    column("plan", Kind::Text, |r| {
        some(r.record.decision.as_ref().and_then(|d| d.plan.as_ref()))
    }),
    column("target", Kind::Text, |r| {
        some(r.record.outcome.served.as_ref())
    }),
    column("attempts", Kind::Number, |r| {
        count(Some(r.record.attempts.len() as u64))
    }),
    column("failed_over", Kind::Flag, |r| {
        Cell::Flag(r.record.failed_over())
    }),
    column("status", Kind::Number, |r| {
        Cell::Number(r.record.outcome.status.into())
    }),
    column("class", Kind::Text, |r| text(&r.record.outcome.class)),
    column("committed_us", Kind::Number, |r| {
        count(r.record.outcome.committed_us)
    }),
    column("total_us", Kind::Number, |r| {
        count(Some(r.record.outcome.total_us))
    }),
    column("queued_us", Kind::Number, |r| {
        count(Some(r.record.outcome.queued_us))
    }),
    column("overhead_us", Kind::Number, |r| {
        count(Some(r.record.outcome.overhead_us))
    }),
    column("input", Kind::Number, |r| {
        tokens(r.record.usage, |u| u.input)
    }),
    column("output", Kind::Number, |r| {
        tokens(r.record.usage, |u| u.output)
    }),
    column("cache_read", Kind::Number, |r| {
        tokens(r.record.usage, |u| u.cache_read)
    }),
    column("cache_write", Kind::Number, |r| {
        tokens(r.record.usage, |u| u.cache_write)
    }),
    column("reasoning", Kind::Number, |r| {
        tokens(r.record.usage, |u| u.reasoning)
    }),
    column("estimated", Kind::Flag, |r| {
        r.record
            .usage
            .map_or(Cell::Empty, |u| Cell::Flag(u.estimated))
    }),
    column("cost_usd", Kind::Money, |r| Cell::Number(r.record.cost)),
    column("priced", Kind::Flag, |r| Cell::Flag(r.record.priced)),
    column("copy_of", Kind::Text, |r| some(r.record.copy_of.as_ref())),
];

const ATTEMPTS: &[Column] = &[
    column("id", Kind::Text, |r| text(&r.record.id)),
    column("arrived_at", Kind::Time, |r| Cell::Number(r.record.at)),
    column("number", Kind::Number, |r| {
        r.attempt.map_or(Cell::Empty, |(n, _)| Cell::Number(n))
    }),
    column("target", Kind::Text, |r| of(r, |a| text(&a.target))),
    column("role", Kind::Text, |r| of(r, |a| some(a.role.as_ref()))),
    column("start_us", Kind::Number, |r| {
        of(r, |a| count(Some(a.start_us)))
    }),
    column("sent_us", Kind::Number, |r| of(r, |a| count(a.sent_us))),
    column("connected_us", Kind::Number, |r| {
        of(r, |a| count(a.connected_us))
    }),
    column("head_us", Kind::Number, |r| of(r, |a| count(a.head_us))),
    column("first_us", Kind::Number, |r| of(r, |a| count(a.first_us))),
    column("end_us", Kind::Number, |r| of(r, |a| count(Some(a.end_us)))),
    column("class", Kind::Text, |r| of(r, |a| text(&a.class))),
    column("status", Kind::Number, |r| of(r, |a| count(a.status))),
    column("retry_after_ms", Kind::Number, |r| {
        of(r, |a| count(a.retry_after_ms))
    }),
    column("input", Kind::Number, |r| {
        of(r, |a| tokens(a.usage, |u| u.input))
    }),
    column("output", Kind::Number, |r| {
        of(r, |a| tokens(a.usage, |u| u.output))
    }),
    column("cache_read", Kind::Number, |r| {
        of(r, |a| tokens(a.usage, |u| u.cache_read))
    }),
    column("cache_write", Kind::Number, |r| {
        of(r, |a| tokens(a.usage, |u| u.cache_write))
    }),
    column("reasoning", Kind::Number, |r| {
        of(r, |a| tokens(a.usage, |u| u.reasoning))
    }),
    column("cost_usd", Kind::Money, |r| {
        of(r, |a| a.cost.map_or(Cell::Empty, Cell::Number))
    }),
];

fn of(row: &Row<'_>, cell: impl Fn(&Attempt) -> Cell) -> Cell {
    row.attempt
        .map_or(Cell::Empty, |(_, attempt)| cell(attempt))
}

/// Text; empty text is nothing.
fn text(text: &str) -> Cell {
    if text.is_empty() {
        Cell::Empty
    } else {
        Cell::Text(text.to_owned())
    }
}

fn some(found: Option<&String>) -> Cell {
    found.map_or(Cell::Empty, |found| text(found))
}

/// A count; the largest there is where it is larger.
fn count<N: Into<u64>>(count: Option<N>) -> Cell {
    count.map_or(Cell::Empty, |n| {
        Cell::Number(i64::try_from(n.into()).unwrap_or(i64::MAX))
    })
}

fn tokens(usage: Option<Usage>, part: impl Fn(Usage) -> u64) -> Cell {
    count(usage.map(part))
}

/// Tags as a JSON object, which every database can look into; of two of one name the last.
fn tags(tags: &[(String, String)]) -> Cell {
    if tags.is_empty() {
        return Cell::Empty;
    }
    let object: serde_json::Map<_, _> = tags
        .iter()
        .map(|(name, value)| (name.clone(), value.clone().into()))
        .collect();
    Cell::Text(serde_json::Value::Object(object).to_string())
}
