//! `mux traffic stats`: traffic in figures.

use super::source::{Go, Source};
use crate::ending::{Exit, Outcome};
use crate::out::{Format, Out, columns};
use clap::{Args, ValueEnum};
use mux_gateway::clock::utc;
use mux_replay::expectation::percent;
use mux_traffic::summary::{By, Figures};
use mux_traffic::{Spread, Summary};
use serde_json::{Map, Value, json};

/// Groups of one property that are shown to people.
const SHOWN: usize = 20;

/// Count it
#[derive(Debug, Args)]
pub(crate) struct Stats {
    #[command(flatten)]
    source: Source,
    /// What to tell apart
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "target,model,policy,class"
    )]
    by: Vec<Property>,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
}

/// What requests may have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Property(By);

impl ValueEnum for Property {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [Property; By::ALL.len()] = {
            let mut all = [Property(By::Target); By::ALL.len()];
            let mut at = 0;
            while at < all.len() {
                #[expect(clippy::indexing_slicing, reason = "counted while this is compiled")]
                {
                    all[at] = Property(By::ALL[at]);
                }
                at += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(self.0.name().into())
    }
}

impl Stats {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let by: Vec<By> = self.by.iter().map(|property| property.0).collect();
        let mut summary = Summary::by(&by);
        let unread = self.source.each(out, |record, _| {
            summary.add(record);
            Ok(Go::On)
        })?;
        match self.format {
            Format::Json => out.json(&value(&summary, unread)),
            Format::Human => out.text(&text(&summary, unread)),
        }
        Ok(Exit::Good)
    }
}

fn value(summary: &Summary, unread: u64) -> Value {
    let mut all = figures(&summary.all);
    let empty = summary.span.records == 0;
    let at = |ms: i64| if empty { Value::Null } else { ms.into() };
    let groups = summary.groups().map(|(by, rows)| {
        let rows = rows.into_iter().map(|(name, row)| {
            let mut row = figures(row);
            row.insert("name".to_owned(), name.into());
            Value::Object(row)
        });
        (by.name().to_owned(), Value::Array(rows.collect()))
    });
    let groups: Map<String, Value> = groups.collect();
    for (name, told) in [
        ("first_at", at(summary.span.first)),
        ("last_at", at(summary.span.last)),
        ("copies", summary.copies.into()),
        ("sampled", summary.sampled.into()),
        ("newer", summary.newer.into()),
        ("unread", unread.into()),
        ("by", groups.into()),
    ] {
        all.insert(name.to_owned(), told);
    }
    Value::Object(all)
}

fn figures(of: &Figures) -> Map<String, Value> {
    let spread = |spread: &Spread| {
        let at = |percent| spread.percentile(percent);
        json!({"p50": at(50), "p95": at(95), "p99": at(99)})
    };
    let told = json!({
        "requests": of.requests, "served": of.served, "failed_over": of.failed_over, "attempts": of.attempts,
        "input": of.input, "output": of.output, "cost_usd": dollars(of.cost), "unpriced": of.unpriced,
        "first_us": spread(&of.first), "total_us": spread(&of.total),
    });
    match told {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn text(summary: &Summary, unread: u64) -> String {
    let (all, span) = (&summary.all, &summary.span);
    if span.records == 0 {
        return "no records".to_owned();
    }
    let seconds = (span.last - span.first).div_euclid(1_000);
    let rate = u64::try_from(seconds).ok().filter(|s| *s > 0);
    let rate = rate.map_or_else(String::new, |seconds| {
        let tenths = u128::from(all.requests) * 10 / u128::from(seconds);
        format!(", {}.{} a second", tenths / 10, tenths % 10)
    });
    let times = |spread: &Spread| {
        let at = |percent| {
            spread
                .percentile(percent)
                .map_or_else(|| "-".to_owned(), millis)
        };
        format!("p50 {}, p95 {}, p99 {}", at(50), at(95), at(99))
    };
    let mut lines = vec![
        format!(
            "{} requests from {} to {}{rate}",
            all.requests,
            utc(span.first.div_euclid(1_000)),
            utc(span.last.div_euclid(1_000)),
        ),
        format!(
            "served {}, failed over {}, {} attempts",
            share(all.served, all.requests),
            share(all.failed_over, all.requests),
            all.attempts
        ),
        format!(
            "tokens: {} in, {} out; cost ${}",
            all.input,
            all.output,
            dollars(all.cost)
        ),
        format!("first content: {}", times(&all.first)),
        format!("whole answer:  {}", times(&all.total)),
    ];
    if all.unpriced > 0 {
        lines.push(format!(
            "{} requests have attempts of unknown price, which the cost leaves out",
            all.unpriced
        ));
    }
    if summary.copies > 0 {
        lines.push(format!(
            "{} copies and probes, which only the cost and the attempts count",
            summary.copies
        ));
    }
    if summary.sampled > 0 {
        lines.push(format!(
            "{} records are a sample: there were more requests than these",
            summary.sampled
        ));
    }
    if summary.newer > 0 {
        lines.push(format!(
            "{} records were written by a newer mux; what this one does not know of them is left out",
            summary.newer
        ));
    }
    if unread > 0 {
        lines.push(format!("{unread} lines could not be read"));
    }
    for (by, rows) in summary.groups() {
        lines.push(String::new());
        lines.push(table(by, &rows, all.requests));
    }
    lines.join("\n")
}

fn table(by: By, rows: &[(&str, &Figures)], requests: u64) -> String {
    let head = [
        by.name(),
        "requests",
        "share",
        "served",
        "failed over",
        "in",
        "out",
        "cost",
        "p50",
        "p95",
    ];
    let mut cells = vec![head.map(str::to_owned).to_vec()];
    cells.extend(rows.iter().take(SHOWN).map(|(name, row)| {
        let at = |percent| {
            row.total
                .percentile(percent)
                .map_or_else(|| "-".to_owned(), millis)
        };
        vec![
            name.chars().take(40).collect(),
            row.requests.to_string(),
            share(row.requests, requests),
            share(row.served, row.requests),
            share(row.failed_over, row.requests),
            row.input.to_string(),
            row.output.to_string(),
            format!("${}", dollars(row.cost)),
            at(50),
            at(95),
        ]
    }));
    let more = rows.len().saturating_sub(SHOWN);
    let more = if more > 0 {
        format!("\n… and {more} more")
    } else {
        String::new()
    };
    columns(&cells) + &more
}

/// Microseconds as people read them.
fn millis(us: u64) -> String {
    if us < 10_000 {
        format!("{}.{} ms", us / 1_000, us % 1_000 / 100)
    } else {
        format!("{} ms", us / 1_000)
    }
}

/// A share in percent, with two decimals, never rounded up to all.
fn share(of: u64, all: u64) -> String {
    let points = (u128::from(of) * 10_000).checked_div(u128::from(all));
    points.map_or_else(
        || "-".to_owned(),
        |p| percent(i64::try_from(p).unwrap_or(i64::MAX)),
    )
}

/// Pico-dollars as dollars, to a ten-thousandth of a cent.
fn dollars(pico: i128) -> String {
    const ONE: u128 = 1_000_000;
    let (sign, micro) = (
        if pico < 0 { "-" } else { "" },
        pico.unsigned_abs() / 1_000_000,
    );
    format!("{sign}{}.{:06}", micro / ONE, micro % ONE)
}
