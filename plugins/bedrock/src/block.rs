//! Turns and their blocks as Converse takes them.

use std::borrow::Cow;

use mux_plugin_sdk::chat::Json;
use serde::Serialize;

/// One turn.
#[derive(Debug, Serialize)]
pub(crate) struct Turn<'a> {
    pub(crate) role: Role,
    pub(crate) content: Vec<Block<'a>>,
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    User,
    Assistant,
}

/// One block.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Block<'a> {
    Text(Json<'a>),
    Image(Attached<'a>),
    Document(Attached<'a>),
    Video(Attached<'a>),
    ToolUse(ToolUse<'a>),
    ToolResult(ToolResult<'a>),
    ReasoningContent(Reasoning),
    CachePoint(CachePoint),
}

/// The prefix up to here may be cached.
#[derive(Debug, Serialize)]
pub(crate) struct CachePoint {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
}

impl CachePoint {
    pub(crate) const DEFAULT: Self = Self { kind: "default" };
}

/// An image, a document or a video.
#[derive(Debug, Serialize)]
pub(crate) struct Attached<'a> {
    pub(crate) format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    pub(crate) source: Source<'a>,
}

/// Where it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Source<'a> {
    Bytes(Cow<'a, str>),
    S3Location(S3<'a>),
}

#[derive(Debug, Serialize)]
pub(crate) struct S3<'a> {
    pub(crate) uri: Cow<'a, str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ToolUse<'a> {
    #[serde(rename = "toolUseId")]
    pub(crate) id: String,
    pub(crate) name: Cow<'a, str>,
    pub(crate) input: Json<'a>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ToolResult<'a> {
    /// The id of the call.
    #[serde(rename = "toolUseId")]
    pub(crate) id: String,
    pub(crate) content: Vec<Block<'a>>,
}

/// Reasoning of an earlier answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Reasoning {
    ReasoningText { text: String, signature: String },
    RedactedContent(String),
}
