//! Ways to do the same thing, timed in turns, so that what else the machine does hits all alike. Time is that of the
//! processor for this thread: by the clock a way whose turn is long would pay for what others run meanwhile.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// A turn lasts at least about so long, and at least one call.
const TURN: Duration = Duration::from_micros(500);

/// Something that is done again and again.
pub(crate) type Way<'a> = Box<dyn FnMut() + 'a>;

/// Median nanoseconds of one call of each, after so many turns.
pub(crate) fn medians(turns: usize, ways: &mut [Way<'_>]) -> Vec<f64> {
    let calls: Vec<u32> = ways.iter_mut().map(|way| calls(way)).collect();
    let mut times = vec![Vec::new(); ways.len()];
    for _ in 0..turns {
        for ((way, calls), times) in ways.iter_mut().zip(&calls).zip(&mut times) {
            times.push(timed(way, *calls));
        }
    }
    times.into_iter().map(median).collect()
}

/// How many of them a turn takes.
fn calls(way: &mut dyn FnMut()) -> u32 {
    let one = timed(way, 1).max(1.0);
    let fits = |calls: &u32| f64::from(*calls) * one >= 1e9 * TURN.as_secs_f64();
    (0..20)
        .map(|doubled| 1 << doubled)
        .find(fits)
        .unwrap_or(1 << 20)
}

fn timed(way: &mut dyn FnMut(), calls: u32) -> f64 {
    let begin = spent();
    for _ in 0..calls {
        way();
    }
    1e9 * spent().saturating_sub(begin).as_secs_f64() / f64::from(calls)
}

/// What this thread had of the processor.
fn spent() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Nanoseconds as people read them.
pub(crate) fn shown(nanoseconds: f64) -> String {
    if nanoseconds < 1e3 {
        format!("{nanoseconds:.0} ns")
    } else if nanoseconds < 1e6 {
        format!("{:.1} µs", nanoseconds / 1e3)
    } else {
        format!("{:.1} ms", nanoseconds / 1e6)
    }
}
