//! What an answer remembers from call to call.

use serde::{Deserialize, Serialize};

use crate::chat::state;
use crate::error::Fault;
use crate::reply::{Finish, Usage};
use crate::request::RequestCtx;

/// How far an answer has come. It travels through the host, a hundred bytes or so, with what the
/// adapter adds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress<E> {
    /// Whether the client gets a stream.
    pub stream: bool,
    /// The request, to make ids from.
    pub request: String,
    /// What the adapter itself remembers.
    pub extra: E,
    pub(crate) include_usage: bool,
    /// Seconds since 1970.
    pub(crate) created: u64,
    pub(crate) id: String,
    pub(crate) model: String,
    pub(crate) usage: Option<Usage>,
    pub(crate) choices: Vec<Told>,
    pub(crate) done: bool,
}

/// What one choice has told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Told {
    pub(crate) index: u32,
    /// Whether there was text.
    pub(crate) spoke: bool,
    /// Characters of text so far.
    pub(crate) characters: u64,
    /// Tool calls so far.
    pub(crate) calls: u32,
    /// Those of them without arguments yet.
    pub(crate) bare: Vec<u32>,
    /// Pieces of reasoning so far.
    pub(crate) thoughts: u32,
    /// Whether the last piece may go on.
    pub(crate) thinking: bool,
    pub(crate) stop: Option<Stop>,
}

/// Why a choice ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stop {
    pub(crate) finish: Finish,
    pub(crate) native: String,
}

impl<E: Serialize> Progress<E> {
    /// The state before the first frame.
    ///
    /// # Errors
    /// Never for a state that can be written.
    pub fn opened(ctx: &RequestCtx, include_usage: bool) -> Result<Vec<u8>, Fault>
    where
        E: Default,
    {
        Self::opened_with(ctx, include_usage, E::default())
    }

    /// The state before the first frame, for an adapter that remembers something of the request.
    ///
    /// # Errors
    /// Never for a state that can be written.
    pub fn opened_with(ctx: &RequestCtx, include_usage: bool, extra: E) -> Result<Vec<u8>, Fault> {
        Self {
            extra,
            stream: ctx.stream,
            include_usage,
            request: ctx.request_id.clone(),
            created: ctx.now_unix_ms / 1000,
            // Until the provider names the answer, and for those that never do.
            id: format!("chatcmpl-{}", ctx.request_id),
            model: ctx.model.clone(),
            usage: None,
            choices: Vec::new(),
            done: false,
        }
        .write()
    }

    pub(crate) fn write(&self) -> Result<Vec<u8>, Fault> {
        state::write(self)
    }
}
