//! How many recorded requests a second a replay takes on one core: decided only, carried out in virtual time (beside another
//! version also on two), and what decoding them adds.
#![expect(
    clippy::expect_used,
    reason = "a bench that cannot set itself up should fail loudly"
)]

use criterion::{BatchSize, Criterion, Throughput};
use mux_replay::decisions::decide;
use mux_replay::play::answer;
use mux_replay::traffic::{Hands, Terms, Work, replay};
use mux_replay::world::World;
use mux_routing::chance::Chance;
use mux_routing::flight::{Arrival, Flight};
use mux_routing::router::{Memory, Router};
use mux_routing::{MILLI, SECOND};
use mux_traffic::record::{Facts, Record};
use std::convert::Infallible;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

const REQUESTS: u64 = 50_000;

/// Two policies of forty rules over two targets; the others differ in what a tenth of them does.
fn router(odd: &str) -> Arc<Router> {
    let mut text = "
provider p {
  kind openai
  key  env KEY
  model a {
    context 200k
    price   input $1/Mtok  output $2/Mtok
    can     tools images json-schema streaming
  }
  model b {
    context 200k
    price   input $1/Mtok  output $2/Mtok
    can     tools images json-schema streaming
  }
}
plan chain {
  fallback within 8s {
    try p/a timeout 2s
    try p/b timeout 3s
  }
}
policy @chat {
"
    .to_owned();
    for n in 0..40 {
        let target = match n % 10 {
            0 => odd,
            n if n % 2 == 0 => "plan chain",
            _ => "p/b timeout 4s",
        };
        writeln!(
            text,
            "  when tag.team is \"t{n}\" and tokens > {n}00 use {target}"
        )
        .expect("a text");
    }
    text.push_str("  else use plan chain\n}\n");
    let mut read = |_: &str| Ok(text.as_bytes().to_vec());
    let compiled = mux_dsl::compile(&["bench.mux"], &mut read, &|_| true);
    let report = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
    let image = Arc::new(compiled.image.expect(&report));
    Arc::new(Router::new(image, "bench", &Memory::default(), |_| None))
}

/// A hundred requests a second.
fn recorded(router: &Arc<Router>) -> Vec<Record> {
    let mut chance = Chance::new(7);
    let mut records = Vec::new();
    let mut world =
        World::new(|_: &Flight, _: usize, _| answer(300 * MILLI, 2_000, 100, 100, true));
    for n in 0..REQUESTS {
        let now = SECOND + n * 10 * MILLI;
        world.advance(now, &mut |flight| records.push(flight.record()));
        let arrival = Arrival {
            id: format!("01JABCDEFGH{n}"),
            seed: chance.bits(),
            at: 1_767_614_400_000 + i64::try_from(n * 10).expect("small"),
            now,
            facts: Facts {
                operation: "chat".to_owned(),
                dialect: "openai-chat".to_owned(),
                model: "@chat".to_owned(),
                tags: vec![("team".to_owned(), format!("t{}", chance.below(50)))],
                tokens: u32::try_from(chance.below(8_000)).expect("small"),
                streaming: true,
                ..Facts::default()
            },
            ..Arrival::default()
        };
        let flight = Flight::new(router, arrival, &router.live(now));
        world.launch(flight, &mut |flight| records.push(flight.record()));
    }
    world.finish(&mut |flight| records.push(flight.record()));
    records
}

/// So many threads beside the bench's own.
#[derive(Debug)]
struct Threads(usize);

impl Hands for Threads {
    fn many(&self) -> usize {
        self.0
    }

    fn begin(&self, work: Work) {
        std::thread::spawn(work);
    }
}

fn main() {
    let (was, now) = (router("plan chain"), router("p/b"));
    let records = recorded(&was);
    let lines: Vec<String> = records
        .iter()
        .map(|record| serde_json::to_string(record).expect("a record is JSON"))
        .collect();
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("replay");
    group.throughput(Throughput::Elements(REQUESTS));
    group.sample_size(10);
    let owned = || records.clone();
    group.bench_function("decisions, against what was recorded", |bench| {
        let run = |records: Vec<Record>| {
            let report = decide(&now, None, &[], records.iter());
            assert!(report.requests == REQUESTS && report.changed > 0);
            records
        };
        bench.iter_batched(owned, run, BatchSize::LargeInput);
    });
    group.bench_function("decisions, against another version", |bench| {
        let run = |records: Vec<Record>| {
            let report = decide(&now, Some(&was), &[], records.iter());
            assert!(report.changed > 0);
            records
        };
        bench.iter_batched(owned, run, BatchSize::LargeInput);
    });
    // What it takes to free them is part of what decoding adds.
    let shared: Vec<Arc<Record>> = records.iter().cloned().map(Arc::new).collect();
    group.bench_function("simulated", |bench| {
        bench.iter(|| {
            let read = || Ok::<_, Infallible>(shared.iter().cloned());
            let Ok(report) = replay(&now, None, Terms::default(), read);
            assert!(report.requests == REQUESTS && report.changed > 0);
        });
    });
    for (name, hands) in [
        ("simulated, beside another version", 0),
        ("simulated, beside another version, on two processors", 1),
    ] {
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let read = || Ok::<_, Infallible>(shared.iter().cloned());
                let hands = Threads(hands);
                let terms = Terms {
                    hands: Some(&hands),
                    ..Terms::default()
                };
                let Ok(report) = replay(&now, Some(&was), terms, read);
                assert!(report.requests == REQUESTS && report.changed > 0);
            });
        });
    }
    group.bench_function("decoding", |bench| {
        bench.iter(|| {
            for line in &lines {
                black_box(serde_json::from_str::<Record>(line).expect("a record"));
            }
        });
    });
    group.finish();
    criterion.final_summary();
}
