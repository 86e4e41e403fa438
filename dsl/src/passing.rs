//! Whether a target can be a candidate of a list, as far as that is settled before any request.

use crate::image::{Filter, Fleet, TargetId};

/// Whether a target can pass a filter; live figures can always be good.
pub(crate) fn may_pass(filter: &Filter, target: TargetId, fleet: &Fleet) -> bool {
    settled(filter, target, fleet).unwrap_or(true)
}

/// Whether a target passes, where no live figure matters.
pub(crate) fn settled(filter: &Filter, target: TargetId, fleet: &Fleet) -> Option<bool> {
    let of = fleet.targets.get(target.index())?;
    let provider = fleet.providers.get(of.provider.index())?;
    Some(match filter {
        Filter::All(parts) => {
            let parts: Vec<_> = parts.iter().map(|p| settled(p, target, fleet)).collect();
            if parts.contains(&Some(false)) {
                false
            } else if parts.contains(&None) {
                return None;
            } else {
                true
            }
        }
        Filter::Any(parts) => {
            let parts: Vec<_> = parts.iter().map(|p| settled(p, target, fleet)).collect();
            if parts.contains(&Some(true)) {
                true
            } else if parts.contains(&None) {
                return None;
            } else {
                false
            }
        }
        Filter::Not(inner) => !settled(inner, target, fleet)?,
        Filter::Tier(compare, tier) => of.tier.is_some_and(|t| compare.holds(&t, tier)),
        Filter::Provider(id) => of.provider == *id,
        Filter::Region(region) => {
            !provider.regions.is_empty() && provider.regions.iter().all(|r| r == region)
        }
        Filter::Context(compare, tokens) => of.context.is_some_and(|c| compare.holds(&c, tokens)),
        Filter::Price(compare, pico) => of.price.is_some_and(|p| compare.holds(&p.input, pico)),
        Filter::Can(features) => of.can.contains(*features),
        Filter::Latency(..) | Filter::ErrorRate(..) | Filter::Health(_) => return None,
    })
}
