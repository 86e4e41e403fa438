//! When requests come.

use super::draw::{exponential, seconds, time, uniform};
use mux_routing::Nanos;
use mux_routing::chance::Chance;

/// A pattern of arrivals.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// Independent of each other, so many a second.
    Poisson(f64),
    /// The same, and bursts of ten times as many for a tenth of the time; so many a second in all.
    Bursts(f64),
    /// As recorded: seconds from the first one, in order; begun again where they end.
    Recorded(std::sync::Arc<[f64]>),
}

/// How long it bursts, and how long it does not, in the mean.
const BURST: f64 = 2.0;
const CALM: f64 = 18.0;

impl Arrivals {
    /// The times of all arrivals of a span.
    #[must_use]
    pub fn times(&self, span: Nanos, seed: u64) -> Vec<Nanos> {
        let mut chance = Chance::new(seed ^ 0x6172_7269_7661_6c73);
        let end = seconds(span);
        let mut times = Vec::new();
        match self {
            Self::Poisson(rate) => {
                let mut at = exponential(&mut chance, 1.0 / rate);
                while at < end {
                    times.push(time(at));
                    at += exponential(&mut chance, 1.0 / rate);
                }
            }
            Self::Bursts(rate) => {
                // Nine parts of the time at x, one at ten x.
                let calm = rate / 1.9;
                let (mut at, mut bursts) = (0.0, false);
                while at < end {
                    let mean = if bursts { BURST } else { CALM };
                    let until = (at + exponential(&mut chance, mean)).min(end);
                    let own = if bursts { 10.0 * calm } else { calm };
                    at += exponential(&mut chance, 1.0 / own);
                    while at < until {
                        times.push(time(at));
                        at += exponential(&mut chance, 1.0 / own);
                    }
                    (at, bursts) = (until, !bursts);
                }
            }
            Self::Recorded(offsets) => {
                let Some(whole) = offsets.last().copied().filter(|w| *w > 0.0) else {
                    return times;
                };
                // Each seed begins elsewhere.
                let from = uniform(&mut chance) * whole;
                let mut round = 0.0;
                let mut place = offsets.partition_point(|o| *o < from);
                loop {
                    let Some(offset) = offsets.get(place) else {
                        place = 0;
                        round += whole;
                        continue;
                    };
                    let at = offset + round - from;
                    if at >= end {
                        break;
                    }
                    times.push(time(at.max(0.0)));
                    place += 1;
                }
            }
        }
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mux_routing::SECOND;

    #[test]
    fn patterns_have_the_rate_they_say() {
        for arrivals in [Arrivals::Poisson(20.0), Arrivals::Bursts(20.0)] {
            let counts: Vec<usize> = (0..40)
                .map(|seed| arrivals.times(600 * SECOND, seed).len())
                .collect();
            let mean = counts.iter().sum::<usize>() / counts.len();
            assert!((10_500..13_500).contains(&mean), "{arrivals:?} {mean}");
        }
    }

    #[test]
    fn a_recording_goes_on_from_its_beginning() {
        let recorded = Arrivals::Recorded(vec![0.0, 1.0, 5.0, 10.0].into());
        let times = recorded.times(30 * SECOND, 3);
        assert!((10..=14).contains(&times.len()), "{}", times.len());
        assert!(times.is_sorted());
    }
}
