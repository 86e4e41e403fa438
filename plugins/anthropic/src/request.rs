//! A chat request to a Messages request.

use mux_plugin_sdk::{
    BodyPlan, DecodeMode, Fault, Framing, Header, Method, ReplyPlan, RequestCtx, RequestPlan,
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::block::{Block, Turn};
use crate::conversation::Conversation;
use crate::manifest::{PATH, UPSTREAM};
use crate::model::Family;
use crate::reasoning::{Ask, Obstacles, Reasoning};
use crate::sampling::Sampled;
use crate::settings::Settings;
use crate::state::State;
use crate::tools::{Choice, Tool, Tools};
use crate::unified::Chat;

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
    let mut chat: Chat<'_> = serde_json::from_slice(body).map_err(|error| {
        Fault::invalid(
            format!("the body is no chat completions request: {error}"),
            "",
        )
    })?;
    refuse(&chat)?;
    let mut warnings = Vec::new();
    warn(&chat, &mut warnings);
    let include_usage = chat
        .stream_options
        .as_ref()
        .is_some_and(|options| options.include_usage);
    let request = messages(settings, ctx, &mut chat, &mut warnings)?;
    // Room for all of it at once: growing by doubling would need thrice the memory for a large image.
    let mut sent = Vec::with_capacity(body.len() + 4096);
    serde_json::to_writer(&mut sent, &request)
        .map_err(|error| Fault::Internal(error.to_string()))?;
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
        state: State::opened(ctx, include_usage).write()?,
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
        .max_completion_tokens
        .or(chat.max_tokens)
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
        Header::new("anthropic-version", "2023-06-01"),
    ];
    headers.extend(
        settings
            .beta
            .as_ref()
            .map(|beta| Header::new("anthropic-beta", beta)),
    );
    headers
}

/// What cannot be done at all.
fn refuse(chat: &Chat<'_>) -> Result<(), Fault> {
    if chat.n.is_some_and(|n| n > 1) {
        return Err(Fault::unsupported(
            "anthropic writes one answer a request",
            "n",
        ));
    }
    if chat.functions.is_some() || chat.function_call.is_some() {
        return Err(Fault::unsupported(
            "the old `functions` are not translated: use `tools`",
            "functions",
        ));
    }
    if chat.modalities.iter().flatten().any(|kind| kind != "text") {
        return Err(Fault::unsupported(
            "anthropic writes text only",
            "modalities",
        ));
    }
    Ok(())
}

/// What has no counterpart and changes nothing the client must know before it asks.
fn warn(chat: &Chat<'_>, warnings: &mut Vec<String>) {
    let weighs = |penalty: Option<f64>| penalty.is_some_and(|penalty| penalty.abs() > 0.0);
    let dropped = [
        ("seed", chat.seed.is_some()),
        ("logit_bias", chat.logit_bias.is_some()),
        ("logprobs", chat.logprobs == Some(true)),
        ("frequency_penalty", weighs(chat.frequency_penalty)),
        ("presence_penalty", weighs(chat.presence_penalty)),
        ("prediction", chat.prediction.is_some()),
        ("verbosity", chat.verbosity.is_some()),
        ("web_search_options", chat.web_search_options.is_some()),
        ("metadata", chat.metadata.is_some()),
    ];
    for (name, _) in dropped.into_iter().filter(|(_, given)| *given) {
        warnings.push(format!(
            "`{name}` was dropped: anthropic has no such parameter"
        ));
    }
}

fn format<'a>(
    chat: &Chat<'a>,
    family: Family,
    warnings: &mut Vec<String>,
) -> Result<Option<Format<'a>>, Fault> {
    let Some(wanted) = &chat.response_format else {
        return Ok(None);
    };
    let at = "response_format";
    match (wanted.kind.as_ref(), &wanted.json_schema) {
        ("text", _) => Ok(None),
        ("json_object", _) => {
            warnings.push(String::from(
                "`response_format` was dropped: anthropic knows JSON by schema only",
            ));
            Ok(None)
        }
        ("json_schema", Some(json)) if family.structured => {
            let schema = json
                .schema
                .ok_or_else(|| Fault::invalid("`json_schema` needs `schema`", at))?;
            Ok(Some(Format {
                kind: "json_schema",
                schema,
            }))
        }
        ("json_schema", Some(_)) => Err(Fault::unsupported(
            "this model cannot be held to a schema: take a newer one",
            at,
        )),
        ("json_schema", None) => Err(Fault::invalid("this type needs `json_schema`", at)),
        (other, _) => Err(Fault::invalid(format!("no format is called `{other}`"), at)),
    }
}

/// Stop sequences; the provider refuses those of white space only.
fn stop(chat: &Chat<'_>, warnings: &mut Vec<String>) -> Result<Vec<String>, Fault> {
    let Some(raw) = chat.stop else {
        return Ok(Vec::new());
    };
    let given = if raw.get().starts_with('"') {
        serde_json::from_str(raw.get()).map(|one: String| vec![one])
    } else {
        serde_json::from_str(raw.get())
    };
    let mut given: Vec<String> =
        given.map_err(|_| Fault::invalid("`stop` is a string or a list of strings", "stop"))?;
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
