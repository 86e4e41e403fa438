//! What became of a request on one side: as much of it as is counted. Millions of requests are counted from what their
//! flights know; records are written only of those that somebody wants to see.

use crate::said::{Said, What};
use mux_dsl::image::{PlanId, PolicyId, RuleId, TargetId};
use mux_routing::flight::Flight;
use mux_routing::router::Router;
use mux_routing::trace::{called, placed};
use mux_traffic::record::Record;
use std::sync::Arc;

/// What became of a request, in words that all sides share. Times are microseconds since it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Fate<'f> {
    /// The version that decided.
    pub version: &'f str,
    /// What was decided.
    pub said: Said<'f>,
    /// The plan, where a policy chose one.
    pub plan: Option<&'f str>,
    /// The target that came first.
    pub first: Option<&'f str>,
    /// Who served it.
    pub served: Option<&'f str>,
    /// `ok`, or what went wrong.
    pub class: &'f str,
    /// HTTP status.
    pub status: u16,
    /// How many attempts there were.
    pub attempts: u64,
    /// Another target than the first able one served.
    pub failed_over: bool,
    /// When the client was committed to one answer.
    pub committed_us: Option<u64>,
    /// When it was over.
    pub total_us: u64,
    /// Cost of all attempts, pico-dollars.
    pub cost: i64,
    /// Whether every price was known.
    pub priced: bool,
}

impl<'f> Fate<'f> {
    /// As a record holds it.
    #[must_use]
    pub fn of(record: &'f Record) -> Self {
        let decision = record.decision.as_ref();
        let outcome = &record.outcome;
        Self {
            version: &record.version,
            said: Said::of(record),
            plan: decision.and_then(|d| d.plan.as_deref()),
            first: record.candidates.first().map(|c| c.target.as_str()),
            served: outcome.served.as_deref(),
            class: &outcome.class,
            status: outcome.status,
            attempts: record.attempts.len() as u64,
            failed_over: record.failed_over(),
            committed_us: outcome.committed_us,
            total_us: outcome.total_us,
            cost: record.cost,
            priced: record.priced,
        }
    }
}

/// What became of a request under a bundle, in the bundle's own numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    decided: Option<(PolicyId, RuleId, Option<PlanId>)>,
    first: Option<TargetId>,
    served: Option<TargetId>,
    class: &'static str,
    status: u16,
    attempts: u64,
    failed_over: bool,
    committed_us: Option<u64>,
    total_us: u64,
    cost: i64,
    priced: bool,
}

impl Ended {
    /// Of a flight that is over.
    pub(crate) fn of(flight: &Flight) -> Self {
        let (status, class, served) = flight.ended();
        let (cost, priced) = flight.cost();
        let began = flight.arrival().now;
        let since = |at: u64| at.saturating_sub(began) / 1_000;
        let decided = flight.decided();
        Self {
            decided: decided.map(|d| (d.policies.last(), d.rule, d.plan)),
            first: flight.leading(),
            served,
            class,
            status,
            attempts: flight.attempts().len() as u64,
            failed_over: flight.failed_over(),
            committed_us: flight.committed().map(since),
            total_us: since(flight.over().0),
            cost,
            priced,
        }
    }
}

/// The words of a bundle: its rules and plans as they are told, written once.
#[derive(Debug)]
pub(crate) struct Words {
    router: Arc<Router>,
    plans: Vec<String>,
    /// By policy.
    rules: Vec<Vec<String>>,
}

impl Words {
    pub(crate) fn of(router: &Arc<Router>) -> Self {
        let image = router.image();
        let plans = (0..).map(PlanId).zip(&image.plans);
        let rules = |rules: &[mux_dsl::image::Rule]| rules.iter().map(placed).collect();
        Self {
            plans: plans.map(|(id, _)| called(image, id)).collect(),
            rules: image.policies.iter().map(|p| rules(&p.rules)).collect(),
            router: Arc::clone(router),
        }
    }

    fn plan(&self, plan: PlanId) -> &str {
        self.plans.get(plan.index()).map_or("", String::as_str)
    }

    /// What became of a request; `model` is what it asked for.
    pub(crate) fn fate<'f>(&'f self, ended: &Ended, model: &'f str) -> Fate<'f> {
        let plan = ended.decided.and_then(|(_, _, plan)| plan);
        let plan = plan.map(|plan| self.plan(plan));
        let rule = ended.decided.and_then(|(policy, rule, _)| {
            let rules = self.rules.get(policy.index())?;
            rules.get(rule.index())
        });
        let what = match (ended.decided, plan) {
            (Some(_), Some(plan)) => What::Plan(plan),
            (Some(_), None) => What::Deny(ended.status),
            (None, _) if ended.attempts == 0 => What::Refused(ended.status),
            (None, _) => What::Plan(model),
        };
        Fate {
            version: self.router.version(),
            said: Said {
                what,
                rule: rule.map_or("", String::as_str),
            },
            plan,
            first: ended.first.map(|target| self.router.name(target)),
            served: ended.served.map(|target| self.router.name(target)),
            class: ended.class,
            status: ended.status,
            attempts: ended.attempts,
            failed_over: ended.failed_over,
            committed_us: ended.committed_us,
            total_us: ended.total_us,
            cost: ended.cost,
            priced: ended.priced,
        }
    }
}
