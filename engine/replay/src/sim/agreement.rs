//! Whether a simulation tells the truth: the same scenarios, once in virtual time, once through the whole gateway with
//! connections in memory and its clock stopped, once over real sockets in real time. Where they differ by more than the
//! bars here, one of them is wrong.

use super::fault::{Fault, Kind};
use super::provider::Model;
use super::scenario::Scenario;
use super::tally::{Figures, Tally};
use mux_routing::{Nanos, SECOND};
use serde::Serialize;

/// How a scenario is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// Routing alone, in virtual time.
    Simulated,
    /// The gateway and simulated providers, over pipes in memory, with the clock of the runtime stopped.
    Paused,
    /// The same over real sockets, in real time.
    Sockets,
}

impl Layer {
    /// For tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Simulated => "simulated",
            Self::Paused => "paused",
            Self::Sockets => "sockets",
        }
    }
}

/// By how much the served shares may differ.
pub const SERVED: f64 = 0.005;
/// By how much the 99th percentiles of the time to first content may, of the simulated one.
pub const FIRST: f64 = 0.15;

/// Requests a second.
const RATE: f64 = 20.0;
/// Providers of the chain.
const CHAIN: usize = 3;
/// How long requests come, and when things break.
const SPAN: Nanos = 40 * SECOND;
const BREAKS: Nanos = 10 * SECOND;

/// The scenarios: short enough to be carried out in real time.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    // Short answers: they all go over real sockets.
    let model = Model {
        tokens: 8.0,
        ..Model::default()
    };
    let well = |name: &str| Scenario {
        providers: vec![(model, Vec::new()); CHAIN],
        ..Scenario::healthy(name, RATE, SPAN)
    };
    let broken = |name: &str, kind| {
        let mut scenario = well(name);
        let fault = Fault {
            kind,
            from: BREAKS,
            until: SPAN,
        };
        for (_, faults) in scenario.providers.iter_mut().take(1) {
            faults.push(fault);
        }
        scenario
    };
    vec![
        well("all well"),
        broken("1 of 3 failing fast", Kind::Fails),
        broken("1 of 3 hanging", Kind::Hangs),
        broken(
            "1 of 3 browning out",
            Kind::BrownOut {
                errors: 0.6,
                slower: 5.0,
            },
        ),
        well("each takes 0.4 of the load").tight(RATE, 0.4),
    ]
}

/// A scenario carried out at one layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What was sent and broke.
    pub scenario: String,
    /// Where.
    pub layer: Layer,
    /// Requests.
    pub requests: usize,
    /// Share that was served.
    pub served: f64,
    /// Attempts a request.
    pub attempts: f64,
    /// Median of the seconds to the first content.
    pub first_p50: f64,
    /// 99th percentile of it.
    pub first_p99: f64,
    /// Whether it is as the simulation says.
    pub agrees: bool,
}

impl Row {
    fn of(scenario: &Scenario, layer: Layer, tally: &Tally) -> Self {
        let figures = Figures::of(tally.all.iter());
        Self {
            scenario: scenario.name.clone(),
            layer,
            requests: tally.all.len(),
            served: figures.served,
            attempts: figures.attempts,
            first_p50: tally.content(0.50),
            first_p99: tally.content(0.99),
            agrees: true,
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        let first = (self.first_p99 - other.first_p99).abs() <= FIRST * other.first_p99;
        (self.served - other.served).abs() <= SERVED && first
    }
}

/// A row for the simulation, and one for each other layer, held against it.
#[must_use]
pub fn rows(scenario: &Scenario, simulated: &Tally, others: &[(Layer, Tally)]) -> Vec<Row> {
    let base = Row::of(scenario, Layer::Simulated, simulated);
    let others = others.iter().map(|(layer, tally)| {
        let row = Row::of(scenario, *layer, tally);
        Row {
            agrees: row.is_like(&base),
            ..row
        }
    });
    let others: Vec<_> = others.collect();
    std::iter::once(base).chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::tally::Seen;
    use mux_routing::MILLI;

    fn tally(served: usize, of: usize, first: Nanos) -> Tally {
        let seen = |n| Seen {
            at: 0,
            first: Some(0),
            served: (n < served).then_some(0),
            attempts: 1,
            primary: 1,
            content: (n < served).then_some(first),
        };
        Tally {
            all: (0..of).map(seen).collect(),
        }
    }

    #[test]
    fn a_layer_that_serves_less_or_is_slower_does_not_agree() {
        let scenario = &scenarios()[0];
        let base = tally(1_000, 1_000, 400 * MILLI);
        let judge = |other: Tally| rows(scenario, &base, &[(Layer::Paused, other)])[1].agrees;
        assert!(judge(tally(996, 1_000, 440 * MILLI)));
        assert!(!judge(tally(994, 1_000, 400 * MILLI)));
        assert!(!judge(tally(1_000, 1_000, 470 * MILLI)));
        assert!(!judge(tally(1_000, 1_000, 330 * MILLI)));
        assert!(!judge(tally(0, 1_000, 400 * MILLI)));
    }
}
