//! `mux demo`: four simulated providers, a gateway on the policies, traffic, and one provider going down in the middle.

use crate::ending::{Exit, Outcome, Trouble};
use crate::out::{Format, Out, duration};
use crate::runtime;
use crate::scratch::Scratch;
use crate::{bundle, testing};
use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use mux_gateway::gateway::{Gateway, Options, StartError};
use mux_mock::{Control, Fault};
use mux_traffic::record::Record;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// The policies shown where there is no `policies` folder.
const POLICIES: [(&str, &str); 3] = [
    ("fleet.mux", include_str!("../../policies/fleet.mux")),
    ("chat.mux", include_str!("../../policies/chat.mux")),
    (
        "chat_test.mux",
        include_str!("../../policies/chat_test.mux"),
    ),
];

/// Show it all: four simulated providers, a gateway, traffic, and one of them going down
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// How long to send traffic
    #[arg(long = "for", value_name = "TIME", default_value = "20s", value_parser = duration)]
    span: Duration,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
    /// The policies [default: `policies`, or the built-in ones where that folder is missing]
    #[arg(long)]
    policies: Option<PathBuf>,
    /// Where to keep versions and recordings [default: a temporary folder]
    #[arg(long)]
    data: Option<PathBuf>,
    /// The address clients connect to
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Requests a second
    #[arg(long, default_value_t = 40)]
    rps: u32,
    /// What happens to the first provider in the middle of the run
    #[arg(long, default_value = "status=503")]
    fault: String,
}

impl Demo {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let fault = Fault::parse(&self.fault).map_err(Trouble::usage)?;
        if self.rps == 0 {
            return Err(Trouble::usage("`--rps` must be at least 1"));
        }
        let scratch = match &self.data {
            Some(data) => Scratch::kept(data),
            None => Scratch::temporary(),
        }?;
        runtime::start()?.block_on(self.show(&scratch, fault, out))
    }

    async fn show(&self, scratch: &Scratch, fault: Fault, out: &mut Out) -> Outcome {
        let policies = policies(self.policies.as_deref(), scratch)?;
        let providers = Providers::start(&policies).await?;
        let tally = Arc::new(Mutex::new(Tally::default()));
        let listening = Arc::clone(&tally);
        let options = Options {
            addresses: providers.addresses.clone(),
            listener: Some(Arc::new(move |record: &Record| {
                lock(&listening).take(record);
            })),
            examine: Some(Arc::new(testing::examine)),
            ..Options::new(&policies, scratch.folder(), self.listen)
        };
        let gateway = match Gateway::start(options).await {
            Ok(gateway) => gateway,
            Err(StartError::Policies(text)) => {
                out.error(&text);
                return Ok(Exit::No);
            }
            Err(StartError::Environment(why)) => return Err(Trouble::Usage(why)),
        };
        let human = self.format == Format::Human;
        if human {
            out.line(&introduction(&providers, &gateway, &policies));
        }
        let sent = self
            .traffic(gateway.address, &providers, fault, &tally, out)
            .await?;
        gateway.stop().await;
        let summary = lock(&tally).summary(&sent);
        match self.format {
            Format::Json => out.json(&summary),
            Format::Human => out.line(&summary.text(scratch.folder(), scratch.is_kept())),
        }
        Ok(if summary.errors == 0 {
            Exit::Good
        } else {
            Exit::No
        })
    }

    /// Sends requests at a steady pace, whether or not answers come, and takes the first provider down in the middle.
    async fn traffic(
        &self,
        address: SocketAddr,
        providers: &Providers,
        fault: Fault,
        tally: &Arc<Mutex<Tally>>,
        out: &mut Out,
    ) -> Result<Sent, Trouble> {
        let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new())
            .build({
                let mut tcp = HttpConnector::new();
                tcp.set_nodelay(true);
                tcp
            });
        let (begin, total) = (
            Instant::now(),
            self.rps as usize * usize::try_from(self.span.as_millis()).unwrap_or(0) / 1_000,
        );
        let (down, up) = (total * 3 / 10, total * 7 / 10);
        let mut flying = JoinSet::new();
        for n in 0..total.max(1) {
            let at =
                begin + Duration::from_secs(1) * u32::try_from(n).unwrap_or(u32::MAX) / self.rps;
            sleep_until(at).await;
            if n == down {
                providers.first.set_fault(fault.clone());
                self.note(
                    out,
                    &format!("      {} goes down: {}", providers.first.name(), self.fault),
                );
            } else if n == up {
                providers.first.clear_fault();
                self.note(out, &format!("      {} is back", providers.first.name()));
            }
            if n > 0 && n.is_multiple_of(self.rps as usize) {
                let line = lock(tally).second(n / self.rps as usize);
                self.note(out, &line);
            }
            flying.spawn(ask(client.clone(), address, providers.model.clone(), n));
        }
        let mut sent = Sent::default();
        while let Some(answer) = flying.join_next().await {
            sent.take(answer.map_err(Trouble::internal)?);
        }
        Ok(sent)
    }

    fn note(&self, out: &mut Out, line: &str) {
        if self.format == Format::Human {
            out.line(line);
        }
    }
}

fn lock(tally: &Mutex<Tally>) -> std::sync::MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

fn introduction(providers: &Providers, gateway: &Gateway, policies: &Path) -> String {
    let mut lines = vec![format!(
        "a gateway on http://{}, with the policies in {}",
        gateway.address,
        policies.display()
    )];
    for (name, url) in &providers.addresses {
        lines.push(format!("  simulated {name:<12} {url}"));
    }
    lines.push("try it yourself while this runs:".to_owned());
    lines.push(format!(
        "  curl http://{}/v1/chat/completions -d '{{\"model\":\"{}\",\"messages\":[{{\"role\":\"user\",\"content\":\"hello\"}}]}}'\n",
        gateway.address, providers.model
    ));
    lines.join("\n")
}

/// Simulated providers in place of those the policies name.
struct Providers {
    /// Each closes its socket when dropped.
    _mocks: Vec<mux_mock::Mock>,
    addresses: Vec<(String, String)>,
    first: Control,
    model: String,
}

impl Providers {
    async fn start(policies: &Path) -> Result<Self, Trouble> {
        let compiled = bundle::compile(policies)?;
        let text = || mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
        let image = compiled
            .image
            .as_ref()
            .ok_or_else(|| Trouble::Usage(format!("the policies do not load:\n{}", text())))?;
        let policy = image
            .policies
            .first()
            .ok_or_else(|| Trouble::usage("the demo needs a policy to send requests to"))?;
        let mut mocks = Vec::new();
        let mut addresses = Vec::new();
        for provider in &image.fleet.providers {
            let options = mux_mock::Options {
                listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
                name: provider.name.to_string(),
                latency: Duration::from_millis(20),
                jitter: Duration::from_millis(10),
                rate: 500.0,
                tokens: 16,
                ..mux_mock::Options::default()
            };
            let mock = mux_mock::Mock::start(options)
                .await
                .map_err(|e| Trouble::usage(format!("cannot start a simulated provider: {e}")))?;
            addresses.push((
                provider.name.to_string(),
                format!("http://{}/v1", mock.addr),
            ));
            mocks.push(mock);
        }
        let first = mocks
            .first()
            .map(mux_mock::Mock::control)
            .ok_or_else(|| Trouble::usage("the demo needs a provider"))?;
        Ok(Self {
            _mocks: mocks,
            addresses,
            first,
            model: format!("@{}", policy.name),
        })
    }
}

/// The policies asked for, those of the folder `policies`, or else the built-in ones.
fn policies(asked: Option<&Path>, scratch: &Scratch) -> Result<PathBuf, Trouble> {
    let usual = Path::new("policies");
    if let Some(path) = asked.or_else(|| usual.is_dir().then_some(usual)) {
        return Ok(path.to_path_buf());
    }
    scratch.save("policies", &POLICIES)
}

/// Sends one request; every other one streams. `None` is an error, seen as a client sees it.
async fn ask(
    client: Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
    model: String,
    n: usize,
) -> Option<Duration> {
    let begin = Instant::now();
    let body = serde_json::json!({
        "model": model, "stream": n.is_multiple_of(2),
        "messages": [{"role": "user", "content": format!("question {n}: how do you stay up?")}],
    });
    let request = Request::post(format!("http://{address}/v1/chat/completions"))
        .header("content-type", "application/json");
    let response = client
        .request(
            request
                .body(Full::new(Bytes::from(body.to_string())))
                .ok()?,
        )
        .await
        .ok()?;
    let good = response.status().is_success();
    let bytes = response.into_body().collect().await.ok()?.to_bytes();
    let whole = if n.is_multiple_of(2) {
        bytes.ends_with(b"data: [DONE]\n\n")
    } else {
        serde_json::from_slice::<serde_json::Value>(&bytes).is_ok()
    };
    (good && whole).then(|| begin.elapsed())
}

/// What the clients saw.
#[derive(Debug, Default)]
struct Sent {
    latencies: Vec<Duration>,
    errors: u64,
}

impl Sent {
    fn take(&mut self, answer: Option<Duration>) {
        match answer {
            Some(latency) => self.latencies.push(latency),
            None => self.errors += 1,
        }
    }
}

/// What the records say.
#[derive(Debug, Default)]
struct Tally {
    failovers: u64,
    by_target: BTreeMap<String, u64>,
    overheads: Vec<u64>,
    recent: Recent,
}

#[derive(Debug, Default)]
struct Recent {
    by_target: BTreeMap<String, u64>,
    failovers: u64,
    errors: u64,
    totals: Vec<u64>,
}

impl Tally {
    fn take(&mut self, record: &Record) {
        let served = record.outcome.served.clone();
        let over = record.failed_over();
        self.failovers += u64::from(over);
        self.recent.failovers += u64::from(over);
        self.overheads.push(record.outcome.overhead_us);
        self.recent.totals.push(record.outcome.total_us / 1_000);
        match served {
            Some(target) => {
                *self.by_target.entry(target.clone()).or_default() += 1;
                *self.recent.by_target.entry(target).or_default() += 1;
            }
            None => self.recent.errors += 1,
        }
    }

    /// The line of a second that is over.
    fn second(&mut self, second: usize) -> String {
        let mut recent = std::mem::take(&mut self.recent);
        let served: Vec<String> = recent
            .by_target
            .iter()
            .map(|(target, n)| format!("{target} {n}"))
            .collect();
        let p50 = percentile(&mut recent.totals, 50);
        format!(
            "{second:>4}s  errors {}  failovers {:<3} p50 {p50:>3} ms  {}",
            recent.errors,
            recent.failovers,
            served.join("  ")
        )
    }

    fn summary(&mut self, sent: &Sent) -> Summary {
        let mut millis: Vec<u64> = sent
            .latencies
            .iter()
            .map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
            .collect();
        let served = sent.latencies.len() as u64;
        Summary {
            requests: served + sent.errors,
            served,
            errors: sent.errors,
            failovers: self.failovers,
            p50_ms: percentile(&mut millis, 50),
            p99_ms: percentile(&mut millis, 99),
            overhead_p50_us: percentile(&mut self.overheads, 50),
            overhead_p99_us: percentile(&mut self.overheads, 99),
            by_target: self.by_target.clone(),
        }
    }
}

fn percentile(values: &mut [u64], share: usize) -> u64 {
    values.sort_unstable();
    let rank = (values.len() * share).div_ceil(100).max(1);
    values.get(rank - 1).copied().unwrap_or(0)
}

/// The result of a demo.
#[derive(Debug, Serialize)]
struct Summary {
    requests: u64,
    served: u64,
    errors: u64,
    failovers: u64,
    p50_ms: u64,
    p99_ms: u64,
    overhead_p50_us: u64,
    overhead_p99_us: u64,
    by_target: BTreeMap<String, u64>,
}

impl Summary {
    fn text(&self, data: &Path, kept: bool) -> String {
        let mut lines = vec![
            String::new(),
            format!(
                "{} requests, {} served, {} errors, {} failovers",
                self.requests, self.served, self.errors, self.failovers
            ),
            format!(
                "latency  p50 {} ms, p99 {} ms (the simulated providers take about 50 ms)",
                self.p50_ms, self.p99_ms
            ),
            format!(
                "overhead p50 {} µs, p99 {} µs (time in the gateway, not waiting for a provider)",
                self.overhead_p50_us, self.overhead_p99_us
            ),
        ];
        for (target, served) in &self.by_target {
            lines.push(format!("  {target:<28} served {served}"));
        }
        if kept {
            lines.push(format!(
                "replay this traffic under changed policies: mux policy test --traffic {}",
                data.join("recordings").display()
            ));
        }
        lines.join("\n")
    }
}
