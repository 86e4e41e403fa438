//! Who an answer is written for: what mux knows of it that the provider's words do not say.

use crate::usage::Usage;

/// What an answer in another dialect is written with.
#[derive(Debug, Clone, Default)]
pub struct Speaker {
    /// The request's id, of which ids in the answer are made.
    pub request_id: String,
    /// The model as the client named it, where the provider names none.
    pub model: String,
    /// The provider's name in the policy, where its answer was not made by an adapter: opaque state is sent back to
    /// nobody else.
    pub by: Option<String>,
    /// When the request came, in seconds since 1970.
    pub created: u64,
    /// What was counted, where the provider reports nothing.
    pub usage: Option<Usage>,
    /// The client's own request, parts of which stand in some answers.
    pub request: bytes::Bytes,
}

/// A complete answer in another dialect.
#[derive(Debug, Clone)]
pub struct Whole {
    /// It.
    pub body: bytes::Bytes,
    /// Fields of the chat answer that have no place in it.
    pub lost: Vec<&'static str>,
}

impl Speaker {
    /// An id of the answer, unique to the request.
    pub(crate) fn message_id(&self, prefix: &str) -> String {
        let id = self.request_id.as_str();
        format!("{prefix}{}", id.strip_prefix("req_").unwrap_or(id))
    }

    /// An id for a call that came without one, by its number.
    pub(crate) fn call_id(&self, number: u32) -> String {
        format!("{}_{number}", self.message_id("call_"))
    }
}
