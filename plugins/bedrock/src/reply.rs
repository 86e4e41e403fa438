//! Converse's answers to unified ones.

use std::borrow::Cow;

use mux_plugin_sdk::chat::scan::same;
use mux_plugin_sdk::chat::{Answer, Call, Pending, Reading, Shape, Stretch, Thought, json};
use mux_plugin_sdk::{Batch, Decoded, Fault, Finish, Frame, Usage};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::citation::citation;
use crate::failure;

/// What is open.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Open {
    /// Calls that have begun: Bedrock's number of the block, and ours of the call.
    calls: Vec<(u32, u32)>,
    /// What the open block of text stands on; a citation comes before its text.
    cited: Pending,
}

type Progressing = Answer<Open>;

thread_local! {
    static SHAPE: Shape = const { Shape::new() };
}

/// A whole answer, or an event; which fields it has depends on its kind.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(borrow)]
    output: Option<Output<'a>>,
    #[serde(default)]
    content_block_index: u32,
    #[serde(borrow)]
    start: Option<Block<'a>>,
    #[serde(borrow)]
    delta: Option<Block<'a>>,
    #[serde(borrow)]
    stop_reason: Option<Cow<'a, str>>,
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct Output<'a> {
    #[serde(borrow)]
    message: Message<'a>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Vec<Block<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    tool_use: Option<ToolUse<'a>>,
    #[serde(borrow)]
    reasoning_content: Option<Reasoning<'a>>,
    #[serde(borrow)]
    citations_content: Option<Cited<'a>>,
    #[serde(borrow)]
    citation: Option<&'a RawValue>,
}

/// Text and what it stands on, in a whole answer.
#[derive(Deserialize)]
struct Cited<'a> {
    #[serde(borrow, default)]
    content: Vec<Words<'a>>,
    #[serde(borrow, default)]
    citations: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Words<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct ToolUse<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(rename = "toolUseId", borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    /// An object in a whole answer, a piece of its text in a stream.
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

/// Whole answers nest the text and its seal, streams do not.
#[derive(Deserialize)]
struct Reasoning<'a> {
    #[serde(rename = "reasoningText", borrow)]
    whole: Option<Sealed<'a>>,
    #[serde(rename = "redactedContent", borrow)]
    redacted: Option<Cow<'a, str>>,
    #[serde(flatten, borrow)]
    piece: Sealed<'a>,
}

#[derive(Deserialize)]
struct Sealed<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    signature: Option<Cow<'a, str>>,
}

/// Each count comes under two names at times: only one of them is read.
#[derive(Deserialize)]
struct Counts {
    #[serde(rename = "inputTokens")]
    fresh: Option<u64>,
    #[serde(rename = "outputTokens")]
    output: Option<u64>,
    #[serde(rename = "cacheReadInputTokens")]
    cache_read: Option<u64>,
    #[serde(rename = "cacheWriteInputTokens")]
    cache_write: Option<u64>,
    /// How long what was written to the cache is kept there.
    #[serde(rename = "cacheDetails", default)]
    kept: Vec<Kept>,
}

#[derive(Deserialize)]
struct Kept {
    #[serde(rename = "inputTokens", default)]
    tokens: u64,
    #[serde(default)]
    ttl: String,
}

/// The chunks of a batch of events, or the whole response.
pub(crate) fn decode(state: &[u8], batch: &Batch) -> Result<Decoded, Fault> {
    if let Some(decoded) = more_text(state, batch) {
        return Ok(decoded);
    }
    let mut answer = Progressing::resume("bedrock", state)?;
    answer.fold(batch, event)?;
    if answer.ends_with(batch) {
        answer.close()?;
    }
    answer.finish()
}

/// The same where the events add text and nothing else.
fn more_text(state: &[u8], batch: &Batch) -> Option<Decoded> {
    let mut stretch = Stretch::begin(state, batch)?;
    for frame in batch.frames() {
        same(frame.name.as_bytes(), b"contentBlockDelta").then_some(())?;
        SHAPE.with(|shape| shape.tell(frame.data, text_of, |more| stretch.add_plain(more)))?;
    }
    Some(stretch.finish())
}

fn text_of(event: &mut Reading<'_>) -> Option<()> {
    event.object()?;
    while let Some(field) = event.field()? {
        match field {
            b"contentBlockIndex" => drop(event.scan.count()?),
            b"delta" => lone_text(event)?,
            // Padding, which hides the length of the text.
            b"p" => event.other()?,
            _ => return None,
        }
    }
    Some(())
}

/// `{"text":"…"}`, and nothing else.
fn lone_text(event: &mut Reading<'_>) -> Option<()> {
    event.object()?;
    same(event.field()??, b"text").then_some(())?;
    event.text()?;
    event.field()?.is_none().then_some(())
}

fn event(answer: &mut Progressing, frame: Frame<'_>) -> Result<(), Fault> {
    let error = frame.name.strip_prefix("error:");
    if error.is_some() || frame.name.to_ascii_lowercase().ends_with("exception") {
        let class = error.unwrap_or(frame.name);
        answer.fail(failure::in_stream(class, frame.data));
        return Ok(());
    }
    let event: Event<'_> = json::read(frame.data)
        .map_err(|error| Fault::BadResponse(format!("bedrock's answer is malformed: {error}")))?;
    if let Some(usage) = &event.usage {
        answer.count(usage.usage());
    }
    let block = event.content_block_index;
    match frame.name {
        "messageStart" => answer.begin(0),
        "contentBlockStart" => event
            .start
            .map_or(Ok(()), |start| said(answer, block, &start)),
        "contentBlockDelta" => event
            .delta
            .map_or(Ok(()), |delta| said(answer, block, &delta)),
        "contentBlockStop" => end_block(answer, block),
        "messageStop" => stop(answer, event.stop_reason.as_deref()),
        // It has the counts, and nothing comes after it.
        "metadata" => answer.close(),
        "" => whole(answer, event),
        _ => Ok(()),
    }
}

fn whole(answer: &mut Progressing, event: Event<'_>) -> Result<(), Fault> {
    let Some(output) = event.output else {
        return Err(Fault::BadResponse(String::from(
            "bedrock answered without an output",
        )));
    };
    for (block, said_here) in (0..).zip(&output.message.content) {
        said(answer, block, said_here)?;
        end_block(answer, block)?;
    }
    stop(answer, event.stop_reason.as_deref())
}

fn said(answer: &mut Progressing, block: u32, said: &Block<'_>) -> Result<(), Fault> {
    if let Some(text) = &said.text {
        answer.text(0, text)?;
    }
    if let Some(reasoning) = &said.reasoning_content {
        let piece = reasoning.whole.as_ref().unwrap_or(&reasoning.piece);
        answer.think(
            0,
            Thought {
                text: piece.text.as_deref().unwrap_or_default(),
                signature: piece.signature.as_deref(),
                data: reasoning.redacted.as_deref(),
            },
        )?;
    }
    if let Some(cited) = &said.citations_content {
        for words in &cited.content {
            answer.text(0, words.text.as_deref().unwrap_or_default())?;
        }
        for raw in &cited.citations {
            cite(answer, raw)?;
        }
    }
    if let Some(raw) = said.citation {
        cite(answer, raw)?;
    }
    match &said.tool_use {
        Some(used) => call(answer, block, used),
        None => Ok(()),
    }
}

/// A citation waits for the end of its block; where there is no room to wait, it goes without a place.
fn cite(answer: &mut Progressing, raw: &RawValue) -> Result<(), Fault> {
    if answer.extra().cited.keep(raw.get()) {
        return Ok(());
    }
    citation(raw.get(), None).map_or(Ok(()), |citation| answer.cite(0, citation))
}

fn call(answer: &mut Progressing, block: u32, used: &ToolUse<'_>) -> Result<(), Fault> {
    // A tool that ran at the provider is no call.
    if used.kind.as_deref() == Some("server_tool_use") {
        return Ok(());
    }
    let input = input(used.input)?;
    if let Some(name) = &used.name {
        let ours = answer.call(
            0,
            Call {
                id: used.id.as_deref(),
                name,
                arguments: input,
                extra: None,
            },
        )?;
        answer.extra().calls.push((block, ours));
        return Ok(());
    }
    match number(answer, block) {
        Some(ours) => answer.argue(0, ours, &input),
        None => Ok(()),
    }
}

fn input(raw: Option<&RawValue>) -> Result<Cow<'_, str>, Fault> {
    let Some(raw) = raw.filter(|raw| raw.get() != "null") else {
        return Ok(Cow::Borrowed(""));
    };
    if !raw.get().starts_with('"') {
        return Ok(Cow::Borrowed(raw.get()));
    }
    serde_json::from_str(raw.get())
        .map(Cow::Owned)
        .map_err(|error| Fault::BadResponse(format!("bedrock's input is malformed: {error}")))
}

/// Our number of a call: Bedrock numbers all blocks of an answer together.
fn number(answer: &mut Progressing, block: u32) -> Option<u32> {
    let mut open = answer.extra().calls.iter().rev();
    open.find(|(at, _)| *at == block).map(|(_, ours)| *ours)
}

fn end_block(answer: &mut Progressing, block: u32) -> Result<(), Fault> {
    answer.end_thought(0);
    let told = answer.characters(0).unwrap_or_default();
    let (held, span) = answer.extra().cited.end(told);
    for raw in held {
        if let Some(citation) = citation(&raw, span.clone()) {
            answer.cite(0, citation)?;
        }
    }
    let ours = number(answer, block);
    answer.extra().calls.retain(|(at, _)| *at != block);
    ours.map_or(Ok(()), |ours| answer.end_call(0, ours))
}

fn stop(answer: &mut Progressing, reason: Option<&str>) -> Result<(), Fault> {
    let native = reason.unwrap_or_default();
    let finish = match native {
        "end_turn" | "stop_sequence" => Finish::Stop,
        "tool_use" => Finish::ToolCalls,
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "guardrail_intervened" | "content_filtered" => Finish::ContentFilter,
        "malformed_model_output" | "malformed_tool_use" if !answer.has_spoken(0) => {
            answer.fail(failure::malformed(native));
            return Ok(());
        }
        other => Finish::Other(other.to_owned()),
    };
    answer.stop(0, finish, native)
}

impl Counts {
    fn usage(&self) -> Usage {
        let cache_read = self.cache_read.unwrap_or(0);
        let cache_write = self.cache_write.unwrap_or(0);
        let fresh = self.fresh.unwrap_or(0);
        let for_an_hour = self.kept.iter().filter(|kept| kept.ttl == "1h");
        let kept = for_an_hour.fold(0_u64, |sum, kept| sum.saturating_add(kept.tokens));
        Usage {
            input: fresh.saturating_add(cache_read).saturating_add(cache_write),
            output: self.output.unwrap_or(0),
            cache_read,
            cache_write,
            ..Usage::default()
        }
        .with(Usage::CACHE_WRITE_1H, kept.min(cache_write))
    }
}
