//! What is known of one target. It outlives bundles: a reload neither forgets an outage nor invents health.

use crate::atomics::{
    AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use crate::breaker::{Breaker, Permit, Position, Rule};
use crate::chance::Chance;
use crate::class::{Class, Meaning};
use crate::concurrency::Concurrency;
use crate::condition::{Condition, Published};
use crate::hand::{ByHand, Hand};
use crate::histogram::Histogram;
use crate::history::History;
use crate::latency::Latency;
use crate::quantiles::Quantiles;
use crate::score::{self, Signals, WELL};
use crate::window::{Counts, Window};
use crate::{MILLI, Nanos, SECOND};
use std::sync::OnceLock;

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
/// A score remembers about so many attempts …
const REMEMBERED: f64 = 20.0;
/// … but no less and no more than this: at one request a second an outage would never add up otherwise.
const SHORTEST_MEMORY: f64 = 3.0;
const LONGEST_MEMORY: f64 = 120.0;
/// What a provider said of its rate limits is believed for so long.
const HEADROOM_FRESH: Nanos = 60 * SECOND;
/// Whole answers take as long as they are long; only what waits much longer than usual is slow.
const WHOLE_VARIES: f64 = 4.0;
/// The 95th percentile over the geometric mean, where the logarithm of times deviates by half, as it does for most.
const P95_OVER_USUAL: f64 = 2.3;

/// Live state of one `(provider, endpoint, credential, model)`.
#[derive(Debug, Default)]
pub struct TargetState {
    breaker: Breaker,
    by_hand: ByHand,
    window: Window,
    /// Of more than the last minutes, where a bundle asks.
    history: OnceLock<Box<History>>,
    /// Rate limits that were hit, as its successes: half a failure each for the score, none for the breaker.
    throttles: Window,
    first_content: Histogram,
    whole: Histogram,
    streamed_latency: Latency,
    whole_latency: Latency,
    concurrency: Concurrency,
    inflight: AtomicU32,
    /// When the newest attempt began.
    begun: AtomicU64,
    /// Share left of the tightest rate limit, basis points plus one, in the upper 20 bits; when it was said, in ms.
    headroom: AtomicU64,
    /// When it recovered, plus one; 0 is never. And how long it takes from there to its full share.
    recovered: AtomicU64,
    slow_start: AtomicU64,
    condition: Published,
    /// Failures and recoveries so far: what is worked out of its window is old where there are more.
    turns: AtomicU32,
    /// Do not call before: the provider said so.
    throttled_until: AtomicU64,
    /// Do not call before, unless nothing else is left: the provider refused the credential.
    refused_until: AtomicU64,
    /// When the newest of these blocks was set.
    blocked_at: AtomicU64,
    /// Published [`Quantiles`]; 0 is unknown.
    quantiles: AtomicU64,
    published: AtomicU64,
    /// The same of whole answers: the 95th percentile, milliseconds; 0 is unknown.
    whole_p95: AtomicU64,
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
    /// An operator wants no new attempts.
    Drained,
    /// As many attempts are in flight there as may be.
    Full,
}

impl TargetState {
    /// Asks to start an attempt. `force` passes an open breaker or a refused credential, never a wait the provider asked for.
    ///
    /// # Errors
    /// Why not now.
    pub fn admit(&self, now: Nanos, force: bool) -> Result<Permit, Barred> {
        let hand = self.by_hand.get();
        if hand == Some(Hand::Drained) {
            return Err(Barred::Drained);
        }
        let throttled = self.throttled_until.load(Relaxed);
        if now < throttled {
            return Err(Barred::Throttled(throttled));
        }
        let refused = self.refused_until.load(Relaxed);
        if now < refused && !force {
            return Err(Barred::Credential(refused));
        }
        let asked = match hand {
            Some(Hand::Open) => Err(now + SECOND),
            Some(_) => Ok(Permit::Free),
            None => self.breaker.admit(now),
        };
        match asked {
            Ok(permit) => Ok(permit),
            Err(_) if force => Ok(Permit::Free),
            Err(until) => Err(Barred::Breaker(until)),
        }
    }

    /// An operator decides, or takes a decision back.
    pub fn hold(&self, hand: Option<Hand>) {
        self.by_hand.set(hand);
    }

    /// What an operator has decided.
    #[must_use]
    pub fn held(&self) -> Option<Hand> {
        self.by_hand.get()
    }

    /// Forgets every failure, block and wait, and how slow it was: an operator knows that it is well again.
    pub fn reset(&self, now: Nanos) {
        self.breaker.close();
        self.window.clear();
        if let Some(history) = self.history() {
            history.forget();
        }
        self.first_content.clear();
        self.whole.clear();
        self.publish(now);
        self.streamed_latency.forget();
        self.whole_latency.forget();
        self.throttles.clear();
        self.throttled_until.store(0, Relaxed);
        self.refused_until.store(0, Relaxed);
        self.recovered.store(0, Relaxed);
        self.turn(now);
    }

    /// A permit was not used after all.
    pub fn release(&self, permit: Permit) {
        self.breaker.release(permit);
    }

    /// An attempt starts, unless so many are in flight already.
    #[must_use]
    pub fn begin(&self, load: Load, most: Option<u32>, now: Nanos) -> bool {
        let began = if let Some(most) = most {
            let add = |inflight: u32| (inflight < most).then_some(inflight + 1);
            self.inflight.fetch_update(Relaxed, Relaxed, add).is_ok()
        } else {
            self.inflight.fetch_add(1, Relaxed);
            true
        };
        if began {
            self.begun.store(now, Relaxed);
            self.latency(load).begin(load.tokens, now);
        }
        began
    }

    /// The first content of a streamed answer is there, or all of a whole one: the attempt serves. Failures are known as
    /// soon, and would be all there is if successes were counted when an answer ends.
    pub fn first_content(&self, load: Load, start: Nanos, permit: Permit, rule: &Rule, now: Nanos) {
        self.serves(start, permit, rule, now);
        let elapsed = now.saturating_sub(start);
        let histogram = if load.whole {
            &self.whole
        } else {
            &self.first_content
        };
        histogram.record(elapsed, now);
        if let Some(history) = self.history().filter(|_| !load.whole) {
            history.first_content(elapsed, now);
        }
        self.latency(load).leave(load.tokens, start);
        self.latency(load)
            .answered(load.tokens, elapsed, self.condition.slow(), now);
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

    fn latency(&self, load: Load) -> &Latency {
        if load.whole {
            &self.whole_latency
        } else {
            &self.streamed_latency
        }
    }

    fn publish(&self, now: Nanos) {
        let word = self
            .first_content
            .quantiles([0.50, 0.95, 0.99], now)
            .map_or(0, |[p50, p95, p99]| Quantiles { p50, p95, p99 }.pack());
        self.quantiles.store(word, Relaxed);
        if self.whole_latency.begun() {
            let whole = self.whole.quantiles([0.95], now);
            self.whole_p95.store(whole.map_or(0, |[p95]| p95), Relaxed);
        }
    }

    /// The provider said that this share of its tightest rate limit is left, basis points.
    pub fn allowance(&self, left: u32, now: Nanos) {
        let word = u64::from(left.min(10_000) + 1) << 44 | millis(now);
        self.headroom.store(word, Relaxed);
    }

    /// Share left of its tightest rate limit, basis points; `None` where the provider said nothing of late.
    #[must_use]
    pub fn headroom(&self, now: Nanos) -> Option<u32> {
        let word = self.headroom.load(Relaxed);
        let fresh = now < (word & MILLIS) * MILLI + HEADROOM_FRESH;
        u32::try_from(word >> 44)
            .ok()?
            .checked_sub(1)
            .filter(|_| fresh)
    }

    /// How well it is, in basis points: see [`crate::score`]. At most 100 ms old, and never older than the last failure.
    #[must_use]
    pub fn score(&self, now: Nanos) -> u32 {
        self.condition(now).score
    }

    pub(crate) fn condition(&self, now: Nanos) -> Condition {
        let fresh = self.condition.fresh(now);
        fresh.unwrap_or_else(|| self.condition.renew(now, || self.judge(now)))
    }

    /// It failed, or is well again: everybody is to know.
    fn turn(&self, now: Nanos) {
        self.turns.fetch_add(1, Release);
        self.condition.insist(now, || self.judge(now));
    }

    /// A number that is another after every failure and every recovery.
    pub(crate) fn turns(&self) -> u32 {
        self.turns.load(Acquire)
    }

    fn judge(&self, now: Nanos) -> Condition {
        let lately = self.window.lately([10 * SECOND, ERROR_SPAN], now);
        let signals = self.signals_of(lately, now);
        let [_, minute] = lately;
        Condition {
            score: basis_points(score::score(&signals)),
            error_rate: minute.told(),
            slow: Latency::is_slow(signals.slowness),
        }
    }

    /// What its score is made of now.
    #[must_use]
    pub fn signals(&self, now: Nanos) -> Signals {
        self.signals_of(self.window.lately([10 * SECOND, ERROR_SPAN], now), now)
    }

    fn signals_of(&self, [recent, minute]: [Counts; 2], now: Nanos) -> Signals {
        let rate = (f64::from(recent.total()) / 10.0).max(f64::from(minute.total()) / 60.0);
        let memory = (REMEMBERED / rate.max(1e-3)).clamp(SHORTEST_MEMORY, LONGEST_MEMORY);
        let span = seconds(memory);
        let (good, bad) = self.window.decayed(span, now);
        // Nearly always there are none.
        let throttled = if self.blocked_at.load(Relaxed) == 0 {
            0.0
        } else {
            self.throttles.decayed(span, now).0
        };
        let streamed = self.streamed_latency.slowness(1.0, now);
        let whole = self.whole_latency.slowness(WHOLE_VARIES, now);
        let warm = match self.recovered.load(Relaxed) {
            0 => 1.0,
            at => share(now.saturating_sub(at), self.slow_start.load(Relaxed).max(1)),
        };
        Signals {
            failed: bad + throttled / 2.0,
            // Those that wait have not failed; without them the quickest outcomes, which are failures, would be all.
            attempts: good + bad + throttled + self.streamed_latency.waiting(),
            slowness: streamed.max(whole),
            load: self.concurrency.load(self.inflight(), now),
            headroom: self.headroom(now).map_or(1.0, |bp| f64::from(bp) / 1e4),
            warmth: warm,
        }
    }

    /// An attempt is over.
    pub fn settle(&self, ended: &Ended, rule: &Rule, now: Nanos, chance: &mut Chance) {
        let inflight = self.inflight.fetch_sub(1, Relaxed);
        // A probe has reported when it served.
        let permit = if ended.waited {
            self.latency(ended.load)
                .leave(ended.load.tokens, ended.start);
            ended.permit
        } else {
            Permit::Free
        };
        match ended.class.meaning() {
            Meaning::Good => {
                self.concurrency.served(inflight, now);
                if ended.waited {
                    self.serves(ended.start, ended.permit, rule, now);
                }
            }
            Meaning::Failing => {
                self.count(false, now);
                self.breaker
                    .failure(permit, rule, &self.window, now, chance);
                if ended.class == Class::Overloaded {
                    self.concurrency.refused(inflight, now);
                }
                if let Some(wait) = ended.retry_after {
                    self.block(&self.throttled_until, wait, now);
                }
                self.turn(now);
            }
            Meaning::Throttled => {
                self.throttles.record(true, now);
                self.concurrency.refused(inflight, now);
                self.block(
                    &self.throttled_until,
                    ended.retry_after.unwrap_or(THROTTLE_PAUSE),
                    now,
                );
                // A 429 fails a probe, though it is no failure of the provider.
                if let Permit::Probe(_) = permit {
                    self.breaker
                        .failure(permit, rule, &self.window, now, chance);
                }
                self.turn(now);
            }
            Meaning::Credential => {
                self.block(
                    &self.refused_until,
                    ended.retry_after.unwrap_or(CREDENTIAL_PAUSE),
                    now,
                );
                self.breaker.release(permit);
            }
            Meaning::Client | Meaning::Local => self.breaker.release(permit),
            Meaning::Silent => {
                self.breaker.release(permit);
                if ended.class == Class::Superseded && ended.waited {
                    // It took at least as long; else a target that always loses would seem to be quick.
                    let elapsed = now.saturating_sub(ended.start);
                    let slow = self.condition.slow();
                    self.latency(ended.load)
                        .answered(ended.load.tokens, elapsed, slow, now);
                }
            }
        }
    }

    fn count(&self, good: bool, now: Nanos) {
        self.window.record(good, now);
        if let Some(history) = self.history() {
            history.attempt(good, now);
        }
    }

    /// From now on it is kept what happened in more than the last minutes.
    pub(crate) fn keep_history(&self) {
        self.history.get_or_init(Box::default);
    }

    pub(crate) fn history(&self) -> Option<&History> {
        self.history.get().map(AsRef::as_ref)
    }

    fn serves(&self, start: Nanos, permit: Permit, rule: &Rule, now: Nanos) {
        self.count(true, now);
        // An answer that began before a block says nothing against it.
        if start >= self.blocked_at.load(Relaxed) {
            lift(&self.throttled_until);
            lift(&self.refused_until);
        }
        if self.breaker.success(permit, rule, &self.window) {
            self.slow_start.store(rule.slow_start, Relaxed);
            self.recovered.store(now.max(1), Relaxed);
            self.throttles.clear();
            self.turn(now);
        }
    }

    fn block(&self, which: &AtomicU64, wait: Nanos, now: Nanos) {
        which.fetch_max(now + wait.min(LONGEST_WAIT), Relaxed);
        self.blocked_at.fetch_max(now, Relaxed);
    }

    /// Percentiles of the time to first content.
    #[must_use]
    pub fn quantiles(&self, now: Nanos) -> Option<Quantiles> {
        Quantiles::unpack(self.packed(now))
    }

    fn packed(&self, now: Nanos) -> u64 {
        let word = self.quantiles.load(Relaxed);
        // Figures nobody refreshed for a minute describe no traffic of the last minute.
        if word == 0 || now > self.published.load(Relaxed) + ERROR_SPAN {
            return 0;
        }
        word
    }

    /// The same as a record keeps them: each plus one, and 0 where it is not known.
    pub(crate) fn times(&self, now: Nanos) -> [u32; 3] {
        Quantiles::parts(self.packed(now))
    }

    /// The 95th percentile of the time to first content, or of the whole answer; milliseconds. Where there was too
    /// little of it of late, what is usual and as much more as is usual.
    #[must_use]
    pub fn p95(&self, whole: bool, now: Nanos) -> Option<u64> {
        let fresh = now <= self.published.load(Relaxed) + ERROR_SPAN;
        let (known, latency) = if whole {
            let known = Some(self.whole_p95.load(Relaxed)).filter(|ms| *ms > 0 && fresh);
            (known, &self.whole_latency)
        } else {
            (self.quantiles(now).map(|q| q.p95), &self.streamed_latency)
        };
        known.or_else(|| Some(milliseconds(latency.usual(now)? * P95_OVER_USUAL)))
    }

    /// Share of attempts of the last minute that failed, basis points. As old as the score may be.
    #[must_use]
    pub fn error_rate(&self, now: Nanos) -> Option<u32> {
        self.condition(now).error_rate
    }

    /// The same of any span, counted now.
    pub(crate) fn failing(&self, span: Nanos, now: Nanos) -> Option<u32> {
        self.window.counts(span, now).told()
    }

    /// Where its breaker stands.
    #[must_use]
    pub fn position(&self, now: Nanos) -> Position {
        match self.by_hand.get() {
            Some(Hand::Open) => Position::Open,
            Some(Hand::Closed) => Position::Closed,
            Some(Hand::Drained) | None => self.breaker.position(now),
        }
    }

    /// When the newest attempt began; 0 where there was none.
    #[must_use]
    pub fn begun(&self) -> Nanos {
        self.begun.load(Relaxed)
    }

    /// Tells, where its breaker lets one ask, whether its provider can be reached. That it can says nothing of how well it
    /// serves; that it cannot keeps clients from finding out.
    pub fn reached(&self, reached: bool, rule: &Rule, now: Nanos, chance: &mut Chance) {
        let Ok(permit @ Permit::Probe(_)) = self.admit(now, false) else {
            return;
        };
        if reached {
            return self.release(permit);
        }
        self.count(false, now);
        self.breaker
            .failure(permit, rule, &self.window, now, chance);
        self.turn(now);
    }

    /// Attempts in flight.
    #[must_use]
    pub fn inflight(&self) -> u32 {
        self.inflight.load(Relaxed)
    }
}

/// Takes a block away. There is none nearly always, and a line of memory that nobody writes is shared by all.
fn lift(block: &AtomicU64) {
    if block.load(Relaxed) != 0 {
        block.store(0, Relaxed);
    }
}

/// What an attempt asks of a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Prompt tokens.
    pub tokens: u32,
    /// The client waits for the complete answer.
    pub whole: bool,
}

/// Milliseconds in 44 bits: 557 years.
const MILLIS: u64 = 0xfff_ffff_ffff;

fn millis(now: Nanos) -> u64 {
    (now / MILLI) & MILLIS
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "two minutes at most"
)]
fn seconds(span: f64) -> Nanos {
    (span * SECOND as f64) as Nanos
}

#[expect(
    clippy::cast_precision_loss,
    reason = "only what is below the span matters"
)]
fn share(elapsed: Nanos, span: Nanos) -> f64 {
    (elapsed as f64 / span as f64).min(1.0)
}

/// [`score::stays`] in basis points, for traffic that begins to move below a score of `spill`.
#[must_use]
pub fn stays(score: u32, spill: Option<u32>) -> u32 {
    let share = |bp: u32| f64::from(bp) / f64::from(WELL);
    let spill = spill.map_or(score::SPILL, share);
    basis_points(score::stays(share(score), spill))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share from 0 to 1"
)]
fn basis_points(share: f64) -> u32 {
    // `round` is a call where the processor need not have the instruction.
    (share.clamp(0.0, 1.0) * f64::from(WELL) + 0.5) as u32
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "no time to first content is negative"
)]
fn milliseconds(ms: f64) -> u64 {
    ms.ceil() as u64
}

/// How an attempt ended, for [`TargetState::settle`].
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// When it began.
    pub start: Nanos,
    /// What it asked.
    pub load: Load,
    /// It ended while it waited for content.
    pub waited: bool,
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
        assert!(state.begin(Load::default(), None, now));
        state.settle(
            &Ended {
                start: now,
                load: Load::default(),
                waited: true,
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
    fn what_an_operator_decides_holds_until_it_is_taken_back() {
        let state = TargetState::default();
        state.hold(Some(Hand::Drained));
        assert_eq!(state.admit(SECOND, true), Err(Barred::Drained));
        state.hold(Some(Hand::Open));
        assert!(matches!(
            state.admit(SECOND, false),
            Err(Barred::Breaker(_))
        ));
        assert_eq!(state.admit(SECOND, true), Ok(Permit::Free));
        assert_eq!(state.position(SECOND), Position::Open);
        state.hold(Some(Hand::Closed));
        for _ in 0..9 {
            settle(&state, Class::Server, None, SECOND);
        }
        assert_eq!(state.admit(SECOND, false), Ok(Permit::Free));
        state.hold(None);
        assert!(
            state.admit(SECOND, false).is_err(),
            "nine failures are not forgotten"
        );
        state.reset(SECOND);
        assert_eq!(state.admit(SECOND, false), Ok(Permit::Free));
        assert!(state.score(SECOND) > 9_000, "{}", state.score(SECOND));
    }

    #[test]
    fn a_storm_of_bad_requests_moves_no_health() {
        let state = TargetState::default();
        for _ in 0..1_000 {
            settle(&state, Class::InvalidRequest, None, SECOND);
        }
        assert_eq!(state.position(SECOND), Position::Closed);
        assert_eq!(state.error_rate(SECOND), None);
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
            let now = SECOND + i * FRESH;
            assert!(state.begin(Load::default(), None, now - 300 * MILLI));
            let start = now - 300 * MILLI;
            state.first_content(Load::default(), start, Permit::Free, &Rule::default(), now);
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
        assert!(state.begin(Load::default(), None, SECOND));
        let early = Ended {
            start: SECOND,
            load: Load::default(),
            waited: true,
            class: Class::Ok,
            permit: Permit::Free,
            retry_after: None,
        };
        state.settle(&early, &Rule::default(), 3 * SECOND, &mut Chance::new(1));
        assert!(state.admit(4 * SECOND, true).is_err());
    }
}
