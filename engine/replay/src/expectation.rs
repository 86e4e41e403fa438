//! What a `replay` block expects of a comparison.

use crate::report::Report;
use crate::verdict::{Miss, dollars};
use mux_dsl::Image;
use mux_dsl::case::{Compare, Figure, Wanted};

/// Holds the `replay` blocks of a bundle against a comparison.
#[must_use]
pub fn check(image: &Image, report: &Report) -> Vec<Miss> {
    let wanted = image
        .replays
        .iter()
        .flat_map(|replay| replay.expects.iter().map(|w| (replay.file.to_string(), w)));
    wanted
        .filter_map(|(file, w)| {
            let (got, text) = figure(report, w);
            let holds = got.is_some_and(|got| w.compare.holds(&got, &w.value));
            (!holds).then(|| Miss {
                file,
                line: w.line,
                expected: w.text.clone(),
                got: text,
            })
        })
        .collect()
}

/// The figure in the unit of the expectation, and as people read it. `None` where it cannot be told.
fn figure(report: &Report, wanted: &Wanted) -> (Option<i64>, String) {
    let share = |count: u64| {
        // Exact where a lower bound is asked for: rounding up must not help there either.
        let rounded = report.share(count);
        let bp = match wanted.compare {
            Compare::More | Compare::AtLeast => {
                u32::try_from(u128::from(count) * 10_000 / u128::from(report.requests.max(1)))
                    .unwrap_or(u32::MAX)
            }
            _ => rounded,
        };
        (Some(i64::from(bp)), percent(i64::from(bp)))
    };
    match wanted.figure {
        Figure::Changed => share(report.changed),
        Figure::Denied => share(report.now.denied),
        Figure::FailedOver => share(report.now.failed_over),
        Figure::Errors => share(report.now.errors),
        Figure::P50 => (
            i64::try_from(report.now.p50_ms).ok(),
            format!("{}ms", report.now.p50_ms),
        ),
        Figure::P95 => (
            i64::try_from(report.now.p95_ms).ok(),
            format!("{}ms", report.now.p95_ms),
        ),
        Figure::P99 => (
            i64::try_from(report.now.p99_ms).ok(),
            format!("{}ms", report.now.p99_ms),
        ),
        Figure::Cost => {
            let got = i64::try_from(report.now.cost).ok();
            (
                got.filter(|_| report.now.unpriced == 0),
                got.map_or_else(String::new, dollars),
            )
        }
        Figure::CostChange => match report.cost_change() {
            Some(change) if report.now.unpriced == 0 => (Some(change), percent(change)),
            _ => (
                None,
                "a change that cannot be told: a price is unknown, or nothing was paid before"
                    .to_owned(),
            ),
        },
    }
}

fn percent(bp: i64) -> String {
    format!(
        "{}{}.{:02}%",
        if bp < 0 { "-" } else { "" },
        bp.abs() / 100,
        bp.abs() % 100
    )
}
