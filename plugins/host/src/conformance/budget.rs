//! Calls are short and memory stays small.

use std::time::{Duration, Instant};

use super::report::{Check, Cost};
use super::trial::{Case, Outcome, Trial, read};

/// Times each is done.
const ROUNDS: usize = 21;
/// A call may take this share of its deadline at the median: the rest is for slower and busier machines.
const SHARE: u32 = 5;

/// Time at the median, and memory at its largest, of every exchange.
pub(super) fn check(trial: &Trial) -> (Check, Vec<Cost>) {
    let mut check = Check::new("budget");
    let mut costs = Vec::new();
    for case in trial.cases().iter().filter(|case| !case.is_error()) {
        let Ok(cost) = cost(case) else {
            // Whether it should have been planned and read is for other checks to say.
            continue;
        };
        check.tried(&case.name, over(trial, &cost));
        costs.push(cost);
    }
    (check, costs)
}

fn over(trial: &Trial, cost: &Cost) -> Option<String> {
    let limits = &trial.plugin().limits;
    let too_long = |what: &str, took: f64, deadline: Duration| {
        let most = (deadline / SHARE).as_secs_f64() * 1e6;
        (took > most).then(|| format!("{what} takes {took:.0} µs, and may take {most:.0}"))
    };
    let most = trial.plugin().memory() >> 10;
    too_long("planning", cost.plan_us, limits.prepare)
        .or_else(|| too_long("reading", cost.read_us, limits.decode))
        .or_else(|| {
            let used = cost.memory_kib;
            (used > most).then(|| format!("it uses {used} KiB, and asked for {most}"))
        })
}

fn cost(case: &Case) -> Result<Cost, crate::fault::Fault> {
    let chat = case.exchange.client();
    let (mut planned, mut heard) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        let plan = case.exchange.plan(&case.warm, &chat)?;
        planned.push(begin.elapsed());
        let begin = Instant::now();
        let outcome: Outcome = read(&case.warm, &plan, [case.exchange.body.clone()]);
        heard.push(begin.elapsed());
        outcome?;
    }
    Ok(Cost {
        exchange: case.name.clone(),
        plan_us: median(planned),
        read_us: median(heard),
        memory_kib: case.warm.guest().memory().unwrap_or(0) >> 10,
    })
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    let middle = times.get(times.len() / 2);
    middle.map_or(0.0, |time| time.as_secs_f64() * 1e6)
}
