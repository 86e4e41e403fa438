//! All engines in turns, so that noise hits all alike: medians, and how they stand to mux.

use crate::engine::Engine;
use crate::rules::REQUESTS;
use std::time::Duration;

/// How often each engine has its turn.
const TURNS: usize = 25;

/// A turn lasts at least about so long, and at least one pass over all requests.
const TURN: Duration = Duration::from_micros(500);

/// An engine and its median nanoseconds for one decision.
pub(crate) type Medians = Vec<(&'static str, f64)>;

/// Median of each engine.
pub(crate) fn medians(engines: &mut [Box<dyn Engine + '_>]) -> Medians {
    let passes = |engine: &mut Box<dyn Engine + '_>| {
        let one = engine.timed(REQUESTS as u64).max(Duration::from_nanos(1));
        let passes = 1 + TURN.as_nanos() / one.as_nanos();
        REQUESTS as u64 * u64::try_from(passes).expect("not that many")
    };
    let decisions: Vec<u64> = engines.iter_mut().map(passes).collect();
    let mut times = vec![Vec::new(); engines.len()];
    for _ in 0..TURNS {
        for ((engine, decisions), times) in engines.iter_mut().zip(&decisions).zip(&mut times) {
            times.push(
                engine
                    .timed(*decisions)
                    .div_duration_f64(Duration::from_nanos(*decisions)),
            );
        }
    }
    let names = engines.iter().map(|engine| engine.name());
    names.zip(times.into_iter().map(median)).collect()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Medians of every size, and their ratios to the first engine.
pub(crate) fn print(table: &[(usize, Medians)]) {
    let Some((_, engines)) = table.first() else {
        return;
    };
    let (mux, _) = engines[0];
    print!("\n{:<20}", "");
    for (rules, _) in table {
        print!("{:>24}", format!("{rules} rules (× {mux})"));
    }
    println!();
    for (row, (name, _)) in engines.iter().enumerate() {
        print!("{name:<20}");
        for (_, medians) in table {
            let (_, time) = medians[row];
            let ratio = time / medians[0].1;
            print!("{:>24}", format!("{} (× {ratio:.1})", shown(time)));
        }
        println!();
    }
}

fn shown(nanoseconds: f64) -> String {
    if nanoseconds < 1e3 {
        format!("{nanoseconds:.0} ns")
    } else {
        format!("{:.1} µs", nanoseconds / 1e3)
    }
}
