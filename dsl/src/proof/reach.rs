//! Whether any request gets to a box of an ordered list, and which one does.

use crate::cells::Cells;
use crate::diagram::{Arena, Bounds, Edge};
use crate::region::Region;
use crate::space::Space;
use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};

/// Most that one question may take.
const BOUNDS: Bounds = Bounds {
    nodes: 20_000,
    work: 200_000,
};

/// Steps that one analysis of a policy may take, by the number of its rules; what is not proved by then is not claimed.
pub(super) fn work(rules: usize) -> u64 {
    300_000 + 3_000 * rules as u64
}

/// An ordered list of boxes that can be asked about.
#[derive(Debug)]
pub(crate) struct Order<'a> {
    space: &'a Space,
    list: &'a [(Region, u32)],
    /// Boxes by one field and cell they are held to, the one that fewest others are.
    anchored: HashMap<(u16, u32), Vec<u32>>,
    anchors: BTreeSet<u16>,
    /// The others.
    loose: Vec<u32>,
    work: Cell<u64>,
}

/// What was found out.
#[derive(Debug)]
pub(crate) enum Reach {
    /// No request: these entries of the list take all of them first.
    Dead(Vec<u32>),
    /// Some request, by the cells that matter.
    Alive(Region),
    /// It would have taken too long to tell.
    Unknown,
}

/// What the boxes of a list make of one box, as a diagram. Leaves are indexes into the list.
#[derive(Debug)]
pub(crate) struct Inside {
    pub(crate) arena: Arena,
    pub(crate) root: Edge,
}

impl<'a> Order<'a> {
    /// Gets a list ready to be asked; the number of an entry is what it decides, and is not looked at here.
    pub(crate) fn new(space: &'a Space, list: &'a [(Region, u32)], work: u64) -> Self {
        let mut order = Self {
            space,
            list,
            anchored: HashMap::new(),
            anchors: BTreeSet::new(),
            loose: Vec::new(),
            work: Cell::new(work),
        };
        let ones = |region: &'a Region| {
            region.iter().filter_map(|(field, cells)| match cells {
                Cells::One(cell) => Some((field, *cell)),
                _ => None,
            })
        };
        let mut shared: HashMap<(u16, u32), u32> = HashMap::new();
        for anchor in list.iter().flat_map(|(region, _)| ones(region)) {
            *shared.entry(anchor).or_default() += 1;
        }
        for (at, (region, _)) in (0..).zip(list) {
            // The rarest tells most: of `tag.team is "red" and tag.task is "code"` the team.
            let rarest = ones(region).min_by_key(|anchor| shared.get(anchor).copied());
            match rarest {
                Some(anchor) => {
                    order.anchors.insert(anchor.0);
                    order.anchored.entry(anchor).or_default().push(at);
                }
                None => order.loose.push(at),
            }
        }
        order
    }

    /// Steps that are left.
    pub(crate) fn left(&self) -> u64 {
        self.work.get()
    }

    /// The list.
    pub(crate) fn list(&self) -> &'a [(Region, u32)] {
        self.list
    }

    /// What each entry that reaches into a box still asks there, in order.
    pub(crate) fn inside(&self, outer: &Region) -> Vec<(u32, Region)> {
        let mut near: Vec<u32> = self.loose.clone();
        for field in &self.anchors {
            if let Some(cells) = outer.get(*field).filter(|cells| cells.len() < 64) {
                let held = cells
                    .iter()
                    .filter_map(|cell| self.anchored.get(&(*field, cell)));
                near.extend(held.flatten());
            } else {
                let all = self.anchored.iter().filter(|((f, _), _)| f == field);
                near.extend(all.flat_map(|(_, held)| held));
            }
        }
        near.sort_unstable();
        // Cutting a box down takes about as long as four steps of a diagram.
        self.spend(4 * near.len() as u64);
        let region = |at: u32| self.list.get(at as usize).map(|(region, _)| region);
        near.into_iter()
            .filter_map(|at| Some((at, region(at)?.inside(outer)?)))
            .collect()
    }

    /// The diagram of some entries inside a box; `None` where it would take too long.
    pub(crate) fn diagram(&self, entries: &[(u32, Region)]) -> Option<Inside> {
        let list: Vec<(&Region, u32)> = entries.iter().map(|(at, region)| (region, *at)).collect();
        let mut arena = Arena::default();
        let counts = |field| self.space.count(field);
        let whole = BOUNDS.work.min(self.work.get());
        let mut bounds = Bounds {
            work: whole,
            ..BOUNDS
        };
        let built = arena.build_within(&list, &counts, &mut bounds);
        self.spend(whole - bounds.work);
        built.map(|root| Inside { arena, root })
    }

    /// Whether a request in `target` gets past the entries before `end`.
    pub(crate) fn past(&self, end: u32, target: &Region) -> Reach {
        if self.work.get() == 0 {
            return Reach::Unknown;
        }
        let mut before = self.inside(target);
        before.retain(|(at, _)| *at < end);
        if let Some((whole, _)) = before.iter().find(|(_, region)| region.is_all()) {
            return Reach::Dead(vec![*whole]);
        }
        if before.is_empty() {
            return Reach::Alive(target.clone());
        }
        // Only cells of the box count: what an entry still asks may reach beyond it.
        before.push((end, asked(&before, target)));
        let Some(Inside { arena, root }) = self.diagram(&before) else {
            return Reach::Unknown;
        };
        let usual = |field| self.usual(field, target);
        match arena.path(root, &usual, &|leaf| leaf == Some(end)) {
            Some(path) => Reach::Alive(self.narrowed(target, &path)),
            None => Reach::Dead(arena.leaves(root).into_iter().flatten().collect()),
        }
    }

    /// A box held to one cell of each field of a path.
    pub(crate) fn narrowed(&self, target: &Region, path: &[(u16, u32)]) -> Region {
        path.iter()
            .try_fold(target.clone(), |region, (field, cell)| {
                region.with(*field, &Cells::One(*cell), self.space)
            })
            .unwrap_or_else(|| target.clone())
    }

    /// The cell to try first: the usual one, if the box has it.
    pub(crate) fn usual(&self, field: u16, target: &Region) -> u32 {
        let usual = self.space.field(field).usual();
        match target.get(field) {
            Some(cells) if !cells.contains(usual) => cells.first().unwrap_or(usual),
            _ => usual,
        }
    }

    fn spend(&self, work: u64) {
        self.work.set(self.work.get().saturating_sub(work));
    }
}

/// What a box asks of the fields that some entries ask about, too.
fn asked(entries: &[(u32, Region)], target: &Region) -> Region {
    let mut rest = target.clone();
    for (field, _) in target.iter() {
        if entries
            .iter()
            .all(|(_, region)| region.get(field).is_none())
        {
            rest = rest.without(field);
        }
    }
    rest
}
