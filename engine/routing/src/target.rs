//! What is known of one target. It outlives bundles: a reload neither forgets an outage nor invents health.

use crate::breaker::{Breaker, Permit, Position, Rule};
use crate::chance::Chance;
use crate::class::{Class, Meaning};
use crate::histogram::Histogram;
use crate::window::Window;
use crate::{MILLI, Nanos, SECOND};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// Longest wait a provider may ask for.
const LONGEST_WAIT: Nanos = 300 * SECOND;
/// How long a refused credential is left alone where another target can serve.
const CREDENTIAL_PAUSE: Nanos = 60 * SECOND;
/// Wait after a 429 that names none.
const THROTTLE_PAUSE: Nanos = SECOND;
/// How old published quantiles may be.
const FRESH: Nanos = 250 * MILLI;
/// Span of the error rate that policies read.
const ERROR_SPAN: Nanos = 60 * SECOND;
/// Fewest attempts an error rate is told from.
const ENOUGH: u32 = 5;

/// Live state of one `(provider, endpoint, credential, model)`.
#[derive(Debug, Default)]
pub struct TargetState {
    breaker: Breaker,
    window: Window,
    first_content: Histogram,
    inflight: AtomicU32,
    /// Do not call before: the provider said so.
    throttled_until: AtomicU64,
    /// Do not call before, unless nothing else is left: the provider refused the credential.
    refused_until: AtomicU64,
    /// When the newest of these blocks was set.
    blocked_at: AtomicU64,
    /// Published [`Quantiles`]; 0 is unknown.
    quantiles: AtomicU64,
    published: AtomicU64,
}

/// Percentiles of the time to first content, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantiles {
    /// Median.
    pub p50: u64,
    /// 95th.
    pub p95: u64,
    /// 99th.
    pub p99: u64,
}

impl Quantiles {
    /// Bits of each in a word: 35 minutes, more than an attempt may last.
    const BITS: u32 = 21;

    /// One word, so that they are published together; each plus one, and so never 0.
    fn pack(self) -> u64 {
        [self.p50, self.p95, self.p99]
            .into_iter()
            .fold(0, |word, ms| {
                word << Self::BITS | (ms + 1).min((1 << Self::BITS) - 1)
            })
    }

    fn unpack(word: u64) -> Option<Self> {
        let part =
            |place: u32| (word >> (place * Self::BITS) & ((1 << Self::BITS) - 1)).checked_sub(1);
        Some(Self {
            p50: part(2)?,
            p95: part(1)?,
            p99: part(0)?,
        })
    }
}

/// Why a target is not called now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barred {
    /// Its breaker is open until then.
    Breaker(Nanos),
    /// The provider asked to wait until then.
    Throttled(Nanos),
    /// The provider refused our credential; tried again then.
    Credential(Nanos),
}

impl TargetState {
    /// Asks to start an attempt. `force` passes an open breaker or a refused credential, never a wait the provider asked for.
    ///
    /// # Errors
    /// Why not now.
    pub fn admit(&self, now: Nanos, force: bool) -> Result<Permit, Barred> {
        let throttled = self.throttled_until.load(Relaxed);
        if now < throttled {
            return Err(Barred::Throttled(throttled));
        }
        let refused = self.refused_until.load(Relaxed);
        if now < refused && !force {
            return Err(Barred::Credential(refused));
        }
        match self.breaker.admit(now) {
            Ok(permit) => Ok(permit),
            Err(_) if force => Ok(Permit::Free),
            Err(until) => Err(Barred::Breaker(until)),
        }
    }

    /// A permit was not used after all.
    pub fn release(&self, permit: Permit) {
        self.breaker.release(permit);
    }

    /// An attempt has started.
    pub fn begin(&self) {
        self.inflight.fetch_add(1, Relaxed);
    }

    /// The first content of a streamed answer came after `elapsed`.
    pub fn first_content(&self, elapsed: Nanos, now: Nanos) {
        self.first_content.record(elapsed, now);
        let published = self.published.load(Relaxed);
        // Whoever finds the figures stale refreshes them; nobody waits.
        if now >= published + FRESH
            && self
                .published
                .compare_exchange(published, now, Relaxed, Relaxed)
                .is_ok()
        {
            self.publish(now);
        }
    }

    fn publish(&self, now: Nanos) {
        let word = self
            .first_content
            .quantiles([0.50, 0.95, 0.99], now)
            .map_or(0, |[p50, p95, p99]| Quantiles { p50, p95, p99 }.pack());
        self.quantiles.store(word, Relaxed);
    }

    /// An attempt is over.
    pub fn settle(&self, ended: &Ended, rule: &Rule, now: Nanos, chance: &mut Chance) {
        self.inflight.fetch_sub(1, Relaxed);
        match ended.class.meaning() {
            Meaning::Good => {
                self.window.record(true, now);
                // An answer that began before a block says nothing against it.
                if ended.start >= self.blocked_at.load(Relaxed) {
                    self.throttled_until.store(0, Relaxed);
                    self.refused_until.store(0, Relaxed);
                }
                self.breaker.success(ended.permit, rule, &self.window);
            }
            Meaning::Failing => {
                self.window.record(false, now);
                self.breaker
                    .failure(ended.permit, rule, &self.window, now, chance);
                if let Some(wait) = ended.retry_after {
                    self.block(&self.throttled_until, wait, now);
                }
            }
            Meaning::Throttled => {
                self.block(
                    &self.throttled_until,
                    ended.retry_after.unwrap_or(THROTTLE_PAUSE),
                    now,
                );
                // A 429 fails a probe, though it is no failure of the provider.
                match ended.permit {
                    Permit::Probe => {
                        self.breaker
                            .failure(Permit::Probe, rule, &self.window, now, chance);
                    }
                    Permit::Free => {}
                }
            }
            Meaning::Credential => {
                self.block(
                    &self.refused_until,
                    ended.retry_after.unwrap_or(CREDENTIAL_PAUSE),
                    now,
                );
                self.breaker.release(ended.permit);
            }
            Meaning::Client | Meaning::Local | Meaning::Silent => {
                self.breaker.release(ended.permit);
            }
        }
    }

    fn block(&self, which: &AtomicU64, wait: Nanos, now: Nanos) {
        which.fetch_max(now + wait.min(LONGEST_WAIT), Relaxed);
        self.blocked_at.fetch_max(now, Relaxed);
    }

    /// Percentiles of the time to first content.
    #[must_use]
    pub fn quantiles(&self, now: Nanos) -> Option<Quantiles> {
        // Figures nobody refreshed for a minute describe no traffic of the last minute.
        if now > self.published.load(Relaxed) + ERROR_SPAN {
            return None;
        }
        Quantiles::unpack(self.quantiles.load(Relaxed))
    }

    /// Share of attempts of the last minute that failed, basis points.
    #[must_use]
    pub fn error_rate(&self, span: Option<Nanos>, now: Nanos) -> Option<u32> {
        let counts = self.window.counts(span.unwrap_or(ERROR_SPAN), now);
        (counts.total() >= ENOUGH)
            .then(|| counts.error_rate())
            .flatten()
    }

    /// Where its breaker stands.
    #[must_use]
    pub fn position(&self, now: Nanos) -> Position {
        self.breaker.position(now)
    }

    /// Attempts in flight.
    #[must_use]
    pub fn inflight(&self) -> u32 {
        self.inflight.load(Relaxed)
    }
}

/// How an attempt ended, for [`TargetState::settle`].
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// When it began.
    pub start: Nanos,
    /// What happened.
    pub class: Class,
    /// What it was admitted with.
    pub permit: Permit,
    /// The wait the provider asked for.
    pub retry_after: Option<Nanos>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settle(state: &TargetState, class: Class, retry_after: Option<Nanos>, now: Nanos) {
        state.begin();
        state.settle(
            &Ended {
                start: now,
                class,
                permit: Permit::Free,
                retry_after,
            },
            &Rule::default(),
            now,
            &mut Chance::new(1),
        );
    }

    #[test]
    fn a_storm_of_bad_requests_moves_no_health() {
        let state = TargetState::default();
        for _ in 0..1_000 {
            settle(&state, Class::InvalidRequest, None, SECOND);
        }
        assert_eq!(state.position(SECOND), Position::Closed);
        assert_eq!(state.error_rate(None, SECOND), None);
    }

    #[test]
    fn a_wait_the_provider_asked_for_is_kept_even_when_forced() {
        let state = TargetState::default();
        settle(&state, Class::RateLimited, Some(7 * SECOND), SECOND);
        assert_eq!(
            state.admit(2 * SECOND, true),
            Err(Barred::Throttled(8 * SECOND))
        );
        assert_eq!(state.admit(8 * SECOND, false), Ok(Permit::Free));
        assert_eq!(
            state.position(2 * SECOND),
            Position::Closed,
            "a 429 is no failure of the provider"
        );
    }

    #[test]
    fn a_refused_credential_is_left_alone_unless_nothing_else_is_left() {
        let state = TargetState::default();
        settle(&state, Class::Authentication, None, SECOND);
        assert!(matches!(
            state.admit(2 * SECOND, false),
            Err(Barred::Credential(_))
        ));
        assert_eq!(state.admit(2 * SECOND, true), Ok(Permit::Free));
    }

    #[test]
    fn quantiles_appear_with_enough_samples_and_fade_with_the_traffic() {
        let state = TargetState::default();
        for i in 0..40 {
            state.first_content(300 * MILLI, SECOND + i * FRESH);
        }
        let now = SECOND + 40 * FRESH;
        let told = state.quantiles(now).unwrap();
        assert!(
            [told.p50, told.p95, told.p99]
                .iter()
                .all(|ms| (285..=315).contains(ms))
        );
        assert_eq!(state.quantiles(now + 120 * SECOND), None);
    }

    #[test]
    fn an_answer_that_began_before_a_block_does_not_lift_it() {
        let state = TargetState::default();
        settle(&state, Class::RateLimited, Some(60 * SECOND), 2 * SECOND);
        state.begin();
        let early = Ended {
            start: SECOND,
            class: Class::Ok,
            permit: Permit::Free,
            retry_after: None,
        };
        state.settle(&early, &Rule::default(), 3 * SECOND, &mut Chance::new(1));
        assert!(state.admit(4 * SECOND, true).is_err());
    }
}
