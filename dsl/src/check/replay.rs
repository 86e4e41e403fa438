//! `replay` blocks: what recorded traffic may do under this policy.

use crate::case::{Compare, Figure, Replay, Wanted};
use crate::cursor::Cursor;
use crate::lines::Line;
use crate::names::Names;
use crate::quantity;
use crate::report::Report;
use crate::source::{Sources, Span};
use crate::tree::{Expr, Kind, Test, Word};
use crate::words::{self, FIGURES};

/// Every `replay` block of a bundle.
pub(super) fn read(names: &Names<'_>, sources: &Sources, report: &mut Report) -> Vec<Replay> {
    let lines = names.others.iter().filter(|l| l.entry.word == "replay");
    lines
        .filter_map(|line| block(line, sources, report))
        .collect()
}

fn block(line: &Line<'_>, sources: &Sources, report: &mut Report) -> Option<Replay> {
    let mut cursor = Cursor::of(line);
    let recording = cursor.need(Kind::Text, "the recording, in quotes", report)?;
    let against = if cursor.says("against") {
        Some(cursor.need(Kind::Text, "the version, in quotes", report)?)
    } else {
        None
    };
    cursor.end(report);
    let mut expects = Vec::new();
    for line in line.body(report) {
        let mut cursor = Cursor::of(&line);
        let Some(guard) = cursor.guard() else {
            continue;
        };
        cursor.end(report);
        let at = line.stmt.span;
        let Some((figure, compare, value)) = wanted(&guard.expr, at, report) else {
            continue;
        };
        let text = sources
            .slice(at)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        expects.push(Wanted {
            text,
            line: sources.position(at).0,
            figure,
            compare,
            value,
        });
    }
    Some(Replay {
        recording: recording.text.to_string(),
        against: against.map(|w| w.text.to_string()),
        file: sources.path(line.stmt.span.file).into(),
        expects,
    })
}

fn wanted(expr: &Expr, at: Span, report: &mut Report) -> Option<(Figure, Compare, i64)> {
    let Expr::Test(test) = expr else {
        report
            .error(
                "mux::replay::figure",
                at,
                "an expectation of a replay is one figure and its bound",
            )
            .help("write one `expect` line for each");
        return None;
    };
    let (
        Test {
            sign: Some((sign, _)),
            ..
        },
        [name],
        [value],
    ) = (test, test.subject.as_slice(), test.values.as_slice())
    else {
        report
            .error(
                "mux::replay::figure",
                test.span,
                "a figure is compared with one value",
            )
            .help("write, for example, `expect changed <= 2%`");
        return None;
    };
    let Some(compare) = sign.compare() else {
        report.error(
            "mux::type::comparison",
            test.span,
            format!("a figure cannot be compared with `{}`", sign.word()),
        );
        return None;
    };
    let share = |report: &mut Report| quantity::share(value, &name.text, report).map(i64::from);
    let time = |report: &mut Report| i64::try_from(quantity::time(value, &name.text, report)?).ok();
    let (figure, value) = match name.text.as_ref() {
        "changed" => (Figure::Changed, share(report)?),
        "denied" => (Figure::Denied, share(report)?),
        "failed_over" => (Figure::FailedOver, share(report)?),
        "errors" => (Figure::Errors, share(report)?),
        "p50" => (Figure::P50, time(report)?),
        "p95" => (Figure::P95, time(report)?),
        "p99" => (Figure::P99, time(report)?),
        "cost" if value.text.ends_with('%') => (Figure::CostChange, change(value, report)?),
        "cost" => (Figure::Cost, quantity::money(value, "cost", report)?),
        _ => {
            report
                .error(
                    "mux::name::figure",
                    name.span,
                    format!("a replay has no figure `{}`", name.text),
                )
                .advise(&name.text, words::names(FIGURES), "the figures are");
            return None;
        }
    };
    Some((figure, compare, value))
}

/// `+5%` or `-5%`, in basis points.
fn change(word: &Word, report: &mut Report) -> Option<i64> {
    let (negative, digits) = match word.text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, word.text.strip_prefix('+').unwrap_or(&word.text)),
    };
    let plain = Word {
        text: digits.into(),
        ..word.clone()
    };
    let share = i64::from(quantity::share(&plain, "cost", report)?);
    Some(if negative { -share } else { share })
}
