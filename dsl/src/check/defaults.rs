//! The `defaults` block: what holds where nothing nearer is written.

use super::route::Calls;
use super::upkeep;
use crate::cursor::Cursor;
use crate::image::{BreakerId, Defaults, Pico};
use crate::lines::Line;
use crate::names::Names;
use crate::quantity;
use crate::report::Report;
use crate::tree::{Kind, Word};

/// The only block of a bundle; others are reported.
pub(super) fn read(names: &Names<'_>, report: &mut Report) -> Defaults {
    let mut blocks = names.others.iter().filter(|l| l.entry.word == "defaults");
    let mut defaults = Defaults::default();
    let Some(first) = blocks.next() else {
        return defaults;
    };
    for second in blocks {
        report
            .error(
                "mux::name::duplicate",
                second.head(),
                "`defaults` is declared twice",
            )
            .label("the second")
            .also(first.head(), "the first");
    }
    let mut calls = Calls::default();
    for line in first.body(report) {
        let mut cursor = Cursor::over(&line.stmt.items, line.head(), line.entry.form);
        if cursor.peek().is_some_and(Calls::takes) {
            while cursor.peek().is_some_and(Calls::takes) {
                if calls.read(&mut cursor, report).is_none() {
                    cursor.rest();
                }
            }
            cursor.end(report);
        } else {
            let mut cursor = Cursor::of(&line);
            let read = default(&line, &mut cursor, &mut defaults, names, report);
            if read.is_some() {
                cursor.end(report);
            }
        }
    }
    defaults.timeouts = calls.timeouts;
    defaults.retry = calls.retry;
    defaults
}

fn default(
    line: &Line<'_>,
    cursor: &mut Cursor<'_>,
    defaults: &mut Defaults,
    names: &Names<'_>,
    report: &mut Report,
) -> Option<()> {
    let word = line.entry.word;
    match word {
        "probe" => defaults.probe = Some(upkeep::probe(line, report)?),
        "warm" => defaults.warm = Some(upkeep::warm(line, report)?),
        "on-disconnect" => defaults.abandon = Some(upkeep::abandon(line, report)?),
        "retry-budget" | "hedge-budget" | "attempts" | "backoff" | "queue" | "spill" => {
            return pair(word, cursor, defaults, report);
        }
        _ => {
            let value = cursor.word()?;
            match word {
                "within" => defaults.within = Some(quantity::positive(value, word, report)?),
                "slow-start" => defaults.slow_start = Some(quantity::time(value, word, report)?),
                "concurrency" => {
                    defaults.concurrency = Some(quantity::several(value, word, report)?);
                }
                "breaker" => {
                    let breaker = names.breakers.find(value, report)?;
                    defaults.breaker = Some(BreakerId(breaker));
                }
                "adaptive" => defaults.adaptive = Some(switch(value, word, report)?),
                _ => defaults.early_headers = Some(switch(value, word, report)?),
            }
            return Some(());
        }
    }
    cursor.rest();
    Some(())
}

/// Lines with a second value.
fn pair(
    word: &str,
    cursor: &mut Cursor<'_>,
    defaults: &mut Defaults,
    report: &mut Report,
) -> Option<()> {
    match word {
        "attempts" => {
            let most = quantity::several(number(cursor, report)?, word, report)?;
            let each = if cursor.says("per-target") {
                Some(quantity::several(
                    number(cursor, report)?,
                    "per-target",
                    report,
                )?)
            } else {
                None
            };
            defaults.attempts = (Some(most), each);
        }
        "retry-budget" => {
            let share = quantity::part(number(cursor, report)?, word, report)?;
            let floor = if cursor.says("floor") {
                Some(quantity::count(number(cursor, report)?, "floor", report)?)
            } else {
                None
            };
            defaults.retry_budget = Some((share, floor));
        }
        "hedge-budget" => {
            let share = quantity::part(number(cursor, report)?, word, report)?;
            let cost: Option<Pico> = if cursor.says("cost") {
                Some(quantity::money(number(cursor, report)?, "cost", report)?)
            } else {
                None
            };
            defaults.hedge_budget = Some((share, cost));
        }
        "backoff" | "queue" => return waits(word, cursor, defaults, report),
        _ => {
            defaults.spill = Some(if cursor.says("off") {
                0
            } else {
                cursor.keyword("below", report)?;
                quantity::part(number(cursor, report)?, word, report)?
            });
        }
    }
    Some(())
}

/// How long what cannot be done at once is put off.
fn waits(
    word: &str,
    cursor: &mut Cursor<'_>,
    defaults: &mut Defaults,
    report: &mut Report,
) -> Option<()> {
    if word == "queue" {
        let places = quantity::count(number(cursor, report)?, word, report)?;
        cursor.keyword("wait", report)?;
        let wait = quantity::time(number(cursor, report)?, "wait", report)?;
        defaults.queue = Some((places, wait));
    } else {
        let base = quantity::positive(number(cursor, report)?, word, report)?;
        cursor.keyword("up-to", report)?;
        let ceiling = number(cursor, report)?;
        let most = quantity::positive(ceiling, "up-to", report)?;
        if most < base {
            report.error(
                "mux::type::range",
                ceiling.span,
                "the ceiling is below the base",
            );
            return None;
        }
        defaults.backoff = Some((base, most));
    }
    Some(())
}

fn number<'w>(cursor: &mut Cursor<'w>, report: &mut Report) -> Option<&'w Word> {
    cursor.need(Kind::Quantity, "a number", report)
}

/// `on` or `off`.
fn switch(word: &Word, of: &str, report: &mut Report) -> Option<bool> {
    if word.says("on") || word.says("off") {
        return Some(word.says("on"));
    }
    report
        .error(
            "mux::statement::form",
            word.span,
            format!("`{of}` is either `on` or `off`"),
        )
        .help(format!("write `{of} on` or `{of} off`"));
    None
}
