//! A chat request to one of Ollama's.

use mux_plugin_sdk::chat::json::{self, Json};
use mux_plugin_sdk::chat::{Chat, Choice, Format, Progress, Tool, unmarked};
use mux_plugin_sdk::{Fault, Framing, RequestCtx, RequestPlan};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::manifest::{PATH, UPSTREAM};
use crate::messages::{Turn, turns};
use crate::settings::Settings;

/// What Ollama has no parameter for.
const WITHOUT: &[&str] = &[
    "logit_bias",
    "logprobs",
    "prediction",
    "verbosity",
    "web_search_options",
    "metadata",
    "service_tier",
    "parallel_tool_calls",
    "user",
];

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Json<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Shape<'a>>,
    #[serde(skip_serializing_if = "Options::is_empty")]
    options: Options,
    #[serde(skip_serializing_if = "Option::is_none")]
    think: Option<Think<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_alive: Option<&'a str>,
    /// Ollama streams unless it is told not to.
    stream: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Shape<'a> {
    Word(&'static str),
    Schema(&'a RawValue),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Think<'a> {
    Switch(bool),
    Level(&'static str),
    Raw(&'a RawValue),
}

#[derive(Default, PartialEq, Serialize)]
struct Options {
    #[serde(skip_serializing_if = "Option::is_none")]
    num_predict: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_ctx: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop: Vec<String>,
}

impl Options {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The plan for a chat request.
pub(crate) fn prepare(
    settings: &Settings,
    ctx: &RequestCtx,
    body: &[u8],
) -> Result<RequestPlan, Fault> {
    let mut chat = Chat::read(body)?;
    chat.refuse_old_and_loud("ollama")?;
    chat.refuse_several("ollama")?;
    let mut warnings = Vec::new();
    chat.warn_of("ollama", WITHOUT, &mut warnings);
    chat.warn_of_messages(&mut warnings);
    chat.warn_of_marks("ollama", &mut warnings);
    let messages = turns(std::mem::take(&mut chat.messages), &mut warnings)?;
    let request = Body {
        model: &ctx.model,
        messages,
        tools: tools(&chat, &mut warnings)?,
        format: match chat.format(&mut warnings)? {
            Format::Text => None,
            Format::Json => Some(Shape::Word("json")),
            Format::Schema { schema, .. } => Some(Shape::Schema(schema)),
        },
        options: Options {
            num_predict: chat.most_tokens(),
            num_ctx: settings.context,
            temperature: chat.temperature,
            top_p: chat.top_p,
            top_k: chat.top_k,
            seed: chat.seed,
            frequency_penalty: chat.frequency_penalty,
            presence_penalty: chat.presence_penalty,
            stop: chat.stops()?,
        },
        think: think(&chat, &ctx.model)?,
        keep_alive: settings.keep_alive.as_deref(),
        stream: ctx.stream,
    };
    let frames = ctx.stream.then_some(Framing::Ndjson);
    Ok(RequestPlan {
        state: Progress::<()>::opened(ctx, chat.include_usage())?,
        warnings,
        ..RequestPlan::post(UPSTREAM, PATH, frames, json::body(&request, body)?)
    })
}

/// The tools the choice leaves: Ollama cannot be told to call one.
fn tools<'a>(chat: &Chat<'a>, warnings: &mut Vec<String>) -> Result<Vec<Json<'a>>, Fault> {
    let (names, must) = match chat.choice("ollama", warnings)? {
        Choice::Auto => (None, false),
        Choice::None => return Ok(Vec::new()),
        Choice::Required => (None, true),
        Choice::Named(name) => (Some(vec![name]), true),
        Choice::Among { names, must } => (Some(names), must),
    };
    if must {
        warnings.push(String::from(
            "`tool_choice` was weakened: ollama cannot be made to call a tool",
        ));
    }
    // They are sent as they came: nothing of them is lost.
    let read = chat.tools("ollama", &mut Vec::new())?;
    let raw = chat.tools.iter().flatten();
    let mut kept = Vec::new();
    for ((tool, at), raw) in read.into_iter().zip(raw) {
        let Tool::Function { name, .. } = tool else {
            return Err(Fault::unsupported("ollama runs no tools of its own", at));
        };
        if names.as_ref().is_none_or(|names| names.contains(&name)) {
            kept.push(unmarked(raw));
        }
    }
    Ok(kept)
}

/// Most models think or do not; one family knows levels, and always does.
fn think<'a>(chat: &Chat<'a>, model: &str) -> Result<Option<Think<'a>>, Fault> {
    if let Some(raw) = chat.thinking {
        return Ok(Some(Think::Raw(raw)));
    }
    let Some(effort) = chat.reasoning_effort.as_deref() else {
        return Ok(None);
    };
    let level = match effort {
        "none" => "none",
        "minimal" | "low" => "low",
        "medium" => "medium",
        "high" | "xhigh" | "max" => "high",
        other => {
            return Err(Fault::invalid(
                format!("`{other}` is no effort: none, minimal, low, medium, high or xhigh"),
                "reasoning_effort",
            ));
        }
    };
    Ok(Some(match (model.contains("gpt-oss"), level) {
        (true, "none") => Think::Level("low"),
        (true, level) => Think::Level(level),
        (false, level) => Think::Switch(level != "none"),
    }))
}
