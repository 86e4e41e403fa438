//! The order in which one request tries targets, where its plan leaves that to figures of the moment, to shares, or to
//! conditions. It is a function of the bundle, the request, the live figures and the seed, and of nothing else.

use crate::arrival::Arrival;
use crate::bucket::{bucket, distance, hash};
use crate::candidate::{Candidates, PassedOver, cannot};
use crate::chance::Chance;
use crate::course::Course;
use crate::filter::{latency, passes};
use crate::itinerary::Itinerary;
use crate::price::expected;
use crate::router::Router;
use crate::sticky::{bond, who};
use mux_dsl::image::{
    Affinity, Arm, By, Canary, Filter, HealthRule, Listed, Pico, Quantile, Route, Split, TargetId,
};
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

/// A candidate of a list, with the part of the draws that is its.
struct Candidate<'a> {
    course: Course<'a>,
    first: TargetId,
    weight: u32,
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
            let course = self.course(&arm.route);
            let filter = list.filter.as_ref();
            let able = course.and_then(|c| c.only(&mut |target| self.able(target, filter)));
            if let Some((course, first)) = able.and_then(|c| c.first().map(|first| (c, first))) {
                candidates.push(Candidate {
                    course,
                    first,
                    weight: arm.weight,
                });
            }
        }
        let alike = match list.by {
            By::Cost => self.by_cost(&mut candidates),
            By::Latency(quantile, _, explore) => {
                self.by_latency(&mut candidates, quantile, explore)
            }
            By::Weight => self.by_weight(&mut candidates),
        };
        if let Some(affinity) = list.terms.affinity {
            self.stay(affinity, list.by == By::Weight, alike, &mut candidates);
        }
        let mut parts: Vec<_> = candidates.into_iter().map(|c| c.course).collect();
        if let Some(otherwise) = &list.otherwise {
            parts.extend(self.course(otherwise));
        }
        Course::Group(&list.terms, parts)
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

    /// Cheapest first, unknown prices last. Returns how many are as cheap as the first.
    fn by_cost(&mut self, candidates: &mut [Candidate<'_>]) -> usize {
        let fleet = self.router.fleet();
        let cost = |target: TargetId| {
            let price = fleet.targets.get(target.index())?.price?;
            Some(expected(
                &price,
                self.arrival.facts.tokens,
                self.arrival.facts.output_limit,
            ))
        };
        for candidate in candidates.iter() {
            self.order
                .costs
                .push((candidate.first, cost(candidate.first)));
        }
        let rank = |c: &Candidate<'_>| cost(c.first).unwrap_or(Pico::MAX);
        candidates.sort_by_key(rank);
        let least = candidates.first().map(rank);
        candidates
            .iter()
            .take_while(|c| Some(rank(c)) == least)
            .count()
    }

    /// Quickest first, unknown ones last; for a share of the requests one that is not the quickest comes first, an unknown
    /// one where there is any. Returns how many are about as quick as the first.
    fn by_latency(
        &mut self,
        candidates: &mut Vec<Candidate<'_>>,
        quantile: Quantile,
        explore: u32,
    ) -> usize {
        let rank = |c: &Candidate<'_>| latency(self.live, c.first, quantile).unwrap_or(u64::MAX);
        candidates.sort_by_key(rank);
        let known = candidates.iter().filter(|c| rank(c) < u64::MAX).count();
        let least = candidates.first().map_or(0, rank);
        let alike = candidates
            .iter()
            .take_while(|c| rank(c) <= least.saturating_mul(3) / 2)
            .count();
        // Drawn for every request, so that the draws of what follows do not depend on the figures.
        let (explores, place) = (
            self.chance.below(10_000) < u64::from(explore),
            self.chance.bits(),
        );
        if !explores || candidates.len() < 2 {
            return alike;
        }
        let from = if known == 0 || known == candidates.len() {
            1
        } else {
            known
        };
        let among = (candidates.len() - from) as u64;
        let drawn = usize::try_from((u128::from(place) * u128::from(among)) >> 64).unwrap_or(0);
        to_front(candidates, from + drawn);
        // What explores stays with nobody.
        1
    }

    /// One by weight; the others by weight as well, the heaviest first. Returns their number.
    fn by_weight(&mut self, candidates: &mut Vec<Candidate<'_>>) -> usize {
        let all: u64 = candidates.iter().map(|c| u64::from(c.weight)).sum();
        let mut drawn = self.chance.below(all);
        let place = candidates.iter().position(|c| {
            let here = drawn < u64::from(c.weight);
            drawn = drawn.saturating_sub(u64::from(c.weight));
            here
        });
        if let Some(place) = place {
            to_front(candidates, place);
        }
        if let Some((_, others)) = candidates.split_first_mut() {
            others.sort_by_key(|c| std::cmp::Reverse(c.weight));
        }
        candidates.len()
    }

    /// Puts first what this request stays with: of the candidates that are as good as the first, the one that rendezvous
    /// hashing prefers. One that is down is left.
    fn stay(
        &mut self,
        affinity: Affinity,
        weighed: bool,
        alike: usize,
        candidates: &mut Vec<Candidate<'_>>,
    ) {
        let Some(bond) = bond(affinity, self.request, self.arrival) else {
            return;
        };
        let mut preferred: Option<(usize, u32, u32)> = None;
        for (place, candidate) in candidates.iter().enumerate().take(alike) {
            let down = self.live.health(candidate.first) == HealthState::Down;
            if down || self.live.breaker_open(candidate.first) {
                continue;
            }
            let far = distance(hash(self.router.name(candidate.first), bond));
            let weight = if weighed { candidate.weight } else { 1 };
            let nearer = |(_, least, other): (usize, u32, u32)| {
                u64::from(far) * u64::from(other) < u64::from(least) * u64::from(weight)
            };
            if weight > 0 && preferred.is_none_or(nearer) {
                preferred = Some((place, far, weight));
            }
        }
        if let Some((place, ..)) = preferred {
            to_front(candidates, place);
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
        self.order.choices.push(Choice {
            strategy: "canary",
            arm: name.into(),
            bucket,
            aborted,
        });
        if tried {
            course
        } else {
            self.course(&canary.base)
        }
    }

    /// Whether a target is beyond a threshold; what is not known is not.
    fn broken(&self, rule: &HealthRule, target: TargetId) -> bool {
        match *rule {
            HealthRule::P95Above(limit, _) => self.live.p95(target).is_some_and(|p| p > limit),
            HealthRule::ErrorRateAbove(limit, _) => self
                .live
                .error_rate(target)
                .is_some_and(|rate| rate > limit),
            HealthRule::BreakerOpen => self.live.breaker_open(target),
        }
    }
}

fn to_front(candidates: &mut [Candidate<'_>], place: usize) {
    if let Some(part) = candidates.get_mut(..=place) {
        part.rotate_right(1);
    }
}
