//! Answers one chat request: the fault it meets, or an answer in time.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use hyper::http::HeaderValue;
use hyper::{HeaderMap, Request, Response};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::answer::Answer;
use crate::books::LastRequest;
use crate::data::Data;
use crate::fault::Fault;
use crate::options::Dialect;
use crate::play::{Act, Play};
use crate::request::Asked;
use crate::speech::{self, Speech};
use crate::state::State;
use crate::visit::Visit;

/// The longest request body, as Anthropic has it.
const BODY_LIMIT: usize = 32 << 20;

/// One chat request being answered.
struct Turn {
    state: Arc<State>,
    dialect: Dialect,
    number: u64,
    start: Instant,
    fault: Fault,
    pace: Pace,
}

/// When an answer's pieces come, and how many there are.
#[derive(Clone, Copy)]
struct Pace {
    first: Duration,
    pause: Duration,
    tokens: u32,
}

/// Takes a chat request to its response. An error closes the connection without one.
pub(crate) async fn answer(
    state: Arc<State>,
    dialect: Dialect,
    data: Option<Data>,
    request: Request<Incoming>,
) -> io::Result<Response<Play>> {
    let mut visit = Visit::begin(Arc::clone(&state));
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let body = Limited::new(body, BODY_LIMIT).collect().await;
    let body = body.map(http_body_util::Collected::to_bytes);
    visit.remember(LastRequest::new(
        path,
        &head.headers,
        body.as_deref().unwrap_or_default(),
    ));
    let number = state.next_turn();
    let start = Instant::now();
    let (fault, pace) = if let Some(manners) = &state.options.manners {
        let manner = manners.of(&speech::model(body.as_deref().unwrap_or_default()));
        sleep(manner.wait).await;
        let pace = Pace {
            first: manner.first,
            pause: manner.pause,
            tokens: manner.tokens,
        };
        (manner.fault, pace)
    } else {
        let fault = state.strike(number).unwrap_or_default();
        let pace = Pace {
            first: state.latency(number),
            pause: state.pause(fault.slow),
            tokens: state.options.tokens,
        };
        (fault, pace)
    };
    let turn = Turn {
        state,
        dialect,
        number,
        start,
        fault,
        pace,
    };
    if turn.fault.refuse {
        visit.cut();
        return Err(io::Error::other("refused by a fault"));
    }
    if turn.fault.hang {
        let never: Infallible = std::future::pending().await;
        match never {}
    }
    let told = turn
        .admit(&head.headers, body.as_deref().ok())
        .and_then(|body| match data {
            Some(data) => Ok(Told::Data(data.answer(body).map_err(|why| (400, why))?)),
            None => Ok(Told::Words(
                Asked::read(dialect, body).map_err(|why| (400, why))?,
            )),
        });
    Ok(match told {
        Ok(Told::Words(asked)) => turn.reply(&asked, visit),
        Ok(Told::Data((answer, tokens))) => turn.data(&answer, tokens, visit),
        Err((status, message)) => turn.refuse(status, &message, visit),
    })
}

/// What is to be answered.
enum Told {
    Words(Asked),
    /// The answer itself, and the input tokens it is billed for.
    Data((Value, u64)),
}

impl Turn {
    /// The body, or the status and the words to refuse it with.
    fn admit<'b>(
        &self,
        headers: &HeaderMap,
        body: Option<&'b [u8]>,
    ) -> Result<&'b [u8], (u16, String)> {
        if let Some(status) = self.fault.status {
            return Err((
                status,
                format!("simulated fault of {}", self.state.options.name),
            ));
        }
        if !self.admits(headers) {
            return Err((401, String::from("incorrect API key provided")));
        }
        if self.dialect == Dialect::Anthropic && !headers.contains_key("anthropic-version") {
            return Err((400, String::from("anthropic-version: header is required")));
        }
        body.ok_or_else(|| (413, format!("the request exceeds {BODY_LIMIT} bytes")))
    }

    /// An answer that is no words, after the time to the first one.
    fn data(&self, answer: &Value, tokens: u64, visit: Visit) -> Response<Play> {
        visit.bill_input(tokens);
        let body = Bytes::from(answer.to_string());
        let act = if self.fault.hang_after_head {
            Act::Hang
        } else {
            Act::Send(body, 0)
        };
        self.respond(200, "application/json", vec![(self.pace.first, act)], visit)
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(key) = &self.state.options.require_key else {
            return true;
        };
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = text("authorization").and_then(|value| value.strip_prefix("Bearer "));
        bearer.or_else(|| text("x-api-key")) == Some(key)
    }

    fn refuse(&self, status: u16, message: &str, visit: Visit) -> Response<Play> {
        let body = Bytes::from(speech::error(self.dialect, status, message).to_string());
        let mut response = self.at_once(status, "application/json", body, visit);
        let wait = self
            .fault
            .retry_after
            .as_deref()
            .filter(|_| self.fault.status == Some(status));
        if let Some(Ok(wait)) = wait.map(HeaderValue::from_str) {
            response.headers_mut().insert(RETRY_AFTER, wait);
        }
        response
    }

    fn reply(&self, asked: &Asked, visit: Visit) -> Response<Play> {
        if self.fault.empty_200 {
            let kind = if asked.stream {
                "text/event-stream"
            } else {
                "application/json"
            };
            return self.at_once(200, kind, Bytes::new(), visit);
        }
        if self.fault.html_200 {
            let page = Bytes::from_static(
                b"<!doctype html><title>Gateway</title><p>Something went wrong.",
            );
            return self.at_once(200, "text/html", page, visit);
        }
        let options = &self.state.options;
        let answer = Answer::compose(
            asked,
            self.state.reply(),
            self.pace.tokens,
            options.seed,
            self.number,
        );
        let speech = Speech {
            dialect: self.dialect,
            include_usage: asked.include_usage,
        };
        visit.bill_input(answer.input_tokens);
        if asked.stream {
            self.stream(&answer, speech, visit)
        } else {
            self.whole(&answer, speech, visit)
        }
    }

    /// A whole answer, there when its last token would be.
    fn whole(&self, answer: &Answer, speech: Speech, visit: Visit) -> Response<Play> {
        let tokens = answer.output_tokens();
        let steps = u32::try_from(tokens.saturating_sub(1)).unwrap_or(u32::MAX);
        let at = self
            .pace
            .first
            .saturating_add(self.pace.pause.saturating_mul(steps));
        let mut body = Bytes::from(speech.whole(answer).to_string());
        let length = body.len();
        let act = if self.fault.hang_after_head {
            vec![(Duration::ZERO, Act::Hang)]
        } else if let Some(bytes) = self.fault.cut_at_byte {
            cut_short(vec![(at, Act::Send(body, tokens))], bytes as usize)
        } else if self.fault.cut_after.is_some() {
            vec![
                (at, Act::Send(body.split_to(length / 2), tokens)),
                (at, Act::Flush),
                (at, Act::Cut),
            ]
        } else {
            vec![(at, Act::Send(body, tokens))]
        };
        let mut response = self.respond(200, "application/json", act, visit);
        response
            .headers_mut()
            .insert(CONTENT_LENGTH, HeaderValue::from(length));
        response
    }

    /// The head and the opening at once, then a piece at a time.
    fn stream(&self, answer: &Answer, speech: Speech, visit: Visit) -> Response<Play> {
        let mut acts = Vec::new();
        if self.fault.hang_after_head {
            acts.push((Duration::ZERO, Act::Hang));
            return self.respond(200, "text/event-stream", acts, visit);
        }
        acts.extend(
            speech
                .opening(answer)
                .into_iter()
                .map(|event| (Duration::ZERO, Act::Send(event, 0))),
        );
        let mut at = self.pace.first;
        let breaks_off = [self.fault.cut_after, self.fault.error_in_stream_after]
            .into_iter()
            .flatten()
            .min();
        let whole = breaks_off.map_or(usize::MAX, |pieces| pieces as usize);
        for piece in answer.pieces.iter().take(whole) {
            acts.push((at, Act::Send(speech.piece(answer, piece), 1)));
            at = at.saturating_add(self.pace.pause);
        }
        match breaks_off {
            None => acts.extend(
                speech
                    .closing(answer)
                    .into_iter()
                    .map(|event| (at, Act::Send(event, 0))),
            ),
            Some(_) if self.fault.cut_after == breaks_off => {
                acts.extend([(at, Act::Flush), (at, Act::Cut)]);
            }
            Some(_) => acts.push((at, Act::Send(speech.stream_error("Overloaded"), 0))),
        }
        if let Some(bytes) = self.fault.cut_at_byte {
            acts = cut_short(acts, bytes as usize);
        }
        self.respond(200, "text/event-stream", acts, visit)
    }

    fn at_once(
        &self,
        status: u16,
        kind: &'static str,
        body: Bytes,
        visit: Visit,
    ) -> Response<Play> {
        let length = body.len();
        let acts = if body.is_empty() {
            Vec::new()
        } else {
            vec![(Duration::ZERO, Act::Send(body, 0))]
        };
        let mut response = self.respond(status, kind, acts, visit);
        response
            .headers_mut()
            .insert(CONTENT_LENGTH, HeaderValue::from(length));
        response
    }

    fn respond(
        &self,
        status: u16,
        kind: &'static str,
        acts: Vec<(Duration, Act)>,
        visit: Visit,
    ) -> Response<Play> {
        visit.answered(status);
        let mut response = Response::new(Play::new(self.start, acts, visit));
        *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        for (name, value) in speech::limit_headers(self.dialect) {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        let id = match self.dialect {
            Dialect::OpenAi => "x-request-id",
            Dialect::Anthropic => "request-id",
        };
        if let Ok(value) = HeaderValue::from_str(&format!("req_mock{:08x}", self.number)) {
            headers.insert(id, value);
        }
        response
    }
}

/// The same up to so many bytes; then the connection is broken off.
fn cut_short(acts: Vec<(Duration, Act)>, bytes: usize) -> Vec<(Duration, Act)> {
    let (mut left, mut last, mut short) = (bytes, Duration::ZERO, Vec::new());
    for (at, act) in acts {
        let Act::Send(mut piece, tokens) = act else {
            short.push((at, act));
            continue;
        };
        last = at;
        let whole = piece.len() <= left;
        piece.truncate(left);
        left -= piece.len();
        if !piece.is_empty() {
            short.push((at, Act::Send(piece, if whole { tokens } else { 0 })));
        }
        if !whole {
            break;
        }
    }
    short.extend([(last, Act::Flush), (last, Act::Cut)]);
    short
}

/// A JSON answer outside chat.
pub(crate) fn json(status: u16, body: &Value) -> Response<Play> {
    let mut response = Response::new(Play::aside(Bytes::from(body.to_string())));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
