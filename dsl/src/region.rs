//! Conditions as regions of the space: a condition is a list of boxes, each a set of cells for some fields.

use crate::atom::Tables;
use crate::cells::Cells;
use crate::condition::{Cond, Test};
use crate::fact::senses;
use crate::image::Fleet;
use crate::space::Space;
use std::collections::HashSet;

/// Most boxes that one condition may become; beyond, it is only ever asked, never analysed.
const BOXES: usize = 256;

/// A box: every field is in its cells. Sorted by field; a field that is not there can be anything; no set is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Region(Vec<(u16, Cells)>);

/// What turns tests into cells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms<'a> {
    pub(crate) space: &'a Space,
    pub(crate) fleet: &'a Fleet,
    pub(crate) tables: &'a Tables,
}

impl Region {
    /// Everything.
    pub(crate) fn all() -> Self {
        Self::default()
    }

    /// Whether it is everything.
    pub(crate) fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Its constraints, by field.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u16, &Cells)> {
        self.0.iter().map(|(field, cells)| (*field, cells))
    }

    /// The cells of a field, where it is constrained.
    pub(crate) fn get(&self, field: u16) -> Option<&Cells> {
        let at = self.0.binary_search_by_key(&field, |(f, _)| *f).ok()?;
        self.0.get(at).map(|(_, cells)| cells)
    }

    /// The first constraint on a field that is not before `from`.
    #[inline]
    pub(crate) fn next(&self, from: u16) -> Option<(u16, &Cells)> {
        self.iter().find(|(field, _)| *field >= from)
    }

    /// A box of one field; `None` where it would be empty.
    pub(crate) fn of(field: u16, cells: &Cells, space: &Space) -> Option<Self> {
        Self::all().with(field, cells, space)
    }

    /// With a field held to some cells; `None` where nothing is left.
    pub(crate) fn with(mut self, field: u16, cells: &Cells, space: &Space) -> Option<Self> {
        match self.0.binary_search_by_key(&field, |(f, _)| *f) {
            Ok(at) => {
                let (_, own) = self.0.get_mut(at)?;
                *own = own.and(cells);
                if own.is_empty() {
                    return None;
                }
            }
            Err(_) if cells.is_empty() => return None,
            Err(_) if cells.is_all(space.count(field)) => {}
            Err(at) => self.0.insert(at, (field, cells.clone())),
        }
        Some(self)
    }

    /// What is in both; `None` where nothing is.
    pub(crate) fn and(&self, other: &Self, space: &Space) -> Option<Self> {
        other.iter().try_fold(self.clone(), |both, (field, cells)| {
            both.with(field, cells, space)
        })
    }

    /// Whether something is in both.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.iter()
            .all(|(field, cells)| other.get(field).is_none_or(|o| o.meets(cells)))
    }

    /// Whether everything in `other` is in it.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.iter()
            .all(|(field, cells)| other.get(field).is_some_and(|o| cells.covers(o)))
    }

    /// What it still asks of requests that are in `outer`; `None` where none of them is in it.
    pub(crate) fn inside(&self, outer: &Self) -> Option<Self> {
        let mut rest = Vec::new();
        for (field, cells) in self.iter() {
            match outer.get(field) {
                Some(known) if cells.covers(known) => {}
                Some(known) if !cells.meets(known) => return None,
                _ => rest.push((field, cells.clone())),
            }
        }
        Some(Self(rest))
    }

    /// Without what is asked of a field.
    pub(crate) fn without(mut self, field: u16) -> Self {
        self.0.retain(|(f, _)| *f != field);
        self
    }

    /// One box that is exactly both, where there is one: they differ in one field, or one holds the other.
    pub(crate) fn joined(&self, other: &Self, space: &Space) -> Option<Self> {
        if self.covers(other) {
            return Some(self.clone());
        }
        if other.covers(self) {
            return Some(other.clone());
        }
        if self.0.len() != other.0.len() {
            return None;
        }
        let mut different = None;
        for (at, (a, b)) in self.0.iter().zip(&other.0).enumerate() {
            if a.0 != b.0 || (a.1 != b.1 && different.replace(at).is_some()) {
                return None;
            }
        }
        let at = different?;
        let (field, cells) = self.0.get(at)?;
        let both = cells.or(&other.0.get(at)?.1);
        let mut joined = self.clone();
        if both.is_all(space.count(*field)) {
            joined.0.remove(at);
        } else {
            joined.0.get_mut(at)?.1 = both;
        }
        Some(joined)
    }
}

impl Terms<'_> {
    /// A condition that holds in a region and nowhere else, as policies write it.
    pub(crate) fn words(&self, region: &Region) -> String {
        let named = |set: &HashSet<Box<str>>| self.tables.name(set);
        let words = |(field, cells): (u16, &Cells)| self.space.field(field).words(cells, &named);
        let parts: Vec<String> = region.iter().map(words).collect();
        if parts.is_empty() {
            "true".into()
        } else {
            parts.join(" and ")
        }
    }

    /// The boxes where a condition holds; `None` where there would be too many.
    pub(crate) fn regions(&self, cond: &Cond) -> Option<Vec<Region>> {
        self.of(cond, false)
    }

    /// The boxes where it does not hold.
    pub(crate) fn outside(&self, cond: &Cond) -> Option<Vec<Region>> {
        self.of(cond, true)
    }

    fn of(&self, cond: &Cond, negated: bool) -> Option<Vec<Region>> {
        match (cond, negated) {
            (Cond::Not(inner), _) => self.of(inner, !negated),
            (Cond::Named(_, inner), _) => self.of(inner, negated),
            (Cond::Test(test), _) => self.test(test, negated),
            (Cond::All(parts), false) | (Cond::Any(parts), true) => {
                let mut all = vec![Region::all()];
                for part in parts {
                    all = self.product(&all, &self.of(part, negated)?)?;
                }
                Some(all)
            }
            (Cond::Any(parts), false) | (Cond::All(parts), true) => {
                let mut any = Vec::new();
                for part in parts {
                    for region in self.of(part, negated)? {
                        add(&mut any, region, self.space)?;
                    }
                }
                Some(any)
            }
        }
    }

    fn product(&self, left: &[Region], right: &[Region]) -> Option<Vec<Region>> {
        let mut both = Vec::new();
        for a in left {
            for b in right {
                if let Some(region) = a.and(b, self.space) {
                    add(&mut both, region, self.space)?;
                }
            }
        }
        Some(both)
    }

    fn test(&self, test: &Test, negated: bool) -> Option<Vec<Region>> {
        let mut parts = Vec::new();
        for (fact, sense) in senses(&test.atom, self.fleet, self.tables) {
            parts.push(self.space.cells(&fact, &sense)?);
        }
        if !negated {
            let all = parts.iter().try_fold(Region::all(), |all, (field, cells)| {
                all.with(*field, cells, self.space)
            });
            return Some(all.into_iter().collect());
        }
        let mut any = Vec::new();
        for (field, cells) in parts {
            let outside = cells.not(self.space.count(field));
            any.extend(Region::of(field, &outside, self.space));
        }
        Some(any)
    }
}

/// Adds a box to a list, as part of another where that is exact.
fn add(list: &mut Vec<Region>, mut region: Region, space: &Space) -> Option<()> {
    /// Lists longer than this are not searched for boxes to join with.
    const SEARCHED: usize = 16;
    if list.len() <= SEARCHED {
        while let Some((at, joined)) = list
            .iter()
            .enumerate()
            .find_map(|(at, other)| Some((at, other.joined(&region, space)?)))
        {
            list.remove(at);
            region = joined;
        }
    }
    list.push(region);
    (list.len() <= BOXES).then_some(())
}
