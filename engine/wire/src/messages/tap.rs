//! Watches a Messages answer that passes through untouched, and tells what was in it.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::chat::counts::Count;
use crate::chat::tap::is_json;
use crate::chat::weight::Weight;
use crate::fault::classify;
use crate::seen::Seen;
use crate::usage::Usage;

/// Watches one answer. It reads and never writes.
#[derive(Debug)]
pub struct Tap {
    stream: bool,
    counts: Counts,
}

/// Counts as Anthropic sends them. Later ones replace earlier ones: they are running totals.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Counts {
    input_tokens: Option<Count>,
    output_tokens: Option<Count>,
    cache_creation_input_tokens: Option<Count>,
    cache_read_input_tokens: Option<Count>,
    cache_creation: Option<Created>,
    output_tokens_details: Option<Details>,
}

/// How long what was written to the cache is kept there.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Created {
    ephemeral_1h_input_tokens: Option<Count>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Details {
    thinking_tokens: Option<Count>,
}

/// A whole message, or an event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    content: Option<Vec<Block<'a>>>,
    stop_reason: Option<String>,
    usage: Option<Counts>,
    message: Option<Begun>,
    model: Option<Box<str>>,
    content_block: Option<Block<'a>>,
    delta: Option<Block<'a>>,
    error: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Begun {
    usage: Option<Counts>,
    model: Option<Box<str>>,
}

/// A block, or what is added to one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Block<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    text: Weight,
    thinking: Weight,
    data: Weight,
    partial_json: Weight,
    name: Weight,
    input: Weight,
    stop_reason: Option<String>,
}

impl Block<'_> {
    fn bytes(&self) -> u64 {
        let input = self.input.0.max(self.partial_json.0);
        self.text.0 + self.thinking.0 + self.data.0 + self.name.0 + input
    }

    /// Whether it is content of itself, before anything is added to it.
    fn content(&self) -> bool {
        self.bytes() > 0 || self.kind.ends_with("tool_use")
    }
}

impl Counts {
    fn replace(&mut self, later: Self) {
        self.input_tokens = later.input_tokens.or(self.input_tokens);
        self.output_tokens = later.output_tokens.or(self.output_tokens);
        self.cache_creation_input_tokens = later
            .cache_creation_input_tokens
            .or(self.cache_creation_input_tokens);
        self.cache_read_input_tokens = later
            .cache_read_input_tokens
            .or(self.cache_read_input_tokens);
        self.cache_creation = later.cache_creation.or(self.cache_creation);
        self.output_tokens_details = later.output_tokens_details.or(self.output_tokens_details);
    }

    /// The same as mux counts: input holds what was cached.
    fn usage(self) -> Usage {
        let count = |told: Option<Count>| told.unwrap_or_default().0;
        let cache_read = count(self.cache_read_input_tokens);
        let cache_write = count(self.cache_creation_input_tokens);
        let fresh = count(self.input_tokens);
        let output = count(self.output_tokens);
        let details = self.output_tokens_details.unwrap_or_default();
        let created = self.cache_creation.unwrap_or_default();
        let kept = count(created.ephemeral_1h_input_tokens);
        Usage {
            input: fresh.saturating_add(cache_read).saturating_add(cache_write),
            output,
            cache_read,
            cache_write,
            reasoning: count(details.thinking_tokens).min(output),
            cache_write_1h: kept.min(cache_write),
            ..Usage::default()
        }
    }
}

impl Tap {
    /// A watch over a stream, or over a whole answer.
    #[must_use]
    pub fn new(stream: bool) -> Self {
        Self {
            stream,
            counts: Counts::default(),
        }
    }

    /// What the data of one frame holds. Where the answer is no stream, the one frame is the whole.
    pub fn frame(&mut self, data: &[u8]) -> Seen {
        let data = data.trim_ascii();
        if data.is_empty() && self.stream {
            return Seen::default();
        }
        let said = match serde_json::from_slice::<Said<'_>>(data) {
            Ok(said) => said,
            Err(_) if !self.stream && is_json(data) => {
                return Seen::nonsense("the upstream's answer is not a message");
            }
            Err(_) if is_json(data) => return Seen::default(),
            Err(_) if self.stream => {
                return Seen::nonsense("the upstream sent an event that is not JSON");
            }
            Err(_) => return Seen::failed(classify(200, data)),
        };
        if said.error.is_some() || said.kind == "error" {
            return Seen::failed(classify(200, data));
        }
        if self.stream {
            self.event(said)
        } else {
            self.whole(said)
        }
    }

    fn whole(&mut self, said: Said<'_>) -> Seen {
        let Some(content) = said.content else {
            return Seen::nonsense("the upstream's answer has no `content`");
        };
        Seen {
            content: content.iter().any(Block::content),
            usage: self.count(said.usage),
            finish: said.stop_reason.map(finish),
            output_bytes: content.iter().map(Block::bytes).sum(),
            terminal: true,
            model: said.model,
            error: None,
        }
    }

    fn event(&mut self, said: Said<'_>) -> Seen {
        let begun = said.message.unwrap_or_default();
        let usage = self.count(said.usage.or(begun.usage));
        let stop = said.delta.as_ref().and_then(|d| d.stop_reason.clone());
        let block = said.content_block.or(said.delta).unwrap_or_default();
        let adds = said.kind.starts_with("content_block_");
        Seen {
            content: adds && block.content(),
            usage,
            finish: stop.map(finish),
            output_bytes: if adds { block.bytes() } else { 0 },
            terminal: said.kind == "message_stop",
            model: begun.model,
            error: None,
        }
    }

    fn count(&mut self, counts: Option<Counts>) -> Option<Usage> {
        self.counts.replace(counts?);
        Some(self.counts.usage())
    }
}

/// The chat form's word.
fn finish(reason: String) -> String {
    let word = match reason.as_str() {
        "end_turn" | "stop_sequence" | "pause_turn" => "stop",
        "max_tokens" | "model_context_window_exceeded" => "length",
        "tool_use" => "tool_calls",
        "refusal" => "content_filter",
        _ => return reason,
    };
    word.to_owned()
}
