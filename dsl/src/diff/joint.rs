//! Two bundles in one space.

use super::pairwise::pairwise;
use super::plans::Plans;
use super::side::{Differing, Region2, Side};
use super::walk::walk;
use crate::canon::bytes_of;
use crate::cells::Cells;
use crate::decide::Image;
use crate::diagram::{Arena, Bounds};
use crate::fact::{Fact, Sense, senses};
use crate::part::Part;
use crate::possible::possible;
use crate::region::Region;
use crate::request::{Live, Request};
use crate::space::{Declared, Source, Space};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// How much the graphs of one policy may take together.
const GRAPHS: Bounds = Bounds {
    nodes: 100_000,
    work: 16_000_000,
};

/// Both bundles, and what they decide among.
#[derive(Debug)]
pub(super) struct Joint<'i> {
    pub(super) space: Space,
    /// Where the newer one finds the fields.
    sources: Vec<Source>,
    pub(super) was: Side<'i>,
    pub(super) now: Side<'i>,
    pub(super) plans: Plans,
    /// Everything that becomes of some request, changed plans by their names.
    outcomes: RefCell<Numbered>,
}

/// Parts with numbers.
#[derive(Debug, Default)]
struct Numbered {
    by_bytes: HashMap<Box<[u8]>, u32>,
    parts: Vec<Part>,
}

impl<'i> Joint<'i> {
    pub(super) fn of(was: &'i Image, now: &'i Image) -> Self {
        let tests = asked(was).into_iter().chain(asked(now));
        let space = Space::cut(tests, &declared(was, now));
        let sources = space.sources(&now.fleet);
        let (was, now) = (Side::of(was, &space), Side::of(now, &space));
        Self {
            sources,
            plans: Plans::of(&was, &now),
            was,
            now,
            space,
            outcomes: RefCell::default(),
        }
    }

    /// How a policy of both differs; `None` where it does not.
    pub(super) fn policy(&self, name: &str) -> Option<Differing> {
        let mut numbered = |part: &Part| self.number(part);
        let was = self.was.list(name, &self.space, &mut numbered);
        let now = self.now.list(name, &self.space, &mut numbered);
        let (was, now) = was.zip(now)?;
        let counts = |field| self.space.count(field);
        let mut arena = Arena::default();
        let edge = |arena: &mut Arena, list: &[(Region, u32)]| {
            let refs: Vec<(&Region, u32)> = list.iter().map(|(r, leaf)| (r, *leaf)).collect();
            arena.build(&refs, &counts, GRAPHS)
        };
        let graphs = edge(&mut arena, &was.by_outcome()).zip(edge(&mut arena, &now.by_outcome()));
        let plans = match graphs {
            Some((was, now)) => self.both(arena.leaves(was), arena.leaves(now)),
            None => self.both(was.numbers(), now.numbers()),
        };
        let exact = graphs.and_then(|(was, now)| walk(&mut arena, (was, now), &self.space));
        let (boxes, more, bounded) = match exact {
            Some((boxes, more)) => (boxes, more, false),
            None => (pairwise(&was, &now, &self.space), 0, true),
        };
        let regions = boxes.into_iter().filter_map(|(region, outcomes)| {
            let witness = possible(&region, &self.space)?;
            Some(Region2 {
                region,
                outcomes,
                leaves: [was.leaf_of(&witness)?, now.leaf_of(&witness)?],
                witness,
                requests: 0,
            })
        });
        let regions: Vec<Region2> = regions.collect();
        (!regions.is_empty() || !plans.is_empty()).then(|| Differing {
            name: name.to_owned(),
            regions,
            more,
            bounded,
            plans,
            now,
            others: BTreeMap::new(),
        })
    }

    /// The number of an outcome.
    fn number(&self, part: &Part) -> u32 {
        let part = self.plans.folded(part);
        let mut outcomes = self.outcomes.borrow_mut();
        let fresh = u32::try_from(outcomes.parts.len()).unwrap_or(u32::MAX);
        let known = outcomes.by_bytes.entry(bytes_of(&part));
        let number = *known.or_insert(fresh);
        if number == fresh {
            outcomes.parts.push(part);
        }
        number
    }

    /// Changed plans that some outcome of either list leads to.
    fn both(&self, was: Vec<Option<u32>>, now: Vec<Option<u32>>) -> BTreeSet<Box<str>> {
        let reached = |numbers: Vec<Option<u32>>| {
            let numbers = numbers.into_iter().flatten();
            let all = numbers.map(|number| self.reached(number));
            all.fold(BTreeSet::new(), |all, some| &all | &some)
        };
        &reached(was) & &reached(now)
    }

    /// Changed plans that an outcome leads to.
    pub(super) fn reached(&self, number: u32) -> BTreeSet<Box<str>> {
        let outcomes = self.outcomes.borrow();
        let mut found = BTreeSet::new();
        if let Some(part) = outcomes.parts.get(number as usize) {
            self.plans.reached(part, &mut found);
        }
        found
    }

    /// The cell of every field.
    pub(super) fn class<L: Live>(&self, request: &Request<'_>, live: &L) -> Vec<u32> {
        let fields = self.space.fields().iter().zip(&self.sources);
        fields
            .map(|(f, source)| f.cell(source, request, live))
            .collect()
    }

    /// A condition for a region; sets by what either bundle calls them.
    pub(super) fn words(&self, region: &Region) -> String {
        let named = |set: &HashSet<Box<str>>| {
            let before = || {
                let name = self.was.set(set)?;
                // The same name may stand for other values now.
                Some(if self.now.has_set(&name) {
                    format!("{name}-before")
                } else {
                    name
                })
            };
            self.now.set(set).or_else(before)
        };
        let words = |(at, cells): (u16, &Cells)| self.space.field(at).words(cells, &named);
        let parts: Vec<String> = region.iter().map(words).collect();
        if parts.is_empty() {
            "always".to_owned()
        } else {
            parts.join(" and ")
        }
    }
}

/// Facts that both bundles declare to have the same values.
fn declared(was: &Image, now: &Image) -> Declared {
    let values = |image: &Image| -> BTreeMap<Fact, BTreeSet<Box<str>>> {
        let fields = image.code.space.fields().iter();
        let own = fields.filter_map(|f| {
            let values = f.declared()?;
            Some((f.fact.clone(), values.into_iter().map(Into::into).collect()))
        });
        own.collect()
    };
    let (was, mut both) = (values(was), values(now));
    both.retain(|fact, values| was.get(fact) == Some(values));
    both.into_iter()
        .map(|(fact, values)| (fact, values.into_iter().collect()))
        .collect()
}

/// Every test of a bundle's rules, and one for every value that its facts are declared to have.
fn asked(image: &Image) -> Vec<(Fact, Sense)> {
    let mut tests = Vec::new();
    let clauses = image.code.clauses.iter().flatten();
    for cond in clauses.filter_map(|c| c.cond.as_ref()) {
        cond.each_test(&mut |test| {
            tests.extend(senses(&test.atom, &image.fleet, &image.code.tables));
        });
    }
    for field in image.code.space.fields() {
        let values = field.declared().into_iter().flatten();
        tests.extend(values.map(|v| (field.fact.clone(), Sense::Is(v.into()))));
    }
    tests
}
