//! The order in which one request tries targets, where its plan leaves that to figures of the moment, to shares, or to
//! conditions. It is a function of the bundle, the request, the live figures and the seed, and of nothing else.

use crate::arrival::Arrival;
use crate::bucket::bucket;
use crate::candidate::{PassedOver, cannot};
use crate::chance::Chance;
use crate::course::{Course, Several, single, width};
use crate::figure::Gauges;
use crate::filter::passes;
use crate::itinerary::Itinerary;
use crate::price::expected;
use crate::ranking::{self, Candidate};
use crate::router::Router;
use crate::sticky::{bond, who};
use mux_dsl::image::{
    Arm, By, Canary, Filter, HealthRule, Listed, Millis, Pico, Route, Split, TargetId,
};
use mux_dsl::request::{HealthState, Request};
use smallvec::SmallVec;

type Candidates = SmallVec<[Candidate; 16]>;

/// Sets the draws of an order apart from those of waits.
const DRAWS: u64 = 0x6f72_6465_7200_0001;

/// The way of one request through its plan. Part of every flight, so what most have nothing of lies elsewhere.
#[derive(Clone, Debug)]
pub struct Order {
    /// What is tried, in order.
    pub itinerary: Itinerary,
    /// Every request takes it.
    pub fixed: bool,
    /// Targets of lists that are no candidates, with the reason.
    pub dropped: Vec<(TargetId, Option<PassedOver>)>,
    /// Arms that shares chose.
    pub choices: Vec<Choice>,
    /// What this request is expected to cost at the candidates of `cheapest`; `None` where a price is unknown.
    pub costs: Vec<(TargetId, Option<Pico>)>,
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
    /// Of a canary that grows, its share at that time, basis points.
    pub share: Option<u32>,
    /// The trial of the canary was passed by, since a figure of it is beyond a threshold.
    pub aborted: bool,
}

impl Order {
    /// That of a plan which takes every request the same way.
    #[must_use]
    pub fn fixed(itinerary: Itinerary) -> Self {
        Self {
            itinerary,
            fixed: true,
            dropped: Vec::new(),
            choices: Vec::new(),
            costs: Vec::new(),
        }
    }

    /// That of a request, laid for it alone.
    pub fn of<L: Gauges>(route: &Route, router: &Router, arrival: &Arrival, live: &L) -> Self {
        arrival.request(|request| {
            let mut chooser = Chooser::new(router, arrival, request, live);
            let course = chooser.course(route);
            chooser.order(Itinerary::flat(course.as_ref(), router.fleet()))
        })
    }

    /// The same order, picked from steps that are laid already: all those there are, in the order written.
    pub fn picked<L: Gauges>(
        all: &Itinerary,
        route: &Route,
        router: &Router,
        arrival: &Arrival,
        live: &L,
    ) -> Self {
        arrival.request(|request| {
            let mut chooser = Chooser::new(router, arrival, request, live);
            let mut picks = Picks::default();
            chooser.pick(route, &mut picks);
            chooser.order(all.picked(&picks.taken))
        })
    }
}

/// The steps that a request takes, of those that a plan is laid as.
#[derive(Debug, Default)]
struct Picks {
    taken: SmallVec<[u16; 16]>,
    /// Where the part of the plan that comes next begins.
    next: usize,
}

impl Picks {
    fn take(&mut self, place: usize) {
        // Plans of more steps are laid for each request.
        self.taken.extend(u16::try_from(place).ok());
    }
}

struct Chooser<'a, L> {
    router: &'a Router,
    arrival: &'a Arrival,
    request: &'a Request<'a>,
    live: &'a L,
    chance: Chance,
    dropped: Vec<(TargetId, Option<PassedOver>)>,
    choices: Vec<Choice>,
    costs: Vec<(TargetId, Option<Pico>)>,
}

impl<'a, L: Gauges> Chooser<'a, L> {
    fn new(
        router: &'a Router,
        arrival: &'a Arrival,
        request: &'a Request<'a>,
        live: &'a L,
    ) -> Self {
        Self {
            router,
            arrival,
            request,
            live,
            chance: Chance::new(arrival.seed ^ DRAWS),
            dropped: Vec::new(),
            choices: Vec::new(),
            costs: Vec::new(),
        }
    }

    fn order(self, itinerary: Itinerary) -> Order {
        Order {
            itinerary,
            fixed: false,
            dropped: self.dropped,
            choices: self.choices,
            costs: self.costs,
        }
    }

    /// Picks what [`Self::course`] would lay.
    fn pick(&mut self, route: &'a Route, picks: &mut Picks) {
        let plans = &self.router.image().plans;
        match route {
            Route::Plan(id) => {
                if let Some(plan) = plans.get(id.index()) {
                    self.pick(&plan.route, picks);
                }
            }
            Route::Fallback(fallback) => {
                for arm in &fallback.tries {
                    if self.asked(arm) {
                        self.pick(&arm.route, picks);
                    } else {
                        picks.next += width(&arm.route, plans);
                    }
                }
            }
            Route::Listed(list) => {
                let mut candidates = Candidates::new();
                for (place, arm) in (picks.next..).zip(&list.arms) {
                    if self.asked(arm)
                        && let Some(attempt) = single(&arm.route, plans)
                        && self.able(attempt.target, list.filter.as_ref())
                    {
                        candidates.push(candidate(place, attempt.target, arm));
                    }
                }
                picks.next += list.arms.len();
                self.arrange(list, &mut candidates);
                candidates.iter().for_each(|c| picks.take(c.place));
                if let Some(otherwise) = &list.otherwise {
                    self.pick(otherwise, picks);
                }
            }
            _ => {
                picks.take(picks.next);
                picks.next += 1;
            }
        }
    }

    /// `None` where nothing of the route is for this request.
    fn course(&mut self, route: &'a Route) -> Option<Course<'a>> {
        match route {
            Route::Attempt(attempt) => Some(Course::Attempt(attempt)),
            Route::Plan(id) => self.course(&self.router.image().plans.get(id.index())?.route),
            Route::Fallback(fallback) => {
                Some(Course::Group(&fallback.terms, self.arms(&fallback.tries)))
            }
            Route::Listed(list) => Some(self.list(list)),
            Route::Split(split) => self.split(split),
            Route::Canary(canary) => self.canary(canary),
            Route::Hedge(hedge) => self.joint(Several::Hedge(hedge)),
            Route::Cascade(cascade) => self.joint(Several::Cascade(cascade)),
            Route::Ensemble(ensemble) => self.joint(Several::Ensemble(ensemble)),
        }
    }

    fn arms(&mut self, arms: &'a [Arm]) -> Vec<Course<'a>> {
        arms.iter()
            .filter_map(|arm| self.asked(arm).then(|| self.course(&arm.route)).flatten())
            .collect()
    }

    fn joint(&mut self, several: Several<'a>) -> Option<Course<'a>> {
        let arms = several.arms().enumerate();
        let arms = arms.filter_map(|(place, arm)| {
            let course = self.asked(arm).then(|| self.course(&arm.route)).flatten()?;
            Some((place, course))
        });
        let arms: Vec<_> = arms.collect();
        (!arms.is_empty()).then_some(Course::Joint(several, arms))
    }

    /// Whether an arm is for this request.
    fn asked(&self, arm: &Arm) -> bool {
        let holds = |guard| self.router.image().holds(guard, self.request, self.live);
        arm.when.is_none_or(holds)
    }

    fn list(&mut self, list: &'a Listed) -> Course<'a> {
        let mut candidates = Candidates::new();
        let mut courses = Vec::with_capacity(list.arms.len());
        for arm in &list.arms {
            if !self.asked(arm) {
                continue;
            }
            let Some(course) = self.course(&arm.route) else {
                continue;
            };
            let able = course.only(&mut |target| self.able(target, list.filter.as_ref()));
            let first = able.as_ref().and_then(Course::first);
            if let Some(first) = first {
                candidates.push(candidate(courses.len(), first, arm));
                courses.push(able);
            }
        }
        self.arrange(list, &mut candidates);
        let arranged = candidates.iter();
        let arranged = arranged.filter_map(|c| courses.get_mut(c.place)?.take());
        let mut parts: Vec<_> = arranged.collect();
        if let Some(otherwise) = &list.otherwise {
            parts.extend(self.course(otherwise));
        }
        Course::Group(&list.terms, parts)
    }

    /// Puts candidates in the order in which they are tried.
    fn arrange(&mut self, list: &Listed, candidates: &mut [Candidate]) {
        let alike = self.rank(list.by, candidates);
        self.stay(list, alike, candidates);
    }

    fn rank(&mut self, by: By, candidates: &mut [Candidate]) -> usize {
        match by {
            By::Cost => {
                self.costs.reserve(candidates.len());
                let begin = self.costs.len();
                for c in &*candidates {
                    self.costs.push((c.first, self.cost(c.first)));
                }
                let weighed = self.costs.get(begin..).unwrap_or_default();
                ranking::by_cost(candidates, weighed.iter().map(|(_, cost)| *cost))
            }
            By::Latency(quantile, over, explore) => {
                let (live, chance) = (self.live, &mut self.chance);
                let figure = |target| live.over(target, over).time(quantile);
                ranking::by_latency(candidates, figure, explore, chance)
            }
            By::Weight => {
                let (live, chance) = (self.live, &mut self.chance);
                ranking::by_weight(candidates, |one, other| busier(live, one, other), chance)
            }
        }
    }

    /// What this request is expected to cost at a target.
    fn cost(&self, target: TargetId) -> Option<Pico> {
        let target = self.router.fleet().targets.get(target.index())?;
        expected(target, self.arrival)
    }

    fn stay(&self, list: &Listed, alike: usize, candidates: &mut [Candidate]) {
        let affinity = list.terms.affinity;
        let Some(bond) = affinity.and_then(|a| bond(a, self.request, self.arrival)) else {
            return;
        };
        let share = |c: &Candidate| if list.by == By::Weight { c.weight } else { 1 };
        // One that is ill is left, and what stays with the others stays.
        let well = |target| {
            let down = self.live.health(target) == HealthState::Down;
            !down && !self.live.breaker_open(target)
        };
        let name = |target| self.router.name(target);
        ranking::stay(candidates, alike, bond, share, name, well);
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
                if self.dropped.iter().all(|(known, _)| *known != target) {
                    self.dropped.push((target, Some(reason)));
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
        self.choices.push(Choice {
            strategy: "split",
            arm: arm
                .name
                .clone()
                .unwrap_or_else(|| (place + 1).to_string().into()),
            bucket,
            share: None,
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
        let (ramp, now) = (self.router.ramp(canary), self.arrival.now);
        let share = ramp.map_or(canary.share, |ramp| ramp.share(canary, now));
        let chosen = bucket < share;
        let (choices, costs, dropped) = (self.choices.len(), self.costs.len(), self.dropped.len());
        let course = if chosen {
            self.course(&trial.route)
        } else {
            None
        };
        let first = course.as_ref().and_then(Course::first);
        let aborted = first.is_some_and(|first| canary.abort.iter().any(|r| self.broken(r, first)));
        let tried = chosen && !aborted;
        if aborted {
            if let Some(ramp) = ramp {
                ramp.restart(now);
            }
            // What was weighed inside of the trial decides nothing any more.
            self.choices.truncate(choices);
            self.costs.truncate(costs);
            self.dropped.truncate(dropped);
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
            share: ramp.map(|_| share),
            aborted,
        };
        self.choices.insert(choices, choice);
        if tried {
            course
        } else {
            self.course(&canary.base)
        }
    }

    /// Whether a target is beyond a threshold; what is not known is not.
    fn broken(&self, rule: &HealthRule, target: TargetId) -> bool {
        match *rule {
            HealthRule::LatencyAbove(quantile, limit, over) => {
                let time = self.live.over(target, over).time(quantile);
                time.is_some_and(|time| time > limit)
            }
            HealthRule::ErrorRateAbove(limit, over) => {
                let rate = self.live.over(target, over).error_rate;
                rate.is_some_and(|rate| rate > limit)
            }
            HealthRule::BreakerOpen => self.live.breaker_open(target),
        }
    }
}

fn candidate(place: usize, first: TargetId, arm: &Arm) -> Candidate {
    Candidate {
        place,
        first,
        weight: arm.weight,
        rank: 0,
    }
}

/// Whether a target is busier than another by so much that it shows: by how many attempts it has in flight and how long
/// each takes. Half as much again does not, as everywhere where targets are compared.
fn busier<L: Gauges>(live: &L, one: TargetId, other: TargetId) -> bool {
    let times = live.p50(one).zip(live.p50(other)).unwrap_or((1, 1));
    let load = |time: Millis, target| {
        time.max(1)
            .saturating_mul(u64::from(live.inflight(target)) + 1)
    };
    load(times.0, one).saturating_mul(2) > load(times.1, other).saturating_mul(3)
}
