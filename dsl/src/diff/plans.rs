//! Named plans that are in both bundles and changed inside: told once, not for every request that gets them.

use super::change::changes;
use super::side::Side;
use crate::part::Part;
use std::collections::{BTreeMap, BTreeSet};

/// What stands for a plan that changed.
const STUB: &str = "plan";

/// Plans of both that changed, by name: what they were and what they are.
#[derive(Debug, Default)]
pub(super) struct Plans(BTreeMap<Box<str>, [Part; 2]>);

impl Plans {
    pub(super) fn of(was: &Side<'_>, now: &Side<'_>) -> Self {
        let new: BTreeMap<Box<str>, Part> = now.plans().collect();
        let both = was.plans().filter_map(|(name, old)| {
            let new = new.get(&name).filter(|new| **new != old)?.clone();
            Some((name, [old, new]))
        });
        Self(both.collect())
    }

    /// With every plan that changed told by its name alone.
    pub(super) fn folded(&self, part: &Part) -> Part {
        let stub = self.name(part).map(|name| {
            let place = |word: &str| matches!(word, "share" | "weight" | "when");
            let figures = part.figures.iter().filter(|(word, _)| place(word));
            Part {
                role: part.role,
                label: part.label.clone(),
                figures: figures.cloned().collect(),
                ..Part::new(STUB, name)
            }
        });
        stub.unwrap_or_else(|| self.inside(part))
    }

    /// The same, but for the part itself.
    fn inside(&self, part: &Part) -> Part {
        Part {
            parts: part.parts.iter().map(|p| self.folded(p)).collect(),
            ..part.clone()
        }
    }

    fn name(&self, part: &Part) -> Option<&str> {
        let name = part.label.as_deref()?.strip_prefix("plan ")?;
        self.0.get_key_value(name).map(|(name, _)| &**name)
    }

    /// The changed plans that a folded part leads to, adding to `found`.
    pub(super) fn reached(&self, part: &Part, found: &mut BTreeSet<Box<str>>) {
        part.each(&mut |inner| {
            let plan = self.0.get(&inner.name).filter(|_| inner.kind == STUB);
            if let Some(plan) = plan
                && found.insert(inner.name.clone())
            {
                for age in plan {
                    self.reached(&self.inside(age), found);
                }
            }
        });
    }

    /// What changed about a plan itself, and not only about those it leads to.
    pub(super) fn changes(&self, name: &str) -> Vec<String> {
        let Some([was, now]) = self.0.get(name) else {
            return Vec::new();
        };
        let (was, now) = (self.inside(was), self.inside(now));
        if was.kind != now.kind {
            let bare = |part: &Part| Part {
                label: None,
                ..part.clone()
            };
            return vec![format!("{} -> {}", bare(&was).line(), bare(&now).line())];
        }
        changes(&was, &now)
    }
}
