//! The provider's answers: messages, blocks and stream events.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::usage::Counts;

/// A whole message, or the one a stream starts with.
#[derive(Debug, Deserialize)]
pub(crate) struct Message<'a> {
    #[serde(default)]
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) model: String,
    #[serde(borrow, default)]
    pub(crate) content: Vec<Block<'a>>,
    pub(crate) stop_reason: Option<String>,
    pub(crate) stop_sequence: Option<String>,
    pub(crate) stop_details: Option<StopDetails>,
    pub(crate) usage: Option<Counts>,
}

/// More about a stop, most of all about a refusal.
#[derive(Debug, Deserialize)]
pub(crate) struct StopDetails {
    pub(crate) explanation: Option<String>,
}

/// A content block; which fields it has depends on its type.
#[derive(Debug, Deserialize)]
pub(crate) struct Block<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) text: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) thinking: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) signature: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) id: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) name: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) input: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) citations: Option<Vec<&'a RawValue>>,
}

/// One event of a stream.
#[derive(Debug, Deserialize)]
pub(crate) struct Event<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Cow<'a, str>,
    #[serde(default)]
    pub(crate) index: u32,
    #[serde(borrow)]
    pub(crate) message: Option<Message<'a>>,
    #[serde(borrow)]
    pub(crate) content_block: Option<Block<'a>>,
    #[serde(borrow)]
    pub(crate) delta: Option<Delta<'a>>,
    pub(crate) usage: Option<Counts>,
}

/// What an event adds.
#[derive(Debug, Deserialize)]
pub(crate) struct Delta<'a> {
    #[serde(rename = "type", borrow, default)]
    pub(crate) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) text: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) partial_json: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) thinking: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) signature: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) citation: Option<&'a RawValue>,
    pub(crate) stop_reason: Option<String>,
    pub(crate) stop_sequence: Option<String>,
    pub(crate) stop_details: Option<StopDetails>,
}
