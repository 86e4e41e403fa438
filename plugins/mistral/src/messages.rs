//! Messages as Mistral takes them.

use std::borrow::Cow;

use mux_plugin_sdk::Fault;
use mux_plugin_sdk::chat::{
    Json, Message, Piece, Place, Placed, ReasoningDetail, ToolCall, pieces, quoted,
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::call_id;

/// One message.
#[derive(Debug, Serialize)]
pub(crate) struct Turn<'a> {
    role: Cow<'a, str>,
    content: Content<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    /// The model is to go on with this very message.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    prefix: bool,
}

/// Text alone is sent as a string, as every model takes it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(&'a RawValue),
    Empty(&'static str),
    Parts(Vec<Part<'a>>),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part<'a> {
    Text {
        text: Json<'a>,
    },
    ImageUrl {
        image_url: Cow<'a, str>,
    },
    DocumentUrl {
        document_url: Cow<'a, str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        document_name: Option<Cow<'a, str>>,
    },
    InputAudio {
        input_audio: Cow<'a, str>,
    },
    Thinking {
        thinking: Vec<Part<'a>>,
    },
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

/// Reads all messages.
pub(crate) fn turns<'a>(
    messages: Vec<Message<'a>>,
    warnings: &mut Vec<String>,
) -> Result<Vec<Turn<'a>>, Fault> {
    let mut turns = Vec::with_capacity(messages.len());
    for (index, message) in messages.into_iter().enumerate() {
        turns.push(turn(message, Place::message(index), warnings)?);
    }
    if let Some(last) = turns.last_mut() {
        last.prefix = last.role == "assistant" && last.tool_calls.is_empty();
    }
    Ok(turns)
}

fn turn<'a>(
    message: Message<'a>,
    at: Place,
    warnings: &mut Vec<String>,
) -> Result<Turn<'a>, Fault> {
    let role = match message.role.as_ref() {
        "developer" => Cow::Borrowed("system"),
        "system" | "user" | "assistant" | "tool" => message.role,
        other => {
            return Err(Fault::unsupported(
                format!("mistral knows no role `{other}`"),
                at.field("role"),
            ));
        }
    };
    let thoughts = thoughts(message.reasoning_details.unwrap_or_default())?;
    let calls = message.tool_calls.unwrap_or_default();
    let called: Result<_, Fault> = calls
        .into_iter()
        .enumerate()
        .map(|(number, given)| call(given, at.field("tool_calls").item(number)))
        .collect();
    let tool = role == "tool";
    if tool && message.tool_call_id.is_none() {
        return Err(Fault::invalid("a tool message needs `tool_call_id`", at));
    }
    Ok(Turn {
        content: content(message.content, thoughts, at.field("content"), warnings)?,
        tool_calls: called?,
        tool_call_id: message.tool_call_id.map(|id| call_id::fitting(&id)),
        name: message.name.filter(|_| tool),
        prefix: false,
        role,
    })
}

fn content<'a>(
    given: Option<&'a RawValue>,
    thoughts: Option<Part<'a>>,
    at: Place,
    warnings: &mut Vec<String>,
) -> Result<Content<'a>, Fault> {
    if let (Some(raw), None) = (given, &thoughts)
        && raw.get().starts_with('"')
    {
        return Ok(Content::Text(raw));
    }
    let mut parts: Vec<Part<'a>> = thoughts.into_iter().collect();
    for Placed { piece, at, .. } in pieces(given, at, "mistral", warnings)? {
        parts.push(part(piece, at)?);
    }
    Ok(if parts.is_empty() {
        Content::Empty("")
    } else {
        Content::Parts(parts)
    })
}

fn part(piece: Piece<'_>, at: Place) -> Result<Part<'_>, Fault> {
    Ok(match piece {
        Piece::Text(raw) => Part::Text {
            text: Cow::Borrowed(raw),
        },
        Piece::Image(image_url) => Part::ImageUrl { image_url },
        Piece::File { data, name } => Part::DocumentUrl {
            document_url: data,
            document_name: name,
        },
        Piece::Audio { data, .. } => Part::InputAudio { input_audio: data },
        Piece::Video(_) => return Err(Fault::unsupported("mistral takes no videos", at)),
    })
}

/// Reasoning of Mistral's own, which its models expect to see again. It has no seal.
fn thoughts<'a>(details: Vec<ReasoningDetail>) -> Result<Option<Part<'a>>, Fault> {
    let mut thinking = Vec::new();
    for detail in details {
        if detail.provider.as_deref() == Some("mistral")
            && let Some(text) = detail.text.filter(|text| !text.is_empty())
        {
            thinking.push(Part::Text {
                text: quoted(&text)?,
            });
        }
    }
    Ok((!thinking.is_empty()).then_some(Part::Thinking { thinking }))
}

fn call(call: ToolCall<'_>, at: Place) -> Result<Call<'_>, Fault> {
    let function = call
        .function
        .ok_or_else(|| Fault::unsupported("mistral knows function calls only", at))?;
    let arguments = match function.arguments {
        Some(raw) if raw.get().len() > 2 => Cow::Borrowed(raw),
        _ => quoted("{}")?,
    };
    Ok(Call {
        id: call_id::fitting(&call.id),
        kind: "function",
        function: Function {
            name: function.name,
            arguments,
        },
    })
}
