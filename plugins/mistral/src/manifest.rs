//! What the adapter offers and where its requests go.

use mux_plugin_sdk::embeddings::OPERATION;
use mux_plugin_sdk::{
    AuthScheme, LimitHeader, LimitUnit, Manifest, Operation, ResetFormat, Upstream,
};

/// The one upstream.
pub(crate) const UPSTREAM: &str = "api";
/// Where chat is asked, below its base.
pub(crate) const PATH: &str = "/chat/completions";
/// Where embeddings are.
pub(crate) const EMBED_PATH: &str = "/embeddings";

pub(crate) fn manifest() -> Manifest {
    Manifest {
        id: String::from("mistral"),
        version: String::from(env!("CARGO_PKG_VERSION")),
        display_name: String::from("Mistral"),
        operations: vec![
            Operation::translated("chat"),
            Operation::translated(OPERATION),
        ],
        upstreams: vec![Upstream {
            id: String::from(UPSTREAM),
            base_url: String::from("https://api.mistral.ai/v1"),
            paths: vec![String::from(PATH), String::from(EMBED_PATH)],
        }],
        auth: vec![AuthScheme::Bearer, AuthScheme::None],
        config_schema: String::from(r#"{"type":"object","additionalProperties":false}"#),
        response_headers: vec![String::from("retry-after")],
        limit_headers: vec![
            limit(LimitUnit::Requests, "minute", "req-minute"),
            limit(LimitUnit::Requests, "10 seconds", "req-10-second"),
            limit(LimitUnit::Tokens, "minute", "tokens-minute"),
            limit(LimitUnit::Tokens, "month", "tokens-month"),
        ],
        memory_mib: 32,
        extra: Vec::new(),
    }
}

fn limit(unit: LimitUnit, window: &str, name: &str) -> LimitHeader {
    LimitHeader {
        unit,
        window: window.to_owned(),
        limit: Some(format!("x-ratelimit-limit-{name}")),
        remaining: Some(format!("x-ratelimit-remaining-{name}")),
        reset: None,
        reset_as: ResetFormat::Seconds,
    }
}
