//! The unified chat request, borrowed from the client's bytes.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// A chat completions request.
#[derive(Debug, Deserialize)]
pub(crate) struct Chat<'a> {
    #[serde(borrow)]
    pub(crate) messages: Vec<Message<'a>>,
    pub(crate) max_tokens: Option<u64>,
    pub(crate) max_completion_tokens: Option<u64>,
    pub(crate) temperature: Option<f64>,
    pub(crate) top_p: Option<f64>,
    pub(crate) top_k: Option<u64>,
    #[serde(borrow)]
    pub(crate) stop: Option<&'a RawValue>,
    pub(crate) n: Option<u64>,
    pub(crate) stream_options: Option<StreamOptions>,
    #[serde(borrow)]
    pub(crate) tools: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    pub(crate) tool_choice: Option<&'a RawValue>,
    pub(crate) parallel_tool_calls: Option<bool>,
    #[serde(borrow)]
    pub(crate) response_format: Option<ResponseFormat<'a>>,
    pub(crate) reasoning_effort: Option<String>,
    #[serde(borrow)]
    pub(crate) thinking: Option<&'a RawValue>,
    pub(crate) user: Option<String>,
    pub(crate) safety_identifier: Option<String>,
    pub(crate) service_tier: Option<String>,
    pub(crate) modalities: Option<Vec<String>>,
    #[serde(borrow)]
    pub(crate) functions: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) function_call: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) seed: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) logit_bias: Option<&'a RawValue>,
    pub(crate) logprobs: Option<bool>,
    pub(crate) frequency_penalty: Option<f64>,
    pub(crate) presence_penalty: Option<f64>,
    #[serde(borrow)]
    pub(crate) prediction: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) verbosity: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) web_search_options: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) metadata: Option<&'a RawValue>,
}

/// What the client wants of a stream beside the answer.
#[derive(Debug, Deserialize)]
pub(crate) struct StreamOptions {
    #[serde(default)]
    pub(crate) include_usage: bool,
}

/// The shape asked of the answer.
#[derive(Debug, Deserialize)]
pub(crate) struct ResponseFormat<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) json_schema: Option<JsonSchema<'a>>,
}

/// A named schema.
#[derive(Debug, Deserialize)]
pub(crate) struct JsonSchema<'a> {
    #[serde(borrow)]
    pub(crate) schema: Option<&'a RawValue>,
}

/// One message of any role.
#[derive(Debug, Deserialize)]
pub(crate) struct Message<'a> {
    #[serde(borrow)]
    pub(crate) role: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) content: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) tool_calls: Option<Vec<ToolCall<'a>>>,
    pub(crate) tool_call_id: Option<String>,
    pub(crate) reasoning_details: Option<Vec<ReasoningDetail>>,
    #[serde(borrow)]
    pub(crate) cache_control: Option<&'a RawValue>,
    pub(crate) extra_content: Option<ExtraContent>,
    #[serde(borrow)]
    pub(crate) name: Option<&'a RawValue>,
}

/// A part of a message's content.
#[derive(Debug, Deserialize)]
pub(crate) struct Part<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) text: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) refusal: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) image_url: Option<ImageUrl<'a>>,
    #[serde(borrow)]
    pub(crate) file: Option<File<'a>>,
    #[serde(borrow)]
    pub(crate) cache_control: Option<&'a RawValue>,
}

/// An image by address.
#[derive(Debug, Deserialize)]
pub(crate) struct ImageUrl<'a> {
    #[serde(borrow)]
    pub(crate) url: Cow<'a, str>,
}

/// A document.
#[derive(Debug, Deserialize)]
pub(crate) struct File<'a> {
    #[serde(borrow, default)]
    pub(crate) file_data: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) filename: Option<&'a RawValue>,
}

/// A call the model made earlier.
#[derive(Debug, Deserialize)]
pub(crate) struct ToolCall<'a> {
    #[serde(default)]
    pub(crate) id: String,
    #[serde(borrow)]
    pub(crate) function: Option<Called<'a>>,
}

/// What it called.
#[derive(Debug, Deserialize)]
pub(crate) struct Called<'a> {
    #[serde(borrow)]
    pub(crate) name: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) arguments: Option<&'a RawValue>,
}

/// A piece of earlier reasoning, as the unified form keeps it.
#[derive(Debug, Deserialize)]
pub(crate) struct ReasoningDetail {
    #[serde(rename = "type", default)]
    pub(crate) kind: String,
    pub(crate) text: Option<String>,
    pub(crate) data: Option<String>,
    pub(crate) signature: Option<String>,
    pub(crate) provider: Option<String>,
}

/// Facts only one provider has.
#[derive(Debug, Deserialize)]
pub(crate) struct ExtraContent {
    pub(crate) anthropic: Option<MessageExtra>,
}

/// Ours, on a message.
#[derive(Debug, Deserialize)]
pub(crate) struct MessageExtra {
    #[serde(default)]
    pub(crate) is_error: bool,
}
