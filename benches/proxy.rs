//! What a gateway costs end to end: the same request over loopback to a provider directly, through a bare
//! hyper proxy, and through mux, in one run. The ratios come last; they, not the times, carry over to other machines.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench that cannot set itself up should fail loudly, and it reports"
)]

mod proxy {
    pub(crate) mod bare;
    pub(crate) mod client;
    pub(crate) mod provider;
    pub(crate) mod stage;
}

use criterion::Criterion;
use proxy::client::Client;
use proxy::stage::{STAGES, Stage};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Turns of the comparison; each stage takes part in every one, so that noise hits all alike.
const TURNS: usize = 40;
/// Requests of one stage in one turn.
const REQUESTS: usize = 25;

/// How many stages there are: direct, bare proxy, mux.
const WAYS: usize = STAGES.len();

fn one_by_one(criterion: &mut Criterion, runtime: &Runtime, stage: &Stage) {
    for stream in [false, true] {
        let mut group = criterion.benchmark_group(manner(stream));
        for (name, address) in STAGES.into_iter().zip(stage.addresses()) {
            let client = Client::new(address, stream);
            group.bench_function(name, |bench| {
                bench.iter_custom(|times| runtime.block_on(client.timed(times)));
            });
        }
        group.finish();
    }
}

/// All ways in turns: medians, and what mux adds.
fn compare(runtime: &Runtime, stage: &Stage) {
    println!(
        "\n{:<12} {:>10} {:>10} {:>10} {:>14} {:>16}",
        "", "direct", "bare proxy", "mux", "mux/bare proxy", "mux over direct"
    );
    for stream in [false, true] {
        let clients = stage
            .addresses()
            .map(|address| Client::new(address, stream));
        let mut times: [Vec<Duration>; WAYS] = Default::default();
        for _ in 0..TURNS {
            for (client, times) in clients.iter().zip(&mut times) {
                for _ in 0..REQUESTS {
                    let begin = Instant::now();
                    runtime.block_on(client.ask());
                    times.push(begin.elapsed());
                }
            }
        }
        let [direct, bare, mux] = times.map(median);
        println!(
            "{:<12} {direct:>7.0} µs {bare:>7.0} µs {mux:>7.0} µs {:>14.2} {:>13.0} µs",
            manner(stream),
            mux / bare,
            mux - direct
        );
    }
}

/// In microseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    let middle = times.get(times.len() / 2).expect("something was timed");
    middle.as_secs_f64() * 1e6
}

fn manner(stream: bool) -> &'static str {
    if stream { "streamed" } else { "whole" }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let runtime = Runtime::new().expect("a runtime");
    let stage = runtime.block_on(Stage::set());
    one_by_one(&mut criterion, &runtime, &stage);
    compare(&runtime, &stage);
    runtime.block_on(stage.strike());
    criterion.final_summary();
}
