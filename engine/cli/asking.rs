//! `mux policy test --live`: recorded prompts, asked again through real providers, within what may be spent.
//!
//! Each is asked twice through a gateway of its own on this machine: at the target that served it when it was recorded, and
//! under the policies as they are. Before anything is asked it is looked whether the most that it can cost is still there,
//! counted by bytes where providers count tokens, so that what may be spent is never passed.

mod cap;
mod chosen;
mod form;
mod told;

use crate::ending::Trouble;
use crate::out::Out;
use crate::recorded::Recorded;
use crate::runtime;
use crate::scratch::Scratch;
use bytes::Bytes;
use cap::{Cap, money, most, most_at};
pub(crate) use chosen::About;
use chosen::{Chosen, choose};
use clap::Args;
use form::{Form, question, score};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use mux_dsl::Image;
use mux_gateway::gateway::{Gateway, Options, StartError};
use mux_replay::likeness::alike;
use mux_traffic::Record;
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use told::{Answer, Pair, Reasked};

/// How long the record of an answer may take that is there.
const RECORDED: Duration = Duration::from_secs(5);
/// Most tokens of what a judge says.
const VERDICT: u32 = 16;

/// How recorded prompts are asked again.
#[derive(Debug, Args)]
#[command(next_help_heading = "Asking again")]
pub(crate) struct Asking {
    /// Ask providers again what was asked, where prompts were recorded: who served then, and the policies as they are now
    #[arg(long, requires_all = ["traffic", "max_spend"])]
    live: bool,
    /// The most that may be spent on it, such as `5usd`; it is never passed
    #[arg(long, value_name = "AMOUNT", value_parser = money, requires = "live")]
    max_spend: Option<i64>,
    /// Where prompts were recorded [default: `prompts` in the data folder]
    #[arg(long, value_name = "DIR", requires = "live")]
    prompts: Option<PathBuf>,
    /// How many requests are asked again, drawn by the seed
    #[arg(long, value_name = "N", default_value_t = 50)]
    requests: usize,
    /// Most tokens of an answer, where the request allows more or does not say
    #[arg(long, value_name = "N", default_value_t = 1_024)]
    answer_tokens: u32,
    /// A target that says how good each new answer is in the place of the old one
    #[arg(long, value_name = "TARGET", requires = "live")]
    judge: Option<String>,
}

impl Asking {
    /// Whether that is to be done.
    pub(crate) fn live(&self) -> bool {
        self.live
    }

    /// Does it.
    pub(crate) fn run(&self, about: About<'_>, out: &mut Out) -> Result<Reasked, Trouble> {
        let image = about.image;
        if let Some(judge) = &self.judge
            && image.target(judge).is_none()
        {
            return Err(Trouble::usage(format!(
                "`{judge}` is no target to judge with"
            )));
        }
        let prompts = self
            .prompts
            .clone()
            .unwrap_or_else(|| about.data.join("prompts"));
        let (chosen, skipped) = choose(&prompts, about, self.requests)?;
        if chosen.is_empty() {
            return Err(Trouble::usage(format!(
                "none of the requests can be asked again: no prompt of one that was served is in `{}`{}; `mux serve --record-prompts` records them",
                prompts.display(),
                skipped.told()
            )));
        }
        let mut reasked = Reasked::new(self.max_spend.unwrap_or_default(), skipped);
        let scratch = Scratch::temporary()?;
        copy_prices(about.data, scratch.folder());
        let done = runtime::start()?.block_on(async {
            let mut asker = Asker::start(about, &scratch, reasked.cap).await?;
            let mut after = Ok(());
            for chosen in chosen {
                out.error(&format!("asking {} again", chosen.record.id));
                match asker.pair(self, image, &chosen, about.recorded).await {
                    Ok(Some(pair)) => reasked.pairs.push(pair),
                    Ok(None) => {
                        reasked.stopped = true;
                        break;
                    }
                    Err(trouble) => {
                        after = Err(trouble);
                        break;
                    }
                }
            }
            reasked.spent = asker.cap.spent();
            asker.gateway.stop().await;
            after
        });
        done.map(|()| reasked)
    }
}

/// What `mux prices update` left in the data folder.
fn copy_prices(data: &Path, scratch: &Path) {
    let file = mux_gateway::prices::FILE;
    // Without it the prices that mux comes with hold.
    let _ = std::fs::copy(data.join(file), scratch.join(file));
}

/// A gateway of its own, and who asks it.
struct Asker {
    gateway: Gateway,
    client: Client<HttpConnector, Full<Bytes>>,
    records: UnboundedReceiver<Record>,
    cap: Cap,
}

impl Asker {
    async fn start(about: About<'_>, scratch: &Scratch, cap: i64) -> Result<Self, Trouble> {
        let (sender, records) = unbounded_channel();
        let options = Options {
            plugins: Some(about.data.join("plugins")),
            listener: Some(Arc::new(move |record: &Record| {
                // Nobody listens any more only when all was asked.
                let _ = sender.send(record.clone());
            })),
            force: true,
            private: true,
            ..Options::new(
                about.policies,
                scratch.folder(),
                SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            )
        };
        let gateway = Gateway::start(options).await.map_err(|e| match e {
            StartError::Policies(why) | StartError::Environment(why) => Trouble::Usage(why),
        })?;
        Ok(Self {
            gateway,
            client: Client::builder(TokioExecutor::new()).build(HttpConnector::new()),
            records,
            cap: Cap::new(cap),
        })
    }

    /// Asks for both answers, and for what a judge makes of them; `None` where that may cost more than is left.
    async fn pair(
        &mut self,
        asking: &Asking,
        image: &Image,
        chosen: &Chosen,
        recorded: &Recorded,
    ) -> Result<Option<Pair>, Trouble> {
        let Chosen {
            record,
            body,
            form,
            served,
        } = chosen;
        let form = *form;
        let model = recorded.asks().unwrap_or(&record.request.model);
        let limit = asking.answer_tokens;
        let (old, output) = form.asked(body, served, limit);
        let (new, _) = form.asked(body, model, limit);
        let sizes = (old.len().max(new.len()), output);
        let unpriced = |name: &str| {
            Trouble::usage(format!(
                "what `{name}` costs is not known, so nobody can say when `--max-spend` is reached; give its targets a `price`"
            ))
        };
        let then = most_at(image, served, sizes).ok_or_else(|| unpriced(served))?;
        let now = most(image, model, sizes).ok_or_else(|| unpriced(model))?;
        let judged = match &asking.judge {
            Some(judge) => {
                // The question holds both answers, and words of its own.
                let bytes = old.len() + 8 * usize::try_from(output).unwrap_or(0) * 2 + 4_096;
                let most = most_at(image, judge, (bytes, VERDICT));
                most.ok_or_else(|| unpriced(judge))?
            }
            None => 0,
        };
        if !self
            .cap
            .holds(then.saturating_add(now.all()).saturating_add(judged))
        {
            return Ok(None);
        }
        // Copies that a rule sends besides end when they end: they are taken for what they may cost.
        self.cap.spend(now.copies);
        let was = self.ask(form, old, record, then).await?;
        let now = self.ask(form, new, record, now.own).await?;
        let both = was.text.as_deref().zip(now.text.as_deref());
        let mut score_told = None;
        if let (Some(both), Some(judge)) = (both, &asking.judge) {
            let body = question(judge, body, both, VERDICT);
            // Longer answers than a token can have bytes: not judged, since it might cost more than was kept.
            let most = most_at(image, judge, (body.len(), VERDICT)).unwrap_or(i64::MAX);
            if most <= judged {
                let told = self.ask(Form::Chat, body, record, judged).await?;
                score_told = told.text.as_deref().and_then(score);
            }
        }
        Ok(Some(Pair {
            id: record.id.clone(),
            alike: both.map(|(was, now)| alike(was, now)),
            judged: score_told,
            was,
            now,
        }))
    }

    /// Asks once; what it costs is spent, and where that is not known all that it may.
    async fn ask(
        &mut self,
        form: Form,
        body: Vec<u8>,
        record: &Record,
        most: i64,
    ) -> Result<Answer, Trouble> {
        let facts = &record.request;
        let url = format!("http://{}{}", self.gateway.address, form.path());
        let mut request = Request::post(url).header("content-type", "application/json");
        let tags: Vec<String> = facts.tags.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let headers = [
            ("x-mux-tags", Some(tags.join(","))),
            ("x-mux-user", facts.end_user.clone()),
            ("x-mux-conversation", facts.conversation.clone()),
        ];
        for (name, value) in headers {
            if let Some(value) = value.filter(|v| !v.is_empty()) {
                request = request.header(name, value);
            }
        }
        for (name, value) in &facts.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(body)));
        let sent = self.client.request(request.map_err(Trouble::internal)?);
        let response = sent.await.map_err(Trouble::internal)?;
        let status = response.status().as_u16();
        let id = response.headers().get("x-mux-request-id");
        let id = id.and_then(|id| id.to_str().ok()).map(str::to_owned);
        let bytes = response.into_body().collect().await;
        let bytes = bytes
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        let told = self.record(id.as_deref()).await;
        // What was estimated may have been more: an attempt that was cut off is billed all the same.
        let counted = |r: &&Record| {
            let mut used = r.attempts.iter().filter_map(|a| a.usage.as_ref());
            r.priced && used.all(|usage| !usage.estimated)
        };
        let cost = told.as_ref().filter(counted).map(|r| r.cost);
        self.cap.spend(cost.unwrap_or(most));
        let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let text = (status == 200).then(|| form.text(&value));
        Ok(Answer {
            target: told.as_ref().and_then(|r| r.outcome.served.clone()),
            status,
            cost,
            total_ms: told.map_or(0, |r| r.outcome.total_us / 1_000),
            text,
        })
    }

    /// The record of a request that is over.
    async fn record(&mut self, id: Option<&str>) -> Option<Record> {
        let id = id?;
        let found = async {
            loop {
                let record = self.records.recv().await?;
                if record.id == id {
                    return Some(record);
                }
            }
        };
        tokio::time::timeout(RECORDED, found).await.ok().flatten()
    }
}
