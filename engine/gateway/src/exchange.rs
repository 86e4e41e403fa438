//! One exchange with a client: which surface it asks for, and the answer.

use crate::answer::{self, Answer};
use crate::arrival::{self, Ids, Reading};
use crate::drive::{Drive, Means, Relay};
use crate::live::Live;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response};
use mux_routing::SECOND;
use mux_routing::flight::{End, Flight};
use mux_routing::refusal::Refusal;
use mux_traffic::record::{self, Facts, Outcome, Record};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Everything an exchange needs.
#[derive(Debug)]
pub struct Exchange {
    /// The served bundle.
    pub live: Arc<Live>,
    /// Connections, clock, recorder.
    pub means: Means,
    /// Request ids.
    pub ids: Ids,
    /// Most bytes of a request body.
    pub max_body: usize,
    /// Bounds what is in flight.
    pub permits: Arc<Semaphore>,
}

impl Exchange {
    /// Answers a request.
    pub async fn answer(&self, request: Request<Incoming>) -> Response<Answer> {
        let path = request.uri().path();
        let path = path.strip_prefix("/openai").unwrap_or(path);
        match (request.method(), path) {
            (&Method::POST, "/v1/chat/completions") => self.chat(request).await,
            (&Method::GET, "/v1/models") => answer::json(200, self.live.bundle().models.clone()),
            (&Method::GET, "/healthz") => {
                answer::json(200, Bytes::from_static(b"{\"status\":\"ok\"}"))
            }
            (_, "/v1/chat/completions" | "/v1/models" | "/healthz") => {
                let message = format!("`{path}` does not take `{}`", request.method());
                let mut response = self.refuse(&Refusal::new(405, "method_not_allowed", message));
                let allowed = if path == "/v1/chat/completions" {
                    "POST"
                } else {
                    "GET"
                };
                response
                    .headers_mut()
                    .insert(ALLOW, HeaderValue::from_static(allowed));
                response
            }
            _ => {
                let message = format!(
                    "there is nothing at `{path}`; this gateway serves `/v1/chat/completions` and `/v1/models`"
                );
                self.refuse(&Refusal::new(404, "unknown_path", message))
            }
        }
    }

    fn refuse(&self, refusal: &Refusal) -> Response<Answer> {
        answer::refused(
            refusal,
            &self.ids.next().0,
            self.live.bundle().router.version(),
        )
    }

    /// Refuses a chat request that no flight was made for, and records that.
    fn unflown(&self, refusal: &Refusal, id: String, version: &str, seed: u64) -> Response<Answer> {
        let response = answer::refused(refusal, &id, version);
        self.means
            .recorder
            .refused(unread(refusal, id, version, seed));
        response
    }

    async fn chat(&self, request: Request<Incoming>) -> Response<Answer> {
        let (id, seed) = self.ids.next();
        let bundle = self.live.bundle();
        let reading = Reading {
            limit: self.max_body,
            id: id.clone(),
            seed,
            clock: &self.means.clock,
            demand: bundle.router.demand(),
        };
        let read = match arrival::read(request, reading).await {
            Ok(read) => read,
            Err(refusal) => return self.unflown(&refusal, id, bundle.router.version(), seed),
        };
        // Only now: a client that dribbles its body keeps nobody out.
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            let refusal = Refusal::new(
                503,
                "gateway_busy",
                "the gateway has as many requests in flight as it takes".to_owned(),
            );
            return self.unflown(
                &refusal.after(Some(SECOND)),
                id,
                bundle.router.version(),
                seed,
            );
        };
        let live = bundle.router.live(read.arrival.now);
        let flight = Flight::new(&bundle.router, read.arrival, &live);
        let streaming = read.chat.stream;
        let mut drive = Drive::new(
            flight,
            bundle,
            self.means.clone(),
            read.chat,
            read.body,
            permit,
        );
        drive.decided().await;
        conclude(drive, streaming)
    }
}

/// Turns a drive that is committed or over into a response.
fn conclude(mut drive: Drive, streaming: bool) -> Response<Answer> {
    let Some(flight) = drive.flight() else {
        return answer::json(500, Bytes::new());
    };
    if let Some(End::Refused(refusal)) = flight.end() {
        return answer::failed(flight, refusal);
    }
    let mut response = Response::new(Answer::Whole(std::collections::VecDeque::new()));
    answer::describe(response.headers_mut(), flight, Some(&drive.warnings()));
    if streaming {
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        response
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        *response.body_mut() = Answer::Relay(Box::new(Relay::new(drive)));
    } else {
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *response.body_mut() = Answer::Whole(drive.take_parts());
    }
    response
}

/// The record of a request that was not decided about: it could not be read, or there was no room for it.
fn unread(refusal: &Refusal, id: String, version: &str, seed: u64) -> Record {
    Record {
        v: record::VERSION,
        id,
        at: crate::clock::unix_ms(),
        version: version.to_owned(),
        seed,
        request: Facts {
            operation: "chat".to_owned(),
            dialect: "openai-chat".to_owned(),
            ..Facts::default()
        },
        outcome: Outcome {
            status: refusal.status,
            class: "refused".to_owned(),
            ..Outcome::default()
        },
        priced: true,
        ..Record::default()
    }
}
