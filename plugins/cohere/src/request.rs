//! A chat request to one of Cohere's.

use mux_plugin_sdk::chat::json::{self, Json};
use mux_plugin_sdk::chat::{Chat, Choice, Format, Progress, Tool, Watched, unmarked};
use mux_plugin_sdk::{Fault, Framing, RequestCtx, RequestPlan};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::manifest::{PATH, UPSTREAM};
use crate::messages::{Turn, turns};
use crate::reply::Open;

/// What Cohere has no parameter for.
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

/// Most stop sequences.
const STOPS: usize = 5;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Json<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    strict_tools: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Shape<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking<'a>>,
    stream: bool,
}

#[derive(Serialize)]
struct Shape<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    json_schema: Option<&'a RawValue>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Thinking<'a> {
    /// As the client wrote it.
    Raw(&'a RawValue),
    Made {
        #[serde(rename = "type")]
        kind: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        token_budget: Option<u64>,
    },
}

/// The plan for a chat request.
pub(crate) fn prepare(ctx: &RequestCtx, body: &[u8]) -> Result<RequestPlan, Fault> {
    let mut chat = Chat::read(body)?;
    chat.refuse_old_and_loud("cohere")?;
    chat.refuse_several("cohere")?;
    let mut warnings = Vec::new();
    chat.warn_of("cohere", WITHOUT, &mut warnings);
    chat.warn_of_messages(&mut warnings);
    chat.warn_of_marks("cohere", &mut warnings);
    let messages = turns(std::mem::take(&mut chat.messages), &mut warnings)?;
    // Answers stand on what tools found, and on nothing else that can be said here.
    let watched = if messages.iter().any(Turn::is_result) {
        Watched::Length
    } else {
        Watched::Nothing
    };
    let tools = Tools::read(&chat, &mut warnings)?;
    let request = Body {
        model: &ctx.model,
        messages,
        response_format: shape(&chat, !tools.kept.is_empty(), &mut warnings)?,
        tools: tools.kept,
        tool_choice: tools.choice,
        strict_tools: tools.strict,
        max_tokens: chat.most_tokens(),
        stop_sequences: stops(&chat, &mut warnings)?,
        temperature: chat.temperature,
        // 1 takes all there is, as leaving it out does, and is refused.
        p: chat.top_p.filter(|p| *p < 1.0),
        k: chat.top_k,
        seed: chat.seed,
        frequency_penalty: penalty("frequency_penalty", chat.frequency_penalty, &mut warnings),
        presence_penalty: penalty("presence_penalty", chat.presence_penalty, &mut warnings),
        thinking: thinking(&chat, &ctx.model, &mut warnings)?,
        stream: ctx.stream,
    };
    let frames = ctx.stream.then_some(Framing::Sse);
    Ok(RequestPlan {
        state: Progress::opened_with(ctx, chat.include_usage(), Open::default(), watched)?,
        warnings,
        ..RequestPlan::post(UPSTREAM, PATH, frames, json::body(&request, body)?)
    })
}

#[derive(Default)]
struct Tools<'a> {
    kept: Vec<Json<'a>>,
    choice: Option<&'static str>,
    strict: bool,
}

impl<'a> Tools<'a> {
    /// A tool that has to be called is the only one left: Cohere cannot be told a name.
    fn read(chat: &Chat<'a>, warnings: &mut Vec<String>) -> Result<Self, Fault> {
        let (choice, names) = match chat.choice("cohere", warnings)? {
            Choice::Auto => (None, None),
            Choice::None => (Some("NONE"), None),
            Choice::Required => (Some("REQUIRED"), None),
            Choice::Named(name) => (Some("REQUIRED"), Some(vec![name])),
            Choice::Among { names, must } => (must.then_some("REQUIRED"), Some(names)),
        };
        let mut tools = Self::default();
        // They are sent as they came: nothing of them is lost.
        let read = chat.tools("cohere", &mut Vec::new())?;
        let raw = chat.tools.iter().flatten();
        for ((tool, at), raw) in read.into_iter().zip(raw) {
            let Tool::Function { name, strict, .. } = tool else {
                return Err(Fault::unsupported(
                    "cohere runs no tools of its own here",
                    at,
                ));
            };
            if names.as_ref().is_none_or(|names| names.contains(&name)) {
                tools.strict |= strict == Some(true);
                tools.kept.push(unmarked(raw));
            }
        }
        tools.choice = choice.filter(|_| !tools.kept.is_empty());
        Ok(tools)
    }
}

fn shape<'a>(
    chat: &Chat<'a>,
    tools: bool,
    warnings: &mut Vec<String>,
) -> Result<Option<Shape<'a>>, Fault> {
    let json_schema = match chat.format(warnings)? {
        Format::Text => return Ok(None),
        Format::Json => None,
        Format::Schema { schema, .. } => Some(schema),
    };
    if tools {
        return Err(Fault::unsupported(
            "cohere cannot be held to JSON while it has tools",
            "response_format",
        ));
    }
    Ok(Some(Shape {
        kind: "json_object",
        json_schema,
    }))
}

fn stops(chat: &Chat<'_>, warnings: &mut Vec<String>) -> Result<Vec<String>, Fault> {
    let mut stops = chat.stops()?;
    if stops.len() > STOPS {
        stops.truncate(STOPS);
        warnings.push(format!("`stop` was cut to {STOPS} sequences"));
    }
    Ok(stops)
}

/// The chat form goes from -2 to 2, Cohere from 0 to 1.
fn penalty(name: &str, given: Option<f64>, warnings: &mut Vec<String>) -> Option<f64> {
    let given = given?;
    let fits = given.clamp(0.0, 1.0);
    if (given - fits).abs() > 0.0 {
        warnings.push(format!("`{name}` was brought to {fits}"));
    }
    (fits > 0.0).then_some(fits)
}

fn thinking<'a>(
    chat: &Chat<'a>,
    model: &str,
    warnings: &mut Vec<String>,
) -> Result<Option<Thinking<'a>>, Fault> {
    // Beside an effort it is another provider's word for the same.
    if let Some(raw) = chat.thinking.filter(|_| chat.reasoning_effort.is_none()) {
        return Ok(Some(Thinking::Raw(raw)));
    }
    let Some(effort) = chat.reasoning_effort.as_deref() else {
        return Ok(None);
    };
    let token_budget = match effort {
        "none" => None,
        "minimal" => Some(1024),
        "low" => Some(2048),
        "medium" => Some(8192),
        "high" => Some(16_384),
        "xhigh" | "max" => Some(32_768),
        other => {
            return Err(Fault::invalid(
                format!("`{other}` is no effort: none, minimal, low, medium, high or xhigh"),
                "reasoning_effort",
            ));
        }
    };
    if !model.contains("reasoning") {
        if token_budget.is_some() {
            warnings.push(String::from(
                "`reasoning_effort` was dropped: this model does not think",
            ));
        }
        return Ok(None);
    }
    let kind = if token_budget.is_some() {
        "enabled"
    } else {
        "disabled"
    };
    Ok(Some(Thinking::Made { kind, token_budget }))
}
