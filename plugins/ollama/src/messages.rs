//! Messages as Ollama takes them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use mux_plugin_sdk::Fault;
use mux_plugin_sdk::chat::content::plain;
use mux_plugin_sdk::chat::{Address, Json, Message, Piece, Place, Placed, ToolCall, pieces};
use serde::Serialize;
use serde_json::value::RawValue;

/// One message.
#[derive(Debug, Serialize)]
pub(crate) struct Turn<'a> {
    role: &'static str,
    content: Text<'a>,
    /// Base64 without anything around it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    thinking: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_name: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Text<'a> {
    Raw(&'a RawValue),
    Made(String),
}

#[derive(Debug, Serialize)]
struct Call<'a> {
    #[serde(skip_serializing_if = "String::is_empty")]
    id: String,
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
    let mut names = BTreeMap::new();
    let mut turns = Vec::with_capacity(messages.len());
    for (index, message) in messages.into_iter().enumerate() {
        turns.push(turn(message, &mut names, Place::message(index), warnings)?);
    }
    Ok(turns)
}

fn turn<'a>(
    message: Message<'a>,
    names: &mut BTreeMap<String, Cow<'a, str>>,
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
                format!("ollama knows no role `{other}`"),
                at.field("role"),
            ));
        }
    };
    let (content, images) = content(message.content, at.field("content"), warnings)?;
    let mut thinking = String::new();
    for detail in message.reasoning_details.unwrap_or_default() {
        if detail.provider.as_deref() == Some("ollama") {
            thinking.push_str(detail.text.as_deref().unwrap_or_default());
        }
    }
    let mut tool_calls = Vec::new();
    let calls = message.tool_calls.unwrap_or_default();
    for (index, given) in calls.into_iter().enumerate() {
        let call = call(given, at.field("tool_calls").item(index), warnings)?;
        names.insert(call.id.clone(), call.function.name.clone());
        tool_calls.push(call);
    }
    let tool_name = message.tool_call_id.as_ref().and_then(|id| names.get(id));
    Ok(Turn {
        role,
        content,
        images,
        thinking,
        tool_calls,
        tool_name: tool_name
            .cloned()
            .or(message.name.filter(|_| role == "tool")),
        tool_call_id: message.tool_call_id,
    })
}

fn content<'a>(
    given: Option<&'a RawValue>,
    at: Place,
    warnings: &mut Vec<String>,
) -> Result<(Text<'a>, Vec<Cow<'a, str>>), Fault> {
    if let Some(raw) = given.filter(|raw| raw.get().starts_with('"')) {
        return Ok((Text::Raw(raw), Vec::new()));
    }
    let mut text = String::new();
    let mut images = Vec::new();
    for Placed { piece, at, .. } in pieces(given, at, "ollama", warnings)? {
        match piece {
            Piece::Text(raw) => text.push_str(&plain(raw, at)?),
            Piece::Image(url) => match Address::read(url, &["http"]) {
                Ok(Address::Data { data, .. }) => images.push(data),
                Ok(Address::Url(_)) => {
                    return Err(Fault::unsupported(
                        "ollama fetches no images: send them as data URLs",
                        at,
                    ));
                }
                Err(bad) => {
                    return Err(Fault::invalid(format!("the image's url {}", bad.0), at));
                }
            },
            _ => return Err(Fault::unsupported("ollama takes text and images", at)),
        }
    }
    Ok((Text::Made(text), images))
}

fn call<'a>(call: ToolCall<'a>, at: Place, warnings: &mut Vec<String>) -> Result<Call<'a>, Fault> {
    let function = call
        .function
        .ok_or_else(|| Fault::unsupported("ollama knows function calls only", at))?;
    Ok(Call {
        id: call.id,
        function: Function {
            arguments: function.object(at, warnings)?,
            name: function.name,
        },
    })
}
