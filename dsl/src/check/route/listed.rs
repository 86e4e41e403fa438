//! `cheapest`, `fastest`, `balance` and `hedge`: candidates that are on a par.

use super::header::Header;
use super::inner::Inner;
use crate::image::{BasisPoints, By, Hedge, Listed, Millis, Quantile};
use crate::quantity;
use crate::report::Report;
use crate::source::Span;

/// What `fastest` measures where it does not say.
const OVER: Millis = 300_000;
const EXPLORE: BasisPoints = 200;
/// All of it, in basis points.
const WHOLE: u64 = 10_000;

/// `cheapest`, `fastest` or `balance`.
pub(super) fn listed(
    word: &str,
    header: Header,
    mut inner: Inner<'_>,
    at: Span,
    report: &mut Report,
) -> Listed {
    let otherwise = inner.take("otherwise").map(|given| given.arm.route);
    if inner.arms.is_empty() && !inner.wrong && !inner.broken {
        report
            .error(
                "mux::plan::empty",
                at,
                format!("this `{word}` has no candidates"),
            )
            .help("add lines such as `openai/gpt-4.1-mini`");
    }
    if word == "balance" {
        weights(&mut inner, at, report);
    }
    let (quantile, over) = header.by.unwrap_or((Quantile::P95, None));
    let by = match word {
        "cheapest" => By::Cost,
        "fastest" => By::Latency(
            quantile,
            over.unwrap_or(OVER),
            header.explore.unwrap_or(EXPLORE),
        ),
        _ => By::Weight,
    };
    Listed {
        by,
        filter: header.filter,
        arms: inner.arms.into_iter().map(|given| given.arm).collect(),
        otherwise: otherwise.map(Box::new),
        terms: header.terms,
    }
}

/// Shares become weights; either all arms have one, and they are 100% in all, or none has.
fn weights(inner: &mut Inner<'_>, at: Span, report: &mut Report) {
    let shared: u64 = inner
        .arms
        .iter()
        .filter_map(|a| a.share)
        .map(u64::from)
        .sum();
    let count = inner.arms.iter().filter(|a| a.share.is_some()).count();
    if count == 0 || inner.wrong || inner.broken {
        return;
    }
    if let Some(bare) = inner.arms.iter().find(|a| a.share.is_none()) {
        report
            .error(
                "mux::split::weights",
                bare.span,
                "this arm has no share, and others have",
            )
            .help("write shares before all arms, or `weight N` behind all");
    } else if shared != WHOLE {
        report
            .error(
                "mux::split::weights",
                at,
                format!(
                    "the shares are {}.{:02}% in all, not 100%",
                    shared / 100,
                    shared % 100
                ),
            )
            .help("mend the shares so that every request has one arm");
    }
    for given in &mut inner.arms {
        given.arm.weight = given.share.unwrap_or(given.arm.weight);
    }
}

/// `hedge`: the next is asked when the one before is late.
pub(super) fn hedge(
    header: Header,
    inner: Inner<'_>,
    at: Span,
    report: &mut Report,
) -> Option<Hedge> {
    let (mut budget, mut cost) = (None, None);
    for line in &inner.lines {
        let word = line.word()?;
        if line.entry.word == "budget" {
            budget = quantity::part(word, "budget", report);
        } else {
            cost = quantity::money(word, "cost", report);
        }
    }
    let Some(after) = header.after else {
        if !header.wrong {
            report
                .error(
                    "mux::statement::missing",
                    at,
                    "this `hedge` does not say when the next is asked",
                )
                .help("write `hedge after p95 { … }` or `hedge after 800ms { … }`");
        }
        return None;
    };
    let extra = header.extra.unwrap_or(1);
    let arms = inner.arms.len();
    if !inner.wrong && !inner.broken && arms <= usize::from(extra) {
        report
            .error(
                "mux::hedge::extra",
                at,
                format!(
                    "`extra {extra}` asks for {} targets, and there are {arms}",
                    u16::from(extra) + 1
                ),
            )
            .help("add a target, or the same one again");
    }
    Some(Hedge {
        after,
        extra,
        arms: inner.arms.into_iter().map(|given| given.arm).collect(),
        budget,
        cost,
        terms: header.terms,
    })
}
