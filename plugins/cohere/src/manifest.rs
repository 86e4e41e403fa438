//! What the adapter offers and where its requests go.

use mux_plugin_sdk::embeddings::OPERATION;
use mux_plugin_sdk::{
    AuthScheme, LimitHeader, LimitUnit, Manifest, Operation, ResetFormat, Upstream,
};

/// The one upstream.
pub(crate) const UPSTREAM: &str = "api";
/// Where chat is asked, below its base.
pub(crate) const PATH: &str = "/chat";
/// Where embeddings are.
pub(crate) const EMBED_PATH: &str = "/embed";

pub(crate) fn manifest() -> Manifest {
    Manifest {
        id: String::from("cohere"),
        version: String::from(env!("CARGO_PKG_VERSION")),
        display_name: String::from("Cohere"),
        operations: vec![
            Operation::translated("chat"),
            Operation::translated(OPERATION),
        ],
        upstreams: vec![Upstream {
            id: String::from(UPSTREAM),
            base_url: String::from("https://api.cohere.com/v2"),
            paths: vec![String::from(PATH), String::from(EMBED_PATH)],
        }],
        auth: vec![AuthScheme::Bearer, AuthScheme::None],
        config_schema: String::from(r#"{"type":"object","additionalProperties":false}"#),
        response_headers: vec![String::from("retry-after")],
        limit_headers: vec![
            limit("month", "x-endpoint-monthly-call"),
            limit("minute", "x-trial-endpoint-call"),
        ],
        memory_mib: 32,
        extra: Vec::new(),
    }
}

fn limit(window: &str, name: &str) -> LimitHeader {
    LimitHeader {
        unit: LimitUnit::Requests,
        window: window.to_owned(),
        limit: Some(format!("{name}-limit")),
        remaining: Some(format!("{name}-remaining")),
        reset: None,
        reset_as: ResetFormat::Seconds,
    }
}
