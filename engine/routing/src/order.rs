//! The order in which one request tries targets, where its plan leaves that to figures of the moment, to shares, or to
//! conditions. It is a function of the bundle, the request, the live figures and the seed, and of nothing else.

use crate::arrival::Arrival;
use crate::bucket::bucket;
use crate::candidate::{Candidates, PassedOver, cannot};
use crate::chance::Chance;
use crate::course::Course;
use crate::filter::{latency, passes};
use crate::itinerary::Itinerary;
use crate::price::expected;
use crate::ranking::{self, Candidate};
use crate::router::Router;
use crate::sticky::{bond, who};
use mux_dsl::image::{Arm, By, Canary, Filter, HealthRule, Listed, Pico, Route, Split, TargetId};
use mux_dsl::request::{HealthState, Live, Request};
use smallvec::SmallVec;
use std::sync::Arc;

/// Sets the draws of an order apart from those of waits.
const DRAWS: u64 = 0x6f72_6465_7200_0001;

/// The way of one request through its plan.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// What is tried, in order.
    pub itinerary: Arc<Itinerary>,
    /// Every request takes it.
    pub fixed: bool,
    /// Targets of lists that are no candidates, with the reason.
    pub dropped: Candidates,
    /// Arms that shares chose.
    pub choices: SmallVec<[Choice; 1]>,
    /// What this request is expected to cost at the candidates of `cheapest`; `None` where a price is unknown.
    pub costs: SmallVec<[(TargetId, Option<Pico>); 4]>,
}

/// An arm that a share chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// `split` or `canary`.
    pub strategy: &'static str,
    /// Its name; else its number, from 1, or `base` or `trial`.
    pub arm: Box<str>,
    /// The bucket the request fell into; see [`crate::bucket`].
    pub bucket: u32,
    /// The trial of the canary was passed by, since a figure of it is beyond a threshold.
    pub aborted: bool,
}

impl Order {
    /// That of a plan which takes every request the same way.
    #[must_use]
    pub fn fixed(itinerary: Arc<Itinerary>) -> Self {
        Self {
            itinerary,
            fixed: true,
            ..Self::default()
        }
    }

    /// That of a request.
    pub fn of<L: Live>(route: &Route, router: &Router, arrival: &Arrival, live: &L) -> Self {
        arrival.request(|request| {
            let mut chooser = Chooser {
                router,
                arrival,
                request,
                live,
                chance: Chance::new(arrival.seed ^ DRAWS),
                order: Self::default(),
            };
            let course = chooser.course(route);
            let flat = Itinerary::flat(course.as_ref(), router.fleet());
            Self {
                itinerary: Arc::new(flat),
                ..chooser.order
            }
        })
    }
}

struct Chooser<'a, L> {
    router: &'a Router,
    arrival: &'a Arrival,
    request: &'a Request<'a>,
    live: &'a L,
    chance: Chance,
    /// Of it, all but the itinerary.
    order: Order,
}

impl<'a, L: Live> Chooser<'a, L> {
    /// `None` where nothing of the route is for this request.
    fn course(&mut self, route: &'a Route) -> Option<Course<'a>> {
        match route {
            Route::Attempt(attempt) => Some(Course::Attempt(attempt)),
            Route::Plan(id) => self.course(&self.router.image().plans.get(id.index())?.route),
            Route::Fallback(fallback) => {
                Some(Course::Group(&fallback.terms, self.arms(&fallback.tries)))
            }
            Route::Hedge(hedge) => Some(Course::Group(&hedge.terms, self.arms(&hedge.arms))),
            Route::Listed(list) => Some(self.list(list)),
            Route::Split(split) => self.split(split),
            Route::Canary(canary) => self.canary(canary),
            Route::Cascade(_) => Some(Course::Missing("cascade")),
            Route::Ensemble(_) => Some(Course::Missing("ensemble")),
        }
    }

    fn arms(&mut self, arms: &'a [Arm]) -> Vec<Course<'a>> {
        arms.iter()
            .filter_map(|arm| self.asked(arm).then(|| self.course(&arm.route)).flatten())
            .collect()
    }

    /// Whether an arm is for this request.
    fn asked(&self, arm: &Arm) -> bool {
        let holds = |guard| self.router.image().holds(guard, self.request, self.live);
        arm.when.is_none_or(holds)
    }

    fn list(&mut self, list: &'a Listed) -> Course<'a> {
        let mut candidates = Vec::new();
        for arm in &list.arms {
            if !self.asked(arm) {
                continue;
            }
            let Some(course) = self.course(&arm.route) else {
                continue;
            };
            if let Some(strategy) = course.missing() {
                return Course::Missing(strategy);
            }
            let able = course.only(&mut |target| self.able(target, list.filter.as_ref()));
            let first = able.as_ref().and_then(Course::first);
            candidates.extend(able.zip(first).map(|(course, first)| Candidate {
                course,
                first,
                weight: arm.weight,
            }));
        }
        let alike = self.rank(list.by, &mut candidates);
        self.stay(list, alike, &mut candidates);
        let mut parts: Vec<_> = candidates.into_iter().map(|c| c.course).collect();
        if let Some(otherwise) = &list.otherwise {
            parts.extend(self.course(otherwise));
        }
        Course::Group(&list.terms, parts)
    }

    fn rank(&mut self, by: By, candidates: &mut [Candidate<'_>]) -> usize {
        match by {
            By::Cost => {
                let costs = candidates.iter().map(|c| (c.first, self.cost(c.first)));
                let costs: SmallVec<[_; 4]> = costs.collect();
                self.order.costs.extend(costs);
                ranking::by_cost(candidates, |target| self.cost(target))
            }
            By::Latency(quantile, _, explore) => {
                let figure = |target| latency(self.live, target, quantile);
                ranking::by_latency(candidates, figure, explore, &mut self.chance)
            }
            By::Weight => ranking::by_weight(candidates, &mut self.chance),
        }
    }

    /// What this request is expected to cost at a target.
    fn cost(&self, target: TargetId) -> Option<Pico> {
        let price = self.router.fleet().targets.get(target.index())?.price?;
        let facts = &self.arrival.facts;
        Some(expected(&price, facts.tokens, facts.output_limit))
    }

    fn stay(&self, list: &Listed, alike: usize, candidates: &mut [Candidate<'_>]) {
        let affinity = list.terms.affinity;
        let Some(bond) = affinity.and_then(|a| bond(a, self.request, self.arrival)) else {
            return;
        };
        let share = |c: &Candidate<'_>| if list.by == By::Weight { c.weight } else { 1 };
        // One that is ill is left, and what stays with the others stays.
        let well = |target| {
            let down = self.live.health(target) == HealthState::Down;
            (!down && !self.live.breaker_open(target)).then(|| self.router.name(target))
        };
        ranking::stay(candidates, alike, bond, share, well);
    }

    /// Whether a target of a list can serve this request and passes its filter; where not, it is noted why.
    fn able(&mut self, target: TargetId, filter: Option<&Filter>) -> bool {
        let unavailable = || {
            let why = self.router.unavailable(target)?;
            Some(PassedOver::Unavailable(why.to_owned()))
        };
        let filtered = || {
            let passes = filter.is_none_or(|f| passes(f, self.router.fleet(), target, self.live));
            (!passes).then_some(PassedOver::Filtered)
        };
        let reason = cannot(self.router, self.arrival, target)
            .or_else(filtered)
            .or_else(unavailable);
        match reason {
            Some(reason) => {
                if self.order.dropped.iter().all(|(known, _)| *known != target) {
                    self.order.dropped.push((target, Some(reason)));
                }
                false
            }
            None => true,
        }
    }

    fn split(&mut self, split: &'a Split) -> Option<Course<'a>> {
        let bucket = bucket(&split.salt, who(&split.by, self.request, &self.arrival.id));
        let mut end = 0;
        let place = split.arms.iter().position(|(share, _)| {
            end += share;
            bucket < end
        });
        let place = place.unwrap_or(split.arms.len().saturating_sub(1));
        let (_, arm) = split.arms.get(place)?;
        self.order.choices.push(Choice {
            strategy: "split",
            arm: arm
                .name
                .clone()
                .unwrap_or_else(|| (place + 1).to_string().into()),
            bucket,
            aborted: false,
        });
        self.course(&arm.route)
    }

    fn canary(&mut self, canary: &'a Canary) -> Option<Course<'a>> {
        let bucket = bucket(
            &canary.salt,
            who(&canary.by, self.request, &self.arrival.id),
        );
        let trial = &canary.trial;
        let chosen = bucket < canary.share;
        let (choices, costs, dropped) = (
            self.order.choices.len(),
            self.order.costs.len(),
            self.order.dropped.len(),
        );
        let course = if chosen {
            self.course(&trial.route)
        } else {
            None
        };
        let first = course.as_ref().and_then(Course::first);
        let aborted = first.is_some_and(|first| canary.abort.iter().any(|r| self.broken(r, first)));
        let tried = chosen && !aborted;
        if aborted {
            // What was weighed inside of the trial decides nothing any more.
            self.order.choices.truncate(choices);
            self.order.costs.truncate(costs);
            self.order.dropped.truncate(dropped);
        }
        let name = if tried {
            trial.name.as_deref().unwrap_or("trial")
        } else {
            "base"
        };
        let choice = Choice {
            strategy: "canary",
            arm: name.into(),
            bucket,
            aborted,
        };
        self.order.choices.insert(choices, choice);
        if tried {
            course
        } else {
            self.course(&canary.base)
        }
    }

    /// Whether a target is beyond a threshold; what is not known is not.
    fn broken(&self, rule: &HealthRule, target: TargetId) -> bool {
        match *rule {
            HealthRule::LatencyAbove(quantile, limit, _) => {
                latency(self.live, target, quantile).is_some_and(|time| time > limit)
            }
            HealthRule::ErrorRateAbove(limit, _) => self
                .live
                .error_rate(target)
                .is_some_and(|rate| rate > limit),
            HealthRule::BreakerOpen => self.live.breaker_open(target),
        }
    }
}
