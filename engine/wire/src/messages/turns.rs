//! Turns to chat messages: blocks become parts, calls, results and reasoning.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::chat::asked::{
    Audience, Called, Content, Document, Extra, Message, Notes, Part, Text, ToolCall,
};
use crate::chat::content::{self, Given};
use crate::chat::sealed::put_back;
use crate::messages::form::{Block, Source, Turn};
use crate::seal::{Detail, Sealed};

/// All messages of a conversation, the system prompt first.
pub(crate) fn read<'a>(
    system: Option<&'a RawValue>,
    turns: Vec<Turn<'a>>,
    notes: &mut Notes<'_>,
) -> Result<Vec<Message<'a>>, serde_json::Error> {
    let mut messages = Vec::with_capacity(turns.len() + 1);
    let content = parts(system, "system", notes)?;
    if let Some(content) = Content::of(content) {
        messages.push(Message {
            role: "system",
            content: Some(content),
            ..Message::default()
        });
    }
    for (at, turn) in turns.into_iter().enumerate() {
        let at = format!("messages[{at}]");
        match turn.role.as_ref() {
            "assistant" => {
                let answer = answer(turn.content, &at, notes)?;
                messages.extend(Some(answer).filter(Message::says));
            }
            "user" => question(turn.content, &at, notes, &mut messages)?,
            "system" => messages.push(Message {
                role: "system",
                content: Content::of(parts(turn.content, &at, notes)?),
                ..Message::default()
            }),
            other => {
                let message = format!("`{other}` is no role: user or assistant");
                notes.refuse(message, format!("{at}.role"));
            }
        }
    }
    let begun = messages.last().is_some_and(|last| last.role == "assistant");
    if begun && !notes.audience.knows_more() {
        notes.drop("that the answer goes on from its beginning: this provider starts a new one");
    }
    Message::forget_unsealed(&mut messages);
    Ok(messages)
}

/// The parts of a content in which nothing but parts can stand.
fn parts<'a>(
    content: Option<&'a RawValue>,
    at: &str,
    notes: &mut Notes<'_>,
) -> Result<Vec<Part<'a>>, serde_json::Error> {
    Given::read(content)?.parts(at, notes, part)
}

/// Adds what a block is made into: one part, or several of a document that is a list itself.
fn part<'a>(
    block: Block<'a>,
    at: &str,
    parts: &mut Vec<Part<'a>>,
    notes: &mut Notes<'_>,
) -> Result<(), serde_json::Error> {
    if block.kind != "text" && block.citations.is_some_and(|c| c.get().contains("true")) {
        notes.drop("`citations` of documents");
    }
    if block.context.is_some() {
        notes.drop("`context` of documents");
    }
    let mark = notes.mark(block.cache_control);
    let before = parts.len();
    match (block.kind.as_ref(), block.text, block.source) {
        ("text", Some(text), _) => parts.push(Part::text(Text::Raw(text))),
        ("image", _, Some(source)) => {
            let source = Source::deserialize(source)?;
            if let Some(url) = address(&source, "image/png", at, notes)? {
                parts.push(Part::image(url, None));
            }
        }
        ("document", _, Some(source)) => {
            let source = Source::deserialize(source)?;
            document(block.title, &source, at, parts, notes)?;
        }
        (kind, ..) => notes.refuse(
            format!(
                "content of type `{kind}` is known to Anthropic alone: route the request there, or leave it out"
            ),
            at,
        ),
    }
    if let Some(last) = parts.get_mut(before..).and_then(<[Part<'_>]>::last_mut) {
        last.cache_control = mark;
    }
    Ok(())
}

/// The address of what a source holds, as a URL.
fn address<'a>(
    source: &Source<'a>,
    usual: &str,
    at: &str,
    notes: &mut Notes<'_>,
) -> Result<Option<Cow<'a, str>>, serde_json::Error> {
    match (source.kind.as_ref(), source.data, &source.url) {
        ("base64", Some(data), _) => {
            let data: Cow<'_, str> = text(data)?;
            let media = source.media_type.as_deref().unwrap_or(usual);
            Ok(Some(Cow::Owned(format!("data:{media};base64,{data}"))))
        }
        ("url", _, Some(url)) => Ok(Some(url.clone())),
        (kind, ..) => {
            let message = format!(
                "a source of type `{kind}` is kept at Anthropic or unknown: send it as `base64` or `url`"
            );
            notes.refuse(message, format!("{at}.source"));
            Ok(None)
        }
    }
}

fn document<'a>(
    title: Option<Cow<'a, str>>,
    source: &Source<'a>,
    at: &str,
    into: &mut Vec<Part<'a>>,
    notes: &mut Notes<'_>,
) -> Result<(), serde_json::Error> {
    let plain =
        |title: Option<Cow<'_, str>>| title.map(|title| Part::text(Text::Made(title.into_owned())));
    match (source.kind.as_ref(), source.data) {
        ("text", Some(data)) => {
            into.extend(plain(title));
            into.push(Part::text(Text::Raw(data)));
        }
        ("content", _) => {
            into.extend(plain(title));
            into.extend(parts(source.content, at, notes)?);
        }
        ("url", _) if !notes.audience.knows_more() => notes.refuse(
            "this provider takes documents as `base64` only, and no `url`",
            format!("{at}.source"),
        ),
        _ => {
            if let Some(data) = address(source, "application/pdf", at, notes)? {
                let name = title.unwrap_or(Cow::Borrowed("document.pdf"));
                into.push(Part::file(Document {
                    file_data: Some(data),
                    filename: Some(name),
                }));
            }
        }
    }
    Ok(())
}

/// The results of tools as messages of their own, before all else that the user says in the turn.
fn question<'a>(
    content: Option<&'a RawValue>,
    at: &str,
    notes: &mut Notes<'_>,
    messages: &mut Vec<Message<'a>>,
) -> Result<(), serde_json::Error> {
    let list = match Given::<Block<'_>>::read(content)? {
        Given::Text(text) => {
            messages.push(Message {
                role: "user",
                content: Some(Content::Text(text)),
                ..Message::default()
            });
            return Ok(());
        }
        Given::List(list) => list,
    };
    let mut said = Vec::with_capacity(list.len());
    let mut shown = Vec::new();
    for (n, block) in list.into_iter().enumerate() {
        let at = format!("{at}.content[{n}]");
        if block.kind == "tool_result" {
            messages.push(result(block, &at, &mut shown, notes)?);
        } else {
            part(block, &at, &mut said, notes)?;
        }
    }
    shown.append(&mut said);
    if let Some(content) = Content::of(shown) {
        messages.push(Message {
            role: "user",
            content: Some(content),
            ..Message::default()
        });
    }
    Ok(())
}

/// The result of a tool. What it cannot hold is added to what is shown.
fn result<'a>(
    block: Block<'a>,
    at: &str,
    shown: &mut Vec<Part<'a>>,
    notes: &mut Notes<'_>,
) -> Result<Message<'a>, serde_json::Error> {
    let knows_more = notes.audience.knows_more();
    let failed = block.is_error == Some(true);
    if failed && !knows_more {
        notes.drop("`is_error` of tool results");
    }
    let mark = notes.mark(block.cache_control);
    let content = parts(block.content, at, notes)?;
    let (content, media) = content::result(content, notes);
    shown.extend(media);
    Ok(Message {
        role: "tool",
        content: Content::of(content).or(Some(Content::EMPTY)),
        tool_call_id: Some(block.tool_use_id.unwrap_or_default()),
        cache_control: mark,
        extra_content: (failed && knows_more).then_some(Extra::FAILED),
        ..Message::default()
    })
}

/// An answer of earlier: what was thought, said and called.
fn answer<'a>(
    content: Option<&'a RawValue>,
    at: &str,
    notes: &mut Notes<'_>,
) -> Result<Message<'a>, serde_json::Error> {
    let mut message = Message {
        role: "assistant",
        ..Message::default()
    };
    let mut said = Vec::new();
    let mut sealed = Vec::new();
    match Given::<Block<'_>>::read(content)? {
        Given::Text(text) => said.push(Part::text(Text::Raw(text))),
        Given::List(list) => {
            for (n, block) in list.into_iter().enumerate() {
                let at = format!("{at}.content[{n}]");
                match block.kind.as_ref() {
                    "thinking" | "redacted_thinking" => {
                        sealed.extend(thought(block, &mut message, notes.audience));
                    }
                    "tool_use" => message.tool_calls.push(call(block)),
                    "text" if block.citations.is_some_and(|c| c.get().starts_with("[{")) => {
                        notes.drop("`citations` of earlier answers");
                        part(block, &at, &mut said, notes)?;
                    }
                    _ => part(block, &at, &mut said, notes)?,
                }
            }
        }
    }
    message.give_back(sealed);
    message.content = Content::of(said);
    Ok(message)
}

fn call(block: Block<'_>) -> ToolCall<'_> {
    ToolCall {
        id: block.id.unwrap_or_default(),
        kind: "function",
        function: Called {
            name: block.name.unwrap_or_default(),
            arguments: Cow::Borrowed(block.input.map_or("{}", RawValue::get)),
        },
        extra_content: None,
    }
}

/// Puts earlier reasoning back where it came from: Anthropic's to adapters, who know whose it is; what mux sealed to an
/// adapter if one made it, else to the provider that it came from, and to nobody else. Returns what belongs to a call.
fn thought<'a>(
    block: Block<'a>,
    message: &mut Message<'a>,
    audience: Audience<'_>,
) -> Option<Sealed<'static>> {
    let hidden = block.kind == "redacted_thinking";
    let word = if hidden { block.data } else { block.signature };
    let word = word.filter(|word| !word.is_empty())?;
    let Some(sealed) = Sealed::read(&word) else {
        // Anthropic's own.
        if audience.knows_more() {
            let index = u32::try_from(message.reasoning_details.len()).ok();
            let provider = Some(Cow::Borrowed("anthropic"));
            message.reasoning_details.push(if hidden {
                Detail {
                    kind: Cow::Borrowed("reasoning.encrypted"),
                    data: Some(word),
                    provider,
                    index,
                    ..Detail::default()
                }
            } else {
                Detail {
                    kind: Cow::Borrowed("reasoning.text"),
                    text: block.thinking,
                    signature: Some(word),
                    provider,
                    index,
                    ..Detail::default()
                }
            });
        }
        return None;
    };
    let words = block.thinking.filter(|text| !text.is_empty());
    put_back(
        sealed,
        words.map(Cow::into_owned),
        audience.provider(),
        message,
    )
}

/// The text of a JSON string.
pub(crate) fn text(raw: &RawValue) -> Result<Cow<'_, str>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);
    Borrowed::deserialize(raw).map(|text| text.0)
}
