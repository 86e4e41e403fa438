//! The same rules decided by mux, by a plain loop, and by general policy engines, in one run. The ratios come last; they,
//! not the times, carry over to other machines.

mod engines {
    pub(crate) mod cedar;
    pub(crate) mod cel;
    pub(crate) mod mux;
    pub(crate) mod plain;
    pub(crate) mod rego;
}
mod engine;
mod rules;
mod table;
#[path = "../decide/turns.rs"]
mod turns;

use criterion::{Criterion, SamplingMode};
use engine::Engine;
use engines::{cedar::Cedar, cel::Cel, mux::Mux, plain::Plain, rego};
use rules::{Ask, SIZES, asks};
use std::time::Duration;

/// mux comes first: the table compares the others with it.
fn engines(rules: usize, asks: &[Ask]) -> Vec<Box<dyn Engine + '_>> {
    vec![
        Box::new(Mux::new(rules, asks)),
        Box::new(Plain::new(rules, asks)),
        Box::new(Cel::new(rules, asks)),
        Box::new(Cedar::new(rules, asks)),
        Box::new(rego::Machine::new(rules, asks)),
        Box::new(rego::Interpreter::new(rules, asks)),
    ]
}

/// Stops unless every engine finds the rule that was meant, for every request.
fn agree(engines: &mut [Box<dyn Engine + '_>], asks: &[Ask]) {
    for engine in engines {
        for (at, ask) in asks.iter().enumerate() {
            let found = engine.decide(at);
            assert_eq!(found, ask.expected, "{}, asked {ask:?}", engine.name());
        }
    }
}

fn one_by_one(criterion: &mut Criterion, rules: usize, engines: &mut [Box<dyn Engine + '_>]) {
    let mut group = criterion.benchmark_group(format!("{rules} rules"));
    // A pass of an engine that asks every rule takes so long that samples must not grow.
    group.sampling_mode(SamplingMode::Flat).sample_size(20);
    group.warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_secs(1));
    for engine in engines {
        group.bench_function(engine.name(), |bench| {
            bench.iter_custom(|times| engine.timed(times));
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut medians = Vec::new();
    for rules in SIZES {
        let asks = asks(rules);
        let mut engines = engines(rules, &asks);
        agree(&mut engines, &asks);
        one_by_one(&mut criterion, rules, &mut engines);
        medians.push((rules, table::medians(&mut engines)));
    }
    table::print(&medians);
    criterion.final_summary();
}
