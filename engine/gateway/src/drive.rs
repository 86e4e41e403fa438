//! A flight carried out: its actions done, its attempts polled, its timer kept, its answer passed on.
//!
//! Everything runs inside the task of the client's connection. When the client hangs up, hyper drops the [`Drive`] (or
//! the [`Relay`] that holds it): the attempt is dropped with it, which closes the upstream, and the flight is recorded.

use crate::attempt::{Progress, Running, Step};
use crate::bundle::Bundle;
use crate::clock::{Clock, unix_ms};
use crate::complaint;
use crate::events::Events;
use crate::recorder::Recorder;
use crate::upstream::Upstream;
use bytes::{Bytes, BytesMut};
use mux_plugins::{Call, Part};
use mux_routing::class::Class;
use mux_routing::flight::{Action, Actions, End, Event, Failure, Flight};
use mux_wire::chat::{ChatRequest, DONE, chunk};
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;

/// Most bytes held back before the first content.
const HELD: usize = 64 << 10;

/// What a drive needs of the gateway.
#[derive(Clone, Debug)]
pub struct Means {
    /// Connections.
    pub upstream: Upstream,
    /// Where the flight goes when it is over.
    pub recorder: Recorder,
    /// The clock of all flights.
    pub clock: Clock,
}

/// A flight under way.
pub struct Drive {
    /// Taken when the drive is dropped.
    flight: Option<Flight>,
    bundle: Arc<Bundle>,
    means: Means,
    chat: ChatRequest,
    body: Bytes,
    running: Option<Running>,
    timer: Pin<Box<Sleep>>,
    /// For the client, in order; before the commitment they may still be thrown away.
    parts: VecDeque<Bytes>,
    held: usize,
    events: Events,
    committed: bool,
    over: bool,
    translated: bool,
    warnings: Vec<String>,
    /// The request's place among those in flight, kept until its last byte.
    _permit: OwnedSemaphorePermit,
}

impl fmt::Debug for Drive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drive")
            .field("flight", &self.flight)
            .field("committed", &self.committed)
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}

impl Drive {
    /// Sets a flight off.
    #[must_use]
    pub fn new(
        flight: Flight,
        bundle: Arc<Bundle>,
        means: Means,
        chat: ChatRequest,
        body: Bytes,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let timer = Box::pin(tokio::time::sleep_until(means.clock.instant(u64::MAX)));
        let mut drive = Self {
            flight: Some(flight),
            bundle,
            means,
            chat,
            body,
            running: None,
            timer,
            parts: VecDeque::new(),
            held: 0,
            events: Events::default(),
            committed: false,
            over: false,
            translated: false,
            warnings: Vec::new(),
            _permit: permit,
        };
        let mut actions = Actions::new();
        let now = drive.means.clock.now();
        if let Some(flight) = drive.flight.as_mut() {
            flight.start(now, &mut actions);
        }
        drive.perform(actions);
        drive
    }

    /// Waits until the client is committed to one answer, or the flight is over without one.
    pub async fn decided(&mut self) {
        std::future::poll_fn(|cx| {
            while !self.committed && !self.over {
                ready!(self.poll_turn(cx));
            }
            Poll::Ready(())
        })
        .await;
    }

    /// The flight.
    #[must_use]
    pub fn flight(&self) -> Option<&Flight> {
        self.flight.as_ref()
    }

    /// What adapters changed or dropped of the request.
    #[must_use]
    pub fn warnings(&self) -> String {
        self.warnings.join("; ")
    }

    /// The complete answer of a flight that is over.
    #[must_use]
    pub fn take_parts(&mut self) -> VecDeque<Bytes> {
        std::mem::take(&mut self.parts)
    }

    /// Handles whatever is ready; `Pending` when nothing is.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.over {
            return Poll::Ready(());
        }
        if let Some(running) = self.running.as_mut()
            && let Poll::Ready(step) = running.poll_step(cx)
        {
            self.take(step);
            return Poll::Ready(());
        }
        let wake = self.flight.as_ref().and_then(Flight::wake_at);
        let at = self.means.clock.instant(wake.unwrap_or(u64::MAX));
        if self.timer.deadline() != at {
            self.timer.as_mut().reset(at);
        }
        ready!(self.timer.as_mut().poll(cx));
        self.tell(|_| Event::Wake);
        Poll::Ready(())
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Connected => self.tell(Event::Connected),
            Step::Head(status, left) => {
                self.tell(|n| Event::Head(n, status));
                if let Some(left) = left {
                    self.tell(|n| Event::Allowance(n, left));
                }
            }
            Step::Parts(progress) => {
                self.progress(progress);
                if !self.committed && self.held > HELD && self.chat.stream {
                    self.running = None;
                    let message = Some(format!("no content in the first {} KiB", HELD >> 10));
                    self.tell(|n| {
                        Event::Failed(
                            n,
                            Failure {
                                message,
                                ..Failure::of(Class::BadResponse)
                            },
                        )
                    });
                }
            }
            Step::Done(usage, progress) => {
                self.progress(progress);
                self.running = None;
                self.events.finish(&mut self.parts);
                if self.translated && self.chat.stream {
                    self.parts.push_back(Bytes::from_static(DONE));
                }
                self.tell(|n| Event::Done(n, usage));
            }
            Step::Failed(failure) => {
                self.running = None;
                self.tell(|n| Event::Failed(n, failure));
            }
        }
    }

    fn progress(&mut self, progress: Progress) {
        self.keep(progress.parts);
        self.tell(|n| Event::Progress(n, progress.text));
        if progress.content {
            self.tell(Event::Content);
        }
    }

    fn keep(&mut self, parts: Vec<Part>) {
        for part in parts {
            match part {
                Part::Verbatim(bytes) if self.chat.stream => {
                    self.held += bytes.len();
                    self.events.push(bytes, &mut self.parts);
                }
                Part::Verbatim(bytes) | Part::Whole(bytes) => self.parts.push_back(bytes),
                Part::Chunk(json) => {
                    self.translated = true;
                    let mut framed = BytesMut::with_capacity(json.len() + 8);
                    chunk(&json, &mut framed);
                    self.held += framed.len();
                    self.parts.push_back(framed.freeze());
                }
            }
        }
    }

    /// Tells the flight what happened to its newest attempt, and does what it answers.
    fn tell(&mut self, event: impl FnOnce(usize) -> Event) {
        let now = self.means.clock.now();
        let mut actions = Actions::new();
        if let Some(flight) = self.flight.as_mut() {
            let newest = flight.attempts().len().saturating_sub(1);
            flight.on(event(newest), now, &mut actions);
        }
        self.perform(actions);
    }

    fn perform(&mut self, actions: Actions) {
        let mut queue: VecDeque<Action> = actions.into_iter().collect();
        while let Some(action) = queue.pop_front() {
            match action {
                Action::Start { attempt, target } => {
                    self.parts.clear();
                    self.held = 0;
                    self.events.clear();
                    self.translated = false;
                    let started = self.start(attempt, target);
                    let now = self.means.clock.now();
                    let event = match started {
                        Ok(running) => {
                            self.running = Some(running);
                            Event::Sent(attempt)
                        }
                        Err(failure) => Event::Failed(attempt, failure),
                    };
                    let mut more = Actions::new();
                    if let Some(flight) = self.flight.as_mut() {
                        flight.on(event, now, &mut more);
                    }
                    queue.extend(more);
                }
                Action::Cancel(_) => self.running = None,
                Action::Commit(_) => self.committed = true,
                Action::Finish => self.over = true,
            }
        }
    }

    fn start(
        &mut self,
        attempt: usize,
        target: mux_dsl::image::TargetId,
    ) -> Result<Running, Failure> {
        let gone = || Failure {
            message: Some("the target has no adapter".to_owned()),
            ..Failure::of(Class::Plugin)
        };
        let bundle = Arc::clone(&self.bundle);
        let (line, model) = bundle.line(target).ok_or_else(gone)?;
        let id = self
            .flight
            .as_ref()
            .map_or("", |f| &f.arrival().id)
            .to_owned();
        let call = Call {
            operation: "chat",
            dialect: "openai-chat",
            model,
            model_span: self.chat.model_span.clone(),
            stream: self.chat.stream,
            attempt: u32::try_from(attempt).unwrap_or(u32::MAX),
            now_unix_ms: unix_ms().unsigned_abs(),
            request_id: &id,
            body: &self.body,
        };
        let running = Running::start(line, &call, &self.means.upstream)?;
        self.warnings.clone_from(&running.warnings);
        Ok(running)
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        let Some(mut flight) = self.flight.take() else {
            return;
        };
        // First the upstream, so that it stops generating; then the books.
        self.running = None;
        if flight.end().is_none() {
            flight.on(
                Event::ClientGone,
                self.means.clock.now(),
                &mut Actions::new(),
            );
        }
        self.means.recorder.flight(flight);
    }
}

/// The rest of a committed stream, as a body.
#[derive(Debug)]
pub struct Relay {
    drive: Drive,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Open,
    /// The error event is written; let it reach the socket before the connection is aborted.
    Flushing,
    Aborting,
}

impl Relay {
    /// Of a flight that is committed.
    #[must_use]
    pub fn new(drive: Drive) -> Self {
        Self {
            drive,
            fate: Fate::Open,
        }
    }

    /// The next bytes; an error aborts the connection, so that no client takes a broken answer for a whole one.
    pub fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        match self.fate {
            Fate::Open => {}
            Fate::Flushing => {
                self.fate = Fate::Aborting;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Fate::Aborting => {
                return Poll::Ready(Some(Err(io::Error::other("the answer broke off"))));
            }
        }
        loop {
            if let Some(part) = self.drive.parts.pop_front() {
                return Poll::Ready(Some(Ok(part)));
            }
            if self.drive.over {
                return Poll::Ready(self.end());
            }
            ready!(self.drive.poll_turn(cx));
        }
    }

    fn end(&mut self) -> Option<io::Result<Bytes>> {
        let flight = self.drive.flight.as_ref()?;
        let End::Broken(class) = flight.end()? else {
            return None;
        };
        self.fate = Fate::Flushing;
        Some(Ok(complaint::broken(flight, class.word())))
    }
}
