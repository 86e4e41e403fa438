//! A chat request to one of Converse.

use std::fmt::Write as _;

use mux_plugin_sdk::chat::{Chat, Choice, Format, Progress, Watched, json};
use mux_plugin_sdk::{Fault, Framing, RequestCtx, RequestPlan};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::block::{Block, Turn};
use crate::family::Family;
use crate::manifest::{PREFIX, UPSTREAM};
use crate::messages::Conversation;
use crate::reply::Open;
use crate::thinking;
use crate::tools::Config;

/// What Converse has no parameter for.
const WITHOUT: &[&str] = &[
    "seed",
    "logit_bias",
    "logprobs",
    "frequency_penalty",
    "presence_penalty",
    "prediction",
    "verbosity",
    "web_search_options",
    "metadata",
    "parallel_tool_calls",
    "user",
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block<'a>>,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Inference::is_empty")]
    inference_config: Inference,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<Config<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<Tier>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    additional_model_request_fields: Map<String, Value>,
}

#[derive(Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Inference {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<String>,
}

impl Inference {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Serialize)]
struct Tier {
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutputConfig {
    text_format: TextFormat,
}

#[derive(Serialize)]
struct TextFormat {
    #[serde(rename = "type")]
    kind: &'static str,
    structure: Structure,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Structure {
    json_schema: JsonSchema,
}

#[derive(Serialize)]
struct JsonSchema {
    name: String,
    /// The schema's text.
    schema: String,
}

/// The plan for a chat request.
pub(crate) fn prepare(ctx: &RequestCtx, body: &[u8]) -> Result<RequestPlan, Fault> {
    let mut chat = Chat::read(body)?;
    chat.refuse_old_and_loud("bedrock")?;
    chat.refuse_several("bedrock")?;
    let mut warnings = Vec::new();
    chat.warn_of("bedrock", WITHOUT, &mut warnings);
    chat.warn_of_messages(&mut warnings);
    let family = Family::of(&ctx.model);
    let messages = std::mem::take(&mut chat.messages);
    let history = messages
        .iter()
        .any(|message| message.role == "tool" || message.tool_calls.is_some());
    let tool_config = Config::read(&chat, history, &mut warnings)?;
    let conversation = Conversation::read(messages, tool_config.is_some(), &mut warnings)?;
    let forced = tool_config.is_some()
        && matches!(
            chat.choice("bedrock", &mut warnings)?,
            Choice::Required | Choice::Named(_) | Choice::Among { must: true, .. }
        );
    let mut fields = Map::new();
    let thinks = thinking::ask(&chat, family, forced, &mut fields, &mut warnings)?;
    let inference_config = inference(&chat, family, thinks, &mut fields, &mut warnings)?;
    let request = Body {
        system: conversation.system,
        messages: conversation.turns,
        inference_config,
        tool_config,
        output_config: output(&chat, &mut warnings)?,
        service_tier: tier(&chat, &mut warnings),
        additional_model_request_fields: fields,
    };
    let verb = if ctx.stream {
        "converse-stream"
    } else {
        "converse"
    };
    let path = format!("{PREFIX}{}/{verb}", escaped(&ctx.model));
    let frames = ctx.stream.then_some(Framing::AwsEventStream);
    Ok(RequestPlan {
        state: Progress::opened_with(ctx, chat.include_usage(), Open::default(), Watched::Length)?,
        warnings,
        ..RequestPlan::post(UPSTREAM, path, frames, json::body(&request, body)?)
    })
}

fn inference(
    chat: &Chat<'_>,
    family: Family,
    thinks: bool,
    fields: &mut Map<String, Value>,
    warnings: &mut Vec<String>,
) -> Result<Inference, Fault> {
    let mut inference = Inference {
        max_tokens: chat.most_tokens(),
        temperature: chat.temperature,
        top_p: chat.top_p,
        stop_sequences: chat.stops()?,
    };
    if let Some(hot) = inference.temperature.filter(|t| *t > 1.0) {
        warnings.push(format!("`temperature` {hot} was lowered to 1"));
        inference.temperature = Some(1.0);
    }
    let mut top_k = chat.top_k;
    if thinks {
        let dropped = [
            (
                "temperature",
                inference.temperature.take().is_some_and(|t| t < 1.0),
            ),
            ("top_p", inference.top_p.take().is_some_and(|p| p < 1.0)),
            ("top_k", top_k.take().is_some()),
        ];
        for (name, _) in dropped.into_iter().filter(|(_, said)| *said) {
            warnings.push(format!(
                "`{name}` was dropped: it cannot be combined with thinking"
            ));
        }
    }
    match (top_k, family) {
        (None, _) => {}
        (Some(k), Family::Nova) => {
            fields.insert(
                String::from("inferenceConfig"),
                serde_json::json!({"topK": k}),
            );
        }
        (Some(k), family) if family.is_claude() => {
            fields.insert(String::from("top_k"), Value::from(k));
        }
        (Some(_), _) => warnings.push(String::from(
            "`top_k` was dropped: this model is not known to take it",
        )),
    }
    Ok(inference)
}

fn output(chat: &Chat<'_>, warnings: &mut Vec<String>) -> Result<Option<OutputConfig>, Fault> {
    match chat.format(warnings)? {
        Format::Text => Ok(None),
        Format::Json => {
            warnings.push(String::from(
                "`response_format` was dropped: bedrock knows JSON by schema only",
            ));
            Ok(None)
        }
        Format::Schema { name, schema } => Ok(Some(OutputConfig {
            text_format: TextFormat {
                kind: "json_schema",
                structure: Structure {
                    json_schema: JsonSchema {
                        name: name.as_deref().unwrap_or("answer").to_owned(),
                        schema: schema.get().to_owned(),
                    },
                },
            },
        })),
    }
}

fn tier(chat: &Chat<'_>, warnings: &mut Vec<String>) -> Option<Tier> {
    let kind = match chat.service_tier.as_deref()? {
        "auto" => return None,
        "default" => "default",
        "flex" => "flex",
        "priority" => "priority",
        other => {
            warnings.push(format!(
                "`service_tier` {other} was dropped: bedrock has no such tier"
            ));
            return None;
        }
    };
    Some(Tier { kind })
}

/// A model's name as one step of a path: everything but what RFC 3986 calls unreserved is escaped, once.
pub(crate) fn escaped(model: &str) -> String {
    let mut path = String::with_capacity(model.len() + 8);
    for byte in model.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            path.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path
}
