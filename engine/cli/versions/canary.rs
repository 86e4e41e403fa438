//! `mux promote --canary`: on which terms a version is tried out, and how one that is does.

use super::kept::{field, when};
use crate::out::{columns, duration};
use clap::Args;
use mux_store::{Bounds, Terms, Unit};
use serde_json::Value;
use std::time::Duration;

/// Answers of either version that a promotion takes where nothing is said.
const ANSWERS: u64 = 100;

/// How a version is tried out.
#[derive(Debug, Args)]
#[command(next_help_heading = "Canary")]
pub(super) struct Trial {
    /// Serve it to a share of requests only, such as `10%`; it is aborted where it does worse than the live version
    #[arg(long, value_name = "SHARE", value_parser = share)]
    canary: Option<u32>,
    /// Promote it after this time, where it was no worse [default: somebody decides]
    #[arg(long = "for", value_name = "TIME", value_parser = duration, requires = "canary")]
    span: Option<Duration>,
    /// Who stays with one version: a `client` (its conversation, else its user, else its key), or, with `request`, nobody,
    /// which is the better where few clients ask
    #[arg(long, default_value = "client", value_parser = unit, requires = "canary")]
    by: Unit,
    /// Answers of either version that a promotion takes at least
    #[arg(long, default_value_t = ANSWERS, requires = "canary")]
    answers: u64,
    /// What is worse: points of failed requests, the 95th percentile of the time to the answer, the mean cost of a request;
    /// a measure that is left out ends nothing, `never` leaves out all
    #[arg(long, value_name = "BOUNDS", default_value = "errors+0.5%,p95+50%,cost+50%", value_parser = bounds, requires = "canary")]
    abort_when: Bounds,
}

impl Trial {
    /// The terms, where a canary is asked for.
    pub(super) fn terms(&self) -> Option<Terms> {
        Some(Terms {
            share_bp: self.canary?,
            by: self.by,
            span_ms: self
                .span
                .map(|span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX)),
            answers: self.answers,
            bounds: self.abort_when,
        })
    }
}

/// `10%` in basis points; all of the requests would be a promotion.
fn share(text: &str) -> Result<u32, String> {
    match percent(text) {
        Some(share @ 1..10_000) => Ok(share),
        Some(10_000) => {
            Err("all of the requests are no canary: promote it without `--canary`".to_owned())
        }
        _ => Err(format!("`{text}` is no share such as `10%` or `0.5%`")),
    }
}

fn percent(text: &str) -> Option<u32> {
    let number: f64 = text.strip_suffix('%')?.trim().parse().ok()?;
    let points = (number * 100.0).round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "looked at before"
    )]
    (0.0..=1e8).contains(&points).then_some(points as u32)
}

fn unit(text: &str) -> Result<Unit, String> {
    match text {
        "client" => Ok(Unit::Client),
        "request" => Ok(Unit::Request),
        _ => Err(format!("`{text}` is neither `client` nor `request`")),
    }
}

/// `errors+0.5%,p95+50%,cost+50%`, or `never`.
fn bounds(text: &str) -> Result<Bounds, String> {
    let mut bounds = Bounds::default();
    if text == "never" {
        return Ok(bounds);
    }
    for part in text.split(',').map(str::trim) {
        let wrong =
            || format!("`{part}` is no bound such as `errors+0.5%`, `p95+50%` or `cost+50%`");
        let (measure, by) = part.split_once('+').ok_or_else(wrong)?;
        let by = percent(by).ok_or_else(wrong)?;
        match measure {
            "errors" => bounds.errors_bp = Some(by),
            "p95" => bounds.p95_bp = Some(by),
            "cost" => bounds.cost_bp = Some(by),
            _ => return Err(wrong()),
        }
    }
    Ok(bounds)
}

/// Basis points for people.
fn points(bp: u64) -> String {
    match bp % 100 {
        0 => format!("{}%", bp / 100),
        rest => format!("{}.{rest:02}%", bp / 100),
    }
}

/// The terms in a few words.
pub(super) fn told(terms: &Value) -> String {
    let share = points(field(terms, "share_bp").as_u64().unwrap_or_default());
    let whose = if field(terms, "by") == "request" {
        "requests"
    } else {
        "clients"
    };
    let then = match field(terms, "span_ms").as_u64() {
        Some(ms) => {
            let answers = field(terms, "answers");
            format!(
                ", promoted after {} s and {answers} answers of each",
                ms.div_ceil(1_000)
            )
        }
        None => String::new(),
    };
    format!("{share} of {whose}{then}")
}

/// What there is to say about a canary below the list of versions: how one does, or that mux ended the last one.
pub(super) fn standing(listing: &Value) -> Option<String> {
    let canary = field(field(listing, "refs"), "canary");
    let short = |id: &Value| {
        id.as_str()
            .unwrap_or_default()
            .chars()
            .take(12)
            .collect::<String>()
    };
    if canary.is_null() {
        // Told until something else happens.
        let last = field(listing, "history").as_array()?.last()?;
        let by_mux = field(last, "action") == "end-canary" && field(last, "author") == "mux";
        let reason = field(last, "reason").as_str()?;
        let version = short(field(last, "version"));
        return by_mux.then(|| format!("the canary {version} has ended: {reason}"));
    }
    if let Some(why) = field(listing, "unwritten").as_str() {
        let version = short(field(canary, "version"));
        return Some(format!(
            "the canary {version} has ended, which cannot be written down yet, so that a restart would go on with it: {why}"
        ));
    }
    let of = |value: &Value, name| field(value, name).as_i64().unwrap_or_default();
    let begun = of(canary, "since_unix_ms");
    let since = when(begun);
    let mut lines = vec![format!(
        "canary: {} to {} since {since} (saves are kept, not served; `mux rollback` ends it)",
        short(field(canary, "version")),
        told(field(canary, "terms")),
    )];
    let doing = field(listing, "canary");
    if !doing.is_null() {
        let rows = ["live", "canary"].map(|side| figures(side, field(doing, side)));
        lines.push(columns(&rows));
        let counted = of(doing, "counted_since_unix_ms");
        if counted != begun {
            let counted = when(counted);
            lines.push(format!(
                "  counted anew since {counted}, when the gateway was started"
            ));
        }
    }
    Some(lines.join("\n"))
}

fn figures(side: &str, did: &Value) -> Vec<String> {
    let number = |name: &str| field(did, name).as_u64().unwrap_or_default();
    let (answers, failed) = (number("answers"), number("failed"));
    let share = points((failed * 10_000).checked_div(answers).unwrap_or_default());
    let p95 = field(did, "p95_us").as_u64();
    let cost = field(did, "cost").as_i64();
    vec![
        format!("  {side}"),
        format!("{answers} answers"),
        format!("{failed} failed ({share})"),
        p95.map_or_else(String::new, |us| format!("p95 {} ms", us.div_ceil(1_000))),
        cost.map_or_else(String::new, |pico| {
            format!(
                "${}.{:06} each",
                pico / 1_000_000_000_000,
                pico / 1_000_000 % 1_000_000
            )
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_bounds_are_read_as_people_write_them() {
        assert_eq!((share("10%"), share("0.5%")), (Ok(1_000), Ok(50)));
        for bad in ["10", "0%", "100%", "101%", "-1%", "x%"] {
            share(bad).unwrap_err();
        }
        let all = bounds("errors+0.5%, p95+50%,cost+100%").unwrap();
        assert_eq!(
            (all.errors_bp, all.p95_bp, all.cost_bp),
            (Some(50), Some(5_000), Some(10_000))
        );
        assert_eq!(bounds("never").unwrap(), Bounds::default());
        for bad in ["errors", "errors+1", "speed+1%", ""] {
            bounds(bad).unwrap_err();
        }
    }
}
