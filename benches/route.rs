//! What routing costs where there is something to choose from: one of sixteen targets, all of them well, or all but the
//! last behind open breakers, by weight and by cost; and what it costs to remember how an attempt went, in parts and in all.
#![expect(
    clippy::expect_used,
    reason = "a bench that cannot set itself up should fail loudly"
)]

use criterion::{BatchSize, Criterion};
use mux_dsl::image::TargetId;
use mux_routing::arrival::Arrival;
use mux_routing::breaker::{Permit, Rule};
use mux_routing::chance::Chance;
use mux_routing::class::Class;
use mux_routing::event::{Action, Actions, Event};
use mux_routing::flight::Flight;
use mux_routing::router::{Memory, Router};
use mux_routing::score;
use mux_routing::target::{Ended, Load, TargetState};
use mux_routing::{MILLI, Nanos, SECOND};
use mux_traffic::record::Facts;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const TARGETS: u32 = 16;
/// When requests come; it stays that moment, or the breakers would not stay open.
const NOW: Nanos = 100 * SECOND;

/// A policy that takes this route, in which each line of `%` stands for one line a target.
fn router(route: &str) -> Arc<Router> {
    let model = |n| {
        format!(
            "  model m{n} {{ price input ${}/Mtok output $9/Mtok }}\n",
            n + 1
        )
    };
    let models = (0..TARGETS).map(model).collect::<Vec<_>>().concat();
    let mut lines = Vec::new();
    for line in route.lines() {
        if line.contains('%') {
            lines.extend((0..TARGETS).map(|n| line.replace('%', &format!("p/m{n}"))));
        } else {
            lines.push(line.to_owned());
        }
    }
    let route = lines.join("\n");
    let text = format!(
        "provider p {{\n  kind openai\n  key env KEY\n{models}}}\npolicy @x {{\n  else use {route}\n}}\n"
    );
    let mut read = |_: &str| Ok(text.as_bytes().to_vec());
    let compiled = mux_dsl::compile(&["bench.mux"], &mut read, &|_| true);
    let report = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
    let image = compiled.image.expect(&report);
    let memory = Memory::default();
    Arc::new(Router::new(Arc::new(image), "bench", &memory, |_| None))
}

fn arrival() -> Arrival {
    Arrival {
        id: "01JABCDEFGH".to_owned(),
        seed: 7,
        at: 1_767_614_400_000,
        now: NOW,
        facts: Facts {
            model: "@x".to_owned(),
            tokens: 2_000,
            streaming: true,
            ..Facts::default()
        },
        ..Arrival::default()
    }
}

/// A flight that has set off. Its client leaves when it is dropped, which is not timed.
struct Away(Flight, Actions);

impl Away {
    fn set_off(router: &Arc<Router>, arrival: Arrival) -> Self {
        let mut flight = Flight::new(router, arrival, &router.live(NOW));
        let mut out = Actions::new();
        flight.start(NOW, &mut out);
        Self(flight, out)
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        self.0.on(Event::ClientGone, NOW, &mut self.1);
    }
}

fn ended(start: Nanos, class: Class, waited: bool) -> Ended {
    Ended {
        start,
        load: Load::default(),
        waited,
        class,
        permit: Permit::Free,
        retry_after: None,
    }
}

/// Opens the breakers of all targets but the last.
fn open_all_but_the_last(router: &Router) {
    for target in (0..TARGETS - 1).map(TargetId) {
        let state = router.state(target).expect("it is declared");
        for _ in 0..5 {
            assert!(state.begin(Load::default(), None, NOW));
            let failed = ended(NOW, Class::Server, true);
            state.settle(&failed, &Rule::default(), NOW, &mut Chance::new(1));
        }
    }
}

fn selecting(criterion: &mut Criterion) {
    const CHAIN: &str = "fallback within 60s {\n    try %\n  }";
    let mut group = criterion.benchmark_group("select of 16");
    let ill = router(CHAIN);
    open_all_but_the_last(&ill);
    let last = TargetId(TARGETS - 1);
    for (name, router, first) in [
        ("all well", router(CHAIN), Some(TargetId(0))),
        ("15 breakers open", ill, Some(last)),
        ("by weight", router("balance {\n    % weight 1\n  }"), None),
        (
            "by cost",
            router("cheapest {\n    %\n  }"),
            Some(TargetId(0)),
        ),
    ] {
        let Away(ref flight, ref actions) = Away::set_off(&router, arrival());
        let target = flight.attempts().first().map(|a| a.target);
        assert!(first.is_none() || target == first, "{name}: {target:?}");
        assert!(matches!(actions.first(), Some(Action::Start { .. })));
        group.bench_function(name, |bench| {
            bench.iter_batched(
                arrival,
                |arrival| Away::set_off(&router, arrival),
                BatchSize::NumIterations(64),
            );
        });
    }
    group.finish();
}

/// A target that answers a thousand times a second.
struct Busy {
    state: TargetState,
    now: Nanos,
    rule: Rule,
    chance: Chance,
}

impl Busy {
    fn new() -> Self {
        let mut busy = Self {
            state: TargetState::default(),
            now: NOW,
            rule: Rule::default(),
            chance: Chance::new(1),
        };
        (0..70_000).for_each(|_| busy.serve());
        busy
    }

    fn serve(&mut self) {
        let start = self.begin();
        self.content(start);
        self.settle(start);
    }

    fn begin(&mut self) -> Nanos {
        self.now += MILLI;
        let start = self.now - 300 * MILLI;
        let began = self.state.begin(Load::default(), Some(1_000), start);
        black_box(began);
        start
    }

    fn content(&mut self, start: Nanos) {
        self.state
            .first_content(Load::default(), start, Permit::Free, &self.rule, self.now);
    }

    fn settle(&mut self, start: Nanos) {
        let served = ended(start, Class::Ok, false);
        self.state
            .settle(&served, &self.rule, self.now, &mut self.chance);
    }

    /// What each part of so many attempts takes: to begin, the first content, the outcome. Many are timed together, as to
    /// read a clock takes as long as a part does.
    fn parts(&mut self, mut times: u64) -> [Duration; 3] {
        let mut spent = [Duration::ZERO; 3];
        while times > 0 {
            let now = times.min(500);
            times -= now;
            let mut starts = Vec::with_capacity(500);
            let clock = Instant::now();
            starts.extend((0..now).map(|_| self.begin()));
            let begun = Instant::now();
            for start in &starts {
                self.content(*start);
            }
            let heard = Instant::now();
            for start in &starts {
                self.settle(*start);
            }
            let settled = Instant::now();
            let parts = [(begun, clock), (heard, begun), (settled, heard)];
            for (sum, (end, start)) in spent.iter_mut().zip(parts) {
                *sum += end.saturating_duration_since(start);
            }
        }
        spent
    }
}

fn remembering(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("target");
    let mut busy = Busy::new();
    for (part, name) in ["it begins", "its first content", "its outcome"]
        .iter()
        .enumerate()
    {
        group.bench_function(*name, |bench| {
            bench.iter_custom(|times| busy.parts(times).get(part).copied().unwrap_or_default());
        });
    }
    group.bench_function("all of an attempt", |bench| bench.iter(|| busy.serve()));
    let (state, now) = (&busy.state, busy.now);
    group.bench_function("score, published", |bench| {
        bench.iter(|| state.score(black_box(now)));
    });
    group.bench_function("score, made anew", |bench| {
        bench.iter(|| score::score(&state.signals(black_box(now))));
    });
    let rare = TargetState::default();
    assert!(rare.begin(Load::default(), None, NOW));
    group.bench_function("score, made anew of one that is seldom asked", |bench| {
        bench.iter(|| score::score(&rare.signals(black_box(NOW + SECOND))));
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    selecting(&mut criterion);
    remembering(&mut criterion);
    criterion.final_summary();
}
