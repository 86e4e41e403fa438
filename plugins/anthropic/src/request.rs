//! A chat request to a Messages request.

use mux_plugin_sdk::chat::{self, Chat, json};
use mux_plugin_sdk::{
    BodyPlan, DecodeMode, Fault, Framing, Header, Method, ReplyPlan, RequestCtx, RequestPlan,
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::block::{Block, Turn};
use crate::conversation::Conversation;
use crate::manifest::{PATH, UPSTREAM, VERSION};
use crate::model::Family;
use crate::reasoning::{Ask, Obstacles, Reasoning};
use crate::sampling::Sampled;
use crate::settings::Settings;
use crate::state::State;
use crate::tools::{Choice, Tool, Tools};

/// What Anthropic has no parameter for, and what changes nothing the client must know before it asks.
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
];

#[derive(Serialize)]
struct MessagesBody<'a> {
    model: &'a str,
    max_tokens: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block<'a>>,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Ask<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
}

#[derive(Serialize)]
struct OutputConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Format<'a>>,
}

#[derive(Serialize)]
struct Format<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    schema: &'a RawValue,
}

#[derive(Serialize)]
struct Metadata<'a> {
    user_id: &'a str,
}

/// The plan for a chat request.
pub(crate) fn prepare(
    settings: &Settings,
    ctx: &RequestCtx,
    body: &[u8],
) -> Result<RequestPlan, Fault> {
    let mut chat = Chat::read(body)?;
    chat.refuse_several("anthropic")?;
    chat.refuse_old_and_loud("anthropic")?;
    let mut warnings = Vec::new();
    chat.warn_of("anthropic", WITHOUT, &mut warnings);
    let include_usage = chat.include_usage();
    let request = messages(settings, ctx, &mut chat, &mut warnings)?;
    let mut tools = request.tools.iter();
    let cites = tools.any(|tool| matches!(tool, Tool::Server(_)));
    let sent = json::body(&request, body)?;
    Ok(RequestPlan {
        upstream: String::from(UPSTREAM),
        method: Method::Post,
        path: String::from(PATH),
        headers: headers(settings),
        body: BodyPlan::Replace(sent),
        reply: ReplyPlan {
            framing: if ctx.stream {
                Framing::Sse
            } else {
                Framing::Buffered
            },
            mode: DecodeMode::Frames,
        },
        state: State::opened(ctx, include_usage, cites).write()?,
        warnings,
    })
}

fn messages<'a>(
    settings: &Settings,
    ctx: &'a RequestCtx,
    chat: &'a mut Chat<'_>,
    warnings: &mut Vec<String>,
) -> Result<MessagesBody<'a>, Fault> {
    let family = Family::of(&ctx.model);
    let conversation = Conversation::read(std::mem::take(&mut chat.messages), warnings)?;
    let chat = &*chat;
    let tools = Tools::read(chat, family, warnings)?;
    let max_tokens = chat
        .most_tokens()
        .unwrap_or(settings.default_max_tokens.unwrap_or(family.max_output));
    let obstacles = Obstacles {
        forced_tool: tools.choice.as_ref().is_some_and(Choice::forced),
        lost: conversation.lost_its_thinking(),
    };
    let reasoning = Reasoning::read(chat, family, max_tokens, obstacles, warnings)?;
    let sampled = Sampled::read(chat, family, reasoning.active(), warnings);
    let format = format(chat, family, warnings)?;
    let output_config = (reasoning.effort.is_some() || format.is_some()).then_some(OutputConfig {
        effort: reasoning.effort,
        format,
    });
    Ok(MessagesBody {
        model: &ctx.model,
        max_tokens,
        system: conversation.system,
        messages: conversation.turns,
        tools: tools.tools,
        tool_choice: tools.choice,
        temperature: sampled.temperature,
        top_p: sampled.top_p,
        top_k: sampled.top_k,
        stop_sequences: stop(chat, warnings)?,
        thinking: reasoning.thinking,
        output_config,
        metadata: chat
            .user
            .as_deref()
            .or(chat.safety_identifier.as_deref())
            .map(|user_id| Metadata { user_id }),
        service_tier: tier(chat, warnings),
        stream: ctx.stream,
    })
}

fn headers(settings: &Settings) -> Vec<Header> {
    let mut headers = vec![
        Header::new("content-type", "application/json"),
        Header::new("anthropic-version", VERSION),
    ];
    headers.extend(
        settings
            .beta
            .as_ref()
            .map(|beta| Header::new("anthropic-beta", beta)),
    );
    headers
}

fn format<'a>(
    chat: &Chat<'a>,
    family: Family,
    warnings: &mut Vec<String>,
) -> Result<Option<Format<'a>>, Fault> {
    match chat.format(warnings)? {
        chat::Format::Text => Ok(None),
        chat::Format::Json => {
            warnings.push(String::from(
                "`response_format` was dropped: anthropic knows JSON by schema only",
            ));
            Ok(None)
        }
        chat::Format::Schema { schema, .. } if family.structured => Ok(Some(Format {
            kind: "json_schema",
            schema,
        })),
        chat::Format::Schema { .. } => Err(Fault::unsupported(
            "this model cannot be held to a schema: take a newer one",
            "response_format",
        )),
    }
}

/// Stop sequences; the provider refuses those of white space only.
fn stop(chat: &Chat<'_>, warnings: &mut Vec<String>) -> Result<Vec<String>, Fault> {
    let mut given = chat.stops()?;
    let before = given.len();
    given.retain(|stop| !stop.trim().is_empty());
    if given.len() < before {
        warnings.push(String::from("a `stop` of white space was dropped"));
    }
    Ok(given)
}

fn tier(chat: &Chat<'_>, warnings: &mut Vec<String>) -> Option<&'static str> {
    match chat.service_tier.as_deref() {
        None => None,
        Some("auto") => Some("auto"),
        Some("default") => Some("standard_only"),
        Some(other) => {
            warnings.push(format!(
                "`service_tier` {other} was dropped: anthropic has no such tier"
            ));
            None
        }
    }
}
