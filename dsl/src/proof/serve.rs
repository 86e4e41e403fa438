//! Whether what can reach a plan can be served by it: capabilities, and prompts as long as the policy itself tells apart.

use super::reach::{Order, Reach, work};
use super::worlds::{Reached, reached};
use crate::cells::Cells;
use crate::clause::{Clause, Then};
use crate::condition::Cond;
use crate::fact::Fact;
use crate::image::{Features, Fleet, Plan, Route, Target, TargetId, Verdict};
use crate::passing::may_pass;
use crate::program::Laid;
use crate::region::{Region, Terms};

/// What requests are checked to be served with; audio only where a rule asks for it.
const CHECKED: [Features; 3] = [Features::TOOLS, Features::IMAGES, Features::JSON_SCHEMA];

/// Most regions that are followed where every able target is only there for some requests.
const LEFT: usize = 256;

/// A rule that takes requests which it cannot serve, or not all of.
#[derive(Debug)]
pub(crate) struct Unserved {
    pub(crate) rule: usize,
    /// What such a request needs; nothing where it is not for want of an ability.
    pub(crate) needs: Features,
    pub(crate) why: Why,
    /// Who could be asked.
    pub(crate) targets: Vec<TargetId>,
    /// Such a request.
    pub(crate) witness: Region,
}

/// Why a request is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// Nothing can.
    Nobody,
    /// Not everybody who must be able is: an arm that a share goes to, or too few of those that are asked together.
    NotAll,
    /// Whoever can is only there for other requests.
    Others,
}

/// A rule that takes prompts longer than a window they can be led to.
#[derive(Debug)]
pub(crate) struct Overrun {
    pub(crate) rule: usize,
    /// Tokens of the shortest such prompt.
    pub(crate) tokens: u64,
    /// The widest window that is too small.
    pub(crate) window: u32,
    /// Whose it is, where others that the rule leads to have a wider one.
    pub(crate) target: Option<TargetId>,
}

/// Every rule that can be reached by a request it cannot serve.
pub(crate) fn needs(
    clauses: &[Option<Clause>],
    laid: &Laid,
    (plans, guards): (&[Plan], &[Cond]),
    terms: &Terms<'_>,
) -> Vec<Unserved> {
    let list = &laid.list;
    let order = Order::new(terms.space, list, work(clauses.len()));
    let mut found: Vec<Unserved> = Vec::new();
    for (at, (region, rule)) in (0..).zip(list) {
        let rule = *rule as usize;
        let Some(route) = clauses.get(rule).and_then(|c| route(c.as_ref()?, plans)) else {
            continue;
        };
        if found.iter().any(|f| f.rule == rule) {
            continue;
        }
        let first = laid.own.get(rule).map_or(at, |own| own.start);
        for needs in sets(region, terms) {
            let Some(target) = needing(region, needs, terms) else {
                continue;
            };
            let able = |of: &Target| of.can.contains(needs);
            let all = serves(route, &able, plans, terms.fleet);
            let left = if all {
                unguarded(route, &able, (plans, guards), target, terms)
            } else {
                vec![target]
            };
            let alive = left
                .iter()
                .find_map(|target| match order.past(first, target) {
                    Reach::Alive(witness) => Some(witness),
                    Reach::Dead(_) | Reach::Unknown => None,
                });
            if let Some(witness) = alive {
                let mut targets = Vec::new();
                route.reach(plans, &mut targets);
                let any = reached(route, plans, terms.fleet).iter().any(|r| {
                    let of = terms.fleet.targets.get(r.target.index());
                    r.itself() && of.is_some_and(able)
                });
                found.push(Unserved {
                    rule,
                    needs,
                    why: match (all, any) {
                        (true, _) => Why::Others,
                        (false, true) => Why::NotAll,
                        (false, false) => Why::Nobody,
                    },
                    targets,
                    witness,
                });
                break;
            }
        }
    }
    found
}

/// The requests of a region that no target can serve because each that is able is only there for others: its arm says
/// `when`, and they do not meet it.
fn unguarded(
    route: &Route,
    able: &dyn Fn(&Target) -> bool,
    (plans, guards): (&[Plan], &[Cond]),
    target: Region,
    terms: &Terms<'_>,
) -> Vec<Region> {
    let able = |r: &Reached| {
        let of = terms.fleet.targets.get(r.target.index());
        r.itself() && of.is_none_or(able)
    };
    let mut left = vec![target];
    for reached in reached(route, plans, terms.fleet)
        .iter()
        .filter(|r| able(r))
    {
        let mut outside: Vec<Region> = Vec::new();
        for guard in &reached.guards {
            match guards.get(guard.index()).and_then(|g| terms.outside(g)) {
                Some(regions) => outside.extend(regions),
                // Too large to be laid out: nothing is claimed because of it.
                None => return Vec::new(),
            }
        }
        let both = |r: &Region| {
            outside
                .iter()
                .filter_map(|o| r.and(o, terms.space))
                .collect::<Vec<_>>()
        };
        left = left.iter().flat_map(both).collect();
        if left.len() > LEFT {
            return Vec::new();
        }
    }
    left
}

/// Every rule that takes prompts longer than a window it leads to, where they get there: by the lengths that the policy tells
/// apart, and by those that fit into another window of the rule.
pub(crate) fn windows(
    clauses: &[Option<Clause>],
    laid: &Laid,
    (plans, guards): (&[Plan], &[Cond]),
    terms: &Terms<'_>,
) -> Vec<Overrun> {
    let space = terms.space;
    let fields = space.fields().iter().zip(0_u16..);
    let field = fields
        .filter(|(f, _)| f.fact == Fact::Tokens)
        .map(|(_, at)| at)
        .next();
    let list = &laid.list;
    let told = told(list, field, terms);
    let order = Order::new(space, list, work(clauses.len()));
    let mut found: Vec<Overrun> = Vec::new();
    for (at, (region, rule)) in (0..).zip(list) {
        let rule = *rule as usize;
        let Some(route) = clauses.get(rule).and_then(|c| route(c.as_ref()?, plans)) else {
            continue;
        };
        if found.iter().any(|f| f.rule == rule) {
            continue;
        }
        let windows = Windows::of(route, plans, terms.fleet);
        for (cell, from, end) in lengths(region, field, terms) {
            // The first length of the cell that is led to too small a window, though a wider one is there.
            let between = windows.between.map(|least| least.max(from));
            let between = between.filter(|t| windows.fits(*t) && end.is_none_or(|end| *t < end));
            let beyond = !windows.fits(from);
            let tokens = match between {
                Some(tokens) => tokens,
                None if (beyond || windows.guarded) && told.contains(&from) => from,
                None => continue,
            };
            let held = match (field, cell) {
                (Some(field), Some(cell)) => region.clone().with(field, &Cells::One(cell), space),
                _ => Some(region.clone()),
            };
            let Some(target) = held else { continue };
            let able = |of: &Target| of.context.is_none_or(|c| u64::from(c) >= tokens);
            let small = windows.all.iter().filter(|(_, w)| u64::from(*w) < tokens);
            let Some((narrow, window)) = small.max_by_key(|(_, window)| *window) else {
                continue;
            };
            let left = if beyond || between.is_some() {
                vec![target]
            } else {
                unguarded(route, &able, (plans, guards), target, terms)
            };
            if left
                .iter()
                .any(|target| matches!(order.past(at, target), Reach::Alive(_)))
            {
                found.push(Overrun {
                    rule,
                    tokens,
                    window: *window,
                    target: Some(*narrow).filter(|_| !beyond),
                });
                break;
            }
        }
    }
    found
}

/// The lengths of prompts at which a list of boxes begins or ends to treat them otherwise.
fn told(list: &[(Region, u32)], field: Option<u16>, terms: &Terms<'_>) -> Vec<u64> {
    let Some(at) = field else { return Vec::new() };
    let field = terms.space.field(at);
    let ends = |cells: &Cells| {
        let end = cells.iter().last().and_then(|cell| field.end(cell));
        let first = cells.first().and_then(|cell| field.lowest(cell));
        first.into_iter().chain(end)
    };
    let cells = list.iter().filter_map(|(region, _)| region.get(at));
    cells.flat_map(ends).collect()
}

/// The cells of a box by the lengths of prompts in them: from, and up to but not including; one for all where no test asks
/// for the length.
fn lengths(
    region: &Region,
    field: Option<u16>,
    terms: &Terms<'_>,
) -> Vec<(Option<u32>, u64, Option<u64>)> {
    let Some(at) = field else {
        return vec![(None, 0, None)];
    };
    let field = terms.space.field(at);
    let all = || Cells::all(field.count());
    let cells = region.get(at).cloned().unwrap_or_else(all);
    let length = |cell| (Some(cell), field.lowest(cell).unwrap_or(0), field.end(cell));
    cells.iter().map(length).collect()
}

/// The context windows of a route.
struct Windows {
    /// By target; one without a window takes prompts of any length.
    all: Vec<(TargetId, u32)>,
    /// The widest; absent where some target has none.
    widest: Option<u64>,
    /// The first length that some requests are not served with, though a target takes it.
    between: Option<u64>,
    /// Whether some arm is only there for some requests.
    guarded: bool,
}

impl Windows {
    fn of(route: &Route, plans: &[Plan], fleet: &Fleet) -> Self {
        let mut reached = reached(route, plans, fleet);
        reached.retain(Reached::itself);
        let window = |r: &Reached| Some((r.target, fleet.targets.get(r.target.index())?.context?));
        let all: Vec<(TargetId, u32)> = reached.iter().filter_map(window).collect();
        let widest = all.iter().map(|(_, window)| u64::from(*window)).max();
        let mut windows = Self {
            widest: widest.filter(|_| all.len() == reached.len()),
            between: None,
            guarded: reached.iter().any(|r| !r.guards.is_empty()),
            all,
        };
        let unserved = |tokens: &u64| {
            let able = |of: &Target| of.context.is_none_or(|c| u64::from(c) >= *tokens);
            windows.fits(*tokens) && !serves(route, &able, plans, fleet)
        };
        let lengths = windows.all.iter().map(|(_, w)| u64::from(*w) + 1);
        windows.between = lengths.filter(unserved).min();
        windows
    }

    /// Whether some target takes prompts of this length.
    fn fits(&self, tokens: u64) -> bool {
        self.widest.is_none_or(|widest| tokens <= widest)
    }
}

fn route<'p>(clause: &Clause, plans: &'p [Plan]) -> Option<&'p Route> {
    match &clause.then {
        Then::Decide(Verdict::Use(plan)) => plans.get(plan.index()).map(|p| &p.route),
        _ => None,
    }
}

/// Sets of needs, smaller ones first, and always with what every request of the region needs.
fn sets(region: &Region, terms: &Terms<'_>) -> Vec<Features> {
    let mut sets = Vec::new();
    let asked = asked(region, terms);
    for bits in 0..1_u16 << CHECKED.len() {
        let chosen = (0..).zip(CHECKED).filter(|(at, _)| bits >> at & 1 == 1);
        let set = chosen.fold(asked, |all, (_, feature)| all.with(feature));
        if !sets.contains(&set) {
            sets.push(set);
        }
    }
    sets.sort_by_key(|s| s.0.count_ones());
    sets
}

/// What every request of a region needs.
fn asked(region: &Region, terms: &Terms<'_>) -> Features {
    let needed = region.iter().filter(|(_, cells)| **cells == Cells::One(1));
    needed
        .filter_map(|(field, _)| match terms.space.field(field).fact {
            Fact::Need(bit) => Some(Features(bit)),
            _ => None,
        })
        .fold(Features::default(), Features::with)
}

/// The requests of a region that need all of these; `None` where there are none.
fn needing(region: &Region, needs: Features, terms: &Terms<'_>) -> Option<Region> {
    // The fields of one kind of fact stand together.
    let fields = terms.space.fields();
    let first = fields.partition_point(|f| f.fact < Fact::Need(0));
    let known = fields.iter().enumerate().skip(first);
    known
        .take_while(|(_, field)| matches!(field.fact, Fact::Need(_)))
        .try_fold(region.clone(), |region, (at, field)| match field.fact {
            Fact::Need(bit) if needs.contains(Features(bit)) => {
                region.with(u16::try_from(at).ok()?, &Cells::One(1), terms.space)
            }
            _ => Some(region),
        })
}

/// Whether a route can serve a request that these targets are able to serve. Lists leave out who cannot; of a split every
/// arm must be able, of an ensemble as many as must answer. Plans must be free of loops.
fn serves(route: &Route, able: &dyn Fn(&Target) -> bool, plans: &[Plan], fleet: &Fleet) -> bool {
    let inner = |r: &Route| serves(r, able, plans, fleet);
    match route {
        Route::Attempt(attempt) => fleet.targets.get(attempt.target.index()).is_none_or(able),
        Route::Plan(plan) => plans.get(plan.index()).is_none_or(|p| inner(&p.route)),
        Route::Fallback(fallback) => fallback.tries.iter().any(|arm| inner(&arm.route)),
        Route::Listed(list) => {
            let passes = |r: &Route| match (r, &list.filter) {
                (Route::Attempt(a), Some(filter)) => may_pass(filter, a.target, fleet),
                _ => true,
            };
            list.arms
                .iter()
                .any(|arm| passes(&arm.route) && inner(&arm.route))
                || list.otherwise.as_deref().is_some_and(inner)
        }
        Route::Split(split) => {
            let mut arms = split.arms.iter().filter(|(share, _)| *share > 0);
            arms.all(|(_, arm)| inner(&arm.route))
        }
        Route::Canary(canary) => inner(&canary.base) && inner(&canary.trial.route),
        Route::Cascade(cascade) => cascade.steps.iter().any(|(arm, _)| inner(&arm.route)),
        Route::Ensemble(ensemble) => {
            let asked = ensemble.asks.iter().filter(|arm| inner(&arm.route));
            asked.count() >= ensemble.quorum.max(1) as usize
        }
        Route::Hedge(hedge) => hedge.arms.iter().any(|arm| inner(&arm.route)),
    }
}
