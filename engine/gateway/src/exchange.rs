//! One exchange with a client: which surface it asks for, and the answer.

use crate::answer::{self, Answer};
use crate::arrival::{self, Ids, Reading};
use crate::asked::Asked;
use crate::bundle::Bundle;
use crate::drive::relay::Relay;
use crate::drive::{Drive, Means};
use crate::gauge::Gauge;
use crate::live::Live;
use crate::places::{Patience, Place, Places};
use crate::pressure::Stage;
use crate::surface::{self, Clients, Surface};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response};
use mux_routing::SECOND;
use mux_routing::class::Class;
use mux_routing::flight::{Arrival, End, Flight};
use mux_routing::refusal::Refusal;
use mux_traffic::record::{self, Facts, Outcome, Record};
use mux_wire::Dialect;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// Everything an exchange needs.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// What is served.
    pub(crate) live: Arc<Live>,
    /// Connections, clock, recorder.
    pub(crate) means: Means,
    /// Request ids.
    pub(crate) ids: Ids,
    /// Most bytes of a request body.
    pub(crate) max_body: usize,
    /// Bounds what is in flight.
    pub(crate) places: Arc<Places>,
    /// How hard pressed the machine is.
    pub(crate) gauge: Arc<Gauge>,
    /// Bounds copies in flight (`shadow`), which are never sent at the cost of a client.
    pub(crate) copies: Arc<Places>,
}

/// Nanoseconds of a microsecond.
const MICRO: u64 = 1_000;
/// Most copies in flight.
pub(crate) const COPIES: usize = 64;

impl Exchange {
    /// Answers a request.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Response<Answer> {
        let path = request.uri().path();
        let clients = || Clients::of(path, request.headers());
        let Some(surface) = surface::at(path) else {
            let message = format!(
                "there is nothing at `{path}`; this gateway serves {}",
                surface::listed()
            );
            return self.refuse(&Refusal::new(404, "unknown_path", message), clients());
        };
        if request.method() != surface.method() {
            let message = format!("`{path}` does not take `{}`", request.method());
            let refusal = Refusal::new(405, "method_not_allowed", message);
            let mut response = self.refuse(&refusal, clients());
            let allowed = HeaderValue::from_static(surface.method());
            response.headers_mut().insert(ALLOW, allowed);
            return response;
        }
        match surface {
            Surface::Ask(dialect) => self.ask(request, dialect).await,
            Surface::Health => answer::json(200, Bytes::from_static(b"{\"status\":\"ok\"}")),
            Surface::Models if self.gauge.stage() == Stage::Closed => {
                self.refuse(&closed(), clients())
            }
            Surface::Models => {
                let models = &self.live.bundle().models;
                answer::json(200, models.told(clients()).clone())
            }
        }
    }

    fn refuse(&self, refusal: &Refusal, clients: Clients) -> Response<Answer> {
        answer::refused(
            refusal,
            clients.dialect(),
            &self.ids.next().0,
            self.live.bundle().router.version(),
        )
    }

    /// Refuses a request before it is known which version decides about it, and records that.
    fn undecided(
        &self,
        refusal: &Refusal,
        (dialect, id, seed): (Dialect, String, u64),
        live: &Bundle,
    ) -> Response<Answer> {
        let version = live.router.version();
        let response = answer::refused(refusal, dialect, &id, version);
        let record = unread(refusal, dialect, id, version, seed);
        self.means.recorder.undecided(record);
        response
    }

    /// Refuses a request that a version decides about and no flight was made for, and records that.
    fn unflown(
        &self,
        refusal: &Refusal,
        (dialect, id, seed): (Dialect, String, u64),
        bundle: &Bundle,
    ) -> Response<Answer> {
        let version = bundle.router.version();
        let response = answer::refused(refusal, dialect, &id, version);
        let record = unread(refusal, dialect, id, version, seed);
        self.means.recorder.aside(record);
        response
    }

    async fn ask(&self, request: Request<Incoming>, dialect: Dialect) -> Response<Answer> {
        let (id, seed) = self.ids.next();
        let serving = self.live.serving();
        // Its body is not even read.
        if self.gauge.stage() == Stage::Closed {
            return self.undecided(&closed(), (dialect, id, seed), &serving.live);
        }
        let reading = Reading {
            dialect,
            limit: self.max_body,
            id: id.clone(),
            seed,
            clock: &self.means.clock,
        };
        let mut read = match arrival::read(request, reading).await {
            Ok(read) => read,
            Err(refusal) => {
                return self.undecided(&refusal, (dialect, id, seed), &serving.live);
            }
        };
        // Only now: who asks decides which version does.
        let bundle = Arc::clone(serving.bundle(&read.arrival.facts, &id));
        if let Err(refusal) = read.meet(bundle.router.demand()) {
            return self.unflown(&refusal, (dialect, id, seed), &bundle);
        }
        let (recorder, asked) = (&self.means.recorder, &read.asked);
        recorder.prompt(&id, read.arrival.at, dialect.name(), asked.written());
        // Only now: a client that dribbles its body keeps nobody out.
        let waited = match bundle.router.fleet().defaults.queue {
            Some((most, time)) => {
                let most = usize::try_from(most).unwrap_or(usize::MAX);
                let time = Duration::from_millis(time);
                Some(self.place(&bundle, &mut read.arrival, most, time).await)
            }
            None => None,
        };
        let place = match waited {
            Some(Some(place)) => place,
            Some(None) => {
                let refusal = busy();
                let record = unserved(&read.arrival, bundle.router.version(), &refusal);
                self.means.recorder.aside(record);
                return answer::refused(&refusal, dialect, &id, bundle.router.version());
            }
            None => match self.places.take(0) {
                Some(place) => place,
                None => return self.unflown(&busy(), (dialect, id, seed), &bundle),
            },
        };
        let live = bundle.router.live(read.arrival.decided());
        let mut flight = Flight::new(&bundle.router, read.arrival, &live);
        if self.outranked(&flight) {
            flight.shed();
        }
        if dialect == Dialect::Count && !counted(&flight, &bundle) {
            return self.estimated(&flight, &read.asked);
        }
        let streaming = read.asked.facts.stream;
        let early = streaming && bundle.router.fleet().defaults.early_headers == Some(true);
        let copies: Vec<Flight> = flight.copies().collect();
        let shown = (!copies.is_empty()).then(|| read.asked.clone());
        let mut drive = Drive::new(
            flight,
            Arc::clone(&bundle),
            self.means.clone(),
            read.asked,
            place,
        );
        // After the client's own: it does not wait for them.
        if let Some(asked) = shown {
            self.send(copies, &bundle, &asked);
        }
        if early && drive.promise() {
            return promised(drive);
        }
        drive.decided().await;
        conclude(drive, streaming)
    }

    /// Answers how many tokens a request has by mux's own estimate, which says that it is one.
    fn estimated(&self, flight: &Flight, asked: &Asked) -> Response<Answer> {
        let tokens = asked.facts.tokens;
        let body = json!({ "input_tokens": tokens, "mux": { "estimated": true } });
        let mut response = answer::json(200, Bytes::from(body.to_string()));
        answer::introduce(response.headers_mut(), flight);
        let estimated = HeaderValue::from_static("true");
        response.headers_mut().insert("x-mux-estimated", estimated);
        let mut record = standing(flight.arrival(), flight.router().version());
        record.outcome.status = 200;
        Class::Ok.word().clone_into(&mut record.outcome.class);
        self.means.recorder.undecided(record);
        response
    }

    /// A place in flight, after a wait where none is free for such a request; the wait is told to its arrival.
    async fn place(
        &self,
        bundle: &Bundle,
        arrival: &mut Arrival,
        most: usize,
        time: Duration,
    ) -> Option<Place> {
        let router = &bundle.router;
        // More are free than are kept from anybody: it need not be known who asks.
        if let Some(place) = self.places.pass(self.share(router.kept(0))) {
            return Some(place);
        }
        let priority = router.foresee(arrival, &router.live(arrival.now));
        let kept = router.kept(priority);
        if kept > 0 && self.gauge.stage() >= Stage::Strict {
            return None;
        }
        let kept = self.share(kept);
        if let Some(place) = self.places.pass(kept) {
            return Some(place);
        }
        let own = arrival.timeout.map_or(time, Duration::from_nanos);
        let patience = Patience {
            most,
            time: time.min(own),
            priority,
            kept,
        };
        let mut waiting = Waiting {
            exchange: self,
            bundle,
            arrival,
            over: false,
        };
        let place = self.places.wait(patience).await;
        waiting.over = true;
        drop(waiting);
        arrival.queued = self.means.clock.now().saturating_sub(arrival.now);
        // What has come over the machine meanwhile counts.
        place.filter(|_| self.gauge.stage() < Stage::Closed)
    }

    /// Whether what is left of the places, or of the machine, is for requests of higher priority. Who waits for a place has
    /// left those to them already.
    fn outranked(&self, flight: &Flight) -> bool {
        let reserve = flight.reserve();
        let waits = flight.router().fleet().defaults.queue.is_some();
        let strict = reserve > 0 && self.gauge.stage() >= Stage::Strict;
        strict || !waits && self.places.free() < self.share(reserve)
    }

    /// So much of all places.
    fn share(&self, basis_points: u32) -> usize {
        self.places.all() * usize::try_from(basis_points).unwrap_or(0) / 10_000
    }

    /// Sends copies whose answers nobody gets, as many as there is room for.
    fn send(&self, copies: Vec<Flight>, bundle: &Arc<Bundle>, asked: &Asked) {
        if self.gauge.stage() >= Stage::Sparing {
            return;
        }
        for copy in copies {
            let Some(place) = self.copies.take(0) else {
                tracing::debug!(id = copy.arrival().id, "no room for a copy");
                continue;
            };
            let (bundle, means) = (Arc::clone(bundle), self.means.clone());
            let drive = Drive::new(copy, bundle, means, asked.clone(), place);
            tokio::spawn(drive.unheard());
        }
    }
}

/// A request that waits for a place. Dropped while it does, its client has left.
struct Waiting<'a> {
    exchange: &'a Exchange,
    bundle: &'a Bundle,
    arrival: &'a mut Arrival,
    over: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let means = &self.exchange.means;
        self.arrival.queued = means.clock.now().saturating_sub(self.arrival.now);
        let gone = Refusal::failed(Class::ClientGone, "", None);
        let mut record = unserved(self.arrival, self.bundle.router.version(), &gone);
        Class::ClientGone
            .word()
            .clone_into(&mut record.outcome.class);
        means.recorder.aside(record);
    }
}

/// Whether the target that would serve a request counts its tokens itself; a refusal is told either way.
fn counted(flight: &Flight, bundle: &Bundle) -> bool {
    let target = flight.foremost().and_then(|target| bundle.line(target));
    flight.end().is_some()
        || target.is_some_and(|(line, _)| line.adapter.manner(Dialect::Count).is_some())
}

fn busy() -> Refusal {
    let message = "the gateway has as many requests in flight as it takes";
    Refusal::new(503, "gateway_busy", message.to_owned()).after(Some(SECOND))
}

fn closed() -> Refusal {
    let message = "the gateway is short of memory, and finishes what it has before it takes more";
    Refusal::new(503, "gateway_busy", message.to_owned()).after(Some(SECOND))
}

/// The head of a stream whose content nobody has yet.
fn promised(drive: Drive) -> Response<Answer> {
    let mut response = Response::new(Answer::Whole(std::collections::VecDeque::new()));
    if let Some(flight) = drive.flight() {
        answer::introduce(response.headers_mut(), flight);
    }
    stream(&mut response, Relay::promised(drive));
    response
}

fn stream(response: &mut Response<Answer>, relay: Relay) {
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    *response.body_mut() = Answer::Relay(Box::new(relay));
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
        stream(&mut response, Relay::new(drive));
    } else {
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *response.body_mut() = Answer::Whole(drive.take_answer());
    }
    response
}

/// The record of a request that was not decided about: it could not be read, or there was no room for it.
fn unread(refusal: &Refusal, dialect: Dialect, id: String, version: &str, seed: u64) -> Record {
    Record {
        v: record::VERSION,
        id,
        at: crate::clock::unix_ms(),
        version: version.to_owned(),
        seed,
        request: Facts {
            operation: dialect.operation().to_owned(),
            dialect: dialect.name().to_owned(),
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

/// The record of a request that nobody was called for.
fn standing(arrival: &Arrival, version: &str) -> Record {
    let mut record = Record {
        v: record::VERSION,
        id: arrival.id.clone(),
        at: arrival.at,
        version: version.to_owned(),
        seed: arrival.seed,
        request: arrival.facts.clone(),
        priced: true,
        ..Record::default()
    };
    record.request.needs = arrival.needs.words().map(str::to_owned).collect();
    record
}

/// The record of a request that waited for a place and got none.
fn unserved(arrival: &Arrival, version: &str, refusal: &Refusal) -> Record {
    let mut record = standing(arrival, version);
    record.outcome.status = refusal.status;
    "refused".clone_into(&mut record.outcome.class);
    let waited = arrival.queued / MICRO;
    (record.outcome.total_us, record.outcome.queued_us) = (waited, waited);
    record
}
