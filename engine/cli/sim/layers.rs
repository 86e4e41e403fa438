//! `mux sim layers`: the same scenarios in the simulator and through the whole gateway, side by side.

use super::stage::{Medium, Reply, Scenery, Stage};
use crate::ending::{Exit, Outcome, Trouble};
use crate::out::{Format, Out, columns};
use crate::runtime;
use bytes::Bytes;
use clap::{Args, ValueEnum};
use mux_mock::{Fault, Manner, Manners};
use mux_replay::sim::agreement::{FIRST, Layer, Row, SERVED, rows, scenarios};
use mux_replay::sim::arrivals::{Size, TOKENS};
use mux_replay::sim::draw::seconds;
use mux_replay::sim::provider::{Answer, Provider};
use mux_replay::sim::run::{policy, providers, run};
use mux_replay::sim::scenario::Scenario;
use mux_replay::sim::tally::{Seen, Tally};
use mux_routing::Nanos;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// Hold the simulator against runs of the whole gateway
#[derive(Debug, Args)]
pub(crate) struct Layers {
    /// What to hold it against: `paused` takes seconds, `sockets` runs in real time and takes a minute
    #[arg(value_name = "LAYER", default_value = "paused")]
    against: Vec<Whole>,
    /// Only scenarios whose name contains this
    #[arg(long)]
    filter: Option<String>,
    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
}

/// A layer that is the whole gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Whole {
    /// Pipes in memory, and a clock that is stopped
    Paused,
    /// Real sockets, in real time
    Sockets,
}

impl Layers {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let wanted = |s: &Scenario| self.filter.as_ref().is_none_or(|f| s.name.contains(f));
        let scenarios: Vec<Scenario> = scenarios().into_iter().filter(wanted).collect();
        if let (Some(filter), []) = (&self.filter, &*scenarios) {
            let why = format!("no scenario has `{filter}` in its name");
            return Err(Trouble::usage(why));
        }
        let mut layers = Vec::new();
        for layer in &self.against {
            layers.push(match layer {
                Whole::Paused => (Layer::Paused, paused(&scenarios, self.seed)?),
                Whole::Sockets => (Layer::Sockets, sockets(&scenarios, self.seed)?),
            });
        }
        let mut all = Vec::new();
        for (n, scenario) in scenarios.iter().enumerate() {
            let simulated = run(scenario, self.seed, &mut ()).map_err(Trouble::internal)?;
            let tallies = layers.iter_mut().filter_map(|(layer, tallies)| {
                let tally = tallies.get_mut(n)?;
                Some((*layer, std::mem::take(tally)))
            });
            all.extend(rows(scenario, &simulated, &tallies.collect::<Vec<_>>()));
        }
        match self.format {
            Format::Json => out.json(&all),
            Format::Human => out.text(&table(&all)),
        }
        let agree = all.iter().all(|row| row.agrees);
        Ok(Exit::when(agree && !all.is_empty()))
    }
}

/// One after the other: a runtime has one clock.
fn paused(scenarios: &[Scenario], seed: u64) -> Result<Vec<Tally>, Trouble> {
    let each = scenarios
        .iter()
        .map(|scenario| runtime::paused()?.block_on(carry_out(Medium::Pipes, scenario, seed)));
    each.collect()
}

/// All at once: each has a gateway of its own, and they take as long as they take.
fn sockets(scenarios: &[Scenario], seed: u64) -> Result<Vec<Tally>, Trouble> {
    runtime::start()?.block_on(async {
        let mut running = JoinSet::new();
        for (n, scenario) in scenarios.iter().cloned().enumerate() {
            running.spawn(async move {
                let tally = carry_out(Medium::Sockets, &scenario, seed).await;
                (n, tally)
            });
        }
        let mut done = running.join_all().await;
        done.sort_by_key(|(n, _)| *n);
        done.into_iter().map(|(_, tally)| tally).collect()
    })
}

/// Sends the requests of a scenario to a gateway at their times, whether or not answers come.
async fn carry_out(medium: Medium, scenario: &Scenario, seed: u64) -> Result<Tally, Trouble> {
    let began = Arc::new(OnceLock::new());
    let models = providers(scenario, seed).into_iter().zip(0..);
    let providers = models.map(|(model, n)| {
        let options = mux_mock::Options {
            name: format!("p{n}"),
            manners: Some(manners(model, Arc::clone(&began))),
            ..mux_mock::Options::default()
        };
        (format!("p{n}"), options)
    });
    let scenery = Scenery {
        policy: policy(scenario.providers.len()),
        providers: providers.collect(),
        seed,
        listener: None,
    };
    let stage = Arc::new(Stage::set(medium, scenery).await?);
    let body = request();
    let epoch = *began.get_or_init(Instant::now);
    let mut flying = JoinSet::new();
    for call in scenario.arrivals.calls(scenario.span, seed) {
        let at = call.at;
        sleep_until(epoch + Duration::from_nanos(at)).await;
        let (stage, body) = (Arc::clone(&stage), body.clone());
        flying.spawn(async move {
            let reply = stage.ask(body).await.unwrap_or_default();
            seen(at, &reply)
        });
    }
    let all = flying.join_all().await;
    if let Some(stage) = Arc::into_inner(stage) {
        stage.strike().await;
    }
    Ok(Tally { all })
}

/// A modelled provider, as the simulated one carries it out.
fn manners(provider: Provider, began: Arc<OnceLock<Instant>>) -> Manners {
    let provider = Mutex::new(provider);
    Manners::new(move |_| {
        let since = began.get().map_or(Duration::ZERO, Instant::elapsed);
        let now = Nanos::try_from(since.as_nanos()).unwrap_or(Nanos::MAX);
        let mut provider = provider.lock().unwrap_or_else(PoisonError::into_inner);
        manner(&provider.answer(now, Size::default()))
    })
}

fn manner(answer: &Answer) -> Manner {
    let streamed = |first: Nanos, last: Nanos, tokens: u32| Manner {
        first: Duration::from_nanos(first),
        pause: Duration::from_nanos(last.saturating_sub(first)) / tokens.max(1),
        tokens,
        ..Manner::default()
    };
    match *answer {
        Answer::Content {
            first,
            last,
            tokens,
        } => streamed(first, last, tokens),
        Answer::Cut { first, last } => Manner {
            fault: Fault {
                cut_after: Some(CUT),
                ..Fault::default()
            },
            ..streamed(first, last, CUT)
        },
        Answer::Fails {
            after,
            status,
            retry_after,
            ..
        } => Manner {
            wait: Duration::from_nanos(after),
            tokens: 1,
            fault: Fault {
                status: status.filter(|s| *s >= 300),
                html_200: status == Some(200),
                refuse: status.is_none(),
                retry_after: retry_after.map(|wait| format!("{:.3}", seconds(wait))),
                ..Fault::default()
            },
            ..Manner::default()
        },
        Answer::Silence { head, .. } => Manner {
            fault: Fault {
                hang: !head,
                hang_after_head: head,
                ..Fault::default()
            },
            ..Manner::default()
        },
    }
}

/// Tokens of an answer that breaks off.
const CUT: u32 = 20;

/// A streamed chat request of [`TOKENS`] tokens.
fn request() -> Bytes {
    let prompt = "stay ".repeat(TOKENS as usize * 4 / 5);
    let body = serde_json::json!({
        "model": "@sim", "stream": true,
        "messages": [{"role": "user", "content": prompt}],
    });
    Bytes::from(body.to_string())
}

fn seen(at: Nanos, reply: &Reply) -> Seen {
    let target = reply.header("x-mux-target").unwrap_or_default();
    let place = target.strip_prefix('p').and_then(|t| t.split_once('/'));
    let attempts = reply.header("x-mux-attempts");
    let nanos = |d: Duration| Nanos::try_from(d.as_nanos()).unwrap_or(Nanos::MAX);
    Seen {
        at,
        first: None,
        served: place
            .and_then(|(place, _)| place.parse().ok())
            .filter(|_| reply.is_served()),
        attempts: attempts.and_then(|a| a.parse().ok()).unwrap_or(0),
        // A client is told of the last one only.
        primary: 0,
        content: reply.first.map(nanos),
    }
}

fn table(rows: &[Row]) -> String {
    let head = [
        "", "scenario", "layer", "requests", "served", "attempts", "p50", "p99",
    ];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    lines.extend(rows.iter().map(|row| {
        vec![
            match (row.layer, row.agrees) {
                (Layer::Simulated, _) => "",
                (_, true) => "ok",
                (_, false) => "FAIL",
            }
            .to_owned(),
            row.scenario.clone(),
            row.layer.name().to_owned(),
            row.requests.to_string(),
            format!("{:.3} %", row.served * 100.0),
            format!("{:.3}", row.attempts),
            format!("{:.0} ms", row.first_p50 * 1_000.0),
            format!("{:.0} ms", row.first_p99 * 1_000.0),
        ]
    }));
    format!(
        "{}\np50 and p99 are of the time to first content; served may differ by {:.1} points, p99 by {:.0} %",
        columns(&lines),
        SERVED * 100.0,
        FIRST * 100.0
    )
}
