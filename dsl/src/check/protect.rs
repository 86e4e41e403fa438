//! Breakers, and the thresholds behind `health of`.

use crate::cursor::Cursor;
use crate::image::{Breaker, Health, HealthRule};
use crate::lines::Line;
use crate::names::{Decl, Names};
use crate::quantity;
use crate::report::Report;
use crate::source::Span;
use crate::tree::{Expr, Sign, Test, Word};

/// What a breaker does where its block does not say.
const MIN: u32 = 20;
const COOL: u64 = 15_000;
const PROBE: u32 = 2;

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
            "trip" => {
                if let Some([HealthRule::ErrorRateAbove(share, over)]) =
                    thresholds(line, report).as_deref()
                {
                    (breaker.error_rate, breaker.over) = (*share, *over);
                } else if !report.failed() {
                    form(line.stmt.span, line.entry.form, report);
                }
            }
            "min" => breaker.min = requests(line, report).unwrap_or(MIN),
            "probe" => breaker.probe = requests(line, report).unwrap_or(PROBE),
            "cool" => {
                breaker.cool = line
                    .word()
                    .and_then(|w| quantity::time(w, "cool", report))
                    .unwrap_or(COOL);
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

/// `N requests`, at least one.
fn requests(line: &Line<'_>, report: &mut Report) -> Option<u32> {
    let mut cursor = Cursor::of(line);
    let word = cursor.need(crate::tree::Kind::Quantity, "a number", report)?;
    if !cursor.says("requests") {
        cursor.says("request");
    }
    cursor.end(report);
    let count = quantity::count(word, line.entry.word, report)?;
    if count == 0 {
        report.error(
            "mux::type::range",
            word.span,
            format!("`{}` must be at least 1", line.entry.word),
        );
        return None;
    }
    Some(count)
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
        let rules = thresholds(&line, report).unwrap_or_default();
        if line.entry.word == "down" {
            health.down.extend(rules);
        } else {
            health.degraded.extend(rules);
        }
    }
    Some(health)
}

/// `when A or B …`.
fn thresholds(line: &Line<'_>, report: &mut Report) -> Option<Vec<HealthRule>> {
    let mut cursor = Cursor::of(line);
    let Some(guard) = cursor.guard() else {
        cursor.missing("a condition", report);
        return None;
    };
    cursor.end(report);
    let tests: Vec<&Test> = match &guard.expr {
        Expr::Test(test) => vec![test],
        Expr::Any(parts) => parts
            .iter()
            .filter_map(|p| {
                if let Expr::Test(test) = p {
                    Some(test)
                } else {
                    None
                }
            })
            .collect(),
        Expr::All(_) | Expr::Not(_) => Vec::new(),
    };
    let whole = if let Expr::Any(parts) = &guard.expr {
        parts.len()
    } else {
        1
    };
    if tests.len() != whole {
        form(
            guard.expr.span().unwrap_or(guard.head.span),
            line.entry.form,
            report,
        );
        return None;
    }
    tests
        .into_iter()
        .map(|test| threshold(test, line, report))
        .collect()
}

fn threshold(test: &Test, line: &Line<'_>, report: &mut Report) -> Option<HealthRule> {
    let values: Vec<&Word> = test.values.iter().collect();
    let subject = test.subject.first().filter(|_| test.subject.len() == 1);
    match (subject, test.sign, values.as_slice()) {
        (Some(s), Some((Sign::More, _)), [above, over, window]) if over.says("over") => {
            let window = quantity::time(window, "over", report);
            if s.says("p95") {
                let above = quantity::time(above, "p95", report);
                return Some(HealthRule::P95Above(above?, window?));
            }
            if s.says("error_rate") {
                let above = quantity::share(above, "error_rate", report);
                return Some(HealthRule::ErrorRateAbove(above?, window?));
            }
            form(test.span, line.entry.form, report);
            None
        }
        (Some(s), Some((Sign::Is, _)), [state])
            if s.says("breaker") && state.says("open") && line.entry.word != "trip" =>
        {
            Some(HealthRule::BreakerOpen)
        }
        _ => {
            form(test.span, line.entry.form, report);
            None
        }
    }
}

fn form(at: Span, form: &str, report: &mut Report) {
    report
        .error(
            "mux::statement::form",
            at,
            "this is not a threshold that can be watched here",
        )
        .help(format!("write `{form}`"));
}
