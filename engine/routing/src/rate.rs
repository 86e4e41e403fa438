//! Rate limits: the generic cell rate algorithm (ITU-T I.371), one word a counter, no lock.
//!
//! The word is the time at which the bucket would be full again. A request of cost `c` at rate `n` per span moves it on
//! by `c·span/n`, and passes while it is at most one span ahead of now: a burst of `n` is allowed, then the rate.

use crate::MILLI;
use crate::Nanos;
use crate::counters::Counters;
use mux_dsl::image::{Rate, RateUnit};
use mux_dsl::request::Request;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The counters of one rate.
#[derive(Debug, Default)]
pub struct Meter {
    counters: Counters<AtomicU64>,
}

impl Meter {
    /// Takes what `request` costs.
    ///
    /// # Errors
    /// How long to wait, where the rate is exceeded; `None` where the request alone is more than the rate ever allows.
    pub fn take(
        &self,
        rate: &Rate,
        request: &Request<'_>,
        now: Nanos,
    ) -> Result<(), Option<Nanos>> {
        let (cost, span) = (cost(rate, request), rate.per * MILLI);
        if cost > span {
            return Err(None);
        }
        let word = self
            .counters
            .of(&rate.scope, request, |w| w.load(Relaxed) <= now);
        word.fetch_update(Relaxed, Relaxed, |full| {
            let next = full.max(now) + cost;
            (next <= now + span).then_some(next)
        })
        .map(drop)
        .map_err(|full| Some((full.max(now) + cost).saturating_sub(now + span)))
    }

    /// Gives back what a request took that was then refused elsewhere.
    pub fn give_back(&self, rate: &Rate, request: &Request<'_>, now: Nanos) {
        let cost = cost(rate, request);
        self.counters
            .of(&rate.scope, request, |w| w.load(Relaxed) <= now)
            .fetch_sub(cost, Relaxed);
    }
}

fn cost(rate: &Rate, request: &Request<'_>) -> Nanos {
    let units = match rate.unit {
        RateUnit::Requests => 1,
        RateUnit::Tokens => u64::from(request.tokens),
        RateUnit::Concurrent => 0,
    };
    let nanos = u128::from(units) * u128::from(rate.per * MILLI) / u128::from(rate.amount.max(1));
    u64::try_from(nanos).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SECOND;
    use mux_dsl::image::{Features, Scope};

    fn request(key: &str, tokens: u32) -> Request<'_> {
        Request {
            model: "@a",
            key: Some(key),
            team: None,
            end_user: None,
            conversation: None,
            tags: &[],
            headers: &[],
            operation: "chat",
            dialect: "openai-chat",
            tokens,
            output_limit: None,
            streaming: false,
            needs: Features::default(),
            now: 0,
        }
    }

    fn rate(amount: u64, unit: RateUnit) -> Rate {
        Rate {
            amount,
            unit,
            per: 60_000,
            scope: vec![Scope::Key],
        }
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let (meter, rate) = (Meter::default(), rate(60, RateUnit::Requests));
        let a = request("a", 0);
        for _ in 0..60 {
            assert_eq!(meter.take(&rate, &a, SECOND), Ok(()));
        }
        assert_eq!(meter.take(&rate, &a, SECOND), Err(Some(SECOND)));
        assert_eq!(
            meter.take(&rate, &request("b", 0), SECOND),
            Ok(()),
            "another key has its own bucket"
        );
        assert_eq!(meter.take(&rate, &a, 2 * SECOND), Ok(()));
        assert!(meter.take(&rate, &a, 2 * SECOND).is_err());
    }

    #[test]
    fn a_request_larger_than_the_bucket_never_passes_and_takes_nothing() {
        let (meter, rate) = (Meter::default(), rate(1_000, RateUnit::Tokens));
        assert_eq!(meter.take(&rate, &request("a", 1_001), 0), Err(None));
        assert_eq!(meter.take(&rate, &request("a", 1_000), 0), Ok(()));
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let (meter, rate) = (Meter::default(), rate(1, RateUnit::Requests));
        let a = request("a", 0);
        assert_eq!(meter.take(&rate, &a, 0), Ok(()));
        meter.give_back(&rate, &a, 0);
        assert_eq!(meter.take(&rate, &a, 0), Ok(()));
    }
}
