//! Watches a response that passes through untouched, and tells what was in it.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::chat::counts::Count;
use crate::chat::tap::is_json;
use crate::chat::weight::Weight;
use crate::fault::classify;
use crate::seen::Seen;
use crate::usage::Usage;

/// Watches one response. It reads and never writes.
#[derive(Debug)]
pub struct Tap {
    stream: bool,
    called: bool,
}

/// A response, or an event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    status: Option<Cow<'a, str>>,
    output: Option<Vec<Item<'a>>>,
    incomplete_details: Option<Incomplete>,
    usage: Option<Counts>,
    model: Option<Box<str>>,
    error: Option<IgnoredAny>,
    delta: Weight,
    item: Option<Item<'a>>,
    response: Option<Box<Said<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Item<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    content: Weight,
    summary: Weight,
    encrypted_content: Weight,
    name: Weight,
    arguments: Weight,
}

impl Item<'_> {
    /// Whether it is a call of any kind: that there is one is content.
    fn is_call(&self) -> bool {
        self.kind.ends_with("_call")
    }

    /// Whether it is a call that waits for the client. Others, of a search on the web for one, ran at the provider.
    fn waits(&self) -> bool {
        matches!(
            self.kind.as_ref(),
            "function_call"
                | "custom_tool_call"
                | "computer_call"
                | "local_shell_call"
                | "shell_call"
                | "apply_patch_call"
        )
    }

    fn bytes(&self) -> u64 {
        self.content.0 + self.summary.0 + self.name.0 + self.arguments.0
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Incomplete {
    reason: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Counts {
    input_tokens: Count,
    output_tokens: Count,
    input_tokens_details: Option<Input>,
    output_tokens_details: Option<Output>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Input {
    cached_tokens: Count,
    cache_write_tokens: Count,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Output {
    reasoning_tokens: Count,
}

impl From<Counts> for Usage {
    /// Parts never exceed their whole.
    fn from(counts: Counts) -> Self {
        let (input, output) = (counts.input_tokens.0, counts.output_tokens.0);
        let input_details = counts.input_tokens_details.unwrap_or_default();
        let output_details = counts.output_tokens_details.unwrap_or_default();
        let cache_read = input_details.cached_tokens.0.min(input);
        Self {
            input,
            output,
            cache_read,
            cache_write: input_details.cache_write_tokens.0.min(input - cache_read),
            reasoning: output_details.reasoning_tokens.0.min(output),
            ..Self::default()
        }
    }
}

impl Tap {
    /// A watch over a stream, or over a whole response.
    #[must_use]
    pub fn new(stream: bool) -> Self {
        Self {
            stream,
            called: false,
        }
    }

    /// What the data of one frame holds. Where the answer is no stream, the one frame is the whole.
    pub fn frame(&mut self, data: &[u8]) -> Seen {
        let data = data.trim_ascii();
        if self.stream && (data.is_empty() || data == b"[DONE]") {
            return Seen::default();
        }
        match serde_json::from_slice::<Said<'_>>(data) {
            Ok(said) if self.stream => self.event(said, data),
            Ok(said) => self.whole(&said, data),
            Err(_) if self.stream && is_json(data) => Seen::default(),
            Err(_) if self.stream => Seen::nonsense("the upstream sent an event that is not JSON"),
            Err(_) if is_json(data) => Seen::nonsense("the upstream's answer is not a response"),
            Err(_) => Seen::failed(classify(200, data)),
        }
    }

    fn whole(&mut self, said: &Said<'_>, data: &[u8]) -> Seen {
        if said.error.is_some() || said.status.as_deref() == Some("failed") {
            return Seen::failed(classify(200, data));
        }
        let Some(output) = &said.output else {
            return Seen::nonsense("the upstream's answer has no `output`");
        };
        self.called = output.iter().any(Item::waits);
        Seen {
            content: !output.is_empty(),
            output_bytes: output.iter().map(Item::bytes).sum(),
            usage: said.usage.map(Usage::from),
            finish: Some(self.finish(said)),
            terminal: true,
            model: said.model.clone(),
            error: None,
        }
    }

    fn event(&mut self, said: Said<'_>, data: &[u8]) -> Seen {
        if said.kind == "error" || said.error.is_some() || said.kind == "response.failed" {
            return Seen::failed(classify(200, data));
        }
        if let "response.completed" | "response.incomplete" = said.kind.as_ref() {
            let response = said.response.unwrap_or_default();
            return Seen {
                usage: response.usage.map(Usage::from),
                finish: Some(self.finish(&response)),
                terminal: true,
                model: response.model,
                ..Seen::default()
            };
        }
        let item = said.item.unwrap_or_default();
        let begun = said.kind == "response.output_item.added";
        let called = begun && item.is_call();
        // Reasoning that only its provider can read is there when it is complete.
        let sealed = !begun && item.encrypted_content.0 > 0;
        self.called |= begun && item.waits();
        Seen {
            content: said.kind.ends_with(".delta") || called || sealed,
            output_bytes: said.delta.0 + if begun { item.name.0 } else { 0 },
            ..Seen::default()
        }
    }

    /// The chat form's word.
    fn finish(&self, said: &Said<'_>) -> String {
        let incomplete = said.incomplete_details.as_ref();
        let word = match incomplete.and_then(|why| why.reason.as_deref()) {
            Some("max_output_tokens") => "length",
            Some("content_filter") => "content_filter",
            Some(other) => other,
            None if self.called => "tool_calls",
            None => "stop",
        };
        word.to_owned()
    }
}
