//! A flight carried out: its actions done, its attempts polled, its timer kept, its answer passed on.
//!
//! Everything runs inside the task of the client's connection. When the client hangs up, hyper drops the [`Drive`] (or
//! the [`relay::Relay`] that holds it): the attempts are dropped with it, which closes the upstreams, and the flight is
//! recorded.

pub(crate) mod relay;

use crate::asked::{Asked, Sent};
use crate::bundle::{Bundle, Line};
use crate::clock::{Clock, unix_ms};
use crate::hearing;
use crate::lane::{Brought, Form, Lane, Spoken};
use crate::places::Place;
use crate::recorder::Recorder;
use crate::upstream::Upstream;
use bytes::Bytes;
use mux_dsl::image::{Features, TargetId};
use mux_plugins::{Call, Manner};
use mux_routing::class::Class;
use mux_routing::flight::{Action, Actions, Errand, Event, Failure, Flight};
use mux_wire::Dialect;
use mux_wire::chat::{Audience, ChatRequest, messages, question, scan};
use mux_wire::embeddings;
use mux_wire::speaker::Speaker;
use mux_wire::usage::Usage;
use mux_wire::voice;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::time::Sleep;

/// What a drive needs of the gateway.
#[derive(Clone, Debug)]
pub(crate) struct Means {
    /// Connections.
    pub(crate) upstream: Upstream,
    /// Where the flight goes when it is over.
    pub(crate) recorder: Recorder,
    /// The clock of all flights.
    pub(crate) clock: Clock,
}

/// A flight under way.
pub(crate) struct Drive {
    /// Taken when the drive is dropped.
    flight: Option<Flight>,
    bundle: Arc<Bundle>,
    means: Means,
    asked: Asked,
    /// Attempts that are under way, or whose answers are not decided about.
    lanes: Vec<Lane>,
    /// Which lane is polled first: each has its turn.
    turn: usize,
    timer: Pin<Box<Sleep>>,
    /// The attempt whose answer the client gets.
    committed: Option<usize>,
    over: bool,
    /// Nobody gets what comes: it is dropped as it comes.
    unheard: bool,
    /// The request's place among those in flight, kept until its last byte.
    place: Option<Place>,
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
    pub(crate) fn new(
        flight: Flight,
        bundle: Arc<Bundle>,
        means: Means,
        asked: Asked,
        place: Place,
    ) -> Self {
        let timer = Box::pin(tokio::time::sleep_until(means.clock.instant(u64::MAX)));
        let mut drive = Self {
            flight: Some(flight),
            bundle,
            means,
            asked,
            lanes: Vec::with_capacity(1),
            turn: 0,
            timer,
            committed: None,
            over: false,
            unheard: false,
            place: Some(place),
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
    pub(crate) async fn decided(&mut self) {
        std::future::poll_fn(|cx| {
            while self.committed.is_none() && !self.over {
                ready!(self.poll_turn(cx));
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Sends the client its status before anybody has answered, unless it is known already that nobody will.
    #[must_use]
    pub(crate) fn promise(&mut self) -> bool {
        let open = !self.over;
        if let Some(flight) = self.flight.as_mut().filter(|_| open) {
            flight.promise();
        }
        open
    }

    /// Carries the flight to its end for nobody: what comes is dropped.
    pub(crate) async fn unheard(mut self) {
        self.unheard = true;
        std::future::poll_fn(|cx| {
            while !self.over {
                self.lanes.iter_mut().for_each(Lane::forget);
                ready!(self.poll_turn(cx));
            }
            Poll::Ready(())
        })
        .await;
    }

    /// The flight.
    #[must_use]
    pub(crate) fn flight(&self) -> Option<&Flight> {
        self.flight.as_ref()
    }

    /// What adapters changed or dropped of the request.
    #[must_use]
    pub(crate) fn warnings(&self) -> String {
        let chosen = self.committed.and_then(|attempt| self.lane(attempt));
        chosen.map_or_else(String::new, |lane| lane.warnings.join("; "))
    }

    /// The complete answer of a flight that is over, in the client's dialect.
    pub(crate) fn take_answer(&mut self) -> VecDeque<Bytes> {
        let dialect = self.asked.dialect;
        let Some(lane) = self.chosen() else {
            return VecDeque::new();
        };
        if dialect == Dialect::Embeddings {
            let body = lane.whole();
            let formed = embeddings::in_form(self.asked.facts.packed, &body);
            return VecDeque::from([formed.unwrap_or(body)]);
        }
        match lane.spoken.take() {
            // It was said before it was known what the flight counts where the provider counts nothing.
            Some(Spoken {
                answer,
                counted: false,
            }) => {
                let (body, speaker) = (lane.whole(), self.speaker(self.committed));
                let counted = voice::whole(dialect, &speaker, &body);
                VecDeque::from([counted.unwrap_or(answer)])
            }
            Some(spoken) => VecDeque::from([spoken.answer]),
            None => std::mem::take(&mut lane.parts),
        }
    }

    /// Says the complete answer of an attempt in the client's dialect, if that is another one and the answer is for clients.
    ///
    /// # Errors
    /// It is no answer that could be said.
    fn say(
        &mut self,
        attempt: usize,
        used: Option<mux_traffic::record::Usage>,
    ) -> Result<(), Failure> {
        let judges = |flight: &Flight| matches!(flight.errand(attempt), Errand::Judge { .. });
        let Some(lane) = self.lane(attempt) else {
            return Ok(());
        };
        if self.unheard
            || lane.stream
            || matches!(lane.form, Form::Client)
            || self.flight.as_ref().is_none_or(judges)
        {
            return Ok(());
        }
        let speaker = Speaker {
            usage: used.as_ref().map(usage),
            ..self.speaker(Some(attempt))
        };
        let answer = voice::whole(self.asked.dialect, &speaker, &lane.whole());
        let answer = answer.map_err(|error| Failure {
            message: Some(format!("the answer is no chat completion: {error}")),
            usage: used,
            ..Failure::of(Class::BadResponse)
        })?;
        let spoken = Spoken {
            answer,
            counted: used.is_some(),
        };
        if let Some(lane) = self.lanes.iter_mut().find(|l| l.attempt == attempt) {
            lane.spoken = Some(spoken);
        }
        Ok(())
    }

    fn lane(&self, attempt: usize) -> Option<&Lane> {
        self.lanes.iter().find(|lane| lane.attempt == attempt)
    }

    fn chosen(&mut self) -> Option<&mut Lane> {
        let attempt = self.committed?;
        self.lanes.iter_mut().find(|lane| lane.attempt == attempt)
    }

    /// Handles whatever is ready; `Pending` when nothing is.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.over {
            return Poll::Ready(());
        }
        self.turn = self.turn.wrapping_add(1);
        let lanes = self.lanes.len();
        for n in 0..lanes {
            let place = (self.turn + n) % lanes;
            if let Some(lane) = self.lanes.get_mut(place)
                && let Poll::Ready(brought) = lane.poll(cx)
            {
                let attempt = lane.attempt;
                self.take(attempt, brought);
                return Poll::Ready(());
            }
        }
        let wake = self.flight.as_ref().and_then(Flight::wake_at);
        let at = self.means.clock.instant(wake.unwrap_or(u64::MAX));
        if self.timer.deadline() != at {
            self.timer.as_mut().reset(at);
        }
        ready!(self.timer.as_mut().poll(cx));
        self.tell(Event::Wake);
        Poll::Ready(())
    }

    fn take(&mut self, attempt: usize, brought: Brought) {
        match brought {
            Brought::Sent => self.tell(Event::Sent(attempt)),
            Brought::Connected => self.tell(Event::Connected(attempt)),
            Brought::Head(status, left) => {
                self.tell(Event::Head(attempt, status));
                if let Some(left) = left {
                    self.tell(Event::Allowance(attempt, left));
                }
            }
            Brought::Some { text, content } => self.progress(attempt, text, content),
            Brought::All {
                text,
                content,
                usage,
            } => {
                self.progress(attempt, text, content);
                // Before it counts as served: another target may have an answer that can be read.
                if let Err(failure) = self.say(attempt, usage) {
                    self.lanes.retain(|lane| lane.attempt != attempt);
                    return self.tell(Event::Failed(attempt, failure));
                }
                if let Some(told) = self.hear(attempt) {
                    self.tell(Event::Told(attempt, Box::new(told)));
                }
                self.tell(Event::Done(attempt, usage));
            }
            Brought::Failed(mut failure) => {
                if self.committed == Some(attempt) {
                    let said = self.lane(attempt).and_then(Lane::said);
                    failure.resumable = said.is_some() && hearing::plain(&self.asked.body);
                } else {
                    self.lanes.retain(|lane| lane.attempt != attempt);
                }
                self.tell(Event::Failed(attempt, failure));
            }
        }
    }

    fn progress(&mut self, attempt: usize, text: u64, content: bool) {
        let mut lanes = self.lanes.iter_mut();
        let lane = lanes.find(|lane| lane.attempt == attempt);
        if let Some(model) = lane.and_then(Lane::named) {
            self.tell(Event::Model(attempt, model));
        }
        self.tell(Event::Progress(attempt, text));
        if content {
            self.tell(Event::Content(attempt));
        }
        if self.committed.is_none()
            && let Some(message) = self.lane(attempt).and_then(Lane::overfull)
        {
            self.lanes.retain(|lane| lane.attempt != attempt);
            let failure = Failure {
                message: Some(message),
                ..Failure::of(Class::BadResponse)
            };
            self.tell(Event::Failed(attempt, failure));
        }
    }

    /// What the flight asks about the complete answer of an attempt.
    fn hear(&self, attempt: usize) -> Option<mux_routing::flight::Told> {
        let asks = self.flight.as_ref()?.asks(attempt)?;
        let lane = self.lane(attempt)?;
        let answer = hearing::complete(&lane.parts, lane.stream);
        Some(hearing::told(&asks, answer.as_ref(), &self.asked.body))
    }

    /// Tells the flight what happened, and does what it answers.
    fn tell(&mut self, event: Event) {
        let now = self.means.clock.now();
        let mut actions = Actions::new();
        if let Some(flight) = self.flight.as_mut() {
            flight.on(event, now, &mut actions);
        }
        self.perform(actions);
    }

    fn perform(&mut self, actions: Actions) {
        let mut queue: VecDeque<Action> = actions.into_iter().collect();
        while let Some(action) = queue.pop_front() {
            match action {
                Action::Start { attempt, target } => {
                    let event = match self.start(attempt, target) {
                        Ok(lane) => {
                            let waits = lane.waits();
                            self.lanes.push(lane);
                            if waits {
                                Event::Waits(attempt)
                            } else {
                                Event::Sent(attempt)
                            }
                        }
                        Err(failure) => Event::Failed(attempt, failure),
                    };
                    let now = self.means.clock.now();
                    let mut more = Actions::new();
                    if let Some(flight) = self.flight.as_mut() {
                        flight.on(event, now, &mut more);
                    }
                    queue.extend(more);
                }
                Action::Cancel(attempt) => {
                    self.lanes
                        .iter_mut()
                        .filter(|lane| lane.attempt == attempt)
                        .for_each(Lane::hang_up);
                    let kept = self.committed;
                    self.lanes
                        .retain(|lane| lane.attempt != attempt || kept == Some(attempt));
                }
                Action::Commit(attempt) => {
                    self.committed = Some(attempt);
                    self.lanes
                        .retain(|lane| lane.attempt == attempt || lane.runs());
                }
                Action::Resume(attempt) => {
                    let broken = self.chosen().map(|lane| std::mem::take(&mut lane.parts));
                    self.committed = Some(attempt);
                    self.lanes.retain(|lane| lane.attempt == attempt);
                    if let (Some(lane), Some(broken)) = (self.chosen(), broken) {
                        lane.follow(broken);
                    }
                }
                Action::Finish => self.over = true,
            }
        }
    }

    fn start(&mut self, attempt: usize, target: TargetId) -> Result<Lane, Failure> {
        let fault = |message: &str| Failure {
            message: Some(message.to_owned()),
            ..Failure::of(Class::Plugin)
        };
        let bundle = Arc::clone(&self.bundle);
        let (line, model) = bundle
            .line(target)
            .ok_or_else(|| fault("the target has no adapter"))?;
        let untouched = self.untouched(attempt, line);
        let sent = match untouched {
            Some(sent) => sent,
            None => self.sent(target, line)?,
        };
        let question = self.question(attempt, &sent.body).map_err(fault)?;
        let (body, model_span, stream) = match &question {
            Some((chat, body)) => (body, chat.model_span.clone(), chat.stream),
            None => (&sent.body, sent.model_span, self.asked.facts.stream),
        };
        let own = self.asked.own.as_deref().filter(|_| sent.native);
        let headers = own.map(|own| &own.headers);
        let id = self.flight.as_ref().map_or("", |f| &f.arrival().id);
        let call = Call {
            operation: sent.dialect.operation(),
            dialect: sent.dialect.name(),
            model,
            model_span,
            stream,
            attempt: u32::try_from(attempt).unwrap_or(u32::MAX),
            now_unix_ms: unix_ms().unsigned_abs(),
            request_id: id,
            body,
        };
        let mut begun = Lane::start(attempt, line, &call, headers, &self.means.upstream)?;
        begun.warnings.extend(sent.dropped);
        if sent.dialect != self.asked.dialect {
            let as_it_is = line.adapter.manner(Dialect::Chat) == Some(Manner::Untouched);
            let by = as_it_is.then(|| bundle.provider_name(target)).flatten();
            begun.form = Form::Chat(by);
        }
        if let Some(flight) = &self.flight {
            if flight.resumes(attempt) {
                begun.remember();
            }
            if let Errand::Resume(broken) = flight.errand(attempt) {
                begun.carry_on(flight.used(broken).as_ref().map(usage));
            }
        }
        Ok(begun)
    }

    /// The client's own request, where the provider speaks its dialect and nobody else has to look at the answer.
    fn untouched(&self, attempt: usize, line: &Line) -> Option<Sent> {
        let flight = self.flight.as_ref()?;
        line.adapter.manner(self.asked.dialect)?;
        let looked_at = flight.errand(attempt) != Errand::Request
            || flight.asks(attempt).is_some()
            || flight.resumes(attempt);
        if looked_at {
            return None;
        }
        self.asked.untouched()
    }

    /// The request in the form that everybody else is sent.
    fn sent(&mut self, target: TargetId, line: &Line) -> Result<Sent, Failure> {
        let bundle = Arc::clone(&self.bundle);
        let fleet = bundle.router.fleet();
        let target = fleet.targets.get(target.index());
        let provider = target.and_then(|t| fleet.providers.get(t.provider.index()));
        let to = match (line.adapter.manner(self.asked.form()), target, provider) {
            (Some(Manner::Untouched), Some(target), Some(provider)) => Audience::Provider {
                name: &provider.name,
                reasons: target.can.contains(Features::REASONING),
                // Those that kept up with OpenAI as far as Responses kept up here, too.
                newest: line.adapter.manner(Dialect::Responses).is_some(),
            },
            _ => Audience::Adapter,
        };
        self.asked.sent(to).map_err(|refused| Failure {
            message: Some(format!("`{}`: {}", refused.param, refused.message)),
            ..Failure::of(Class::Unsupported)
        })
    }

    /// The request of an attempt, where it is not the client's own: a question about answers.
    fn question(
        &self,
        attempt: usize,
        request: &Bytes,
    ) -> Result<Option<(ChatRequest, Bytes)>, &'static str> {
        let Some(flight) = &self.flight else {
            return Ok(None);
        };
        let words = |attempt| {
            let lane = self.lane(attempt)?;
            Some(hearing::complete(&lane.parts, lane.stream)?.words())
        };
        let body = match flight.errand(attempt) {
            Errand::Request => return Ok(None),
            Errand::Judge { rubric, answer } => {
                let prompt = messages(request).unwrap_or_default();
                let answer =
                    words(answer).ok_or("an answer cannot be read, so it is not judged")?;
                question::judging(rubric, prompt, &answer)
            }
            Errand::Resume(broken) => {
                let said = self.lane(broken).and_then(Lane::said);
                let said = said.ok_or("an answer cannot be read, so it is not carried on")?;
                question::resuming(request, &said)
                    .ok_or("the request has no messages, so its answer is not carried on")?
            }
            Errand::Merge(answers) => {
                let drafts: Vec<_> = answers.iter().filter_map(|(_, n)| words(*n)).collect();
                question::merging(request, &drafts)
                    .ok_or("the request has no messages, so answers to it are not merged")?
            }
        };
        let chat = scan(&body).map_err(|_| "what mux asks of a model cannot be read")?;
        Ok(Some((chat, body)))
    }

    /// What the answer of an attempt is written with in the client's dialect.
    fn speaker(&self, attempt: Option<usize>) -> Speaker {
        let Some(flight) = &self.flight else {
            return Speaker::default();
        };
        let arrival = flight.arrival();
        let chosen = attempt.and_then(|attempt| self.lane(attempt));
        Speaker {
            request_id: arrival.id.clone(),
            model: arrival.facts.model.clone(),
            by: chosen.and_then(|lane| match &lane.form {
                Form::Chat(by) => by.as_deref().map(str::to_owned),
                Form::Client => None,
            }),
            created: arrival.at.unsigned_abs() / 1_000,
            usage: self.counted(),
            request: self
                .asked
                .own
                .as_ref()
                .map(|own| own.body.clone())
                .unwrap_or_default(),
        }
    }

    /// What the answer that the client gets used, reported or estimated.
    fn counted(&self) -> Option<Usage> {
        let used = self.flight.as_ref()?.used(self.committed?)?;
        Some(usage(&used))
    }
}

/// Counts without who counted.
fn usage(used: &mux_traffic::record::Usage) -> Usage {
    Usage {
        input: used.input,
        output: used.output,
        cache_read: used.cache_read,
        cache_write: used.cache_write,
        reasoning: used.reasoning,
        cache_write_1h: used.cache_write_1h,
        audio_input: used.audio_input,
        audio_output: used.audio_output,
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        let Some(mut flight) = self.flight.take() else {
            return;
        };
        if flight.end().is_none() {
            let now = self.means.clock.now();
            let mut actions = Actions::new();
            flight.on(Event::ClientGone, now, &mut actions);
            self.flight = Some(flight);
            // The upstreams first, so that they stop generating; then the books.
            self.perform(actions);
            match self.flight.take() {
                Some(left) if left.end().is_none() => return self.read_on(left),
                Some(left) => flight = left,
                None => return,
            }
        }
        self.lanes.clear();
        self.means.recorder.flight(flight);
    }
}

impl Drive {
    /// The client has left, and the flight wants to know what its attempts use.
    fn read_on(&mut self, flight: Flight) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return self.means.recorder.flight(flight);
        };
        let rest = Self {
            flight: Some(flight),
            bundle: Arc::clone(&self.bundle),
            means: self.means.clone(),
            asked: Asked::default(),
            lanes: std::mem::take(&mut self.lanes),
            turn: 0,
            timer: Box::pin(tokio::time::sleep_until(self.means.clock.instant(u64::MAX))),
            committed: self.committed,
            over: false,
            unheard: true,
            place: self.place.take(),
        };
        runtime.spawn(rest.unheard());
    }
}
