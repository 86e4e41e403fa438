//! Stream events to chunks: a fold over frames, so that grouping them differently changes nothing.

use std::borrow::Cow;

use mux_plugin_sdk::chat::chunk::Head;
use mux_plugin_sdk::chat::scan::same;
use mux_plugin_sdk::chat::{Citation, Reading, Shape, Stretch, json};
use mux_plugin_sdk::{Batch, Decoded, Fault, UpstreamError};

use crate::chunk::{
    Answer, Call, Choice, Delta, Function, Said, Text, Thought, arguments, filled, write,
};
use crate::citation::citation;
use crate::failure;
use crate::finish::{finish, reason};
use crate::provider::{Block, Delta as Added, Event, Message, StopDetails};
use crate::state::{OpenBlock, OpenPart, State};
use crate::usage::UnifiedUsage;

thread_local! {
    static SHAPE: Shape = const { Shape::new() };
}

/// The chunks of a batch of events.
pub(crate) fn decode(state: State, batch: &Batch) -> Result<Decoded, Fault> {
    let mut fold = Fold {
        state,
        head: None,
        decoded: Decoded::default(),
    };
    for event in batch.payloads() {
        if fold.over() {
            break;
        }
        fold.event(event)?;
    }
    fold.decoded.state = Some(fold.state.write()?);
    Ok(fold.decoded)
}

/// The same where the events add text and nothing else.
pub(crate) fn more_text(state: &[u8], batch: &Batch) -> Option<Decoded> {
    let mut stretch = Stretch::begin(state, batch)?;
    for event in batch.payloads() {
        SHAPE.with(|shape| shape.tell(event, text_of, |more| stretch.add(more)))?;
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
            _ if same(field, b"delta") => text_delta(event)?,
            _ => return None,
        }
    }
    same(kind?, b"content_block_delta").then_some(())
}

fn text_delta(event: &mut Reading<'_>) -> Option<()> {
    let mut kind = None;
    event.object()?;
    while let Some(field) = event.field()? {
        match field {
            _ if same(field, b"type") => kind = Some(event.scan.word()?),
            _ if same(field, b"text") => event.text()?,
            _ => return None,
        }
    }
    same(kind?, b"text_delta").then_some(())
}

struct Fold {
    state: State,
    head: Option<Head<'static>>,
    decoded: Decoded,
}

impl Fold {
    /// Whether the stream said all it had to say; what follows is not looked at.
    fn over(&self) -> bool {
        self.state.done || self.decoded.error.is_some()
    }

    fn event(&mut self, data: &[u8]) -> Result<(), Fault> {
        if data.trim_ascii().is_empty() {
            return Ok(());
        }
        let event: Event<'_> = json::read(data).map_err(|error| {
            Fault::BadResponse(format!(
                "an event of anthropic's stream is malformed: {error}"
            ))
        })?;
        match event.kind.as_ref() {
            "message_start" => self.start(event.message),
            "content_block_start" => self.open(event.index, event.content_block),
            "content_block_delta" => self.add(event.index, event.delta),
            "content_block_stop" => self.close(event.index),
            "message_delta" => self.progress(event),
            "message_stop" => self.stop(),
            "error" => {
                self.fail(failure::in_stream(data));
                Ok(())
            }
            // `ping`, and whatever the provider invents next.
            _ => Ok(()),
        }
    }

    fn start(&mut self, message: Option<Message<'_>>) -> Result<(), Fault> {
        let message = message.ok_or_else(|| missing("message_start", "message"))?;
        // A proxy that starts over in the middle numbers its blocks anew.
        self.state.open.clear();
        self.state.cited.begin(self.state.characters);
        self.head = None;
        self.state.id = message.id;
        if !message.model.is_empty() {
            self.state.model = message.model;
        }
        self.count(message.usage);
        self.delta(Delta {
            role: Some("assistant"),
            content: Some(Text::Plain(Cow::Borrowed(""))),
            ..Delta::default()
        })
    }

    fn open(&mut self, block: u32, begun: Option<Block<'_>>) -> Result<(), Fault> {
        let begun = begun.ok_or_else(|| missing("content_block_start", "content_block"))?;
        match begun.kind.as_ref() {
            "text" => {
                self.state.cited.begin(self.state.characters);
                self.text(filled(begun.text)?.as_ref());
                let given = begun.citations.into_iter().flatten();
                given.into_iter().try_for_each(|raw| self.cite(raw.get()))
            }
            "tool_use" => self.call(block, begun),
            "thinking" | "redacted_thinking" => self.think(block, &begun),
            // Tools that run at the provider, their results, and kinds yet unknown.
            _ => Ok(()),
        }
    }

    fn call(&mut self, block: u32, begun: Block<'_>) -> Result<(), Fault> {
        let index = self.state.calls;
        self.state.calls += 1;
        let whole = arguments(begun.input);
        self.state.open.push(OpenBlock {
            block,
            part: OpenPart::Call {
                index,
                has_arguments: whole.is_some(),
            },
        });
        self.delta(Delta {
            tool_calls: vec![Call {
                index: Some(index),
                id: Some(begun.id),
                kind: Some("function"),
                function: Function {
                    name: Some(begun.name),
                    arguments: Text::Plain(whole.unwrap_or_default()),
                },
            }],
            ..Delta::default()
        })
    }

    fn think(&mut self, block: u32, begun: &Block<'_>) -> Result<(), Fault> {
        let index = self.state.thoughts;
        self.state.thoughts += 1;
        self.state.open.push(OpenBlock {
            block,
            part: OpenPart::Thought { index },
        });
        let data = filled(begun.data)?;
        let thought = Thought {
            text: filled(begun.thinking)?,
            signature: filled(begun.signature)?,
            ..if data.is_some() {
                Thought::encrypted(index)
            } else {
                Thought::text(index)
            }
        };
        self.thought(Thought { data, ..thought })
    }

    fn add(&mut self, block: u32, added: Option<Added<'_>>) -> Result<(), Fault> {
        let added = added.ok_or_else(|| missing("content_block_delta", "delta"))?;
        match added.kind.as_ref() {
            "text_delta" => {
                self.text(filled(added.text)?.as_ref());
                Ok(())
            }
            "input_json_delta" => {
                self.argue(block, filled(added.partial_json)?.as_ref());
                Ok(())
            }
            "thinking_delta" | "signature_delta" => match self.state.part(block) {
                Some(&mut OpenPart::Thought { index }) => self.thought(Thought {
                    text: filled(added.thinking)?,
                    signature: filled(added.signature)?,
                    ..Thought::text(index)
                }),
                _ => Ok(()),
            },
            "citations_delta" => match added.citation {
                Some(raw) => self.cite(raw.get()),
                None => Ok(()),
            },
            // Compaction notes, and kinds yet unknown.
            _ => Ok(()),
        }
    }

    fn argue(&mut self, block: u32, piece: Option<&Text<'_>>) {
        let (
            Some(piece),
            Some(OpenPart::Call {
                index,
                has_arguments,
            }),
        ) = (piece, self.state.part(block))
        else {
            return;
        };
        *has_arguments = true;
        let index = *index;
        self.arguments(index, piece);
    }

    /// A citation comes before the text that it stands for, and waits for its end; where there is no room to wait, it
    /// goes without a place.
    fn cite(&mut self, raw: &str) -> Result<(), Fault> {
        if self.state.cited.keep(raw) {
            return Ok(());
        }
        self.annotate(citation(raw, None).into_iter().collect())
    }

    fn annotate(&mut self, annotations: Vec<Citation>) -> Result<(), Fault> {
        if annotations.is_empty() {
            return Ok(());
        }
        self.delta(Delta {
            annotations,
            ..Delta::default()
        })
    }

    /// A call without arguments has the empty object for its arguments.
    fn close(&mut self, block: u32) -> Result<(), Fault> {
        if let Some(OpenPart::Call {
            index,
            has_arguments: false,
        }) = self.state.close(block)
        {
            self.arguments(index, &Text::Plain(Cow::Borrowed("{}")));
        }
        let (held, span) = self.state.cited.end(self.state.characters);
        let span = span.filter(|_| self.state.cites);
        let said = held
            .iter()
            .filter_map(|raw| citation(raw, span.clone()))
            .collect();
        self.annotate(said)
    }

    fn progress(&mut self, event: Event<'_>) -> Result<(), Fault> {
        self.count(event.usage);
        let Some(delta) = event.delta else {
            return Ok(());
        };
        if delta.stop_reason.is_some() {
            self.state.stop_reason = delta.stop_reason;
            self.state.stop_sequence = delta.stop_sequence;
        }
        match delta
            .stop_details
            .and_then(|StopDetails { explanation }| explanation)
        {
            Some(words) if self.state.stop_reason.as_deref() == Some("refusal") => {
                self.delta(Delta {
                    refusal: Some(Text::Plain(Cow::Owned(words))),
                    ..Delta::default()
                })
            }
            _ => Ok(()),
        }
    }

    fn stop(&mut self) -> Result<(), Fault> {
        self.state.done = true;
        let native = self.state.stop_reason.take();
        let met = self.state.stop_sequence.take();
        let finish = finish(native.as_deref(), self.state.calls > 0);
        let choice = Choice {
            index: 0,
            said: Said::Delta(Delta::default()),
            finish_reason: Some(reason(&finish)),
            native_finish_reason: native.as_deref(),
            stop_sequence: met.as_deref(),
        };
        self.write(vec![choice], None)?;
        if self.state.include_usage {
            let usage = UnifiedUsage::from(&self.state.counts.usage());
            self.write(Vec::new(), Some(usage))?;
        }
        self.state.stop_reason = native;
        self.decoded.finish = Some(finish);
        Ok(())
    }

    fn fail(&mut self, error: UpstreamError) {
        self.state.done = true;
        self.decoded.error = Some(error);
    }

    fn count(&mut self, counts: Option<crate::usage::Counts>) {
        if let Some(counts) = counts {
            self.state.counts.replace(counts);
            self.decoded.usage = Some(self.state.counts.usage());
        }
    }

    fn text(&mut self, text: Option<&Text<'_>>) {
        if let Some(text) = text {
            if self.state.cites {
                self.state.characters += text.characters();
            }
            let (head, chunks) = self.writing();
            head.content(chunks, 0, text.as_written());
        }
    }

    fn thought(&mut self, thought: Thought<'_>) -> Result<(), Fault> {
        if thought.text.is_none() && thought.signature.is_none() && thought.data.is_none() {
            return Ok(());
        }
        self.delta(Delta {
            reasoning_details: vec![thought],
            ..Delta::default()
        })
    }

    fn arguments(&mut self, index: u32, piece: &Text<'_>) {
        let (head, chunks) = self.writing();
        head.arguments(chunks, 0, index, piece.as_written());
    }

    /// What chunks begin with, and where they go.
    fn writing(&mut self) -> (&Head<'static>, &mut Vec<u8>) {
        let State {
            id, created, model, ..
        } = &self.state;
        let head = self
            .head
            .get_or_insert_with(|| Head::new(id, *created, model));
        (head, &mut self.decoded.chunks)
    }

    fn delta(&mut self, delta: Delta<'_>) -> Result<(), Fault> {
        let choice = Choice {
            index: 0,
            said: Said::Delta(delta),
            finish_reason: None,
            native_finish_reason: None,
            stop_sequence: None,
        };
        self.write(vec![choice], None)
    }

    fn write(
        &mut self,
        choices: Vec<Choice<'_>>,
        usage: Option<UnifiedUsage>,
    ) -> Result<(), Fault> {
        let answer = Answer {
            id: &self.state.id,
            object: "chat.completion.chunk",
            created: self.state.created,
            model: &self.state.model,
            choices,
            usage,
        };
        write(&mut self.decoded.chunks, &answer)
    }
}

fn missing(event: &str, field: &str) -> Fault {
    Fault::BadResponse(format!("anthropic's `{event}` came without `{field}`"))
}
