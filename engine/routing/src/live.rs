//! The live figures of a bundle's targets and budgets at one moment, as policies read them and records keep them.

use crate::breaker::Position;
use crate::excess::Excess;
use crate::history::{Measured, Spans};
use crate::ledger::Ledger;
use crate::quantiles::Quantiles;
use crate::target::TargetState;
use crate::{MILLI, Nanos};
use mux_dsl::image::{BasisPoints, BudgetId, Fleet, Health, HealthRule, Millis, TargetId};
use mux_dsl::request::{HealthState, Live, Request};
use std::sync::Arc;

/// A view on live state, valid for one request.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub(crate) fleet: &'a Fleet,
    pub(crate) targets: &'a [Arc<TargetState>],
    pub(crate) excesses: &'a [Excess],
    pub(crate) unavailable: &'a [Option<Box<str>>],
    pub(crate) ledgers: &'a [Arc<Ledger>],
    pub(crate) spans: &'a Spans,
    pub(crate) now: Nanos,
}

impl View<'_> {
    pub(crate) fn state(&self, target: TargetId) -> Option<&TargetState> {
        self.targets.get(target.index()).map(AsRef::as_ref)
    }

    /// Figures of a target over a span that its bundle asks for; `None` of the last minute and less, which are at hand.
    pub(crate) fn measured(&self, target: TargetId, over: Millis) -> Option<Measured> {
        let history = self.state(target)?.history();
        self.spans.get((target, history), over, self.now)
    }

    /// The state of a target by the `health` block.
    pub(crate) fn judged(
        &self,
        target: TargetId,
        state: &TargetState,
        position: Position,
    ) -> HealthState {
        let unavailable = self
            .unavailable
            .get(target.index())
            .is_none_or(Option::is_some);
        if unavailable {
            return HealthState::Down;
        }
        let open = position == Position::Open;
        let Some(Health { down, degraded }) = &self.fleet.health else {
            return if open {
                HealthState::Down
            } else {
                HealthState::Ok
            };
        };
        let exceeds = |rules: &[HealthRule]| {
            rules.iter().any(|rule| match *rule {
                HealthRule::ErrorRateAbove(limit, over) => {
                    let rate = match self.measured(target, over) {
                        Some(longer) => longer.error_rate,
                        None => state.failing(over * MILLI, self.now),
                    };
                    rate.is_some_and(|rate| rate > limit)
                }
                HealthRule::LatencyAbove(..) | HealthRule::BreakerOpen => false,
            })
        };
        let excess = self.excesses.get(target.index());
        let excess = excess.map(|e| {
            let count = || (exceeds(down), exceeds(degraded));
            e.get(state.turns(), self.now, count)
        });
        let (failing, faltering) = excess.unwrap_or_default();
        let holds = |rule: &HealthRule| match *rule {
            HealthRule::LatencyAbove(quantile, limit, over) => {
                let measured = self.measured(target, over).unwrap_or_else(|| Measured {
                    times: Quantiles::each(state.quantiles(self.now)),
                    error_rate: None,
                });
                measured.time(quantile).is_some_and(|time| time > limit)
            }
            // Counted above.
            HealthRule::ErrorRateAbove(..) => false,
            HealthRule::BreakerOpen => open,
        };
        if failing || down.iter().any(holds) {
            HealthState::Down
        } else if faltering || degraded.iter().any(holds) {
            HealthState::Degraded
        } else {
            HealthState::Ok
        }
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
        self.state(target)?.error_rate(self.now)
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
        let state = self.state(target);
        state.map_or(HealthState::Down, |state| {
            self.judged(target, state, state.position(self.now))
        })
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
