//! The executable form of one policy: a decision graph, a classifier, or, where neither fits, its rules one by one.

#[cfg(test)]
mod tests;

use crate::atom::Tables;
use crate::classify::{FIELDS, Rows};
use crate::clause::{self, Clause};
use crate::diagram::{Arena, Bounds, Edge, Step};
use crate::region::{Region, Terms};
use crate::request::{Live, Request};
use crate::space::{Source, Space};
use crate::trace::{Path, Steps};
use std::ops::Range;

/// Most nodes of a graph; beyond, the classifier is chosen, whose size is known beforehand.
const NODES: usize = 50_000;

/// Steps that building a graph may take: for any policy, and for each of its regions. Most take a tenth of them.
const STEPS: (u64, u64) = (200_000, 400);

/// Most regions of a policy that are laid out at all.
const REGIONS: usize = 60_000;

/// How one policy is decided.
#[derive(Debug)]
pub(crate) enum Program {
    Graph { arena: Arena, root: Edge },
    Classify(Rows),
    Walk,
}

/// What deciding needs besides the program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) space: &'a Space,
    pub(crate) sources: &'a [Source],
    pub(crate) tables: &'a Tables,
    pub(crate) clauses: &'a [Clause],
}

impl Program {
    /// Compiles the rules of one policy.
    pub(crate) fn compile(laid: &Laid, space: &Space) -> Self {
        if !laid.whole {
            return Self::Walk;
        }
        let list = &laid.list;
        let counts = |field| space.count(field);
        let refs: Vec<(&Region, u32)> = list.iter().map(|(r, rule)| (r, *rule)).collect();
        let mut arena = Arena::default();
        let bounds = Bounds {
            nodes: NODES,
            work: STEPS.0 + STEPS.1 * refs.len() as u64,
        };
        if let Some(root) = arena.build(&refs, &counts, bounds) {
            arena.finish();
            return Self::Graph { arena, root };
        }
        Rows::build(list, &counts).map_or(Self::Walk, Self::Classify)
    }

    /// The rule that takes a request. Every branch is put on the path.
    #[inline]
    pub(crate) fn decide<L: Live>(
        &self,
        scene: Scene<'_>,
        request: &Request<'_>,
        live: &L,
        path: &mut Path,
    ) -> u32 {
        match self {
            Self::Graph { arena, root } => graph(arena, *root, scene, request, live, path),
            Self::Classify(rows) => classified(rows, scene, request, live, path),
            Self::Walk => walk(scene, request, live, path),
        }
    }

    /// Follows a path: the rule it leads to, and the cell of every field that was read on it. `None` where the path is
    /// of another bundle, or was too long to be kept.
    pub(crate) fn follow(
        &self,
        scene: Scene<'_>,
        steps: &mut Steps<'_>,
    ) -> Option<(u32, Vec<(u16, u32)>)> {
        let mut read = Vec::new();
        match self {
            Self::Graph { arena, root } => {
                let mut edge = *root;
                loop {
                    let (field, branches) = match arena.step(edge) {
                        Step::Leaf(leaf) => return Some((leaf?, read)),
                        Step::Node(field, branches) => (field, branches),
                    };
                    let cell = steps.take(scene.space.field(field).width())?;
                    edge = *branches.get(cell as usize)?;
                    read.push((field, cell));
                }
            }
            Self::Classify(rows) => {
                for field in rows.fields() {
                    let cell = steps.take(scene.space.field(*field).width())?;
                    (cell < scene.space.count(*field)).then_some(())?;
                    read.push((*field, cell));
                }
                let cells: Vec<u32> = read.iter().map(|(_, cell)| *cell).collect();
                Some((rows.first(&cells)?, read))
            }
            Self::Walk => {
                for rule in 0..u32::try_from(scene.clauses.len()).ok()? {
                    if steps.take(1)? == 1 {
                        return Some((rule, read));
                    }
                }
                None
            }
        }
    }

    /// What it is, for people.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Graph { .. } => "graph",
            Self::Classify(_) => "bit-vector",
            Self::Walk => "rules",
        }
    }

    /// Nodes of the graph, and bytes of either form.
    pub(crate) fn size(&self) -> (usize, usize) {
        match self {
            Self::Graph { arena, .. } => (arena.len(), arena.bytes()),
            Self::Classify(rows) => (0, rows.bytes()),
            Self::Walk => (0, 0),
        }
    }
}

/// The rules of one policy, laid out in the space of its bundle.
#[derive(Debug)]
pub(crate) struct Laid {
    /// Regions in order, each with its rule.
    pub(crate) list: Vec<(Region, u32)>,
    /// By rule: its part of the list.
    pub(crate) own: Vec<Range<u32>>,
    /// Whether every rule is in it: one whose condition would be too many regions is left out, as one that is wrong.
    pub(crate) whole: bool,
}

/// Lays out the rules of a policy; one that is wrong is `None`.
pub(crate) fn lay(clauses: &[Option<Clause>], terms: &Terms<'_>) -> Laid {
    let mut laid = Laid {
        list: Vec::new(),
        own: Vec::new(),
        whole: true,
    };
    for (rule, clause) in (0..).zip(clauses) {
        let first = u32::try_from(laid.list.len()).unwrap_or(u32::MAX);
        let regions = match clause.as_ref().map(|c| &c.cond) {
            None => None,
            Some(None) => Some(vec![Region::all()]),
            Some(Some(cond)) => terms.regions(cond),
        };
        let regions = regions.filter(|r| laid.list.len() + r.len() <= REGIONS);
        laid.whole &= regions.is_some();
        laid.list
            .extend(regions.into_iter().flatten().map(|r| (r, rule)));
        laid.own
            .push(first..u32::try_from(laid.list.len()).unwrap_or(u32::MAX));
    }
    laid
}

/// The rules of a policy as one ordered list of regions; `None` where they are too many.
pub(crate) fn listed(clauses: &[Clause], terms: &Terms<'_>) -> Option<Vec<(Region, u32)>> {
    let mut list = Vec::new();
    for (rule, clause) in (0..).zip(clauses) {
        match &clause.cond {
            None => list.push((Region::all(), rule)),
            Some(cond) => list.extend(terms.regions(cond)?.into_iter().map(|r| (r, rule))),
        }
        if list.len() > REGIONS {
            return None;
        }
    }
    Some(list)
}

#[inline]
fn graph<L: Live>(
    arena: &Arena,
    root: Edge,
    scene: Scene<'_>,
    request: &Request<'_>,
    live: &L,
    path: &mut Path,
) -> u32 {
    let mut edge = root;
    loop {
        match arena.step(edge) {
            // A policy ends with a rule for every request, so there is always one.
            Step::Leaf(leaf) => return leaf.unwrap_or(u32::MAX),
            Step::Node(field, branches) => {
                let known = scene.space.field(field);
                #[expect(
                    clippy::indexing_slicing,
                    reason = "there is a source for every field, and a branch for every cell"
                )]
                {
                    let cell = known.cell(&scene.sources[usize::from(field)], request, live);
                    path.push(cell, known.width());
                    edge = branches[cell as usize];
                }
            }
        }
    }
}

fn classified<L: Live>(
    rows: &Rows,
    scene: Scene<'_>,
    request: &Request<'_>,
    live: &L,
    path: &mut Path,
) -> u32 {
    let mut cells = [0; FIELDS];
    for (slot, field) in cells.iter_mut().zip(rows.fields()) {
        let known = scene.space.field(*field);
        #[expect(clippy::indexing_slicing, reason = "there is a source for every field")]
        let source = &scene.sources[usize::from(*field)];
        *slot = known.cell(source, request, live);
        path.push(*slot, known.width());
    }
    rows.first(&cells).unwrap_or(u32::MAX)
}

fn walk<L: Live>(scene: Scene<'_>, request: &Request<'_>, live: &L, path: &mut Path) -> u32 {
    let rule = clause::first(scene.clauses, scene.tables, request, live);
    let rule = rule.and_then(|r| u32::try_from(r).ok()).unwrap_or(u32::MAX);
    for _ in 0..rule {
        path.push(0, 1);
    }
    path.push(1, 1);
    rule
}
