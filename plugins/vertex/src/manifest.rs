//! What the adapter offers and where its requests go.

use mux_plugin_sdk::embeddings::OPERATION;
use mux_plugin_sdk::{AuthScheme, Manifest, Operation, Upstream};

const REGIONAL: &str = "regional";
const GLOBAL: &str = "global";

const SETTINGS_SCHEMA: &str = r#"{"type":"object","additionalProperties":false,"required":["project","location"],"properties":{
"project":{"type":"string","description":"the project's id"},
"location":{"type":"string","description":"as in europe-west4, or global"},
"default-max-tokens":{"type":"integer","minimum":1,"description":"max_tokens of Claude where the client sets none"},
"beta":{"type":"string","description":"value of the anthropic-beta header"}}}"#;

/// The upstream for a location: everywhere has an address without a place in it.
pub(crate) fn upstream(location: &str) -> &'static str {
    if location == "global" {
        GLOBAL
    } else {
        REGIONAL
    }
}

pub(crate) fn manifest() -> Manifest {
    let below = |host: &str| {
        format!(
            "https://{host}/v1beta1/projects/{{config.project}}/locations/{{config.location}}/publishers"
        )
    };
    let paths = || {
        vec![
            String::from("/google/models/"),
            String::from("/anthropic/models/"),
        ]
    };
    Manifest {
        id: String::from("vertex"),
        version: String::from(env!("CARGO_PKG_VERSION")),
        display_name: String::from("Google Vertex AI"),
        operations: vec![
            Operation::translated("chat"),
            Operation::translated(OPERATION),
        ],
        upstreams: vec![
            Upstream {
                id: String::from(REGIONAL),
                base_url: below("{config.location}-aiplatform.googleapis.com"),
                paths: paths(),
            },
            Upstream {
                id: String::from(GLOBAL),
                base_url: below("aiplatform.googleapis.com"),
                paths: paths(),
            },
        ],
        auth: vec![
            AuthScheme::GcpServiceAccount(vec![String::from(
                "https://www.googleapis.com/auth/cloud-platform",
            )]),
            AuthScheme::Bearer,
            AuthScheme::Header {
                name: String::from("x-goog-api-key"),
                prefix: String::new(),
            },
            AuthScheme::None,
        ],
        config_schema: String::from(SETTINGS_SCHEMA),
        response_headers: vec![String::from("retry-after"), String::from("request-id")],
        limit_headers: Vec::new(),
        memory_mib: 32,
        extra: Vec::new(),
    }
}
