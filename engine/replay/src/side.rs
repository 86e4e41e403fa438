//! One side of a comparison: what was recorded, what the policies make of it now, or what another version of them does.

use crate::bounds::Bounds;
use crate::fate::Fate;
use crate::said::What;
use mux_traffic::Spread;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Requests, counted. Every side is counted the same way.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Side {
    /// Versions that decided.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub versions: BTreeSet<String>,
    /// Requests by who served them; `denied`, `failed` and `left by the client` stand for nobody.
    pub routes: BTreeMap<String, u64>,
    /// Attempts.
    pub attempts: u64,
    /// Requests that another target than the first able one served.
    pub failed_over: u64,
    /// Requests that failed, refusals by policy not among them.
    pub errors: u64,
    /// Of those, the ones whose own time ran out.
    pub out_of_time: u64,
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
    /// Within which its figures are for traffic like this; absent of what was recorded and of decisions alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounds: Option<Bounds>,
    #[serde(skip)]
    pub(crate) times: Spread,
}

impl Side {
    /// Counts a request.
    pub(crate) fn add(&mut self, fate: &Fate<'_>) {
        if !self.versions.contains(fate.version) {
            self.versions.insert(fate.version.to_owned());
        }
        let denied = fate.attempts == 0 && fate.served.is_none() && fate.class == "refused";
        let failed = !denied && !matches!(fate.class, "ok" | "client-gone");
        let route = match fate.served {
            Some(target) => target,
            None if denied => "denied",
            None if failed => "failed",
            None => "left by the client",
        };
        self.went(route, 1);
        self.attempts += fate.attempts;
        self.failed_over += u64::from(fate.failed_over);
        self.errors += u64::from(failed);
        self.out_of_time += u64::from(failed && out_of_time(fate));
        self.denied += u64::from(denied);
        self.cost += i128::from(fate.cost);
        self.unpriced += u64::from(!fate.priced);
        if fate.class == "ok" {
            self.times.add(fate.total_us / 1_000);
        }
    }

    /// Counts so many requests of which nothing but the decision is known.
    pub(crate) fn took(&mut self, what: What<'_>, count: u64) {
        match what {
            What::Plan(plan) => self.went(plan, count),
            What::Deny(_) | What::Refused(_) => {
                self.denied += count;
                self.went(&what.to_string(), count);
            }
        }
    }

    fn went(&mut self, route: &str, count: u64) {
        match self.routes.get_mut(route) {
            Some(sum) => *sum += count,
            None => {
                self.routes.insert(route.to_owned(), count);
            }
        }
    }

    /// Counts all of another.
    pub(crate) fn merge(&mut self, other: &Self) {
        for version in &other.versions {
            if !self.versions.contains(version) {
                self.versions.insert(version.clone());
            }
        }
        for (route, count) in &other.routes {
            *self.routes.entry(route.clone()).or_default() += count;
        }
        self.attempts += other.attempts;
        self.failed_over += other.failed_over;
        self.errors += other.errors;
        self.out_of_time += other.out_of_time;
        self.denied += other.denied;
        self.cost += other.cost;
        self.unpriced += other.unpriced;
        self.times.merge(&other.times);
    }

    /// Works out the figures that need all requests.
    pub(crate) fn close(&mut self) {
        let at = |share| self.times.percentile(share).unwrap_or(0);
        (self.p50_ms, self.p95_ms, self.p99_ms) = (at(50), at(95), at(99));
    }
}

/// Whether a request that failed did so because a time of its policy was up.
fn out_of_time(fate: &Fate<'_>) -> bool {
    matches!(fate.class, "timed-out" | "deadline") || fate.status == 504
}
