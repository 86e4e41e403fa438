//! Limits. Rates follow the generic cell rate algorithm (ITU-T I.371), one word a counter, no lock.
//!
//! The word is the time at which the bucket would be full again. A request of cost `c` at rate `n` per span moves it on
//! by `c·span/n`, and passes while it is at most one span ahead of now: a burst of `n` is allowed, then the rate. Of a
//! limit on what is in flight the word is how much is.

use crate::MILLI;
use crate::Nanos;
use crate::atomics::{AtomicU64, Ordering::Relaxed};
use crate::counters::Counters;
use mux_dsl::image::{Rate, RateUnit};
use mux_dsl::request::Request;
use smallvec::SmallVec;
use std::sync::Arc;

/// The counters of one rate.
#[derive(Debug, Default)]
pub struct Meter {
    counters: Counters<AtomicU64>,
}

/// Why a limit does not let a request pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// It would after this time.
    Wait(Nanos),
    /// It never would: the request alone is more than the rate allows.
    Never,
    /// As many are in flight as may be.
    Full,
}

impl Meter {
    /// Takes what `request` costs; its place, of a limit on what is in flight.
    ///
    /// # Errors
    /// Why it does not pass.
    pub fn take(
        &self,
        rate: &Rate,
        request: &Request<'_>,
        now: Nanos,
    ) -> Result<Option<Place>, Over> {
        if rate.unit == RateUnit::Concurrent {
            return self.enter(rate, request).map(Some);
        }
        let (cost, span) = (cost(rate, request), rate.per * MILLI);
        if cost > span {
            return Err(Over::Never);
        }
        let word = self
            .counters
            .of(&rate.scope, request, |w| w.load(Relaxed) <= now);
        word.fetch_update(Relaxed, Relaxed, |full| {
            let next = full.max(now) + cost;
            (next <= now + span).then_some(next)
        })
        .map(|_| None)
        .map_err(|full| Over::Wait((full.max(now) + cost).saturating_sub(now + span)))
    }

    fn enter(&self, rate: &Rate, request: &Request<'_>) -> Result<Place, Over> {
        let word = self
            .counters
            .of(&rate.scope, request, |w| w.load(Relaxed) == 0);
        let entered = word.fetch_update(Relaxed, Relaxed, |inside| {
            (inside < rate.amount).then_some(inside + 1)
        });
        entered.map_err(|_| Over::Full)?;
        Ok(Place(word))
    }

    /// Gives back what a request took that was then refused elsewhere. Places give themselves back.
    pub fn give_back(&self, rate: &Rate, request: &Request<'_>, now: Nanos) {
        if rate.unit == RateUnit::Concurrent {
            return;
        }
        let cost = cost(rate, request);
        self.counters
            .of(&rate.scope, request, |w| w.load(Relaxed) <= now)
            .fetch_sub(cost, Relaxed);
    }
}

/// One of those in flight; dropped when it is not any more.
#[derive(Debug)]
pub struct Place(Arc<AtomicU64>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// The places of one request.
#[derive(Debug, Default)]
pub struct Places(SmallVec<[Place; 1]>);

impl Places {
    /// Keeps one more.
    pub fn keep(&mut self, place: Place) {
        self.0.push(place);
    }

    /// Gives all of them back; also done when dropped.
    pub fn give_back(&mut self) {
        self.0.clear();
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

    fn passes(taken: Result<Option<Place>, Over>) -> Result<(), Over> {
        taken.map(drop)
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
            assert_eq!(passes(meter.take(&rate, &a, SECOND)), Ok(()));
        }
        assert_eq!(
            passes(meter.take(&rate, &a, SECOND)),
            Err(Over::Wait(SECOND))
        );
        assert_eq!(
            passes(meter.take(&rate, &request("b", 0), SECOND)),
            Ok(()),
            "another key has its own bucket"
        );
        assert_eq!(passes(meter.take(&rate, &a, 2 * SECOND)), Ok(()));
        assert!(meter.take(&rate, &a, 2 * SECOND).is_err());
    }

    #[test]
    fn a_request_larger_than_the_bucket_never_passes_and_takes_nothing() {
        let (meter, rate) = (Meter::default(), rate(1_000, RateUnit::Tokens));
        assert_eq!(
            passes(meter.take(&rate, &request("a", 1_001), 0)),
            Err(Over::Never)
        );
        assert_eq!(passes(meter.take(&rate, &request("a", 1_000), 0)), Ok(()));
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let (meter, rate) = (Meter::default(), rate(1, RateUnit::Requests));
        let a = request("a", 0);
        assert_eq!(passes(meter.take(&rate, &a, 0)), Ok(()));
        meter.give_back(&rate, &a, 0);
        assert_eq!(passes(meter.take(&rate, &a, 0)), Ok(()));
    }

    #[test]
    fn a_place_is_free_again_when_it_is_dropped() {
        let (meter, rate) = (Meter::default(), rate(2, RateUnit::Concurrent));
        let a = request("a", 0);
        let mut places = Places::default();
        for _ in 0..2 {
            places.keep(meter.take(&rate, &a, 0).unwrap().unwrap());
        }
        assert_eq!(passes(meter.take(&rate, &a, 0)), Err(Over::Full));
        assert_eq!(
            passes(meter.take(&rate, &request("b", 0), 0)),
            Ok(()),
            "another key has its own places"
        );
        places.give_back();
        places.give_back();
        let both = [meter.take(&rate, &a, 0), meter.take(&rate, &a, 0)];
        assert!(both.iter().all(Result::is_ok), "given back once each");
        assert_eq!(passes(meter.take(&rate, &a, 0)), Err(Over::Full));
    }
}
