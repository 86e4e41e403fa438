//! What can be called, what it may cost, and what protects it.

use super::attempt::{Retry, Timeouts};
use super::figure::Quantile;
use super::price::{Price, PriceList};
use super::{BasisPoints, BreakerId, Millis, Pico, ProviderId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What can be called and what it may cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fleet {
    /// In order of declaration.
    pub providers: Vec<Provider>,
    /// Every `model` of every provider, in order of declaration.
    pub targets: Vec<Target>,
    /// Named breakers.
    pub breakers: Vec<Breaker>,
    /// The thresholds behind `health of`.
    pub health: Option<Health>,
    /// Named budgets.
    pub budgets: Vec<Budget>,
    /// Named limits.
    pub limits: Vec<Limit>,
    /// `allow direct`: clients may name a deployment and bypass policies.
    pub direct: bool,
    /// What holds where nothing nearer is written.
    pub defaults: Defaults,
}

/// The `defaults` block: what holds where nothing nearer is written; absent ones are routing's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Defaults {
    /// Deadlines of an attempt.
    pub timeouts: Timeouts,
    /// Until the client is committed, all attempts together.
    pub within: Option<Millis>,
    /// Whether measured latencies may shorten `timeout` while a healthy alternative is left.
    pub adaptive: Option<bool>,
    /// Most attempts for one request, and most at one target.
    pub attempts: (Option<u32>, Option<u32>),
    /// Retries at the same target.
    pub retry: Option<Retry>,
    /// Share of requests that may be retried, and how many may be at any time.
    pub retry_budget: Option<(BasisPoints, Option<u32>)>,
    /// Base and ceiling of the wait between attempts.
    pub backoff: Option<(Millis, Millis)>,
    /// Share of requests that may be hedged, and the most that one duplicate may cost.
    pub hedge_budget: Option<(BasisPoints, Option<Pico>)>,
    /// Most attempts in flight at one target.
    pub concurrency: Option<u32>,
    /// Requests that may wait for a place, and how long.
    pub queue: Option<(u32, Millis)>,
    /// Until a target that came back gets its full share.
    pub slow_start: Option<Millis>,
    /// Health below which traffic begins to move to the next target; `0` never.
    pub spill: Option<BasisPoints>,
    /// How targets without traffic are asked whether they are back.
    pub probe: Option<Probe>,
    /// How often idle connections to fallbacks are kept warm; `0` never.
    pub warm: Option<Millis>,
    /// What happens upstream when a client hangs up.
    pub abandon: Option<Abandon>,
    /// When targets are not called for a while.
    pub breaker: Option<BreakerId>,
    /// Whether response headers go out before the first content.
    pub early_headers: Option<bool>,
}

/// How a target without traffic is asked whether it is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Not at all.
    Off,
    /// By a request that costs nothing, this often.
    Free(Millis),
    /// By a completion of one token, this often.
    Paid(Millis),
}

/// What happens upstream when a client hangs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abandon {
    /// The attempt is cancelled.
    Cancel,
    /// It is read on for at most so long, to learn its usage.
    Drain(Millis),
}

/// One account at one provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Provider {
    /// As declared.
    pub name: Box<str>,
    /// The id of the adapter that speaks its dialect.
    pub kind: Box<str>,
    /// Base address; the adapter's own where absent.
    pub url: Option<Box<str>>,
    /// Private addresses and plain http are allowed.
    pub private: bool,
    /// Where its credential is found, never the credential.
    pub key: Option<Credential>,
    /// Labels for policies.
    pub regions: Vec<Box<str>>,
    /// The adapter's configuration, one JSON object.
    pub settings: Box<str>,
    /// Most attempts in flight at each of its models.
    pub concurrency: Option<u32>,
    /// How it is asked whether it is back.
    pub probe: Option<Probe>,
    /// How often idle connections are kept warm; `0` never.
    pub warm: Option<Millis>,
    /// What happens when a client hangs up.
    pub abandon: Option<Abandon>,
    /// Where it departs from the dialect of its `kind`.
    pub quirks: Vec<Quirk>,
}

/// One departure of a provider from its dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quirk {
    /// `rename "A" to "B"`: a request field goes by another name.
    Rename(Box<str>, Box<str>),
    /// `drop "A"`: a request field is left out, and said so.
    Drop(Box<str>),
    /// `force "A" VALUE`: a request field always has this JSON value.
    Force(Box<str>, Box<str>),
    /// `header "A" "B"`: sent with every request.
    Header(Box<str>, Box<str>),
    /// `path OPERATION "/p"`: where an operation is asked.
    Path(Box<str>, Box<str>),
    /// `error STATUS | "CODE" is CLASS`: what an error of its own means.
    Error(Box<str>, Box<str>),
    /// `limits requests | tokens limit "H" remaining "H" reset "H"`: its rate-limit headers.
    Limits(RateUnit, [Option<Box<str>>; 3]),
}

/// Where a secret lives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// An environment variable.
    Env(Box<str>),
    /// A file; surrounding white space is not part of the secret.
    File(Box<str>),
    /// `scheme:reference`, resolved by the gateway's `--secret-command`.
    Secret(Box<str>),
    /// A cloud role.
    Role(Box<str>),
}

/// One deployment: a model at a provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// `provider/model`, as policies write it.
    pub name: Box<str>,
    /// Whose it is.
    pub provider: ProviderId,
    /// What the provider calls the model.
    pub model: Box<str>,
    /// Context window in tokens.
    pub context: Option<u32>,
    /// Most output tokens.
    pub output: Option<u32>,
    /// Price classes; absent means unknown, never free. Where a catalogue lists them, those of a short prompt on the day of the
    /// lookup, by which policies choose; what is paid is told by [`Target::price_at`].
    pub price: Option<Price>,
    /// Where its price is from a catalogue and not from the policy.
    pub listed: Option<Arc<PriceList>>,
    /// Quality class.
    pub tier: Option<Tier>,
    /// What it can serve.
    pub can: Features,
    /// Most attempts in flight.
    pub concurrency: Option<u32>,
}

impl Target {
    /// What it costs at a moment, unix milliseconds, for a prompt of so many tokens; `None` is unknown, never free. `answered` says
    /// whether there is an answer to pay.
    #[must_use]
    pub fn price_at(&self, at: i64, prompt: u64, answered: bool) -> Option<Price> {
        match &self.listed {
            Some(listed) => listed.at(at, prompt, answered),
            None => self.price,
        }
    }

    /// Of every class the most that it costs today, for prompts of up to so many tokens.
    #[must_use]
    pub fn dearest(&self, prompt: u64) -> Option<Price> {
        match &self.listed {
            Some(listed) => listed.dearest(prompt),
            None => self.price,
        }
    }
}

/// `economy < standard < frontier`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Cheapest class.
    Economy,
    /// Everyday class.
    Standard,
    /// Best class.
    Frontier,
}

/// A set of capabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Features(pub u16);

impl Features {
    /// Every capability with the word policies use for it.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::TOOLS, "tools"),
        (Self::IMAGES, "images"),
        (Self::JSON_SCHEMA, "json-schema"),
        (Self::STREAMING, "streaming"),
        (Self::REASONING, "reasoning"),
        (Self::AUDIO, "audio"),
    ];
    /// Tool definitions or tool calls.
    pub const TOOLS: Self = Self(1);
    /// Images in the prompt.
    pub const IMAGES: Self = Self(1 << 1);
    /// An answer bound to a JSON schema.
    pub const JSON_SCHEMA: Self = Self(1 << 2);
    /// An answer as a stream of events.
    pub const STREAMING: Self = Self(1 << 3);
    /// Thinks before it answers; no request needs it.
    pub const REASONING: Self = Self(1 << 4);
    /// Audio in the prompt.
    pub const AUDIO: Self = Self(1 << 5);
    /// What a request can need; the rest only describes a model.
    pub const NEEDS: Self = Self(1 | 1 << 1 | 1 << 2 | 1 << 5);

    /// Whether all of `other` is in `self`.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What of `self` is not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The words of the members, in the order of [`Features::ALL`].
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Self::ALL
            .into_iter()
            .filter(move |(f, _)| self.contains(*f))
            .map(|(_, w)| w)
    }
}

/// When a target is not called for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Breaker {
    /// As declared.
    pub name: Box<str>,
    /// Opens above this share of failures.
    pub error_rate: BasisPoints,
    /// Window of the share.
    pub over: Millis,
    /// Opens after so many failures in a row; `0` never.
    pub failures: u32,
    /// Fewest attempts in the window before the share counts.
    pub min: u32,
    /// Base of the back-off.
    pub cool: Millis,
    /// Ceiling of the back-off.
    pub cool_most: Option<Millis>,
    /// Successes that close it again, one in flight.
    pub probe: u32,
    /// Until a target that came back gets its full share.
    pub slow_start: Option<Millis>,
}

/// Thresholds behind `health of`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// Any of these makes a target `degraded`.
    pub degraded: Vec<HealthRule>,
    /// Any of these makes it `down`.
    pub down: Vec<HealthRule>,
}

/// One threshold on a live figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HealthRule {
    /// Time to first content above this, in the window that follows.
    LatencyAbove(Quantile, Millis, Millis),
    /// Share of failures above this, in the window that follows.
    ErrorRateAbove(BasisPoints, Millis),
    /// Its breaker is open.
    BreakerOpen,
}

/// Money that may be spent.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    /// As declared.
    pub name: Box<str>,
    /// The amount.
    pub cap: Pico,
    /// The calendar window it renews in (UTC).
    pub per: Window,
    /// One counter for each combination of these; empty is one counter for all.
    pub scope: Vec<Scope>,
    /// Warn from this share on.
    pub warn: Option<BasisPoints>,
    /// `mode hard`: what a request may cost at worst is reserved, so that the cap is never passed.
    pub hard: bool,
}

/// A calendar window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// From the full hour.
    Hour,
    /// From midnight.
    Day,
    /// From Monday midnight.
    Week,
    /// From the first midnight of the month.
    Month,
}

/// What a counter is kept for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Each client key.
    Key,
    /// Each team.
    Team,
    /// Each `end_user`.
    EndUser,
    /// Each value of a tag.
    Tag(Box<str>),
    /// Each model name the client sent.
    Model,
}

/// Rates that requests may not exceed.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// As declared.
    pub name: Box<str>,
    /// All must hold.
    pub rates: Vec<Rate>,
}

/// One rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Rate {
    /// How many.
    pub amount: u64,
    /// Of what.
    pub unit: RateUnit,
    /// In how long.
    pub per: Millis,
    /// One bucket for each combination of these.
    pub scope: Vec<Scope>,
}

/// What a rate counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateUnit {
    /// Requests.
    Requests,
    /// Prompt tokens as estimated on arrival.
    Tokens,
    /// Requests in flight at the same time; [`Rate::per`] means nothing.
    Concurrent,
}
