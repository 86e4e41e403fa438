//! A request that has arrived whole, as routing takes it.

use crate::Nanos;
use crate::target::Load;
use mux_dsl::image::Features;
use mux_dsl::request::Request;
use mux_traffic::record::Facts;
use smallvec::SmallVec;

/// A request that has arrived whole.
#[derive(Clone, Debug, Default)]
pub struct Arrival {
    /// Request id.
    pub id: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// Unix milliseconds.
    pub at: i64,
    /// The same moment on the caller's clock.
    pub now: Nanos,
    /// How long it waited for a place before it was decided about; its time runs from when it came.
    pub queued: Nanos,
    /// What it says about itself; `needs` of the facts is filled from [`Arrival::needs`] when recorded.
    pub facts: Facts,
    /// What serving it takes.
    pub needs: Features,
    /// The client gets the answer in one piece: it is committed when the answer is complete, and `timeout` bounds all of it.
    pub whole: bool,
    /// The client's own limit on the whole request.
    pub timeout: Option<Nanos>,
}

impl Arrival {
    /// When it is decided about.
    #[must_use]
    pub fn decided(&self) -> Nanos {
        self.now + self.queued
    }

    /// What it asks of a target.
    #[must_use]
    pub fn load(&self) -> Load {
        Load {
            tokens: self.facts.tokens,
            whole: self.whole,
        }
    }

    /// Shows the request to `look` as policies see it.
    pub fn request<T>(&self, look: impl FnOnce(&Request<'_>) -> T) -> T {
        shown(&self.facts, self.needs, self.at, look)
    }
}

/// Shows a request to `look` as policies see it; `at` is when it came, Unix milliseconds.
pub fn shown<T>(
    facts: &Facts,
    needs: Features,
    at: i64,
    look: impl FnOnce(&Request<'_>) -> T,
) -> T {
    let tags = pairs(&facts.tags);
    let headers = pairs(&facts.headers);
    look(&Request {
        model: &facts.model,
        key: facts.key.as_deref(),
        team: facts.team.as_deref(),
        end_user: facts.end_user.as_deref(),
        conversation: facts.conversation.as_deref(),
        tags: &tags,
        headers: &headers,
        operation: &facts.operation,
        dialect: &facts.dialect,
        tokens: facts.tokens,
        output_limit: facts.output_limit,
        streaming: facts.streaming,
        needs,
        now: at,
    })
}

fn pairs(owned: &[(String, String)]) -> SmallVec<[(&str, &str); 8]> {
    let pairs = owned.iter().map(|(n, v)| (n.as_str(), v.as_str()));
    pairs.collect()
}
