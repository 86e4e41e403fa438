//! What may be said on a line behind its first words.

/// One option.
#[derive(Debug)]
pub struct Opt {
    /// The word it begins with.
    pub word: &'static str,
    /// The whole of it.
    pub form: &'static str,
    /// One line of documentation.
    pub doc: &'static str,
    /// Version of the language that brought it.
    pub since: u8,
}

const fn opt(word: &'static str, form: &'static str, doc: &'static str) -> Opt {
    Opt {
        word,
        form,
        doc,
        since: 1,
    }
}

/// Behind a target, wherever one may stand.
pub const TARGET: &[Opt] = &[
    opt(
        "timeout",
        "timeout TIME",
        "until the first content when streaming, the whole answer otherwise",
    ),
    opt("connect", "connect TIME", "until the connection stands"),
    opt("idle", "idle TIME", "between two events of a stream"),
    opt(
        "content-idle",
        "content-idle TIME",
        "between two pieces of content, whatever else is sent",
    ),
    opt("total", "total TIME", "until the last byte"),
    opt(
        "retry",
        "retry N [on OUTCOME …]",
        "further attempts at the same target before moving on",
    ),
];

/// Of strategies as a whole: on their line or on lines of their block.
pub const SHARED: &[Opt] = &[WITHIN, ON, BREAKER, AFFINITY, CONTINUE, BUFFER];
pub(super) const WITHIN: Opt = opt(
    "within",
    "within TIME",
    "deadline: until the client is committed when streaming, the whole answer otherwise",
);
pub(super) const ON: Opt = opt("on", "on OUTCOME …", "outcomes that move on to the next");
pub(super) const BREAKER: Opt = opt(
    "breaker",
    "breaker NAME",
    "replaces the default trip rule of its targets",
);
pub(super) const AFFINITY: Opt = opt(
    "affinity",
    "affinity conversation | end_user | key | prefix [TOKENS]",
    "requests of one kind stay with the target that served them while it is healthy",
);
pub(super) const CONTINUE: Opt = opt(
    "continue",
    "continue once",
    "a stream that breaks off is carried on by the next target",
);
pub(super) const BUFFER: Opt = opt(
    "buffer",
    "buffer",
    "a streaming client gets the answer in one piece",
);

/// On the line of `fallback`.
pub(super) const FALLBACK: &[Opt] = &[WITHIN, ON, BREAKER, AFFINITY, CONTINUE];
/// On the line of `cheapest`, `balance`.
pub(super) const LISTED: &[Opt] = &[
    opt(
        "where",
        "where FILTER",
        "targets that do not pass are never candidates",
    ),
    WITHIN,
    ON,
    BREAKER,
    AFFINITY,
];
/// On the line of `balance`.
pub(super) const BALANCE: &[Opt] = &[WITHIN, ON, BREAKER, AFFINITY];
/// On the line of `fastest`, besides.
pub(super) const FASTEST: &[Opt] = &[
    opt(
        "by",
        "by p50 | p95 | p99 [over TIME]",
        "what is measured, of streamed answers; p95 over 5m where absent",
    ),
    opt(
        "explore",
        "explore SHARE",
        "a share that goes elsewhere, so that figures stay fresh; 2% where absent",
    ),
];
/// What a request is recognised by.
pub const BY: &[Opt] = &[
    opt(
        "by",
        "by WHO …",
        "the first of these that the request has decides its arm, always the same",
    ),
    opt("salt", "salt \"TEXT\"", "another one reshuffles"),
];
/// On the line of `cascade` and `ensemble`.
pub(super) const JUDGED: &[Opt] = &[WITHIN, BUFFER];
/// On the line of `hedge`.
pub(super) const HEDGE: &[Opt] = &[
    opt(
        "after",
        "after TIME | p50 | p95 | p99",
        "when the next is asked; a measured time is that of the target asked before: to the first content of its streamed answers, the 95th percentile of whole ones for who does not stream. It is no less than 1s, and nothing is late while it is not known",
    ),
    opt("extra", "extra N", "most further requests; 1 where absent"),
    WITHIN,
    BREAKER,
];
/// Behind an arm, whatever it is.
pub const ARM: &[Opt] = &[WHEN];
pub(super) const WHEN: Opt = opt(
    "when",
    "when CONDITION",
    "only for these requests; stands last",
);
pub(super) const NAME: &[Opt] = &[opt(
    "name",
    "name NAME",
    "what the arm is called in traces and tests",
)];
pub(super) const WEIGHT: &[Opt] = &[opt(
    "weight",
    "weight N",
    "its part, beside those of the others; 1 where absent",
)];
pub(super) const RUBRIC: &[Opt] = &[opt("rubric", "rubric \"FILE\"", "what the judge scores by")];
pub(super) const ACCEPT: &[Opt] = &[opt(
    "accept",
    "accept when ANSWER",
    "what makes its answer good enough; stands last",
)];
