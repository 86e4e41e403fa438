//! The `where` of a list: which targets are candidates at all.

use mux_dsl::image::{Filter, Fleet, Quantile, Target, TargetId};
use mux_dsl::request::Live;

/// A latency at one of the percentiles that are kept.
pub(crate) fn latency<L: Live>(live: &L, target: TargetId, quantile: Quantile) -> Option<u64> {
    match quantile {
        Quantile::P50 => live.p50(target),
        Quantile::P95 => live.p95(target),
        Quantile::P99 => live.p99(target),
    }
}

/// Whether a target passes. What is not known of it does not pass, whichever way it is compared.
pub(crate) fn passes<L: Live>(filter: &Filter, fleet: &Fleet, id: TargetId, live: &L) -> bool {
    let Some(target) = fleet.targets.get(id.index()) else {
        return false;
    };
    holds(filter, fleet, id, target, live).unwrap_or(false)
}

/// `None` is unknown: neither it nor its negation passes, unless the rest of the condition decides.
fn holds<L: Live>(
    filter: &Filter,
    fleet: &Fleet,
    id: TargetId,
    target: &Target,
    live: &L,
) -> Option<bool> {
    let each = |part: &Filter| holds(part, fleet, id, target, live);
    match filter {
        Filter::All(parts) => decided(parts.iter().map(each), false),
        Filter::Any(parts) => decided(parts.iter().map(each), true),
        Filter::Not(inner) => each(inner).map(|held| !held),
        Filter::Tier(compare, tier) => target.tier.map(|t| compare.holds(&t, tier)),
        Filter::Provider(provider) => Some(target.provider == *provider),
        Filter::Region(region) => {
            let regions = &fleet.providers.get(target.provider.index())?.regions;
            (!regions.is_empty()).then(|| regions.iter().all(|r| r == region))
        }
        Filter::Context(compare, tokens) => target.context.map(|c| compare.holds(&c, tokens)),
        Filter::Price(compare, price) => target.price.map(|p| compare.holds(&p.input, price)),
        Filter::Can(features) => Some(target.can.contains(*features)),
        Filter::Latency(quantile, compare, limit) => {
            latency(live, id, *quantile).map(|ms| compare.holds(&ms, limit))
        }
        Filter::ErrorRate(compare, share) => {
            live.error_rate(id).map(|rate| compare.holds(&rate, share))
        }
        Filter::Health(state) => Some(live.health(id) == *state),
    }
}

/// `all` and `any` over parts that may be unknown: one part that equals `stop` decides.
fn decided(parts: impl Iterator<Item = Option<bool>>, stop: bool) -> Option<bool> {
    let mut known = true;
    for part in parts {
        match part {
            Some(held) if held == stop => return Some(stop),
            Some(_) => {}
            None => known = false,
        }
    }
    known.then_some(!stop)
}
