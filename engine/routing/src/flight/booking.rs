//! What an attempt cost and what its end says about its target.

use super::{Failure, Flight, PassedOver};
use crate::Nanos;
use crate::attempt::Awaits;
use crate::ledger::Reservations;
use crate::price::worst_of;
use crate::target::Ended;
use mux_dsl::image::TargetId;
use mux_traffic::record::Usage;
use std::sync::Arc;

impl Flight {
    /// Books the end of an attempt.
    pub(super) fn settle(&mut self, attempt: usize, failure: Failure, now: Nanos) {
        let router = Arc::clone(&self.router);
        let charges = self.admission.charges(&router);
        let (tokens, moment) = (u64::from(self.arrival.facts.tokens), self.arrival.at);
        let at = self.attempts.get(attempt).map(|a| (a.leg, a.step));
        let rule = at
            .map(|(leg, step)| self.rule(leg, step))
            .unwrap_or_default();
        let load = self.attempts.get(attempt).map(|a| self.load(a));
        let (Some(a), Some(load)) = (self.attempts.get_mut(attempt), load) else {
            return;
        };
        a.end = Some(now);
        a.class = failure.class;
        a.status = failure.status.or(a.status);
        a.retry_after = failure.retry_after;
        a.message = failure.message;
        let (worked, text) = (a.ambiguous(failure.class), a.text);
        a.usage = failure.usage.filter(plausible).or_else(|| {
            worked.then(|| Usage {
                input: tokens,
                output: text.div_ceil(4),
                estimated: true,
                ..Usage::default()
            })
        });
        a.cost = match &a.usage {
            None => Some(0),
            Some(usage) => router.cost(a.target, a.model.as_deref(), usage, moment),
        };
        if let Some(state) = router.state(a.target) {
            let ended = Ended {
                start: a.start,
                load,
                waited: a.awaits != Awaits::Nothing,
                class: failure.class,
                permit: a.permit,
                retry_after: failure.retry_after,
            };
            state.settle(&ended, &rule, now, &mut self.chance);
        }
        let (kept, cost) = (std::mem::take(&mut a.reserved), a.cost.unwrap_or(0));
        self.arrival
            .request(|request| router.settle(charges.into_iter(), &kept, request, cost));
    }
}

impl Flight {
    /// Keeps what an attempt at a target may cost at worst of those budgets whose cap is never passed.
    pub(super) fn set_aside(&self, target: TargetId) -> Result<Reservations, PassedOver> {
        let budgets = &self.router.fleet().budgets;
        if !budgets.iter().any(|b| b.hard) {
            return Ok(Reservations::new());
        }
        let charges = self.admission.charges(&self.router);
        let target = self.router.fleet().targets.get(target.index());
        let facts = &self.arrival.facts;
        let worst = target.and_then(|target| {
            let most = target.output.or(target.context);
            let output = facts.output_limit.into_iter().chain(most).min()?;
            worst_of(target, facts.tokens, output)
        });
        let kept = self
            .arrival
            .request(|request| self.router.reserve(charges.iter().copied(), request, worst));
        kept.map_err(|id| {
            let name = budgets.get(id.index()).map(|b| b.name.clone());
            let name = name.unwrap_or_default();
            match worst {
                Some(_) => PassedOver::Budget(name),
                None => PassedOver::Unpriced(name),
            }
        })
    }
}

/// Whether a provider's count can be true: no window and no answer is near these sizes, and a budget must not be emptied
/// by a slip of the pen.
fn plausible(usage: &Usage) -> bool {
    usage.input <= 50_000_000 && usage.output <= 5_000_000
}
