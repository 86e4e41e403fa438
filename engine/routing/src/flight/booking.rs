//! What an attempt cost and what its end says about its target.

use super::{Failure, Flight};
use crate::Nanos;
use crate::price::cost;
use crate::target::Ended;
use mux_traffic::record::Usage;
use std::sync::Arc;

impl Flight {
    /// Books the end of the attempt under way.
    pub(super) fn settle(&mut self, failure: Failure, now: Nanos) {
        let router = Arc::clone(&self.router);
        let charges = self.admission.charges(&router);
        let tokens = u64::from(self.arrival.facts.tokens);
        let rule = self.attempts.last().map(|a| a.step);
        let rule = rule.map(|step| self.rule(step)).unwrap_or_default();
        let Some(a) = self.attempts.last_mut() else {
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
        let price = router
            .fleet()
            .targets
            .get(a.target.index())
            .and_then(|t| t.price);
        a.cost = match (&a.usage, price) {
            (None, _) => Some(0),
            (Some(usage), Some(price)) => Some(cost(&price, usage)),
            (Some(_), None) => None,
        };
        if let Some(state) = router.state(a.target) {
            let ended = Ended {
                start: a.start,
                load: self.arrival.load(),
                waited: !a.answered,
                class: failure.class,
                permit: a.permit,
                retry_after: failure.retry_after,
            };
            state.settle(&ended, &rule, now, &mut self.chance);
        }
        if let Some(amount) = a.cost.filter(|c| *c > 0) {
            self.arrival
                .request(|request| router.charge(charges.into_iter(), request, amount));
        }
    }
}

/// Whether a provider's count can be true: no window and no answer is near these sizes, and a budget must not be emptied
/// by a slip of the pen.
fn plausible(usage: &Usage) -> bool {
    usage.input <= 50_000_000 && usage.output <= 5_000_000
}
