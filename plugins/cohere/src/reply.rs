//! Cohere's answers to unified ones.

use std::borrow::Cow;

use mux_plugin_sdk::chat::scan::same;
use mux_plugin_sdk::chat::{Answer, Call, Reading, Shape, Stretch, Thought, json};
use mux_plugin_sdk::{Batch, Decoded, ErrorKind, Fault, Finish, UpstreamError, Usage};
use serde::{Deserialize, Serialize};

use crate::citation::Cited;

/// What has begun.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Open {
    /// Calls: Cohere's number of each, and ours.
    calls: Vec<(u32, u32)>,
    /// Texts: Cohere's number of each, and the characters said before it, where that is known.
    texts: Vec<(u32, Option<u64>)>,
}

type Progressing = Answer<Open>;

thread_local! {
    static SHAPE: Shape = const { Shape::new() };
}

/// A whole answer, or an event of a stream.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    id: Cow<'a, str>,
    #[serde(default)]
    index: u32,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    #[serde(borrow)]
    message: Option<Message<'a>>,
    #[serde(borrow)]
    finish_reason: Option<Cow<'a, str>>,
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    message: Option<Message<'a>>,
    #[serde(borrow)]
    finish_reason: Option<Cow<'a, str>>,
    usage: Option<Counts>,
    #[serde(borrow)]
    error: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Option<OneOrMany<Part<'a>>>,
    #[serde(borrow)]
    tool_plan: Option<Cow<'a, str>>,
    #[serde(borrow)]
    tool_calls: Option<OneOrMany<Called<'a>>>,
    #[serde(borrow)]
    citations: Option<OneOrMany<Cited<'a>>>,
}

/// Events hold one where whole answers have a list. An event that ends something may have an empty list.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
}

impl<T> OneOrMany<T> {
    fn all(&self) -> &[T] {
        match self {
            Self::Many(all) => all,
            Self::One(one) => std::slice::from_ref(one),
        }
    }
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    thinking: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Called<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    function: Function<'a>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    /// `null` for a call without arguments.
    #[serde(borrow)]
    arguments: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Counts {
    billed_units: Option<Units>,
    tokens: Option<Units>,
    cached_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Units {
    #[serde(rename = "input_tokens")]
    input: Option<f64>,
    #[serde(rename = "output_tokens")]
    output: Option<f64>,
    #[serde(rename = "reasoning_tokens")]
    reasoning: Option<f64>,
}

/// The chunks of a batch of events, or the whole response.
pub(crate) fn decode(state: &[u8], batch: &Batch) -> Result<Decoded, Fault> {
    if let Some(decoded) = more_text(state, batch) {
        return Ok(decoded);
    }
    let mut answer = Progressing::resume("cohere", state)?;
    answer.fold(batch, |answer, frame| event(answer, frame.data))?;
    if !answer.is_stream() && answer.ends_with(batch) {
        answer.close()?;
    }
    answer.finish()
}

/// The same where the events add text and nothing else.
fn more_text(state: &[u8], batch: &Batch) -> Option<Decoded> {
    let mut stretch = Stretch::begin(state, batch)?;
    for event in batch.payloads() {
        SHAPE.with(|shape| shape.tell(event, text_of, |more| stretch.add_plain(more)))?;
    }
    Some(stretch.finish())
}

fn text_of(event: &mut Reading<'_>) -> Option<()> {
    let mut kind = None;
    event.object()?;
    while let Some(field) = event.field()? {
        match field {
            _ if same(field, b"type") => kind = Some(event.scan.word()?),
            _ if same(field, b"index") => drop(event.scan.count()?),
            _ if same(field, b"delta") => lone_text(event)?,
            _ => return None,
        }
    }
    same(kind?, b"content-delta").then_some(())
}

/// `{"message":{"content":{"text":"…"}}}`, and nothing else.
fn lone_text(event: &mut Reading<'_>) -> Option<()> {
    const PATH: [&[u8]; 3] = [b"message", b"content", b"text"];
    for name in PATH {
        event.object()?;
        same(event.field()??, name).then_some(())?;
    }
    event.text()?;
    for _ in PATH {
        event.field()?.is_none().then_some(())?;
    }
    Some(())
}

fn event(answer: &mut Progressing, data: &[u8]) -> Result<(), Fault> {
    if data == b"[DONE]" {
        return Ok(());
    }
    let event: Event<'_> = json::read(data)
        .map_err(|error| Fault::BadResponse(format!("cohere's answer is malformed: {error}")))?;
    answer.name(&event.id, "");
    let Some(kind) = event.kind else {
        return whole(answer, event);
    };
    let delta = event.delta;
    match (kind.as_ref(), delta) {
        ("message-start", _) => answer.begin(0),
        ("content-start", delta) => {
            let message = delta.and_then(|delta| delta.message);
            let mut parts = message.iter().flat_map(parts);
            if !parts.any(|part| part.thinking.is_some()) {
                begin_text(answer, event.index);
            }
            message.map_or(Ok(()), |message| said(answer, &message))
        }
        ("content-delta" | "tool-plan-delta", Some(delta)) => delta
            .message
            .map_or(Ok(()), |message| said(answer, &message)),
        ("citation-start", Some(delta)) => delta
            .message
            .map_or(Ok(()), |message| cite(answer, &message)),
        ("content-end", _) => {
            answer.end_thought(0);
            Ok(())
        }
        ("tool-call-start", Some(delta)) => {
            for called in delta.message.iter().flat_map(calls) {
                let ours = call(answer, called)?;
                answer.extra().calls.push((event.index, ours));
            }
            Ok(())
        }
        ("tool-call-delta", Some(delta)) => {
            let Some(ours) = number(answer, event.index) else {
                return Ok(());
            };
            for called in delta.message.iter().flat_map(calls) {
                let piece = called.function.arguments.as_deref().unwrap_or_default();
                answer.argue(0, ours, piece)?;
            }
            Ok(())
        }
        ("tool-call-end", _) => match number(answer, event.index) {
            Some(ours) => answer.end_call(0, ours),
            None => Ok(()),
        },
        ("message-end", Some(delta)) => {
            count(answer, delta.usage.as_ref());
            let reason = delta.finish_reason.as_deref().unwrap_or_default();
            end(answer, reason, delta.error.as_deref())?;
            answer.close()
        }
        // Whatever Cohere invents next.
        _ => Ok(()),
    }
}

fn whole(answer: &mut Progressing, event: Event<'_>) -> Result<(), Fault> {
    let Some(message) = event.message else {
        return Err(Fault::BadResponse(String::from(
            "cohere answered without a message",
        )));
    };
    plan(answer, &message)?;
    for (number, part) in (0..).zip(parts(&message)) {
        if part.text.is_some() {
            begin_text(answer, number);
        }
        say(answer, part)?;
    }
    cite(answer, &message)?;
    for called in calls(&message) {
        call(answer, called)?;
    }
    count(answer, event.usage.as_ref());
    end(
        answer,
        event.finish_reason.as_deref().unwrap_or_default(),
        None,
    )
}

/// What a piece of a message says.
fn said(answer: &mut Progressing, message: &Message<'_>) -> Result<(), Fault> {
    plan(answer, message)?;
    parts(message).iter().try_for_each(|part| say(answer, part))
}

/// What the model means to do with its calls is no part of its answer.
fn plan(answer: &mut Progressing, message: &Message<'_>) -> Result<(), Fault> {
    match &message.tool_plan {
        Some(plan) => think(answer, plan),
        None => Ok(()),
    }
}

fn say(answer: &mut Progressing, part: &Part<'_>) -> Result<(), Fault> {
    if let Some(text) = &part.thinking {
        think(answer, text)?;
    }
    match &part.text {
        Some(text) => answer.text(0, text),
        None => Ok(()),
    }
}

fn think(answer: &mut Progressing, text: &str) -> Result<(), Fault> {
    let thought = Thought {
        text,
        ..Thought::default()
    };
    answer.think(0, thought)
}

/// Here begins the text of that number.
fn begin_text(answer: &mut Progressing, number: u32) {
    let silent = !answer.has_spoken(0);
    let before = answer.characters(0).or(silent.then_some(0));
    let texts = &mut answer.extra().texts;
    if texts.last().is_none_or(|(last, _)| *last != number) {
        texts.push((number, before));
    }
}

fn cite(answer: &mut Progressing, message: &Message<'_>) -> Result<(), Fault> {
    for cited in message.citations.iter().flat_map(OneOrMany::all) {
        let texts = &answer.extra().texts;
        let named = texts.iter().find(|(number, _)| Some(*number) == cited.part);
        let before = named
            .or(texts.first())
            .map_or(Some(0), |(_, before)| *before);
        for citation in cited.citations(before) {
            answer.cite(0, citation)?;
        }
    }
    Ok(())
}

fn parts<'m, 'a>(message: &'m Message<'a>) -> &'m [Part<'a>] {
    message.content.as_ref().map_or(&[], OneOrMany::all)
}

fn calls<'m, 'a>(message: &'m Message<'a>) -> &'m [Called<'a>] {
    message.tool_calls.as_ref().map_or(&[], OneOrMany::all)
}

fn call(answer: &mut Progressing, called: &Called<'_>) -> Result<u32, Fault> {
    let arguments = called.function.arguments.as_deref().unwrap_or_default();
    answer.call(
        0,
        Call {
            id: called.id.as_deref(),
            name: called.function.name.as_deref().unwrap_or_default(),
            arguments: Cow::Borrowed(if arguments == "null" { "" } else { arguments }),
            extra: None,
        },
    )
}

/// Our number of a call: Cohere numbers all parts of an answer together.
fn number(answer: &mut Progressing, index: u32) -> Option<u32> {
    let mut open = answer.extra().calls.iter().rev();
    open.find(|(at, _)| *at == index).map(|(_, ours)| *ours)
}

fn end(answer: &mut Progressing, reason: &str, words: Option<&str>) -> Result<(), Fault> {
    let finish = match reason {
        "COMPLETE" | "STOP_SEQUENCE" => Finish::Stop,
        "MAX_TOKENS" | "ERROR_LIMIT" => Finish::Length,
        "TOOL_CALL" => Finish::ToolCalls,
        "ERROR_TOXIC" => Finish::ContentFilter,
        "ERROR" | "TIMEOUT" => {
            let kind = if reason == "ERROR" {
                ErrorKind::Server
            } else {
                ErrorKind::Timeout
            };
            let words = words.unwrap_or("cohere broke off the answer");
            let mut error = UpstreamError::new(kind, words);
            error.provider_code = Some(reason.to_owned());
            answer.fail(error);
            return Ok(());
        }
        other => Finish::Other(other.to_owned()),
    };
    answer.stop(0, finish, reason)
}

fn count(answer: &mut Progressing, counts: Option<&Counts>) {
    let Some(counts) = counts else {
        return;
    };
    let (billed, raw) = (counts.billed_units.as_ref(), counts.tokens.as_ref());
    let of = |units: Option<&Units>, field: fn(&Units) -> Option<f64>| {
        units.and_then(field).and_then(tokens)
    };
    // What is billed leaves out the provider's own template, often most of the prompt; what is cached counts it in,
    // and would make more of the input cached than there is.
    let either = |field| of(billed, field).or_else(|| of(raw, field)).unwrap_or(0);
    let output = either(|units| units.output);
    let other = [
        ("raw_input_tokens", of(raw, |units| units.input)),
        ("raw_output_tokens", of(raw, |units| units.output)),
        ("raw_cached_tokens", counts.cached_tokens),
    ];
    answer.count(Usage {
        input: either(|units| units.input),
        output,
        cache_read: 0,
        cache_write: 0,
        reasoning: of(raw, |units| units.reasoning).unwrap_or(0).min(output),
        other: other
            .into_iter()
            .filter_map(|(name, count)| Some((String::from(name), count?)))
            .collect(),
    });
}

/// Cohere writes counts as decimal numbers at times.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count that is no sane number is none"
)]
fn tokens(count: f64) -> Option<u64> {
    (0.0..1e15).contains(&count).then_some(count as u64)
}
