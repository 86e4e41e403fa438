//! What targets are filtered by, what attempts end with, and what answers are judged by.

use super::entry::{Choice, Holds, Subject};

/// Behind `where`: conditions on targets.
pub static FILTERS: &[Subject] = &[
    Subject::new(
        "tier",
        "tier >= standard",
        Holds::Tier,
        "quality class; a target without one does not pass",
    )
    .optional(),
    Subject::new("provider", "provider is NAME", Holds::Name, "whose it is"),
    Subject::new(
        "region",
        "region is NAME",
        Holds::Name,
        "all its regions are this one",
    )
    .optional(),
    Subject::new(
        "context",
        "context >= 100k",
        Holds::Tokens,
        "context window; a target without one does not pass",
    )
    .optional(),
    Subject::new(
        "price",
        "price <= $3/Mtok",
        Holds::Price,
        "of input tokens; a target without one does not pass",
    )
    .optional(),
    Subject::new("can", "can CAPABILITY", Holds::Flag, "what it can serve"),
    Subject::new(
        "p50",
        "p50 < TIME",
        Holds::Time,
        "median time to the first content of streamed answers, whole ones do not count; unknown does not pass",
    )
    .optional(),
    Subject::new(
        "p95",
        "p95 < TIME",
        Holds::Time,
        "95th percentile of it; unknown does not pass",
    )
    .optional(),
    Subject::new(
        "p99",
        "p99 < TIME",
        Holds::Time,
        "99th percentile of it; unknown does not pass",
    )
    .optional(),
    Subject::new(
        "error_rate",
        "error_rate < SHARE",
        Holds::Share,
        "share of attempts that failed; unknown does not pass",
    )
    .optional(),
    Subject::new(
        "health",
        "health is ok | degraded | down",
        Holds::Health,
        "state by the `health` block",
    ),
];

/// Behind `accept when`: conditions on answers.
pub static ACCEPTS: &[Subject] = &[
    Subject::new(
        "finish",
        "finish is stop | length | tool_calls | content_filter",
        Holds::Name,
        "why the answer ended",
    ),
    Subject::new(
        "score",
        "score of judge >= 0.8",
        Holds::Share,
        "what the judge gave, from 0 to 1 or in percent",
    )
    .optional(),
    Subject::new(
        "schema",
        "schema is valid",
        Holds::Flag,
        "it fits the schema that the request asked for",
    ),
    Subject::new(
        "output",
        "output >= TOKENS",
        Holds::Tokens,
        "tokens of the answer",
    ),
];

/// Behind `finish is` and `finishes`.
pub static FINISHES: &[Choice] = &[
    Choice::new("stop", "stop", "by itself"),
    Choice::new("length", "length", "at its limit"),
    Choice::new("tool_calls", "tool_calls", "to call tools"),
    Choice::new("content_filter", "content_filter", "a filter cut it off"),
];

/// Behind `on`: how attempts end. Any status from 400 to 599 is one as well.
pub static CLASSES: &[Choice] = &[
    Choice::new("429", "429", "a status, any from 400 to 599"),
    Choice::new("5xx", "5xx", "every status from 500 on"),
    Choice::new("network", "network", "the connection failed or broke"),
    Choice::new("timed-out", "timed-out", "a deadline of the attempt passed"),
    Choice::new("auth", "auth", "the provider refused our credential"),
    Choice::new("overloaded", "overloaded", "the provider has no room"),
    Choice::new(
        "context-length",
        "context-length",
        "the prompt does not fit",
    ),
    Choice::new(
        "content-filter",
        "content-filter",
        "the provider refused the content",
    ),
    Choice::new("cut", "cut", "a stream broke off"),
    Choice::new("malformed", "malformed", "what came back cannot be read"),
];

/// Behind `combine`.
pub static COMBINES: &[Choice] = &[
    Choice::new(
        "first-valid",
        "first-valid",
        "the first that is whole and fits the schema asked for",
    ),
    Choice::new(
        "majority",
        "majority on \"$.path\"",
        "the one whose value there most agree on",
    ),
    Choice::new("vote", "vote on \"$.path\"", "the same, each by its weight"),
    Choice::new("best", "best by judge", "the one the judge scores highest"),
    Choice::new(
        "merge",
        "merge by PROVIDER/MODEL",
        "one that a model makes of all",
    ),
];

/// Behind `price`: what a token can be.
pub static PRICES: &[Choice] = &[
    Choice::new("input", "input $N/Mtok", "a token of the prompt"),
    Choice::new("output", "output $N/Mtok", "a token of the answer"),
    Choice::new(
        "cached",
        "cached $N/Mtok",
        "a prompt token read from the provider's cache; `input` where absent",
    ),
    Choice::new(
        "cache-write",
        "cache-write $N/Mtok",
        "a prompt token written to the provider's cache; `input` where absent",
    ),
    Choice::new(
        "cache-write-1h",
        "cache-write-1h $N/Mtok",
        "a prompt token written to the provider's cache for an hour; `cache-write` where absent",
    ),
    Choice::new(
        "reasoning",
        "reasoning $N/Mtok",
        "a token of reasoning; `output` where absent",
    ),
    Choice::new(
        "audio-input",
        "audio-input $N/Mtok",
        "a token of audio in the prompt; `input` where absent",
    ),
    Choice::new(
        "audio-output",
        "audio-output $N/Mtok",
        "a token of audio in the answer; `output` where absent",
    ),
];

/// Behind `error … is` in `quirks`: what an error of a provider means.
pub static FAULTS: &[Choice] = &[
    Choice::new("rate-limited", "rate-limited", "too many requests for now"),
    Choice::new(
        "quota-exhausted",
        "quota-exhausted",
        "no money or quota left on the account",
    ),
    Choice::new("overloaded", "overloaded", "the provider sheds load"),
    Choice::new(
        "authentication",
        "authentication",
        "our credential was refused",
    ),
    Choice::new("permission", "permission", "our credential may not do this"),
    Choice::new(
        "invalid-request",
        "invalid-request",
        "the request itself is at fault",
    ),
    Choice::new(
        "context-length",
        "context-length",
        "the prompt does not fit",
    ),
    Choice::new(
        "content-filter",
        "content-filter",
        "refused for what it says",
    ),
    Choice::new(
        "model-not-found",
        "model-not-found",
        "the provider does not know the model",
    ),
    Choice::new(
        "payload-too-large",
        "payload-too-large",
        "the body is too large",
    ),
    Choice::new("server", "server", "the provider failed"),
    Choice::new("timeout", "timeout", "the provider says that it timed out"),
    Choice::new("bad-response", "bad-response", "what it sent is no answer"),
];
