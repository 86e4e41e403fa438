//! Who can come to see a request that is carried out by a plan, and what must go wrong before.

use crate::image::{Arm, Attempt, Combine, Fleet, GuardId, Listed, Plan, Route, TargetId};
use crate::passing::settled;

/// How a request gets to a target: itself, if those before fail.
pub(crate) const IT: &str = "it can go to";
/// Itself, if its share falls so.
const SHARE: &str = "a share of it goes to";
/// Itself, as one of several whose answers become one.
const ASKED: &str = "it goes to several, among them";

/// A target that a plan can lead to.
#[derive(Clone, Debug)]
pub(crate) struct Reached {
    pub(crate) target: TargetId,
    /// Conditions of the arms that lead there.
    pub(crate) guards: Vec<GuardId>,
    /// Targets that are tried before it.
    pub(crate) before: Vec<TargetId>,
    /// For messages: `it can go to`.
    pub(crate) how: &'static str,
    /// Whether live figures, or outcomes of others, decide if it is asked.
    pub(crate) live: bool,
}

impl Reached {
    /// Whether the request itself gets there, as opposed to a copy or a question about its answer.
    pub(crate) fn itself(&self) -> bool {
        [IT, SHARE, ASKED].contains(&self.how)
    }
}

/// Every target of a plan, in the order it would be tried. Plans must be free of loops.
pub(crate) fn reached(route: &Route, plans: &[Plan], fleet: &Fleet) -> Vec<Reached> {
    let mut walk = Walk {
        plans,
        fleet,
        guards: Vec::new(),
        before: Vec::new(),
        how: IT,
        live: false,
        found: Vec::new(),
    };
    walk.route(route);
    walk.found
}

struct Walk<'a> {
    plans: &'a [Plan],
    fleet: &'a Fleet,
    guards: Vec<GuardId>,
    before: Vec<TargetId>,
    how: &'static str,
    live: bool,
    found: Vec<Reached>,
}

impl Walk<'_> {
    fn route(&mut self, route: &Route) {
        match route {
            Route::Attempt(attempt) => self.attempt(attempt, self.how),
            Route::Plan(plan) => {
                if let Some(plan) = self.plans.get(plan.index()) {
                    self.route(&plan.route);
                }
            }
            Route::Fallback(fallback) => {
                let live = self.live;
                for arm in &fallback.tries {
                    self.arm(arm);
                    // Which outcomes lead on is written, and a refused connection may not be one of them.
                    self.live = live || fallback.terms.on.is_some();
                }
                self.live = live;
            }
            Route::Listed(list) => self.listed(list),
            Route::Split(split) => {
                let arms = split.arms.iter().filter(|(share, _)| *share > 0);
                self.each(arms.map(|(_, arm)| arm), SHARE);
            }
            Route::Canary(canary) => {
                let before = self.before.clone();
                self.route(&canary.base);
                self.before = before;
                self.each(std::iter::once(&*canary.trial), SHARE);
            }
            Route::Cascade(cascade) => {
                // What is judged has answered; only those before it have not.
                let mut judged = None;
                for (arm, accept) in &cascade.steps {
                    if accept.is_some() {
                        judged.get_or_insert_with(|| self.before.clone());
                    }
                    self.arm(arm);
                }
                let judge = cascade.judge.as_ref().map(|judge| &judge.attempt);
                let judged = judged.unwrap_or_else(|| self.before.clone());
                self.about(judge, judged, "its answer is judged by");
            }
            Route::Ensemble(ensemble) => {
                let (before, live) = (self.before.clone(), self.live);
                // What is merged serves nobody by itself.
                self.live |= matches!(ensemble.combine, Combine::Merge(_));
                self.each(ensemble.asks.iter(), ASKED);
                self.live = live;
                let judge = ensemble.judge.as_ref().map(|judge| &judge.attempt);
                self.about(judge, before.clone(), "its answer is judged by");
                if let Combine::Merge(attempt) = &ensemble.combine {
                    self.about(Some(attempt), before, "its answers are merged by");
                }
            }
            Route::Hedge(hedge) => hedge.arms.iter().for_each(|arm| self.arm(arm)),
        }
    }

    /// Whichever candidate figures put first, any can serve where all the others fail.
    fn listed(&mut self, list: &Listed) {
        let (live, before, start) = (self.live, self.before.clone(), self.found.len());
        let mut spans = Vec::new();
        for arm in &list.arms {
            let passes = match (&arm.route, &list.filter) {
                (Route::Attempt(attempt), Some(filter)) => {
                    settled(filter, attempt.target, self.fleet)
                }
                _ => Some(true),
            };
            if passes != Some(false) {
                let from = self.found.len();
                self.before.clone_from(&before);
                self.live = live || passes.is_none();
                self.arm(arm);
                spans.push(from..self.found.len());
            }
        }
        self.live = live;
        let all: Vec<TargetId> = self.found.iter().skip(start).map(|r| r.target).collect();
        for span in spans {
            for reached in self.found.get_mut(span.clone()).into_iter().flatten() {
                let others = (start..).zip(&all).filter(|(at, _)| !span.contains(at));
                add(&mut reached.before, others.map(|(_, t)| *t), reached.target);
            }
        }
        self.before = before;
        self.before.extend(all);
        list.otherwise.iter().for_each(|route| self.route(route));
    }

    /// Arms of which any may be the first.
    fn each<'r>(&mut self, arms: impl Iterator<Item = &'r Arm>, how: &'static str) {
        let before = self.before.clone();
        let outer = std::mem::replace(&mut self.how, how);
        for arm in arms {
            self.before.clone_from(&before);
            self.arm(arm);
        }
        self.how = outer;
    }

    fn arm(&mut self, arm: &Arm) {
        self.guards.extend(arm.when);
        self.route(&arm.route);
        if arm.when.is_some() {
            self.guards.pop();
        }
    }

    /// A call about answers that others gave, who are not among those that fail before it.
    fn about(&mut self, attempt: Option<&Attempt>, before: Vec<TargetId>, how: &'static str) {
        let outer = std::mem::replace(&mut self.before, before);
        if let Some(attempt) = attempt {
            self.attempt(attempt, how);
        }
        self.before = outer;
    }

    fn attempt(&mut self, attempt: &Attempt, how: &'static str) {
        let mut before = Vec::new();
        add(&mut before, self.before.iter().copied(), attempt.target);
        self.found.push(Reached {
            target: attempt.target,
            guards: self.guards.clone(),
            before,
            how,
            live: self.live,
        });
        self.before.push(attempt.target);
    }
}

/// Adds targets that are not known yet, and not `but`.
fn add(known: &mut Vec<TargetId>, more: impl Iterator<Item = TargetId>, but: TargetId) {
    for target in more {
        if target != but && !known.contains(&target) {
            known.push(target);
        }
    }
}
