//! What mux adds to a request without any socket: the body read once, and one flight from decision to end.
#![expect(
    clippy::expect_used,
    reason = "a bench that cannot set itself up should fail loudly"
)]

use bytes::Bytes;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use mux_routing::arrival::Arrival;
use mux_routing::event::{Actions, End, Event};
use mux_routing::flight::Flight;
use mux_routing::router::{Memory, Router};
use mux_routing::{MILLI, SECOND};
use mux_traffic::record::{Facts, Usage};
use mux_wire::chat::scan;
use serde_json::json;
use std::hint::black_box;
use std::sync::Arc;

const POLICY: &str = r#"
provider p {
  kind openai
  key  env KEY
  model a {
    context 100k
    price   input $1/Mtok  output $2/Mtok
    can     tools images json-schema streaming
  }
  model b {
    context 100k
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
  when tag.residency is "eu"  use p/b
  when tokens > 50k           use p/b
  else                        use plan chain
}
"#;

/// A conversation of about so many bytes.
fn body(bytes: usize) -> Bytes {
    let turn = "How does one keep a service up when those it depends on are not? ";
    let turns = (bytes / (turn.len() + 40)).max(1);
    let messages: Vec<_> = (0..turns)
        .map(|n| json!({ "role": if n % 2 == 0 { "user" } else { "assistant" }, "content": turn }))
        .collect();
    let body = json!({
        "model": "@chat", "stream": true, "max_tokens": 500, "user": "u-1",
        "metadata": { "team": "search" }, "messages": messages,
    });
    Bytes::from(body.to_string())
}

fn reading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scan");
    for kib in [1, 4, 64] {
        let body = body(kib << 10);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(format!("{kib} KiB")), |bench| {
            bench.iter(|| scan(black_box(&body)).expect("a chat request"));
        });
    }
    group.finish();
}

fn arrival() -> Arrival {
    Arrival {
        id: "01JABCDEFGH".to_owned(),
        seed: 7,
        at: 1_767_614_400_000,
        now: 100 * SECOND,
        facts: Facts {
            model: "@chat".to_owned(),
            tokens: 2_000,
            streaming: true,
            ..Facts::default()
        },
        ..Arrival::default()
    }
}

/// One flight that the first target serves: decided, sent, streamed, accounted for.
fn fly(router: &Arc<Router>, arrival: Arrival) -> Flight {
    let now = arrival.now;
    let mut flight = Flight::new(router, arrival, &router.live(now));
    let mut out = Actions::new();
    flight.start(now, &mut out);
    let usage = Usage {
        input: 2_000,
        output: 100,
        ..Usage::default()
    };
    let events = [
        Event::Connected(0),
        Event::Sent(0),
        Event::Head(0, 200),
        Event::Content(0),
        Event::Progress(0, 64),
        Event::Done(0, Some(usage)),
    ];
    for (passed, event) in (1..).zip(events) {
        flight.on(event, now + passed * MILLI, &mut out);
    }
    flight
}

/// The same fleet and rules; the last of them with another route.
fn flying(criterion: &mut Criterion, name: &str, route: &str) {
    let text = POLICY.replace("use plan chain", &format!("use {route}"));
    let mut read = |_: &str| Ok(text.as_bytes().to_vec());
    let compiled = mux_dsl::compile(&["bench.mux"], &mut read, &|_| true);
    let report = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
    let image = compiled.image.expect(&report);
    let router = Arc::new(Router::new(
        Arc::new(image),
        "bench",
        &Memory::default(),
        |_| None,
    ));
    assert_eq!(fly(&router, arrival()).end(), Some(&End::Served(0)));
    criterion.bench_function(&format!("flight/{name}"), |bench| {
        bench.iter_batched(
            arrival,
            |arrival| fly(&router, arrival),
            BatchSize::SmallInput,
        );
    });
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    reading(&mut criterion);
    flying(&mut criterion, "served by the first", "plan chain");
    let shares = "split by end_user {\n    40% p/a\n    60% plan chain\n  }";
    flying(&mut criterion, "chosen by a share", shares);
    let list = "cheapest where price <= $5/Mtok {\n    p/a\n    p/b\n    otherwise plan chain\n  }";
    flying(&mut criterion, "chosen by cost", list);
    criterion.final_summary();
}
