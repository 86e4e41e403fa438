//! Anthropic's Messages as clients write them. Texts and whatever passes through stay the JSON they came in.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// A request. Here as in all that follows, one `borrow` speaks for every field but a plain `Cow`.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked<'a> {
    #[serde(borrow)]
    pub(crate) model: Option<&'a RawValue>,
    pub(crate) system: Option<&'a RawValue>,
    pub(crate) messages: Vec<Turn<'a>>,
    pub(crate) max_tokens: Option<&'a RawValue>,
    pub(crate) temperature: Option<&'a RawValue>,
    pub(crate) top_p: Option<&'a RawValue>,
    pub(crate) top_k: Option<&'a RawValue>,
    pub(crate) stop_sequences: Option<&'a RawValue>,
    #[serde(default)]
    pub(crate) stream: Option<bool>,
    pub(crate) tools: Option<Vec<&'a RawValue>>,
    pub(crate) tool_choice: Option<Choice<'a>>,
    pub(crate) thinking: Option<&'a RawValue>,
    pub(crate) output_config: Option<Output<'a>>,
    pub(crate) output_format: Option<Format<'a>>,
    pub(crate) metadata: Option<Metadata<'a>>,
    pub(crate) service_tier: Option<String>,
    pub(crate) mcp_servers: Option<&'a RawValue>,
    pub(crate) container: Option<&'a RawValue>,
    pub(crate) context_management: Option<&'a RawValue>,
    pub(crate) cache_control: Option<&'a RawValue>,
}

/// The fields of a request that are read here; others are left out of what is made of it.
pub(crate) const FIELDS: &[&str] = &[
    "model",
    "system",
    "messages",
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "stream",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "output_format",
    "metadata",
    "service_tier",
    "mcp_servers",
    "container",
    "context_management",
    "cache_control",
];

/// One turn.
#[derive(Debug, Deserialize)]
pub(crate) struct Turn<'a> {
    #[serde(borrow)]
    pub(crate) role: Cow<'a, str>,
    pub(crate) content: Option<&'a RawValue>,
}

/// A content block of any kind.
#[derive(Debug, Deserialize)]
pub(crate) struct Block<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Cow<'a, str>,
    pub(crate) text: Option<&'a RawValue>,
    pub(crate) source: Option<&'a RawValue>,
    pub(crate) title: Option<Cow<'a, str>>,
    pub(crate) context: Option<&'a RawValue>,
    pub(crate) citations: Option<&'a RawValue>,
    pub(crate) thinking: Option<Cow<'a, str>>,
    pub(crate) signature: Option<Cow<'a, str>>,
    pub(crate) data: Option<Cow<'a, str>>,
    pub(crate) id: Option<Cow<'a, str>>,
    pub(crate) name: Option<Cow<'a, str>>,
    pub(crate) input: Option<&'a RawValue>,
    pub(crate) tool_use_id: Option<Cow<'a, str>>,
    pub(crate) content: Option<&'a RawValue>,
    pub(crate) is_error: Option<bool>,
    pub(crate) cache_control: Option<&'a RawValue>,
}

/// Where an image or a document comes from.
#[derive(Debug, Deserialize)]
pub(crate) struct Source<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Cow<'a, str>,
    pub(crate) media_type: Option<Cow<'a, str>>,
    pub(crate) data: Option<&'a RawValue>,
    pub(crate) url: Option<Cow<'a, str>>,
    pub(crate) content: Option<&'a RawValue>,
}

/// A tool on offer.
#[derive(Debug, Deserialize)]
pub(crate) struct Tool<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Option<Cow<'a, str>>,
    pub(crate) name: Option<Cow<'a, str>>,
    pub(crate) description: Option<&'a RawValue>,
    pub(crate) input_schema: Option<&'a RawValue>,
    pub(crate) strict: Option<bool>,
    pub(crate) cache_control: Option<&'a RawValue>,
    pub(crate) input_examples: Option<&'a RawValue>,
    pub(crate) defer_loading: Option<&'a RawValue>,
    pub(crate) allowed_callers: Option<&'a RawValue>,
}

/// Which tools may or must be used.
#[derive(Debug, Deserialize)]
pub(crate) struct Choice<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Cow<'a, str>,
    pub(crate) name: Option<Cow<'a, str>>,
    pub(crate) disable_parallel_tool_use: Option<bool>,
}

/// `output_config`.
#[derive(Debug, Deserialize)]
pub(crate) struct Output<'a> {
    #[serde(borrow)]
    pub(crate) effort: Option<Cow<'a, str>>,
    pub(crate) format: Option<Format<'a>>,
}

/// The shape asked of the answer.
#[derive(Debug, Deserialize)]
pub(crate) struct Format<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Cow<'a, str>,
    pub(crate) schema: Option<&'a RawValue>,
}

/// `metadata`.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata<'a> {
    #[serde(borrow)]
    pub(crate) user_id: Option<&'a RawValue>,
}

/// `thinking`.
#[derive(Debug, Deserialize)]
pub(crate) struct Thinking<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Cow<'a, str>,
    pub(crate) budget_tokens: Option<u64>,
}
