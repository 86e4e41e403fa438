//! The live figures of a decision: read once, and then both what the policy reads and what the record holds.

use crate::Nanos;
use crate::breaker::Position;
use crate::history::{self, Measured};
use crate::live::View;
use crate::router::Router;
use mux_dsl::image::{BasisPoints, BudgetId, Millis, TargetId};
use mux_dsl::request::{HealthState, Live, Request};
use smallvec::SmallVec;

/// Live figures of one target at the decision.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Median, 95th and 99th percentile of the time to first content, milliseconds.
    times: [Told<u32>; 3],
    error_rate: Told<u16>,
    headroom: Told<u16>,
    score: u16,
    health: HealthState,
    position: Position,
    inflight: u32,
}

/// One more than what is told; 0 is nothing. What does not fit is the most that does: 49 days, and more than all.
#[derive(Clone, Copy, Debug)]
struct Told<T>(T);

impl Told<u32> {
    fn of(told: Option<u64>) -> Self {
        let one_more = told.map_or(0, |ms| ms.saturating_add(1));
        Self(u32::try_from(one_more).unwrap_or(u32::MAX))
    }

    fn get(self) -> Option<u64> {
        self.0.checked_sub(1).map(u64::from)
    }
}

impl Told<u16> {
    fn of(told: Option<u32>) -> Self {
        let one_more = told.map_or(0, |bp| bp.saturating_add(1));
        Self(u16::try_from(one_more).unwrap_or(u16::MAX))
    }

    fn get(self) -> Option<u32> {
        self.0.checked_sub(1).map(u32::from)
    }
}

/// Live figures that can be read all at once: every request reads all of every target.
pub trait Gauges: Live {
    /// Those over a span; what is told of the last minute where nothing else is.
    fn over(&self, target: TargetId, _span: Millis) -> Measured {
        lately(self, target)
    }

    /// Those of one target; `None` where there is none. `router` tells what is not told otherwise.
    fn figure(&self, router: &Router, target: TargetId, now: Nanos) -> Option<Figure> {
        let state = router.state(target)?;
        let position = match state.position(now) {
            _ if self.breaker_open(target) => Position::Open,
            Position::Open => Position::Closed,
            position => position,
        };
        let times = [self.p50(target), self.p95(target), self.p99(target)];
        Some(Figure {
            times: times.map(Told::<u32>::of),
            error_rate: Told::<u16>::of(self.error_rate(target)),
            headroom: Told::<u16>::of(self.headroom(target)),
            score: u16::try_from(state.score(now)).unwrap_or(u16::MAX),
            health: self.health(target),
            position,
            inflight: self.inflight(target),
        })
    }
}

impl Gauges for View<'_> {
    fn over(&self, target: TargetId, span: Millis) -> Measured {
        self.measured(target, span)
            .unwrap_or_else(|| lately(self, target))
    }

    fn figure(&self, _: &Router, target: TargetId, _: Nanos) -> Option<Figure> {
        let (state, now) = (self.state(target)?, self.now);
        let (position, condition) = (state.position(now), state.condition(now));
        Some(Figure {
            times: state.times(now).map(Told),
            error_rate: Told::<u16>::of(condition.error_rate),
            headroom: Told::<u16>::of(state.headroom(now)),
            score: u16::try_from(condition.score).unwrap_or(u16::MAX),
            health: self.judged(target, state, position),
            position,
            inflight: state.inflight(),
        })
    }
}

impl Figure {
    /// Median, 95th and 99th percentile of the time to first content, milliseconds.
    #[must_use]
    pub fn times(&self) -> [Option<Millis>; 3] {
        self.times.map(Told::<u32>::get)
    }

    /// Share of failures.
    #[must_use]
    pub fn error_rate(&self) -> Option<BasisPoints> {
        self.error_rate.get()
    }

    /// State by the `health` block.
    #[must_use]
    pub fn health(&self) -> HealthState {
        self.health
    }

    /// Where its breaker stood.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// How well it was, basis points; see [`crate::score`].
    #[must_use]
    pub fn score(&self) -> u32 {
        self.score.into()
    }

    /// Attempts in flight.
    #[must_use]
    pub fn inflight(&self) -> u32 {
        self.inflight
    }

    /// Share left of its tightest rate limit.
    #[must_use]
    pub fn headroom(&self) -> Option<BasisPoints> {
        self.headroom.get()
    }
}

/// Those of the last minute.
fn lately<L: Live + ?Sized>(live: &L, target: TargetId) -> Measured {
    Measured {
        times: [live.p50(target), live.p95(target), live.p99(target)],
        error_rate: live.error_rate(target),
    }
}

/// Reads those of every target, whether or not a policy asks for them.
pub(crate) fn read<L: Gauges>(router: &Router, live: &L, now: Nanos, into: &mut Figures) {
    let targets = u32::try_from(router.fleet().targets.len()).unwrap_or(0);
    let all = (0..targets).map(TargetId);
    // One that is not there would move the others up; there is none.
    into.extend(all.map_while(|target| live.figure(router, target, now)));
}

/// The same over every longer span that a bundle asks for.
pub(crate) fn read_longer<L: Gauges>(router: &Router, live: &L) -> Vec<Measured> {
    let spans = router.spans();
    if spans.is_empty() {
        return Vec::new();
    }
    let targets = u32::try_from(router.fleet().targets.len()).unwrap_or(0);
    let all = (0..targets).map(TargetId);
    let each = |target| spans.iter().map(move |span| live.over(target, *span));
    all.flat_map(each).collect()
}

/// Those of every target, in their order.
pub type Figures = SmallVec<[Figure; 16]>;

/// What was read, as policies ask for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    pub(crate) figures: &'a [Figure],
    /// Spent shares of every budget, basis points.
    pub(crate) used: &'a [BasisPoints],
    /// Spans of more than a minute, and the figures of every target over each of them.
    pub(crate) spans: &'a [Millis],
    pub(crate) longer: &'a [Measured],
}

impl Known<'_> {
    fn of(&self, target: TargetId) -> Option<&Figure> {
        self.figures.get(target.index())
    }

    fn time(&self, target: TargetId, which: usize) -> Option<Millis> {
        self.of(target)?.times.get(which)?.get()
    }
}

impl Gauges for Known<'_> {
    fn over(&self, target: TargetId, span: Millis) -> Measured {
        let place = history::place(self.spans, target, span);
        let told = place.and_then(|place| self.longer.get(place)).copied();
        told.unwrap_or_else(|| lately(self, target))
    }
}

impl Live for Known<'_> {
    fn p50(&self, target: TargetId) -> Option<Millis> {
        self.time(target, 0)
    }

    fn p95(&self, target: TargetId) -> Option<Millis> {
        self.time(target, 1)
    }

    fn p99(&self, target: TargetId) -> Option<Millis> {
        self.time(target, 2)
    }

    fn error_rate(&self, target: TargetId) -> Option<BasisPoints> {
        self.of(target)?.error_rate()
    }

    fn inflight(&self, target: TargetId) -> u32 {
        self.of(target).map_or(0, Figure::inflight)
    }

    fn breaker_open(&self, target: TargetId) -> bool {
        self.of(target)
            .is_some_and(|f| f.position == Position::Open)
    }

    fn headroom(&self, target: TargetId) -> Option<BasisPoints> {
        self.of(target)?.headroom()
    }

    fn health(&self, target: TargetId) -> HealthState {
        self.of(target).map_or(HealthState::Down, Figure::health)
    }

    fn used(&self, budget: BudgetId, _: &Request<'_>) -> BasisPoints {
        self.used.get(budget.index()).copied().unwrap_or(0)
    }
}
