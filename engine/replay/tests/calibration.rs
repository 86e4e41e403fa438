//! Whether a replay is to be believed: traffic is recorded under one policy while providers fail by a script, replayed
//! under another, and then that one is really run against the same providers. What happens has to be where the replay
//! said it would be, as often as it said.
#![expect(
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot set itself up should fail loudly"
)]

use mux_dsl::image::TargetId;
use mux_replay::bounds::{Bounds, Interval};
use mux_replay::play::Play;
use mux_replay::report::Report;
use mux_replay::sim::arrivals::Size;
use mux_replay::sim::fault::{Fault, Kind};
use mux_replay::sim::provider::{Model, Provider};
use mux_replay::traffic::{Terms, replay};
use mux_replay::world::World;
use mux_routing::chance::Chance;
use mux_routing::flight::{Arrival, Flight};
use mux_routing::router::{Memory, Router};
use mux_routing::{MILLI, SECOND};
use mux_traffic::record::{Facts, Record};
use std::convert::Infallible;
use std::sync::Arc;

const FLEET: &str = "
provider a {
  kind openai
  key  env KEY
  model m {
    context 100k
    price   input $1/Mtok  output $10/Mtok
  }
}
provider b {
  kind openai
  key  env KEY
  model m {
    context 100k
    price   input $2/Mtok  output $20/Mtok
  }
}
";
/// Long prompts go to the one, short ones to the other.
const RECORDED: &str = "policy @x {
  when tokens > 1500 use fallback within 12s {
    try a/m timeout 3s
    try b/m timeout 3s
  }
  else use fallback within 12s {
    try b/m timeout 3s
    try a/m timeout 3s
  }
}";
/// All go to the one, with less patience.
const TRIED: &str = "policy @x {
  else use fallback within 8s {
    try a/m timeout 2s
    try b/m timeout 4s
  }
}";

fn router(policy: &str) -> Arc<Router> {
    let text = format!("{FLEET}{policy}");
    let compiled = mux_dsl::compile(&["t.mux"], &mut |_| Ok(text.clone().into_bytes()), &|_| {
        true
    });
    let shown = || mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
    let image = compiled.image.unwrap_or_else(|| panic!("{}", shown()));
    Arc::new(Router::new(
        Arc::new(image),
        "v",
        &Memory::default(),
        |_| None,
    ))
}

/// The providers, and what breaks when: an hour's troubles in three minutes.
fn providers(seed: u64) -> [Provider; 2] {
    let fault = |kind, from, until| Fault {
        kind,
        from: from * SECOND,
        until: until * SECOND,
    };
    let first = vec![
        fault(Kind::Hangs, 40, 55),
        fault(
            Kind::BrownOut {
                errors: 0.6,
                slower: 4.0,
            },
            90,
            120,
        ),
    ];
    let second = vec![fault(
        Kind::Throttles {
            share: 0.4,
            retry_after: None,
        },
        70,
        85,
    )];
    let slow = Model {
        first: 700 * MILLI,
        noise: 0.02,
        ..Model::default()
    };
    [
        Provider::new(Model::default(), first, seed),
        Provider::new(slow, second, seed + 1),
    ]
}

/// Requests under a policy, really run against the providers.
fn run(policy: &str, requests: u64, traffic: u64, seed: u64) -> Vec<Record> {
    let router = router(policy);
    let mut providers = providers(seed);
    let mut records = Vec::new();
    let mut world = World::new(
        |flight: &Flight, attempt: usize, target: TargetId| -> Play {
            let size = Size {
                input: flight.arrival().facts.tokens,
                ..Size::default()
            };
            let now = flight.attempts()[attempt].start;
            providers[target.index()].answer(now, size).play()
        },
    );
    // The same requests come whoever serves them.
    let mut chance = Chance::new(traffic);
    for n in 0..requests {
        let now = SECOND + n * 100 * MILLI;
        world.advance(now, &mut |flight| records.push(flight.record()));
        let tokens = u32::try_from(50 + chance.below(60) * chance.below(60)).expect("some");
        let facts = Facts {
            model: "@x".to_owned(),
            tokens,
            streaming: true,
            ..Facts::default()
        };
        let arrival = Arrival {
            id: format!("r{n}"),
            seed: chance.bits(),
            at: 1_767_614_400_000 + i64::try_from(n * 100).expect("small"),
            now,
            facts,
            ..Arrival::default()
        };
        let flight = Flight::new(&router, arrival, &router.live(now));
        world.launch(flight, &mut |flight| records.push(flight.record()));
    }
    world.finish(&mut |flight| records.push(flight.record()));
    records
}

fn replayed(policy: &str, records: &[Record], seed: u64) -> Report {
    let read = || Ok::<_, Infallible>(records.iter().cloned());
    let terms = Terms {
        seed,
        ..Terms::default()
    };
    let Ok(report) = replay(&router(policy), None, terms, read);
    report
}

/// What is foretold, and what is the case: failovers and errors as basis points, times, and money.
fn held_against(told: &Bounds, truth: &Report) -> [(&'static str, Interval, f64); 5] {
    let real = |figure: u64| f64::from(u32::try_from(figure).expect("a small figure"));
    let bp = |count: u64| real(count) * 10_000.0 / real(truth.requests);
    let was = &truth.was;
    let cost = i32::try_from(was.cost / 1_000_000).expect("some dollars");
    let money = told.cost.map(|edge| edge / 1e6);
    [
        ("failed over", told.failed_over, bp(was.failed_over)),
        ("errors", told.errors, bp(was.errors)),
        ("p50", told.p50_ms, real(was.p50_ms)),
        ("p95", told.p95_ms, real(was.p95_ms)),
        ("cost", money, f64::from(cost)),
    ]
}

#[test]
fn what_a_replay_foretells_of_another_policy_is_what_happens() {
    let seeds = 0..20_u64;
    let mut missed = Vec::new();
    let mut figures = 0;
    for seed in seeds {
        let recorded = run(RECORDED, 1_500, seed, 1_000 + 10 * seed);
        let told = replayed(TRIED, &recorded, seed)
            .now
            .bounds
            .expect("a replay has bounds");
        // The same requests, and providers that are the same but for their luck.
        let happened = run(TRIED, 1_500, seed, 5_000 + 10 * seed);
        let truth = replayed(TRIED, &happened, seed);
        for (name, [low, high], is) in held_against(&told, &truth) {
            figures += 1;
            if !(low..=high).contains(&is) {
                missed.push(format!(
                    "seed {seed}: {name} is {is:.0} and not {low:.0} to {high:.0}"
                ));
            }
        }
    }
    // 95 of 100 were promised; of a hundred, 88 are there 999 times of 1,000.
    assert!(
        figures - missed.len() >= 88,
        "{} of {figures}: {missed:#?}",
        missed.len()
    );
}
