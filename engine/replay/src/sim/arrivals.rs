//! When requests come, and how large they are.

use super::draw::{exponential, seconds, time};
use mux_routing::Nanos;
use mux_routing::chance::Chance;
use std::sync::Arc;

/// Prompt tokens of a request that nothing else is said about.
pub const TOKENS: u32 = 100;

/// How large a request and its answer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Prompt tokens.
    pub input: u32,
    /// Tokens of the answer, where that is known beforehand.
    pub output: Option<u32>,
}

impl Default for Size {
    fn default() -> Self {
        Self {
            input: TOKENS,
            output: None,
        }
    }
}

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// When it comes, since the beginning.
    pub at: Nanos,
    /// How large it is.
    pub size: Size,
}

/// A pattern of arrivals.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// Independent of each other, so many a second.
    Poisson(f64),
    /// The same, and bursts of ten times as many for a tenth of the time; so many a second in all.
    Bursts(f64),
    /// As recorded, in order; begun again where they end.
    Recorded(Arc<[Call]>),
}

/// How long it bursts, and how long it does not, in the mean.
const BURST: f64 = 2.0;
const CALM: f64 = 18.0;

impl Arrivals {
    /// All requests of a span.
    #[must_use]
    pub fn calls(&self, span: Nanos, seed: u64) -> Vec<Call> {
        if let Self::Recorded(calls) = self {
            return again(calls, span);
        }
        let size = Size::default();
        let times = self.times(span, seed).into_iter();
        times.map(|at| Call { at, size }).collect()
    }

    fn times(&self, span: Nanos, seed: u64) -> Vec<Nanos> {
        let mut chance = Chance::new(seed ^ 0x6172_7269_7661_6c73);
        let end = seconds(span);
        let mut times = Vec::new();
        match self {
            Self::Recorded(_) => {}
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
        }
        times
    }
}

/// Recorded requests, one round after the other.
fn again(calls: &[Call], span: Nanos) -> Vec<Call> {
    let whole = calls.last().map_or(0, |c| c.at);
    let rounds = (0..).map(|n| n * whole).take_while(|from| *from < span);
    // A round begins where the one before it ends: its first request is that one's last.
    let rounds = rounds.take(if whole == 0 { 1 } else { usize::MAX });
    let all = rounds.flat_map(|from| {
        let own = calls.iter().skip(usize::from(from > 0));
        own.map(move |c| Call {
            at: c.at + from,
            ..*c
        })
    });
    all.take_while(|c| c.at < span).collect()
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
        let call = |at: u64| Call {
            at: at * SECOND,
            size: Size {
                input: 7,
                output: Some(3),
            },
        };
        let recorded = Arrivals::Recorded([0, 1, 5, 10].map(call).into());
        let calls = recorded.calls(22 * SECOND, 3);
        assert_eq!(calls, [0, 1, 5, 10, 11, 15, 20, 21].map(call));
        assert_eq!(recorded.calls(10 * SECOND, 3), [0, 1, 5].map(call));
        let one = Arrivals::Recorded([call(0)].into());
        assert_eq!(one.calls(22 * SECOND, 3), [call(0)]);
    }
}
