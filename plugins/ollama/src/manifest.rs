//! What the adapter offers and where its requests go.

use mux_plugin_sdk::embeddings::OPERATION;
use mux_plugin_sdk::{AuthScheme, Manifest, Operation, Upstream};

/// The one upstream.
pub(crate) const UPSTREAM: &str = "api";
/// Where chat is asked, below its base.
pub(crate) const PATH: &str = "/chat";
/// Where embeddings are.
pub(crate) const EMBED_PATH: &str = "/embed";

const SETTINGS_SCHEMA: &str = r#"{"type":"object","additionalProperties":false,"properties":{
"context":{"type":"integer","minimum":1,"description":"window in tokens; a longer prompt is cut without a word"},
"keep-alive":{"type":"string","description":"how long a model stays loaded, as in 10m"}}}"#;

pub(crate) fn manifest() -> Manifest {
    Manifest {
        id: String::from("ollama"),
        version: String::from(env!("CARGO_PKG_VERSION")),
        display_name: String::from("Ollama"),
        operations: vec![
            Operation::translated("chat"),
            Operation::translated(OPERATION),
        ],
        upstreams: vec![Upstream {
            id: String::from(UPSTREAM),
            // A server of one's own is reached by the address the operator gives.
            base_url: String::from("https://ollama.com/api"),
            paths: vec![String::from(PATH), String::from(EMBED_PATH)],
        }],
        auth: vec![AuthScheme::None, AuthScheme::Bearer],
        config_schema: String::from(SETTINGS_SCHEMA),
        response_headers: vec![String::from("retry-after")],
        limit_headers: Vec::new(),
        memory_mib: 32,
        extra: Vec::new(),
    }
}
