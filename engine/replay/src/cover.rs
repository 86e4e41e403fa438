//! What tests and recorded traffic cover of a bundle, and tests for what they do not.

use crate::arriving::Worth;
use crate::case::fly;
use crate::moment::Moment;
use mux_dsl::Image;
use mux_dsl::case::Test;
use mux_dsl::coverage::{Classes, Coverage, Suggestion};
use mux_dsl::image::{PolicyId, TargetId};
use mux_routing::flight::{End, Flight};
use mux_routing::router::{Memory, Router, Way};
use mux_traffic::record::Record;
use std::fmt::Write as _;
use std::sync::Arc;

/// Runs every test, and counts what it covers.
pub fn tests(image: &Arc<Image>, coverage: &mut Coverage<'_>) {
    let router = router(image);
    for test in &image.tests {
        count(image, &router, test, coverage);
    }
}

/// Runs one test, and says whether it covers an arm of a plan that was not covered yet.
pub fn widens(image: &Arc<Image>, test: &Test, coverage: &mut Coverage<'_>) -> bool {
    let before = coverage.arms();
    count(image, &router(image), test, coverage);
    coverage.arms() > before
}

fn count(image: &Arc<Image>, router: &Router, test: &Test, coverage: &mut Coverage<'_>) {
    let moment = Moment::supposed(&test.given);
    let (Some(policy), Some(flight)) = (entered(router, moment.model()), fly(image, test)) else {
        return;
    };
    let attempts: Vec<TargetId> = flight.attempts().iter().map(|a| a.target).collect();
    let served = served(&flight);
    moment.look(|request, live| coverage.decided(policy, request, live, &attempts, served));
}

/// Counts what recorded requests cover, decided again by the bundle as it is now. What their plans did counts as it was
/// recorded.
pub fn traffic(
    image: &Arc<Image>,
    records: impl Iterator<Item = Record>,
    coverage: &mut Coverage<'_>,
) {
    let router = router(image);
    for record in records {
        let moment = Moment::recorded(&record, image);
        let Some(policy) = entered(&router, moment.model()) else {
            continue;
        };
        let attempts = record
            .attempts
            .iter()
            .filter_map(|a| image.target(&a.target));
        let attempts: Vec<TargetId> = attempts.collect();
        let served = record
            .outcome
            .served
            .as_deref()
            .and_then(|t| image.target(t));
        moment.look(|request, live| coverage.decided(policy, request, live, &attempts, served));
    }
}

/// Requests of the classes that recorded traffic has and no test does, the most frequent first, with how many were recorded.
#[must_use]
pub fn untested(
    image: &Arc<Image>,
    records: impl Iterator<Item = Record>,
) -> Vec<(Suggestion, u64)> {
    let router = router(image);
    let mut classes = Classes::new(image);
    for test in &image.tests {
        let moment = Moment::supposed(&test.given);
        if let Some(policy) = entered(&router, moment.model()) {
            moment.look(|request, live| classes.tested(policy, request, live));
        }
    }
    for record in records.filter(|r| Worth::of(r) == Worth::Request) {
        let moment = Moment::recorded(&record, image);
        if let Some(policy) = entered(&router, moment.model()) {
            moment.look(|request, live| classes.counted(policy, request, live));
        }
    }
    classes.suggest()
}

fn router(image: &Arc<Image>) -> Router {
    Router::new(Arc::clone(image), "covered", &Memory::default(), |_| None)
}

fn entered(router: &Router, model: &str) -> Option<PolicyId> {
    match router.resolve(model) {
        Ok(Way::Policy(policy)) => Some(policy),
        _ => None,
    }
}

fn served(flight: &Flight) -> Option<TargetId> {
    match flight.end() {
        Some(End::Served(at)) => flight.attempts().get(*at).map(|a| a.target),
        _ => None,
    }
}

/// A suggestion as a test, with these lines behind its facts.
#[must_use]
pub fn block(suggestion: &Suggestion, expects: &[String]) -> String {
    let Suggestion {
        policy,
        title,
        givens,
        upstreams,
    } = suggestion;
    let mut text = format!("test \"{title}\" for @{policy} {{  # generated, review\n");
    // Writing to a text cannot fail.
    for given in givens {
        let _ = writeln!(text, "  given {given}");
    }
    for upstream in upstreams {
        let _ = writeln!(text, "  upstream {upstream}");
    }
    for expect in expects {
        let _ = writeln!(text, "  expect {expect}");
    }
    text.push_str("}\n");
    text
}

/// What becomes of the request of a test today, as `expect` lines say it.
#[must_use]
pub fn today(image: &Arc<Image>, test: &Test) -> Vec<String> {
    let Some(flight) = fly(image, test) else {
        return Vec::new();
    };
    let Some(decided) = flight.decided() else {
        return vec!["failed".to_owned()];
    };
    let policies = decided.policies.as_slice();
    let own = image.policies.get(decided.policies.last().index());
    let mut expects = Vec::new();
    if let (2.., Some(policy)) = (policies.len(), own) {
        expects.push(format!("policy is @{}", policy.name));
    }
    let rule = own.and_then(|p| p.rules.get(decided.rule.index()));
    if let Some(name) = rule.and_then(|r| r.name.as_ref()) {
        expects.push(format!("rule is {name}"));
    }
    let plan = decided.plan.and_then(|id| image.plans.get(id.index()));
    let first = flight
        .attempts()
        .first()
        .and_then(|a| image.fleet.targets.get(a.target.index()));
    match (plan, flight.end(), first) {
        (None, Some(End::Refused(refusal)), _) => {
            expects.push(format!("denied is {}", refusal.status));
        }
        (Some(plan), ..) if plan.name.is_some() => {
            let name = plan.name.as_deref().unwrap_or_default();
            expects.push(format!("plan is {name}"));
        }
        (_, _, Some(first)) => expects.push(format!("first is {}", first.name)),
        _ => expects.push("failed".to_owned()),
    }
    if !test.upstreams.is_empty() {
        let target = served(&flight).and_then(|t| image.fleet.targets.get(t.index()));
        expects
            .push(target.map_or_else(|| "failed".to_owned(), |t| format!("served is {}", t.name)));
    }
    expects
}
