//! A plan laid flat: the order in which targets are tried, and the deadlines and lists that nest around them.
//!
//! A plan that takes every request the same way is laid flat once a bundle, so that carrying out a request allocates
//! nothing for it; any other once a request.

use crate::breaker::Rule;
use crate::class::Class;
use crate::course::{Course, Several};
use crate::{MILLI, Nanos};
use mux_dsl::image::{
    Accept, After, Attempt, BasisPoints, BreakerId, Combine, Fleet, Millis, Outcomes, Pico, Plan,
    Retry, Route, TargetId, Terms, Timeouts,
};
use std::sync::Arc;

/// The group around everything; steps stand in it only where a plan is a single target.
const ROOT: usize = 0;

/// A plan, laid flat, as one request takes it. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Itinerary {
    laid: Arc<Laid>,
    /// Places of steps, in the order in which they are taken; `None` takes all of them as they are laid.
    picks: Option<Arc<[u16]>>,
}

#[derive(Debug, Default, PartialEq)]
struct Laid {
    /// In order.
    steps: Vec<Step>,
    /// Outer ones before the ones they hold.
    groups: Vec<Group>,
}

/// Attempts at one target, or several that are asked for one answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Whom to call; where there are several, the first of them.
    pub target: TargetId,
    /// Those that are asked for one answer.
    pub joint: Option<Arc<Joint>>,
    /// Deadlines.
    pub timeouts: Timeouts,
    /// As written.
    pub retry: Option<Retry>,
    /// When its breaker opens.
    pub breaker: Rule,
    /// The innermost group it stands in.
    pub group: usize,
}

/// One strategy, or the whole of a plan that has none.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The group around it.
    pub parent: Option<usize>,
    /// The first step after it, as all of them are laid.
    end: usize,
    /// Deadline, from the moment its first step is entered.
    pub within: Option<Nanos>,
    /// Outcomes that move on.
    pub on: Option<Outcomes>,
    /// An answer that breaks off is carried on by the next.
    pub resume: bool,
}

/// Most that a duplicate of a hedge is expected to cost where nothing is written: a cent, in pico-dollars.
const DUPLICATE_COST: Pico = 10_000_000_000;
/// Part of the requests that may be hedged where nothing is written, basis points.
const HEDGED: BasisPoints = 500;

/// Several that are asked for one answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Joint {
    /// How they are asked, and how one answer is made.
    pub rule: Asking,
    /// Those that are asked, in the order written; each may be a strategy of its own.
    pub arms: Vec<Itinerary>,
    /// Who scores answers.
    pub judge: Option<Judge>,
}

/// Who scores answers, and by what.
#[derive(Clone, Debug, PartialEq)]
pub struct Judge {
    /// One step: the model that is asked.
    pub way: Itinerary,
    /// What it scores by.
    pub rubric: Arc<str>,
}

/// How several are asked, and how one answer is made.
#[derive(Clone, Debug, PartialEq)]
pub enum Asking {
    /// The next where the one before is late; the first content wins.
    Hedge(Hedging),
    /// One after the other, until an answer is good enough: for each arm what makes it so.
    Cascade(Vec<Option<Accept>>),
    /// All at the same time.
    Ensemble(Combining),
}

/// When a duplicate is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Hedging {
    /// How late the one before must be.
    pub after: After,
    /// Most duplicates.
    pub extra: usize,
    /// Part of the requests that may have one.
    pub budget: BasisPoints,
    /// Most that one is expected to cost.
    pub cost: Pico,
}

/// How one answer is made of several.
#[derive(Clone, Debug, PartialEq)]
pub struct Combining {
    /// Answers that are waited for.
    pub quorum: usize,
    /// Fewest that do. A quorum below the number of arms is a demand; one of all is only patience, since otherwise one
    /// provider that fails would take the others with it.
    pub least: usize,
    /// How.
    pub combine: Combine,
    /// Each arm's part of the votes.
    pub weights: Vec<u32>,
    /// The model that merges, as a way of one step.
    pub merge: Option<Itinerary>,
}

impl Hedging {
    /// As written, with what the bundle says for all and else our own limits.
    pub(crate) fn of(
        hedge: &mux_dsl::image::Hedge,
        default: Option<(BasisPoints, Option<Pico>)>,
    ) -> Self {
        let (share, cost) = default.unwrap_or((HEDGED, None));
        Self {
            after: hedge.after,
            extra: hedge.extra.into(),
            budget: hedge.budget.unwrap_or(share),
            cost: hedge.cost.or(cost).unwrap_or(DUPLICATE_COST),
        }
    }

    /// How long the one before is waited for, by its own times; `None` where they are not known, so that nothing is late.
    pub(crate) fn delay(
        &self,
        usual: impl FnOnce(mux_dsl::image::Quantile) -> Option<u64>,
    ) -> Option<Nanos> {
        match self.after {
            After::Time(ms) => Some(ms * MILLI),
            After::Quantile(quantile) => usual(quantile).map(|ms| ms.max(SHORTEST_DELAY) * MILLI),
        }
    }
}

/// Least time that a measured delay is, milliseconds: what comes sooner is not worth a duplicate.
const SHORTEST_DELAY: u64 = 1_000;

impl Joint {
    /// Shows every target that may bring the answer; judges bring none.
    pub(crate) fn each_target(&self, visit: &mut impl FnMut(TargetId)) {
        for arm in &self.arms {
            arm.each_target(visit);
        }
    }
}

/// How a plan is laid when a bundle is loaded.
#[derive(Clone, Debug)]
pub enum Layout {
    /// Every request takes it as it is.
    Fixed(Itinerary),
    /// Every request picks from these steps.
    Picked(Itinerary),
    /// It is laid for each request.
    Own,
}

impl Layout {
    /// That of a route.
    pub(crate) fn of(route: &Route, plans: &[Plan], fleet: &Fleet) -> Self {
        let flat = |course: Course<'_>| Itinerary::flat(Some(&course), fleet);
        let picked = || Course::whole(route, plans).map(flat);
        match Course::of(route, plans).map(flat) {
            Some(fixed) => Self::Fixed(fixed),
            None => match picked().filter(|all| u16::try_from(all.len()).is_ok()) {
                Some(all) => Self::Picked(all),
                None => Self::Own,
            },
        }
    }
}

/// Where a failure leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// To this step.
    Step(usize),
    /// It would move on, but nothing is left.
    Exhausted,
    /// Nowhere: the policy does not move on from this outcome.
    Final,
}

impl Itinerary {
    /// Lays a course flat; nothing where there is none.
    pub(crate) fn flat(course: Option<&Course<'_>>, fleet: &Fleet) -> Self {
        let defaults = &fleet.defaults;
        let rule = named(defaults.breaker, fleet).unwrap_or_else(|| Rule {
            slow_start: slow_start(None, fleet),
            ..Rule::default()
        });
        let mut laid = Laid::empty();
        if let Some(course) = course {
            laid.add(course, ROOT, rule, fleet);
            if let (Some(root), false) = (laid.groups.first_mut(), course.bounded()) {
                root.within = defaults.within.map(|ms| ms * MILLI);
            }
        }
        laid.close(ROOT);
        laid.whole()
    }

    /// A part of a joint: its time is bounded by what is around the joint.
    fn part(course: &Course<'_>, breaker: Rule, fleet: &Fleet) -> Self {
        let mut laid = Laid::empty();
        laid.add(course, ROOT, breaker, fleet);
        laid.close(ROOT);
        laid.whole()
    }

    /// The same steps as a request picks them.
    pub(crate) fn picked(&self, picks: &[u16]) -> Self {
        Self {
            laid: Arc::clone(&self.laid),
            picks: Some(picks.into()),
        }
    }

    /// How many steps there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.picks {
            Some(picks) => picks.len(),
            None => self.laid.steps.len(),
        }
    }

    /// Whether there is nothing to be tried.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The step at a place in the order.
    #[must_use]
    pub fn step(&self, place: usize) -> Option<&Step> {
        let place = match &self.picks {
            Some(picks) => usize::from(*picks.get(place)?),
            None => place,
        };
        self.laid.steps.get(place)
    }

    /// All steps, in order, each with its place.
    pub fn steps(&self) -> impl Iterator<Item = (usize, &Step)> + Clone {
        (0..self.len()).filter_map(|place| Some((place, self.step(place)?)))
    }

    /// How many groups there are.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.laid.groups.len()
    }

    /// A group.
    #[must_use]
    pub fn group(&self, group: usize) -> Option<&Group> {
        self.laid.groups.get(group)
    }

    /// The first place after a group.
    fn end(&self, group: usize) -> usize {
        if self.picks.is_none() {
            return self.group(group).map_or(0, |g| g.end);
        }
        let inside = |place: &usize| self.around(*place).any(|g| g == group);
        (0..self.len()).rfind(inside).map_or(0, |last| last + 1)
    }

    /// Shows every target that may bring the answer, in order, some more than once.
    pub(crate) fn each_target(&self, visit: &mut impl FnMut(TargetId)) {
        for (_, step) in self.steps() {
            match &step.joint {
                Some(joint) => joint.each_target(visit),
                None => visit(step.target),
            }
        }
    }

    /// Where to go after `step` failed with `class`.
    ///
    /// A `fallback` whose list does not name the outcome fails as a whole, and the one around it is asked.
    #[must_use]
    pub fn after(&self, step: usize, class: Class, status: Option<u16>) -> Next {
        match self.step(step) {
            Some(s) => self.climb(s.group, step + 1, class, status),
            None => Next::Final,
        }
    }

    /// Where to go after the time of `group` was up.
    #[must_use]
    pub fn after_group(&self, group: usize) -> Next {
        match self.group(group).and_then(|g| g.parent) {
            // The root stands for no written list: when the outermost time is up, it is up.
            Some(parent) if parent != ROOT => {
                self.climb(parent, self.end(group), Class::TimedOut, None)
            }
            _ => Next::Final,
        }
    }

    fn climb(&self, group: usize, mut next: usize, class: Class, status: Option<u16>) -> Next {
        let mut found = Next::Final;
        let mut at = Some(group);
        while let Some((no, group)) = at.and_then(|g| Some((g, self.group(g)?))) {
            let end = self.end(no);
            if group
                .on
                .as_ref()
                .map_or_else(|| class.moves_on(), |on| class.within(on, status))
            {
                if next < end {
                    return Next::Step(next);
                }
                found = Next::Exhausted;
            }
            next = end;
            at = group.parent.filter(|parent| *parent != ROOT);
        }
        found
    }

    /// Whether the next goes on where a step's answer breaks off.
    pub(crate) fn resumes(&self, step: usize) -> bool {
        let mut around = self.around(step).filter_map(|g| self.group(g));
        around.any(|group| group.resume)
    }

    /// The groups around a step, innermost first.
    pub fn around(&self, step: usize) -> impl Iterator<Item = usize> + '_ {
        let first = self.step(step).map(|s| s.group);
        std::iter::successors(first, |g| self.group(*g).and_then(|g| g.parent))
    }
}

impl Laid {
    fn empty() -> Self {
        Self {
            steps: Vec::new(),
            groups: vec![Group {
                parent: None,
                end: 0,
                within: None,
                on: None,
                resume: false,
            }],
        }
    }

    fn whole(self) -> Itinerary {
        Itinerary {
            laid: Arc::new(self),
            picks: None,
        }
    }

    fn add(&mut self, course: &Course<'_>, group: usize, breaker: Rule, fleet: &Fleet) {
        match course {
            Course::Attempt(attempt) => self.steps.push(Step {
                target: attempt.target,
                joint: None,
                timeouts: timeouts(attempt.timeouts, fleet.defaults.timeouts),
                retry: attempt
                    .retry
                    .as_ref()
                    .or(fleet.defaults.retry.as_ref())
                    .cloned(),
                breaker,
                group,
            }),
            Course::Group(terms, parts) => {
                let (inner, breaker) = self.open(terms, group, breaker, fleet);
                self.steps.reserve(parts.len());
                for part in parts {
                    self.add(part, inner, breaker, fleet);
                }
                self.close(inner);
            }
            Course::Joint(several, arms) => {
                let Some(target) = course.first() else {
                    return;
                };
                let (inner, breaker) = self.open(several.terms(), group, breaker, fleet);
                self.steps.push(Step {
                    target,
                    joint: Some(Arc::new(joint(*several, arms, breaker, fleet))),
                    timeouts: Timeouts::default(),
                    retry: None,
                    breaker,
                    group: inner,
                });
                self.close(inner);
            }
        }
    }

    fn open(&mut self, terms: &Terms, group: usize, breaker: Rule, fleet: &Fleet) -> (usize, Rule) {
        let inner = self.groups.len();
        self.groups.push(Group {
            parent: Some(group),
            end: 0,
            within: terms.within.map(|ms| ms * MILLI),
            on: terms.on.clone(),
            resume: terms.resume,
        });
        (inner, named(terms.breaker, fleet).unwrap_or(breaker))
    }

    fn close(&mut self, group: usize) {
        let end = self.steps.len();
        if let Some(g) = self.groups.get_mut(group) {
            g.end = end;
        }
    }
}

fn joint(
    several: Several<'_>,
    arms: &[(usize, Course<'_>)],
    breaker: Rule,
    fleet: &Fleet,
) -> Joint {
    let helper = |attempt: &Attempt| Itinerary::part(&Course::Attempt(attempt), breaker, fleet);
    let judge = |judge: &Option<mux_dsl::image::Judge>| {
        let judge = judge.as_ref()?;
        Some(Judge {
            way: helper(&judge.attempt),
            rubric: (&*judge.text).into(),
        })
    };
    let (rule, judge) = match several {
        Several::Hedge(hedge) => {
            let hedging = Hedging::of(hedge, fleet.defaults.hedge_budget);
            (Asking::Hedge(hedging), None)
        }
        Several::Cascade(cascade) => {
            let accepts = arms.iter().map(|(place, _)| cascade.steps.get(*place));
            let mut accepts: Vec<_> = accepts.map(|step| step?.1.clone()).collect();
            // The last is taken as it is.
            if let Some(last) = accepts.last_mut() {
                *last = None;
            }
            (Asking::Cascade(accepts), judge(&cascade.judge))
        }
        Several::Ensemble(ensemble) => {
            let weight = |place: usize| ensemble.asks.get(place).map_or(1, |arm| arm.weight);
            let quorum = usize::try_from(ensemble.quorum).unwrap_or(usize::MAX);
            let demanded = quorum < ensemble.asks.len();
            let combining = Combining {
                quorum: quorum.min(arms.len()),
                least: if demanded { quorum } else { 1 },
                combine: ensemble.combine.clone(),
                weights: arms.iter().map(|(place, _)| weight(*place)).collect(),
                merge: match &ensemble.combine {
                    Combine::Merge(attempt) => Some(helper(attempt)),
                    _ => None,
                },
            };
            (Asking::Ensemble(combining), judge(&ensemble.judge))
        }
    };
    Joint {
        rule,
        arms: arms
            .iter()
            .map(|(_, arm)| Itinerary::part(arm, breaker, fleet))
            .collect(),
        judge,
    }
}

fn named(breaker: Option<BreakerId>, fleet: &Fleet) -> Option<Rule> {
    let breaker = fleet.breakers.get(breaker?.index())?;
    Some(Rule {
        slow_start: slow_start(breaker.slow_start, fleet),
        ..Rule::of(breaker)
    })
}

/// What is written nearest, and else our own.
fn slow_start(written: Option<Millis>, fleet: &Fleet) -> Nanos {
    let written = written.or(fleet.defaults.slow_start);
    written.map_or(Rule::default().slow_start, |ms| ms * MILLI)
}

/// What is written, and else what the bundle says for all.
fn timeouts(written: Timeouts, default: Timeouts) -> Timeouts {
    Timeouts {
        first: written.first.or(default.first),
        connect: written.connect.or(default.connect),
        idle: written.idle.or(default.idle),
        content_idle: written.content_idle.or(default.content_idle),
        total: written.total.or(default.total),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mux_dsl::image::{Arm, Attempt, Fallback, Route, Terms};

    fn attempt(target: u32) -> Route {
        Route::Attempt(Attempt {
            target: TargetId(target),
            timeouts: Timeouts::default(),
            retry: None,
        })
    }

    fn flat(route: &Route) -> Itinerary {
        Itinerary::flat(Course::of(route, &[]).as_ref(), &Fleet::default())
    }

    fn fallback(on: Option<Outcomes>, tries: Vec<Route>) -> Route {
        Route::Fallback(Fallback {
            tries: tries.into_iter().map(Arm::of).collect(),
            terms: Terms {
                on,
                ..Terms::default()
            },
        })
    }

    #[test]
    fn an_inner_fallback_that_gives_up_asks_the_outer_one() {
        let throttled = Some(Outcomes {
            statuses: vec![429],
            ..Outcomes::default()
        });
        let route = fallback(
            None,
            vec![
                attempt(0),
                fallback(throttled, vec![attempt(1), attempt(2)]),
                attempt(3),
            ],
        );
        let flat = flat(&route);
        assert_eq!(
            flat.steps().map(|(_, s)| s.target.0).collect::<Vec<_>>(),
            [0, 1, 2, 3]
        );
        assert_eq!(flat.after(1, Class::RateLimited, Some(429)), Next::Step(2));
        assert_eq!(
            flat.after(1, Class::Server, Some(500)),
            Next::Step(3),
            "the inner list names only 429"
        );
        assert_eq!(flat.after(2, Class::RateLimited, Some(429)), Next::Step(3));
        assert_eq!(flat.after(3, Class::Server, Some(500)), Next::Exhausted);
        assert_eq!(flat.after(0, Class::InvalidRequest, Some(400)), Next::Final);
    }

    #[test]
    fn a_single_target_leads_nowhere_else() {
        let flat = flat(&attempt(0));
        assert_eq!(flat.after(0, Class::Server, Some(500)), Next::Exhausted);
    }
}
