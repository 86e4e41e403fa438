//! A chat request to one of Gemini's.

use mux_plugin_sdk::chat::{Chat, Format, Progress, Watched, json};
use mux_plugin_sdk::{Fault, RequestCtx};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::contents::Contents;
use crate::family::Family;
use crate::part::{System, Turn};
use crate::reply::Kept;
use crate::thinking::{self, Asked};
use crate::tools::{Config, Offered, Tools};

/// What Gemini has no parameter for.
const WITHOUT: &[&str] = &[
    "logit_bias",
    "prediction",
    "verbosity",
    "web_search_options",
    "metadata",
    "service_tier",
    "user",
    "parallel_tool_calls",
];

/// Most stop sequences.
const STOPS: usize = 5;

/// A request ready to be sent, and what the answer needs to know of it.
#[derive(Debug)]
pub struct Request {
    /// The body.
    pub body: Vec<u8>,
    /// For the first decode.
    pub state: Vec<u8>,
    /// Parameters dropped or changed.
    pub warnings: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<System<'a>>,
    contents: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Offered<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<Config<'a>>,
    generation_config: Generation<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Generation<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_mime_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_json_schema: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    response_logprobs: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<Asked<'a>>,
}

/// The request for a chat request.
pub(crate) fn request(ctx: &RequestCtx, body: &[u8]) -> Result<Request, Fault> {
    let mut chat = Chat::read(body)?;
    chat.refuse_old_and_loud("gemini")?;
    let mut warnings = Vec::new();
    chat.warn_of("gemini", WITHOUT, &mut warnings);
    chat.warn_of_messages(&mut warnings);
    chat.warn_of_marks("gemini", &mut warnings);
    let family = Family::of(&ctx.model);
    let messages = std::mem::take(&mut chat.messages);
    let contents = Contents::read(messages, family, &mut warnings)?;
    let tools = Tools::read(&chat, &mut warnings)?;
    let generation = generation(&chat, family, !tools.tools.is_empty(), &mut warnings)?;
    // Passages are told of any answer, in characters only where somebody looks for sources.
    let search = tools.search();
    let (kept, watched) = if search {
        (Kept::listening(), Watched::Words)
    } else {
        (Kept::default(), Watched::Nothing)
    };
    let request = Body {
        system_instruction: contents.system,
        contents: contents.turns,
        tools: tools.tools,
        tool_config: tools.config,
        generation_config: generation,
    };
    Ok(Request {
        body: json::body(&request, body)?,
        state: Progress::opened_with(ctx, chat.include_usage(), kept, watched)?,
        warnings,
    })
}

fn generation<'a>(
    chat: &Chat<'a>,
    family: Family,
    tools: bool,
    warnings: &mut Vec<String>,
) -> Result<Generation<'a>, Fault> {
    let (response_mime_type, response_json_schema) = match chat.format(warnings)? {
        Format::Text => (None, None),
        Format::Json => (Some("application/json"), None),
        Format::Schema { schema, .. } => (Some("application/json"), Some(schema)),
    };
    if response_mime_type.is_some() && tools && !family.third {
        return Err(Fault::unsupported(
            "this model cannot be held to JSON while it has tools: take a newer one",
            "response_format",
        ));
    }
    let mut stop_sequences = chat.stops()?;
    if stop_sequences.len() > STOPS {
        stop_sequences.truncate(STOPS);
        warnings.push(format!("`stop` was cut to {STOPS} sequences"));
    }
    Ok(Generation {
        max_output_tokens: chat.most_tokens(),
        temperature: chat.temperature,
        top_p: chat.top_p,
        top_k: chat.top_k,
        stop_sequences,
        candidate_count: chat.n.filter(|n| *n > 1),
        seed: chat.seed,
        presence_penalty: chat.presence_penalty,
        frequency_penalty: chat.frequency_penalty,
        response_mime_type,
        response_json_schema,
        response_logprobs: chat.logprobs == Some(true),
        logprobs: chat.top_logprobs.filter(|_| chat.logprobs == Some(true)),
        thinking_config: thinking::read(chat, family, warnings)?,
    })
}
