//! The unified answer as it is written: chunks of a stream, and whole responses.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use crate::chat::citation::Citation;
use crate::error::Fault;
use crate::reply::Usage;

/// A chunk, or a whole response: they differ in `object` and in where a choice keeps its message.
#[derive(Debug, Serialize)]
pub(crate) struct Completion<'a> {
    pub(crate) id: &'a str,
    pub(crate) object: &'static str,
    pub(crate) created: u64,
    pub(crate) model: &'a str,
    pub(crate) choices: Vec<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) usage: Option<Counts>,
}

/// One choice.
#[derive(Debug, Serialize)]
pub(crate) struct Choice<'a> {
    pub(crate) index: u32,
    #[serde(flatten)]
    pub(crate) said: Said<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) logprobs: Option<Odds<'a>>,
    pub(crate) finish_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) native_finish_reason: Option<&'a str>,
}

/// How likely tokens were, as OpenAI writes it.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Odds<'a> {
    pub(crate) content: &'a [Value],
}

/// A piece of the message, or all of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Said<'a> {
    Delta(Delta<'a>),
    Message(Message<'a>),
}

/// A piece.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) reasoning_details: &'a [Detail<'a>],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) images: &'a [Value],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) annotations: &'a [Citation],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) extra_content: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) tool_calls: &'a [ToolCall<'a>],
}

/// All of it.
#[derive(Debug, Serialize)]
pub(crate) struct Message<'a> {
    pub(crate) role: &'static str,
    pub(crate) content: Option<&'a str>,
    pub(crate) refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) reasoning_details: &'a [Detail<'a>],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) images: &'a [Value],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) annotations: &'a [Citation],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) extra_content: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) tool_calls: &'a [ToolCall<'a>],
}

/// A piece of reasoning.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Detail<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<Cow<'a, str>>,
    pub(crate) provider: &'static str,
    pub(crate) index: u32,
}

/// A tool call, or a piece of one.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ToolCall<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<Cow<'a, str>>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<&'static str>,
    pub(crate) function: Function<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) extra_content: Option<Value>,
}

/// What is called.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Function<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<Cow<'a, str>>,
    pub(crate) arguments: Cow<'a, str>,
}

/// Usage as the unified form has it.
#[derive(Debug, Serialize)]
pub(crate) struct Counts {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

#[expect(clippy::struct_field_names, reason = "they are spelled as on the wire")]
#[derive(Debug, Serialize)]
struct PromptDetails {
    cached_tokens: u64,
    cache_write_tokens: u64,
    #[serde(skip_serializing_if = "is_nothing")]
    cache_write_1h_tokens: u64,
    #[serde(skip_serializing_if = "is_nothing")]
    audio_tokens: u64,
}

#[derive(Debug, Serialize)]
struct CompletionDetails {
    reasoning_tokens: u64,
    #[serde(skip_serializing_if = "is_nothing")]
    audio_tokens: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_nothing(count: &u64) -> bool {
    *count == 0
}

impl From<&Usage> for Counts {
    fn from(usage: &Usage) -> Self {
        Self {
            prompt_tokens: usage.input,
            completion_tokens: usage.output,
            total_tokens: usage.input.saturating_add(usage.output),
            prompt_tokens_details: PromptDetails {
                cached_tokens: usage.cache_read,
                cache_write_tokens: usage.cache_write,
                cache_write_1h_tokens: usage.counted(Usage::CACHE_WRITE_1H),
                audio_tokens: usage.counted(Usage::AUDIO_INPUT),
            },
            completion_tokens_details: CompletionDetails {
                reasoning_tokens: usage.reasoning,
                audio_tokens: usage.counted(Usage::AUDIO_OUTPUT),
            },
        }
    }
}

/// Writes one object and a line feed.
pub(crate) fn write(out: &mut Vec<u8>, completion: &Completion<'_>) -> Result<(), Fault> {
    serde_json::to_writer(&mut *out, completion)
        .map_err(|error| Fault::Internal(error.to_string()))?;
    out.push(b'\n');
    Ok(())
}
