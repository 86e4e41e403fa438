//! What a stream remembers from call to call.

use mux_plugin_sdk::chat::chunk::Head;
use mux_plugin_sdk::chat::stretch::Lead;
use mux_plugin_sdk::chat::{Pending, state};
use mux_plugin_sdk::{Fault, RequestCtx};
use serde::{Deserialize, Serialize};

use crate::usage::Counts;

/// Everything the next frame needs. It travels through the host, a hundred bytes or so.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about an answer"
)]
pub(crate) struct State {
    pub(crate) stream: bool,
    pub(crate) include_usage: bool,
    /// Seconds since 1970.
    pub(crate) created: u64,
    pub(crate) id: String,
    pub(crate) model: String,
    pub(crate) counts: Counts,
    /// Blocks that have begun and not ended.
    pub(crate) open: Vec<OpenBlock>,
    /// Tool calls so far.
    pub(crate) calls: u32,
    /// Pieces of reasoning so far.
    pub(crate) thoughts: u32,
    /// Tools that run at the provider may bring sources: characters are counted.
    pub(crate) cites: bool,
    /// Characters of text so far, where they are counted.
    pub(crate) characters: u64,
    /// What the open block of text stands on; where it stands is known only where characters are counted.
    pub(crate) cited: Pending,
    pub(crate) stop_reason: Option<String>,
    pub(crate) stop_sequence: Option<String>,
    pub(crate) done: bool,
}

/// A block the client sees, by its number at the provider.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct OpenBlock {
    pub(crate) block: u32,
    pub(crate) part: OpenPart,
}

/// What an open block is to the client. The provider numbers all blocks together, the client sees tool calls
/// and reasoning numbered apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OpenPart {
    Call { index: u32, has_arguments: bool },
    Thought { index: u32 },
}

impl State {
    /// The state before the first frame.
    pub(crate) fn opened(ctx: &RequestCtx, include_usage: bool, cites: bool) -> Self {
        Self {
            cites,
            stream: ctx.stream,
            include_usage,
            created: ctx.now_unix_ms / 1000,
            model: ctx.model.clone(),
            ..Self::default()
        }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let (lead, mut state): (_, Self) = state::read(bytes)?;
        if let Some(characters) = lead.and_then(|lead| lead.characters) {
            state.characters = characters;
        }
        Ok(state)
    }

    pub(crate) fn write(&mut self) -> Result<Vec<u8>, Fault> {
        let open = self.stream && !self.done;
        let head = open.then(|| Head::new(&self.id, self.created, &self.model));
        // Whatever is open, more text of the one choice there is changes nothing.
        let lead = head.and_then(|head| Lead::new(head, 1));
        let lead = lead.map(|lead| Lead {
            // They go on there.
            characters: self.cites.then(|| std::mem::take(&mut self.characters)),
            ..lead
        });
        state::write(lead.as_ref(), self)
    }

    pub(crate) fn part(&mut self, block: u32) -> Option<&mut OpenPart> {
        let found = self.open.iter_mut().find(|open| open.block == block)?;
        Some(&mut found.part)
    }

    pub(crate) fn close(&mut self, block: u32) -> Option<OpenPart> {
        let place = self.open.iter().position(|open| open.block == block)?;
        Some(self.open.swap_remove(place).part)
    }
}
