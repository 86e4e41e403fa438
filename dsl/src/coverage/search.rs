//! Finds requests that cover what is missing, or that there are none.

use super::counted::{Coverage, Goal, Want};
use super::question::Tree;
use crate::cells::Cells;
use crate::clause::{Clause, Then};
use crate::condition::Cond;
use crate::decide::Image;
use crate::diagram::{Edge, Step};
use crate::fact::Fact;
use crate::image::PolicyId;
use crate::program::{Program, listed};
use crate::proof::{Order, Reach};
use crate::region::{Region, Terms};
use crate::witness::Witness;
use std::cell::{Cell, OnceCell};
use std::collections::{HashMap, VecDeque};

/// Steps that all searches together may take, about a second; what is not found by then counts as missing.
const WORK: u64 = 100_000_000;

/// A request that covers something, ready to become a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// The policy it enters, without its `@`.
    pub policy: String,
    /// What it is for.
    pub title: String,
    /// What must be given, without the word `given`.
    pub givens: Vec<String>,
    /// What targets do, without the word `upstream`.
    pub upstreams: Vec<String>,
}

/// What a search came to.
enum Found {
    Request(PolicyId, Region),
    Nothing,
    Unknown,
}

/// The rules of a policy as an ordered list of boxes.
type Boxes = Vec<(Region, u32)>;

/// Searches in the policies of one bundle.
pub(super) struct Search<'i> {
    image: &'i Image,
    /// By policy, once they are asked: its rules as a list of boxes.
    lists: Vec<OnceCell<Option<Boxes>>>,
    work: Cell<u64>,
}

impl<'i> Search<'i> {
    pub(super) fn new(image: &'i Image) -> Self {
        let lists = image.policies.iter().map(|_| OnceCell::new());
        Self {
            image,
            lists: lists.collect(),
            work: Cell::new(WORK),
        }
    }

    fn terms(&self) -> Terms<'i> {
        Terms {
            space: &self.image.code.space,
            fleet: &self.image.fleet,
            tables: &self.image.code.tables,
        }
    }

    /// Whether it is certain that no request covers it.
    pub(super) fn impossible(&self, coverage: &Coverage<'_>, goal: Goal) -> bool {
        matches!(self.look(coverage, goal), Found::Nothing)
    }

    /// A request that covers it, by the policy it enters and the cells that matter.
    pub(super) fn find(&self, coverage: &Coverage<'_>, goal: Goal) -> Option<(PolicyId, Region)> {
        match self.look(coverage, goal) {
            Found::Request(policy, region) => Some((policy, region)),
            Found::Nothing | Found::Unknown => None,
        }
    }

    fn look(&self, coverage: &Coverage<'_>, goal: Goal) -> Found {
        match goal {
            Goal::Rule(policy, rule) => {
                let Some(list) = self.list(policy) else {
                    return Found::Unknown;
                };
                let own = (0..).zip(list).filter(|(_, (_, r))| *r as usize == rule);
                let own = own.map(|(at, (region, _))| (at, region.clone()));
                self.past(policy, own.collect())
            }
            Goal::Condition(id, want) => self.condition(coverage, id, want),
            Goal::Edge(policy, edge, next) => self.edge(policy, edge, next),
        }
    }

    /// A request that a rule takes and of which a condition holds, or does not.
    pub(super) fn taking(
        &self,
        policy: usize,
        rule: usize,
        also: Option<(&Cond, bool)>,
    ) -> Option<Region> {
        let (list, terms) = (self.list(policy)?, self.terms());
        let also = match also {
            None => vec![Region::all()],
            Some((cond, true)) => terms.regions(cond)?,
            Some((cond, false)) => terms.outside(cond)?,
        };
        let own = (0..).zip(list).filter(|(_, (_, r))| *r as usize == rule);
        let both = own.flat_map(|(at, (region, _))| {
            let both = also.iter().filter_map(|a| a.and(region, terms.space));
            both.map(|both| (at, both)).collect::<Vec<_>>()
        });
        match self.past(policy, both.collect()) {
            Found::Request(_, region) => Some(region),
            Found::Nothing | Found::Unknown => None,
        }
    }

    fn list(&self, policy: usize) -> Option<&Boxes> {
        let clauses = self.image.code.clauses.get(policy)?;
        let terms = self.terms();
        self.lists
            .get(policy)?
            .get_or_init(|| listed(clauses, &terms))
            .as_ref()
    }

    /// A request in one of these boxes that no earlier entry of the list takes.
    fn past(&self, policy: usize, targets: Vec<(u32, Region)>) -> Found {
        let Some(list) = self.list(policy) else {
            return Found::Unknown;
        };
        let space = &self.image.code.space;
        let order = Order::new(space, list, self.work.get());
        let id = PolicyId(u32::try_from(policy).unwrap_or(u32::MAX));
        let mut found = Found::Nothing;
        for (end, target) in targets {
            let Some(target) = self.entered(policy, target) else {
                continue;
            };
            match order.past(end, &target) {
                Reach::Alive(region) => {
                    found = Found::Request(id, region);
                    break;
                }
                Reach::Dead(_) => {}
                Reach::Unknown => found = Found::Unknown,
            }
        }
        self.work.set(order.left());
        found
    }

    /// The field of the model and the cell that every request of a policy is in, unless another policy hands requests on.
    fn model(&self, policy: usize) -> Option<(u16, u32)> {
        let own = self.image.policies.get(policy)?;
        let code = &self.image.code;
        let goes = |clause: &Clause| matches!(clause.then, Then::Go(to) if to.index() == policy);
        if code.clauses.iter().flatten().any(goes) {
            return None;
        }
        let mut fields = (0..).zip(code.space.fields());
        let (at, field) = fields.find(|(_, field)| field.fact == Fact::Model)?;
        Some((at, field.cell_of(&own.name)))
    }

    /// What of a box can enter a policy.
    fn entered(&self, policy: usize, region: Region) -> Option<Region> {
        match self.model(policy) {
            Some((at, cell)) => region.with(at, &Cells::One(cell), &self.image.code.space),
            None => Some(region),
        }
    }

    fn condition(&self, coverage: &Coverage<'_>, id: usize, want: Want) -> Found {
        let Some(condition) = coverage.conditions.get(id) else {
            return Found::Unknown;
        };
        let mut sure = true;
        for (policy, rule, leaf) in &condition.uses {
            let regions = self.wanted(coverage, *policy, *rule, *leaf, want);
            let (Some(regions), Some(list)) = (regions, self.list(*policy)) else {
                sure = false;
                continue;
            };
            let end = list.partition_point(|(_, r)| (*r as usize) < *rule);
            let end = u32::try_from(end).unwrap_or(u32::MAX);
            let targets = regions.into_iter().map(|region| (end, region));
            match self.past(*policy, targets.collect()) {
                Found::Nothing => {}
                Found::Unknown => sure = false,
                found @ Found::Request(..) => return found,
            }
        }
        if sure { Found::Nothing } else { Found::Unknown }
    }

    /// Where a question of a rule has the answer that is wanted.
    fn wanted(
        &self,
        coverage: &Coverage<'_>,
        policy: usize,
        rule: usize,
        leaf: usize,
        want: Want,
    ) -> Option<Vec<Region>> {
        let rule = coverage.policies.get(policy)?.rules.get(rule)?;
        let asked = &rule.leaves.get(leaf)?.cond;
        let terms = self.terms();
        match want {
            Want::True => terms.regions(asked),
            Want::False => terms.outside(asked),
            Want::Deciding => {
                let tree: &Tree = rule.tree.as_ref()?;
                let with = |answer| tree.with(&rule.leaves, leaf, answer);
                let differ =
                    |yes: bool| Cond::All(vec![with(yes), Cond::Not(Box::new(with(!yes)))]);
                terms.regions(&Cond::Any(vec![differ(true), differ(false)]))
            }
        }
    }

    /// The first way from the root to an edge, by usual cells where there is a choice.
    fn edge(&self, policy: usize, edge: Edge, next: Edge) -> Found {
        let image = self.image;
        let Some(Program::Graph { arena, root }) = image.code.programs.get(policy) else {
            return Found::Unknown;
        };
        let id = PolicyId(u32::try_from(policy).unwrap_or(u32::MAX));
        let usual = |field: u16| own(image, id, field);
        let model = self.model(policy);
        let mut before: HashMap<Edge, (Edge, u16, u32)> = HashMap::new();
        let mut open = VecDeque::from([*root]);
        while let Some(at) = open.pop_front().filter(|at| *at != edge) {
            let Step::Node(field, branches) = arena.step(at) else {
                continue;
            };
            for (cell, to) in first(usual(field), branches) {
                let enters = model.is_none_or(|(own, only)| own != field || only == cell);
                if enters && to != *root && !before.contains_key(&to) {
                    before.insert(to, (at, field, cell));
                    open.push_back(to);
                }
            }
        }
        let Step::Node(field, branches) = arena.step(edge) else {
            return Found::Unknown;
        };
        if edge != *root && !before.contains_key(&edge) {
            return Found::Nothing;
        }
        let last = first(usual(field), branches).find(|(_, to)| *to == next);
        let mut way: Vec<(u16, u32)> = last.map(|(cell, _)| (field, cell)).into_iter().collect();
        let mut at = edge;
        while let Some((up, field, cell)) = before.get(&at) {
            way.push((*field, *cell));
            at = *up;
        }
        let region = way
            .into_iter()
            .try_fold(Region::all(), |region, (field, cell)| {
                region.with(field, &Cells::One(cell), &image.code.space)
            });
        match region.and_then(|region| self.entered(policy, region)) {
            Some(region) => Found::Request(id, region),
            None => Found::Nothing,
        }
    }
}

/// Branches with their cells, the usual one first.
fn first(usual: u32, branches: &[Edge]) -> impl Iterator<Item = (u32, Edge)> {
    let all = || (0..).zip(branches.iter().copied());
    let one = all().filter(move |(cell, _)| *cell == usual);
    one.chain(all().filter(move |(cell, _)| *cell != usual))
}

/// The cell of a field where a test says nothing.
fn own(image: &Image, policy: PolicyId, at: u16) -> u32 {
    let field = image.code.space.field(at);
    match (&field.fact, image.policies.get(policy.index())) {
        (Fact::Model, Some(policy)) => field.cell_of(&policy.name),
        _ => field.usual(),
    }
}

/// The class of a test that gives what matters of a region and nothing else.
pub(super) fn class(image: &Image, policy: PolicyId, region: &Region) -> Vec<u32> {
    let count = u16::try_from(image.code.space.len()).unwrap_or(u16::MAX);
    let cell = |at: u16| {
        let usual = own(image, policy, at);
        match region.get(at) {
            Some(cells) if !cells.contains(usual) => cells.first().unwrap_or(usual),
            _ => usual,
        }
    };
    (0..count).map(cell).collect()
}

/// What is suggested for a goal.
pub(super) fn suggestion(
    coverage: &Coverage<'_>,
    policy: PolicyId,
    region: &Region,
    goal: Goal,
) -> Suggestion {
    let image = coverage.image;
    let witness = Witness::of(region, &image.code.space);
    let name = image.policies.get(policy.index()).map_or("", |p| &p.name);
    let title = match goal {
        Goal::Rule(policy, rule) => coverage.rule(policy, rule),
        Goal::Condition(id, want) => {
            let text = coverage.conditions.get(id).map_or("", |c| &c.text);
            match want {
                Want::True => format!("{text} is true"),
                Want::False => format!("{text} is false"),
                Want::Deciding => format!("{text} decides"),
            }
        }
        Goal::Edge(..) if witness.givens.is_empty() => "a plain request".to_owned(),
        Goal::Edge(..) => witness.givens.join(", "),
    };
    let title = format!("@{name}: {title}")
        .replace('"', "'")
        .replace('\\', "/");
    Suggestion {
        policy: name.to_owned(),
        title,
        givens: witness.givens,
        upstreams: Vec::new(),
    }
}
