//! What the adapter offers and where its requests go.

use mux_plugin_sdk::{
    AuthScheme, BodyNeed, DecodeMode, FixedPlan, Framing, Header, LimitHeader, LimitUnit, Manifest,
    Operation, ReplyPlan, ResetFormat, Upstream,
};

/// The one upstream.
pub(crate) const UPSTREAM: &str = "api";
/// Where messages are asked, below its base.
pub(crate) const PATH: &str = "/messages";
/// The version of the interface that is spoken.
pub(crate) const VERSION: &str = "2023-06-01";
/// Where tokens are counted.
const COUNT_PATH: &str = "/messages/count_tokens";

const SETTINGS_SCHEMA: &str = r#"{"type":"object","additionalProperties":false,"properties":{
"default-max-tokens":{"type":"integer","minimum":1,"description":"max_tokens where the client sets none"},
"beta":{"type":"string","description":"value of the anthropic-beta header"}}}"#;

pub(crate) fn manifest() -> Manifest {
    Manifest {
        id: String::from("anthropic"),
        version: String::from(env!("CARGO_PKG_VERSION")),
        display_name: String::from("Anthropic"),
        operations: vec![
            Operation {
                name: String::from("chat"),
                dialects: vec![String::from("openai-chat")],
                fixed: None,
                body: BodyNeed::Full,
            },
            own("chat", "anthropic-messages", PATH),
            own("count-tokens", "anthropic-count-tokens", COUNT_PATH),
        ],
        upstreams: vec![Upstream {
            id: String::from(UPSTREAM),
            base_url: String::from("https://api.anthropic.com/v1"),
            paths: vec![String::from(PATH)],
        }],
        auth: vec![
            AuthScheme::Header {
                name: String::from("x-api-key"),
                prefix: String::new(),
            },
            AuthScheme::Bearer,
            AuthScheme::None,
        ],
        config_schema: String::from(SETTINGS_SCHEMA),
        response_headers: vec![String::from("retry-after"), String::from("request-id")],
        limit_headers: vec![
            limit(LimitUnit::Requests, "requests"),
            limit(LimitUnit::Tokens, "tokens"),
            limit(LimitUnit::InputTokens, "input-tokens"),
            limit(LimitUnit::OutputTokens, "output-tokens"),
        ],
        memory_mib: 32,
        extra: Vec::new(),
    }
}

/// What is asked in Anthropic's own dialect is sent as it came.
fn own(name: &str, dialect: &str, path: &str) -> Operation {
    Operation {
        name: String::from(name),
        dialects: vec![String::from(dialect)],
        fixed: Some(FixedPlan {
            upstream: String::from(UPSTREAM),
            path: String::from(path),
            headers: vec![
                Header::new("anthropic-version", VERSION),
                Header::new("anthropic-beta", "{config.beta}"),
            ],
            reply: ReplyPlan {
                framing: Framing::Sse,
                mode: DecodeMode::Verbatim,
            },
        }),
        body: BodyNeed::None,
    }
}

fn limit(unit: LimitUnit, name: &str) -> LimitHeader {
    let header = |part: &str| Some(format!("anthropic-ratelimit-{name}-{part}"));
    LimitHeader {
        unit,
        window: String::from("minute"),
        limit: header("limit"),
        remaining: header("remaining"),
        reset: header("reset"),
        reset_as: ResetFormat::Rfc3339,
    }
}
