//! Runs the `test` blocks of a bundle, each in a world of its own with nothing remembered.

use crate::play::{Play, healthy, scripted};
use crate::world::World;
use mux_dsl::Image;
use mux_dsl::case::{Expect, Given, Test, That};
use mux_dsl::image::{BasisPoints, BudgetId, Millis, TargetId};
use mux_dsl::request::{HealthState, Live, Request};
use mux_routing::SECOND;
use mux_routing::flight::{Arrival, End, Flight};
use mux_routing::router::{Memory, Router};
use mux_traffic::record::Facts;
use serde::Serialize;
use std::fmt::Display;
use std::sync::Arc;

/// Where a test that gives no time stands: Monday 2026-01-05, noon UTC.
const NOON: i64 = 1_767_614_400_000;
/// The seed of every test, so that none ever flakes.
const SEED: u64 = 1;

/// The outcome of one test.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// File it stands in.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// What did not hold; none means that it passed.
    pub failures: Vec<Miss>,
    /// Targets in the order they were tried.
    pub attempts: Vec<String>,
    /// Rule that decided, as `file:line`.
    pub rule: String,
    /// Virtual milliseconds from arrival to the end.
    pub total_ms: u64,
}

/// An expectation that did not hold.
#[derive(Clone, Debug, Serialize)]
pub struct Miss {
    /// Line of the `expect`, from 1.
    pub line: u32,
    /// As written.
    pub expected: String,
    /// What happened instead.
    pub got: String,
}

/// Runs every test of a bundle.
#[must_use]
pub fn run(image: &Arc<Image>) -> Vec<Outcome> {
    image.tests.iter().map(|test| one(image, test)).collect()
}

fn one(image: &Arc<Image>, test: &Test) -> Outcome {
    let router = Arc::new(Router::new(
        Arc::clone(image),
        "test",
        &Memory::default(),
        |_| None,
    ));
    let arrival = arrival(&test.given);
    let live = Supposed { given: &test.given };
    let flight = Flight::new(&router, arrival, &live);
    let (tokens, streaming) = (test.given.tokens, !whole(&test.given));
    let mut world = World::new(|_: &Flight, _: usize, target: TargetId| -> Play {
        let script = test
            .upstreams
            .iter()
            .find(|(t, _)| *t == target)
            .map(|(_, script)| script);
        script.map_or_else(
            || healthy(tokens, streaming),
            |script| scripted(script, tokens, streaming),
        )
    });
    let mut ended = None;
    let mut over = |flight| ended = Some(flight);
    world.advance(SECOND, &mut over);
    world.launch(flight, &mut over);
    world.finish(&mut over);
    let mut outcome = Outcome {
        name: test.name.clone(),
        file: test.file.to_string(),
        line: test.line,
        failures: Vec::new(),
        attempts: Vec::new(),
        rule: String::new(),
        total_ms: 0,
    };
    let Some(flight) = ended else {
        // Every flight has a last deadline, so this would be a defect of routing.
        outcome.failures.push(Miss {
            line: test.line,
            expected: "an end".to_owned(),
            got: "the request never ended".to_owned(),
        });
        return outcome;
    };
    let record = flight.record();
    outcome.attempts = record.attempts.iter().map(|a| a.target.clone()).collect();
    outcome.rule = record
        .decision
        .as_ref()
        .map(|d| d.rule.clone())
        .unwrap_or_default();
    outcome.total_ms = record.outcome.total_us / 1_000;
    outcome.failures = test
        .expects
        .iter()
        .filter_map(|expect| miss(expect, &flight, image))
        .collect();
    outcome
}

fn arrival(given: &Given) -> Arrival {
    Arrival {
        id: "test".to_owned(),
        seed: SEED,
        at: given.now.unwrap_or(NOON),
        now: SECOND,
        facts: Facts {
            operation: "chat".to_owned(),
            dialect: "openai-chat".to_owned(),
            model: given.model.clone(),
            key: given.key.clone(),
            end_user: given.end_user.clone(),
            conversation: given.conversation.clone(),
            tags: given.tags.clone(),
            tokens: given.tokens,
            output_limit: given.output_limit,
            streaming: given.streaming == Some(true),
            needs: Vec::new(),
        },
        needs: given.needs,
        whole: whole(given),
        timeout: None,
    }
}

/// A test that does not say how the client reads is about routing: timeouts are then held against the first content, as
/// for a stream. The fact `streaming` that rules read is a different matter; like every fact not given, it is false.
fn whole(given: &Given) -> bool {
    given.streaming == Some(false)
}

/// Live figures as a test gives them.
struct Supposed<'a> {
    given: &'a Given,
}

fn given<K: PartialEq, V: Copy>(list: &[(K, V)], key: &K) -> Option<V> {
    list.iter().find(|(k, _)| k == key).map(|(_, v)| *v)
}

impl Live for Supposed<'_> {
    fn p50(&self, target: TargetId) -> Option<Millis> {
        given(&self.given.p95, &target)
    }

    fn p95(&self, target: TargetId) -> Option<Millis> {
        given(&self.given.p95, &target)
    }

    fn error_rate(&self, target: TargetId) -> Option<BasisPoints> {
        given(&self.given.error_rate, &target)
    }

    fn health(&self, target: TargetId) -> HealthState {
        given(&self.given.health, &target).unwrap_or_default()
    }

    fn used(&self, budget: BudgetId, _: &Request<'_>) -> BasisPoints {
        given(&self.given.used, &budget).unwrap_or(0)
    }
}

fn miss(expect: &Expect, flight: &Flight, image: &Image) -> Option<Miss> {
    let (holds, got) = judge(&expect.that, flight, image);
    (!holds).then(|| Miss {
        line: expect.line,
        expected: expect.text.clone(),
        got,
    })
}

/// Whether it holds, and what is the case.
fn judge(that: &That, flight: &Flight, image: &Image) -> (bool, String) {
    let router = flight.router();
    let attempts: Vec<TargetId> = flight.attempts().iter().map(|a| a.target).collect();
    let names = |targets: &[TargetId]| match targets {
        [] => "none".to_owned(),
        some => some
            .iter()
            .map(|t| router.name(*t))
            .collect::<Vec<_>>()
            .join(" "),
    };
    let decided = flight.decided();
    let served = match flight.end() {
        Some(End::Served(n)) => flight.attempts().get(*n).map(|a| a.target),
        _ => None,
    };
    let denied = match flight.end() {
        Some(End::Refused(refusal)) if flight.attempts().is_empty() => Some(refusal.status),
        _ => None,
    };
    let ending = || match flight.end() {
        Some(End::Served(_)) => format!("served by {}", served.map_or("?", |t| router.name(t))),
        Some(End::Refused(refusal)) => {
            format!("{} {}: {}", refusal.status, refusal.code, refusal.message)
        }
        Some(End::Broken(class)) => format!("broke off: {}", class.word()),
        Some(End::ClientGone) | None => "no end".to_owned(),
    };
    match that {
        That::Plan(plan) => {
            let name = decided
                .and_then(|d| d.plan)
                .and_then(|p| image.plans.get(p.index()));
            let got = name.map_or_else(ending, |p| {
                p.name
                    .as_deref()
                    .unwrap_or("a plan without a name")
                    .to_owned()
            });
            (decided.and_then(|d| d.plan) == Some(*plan), got)
        }
        That::Rule(name) => {
            let last = decided.map(|d| (d.policies.last(), d.rule));
            let rule = last.and_then(|(p, r)| image.policies.get(p.index())?.rules.get(r.index()));
            let got = rule.map_or_else(ending, |r| {
                r.name.as_deref().map_or_else(
                    || format!("the rule at {}:{}", r.file, r.line),
                    str::to_owned,
                )
            });
            (got == *name, got)
        }
        That::Policy(policy) => {
            let last = decided.map(|d| d.policies.last());
            let got = last
                .and_then(|p| image.policies.get(p.index()))
                .map_or_else(ending, |p| format!("@{}", p.name));
            (last == Some(*policy), got)
        }
        That::First(target) => (
            attempts.first() == Some(target),
            names(attempts.get(..1).unwrap_or_default()),
        ),
        That::Attempts(wanted) => (attempts == *wanted, names(&attempts)),
        That::Count(compare, count) => {
            let made = u32::try_from(attempts.len()).unwrap_or(u32::MAX);
            (compare.holds(&made, count), made.to_string())
        }
        That::Served(target) => (served == Some(*target), ending()),
        That::Failed => (served.is_none() && denied.is_none(), ending()),
        That::Denied(status) => (denied == Some(*status), ending()),
        That::Allowed => (denied.is_none(), ending()),
        That::Cost(compare, wanted) => {
            let (cost, priced) = flight.cost();
            let got = if priced {
                dollars(cost)
            } else {
                "unknown, for a target without a price".to_owned()
            };
            (priced && compare.holds(&cost, wanted), got)
        }
        That::Total(compare, wanted) => {
            let record = flight.record().outcome;
            let total = record.committed_us.unwrap_or(record.total_us) / 1_000;
            (compare.holds(&total, wanted), format!("{total}ms"))
        }
        That::Region(region) => {
            let provider = served
                .and_then(|t| image.fleet.targets.get(t.index()))
                .and_then(|t| image.fleet.providers.get(t.provider.index()));
            let regions = provider.map(|p| p.regions.as_slice()).unwrap_or_default();
            (
                !regions.is_empty() && regions.iter().all(|r| **r == **region),
                listed(regions),
            )
        }
        That::Tier(compare, wanted) => {
            let tier = served.and_then(|t| image.fleet.targets.get(t.index())?.tier);
            (
                tier.is_some_and(|t| compare.holds(&t, wanted)),
                tier.map_or_else(|| "no tier".to_owned(), |t| format!("{t:?}").to_lowercase()),
            )
        }
    }
}

fn listed<T: Display>(items: &[T]) -> String {
    match items {
        [] => "none".to_owned(),
        some => some
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" "),
    }
}

/// Pico-dollars as people write them.
#[must_use]
pub fn dollars(pico: i64) -> String {
    let micro = pico / 1_000_000;
    let sign = if micro < 0 { "-" } else { "" };
    format!(
        "{sign}${}.{:06}",
        micro.abs() / 1_000_000,
        micro.abs() % 1_000_000
    )
}
