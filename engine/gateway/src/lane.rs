//! One attempt and what it has brought: pieces for the client, in order, which may still be thrown away.

use crate::attempt::{Progress, Running, Step};
use crate::bundle::Line;
use crate::events::Events;
use crate::upstream::Upstream;
use bytes::{Bytes, BytesMut};
use hyper::HeaderMap;
use mux_plugins::{Call, Part};
use mux_routing::flight::Failure;
use mux_traffic::record::Usage;
use mux_wire::Dialect;
use mux_wire::chat::{Complete, DONE, carried_on, chunk};
use mux_wire::usage::Usage as Counts;
use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

/// Most bytes of a stream held back before its first content.
const BEFORE_CONTENT: usize = 64 << 10;
/// Most bytes of one held back until it is complete, because something has to look at all of it.
const UNTIL_COMPLETE: usize = 8 << 20;

/// Where an answer is carried on by another target, as a comment of the stream.
const SEAM: &[u8] = b": mux continued\n\n";

/// One attempt and what it has brought.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) attempt: usize,
    /// Its answer is streamed.
    pub(crate) stream: bool,
    /// For the client, in order.
    pub(crate) parts: VecDeque<Bytes>,
    /// What the adapter changed or dropped of the request.
    pub(crate) warnings: Vec<String>,
    /// What it brings is in.
    pub(crate) form: Form,
    /// All that was for the client, where somebody else may have to go on from there.
    said: Option<Vec<Bytes>>,
    running: Option<Running>,
    /// Most bytes held back before the first content.
    before: usize,
    held: usize,
    content: bool,
    events: Events,
    translated: bool,
    /// It carries on what another has begun.
    carries: Option<Carried>,
    /// Its complete answer in the client's dialect.
    pub(crate) spoken: Option<Spoken>,
    /// What its provider calls the model, until that is passed on.
    model: Option<Box<str>>,
}

/// What was said before a lane that carries it on.
#[derive(Clone, Copy, Debug)]
struct Carried {
    /// What that used, where anybody knows.
    used: Option<Counts>,
}

/// A complete answer in the client's dialect.
#[derive(Debug)]
pub(crate) struct Spoken {
    pub(crate) answer: Bytes,
    /// Its provider has said what it used.
    pub(crate) counted: bool,
}

/// The form of what a lane brings.
#[derive(Debug)]
pub(crate) enum Form {
    /// The client's own dialect.
    Client,
    /// The chat form, which is to be said in the client's; with the provider's name where it was not made by an adapter.
    Chat(Option<Box<str>>),
}

/// What came of an attempt.
#[derive(Debug)]
pub(crate) enum Brought {
    /// Its credential was there, and its request is on its way.
    Sent,
    /// Its connection stands.
    Connected,
    /// A good head, with what is left of the tightest rate limit, basis points.
    Head(u16, Option<u32>),
    /// So many bytes of text; the first content may be among them.
    Some { text: u64, content: bool },
    /// The rest of the answer.
    All {
        text: u64,
        content: bool,
        usage: Option<Usage>,
    },
    /// It failed.
    Failed(Failure),
}

/// How much of a request its answer repeats before it says anything: a response begins with two events that hold the
/// instructions and the tools it was asked with.
fn repeated(call: &Call<'_>) -> usize {
    if call.dialect == Dialect::Responses.name() {
        call.body.len().saturating_mul(2)
    } else {
        0
    }
}

impl Lane {
    /// Sends a request.
    ///
    /// # Errors
    /// It could not even be sent.
    pub(crate) fn start(
        attempt: usize,
        line: &Line,
        call: &Call<'_>,
        headers: Option<&HeaderMap>,
        upstream: &Upstream,
    ) -> Result<Self, Failure> {
        let mut running = Running::start(line, call, headers, upstream)?;
        Ok(Self {
            attempt,
            stream: call.stream,
            parts: VecDeque::new(),
            warnings: std::mem::take(&mut running.warnings),
            form: Form::Client,
            said: None,
            running: Some(running),
            before: BEFORE_CONTENT + repeated(call),
            held: 0,
            content: false,
            events: Events::default(),
            translated: false,
            carries: None,
            spoken: None,
            model: None,
        })
    }

    /// Keeps what it brings, so that somebody else can go on from there.
    pub(crate) fn remember(&mut self) {
        self.said = Some(Vec::new());
    }

    /// What it has said so far; `None` where it was not to be remembered, is more than plain text, or was said to be all.
    pub(crate) fn said(&self) -> Option<String> {
        let said = Complete::streamed(self.said.as_ref()?)?;
        let goes_on = said.finish.is_none() && said.calls.is_empty() && !said.text.is_empty();
        goes_on.then_some(said.text)
    }

    /// What it brings is more of an answer that has begun, and used so much.
    pub(crate) fn carry_on(&mut self, used: Option<Counts>) {
        self.carries = Some(Carried { used });
    }

    /// Goes on where another broke off: what that had brought comes first, then a comment that clients skip.
    pub(crate) fn follow(&mut self, mut before: VecDeque<Bytes>) {
        before.push_back(Bytes::from_static(SEAM));
        before.append(&mut self.parts);
        self.parts = before;
    }

    /// All that it brought, in one piece.
    pub(crate) fn whole(&self) -> Bytes {
        match self.parts.front() {
            Some(only) if self.parts.len() == 1 => only.clone(),
            _ => self.parts.iter().flatten().copied().collect(),
        }
    }

    /// Whether its request waits for a credential.
    pub(crate) fn waits(&self) -> bool {
        self.running.as_ref().is_some_and(Running::waits)
    }

    /// Whether it is under way.
    pub(crate) fn runs(&self) -> bool {
        self.running.is_some()
    }

    /// Closes the upstream; what was brought stays.
    pub(crate) fn hang_up(&mut self) {
        self.running = None;
    }

    /// Drops what was brought: nobody gets it.
    pub(crate) fn forget(&mut self) {
        self.parts.clear();
        self.held = 0;
    }

    /// What came next.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Brought> {
        let Some(running) = self.running.as_mut() else {
            return Poll::Pending;
        };
        let step = ready!(running.poll_step(cx));
        Poll::Ready(match step {
            Step::Sent => Brought::Sent,
            Step::Connected => Brought::Connected,
            Step::Head(status, left) => Brought::Head(status, left),
            Step::Parts(progress) => {
                let (text, content) = self.keep(progress);
                Brought::Some { text, content }
            }
            Step::Done(usage, progress) => {
                let (text, content) = self.keep(progress);
                self.running = None;
                if self.carries.is_some() {
                    let mut rest = VecDeque::new();
                    self.events.finish(&mut rest);
                    self.add(rest);
                } else {
                    self.events.finish(&mut self.parts);
                }
                if self.translated && self.stream {
                    self.parts.push_back(Bytes::from_static(DONE));
                }
                Brought::All {
                    text,
                    content,
                    usage,
                }
            }
            Step::Failed(failure) => {
                self.running = None;
                Brought::Failed(failure)
            }
        })
    }

    /// Why it holds more than it may while nobody gets it; `None` where it does not.
    pub(crate) fn overfull(&self) -> Option<String> {
        let (most, what) = if self.content {
            (UNTIL_COMPLETE, "more than can be held back, over")
        } else {
            (self.before, "no content in the first")
        };
        let over = self.runs() && self.stream && self.held > most;
        over.then(|| format!("{what} {} KiB", most >> 10))
    }

    fn keep(&mut self, progress: Progress) -> (u64, bool) {
        let before = self.parts.len();
        for part in progress.parts {
            match part {
                Part::Verbatim(bytes) if self.stream => {
                    self.held += bytes.len();
                    if self.carries.is_some() {
                        let mut whole = VecDeque::new();
                        self.events.push(bytes, &mut whole);
                        self.add(whole);
                    } else {
                        self.events.push(bytes, &mut self.parts);
                    }
                }
                Part::Verbatim(bytes) | Part::Whole(bytes) => self.parts.push_back(bytes),
                Part::Chunk(json) => {
                    self.translated = true;
                    let mut framed = BytesMut::with_capacity(json.len() + 8);
                    chunk(&json, &mut framed);
                    self.held += framed.len();
                    let framed = framed.freeze();
                    self.parts.push_back(match &self.carries {
                        Some(carried) => carried_on(&framed, carried.used.as_ref()),
                        None => framed,
                    });
                }
            }
        }
        if let Some(said) = &mut self.said {
            said.extend(self.parts.iter().skip(before).cloned());
        }
        self.content |= progress.content;
        self.model = progress.model.or_else(|| self.model.take());
        (progress.text, progress.content)
    }

    /// Adds whole events to what it has brought.
    fn add(&mut self, mut events: VecDeque<Bytes>) {
        match &self.carries {
            Some(carried) if !events.is_empty() => {
                let all: Vec<u8> = events.iter().flatten().copied().collect();
                self.parts
                    .push_back(carried_on(&all, carried.used.as_ref()));
            }
            _ => self.parts.append(&mut events),
        }
    }

    /// What its provider calls the model, where that is news.
    pub(crate) fn named(&mut self) -> Option<Box<str>> {
        self.model.take()
    }
}
