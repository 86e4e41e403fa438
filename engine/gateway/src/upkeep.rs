//! Carries out what is done for providers when no client asks; see [`mux_routing::upkeep`]. Credentials that end are fetched
//! again from here.

use crate::asked::Asked;
use crate::bundle::Bundle;
use crate::clock::unix_ms;
use crate::drive::{Drive, Means};
use crate::gauge::Gauge;
use crate::live::Live;
use crate::places::Places;
use crate::pressure::Stage;
use crate::upstream::{Slices, Upstream};
use bytes::Bytes;
use hyper::{Method, Request};
use mux_dsl::image::{Fleet, ProviderId, TargetId};
use mux_routing::Nanos;
use mux_routing::breaker::Rule;
use mux_routing::chance::Chance;
use mux_routing::flight::{Arrival, Flight};
use mux_routing::upkeep::{Chore, Upkeep, probe};
use mux_traffic::record::Facts;
use std::sync::Arc;
use std::time::Duration;

/// How often it is looked for something to do.
const TURN: Duration = Duration::from_secs(1);
/// Longest that a chore may take.
const LONGEST: Duration = Duration::from_secs(10);
/// Most chores under way.
const MOST: usize = 16;
/// How often connections are kept warm where nothing is written, milliseconds: where they take a handshake of TLS.
const WARM: u64 = 50_000;
/// What is asked to see whether a target is back.
const PING: &[u8] =
    br#"{"model":"probe","messages":[{"role":"user","content":"ping"}],"max_tokens":1}"#;

/// Does what there is to do, until it is dropped; nothing but credentials where it is to be quiet, and while the machine is hard
/// pressed.
pub(crate) async fn run(live: Arc<Live>, means: Means, (gauge, quiet): (Arc<Gauge>, bool)) {
    let (mut upkeep, mut beside) = (Upkeep::default(), Upkeep::default());
    let room = Places::new(MOST);
    let mut turns = tokio::time::interval(TURN);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        let serving = live.serving();
        // However hard pressed: a credential that ends takes a provider with it.
        for key in serving
            .bundles()
            .flat_map(Bundle::lines)
            .filter_map(|line| line.key.as_ref())
        {
            key.keep(&means.upstream);
        }
        if quiet || gauge.stage() >= Stage::Sparing {
            continue;
        }
        let now = means.clock.now();
        let mut chores = due(&serving.live, &mut upkeep, now);
        if let Some(canary) = &serving.canary {
            let own = due(&canary.bundle, &mut beside, now);
            chores.extend(
                own.into_iter()
                    .filter(|(bundle, chore)| !shared(&serving.live, bundle, *chore)),
            );
        }
        for (bundle, chore) in chores {
            let Some(place) = room.take(0) else {
                continue;
            };
            let means = means.clone();
            tokio::spawn(async move {
                match chore {
                    Chore::Warm(provider) => {
                        let reached = reach(&bundle, provider, &means.upstream).await;
                        tracing::debug!(?provider, reached, "kept a connection warm");
                    }
                    Chore::Reach(target) => look(&bundle, target, &means).await,
                    Chore::Ask(target) => {
                        if let Some(flight) = ping(&bundle, target, &means)
                            && let Ok(asked) = Asked::chat(Bytes::from_static(PING))
                        {
                            let drive = Drive::new(flight, bundle, means, asked, place);
                            drive.unheard().await;
                        }
                    }
                }
            });
        }
    }
}

/// What there is to do for a bundle.
fn due(bundle: &Arc<Bundle>, upkeep: &mut Upkeep, now: Nanos) -> Vec<(Arc<Bundle>, Chore)> {
    let warm = |provider| {
        let origin = bundle
            .provider(provider)
            .and_then(|line| line.origin.as_ref());
        let tls = origin.is_some_and(|uri| uri.scheme_str() == Some("https"));
        if tls { WARM } else { 0 }
    };
    let chores = upkeep.due(&bundle.router, warm, now).into_iter();
    chores.map(|chore| (Arc::clone(bundle), chore)).collect()
}

/// Whether what a chore is about is there in another bundle too, which has the same to do: the same connection, or the same
/// state of a target. Names tell neither.
fn shared(other: &Bundle, bundle: &Bundle, chore: Chore) -> bool {
    let (fleet, others) = (bundle.router.fleet(), other.router.fleet());
    match chore {
        Chore::Warm(id) => {
            let warm = |fleet: &Fleet, id: ProviderId| {
                let provider = fleet.providers.get(id.index());
                provider.and_then(|p| p.warm).or(fleet.defaults.warm)
            };
            let origin = |bundle: &Bundle, id| bundle.provider(id)?.origin.clone();
            let ids = (0..).map(ProviderId).zip(&others.providers);
            let mut ids = ids.map(|(id, _)| id);
            ids.any(|o| {
                origin(other, o) == origin(bundle, id) && warm(others, o) == warm(fleet, id)
            })
        }
        Chore::Reach(target) | Chore::Ask(target) => {
            let own = bundle.router.state(target);
            let how = |fleet: &Fleet, id: TargetId| {
                let target = fleet.targets.get(id.index())?;
                Some(probe(fleet, target.provider))
            };
            let ids = (0..).map(TargetId).zip(&others.targets);
            let mut same = ids.filter(|(id, _)| {
                let state = other.router.state(*id);
                own.zip(state)
                    .is_some_and(|(own, state)| std::ptr::eq(own, state))
            });
            same.any(|(id, _)| how(others, id) == how(fleet, target))
        }
    }
}

fn ping(bundle: &Arc<Bundle>, target: TargetId, means: &Means) -> Option<Flight> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).ok()?;
    let seed = u64::from_le_bytes(bytes);
    let arrival = Arrival {
        id: format!("probe-{seed:016x}"),
        seed,
        at: unix_ms(),
        now: means.clock.now(),
        facts: Facts {
            operation: "chat".to_owned(),
            dialect: "openai-chat".to_owned(),
            model: bundle.router.name(target).to_owned(),
            tokens: 8,
            output_limit: Some(1),
            ..Facts::default()
        },
        whole: true,
        ..Arrival::default()
    };
    Some(Flight::probe(&bundle.router, target, arrival))
}

/// Tells a target whether its provider can be reached.
async fn look(bundle: &Bundle, target: TargetId, means: &Means) {
    let Some(declared) = bundle.router.fleet().targets.get(target.index()) else {
        return;
    };
    let reached = reach(bundle, declared.provider, &means.upstream).await;
    if let Some(state) = bundle.router.state(target) {
        let now = means.clock.now();
        state.reached(reached, &Rule::default(), now, &mut Chance::new(now));
    }
}

/// Whether a provider answers anything at all. Nothing is asked of it, and no credential is shown.
async fn reach(bundle: &Bundle, provider: ProviderId, upstream: &Upstream) -> bool {
    let line = bundle.provider(provider);
    let Some((line, uri)) = line.and_then(|line| Some((line, line.origin.clone()?))) else {
        return true;
    };
    let mut request = Request::new(Slices::default());
    *request.method_mut() = Method::HEAD;
    *request.uri_mut() = uri;
    let Ok((sent, _)) = upstream.send(request, line.private) else {
        return false;
    };
    matches!(tokio::time::timeout(LONGEST, sent).await, Ok(Ok(_)))
}
