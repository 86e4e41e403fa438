//! A Responses request to a chat request.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::chat::asked::{
    Allowed, AllowedTool, Audience, Bound, Choice, Format, Function, Named, Notes, Request, Tool,
    Translated,
};
use crate::fields::fields;
use crate::responses::form::{self, Asked};
use crate::responses::items;

/// A Responses request as a chat request.
///
/// # Errors
/// The body is no Responses request; the text says why.
pub fn to_chat(body: &Bytes, audience: Audience<'_>) -> Result<Translated, serde_json::Error> {
    let asked: Asked<'_> = serde_json::from_slice(body)?;
    let mut notes = Notes::new(audience);
    for (name, value) in fields(body)? {
        if !form::FIELDS.contains(&name.as_str()) && value != b"null".as_slice() {
            notes.drop_field(&name);
        }
    }
    stateless(&asked, &mut notes);
    let request = request(asked, &mut notes)?;
    Ok(notes.told(serde_json::to_vec(&request)?))
}

/// Refuses what needs a memory of earlier responses: that is OpenAI's, and mux keeps none.
fn stateless(asked: &Asked<'_>, notes: &mut Notes<'_>) {
    let kept = [
        ("previous_response_id", asked.previous_response_id.is_some()),
        ("conversation", asked.conversation.is_some()),
        ("prompt", asked.prompt.is_some()),
        ("background", asked.background == Some(true)),
        ("store", asked.store == Some(true)),
    ];
    for (name, _) in kept.into_iter().filter(|(_, there)| *there) {
        notes.refuse(
            format!(
                "`{name}` needs a provider that keeps responses: route the request to one that speaks Responses, or send the whole input and `store: false`"
            ),
            name,
        );
    }
    let words = asked.include.iter().flatten();
    let known =
        |word: &&Cow<'_, str>| *word == "reasoning.encrypted_content" || *word == form::ODDS;
    for word in words.filter(|word| !known(word)) {
        notes.drop(&format!("`include` of `{word}`"));
    }
}

fn request<'a>(asked: Asked<'a>, notes: &mut Notes<'_>) -> Result<Request<'a>, serde_json::Error> {
    let mut request = Request {
        model: asked.model,
        messages: items::read(asked.instructions, asked.input, notes)?,
        temperature: asked.temperature,
        top_p: asked.top_p,
        reasoning_effort: asked.reasoning.and_then(|reasoning| reasoning.effort),
        user: asked.user,
        safety_identifier: asked.safety_identifier,
        prompt_cache_key: asked.prompt_cache_key,
        service_tier: asked.service_tier.map(Cow::Owned),
        ..Request::default()
    };
    let mut included = asked.include.iter().flatten();
    let rivals = asked.top_logprobs.filter(|count| count.get() != "0");
    request.logprobs = included.any(|word| word == form::ODDS) || rivals.is_some();
    request.top_logprobs = rivals;
    if notes.audience.knows_more() {
        request.metadata = asked.metadata;
    } else if asked.metadata.is_some_and(|told| told.get() != "{}") {
        notes.drop("`metadata`");
    }
    request.limit(asked.max_output_tokens, notes.audience);
    request.streamed(asked.stream == Some(true));
    tools(asked.tools.unwrap_or_default(), &mut request, notes)?;
    if !request.tools.is_empty() {
        request.parallel_tool_calls = asked.parallel_tool_calls;
        request.tool_choice = asked
            .tool_choice
            .map(|raw| choice(raw, notes))
            .transpose()?
            .flatten();
    }
    if let Some(text) = asked.text {
        request.verbosity = text.verbosity;
        request.response_format = text.format.and_then(|format| shape(format, notes));
    }
    Ok(request)
}

fn tools<'a>(
    given: Vec<&'a RawValue>,
    request: &mut Request<'a>,
    notes: &mut Notes<'_>,
) -> Result<(), serde_json::Error> {
    for (at, raw) in given.into_iter().enumerate() {
        let tool = form::Tool::deserialize(raw)?;
        match (tool.kind.as_ref(), tool.name) {
            ("function", Some(name)) => {
                let function = Function {
                    name,
                    description: tool.description,
                    parameters: tool.parameters,
                    strict: tool.strict,
                };
                request.tools.push(Tool::function(function, None));
            }
            (kind, _) => notes.refuse(
                format!(
                    "tools of type `{kind}` are known to OpenAI's Responses alone: route the request there, or offer a function"
                ),
                format!("tools[{at}]"),
            ),
        }
    }
    Ok(())
}

fn choice<'a>(
    raw: &'a RawValue,
    notes: &mut Notes<'_>,
) -> Result<Option<Choice<'a>>, serde_json::Error> {
    match raw.get() {
        r#""auto""# => return Ok(Some(Choice::Word("auto"))),
        r#""none""# => return Ok(Some(Choice::Word("none"))),
        r#""required""# => return Ok(Some(Choice::Word("required"))),
        _ => {}
    }
    let choice = form::Choice::deserialize(raw)?;
    Ok(match (choice.kind.as_ref(), choice.name, choice.tools) {
        ("function", Some(name), _) => Some(Choice::named(name)),
        ("allowed_tools", _, Some(tools)) => Some(Choice::Among {
            kind: "allowed_tools",
            allowed_tools: Allowed {
                mode: choice.mode.unwrap_or(Cow::Borrowed("auto")),
                tools: tools.into_iter().filter_map(allowed).collect(),
            },
        }),
        (kind, ..) => {
            let message =
                format!("a tool choice of type `{kind}` is known to OpenAI's Responses alone");
            notes.refuse(message, "tool_choice");
            None
        }
    })
}

fn allowed(tool: form::Choice<'_>) -> Option<AllowedTool<'_>> {
    Some(AllowedTool {
        kind: "function",
        function: Named { name: tool.name? },
    })
}

fn shape<'a>(format: form::Format<'a>, notes: &mut Notes<'_>) -> Option<Format<'a>> {
    match format.kind.as_ref() {
        "text" => None,
        "json_object" => Some(Format {
            kind: "json_object",
            json_schema: None,
        }),
        "json_schema" => Some(Format {
            kind: "json_schema",
            json_schema: Some(Bound {
                name: format.name.unwrap_or(Cow::Borrowed("answer")),
                description: format.description,
                schema: format.schema,
                strict: format.strict,
            }),
        }),
        other => {
            notes.refuse(format!("no format is called `{other}`"), "text.format");
            None
        }
    }
}
