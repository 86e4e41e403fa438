//! What a client gets: bodies, the `x-mux-*` headers, and errors in the shape of its dialect.

use crate::complaint;
use crate::drive::relay::Relay;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{HeaderMap, Response, StatusCode};
use mux_routing::SECOND;
use mux_routing::flight::Flight;
use mux_routing::refusal::Refusal;
use mux_wire::{Dialect, voice};
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Answer {
    /// All of it is here.
    Whole(VecDeque<Bytes>),
    /// It is still coming.
    Relay(Box<Relay>),
}

impl From<Bytes> for Answer {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(VecDeque::from([bytes]))
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut *self {
            Self::Whole(parts) => Poll::Ready(parts.pop_front().map(|part| Ok(Frame::data(part)))),
            Self::Relay(relay) => relay
                .poll_part(cx)
                .map(|part| part.map(|p| p.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(parts) if parts.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(parts) => SizeHint::with_exact(parts.iter().map(|p| p.len() as u64).sum()),
            Self::Relay(_) => SizeHint::default(),
        }
    }
}

/// A JSON answer.
#[must_use]
pub(crate) fn json(status: u16, body: Bytes) -> Response<Answer> {
    let mut response = Response::new(Answer::from(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An error before any flight: the request could not even be read.
#[must_use]
pub(crate) fn refused(
    refusal: &Refusal,
    dialect: Dialect,
    request_id: &str,
    version: &str,
) -> Response<Answer> {
    let body = complaint::early(refusal, request_id);
    let mut response = json(refusal.status, voice::error(dialect, &body));
    put(response.headers_mut(), "x-mux-request-id", request_id);
    put(response.headers_mut(), "x-mux-version", version);
    waits(response.headers_mut(), refusal);
    response
}

/// The error at the end of a flight.
#[must_use]
pub(crate) fn failed(flight: &Flight, refusal: &Refusal) -> Response<Answer> {
    let body = complaint::late(refusal, flight);
    let error = voice::error(complaint::spoken(flight), &body);
    let mut response = json(refusal.status, error);
    describe(response.headers_mut(), flight, None);
    waits(response.headers_mut(), refusal);
    // The chain has been tried to its end: an SDK that tries it all again only adds load.
    if !flight.attempts().is_empty() || refusal.code == "no_target_available" {
        put(response.headers_mut(), "x-should-retry", "false");
    }
    response
}

/// The `x-mux-*` headers that are known of a flight from its decision on.
pub(crate) fn introduce(headers: &mut HeaderMap, flight: &Flight) {
    put(headers, "x-mux-request-id", &flight.arrival().id);
    put(headers, "x-mux-version", flight.router().version());
    put(headers, "x-mux-route", &route(flight));
}

/// The `x-mux-*` headers of a flight.
pub(crate) fn describe(headers: &mut HeaderMap, flight: &Flight, dropped: Option<&str>) {
    introduce(headers, flight);
    put(
        headers,
        "x-mux-attempts",
        &flight.attempts().len().to_string(),
    );
    if let Some(attempt) = flight.chosen().or(flight.attempts().last()) {
        put(
            headers,
            "x-mux-target",
            flight.router().name(attempt.target),
        );
    }
    if let Some(dropped) = dropped.filter(|d| !d.is_empty()) {
        put(headers, "x-mux-dropped", dropped);
    }
}

/// `@policy plan`, or the deployment where no policy was asked.
fn route(flight: &Flight) -> String {
    let image = flight.router().image();
    let Some(decided) = flight.decided() else {
        return flight.arrival().facts.model.clone();
    };
    let mut words: Vec<String> = decided
        .policies
        .as_slice()
        .iter()
        .filter_map(|p| Some(format!("@{}", image.policies.get(p.index())?.name)))
        .collect();
    words.extend(decided.plan.and_then(|id| {
        image
            .plans
            .get(id.index())?
            .name
            .as_ref()
            .map(ToString::to_string)
    }));
    words.join(" ")
}

fn waits(headers: &mut HeaderMap, refusal: &Refusal) {
    if let Some(wait) = refusal.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(wait.div_ceil(SECOND)));
    }
}

/// Sets a header; a value that no header can hold is left out.
fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}
