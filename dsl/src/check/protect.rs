//! Breakers, and the thresholds behind `health of`.

use super::threshold::{self, Watch};
use crate::cursor::Cursor;
use crate::image::{Breaker, Health, HealthRule, Millis};
use crate::lines::Line;
use crate::names::{Decl, Names};
use crate::quantity;
use crate::report::Report;
use crate::tree::Kind;

/// What a breaker does where its block does not say.
const MIN: u32 = 20;
const COOL: u64 = 15_000;
const PROBE: u32 = 2;
/// Most successes that a breaker counts.
const MOST_PROBES: u32 = 255;

/// Every named breaker.
pub(super) fn breakers(names: &Names<'_>, report: &mut Report) -> Vec<Breaker> {
    names
        .breakers
        .iter()
        .map(|decl| breaker(decl, report))
        .collect()
}

fn breaker(decl: &Decl<'_>, report: &mut Report) -> Breaker {
    let mut breaker = Breaker {
        name: decl.name.clone(),
        error_rate: 0,
        over: 0,
        failures: 0,
        min: MIN,
        cool: COOL,
        cool_most: None,
        probe: PROBE,
        slow_start: None,
    };
    for line in &decl.body {
        match line.entry.word {
            "trip" => trip(line, &mut breaker, report),
            "min" => breaker.min = requests(line, report).unwrap_or(MIN),
            "probe" => breaker.probe = probe(line, report).unwrap_or(PROBE),
            "cool" => {
                if let Some((base, most)) = cool(line, report) {
                    (breaker.cool, breaker.cool_most) = (base, most);
                }
            }
            "slow-start" => {
                breaker.slow_start = line
                    .word()
                    .and_then(|w| quantity::time(w, "slow-start", report));
            }
            _ => {}
        }
    }
    if decl.lacks("trip") {
        report
            .error(
                "mux::breaker::no-trip",
                decl.span,
                format!("`{}` does not say when it opens", decl.name),
            )
            .help("add a line such as `trip when error_rate > 20% over 30s`");
    }
    breaker
}

/// What opens it: a share of failures, failures in a row, or either.
fn trip(line: &Line<'_>, breaker: &mut Breaker, report: &mut Report) {
    for (watch, at) in threshold::read(line, report).unwrap_or_default() {
        match watch {
            Watch::Rule(HealthRule::ErrorRateAbove(share, over)) if breaker.over == 0 => {
                (breaker.error_rate, breaker.over) = (share, over);
            }
            Watch::Failures(count) if breaker.failures == 0 => breaker.failures = count,
            Watch::Rule(HealthRule::ErrorRateAbove(..)) | Watch::Failures(_) => {
                report
                    .error(
                        "mux::statement::repeated",
                        at,
                        format!("`{}` trips at such a threshold already", breaker.name),
                    )
                    .help("a breaker has one share of failures and one number of failures in a row; the lower one counts");
            }
            Watch::Rule(_) => threshold::form(at, line.entry.form, report),
        }
    }
}

/// `cool TIME [up-to TIME]`.
fn cool(line: &Line<'_>, report: &mut Report) -> Option<(Millis, Option<Millis>)> {
    let mut cursor = Cursor::of(line);
    let word = cursor.need(Kind::Quantity, "a time such as `15s`", report)?;
    let base = quantity::time(word, "cool", report)?;
    let most = if cursor.says("up-to") {
        let word = cursor.need(Kind::Quantity, "a time such as `5m`", report)?;
        let most = quantity::time(word, "up-to", report)?;
        if most < base {
            report.error(
                "mux::type::range",
                word.span,
                "the ceiling is below the base",
            );
            return None;
        }
        Some(most)
    } else {
        None
    };
    cursor.end(report);
    Some((base, most))
}

/// `N requests`, at least one.
/// `probe N requests`, of which a breaker counts no more than [`MOST_PROBES`].
fn probe(line: &Line<'_>, report: &mut Report) -> Option<u32> {
    let asked = requests(line, report)?;
    if asked > MOST_PROBES {
        report
            .error(
                "mux::type::range",
                line.head(),
                format!("`probe` is at most {MOST_PROBES} requests"),
            )
            .help("a handful of successes shows that a target is back; `slow-start` leads its traffic back step by step");
        return None;
    }
    Some(asked)
}

fn requests(line: &Line<'_>, report: &mut Report) -> Option<u32> {
    let mut cursor = Cursor::of(line);
    let word = cursor.need(Kind::Quantity, "a number", report)?;
    if !cursor.says("requests") {
        cursor.says("request");
    }
    cursor.end(report);
    quantity::several(word, line.entry.word, report)
}

/// The `health` block, if there is one.
pub(super) fn health(names: &Names<'_>, report: &mut Report) -> Option<Health> {
    let mut blocks = names.others.iter().filter(|l| l.entry.word == "health");
    let first = blocks.next()?;
    for second in blocks {
        report
            .error(
                "mux::name::duplicate",
                second.head(),
                "`health` is declared twice",
            )
            .label("the second")
            .also(first.head(), "the first");
    }
    let mut health = Health::default();
    for line in first.body(report) {
        let watched = threshold::read(&line, report).unwrap_or_default();
        let mut rules = Vec::new();
        for (watch, at) in watched {
            match watch {
                Watch::Rule(rule) => rules.push(rule),
                Watch::Failures(_) => threshold::form(at, line.entry.form, report),
            }
        }
        if line.entry.word == "down" {
            health.down.extend(rules);
        } else {
            health.degraded.extend(rules);
        }
    }
    Some(health)
}
