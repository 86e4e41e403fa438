//! A plan laid flat: the order in which targets are tried, and the deadlines and lists that nest around them.
//!
//! A plan that takes every request the same way is laid flat once a bundle, so that carrying out a request allocates
//! nothing for it; any other once a request.

use crate::breaker::Rule;
use crate::class::Class;
use crate::course::Course;
use crate::{MILLI, Nanos};
use mux_dsl::image::{BreakerId, Fleet, Outcomes, Retry, TargetId, Timeouts};

/// The group around everything; steps stand in it only where a plan is a single target.
const ROOT: usize = 0;

/// A plan, laid flat.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Itinerary {
    /// In order.
    pub steps: Vec<Step>,
    /// Outer ones before the ones they hold.
    pub groups: Vec<Group>,
    /// A strategy on the way that this version cannot carry out.
    pub missing: Option<&'static str>,
}

/// Attempts at one target.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Whom to call.
    pub target: TargetId,
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
    /// The first step after it.
    pub end: usize,
    /// Deadline, from the moment its first step is entered.
    pub within: Option<Nanos>,
    /// Outcomes that move on.
    pub on: Option<Outcomes>,
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
        let mut flat = Self {
            steps: Vec::new(),
            groups: vec![Group {
                parent: None,
                end: 0,
                within: None,
                on: None,
            }],
            missing: None,
        };
        let defaults = &fleet.defaults;
        let rule = named(defaults.breaker, fleet).unwrap_or_default();
        if let Some(course) = course {
            flat.add(course, ROOT, rule, fleet);
            if let (Some(root), false) = (flat.groups.first_mut(), course.bounded()) {
                root.within = defaults.within.map(|ms| ms * MILLI);
            }
        }
        flat.close(ROOT);
        flat
    }

    fn add(&mut self, course: &Course<'_>, group: usize, breaker: Rule, fleet: &Fleet) {
        match course {
            Course::Attempt(attempt) => self.steps.push(Step {
                target: attempt.target,
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
                let inner = self.groups.len();
                self.groups.push(Group {
                    parent: Some(group),
                    end: 0,
                    within: terms.within.map(|ms| ms * MILLI),
                    on: terms.on.clone(),
                });
                let breaker = named(terms.breaker, fleet).unwrap_or(breaker);
                for part in parts {
                    self.add(part, inner, breaker, fleet);
                }
                self.close(inner);
            }
            Course::Missing(strategy) => self.missing = Some(strategy),
        }
    }

    fn close(&mut self, group: usize) {
        let end = self.steps.len();
        if let Some(g) = self.groups.get_mut(group) {
            g.end = end;
        }
    }

    /// Where to go after `step` failed with `class`.
    ///
    /// A `fallback` whose list does not name the outcome fails as a whole, and the one around it is asked.
    #[must_use]
    pub fn after(&self, step: usize, class: Class, status: Option<u16>) -> Next {
        match self.steps.get(step) {
            Some(s) => self.climb(s.group, step + 1, class, status),
            None => Next::Final,
        }
    }

    /// Where to go after the time of `group` was up.
    #[must_use]
    pub fn after_group(&self, group: usize) -> Next {
        match self.groups.get(group) {
            // The root stands for no written list: when the outermost time is up, it is up.
            Some(Group {
                parent: Some(parent),
                end,
                ..
            }) if *parent != ROOT => self.climb(*parent, *end, Class::TimedOut, None),
            _ => Next::Final,
        }
    }

    fn climb(&self, group: usize, mut next: usize, class: Class, status: Option<u16>) -> Next {
        let mut found = Next::Final;
        let mut at = Some(group);
        while let Some(group) = at.and_then(|g| self.groups.get(g)) {
            if group
                .on
                .as_ref()
                .map_or_else(|| class.moves_on(), |on| class.within(on, status))
            {
                if next < group.end {
                    return Next::Step(next);
                }
                found = Next::Exhausted;
            }
            next = group.end;
            at = group.parent.filter(|parent| *parent != ROOT);
        }
        found
    }

    /// The groups around a step, innermost first.
    pub fn around(&self, step: usize) -> impl Iterator<Item = usize> + '_ {
        let first = self.steps.get(step).map(|s| s.group);
        std::iter::successors(first, |g| self.groups.get(*g).and_then(|g| g.parent))
    }
}

fn named(breaker: Option<BreakerId>, fleet: &Fleet) -> Option<Rule> {
    let breaker = fleet.breakers.get(breaker?.index());
    breaker.map(Rule::of)
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
            flat.steps.iter().map(|s| s.target.0).collect::<Vec<_>>(),
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
