//! Runs the `test` blocks of a bundle, each in a world of its own with nothing remembered.

use crate::play::{Play, healthy, scripted};
use crate::verdict::{Miss, misses};
use crate::world::{Upstreams, World, alike};
use mux_dsl::Image;
use mux_dsl::case::{Answer, Given, NOON, Test};
use mux_dsl::image::{BasisPoints, BudgetId, Millis, TargetId};
use mux_dsl::request::{HealthState, Live, Request};
use mux_routing::SECOND;
use mux_routing::figure::Gauges;
use mux_routing::flight::{Arrival, Flight, Role, Told};
use mux_routing::router::{Memory, Router};
use mux_traffic::record::Facts;
use serde::Serialize;
use std::sync::Arc;

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

/// Runs every test of a bundle.
#[must_use]
pub fn run(image: &Arc<Image>) -> Vec<Outcome> {
    image.tests.iter().map(|test| one(image, test)).collect()
}

/// Carries out a test in a world of its own. `None` would be a defect of routing: every flight has a last deadline.
pub(crate) fn fly(image: &Arc<Image>, test: &Test) -> Option<Flight> {
    let router = Arc::new(Router::new(
        Arc::clone(image),
        "test",
        &Memory::default(),
        |_| None,
    ));
    let arrival = arrival(&test.given);
    let live = Supposed { given: &test.given };
    let flight = Flight::new(&router, arrival, &live);
    let mut world = World::new(Scripted { test });
    let mut ended = None;
    let mut over = |flight: Box<Flight>| ended = Some(*flight);
    world.advance(SECOND, &mut over);
    world.launch(flight, &mut over);
    world.finish(&mut over);
    ended
}

/// Upstreams that do what a test says, and are healthy where it says nothing.
struct Scripted<'t> {
    test: &'t Test,
}

impl Upstreams for Scripted<'_> {
    fn play(&mut self, flight: &Flight, attempt: usize, target: TargetId) -> Play {
        let given = &self.test.given;
        let judges = flight.attempts().get(attempt);
        let judges = judges.is_some_and(|a| !a.role.answers());
        let (tokens, limit) = (given.tokens, given.output_limit.filter(|_| !judges));
        let streaming = !whole(given) && !judges;
        let script = self.test.upstreams.iter().find(|(t, _)| *t == target);
        match script {
            Some((_, script)) => scripted(script, tokens, limit, streaming),
            None => healthy(tokens, limit, streaming),
        }
    }

    fn tell(&mut self, flight: &Flight, attempt: usize) -> Told {
        let attempts = flight.attempts();
        let about = match attempts.get(attempt).map(|a| a.role) {
            Some(Role::Judge(about)) => about,
            _ => attempt,
        };
        let target = attempts.get(about).map(|a| a.target);
        let said = self.test.answers.iter().filter(|(t, _)| Some(*t) == target);
        let mut told = alike();
        for (_, answer) in said {
            match *answer {
                Answer::Scores(score) => told.score = Some(score),
                Answer::Finishes(finish) => told.finish = Some(finish),
            }
        }
        told
    }
}

fn one(image: &Arc<Image>, test: &Test) -> Outcome {
    let mut outcome = Outcome {
        name: test.name.clone(),
        file: test.file.to_string(),
        line: test.line,
        failures: Vec::new(),
        attempts: Vec::new(),
        rule: String::new(),
        total_ms: 0,
    };
    let Some(flight) = fly(image, test) else {
        outcome.failures.push(Miss {
            file: test.file.to_string(),
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
    outcome.failures = misses(&test.expects, &test.file, &flight);
    outcome
}

/// The request that a test is about.
pub(crate) fn arrival(given: &Given) -> Arrival {
    Arrival {
        id: "test".to_owned(),
        seed: SEED,
        at: given.now.unwrap_or(NOON),
        now: SECOND,
        facts: Facts {
            operation: given.operation.clone().unwrap_or_else(|| "chat".to_owned()),
            dialect: given
                .dialect
                .clone()
                .unwrap_or_else(|| "openai-chat".to_owned()),
            model: given.model.clone(),
            key: given.key.clone(),
            team: given.team.clone(),
            end_user: given.end_user.clone(),
            conversation: given.conversation.clone(),
            tags: given.tags.clone(),
            headers: given.headers.clone(),
            tokens: given.tokens,
            output_limit: given.output_limit,
            streaming: given.streaming == Some(true),
            ..Facts::default()
        },
        needs: given.needs,
        whole: whole(given),
        ..Arrival::default()
    }
}

/// A test that does not say how the client reads is about routing: timeouts are then held against the first content, as
/// for a stream. The fact `streaming` that rules read is a different matter; like every fact not given, it is false.
fn whole(given: &Given) -> bool {
    given.streaming == Some(false)
}

/// Live figures as a test gives them.
pub(crate) struct Supposed<'a> {
    pub(crate) given: &'a Given,
}

fn given<K: PartialEq, V: Copy>(list: &[(K, V)], key: &K) -> Option<V> {
    list.iter().find(|(k, _)| k == key).map(|(_, v)| *v)
}

impl Gauges for Supposed<'_> {}

impl Live for Supposed<'_> {
    fn p50(&self, target: TargetId) -> Option<Millis> {
        given(&self.given.p50, &target)
    }

    fn p95(&self, target: TargetId) -> Option<Millis> {
        given(&self.given.p95, &target)
    }

    fn p99(&self, target: TargetId) -> Option<Millis> {
        given(&self.given.p99, &target)
    }

    fn error_rate(&self, target: TargetId) -> Option<BasisPoints> {
        given(&self.given.error_rate, &target)
    }

    fn inflight(&self, target: TargetId) -> u32 {
        given(&self.given.inflight, &target).unwrap_or(0)
    }

    fn breaker_open(&self, target: TargetId) -> bool {
        given(&self.given.breaker, &target).unwrap_or(false)
    }

    fn headroom(&self, target: TargetId) -> Option<BasisPoints> {
        given(&self.given.headroom, &target)
    }

    fn health(&self, target: TargetId) -> HealthState {
        given(&self.given.health, &target).unwrap_or_default()
    }

    fn used(&self, budget: BudgetId, _: &Request<'_>) -> BasisPoints {
        given(&self.given.used, &budget).unwrap_or(0)
    }
}
