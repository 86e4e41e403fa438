//! Ollama's answers to unified ones: a fold over lines, of which a whole answer has one.

use std::borrow::Cow;

use mux_plugin_sdk::chat::scan::same;
use mux_plugin_sdk::chat::{Answer, Call, Reading, Shape, Stretch, Thought, Told, json};
use mux_plugin_sdk::{Batch, Decoded, Fault, Finish, Usage};
use serde::Deserialize;
use serde_json::value::RawValue;

type Progressing = Answer<()>;

thread_local! {
    static SHAPE: Shape = const { Shape::new() };
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    model: Cow<'a, str>,
    #[serde(borrow)]
    message: Option<Message<'a>>,
    #[serde(default)]
    done: bool,
    #[serde(borrow)]
    done_reason: Option<Cow<'a, str>>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    thinking: Option<Cow<'a, str>>,
    #[serde(borrow)]
    tool_calls: Option<Vec<Called<'a>>>,
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
    name: Cow<'a, str>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

/// The chunks of a batch of lines, or the whole response.
pub(crate) fn decode(state: &[u8], batch: &Batch) -> Result<Decoded, Fault> {
    if let Some(decoded) = more_text(state, batch) {
        return Ok(decoded);
    }
    let mut answer = Progressing::resume("ollama", state)?;
    answer.fold(batch, |answer, frame| line(answer, frame.data))?;
    answer.finish()
}

/// The same where the lines add text and nothing else.
fn more_text(state: &[u8], batch: &Batch) -> Option<Decoded> {
    let mut stretch = Stretch::begin(state, batch)?;
    for line in batch.payloads() {
        SHAPE.with(|shape| shape.tell(line, text_of, |more| stretch.add(more)))?;
    }
    Some(stretch.finish())
}

fn text_of(line: &mut Reading<'_>) -> Option<()> {
    line.object()?;
    while let Some(field) = line.field()? {
        match field {
            _ if same(field, b"model") => line.model()?,
            _ if same(field, b"message") => content_of(line)?,
            _ if same(field, b"done") => same(line.scan.value()?, b"false").then_some(())?,
            b"error" | b"done_reason" | b"prompt_eval_count" | b"eval_count" => return None,
            _ => line.other()?,
        }
    }
    Some(())
}

/// A message that is text.
fn content_of(line: &mut Reading<'_>) -> Option<()> {
    line.object()?;
    while let Some(field) = line.field()? {
        match field {
            _ if same(field, b"content") => line.text()?,
            b"thinking" | b"tool_calls" => return None,
            _ => line.other()?,
        }
    }
    Some(())
}

fn line(answer: &mut Progressing, data: &[u8]) -> Result<(), Fault> {
    let line: Line<'_> = json::read(data)
        .map_err(|error| Fault::BadResponse(format!("ollama's answer is malformed: {error}")))?;
    if line.error.is_some() {
        let told = Told::read(data).unwrap_or_default();
        let kind = told.usual(200);
        answer.fail(told.into_error(kind));
        return Ok(());
    }
    answer.name("", &line.model);
    if let Some(message) = line.message {
        said(answer, &message)?;
    }
    if !line.done {
        return Ok(());
    }
    answer.count(Usage {
        // Not said of a prompt that was in the cache.
        input: line.prompt_eval_count.unwrap_or(0),
        output: line.eval_count.unwrap_or(0),
        ..Usage::default()
    });
    let native = line.done_reason.as_deref().unwrap_or("stop");
    let finish = match native {
        "stop" => Finish::Stop,
        "length" => Finish::Length,
        other => Finish::Other(other.to_owned()),
    };
    answer.stop(0, finish, native)?;
    answer.close()
}

fn said(answer: &mut Progressing, message: &Message<'_>) -> Result<(), Fault> {
    answer.begin(0)?;
    if let Some(text) = &message.thinking {
        answer.think(
            0,
            Thought {
                text,
                ..Thought::default()
            },
        )?;
    }
    if let Some(json) = message.content {
        answer.written(0, json.get())?;
    }
    for called in message.tool_calls.iter().flatten() {
        let arguments = called.function.arguments.map(RawValue::get);
        let arguments = arguments.filter(|text| *text != "null").unwrap_or_default();
        let call = answer.call(
            0,
            Call {
                id: called.id.as_deref(),
                name: &called.function.name,
                arguments: Cow::Borrowed(arguments),
                extra: None,
            },
        )?;
        answer.end_call(0, call)?;
    }
    Ok(())
}
