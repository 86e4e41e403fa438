//! `test` blocks, checked: what is given, what the upstreams do, what is expected. Running them is replay's job.

use crate::condition::Cond;
pub use crate::image::Compare;
use crate::image::HealthState;
use crate::image::{
    BasisPoints, BudgetId, Features, Finish, Millis, Pico, PlanId, PolicyId, ProviderId, TargetId,
    Tier,
};

/// When the request of a test arrives that gives no time: Monday 2026-01-05, noon UTC, in Unix milliseconds.
pub const NOON: i64 = 1_767_614_400_000;

/// One test: a `test` block, or one row of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// The quoted name; rows add their number.
    pub name: String,
    /// File it stands in.
    pub file: Box<str>,
    /// Line of its head or row, from 1.
    pub line: u32,
    /// The request and the live figures.
    pub given: Given,
    /// What upstreams do; those not named are healthy.
    pub upstreams: Vec<(TargetId, Script)>,
    /// What their answers are like.
    pub answers: Vec<(TargetId, Answer)>,
    /// In textual order.
    pub expects: Vec<Expect>,
}

/// The facts of a test. What is not given is absent; live figures default to healthy, unknown and unspent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    /// The client's `model`, with the `@` where it has one.
    pub model: String,
    /// See [`crate::request::Request`] for these.
    pub end_user: Option<String>,
    /// Client key.
    pub key: Option<String>,
    /// Conversation id.
    pub conversation: Option<String>,
    /// Tags.
    pub tags: Vec<(String, String)>,
    /// Prompt tokens; 0 when not given.
    pub tokens: u32,
    /// Most output tokens.
    pub output_limit: Option<u32>,
    /// The client wants a stream: `streaming`, or `streaming no`.
    pub streaming: Option<bool>,
    /// Needs.
    pub needs: Features,
    /// Unix milliseconds.
    pub now: Option<i64>,
    /// Spent shares.
    pub used: Vec<(BudgetId, BasisPoints)>,
    /// States.
    pub health: Vec<(TargetId, HealthState)>,
    /// Times to first content at the 95th percentile.
    pub p95: Vec<(TargetId, Millis)>,
    /// Shares of failures.
    pub error_rate: Vec<(TargetId, BasisPoints)>,
    /// Team of the client's key.
    pub team: Option<String>,
    /// What is asked; `chat` where absent.
    pub operation: Option<String>,
    /// How the client speaks; `openai-chat` where absent.
    pub dialect: Option<String>,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Median times to first content.
    pub p50: Vec<(TargetId, Millis)>,
    /// Times to first content at the 99th percentile.
    pub p99: Vec<(TargetId, Millis)>,
    /// Attempts in flight.
    pub inflight: Vec<(TargetId, u32)>,
    /// What is left of the tightest rate limit.
    pub headroom: Vec<(TargetId, BasisPoints)>,
    /// Breakers, with whether each is open.
    pub breaker: Vec<(TargetId, bool)>,
}

/// What an upstream does in a test, for every attempt at it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Script {
    /// `replies STATUS after TIME`; a 2xx is a whole answer whose first content comes after that time.
    Replies {
        /// HTTP status.
        status: u16,
        /// Until the head of the reply.
        after: Millis,
    },
    /// `hangs`: takes the request and never answers.
    Hangs,
    /// `refuses`: the connection is refused at once.
    Refuses,
    /// `streams N tokens/s [then drops after N tokens]`.
    Streams {
        /// Output tokens a second.
        rate: u32,
        /// Breaks off after so many.
        drops_after: Option<u32>,
    },
}

/// What the answers of an upstream are like in a test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    /// `scores 0.4`: what a judge gives them; 100% where not said.
    Scores(BasisPoints),
    /// `finishes length`: why they end; by themselves where not said.
    Finishes(Finish),
}

/// One `expect` line.
#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    /// As written, for reports.
    pub text: String,
    /// Line, from 1.
    pub line: u32,
    /// What must hold.
    pub that: That,
}

/// What must hold.
#[derive(Clone, Debug, PartialEq)]
pub enum That {
    /// `plan is NAME`.
    Plan(PlanId),
    /// `rule is NAME`.
    Rule(String),
    /// `policy is @NAME`: the policy that decided in the end.
    Policy(PolicyId),
    /// `first is TARGET`: the first attempt.
    First(TargetId),
    /// `attempts is TARGET …`: all attempts in order.
    Attempts(Vec<TargetId>),
    /// `served is TARGET`.
    Served(TargetId),
    /// `failed`: no target served.
    Failed,
    /// `denied is STATUS` or a `deny STATUS` cell.
    Denied(u16),
    /// `not denied`.
    Allowed,
    /// `cost < $…`.
    Cost(Compare, Pico),
    /// `total < …`: from arrival to the last byte, or to the commitment when streaming.
    Total(Compare, Millis),
    /// `attempts <= N`.
    Count(Compare, u32),
    /// `region is NAME`: of the serving target, in all its regions.
    Region(String),
    /// `tier <= NAME`: of the serving target.
    Tier(Compare, Tier),
    /// `provider is NAME`: of the serving target.
    Provider(ProviderId),
    /// `private`: the provider of the serving target is marked so.
    Private,
    /// `can tools`: the serving target can serve it.
    Can(Features),
    /// `arm is NAME`: the arm of a split or canary that was taken.
    Arm(String),
    /// The other does not hold: `… is not …`, `not in`.
    Not(Box<That>),
    /// One of these holds: `in`.
    Any(Vec<That>),
}

/// A `guarantee` block: what must hold for every request.
#[derive(Clone, Debug, PartialEq)]
pub struct Guarantee {
    /// The quoted name.
    pub name: String,
    /// File it stands in.
    pub file: Box<str>,
    /// Line of its head, from 1.
    pub line: u32,
    /// For these requests; for all where absent.
    pub(crate) when: Option<Cond>,
    /// In textual order.
    pub expects: Vec<Expectation>,
}

/// One `expect` line of a `guarantee`.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// As written, for reports.
    pub text: String,
    /// Line, from 1.
    pub line: u32,
    /// What must hold.
    pub that: Property,
}

/// A property of everything that a request can reach: every target of every plan, copies and judges included.
#[derive(Clone, Debug, PartialEq)]
pub enum Property {
    /// The other does not hold: of targets, of none of them.
    Not(Box<Property>),
    /// One of these holds: of targets, of each of them.
    Any(Vec<Property>),
    /// `region is NAME`: all regions of every target are this one.
    Region(Box<str>),
    /// `tier < frontier`: of every target.
    Tier(Compare, Tier),
    /// `provider is NAME`: of every target.
    Provider(ProviderId),
    /// `target is NAME`: every target.
    Target(TargetId),
    /// `private`: every provider is marked so.
    Private,
    /// `can tools`: every target.
    Can(Features),
    /// `denied`: by a policy.
    Denied,
    /// `attempts <= N`, at worst.
    Attempts(Compare, u32),
    /// `cost <= $N`, at worst.
    Cost(Compare, Pico),
    /// `total <= TIME`, at worst.
    Total(Compare, Millis),
}

/// A `replay` block: what recorded traffic may do under this policy. Running it is replay's job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The recording, as written.
    pub recording: String,
    /// The version to compare with; the one that served each request where absent.
    pub against: Option<String>,
    /// File it stands in.
    pub file: Box<str>,
    /// In textual order.
    pub expects: Vec<Wanted>,
}

/// One `expect` line of a `replay` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// As written, for reports.
    pub text: String,
    /// Line, from 1.
    pub line: u32,
    /// What is compared.
    pub figure: Figure,
    /// How.
    pub compare: Compare,
    /// With what, in the unit of the figure.
    pub value: i64,
}

/// A figure of a replay as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Share of requests decided differently, basis points.
    Changed,
    /// Share of requests refused by policy, basis points.
    Denied,
    /// Share of requests that another target than the first able one served, basis points.
    FailedOver,
    /// Share of requests that failed, basis points.
    Errors,
    /// Median time to the end, milliseconds.
    P50,
    /// 95th percentile of it, milliseconds.
    P95,
    /// 99th percentile of it, milliseconds.
    P99,
    /// Cost, pico-dollars.
    Cost,
    /// Change of the cost, basis points of what it was.
    CostChange,
}
