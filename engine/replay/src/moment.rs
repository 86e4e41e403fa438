//! One request at one moment, as a test supposes it or as a recording holds it: what can be decided again, and explained.

use crate::case::{Supposed, arrival};
use crate::traffic;
use mux_dsl::Image;
use mux_dsl::case::Given;
use mux_dsl::image::{BasisPoints, BudgetId, Millis, Target, TargetId};
use mux_dsl::request::{HealthState, Live, Request};
use mux_routing::flight::Arrival;
use mux_traffic::record::{Figures, Record};
use smallvec::SmallVec;
use std::borrow::Borrow;

/// A request and the figures of its moment.
#[derive(Clone, Debug)]
pub struct Moment {
    arrival: Arrival,
    figures: Figured,
}

#[derive(Clone, Debug)]
enum Figured {
    Supposed(Box<Given>),
    Recorded(Box<Recorded<Figures>>),
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
        let Recorded { targets, used } = Recorded::of(record, image);
        Self {
            arrival: traffic::arrival(
                record,
                record.id.clone(),
                record.request.clone(),
                mux_routing::SECOND,
            ),
            figures: Figured::Recorded(Box::new(Recorded {
                targets: targets
                    .into_iter()
                    .map(Option::<&Figures>::cloned)
                    .collect(),
                used,
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
            Figured::Recorded(recorded) => look(request, &**recorded),
        })
    }
}

/// Figures as a record holds them, by target and budget of the bundle that asks.
#[derive(Clone, Debug)]
pub(crate) struct Recorded<F> {
    targets: SmallVec<[Option<F>; 8]>,
    used: SmallVec<[u32; 4]>,
}

impl<'r> Recorded<&'r Figures> {
    /// Of a record, without copying anything.
    pub(crate) fn of(record: &'r Record, image: &Image) -> Self {
        // Mostly it is the same fleet, in the same order.
        let figures = |(place, target): (usize, &Target)| {
            let named = |f: &&Figures| f.target == *target.name;
            let there = record.live.get(place).filter(named);
            there.or_else(|| record.live.iter().find(named))
        };
        let budgets = image.fleet.budgets.iter();
        Self {
            targets: image
                .fleet
                .targets
                .iter()
                .enumerate()
                .map(figures)
                .collect(),
            used: budgets
                .map(|b| record.used.get(&*b.name).copied().unwrap_or(0))
                .collect(),
        }
    }
}

impl<F: Borrow<Figures>> Recorded<F> {
    fn of_target<T>(
        &self,
        target: TargetId,
        figure: impl FnOnce(&Figures) -> Option<T>,
    ) -> Option<T> {
        let figures = self.targets.get(target.index())?.as_ref()?;
        figure(figures.borrow())
    }
}

impl<F: Borrow<Figures>> Live for Recorded<F> {
    fn p50(&self, target: TargetId) -> Option<Millis> {
        self.of_target(target, |f| f.p50_ms)
    }

    fn p95(&self, target: TargetId) -> Option<Millis> {
        self.of_target(target, |f| f.p95_ms)
    }

    fn p99(&self, target: TargetId) -> Option<Millis> {
        self.of_target(target, |f| f.p99_ms)
    }

    fn error_rate(&self, target: TargetId) -> Option<BasisPoints> {
        self.of_target(target, |f| f.error_rate)
    }

    fn inflight(&self, target: TargetId) -> u32 {
        self.of_target(target, |f| Some(f.inflight)).unwrap_or(0)
    }

    fn breaker_open(&self, target: TargetId) -> bool {
        self.of_target(target, |f| Some(f.breaker == "open"))
            .unwrap_or(false)
    }

    fn headroom(&self, target: TargetId) -> Option<BasisPoints> {
        self.of_target(target, |f| f.headroom)
    }

    fn health(&self, target: TargetId) -> HealthState {
        let word = self.of_target(target, |f| Some(f.health.clone()));
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
