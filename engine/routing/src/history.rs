//! What targets did over spans of more than a minute, for bundles that ask: `fastest by p95 over 10m`, a `health` block, the
//! end of a canary.
//!
//! Kept to the minute, for an hour: a span of ten minutes is this one and the nine before. Worked out at most once a
//! second, by whoever finds it old, since a long span has many buckets.

use crate::atomics::{AtomicU64, Ordering::Relaxed};
use crate::histogram::Histogram;
use crate::quantiles::Quantiles;
use crate::window::Window;
use crate::{MILLI, Nanos, SECOND};
use mux_dsl::Image;
use mux_dsl::image::{BasisPoints, By, HealthRule, Millis, Quantile, Route, TargetId};

/// Spans up to here are not kept: what is measured anyway covers the last minute.
const MINUTE: Millis = 60_000;
/// No span reaches further.
pub const HOUR: Millis = 3_600_000;
/// How old, in milliseconds, what was worked out may be.
const FRESH: u64 = 1_000;

/// Attempts at one target, minute by minute.
#[derive(Debug, Default)]
pub(crate) struct History {
    first_content: Histogram<60, { 60 * SECOND }>,
    attempts: Window<72, { 60 * SECOND }>,
}

impl History {
    /// The first content of a streamed answer has come.
    pub(crate) fn first_content(&self, elapsed: Nanos, now: Nanos) {
        self.first_content.record(elapsed, now);
    }

    /// An attempt serves, or has failed.
    pub(crate) fn attempt(&self, good: bool, now: Nanos) {
        self.attempts.record(good, now);
    }

    /// Forgets everything.
    pub(crate) fn forget(&self) {
        self.first_content.clear();
        self.attempts.clear();
    }

    fn times(&self, span: Nanos, now: Nanos) -> Option<Quantiles> {
        let times = self.first_content.lately([0.50, 0.95, 0.99], span, now);
        times.map(|[p50, p95, p99]| Quantiles { p50, p95, p99 })
    }

    fn error_rate(&self, span: Nanos, now: Nanos) -> Option<BasisPoints> {
        self.attempts.counts(span, now).told()
    }
}

/// Figures of a target over some span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Median, 95th and 99th percentile of the time to first content, milliseconds; each may be all that is known.
    pub times: [Option<Millis>; 3],
    /// Share of failures, basis points.
    pub error_rate: Option<BasisPoints>,
}

impl Measured {
    /// One of the percentiles, milliseconds.
    #[must_use]
    pub fn time(&self, quantile: Quantile) -> Option<Millis> {
        let [p50, p95, p99] = self.times;
        match quantile {
            Quantile::P50 => p50,
            Quantile::P95 => p95,
            Quantile::P99 => p99,
        }
    }
}

/// Figures of every target of a bundle over every span that it asks for, as they were worked out last.
#[derive(Debug, Default)]
pub(crate) struct Spans {
    spans: Vec<Millis>,
    /// Those of a target stand beside each other.
    told: Vec<Told>,
}

/// In words of their own: each is right by itself.
#[derive(Debug, Default)]
struct Told {
    /// When it was worked out, in milliseconds, plus one; 0 is never.
    at: AtomicU64,
    /// See [`Quantiles::pack`].
    times: AtomicU64,
    /// Plus one; 0 is not known.
    error_rate: AtomicU64,
}

impl Spans {
    /// Those that a bundle asks for.
    pub(crate) fn of(image: &Image) -> Self {
        let mut spans = Vec::new();
        let mut ask = |over: Millis| spans.extend((over > MINUTE).then_some(over.min(HOUR)));
        let rules = |rules: &[HealthRule], ask: &mut dyn FnMut(Millis)| {
            for rule in rules {
                match *rule {
                    HealthRule::LatencyAbove(_, _, over) | HealthRule::ErrorRateAbove(_, over) => {
                        ask(over);
                    }
                    HealthRule::BreakerOpen => {}
                }
            }
        };
        for plan in &image.plans {
            plan.route.each(&mut |route| match route {
                Route::Listed(list) => {
                    if let By::Latency(_, over, _) = list.by {
                        ask(over);
                    }
                }
                Route::Canary(canary) => rules(&canary.abort, &mut ask),
                _ => {}
            });
        }
        if let Some(health) = &image.fleet.health {
            rules(&health.down, &mut ask);
            rules(&health.degraded, &mut ask);
        }
        spans.sort_unstable();
        spans.dedup();
        let all = spans.len() * image.fleet.targets.len();
        Self {
            told: (0..all).map(|_| Told::default()).collect(),
            spans,
        }
    }

    /// In order, milliseconds.
    pub(crate) fn all(&self) -> &[Millis] {
        &self.spans
    }

    /// Those of a target; `None` of a span that nobody asks for.
    pub(crate) fn get(
        &self,
        (target, history): (TargetId, Option<&History>),
        over: Millis,
        now: Nanos,
    ) -> Option<Measured> {
        let told = self.told.get(place(&self.spans, target, over)?)?;
        Some(told.get(history?, over.min(HOUR) * MILLI, now))
    }
}

/// Where the figures of a target over a span stand, among those of all targets over all `spans`.
pub(crate) fn place(spans: &[Millis], target: TargetId, over: Millis) -> Option<usize> {
    let span = spans.binary_search(&over.min(HOUR)).ok()?;
    Some(target.index() * spans.len() + span)
}

impl Told {
    fn get(&self, history: &History, span: Nanos, now: Nanos) -> Measured {
        let (at, stamp) = (self.at.load(Relaxed), now / MILLI + 1);
        let old = at == 0 || stamp >= at + FRESH;
        let mine = |at| self.at.compare_exchange(at, stamp, Relaxed, Relaxed);
        if old && mine(at).is_ok() {
            let times = history.times(span, now).map_or(0, Quantiles::pack);
            self.times.store(times, Relaxed);
            let rate = history.error_rate(span, now);
            let rate = rate.map_or(0, |share| u64::from(share) + 1);
            self.error_rate.store(rate, Relaxed);
        }
        let rate = self.error_rate.load(Relaxed).checked_sub(1);
        Measured {
            times: Quantiles::each(Quantiles::unpack(self.times.load(Relaxed))),
            error_rate: rate.and_then(|share| u32::try_from(share).ok()),
        }
    }
}
