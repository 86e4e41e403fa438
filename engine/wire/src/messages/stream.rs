//! Chat chunks to the events of a Messages stream, one by one.

use bytes::BytesMut;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::chat::citation::Citation;
use crate::chat::spoken::{Call, Ending, Piece, Spoken, UNREAD};
use crate::event::event;
use crate::messages::answer::{Counts, Message, beside, data, signature, stop_reason};
use crate::messages::citation::location;
use crate::seal::Detail;
use crate::speaker::Speaker;
use crate::usage::Usage;

/// A stream under way.
#[derive(Debug)]
pub(crate) struct Stream {
    speaker: Speaker,
    begun: bool,
    /// The number of the next block.
    next: u32,
    /// The block that words are added to.
    open: Open,
    /// Calls whose blocks are not closed.
    calls: Vec<Calling>,
    called: u32,
    /// Citations that came while no text was open: they go to the next.
    waiting: Vec<Citation>,
    ending: Ending,
}

#[derive(Debug)]
enum Open {
    Nothing,
    /// Text, and whether it was said where it comes from; then it is complete.
    Text(u32, bool),
    /// Reasoning, and what seals it once it is complete.
    Thought(u32, Detail<'static>),
}

/// A call under way.
#[derive(Debug)]
struct Calling {
    block: u32,
    /// The chat form's number of it.
    index: u32,
    arguments: Arguments,
}

/// The first event.
#[derive(Serialize)]
struct Start<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: Message<'a>,
}

impl Stream {
    pub(crate) fn new(speaker: Speaker) -> Self {
        Self {
            speaker,
            begun: false,
            next: 0,
            open: Open::Nothing,
            calls: Vec::new(),
            called: 0,
            waiting: Vec::new(),
            ending: Ending::default(),
        }
    }

    /// Takes a chunk. One that cannot be read says nothing, and is named as lost.
    pub(crate) fn chunk(&mut self, json: &[u8], out: &mut BytesMut) {
        let Ok(spoken) = Spoken::read(json) else {
            self.ending.lose(UNREAD);
            return;
        };
        let mut pieces = Vec::new();
        let told = spoken.tell(|piece| pieces.push(piece));
        self.begin(told.model.as_deref(), out);
        self.ending.add(told);
        for piece in pieces {
            self.piece(piece, out);
        }
    }

    /// What had no place in it so far.
    pub(crate) fn lost(&self) -> &[&'static str] {
        self.ending.lost()
    }

    /// Nothing more is said: what is open is closed, and all that has no place is known.
    pub(crate) fn close_all(&mut self, out: &mut BytesMut) {
        self.begin(None, out);
        self.close(out);
        let waiting = !std::mem::take(&mut self.waiting).is_empty();
        if waiting || !self.ending.take_sources().is_empty() {
            self.ending.lose("citations");
        }
        for call in std::mem::take(&mut self.calls) {
            stop(call.block, out);
        }
    }

    /// The answer is complete.
    pub(crate) fn finish(&mut self, counted: Option<Usage>, out: &mut BytesMut) {
        self.close_all(out);
        let usage = self.ending.usage.or(counted).unwrap_or_default();
        let delta = json!({
            "stop_reason": stop_reason(&self.ending, self.called > 0),
            "stop_sequence": self.ending.met,
        });
        let message = json!({
            "type": "message_delta",
            "delta": delta,
            "usage": Counts::from(usage),
        });
        event("message_delta", &message, out);
        event("message_stop", &json!({ "type": "message_stop" }), out);
    }

    fn begin(&mut self, model: Option<&str>, out: &mut BytesMut) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let start = Start {
            kind: "message_start",
            message: Message {
                id: &self.speaker.message_id("msg_"),
                kind: "message",
                role: "assistant",
                model: model.unwrap_or(&self.speaker.model),
                content: Vec::new(),
                stop_reason: None,
                stop_sequence: None,
                // Known at the end only.
                usage: Counts::default(),
            },
        };
        event("message_start", &start, out);
        event("ping", &json!({ "type": "ping" }), out);
    }

    fn piece(&mut self, piece: Piece<'_>, out: &mut BytesMut) {
        match piece {
            Piece::Text(text) | Piece::Refusal(text) => {
                let block = match self.open {
                    Open::Text(block, false) => block,
                    _ => self.speak(out),
                };
                delta(block, &Piecemeal::TextDelta { text }, out);
            }
            Piece::Reasoning(thinking) => {
                let block = self.thinking(Detail::default(), out);
                delta(block, &Piecemeal::ThinkingDelta { thinking }, out);
            }
            Piece::Detail(detail) => self.thought(detail, out),
            Piece::Citation(citation) => match self.open {
                Open::Text(block, _) => self.cite(block, &citation, out),
                _ => self.waiting.push(citation),
            },
            Piece::Call(call) => self.call(&call, out),
            Piece::Picture(_) => self.ending.lose("images"),
            // Anthropic's clients cannot ask for them.
            Piece::Odds(_) => {}
        }
    }

    /// A block of text.
    fn speak(&mut self, out: &mut BytesMut) -> u32 {
        let block = self.start(&json!({ "type": "text", "text": "" }), out);
        self.open = Open::Text(block, false);
        block
    }

    /// Where the open text comes from.
    fn cite(&mut self, block: u32, citation: &Citation, out: &mut BytesMut) {
        self.open = Open::Text(block, true);
        let citation = &location(citation);
        delta(block, &Piecemeal::CitationsDelta { citation }, out);
    }

    /// Reasoning of which there may be more, or all of what only its provider can read.
    fn thought(&mut self, mut detail: Detail<'_>, out: &mut BytesMut) {
        let words = detail.take_words();
        if words.is_none() && detail.data.is_some() {
            self.close(out);
            self.redacted(&data(detail, self.speaker.by.as_deref()), out);
            return;
        }
        let block = self.thinking(detail, out);
        if let Some(thinking) = words {
            let thinking = thinking.as_ref();
            delta(block, &Piecemeal::Thought { thinking }, out);
        }
    }

    /// The block of a piece of reasoning: the open one where it is more of the same.
    fn thinking(&mut self, detail: Detail<'_>, out: &mut BytesMut) -> u32 {
        if let Open::Thought(block, known) = &mut self.open
            && known.index == detail.index
        {
            known.add(detail);
            return *block;
        }
        let empty = json!({ "type": "thinking", "thinking": "", "signature": "" });
        let block = self.start(&empty, out);
        self.open = Open::Thought(block, detail.kept());
        block
    }

    fn redacted(&mut self, data: &str, out: &mut BytesMut) {
        let block = self.start(&json!({ "type": "redacted_thinking", "data": data }), out);
        stop(block, out);
    }

    fn call(&mut self, call: &Call<'_>, out: &mut BytesMut) {
        let index = call.number(self.called);
        let known = |calling: &Calling| calling.index == index && call.goes_on(calling.arguments);
        let at = match (self.calls.iter().rposition(known), call.name()) {
            (Some(at), _) => at,
            (None, Some(name)) => self.calling(index, name, call, out),
            // More of a call that was complete.
            (None, None) => return,
        };
        if let (Some(calling), Some(arguments)) = (self.calls.get_mut(at), call.arguments()) {
            let plain: String = serde_json::from_str(arguments.get()).unwrap_or_default();
            calling.arguments.read(&plain);
            let block = calling.block;
            let partial_json = arguments;
            delta(block, &Piecemeal::InputJsonDelta { partial_json }, out);
        }
    }

    /// A further call. Those before it whose arguments are complete are over.
    fn calling(&mut self, index: u32, name: &str, call: &Call<'_>, out: &mut BytesMut) -> usize {
        self.close(out);
        self.calls.retain(|calling| {
            let complete = calling.arguments.complete();
            if complete {
                stop(calling.block, out);
            }
            !complete
        });
        let id = call.id(&self.speaker, self.called);
        if let Some(extra) = call.extra_content {
            let data = beside(&id, extra, self.speaker.by.as_deref());
            self.redacted(&data, out);
        }
        let begun = json!({ "type": "tool_use", "id": id, "name": name, "input": {} });
        let block = self.start(&begun, out);
        self.called += 1;
        self.calls.push(Calling {
            block,
            index,
            arguments: Arguments::default(),
        });
        self.calls.len() - 1
    }

    /// Opens a block; what words were added to is closed.
    fn start(&mut self, begun: &serde_json::Value, out: &mut BytesMut) -> u32 {
        self.close(out);
        let block = self.next;
        self.next += 1;
        let start =
            json!({ "type": "content_block_start", "index": block, "content_block": begun });
        event("content_block_start", &start, out);
        block
    }

    fn close(&mut self, out: &mut BytesMut) {
        if let Open::Text(block, _) = self.open {
            let mut citations = std::mem::take(&mut self.waiting);
            citations.extend(self.ending.take_sources());
            for citation in citations {
                self.cite(block, &citation, out);
            }
        }
        match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Nothing => {}
            Open::Text(block, _) => stop(block, out),
            Open::Thought(block, detail) => {
                let signature = signature(detail, self.speaker.by.as_deref());
                let signature = signature.as_str();
                delta(block, &Piecemeal::SignatureDelta { signature }, out);
                stop(block, out);
            }
        }
    }
}

/// What is added to a block.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Piecemeal<'a> {
    TextDelta {
        text: &'a RawValue,
    },
    ThinkingDelta {
        thinking: &'a RawValue,
    },
    #[serde(rename = "thinking_delta")]
    Thought {
        thinking: &'a str,
    },
    SignatureDelta {
        signature: &'a str,
    },
    InputJsonDelta {
        partial_json: &'a RawValue,
    },
    CitationsDelta {
        citation: &'a Value,
    },
}

fn delta(index: u32, delta: &Piecemeal<'_>, out: &mut BytesMut) {
    #[derive(Serialize)]
    struct Added<'a> {
        #[serde(rename = "type")]
        kind: &'static str,
        index: u32,
        delta: &'a Piecemeal<'a>,
    }
    let added = Added {
        kind: "content_block_delta",
        index,
        delta,
    };
    event("content_block_delta", &added, out);
}

fn stop(index: u32, out: &mut BytesMut) {
    let stop = json!({ "type": "content_block_stop", "index": index });
    event("content_block_stop", &stop, out);
}
