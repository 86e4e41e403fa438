//! Whether what can reach a plan can be served by it: capabilities, and prompts as long as the policy itself tells apart.

use super::passing::may_pass;
use super::reach::{Order, Reach, work};
use super::worlds::{Reached, reached};
use crate::cells::Cells;
use crate::clause::{Clause, Then};
use crate::condition::Cond;
use crate::fact::Fact;
use crate::image::{Features, Fleet, Plan, Route, Target, TargetId, Verdict};
use crate::program::Laid;
use crate::region::{Region, Terms};

/// What requests are checked to be served with; audio only where a rule asks for it.
const CHECKED: [Features; 3] = [Features::TOOLS, Features::IMAGES, Features::JSON_SCHEMA];

/// Most regions that are followed where every able target is only there for some requests.
const LEFT: usize = 256;

/// A rule that takes requests nothing it leads to can serve.
#[derive(Debug)]
pub(crate) struct Unserved {
    pub(crate) rule: usize,
    /// What such a request needs.
    pub(crate) needs: Features,
    /// Who could be asked, none of whom can.
    pub(crate) targets: Vec<TargetId>,
    /// Such a request.
    pub(crate) witness: Region,
}

/// A rule that takes prompts longer than any window it leads to.
#[derive(Debug)]
pub(crate) struct Overrun {
    pub(crate) rule: usize,
    /// Tokens of the shortest such prompt that the policy tells apart.
    pub(crate) tokens: u64,
    /// The widest window.
    pub(crate) window: u32,
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
            let left = if serves(route, needs, plans, terms.fleet) {
                let able = |of: &Target| of.can.contains(needs);
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
                found.push(Unserved {
                    rule,
                    needs,
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

/// Every rule that takes prompts longer than all windows it leads to, by the lengths the policy tells apart.
pub(crate) fn windows(
    clauses: &[Option<Clause>],
    laid: &Laid,
    (plans, guards): (&[Plan], &[Cond]),
    terms: &Terms<'_>,
) -> Vec<Overrun> {
    let Some(field) = terms
        .space
        .fields()
        .iter()
        .position(|f| f.fact == Fact::Tokens)
        .and_then(|f| u16::try_from(f).ok())
    else {
        return Vec::new();
    };
    let list = &laid.list;
    let told: Vec<u64> = list
        .iter()
        .filter_map(|(region, _)| region.get(field))
        .flat_map(|cells| {
            let end = cells
                .iter()
                .last()
                .and_then(|c| terms.space.field(field).end(c));
            cells
                .first()
                .and_then(|c| terms.space.field(field).lowest(c))
                .into_iter()
                .chain(end)
        })
        .collect();
    let order = Order::new(terms.space, list, work(clauses.len()));
    let mut found: Vec<Overrun> = Vec::new();
    for (at, (region, rule)) in (0..).zip(list) {
        let rule = *rule as usize;
        let Some(route) = clauses.get(rule).and_then(|c| route(c.as_ref()?, plans)) else {
            continue;
        };
        let mut targets = Vec::new();
        route.reach(plans, &mut targets);
        let windows = targets
            .iter()
            .map(|t| terms.fleet.targets.get(t.index())?.context);
        let Some(windows) = windows.collect::<Option<Vec<u32>>>() else {
            continue;
        };
        if found.iter().any(|f| f.rule == rule) {
            continue;
        }
        let widest = windows.iter().copied().max().unwrap_or(0);
        let guarded = reached(route, plans, terms.fleet)
            .iter()
            .any(|r| !r.guards.is_empty());
        let cells = region
            .get(field)
            .cloned()
            .unwrap_or_else(|| Cells::all(terms.space.count(field)));
        for cell in cells.iter() {
            let tokens = terms.space.field(field).lowest(cell).unwrap_or(0);
            let beyond = tokens > u64::from(widest);
            if !(beyond || guarded) || !told.contains(&tokens) {
                continue;
            }
            let Some(target) = region.clone().with(field, &Cells::One(cell), terms.space) else {
                continue;
            };
            let able = |of: &Target| of.context.is_none_or(|c| u64::from(c) >= tokens);
            let left = if beyond {
                vec![target]
            } else {
                unguarded(route, &able, (plans, guards), target, terms)
            };
            if left
                .iter()
                .any(|target| matches!(order.past(at, target), Reach::Alive(_)))
            {
                let narrow = windows.iter().filter(|w| u64::from(**w) < tokens).max();
                found.push(Overrun {
                    rule,
                    tokens,
                    window: narrow.copied().unwrap_or(0),
                });
                break;
            }
        }
    }
    found
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
    terms
        .space
        .fields()
        .iter()
        .enumerate()
        .try_fold(region.clone(), |region, (at, field)| match field.fact {
            Fact::Need(bit) if needs.contains(Features(bit)) => {
                region.with(u16::try_from(at).ok()?, &Cells::One(1), terms.space)
            }
            _ => Some(region),
        })
}

/// Whether a route can serve a request that needs all of these. Lists leave out who cannot; of a split every arm must be
/// able, of an ensemble as many as must answer. Plans must be free of loops.
fn serves(route: &Route, needs: Features, plans: &[Plan], fleet: &Fleet) -> bool {
    let inner = |r: &Route| serves(r, needs, plans, fleet);
    match route {
        Route::Attempt(attempt) => fleet
            .targets
            .get(attempt.target.index())
            .is_none_or(|t| t.can.contains(needs)),
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
        Route::Split(split) => split.arms.iter().all(|(_, arm)| inner(&arm.route)),
        Route::Canary(canary) => inner(&canary.base) && inner(&canary.trial.route),
        Route::Cascade(cascade) => cascade.steps.iter().any(|(arm, _)| inner(&arm.route)),
        Route::Ensemble(ensemble) => {
            let able = ensemble.asks.iter().filter(|arm| inner(&arm.route)).count();
            able >= ensemble.quorum.max(1) as usize
        }
        Route::Hedge(hedge) => hedge.arms.iter().any(|arm| inner(&arm.route)),
    }
}
