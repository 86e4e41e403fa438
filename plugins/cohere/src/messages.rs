//! Messages as Cohere takes them.

use std::borrow::Cow;

use mux_plugin_sdk::Fault;
use mux_plugin_sdk::chat::{Json, Message, Piece, Place, Placed, ToolCall, pieces, quoted};
use serde::Serialize;
use serde_json::value::RawValue;

/// One message.
#[derive(Debug, Serialize)]
pub(crate) struct Turn<'a> {
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Content<'a>>,
    /// What the model meant to do with its calls.
    #[serde(skip_serializing_if = "String::is_empty")]
    tool_plan: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(&'a RawValue),
    Parts(Vec<Part<'a>>),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part<'a> {
    Text { text: Json<'a> },
    Thinking { thinking: Json<'a> },
    ImageUrl { image_url: Image<'a> },
}

#[derive(Debug, Serialize)]
struct Image<'a> {
    url: Cow<'a, str>,
}

#[derive(Debug, Serialize)]
struct Call<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
}

#[derive(Debug, Serialize)]
struct Function<'a> {
    name: Cow<'a, str>,
    arguments: Json<'a>,
}

impl Turn<'_> {
    /// Whether it is what a tool found.
    pub(crate) fn is_result(&self) -> bool {
        self.role == "tool"
    }
}

/// Reads all messages.
pub(crate) fn turns<'a>(
    messages: Vec<Message<'a>>,
    warnings: &mut Vec<String>,
) -> Result<Vec<Turn<'a>>, Fault> {
    let mut turns = Vec::with_capacity(messages.len());
    for (index, message) in messages.into_iter().enumerate() {
        turns.push(turn(message, Place::message(index), warnings)?);
    }
    Ok(turns)
}

fn turn<'a>(
    message: Message<'a>,
    at: Place,
    warnings: &mut Vec<String>,
) -> Result<Turn<'a>, Fault> {
    let role = match message.role.as_ref() {
        "system" | "developer" => "system",
        "user" => "user",
        "assistant" => "assistant",
        "tool" => "tool",
        other => {
            return Err(Fault::unsupported(
                format!("cohere knows no role `{other}`"),
                at.field("role"),
            ));
        }
    };
    if role == "tool" && message.tool_call_id.is_none() {
        return Err(Fault::invalid("a tool message needs `tool_call_id`", at));
    }
    let mut thoughts = String::new();
    for detail in message.reasoning_details.unwrap_or_default() {
        if detail.provider.as_deref() == Some("cohere") {
            thoughts.push_str(detail.text.as_deref().unwrap_or_default());
        }
    }
    let calls = message.tool_calls.unwrap_or_default();
    let calls = calls.into_iter().enumerate();
    let tool_calls: Vec<Call<'a>> = calls
        .map(|(index, given)| call(given, at.field("tool_calls").item(index)))
        .collect::<Result<_, Fault>>()?;
    // Beside calls the reasoning is a plan, elsewhere it is a part.
    let (tool_plan, thought) = if tool_calls.is_empty() {
        (String::new(), thoughts)
    } else {
        (thoughts, String::new())
    };
    Ok(Turn {
        role,
        content: content(
            message.content,
            &thought,
            role,
            at.field("content"),
            warnings,
        )?,
        tool_plan,
        tool_calls,
        tool_call_id: message.tool_call_id,
    })
}

fn content<'a>(
    given: Option<&'a RawValue>,
    thought: &str,
    role: &str,
    at: Place,
    warnings: &mut Vec<String>,
) -> Result<Option<Content<'a>>, Fault> {
    if let Some(raw) = given.filter(|raw| raw.get().starts_with('"') && thought.is_empty()) {
        let empty = raw.get().len() == 2 && role == "assistant";
        return Ok((!empty).then_some(Content::Text(raw)));
    }
    let mut parts = Vec::new();
    if !thought.is_empty() {
        parts.push(Part::Thinking {
            thinking: quoted(thought)?,
        });
    }
    for Placed { piece, at, .. } in pieces(given, at, "cohere", warnings)? {
        parts.push(match piece {
            Piece::Text(raw) => Part::Text {
                text: Cow::Borrowed(raw),
            },
            Piece::Image(url) if role == "user" => Part::ImageUrl {
                image_url: Image { url },
            },
            _ => {
                return Err(Fault::unsupported(
                    "cohere takes text, and images from users",
                    at,
                ));
            }
        });
    }
    Ok((!parts.is_empty()).then_some(Content::Parts(parts)))
}

fn call(call: ToolCall<'_>, at: Place) -> Result<Call<'_>, Fault> {
    let function = call
        .function
        .ok_or_else(|| Fault::unsupported("cohere knows function calls only", at))?;
    let arguments = match function.arguments {
        Some(raw) if raw.get().len() > 2 => Cow::Borrowed(raw),
        _ => quoted("{}")?,
    };
    Ok(Call {
        id: call.id,
        kind: "function",
        function: Function {
            name: function.name,
            arguments,
        },
    })
}
