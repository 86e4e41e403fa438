//! Whether a promised property holds of a target, of a figure, of a refusal; and how a test would expect it.

use super::worlds::Reached;
use crate::case::Property;
use crate::image::{Fleet, Pico, TargetId};
use crate::worst::Worst;

/// Whether a property holds of a target that can be reached, or of the most that a route can take. What a request can
/// cost depends on the request and is asked of [`affordable`].
pub(super) fn holds(property: &Property, target: TargetId, worst: &Worst, fleet: &Fleet) -> bool {
    let Some(of) = fleet.targets.get(target.index()) else {
        return true;
    };
    let Some(provider) = fleet.providers.get(of.provider.index()) else {
        return true;
    };
    match property {
        // Of several regions none may be one that is ruled out.
        Property::Not(inner) => match regions(inner) {
            Some(out) => {
                !provider.regions.is_empty()
                    && !provider.regions.iter().any(|r| out.contains(&&**r))
            }
            None => !holds(inner, target, worst, fleet),
        },
        Property::Any(parts) => parts.iter().any(|p| holds(p, target, worst, fleet)),
        Property::Region(region) => {
            !provider.regions.is_empty() && provider.regions.iter().all(|r| r == region)
        }
        Property::Tier(compare, tier) => of.tier.is_some_and(|t| compare.holds(&t, tier)),
        Property::Provider(id) => of.provider == *id,
        Property::Target(id) => target == *id,
        Property::Private => provider.private,
        Property::Can(features) => of.can.contains(*features),
        Property::Denied => false,
        Property::Attempts(compare, count) => compare.holds(&worst.attempts, count),
        Property::Total(compare, most) => worst.time.is_some_and(|time| compare.holds(&time, most)),
        Property::Cost(..) => true,
    }
}

/// The regions of `region is …` and `region in …`.
fn regions(property: &Property) -> Option<Vec<&str>> {
    match property {
        Property::Region(region) => Some(vec![region]),
        Property::Any(parts) => {
            let each: Option<Vec<_>> = parts.iter().map(regions).collect();
            each.map(|each| each.concat())
        }
        _ => None,
    }
}

/// What a property is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// Every target that can be reached.
    Targets,
    /// The most attempts.
    Attempts,
    /// The most time.
    Time,
    /// The most money.
    Money,
    /// Whether a policy refuses.
    Refusal,
}

/// What a property is about; a choice is one between values of the same thing.
pub(super) fn about(property: &Property) -> About {
    match property {
        Property::Not(inner) => about(inner),
        Property::Attempts(..) => About::Attempts,
        Property::Total(..) => About::Time,
        Property::Cost(..) => About::Money,
        Property::Denied => About::Refusal,
        _ => About::Targets,
    }
}

/// Whether a property holds of what a request can cost at most; it does not where that has no bound.
pub(super) fn affordable(property: &Property, cost: Option<Pico>) -> bool {
    match property {
        Property::Not(inner) => cost.is_some() && !affordable(inner, cost),
        Property::Cost(compare, most) => cost.is_some_and(|cost| compare.holds(&cost, most)),
        _ => true,
    }
}

/// Whether a property holds of so many attempts.
pub(super) fn attempted(property: &Property, attempts: u32) -> bool {
    match property {
        Property::Not(inner) => !attempted(inner, attempts),
        Property::Attempts(compare, most) => compare.holds(&attempts, most),
        _ => true,
    }
}

/// Whether a property holds of a refusal; `None` where it is about targets only, of which there are none.
pub(super) fn refused(property: &Property) -> Option<bool> {
    match property {
        Property::Denied => Some(true),
        Property::Not(inner) => refused(inner).map(|holds| !holds),
        Property::Any(parts) => {
            let about: Vec<Option<bool>> = parts.iter().map(refused).collect();
            // A choice with something about targets holds where there are none.
            about
                .iter()
                .all(Option::is_some)
                .then(|| about.contains(&Some(true)))
        }
        _ => None,
    }
}

/// What is the case instead, in words.
pub(super) fn told(property: &Property, reached: &Reached, worst: &Worst, fleet: &Fleet) -> String {
    let Some(of) = fleet.targets.get(reached.target.index()) else {
        return String::new();
    };
    match about(property) {
        About::Attempts => return format!("{} attempts at worst", worst.attempts),
        About::Time => {
            return worst.time.map_or("no bound on the time".to_owned(), |t| {
                format!("{t} ms at worst")
            });
        }
        _ => {}
    }
    let provider = fleet.providers.get(of.provider.index());
    let detail = match property {
        that if is_region(that) => {
            let regions = provider.map(|p| p.regions.join(" ")).unwrap_or_default();
            if regions.is_empty() {
                ", in no declared region".to_owned()
            } else {
                format!(", in {regions}")
            }
        }
        Property::Tier(..) => of.tier.map_or(", of no tier".to_owned(), |t| {
            format!(", tier {}", format!("{t:?}").to_lowercase())
        }),
        Property::Private => ", whose provider is not marked `private`".to_owned(),
        Property::Can(features) => {
            let lacks = features.words().collect::<Vec<_>>().join(" ");
            format!(", which does not declare `can {lacks}`")
        }
        _ => String::new(),
    };
    format!("{} {}{detail}", reached.how, of.name)
}

fn is_region(property: &Property) -> bool {
    match property {
        Property::Not(inner) => is_region(inner),
        property => regions(property).is_some(),
    }
}

/// What is the case instead, of money.
pub(super) fn priced(cost: Option<Pico>) -> String {
    let Some(pico) = cost else {
        return "no bound on the cost".to_owned();
    };
    let micro = pico / 1_000_000;
    let text = format!("${}.{:06}", micro / 1_000_000, micro % 1_000_000);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text} at worst")
}

/// The line of a test that expects what a guarantee promises: of the one target that serves, what is promised of all.
pub(super) fn in_a_test(line: &str) -> String {
    let word = |word: &str| match word {
        "target" => "served".to_owned(),
        other => other.to_owned(),
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}
