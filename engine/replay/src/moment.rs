//! One request at one moment, as a test supposes it or as a recording holds it: what can be decided again, and explained.

use crate::case::{Supposed, arrival};
use crate::traffic;
use mux_dsl::Image;
use mux_dsl::case::Given;
use mux_dsl::image::{BasisPoints, BudgetId, Millis, TargetId};
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
    Recorded(Recorded),
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
        let figures = |name: &str| record.live.iter().find(|f| f.target == name).cloned();
        let targets = image.fleet.targets.iter();
        let budgets = image.fleet.budgets.iter();
        let recorded = Recorded {
            targets: targets
                .map(|t| figures(&t.name).unwrap_or_default())
                .collect(),
            used: budgets
                .map(|b| record.used.get(&*b.name).copied().unwrap_or(0))
                .collect(),
        };
        Self {
            arrival: traffic::arrival(record, mux_routing::SECOND),
            figures: Figured::Recorded(recorded),
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
            Figured::Recorded(recorded) => look(request, recorded),
        })
    }
}

/// Figures as a record holds them, by target and budget of the bundle that asks.
#[derive(Clone, Debug)]
struct Recorded {
    targets: Vec<Figures>,
    used: Vec<u32>,
}

impl Recorded {
    fn of<T>(&self, target: TargetId, figure: impl FnOnce(&Figures) -> Option<T>) -> Option<T> {
        self.targets.get(target.index()).and_then(figure)
    }
}

impl Live for Recorded {
    fn p50(&self, target: TargetId) -> Option<Millis> {
        self.of(target, |f| f.p50_ms)
    }

    fn p95(&self, target: TargetId) -> Option<Millis> {
        self.of(target, |f| f.p95_ms)
    }

    fn p99(&self, target: TargetId) -> Option<Millis> {
        self.of(target, |f| f.p99_ms)
    }

    fn error_rate(&self, target: TargetId) -> Option<BasisPoints> {
        self.of(target, |f| f.error_rate)
    }

    fn inflight(&self, target: TargetId) -> u32 {
        self.of(target, |f| Some(f.inflight)).unwrap_or(0)
    }

    fn breaker_open(&self, target: TargetId) -> bool {
        self.of(target, |f| Some(f.breaker == "open"))
            .unwrap_or(false)
    }

    fn headroom(&self, target: TargetId) -> Option<BasisPoints> {
        self.of(target, |f| f.headroom)
    }

    fn health(&self, target: TargetId) -> HealthState {
        let word = self.of(target, |f| Some(f.health.clone()));
        match word.as_deref() {
            Some("down") => HealthState::Down,
            Some("degraded") => HealthState::Degraded,
            _ => HealthState::Ok,
        }
    }

    fn used(&self, budget: BudgetId, _: &Request<'_>) -> BasisPoints {
        self.used.get(budget.index()).copied().unwrap_or(0)
    }
}
