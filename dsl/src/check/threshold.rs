//! Thresholds on figures of the moment: what breakers trip at, what health means, what ends a canary.

use crate::check::ability::quantile;
use crate::cursor::Cursor;
use crate::image::HealthRule;
use crate::lines::Line;
use crate::quantity;
use crate::report::Report;
use crate::source::Span;
use crate::tree::{Expr, Sign, Test, Word};
use crate::words::{self, THRESHOLDS};

/// One threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Watch {
    /// A figure, or the breaker.
    Rule(HealthRule),
    /// So many failures in a row.
    Failures(u32),
}

/// `when A or B …`, each with its place.
pub(super) fn read(line: &Line<'_>, report: &mut Report) -> Option<Vec<(Watch, Span)>> {
    let mut cursor = Cursor::of(line);
    let Some(guard) = cursor.guard_of("when") else {
        cursor.missing("a condition that begins with `when`", report);
        return None;
    };
    cursor.end(report);
    let parts: Vec<&Expr> = match &guard.expr {
        Expr::Any(parts) => parts.iter().collect(),
        one => vec![one],
    };
    let mut watched = Vec::new();
    for part in parts {
        let Expr::Test(test) = part else {
            form(
                part.span().unwrap_or(guard.head.span),
                line.entry.form,
                report,
            );
            return None;
        };
        watched.push((threshold(test, line.entry.form, report)?, test.span));
    }
    Some(watched)
}

fn threshold(test: &Test, line: &str, report: &mut Report) -> Option<Watch> {
    let values: Vec<&Word> = test.values.iter().collect();
    let subject = test.subject.first().filter(|_| test.subject.len() == 1)?;
    if words::subject(THRESHOLDS, &subject.text).is_none() {
        report
            .error(
                "mux::name::metric",
                subject.span,
                format!("`{}` is not watched", subject.text),
            )
            .advise(
                &subject.text,
                words::names(THRESHOLDS),
                "what is watched is",
            );
        return None;
    }
    match (subject.text.as_ref(), test.sign, values.as_slice()) {
        ("p50" | "p95" | "p99", Some((Sign::More, _)), [above, over, window])
            if over.says("over") =>
        {
            let window = quantity::positive(window, "over", report);
            let above = quantity::time(above, &subject.text, report);
            let rule = HealthRule::LatencyAbove(quantile(subject, report)?, above?, window?);
            Some(Watch::Rule(rule))
        }
        ("error_rate", Some((Sign::More, _)), [above, over, window]) if over.says("over") => {
            let window = quantity::positive(window, "over", report);
            let above = quantity::part(above, "error_rate", report);
            Some(Watch::Rule(HealthRule::ErrorRateAbove(above?, window?)))
        }
        ("failures", Some((Sign::AtLeast, _)), [count]) => {
            quantity::several(count, "failures", report).map(Watch::Failures)
        }
        ("breaker", Some((Sign::Is, _)), [state]) if state.says("open") => {
            Some(Watch::Rule(HealthRule::BreakerOpen))
        }
        _ => {
            form(test.span, line, report);
            None
        }
    }
}

/// Reports a threshold that is of no use here.
pub(super) fn form(at: Span, form: &str, report: &mut Report) {
    report
        .error(
            "mux::statement::form",
            at,
            "this is not a threshold that can be watched here",
        )
        .help(format!("write `{form}`"));
}
