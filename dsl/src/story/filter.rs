//! What a list asks of its candidates, in words, and whether a target passes.

use super::account::Truth;
use super::known::Known;
use super::terms::{stands, tier};
use super::value::health;
use crate::image::{Filter, Quantile, Target, TargetId};
use crate::phrase::{count, price, share, sign, time};

/// As policies write it.
pub(super) fn words(filter: &Filter, known: &Known<'_>) -> String {
    let joined = |parts: &[Filter], word: &str| {
        let part = |part: &Filter| match part {
            Filter::All(inner) | Filter::Any(inner) if inner.len() > 1 => {
                format!("({})", words(part, known))
            }
            one => words(one, known),
        };
        parts.iter().map(part).collect::<Vec<_>>().join(word)
    };
    match filter {
        Filter::All(parts) => joined(parts, " and "),
        Filter::Any(parts) => joined(parts, " or "),
        Filter::Not(inner) => match &**inner {
            Filter::All(_) | Filter::Any(_) => format!("not ({})", words(inner, known)),
            one => format!("not {}", words(one, known)),
        },
        Filter::Tier(compare, t) => format!("tier {} {}", sign(*compare), tier(*t)),
        Filter::Provider(id) => {
            let provider = known.image.fleet.providers.get(id.index());
            format!("provider is {}", provider.map_or("?", |p| &*p.name))
        }
        Filter::Region(region) => format!("region is {region}"),
        Filter::Context(compare, n) => format!("context {} {}", sign(*compare), count((*n).into())),
        Filter::Price(compare, p) => format!("price {} {}", sign(*compare), price(*p)),
        Filter::Can(features) => {
            let can: Vec<&str> = features.words().collect();
            format!("can {}", can.join(" "))
        }
        Filter::Latency(q, compare, t) => {
            format!("{} {} {}", q.word(), sign(*compare), time(*t))
        }
        Filter::ErrorRate(compare, s) => format!("error_rate {} {}", sign(*compare), share(*s)),
        Filter::Health(state) => format!("health is {}", health(*state)),
    }
}

/// Whether a target passes; unknown where that hangs on figures that are not at hand.
pub(super) fn passes(filter: &Filter, id: TargetId, known: &Known<'_>) -> Truth {
    let Some(target) = known.image.fleet.targets.get(id.index()) else {
        return Truth::Unknown;
    };
    let live = |of: &dyn Fn(&dyn crate::request::Live) -> bool| {
        known
            .moment
            .map_or(Truth::Unknown, |moment| of(moment.live).into())
    };
    match filter {
        Filter::All(parts) => Truth::all(parts.iter().map(|p| passes(p, id, known))),
        Filter::Any(parts) => Truth::any(parts.iter().map(|p| passes(p, id, known))),
        Filter::Not(inner) => passes(inner, id, known).negated(),
        Filter::Latency(q, compare, t) => live(&|live| {
            let figure = match q {
                Quantile::P50 => live.p50(id),
                Quantile::P95 => live.p95(id),
                Quantile::P99 => live.p99(id),
            };
            stands(figure, *compare, t)
        }),
        Filter::ErrorRate(compare, s) => live(&|live| stands(live.error_rate(id), *compare, s)),
        Filter::Health(state) => live(&|live| live.health(id) == *state),
        fixed => fits(fixed, target, known).into(),
    }
}

fn fits(filter: &Filter, target: &Target, known: &Known<'_>) -> bool {
    let provider = known.image.fleet.providers.get(target.provider.index());
    match filter {
        Filter::Tier(compare, tier) => stands(target.tier, *compare, tier),
        Filter::Provider(id) => target.provider == *id,
        Filter::Region(region) => provider
            .is_some_and(|p| !p.regions.is_empty() && p.regions.iter().all(|own| own == region)),
        Filter::Context(compare, tokens) => stands(target.context, *compare, tokens),
        Filter::Price(compare, price) => stands(target.price.map(|p| p.input), *compare, price),
        Filter::Can(features) => target.can.contains(*features),
        _ => false,
    }
}
