//! A Messages answer as mux writes it: what stands in it whole and in the events of a stream.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::chat::spoken::Ending;
use crate::seal::{Detail, Sealed};
use crate::usage::Usage;

/// A message.
#[derive(Debug, Serialize)]
pub(crate) struct Message<'a> {
    pub(crate) id: &'a str,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) role: &'static str,
    pub(crate) model: &'a str,
    pub(crate) content: Vec<Block<'a>>,
    pub(crate) stop_reason: Option<&'a str>,
    pub(crate) stop_sequence: Option<&'a str>,
    pub(crate) usage: Counts,
}

/// A content block.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Block<'a> {
    Text {
        text: Cow<'a, str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        citations: Vec<Value>,
    },
    Thinking {
        thinking: Cow<'a, str>,
        signature: Cow<'a, str>,
    },
    RedactedThinking {
        data: Cow<'a, str>,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: Cow<'a, str>,
        input: Input,
    },
}

/// Arguments of a call, an object.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Input {
    Raw(Box<RawValue>),
    Empty {},
}

impl Input {
    /// Of a text that a model wrote; one that was cut short, or is no object, cannot be shown.
    pub(crate) fn of(text: &str) -> Self {
        let text = text.trim();
        let object = text.starts_with('{');
        let raw = RawValue::from_string(text.to_owned()).ok();
        raw.filter(|_| object).map_or(Self::Empty {}, Self::Raw)
    }
}

/// Token counts, of which Anthropic's input leaves out what was cached.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[expect(clippy::struct_field_names, reason = "Anthropic calls them so")]
pub(crate) struct Counts {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    output_tokens: u64,
}

impl From<Usage> for Counts {
    fn from(usage: Usage) -> Self {
        let cached = usage.cache_read.saturating_add(usage.cache_write);
        Self {
            input_tokens: usage.input.saturating_sub(cached),
            cache_creation_input_tokens: usage.cache_write,
            cache_read_input_tokens: usage.cache_read,
            output_tokens: usage.output,
        }
    }
}

/// Why it stopped, in Anthropic's word.
pub(crate) fn stop_reason(ending: &Ending, called: bool) -> &'static str {
    const OWN: [&str; 8] = [
        "end_turn",
        "max_tokens",
        "stop_sequence",
        "tool_use",
        "pause_turn",
        "refusal",
        "compaction",
        "model_context_window_exceeded",
    ];
    let native = ending.native.as_deref();
    if let Some(own) = OWN.into_iter().find(|own| Some(*own) == native) {
        return own;
    }
    match ending.finish.as_deref() {
        Some("length") => "max_tokens",
        Some("content_filter") => "refusal",
        Some("stop") if ending.met.is_some() => "stop_sequence",
        _ if called => "tool_use",
        _ => "end_turn",
    }
}

/// What seals a piece of reasoning: Anthropic's own signature, or everything else that is known of it.
pub(crate) fn signature(detail: Detail<'_>, by: Option<&str>) -> String {
    if detail.provider.as_deref() == Some("anthropic")
        && let Some(signature) = &detail.signature
    {
        return signature.as_ref().to_owned();
    }
    Sealed {
        by: by.map(Cow::Borrowed),
        detail: Some(detail),
        ..Sealed::default()
    }
    .write()
}

/// The data of reasoning that only its provider can read.
pub(crate) fn data(detail: Detail<'_>, by: Option<&str>) -> String {
    match (&detail.provider, &detail.data) {
        (Some(provider), Some(data)) if provider == "anthropic" => data.as_ref().to_owned(),
        _ => signature(detail, by),
    }
}

/// What only its provider understands about a call, as something to send back.
pub(crate) fn beside(call: &str, extra: &RawValue, by: Option<&str>) -> String {
    Sealed {
        by: by.map(Cow::Borrowed),
        call: Some(Cow::Borrowed(call)),
        extra: Some(extra.to_owned()),
        ..Sealed::default()
    }
    .write()
}
