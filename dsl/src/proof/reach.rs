//! Whether any request gets to a box of an ordered list, and which one does.

use crate::cells::Cells;
use crate::diagram::{Arena, Bounds, Edge};
use crate::possible::impossible;
use crate::region::Region;
use crate::space::Space;
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};

/// Most that one question may take.
const BOUNDS: Bounds = Bounds {
    nodes: 20_000,
    work: 200_000,
};

/// Stands for entries of no rule: requests that cannot be.
const NEVER: u32 = u32::MAX;

/// Steps that one analysis of a policy may take, by the number of its rules; what is not proved by then is not claimed.
pub(super) fn work(rules: usize) -> u64 {
    300_000 + 3_000 * rules as u64
}

/// An ordered list of boxes that can be asked about.
#[derive(Debug)]
pub(crate) struct Order<'a> {
    space: &'a Space,
    list: &'a [(Region, u32)],
    /// Boxes by one field and cell they are held to.
    anchored: BTreeMap<u16, HashMap<u32, Vec<u32>>>,
    /// The others.
    loose: Vec<u32>,
    /// What no request is in.
    impossible: Vec<Region>,
    work: Cell<u64>,
}

/// What was found out.
#[derive(Debug)]
pub(crate) enum Reach {
    /// No request: these entries of the list take all of them first; none do where there is no such request.
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
            anchored: BTreeMap::new(),
            loose: Vec::new(),
            impossible: impossible(space),
            work: Cell::new(work),
        };
        let ones = |region: &'a Region| {
            region.iter().filter_map(|(field, cells)| match cells {
                Cells::One(cell) => Some((field, *cell)),
                _ => None,
            })
        };
        let mut shared: HashMap<(u16, u32), u32> = HashMap::new();
        let mut held: HashMap<u16, u32> = HashMap::new();
        for (field, cell) in list.iter().flat_map(|(region, _)| ones(region)) {
            *shared.entry((field, cell)).or_default() += 1;
            *held.entry(field).or_default() += 1;
        }
        // A question about a box looks at those anchored to its own cells, and where it is held to none, at all of the
        // field. So of `tag.team is "red" and end_user is "ann"` the team, where most boxes name one, however rare Ann is.
        let elsewhere = |(field, cell): &(u16, u32)| {
            let held = held.get(field).copied().unwrap_or(0);
            held - shared.get(&(*field, *cell)).copied().unwrap_or(0)
        };
        for (at, (region, _)) in (0..).zip(list) {
            let mut best = None;
            for anchor in ones(region) {
                let missed = elsewhere(&anchor);
                if best.is_none_or(|(_, most)| missed > most) {
                    best = Some((anchor, missed));
                }
            }
            match best {
                Some(((field, cell), _)) => {
                    let cells = order.anchored.entry(field).or_default();
                    cells.entry(cell).or_default().push(at);
                }
                None => order.loose.push(at),
            }
        }
        order
    }

    /// The same for any figures that could be given, those that cannot be among them.
    pub(super) fn of_any(self) -> Self {
        Self {
            impossible: Vec::new(),
            ..self
        }
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
        self.before(u32::MAX, outer)
    }

    /// The same of the entries before `end` alone.
    fn before(&self, end: u32, outer: &Region) -> Vec<(u32, Region)> {
        let mut near: Vec<u32> = Vec::new();
        let mut add = |held: &Vec<u32>| near.extend(held.iter().take_while(|at| **at < end));
        add(&self.loose);
        for (field, anchored) in &self.anchored {
            match outer.get(*field).filter(|cells| cells.len() < 64) {
                Some(cells) => cells
                    .iter()
                    .filter_map(|cell| anchored.get(&cell))
                    .for_each(&mut add),
                None => anchored.values().for_each(&mut add),
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
        self.found(end, target, false)
    }

    /// The same where it does not matter which request does: [`Reach::Alive`] may tell of all in `target`.
    pub(crate) fn passes(&self, end: u32, target: &Region) -> Reach {
        self.found(end, target, true)
    }

    fn found(&self, end: u32, target: &Region, any: bool) -> Reach {
        if self.work.get() == 0 {
            return Reach::Unknown;
        }
        let mut before = self.before(end, target);
        if let Some((whole, _)) = before.iter().find(|(_, region)| region.is_all()) {
            return Reach::Dead(vec![*whole]);
        }
        let never = self.never(target, &before);
        if never.iter().any(Region::is_all) {
            return Reach::Dead(Vec::new());
        }
        let beside = || before.is_empty() || any && self.escapes(&before, target);
        if never.is_empty() && beside() {
            return Reach::Alive(target.clone());
        }
        before.splice(0..0, never.into_iter().map(|region| (NEVER, region)));
        // Only cells of the box count: what an entry still asks may reach beyond it.
        before.push((end, asked(&before, target)));
        let Some(Inside { arena, root }) = self.diagram(&before) else {
            return Reach::Unknown;
        };
        let usual = |field| self.usual(field, target);
        if let Some(path) = arena.path(root, &usual, &|leaf| leaf == Some(end)) {
            return Reach::Alive(self.narrowed(target, &path));
        }
        let takers = arena.leaves(root).into_iter().flatten();
        Reach::Dead(takers.filter(|taker| *taker != NEVER).collect())
    }

    /// What no request of a box is in, as far as it is asked about by the box or by these entries.
    fn never(&self, target: &Region, entries: &[(u32, Region)]) -> Vec<Region> {
        let asked = |field: u16| {
            let mut entries = entries.iter().map(|(_, region)| region);
            target.get(field).is_some() || entries.any(|region| region.get(field).is_some())
        };
        let near = self.impossible.iter();
        let near = near.filter(|region| region.iter().all(|(field, _)| asked(field)));
        near.filter_map(|region| region.inside(target)).collect()
    }

    /// Whether each entry asks about some field for less than the box leaves, even together with the others that ask
    /// about it: then one request is beside them all.
    fn escapes(&self, entries: &[(u32, Region)], target: &Region) -> bool {
        let mut asked: BTreeMap<u16, Cells> = BTreeMap::new();
        for (field, cells) in entries.iter().flat_map(|(_, region)| region.iter()) {
            let all = asked.entry(field).or_insert(Cells::NONE);
            *all = all.or(cells);
        }
        asked.retain(|field, cells| match target.get(*field) {
            Some(own) => !cells.covers(own),
            None => !cells.is_all(self.space.count(*field)),
        });
        let beside = |region: &Region| region.iter().any(|(field, _)| asked.contains_key(&field));
        entries.iter().all(|(_, region)| beside(region))
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
