//! The figures of a replay as lines of text: the one table that terminal, Markdown and page are written from.

use super::progress::thousands;
use mux_replay::bounds::{Bounds, Interval};
use mux_replay::expectation::percent;
use mux_replay::report::{Group, Report, share};
use mux_replay::side::Side;
use mux_replay::verdict::dollars;
use std::collections::BTreeSet;

/// A figure on every side.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) was: String,
    pub(crate) against: Option<String>,
    pub(crate) now: String,
    /// Where it is in 95 of 100 runs of such traffic.
    pub(crate) likely: String,
}

type Likely = fn(&Bounds) -> Interval;
type Figure = fn(&Side) -> u64;
type Of = Box<dyn Fn(&Side) -> String>;

/// The figures of all requests, and of those that everybody served.
pub(crate) fn rows(report: &Report) -> Vec<Row> {
    let mut rows = Vec::new();
    let requests = report.requests;
    if report.mode != "decisions" {
        let counts: [(&str, Figure, Option<Likely>); 4] = [
            ("failed over", |s| s.failed_over, Some(|b| b.failed_over)),
            ("errors", |s| s.errors, Some(|b| b.errors)),
            ("of them, time was up", |s| s.out_of_time, None),
            ("denied", |s| s.denied, Some(|b| b.denied)),
        ];
        for (name, of, likely) in counts {
            let told: Of = Box::new(move |s| counted(of(s), requests));
            let bounds = likely.and_then(|l| report.now.bounds.as_ref().map(l));
            rows.push(row(report, name, &told, bounds.map(between_shares)));
        }
        let times: [(&str, Figure, Likely); 3] = [
            ("p50", |s| s.p50_ms, |b| b.p50_ms),
            ("p95", |s| s.p95_ms, |b| b.p95_ms),
            ("p99", |s| s.p99_ms, |b| b.p99_ms),
        ];
        for (name, of, likely) in times {
            let told: Of = Box::new(move |s| format!("{} ms", of(s)));
            let bounds = report.now.bounds.as_ref().map(likely);
            rows.push(row(report, name, &told, bounds.map(between_times)));
        }
        let told: Of = Box::new(|s| paid(s.cost));
        // Of what is not all known, nobody knows where it may be.
        let known = report.now.bounds.as_ref();
        let bounds = known.filter(|_| report.now.unpriced == 0).map(|b| b.cost);
        rows.push(row(report, "cost", &told, bounds.map(between_costs)));
        let told: Of = Box::new(move |s| hundredths(s.attempts, requests));
        rows.push(row(report, "attempts a request", &told, None));
        let unpriced = report.was.unpriced + report.now.unpriced;
        if unpriced > 0 {
            let told: Of = Box::new(move |s| counted(s.unpriced, requests));
            rows.push(row(report, "without a price", &told, None));
        }
    }
    let sides = [
        Some(&report.was),
        report.against.as_ref(),
        Some(&report.now),
    ];
    let routes: BTreeSet<&String> = sides
        .iter()
        .flatten()
        .flat_map(|s| s.routes.keys())
        .collect();
    for route in routes {
        let name = route.clone();
        let told: Of =
            Box::new(move |s| counted(s.routes.get(&name).copied().unwrap_or(0), requests));
        rows.push(row(report, route, &told, None));
    }
    rows
}

fn row(report: &Report, name: &str, told: &Of, likely: Option<String>) -> Row {
    Row {
        name: name.to_owned(),
        was: told(&report.was),
        against: report.against.as_ref().map(told),
        now: told(&report.now),
        likely: likely.unwrap_or_default(),
    }
}

/// The figures by what requests have in common, as a table: its head and its lines.
pub(crate) fn between(report: &Report) -> (Vec<String>, Vec<Vec<String>>) {
    let decided = report.mode == "decisions";
    let mut head = vec!["", "requests", "changed"];
    if decided {
        head.push("refused");
    } else {
        head.extend(["errors", "p95", "cost"]);
    }
    let line = |group: &Group| {
        let sides = |of: &dyn Fn(&Side) -> String| {
            let sides = [Some(&group.was), group.against.as_ref(), Some(&group.now)];
            let told: Vec<String> = sides.into_iter().flatten().map(of).collect();
            told.join(" → ")
        };
        let mut cells = vec![
            format!("{} {}", group.by, group.value),
            counted(group.requests, report.requests),
            counted(group.changed, group.requests),
        ];
        if decided {
            cells.push(sides(&|s| s.denied.to_string()));
        } else {
            cells.push(sides(&|s| s.errors.to_string()));
            cells.push(sides(&|s| format!("{} ms", s.p95_ms)));
            cells.push(sides(&|s| paid(s.cost)));
        }
        cells
    };
    let head = head.into_iter().map(str::to_owned).collect();
    (head, report.groups.iter().map(line).collect())
}

/// `12 (3.41%)`.
pub(crate) fn counted(count: u64, of: u64) -> String {
    let share = percent(i64::from(share(count, of)));
    format!("{} ({share})", thousands(count))
}

/// Money.
pub(crate) fn paid(pico: i128) -> String {
    dollars(i64::try_from(pico).unwrap_or(i64::MAX))
}

fn hundredths(count: u64, of: u64) -> String {
    let hundredths = count.saturating_mul(100) / of.max(1);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn between_shares([low, high]: Interval) -> String {
    format!("{} to {}", percent(rounded(low)), percent(rounded(high)))
}

fn between_times([low, high]: Interval) -> String {
    format!("{} to {} ms", rounded(low), rounded(high))
}

fn between_costs([low, high]: Interval) -> String {
    format!("{} to {}", dollars(rounded(low)), dollars(rounded(high)))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a float becomes the nearest number there is"
)]
fn rounded(number: f64) -> i64 {
    number.round() as i64
}

/// What else is to be said, a line each.
pub(crate) fn notes(report: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(classes) = report.classes {
        notes.push(format!(
            "decided only: {} requests in {classes} classes that the policies treat alike",
            thousands(report.requests)
        ));
    } else {
        let drawn = report.drawn;
        notes.push(format!(
            "attempts: {} as recorded of the same request, {} drawn from others at that target, {} assumed",
            thousands(drawn.same),
            thousands(drawn.others),
            thousands(drawn.assumed)
        ));
    }
    if !report.assumed.is_empty() {
        let assumed: Vec<&str> = report.assumed.iter().map(String::as_str).collect();
        notes.push(format!(
            "assumed healthy, since never recorded: {}; what they take and how long is a guess",
            assumed.join(", ")
        ));
    }
    for outage in &report.outages {
        notes.push(format!("outage: {outage}"));
    }
    for outage in &report.idle_outages {
        notes.push(format!(
            "{outage} struck nobody: under these policies no attempt falls into it"
        ));
    }
    if report.drawn.outages > 0 {
        notes.push(format!(
            "attempts in an outage: {}",
            thousands(report.drawn.outages)
        ));
    }
    for within in &report.within {
        let verdict = if within.over == 0 && within.out_of_time == 0 {
            "holds".to_owned()
        } else {
            format!(
                "is up for {} requests",
                thousands(within.over + within.out_of_time)
            )
        };
        notes.push(format!(
            "plan {}: within {} ms {verdict}; the longest of {} requests took {} ms",
            within.plan,
            within.within_ms,
            thousands(within.requests),
            within.longest_ms
        ));
    }
    if let Some(share) = report.sample {
        notes.push(format!(
            "only {} of the requests were recorded: limits, budgets and breakers see fewer here than there were",
            percent(i64::from(share))
        ));
    }
    if report.mistimed > 0 {
        notes.push(format!(
            "the times of {} records are ten years from the others or more; they count as the first or the last",
            thousands(report.mistimed)
        ));
    }
    if report.skipped > 0 {
        notes.push(format!(
            "skipped: {} requests that could not be read in the first place",
            thousands(report.skipped)
        ));
    }
    if report.copies > 0 {
        notes.push(format!(
            "{} copies and probes are no requests of clients; they only show how targets behave",
            thousands(report.copies)
        ));
    }
    notes
}
