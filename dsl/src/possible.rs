//! Requests that can be: figures that depend on each other are held together.

use crate::cells::Cells;
use crate::fact::Fact;
use crate::region::Region;
use crate::space::{Field, Space};

/// Most cells that are tried for one request.
const STEPS: usize = 4_096;
/// Health as cells: ok, degraded, down.
const STATES: u32 = 3;

/// Boxes that no request is in, since figures depend on each other: a higher percentile is not lower, and the best of several
/// targets is as good as the best of them.
pub(crate) fn impossible(space: &Space) -> Vec<Region> {
    let fields: Vec<(u16, &Field)> = (0..).zip(space.fields()).collect();
    let mut found = Vec::new();
    for (low, lower) in &fields {
        for (high, higher) in &fields {
            if rises(&lower.fact, &higher.fact) {
                found.extend((0..lower.count()).filter_map(|cell| {
                    let least = lower.lowest(cell)?;
                    let below = |c: &u32| higher.end(*c).is_some_and(|end| end <= least);
                    let below: Cells = (0..higher.count()).filter(below).collect();
                    Region::of(*low, &Cells::One(cell), space)?.with(*high, &below, space)
                }));
            }
        }
        let Fact::Health(many) = &lower.fact else {
            continue;
        };
        let parts = fields.iter().filter_map(|(at, field)| match &field.fact {
            Fact::Health(few) if few != many && few.iter().all(|t| many.contains(t)) => {
                Some((*at, few))
            }
            _ => None,
        });
        let parts: Vec<_> = parts.collect();
        let whole = many
            .iter()
            .all(|t| parts.iter().any(|(_, few)| few.contains(t)));
        for worse in 1..STATES {
            let (better, worse) = (Cells::span(0, worse), Cells::span(worse, STATES));
            // It is no worse than any of its parts, and no better than all of them.
            let one =
                |(part, _): &(u16, _)| Region::of(*part, &better, space)?.with(*low, &worse, space);
            found.extend(parts.iter().filter_map(one));
            if whole {
                let all = parts.iter().try_fold(Region::all(), |all, (part, _)| {
                    all.with(*part, &worse, space)
                });
                found.extend(all.and_then(|all| all.with(*low, &better, space)));
            }
        }
    }
    found
}

/// Whether the second is a higher percentile of the same.
pub(crate) fn rises(lower: &Fact, higher: &Fact) -> bool {
    match (lower, higher) {
        (Fact::P50(a), Fact::P95(b) | Fact::P99(b)) | (Fact::P95(a), Fact::P99(b)) => a == b,
        _ => false,
    }
}

/// One request of a region, as a region of single cells; `None` where there can be none.
pub(crate) fn possible(region: &Region, space: &Space) -> Option<Region> {
    let mut search = Search {
        fields: region.iter().collect(),
        impossible: impossible(space),
        space,
        steps: STEPS,
    };
    search.from(0, Region::all())
}

struct Search<'a> {
    fields: Vec<(u16, &'a Cells)>,
    impossible: Vec<Region>,
    space: &'a Space,
    steps: usize,
}

impl Search<'_> {
    /// Chooses a cell of each field behind the first so many, the usual one first.
    fn from(&mut self, at: usize, point: Region) -> Option<Region> {
        let Some((field, cells)) = self.fields.get(at).copied() else {
            return Some(point);
        };
        let usual = Some(self.space.field(field).usual()).filter(|u| cells.contains(*u));
        let others = cells.iter().filter(|cell| Some(*cell) != usual);
        for cell in usual.into_iter().chain(others) {
            self.steps = self.steps.checked_sub(1)?;
            let next = point.clone().with(field, &Cells::One(cell), self.space)?;
            let none = self.impossible.iter().any(|none| none.covers(&next));
            if none {
                continue;
            }
            if let Some(found) = self.from(at + 1, next) {
                return Some(found);
            }
        }
        None
    }
}
