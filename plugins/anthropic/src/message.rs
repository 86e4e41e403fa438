//! A whole message to a whole response.

use std::borrow::Cow;

use mux_plugin_sdk::chat::json;
use mux_plugin_sdk::{Batch, Decoded, Fault};
use serde::Deserialize;

use crate::chunk::{
    Answer, Call, Choice, Function, Message as Said, Said as Kind, Text, Thought, arguments,
    filled, write,
};
use crate::citation::citation;
use crate::failure;
use crate::finish::{finish, reason};
use crate::provider::{Block, Message};
use crate::state::State;
use crate::usage::UnifiedUsage;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
}

/// The response a buffered body holds.
pub(crate) fn decode(state: &State, batch: &Batch) -> Result<Decoded, Fault> {
    let Some(frame) = batch.frames().next() else {
        return Ok(Decoded::default());
    };
    let envelope: Envelope<'_> = json::read(frame.data).map_err(|error| malformed(&error))?;
    if envelope.kind == "error" {
        return Ok(Decoded {
            error: Some(failure::in_stream(frame.data)),
            ..Decoded::default()
        });
    }
    if envelope.kind != "message" {
        return Err(Fault::BadResponse(format!(
            "anthropic answered with a `{}` where a message belongs",
            envelope.kind
        )));
    }
    let message = json::read(frame.data).map_err(|error| malformed(&error))?;
    response(state, message)
}

fn malformed(error: &serde_json::Error) -> Fault {
    Fault::BadResponse(format!("anthropic's answer is malformed: {error}"))
}

fn response(state: &State, message: Message<'_>) -> Result<Decoded, Fault> {
    let said = said(&message)?;
    let usage = message.usage.unwrap_or_default().usage();
    let native = message.stop_reason;
    let finish = finish(native.as_deref(), !said.tool_calls.is_empty());
    let answer = Answer {
        id: &message.id,
        object: "chat.completion",
        created: state.created,
        model: if message.model.is_empty() {
            &state.model
        } else {
            &message.model
        },
        choices: vec![Choice {
            index: 0,
            said: Kind::Message(said),
            finish_reason: Some(reason(&finish)),
            native_finish_reason: native.as_deref(),
            stop_sequence: message.stop_sequence.as_deref(),
        }],
        usage: Some(UnifiedUsage::from(&usage)),
    };
    let mut chunks = Vec::new();
    write(&mut chunks, &answer)?;
    chunks.pop();
    Ok(Decoded {
        chunks,
        usage: Some(usage),
        finish: Some(finish),
        ..Decoded::default()
    })
}

fn said<'a>(message: &Message<'a>) -> Result<Said<'a>, Fault> {
    let mut text: Option<String> = None;
    let mut characters = 0;
    let mut annotations = Vec::new();
    let mut thoughts = Vec::new();
    let mut calls = Vec::new();
    for block in &message.content {
        match block.kind.as_ref() {
            "text" => {
                let plain = plain(block)?;
                let from = characters;
                characters += plain.chars().count() as u64;
                text.get_or_insert_default().push_str(&plain);
                let span = (characters > from).then_some(from..characters);
                let given = block.citations.iter().flatten();
                annotations.extend(given.filter_map(|raw| citation(raw.get(), span.clone())));
            }
            "tool_use" => calls.push(call(block)),
            "thinking" | "redacted_thinking" => {
                let index = u32::try_from(thoughts.len()).unwrap_or(u32::MAX);
                thoughts.push(thought(block, index)?);
            }
            _ => {}
        }
    }
    let explanation = message
        .stop_details
        .as_ref()
        .and_then(|details| details.explanation.clone());
    let refused = message.stop_reason.as_deref() == Some("refusal");
    Ok(Said {
        role: "assistant",
        content: text.or_else(|| calls.is_empty().then(String::new)),
        refusal: explanation.filter(|_| refused),
        reasoning_details: thoughts,
        annotations,
        tool_calls: calls,
    })
}

fn plain(block: &Block<'_>) -> Result<String, Fault> {
    match block.text {
        Some(raw) => serde_json::from_str(raw.get()).map_err(|error| malformed(&error)),
        None => Ok(String::new()),
    }
}

fn call<'a>(block: &Block<'a>) -> Call<'a> {
    Call {
        index: None,
        id: Some(block.id.clone()),
        kind: Some("function"),
        function: Function {
            name: Some(block.name.clone()),
            arguments: Text::Plain(arguments(block.input).unwrap_or(Cow::Borrowed("{}"))),
        },
    }
}

fn thought<'a>(block: &Block<'a>, index: u32) -> Result<Thought<'a>, Fault> {
    let data = filled(block.data)?;
    if data.is_some() {
        return Ok(Thought {
            data,
            ..Thought::encrypted(index)
        });
    }
    Ok(Thought {
        text: filled(block.thinking)?,
        signature: filled(block.signature)?,
        ..Thought::text(index)
    })
}
