//! What the adapter offers and where its requests go.

use mux_plugin_sdk::embeddings::OPERATION;
use mux_plugin_sdk::{AuthScheme, AwsSigV4, Manifest, Operation, Upstream};

/// The one upstream.
pub(crate) const UPSTREAM: &str = "runtime";
/// What every path begins with.
pub(crate) const PREFIX: &str = "/model/";

const SETTINGS_SCHEMA: &str = r#"{"type":"object","additionalProperties":false,"properties":{
"aws-region":{"type":"string","description":"as in eu-central-1"},
"region":{"type":"string","description":"the same"}}}"#;

pub(crate) fn manifest() -> Manifest {
    Manifest {
        id: String::from("bedrock"),
        version: String::from(env!("CARGO_PKG_VERSION")),
        display_name: String::from("Amazon Bedrock"),
        operations: vec![
            Operation::translated("chat"),
            Operation::translated(OPERATION),
        ],
        upstreams: vec![Upstream {
            id: String::from(UPSTREAM),
            base_url: String::from(
                "https://bedrock-runtime.{config.aws-region|region}.amazonaws.com",
            ),
            paths: vec![String::from(PREFIX)],
        }],
        auth: vec![
            AuthScheme::AwsSigV4(AwsSigV4 {
                service: String::from("bedrock"),
                region: String::from("{config.aws-region|region}"),
            }),
            // A key of Bedrock's own.
            AuthScheme::Bearer,
            AuthScheme::None,
        ],
        config_schema: String::from(SETTINGS_SCHEMA),
        response_headers: vec![
            String::from("x-amzn-errortype"),
            String::from("retry-after"),
        ],
        limit_headers: Vec::new(),
        memory_mib: 32,
        extra: Vec::new(),
    }
}
