//! What differs besides policies.

use super::change::changes;
use super::report::Parted;
use crate::decide::Image;
use crate::image::Fleet;
use crate::part::{Figure, Part, fleet, protect};

/// Providers, models, budgets, limits, health, defaults: by name, those that differ.
pub(super) fn compared(was: &Image, now: &Image) -> Vec<Parted> {
    let (old, new) = (things(&was.fleet), things(&now.fleet));
    let mut found: Vec<Parted> = Vec::new();
    for part in &old {
        let changes = match new.iter().find(|n| n.is_called_as(part)) {
            Some(other) => changes(part, other),
            None => vec!["removed".to_owned()],
        };
        found.push(parted(part, changes));
    }
    let added = new
        .iter()
        .filter(|n| !old.iter().any(|o| o.is_called_as(n)));
    found.extend(added.map(|part| parted(part, vec!["added".to_owned()])));
    found.retain(|p| !p.changes.is_empty());
    found
}

fn parted(part: &Part, changes: Vec<String>) -> Parted {
    Parted {
        what: part.title(),
        changes,
    }
}

fn things(of: &Fleet) -> Vec<Part> {
    let provider = |t: &crate::image::Target| {
        let provider = of.providers.get(t.provider.index());
        provider.map_or_else(Box::default, |p| p.name.clone())
    };
    let direct = Part::new("clients", "").flag("allow direct", of.direct);
    let targets = of.targets.iter().map(|t| {
        let part = fleet::target(t);
        part.with("provider", Figure::Words(vec![provider(t)]))
    });
    std::iter::once(direct)
        .chain(of.providers.iter().map(fleet::provider))
        .chain(targets)
        .chain(of.budgets.iter().map(fleet::budget))
        .chain(of.limits.iter().map(fleet::limit))
        .chain(of.health.iter().map(fleet::health))
        .chain([protect::defaults(&of.defaults, of)])
        .collect()
}
