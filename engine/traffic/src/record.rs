//! The decision record: everything that decided about one request, and everything that happened to it.
//!
//! One JSON object a request. Fields are only ever added, and `v` rises when the meaning of one changes. It holds enough
//! to decide again under another policy, and never prompt text. Times are microseconds since the request arrived unless
//! their name says otherwise; money is pico-dollars; shares are basis points.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the schema written here.
pub const VERSION: u32 = 1;

/// One request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// [`VERSION`].
    pub v: u32,
    /// Request id, as in `x-mux-request-id`.
    pub id: String,
    /// Arrival, unix milliseconds.
    pub at: i64,
    /// Version of the bundle that decided.
    pub version: String,
    /// Seed of every random choice of this request.
    pub seed: u64,
    /// What the client asked for.
    pub request: Facts,
    /// Live figures of every target when the request was decided.
    pub live: Vec<Figures>,
    /// Spent shares of every budget, for the counters this request falls on.
    pub used: BTreeMap<String, u32>,
    /// What the policy said; absent for a deployment called directly or a request refused before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// Targets that came into question, in order; where every request has an order of its own, all of the plan.
    pub candidates: Vec<Candidate>,
    /// Every target that was looked at before an attempt, in order, with what decided about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<Look>,
    /// Every attempt, in order of its start.
    pub attempts: Vec<Attempt>,
    /// How it ended.
    pub outcome: Outcome,
    /// Tokens of the answer that was delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Cost of all attempts.
    pub cost: i64,
    /// Whether every attempt's price was known.
    pub priced: bool,
    /// The id of the request that this one is a copy of (`shadow`), or `probe` where mux itself asked: no client got an
    /// answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<String>,
    /// The share of requests that was recorded, basis points; absent where all were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<u32>,
}

impl Record {
    /// Whether another target than the first able one served, because that one failed or was held back.
    #[must_use]
    pub fn failed_over(&self) -> bool {
        let unable = |c: &&Candidate| {
            matches!(
                c.reason.as_deref(),
                Some("capability-missing" | "window-too-small" | "filtered")
            )
        };
        let first = self
            .candidates
            .iter()
            .find(|c| !unable(c))
            .map(|c| &c.target)
            // Records that come from elsewhere know no candidates.
            .or_else(|| self.attempts.first().map(|a| &a.target));
        self.outcome.served.is_some() && self.outcome.served.as_ref() != first
    }
}

/// How targets behaved in a request: as much of its record as that takes, and no field more is read.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Behaviour {
    /// Version of the schema.
    pub v: u32,
    /// Arrival, unix milliseconds.
    pub at: i64,
    /// The request.
    pub request: Prompt,
    /// Every attempt, in order of its start.
    pub attempts: Vec<Attempt>,
}

/// What a request asks of whoever answers it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Prompt {
    /// Estimated prompt tokens.
    pub tokens: u32,
    /// Streamed.
    pub streaming: bool,
}

/// A record, or as much of one as somebody reads.
pub trait Entry: DeserializeOwned {
    /// Version of the schema.
    fn version(&self) -> u32;
    /// Arrival, unix milliseconds.
    fn at(&self) -> i64;
}

impl Entry for Record {
    fn version(&self) -> u32 {
        self.v
    }

    fn at(&self) -> i64 {
        self.at
    }
}

impl Entry for Behaviour {
    fn version(&self) -> u32 {
        self.v
    }

    fn at(&self) -> i64 {
        self.at
    }
}

/// The fact table of a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Operation, such as `chat`.
    pub operation: String,
    /// The client's dialect, such as `openai-chat`.
    pub dialect: String,
    /// The client's `model`, as sent.
    pub model: String,
    /// Hash of the client's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Team of the client's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// End user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_user: Option<String>,
    /// Conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// Tags, in the order sent.
    pub tags: Vec<(String, String)>,
    /// The headers that policies of the bundle ask for, by their names in lower case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// Hashes of how the prompt begins, by the number of tokens, for the lengths that plans of the bundle ask for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prefixes: Vec<Prefix>,
    /// Estimated prompt tokens.
    pub tokens: u32,
    /// Most output tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_limit: Option<u32>,
    /// Streamed.
    pub streaming: bool,
    /// Needs, as policy words: `tools`, `images` …
    pub needs: Vec<String>,
}

impl Facts {
    /// Hash of the first `tokens` tokens of the prompt.
    #[must_use]
    pub fn prefix(&self, tokens: u32) -> Option<&str> {
        let found = self.prefixes.iter().find(|p| p.tokens == tokens);
        found.map(|p| p.hash.as_str())
    }
}

/// How a prompt begins, without saying it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Prefix {
    /// So many tokens of it.
    pub tokens: u32,
    /// Their hash.
    pub hash: String,
}

/// Live figures of one target over more than the last minute.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Over {
    /// How long, milliseconds.
    pub span_ms: u64,
    /// Median time to first content, milliseconds; absent with too few samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<u64>,
    /// 95th percentile of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95_ms: Option<u64>,
    /// 99th percentile of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<u64>,
    /// Share of failures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_rate: Option<u32>,
}

/// Live figures of one target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    /// `provider/model`.
    pub target: String,
    /// Median time to first content, milliseconds; absent with too few samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<u64>,
    /// 95th percentile of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95_ms: Option<u64>,
    /// 99th percentile of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<u64>,
    /// Share of failures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_rate: Option<u32>,
    /// `ok`, `degraded` or `down`.
    pub health: String,
    /// `closed`, `open` or `half-open`.
    pub breaker: String,
    /// How well it was by failures, slowness, load and limits, from 0 to 10 000; absent in records of older versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<u32>,
    /// Attempts in flight.
    pub inflight: u32,
    /// Share left of the tightest rate limit that its provider last told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headroom: Option<u32>,
    /// The same over the longer spans that the policies of its bundle ask for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub over: Vec<Over>,
}

/// What the policy said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Decision {
    /// Policies in the order entered; the last one decided.
    pub policies: Vec<String>,
    /// `file:line` of the rule, with its name where it has one.
    pub rule: String,
    /// Path through the decision graph: branch bits, hexadecimal, last branch lowest.
    pub path: String,
    /// `use` or `deny`.
    pub verdict: String,
    /// Name of the plan, or of the target of a plan written in the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The arms that shares chose, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arms: Vec<Arm>,
}

/// An arm that a share chose.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Arm {
    /// `split` or `canary`.
    pub strategy: String,
    /// Its name; else its number, from 1, or `base` or `trial`.
    pub arm: String,
    /// The bucket the request fell into, from 0 to 9 999.
    pub bucket: u32,
    /// Of a canary that grows, its share at that time, basis points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<u32>,
    /// The request fell on the trial of a canary and got the base, since a figure of the trial is beyond a threshold.
    pub aborted: bool,
}

/// One target that came into question.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Candidate {
    /// `provider/model`.
    pub target: String,
    /// `capability-missing`, `window-too-small`, `filtered`, `unavailable`, `unwell`, `scarce`, `barred` or `not-needed`;
    /// absent where it was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passed_over: Option<String>,
    /// What the request was expected to cost there, where that set the order and the price is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_cost: Option<i64>,
}

/// A target that was looked at before an attempt. With the record's seed it says what `verdict` has to be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Look {
    /// When.
    pub at_us: u64,
    /// The walk along a plan that it is on: 0 is the request's own, others are parts of several attempts at once.
    #[serde(skip_serializing_if = "is_own")]
    pub leg: u32,
    /// Its place in the order of that, from 0.
    pub step: u32,
    /// `provider/model`.
    pub target: String,
    /// `in-order`, `least-ill`, `held-back`, `goes-on` or `again`: why it came into question.
    pub way: String,
    /// How well it was, from 0 to 10 000.
    pub score: u32,
    /// Share of the requests that stays with a target of such a score; all where its score does not decide that.
    pub stays: u32,
    /// `closed`, `open` or `half-open`.
    pub breaker: String,
    /// How many others could serve in its place that were not called yet; counted where it was unwell.
    pub others: u32,
    /// `unable`, `breaker`, `wait`, `credential`, `operator`, `full`, `retry-budget` or `attempts`: what kept it from being called
    /// whatever its score; absent where nothing did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// `called`, `unwell` or `held`.
    pub verdict: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_own(leg: &u32) -> bool {
    *leg == 0
}

/// One attempt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attempt {
    /// `provider/model`.
    pub target: String,
    /// Start.
    pub start_us: u64,
    /// Its request was handed to the connection; absent where it could not even be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_us: Option<u64>,
    /// The connection stood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connected_us: Option<u64>,
    /// The head of the reply was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_us: Option<u64>,
    /// The first content was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_us: Option<u64>,
    /// It was over; 0 where it was imported and nobody said how long it took.
    pub end_us: u64,
    /// `ok`, or what went wrong, in kebab case.
    pub class: String,
    /// HTTP status, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The wait the provider asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Why no provider answered, in mux's words. What a provider says is never kept: it may quote the prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Tokens used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Cost; absent where the price is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<i64>,
    /// `duplicate` (besides one that was late), `judge`, `merge` or `continue`; absent where it was to bring the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What a judge made of its answer, basis points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<u32>,
    /// Whether its answer was good enough, where a cascade asked that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<bool>,
}

/// Tokens. `input` includes cached tokens, `output` includes reasoning; the rest are parts of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Prompt.
    pub input: u64,
    /// Answer.
    pub output: u64,
    /// Of the prompt, read from the provider's cache.
    pub cache_read: u64,
    /// Of the prompt, written to the provider's cache.
    pub cache_write: u64,
    /// Of the answer, reasoning.
    pub reasoning: u64,
    /// Of `cache_write`, kept there for an hour.
    #[serde(skip_serializing_if = "is_none")]
    pub cache_write_1h: u64,
    /// Of the prompt, sound that was not cached.
    #[serde(skip_serializing_if = "is_none")]
    pub audio_input: u64,
    /// Of the answer, sound.
    #[serde(skip_serializing_if = "is_none")]
    pub audio_output: u64,
    /// Counted by mux because the provider did not say.
    pub estimated: bool,
}

impl Usage {
    /// Both together.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            cache_read: self.cache_read.saturating_add(other.cache_read),
            cache_write: self.cache_write.saturating_add(other.cache_write),
            reasoning: self.reasoning.saturating_add(other.reasoning),
            cache_write_1h: self.cache_write_1h.saturating_add(other.cache_write_1h),
            audio_input: self.audio_input.saturating_add(other.audio_input),
            audio_output: self.audio_output.saturating_add(other.audio_output),
            estimated: self.estimated || other.estimated,
        }
    }
}

/// How a request ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// HTTP status sent to the client.
    pub status: u16,
    /// `ok`, `denied`, `client-gone`, or the class of the last failure.
    pub class: String,
    /// Who served it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub served: Option<String>,
    /// When the client was committed to one answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub committed_us: Option<u64>,
    /// When it was over; 0 where it was imported and nobody said how long it took.
    pub total_us: u64,
    /// Of that, the wait for a place in flight, before anything was decided.
    #[serde(skip_serializing_if = "is_none")]
    pub queued_us: u64,
    /// Of that, time not spent waiting for an upstream, the client or a place.
    pub overhead_us: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_none(amount: &u64) -> bool {
    *amount == 0
}
