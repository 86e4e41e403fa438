//! Watches a chat reply that passes through untouched, and tells what was in it.

use serde::de::IgnoredAny;

use crate::chat::answer::{Answer, Object, Written};
use crate::fault::{ErrorKind, UpstreamError, classify};
use crate::usage::Usage;

/// What one frame, or a whole reply, holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// Text, a tool call, reasoning, sound or a refusal: what commits mux to an answer. Not a role, not an empty `choices`.
    pub content: bool,
    /// The usage so far. Some providers repeat it with growing figures: the last one counts.
    pub usage: Option<Usage>,
    /// Why the model stopped, in the provider's word.
    pub finish: Option<String>,
    /// An error where a good answer was promised.
    pub error: Option<UpstreamError>,
    /// Nothing follows.
    pub terminal: bool,
    /// Bytes the model wrote, names of called tools included.
    pub output_bytes: u64,
}

/// Watches one reply. It reads and never writes.
#[derive(Debug)]
pub struct Tap {
    stream: bool,
}

impl Tap {
    /// A watch over a stream, or over a whole reply.
    #[must_use]
    pub fn new(stream: bool) -> Self {
        Self { stream }
    }

    /// What the data of one frame holds. Where the reply is no stream, the one frame is the whole.
    pub fn frame(&mut self, data: &[u8]) -> Seen {
        if !self.stream {
            return self.whole(data);
        }
        match data.trim_ascii() {
            b"" => Seen::default(),
            b"[DONE]" => Seen {
                terminal: true,
                ..Seen::default()
            },
            json => read_chunk(json),
        }
    }

    /// What a whole reply holds.
    pub fn whole(&mut self, body: &[u8]) -> Seen {
        let mut seen = match serde_json::from_slice::<Answer>(body) {
            Ok(answer) if answer.is_error() => Seen::failed(classify(200, body)),
            Ok(Answer { choices: None, .. }) => {
                Seen::failed(bad("the upstream's answer has no `choices`"))
            }
            Ok(answer) => {
                let written = answer
                    .choices
                    .as_ref()
                    .map(|choices| choices.message)
                    .unwrap_or_default();
                Seen::answered(answer, written)
            }
            Err(_) if is_json(body) => {
                Seen::failed(bad("the upstream's answer is not a chat completion"))
            }
            Err(_) => Seen::failed(classify(200, body)),
        };
        seen.terminal = true;
        seen
    }
}

fn read_chunk(json: &[u8]) -> Seen {
    match serde_json::from_slice::<Answer>(json) {
        Ok(answer) if answer.is_error() => {
            let error = Some(classify(200, json));
            Seen {
                error,
                content: false,
                ..Seen::streamed(answer)
            }
        }
        Ok(answer) => Seen::streamed(answer),
        // Foreign, but JSON: it passes through, and tells nothing.
        Err(_) if is_json(json) => Seen::default(),
        Err(_) => Seen::failed(bad("the upstream sent an event that is not JSON")),
    }
}

impl Answer {
    fn is_error(&self) -> bool {
        self.error.is_some() || self.object == Object::Error
    }
}

impl Seen {
    fn failed(error: UpstreamError) -> Self {
        Self {
            error: Some(error),
            ..Self::default()
        }
    }

    /// In a stream only deltas are new; a `message` beside them repeats what was said.
    fn streamed(answer: Answer) -> Self {
        let terminal = answer.object == Object::Done;
        let written = match &answer.choices {
            Some(choices) if !terminal => choices.delta,
            _ => Written::default(),
        };
        Self {
            terminal,
            ..Self::answered(answer, written)
        }
    }

    fn answered(answer: Answer, written: Written) -> Self {
        let usage = answer
            .usage
            .or_else(|| answer.x_groq.and_then(|groq| groq.usage));
        Self {
            content: written.content,
            usage: usage.map(Usage::from),
            finish: answer
                .choices
                .and_then(|choices| choices.finish)
                .filter(|reason| !reason.is_empty()),
            output_bytes: written.bytes,
            ..Self::default()
        }
    }
}

fn bad(message: &str) -> UpstreamError {
    UpstreamError::new(ErrorKind::BadResponse, message)
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}
