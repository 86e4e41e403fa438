//! Tests, guarantees and replays: what is given, what upstreams do, what is expected.

use super::entry::Args::Own;
use super::entry::Body::Must;
use super::entry::Place::{self, Guarantee, Replay, Test};
use super::entry::{Choice, Entry, Holds, Subject};

const FILE: &[Place] = &[Place::File];

pub(super) static TABLE: &[Entry] = &[
    Entry::new("test", FILE, "test \"NAME\" [for @POLICY] { … }", Own, "a request and what must become of it").repeats().holds(Must(Test)),
    Entry::new("guarantee", FILE, "guarantee \"NAME\" { … }", Own, "what must hold for every request").repeats().holds(Must(Guarantee)),
    Entry::new("replay", FILE, "replay \"FILE\" [against \"VERSION\"] { … }", Own, "what recorded traffic may do under this policy").repeats().holds(Must(Replay)),
    Entry::new("given", &[Test], "given FACT VALUE", Own, "a fact of the request or a live figure").repeats(),
    Entry::new("upstream", &[Test], "upstream PROVIDER/MODEL replies STATUS after TIME | hangs | refuses | streams N tokens/s | scores 0.4 | finishes length", Own, "what a provider does").repeats(),
    Entry::new("expect", &[Test], "expect OUTCOME is VALUE", Own, "what must become of it").repeats(),
    Entry::new("<row>", &[Test], "| FACT | FACT | expect |", Own, "a table: facts, then one case a row").repeats(),
    Entry::new("when", &[Guarantee], "when CONDITION", Own, "for these requests; several lines hold together").repeats(),
    Entry::new("expect", &[Guarantee], "expect PROPERTY", Own, "what must hold for everything they can reach").repeats(),
    Entry::new("expect", &[Replay], "expect FIGURE <= VALUE", Own, "what may become of the recorded requests").repeats(),
];

/// Behind `given`, and at the head of columns.
pub static GIVENS: &[Subject] = &[
    Subject::new(
        "model",
        "given model @NAME",
        Holds::Text,
        "what the client asks for",
    ),
    Subject::new(
        "operation",
        "given operation \"chat\"",
        Holds::Text,
        "what is asked; `chat` where absent",
    ),
    Subject::new(
        "dialect",
        "given dialect \"openai-chat\"",
        Holds::Text,
        "how the client speaks; `openai-chat` where absent",
    ),
    Subject::new(
        "key",
        "given key \"…\"",
        Holds::Text,
        "the client's key, by its id",
    ),
    Subject::new(
        "team",
        "given team \"…\"",
        Holds::Text,
        "the team of the client's key",
    ),
    Subject::new(
        "end_user",
        "given end_user \"…\"",
        Holds::Text,
        "the end user",
    ),
    Subject::new(
        "conversation",
        "given conversation \"…\"",
        Holds::Text,
        "the conversation",
    ),
    Subject::new("tag.NAME", "given tag.NAME \"…\"", Holds::Text, "a tag"),
    Subject::new(
        "header.NAME",
        "given header.NAME \"…\"",
        Holds::Text,
        "a header, its name in lower case",
    ),
    Subject::new(
        "tokens",
        "given tokens 3k",
        Holds::Tokens,
        "tokens of the prompt; 0 where absent",
    ),
    Subject::new(
        "output_limit",
        "given output_limit 200",
        Holds::Tokens,
        "most output tokens asked for",
    ),
    Subject::new(
        "streaming",
        "given streaming [yes | no]",
        Holds::Flag,
        "whether the client wants a stream",
    ),
    Subject::new(
        "has",
        "given has tools",
        Holds::Flag,
        "what serving it takes",
    ),
    Subject::new(
        "now",
        "given now 2026-03-29T02:30 Europe/Berlin",
        Holds::Moment,
        "when it arrives",
    ),
    Subject::new(
        "p50",
        "given p50 of PROVIDER/MODEL TIME",
        Holds::Time,
        "median time to the first content; unknown where absent",
    ),
    Subject::new(
        "p95",
        "given p95 of PROVIDER/MODEL TIME",
        Holds::Time,
        "95th percentile of it; unknown where absent",
    ),
    Subject::new(
        "p99",
        "given p99 of PROVIDER/MODEL TIME",
        Holds::Time,
        "99th percentile of it; unknown where absent",
    ),
    Subject::new(
        "error_rate",
        "given error_rate of PROVIDER/MODEL SHARE",
        Holds::Share,
        "share of attempts that failed; unknown where absent",
    ),
    Subject::new(
        "inflight",
        "given inflight of PROVIDER/MODEL N",
        Holds::Count,
        "attempts in flight; 0 where absent",
    ),
    Subject::new(
        "headroom",
        "given headroom of PROVIDER/MODEL SHARE",
        Holds::Share,
        "what is left of its tightest rate limit; unknown where absent",
    ),
    Subject::new(
        "health",
        "given health of PROVIDER[/MODEL] ok | degraded | down",
        Holds::Health,
        "state; `ok` where absent",
    ),
    Subject::new(
        "breaker",
        "given breaker of PROVIDER/MODEL open | closed",
        Holds::Name,
        "whether it is kept from being called; `closed` where absent",
    ),
    Subject::new(
        "used",
        "given used of budget NAME SHARE",
        Holds::Share,
        "spent share of a budget; 0% where absent",
    ),
    Subject::new(
        "budget.NAME",
        "given budget.NAME SHARE",
        Holds::Share,
        "the same, short enough for the head of a column",
    ),
];

/// Behind `upstream PROVIDER/MODEL`.
pub static SCRIPTS: &[Choice] = &[
    Choice::new(
        "replies",
        "replies STATUS [after TIME]",
        "a whole reply; its first content comes after that time",
    ),
    Choice::new("hangs", "hangs", "takes the request and never answers"),
    Choice::new("refuses", "refuses", "refuses the connection"),
    Choice::new(
        "streams",
        "streams N tokens/s [then drops [after N tokens]]",
        "streams, and may break off; after a second of it where not said",
    ),
    Choice::new(
        "scores",
        "scores 0.4",
        "what a judge gives its answer, from 0 to 1 or in percent",
    ),
    Choice::new(
        "finishes",
        "finishes stop | length | tool_calls | content_filter",
        "why its answer ends",
    ),
];

/// Behind `expect` in a test.
pub static EXPECTS: &[Subject] = &[
    Subject::new(
        "plan",
        "expect plan is NAME",
        Holds::Name,
        "the plan that was chosen",
    ),
    Subject::new(
        "rule",
        "expect rule is NAME",
        Holds::Name,
        "the rule that decided",
    ),
    Subject::new(
        "policy",
        "expect policy is @NAME",
        Holds::Name,
        "the policy that decided in the end",
    ),
    Subject::new(
        "first",
        "expect first is PROVIDER/MODEL",
        Holds::Name,
        "the first attempt",
    ),
    Subject::new(
        "attempts",
        "expect attempts is PROVIDER/MODEL … or attempts <= N",
        Holds::Count,
        "all attempts in order, or their number",
    ),
    Subject::new(
        "served",
        "expect served is PROVIDER/MODEL",
        Holds::Name,
        "who served",
    )
    .optional(),
    Subject::new(
        "provider",
        "expect provider is NAME",
        Holds::Name,
        "whose target served",
    )
    .optional(),
    Subject::new(
        "region",
        "expect region is NAME",
        Holds::Name,
        "where it was served: all regions of the serving target",
    )
    .optional(),
    Subject::new(
        "tier",
        "expect tier >= standard",
        Holds::Tier,
        "quality class of the serving target",
    )
    .optional(),
    Subject::new(
        "private",
        "expect private",
        Holds::Flag,
        "the provider of the serving target is marked `private`",
    )
    .optional(),
    Subject::new(
        "can",
        "expect can tools",
        Holds::Flag,
        "what the serving target can serve",
    )
    .optional(),
    Subject::new(
        "arm",
        "expect arm is NAME",
        Holds::Name,
        "the arm of a split or canary that was taken",
    )
    .optional(),
    Subject::new(
        "failed",
        "expect failed",
        Holds::Flag,
        "no target served, and no rule refused",
    ),
    Subject::new(
        "denied",
        "expect denied is 403, or not denied",
        Holds::Count,
        "the status it was refused with",
    ),
    Subject::new(
        "cost",
        "expect cost < $0.25",
        Holds::Money,
        "of all attempts",
    ),
    Subject::new(
        "total",
        "expect total < 30s",
        Holds::Time,
        "from arrival to the last byte, or to the commitment when streaming",
    ),
];

/// Behind `expect` in a guarantee: properties of everything that can be reached.
pub static PROMISES: &[Subject] = &[
    Subject::new(
        "region",
        "expect region is NAME",
        Holds::Name,
        "all regions of every target are this one",
    ),
    Subject::new(
        "tier",
        "expect tier < frontier",
        Holds::Tier,
        "quality class of every target",
    ),
    Subject::new(
        "provider",
        "expect provider is NAME",
        Holds::Name,
        "whose every target is",
    ),
    Subject::new(
        "target",
        "expect target is not PROVIDER/MODEL",
        Holds::Name,
        "every target",
    ),
    Subject::new(
        "private",
        "expect private",
        Holds::Flag,
        "every provider is marked `private`",
    ),
    Subject::new(
        "can",
        "expect can tools",
        Holds::Flag,
        "what every target can serve",
    ),
    Subject::new(
        "denied",
        "expect denied, or not denied",
        Holds::Flag,
        "whether a policy refuses them",
    ),
    Subject::new(
        "attempts",
        "expect attempts <= N",
        Holds::Count,
        "most attempts one request can take",
    ),
    Subject::new(
        "cost",
        "expect cost <= $1",
        Holds::Money,
        "most that one request can cost",
    ),
    Subject::new(
        "total",
        "expect total <= 60s",
        Holds::Time,
        "most time that one request can take",
    ),
];

/// Behind `expect` in a replay.
pub static FIGURES: &[Subject] = &[
    Subject::new(
        "changed",
        "expect changed <= 2%",
        Holds::Share,
        "requests that are decided differently",
    ),
    Subject::new(
        "denied",
        "expect denied <= 0.1%",
        Holds::Share,
        "requests that a policy refuses",
    ),
    Subject::new(
        "failed_over",
        "expect failed_over <= 5%",
        Holds::Share,
        "requests that another target than the first able one serves",
    ),
    Subject::new(
        "errors",
        "expect errors <= 1%",
        Holds::Share,
        "requests that fail",
    ),
    Subject::new(
        "p50",
        "expect p50 <= 2s",
        Holds::Time,
        "median time to the end",
    ),
    Subject::new(
        "p95",
        "expect p95 <= 4s",
        Holds::Time,
        "95th percentile of the time to the end",
    ),
    Subject::new(
        "p99",
        "expect p99 <= 9s",
        Holds::Time,
        "99th percentile of the time to the end",
    ),
    Subject::new(
        "cost",
        "expect cost <= +5%, or cost <= $100",
        Holds::Money,
        "cost, or its change",
    ),
];
