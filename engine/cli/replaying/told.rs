//! A replay for people: at a terminal, and as Markdown for a pull request.

use super::figures::{Row, between, counted, notes, paid, rows};
use super::progress::thousands;
use crate::out::columns;
use mux_replay::expectation::{Judged, Verdict};
use mux_replay::report::{Change, Report, Traced};
use mux_traffic::record::{Attempt, Record};
use std::fmt::Write as _;

/// Changes and groups that are written out.
const SHOWN: usize = 20;

/// What the columns of the sides are called.
#[derive(Debug)]
pub(crate) struct Names {
    /// The version it is compared with.
    pub(crate) against: Option<String>,
}

/// A comparison that was made.
#[derive(Debug)]
pub(crate) struct Compared {
    pub(crate) report: Report,
    pub(crate) judged: Vec<Judged>,
    pub(crate) names: Names,
    /// Lines that were no records.
    pub(crate) unreadable: u64,
    /// Records of a later schema than this one's.
    pub(crate) newer: u64,
}

impl Names {
    pub(crate) fn head(&self) -> Vec<String> {
        let against = self.against.iter().cloned();
        let head = std::iter::once("was".to_owned()).chain(against);
        head.chain(["now".to_owned(), "in 95 of 100 runs".to_owned()])
            .collect()
    }
}

pub(crate) fn cells(row: &Row) -> Vec<String> {
    let was = std::iter::once(row.was.clone());
    let rest = row.against.iter().cloned();
    was.chain(rest)
        .chain([row.now.clone(), row.likely.clone()])
        .collect()
}

/// For a terminal.
pub(crate) fn human(report: &Report, judged: &[Judged], names: &Names) -> String {
    let count = format!("{} requests", thousands(report.requests));
    let mut table = vec![[vec![count], names.head()].concat()];
    table.extend(
        rows(report)
            .iter()
            .map(|row| [vec![row.name.clone()], cells(row)].concat()),
    );
    let mut lines = vec![columns(&table), String::new()];
    let versions: Vec<String> = report
        .was
        .versions
        .iter()
        .map(|v| v.chars().take(12).collect())
        .collect();
    if !versions.is_empty() {
        lines.push(format!("decided by {}", versions.join(", ")));
    }
    lines.push(format!(
        "changed: {}",
        counted(report.changed, report.requests)
    ));
    for change in report.changes.iter().take(SHOWN) {
        lines.push(format!("  {}", changed(change, report.requests)));
    }
    more(&mut lines, report.changes.len());
    if !report.groups.is_empty() {
        let (head, groups) = between(report);
        let mut table = vec![head];
        table.extend(groups.into_iter().take(SHOWN));
        lines.push(columns(&table));
    }
    more(&mut lines, report.groups.len());
    lines.extend(notes(report));
    lines.extend(judged.iter().map(verdict));
    if let Some(traced) = &report.traced {
        lines.push(String::new());
        lines.push(trace(traced, names));
    }
    lines.join("\n")
}

fn more(lines: &mut Vec<String>, all: usize) {
    if all > SHOWN {
        lines.push(format!(
            "  and {} more; `--format json` has all",
            all - SHOWN
        ));
    }
}

fn changed(change: &Change, requests: u64) -> String {
    let rules = if change.was_rule == change.now_rule {
        String::new()
    } else {
        let none = |rule: &str| {
            if rule.is_empty() {
                "none".to_owned()
            } else {
                rule.to_owned()
            }
        };
        format!(
            "  rule {} -> {}",
            none(&change.was_rule),
            none(&change.now_rule)
        )
    };
    format!(
        "{} -> {}: {}{rules}  e.g. {}",
        change.was,
        change.now,
        counted(change.count, requests),
        change.examples.join(" ")
    )
}

/// An expectation's line.
pub(crate) fn verdict(judged: &Judged) -> String {
    let word = match judged.verdict {
        Verdict::Pass => "ok  ",
        Verdict::Fail => "FAIL",
        Verdict::Inconclusive => "OPEN",
    };
    format!(
        "{word}  {}:{}: {}",
        judged.file,
        judged.line,
        outcome(judged)
    )
}

/// What became of an expectation.
pub(crate) fn outcome(judged: &Judged) -> String {
    let Judged {
        expected,
        got,
        verdict,
        needed,
        ..
    } = judged;
    match (verdict, needed) {
        (Verdict::Pass, _) => format!("`{expected}`: {got}"),
        (Verdict::Fail, _) => format!("`{expected}`, but got {got}"),
        (Verdict::Inconclusive, Some(needed)) => format!(
            "`{expected}` cannot be told, with {got}; about {} requests would tell",
            thousands(*needed)
        ),
        (Verdict::Inconclusive, None) => {
            format!(
                "`{expected}` cannot be told, with {got}; it is too close for any number of requests"
            )
        }
    }
}

/// One request in full.
fn trace(traced: &Traced, names: &Names) -> String {
    let mut text = one("as it was recorded", &traced.was);
    if let (Some(record), Some(name)) = (&traced.against, &names.against) {
        text.push_str(&one(&format!("under {name}"), record));
    }
    text.push_str(&one("under these policies", &traced.now));
    text
}

fn one(how: &str, record: &Record) -> String {
    let mut text = format!("{} {how}\n", record.id);
    // Writing to a text cannot fail.
    if let Some(decision) = &record.decision {
        let plan = decision.plan.as_deref().map_or_else(
            || format!("deny {}", record.outcome.status),
            |plan| format!("plan {plan}"),
        );
        let _ = writeln!(text, "  rule {}, {plan}", decision.rule);
    }
    for candidate in record.candidates.iter().filter(|c| c.reason.is_some()) {
        let why = candidate.passed_over.as_deref().unwrap_or_default();
        let _ = writeln!(text, "  {} passed over: {why}", candidate.target);
    }
    for (number, attempt) in (1..).zip(&record.attempts) {
        let _ = writeln!(text, "  {number}. {}", attempted(attempt));
    }
    let outcome = &record.outcome;
    let served = outcome.served.as_deref().map_or_else(
        || format!("{} {}", outcome.status, outcome.class),
        |target| format!("served by {target}"),
    );
    let price = if record.priced {
        ""
    } else {
        ", not all of it known"
    };
    let _ = writeln!(
        text,
        "  {served} after {} ms, for {}{price}",
        outcome.total_us / 1_000,
        paid(i128::from(record.cost))
    );
    text
}

fn attempted(attempt: &Attempt) -> String {
    let since = |at: u64| at.saturating_sub(attempt.start_us) / 1_000;
    let first = attempt.first_us.map_or_else(String::new, |at| {
        format!(", first content after {} ms", since(at))
    });
    let status = attempt.status.map_or_else(String::new, |s| format!(" {s}"));
    let tokens = attempt.usage.map_or_else(String::new, |u| {
        format!(", {} tokens in, {} out", u.input, u.output)
    });
    format!(
        "{} at {} ms{first}, over after {} ms: {}{status}{tokens}",
        attempt.target,
        attempt.start_us / 1_000,
        since(attempt.end_us),
        attempt.class
    )
}

/// For the comment of a pull request.
pub(crate) fn markdown(report: &Report, judged: &[Judged], names: &Names) -> String {
    let mut text = format!(
        "### Recorded traffic under these policies\n\n{} requests, **{}** decided differently.\n\n",
        thousands(report.requests),
        counted(report.changed, report.requests)
    );
    for judged in judged {
        let sign = match judged.verdict {
            Verdict::Pass => "✅",
            Verdict::Fail => "❌",
            Verdict::Inconclusive => "❔",
        };
        let _ = writeln!(text, "- {sign} {}", outcome(judged));
    }
    if !judged.is_empty() {
        text.push('\n');
    }
    table(&mut text, &[vec![String::new()], names.head()].concat());
    for row in rows(report) {
        line(&mut text, &[vec![row.name.clone()], cells(&row)].concat());
    }
    if !report.changes.is_empty() {
        text.push_str("\n#### Changed decisions\n\n");
        table(
            &mut text,
            &["was", "now", "requests", "rule", "for example"].map(str::to_owned),
        );
        for change in report.changes.iter().take(SHOWN) {
            line(
                &mut text,
                &[
                    change.was.clone(),
                    change.now.clone(),
                    counted(change.count, report.requests),
                    format!("{} → {}", change.was_rule, change.now_rule),
                    change.examples.join(" "),
                ],
            );
        }
    }
    if !report.groups.is_empty() {
        text.push_str("\n<details><summary>By what requests have in common</summary>\n\n");
        let (head, groups) = between(report);
        table(&mut text, &head);
        for group in &groups {
            line(&mut text, group);
        }
        text.push_str("\n</details>\n");
    }
    text.push('\n');
    for note in notes(report) {
        let _ = writeln!(text, "- {}", escaped(&note));
    }
    text
}

fn table(text: &mut String, head: &[String]) {
    line(text, head);
    let rule: Vec<String> = head.iter().map(|_| "---".to_owned()).collect();
    let _ = writeln!(text, "|{}|", rule.join("|"));
}

fn line(text: &mut String, cells: &[String]) {
    let cells: Vec<String> = cells.iter().map(|c| escaped(c)).collect();
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

/// Text of tables: nothing of it is markup, nor a mention of anybody.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '~' => {
                out.push('\\');
                out.push(letter);
            }
            '@' => out.push_str("@\u{200b}"),
            '\n' | '\r' => out.push(' '),
            other => out.push(other),
        }
    }
    out
}
