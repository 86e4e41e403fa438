//! What a `replay` block expects of a comparison, and whether that is so.
//!
//! What was changed and refused is counted, and holds or does not. What depends on how providers behave is drawn, so it
//! holds where all that is likely is within the bound, fails where nothing of it is, and is open in between: more traffic
//! would tell. A bound of nothing, such as `errors <= 0%`, is no statement about other traffic, and is counted, too.

use crate::bounds::{Bounds, Interval};
use crate::report::Report;
use crate::verdict::dollars;
use mux_dsl::Image;
use mux_dsl::case::{Compare, Figure, Replay, Wanted};
use serde::Serialize;

/// Whether an expectation holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It does.
    Pass,
    /// It does not.
    Fail,
    /// This traffic cannot tell.
    Inconclusive,
}

impl Verdict {
    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// An expectation, and whether it holds.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    /// File it stands in.
    pub file: String,
    /// Line of the `expect`, from 1.
    pub line: u32,
    /// As written.
    pub expected: String,
    /// What is the case, with where it may be.
    pub got: String,
    /// Whether it holds.
    pub verdict: Verdict,
    /// About how many requests would tell, where these cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needed: Option<u64>,
}

/// A figure in the unit of its expectation.
struct Measured {
    /// `None` where it cannot be told.
    value: Option<i64>,
    /// Where it may be; absent where it was counted.
    bounds: Option<Interval>,
    text: String,
}

/// The versions that the `replay` blocks of a bundle name to be compared with, in their order; `None` is the one that served
/// each request. Without blocks it is that one alone.
#[must_use]
pub fn named(image: &Image) -> Vec<Option<&str>> {
    let mut all: Vec<Option<&str>> = Vec::new();
    for replay in &image.replays {
        let name = against(replay);
        if !all.contains(&name) {
            all.push(name);
        }
    }
    if all.is_empty() {
        all.push(None);
    }
    all
}

fn against(replay: &Replay) -> Option<&str> {
    replay.against.as_deref().filter(|name| *name != "live")
}

/// Holds those `replay` blocks against a comparison that name what it was made with, as [`named`] tells it.
#[must_use]
pub fn check_named(image: &Image, name: Option<&str>, report: &Report) -> Vec<Judged> {
    let own = image.replays.iter().filter(|r| against(r) == name);
    judge(own, report)
}

/// Holds all `replay` blocks of a bundle against a comparison, whatever they name. Of decisions alone only `changed` and
/// `denied` are known: other lines are passed over.
#[must_use]
pub fn check(image: &Image, report: &Report) -> Vec<Judged> {
    judge(image.replays.iter(), report)
}

fn judge<'r>(replays: impl Iterator<Item = &'r Replay>, report: &Report) -> Vec<Judged> {
    let known = |w: &&Wanted| {
        report.mode != "decisions" || matches!(w.figure, Figure::Changed | Figure::Denied)
    };
    let wanted = replays.flat_map(|replay| {
        let own = replay.expects.iter().filter(known);
        own.map(|w| (replay.file.to_string(), w))
    });
    wanted.map(|(file, w)| judged(file, w, report)).collect()
}

fn judged(file: String, wanted: &Wanted, report: &Report) -> Judged {
    let measured = measured(report, wanted);
    let (verdict, needed) = verdict(&measured, wanted, report.requests);
    Judged {
        file,
        line: wanted.line,
        expected: wanted.text.clone(),
        got: measured.text,
        verdict,
        needed,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "figures are compared to a few digits"
)]
fn verdict(measured: &Measured, wanted: &Wanted, requests: u64) -> (Verdict, Option<u64>) {
    let Some(value) = measured.value else {
        return (Verdict::Fail, None);
    };
    let holds = wanted.compare.holds(&value, &wanted.value);
    let counted = if holds { Verdict::Pass } else { Verdict::Fail };
    let Some([low, high]) = measured.bounds.filter(|_| wanted.value != 0) else {
        return (counted, None);
    };
    let (value, bound) = (value as f64, wanted.value as f64);
    let open = match wanted.compare {
        Compare::Less | Compare::AtMost => low <= bound && bound < high,
        Compare::More | Compare::AtLeast => low < bound && bound <= high,
        Compare::Is | Compare::IsNot => false,
    };
    if !open {
        return (counted, None);
    }
    // Intervals shrink with the root of the number of requests.
    let half = if value <= bound {
        high - value
    } else {
        value - low
    };
    let distance = (value - bound).abs();
    let needed = (distance > 0.0).then(|| requests as f64 * (half / distance).powi(2));
    (Verdict::Inconclusive, needed.map(whole))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of requests, to two digits"
)]
fn whole(number: f64) -> u64 {
    let digits = 10_f64.powf((number.max(1.0).log10().floor() - 1.0).max(0.0));
    ((number / digits).ceil() * digits) as u64
}

fn measured(report: &Report, wanted: &Wanted) -> Measured {
    let now = &report.now;
    let bounds = now.bounds.as_ref();
    let likely = |of: &dyn Fn(&Bounds) -> Interval| bounds.map(of);
    match wanted.figure {
        Figure::Changed => share(report, wanted, report.changed, None),
        Figure::Denied => share(report, wanted, now.denied, None),
        Figure::FailedOver => share(report, wanted, now.failed_over, likely(&|b| b.failed_over)),
        Figure::Errors => share(report, wanted, now.errors, likely(&|b| b.errors)),
        Figure::P50 => time(now.p50_ms, likely(&|b| b.p50_ms)),
        Figure::P95 => time(now.p95_ms, likely(&|b| b.p95_ms)),
        Figure::P99 => time(now.p99_ms, likely(&|b| b.p99_ms)),
        Figure::Cost => {
            let value = i64::try_from(now.cost).ok().filter(|_| now.unpriced == 0);
            let bounds = likely(&|b| b.cost);
            let text = value.map_or_else(|| UNPRICED.to_owned(), dollars);
            let between = |[low, high]: Interval| format!("{} to {}", money(low), money(high));
            Measured {
                value,
                text: with(text, bounds.filter(|_| value.is_some()).map(between)),
                bounds,
            }
        }
        Figure::CostChange => {
            let value = report.cost_change().filter(|_| now.unpriced == 0);
            let bounds = bounds.and_then(|b| b.cost_change);
            let text = value.map_or_else(|| UNTOLD.to_owned(), percent);
            let between = |[low, high]: Interval| {
                format!("{} to {}", percent(rounded(low)), percent(rounded(high)))
            };
            Measured {
                value,
                text: with(text, bounds.filter(|_| value.is_some()).map(between)),
                bounds,
            }
        }
    }
}

const UNPRICED: &str = "a cost that cannot be told: a price is unknown";
const UNTOLD: &str = "a change that cannot be told: a price is unknown, or nothing was paid before";

fn share(report: &Report, wanted: &Wanted, count: u64, bounds: Option<Interval>) -> Measured {
    // Exact where a lower bound is asked for: rounding up must not help there either.
    let value = match wanted.compare {
        Compare::More | Compare::AtLeast => {
            u32::try_from(u128::from(count) * 10_000 / u128::from(report.requests.max(1)))
                .unwrap_or(u32::MAX)
        }
        _ => report.share(count),
    };
    let between =
        |[low, high]: Interval| format!("{} to {}", percent(rounded(low)), percent(rounded(high)));
    Measured {
        value: Some(i64::from(value)),
        bounds,
        text: with(percent(i64::from(value)), bounds.map(between)),
    }
}

fn time(ms: u64, bounds: Option<Interval>) -> Measured {
    let between = |[low, high]: Interval| format!("{}ms to {}ms", rounded(low), rounded(high));
    Measured {
        value: i64::try_from(ms).ok(),
        bounds,
        text: with(format!("{ms}ms"), bounds.map(between)),
    }
}

fn with(text: String, between: Option<String>) -> String {
    match between {
        Some(between) => format!("{text} ({between})"),
        None => text,
    }
}

fn money(pico: f64) -> String {
    dollars(rounded(pico))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a float becomes the nearest number there is"
)]
fn rounded(number: f64) -> i64 {
    number.round() as i64
}

/// Basis points as people write them.
#[must_use]
pub fn percent(bp: i64) -> String {
    format!(
        "{}{}.{:02}%",
        if bp < 0 { "-" } else { "" },
        bp.abs() / 100,
        bp.abs() % 100
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(
        value: i64,
        bounds: Option<Interval>,
        compare: Compare,
        bound: i64,
    ) -> (Verdict, Option<u64>) {
        let measured = Measured {
            value: Some(value),
            bounds,
            text: String::new(),
        };
        let wanted = Wanted {
            text: String::new(),
            line: 1,
            figure: Figure::Errors,
            compare,
            value: bound,
        };
        verdict(&measured, &wanted, 1_000)
    }

    #[test]
    fn a_bound_in_the_middle_of_what_is_likely_is_open_and_says_what_would_tell() {
        let likely = Some([100.0, 300.0]);
        assert_eq!(
            judge(200, likely, Compare::AtMost, 300),
            (Verdict::Pass, None)
        );
        assert_eq!(
            judge(200, likely, Compare::AtMost, 99),
            (Verdict::Fail, None)
        );
        assert_eq!(
            judge(200, likely, Compare::AtLeast, 100),
            (Verdict::Pass, None)
        );
        // Half of the distance: four times as many requests.
        assert_eq!(
            judge(200, likely, Compare::AtMost, 250),
            (Verdict::Inconclusive, Some(4_000))
        );
        assert_eq!(
            judge(200, likely, Compare::AtMost, 150),
            (Verdict::Inconclusive, Some(4_000))
        );
        assert_eq!(
            judge(200, likely, Compare::AtMost, 200),
            (Verdict::Inconclusive, None),
            "no number would do"
        );
    }

    #[test]
    fn what_is_counted_holds_or_does_not() {
        assert_eq!(
            judge(200, None, Compare::AtMost, 200),
            (Verdict::Pass, None)
        );
        assert_eq!(
            judge(201, None, Compare::AtMost, 200),
            (Verdict::Fail, None)
        );
        let likely = Some([0.0, 50.0]);
        assert_eq!(judge(0, likely, Compare::AtMost, 0), (Verdict::Pass, None));
        assert_eq!(judge(1, likely, Compare::AtMost, 0), (Verdict::Fail, None));
    }
}
