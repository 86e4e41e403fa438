//! What a run is made of: who is asked how often, and what breaks when.

use super::arrivals::Arrivals;
use super::fault::{Fault, Kind};
use super::provider::Model;
use mux_routing::{Nanos, SECOND};

/// How long a client waits for the first content.
pub const PATIENCE: Nanos = 30 * SECOND;

/// A scenario: a chain of alike providers, some of which break.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Name, for tables.
    pub name: String,
    /// When requests come.
    pub arrivals: Arrivals,
    /// How long they come.
    pub span: Nanos,
    /// Each provider, in the order of the chain, with what is wrong with it.
    pub providers: Vec<(Model, Vec<Fault>)>,
    /// The requests that count are those of this span.
    pub counted: (Nanos, Nanos),
}

/// Providers of a chain.
const CHAIN: usize = 4;
/// When things break, and when they are well again.
pub const BREAKS: Nanos = 60 * SECOND;
/// See [`BREAKS`].
pub const MENDED: Nanos = 180 * SECOND;

impl Scenario {
    /// Four alike providers and nothing wrong.
    #[must_use]
    pub fn healthy(name: &str, rate: f64, span: Nanos) -> Self {
        Self {
            name: name.to_owned(),
            arrivals: Arrivals::Poisson(rate),
            span,
            providers: vec![(Model::default(), Vec::new()); CHAIN],
            counted: (0, span),
        }
    }

    /// The first `broken` of four break alike for two minutes, in which requests count.
    #[must_use]
    pub fn outage(name: &str, rate: f64, broken: usize, kind: Kind) -> Self {
        let mut scenario = Self::healthy(name, rate, MENDED);
        let fault = Fault {
            kind,
            from: BREAKS,
            until: MENDED,
        };
        for (_, faults) in scenario.providers.iter_mut().take(broken) {
            faults.push(fault);
        }
        scenario.counted = (BREAKS, MENDED);
        scenario
    }

    /// Each provider takes so much of all requests and no more.
    #[must_use]
    pub fn tight(mut self, rate: f64, share: f64) -> Self {
        for (model, _) in &mut self.providers {
            model.capacity = Some((rate * share, rate * share));
        }
        self
    }

    /// Requests come for so long, and those from then on count.
    #[must_use]
    pub fn until(mut self, span: Nanos, counted: (Nanos, Nanos)) -> Self {
        self.span = span;
        self.counted = counted;
        self
    }
}
