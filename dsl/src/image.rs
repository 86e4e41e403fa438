//! What a checked bundle becomes: names are ids, quantities are base units, text is gone.
//!
//! Money is pico-dollars (10⁻¹² $) in `i64`, shares are basis points, durations are milliseconds.

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u32);

        impl $name {
            /// Position in the list of the image that holds these.
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// A provider of [`Fleet::providers`].
    ProviderId,
    /// A deployment of [`Fleet::targets`].
    TargetId,
    /// A breaker of [`Fleet::breakers`].
    BreakerId,
    /// A budget of [`Fleet::budgets`].
    BudgetId,
    /// A limit of [`Fleet::limits`].
    LimitId,
    /// A plan of the image's plans.
    PlanId,
    /// A policy of the image's policies.
    PolicyId,
    /// A rule of [`Policy::rules`].
    RuleId,
}

/// Milliseconds.
pub type Millis = u64;
/// Pico-dollars.
pub type Pico = i64;
/// Basis points: 10 000 is all of it.
pub type BasisPoints = u32;

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
    /// Price classes; absent means unknown, never free.
    pub price: Option<Price>,
    /// Quality class.
    pub tier: Option<Tier>,
    /// What it can serve.
    pub can: Features,
}

/// Pico-dollars for one token of each class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// A token of the prompt.
    pub input: Pico,
    /// A token of the answer, reasoning included.
    pub output: Pico,
    /// A prompt token read from the provider's cache; `input` where absent.
    pub cached: Option<Pico>,
    /// A prompt token written to the provider's cache; `input` where absent.
    pub cache_write: Option<Pico>,
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
    /// Fewest attempts in the window before the share counts.
    pub min: u32,
    /// Base of the back-off.
    pub cool: Millis,
    /// Successes that close it again, one in flight.
    pub probe: u32,
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
    /// Time to first content above this.
    P95Above(Millis, Millis),
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
}

/// How a request is carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The declared name; a strategy written in a rule has none.
    pub name: Option<Box<str>>,
    /// What to do.
    pub route: Route,
}

/// A strategy, freely nested.
#[derive(Clone, Debug, PartialEq)]
pub enum Route {
    /// One deployment.
    Attempt(Attempt),
    /// A named plan.
    Plan(PlanId),
    /// In order until one serves.
    Fallback(Fallback),
}

/// Calls to one deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Whom to call.
    pub target: TargetId,
    /// Deadlines.
    pub timeouts: Timeouts,
    /// Retries before moving on; the defaults of routing where absent.
    pub retry: Option<Retry>,
}

/// Deadlines of one attempt; absent ones take routing's defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// `timeout`: until first content when streaming, the whole answer otherwise.
    pub first: Option<Millis>,
    /// Until the connection stands.
    pub connect: Option<Millis>,
    /// Between two events of a stream.
    pub idle: Option<Millis>,
    /// Until the last byte, from the start of the attempt.
    pub total: Option<Millis>,
}

/// `retry N on …`.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// Further attempts at the same target.
    pub times: u8,
    /// After which outcomes; the defaults where absent.
    pub on: Option<Outcomes>,
}

/// A set of attempt outcomes, as written after `on`.
#[expect(
    clippy::struct_excessive_bools,
    reason = "a set of words that may each be written or not"
)]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Single statuses such as 429.
    pub statuses: Vec<u16>,
    /// `5xx`.
    pub server_errors: bool,
    /// `network`: the connection failed or broke.
    pub network: bool,
    /// `timed-out`: a deadline of the attempt passed.
    pub timed_out: bool,
    /// `auth`: the provider refused our credential.
    pub auth: bool,
}

/// `fallback`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fallback {
    /// Until the client is committed when streaming, the whole answer otherwise.
    pub within: Option<Millis>,
    /// Outcomes that move on; 429, 5xx, network, timed-out and auth where absent.
    pub on: Option<Outcomes>,
    /// In order.
    pub tries: Vec<Route>,
    /// Replaces the default trip rule of each direct attempt.
    pub breaker: Option<BreakerId>,
}

/// One `policy @name`.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Without the `@`.
    pub name: Box<str>,
    /// Limits it names.
    pub limits: Vec<LimitId>,
    /// Budgets it charges.
    pub charges: Vec<BudgetId>,
    /// Budgets one of its rules asks about: such a policy decides itself what happens when they are spent.
    pub asks: Vec<BudgetId>,
    /// In textual order, `else` last.
    pub rules: Vec<Rule>,
}

/// Where a rule stands, for traces.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// `rule NAME`, where given.
    pub name: Option<Box<str>>,
    /// File it stands in.
    pub file: Box<str>,
    /// Line, from 1.
    pub line: u32,
}

/// What a policy says to do with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Carry it out.
    Use(PlanId),
    /// Refuse it.
    Deny {
        /// HTTP status.
        status: u16,
        /// For the client.
        message: Box<str>,
    },
}
