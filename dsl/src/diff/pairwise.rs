//! Two lists rule by rule, where their graphs would be too large: what is found differs, but not all may be found.

use super::side::Listed;
use super::walk::Boxes;
use crate::cells::Cells;
use crate::region::Region;
use crate::space::Space;

/// Most pairs of regions that are looked at.
const PAIRS: usize = 1_000_000;

/// Most differences that are told.
const FOUND: usize = 200;

/// Regions of both that meet and say different things about some request that no earlier one takes.
pub(super) fn pairwise(was: &Listed, now: &Listed, space: &Space) -> Boxes {
    let (old, new) = (was.by_outcome(), now.by_outcome());
    let decided = |list: &[(Region, u32)], point: &Region| {
        let first = list.iter().find(|(region, _)| region.meets(point));
        first.map(|(_, outcome)| *outcome)
    };
    let pairs = old.iter().flat_map(|a| new.iter().map(move |b| (a, b)));
    let mut found: Boxes = Vec::new();
    for ((a, was), (b, now)) in pairs.take(PAIRS).filter(|((_, a), (_, b))| a != b) {
        let Some(both) = a.and(b, space) else {
            continue;
        };
        let known = |(region, outcomes): &(Region, (u32, u32))| {
            *outcomes == (*was, *now) && region.covers(&both)
        };
        let differs = |point: &Region| {
            decided(&old, point) == Some(*was) && decided(&new, point) == Some(*now)
        };
        if !found.iter().any(known) && corners(&both, space).iter().any(differs) {
            found.push((both, (*was, *now)));
        }
        if found.len() >= FOUND {
            break;
        }
    }
    found
}

/// A few single requests of a region: everything as low as it can be, as high, and as tests take it by themselves.
fn corners(region: &Region, space: &Space) -> Vec<Region> {
    let point = |choose: &dyn Fn(&Cells, u32) -> Option<u32>| {
        let mut point = Region::all();
        for (at, field) in (0..).zip(space.fields()) {
            let all = Cells::all(field.count());
            let cells = region.get(at).unwrap_or(&all);
            let cell = choose(cells, field.usual())?;
            point = point.with(at, &Cells::One(cell), space)?;
        }
        Some(point)
    };
    let low = point(&|cells, _| cells.first());
    let high = point(&|cells, _| cells.iter().last());
    let usual = point(&|cells, usual| {
        if cells.contains(usual) {
            Some(usual)
        } else {
            cells.first()
        }
    });
    low.into_iter().chain(high).chain(usual).collect()
}
