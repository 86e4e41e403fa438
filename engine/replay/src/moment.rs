//! One request at one moment, as a test supposes it or as a recording holds it: what can be decided again, and explained.

use crate::arriving;
use crate::case::{Supposed, arrival};
use mux_dsl::Image;
use mux_dsl::case::Given;
use mux_dsl::image::{BasisPoints, BudgetId, Fleet, Millis, TargetId};
use mux_dsl::request::{HealthState, Live, Request};
use mux_routing::flight::Arrival;
use mux_traffic::record::{Figures, Record};

/// A request and the figures of its moment.
#[derive(Clone, Debug)]
pub struct Moment {
    arrival: Arrival,
    figures: Figured,
}

#[derive(Clone, Debug)]
enum Figured {
    Supposed(Box<Given>),
    Recorded(Box<Kept>),
}

/// Figures that are kept, by target and budget of the bundle that asks.
#[derive(Clone, Debug)]
struct Kept {
    targets: Vec<Option<Figures>>,
    used: Vec<u32>,
}

impl Moment {
    /// As a test gives it.
    #[must_use]
    pub fn supposed(given: &Given) -> Self {
        Self {
            arrival: arrival(given),
            figures: Figured::Supposed(Box::new(given.clone())),
        }
    }

    /// As a record holds it, for a bundle that may be another than the one that decided then.
    #[must_use]
    pub fn recorded(record: &Record, image: &Image) -> Self {
        let found = Recorded::of(record, image);
        let targets = (0..).map(TargetId).zip(&image.fleet.targets);
        let budgets = (0..).map(BudgetId).zip(&image.fleet.budgets);
        Self {
            arrival: arriving::arrival(
                record,
                record.id.clone(),
                record.request.clone(),
                mux_routing::SECOND,
            ),
            figures: Figured::Recorded(Box::new(Kept {
                targets: targets.map(|(t, _)| found.figures(t).cloned()).collect(),
                used: budgets.map(|(b, _)| found.spent(b)).collect(),
            })),
        }
    }

    /// The client's `model`, as sent.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.arrival.facts.model
    }

    /// Shows the request and its figures to `look`.
    pub fn look<T>(&self, look: impl FnOnce(&Request<'_>, &dyn Live) -> T) -> T {
        self.arrival.request(|request| match &self.figures {
            Figured::Supposed(given) => look(request, &Supposed { given }),
            Figured::Recorded(kept) => look(request, &Figuring(kept.as_ref())),
        })
    }
}

/// Where the figures of one moment are found.
pub(crate) trait Found {
    /// Those of a target; `None` where it was not there.
    fn figures(&self, target: TargetId) -> Option<&Figures>;
    /// The spent share of a budget.
    fn spent(&self, budget: BudgetId) -> u32;
}

impl Found for Kept {
    fn figures(&self, target: TargetId) -> Option<&Figures> {
        self.targets.get(target.index())?.as_ref()
    }

    fn spent(&self, budget: BudgetId) -> u32 {
        self.used.get(budget.index()).copied().unwrap_or(0)
    }
}

/// Figures as a record holds them, for the fleet that asks. They are looked for when a policy asks: few do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recorded<'r> {
    record: &'r Record,
    fleet: &'r Fleet,
}

impl<'r> Recorded<'r> {
    pub(crate) fn of(record: &'r Record, image: &'r Image) -> Self {
        let fleet = &image.fleet;
        Self { record, fleet }
    }
}

impl Found for Recorded<'_> {
    fn figures(&self, target: TargetId) -> Option<&Figures> {
        let name = &self.fleet.targets.get(target.index())?.name;
        let named = |f: &&Figures| f.target == **name;
        let live = &self.record.live;
        // Mostly it is the same fleet, in the same order.
        let there = live.get(target.index()).filter(named);
        there.or_else(|| live.iter().find(named))
    }

    fn spent(&self, budget: BudgetId) -> u32 {
        let budget = self.fleet.budgets.get(budget.index());
        let used = budget.and_then(|b| self.record.used.get(&*b.name));
        used.copied().unwrap_or(0)
    }
}

/// Figures that were found, as policies ask for them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figuring<'f, F>(pub(crate) &'f F);

impl<F: Found> Figuring<'_, F> {
    fn figure<T>(&self, target: TargetId, figure: impl FnOnce(&Figures) -> Option<T>) -> Option<T> {
        self.0.figures(target).and_then(figure)
    }
}

impl<F: Found> Live for Figuring<'_, F> {
    fn p50(&self, target: TargetId) -> Option<Millis> {
        self.figure(target, |f| f.p50_ms)
    }

    fn p95(&self, target: TargetId) -> Option<Millis> {
        self.figure(target, |f| f.p95_ms)
    }

    fn p99(&self, target: TargetId) -> Option<Millis> {
        self.figure(target, |f| f.p99_ms)
    }

    fn error_rate(&self, target: TargetId) -> Option<BasisPoints> {
        self.figure(target, |f| f.error_rate)
    }

    fn inflight(&self, target: TargetId) -> u32 {
        self.0.figures(target).map_or(0, |f| f.inflight)
    }

    fn breaker_open(&self, target: TargetId) -> bool {
        self.0.figures(target).is_some_and(|f| f.breaker == "open")
    }

    fn headroom(&self, target: TargetId) -> Option<BasisPoints> {
        self.figure(target, |f| f.headroom)
    }

    fn health(&self, target: TargetId) -> HealthState {
        match self.0.figures(target).map(|f| f.health.as_str()) {
            Some("down") => HealthState::Down,
            Some("degraded") => HealthState::Degraded,
            _ => HealthState::Ok,
        }
    }

    fn used(&self, budget: BudgetId, _: &Request<'_>) -> BasisPoints {
        self.0.spent(budget)
    }
}
