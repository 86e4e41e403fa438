//! Mistral's answers to unified ones: a fold over chunks, of which a whole answer has one.

use std::borrow::Cow;

use mux_plugin_sdk::chat::scan::same;
use mux_plugin_sdk::chat::{
    Answer, Call, Citation, Reading, Shape, Stretch, Thought, Told, json, strange,
};
use mux_plugin_sdk::{Batch, Decoded, ErrorKind, Fault, Finish, UpstreamError, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// Calls that may go on: the choice, the provider's number of the call, and ours.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Open(Vec<(u32, u32, u32)>);

type Progressing = Answer<Open>;

thread_local! {
    static SHAPE: Shape = const { Shape::new() };
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow, default)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    model: Cow<'a, str>,
    #[serde(borrow)]
    choices: Option<Vec<Choice<'a>>>,
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default)]
    index: u32,
    #[serde(borrow)]
    delta: Option<Said<'a>>,
    #[serde(borrow)]
    message: Option<Said<'a>>,
    #[serde(borrow)]
    finish_reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Said<'a> {
    /// Text, or a list of [`Part`]s.
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_calls: Option<Vec<Called<'a>>>,
}

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
    #[serde(default)]
    thinking: Vec<Inner>,
    #[serde(default)]
    closed: bool,
    /// What was said before this stands on; numbers of what a tool found.
    #[serde(default)]
    reference_ids: Vec<Value>,
}

#[derive(Deserialize)]
struct Inner {
    text: Option<String>,
}

#[derive(Deserialize)]
struct Called<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    index: Option<u32>,
    #[serde(borrow)]
    function: Function<'a>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    /// A string of JSON; some models send the object itself.
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Counts {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
    num_cached_tokens: Option<u64>,
    prompt_tokens_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    cached_tokens: Option<u64>,
    audio_tokens: Option<u64>,
}

/// The chunks of a batch of events, or the whole response.
pub(crate) fn decode(state: &[u8], batch: &Batch) -> Result<Decoded, Fault> {
    if let Some(decoded) = more_text(state, batch) {
        return Ok(decoded);
    }
    let mut answer = Progressing::resume("mistral", state)?;
    answer.fold(batch, |answer, frame| event(answer, frame.data))?;
    if answer.ends_with(batch) {
        answer.close()?;
    }
    answer.finish()
}

/// The same where the events add text and nothing else.
fn more_text(state: &[u8], batch: &Batch) -> Option<Decoded> {
    let mut stretch = Stretch::begin(state, batch)?;
    for event in batch.payloads() {
        SHAPE.with(|shape| shape.tell(event, text_of, |more| stretch.add(more)))?;
    }
    Some(stretch.finish())
}

fn text_of(event: &mut Reading<'_>) -> Option<()> {
    event.object()?;
    while let Some(field) = event.field()? {
        match field {
            _ if same(field, b"id") => event.id()?,
            _ if same(field, b"model") => event.model()?,
            _ if same(field, b"choices") => only(event)?,
            _ if same(field, b"usage") => event.scan.null()?,
            // Among them `p`, which hides the length of the text.
            _ => event.other()?,
        }
    }
    Some(())
}

/// The only choice, which adds text.
fn only(event: &mut Reading<'_>) -> Option<()> {
    event.scan.array()?;
    event.scan.item()?.then_some(())?;
    event.object()?;
    while let Some(field) = event.field()? {
        match field {
            _ if same(field, b"index") => {
                let index = event.scan.count()?;
                event.choice(index);
            }
            _ if same(field, b"delta") => delta_of(event)?,
            _ if same(field, b"finish_reason") || same(field, b"message") => event.scan.null()?,
            _ => event.other()?,
        }
    }
    (!event.scan.item()?).then_some(())
}

fn delta_of(event: &mut Reading<'_>) -> Option<()> {
    event.object()?;
    while let Some(field) = event.field()? {
        match field {
            _ if same(field, b"content") => event.text()?,
            _ if same(field, b"tool_calls") => event.scan.null()?,
            _ => event.other()?,
        }
    }
    Some(())
}

fn event(answer: &mut Progressing, data: &[u8]) -> Result<(), Fault> {
    if data == b"[DONE]" {
        // Without a reason before it the answer was cut, whatever this says.
        return if answer.has_stopped() {
            answer.close()
        } else {
            Ok(())
        };
    }
    let response: Response<'_> = json::read(data)
        .map_err(|error| Fault::BadResponse(format!("mistral's answer is malformed: {error}")))?;
    let Some(choices) = response.choices else {
        answer.fail(failure(data));
        return Ok(());
    };
    answer.name(&response.id, &response.model);
    if let Some(usage) = response.usage.as_ref().and_then(Counts::usage) {
        answer.count(usage);
    }
    for choice in choices {
        tell(answer, choice)?;
    }
    Ok(())
}

fn failure(data: &[u8]) -> UpstreamError {
    match Told::read(data) {
        Some(told) => {
            let kind = told.usual(200);
            told.into_error(kind)
        }
        None => UpstreamError::new(ErrorKind::BadResponse, strange(data, "mistral")),
    }
}

fn tell(answer: &mut Progressing, choice: Choice<'_>) -> Result<(), Fault> {
    let index = choice.index;
    answer.begin(index)?;
    if let Some(said) = choice.delta.or(choice.message) {
        if let Some(content) = said.content {
            said_by(answer, index, content)?;
        }
        for called in said.tool_calls.iter().flatten() {
            call(answer, index, called)?;
        }
    }
    match choice.finish_reason.as_deref() {
        None => Ok(()),
        Some("error") => {
            let mut error = UpstreamError::new(ErrorKind::Server, "mistral broke off the answer");
            error.provider_code = Some(String::from("error"));
            answer.fail(error);
            Ok(())
        }
        Some(native) => answer.stop(index, finish(native), native),
    }
}

fn said_by(answer: &mut Progressing, index: u32, content: &RawValue) -> Result<(), Fault> {
    let json = content.get();
    if json.starts_with('"') {
        return answer.written(index, json);
    }
    let parts: Vec<Part> = serde_json::from_str(json)
        .map_err(|error| Fault::BadResponse(format!("mistral's answer is malformed: {error}")))?;
    parts.iter().try_for_each(|part| piece(answer, index, part))
}

fn piece(answer: &mut Progressing, index: u32, part: &Part) -> Result<(), Fault> {
    for thought in &part.thinking {
        let text = thought.text.as_deref().unwrap_or_default();
        answer.think(
            index,
            Thought {
                text,
                ..Thought::default()
            },
        )?;
    }
    if part.closed {
        answer.end_thought(index);
    }
    answer.text(index, part.text.as_deref().unwrap_or_default())?;
    for id in &part.reference_ids {
        let name = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        let citation = Citation {
            file: Some(name),
            ..Citation::default()
        };
        answer.cite(index, citation)?;
    }
    Ok(())
}

fn call(answer: &mut Progressing, choice: u32, called: &Called<'_>) -> Result<(), Fault> {
    let number = called.index.unwrap_or(0);
    let arguments = arguments(called.function.arguments)?;
    let name = called.function.name.as_deref().unwrap_or_default();
    if name.is_empty() {
        let mut open = answer.extra().0.iter().rev();
        let found = open.find(|(of, at, _)| (*of, *at) == (choice, number));
        let Some((.., ours)) = found.copied() else {
            return Ok(());
        };
        return answer.argue(choice, ours, &arguments);
    }
    let ours = answer.call(
        choice,
        Call {
            id: called.id.as_deref().filter(|id| *id != "null"),
            name,
            arguments,
            extra: None,
        },
    )?;
    let open = &mut answer.extra().0;
    open.retain(|(of, at, _)| (*of, *at) != (choice, number));
    open.push((choice, number, ours));
    Ok(())
}

fn arguments(raw: Option<&RawValue>) -> Result<Cow<'_, str>, Fault> {
    let Some(raw) = raw.filter(|raw| raw.get() != "null") else {
        return Ok(Cow::Borrowed(""));
    };
    if !raw.get().starts_with('"') {
        return Ok(Cow::Borrowed(raw.get()));
    }
    serde_json::from_str(raw.get())
        .map(Cow::Owned)
        .map_err(|error| Fault::BadResponse(format!("mistral's arguments are malformed: {error}")))
}

fn finish(native: &str) -> Finish {
    match native {
        "stop" => Finish::Stop,
        "length" | "model_length" => Finish::Length,
        "tool_calls" => Finish::ToolCalls,
        "content_filter" => Finish::ContentFilter,
        other => Finish::Other(other.to_owned()),
    }
}

impl Counts {
    fn usage(&self) -> Option<Usage> {
        let details = self.prompt_tokens_details.as_ref();
        let cached = details.and_then(|details| details.cached_tokens);
        let sound = details.and_then(|details| details.audio_tokens);
        let (sound, prompt) = (sound.unwrap_or(0), self.prompt_tokens?);
        let output = self.completion_tokens.unwrap_or(0);
        // Sound is counted beside the prompt and in the total.
        let all = prompt.saturating_add(sound);
        let beside = self.total_tokens == Some(all.saturating_add(output));
        let usage = Usage {
            input: if beside { all } else { prompt },
            output,
            cache_read: cached.or(self.num_cached_tokens).unwrap_or(0),
            ..Usage::default()
        };
        Some(usage.with(Usage::AUDIO_INPUT, sound))
    }
}
