//! Rules that can never run, parts of rules that never decide, rules that change nothing, and tests that are always true
//! or always false where they stand.

use super::WORK;
use super::reach::{Inside, Order, Reach};
use crate::cells::Cells;
use crate::clause::{Clause, Then};
use crate::condition::{Cond, Test};
use crate::fact::senses;
use crate::image::{Plan, Verdict};
use crate::region::{Region, Terms};
use std::collections::HashMap;
use std::sync::Arc;

/// What is to be said about one rule.
#[derive(Debug)]
pub(crate) enum Judged {
    /// No request reaches it: these rules take all of them.
    Dead(Vec<usize>),
    /// No request can meet its condition.
    Impossible,
    /// Some of the requests it asks for are all taken by these rules.
    Shadowed(Vec<Region>, Vec<usize>),
    /// Without it everything would be decided as it is.
    Redundant,
    /// A test that is always so where it stands.
    Constant(Arc<Test>, bool),
}

/// Everything that is to be said about the rules of one policy, by rule. A rule that was wrong is `None` and is passed over.
pub(crate) fn rules(
    clauses: &[Option<Clause>],
    plans: &[Plan],
    terms: &Terms<'_>,
) -> Vec<(usize, Judged)> {
    let mut list: Vec<(Region, u32)> = Vec::new();
    let mut own: Vec<Vec<u32>> = Vec::new();
    for (rule, clause) in (0..).zip(clauses) {
        let regions = match clause {
            None => Some(Vec::new()),
            Some(Clause { cond: None, .. }) => Some(vec![Region::all()]),
            Some(Clause {
                cond: Some(cond), ..
            }) => terms.regions(cond),
        };
        // A condition too large to be laid out is taken to hold nowhere, so that nothing is said because of it.
        let regions = regions.unwrap_or_default();
        let first = u32::try_from(list.len()).unwrap_or(u32::MAX);
        list.extend(regions.into_iter().map(|region| (region, rule)));
        own.push((first..u32::try_from(list.len()).unwrap_or(u32::MAX)).collect());
    }
    let judge = Judge {
        order: Order::new(terms.space, &list, WORK),
        outcomes: outcomes(clauses, plans),
        own,
    };
    let mut found = Vec::new();
    let mut taken = Taken::default();
    for (rule, clause) in clauses.iter().enumerate() {
        let Some(Clause {
            cond: Some(cond), ..
        }) = clause
        else {
            continue;
        };
        let judged = judge.rule(rule, cond, terms);
        let said = judged.is_some();
        found.extend(judged.map(|j| (rule, j)));
        if !said {
            found.extend(taken.constants(cond, terms).into_iter().map(|j| (rule, j)));
        }
        taken.add(cond, terms);
    }
    found
}

/// Whether every request meets some rule. `false` may mean that it would take too long to tell.
pub(crate) fn exhaustive(clauses: &[Option<Clause>], terms: &Terms<'_>) -> bool {
    let mut list = Vec::new();
    for clause in clauses.iter().flatten() {
        match &clause.cond {
            None => return true,
            Some(cond) => match terms.regions(cond) {
                Some(regions) => list.extend(regions.into_iter().map(|r| (r, 0))),
                None => return false,
            },
        }
    }
    let end = u32::try_from(list.len()).unwrap_or(u32::MAX);
    matches!(
        Order::new(terms.space, &list, WORK).past(end, &Region::all()),
        Reach::Dead(_)
    )
}

struct Judge<'a> {
    order: Order<'a>,
    /// By rule: equal where the same becomes of a request.
    outcomes: Vec<usize>,
    /// By rule: its entries in the list.
    own: Vec<Vec<u32>>,
}

impl Judge<'_> {
    fn rule(&self, rule: usize, cond: &Cond, terms: &Terms<'_>) -> Option<Judged> {
        let own = self.own.get(rule)?;
        if own.is_empty() {
            return terms
                .regions(cond)
                .filter(Vec::is_empty)
                .map(|_| Judged::Impossible);
        }
        let (mut alive, mut dead, mut takers) = (Vec::new(), Vec::new(), Vec::new());
        for at in own {
            let (region, _) = self.order.list().get(*at as usize)?;
            match self.order.past(*own.first()?, region) {
                Reach::Dead(by) => {
                    dead.push(region.clone());
                    takers.extend(by);
                }
                Reach::Alive(_) => alive.push(region),
                Reach::Unknown => return None,
            }
        }
        let mut by: Vec<usize> = takers
            .iter()
            .filter_map(|at| Some(self.order.list().get(*at as usize)?.1 as usize))
            .collect();
        by.sort_unstable();
        by.dedup();
        if alive.is_empty() {
            return Some(Judged::Dead(by));
        }
        if !dead.is_empty() {
            return Some(Judged::Shadowed(dead, by));
        }
        self.redundant(rule, &alive).then_some(Judged::Redundant)
    }

    /// Whether the rules behind would do the same with every request this one takes.
    fn redundant(&self, rule: usize, regions: &[&Region]) -> bool {
        let outcome = self.outcomes.get(rule);
        let same = |later: &usize| Some(later) == outcome;
        if !self.outcomes.iter().skip(rule + 1).any(|later| same(later)) {
            return false;
        }
        regions.iter().all(|region| {
            let mut entries = self.order.inside(region);
            let of = |at: u32| {
                self.order
                    .list()
                    .get(at as usize)
                    .map(|(_, rule)| *rule as usize)
            };
            entries.retain(|(at, _)| of(*at) != Some(rule));
            let Some(Inside { arena, root }) = self.order.diagram(&entries) else {
                return false;
            };
            arena.leaves(root).into_iter().all(|leaf| {
                let Some(by) = leaf.and_then(of) else {
                    return false;
                };
                by < rule || self.outcomes.get(by).is_some_and(same)
            })
        })
    }
}

/// Numbers the outcomes of rules, equal ones equally; a rule that was wrong has one of its own.
fn outcomes(clauses: &[Option<Clause>], plans: &[Plan]) -> Vec<usize> {
    let mut known: HashMap<String, usize> = HashMap::new();
    let number = |(at, clause): (usize, &Option<Clause>)| {
        let key = match clause.as_ref().map(|c| &c.then) {
            None => return usize::MAX - at,
            Some(Then::Decide(Verdict::Use(plan))) => match plans.get(plan.index()) {
                Some(Plan { name: None, route }) => format!("{route:?}"),
                _ => format!("{plan:?}"),
            },
            Some(other) => format!("{other:?}"),
        };
        let next = known.len();
        *known.entry(key).or_insert(next)
    };
    clauses.iter().enumerate().map(number).collect()
}

/// Cells that rules so far take for themselves, whatever else a request is.
#[derive(Debug, Default)]
struct Taken {
    cells: HashMap<u16, Cells>,
}

impl Taken {
    fn add(&mut self, cond: &Cond, terms: &Terms<'_>) {
        for region in terms.regions(cond).into_iter().flatten() {
            let mut constraints = region.iter();
            if let (Some((field, cells)), None) = (constraints.next(), constraints.next()) {
                let known = self.cells.entry(field).or_insert(Cells::NONE);
                *known = known.or(cells);
            }
        }
    }

    /// Tests of a condition that the rules before have settled, or that settle themselves.
    fn constants(&self, cond: &Cond, terms: &Terms<'_>) -> Vec<Judged> {
        let mut found = Vec::new();
        cond.each_test(&mut |test| {
            let mut senses = senses(&test.atom, terms.fleet, terms.tables).into_iter();
            let (Some((fact, sense)), None) = (senses.next(), senses.next()) else {
                return;
            };
            let Some((field, cells)) = terms.space.cells(&fact, &sense) else {
                return;
            };
            let taken = self.cells.get(&field).unwrap_or(&Cells::NONE);
            let count = terms.space.count(field);
            if taken.covers(&cells) {
                found.push(Judged::Constant(Arc::clone(test), false));
            } else if taken.covers(&cells.not(count)) {
                found.push(Judged::Constant(Arc::clone(test), true));
            }
        });
        found
    }
}
