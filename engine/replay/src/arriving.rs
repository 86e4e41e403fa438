//! Recorded requests that are to arrive again: which of them are, and what they ask.

use mux_dsl::image::Features;
use mux_routing::Nanos;
use mux_routing::flight::Arrival;
use mux_traffic::record::{Facts, Record};

/// Whether there is something to decide again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// A client's request.
    Request,
    /// It could not be read in the first place.
    Unread,
    /// A copy of another request, or a question of mux's own.
    Copy,
}

impl Worth {
    /// Of a record.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        if record.copy_of.is_some() {
            Self::Copy
        } else if record.request.model.is_empty() {
            Self::Unread
        } else {
            Self::Request
        }
    }
}

/// A recorded request, arriving again.
pub(crate) fn arrival(record: &Record, id: String, facts: Facts, now: Nanos) -> Arrival {
    Arrival {
        id,
        seed: record.seed,
        at: record.at,
        now,
        needs: needs(&facts),
        whole: !facts.streaming,
        facts,
        ..Arrival::default()
    }
}

/// What serving a recorded request takes.
pub(crate) fn needs(facts: &Facts) -> Features {
    let words = &facts.needs;
    if words.is_empty() {
        return Features::default();
    }
    let needs = Features::ALL
        .into_iter()
        .filter(|(_, word)| words.iter().any(|w| w == word));
    needs.fold(Features::default(), |sum, (feature, _)| sum.with(feature))
}
