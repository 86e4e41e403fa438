//! What a policy may ask about: the request, and the live figures.

pub use crate::image::HealthState;
use crate::image::{BasisPoints, BudgetId, Features, Millis, TargetId};

/// One request as policies see it. Nothing here is ever prompt text.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The client's `model`, as sent.
    pub model: &'a str,
    /// Hash of the client's key.
    pub key: Option<&'a str>,
    /// Team of the client's key.
    pub team: Option<&'a str>,
    /// `user` of the body or `x-mux-user`.
    pub end_user: Option<&'a str>,
    /// `x-mux-conversation`.
    pub conversation: Option<&'a str>,
    /// `x-mux-tags` and `metadata`; the first of a name counts.
    pub tags: &'a [(&'a str, &'a str)],
    /// The headers that policies ask for, by their names in lower case; see [`crate::Image::demand`].
    pub headers: &'a [(&'a str, &'a str)],
    /// What is asked for: `chat`, `embeddings`, …
    pub operation: &'a str,
    /// How the client speaks: `openai-chat`, `anthropic-messages`, …
    pub dialect: &'a str,
    /// Prompt tokens, estimated.
    pub tokens: u32,
    /// `max_tokens` and its kin.
    pub output_limit: Option<u32>,
    /// The client wants a stream.
    pub streaming: bool,
    /// What serving it takes.
    pub needs: Features,
    /// Unix milliseconds of its arrival.
    pub now: i64,
}

impl<'a> Request<'a> {
    /// Value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, v)| *v)
    }

    /// Value of a tag.
    #[must_use]
    pub fn tag(&self, name: &str) -> Option<&'a str> {
        self.tags.iter().find(|(n, _)| *n == name).map(|(_, v)| *v)
    }
}

/// The moving figures a policy may ask for. `None` is "too few samples": a test on it is false.
pub trait Live {
    /// Median time to first content.
    fn p50(&self, target: TargetId) -> Option<Millis>;
    /// 95th percentile of the time to first content.
    fn p95(&self, target: TargetId) -> Option<Millis>;
    /// 99th percentile of the time to first content.
    fn p99(&self, target: TargetId) -> Option<Millis>;
    /// Share of attempts that failed.
    fn error_rate(&self, target: TargetId) -> Option<BasisPoints>;
    /// Attempts in flight.
    fn inflight(&self, target: TargetId) -> u32;
    /// Whether its breaker does not let requests through.
    fn breaker_open(&self, target: TargetId) -> bool;
    /// What is left of the tightest rate limit that its provider last told.
    fn headroom(&self, target: TargetId) -> Option<BasisPoints>;
    /// State by the `health` block.
    fn health(&self, target: TargetId) -> HealthState;
    /// Spent share of a budget, for the counter this request falls on.
    fn used(&self, budget: BudgetId, request: &Request<'_>) -> BasisPoints;
}

impl<L: Live + ?Sized> Live for &L {
    fn p50(&self, target: TargetId) -> Option<Millis> {
        (**self).p50(target)
    }

    fn p95(&self, target: TargetId) -> Option<Millis> {
        (**self).p95(target)
    }

    fn p99(&self, target: TargetId) -> Option<Millis> {
        (**self).p99(target)
    }

    fn error_rate(&self, target: TargetId) -> Option<BasisPoints> {
        (**self).error_rate(target)
    }

    fn inflight(&self, target: TargetId) -> u32 {
        (**self).inflight(target)
    }

    fn breaker_open(&self, target: TargetId) -> bool {
        (**self).breaker_open(target)
    }

    fn headroom(&self, target: TargetId) -> Option<BasisPoints> {
        (**self).headroom(target)
    }

    fn health(&self, target: TargetId) -> HealthState {
        (**self).health(target)
    }

    fn used(&self, budget: BudgetId, request: &Request<'_>) -> BasisPoints {
        (**self).used(budget, request)
    }
}
