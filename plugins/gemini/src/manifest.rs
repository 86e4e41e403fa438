//! What the adapter offers and where its requests go.

use mux_plugin_sdk::embeddings::OPERATION;
use mux_plugin_sdk::{AuthScheme, Manifest, Operation, Upstream};

/// The one upstream.
pub(crate) const UPSTREAM: &str = "api";

pub(crate) fn manifest() -> Manifest {
    Manifest {
        id: String::from("gemini"),
        version: String::from(env!("CARGO_PKG_VERSION")),
        display_name: String::from("Google Gemini"),
        operations: vec![
            Operation::translated("chat"),
            Operation::translated(OPERATION),
        ],
        upstreams: vec![Upstream {
            id: String::from(UPSTREAM),
            base_url: String::from("https://generativelanguage.googleapis.com/v1beta"),
            paths: vec![String::from("/models/"), String::from("/tunedModels/")],
        }],
        auth: vec![
            AuthScheme::Header {
                name: String::from("x-goog-api-key"),
                prefix: String::new(),
            },
            AuthScheme::Query(String::from("key")),
            AuthScheme::Bearer,
            AuthScheme::None,
        ],
        config_schema: String::from(r#"{"type":"object","additionalProperties":false}"#),
        response_headers: vec![String::from("retry-after")],
        // Google sends no headers about limits; how long to wait stands in the body.
        limit_headers: Vec::new(),
        memory_mib: 32,
        extra: Vec::new(),
    }
}
