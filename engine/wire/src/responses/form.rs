//! OpenAI's Responses as clients write them. Texts and whatever passes through stay the JSON they came in.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// A request. Here as in all that follows, one `borrow` speaks for every field but a plain `Cow`.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked<'a> {
    #[serde(borrow)]
    pub(crate) model: Option<&'a RawValue>,
    pub(crate) input: Option<&'a RawValue>,
    pub(crate) instructions: Option<&'a RawValue>,
    pub(crate) max_output_tokens: Option<&'a RawValue>,
    pub(crate) temperature: Option<&'a RawValue>,
    pub(crate) top_p: Option<&'a RawValue>,
    pub(crate) stream: Option<bool>,
    pub(crate) tools: Option<Vec<&'a RawValue>>,
    pub(crate) tool_choice: Option<&'a RawValue>,
    pub(crate) parallel_tool_calls: Option<bool>,
    pub(crate) text: Option<Words<'a>>,
    pub(crate) reasoning: Option<Reasoning<'a>>,
    pub(crate) metadata: Option<&'a RawValue>,
    pub(crate) user: Option<&'a RawValue>,
    pub(crate) safety_identifier: Option<&'a RawValue>,
    pub(crate) prompt_cache_key: Option<&'a RawValue>,
    pub(crate) service_tier: Option<String>,
    pub(crate) store: Option<bool>,
    pub(crate) background: Option<bool>,
    pub(crate) previous_response_id: Option<&'a RawValue>,
    pub(crate) conversation: Option<&'a RawValue>,
    pub(crate) prompt: Option<&'a RawValue>,
    pub(crate) include: Option<Vec<Cow<'a, str>>>,
    pub(crate) top_logprobs: Option<&'a RawValue>,
}

/// The fields of a request that are read here, and those that change nothing where they are left out; others are told.
pub(crate) const FIELDS: &[&str] = &[
    "model",
    "input",
    "instructions",
    "max_output_tokens",
    "temperature",
    "top_p",
    "stream",
    "stream_options",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "text",
    "reasoning",
    "metadata",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "service_tier",
    "store",
    "background",
    "previous_response_id",
    "conversation",
    "prompt",
    "include",
    "top_logprobs",
];

/// What `include` says where it is wanted how likely tokens were.
pub(crate) const ODDS: &str = "message.output_text.logprobs";

/// `text`.
#[derive(Debug, Deserialize)]
pub(crate) struct Words<'a> {
    #[serde(borrow)]
    pub(crate) format: Option<Format<'a>>,
    pub(crate) verbosity: Option<&'a RawValue>,
}

/// The shape asked of the answer.
#[derive(Debug, Deserialize)]
pub(crate) struct Format<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Cow<'a, str>,
    pub(crate) name: Option<Cow<'a, str>>,
    pub(crate) description: Option<&'a RawValue>,
    pub(crate) schema: Option<&'a RawValue>,
    pub(crate) strict: Option<bool>,
}

/// `reasoning`.
#[derive(Debug, Deserialize)]
pub(crate) struct Reasoning<'a> {
    #[serde(borrow)]
    pub(crate) effort: Option<Cow<'a, str>>,
}

/// An item of the input, of any kind.
#[derive(Debug, Deserialize)]
pub(crate) struct Item<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Option<Cow<'a, str>>,
    pub(crate) role: Option<Cow<'a, str>>,
    pub(crate) content: Option<&'a RawValue>,
    pub(crate) summary: Option<Vec<Summary>>,
    pub(crate) encrypted_content: Option<Cow<'a, str>>,
    pub(crate) call_id: Option<Cow<'a, str>>,
    pub(crate) name: Option<Cow<'a, str>>,
    pub(crate) arguments: Option<&'a RawValue>,
    pub(crate) output: Option<&'a RawValue>,
}

/// A part of a summary.
#[derive(Debug, Deserialize)]
pub(crate) struct Summary {
    #[serde(default)]
    pub(crate) text: String,
}

/// A part of what a message says.
#[derive(Debug, Deserialize)]
pub(crate) struct Part<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Cow<'a, str>,
    pub(crate) text: Option<&'a RawValue>,
    pub(crate) refusal: Option<&'a RawValue>,
    pub(crate) image_url: Option<Cow<'a, str>>,
    pub(crate) detail: Option<&'a RawValue>,
    pub(crate) file_data: Option<Cow<'a, str>>,
    pub(crate) file_url: Option<Cow<'a, str>>,
    pub(crate) filename: Option<Cow<'a, str>>,
    pub(crate) input_audio: Option<&'a RawValue>,
}

/// A tool on offer.
#[derive(Debug, Deserialize)]
pub(crate) struct Tool<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Cow<'a, str>,
    pub(crate) name: Option<Cow<'a, str>>,
    pub(crate) description: Option<&'a RawValue>,
    pub(crate) parameters: Option<&'a RawValue>,
    pub(crate) strict: Option<bool>,
}

/// Which tools may or must be used.
#[derive(Debug, Deserialize)]
pub(crate) struct Choice<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Cow<'a, str>,
    pub(crate) name: Option<Cow<'a, str>>,
    pub(crate) mode: Option<Cow<'a, str>>,
    pub(crate) tools: Option<Vec<Choice<'a>>>,
}
