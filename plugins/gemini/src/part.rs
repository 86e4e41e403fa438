//! Turns and their parts as Gemini takes them.

use std::borrow::Cow;

use mux_plugin_sdk::chat::Json;
use serde::Serialize;

/// One turn.
#[derive(Debug, Serialize)]
pub(crate) struct Turn<'a> {
    pub(crate) role: Role,
    pub(crate) parts: Vec<Part<'a>>,
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    User,
    Model,
}

/// A system prompt.
#[derive(Debug, Serialize)]
pub(crate) struct System<'a> {
    pub(crate) parts: Vec<Part<'a>>,
}

/// One part: what it says and the provider's seal on it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Part<'a> {
    #[serde(flatten)]
    pub(crate) said: Said<'a>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) thought: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) thought_signature: Option<Cow<'a, str>>,
}

/// What a part says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Said<'a> {
    Text(Json<'a>),
    InlineData(Inline<'a>),
    FileData(Linked<'a>),
    FunctionCall(Called<'a>),
    FunctionResponse(Answered<'a>),
}

/// Data that comes along.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Inline<'a> {
    pub(crate) mime_type: Cow<'a, str>,
    pub(crate) data: Cow<'a, str>,
}

/// Data that lies elsewhere.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Linked<'a> {
    pub(crate) file_uri: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mime_type: Option<&'static str>,
}

/// A call of an earlier answer.
#[derive(Debug, Serialize)]
pub(crate) struct Called<'a> {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) id: String,
    pub(crate) name: Cow<'a, str>,
    pub(crate) args: Json<'a>,
}

/// A call's result.
#[derive(Debug, Serialize)]
pub(crate) struct Answered<'a> {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) id: String,
    pub(crate) name: Cow<'a, str>,
    pub(crate) response: Json<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<Part<'a>>,
}

impl<'a> From<Said<'a>> for Part<'a> {
    fn from(said: Said<'a>) -> Self {
        Self {
            said,
            thought: false,
            thought_signature: None,
        }
    }
}
