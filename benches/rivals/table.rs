//! The table at the end: medians of every size, and how they stand to mux.

use crate::engine::Engine;
use crate::rules::REQUESTS;
use crate::turns::{self, Way};
use std::hint::black_box;

/// Engines in order, with nanoseconds for one decision.
pub(crate) type Medians = Vec<(&'static str, f64)>;

/// Times all engines in turns, each over all requests.
pub(crate) fn medians(engines: &mut [Box<dyn Engine + '_>]) -> Medians {
    let names: Vec<_> = engines.iter().map(|engine| engine.name()).collect();
    let passes = engines.iter_mut().map(|engine| {
        Box::new(move || {
            black_box(engine.timed(REQUESTS as u64));
        }) as Way<'_>
    });
    let times = turns::medians(25, &mut passes.collect::<Vec<_>>());
    let requests = f64::from(u32::try_from(REQUESTS).expect("not that many"));
    let each = times.into_iter().map(|time| time / requests);
    names.into_iter().zip(each).collect()
}

/// Prints a row for each engine; the first is what the others are compared with.
pub(crate) fn print(table: &[(usize, Medians)]) {
    let Some((_, engines)) = table.first() else {
        return;
    };
    print!("\n{:<20}", "");
    for (rules, _) in table {
        print!("{:>24}", format!("{rules} rules (× {})", engines[0].0));
    }
    println!();
    for (row, (name, _)) in engines.iter().enumerate() {
        print!("{name:<20}");
        for (_, medians) in table {
            let (time, ratio) = (medians[row].1, medians[row].1 / medians[0].1);
            print!("{:>24}", format!("{} (× {ratio:.1})", turns::shown(time)));
        }
        println!();
    }
}
