//! Watches a chat reply that passes through untouched, and tells what was in it.

use serde::de::IgnoredAny;

use crate::chat::answer::{Answer, Choices, Object, Written};
use crate::chat::mould::Mould;
use crate::fault::{ErrorKind, UpstreamError, classify};
use crate::seen::Seen;
use crate::usage::Usage;

/// Chunks with content that are read in full before the first mould is made; for each further one it takes four times as many.
const FIRST_MOULD: u32 = 3;

/// Watches one reply. It reads and never writes.
#[derive(Debug)]
pub struct Tap {
    stream: bool,
    /// The model has been told.
    named: bool,
    mould: Option<Mould>,
    /// Chunks with content that were read in full.
    read: u32,
    /// How many of them it takes until a mould is made of one.
    due: u32,
}

impl Tap {
    /// A watch over a stream, or over a whole reply.
    #[must_use]
    pub fn new(stream: bool) -> Self {
        Self {
            stream,
            named: false,
            mould: None,
            read: 0,
            due: FIRST_MOULD,
        }
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
            json => self.chunk(json),
        }
    }

    /// What a whole reply holds.
    pub fn whole(&mut self, body: &[u8]) -> Seen {
        let mut seen = match serde_json::from_slice::<Answer<'_>>(body) {
            Ok(answer) if answer.is_error() => Seen::failed(classify(200, body)),
            Ok(Answer { choices: None, .. }) => {
                Seen::nonsense("the upstream's answer has no `choices`")
            }
            Ok(Answer {
                choices: Some(Choices { any: false, .. }),
                ..
            }) => Seen::nonsense("the upstream's answer has an empty list of `choices`"),
            Ok(answer) => {
                let written = answer
                    .choices
                    .as_ref()
                    .map(|choices| choices.message)
                    .unwrap_or_default();
                let model = self.named(&answer);
                Seen {
                    model,
                    ..Seen::answered(answer, written)
                }
            }
            Err(_) if is_json(body) => {
                Seen::nonsense("the upstream's answer is not a chat completion")
            }
            Err(_) => Seen::failed(classify(200, body)),
        };
        seen.terminal = true;
        seen
    }

    fn chunk(&mut self, json: &[u8]) -> Seen {
        let mould = self.mould.as_ref();
        if let Some(seen) = mould.and_then(|mould| mould.tells(json)) {
            return seen;
        }
        let seen = self.read(json);
        if seen.content {
            self.read = self.read.saturating_add(1);
            if self.read == self.due {
                self.due = self.due.saturating_mul(4);
                let apart = |json: &[u8]| {
                    let mut tap = Self::new(true);
                    tap.named = true;
                    tap.read(json)
                };
                self.mould = Mould::of(json, apart).or(self.mould.take());
            }
        }
        seen
    }

    /// What a chunk holds, read in full.
    fn read(&mut self, json: &[u8]) -> Seen {
        match serde_json::from_slice::<Answer<'_>>(json) {
            Ok(answer) if answer.is_error() => {
                let error = Some(classify(200, json));
                Seen {
                    error,
                    content: false,
                    ..Seen::streamed(answer)
                }
            }
            Ok(answer) => {
                let model = self.named(&answer);
                Seen {
                    model,
                    ..Seen::streamed(answer)
                }
            }
            // Foreign, but JSON: it passes through, and tells nothing.
            Err(_) if is_json(json) => Seen::default(),
            Err(_) => Seen::nonsense("the upstream sent an event that is not JSON"),
        }
    }

    /// The model, where it has not been told yet.
    fn named(&mut self, answer: &Answer<'_>) -> Option<Box<str>> {
        let name = answer.model.0.as_deref().filter(|_| !self.named)?;
        self.named = true;
        Some(name.into())
    }
}

impl Answer<'_> {
    fn is_error(&self) -> bool {
        self.error.is_some() || self.object == Object::Error
    }
}

impl Seen {
    /// In a stream only deltas are new; a `message` beside them repeats what was said.
    fn streamed(answer: Answer<'_>) -> Self {
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

    fn answered(answer: Answer<'_>, written: Written) -> Self {
        let usage = answer
            .usage
            .or_else(|| answer.x_groq.and_then(|groq| groq.usage));
        let finish = answer.choices.and_then(|choices| choices.finish);
        // So OpenRouter says it of providers that failed on the way.
        let failed = finish.as_deref() == Some("error");
        let error = || UpstreamError::new(ErrorKind::Server, "the upstream ended with an error");
        Self {
            content: written.content,
            usage: usage.map(Usage::from),
            finish: finish.filter(|reason| !reason.is_empty()),
            output_bytes: written.bytes,
            error: failed.then(error),
            ..Self::default()
        }
    }
}

/// Whether a text is JSON of any kind.
pub(crate) fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}
