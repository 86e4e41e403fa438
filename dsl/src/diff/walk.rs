//! Two graphs side by side: boxes in which they lead to different leaves.

use crate::cells::Cells;
use crate::diagram::{Arena, Edge, Step};
use crate::region::Region;
use crate::space::Space;
use std::collections::{BTreeMap, HashMap};

/// Most pairs of nodes that are looked at.
const PAIRS: usize = 400_000;

/// Most boxes that are listed.
const BOXES: usize = 2_000;

/// Most boxes of one difference among which adjacent ones are sought.
const JOINED: usize = 400;

/// Boxes with what both say in them.
pub(super) type Boxes = Vec<(Region, (u32, u32))>;

/// Disjoint boxes where two graphs of one arena differ, and how many more there are at least. `None` where it would take
/// too long.
pub(super) fn walk(
    arena: &mut Arena,
    roots: (Edge, Edge),
    space: &Space,
) -> Option<(Boxes, usize)> {
    let mut product = Product {
        arena,
        memo: HashMap::new(),
        pairs: Vec::new(),
    };
    let root = product.edge(roots)?;
    let pairs = product.pairs;
    let mut lister = Lister {
        arena,
        space,
        boxes: BTreeMap::new(),
        listed: 0,
        more: 0,
    };
    lister.list(root, &Region::all());
    let more = lister.more;
    let mut boxes = Vec::new();
    for (pair, regions) in lister.boxes {
        let pair = *pairs.get(pair as usize)?;
        boxes.extend(joined(regions, space).into_iter().map(|r| (r, pair)));
    }
    Some((boxes, more))
}

/// The graph of differences: a leaf is a pair of leaves, and nothing where both are the same.
struct Product<'a> {
    arena: &'a mut Arena,
    memo: HashMap<(Edge, Edge), Edge>,
    pairs: Vec<(u32, u32)>,
}

impl Product<'_> {
    fn edge(&mut self, edges: (Edge, Edge)) -> Option<Edge> {
        if edges.0 == edges.1 {
            return Some(Arena::leaf(None));
        }
        if let Some(known) = self.memo.get(&edges) {
            return Some(*known);
        }
        let edge = match (self.arena.step(edges.0), self.arena.step(edges.1)) {
            (Step::Leaf(was), Step::Leaf(now)) => {
                let pair = (was.unwrap_or(u32::MAX), now.unwrap_or(u32::MAX));
                self.pair(pair)
            }
            (was, now) => {
                let field = field(was).min(field(now));
                let (left, right) = (branches(was, field), branches(now, field));
                let count = left
                    .map_or(0, <[Edge]>::len)
                    .max(right.map_or(0, <[Edge]>::len));
                let at = |list: Option<&[Edge]>, cell, edge| {
                    list.map_or(Some(edge), |l| l.get(cell).copied())
                };
                let pairs: Option<Vec<(Edge, Edge)>> = (0..count)
                    .map(|cell| Some((at(left, cell, edges.0)?, at(right, cell, edges.1)?)))
                    .collect();
                let next: Option<Vec<Edge>> = pairs?.into_iter().map(|p| self.edge(p)).collect();
                self.arena.node(field, &next?)
            }
        };
        self.memo.insert(edges, edge);
        (self.memo.len() <= PAIRS).then_some(edge)
    }

    fn pair(&mut self, pair: (u32, u32)) -> Edge {
        let known = self.pairs.iter().position(|p| *p == pair);
        let at = known.unwrap_or_else(|| {
            self.pairs.push(pair);
            self.pairs.len() - 1
        });
        Arena::leaf(u32::try_from(at).ok())
    }
}

fn field(step: Step<'_>) -> u16 {
    match step {
        Step::Node(field, _) => field,
        Step::Leaf(_) => u16::MAX,
    }
}

/// The branches of a field; `None` where the node does not ask about it.
fn branches(step: Step<'_>, field: u16) -> Option<&[Edge]> {
    match step {
        Step::Node(own, branches) if own == field => Some(branches),
        _ => None,
    }
}

/// Ways to leaves, as boxes.
struct Lister<'a> {
    arena: &'a Arena,
    space: &'a Space,
    boxes: BTreeMap<u32, Vec<Region>>,
    listed: usize,
    more: usize,
}

impl Lister<'_> {
    fn list(&mut self, edge: Edge, within: &Region) {
        let (field, branches) = match self.arena.step(edge) {
            Step::Leaf(None) => return,
            Step::Leaf(Some(_)) if self.listed >= BOXES => {
                self.more += 1;
                return;
            }
            Step::Leaf(Some(pair)) => {
                self.listed += 1;
                self.boxes.entry(pair).or_default().push(within.clone());
                return;
            }
            Step::Node(field, branches) => (field, branches),
        };
        // A graph can have more ways than anybody has time for; that there are more is all that is told then.
        if self.more >= BOXES {
            return;
        }
        let mut cells: BTreeMap<Edge, Vec<u32>> = BTreeMap::new();
        for (cell, branch) in (0..).zip(branches) {
            cells.entry(*branch).or_default().push(cell);
        }
        for (branch, cells) in cells {
            let cells: Cells = cells.into_iter().collect();
            if let Some(inner) = within.clone().with(field, &cells, self.space) {
                self.list(branch, &inner);
            }
        }
    }
}

/// Boxes of one difference, adjacent ones as one.
fn joined(mut open: Vec<Region>, space: &Space) -> Vec<Region> {
    let mut done: Vec<Region> = Vec::new();
    while let Some(mut region) = open.pop() {
        let sought = if done.len() <= JOINED { done.len() } else { 0 };
        let found = done.iter().take(sought).enumerate();
        let mut found = found.filter_map(|(at, other)| Some((at, other.joined(&region, space)?)));
        if let Some((at, both)) = found.next() {
            drop(found);
            done.swap_remove(at);
            region = both;
            open.push(region);
        } else {
            drop(found);
            done.push(region);
        }
    }
    done
}
