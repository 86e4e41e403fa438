//! One attempt on the wire: the request on its way, the reply coming in. Polled by [`crate::drive`], inside the task of
//! the client's connection, so that nothing is handed between threads and dropping it closes the upstream.

use crate::allowance;
use crate::bundle::Line;
use crate::clock::unix_ms;
use crate::credential::Key;
use crate::credential::pass::Pass;
use crate::credential::purse::{Denied, Ready, Soon};
use crate::upstream::{Slices, Upstream};
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Request, Response};
use hyper_util::client::legacy::ResponseFuture;
use hyper_util::client::legacy::connect::CaptureConnection;
use mux_plugins::{Adapter, Call, Fault, Output, Part, Plan, Reply};
use mux_routing::class::Class;
use mux_routing::flight::Failure;
use mux_traffic::record::Usage;
use mux_wire::fault::{ErrorKind, UpstreamError};
use mux_wire::wait::retry_after;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Most bytes of an error body that are read.
const ERROR_BODY: usize = 64 << 10;
/// Most bytes of an answer that is not streamed.
const WHOLE_BODY: usize = 64 << 20;

/// How long the end of a finished stream is waited for.
const DRAIN: Duration = Duration::from_secs(1);
/// Most bytes read while waiting for it.
const DRAIN_BYTES: usize = 64 << 10;
/// Longest wait a provider can ask for, milliseconds.
const LONGEST_WAIT: u64 = 300_000;

/// How long a target rests after its token was refused and dropped.
const AFTER_REFUSAL: u64 = 1_000 * mux_routing::MILLI;

/// An attempt under way.
#[derive(Debug)]
pub(crate) struct Running {
    state: State,
    adapter: Adapter,
    captured: Option<CaptureConnection>,
    connected: bool,
    reply: Option<Reply>,
    streaming: bool,
    /// Answer bytes so far, where the answer is not streamed.
    held: usize,
    seen: Seen,
    key: Option<Arc<Key>>,
    /// What was shown; struck out of whatever the provider says.
    pass: Option<Arc<Pass>>,
    /// What the adapter changed or dropped of the request.
    pub(crate) warnings: Vec<String>,
}

/// What the reply has shown so far.
#[derive(Debug, Default)]
struct Seen {
    content: bool,
    terminal: bool,
    /// Why the model stopped, or that it did.
    finished: bool,
    usage: Option<Usage>,
}

impl Seen {
    /// Whether anything was said: content, or at least why there is none.
    fn said(&self) -> bool {
        self.content || self.finished
    }
}

#[derive(Debug)]
enum State {
    /// Its credential is being fetched.
    Waiting(Box<Waiting>),
    Sending(ResponseFuture),
    Reading(Incoming),
    /// An error reply: status, headers, and the body so far.
    Refused(u16, Box<HeaderMap>, Incoming, BytesMut),
    Over,
}

/// A request that has everything but its credential.
struct Waiting {
    pass: Soon,
    plan: Plan,
    upstream: Upstream,
    private: bool,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

/// What an attempt has to tell.
#[derive(Debug)]
pub(crate) enum Step {
    /// What it waited for is there, and its request is on its way.
    Sent,
    /// The connection stands.
    Connected,
    /// A good head arrived, with what the provider says is left of its tightest rate limit, basis points.
    Head(u16, Option<u32>),
    /// Some of the answer.
    Parts(Progress),
    /// The rest of the answer.
    Done(Option<Usage>, Progress),
    /// It failed.
    Failed(Failure),
}

/// Some of an answer.
#[derive(Debug)]
pub(crate) struct Progress {
    /// For the client.
    pub(crate) parts: Vec<Part>,
    /// The first content is among them.
    pub(crate) content: bool,
    /// Bytes of text among them.
    pub(crate) text: u64,
    /// What the provider calls the model that answers; told once.
    pub(crate) model: Option<Box<str>>,
}

impl Running {
    /// Sends a request.
    ///
    /// # Errors
    /// It could not even be sent: the adapter refused or failed, there is no credential, or the address is not allowed.
    pub(crate) fn start(
        line: &Line,
        call: &Call<'_>,
        headers: Option<&HeaderMap>,
        upstream: &Upstream,
    ) -> Result<Self, Failure> {
        let mut plan = line.adapter.plan(call).map_err(|fault| failure(&fault))?;
        if let Some(headers) = headers {
            belonging(headers, &mut plan.headers);
        }
        let mut running = Self {
            state: State::Over,
            adapter: line.adapter.clone(),
            captured: None,
            connected: false,
            reply: Some(line.adapter.reply(&plan)),
            streaming: call.stream,
            held: 0,
            seen: Seen::default(),
            key: line.key.clone(),
            pass: None,
            warnings: std::mem::take(&mut plan.warnings),
        };
        match line.key.as_ref().map(|key| key.ready(upstream)) {
            None => running.send(plan, upstream, line.private)?,
            Some(Ready::Now(pass)) => {
                running.pass = Some(pass);
                running.send(plan, upstream, line.private)?;
            }
            Some(Ready::Soon(pass)) => {
                running.state = State::Waiting(Box::new(Waiting {
                    pass,
                    plan,
                    upstream: upstream.clone(),
                    private: line.private,
                }));
            }
            Some(Ready::Never(denied)) => return Err(without(denied)),
        }
        Ok(running)
    }

    /// Puts the credential on, and the request on its way.
    fn send(&mut self, mut plan: Plan, upstream: &Upstream, private: bool) -> Result<(), Failure> {
        if let (Some(key), Some(pass)) = (&self.key, &self.pass) {
            pass.put_on(&key.scheme, &mut plan, unix_ms().unsigned_abs())
                .map_err(|fault| failure(&fault))?;
        }
        let mut request = Request::new(Slices::from(plan.body));
        *request.method_mut() = plan.method;
        *request.uri_mut() = plan.url.parse().map_err(|e| {
            said(
                Class::Plugin,
                format!("the adapter made a bad address: {e}"),
            )
        })?;
        *request.headers_mut() = plan.headers;
        request
            .headers_mut()
            .insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let (sending, captured) = upstream
            .send(request, private)
            .map_err(|why| said(Class::Connect, why))?;
        self.state = State::Sending(sending);
        self.captured = Some(captured);
        Ok(())
    }

    /// Whether its request waits for a credential.
    pub(crate) fn waits(&self) -> bool {
        matches!(self.state, State::Waiting(_))
    }

    /// What happens next.
    pub(crate) fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        loop {
            match &mut self.state {
                State::Waiting(waiting) => {
                    let pass = ready!(waiting.pass.as_mut().poll(cx));
                    return Poll::Ready(match self.begin(pass) {
                        Ok(()) => Step::Sent,
                        Err(failure) => self.fail(failure),
                    });
                }
                State::Sending(sending) => {
                    let answer = Pin::new(sending).poll(cx);
                    let stands =
                        |captured: &CaptureConnection| captured.connection_metadata().is_some();
                    if !self.connected && self.captured.as_ref().is_some_and(stands) {
                        self.connected = true;
                        if answer.is_pending() {
                            return Poll::Ready(Step::Connected);
                        }
                    }
                    match ready!(answer) {
                        Ok(response) => {
                            if let Some(step) = self.head(response) {
                                return Poll::Ready(step);
                            }
                        }
                        Err(error) => {
                            self.state = State::Over;
                            return Poll::Ready(Step::Failed(broken(&error)));
                        }
                    }
                }
                State::Reading(body) => {
                    let next = ready!(Pin::new(body).poll_frame(cx));
                    if let Some(step) = self.frame(next) {
                        return Poll::Ready(step);
                    }
                }
                State::Refused(_, _, body, held) => match ready!(Pin::new(body).poll_frame(cx)) {
                    Some(Ok(frame)) if held.len() < ERROR_BODY => {
                        if let Some(data) = frame.data_ref() {
                            held.extend_from_slice(
                                data.get(..ERROR_BODY.min(data.len())).unwrap_or_default(),
                            );
                        }
                    }
                    _ => return Poll::Ready(self.refused()),
                },
                State::Over => return Poll::Pending,
            }
        }
    }

    /// The credential that was waited for is there, or is not.
    fn begin(&mut self, pass: Result<Arc<Pass>, Denied>) -> Result<(), Failure> {
        let State::Waiting(waiting) = std::mem::replace(&mut self.state, State::Over) else {
            return Ok(());
        };
        self.pass = Some(pass.map_err(without)?);
        let Waiting {
            plan,
            upstream,
            private,
            ..
        } = *waiting;
        self.send(plan, &upstream, private)
    }

    fn head(&mut self, response: Response<Incoming>) -> Option<Step> {
        let (head, body) = response.into_parts();
        let status = head.status.as_u16();
        if head.status.is_success() && !(self.streaming && is_json(&head.headers)) {
            self.state = State::Reading(body);
            let limits = self.adapter.limit_headers();
            return Some(Step::Head(status, allowance::left(&head.headers, limits)));
        }
        self.state = State::Refused(status, Box::new(head.headers), body, BytesMut::new());
        None
    }

    fn refused(&mut self) -> Step {
        let State::Refused(status, headers, _, body) =
            std::mem::replace(&mut self.state, State::Over)
        else {
            return Step::Failed(Failure::of(Class::Other));
        };
        let error = self.adapter.map_error(status, &headers, &body);
        let asked = retry_after(&headers, unix_ms())
            .map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX));
        let mut failure = self.upstream_failure(&error, asked);
        failure.status = Some(status);
        if failure.class == Class::Authentication
            && let (Some(key), Some(pass)) = (&self.key, &self.pass)
            && key.refused(pass)
        {
            // Another one is being fetched: the target need not rest as long as one whose key is wrong.
            failure.retry_after = failure.retry_after.or(Some(AFTER_REFUSAL));
        }
        // An object where a stream was asked for: not the provider's failure in its own eyes.
        if status < 300 && failure.class == Class::Server {
            failure.class = Class::BadResponse;
        }
        Step::Failed(failure)
    }

    fn frame(
        &mut self,
        next: Option<Result<http_body::Frame<Bytes>, hyper::Error>>,
    ) -> Option<Step> {
        let mut out = Output::default();
        let ended = match next {
            Some(Ok(frame)) => {
                let Ok(data) = frame.into_data() else {
                    return None;
                };
                self.held += if self.streaming { 0 } else { data.len() };
                if self.held > WHOLE_BODY {
                    return Some(self.fail(said(
                        Class::BadResponse,
                        format!("the answer is over {} MiB", WHOLE_BODY >> 20),
                    )));
                }
                self.reply.as_mut().map(|reply| reply.push(data, &mut out))
            }
            Some(Err(_)) => return Some(self.fail(self.cut())),
            None => {
                self.state = State::Over;
                self.reply.take().map(|mut reply| reply.end(&mut out))
            }
        };
        if let Some(Err(fault)) = ended {
            return Some(self.fail(failure(&fault)));
        }
        Some(self.parts(out))
    }

    fn parts(&mut self, out: Output) -> Step {
        let first = out.content && !self.seen.content;
        self.seen.content |= out.content;
        self.seen.finished |= out.finish.is_some();
        self.seen.terminal |= out.terminal || out.finish.is_some();
        if let Some(u) = out.usage {
            self.seen.usage = Some(usage(u));
        }
        if let Some(error) = &out.error {
            // Half an event at the end of a stream was cut off, and is no nonsense.
            let over = self.reply.is_none() && self.streaming && !self.seen.terminal;
            if over && error.kind == ErrorKind::BadResponse {
                return self.fail(self.cut());
            }
            let mut failure = self.upstream_failure(error, None);
            failure.usage = self.seen.usage;
            return self.fail(failure);
        }
        let progress = Progress {
            model: out.model,
            parts: out.parts,
            content: first,
            text: out.output_bytes,
        };
        match self.reply {
            // An end mark behind nothing at all ends no answer.
            Some(_) if self.streaming && out.terminal && !self.seen.said() => self.fail(self.cut()),
            Some(_) if self.streaming && out.terminal => self.conclude(progress),
            Some(_) => Step::Parts(progress),
            None if self.streaming && !(self.seen.terminal && self.seen.said()) => {
                self.fail(self.cut())
            }
            None => Step::Done(self.seen.usage, progress),
        }
    }

    /// The protocol says that the stream is complete: the client need not wait until the connection says so, too. What
    /// is left of the body is read on the side, so that the connection can be used again.
    fn conclude(&mut self, mut progress: Progress) -> Step {
        if let State::Reading(body) = std::mem::replace(&mut self.state, State::Over) {
            tokio::spawn(tokio::time::timeout(DRAIN, drain(body)));
        }
        let mut rest = Output::default();
        if let Some(Err(fault)) = self.reply.take().map(|mut reply| reply.end(&mut rest)) {
            return self.fail(failure(&fault));
        }
        progress.parts.append(&mut rest.parts);
        let usage = rest.usage.map(usage).or(self.seen.usage);
        Step::Done(usage, progress)
    }

    /// The reply ended before its time.
    fn cut(&self) -> Failure {
        let class = if self.seen.content || !self.streaming {
            Class::Cut
        } else {
            Class::BadResponse
        };
        Failure {
            usage: self.seen.usage,
            ..said(class, "the answer ended before it was complete".to_owned())
        }
    }

    fn fail(&mut self, failure: Failure) -> Step {
        self.state = State::Over;
        Step::Failed(failure)
    }

    /// The provider's words, shortened, and without our credential, which some providers repeat when they refuse it.
    fn upstream_failure(&self, error: &UpstreamError, asked_ms: Option<u64>) -> Failure {
        let mut message = match &self.pass {
            Some(pass) => pass.struck_from(&error.message),
            None => error.message.clone(),
        };
        if let Some((cut, _)) = message.char_indices().nth(500) {
            message.truncate(cut);
        }
        Failure {
            class: Class::parse(error.kind.as_str()),
            status: None,
            retry_after: asked_ms
                .or(error.retry_after_ms)
                .map(|ms| ms.min(LONGEST_WAIT) * mux_routing::MILLI),
            message: Some(message),
            usage: None,
            resumable: false,
        }
    }
}

/// Adds the client's own headers. Of those that are lists, the operator's part stays.
fn belonging(client: &HeaderMap, to: &mut HeaderMap) {
    for (name, value) in client {
        let known = to.get(name).filter(|_| name == "anthropic-beta");
        let both = known.and_then(|known| {
            let both = [known.as_bytes(), b",", value.as_bytes()].concat();
            HeaderValue::from_bytes(&both).ok()
        });
        to.insert(name, both.unwrap_or_else(|| value.clone()));
    }
}

/// Whether an answer is one JSON object where a stream was asked for: a refusal in good clothes.
fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|v| v.as_bytes().starts_with(b"application/json"))
}

/// Reads what is left of a finished stream, as long as it is little.
async fn drain(mut body: Incoming) {
    let mut left = DRAIN_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let read = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(read) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

fn said(class: Class, message: String) -> Failure {
    Failure {
        message: Some(message),
        ..Failure::of(class)
    }
}

/// There is no credential.
fn without(denied: Denied) -> Failure {
    Failure {
        retry_after: u64::try_from(denied.again.as_nanos()).ok(),
        ..said(Class::Authentication, denied.why)
    }
}

/// The adapter's own refusal or failure.
fn failure(fault: &Fault) -> Failure {
    let class = match fault {
        Fault::Invalid { .. } => Class::InvalidRequest,
        Fault::Unsupported { .. } => Class::Unsupported,
        Fault::BadResponse(_) => Class::BadResponse,
        Fault::Credential(_) => Class::Authentication,
        _ => Class::Plugin,
    };
    said(class, fault.to_string())
}

fn broken(error: &hyper_util::client::legacy::Error) -> Failure {
    let class = if error.is_connect() {
        Class::Connect
    } else {
        Class::Cut
    };
    let mut words = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(deeper) = source {
        words = format!("{words}: {deeper}");
        source = deeper.source();
    }
    said(class, words)
}

fn usage(u: mux_wire::usage::Usage) -> Usage {
    Usage {
        input: u.input,
        output: u.output,
        cache_read: u.cache_read,
        cache_write: u.cache_write,
        reasoning: u.reasoning,
        cache_write_1h: u.cache_write_1h,
        audio_input: u.audio_input,
        audio_output: u.audio_output,
        estimated: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routing_has_a_class_for_every_error_an_adapter_can_name() {
        for kind in ErrorKind::ALL {
            assert_eq!(Class::parse(kind.as_str()).word(), kind.as_str());
        }
    }
}
