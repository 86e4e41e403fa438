//! A chat request to one of Mistral's. What it does not know it refuses with 422, so nothing is sent on unseen.

use mux_plugin_sdk::chat::json::{self, Json};
use mux_plugin_sdk::chat::{Chat, Progress};
use mux_plugin_sdk::{Fault, Framing, RequestCtx, RequestPlan};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::manifest::{PATH, UPSTREAM};
use crate::messages::{Turn, turns};
use crate::reply::Open;
use crate::tools::{self, Chosen};

/// What Mistral has no parameter for.
const WITHOUT: &[&str] = &[
    "top_k",
    "logit_bias",
    "logprobs",
    "verbosity",
    "web_search_options",
    "metadata",
    "service_tier",
    "user",
    "thinking",
];

/// The highest temperature.
const HOTTEST: f64 = 1.5;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    random_seed: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Json<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Chosen<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prediction: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
}

/// The plan for a chat request.
pub(crate) fn prepare(ctx: &RequestCtx, body: &[u8]) -> Result<RequestPlan, Fault> {
    let mut chat = Chat::read(body)?;
    chat.refuse_old_and_loud("mistral")?;
    // Read for its faults: the format itself goes as it is.
    chat.format(&mut Vec::new())?;
    // An answer at the end is gone on with, whether it says so or not.
    chat.unread.retain(|name| name != "messages[].prefix");
    let mut warnings = Vec::new();
    chat.warn_of("mistral", WITHOUT, &mut warnings);
    chat.warn_of_messages(&mut warnings);
    chat.warn_of_marks("mistral", &mut warnings);
    let messages = turns(std::mem::take(&mut chat.messages), &mut warnings)?;
    let (tools, tool_choice) = tools::read(&chat, &mut warnings)?;
    let request = Body {
        model: &ctx.model,
        messages,
        max_tokens: chat.most_tokens(),
        temperature: chat.temperature.map(|given| cool(given, &mut warnings)),
        top_p: chat.top_p,
        random_seed: chat.seed,
        stop: chat.stops()?,
        n: chat.n.filter(|n| *n > 1),
        frequency_penalty: chat.frequency_penalty,
        presence_penalty: chat.presence_penalty,
        parallel_tool_calls: chat.parallel_tool_calls.filter(|_| !tools.is_empty()),
        tools,
        tool_choice,
        response_format: chat.response_format,
        prediction: chat.prediction,
        reasoning_effort: effort(&chat, &ctx.model, &mut warnings)?,
        stream: ctx.stream,
    };
    let frames = ctx.stream.then_some(Framing::Sse);
    Ok(RequestPlan {
        state: Progress::<Open>::opened(ctx, chat.include_usage())?,
        warnings,
        ..RequestPlan::post(UPSTREAM, PATH, frames, json::body(&request, body)?)
    })
}

fn cool(temperature: f64, warnings: &mut Vec<String>) -> f64 {
    if temperature > HOTTEST {
        warnings.push(format!("`temperature` was lowered to {HOTTEST}"));
    }
    temperature.min(HOTTEST)
}

/// Hybrid models think or do not; others always do, or never.
fn effort(
    chat: &Chat<'_>,
    model: &str,
    warnings: &mut Vec<String>,
) -> Result<Option<&'static str>, Fault> {
    let Some(effort) = chat.reasoning_effort.as_deref() else {
        return Ok(None);
    };
    let thinks = match effort {
        "none" | "minimal" => false,
        "low" | "medium" | "high" | "xhigh" | "max" => true,
        other => {
            return Err(Fault::invalid(
                format!("`{other}` is no effort: none, minimal, low, medium, high or xhigh"),
                "reasoning_effort",
            ));
        }
    };
    if model.starts_with("magistral") {
        if !thinks {
            warnings.push(String::from(
                "`reasoning_effort` was dropped: this model always thinks",
            ));
        }
        return Ok(None);
    }
    if !model.starts_with("mistral-small") && !model.starts_with("mistral-medium") {
        if thinks {
            warnings.push(String::from(
                "`reasoning_effort` was dropped: this model does not think",
            ));
        }
        return Ok(None);
    }
    if matches!(effort, "low" | "medium") {
        warnings.push(String::from(
            "`reasoning_effort` was raised: this model knows none and high",
        ));
    }
    Ok(Some(if thinks { "high" } else { "none" }))
}
