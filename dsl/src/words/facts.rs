//! Facts of requests and figures of targets: what conditions test.

use super::entry::{Choice, Holds, Subject};

/// Facts of a request, as conditions write them.
pub static FACTS: &[Subject] = &[
    Subject::new(
        "model",
        "model is @NAME",
        Holds::Text,
        "what the client asked for; a leading `@` does not matter",
    ),
    Subject::new(
        "operation",
        "operation is \"chat\"",
        Holds::Text,
        "what is asked: `chat`, `embeddings`, …",
    ),
    Subject::new(
        "dialect",
        "dialect is \"openai-chat\"",
        Holds::Text,
        "how the client speaks",
    ),
    Subject::new(
        "key",
        "key is \"…\"",
        Holds::Text,
        "the client's key, by its id",
    )
    .optional(),
    Subject::new(
        "team",
        "team is \"…\"",
        Holds::Text,
        "the team of the client's key",
    )
    .optional(),
    Subject::new(
        "end_user",
        "end_user in NAME",
        Holds::Text,
        "`user` of the body, or the header `x-mux-user`",
    )
    .optional(),
    Subject::new(
        "conversation",
        "conversation is \"…\"",
        Holds::Text,
        "the header `x-mux-conversation`",
    )
    .optional(),
    Subject::new(
        "tag.NAME",
        "tag.NAME is \"…\"",
        Holds::Text,
        "a tag of the header `x-mux-tags`, or of `metadata`",
    )
    .optional(),
    Subject::new(
        "header.NAME",
        "header.NAME is \"…\"",
        Holds::Text,
        "a header of the request, its name in lower case",
    )
    .optional(),
    Subject::new(
        "tokens",
        "tokens > 100k",
        Holds::Tokens,
        "tokens of the prompt, estimated",
    ),
    Subject::new(
        "output_limit",
        "output_limit <= 200",
        Holds::Tokens,
        "`max_tokens` and its kin",
    )
    .optional(),
    Subject::new(
        "streaming",
        "streaming",
        Holds::Flag,
        "the client wants a stream",
    ),
    Subject::new(
        "time",
        "time in mon-fri 08:00-18:00 Europe/Berlin",
        Holds::Moment,
        "when the request arrived, by the clock of a zone",
    ),
];

/// Live figures, as conditions write them.
pub static METRICS: &[Subject] = &[
    Subject::new(
        "p50",
        "p50 of PROVIDER/MODEL > TIME",
        Holds::Time,
        "median time to the first content of streamed answers; whole ones do not count",
    )
    .optional(),
    Subject::new(
        "p95",
        "p95 of PROVIDER/MODEL > TIME",
        Holds::Time,
        "95th percentile of the time to the first content of streamed answers; whole ones do not count",
    )
    .optional(),
    Subject::new(
        "p99",
        "p99 of PROVIDER/MODEL > TIME",
        Holds::Time,
        "99th percentile of the time to the first content of streamed answers; whole ones do not count",
    )
    .optional(),
    Subject::new(
        "error_rate",
        "error_rate of PROVIDER/MODEL > SHARE",
        Holds::Share,
        "share of attempts that failed",
    )
    .optional(),
    Subject::new(
        "inflight",
        "inflight of PROVIDER/MODEL > N",
        Holds::Count,
        "attempts in flight",
    ),
    Subject::new(
        "headroom",
        "headroom of PROVIDER/MODEL < SHARE",
        Holds::Share,
        "what is left of its tightest rate limit",
    )
    .optional(),
    Subject::new(
        "health",
        "health of PROVIDER[/MODEL] is ok | degraded | down",
        Holds::Health,
        "state by the `health` block; of a provider, the best of its models",
    ),
    Subject::new(
        "breaker",
        "breaker of PROVIDER/MODEL is open | closed",
        Holds::Name,
        "whether it is kept from being called",
    ),
    Subject::new(
        "used",
        "used of budget NAME >= SHARE",
        Holds::Share,
        "spent share of a budget, of the counter this request falls on",
    ),
];

/// What thresholds watch, in `health`, `trip` and `abort`.
pub static THRESHOLDS: &[Subject] = &[
    Subject::new(
        "p50",
        "p50 > TIME over TIME",
        Holds::Time,
        "median time to the first content of streamed answers; whole ones do not count",
    ),
    Subject::new(
        "p95",
        "p95 > TIME over TIME",
        Holds::Time,
        "95th percentile of the time to the first content of streamed answers; whole ones do not count",
    ),
    Subject::new(
        "p99",
        "p99 > TIME over TIME",
        Holds::Time,
        "99th percentile of the time to the first content of streamed answers; whole ones do not count",
    ),
    Subject::new(
        "error_rate",
        "error_rate > SHARE over TIME",
        Holds::Share,
        "share of attempts that failed",
    ),
    Subject::new(
        "failures",
        "failures >= N",
        Holds::Count,
        "failures in a row; of breakers",
    ),
    Subject::new(
        "breaker",
        "breaker is open",
        Holds::Name,
        "its breaker; of `health`",
    ),
];

/// What a counter is kept for: `per …`.
pub static SCOPES: &[Choice] = &[
    Choice::new("key", "key", "each client key"),
    Choice::new("team", "team", "each team"),
    Choice::new("end_user", "end_user", "each end user"),
    Choice::new("model", "model", "each model name that clients send"),
    Choice::new("tag.NAME", "tag.NAME", "each value of a tag"),
];

/// What a request is recognised by: `by …`.
pub static WHO: &[Choice] = &[
    Choice::new("end_user", "end_user", "the end user"),
    Choice::new("key", "key", "the client's key"),
    Choice::new("team", "team", "the team of the key"),
    Choice::new("conversation", "conversation", "the conversation"),
    Choice::new("tag.NAME", "tag.NAME", "a tag"),
    Choice::new("header.NAME", "header.NAME", "a header"),
];
