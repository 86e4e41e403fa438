//! What an answer remembers from call to call.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::chat::state;
use crate::chat::stretch::Lead;
use crate::error::Fault;
use crate::reply::{Finish, Usage};
use crate::request::RequestCtx;

/// What an adapter has to know of the texts that stream by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Watched {
    /// Nothing: they are handed on unread.
    #[default]
    Nothing,
    /// How many characters the first choice has said.
    Length,
    /// Each of them.
    Words,
}

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
    pub(crate) watched: Watched,
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
        Self::opened_with(ctx, include_usage, E::default(), Watched::Nothing)
    }

    /// The state before the first frame, for an adapter that remembers something of the request, or that has to know
    /// something of the texts.
    ///
    /// # Errors
    /// Never for a state that can be written.
    pub fn opened_with(
        ctx: &RequestCtx,
        include_usage: bool,
        extra: E,
        watched: Watched,
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

    /// Whether the characters of texts are counted: of a stream only where that is asked for, or a state would depend on
    /// how the network cut the stream.
    pub(crate) fn counts_characters(&self) -> bool {
        self.watched != Watched::Nothing || !self.stream
    }

    /// The characters of the first choice, where they are counted in a stream.
    pub(crate) fn characters(&self) -> Option<u64> {
        let mut choices = self.choices.iter();
        let first = choices.find(|told| told.index == 0)?;
        (self.watched == Watched::Length).then_some(first.characters)
    }

    /// Leaves out what a [`Lead`] has too: that goes on, and this would stay behind.
    pub(crate) fn forget_counts(&mut self) {
        self.usage = None;
        let first = self.choices.iter_mut().find(|told| told.index == 0);
        if let Some(first) = first.filter(|_| self.watched == Watched::Length) {
            first.characters = 0;
        }
    }

    /// The choices that more text changes nothing of, a bit for each.
    pub(crate) fn open(&self) -> u32 {
        if !self.stream
            || self.watched == Watched::Words
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
        let open = open.map(bit).fold(0, |all, bit| all | bit);
        // Of further choices nothing is counted.
        match self.watched {
            Watched::Length => open & 1,
            _ => open,
        }
    }
}

impl<E: DeserializeOwned + Default> Progress<E> {
    pub(crate) fn read(state: &[u8]) -> Result<Self, Fault> {
        let (lead, mut progress): (_, Self) = state::read(state)?;
        if let Some(lead) = lead {
            progress.usage = lead.usage;
            let mut choices = progress.choices.iter_mut();
            if let (Some(characters), Some(first)) =
                (lead.characters, choices.find(|told| told.index == 0))
            {
                first.characters = characters;
            }
        }
        Ok(progress)
    }
}
