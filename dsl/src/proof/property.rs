//! Whether a promised property holds of a target, of a figure, of a refusal; and how a test would expect it.

use super::worlds::Reached;
use crate::case::Property;
use crate::image::{Fleet, Millis, Pico, TargetId};

/// Whether a property holds of a target that can be reached. What a request takes is asked of [`kept`].
pub(super) fn holds(property: &Property, target: TargetId, fleet: &Fleet) -> bool {
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
            None => !holds(inner, target, fleet),
        },
        Property::Any(parts) => parts.iter().any(|p| holds(p, target, fleet)),
        Property::Region(region) => {
            !provider.regions.is_empty() && provider.regions.iter().all(|r| r == region)
        }
        Property::Tier(compare, tier) => of.tier.is_some_and(|t| compare.holds(&t, tier)),
        Property::Provider(id) => of.provider == *id,
        Property::Target(id) => target == *id,
        Property::Private => provider.private,
        Property::Can(features) => of.can.contains(*features),
        Property::Denied => false,
        Property::Attempts(..) | Property::Total(..) | Property::Cost(..) => true,
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

/// What a request takes at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) attempts: u32,
    /// Absent where some part has no deadline.
    pub(super) time: Option<Millis>,
    /// Absent where it has no bound: a price is unknown, or a length.
    pub(super) cost: Option<Pico>,
}

impl Taken {
    /// Whether it is more than another, of one figure.
    pub(super) fn more(&self, other: &Self, of: About) -> bool {
        fn beyond<T: PartialOrd>(own: Option<T>, other: Option<T>) -> bool {
            match (own, other) {
                (Some(own), Some(other)) => own > other,
                (own, other) => own.is_none() && other.is_some(),
            }
        }
        match of {
            About::Attempts => self.attempts > other.attempts,
            About::Time => beyond(self.time, other.time),
            About::Money => beyond(self.cost, other.cost),
            About::Targets | About::Refusal => false,
        }
    }

    /// One figure in words.
    pub(super) fn told(&self, of: About) -> String {
        match of {
            About::Time => match self.time {
                Some(time) => format!("{time} ms at worst"),
                None => "no bound on the time".to_owned(),
            },
            About::Money => priced(self.cost),
            _ => format!("{} attempts at worst", self.attempts),
        }
    }
}

/// Whether a property of a figure holds of what a request takes; neither it nor its opposite does where that has no bound.
pub(super) fn kept(property: &Property, taken: &Taken) -> bool {
    match property {
        Property::Not(inner) => {
            let known = match about(inner) {
                About::Time => taken.time.is_some(),
                About::Money => taken.cost.is_some(),
                _ => true,
            };
            known && !kept(inner, taken)
        }
        Property::Attempts(compare, most) => compare.holds(&taken.attempts, most),
        Property::Total(compare, most) => taken.time.is_some_and(|t| compare.holds(&t, most)),
        Property::Cost(compare, most) => taken.cost.is_some_and(|c| compare.holds(&c, most)),
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

/// What is the case instead of what is promised of targets, in words.
pub(super) fn told(property: &Property, reached: &Reached, fleet: &Fleet) -> String {
    let Some(of) = fleet.targets.get(reached.target.index()) else {
        return String::new();
    };
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

/// A cost in words.
fn priced(cost: Option<Pico>) -> String {
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
