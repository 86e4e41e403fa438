//! Decision diagrams: what an ordered list of regions decides, as a graph with one branch a cell.
//!
//! Multi-valued decision diagrams, reduced, ordered by field and hash-consed: Bryant, "Graph-Based Algorithms for Boolean
//! Function Manipulation", 1986, with cells in the place of bits. Within one arena two lists that decide alike have the same root.

use crate::cells::Cells;
use crate::region::Region;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Where a branch leads: the highest bit tells leaves from nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Edge(u32);

const LEAF: u32 = 1 << 31;

/// What is behind an edge.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'d> {
    /// A question about a field, and a branch for each of its cells.
    Node(u16, &'d [Edge]),
    /// What is decided; `None` where the list says nothing.
    Leaf(Option<u32>),
}

/// Nodes, equal ones shared.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    /// By field, number of branches, and where they begin to lead elsewhere.
    unique: HashMap<(u16, usize, Box<[u32]>), Edge>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    field: u16,
    first: u32,
    count: u32,
}

/// How much one list may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Nodes, together with those of the arena.
    pub(crate) nodes: usize,
    /// Steps, about ten nanoseconds each.
    pub(crate) work: u64,
}

/// An ordered list: the first region that holds decides.
pub(crate) type Listed<'r> = [(&'r Region, u32)];

impl Arena {
    /// The diagram of a list; `None` where it would take more than it may.
    pub(crate) fn build(
        &mut self,
        list: &Listed<'_>,
        counts: &dyn Fn(u16) -> u32,
        mut bounds: Bounds,
    ) -> Option<Edge> {
        self.build_within(list, counts, &mut bounds)
    }

    /// The same; what it took is taken from the bounds.
    pub(crate) fn build_within(
        &mut self,
        list: &Listed<'_>,
        counts: &dyn Fn(u16) -> u32,
        bounds: &mut Bounds,
    ) -> Option<Edge> {
        let all: Vec<u32> = (0..u32::try_from(list.len()).ok()?).collect();
        Builder {
            arena: self,
            list,
            counts,
            memo: HashMap::new(),
            bounds,
        }
        .edge(0, all)
    }

    /// What is behind an edge.
    #[inline]
    pub(crate) fn step(&self, edge: Edge) -> Step<'_> {
        if edge.0 & LEAF != 0 {
            let leaf = edge.0 & !LEAF;
            return Step::Leaf((leaf != !LEAF).then_some(leaf));
        }
        #[expect(
            clippy::indexing_slicing,
            reason = "edges are made together with what they point to"
        )]
        let node = self.nodes[edge.0 as usize];
        #[expect(
            clippy::indexing_slicing,
            reason = "a node is made together with its edges"
        )]
        Step::Node(
            node.field,
            &self.edges[node.first as usize..(node.first + node.count) as usize],
        )
    }

    /// Number of nodes.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Bytes of nodes and edges.
    pub(crate) fn bytes(&self) -> usize {
        self.nodes.len() * size_of::<Node>() + self.edges.len() * size_of::<Edge>()
    }

    /// An edge that decides.
    pub(crate) fn leaf(leaf: Option<u32>) -> Edge {
        Edge(leaf.map_or(u32::MAX, |l| l | LEAF))
    }

    /// The node with these branches, or what they all lead to.
    pub(crate) fn node(&mut self, field: u16, branches: &[Edge]) -> Edge {
        let mut runs = Vec::new();
        let mut last = None;
        for (at, edge) in (0..).zip(branches) {
            if last != Some(edge) {
                runs.extend([at, edge.0]);
                last = Some(edge);
            }
        }
        if let [_, only] = *runs {
            return Edge(only);
        }
        let key = (field, branches.len(), runs.into_boxed_slice());
        if let Some(known) = self.unique.get(&key) {
            return *known;
        }
        let edge = Edge(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX) & !LEAF);
        self.nodes.push(Node {
            field,
            first: u32::try_from(self.edges.len()).unwrap_or(u32::MAX),
            count: u32::try_from(branches.len()).unwrap_or(u32::MAX),
        });
        self.edges.extend_from_slice(branches);
        self.unique.insert(key, edge);
        edge
    }

    /// Drops what only building needs.
    pub(crate) fn finish(&mut self) {
        self.unique = HashMap::new();
        self.nodes.shrink_to_fit();
        self.edges.shrink_to_fit();
    }

    /// Every leaf that can be reached, in rising order.
    pub(crate) fn leaves(&self, root: Edge) -> Vec<Option<u32>> {
        let mut found = Vec::new();
        self.each(root, &mut |_, step| {
            if let Step::Leaf(leaf) = step {
                found.push(leaf);
            }
        });
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Shows everything that can be reached, once.
    pub(crate) fn each<'d>(&'d self, root: Edge, visit: &mut dyn FnMut(Edge, Step<'d>)) {
        let mut seen = HashSet::from([root]);
        let mut open = vec![root];
        while let Some(edge) = open.pop() {
            let step = self.step(edge);
            if let Step::Node(_, branches) = step {
                open.extend(branches.iter().filter(|b| seen.insert(**b)));
            }
            visit(edge, step);
        }
    }

    /// A way to a leaf that `wanted` takes: field and cell of every branch. `usual` is tried first at each field.
    pub(crate) fn path(
        &self,
        root: Edge,
        usual: &dyn Fn(u16) -> u32,
        wanted: &dyn Fn(Option<u32>) -> bool,
    ) -> Option<Vec<(u16, u32)>> {
        let mut dead = HashSet::new();
        let mut path = Vec::new();
        self.search(root, usual, wanted, &mut dead, &mut path)
            .then_some(path)
    }

    fn search(
        &self,
        edge: Edge,
        usual: &dyn Fn(u16) -> u32,
        wanted: &dyn Fn(Option<u32>) -> bool,
        dead: &mut HashSet<Edge>,
        path: &mut Vec<(u16, u32)>,
    ) -> bool {
        let (field, branches) = match self.step(edge) {
            Step::Leaf(leaf) => return wanted(leaf),
            Step::Node(field, branches) => (field, branches),
        };
        if !dead.insert(edge) {
            return false;
        }
        let first = usual(field);
        let cells =
            std::iter::once(first).chain((0..).take(branches.len()).filter(|c| *c != first));
        for cell in cells {
            let Some(next) = branches.get(cell as usize) else {
                continue;
            };
            path.push((field, cell));
            if self.search(*next, usual, wanted, dead, path) {
                return true;
            }
            path.pop();
        }
        false
    }
}

struct Builder<'a, 'r> {
    arena: &'a mut Arena,
    list: &'a Listed<'r>,
    counts: &'a dyn Fn(u16) -> u32,
    memo: HashMap<(u16, Box<[u32]>), Edge>,
    bounds: &'a mut Bounds,
}

impl<'r> Builder<'_, 'r> {
    fn region(&self, at: u32) -> Option<&'r Region> {
        self.list.get(at as usize).map(|(region, _)| *region)
    }

    fn next(&self, at: u32, from: u16) -> Option<(u16, &'r Cells)> {
        self.region(at).and_then(|r| r.next(from))
    }

    /// The graph of those that are left, whose fields before `from` are settled.
    fn edge(&mut self, from: u16, mut left: Vec<u32>) -> Option<Edge> {
        self.spend(left.len() as u64)?;
        let done = left.iter().position(|at| self.next(*at, from).is_none());
        if let Some(done) = done {
            left.truncate(done + 1);
        }
        let Some(first) = left.first() else {
            return Some(Arena::leaf(None));
        };
        if done == Some(0) {
            return Some(Arena::leaf(
                self.list.get(*first as usize).map(|(_, leaf)| *leaf),
            ));
        }
        let field = left
            .iter()
            .filter_map(|at| Some(self.next(*at, from)?.0))
            .min()?;
        let key = (field, left.into_boxed_slice());
        if let Some(known) = self.memo.get(&key) {
            return Some(*known);
        }
        let edge = self.split(field, &key.1)?;
        self.memo.insert(key, edge);
        Some(edge)
    }

    fn split(&mut self, field: u16, left: &[u32]) -> Option<Edge> {
        let count = (self.counts)(field);
        let own = |at: &u32| {
            self.next(*at, field)
                .filter(|(f, _)| *f == field)
                .map(|(_, cells)| cells)
        };
        let classes = Classes::of(count, left.iter().filter_map(own));
        let mut narrow: Vec<Vec<u32>> = vec![Vec::new(); classes.samples.len()];
        let mut wide: Vec<u32> = Vec::new();
        let mut work = u64::from(classes.work);
        for at in left {
            match own(at) {
                Some(cells) if cells.len() * 2 <= count => {
                    work += u64::from(cells.len());
                    for cell in cells.iter() {
                        if let Some(list) = classes
                            .sampled(cell)
                            .and_then(|c| narrow.get_mut(c as usize))
                        {
                            list.push(*at);
                        }
                    }
                }
                _ => wide.push(*at),
            }
        }
        self.spend(work)?;
        let mut by_class = Vec::with_capacity(narrow.len());
        for (narrow, sample) in narrow.into_iter().zip(&classes.samples) {
            self.spend(wide.len() as u64)?;
            let holds = |at: &&u32| {
                self.next(**at, field)
                    .is_none_or(|(f, cells)| f != field || cells.contains(*sample))
            };
            let mut next: Vec<u32> = wide.iter().filter(holds).copied().chain(narrow).collect();
            next.sort_unstable();
            by_class.push(self.edge(field + 1, next)?);
        }
        let branches = classes.of_cell.iter();
        let branches: Vec<Edge> = branches
            .filter_map(|c| by_class.get(*c as usize).copied())
            .collect();
        self.spend(u64::from(count))?;
        let edge = self.arena.node(field, &branches);
        (self.arena.len() <= self.bounds.nodes).then_some(edge)
    }

    fn spend(&mut self, work: u64) -> Option<()> {
        self.bounds.work = self.bounds.work.checked_sub(work)?;
        Some(())
    }
}

/// Cells of a field that some sets tell apart.
struct Classes {
    of_cell: Vec<u32>,
    /// The lowest cell of each class.
    samples: Vec<u32>,
    work: u32,
}

impl Classes {
    fn of<'c>(count: u32, sets: impl Iterator<Item = &'c Cells>) -> Self {
        let mut of_cell = vec![0; count as usize];
        let mut size = vec![count];
        let mut work = count;
        for set in sets {
            // A set and its complement tell the same cells apart.
            let complement;
            let small = if set.len() * 2 > count {
                complement = set.not(count);
                &complement
            } else {
                set
            };
            let mut moved: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
            for cell in small.iter() {
                work = work.saturating_add(1);
                if let Some(class) = of_cell.get(cell as usize) {
                    moved.entry(*class).or_insert((0, 0)).1 += 1;
                }
            }
            for (old, (new, moving)) in &mut moved {
                let whole = size.get(*old as usize) == Some(moving);
                *new = if whole {
                    *old
                } else {
                    u32::try_from(size.len()).unwrap_or(u32::MAX)
                };
                if !whole {
                    if let Some(rest) = size.get_mut(*old as usize) {
                        *rest -= *moving;
                    }
                    size.push(*moving);
                }
            }
            for cell in small.iter() {
                if let Some(class) = of_cell.get_mut(cell as usize)
                    && let Some((new, _)) = moved.get(class)
                {
                    *class = *new;
                }
            }
        }
        let mut samples = vec![u32::MAX; size.len()];
        let mut missing = size.len();
        for (cell, class) in (0..).zip(&of_cell) {
            match samples.get_mut(*class as usize) {
                Some(sample) if *sample == u32::MAX => {
                    *sample = cell;
                    missing -= 1;
                }
                _ if missing == 0 => break,
                _ => {}
            }
        }
        Self {
            of_cell,
            samples,
            work,
        }
    }

    /// The class of which a cell is the sample.
    fn sampled(&self, cell: u32) -> Option<u32> {
        let class = *self.of_cell.get(cell as usize)?;
        (self.samples.get(class as usize) == Some(&cell)).then_some(class)
    }
}
