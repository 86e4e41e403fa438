//! What a failover costs a client, over real sockets: the time that mux adds between an answer that fails and the request
//! to the next target, and the time to the first content of one that takes its usual time for it.

use super::stage::{Medium, Scenery, Stage};
use crate::ending::Trouble;
use crate::runtime;
use bytes::Bytes;
use mux_mock::{Fault, Manner, Manners};
use mux_replay::sim::promise::{Bar, Row, Unit};
use mux_traffic::record::Record;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// Requests, each to a target of its own that fails it: one that has failed before might not be called at all.
const REQUESTS: u32 = 400;
/// Between two of them.
const EVERY: Duration = Duration::from_millis(20);
/// Until the first content of the target they are served by.
const FIRST: Duration = Duration::from_millis(150);

/// Fails requests over, and tells what that took.
pub(crate) fn rows() -> Result<Vec<Row>, Trouble> {
    let (mut added, mut whole) = runtime::start()?.block_on(fail_over())?;
    let name = format!("{REQUESTS} requests over real sockets, the first target answers 503");
    let row = |promise, bar, value| {
        let bar = Bar::at_most(bar, Unit::Millis);
        Row::new(promise, name.clone(), bar, value)
    };
    Ok(vec![
        row("failover adds, median", 2.0, quantile(&mut added, 50)),
        row("failover adds, p99", 10.0, quantile(&mut added, 99)),
        row(
            "first content of a fallback that takes 150 ms, median",
            180.0,
            quantile(&mut whole, 50),
        ),
    ])
}

fn policy() -> String {
    let model = |name: &str| {
        format!(
            "  model {name} {{
    context 200k
    output 8k
    price input $1/Mtok output $4/Mtok
    can tools images json-schema streaming
  }}
"
        )
    };
    let names = (0..REQUESTS).map(|n| format!("c{n}"));
    let models: String = names.clone().map(|n| model(&n)).collect();
    let policies = names.map(|n| {
        format!("policy @{n} {{ else use fallback within 30s {{\n  try first/{n}\n  try second/m\n}} }}\n")
    });
    format!(
        "provider first {{\n  kind openai\n  key env SIMULATED\n{models}}}\nprovider second {{\n  kind openai\n  key env SIMULATED\n{}}}\n{}",
        model("m"),
        policies.collect::<String>()
    )
}

/// Milliseconds that were added, and until the first content, of each.
async fn fail_over() -> Result<(Vec<f64>, Vec<f64>), Trouble> {
    let fails = Manners::new(|_| Manner {
        fault: Fault::status(503),
        ..Manner::default()
    });
    let serves = Manners::new(|_| Manner {
        first: FIRST,
        tokens: 1,
        ..Manner::default()
    });
    let provider = |name: &str, manners| {
        let options = mux_mock::Options {
            name: name.to_owned(),
            manners: Some(manners),
            ..mux_mock::Options::default()
        };
        (name.to_owned(), options)
    };
    let added: Arc<Mutex<Vec<f64>>> = Arc::default();
    let told = Arc::clone(&added);
    let scenery = Scenery {
        policy: policy(),
        providers: vec![provider("first", fails), provider("second", serves)],
        listener: Some(Arc::new(move |record: &Record| {
            let mut all = told.lock().unwrap_or_else(PoisonError::into_inner);
            all.extend(between(record));
        })),
        ..Scenery::default()
    };
    let stage = Arc::new(Stage::set(Medium::Sockets, scenery).await?);
    let (begin, mut flying) = (Instant::now(), JoinSet::new());
    for n in 0..REQUESTS {
        sleep_until(begin + EVERY * n).await;
        let stage = Arc::clone(&stage);
        let body = format!(
            r#"{{"model":"@c{n}","stream":true,"messages":[{{"role":"user","content":"hello"}}]}}"#
        );
        flying.spawn(async move { stage.ask(Bytes::from(body)).await });
    }
    let mut whole = Vec::new();
    for reply in flying.join_all().await {
        let first = reply.ok().filter(super::stage::Reply::is_served);
        // What is not served never has a first content.
        let first = first.and_then(|reply| reply.first);
        whole.push(first.map_or(f64::INFINITY, |d| d.as_secs_f64() * 1_000.0));
    }
    if let Some(stage) = Arc::into_inner(stage) {
        stage.strike().await;
    }
    let added = std::mem::take(&mut *added.lock().unwrap_or_else(PoisonError::into_inner));
    if added.len() != REQUESTS as usize {
        let made = added.len();
        return Err(Trouble::internal(format!(
            "{made} of {REQUESTS} requests were failed over"
        )));
    }
    Ok((added, whole))
}

/// From the end of an attempt that failed to the moment the next one's request was handed to its connection.
fn between(record: &Record) -> Option<f64> {
    let [failed, next, ..] = record.attempts.as_slice() else {
        return None;
    };
    let micros = next.sent_us?.saturating_sub(failed.end_us);
    Some(Duration::from_micros(micros).as_secs_f64() * 1_000.0)
}

fn quantile(values: &mut [f64], share: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() * share).div_ceil(100).max(1);
    values.get(rank - 1).copied().unwrap_or(f64::INFINITY)
}
