//! One of two bundles in their common space.

use crate::canon::graph;
use crate::cells::Cells;
use crate::decide::Image;
use crate::entry::Leaf;
use crate::outcome::Outcomes;
use crate::part::Part;
use crate::region::{Region, Terms};
use crate::space::Space;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// A bundle and what it needs to be read in a space that is not its own.
#[derive(Debug)]
pub(super) struct Side<'i> {
    pub(super) image: &'i Image,
    outcomes: Outcomes<'i>,
    /// Facts that are declared here: field, the cell where it is absent, and the cells that are not taken for it.
    declared: Vec<(u16, u32, Cells)>,
}

/// What becomes of the requests that enter one policy.
#[derive(Debug)]
pub(super) struct Listed {
    /// In order; the number is that of a leaf.
    list: Vec<(Region, u32)>,
    leaves: Vec<Leaf>,
    /// Number of the outcome of each leaf.
    outcomes: Vec<u32>,
}

/// What differs about one policy.
#[derive(Debug)]
pub(super) struct Differing {
    pub(super) name: String,
    pub(super) regions: Vec<Region2>,
    /// Regions that are not listed.
    pub(super) more: usize,
    pub(super) bounded: bool,
    /// Plans that changed inside and that its requests get before and after.
    pub(super) plans: BTreeSet<Box<str>>,
    /// What becomes of its requests now, for those that are in no region.
    pub(super) now: Listed,
    /// Requests by the number of what becomes of them now, where they are in no region.
    pub(super) others: BTreeMap<u32, u64>,
}

/// Requests that were treated alike and are treated alike, but otherwise.
#[derive(Debug)]
pub(super) struct Region2 {
    pub(super) region: Region,
    /// Numbers, was and now.
    pub(super) outcomes: (u32, u32),
    /// One request that can be, as a region of single cells.
    pub(super) witness: Region,
    /// What decided about the witness, was and now.
    pub(super) leaves: [Leaf; 2],
    pub(super) requests: u64,
}

impl<'i> Side<'i> {
    pub(super) fn of(image: &'i Image, space: &Space) -> Self {
        let mut declared = Vec::new();
        for own in image.code.space.fields() {
            let Some(values) = own.declared() else {
                continue;
            };
            for (at, field) in (0..)
                .zip(space.fields())
                .filter(|(_, f)| f.fact == own.fact)
            {
                let cells = 0..field.count();
                let known = |cell: &u32| field.text(*cell).is_some_and(|t| values.contains(&t));
                let absent = cells.clone().find(|c| field.is_absent(*c));
                let kept: Cells = cells.filter(known).collect();
                declared.extend(absent.map(|absent| (at, absent, kept)));
            }
        }
        Self {
            image,
            outcomes: Outcomes::of(image, &graph::guard),
            declared,
        }
    }

    /// What becomes of requests that name a policy; outcomes are given numbers by content.
    pub(super) fn list(
        &self,
        name: &str,
        space: &Space,
        number: &mut dyn FnMut(&Part) -> u32,
    ) -> Option<Listed> {
        let terms = Terms {
            space,
            fleet: &self.image.fleet,
            tables: &self.image.code.tables,
        };
        let (list, leaves) = self.outcomes.list(self.image.policy(name)?, &terms)?;
        let list = list
            .into_iter()
            .filter_map(|(region, leaf)| Some((self.taken(region, space)?, leaf)));
        Some(Listed {
            list: list.collect(),
            outcomes: leaves
                .iter()
                .map(|l| number(&self.outcomes.part(l)))
                .collect(),
            leaves,
        })
    }

    /// A region as this bundle takes it: a value that is not declared counts as absent.
    fn taken(&self, region: Region, space: &Space) -> Option<Region> {
        let mut taken = region;
        for (at, absent, kept) in &self.declared {
            let Some(cells) = taken.get(*at) else {
                continue;
            };
            let own = cells.and(kept);
            let all = if cells.contains(*absent) {
                own.or(&kept.not(space.count(*at)))
            } else {
                own
            };
            taken = taken.without(*at).with(*at, &all, space)?;
        }
        Some(taken)
    }

    /// What a leaf means.
    pub(super) fn outcome(&self, leaf: &Leaf) -> Part {
        self.outcomes.part(leaf)
    }

    /// Every plan that has a name.
    pub(super) fn plans(&self) -> impl Iterator<Item = (Box<str>, Part)> {
        self.outcomes
            .plans()
            .map(|(name, part)| (name.into(), part))
    }

    /// Whether a set has this name.
    pub(super) fn has_set(&self, name: &str) -> bool {
        self.image.code.tables.names.iter().any(|n| **n == *name)
    }

    /// What a set of values is called.
    pub(super) fn set(&self, set: &HashSet<Box<str>>) -> Option<String> {
        self.image.code.tables.name(set)
    }
}

impl Listed {
    /// The list with the numbers of outcomes.
    pub(super) fn by_outcome(&self) -> Vec<(Region, u32)> {
        let outcome = |leaf: u32| self.outcomes.get(leaf as usize).copied();
        let list = self.list.iter();
        list.filter_map(|(region, leaf)| Some((region.clone(), outcome(*leaf)?)))
            .collect()
    }

    /// The numbers of its outcomes.
    pub(super) fn numbers(&self) -> Vec<Option<u32>> {
        self.outcomes.iter().copied().map(Some).collect()
    }

    /// What decides about a region that is decided alike.
    pub(super) fn leaf_of(&self, witness: &Region) -> Option<Leaf> {
        let first = self.list.iter().find(|(region, _)| region.meets(witness));
        self.leaves.get(first?.1 as usize).cloned()
    }
}

impl Differing {
    /// Counts a request by its cells.
    pub(super) fn count(&mut self, class: &[u32]) {
        let inside = |region: &Region| {
            region.iter().all(|(at, cells)| {
                let cell = class.get(usize::from(at));
                cell.is_some_and(|c| cells.contains(*c))
            })
        };
        if let Some(found) = self.regions.iter_mut().find(|r| inside(&r.region)) {
            found.requests += 1;
            return;
        }
        let mut list = self.now.list.iter();
        let leaf = list
            .find(|(region, _)| inside(region))
            .map(|(_, leaf)| *leaf);
        let outcome = leaf.and_then(|leaf| self.now.outcomes.get(leaf as usize));
        if let Some(outcome) = outcome {
            *self.others.entry(*outcome).or_default() += 1;
        }
    }
}
