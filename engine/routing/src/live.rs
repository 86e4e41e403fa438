//! The live figures of a bundle's targets and budgets at one moment, as policies read them and records keep them.

use crate::breaker::Position;
use crate::ledger::Ledger;
use crate::target::TargetState;
use crate::{MILLI, Nanos};
use mux_dsl::image::{
    BasisPoints, BudgetId, Fleet, Health, HealthRule, Millis, Quantile, TargetId,
};
use mux_dsl::request::{HealthState, Live, Request};
use std::sync::Arc;

/// A view on live state, valid for one request.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub(crate) fleet: &'a Fleet,
    pub(crate) targets: &'a [Arc<TargetState>],
    pub(crate) unavailable: &'a [Option<Box<str>>],
    pub(crate) ledgers: &'a [Arc<Ledger>],
    pub(crate) now: Nanos,
}

impl View<'_> {
    fn state(&self, target: TargetId) -> Option<&TargetState> {
        self.targets.get(target.index()).map(AsRef::as_ref)
    }
}

impl Live for View<'_> {
    fn p50(&self, target: TargetId) -> Option<Millis> {
        self.state(target)?.quantiles(self.now).map(|q| q.p50)
    }

    fn p95(&self, target: TargetId) -> Option<Millis> {
        self.state(target)?.quantiles(self.now).map(|q| q.p95)
    }

    fn p99(&self, target: TargetId) -> Option<Millis> {
        self.state(target)?.quantiles(self.now).map(|q| q.p99)
    }

    fn error_rate(&self, target: TargetId) -> Option<BasisPoints> {
        self.state(target)?.error_rate(None, self.now)
    }

    fn inflight(&self, target: TargetId) -> u32 {
        self.state(target).map_or(0, TargetState::inflight)
    }

    fn breaker_open(&self, target: TargetId) -> bool {
        self.state(target)
            .is_some_and(|state| state.position(self.now) == Position::Open)
    }

    fn headroom(&self, target: TargetId) -> Option<BasisPoints> {
        self.state(target)?.headroom(self.now)
    }

    fn health(&self, target: TargetId) -> HealthState {
        let unavailable = self
            .unavailable
            .get(target.index())
            .is_none_or(Option::is_some);
        let Some(state) = self.state(target).filter(|_| !unavailable) else {
            return HealthState::Down;
        };
        let holds = |rule: &HealthRule| match *rule {
            HealthRule::LatencyAbove(quantile, limit, _) => {
                state.quantiles(self.now).is_some_and(|q| {
                    let measured = match quantile {
                        Quantile::P50 => q.p50,
                        Quantile::P95 => q.p95,
                        Quantile::P99 => q.p99,
                    };
                    measured > limit
                })
            }
            HealthRule::ErrorRateAbove(limit, over) => state
                .error_rate(Some(over * MILLI), self.now)
                .is_some_and(|r| r > limit),
            HealthRule::BreakerOpen => state.position(self.now) == Position::Open,
        };
        match &self.fleet.health {
            Some(Health { down, .. }) if down.iter().any(holds) => HealthState::Down,
            Some(Health { degraded, .. }) if degraded.iter().any(holds) => HealthState::Degraded,
            None if holds(&HealthRule::BreakerOpen) => HealthState::Down,
            Some(_) | None => HealthState::Ok,
        }
    }

    fn used(&self, budget: BudgetId, request: &Request<'_>) -> BasisPoints {
        match (
            self.ledgers.get(budget.index()),
            self.fleet.budgets.get(budget.index()),
        ) {
            (Some(ledger), Some(budget)) => ledger.used(budget, request),
            _ => 0,
        }
    }
}
