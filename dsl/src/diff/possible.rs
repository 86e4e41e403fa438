//! Requests that can be: figures that depend on each other are held together.

use crate::cells::Cells;
use crate::fact::Fact;
use crate::region::Region;
use crate::space::{Field, Space};

/// One request of a region, as a region of single cells; `None` where there can be none.
pub(super) fn possible(region: &Region, space: &Space) -> Option<Region> {
    let mut point = Region::all();
    for (at, cells) in region.iter() {
        let field = space.field(at);
        let fits = |cell: &u32| agrees(field, *cell, &point, space);
        let usual = Some(field.usual()).filter(|u| cells.contains(*u));
        let cell = usual.into_iter().chain(cells.iter()).find(fits)?;
        point = point.with(at, &Cells::One(cell), space)?;
    }
    Some(point)
}

/// Whether a cell can be, beside those of the fields before it.
fn agrees(field: &Field, cell: u32, point: &Region, space: &Space) -> bool {
    point.iter().all(|(at, chosen)| {
        let (before, Some(known)) = (space.field(at), chosen.first()) else {
            return true;
        };
        match (&before.fact, &field.fact) {
            (Fact::P50(a), Fact::P95(b) | Fact::P99(b)) | (Fact::P95(a), Fact::P99(b))
                if a == b =>
            {
                rises(before, known, field, cell)
            }
            (Fact::Health(a), Fact::Health(b)) => healthy(a, known, b, cell),
            _ => true,
        }
    })
}

/// A higher percentile is not lower.
fn rises(lower: &Field, low: u32, higher: &Field, high: u32) -> bool {
    match (lower.lowest(low), higher.end(high)) {
        (Some(least), Some(end)) => least < end,
        _ => true,
    }
}

/// The best of several targets is as good as each of them, and as good as the best of some of them.
fn healthy(some: &[Box<str>], state: u32, others: &[Box<str>], other: u32) -> bool {
    let within = |few: &[Box<str>], many: &[Box<str>]| few.iter().all(|t| many.contains(t));
    (!within(some, others) || other <= state) && (!within(others, some) || state <= other)
}
