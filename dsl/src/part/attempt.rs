//! What routes and the fleet have in common: deadlines, retries, thresholds.

use super::{Figure, Part};
use crate::image::{HealthRule, Outcomes, Retry, Tier, Timeouts};

/// Deadlines, each under its word.
pub(super) fn deadlines(part: Part, timeouts: Timeouts) -> Part {
    let Timeouts {
        first,
        connect,
        idle,
        content_idle,
        total,
    } = timeouts;
    part.maybe("timeout", first.map(Figure::Time))
        .maybe("connect", connect.map(Figure::Time))
        .maybe("idle", idle.map(Figure::Time))
        .maybe("content-idle", content_idle.map(Figure::Time))
        .maybe("total", total.map(Figure::Time))
}

/// `retry N on …`.
pub(super) fn retry(part: Part, retry: Option<&Retry>) -> Part {
    let Some(Retry { times, on }) = retry else {
        return part;
    };
    part.with("retry", Figure::Number((*times).into()))
        .maybe("retry on", on.as_ref().map(outcomes))
}

/// A set of outcomes by their words.
pub(super) fn outcomes(on: &Outcomes) -> Figure {
    let mut statuses = on.statuses.clone();
    statuses.sort_unstable();
    statuses.dedup();
    let mut words: Vec<Box<str>> = statuses.iter().map(|s| s.to_string().into()).collect();
    let said = on.flags().into_iter().filter(|(said, _)| *said);
    words.extend(said.map(|(_, word)| word.into()));
    Figure::Words(words)
}

/// Thresholds, of which any is enough.
pub(super) fn rules(part: Part, role: &'static str, rules: &[HealthRule]) -> Part {
    let threshold = |rule: &HealthRule| match rule {
        HealthRule::LatencyAbove(quantile, time, over) => Part::new(quantile.word(), "")
            .with(">", Figure::Time(*time))
            .with("over", Figure::Time(*over)),
        HealthRule::ErrorRateAbove(share, over) => Part::new("error_rate", "")
            .with(">", Figure::Share(*share))
            .with("over", Figure::Time(*over)),
        HealthRule::BreakerOpen => Part::new("breaker is open", ""),
    };
    rules
        .iter()
        .fold(part, |part, r| part.holding(threshold(r).at(role)))
}

/// The word of a tier.
pub(super) fn tier_word(tier: Tier) -> &'static str {
    match tier {
        Tier::Economy => "economy",
        Tier::Standard => "standard",
        Tier::Frontier => "frontier",
    }
}
