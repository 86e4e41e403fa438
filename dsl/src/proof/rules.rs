//! Rules that can never run, parts of rules that never decide, rules that change nothing, and tests that are always true
//! or always false where they stand.

use super::reach::{Inside, Order, Reach, work};
use crate::cells::Cells;
use crate::clause::{Clause, Then};
use crate::condition::{Cond, Test};
use crate::fact::senses;
use crate::image::{Plan, Policy, Verdict};
use crate::program::Laid;
use crate::region::{Region, Terms};
use std::collections::HashMap;
use std::ops::Range;
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
    /// Without it everything would be decided as it is; without it and this other one, too, it would not.
    Redundant(Option<usize>),
    /// A test that is always so where it stands.
    Constant(Arc<Test>, bool),
}

/// Everything that is to be said about the rules of one policy, by rule. A rule that was wrong is `None` and is passed over.
pub(crate) fn rules(
    clauses: &[Option<Clause>],
    policy: &Policy,
    laid: &Laid,
    plans: &[Plan],
    terms: &Terms<'_>,
) -> Vec<(usize, Judged)> {
    let outcomes = outcomes(clauses, policy, plans);
    let judge = Judge {
        order: Order::new(terms.space, &laid.list, work(clauses.len())),
        last: (0..).zip(&outcomes).map(|(at, of)| (*of, at)).collect(),
        outcomes,
        own: &laid.own,
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
        let own = laid.own.get(rule).cloned().unwrap_or_default();
        taken.add(
            laid.list
                .get(own.start as usize..own.end as usize)
                .unwrap_or_default(),
        );
    }
    let removable =
        |(rule, judged): &(usize, Judged)| matches!(judged, Judged::Redundant(_)).then_some(*rule);
    let removable: Vec<usize> = found.iter().filter_map(removable).collect();
    for (rule, judged) in &mut found {
        if let Judged::Redundant(other) = judged {
            let mut others = removable.iter().filter(|other| *other != rule);
            *other = others.find(|other| !judge.both(*rule, **other)).copied();
        }
    }
    found
}

/// Whether every request meets some rule. `false` may mean that it would take too long to tell.
pub(crate) fn exhaustive(laid: &Laid, terms: &Terms<'_>) -> bool {
    let end = u32::try_from(laid.list.len()).unwrap_or(u32::MAX);
    let order = Order::new(terms.space, &laid.list, work(laid.own.len())).of_any();
    laid.whole && matches!(order.past(end, &Region::all()), Reach::Dead(_))
}

struct Judge<'a> {
    order: Order<'a>,
    /// By rule: equal where the same becomes of a request.
    outcomes: Vec<usize>,
    /// By outcome: the last rule that has it.
    last: HashMap<usize, usize>,
    /// By rule: its part of the list.
    own: &'a [Range<u32>],
}

impl Judge<'_> {
    fn rule(&self, rule: usize, cond: &Cond, terms: &Terms<'_>) -> Option<Judged> {
        let own = self.own.get(rule)?.clone();
        let first = own.start;
        if own.is_empty() {
            return terms
                .regions(cond)
                .filter(Vec::is_empty)
                .map(|_| Judged::Impossible);
        }
        let (mut alive, mut dead, mut takers) = (Vec::new(), Vec::new(), Vec::new());
        for at in own {
            let (region, _) = self.order.list().get(at as usize)?;
            match self.order.passes(first, region) {
                // Of requests that cannot be there is nothing to say.
                Reach::Dead(by) if by.is_empty() => {}
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
            return Some(match by.as_slice() {
                [] => Judged::Impossible,
                _ => Judged::Dead(by),
            });
        }
        if !dead.is_empty() {
            return Some(Judged::Shadowed(dead, by));
        }
        self.redundant(rule, &alive, &[rule])
            .then_some(Judged::Redundant(None))
    }

    /// Whether two rules that can each be left out can be left out together.
    fn both(&self, one: usize, other: usize) -> bool {
        if self.outcomes.get(one) != self.outcomes.get(other) {
            return true;
        }
        [one, other].into_iter().all(|rule| {
            let own = self.own.get(rule).cloned().unwrap_or_default();
            let list = self.order.list();
            let own = list.get(own.start as usize..own.end as usize);
            let regions = own.unwrap_or_default().iter().map(|(region, _)| region);
            self.redundant(rule, &regions.collect::<Vec<_>>(), &[one, other])
        })
    }

    /// Whether the other rules, but for those that are gone, would do the same with every request this one takes.
    fn redundant(&self, rule: usize, regions: &[&Region], gone: &[usize]) -> bool {
        let outcome = self.outcomes.get(rule);
        let same = |later: &usize| Some(later) == outcome;
        if outcome.is_none_or(|o| self.last.get(o).is_none_or(|last| *last <= rule)) {
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
            entries.retain(|(at, _)| of(*at).is_none_or(|rule| !gone.contains(&rule)));
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
fn outcomes(clauses: &[Option<Clause>], policy: &Policy, plans: &[Plan]) -> Vec<usize> {
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
        let copies = policy
            .rules
            .get(at)
            .map(|r| &r.shadows)
            .filter(|s| !s.is_empty());
        let key = copies.map_or_else(|| key.clone(), |copies| format!("{key} {copies:?}"));
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
    fn add(&mut self, regions: &[(Region, u32)]) {
        for (region, _) in regions {
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
        cond.each_positive(&mut |test| {
            if test.implied {
                return;
            }
            let mut senses = senses(&test.atom, terms.fleet, terms.tables).into_iter();
            let (Some((fact, sense)), None) = (senses.next(), senses.next()) else {
                return;
            };
            let Some((field, cells)) = terms.space.cells(&fact, &sense) else {
                return;
            };
            let taken = self.cells.get(&field).unwrap_or(&Cells::NONE);
            let count = terms.space.count(field);
            if taken.is_empty() && !cells.is_empty() && !cells.is_all(count) {
                return;
            }
            if taken.covers(&cells) {
                found.push(Judged::Constant(Arc::clone(test), false));
            } else if taken.len() + cells.len() >= count && taken.covers(&cells.not(count)) {
                found.push(Judged::Constant(Arc::clone(test), true));
            }
        });
        found
    }
}
