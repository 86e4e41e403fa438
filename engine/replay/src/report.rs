//! What a policy changes about recorded traffic: both sides counted the same way.

use mux_traffic::record::Record;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Request ids kept as examples of each change.
const EXAMPLES: usize = 3;

/// The comparison.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Requests that were decided again.
    pub requests: u64,
    /// Records that hold no decision to repeat: requests that could not be read.
    pub skipped: u64,
    /// Requests whose plan or refusal differs.
    pub changed: u64,
    /// As it was.
    pub was: Side,
    /// As it would be.
    pub now: Side,
    /// How decisions changed, most frequent first.
    pub changes: Vec<Change>,
    /// Targets whose behaviour was assumed healthy, since they were never recorded.
    pub assumed: BTreeSet<String>,
}

/// One way in which decisions changed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Change {
    /// The plan before.
    pub was: String,
    /// The plan after.
    pub now: String,
    /// How many requests.
    pub count: u64,
    /// Some of them.
    pub examples: Vec<String>,
}

/// One side of the comparison.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Side {
    /// Versions that decided.
    pub versions: BTreeSet<String>,
    /// Requests by who served them; `denied` and `failed` stand for nobody.
    pub routes: BTreeMap<String, u64>,
    /// Requests that another target than the first able one served.
    pub failed_over: u64,
    /// Requests that failed, refusals by policy not among them.
    pub errors: u64,
    /// Requests a policy, limit or budget refused.
    pub denied: u64,
    /// Median milliseconds to the end, of those served.
    pub p50_ms: u64,
    /// 95th percentile of it.
    pub p95_ms: u64,
    /// 99th percentile of it.
    pub p99_ms: u64,
    /// Cost, pico-dollars.
    pub cost: i128,
    /// Requests with an attempt whose price is unknown.
    pub unpriced: u64,
    #[serde(skip)]
    totals: Vec<u32>,
}

impl Side {
    fn add(&mut self, record: &Record) {
        self.versions.insert(record.version.clone());
        let denied = record.attempts.is_empty()
            && record.outcome.served.is_none()
            && record.outcome.class == "refused";
        let failed = !denied && !matches!(record.outcome.class.as_str(), "ok" | "client-gone");
        let route = match &record.outcome.served {
            Some(target) => target.clone(),
            None if denied => "denied".to_owned(),
            None if failed => "failed".to_owned(),
            None => "left by the client".to_owned(),
        };
        *self.routes.entry(route).or_default() += 1;
        self.failed_over += u64::from(record.failed_over());
        self.errors += u64::from(failed);
        self.denied += u64::from(denied);
        self.cost += i128::from(record.cost);
        self.unpriced += u64::from(!record.priced);
        if record.outcome.class == "ok" {
            self.totals
                .push(u32::try_from(record.outcome.total_us / 1_000).unwrap_or(u32::MAX));
        }
    }

    fn close(&mut self) {
        self.totals.sort_unstable();
        let at = |share: usize| {
            let rank = (self.totals.len() * share).div_ceil(100).max(1);
            self.totals.get(rank - 1).copied().map_or(0, u64::from)
        };
        (self.p50_ms, self.p95_ms, self.p99_ms) = (at(50), at(95), at(99));
        self.totals = Vec::new();
    }
}

impl Report {
    /// Takes a request as it was and as it would be.
    pub fn add(&mut self, was: &Record, now: &Record) {
        self.requests += 1;
        self.was.add(was);
        self.now.add(now);
        let (before, after) = changed(was, now);
        if before != after {
            self.changed += 1;
            let pair = |c: &Change| c.was == before && c.now == after;
            let place = self.changes.iter().position(pair).unwrap_or_else(|| {
                self.changes.push(Change {
                    was: before.clone(),
                    now: after.clone(),
                    ..Change::default()
                });
                self.changes.len() - 1
            });
            let Some(change) = self.changes.get_mut(place) else {
                return;
            };
            change.count += 1;
            if change.examples.len() < EXAMPLES {
                change.examples.push(was.id.clone());
            }
        }
    }

    /// Works out the figures that need all requests.
    pub fn close(&mut self) {
        self.was.close();
        self.now.close();
        self.changes
            .sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.was.cmp(&b.was)));
    }

    /// Share of all requests, basis points, rounded up so that a rounded figure never passes a gate.
    #[must_use]
    pub fn share(&self, count: u64) -> u32 {
        let share = (u128::from(count) * 10_000).div_ceil(u128::from(self.requests.max(1)));
        u32::try_from(share).unwrap_or(u32::MAX)
    }

    /// Change of the cost, basis points of what it was; `None` where it was nothing.
    #[must_use]
    pub fn cost_change(&self) -> Option<i64> {
        let change = (self.now.cost - self.was.cost)
            .checked_mul(10_000)?
            .checked_div(self.was.cost)?;
        i64::try_from(change).ok()
    }
}

/// What was decided before and after. Where the words are the same and the target that comes first is not, it is named.
fn changed(was: &Record, now: &Record) -> (String, String) {
    let (before, after) = (decision(was), decision(now));
    let first = |record: &Record| record.candidates.first().map(|c| c.target.clone());
    match (first(was), first(now)) {
        (Some(a), Some(b)) if before == after && a != b => (
            format!("{before}, first {a}"),
            format!("{after}, first {b}"),
        ),
        _ => (before, after),
    }
}

/// What was decided, in words that both sides share.
fn decision(record: &Record) -> String {
    match &record.decision {
        Some(decision) if decision.verdict == "deny" => format!("deny {}", record.outcome.status),
        Some(decision) => decision.plan.clone().unwrap_or_default(),
        None if record.attempts.is_empty() => format!("refused {}", record.outcome.status),
        None => record.request.model.clone(),
    }
}
