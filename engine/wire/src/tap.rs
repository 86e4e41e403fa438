//! Watches an answer in any dialect that passes through untouched.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::chat::counts::Counts;
use crate::dialect::Dialect;
use crate::fault::classify;
use crate::seen::Seen;
use crate::usage::Usage;
use crate::{chat, messages, responses};

/// Watches one answer. It reads and never writes.
#[derive(Debug)]
pub enum Tap {
    /// Of chat completions.
    Chat(chat::Tap),
    /// Of Messages.
    Messages(messages::Tap),
    /// Of Responses.
    Responses(responses::Tap),
    /// Of answers that are data, and no words.
    Data(Dialect),
}

impl Tap {
    /// A watch over a stream, or over a whole answer.
    #[must_use]
    pub fn new(dialect: Dialect, stream: bool) -> Self {
        match dialect {
            Dialect::Chat => Self::Chat(chat::Tap::new(stream)),
            Dialect::Responses => Self::Responses(responses::Tap::new(stream)),
            Dialect::Messages => Self::Messages(messages::Tap::new(stream)),
            Dialect::Embeddings | Dialect::Count => Self::Data(dialect),
        }
    }

    /// What the data of one frame holds. Where the answer is no stream, the one frame is the whole.
    pub fn frame(&mut self, data: &[u8]) -> Seen {
        match self {
            Self::Chat(tap) => tap.frame(data),
            Self::Messages(tap) => tap.frame(data),
            Self::Responses(tap) => tap.frame(data),
            Self::Data(dialect) => data_of(*dialect, data),
        }
    }
}

/// What an answer holds that is data: what it cost, or why there is none.
fn data_of(dialect: Dialect, body: &[u8]) -> Seen {
    #[derive(Deserialize)]
    struct Answer {
        usage: Option<Counts>,
        data: Option<IgnoredAny>,
        error: Option<IgnoredAny>,
    }
    let embeds = dialect == Dialect::Embeddings;
    let mut seen = match serde_json::from_slice::<Answer>(body) {
        Ok(Answer {
            error: None,
            data: None,
            ..
        }) if embeds => Seen::nonsense("the upstream's answer has no `data`"),
        Ok(Answer {
            error: None, usage, ..
        }) => Seen {
            content: true,
            // To count tokens costs none.
            usage: usage.map(Usage::from).or((!embeds).then(Usage::default)),
            ..Seen::default()
        },
        _ => Seen::failed(classify(200, body)),
    };
    seen.terminal = true;
    seen
}
