//! A scenario carried out by mux's own routing code.

use super::arrivals::Size;
use super::provider::Provider;
use super::scenario::{PATIENCE, Scenario};
use super::tally::{Seen, Tally};
use crate::play::Play;
use crate::world::{Upstreams, World};
use mux_dsl::image::TargetId;
use mux_dsl::{Image, compile, render};
use mux_routing::chance::Chance;
use mux_routing::flight::{Arrival, End, Flight};
use mux_routing::router::{Memory, Router};
use mux_routing::{MILLI, Nanos, SECOND};
use mux_traffic::record::Facts;
use std::fmt;
use std::sync::Arc;

/// The moment a run begins on the clock of the routing code, whose own beginning is no time like any other.
pub const EPOCH: Nanos = 1_000 * SECOND;

/// A run that cannot be: its policy does not compile.
#[derive(Debug)]
pub struct Unsound(pub String);

impl fmt::Display for Unsound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the simulator's own policy does not compile\n{}", self.0)
    }
}

/// The policy `@sim` of a chain of so many providers, `p0` and so on.
#[must_use]
pub fn policy(providers: usize) -> String {
    let names = (0..providers).map(|n| format!("p{n}"));
    let declared: Vec<String> = names
        .clone()
        .map(|n| format!("provider {n}{PROVIDER}"))
        .collect();
    let tries: Vec<String> = names.map(|n| format!("    try {n}/m\n")).collect();
    format!(
        "{}plan chain {{\n  fallback within {}s {{\n{}  }}\n}}\npolicy @sim {{ else use plan chain }}\n",
        declared.concat(),
        PATIENCE / SECOND,
        tries.concat(),
    )
}

/// The same, compiled.
///
/// # Errors
/// What the compiler says; it would be a defect of this function.
pub fn chain(providers: usize) -> Result<Arc<Image>, Unsound> {
    let text = policy(providers);
    let compiled = compile(
        &["sim.mux"],
        &mut |_| Ok(text.clone().into_bytes()),
        &|_| true,
    );
    let told = render(&compiled.diagnostics, &compiled.sources, false);
    compiled.image.map(Arc::new).ok_or(Unsound(told))
}

const PROVIDER: &str = " {
  kind openai
  key env SIMULATED
  model m {
    context 200k
    output 8k
    price input $1/Mtok output $4/Mtok
    tier standard
    can tools images json-schema streaming
  }
}
";

/// What watches a run.
pub trait Watch {
    /// A request is over.
    fn over(&mut self, flight: &Flight);
}

impl Watch for () {
    fn over(&mut self, _: &Flight) {}
}

struct Modelled(Vec<Provider>);

impl Upstreams for Modelled {
    fn play(&mut self, flight: &Flight, attempt: usize, target: TargetId) -> Play {
        let began = flight.attempts().get(attempt).map_or(EPOCH, |a| a.start);
        let now = began.saturating_sub(EPOCH);
        let facts = &flight.arrival().facts;
        let size = Size {
            input: facts.tokens,
            output: facts.output_limit,
        };
        let provider = self.0.get_mut(target.index());
        provider.map_or_else(Vec::new, |p| p.answer(now, size).play())
    }
}

/// The modelled providers of a run.
#[must_use]
pub fn providers(scenario: &Scenario, seed: u64) -> Vec<Provider> {
    let mut seeds = Chance::new(seed);
    let each = scenario.providers.iter();
    each.map(|(model, faults)| Provider::new(*model, faults.clone(), seeds.bits()))
        .collect()
}

/// Carries a scenario out, with nothing remembered.
///
/// # Errors
/// See [`chain`].
pub fn run(scenario: &Scenario, seed: u64, watch: &mut impl Watch) -> Result<Tally, Unsound> {
    let (tally, _) = run_with(scenario, seed, watch)?;
    Ok(tally)
}

/// The same, and the router with what it knows in the end.
///
/// # Errors
/// See [`chain`].
pub fn run_with(
    scenario: &Scenario,
    seed: u64,
    watch: &mut impl Watch,
) -> Result<(Tally, Arc<Router>), Unsound> {
    let image = chain(scenario.providers.len())?;
    Ok(run_policy(image, "@sim", scenario, seed, watch))
}

/// The same under another policy: the providers of the scenario are the targets of the fleet, in the order written, and
/// every request asks for `model`.
pub fn run_policy(
    image: Arc<Image>,
    model: &str,
    scenario: &Scenario,
    seed: u64,
    watch: &mut impl Watch,
) -> (Tally, Arc<Router>) {
    let memory = Memory::default();
    let router = Arc::new(Router::new(image, "sim", &memory, |_| None));
    let mut world = World::new(Modelled(providers(scenario, seed)));
    let mut tally = Tally::default();
    let mut over = |flight: Box<Flight>| {
        watch.over(&flight);
        tally.all.push(seen(&flight));
    };
    for (count, call) in (0..).zip(scenario.arrivals.calls(scenario.span, seed)) {
        let now = EPOCH + call.at;
        world.advance(now, &mut over);
        let arrival = arrival(model, now, call.size, Chance::nth(seed, count));
        let flight = Flight::new(&router, arrival, &router.live(now));
        world.launch(flight, &mut over);
    }
    world.finish(&mut over);
    (tally, router)
}

fn arrival(model: &str, now: Nanos, size: Size, seed: u64) -> Arrival {
    Arrival {
        seed,
        now,
        at: i64::try_from(now / MILLI).unwrap_or(i64::MAX),
        facts: Facts {
            operation: "chat".to_owned(),
            dialect: "openai-chat".to_owned(),
            model: model.to_owned(),
            tokens: size.input,
            output_limit: size.output,
            streaming: true,
            ..Facts::default()
        },
        ..Arrival::default()
    }
}

fn seen(flight: &Flight) -> Seen {
    let place = |target: TargetId| u8::try_from(target.index()).ok();
    let attempts = flight.attempts();
    let began = flight.arrival().now;
    let count = |n: usize| u8::try_from(n).unwrap_or(u8::MAX);
    let primary = attempts.iter().filter(|a| a.target.index() == 0);
    Seen {
        at: began.saturating_sub(EPOCH),
        first: attempts.first().and_then(|a| place(a.target)),
        served: match flight.end() {
            Some(End::Served(n)) => attempts.get(*n).and_then(|a| place(a.target)),
            _ => None,
        },
        attempts: count(attempts.len()),
        primary: count(primary.count()),
        content: flight.committed().map(|at| at.saturating_sub(began)),
    }
}
