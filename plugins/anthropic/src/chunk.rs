//! The unified answer as it is written: chunks of a stream, and whole responses.

use std::borrow::Cow;

use mux_plugin_sdk::Fault;
use mux_plugin_sdk::chat::{Citation, chunk};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::usage::UnifiedUsage;

/// A chunk, or a whole response: they differ in `object` and in where the choice keeps its message.
#[derive(Debug, Serialize)]
pub(crate) struct Answer<'a> {
    pub(crate) id: &'a str,
    pub(crate) object: &'static str,
    pub(crate) created: u64,
    pub(crate) model: &'a str,
    pub(crate) choices: Vec<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) usage: Option<UnifiedUsage>,
}

/// The one choice.
#[derive(Debug, Serialize)]
pub(crate) struct Choice<'a> {
    pub(crate) index: u32,
    #[serde(flatten)]
    pub(crate) said: Said<'a>,
    pub(crate) finish_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) native_finish_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stop_sequence: Option<&'a str>,
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
    pub(crate) content: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refusal: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) reasoning_details: Vec<Thought<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) annotations: Vec<Citation>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tool_calls: Vec<Call<'a>>,
}

/// All of it.
#[derive(Debug, Serialize)]
pub(crate) struct Message<'a> {
    pub(crate) role: &'static str,
    pub(crate) content: Option<String>,
    pub(crate) refusal: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) reasoning_details: Vec<Thought<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) annotations: Vec<Citation>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tool_calls: Vec<Call<'a>>,
}

/// A JSON string: the provider's own text of it, or one made here.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Text<'a> {
    Raw(&'a RawValue),
    Plain(Cow<'a, str>),
}

impl Text<'_> {
    /// How many characters it holds.
    pub(crate) fn characters(&self) -> u64 {
        match self {
            Self::Raw(raw) => chunk::characters(raw.get().as_bytes()),
            Self::Plain(text) => text.chars().count() as u64,
        }
    }

    /// As the SDK writes it.
    pub(crate) fn as_written(&self) -> chunk::Text<'_> {
        match self {
            Self::Raw(raw) => chunk::Text::Json(raw.get().as_bytes()),
            Self::Plain(text) => chunk::Text::Plain(text),
        }
    }
}

/// A piece of reasoning.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Thought<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<Text<'a>>,
    pub(crate) provider: &'static str,
    pub(crate) index: u32,
}

impl Thought<'_> {
    /// Reasoning that can be read.
    pub(crate) fn text(index: u32) -> Self {
        Self {
            kind: "reasoning.text",
            provider: "anthropic",
            index,
            ..Self::default()
        }
    }

    /// Reasoning that only the provider can read.
    pub(crate) fn encrypted(index: u32) -> Self {
        Self {
            kind: "reasoning.encrypted",
            ..Self::text(index)
        }
    }
}

/// A tool call, or a piece of one.
#[derive(Debug, Serialize)]
pub(crate) struct Call<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<Cow<'a, str>>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<&'static str>,
    pub(crate) function: Function<'a>,
}

/// What is called.
#[derive(Debug, Serialize)]
pub(crate) struct Function<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<Cow<'a, str>>,
    pub(crate) arguments: Text<'a>,
}

/// The raw value if it is a string with something in it.
pub(crate) fn filled(raw: Option<&RawValue>) -> Result<Option<Text<'_>>, Fault> {
    match raw {
        Some(raw) if !raw.get().starts_with('"') => Err(Fault::BadResponse(format!(
            "anthropic sent `{}` where a string belongs",
            raw.get().chars().take(40).collect::<String>()
        ))),
        Some(raw) if raw.get().len() > 2 => Ok(Some(Text::Raw(raw))),
        _ => Ok(None),
    }
}

/// Arguments of a call from a whole `input` object; none when it is empty.
pub(crate) fn arguments(input: Option<&RawValue>) -> Option<Cow<'_, str>> {
    let text = input?.get();
    let empty = text == "null" || text.bytes().all(|byte| b"{} \t\r\n".contains(&byte));
    (!empty).then_some(Cow::Borrowed(text))
}

/// Writes one answer and a line feed.
pub(crate) fn write(out: &mut Vec<u8>, answer: &Answer<'_>) -> Result<(), Fault> {
    serde_json::to_writer(&mut *out, answer).map_err(|error| Fault::Internal(error.to_string()))?;
    out.push(b'\n');
    Ok(())
}
