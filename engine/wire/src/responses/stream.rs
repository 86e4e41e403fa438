//! Chat chunks to the events of a Responses stream, one by one; and a whole answer, which is the end of such a stream.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::chat::ErrorBody;
use crate::chat::citation::Citation;
use crate::chat::spoken::{Call, Ending, Piece, Spoken, UNREAD};
use crate::event::event;
use crate::responses::answer::{Echo, Response, State};
use crate::seal::{Detail, Sealed};
use crate::speaker::{Speaker, Whole};
use crate::usage::Usage;

/// A stream under way.
#[derive(Debug)]
pub(crate) struct Stream {
    speaker: Speaker,
    echo: Box<Echo>,
    id: String,
    begun: bool,
    events: Events,
    /// Complete items in their order; `None` while one is open.
    items: Vec<Option<Box<RawValue>>>,
    /// The item that words are added to.
    open: Open,
    /// Calls that are not closed.
    calls: Vec<Calling>,
    called: u32,
    /// Characters of text in closed items.
    told: u64,
    /// Citations that came while no text was open: they go to the next.
    waiting: Vec<Citation>,
    ending: Ending,
}

#[derive(Debug)]
enum Open {
    Nothing,
    Text(Words),
    Refusal(Words),
    /// Reasoning, and what seals it once it is complete.
    Thought(Words, Detail<'static>),
}

/// An item that says something.
#[derive(Debug)]
struct Words {
    place: usize,
    id: String,
    said: String,
    /// What it stands on.
    annotations: Vec<Value>,
    /// How likely its tokens were.
    odds: Vec<Value>,
}

/// A call under way.
#[derive(Debug)]
struct Calling {
    place: usize,
    /// The chat form's number of it.
    index: u32,
    id: String,
    call_id: String,
    name: String,
    arguments: String,
    progress: Arguments,
}

/// Where events go, and how many there were.
#[derive(Debug)]
struct Events {
    count: u32,
    /// Nobody hears them: the answer is wanted whole.
    silent: bool,
}

impl Events {
    /// Tells an event; `data` has all of it but its type and its number.
    fn tell(&mut self, name: &'static str, data: &impl Serialize, out: &mut BytesMut) {
        #[derive(Serialize)]
        struct Numbered<'a, T> {
            #[serde(rename = "type")]
            name: &'static str,
            sequence_number: u32,
            #[serde(flatten)]
            data: &'a T,
        }
        if self.silent {
            return;
        }
        let sequence_number = self.count;
        self.count += 1;
        let numbered = Numbered {
            name,
            sequence_number,
            data,
        };
        event(name, &numbered, out);
    }
}

/// What is added to an item.
#[derive(Debug, Serialize)]
struct Added<'a> {
    item_id: &'a str,
    output_index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary_index: Option<u32>,
    delta: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<[(); 0]>,
}

/// How far the response is.
#[derive(Debug, Serialize)]
struct Told<T> {
    response: T,
}

/// A complete answer.
///
/// # Errors
/// The answer is no chat completion.
pub(crate) fn whole(speaker: &Speaker, body: &[u8]) -> Result<Whole, serde_json::Error> {
    let mut stream = Stream::new(speaker.clone());
    stream.events.silent = true;
    let mut nobody = BytesMut::new();
    stream.read(Spoken::read(body)?, &mut nobody);
    stream.close_all(&mut nobody);
    let usage = stream.ending.usage.or(speaker.usage).unwrap_or_default();
    let response = stream.response(State::of(&stream.ending), Some(usage));
    Ok(Whole {
        body: Bytes::from(serde_json::to_vec(&response)?),
        lost: stream.ending.lost().to_vec(),
    })
}

impl Stream {
    pub(crate) fn new(speaker: Speaker) -> Self {
        Self {
            id: speaker.message_id("resp_"),
            echo: Box::new(Echo::of(&speaker.request)),
            speaker,
            begun: false,
            events: Events {
                count: 0,
                silent: false,
            },
            items: Vec::new(),
            open: Open::Nothing,
            calls: Vec::new(),
            called: 0,
            told: 0,
            waiting: Vec::new(),
            ending: Ending::default(),
        }
    }

    /// Takes a chunk. One that cannot be read says nothing, and is named as lost.
    pub(crate) fn chunk(&mut self, json: &[u8], out: &mut BytesMut) {
        match Spoken::read(json) {
            Ok(spoken) => self.read(spoken, out),
            Err(_) => self.ending.lose(UNREAD),
        }
    }

    fn read(&mut self, spoken: Spoken<'_>, out: &mut BytesMut) {
        let mut pieces = Vec::new();
        let told = spoken.tell(|piece| pieces.push(piece));
        self.ending.add(told);
        self.begin(out);
        for piece in pieces {
            self.piece(piece, out);
        }
    }

    /// What had no place in it so far.
    pub(crate) fn lost(&self) -> &[&'static str] {
        self.ending.lost()
    }

    /// The answer is complete.
    pub(crate) fn finish(&mut self, counted: Option<Usage>, out: &mut BytesMut) {
        self.close_all(out);
        let usage = self.ending.usage.or(counted).unwrap_or_default();
        let state = State::of(&self.ending);
        let name = match state {
            State::Incomplete(_) => "response.incomplete",
            State::Begun | State::Complete => "response.completed",
        };
        let response = to_raw_value(&self.response(state, Some(usage))).ok();
        let response = response.as_deref();
        self.events.tell(name, &Told { response }, out);
    }

    /// The answer broke off. Nothing may follow.
    pub(crate) fn fail(&mut self, error: &ErrorBody, out: &mut BytesMut) {
        self.events.tell("error", &failure(error), out);
    }

    fn begin(&mut self, out: &mut BytesMut) {
        if std::mem::replace(&mut self.begun, true) || self.events.silent {
            return;
        }
        // Both hold the same, which may be long.
        let response = to_raw_value(&self.response(State::Begun, None)).ok();
        for name in ["response.created", "response.in_progress"] {
            let response = response.as_deref();
            self.events.tell(name, &Told { response }, out);
        }
    }

    fn response(&self, state: State, usage: Option<Usage>) -> Response<'_> {
        let items = self.items.iter().flatten().map(|item| &**item).collect();
        let model = self.ending.model.as_deref();
        Response::new(
            &self.speaker,
            &self.echo,
            &self.id,
            model,
            state,
            items,
            usage,
        )
    }

    fn piece(&mut self, piece: Piece<'_>, out: &mut BytesMut) {
        match piece {
            Piece::Text(text) => {
                self.speak(out);
                self.add(text, out);
            }
            Piece::Citation(citation) => match self.open {
                Open::Text(_) => self.cite(&citation, out),
                _ => self.waiting.push(citation),
            },
            Piece::Picture(url) => self.show(&url, out),
            Piece::Odds(odds) => match &mut self.open {
                Open::Text(words) => {
                    let odds: Vec<Value> = serde_json::from_str(odds.get()).unwrap_or_default();
                    words.odds.extend(odds);
                }
                _ => self.ending.lose("logprobs"),
            },
            Piece::Refusal(text) => {
                if !matches!(self.open, Open::Refusal(_)) {
                    let words = self.message(&refusal_part(""), out);
                    self.open = Open::Refusal(words);
                }
                self.add(text, out);
            }
            Piece::Reasoning(text) => {
                self.think(Detail::default(), out);
                self.add(text, out);
            }
            Piece::Detail(mut detail) => {
                let words = detail.take_words();
                self.think(detail, out);
                if let Some(text) = words.and_then(|words| to_raw_value(&words).ok()) {
                    self.add(&text, out);
                }
            }
            Piece::Call(call) => self.call(&call, out),
        }
    }

    /// Opens a text where none is open.
    fn speak(&mut self, out: &mut BytesMut) {
        if !matches!(self.open, Open::Text(_)) {
            let words = self.message(&text_part("", &[], &[]), out);
            self.open = Open::Text(words);
        }
    }

    /// A picture that the model made; one that lies elsewhere has no place.
    fn show(&mut self, url: &str, out: &mut BytesMut) {
        let Some((_, data)) = url
            .strip_prefix("data:")
            .and_then(|rest| rest.split_once(";base64,"))
        else {
            self.ending.lose("images");
            return;
        };
        let begun = json!({ "type": "image_generation_call", "status": "in_progress" });
        let (place, id) = self.start("ig_", begun, out);
        let item = json!({ "type": "image_generation_call", "id": id, "status": "completed", "result": data });
        self.done(place, &item, out);
    }

    /// Where the open text comes from; the whole of it, where no place is told.
    fn cite(&mut self, citation: &Citation, out: &mut BytesMut) {
        let Open::Text(words) = &mut self.open else {
            return;
        };
        let length = words.said.chars().count() as u64;
        let here = |at: u64| at.saturating_sub(self.told).min(length);
        let (start, end) = citation
            .span
            .as_ref()
            .map_or((0, length), |span| (here(span.start), here(span.end)));
        let title = citation.title.as_deref().unwrap_or_default();
        let annotation = if let Some(url) = &citation.url {
            json!({ "type": "url_citation", "start_index": start, "end_index": end, "url": url, "title": title })
        } else {
            let file = citation.file.as_deref().unwrap_or_default();
            json!({ "type": "file_citation", "file_id": file, "filename": title, "index": end })
        };
        let added = json!({ "item_id": words.id, "output_index": words.place, "content_index": 0, "annotation_index": words.annotations.len(), "annotation": annotation });
        words.annotations.push(annotation);
        self.events
            .tell("response.output_text.annotation.added", &added, out);
    }

    /// Opens an item; what words were added to is closed.
    fn start(&mut self, prefix: &str, item: Value, out: &mut BytesMut) -> (usize, String) {
        self.close(out);
        let place = self.items.len();
        self.items.push(None);
        let id = format!("{}_{place}", self.speaker.message_id(prefix));
        let mut item = item;
        if let Some(fields) = item.as_object_mut() {
            fields.insert(String::from("id"), Value::from(id.as_str()));
        }
        let added = json!({ "output_index": place, "item": item });
        self.events.tell("response.output_item.added", &added, out);
        (place, id)
    }

    /// A message with one part.
    fn message(&mut self, part: &Value, out: &mut BytesMut) -> Words {
        let item = json!({ "type": "message", "status": "in_progress", "role": "assistant", "content": [] });
        let (place, id) = self.start("msg_", item, out);
        let added =
            json!({ "item_id": id, "output_index": place, "content_index": 0, "part": part });
        self.events.tell("response.content_part.added", &added, out);
        Words {
            place,
            id,
            said: String::new(),
            annotations: Vec::new(),
            odds: Vec::new(),
        }
    }

    /// The item of a piece of reasoning: the open one where it is more of the same.
    fn think(&mut self, detail: Detail<'_>, out: &mut BytesMut) {
        if let Open::Thought(_, known) = &mut self.open
            && known.index == detail.index
        {
            known.add(detail);
            return;
        }
        let (place, id) = self.start("rs_", json!({ "type": "reasoning", "summary": [] }), out);
        let words = Words {
            place,
            id,
            said: String::new(),
            annotations: Vec::new(),
            odds: Vec::new(),
        };
        self.open = Open::Thought(words, detail.kept());
    }

    /// Adds to what is open.
    fn add(&mut self, text: &RawValue, out: &mut BytesMut) {
        let (words, name) = match &mut self.open {
            Open::Nothing => return,
            Open::Text(words) => (words, "response.output_text.delta"),
            Open::Refusal(words) => (words, "response.refusal.delta"),
            Open::Thought(words, _) => {
                if words.said.is_empty() {
                    let part = json!({ "item_id": words.id, "output_index": words.place, "summary_index": 0, "part": summary_part("") });
                    self.events
                        .tell("response.reasoning_summary_part.added", &part, out);
                }
                (words, "response.reasoning_summary_text.delta")
            }
        };
        let summary = name.starts_with("response.reasoning");
        let delta = Added {
            item_id: &words.id,
            output_index: words.place,
            content_index: (!summary).then_some(0),
            summary_index: summary.then_some(0),
            delta: text,
            logprobs: (name == "response.output_text.delta").then_some([]),
        };
        self.events.tell(name, &delta, out);
        let plain: String = serde_json::from_str(text.get()).unwrap_or_default();
        words.said.push_str(&plain);
    }

    fn call(&mut self, call: &Call<'_>, out: &mut BytesMut) {
        let index = call.number(self.called);
        let known = |calling: &Calling| calling.index == index && call.goes_on(calling.progress);
        let at = match (self.calls.iter().rposition(known), call.name()) {
            (Some(at), _) => at,
            (None, Some(name)) => self.calling(index, name, call, out),
            // More of a call that was complete.
            (None, None) => return,
        };
        if let (Some(calling), Some(delta)) = (self.calls.get_mut(at), call.arguments()) {
            let plain: String = serde_json::from_str(delta.get()).unwrap_or_default();
            calling.progress.read(&plain);
            calling.arguments.push_str(&plain);
            let delta = Added {
                item_id: &calling.id,
                output_index: calling.place,
                content_index: None,
                summary_index: None,
                delta,
                logprobs: None,
            };
            self.events
                .tell("response.function_call_arguments.delta", &delta, out);
        }
    }

    /// A further call. Those before it whose arguments are complete are over.
    fn calling(&mut self, index: u32, name: &str, call: &Call<'_>, out: &mut BytesMut) -> usize {
        self.close(out);
        let (complete, open): (Vec<_>, Vec<_>) = std::mem::take(&mut self.calls)
            .into_iter()
            .partition(|calling| calling.progress.complete());
        self.calls = open;
        for calling in complete {
            self.called_out(calling, out);
        }
        let call_id = call.id(&self.speaker, self.called);
        if let Some(extra) = call.extra_content {
            let sealed = Sealed {
                call: Some(Cow::Borrowed(call_id.as_str())),
                extra: Some(extra.to_owned()),
                ..Sealed::default()
            };
            self.beside(sealed, out);
        }
        let item = json!({ "type": "function_call", "status": "in_progress", "call_id": call_id, "name": name, "arguments": "" });
        let (place, id) = self.start("fc_", item, out);
        self.called += 1;
        self.calls.push(Calling {
            place,
            index,
            id,
            call_id,
            name: name.to_owned(),
            arguments: String::new(),
            progress: Arguments::default(),
        });
        self.calls.len() - 1
    }

    /// What only its provider understands, as reasoning that says nothing.
    fn beside(&mut self, sealed: Sealed<'_>, out: &mut BytesMut) {
        let (place, id) = self.start("rs_", json!({ "type": "reasoning", "summary": [] }), out);
        let by = self.speaker.by.as_deref().map(Cow::Borrowed);
        let seal = Sealed { by, ..sealed }.write();
        let item =
            json!({ "type": "reasoning", "id": id, "summary": [], "encrypted_content": seal });
        self.done(place, &item, out);
    }

    /// Nothing more is said: what is open is closed, and all that has no place is known.
    pub(crate) fn close_all(&mut self, out: &mut BytesMut) {
        self.begin(out);
        self.close(out);
        let waiting = !std::mem::take(&mut self.waiting).is_empty();
        if waiting || !self.ending.take_sources().is_empty() {
            self.ending.lose("citations");
        }
        for calling in std::mem::take(&mut self.calls) {
            self.called_out(calling, out);
        }
    }

    fn called_out(&mut self, calling: Calling, out: &mut BytesMut) {
        let Calling {
            place,
            id,
            call_id,
            name,
            mut arguments,
            ..
        } = calling;
        if arguments.is_empty() {
            arguments.push_str("{}");
        }
        let told =
            json!({ "item_id": id, "output_index": place, "name": name, "arguments": arguments });
        self.events
            .tell("response.function_call_arguments.done", &told, out);
        let item = json!({ "type": "function_call", "id": id, "status": "completed", "call_id": call_id, "name": name, "arguments": arguments });
        self.done(place, &item, out);
    }

    fn close(&mut self, out: &mut BytesMut) {
        if let Open::Text(_) = self.open {
            let mut citations = std::mem::take(&mut self.waiting);
            citations.extend(self.ending.take_sources());
            for citation in citations {
                self.cite(&citation, out);
            }
        }
        match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Nothing => {}
            Open::Text(words) => {
                let told = json!({ "item_id": words.id, "output_index": words.place, "content_index": 0, "text": words.said, "logprobs": words.odds });
                self.events.tell("response.output_text.done", &told, out);
                self.told += words.said.chars().count() as u64;
                let part = text_part(&words.said, &words.annotations, &words.odds);
                self.spoken(&words, &part, out);
            }
            Open::Refusal(words) => {
                let told = json!({ "item_id": words.id, "output_index": words.place, "content_index": 0, "refusal": words.said });
                self.events.tell("response.refusal.done", &told, out);
                let part = refusal_part(&words.said);
                self.spoken(&words, &part, out);
            }
            Open::Thought(words, detail) => self.thought(&words, detail, out),
        }
    }

    /// A message is complete.
    fn spoken(&mut self, words: &Words, part: &Value, out: &mut BytesMut) {
        let told = json!({ "item_id": words.id, "output_index": words.place, "content_index": 0, "part": part });
        self.events.tell("response.content_part.done", &told, out);
        let item = json!({ "type": "message", "id": words.id, "status": "completed", "role": "assistant", "content": [part] });
        self.done(words.place, &item, out);
    }

    /// A piece of reasoning is complete.
    fn thought(&mut self, words: &Words, detail: Detail<'static>, out: &mut BytesMut) {
        let mut summary = Vec::new();
        if !words.said.is_empty() {
            let part = summary_part(&words.said);
            let text = json!({ "item_id": words.id, "output_index": words.place, "summary_index": 0, "text": words.said });
            self.events
                .tell("response.reasoning_summary_text.done", &text, out);
            let told = json!({ "item_id": words.id, "output_index": words.place, "summary_index": 0, "part": part });
            self.events
                .tell("response.reasoning_summary_part.done", &told, out);
            summary.push(part);
        }
        let seal = Sealed {
            by: self.speaker.by.as_deref().map(Cow::Borrowed),
            detail: Some(detail),
            ..Sealed::default()
        }
        .write();
        let item = json!({ "type": "reasoning", "id": words.id, "summary": summary, "encrypted_content": seal });
        self.done(words.place, &item, out);
    }

    fn done(&mut self, place: usize, item: &Value, out: &mut BytesMut) {
        let told = json!({ "output_index": place, "item": item });
        self.events.tell("response.output_item.done", &told, out);
        if let Some(known) = self.items.get_mut(place) {
            *known = to_raw_value(item).ok();
        }
    }
}

/// The event of a failure, without its number. `error` is what OpenAI's clients look for, the rest what is documented.
pub(crate) fn failure(error: &ErrorBody) -> Value {
    let object: Value = serde_json::from_slice(&error.to_json()).unwrap_or_default();
    json!({
        "code": error.code,
        "message": error.message,
        "param": error.param,
        "error": object.get("error"),
    })
}

/// The event of a failure in a stream of which nothing was said.
pub(crate) fn stream_error(error: &ErrorBody) -> Bytes {
    let mut out = BytesMut::new();
    let mut events = Events {
        count: 0,
        silent: false,
    };
    events.tell("error", &failure(error), &mut out);
    out.freeze()
}

fn text_part(text: &str, annotations: &[Value], odds: &[Value]) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": annotations, "logprobs": odds })
}

fn refusal_part(text: &str) -> Value {
    json!({ "type": "refusal", "refusal": text })
}

fn summary_part(text: &str) -> Value {
    json!({ "type": "summary_text", "text": text })
}
