//! What became of the requests of a run.

use mux_routing::Nanos;

/// One request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// When it came.
    pub at: Nanos,
    /// Whom it was sent to first; `None` where it was refused.
    pub first: Option<u8>,
    /// Who served.
    pub served: Option<u8>,
    /// Attempts.
    pub attempts: u8,
    /// Of them, at the first of the chain.
    pub primary: u8,
    /// Until its first content.
    pub content: Option<Nanos>,
}

/// All requests of some runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// In the order they ended.
    pub all: Vec<Seen>,
}

impl Tally {
    /// Those that came in a span.
    pub fn within(&self, (from, until): (Nanos, Nanos)) -> impl Iterator<Item = &Seen> + Clone {
        self.all
            .iter()
            .filter(move |s| (from..until).contains(&s.at))
    }

    /// Seconds to the first content within which a share of those that were served got it; endless where none was.
    #[must_use]
    pub fn content(&self, share: f64) -> f64 {
        let served = self.all.iter().filter(|s| s.served.is_some());
        let mut times: Vec<Nanos> = served.filter_map(|s| s.content).collect();
        times.sort_unstable();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place among as many times as there are"
        )]
        let place = ((times.len() as f64 * share).ceil() as usize).max(1) - 1;
        times
            .get(place)
            .map_or(f64::INFINITY, |at| super::draw::seconds(*at))
    }

    /// Adds those of another run.
    pub fn add(&mut self, other: Self) {
        self.all.extend(other.all);
    }
}

/// What is told of some requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Figures {
    /// Share that was served, from 0 to 1.
    pub served: f64,
    /// Attempts a request.
    pub attempts: f64,
    /// Share that was not sent to the first of the chain at first.
    pub moved: f64,
    /// Attempts a request at the first of the chain.
    pub primary: f64,
}

impl Figures {
    /// Of some requests.
    pub fn of<'s>(seen: impl Iterator<Item = &'s Seen> + Clone) -> Self {
        let requests = seen.clone().count();
        let share = |n: usize| ratio(n, requests);
        let attempts: usize = seen.clone().map(|s| usize::from(s.attempts)).sum();
        let primary: usize = seen.clone().map(|s| usize::from(s.primary)).sum();
        Self {
            served: share(seen.clone().filter(|s| s.served.is_some()).count()),
            attempts: ratio(attempts, requests),
            primary: ratio(primary, requests),
            moved: share(seen.filter(|s| s.first != Some(0)).count()),
        }
    }
}

/// A share; 0 of nothing.
#[expect(clippy::cast_precision_loss, reason = "counts of requests are exact")]
#[must_use]
pub fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / (whole.max(1)) as f64
}
