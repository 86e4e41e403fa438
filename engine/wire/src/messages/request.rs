//! A Messages request to a chat request.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::chat::asked::{
    Audience, Bound, Choice, Format, Function, Notes, Request, Tool, Translated,
};
use crate::fields::fields;
use crate::messages::form::{self, Asked};
use crate::messages::turns;

/// A Messages request as a chat request.
///
/// # Errors
/// The body is no Messages request; the text says why.
pub fn to_chat(body: &Bytes, audience: Audience<'_>) -> Result<Translated, serde_json::Error> {
    let asked: Asked<'_> = serde_json::from_slice(body)?;
    let mut notes = Notes::new(audience);
    for (name, _) in fields(body)? {
        if !form::FIELDS.contains(&name.as_str()) {
            notes.drop_field(&name);
        }
    }
    let request = request(asked, &mut notes)?;
    Ok(notes.told(serde_json::to_vec(&request)?))
}

fn request<'a>(asked: Asked<'a>, notes: &mut Notes<'_>) -> Result<Request<'a>, serde_json::Error> {
    let knows_more = notes.audience.knows_more();
    if asked.mcp_servers.is_some() {
        notes.refuse(
            "`mcp_servers` are known to Anthropic alone: route the request there, or call them from the client",
            "mcp_servers",
        );
    }
    for (name, value) in [
        ("container", asked.container),
        ("context_management", asked.context_management),
    ] {
        if value.is_some() {
            notes.drop(&format!("`{name}`"));
        }
    }
    let mut request = Request {
        model: asked.model,
        messages: turns::read(asked.system, asked.messages, notes)?,
        temperature: asked.temperature,
        top_p: asked.top_p,
        stop: asked.stop_sequences.filter(|stops| stops.get() != "[]"),
        user: user(asked.metadata, notes),
        service_tier: asked.service_tier.map(tier),
        ..Request::default()
    };
    request.limit(asked.max_tokens, notes.audience);
    request.streamed(asked.stream == Some(true));
    if knows_more {
        request.top_k = asked.top_k;
    } else if asked.top_k.is_some() {
        notes.drop("`top_k`");
    }
    tools(asked.tools.unwrap_or_default(), &mut request, notes)?;
    if let Some(choice) = asked.tool_choice {
        choose(choice, &mut request, notes);
    }
    let output = asked.output_config;
    let (effort, format) = output.map_or((None, None), |o| (o.effort, o.format));
    request.response_format = format.or(asked.output_format).as_ref().and_then(shape);
    think(asked.thinking, effort, &mut request, notes);
    // The mark of the whole request stands for its last part.
    let mark = notes.mark(asked.cache_control);
    if let Some(last) = request.messages.last_mut() {
        last.cache_control = last.cache_control.or(mark);
    }
    Ok(request)
}

/// Who the client's user is. OpenAI takes no longer name for it.
fn user<'a>(metadata: Option<form::Metadata<'a>>, notes: &mut Notes<'_>) -> Option<&'a RawValue> {
    const QUOTED: usize = 64 + 2;
    let user = metadata?.user_id?;
    if notes.audience.knows_more() || user.get().len() <= QUOTED {
        return Some(user);
    }
    notes.drop("`metadata.user_id`: it is longer than 64 characters");
    None
}

fn tier(tier: String) -> Cow<'static, str> {
    match tier.as_str() {
        "standard_only" => Cow::Borrowed("default"),
        _ => Cow::Owned(tier),
    }
}

fn tools<'a>(
    given: Vec<&'a RawValue>,
    request: &mut Request<'a>,
    notes: &mut Notes<'_>,
) -> Result<(), serde_json::Error> {
    for (at, raw) in given.into_iter().enumerate() {
        let tool: form::Tool<'a> = serde_json::from_str(raw.get())?;
        let custom = tool.kind.as_deref().is_none_or(|kind| kind == "custom");
        match tool.name {
            Some(name) if custom => {
                for (field, value) in [
                    ("input_examples", tool.input_examples),
                    ("defer_loading", tool.defer_loading),
                    ("allowed_callers", tool.allowed_callers),
                ] {
                    if value.is_some_and(|value| !matches!(value.get(), "false" | "[]")) {
                        notes.drop(&format!("`{field}` of tools"));
                    }
                }
                let function = Function {
                    name,
                    description: tool.description,
                    parameters: tool.input_schema,
                    strict: tool.strict,
                };
                let mark = notes.mark(tool.cache_control);
                request.tools.push(Tool::function(function, mark));
            }
            _ if notes.audience.knows_more() => request.tools.push(Tool::Server(raw)),
            _ => notes.refuse(
                format!(
                    "tools of type `{}` run at Anthropic alone: route the request there, or offer a tool of the client's own",
                    tool.kind.unwrap_or_default()
                ),
                format!("tools[{at}]"),
            ),
        }
    }
    Ok(())
}

fn choose<'a>(choice: form::Choice<'a>, request: &mut Request<'a>, notes: &mut Notes<'_>) {
    if request.tools.is_empty() {
        return;
    }
    request.tool_choice = match (choice.kind.as_ref(), choice.name) {
        ("auto", _) => Some(Choice::Word("auto")),
        ("any", _) => Some(Choice::Word("required")),
        ("none", _) => Some(Choice::Word("none")),
        ("tool", Some(name)) => Some(Choice::named(name)),
        (other, _) => {
            let message =
                format!("`{other}` is no tool choice: auto, any, tool with a `name`, or none");
            notes.refuse(message, "tool_choice");
            None
        }
    };
    let alone = choice.disable_parallel_tool_use == Some(true);
    request.parallel_tool_calls = alone.then_some(false);
}

fn shape<'a>(format: &form::Format<'a>) -> Option<Format<'a>> {
    (format.kind == "json_schema").then_some(Format {
        kind: "json_schema",
        json_schema: Some(Bound {
            name: Cow::Borrowed("answer"),
            description: None,
            schema: format.schema,
            strict: Some(true),
        }),
    })
}

/// Adapters read `thinking` where it is their provider's own word, and the effort that it comes to where it is not. A
/// provider that speaks as OpenAI does knows an effort, where its model thinks.
fn think<'a>(
    thinking: Option<&'a RawValue>,
    effort: Option<Cow<'a, str>>,
    request: &mut Request<'a>,
    notes: &mut Notes<'_>,
) {
    let asked = thinking.and_then(|raw| form::Thinking::deserialize(raw).ok());
    let made = asked.as_ref().and_then(amount);
    let Audience::Provider { reasons, .. } = notes.audience else {
        let usual = asked.map(|asked| match asked.kind.as_ref() {
            "disabled" => "none",
            _ => "medium",
        });
        request.thinking = thinking;
        request.reasoning_effort = effort.or(made.or(usual).map(Cow::Borrowed));
        return;
    };
    let wanted = effort.or(made.map(Cow::Borrowed));
    if reasons {
        request.reasoning_effort = wanted.map(|effort| match effort.as_ref() {
            "max" => Cow::Borrowed("xhigh"),
            _ => effort,
        });
    } else if thinking.is_some() && wanted.is_some() {
        notes.drop("`thinking`: the policy does not say that this model can reason");
    } else if wanted.is_some() {
        notes.drop("`output_config.effort`: the policy does not say that this model can reason");
    }
}

/// The effort that a budget of tokens to think with comes to.
fn amount(asked: &form::Thinking<'_>) -> Option<&'static str> {
    let budget = asked.budget_tokens.filter(|_| asked.kind != "disabled")?;
    Some(match budget {
        0..=2_048 => "low",
        2_049..=12_000 => "medium",
        _ => "high",
    })
}
