//! What operators may ask a running gateway, over a socket only its user can open.

use crate::bundle::Bundle;
use crate::canary::SharedBoard;
use crate::command::{Command, Refused, Reloader};
use crate::credential::Key;
use crate::gauge::Gauge;
use crate::live::{Canary, Live};
use crate::metrics;
use crate::plugins::Condition;
use crate::recorder::Recorder;
use crate::status::{SharedStatus, Status};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use mux_dsl::image::{Target, TargetId};
use mux_dsl::request::Live as _;
use mux_routing::Nanos;
use mux_routing::hand::Hand;
use mux_routing::target::TargetState;
use mux_store::Terms;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use tokio::sync::oneshot;

/// What the handlers need.
#[derive(Clone, Debug)]
pub(crate) struct Admin {
    /// The served bundle.
    pub(crate) live: Arc<Live>,
    /// Carries out what is asked.
    pub(crate) reloader: Reloader,
    /// What it last saw.
    pub(crate) status: SharedStatus,
    /// Counts what it could not record.
    pub(crate) recorder: Recorder,
    /// The clock of all flights.
    pub(crate) clock: crate::clock::Clock,
    /// How hard pressed the machine is.
    pub(crate) gauge: Arc<Gauge>,
    /// What a canary does.
    pub(crate) board: SharedBoard,
}

/// Most bytes of a draft: what the store takes, escaped.
const DRAFT_BYTES: usize = 128 << 20;

/// The admin API.
pub(crate) fn api(admin: Admin) -> Router {
    Router::new()
        .route("/policy", get(policy))
        .route("/health", get(health))
        .route("/metrics", get(figures))
        .route("/plugins", get(plugins))
        .route("/targets", post(hold))
        .route("/versions", get(versions))
        .route("/versions/{id}", get(version))
        .route("/rollback", post(rollback))
        .route("/promote", post(promote))
        .route("/release", post(release))
        .route(
            "/drafts",
            post(draft).layer(DefaultBodyLimit::max(DRAFT_BYTES)),
        )
        .with_state(admin)
}

async fn policy(State(admin): State<Admin>) -> Json<Status> {
    Json(
        admin
            .status
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone(),
    )
}

async fn health(State(admin): State<Admin>) -> Json<Value> {
    let serving = admin.live.serving();
    let router = &serving.live.router;
    let now = admin.clock.now();
    let targets = targets_of(&serving.live, false, now).map(|(_, shown)| shown);
    // Of a canary only what it does not share: what is one state is told once.
    let apart = serving.canary.iter().flat_map(|canary| {
        let all = targets_of(&canary.bundle, true, now);
        all.filter(|(id, _)| {
            let state = canary.bundle.router.state(*id);
            !state.is_some_and(|state| router.shares(state))
        })
    });
    let apart = apart.map(|(_, shown)| shown);
    Json(json!({
        "version": router.version(),
        "canary": serving.canary.as_ref().map(Canary::version),
        "unrecorded": admin.recorder.dropped(),
        "unrecorded_prompts": admin.recorder.dropped_prompts(),
        "recording": { "problems": admin.recorder.problems() },
        "store": store(&admin.status),
        "pressure": pressure(&admin.gauge),
        "targets": targets.chain(apart).collect::<Vec<_>>(),
        "plugins": conditions(&admin, |c| c.state != "serving" || c.figures.faults.all() > 0),
    }))
}

/// Each target of a bundle, which may be that of a canary, and how it is.
fn targets_of(
    bundle: &Bundle,
    canary: bool,
    now: Nanos,
) -> impl Iterator<Item = (TargetId, Value)> {
    let router = &bundle.router;
    let live = router.live(now);
    let ids = (0..).map(TargetId).zip(&router.fleet().targets);
    ids.map(move |(id, target)| {
        let state = router.state(id);
        let shown = json!({
            "target": target.name,
            "canary": canary,
            "unavailable": router.unavailable(id),
            "health": live.health(id),
            "breaker": state.map(|s| s.position(now).word()),
            "by_hand": state.and_then(TargetState::held).map(Hand::word),
            "credential": bundle.line(id).and_then(|(line, _)| credential(line.key.as_deref()?)),
            "score_bp": state.map(|s| s.score(now)),
            "inflight": state.map(TargetState::inflight),
            "headroom_bp": live.headroom(id),
            "error_rate_bp": live.error_rate(id),
            "p50_ms": live.p50(id),
            "p95_ms": live.p95(id),
            "price": price_from(target),
        });
        (id, shown)
    })
}

/// Whether versions can be saved, and how much room there is.
fn store(status: &SharedStatus) -> Value {
    let status = status.lock().unwrap_or_else(PoisonError::into_inner);
    json!(status.store)
}

/// The same for Prometheus, as far as there is something to tell.
async fn figures(State(admin): State<Admin>) -> impl IntoResponse {
    let text = {
        let status = admin.status.lock();
        let status = status.unwrap_or_else(PoisonError::into_inner);
        let plugins: Vec<_> = status
            .states
            .iter()
            .map(crate::plugins::State::now)
            .collect();
        metrics::text(&admin.board, status.unwritten.is_some(), &plugins)
    };
    ([(CONTENT_TYPE, metrics::TYPE)], text)
}

/// How each adapter is, and what is counted of it.
async fn plugins(State(admin): State<Admin>) -> Json<Value> {
    Json(conditions(&admin, |_| true))
}

/// The adapters that `shown` picks.
fn conditions(admin: &Admin, shown: impl Fn(&Condition<'_>) -> bool) -> Value {
    let status = admin.status.lock().unwrap_or_else(PoisonError::into_inner);
    let all = status.states.iter().map(crate::plugins::State::now);
    let shown = all.filter(|condition| shown(condition));
    json!(shown.collect::<Vec<_>>())
}

/// Whose credential a target's requests show, for how many seconds it holds, and why there is none or no newer one.
fn credential(key: &Key) -> Option<Value> {
    let standing = key.standing()?;
    Some(json!({
        "of": standing.account,
        "held": standing.held,
        "left_s": standing.left.map(|left| left.as_secs()),
        "problem": standing.problem,
    }))
}

/// Who says what a target costs; nobody where it is not known.
fn price_from(target: &Target) -> Option<&str> {
    match &target.listed {
        Some(listed) => Some(&listed.source),
        None => target.price.map(|_| "policy"),
    }
}

/// How hard pressed the machine is, what is done about it, and why.
fn pressure(gauge: &Gauge) -> Value {
    let (seen, (resident, limit)) = (gauge.seen(), gauge.memory());
    let places = gauge.places();
    json!({
        "stage": gauge.stage().word(),
        "lag_ms": u64::try_from(seen.lag.as_millis()).unwrap_or(u64::MAX),
        "memory": resident,
        "memory_limit": limit,
        "memory_bp": seen.memory,
        "places": places.all(),
        "inflight": places.all().saturating_sub(places.free()),
        "inflight_bp": seen.inflight,
        "waiting": places.waiting(),
    })
}

/// Body of `POST /targets`.
#[derive(Debug, Deserialize)]
struct Hold {
    target: String,
    #[serde(rename = "do")]
    action: Action,
}

/// What can be done about a target by hand.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Action {
    Drain,
    Open,
    Close,
    Free,
    Reset,
}

/// Holds a target, lets it go, or forgets what it did.
async fn hold(State(admin): State<Admin>, Json(asked): Json<Hold>) -> Response {
    let serving = admin.live.serving();
    let routers = || serving.bundles().map(|bundle| &bundle.router);
    // A canary that reaches it in another way, by another key or model, has a state of its own.
    let states = routers().filter_map(|router| router.state(router.named(&asked.target)?));
    let states: Vec<&TargetState> = states.collect();
    if states.is_empty() {
        let targets = routers().flat_map(|router| &router.fleet().targets);
        let names: BTreeSet<&str> = targets.map(|target| &*target.name).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let why = format!(
            "there is no target `{}`; there are {}",
            asked.target,
            names.join(", ")
        );
        return (StatusCode::NOT_FOUND, Json(json!({"error": why}))).into_response();
    }
    for state in &states {
        match asked.action {
            Action::Drain => state.hold(Some(Hand::Drained)),
            Action::Open => state.hold(Some(Hand::Open)),
            Action::Close => state.hold(Some(Hand::Closed)),
            Action::Free => state.hold(None),
            Action::Reset => state.reset(admin.clock.now()),
        }
    }
    tracing::info!(target = %asked.target, action = ?asked.action, "an operator decided about a target");
    let held = states.iter().find_map(|state| state.held());
    Json(json!({"target": asked.target, "by_hand": held.map(Hand::word)})).into_response()
}

async fn versions(State(admin): State<Admin>) -> Response {
    let (reply, answer) = oneshot::channel();
    admin.reloader.ask(Command::Versions(reply));
    match answer.await {
        Ok(listing) => Json(listing).into_response(),
        Err(_) => stopping(),
    }
}

/// One version with the text of its files, so that it can be compared elsewhere.
async fn version(State(admin): State<Admin>, Path(id): Path<String>) -> Response {
    let (reply, answer) = oneshot::channel();
    admin.reloader.ask(Command::Version { id, reply });
    match answer.await {
        Ok(Ok(version)) => {
            let file = |(path, bytes): &(String, Vec<u8>)| json!({ "path": path, "text": String::from_utf8_lossy(bytes) });
            let files: Vec<Value> = version.files.iter().map(file).collect();
            let plugins: BTreeMap<_, _> = version.plugins.into_iter().collect();
            Json(json!({ "version": version.head, "files": files, "plugins": plugins }))
                .into_response()
        }
        Ok(Err(why)) => (StatusCode::NOT_FOUND, Json(json!({"error": why}))).into_response(),
        Err(_) => stopping(),
    }
}

/// Body of `POST /rollback`.
#[derive(Debug, Deserialize)]
struct Rollback {
    id: Option<String>,
    author: String,
    reason: String,
}

async fn rollback(State(admin): State<Admin>, Json(asked): Json<Rollback>) -> Response {
    let command = |reply| Command::Rollback {
        id: asked.id,
        author: asked.author,
        reason: asked.reason,
        reply,
    };
    carried_out(&admin, command, |head| json!(head)).await
}

/// Body of `POST /promote`.
#[derive(Debug, Deserialize)]
struct Promote {
    id: Option<String>,
    author: String,
    reason: String,
    canary: Option<Terms>,
}

/// Serves a version that was kept and not served, or tries it out on a share of requests.
async fn promote(State(admin): State<Admin>, Json(asked): Json<Promote>) -> Response {
    let command = |reply| Command::Promote {
        id: asked.id,
        canary: asked.canary,
        author: asked.author,
        reason: asked.reason,
        reply,
    };
    carried_out(&admin, command, |head| json!(head)).await
}

/// Body of `POST /drafts`.
#[derive(Debug, Deserialize)]
struct Draft {
    files: Vec<File>,
    author: String,
    reason: String,
}

/// A file of a draft.
#[derive(Debug, Deserialize)]
struct File {
    path: String,
    text: String,
}

/// Keeps a version that nobody is served by yet.
async fn draft(State(admin): State<Admin>, Json(asked): Json<Draft>) -> Response {
    let files = asked.files.into_iter();
    let files = files.map(|file| (file.path, file.text.into_bytes()));
    let command = |reply| Command::Draft {
        files: files.collect(),
        author: asked.author,
        reason: asked.reason,
        reply,
    };
    carried_out(&admin, command, |head| json!(head)).await
}

/// Body of `POST /release`.
#[derive(Debug, Deserialize)]
struct Release {
    author: String,
}

async fn release(State(admin): State<Admin>, Json(asked): Json<Release>) -> Response {
    let command = |reply| Command::Release {
        author: asked.author,
        reply,
    };
    carried_out(&admin, command, |head| json!({ "live": head })).await
}

/// Has something done about what is served, and tells what came of it.
async fn carried_out<T>(
    admin: &Admin,
    command: impl FnOnce(oneshot::Sender<Result<T, Refused>>) -> Command,
    told: impl FnOnce(T) -> Value,
) -> Response {
    let (reply, answer) = oneshot::channel();
    admin.reloader.ask(command(reply));
    match answer.await {
        Ok(Ok(done)) => Json(told(done)).into_response(),
        Ok(Err(refused)) => unwilling(&refused),
        Err(_) => stopping(),
    }
}

/// What was asked cannot be done, or cannot be written down now.
fn unwilling(refused: &Refused) -> Response {
    let status = if refused.by_disk {
        StatusCode::INSUFFICIENT_STORAGE
    } else {
        StatusCode::CONFLICT
    };
    (status, Json(json!({"error": refused.why}))).into_response()
}

fn stopping() -> Response {
    (
        StatusCode::SERVICE_UNAVAILABLE,
        Json(json!({"error": "the gateway is stopping"})),
    )
        .into_response()
}
