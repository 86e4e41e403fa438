//! Who asks: each request twice, and a judge what it makes of the answers, as long as what that may cost is still there.

use super::cap::{Cap, Most};
use super::chosen::Chosen;
use super::form::{Form, NEWEST, question, score};
use super::questions::{Questions, Terms};
use super::side::Side;
use super::told::{Answer, Pair};
use crate::ending::Trouble;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::header::HeaderValue;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use mux_replay::likeness::alike;
use mux_traffic::Record;
use mux_traffic::record::Facts;
use serde_json::Value;

/// Most tokens of what a judge says.
const VERDICT: u32 = 16;

/// Asks, and keeps the books.
pub(crate) struct Asker<'t> {
    terms: Terms<'t>,
    now: Side,
    /// Another version of the policies that is asked in the place of who served.
    before: Option<Side>,
    client: Client<HttpConnector, Full<Bytes>>,
    cap: Cap,
}

/// Which gateway is asked.
#[derive(Clone, Copy, Debug)]
enum Which {
    Before,
    Now,
}

impl<'t> Asker<'t> {
    pub(crate) fn new(terms: Terms<'t>, now: Side, before: Option<Side>, cap: i64) -> Self {
        Self {
            terms,
            now,
            before,
            client: Client::builder(TokioExecutor::new()).build(HttpConnector::new()),
            cap: Cap::new(cap),
        }
    }

    /// What was spent so far, pico-dollars.
    pub(crate) fn spent(&self) -> i64 {
        self.cap.spent()
    }

    /// The judge has to be there, and cost something that is known.
    pub(crate) fn judged(&self) -> Result<(), Trouble> {
        let Some(judge) = self.terms.judge else {
            return Ok(());
        };
        if !self.now.has(judge) {
            return Err(Trouble::usage(format!(
                "`{judge}` is no target to judge with"
            )));
        }
        let most = self.now.most(judge, (0, VERDICT), "max_tokens");
        most.map(|_| ()).map_err(|_| {
            Trouble::usage(format!(
                "what `{judge}` costs is not known, so nobody can say when `--max-spend` is reached; give it a `price`"
            ))
        })
    }

    /// How a recorded request is asked again; else why it is not.
    pub(crate) fn questions(&self, record: &Record, body: &Value) -> Result<Questions, String> {
        let sides = (&self.now, self.before.as_ref());
        Questions::of(record, body, self.terms, sides)
    }

    /// Asks for both answers, and for what a judge makes of them; `None` where that may cost more than is left.
    pub(crate) async fn pair(&mut self, chosen: Chosen) -> Result<Option<Pair>, Trouble> {
        let Chosen {
            record,
            body,
            questions,
        } = chosen;
        let most = self.most_of(&questions);
        let Questions {
            form,
            output,
            was,
            now,
        } = questions;
        let judged = self.most_judged(was.body.len().max(now.body.len()), output);
        if !self.cap.holds(most) {
            return Ok(None);
        }
        // Copies that a rule sends besides end when they end: they are taken for what they may cost.
        self.cap
            .spend(was.most.copies.saturating_add(now.most.copies));
        let before = if self.before.is_some() {
            Which::Before
        } else {
            Which::Now
        };
        let facts = &record.request;
        let was = self
            .ask(before, form, was.body, (facts, was.most.own))
            .await?;
        let now = self
            .ask(Which::Now, form, now.body, (facts, now.most.own))
            .await?;
        let both = was.text.as_deref().zip(now.text.as_deref());
        let mut score_told = None;
        if let (Some(both), Some(judge)) = (both, self.terms.judge) {
            let limit = self.limit_of(judge);
            let body = question(judge, &body, both, (limit, VERDICT));
            // Longer answers than a token can have bytes: not judged, since it might cost more than was kept.
            let most = self.now.most(judge, (body.len(), VERDICT), limit);
            if most.is_ok_and(|most| most.own <= judged) {
                let told = self
                    .ask(Which::Now, Form::Chat, body, (facts, judged))
                    .await?;
                score_told = told.text.as_deref().and_then(score);
            }
        }
        Ok(Some(Pair {
            alike: both.map(|(was, now)| alike(was, now)),
            judged: score_told,
            id: record.id,
            was,
            now,
        }))
    }

    /// The most that a judge of two answers can cost; its question holds both, and words of its own.
    fn most_judged(&self, bytes: usize, output: u32) -> i64 {
        let Some(judge) = self.terms.judge else {
            return 0;
        };
        let answers = usize::try_from(output)
            .unwrap_or(usize::MAX)
            .saturating_mul(16);
        let bytes = bytes.saturating_add(answers).saturating_add(4_096);
        let most = self.now.most(judge, (bytes, VERDICT), self.limit_of(judge));
        most.map_or(i64::MAX, Most::all)
    }

    /// What a judge calls the most tokens of its answer.
    fn limit_of(&self, judge: &str) -> &'static str {
        match self.now.most(judge, (0, VERDICT), NEWEST) {
            Ok(_) => NEWEST,
            Err(_) => "max_tokens",
        }
    }

    /// A pair was begun and not heard to its end: all that it may have cost is spent.
    pub(crate) fn give_up(&mut self, spent: i64, most: i64) {
        let least = spent.saturating_add(most);
        self.cap
            .spend(least.saturating_sub(self.cap.spent()).max(0));
    }

    /// The most that a pair can cost, its judge included.
    pub(crate) fn most_of(&self, questions: &Questions) -> i64 {
        let Questions {
            was, now, output, ..
        } = questions;
        let judged = self.most_judged(was.body.len().max(now.body.len()), *output);
        let both = was.most.all().saturating_add(now.most.all());
        both.saturating_add(judged)
    }

    /// Asks once; what it costs is spent, and where that is not known all that it may.
    async fn ask(
        &mut self,
        which: Which,
        form: Form,
        body: Vec<u8>,
        (facts, most): (&Facts, i64),
    ) -> Result<Answer, Trouble> {
        let side = match (which, &mut self.before) {
            (Which::Before, Some(before)) => before,
            _ => &mut self.now,
        };
        let url = format!("http://{}{}", side.address(), form.path());
        let request = request(&url, facts, &body).body(Full::new(Bytes::from(body)));
        let sent = self.client.request(request.map_err(Trouble::internal)?);
        let response = match sent.await {
            Ok(response) => response,
            Err(broken) => {
                self.cap.spend(most);
                return Err(Trouble::internal(broken));
            }
        };
        let status = response.status().as_u16();
        let id = response.headers().get("x-mux-request-id");
        let id = id.and_then(|id| id.to_str().ok()).map(str::to_owned);
        let bytes = response.into_body().collect().await;
        let bytes = bytes.map(http_body_util::Collected::to_bytes).ok();
        let told = side.record(id.as_deref()).await;
        // What was estimated may have been more: an attempt that was cut off is billed all the same.
        let counted = |r: &&Record| {
            let mut used = r.attempts.iter().filter_map(|a| a.usage.as_ref());
            r.priced && used.all(|usage| !usage.estimated)
        };
        let cost = told.as_ref().filter(counted).map(|r| r.cost);
        self.cap.spend(cost.unwrap_or(most));
        // Half an answer is none.
        let whole = bytes.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        let text = whole
            .filter(|_| status == 200)
            .map(|value| form.text(&value));
        Ok(Answer {
            target: told.as_ref().and_then(|r| r.outcome.served.clone()),
            status,
            cost,
            total_ms: told.map_or(0, |r| r.outcome.total_us / 1_000),
            text,
        })
    }

    /// Stops every gateway.
    pub(crate) async fn stop(self) {
        self.now.stop().await;
        if let Some(before) = self.before {
            before.stop().await;
        }
    }
}

/// What the policies may look at, as it was.
fn request(url: &str, facts: &Facts, body: &[u8]) -> hyper::http::request::Builder {
    let mut request = Request::post(url).header("content-type", "application/json");
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    // Those of its metadata come with the body, and may hold what no header can.
    let own = |name: &str| body.get("metadata")?.get(name)?.as_str();
    let tags = facts.tags.iter().filter(|(n, v)| own(n) != Some(v));
    let tags: Vec<String> = tags.map(|(n, v)| format!("{n}={v}")).collect();
    let tags = tags.join(",");
    let headers = [
        ("x-mux-tags", Some(&tags)),
        ("x-mux-user", facts.end_user.as_ref()),
        ("x-mux-conversation", facts.conversation.as_ref()),
    ];
    let headers = headers
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    let more = facts.headers.iter();
    let more = more.map(|(name, value)| (name.as_str(), value));
    for (name, value) in headers.chain(more).filter(|(_, v)| !v.is_empty()) {
        // What did not come by a header may be none: a user whom the body names, as it does now.
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            request = request.header(name, value);
        }
    }
    request
}
