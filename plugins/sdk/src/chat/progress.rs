//! What an answer remembers from call to call.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::chat::state;
use crate::chat::stretch::Lead;
use crate::error::Fault;
use crate::reply::{Finish, Usage};
use crate::request::RequestCtx;

/// How far an answer has come. It travels through the host, a hundred bytes or so, with what the
/// adapter adds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about an answer"
)]
pub struct Progress<E> {
    /// Whether the client gets a stream.
    pub stream: bool,
    /// The request, to make ids from.
    pub request: String,
    /// What the adapter itself remembers.
    pub extra: E,
    pub(crate) include_usage: bool,
    /// The adapter has to see every text: none is handed on unread.
    pub(crate) watched: bool,
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
    /// Characters of text so far, where they are counted.
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
        Self::opened_with(ctx, include_usage, E::default(), false)
    }

    /// The state before the first frame, for an adapter that remembers something of the request, or that has to see every
    /// text: then none is handed on unread.
    ///
    /// # Errors
    /// Never for a state that can be written.
    pub fn opened_with(
        ctx: &RequestCtx,
        include_usage: bool,
        extra: E,
        watched: bool,
    ) -> Result<Vec<u8>, Fault> {
        Self {
            extra,
            watched,
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
        .write(None)
    }

    pub(crate) fn write(&self, lead: Option<&Lead<'_>>) -> Result<Vec<u8>, Fault> {
        state::write(lead, self)
    }

    /// Whether the characters of texts are counted: only where every text is seen, or a state would depend on how the
    /// network cut the stream.
    pub(crate) fn counts_characters(&self) -> bool {
        self.watched || !self.stream
    }

    /// The choices that more text changes nothing of, a bit for each.
    pub(crate) fn open(&self) -> u32 {
        if !self.stream
            || self.watched
            || self.done
            || self.choices.iter().any(|told| told.stop.is_some())
        {
            return 0;
        }
        let open = self
            .choices
            .iter()
            .filter(|told| told.spoke && !told.thinking);
        let bit = |told: &Told| 1_u32.checked_shl(told.index).unwrap_or(0);
        open.map(bit).fold(0, |all, bit| all | bit)
    }
}

impl<E: DeserializeOwned + Default> Progress<E> {
    pub(crate) fn read(state: &[u8]) -> Result<Self, Fault> {
        let (lead, progress): (_, Self) = state::read(state)?;
        Ok(match lead {
            Some(lead) => Self {
                usage: lead.usage,
                ..progress
            },
            None => progress,
        })
    }
}
