//! A response as mux writes it, and the items it is made of.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::chat::spoken::Ending;
use crate::speaker::Speaker;
use crate::usage::Usage;

/// A response.
#[derive(Debug, Serialize)]
pub(crate) struct Response<'a> {
    id: &'a str,
    object: &'static str,
    created_at: u64,
    status: &'static str,
    background: bool,
    error: Option<()>,
    incomplete_details: Option<Incomplete>,
    instructions: Option<&'a RawValue>,
    max_output_tokens: Option<&'a RawValue>,
    model: &'a str,
    output: Vec<&'a RawValue>,
    parallel_tool_calls: bool,
    previous_response_id: Option<()>,
    reasoning: Option<&'a RawValue>,
    store: bool,
    temperature: Option<&'a RawValue>,
    text: Echoed<'a>,
    tool_choice: Echoed<'a>,
    tools: Echoed<'a>,
    top_p: Option<&'a RawValue>,
    truncation: &'static str,
    usage: Option<Counts>,
    user: Option<&'a RawValue>,
    metadata: Echoed<'a>,
}

/// Why a response is not complete.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Incomplete {
    reason: &'static str,
}

/// What the client said of it, or what that means where it said nothing.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Echoed<'a> {
    Said(&'a RawValue),
    Meant(Value),
}

impl<'a> Echoed<'a> {
    fn of(said: Option<&'a RawValue>, meant: Value) -> Self {
        said.map_or(Self::Meant(meant), Self::Said)
    }
}

/// Parts of the request that stand in the answer.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Echo {
    instructions: Option<Box<RawValue>>,
    max_output_tokens: Option<Box<RawValue>>,
    parallel_tool_calls: Option<bool>,
    reasoning: Option<Box<RawValue>>,
    temperature: Option<Box<RawValue>>,
    text: Option<Box<RawValue>>,
    tool_choice: Option<Box<RawValue>>,
    tools: Option<Box<RawValue>>,
    top_p: Option<Box<RawValue>>,
    user: Option<Box<RawValue>>,
    metadata: Option<Box<RawValue>>,
}

impl Echo {
    /// Of this request; of one that cannot be read, nothing.
    pub(crate) fn of(request: &[u8]) -> Self {
        serde_json::from_slice(request).unwrap_or_default()
    }
}

/// Token counts.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Counts {
    input_tokens: u64,
    input_tokens_details: Input,
    output_tokens: u64,
    output_tokens_details: Output,
    total_tokens: u64,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Input {
    cached_tokens: u64,
    cache_write_tokens: u64,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Output {
    reasoning_tokens: u64,
}

impl From<Usage> for Counts {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.input,
            input_tokens_details: Input {
                cached_tokens: usage.cache_read,
                cache_write_tokens: usage.cache_write,
            },
            output_tokens: usage.output,
            output_tokens_details: Output {
                reasoning_tokens: usage.reasoning,
            },
            total_tokens: usage.total(),
        }
    }
}

/// How far a response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Begun,
    Complete,
    /// It ended before it was complete, for this reason.
    Incomplete(&'static str),
}

impl State {
    /// Of an answer that ended so.
    pub(crate) fn of(ending: &Ending) -> Self {
        match ending.finish.as_deref() {
            Some("length") => Self::Incomplete("max_output_tokens"),
            Some("content_filter") => Self::Incomplete("content_filter"),
            _ => Self::Complete,
        }
    }

    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Begun => "in_progress",
            Self::Complete => "completed",
            Self::Incomplete(_) => "incomplete",
        }
    }
}

impl<'a> Response<'a> {
    /// A response with these items.
    pub(crate) fn new(
        speaker: &'a Speaker,
        echo: &'a Echo,
        id: &'a str,
        model: Option<&'a str>,
        state: State,
        output: Vec<&'a RawValue>,
        usage: Option<Usage>,
    ) -> Self {
        Self {
            id,
            object: "response",
            created_at: speaker.created,
            status: state.word(),
            background: false,
            error: None,
            incomplete_details: match state {
                State::Incomplete(reason) => Some(Incomplete { reason }),
                State::Begun | State::Complete => None,
            },
            instructions: echo.instructions.as_deref(),
            max_output_tokens: echo.max_output_tokens.as_deref(),
            model: model.unwrap_or(&speaker.model),
            output,
            parallel_tool_calls: echo.parallel_tool_calls.unwrap_or(true),
            previous_response_id: None,
            reasoning: echo.reasoning.as_deref(),
            store: false,
            temperature: echo.temperature.as_deref(),
            text: Echoed::of(
                echo.text.as_deref(),
                json!({ "format": { "type": "text" } }),
            ),
            tool_choice: Echoed::of(echo.tool_choice.as_deref(), json!("auto")),
            tools: Echoed::of(echo.tools.as_deref(), json!([])),
            top_p: echo.top_p.as_deref(),
            truncation: "disabled",
            usage: usage.map(Counts::from),
            user: echo.user.as_deref(),
            metadata: Echoed::of(echo.metadata.as_deref(), json!({})),
        }
    }
}
