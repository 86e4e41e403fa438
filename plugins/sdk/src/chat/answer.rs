//! An answer as it is told: the adapter says what came, this writes it as chunks or puts it together to one response.

mod beside;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::slice;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::chat::chunk::{self, Head, Text};
use crate::chat::citation::Citation;
use crate::chat::progress::{Progress, Stop, Told};
use crate::chat::stretch::Lead;
use crate::chat::wire::{
    Choice, Completion, Counts, Delta, Detail, Function, Message, Odds, Said, ToolCall, write,
};
use crate::error::{Fault, UpstreamError};
use crate::reply::{Batch, Decoded, Finish, Frame, Usage};

/// A piece of reasoning.
#[derive(Debug, Clone, Copy, Default)]
pub struct Thought<'a> {
    /// What can be read of it.
    pub text: &'a str,
    /// The provider's seal on it; nothing is appended to a piece that has one.
    pub signature: Option<&'a str>,
    /// What only the provider can read: a piece by itself.
    pub data: Option<&'a str>,
}

/// A tool call as it begins.
#[derive(Debug, Clone, Default)]
pub struct Call<'a> {
    /// The provider's id of it; one is made from the request where there is none.
    pub id: Option<&'a str>,
    /// What is called.
    pub name: &'a str,
    /// As much of the arguments as is there, JSON text. Empty when they follow, or when there are none.
    pub arguments: Cow<'a, str>,
    /// What only this provider understands.
    pub extra: Option<Value>,
}

/// An answer on its way to the client.
#[derive(Debug)]
pub struct Answer<E> {
    provider: &'static str,
    progress: Progress<E>,
    /// What its chunks begin with, once there is one.
    head: Option<Head<'static>>,
    whole: BTreeMap<u32, Whole>,
    decoded: Decoded,
}

/// A choice that is put together.
#[derive(Debug, Default)]
struct Whole {
    text: Option<String>,
    refusal: Option<String>,
    thoughts: Vec<Detail<'static>>,
    calls: Vec<ToolCall<'static>>,
    citations: Vec<Citation>,
    images: Vec<Value>,
    odds: Vec<Value>,
    extra: Option<Value>,
}

impl<E: Default + Serialize + DeserializeOwned> Answer<E> {
    /// Goes on where `state` says.
    ///
    /// # Errors
    /// When the state is damaged.
    pub fn resume(provider: &'static str, state: &[u8]) -> Result<Self, Fault> {
        Ok(Self {
            provider,
            progress: Progress::read(state)?,
            head: None,
            whole: BTreeMap::new(),
            decoded: Decoded::default(),
        })
    }

    /// Takes the frames of a batch one by one until the answer is over.
    ///
    /// # Errors
    /// Those of `frame`.
    pub fn fold(
        &mut self,
        batch: &Batch,
        mut frame: impl FnMut(&mut Self, Frame<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        for next in batch.frames() {
            if self.is_over() {
                break;
            }
            if !next.data.trim_ascii().is_empty() {
                frame(self, next)?;
            }
        }
        Ok(())
    }

    /// What the adapter itself remembers.
    pub fn extra(&mut self) -> &mut E {
        &mut self.progress.extra
    }

    /// Whether the client gets a stream.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.progress.stream
    }

    /// Whether everything is said; what follows is not looked at.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.progress.done || self.decoded.error.is_some()
    }

    /// Whether some choice has said why it ended.
    #[must_use]
    pub fn has_stopped(&self) -> bool {
        let mut choices = self.progress.choices.iter();
        choices.any(|choice| choice.stop.is_some())
    }

    /// Whether a batch is the last of an answer that says by nothing else that it is over: one whole body, or a stream
    /// that ended after it said why.
    #[must_use]
    pub fn ends_with(&self, batch: &Batch) -> bool {
        if self.progress.stream {
            batch.is_last() && self.has_stopped()
        } else {
            !batch.is_empty()
        }
    }

    /// Whether a choice has said something: text, or a call.
    #[must_use]
    pub fn has_spoken(&self, choice: u32) -> bool {
        let mut choices = self.progress.choices.iter();
        choices.any(|told| told.index == choice && (told.spoke || told.calls > 0))
    }

    /// The provider's name of the answer and of the model. Empty names change nothing.
    pub fn name(&mut self, id: &str, model: &str) {
        if !id.is_empty() && id != self.progress.id {
            id.clone_into(&mut self.progress.id);
            self.head = None;
        }
        if !model.is_empty() && model != self.progress.model {
            model.clone_into(&mut self.progress.model);
            self.head = None;
        }
    }

    /// Counts so far; they replace those before.
    pub fn count(&mut self, usage: Usage) {
        self.progress.usage = Some(usage.clone());
        self.decoded.usage = Some(usage);
    }

    /// The counts so far.
    #[must_use]
    pub fn counted(&self) -> Option<&Usage> {
        self.progress.usage.as_ref()
    }

    /// The answer broke.
    pub fn fail(&mut self, error: UpstreamError) {
        self.progress.done = true;
        self.decoded.error = Some(error);
    }

    /// Begins a choice: its first chunk has the role and no content.
    ///
    /// # Errors
    /// Those of writing.
    pub fn begin(&mut self, choice: u32) -> Result<(), Fault> {
        self.told(choice).map(drop)
    }

    /// More text.
    ///
    /// # Errors
    /// Those of writing.
    pub fn text(&mut self, choice: u32, text: &str) -> Result<(), Fault> {
        if text.is_empty() {
            return Ok(());
        }
        let counted = self.progress.counts_characters();
        let told = self.told(choice)?;
        told.thinking = false;
        told.spoke = true;
        if counted {
            told.characters += text.chars().count() as u64;
        }
        if self.progress.stream {
            let (head, chunks) = self.writing();
            head.content(chunks, choice, Text::Plain(text));
            return Ok(());
        }
        let whole = self.whole.entry(choice).or_default();
        whole.text.get_or_insert_default().push_str(text);
        Ok(())
    }

    /// More text as a JSON string, in its quotes: in a stream it is handed on as it came, and nothing is unpacked.
    ///
    /// # Errors
    /// When it is none.
    pub fn written(&mut self, choice: u32, json: &str) -> Result<(), Fault> {
        if json == "\"\"" {
            return Ok(());
        }
        // A line feed cannot stand in a string of JSON, so what the reader took for one is on one line.
        let inner = json
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        if inner.is_none() {
            return Err(Fault::BadResponse(String::from("a text is no string")));
        }
        if !self.progress.stream {
            let text: String = serde_json::from_str(json)
                .map_err(|error| Fault::BadResponse(format!("a text is malformed: {error}")))?;
            return self.text(choice, &text);
        }
        let counted = self.progress.counts_characters();
        let told = self.told(choice)?;
        told.thinking = false;
        told.spoke = true;
        if counted {
            told.characters += chunk::characters(json.as_bytes());
        }
        let (head, chunks) = self.writing();
        head.content(chunks, choice, Text::Json(json.as_bytes()));
        Ok(())
    }

    /// More of what the model says as it refuses.
    ///
    /// # Errors
    /// Those of writing.
    pub fn refuse(&mut self, choice: u32, words: &str) -> Result<(), Fault> {
        if words.is_empty() {
            return Ok(());
        }
        self.told(choice)?.thinking = false;
        if self.progress.stream {
            return self.delta(
                choice,
                Delta {
                    refusal: Some(words),
                    ..Delta::default()
                },
            );
        }
        let whole = self.whole.entry(choice).or_default();
        whole.refusal.get_or_insert_default().push_str(words);
        Ok(())
    }

    /// More reasoning: appended to the piece before where that may go on.
    ///
    /// # Errors
    /// Those of writing.
    pub fn think(&mut self, choice: u32, thought: Thought<'_>) -> Result<(), Fault> {
        let filled = |text: Option<&str>| text.is_some_and(|text| !text.is_empty());
        if thought.text.is_empty() && !filled(thought.signature) && !filled(thought.data) {
            return Ok(());
        }
        let told = self.told(choice)?;
        let sealed = filled(thought.data);
        if sealed || !told.thinking {
            told.thoughts += 1;
        }
        told.thinking = !sealed && !filled(thought.signature);
        let index = told.thoughts.saturating_sub(1);
        let owned = |text: Option<&str>| {
            let text = text.filter(|text| !text.is_empty())?;
            Some(Cow::Owned(text.to_owned()))
        };
        let detail = Detail {
            kind: if sealed {
                "reasoning.encrypted"
            } else {
                "reasoning.text"
            },
            text: owned(Some(thought.text)),
            data: owned(thought.data),
            signature: owned(thought.signature),
            provider: self.provider,
            index,
        };
        if self.progress.stream {
            return self.delta(
                choice,
                Delta {
                    reasoning_details: slice::from_ref(&detail),
                    ..Delta::default()
                },
            );
        }
        let thoughts = &mut self.whole.entry(choice).or_default().thoughts;
        match thoughts.last_mut().filter(|last| last.index == index) {
            Some(last) => {
                if let Some(more) = detail.text {
                    last.text.get_or_insert_default().to_mut().push_str(&more);
                }
                last.signature = detail.signature.or(last.signature.take());
            }
            None => thoughts.push(detail),
        }
        Ok(())
    }

    /// The next piece of reasoning is a new one.
    pub fn end_thought(&mut self, choice: u32) {
        let choices = &mut self.progress.choices;
        if let Some(told) = choices.iter_mut().find(|told| told.index == choice) {
            told.thinking = false;
        }
    }

    /// A tool call. Returns its index, from 0.
    ///
    /// # Errors
    /// Those of writing.
    pub fn call(&mut self, choice: u32, call: Call<'_>) -> Result<u32, Fault> {
        let told = self.told(choice)?;
        told.thinking = false;
        let index = told.calls;
        told.calls += 1;
        if call.arguments.is_empty() {
            told.bare.push(index);
        }
        let id = match call.id.filter(|id| !id.is_empty()) {
            Some(id) => id.to_owned(),
            None => self.made_id(choice, index),
        };
        let made = ToolCall {
            index: self.progress.stream.then_some(index),
            id: Some(Cow::Owned(id)),
            kind: Some("function"),
            function: Function {
                name: Some(Cow::Borrowed(call.name)),
                arguments: call.arguments,
            },
            extra_content: call.extra,
        };
        if self.progress.stream {
            self.delta(
                choice,
                Delta {
                    tool_calls: slice::from_ref(&made),
                    ..Delta::default()
                },
            )?;
        } else {
            let calls = &mut self.whole.entry(choice).or_default().calls;
            calls.push(made.into_owned());
        }
        Ok(index)
    }

    /// More arguments of a call.
    ///
    /// # Errors
    /// Those of writing.
    pub fn argue(&mut self, choice: u32, call: u32, text: &str) -> Result<(), Fault> {
        if text.is_empty() {
            return Ok(());
        }
        self.told(choice)?.bare.retain(|bare| *bare != call);
        if self.progress.stream {
            let (head, chunks) = self.writing();
            head.arguments(chunks, choice, call, Text::Plain(text));
            return Ok(());
        }
        let calls = &mut self.whole.entry(choice).or_default().calls;
        if let Some(open) = calls.get_mut(call as usize) {
            open.function.arguments.to_mut().push_str(text);
        }
        Ok(())
    }

    /// A call is complete: one without arguments has the empty object for them.
    ///
    /// # Errors
    /// Those of writing.
    pub fn end_call(&mut self, choice: u32, call: u32) -> Result<(), Fault> {
        if self.told(choice)?.bare.contains(&call) {
            self.argue(choice, call, "{}")?;
        }
        Ok(())
    }

    /// Why a choice ends, and the provider's own word for it. Nothing is told before the answer is closed.
    ///
    /// # Errors
    /// Those of writing.
    pub fn stop(&mut self, choice: u32, finish: Finish, native: &str) -> Result<(), Fault> {
        self.told(choice)?.stop = Some(Stop {
            finish,
            native: native.to_owned(),
        });
        Ok(())
    }

    /// The protocol's own end: the last chunks, or the whole response.
    ///
    /// # Errors
    /// Those of writing.
    pub fn close(&mut self) -> Result<(), Fault> {
        if self.is_over() {
            return Ok(());
        }
        self.begin_first()?;
        for choice in self.indices() {
            for call in std::mem::take(&mut self.told(choice)?.bare) {
                self.argue(choice, call, "{}")?;
            }
        }
        self.progress.done = true;
        let mut choices = std::mem::take(&mut self.progress.choices);
        for told in &mut choices {
            told.settle();
        }
        if self.progress.stream {
            for told in &choices {
                self.write(vec![told.last()], None)?;
            }
            if self.progress.include_usage {
                let usage = self.progress.usage.clone().unwrap_or_default();
                self.write(Vec::new(), Some(&usage))?;
            }
        } else {
            self.write_whole(&choices)?;
        }
        let first = choices.first().and_then(|told| told.stop.as_ref());
        self.decoded.finish = first.map(|stop| stop.finish.clone());
        self.progress.choices = choices;
        Ok(())
    }

    /// What came of the batch.
    ///
    /// # Errors
    /// Those of writing.
    pub fn finish(mut self) -> Result<Decoded, Fault> {
        let open = self.progress.open();
        let characters = self.progress.characters();
        let lead = match self.progress.usage.clone() {
            _ if open == 0 => None,
            Some(usage) if !usage.other.is_empty() => None,
            usage => {
                self.writing();
                let lead = self.head.take().and_then(|head| Lead::new(head, open));
                lead.map(|lead| Lead {
                    usage,
                    characters,
                    ..lead
                })
            }
        };
        if lead.is_some() {
            self.progress.forget_counts();
        }
        self.decoded.state = Some(self.progress.write(lead.as_ref())?);
        Ok(self.decoded)
    }

    fn indices(&self) -> Vec<u32> {
        self.progress
            .choices
            .iter()
            .map(|told| told.index)
            .collect()
    }

    fn begin_first(&mut self) -> Result<(), Fault> {
        if self.progress.choices.is_empty() {
            self.begin(0)?;
        }
        Ok(())
    }

    /// The choice's progress; its first chunk is written where it has none yet.
    fn told(&mut self, choice: u32) -> Result<&mut Told, Fault> {
        let found = self
            .progress
            .choices
            .iter()
            .position(|told| told.index == choice);
        let place = if let Some(place) = found {
            place
        } else {
            self.progress.choices.push(Told {
                index: choice,
                ..Told::default()
            });
            if self.progress.stream {
                self.delta(
                    choice,
                    Delta {
                        role: Some("assistant"),
                        content: Some(""),
                        ..Delta::default()
                    },
                )?;
            }
            self.progress.choices.len() - 1
        };
        let told = self.progress.choices.get_mut(place);
        told.ok_or_else(|| Fault::Internal(String::from("a choice is lost")))
    }

    /// An id no other call of the conversation has.
    fn made_id(&self, choice: u32, index: u32) -> String {
        let request: String = self
            .progress
            .request
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        match choice {
            0 => format!("call_{request}_{index}"),
            choice => format!("call_{request}_{choice}_{index}"),
        }
    }

    /// What chunks begin with, and where they go.
    fn writing(&mut self) -> (&Head<'static>, &mut Vec<u8>) {
        let Progress {
            id, created, model, ..
        } = &self.progress;
        let head = self
            .head
            .get_or_insert_with(|| Head::new(id, *created, model));
        (head, &mut self.decoded.chunks)
    }

    fn delta(&mut self, choice: u32, delta: Delta<'_>) -> Result<(), Fault> {
        let choice = Choice {
            index: choice,
            said: Said::Delta(delta),
            logprobs: None,
            finish_reason: None,
            native_finish_reason: None,
        };
        self.write(vec![choice], None)
    }

    fn write(&mut self, choices: Vec<Choice<'_>>, usage: Option<&Usage>) -> Result<(), Fault> {
        let completion = Completion {
            id: &self.progress.id,
            object: "chat.completion.chunk",
            created: self.progress.created,
            model: &self.progress.model,
            choices,
            usage: usage.map(Counts::from),
        };
        write(&mut self.decoded.chunks, &completion)
    }

    fn write_whole(&mut self, told: &[Told]) -> Result<(), Fault> {
        let empty = Whole::default();
        let choices = told
            .iter()
            .map(|told| {
                let whole = self.whole.get(&told.index).unwrap_or(&empty);
                let silent = whole.calls.is_empty().then_some("");
                let said = Said::Message(Message {
                    role: "assistant",
                    content: whole.text.as_deref().or(silent),
                    refusal: whole.refusal.as_deref(),
                    reasoning_details: &whole.thoughts,
                    images: &whole.images,
                    annotations: &whole.citations,
                    extra_content: whole.extra.as_ref(),
                    tool_calls: &whole.calls,
                });
                let odds = (!whole.odds.is_empty()).then_some(Odds {
                    content: &whole.odds,
                });
                Choice {
                    said,
                    logprobs: odds,
                    ..told.last()
                }
            })
            .collect();
        let completion = Completion {
            id: &self.progress.id,
            object: "chat.completion",
            created: self.progress.created,
            model: &self.progress.model,
            choices,
            usage: self.progress.usage.as_ref().map(Counts::from),
        };
        write(&mut self.decoded.chunks, &completion)?;
        self.decoded.chunks.pop();
        Ok(())
    }
}

impl Told {
    /// Calls make the finish, whatever the provider says, refusals and filters excepted.
    fn settle(&mut self) {
        let stop = self.stop.get_or_insert(Stop {
            finish: Finish::Stop,
            native: String::new(),
        });
        let refused = matches!(stop.finish, Finish::Refusal | Finish::ContentFilter);
        if self.calls > 0 && !refused {
            stop.finish = Finish::ToolCalls;
        }
    }

    fn last(&self) -> Choice<'_> {
        let native = self.stop.as_ref().map(|stop| stop.native.as_str());
        Choice {
            index: self.index,
            said: Said::Delta(Delta::default()),
            logprobs: None,
            finish_reason: self.stop.as_ref().map(|stop| reason(&stop.finish)),
            native_finish_reason: native.filter(|native| !native.is_empty()),
        }
    }
}

/// `finish_reason` as chat clients know it.
fn reason(finish: &Finish) -> &'static str {
    match finish {
        Finish::Length => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::ContentFilter | Finish::Refusal => "content_filter",
        Finish::Stop | Finish::Other(_) => "stop",
    }
}

impl ToolCall<'_> {
    fn into_owned(self) -> ToolCall<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        ToolCall {
            index: self.index,
            id: self.id.map(owned),
            kind: self.kind,
            function: Function {
                name: self.function.name.map(owned),
                arguments: owned(self.function.arguments),
            },
            extra_content: self.extra_content,
        }
    }
}
