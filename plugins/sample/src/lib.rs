//! The adapter of Sample: chat completions to its way of talking, and its answers back.
//!
//! Reading order: [`Sample`] says what it is and names the three translations; `request` is the way out, `reply` the
//! way back.

mod reply;
mod request;

use mux_plugin_sdk::chat::failure;
use mux_plugin_sdk::{
    Adapter, AuthScheme, Batch, Decoded, Fault, Manifest, Operation, RequestCtx, RequestPlan,
    ResponseHead, Upstream, UpstreamError,
};

use request::{PATH, UPSTREAM};

/// Sample's way of talking.
#[derive(Debug, Clone, Copy)]
pub struct Sample;

impl Adapter for Sample {
    /// Read once, when the component is loaded. Requests go nowhere but where `upstreams` says.
    fn describe() -> Manifest {
        Manifest {
            id: String::from("sample"),
            version: String::from(env!("CARGO_PKG_VERSION")),
            display_name: String::from("Sample"),
            operations: vec![Operation::translated("chat")],
            upstreams: vec![Upstream {
                id: String::from(UPSTREAM),
                base_url: String::from("https://api.sample.example/v1"),
                paths: vec![String::from(PATH)],
            }],
            auth: vec![AuthScheme::Bearer, AuthScheme::None],
            config_schema: String::from(r#"{"type":"object","additionalProperties":false}"#),
            response_headers: vec![String::from("retry-after")],
            memory_mib: 16,
            ..Manifest::default()
        }
    }

    /// The `settings` of a provider block. Keys stay with the host.
    fn configure(_settings: &[u8]) -> Result<Self, String> {
        Ok(Self)
    }

    fn prepare(&self, ctx: &RequestCtx, body: &[u8]) -> Result<RequestPlan, Fault> {
        request::prepare(ctx, body)
    }

    fn decode(&self, _operation: &str, state: &[u8], batch: &Batch) -> Result<Decoded, Fault> {
        reply::decode(state, batch)
    }

    /// What an answer outside 2xx means. The usual reading knows most shapes of error bodies; ask it first, and mend
    /// what it gets wrong.
    fn map_error(&self, head: &ResponseHead, body: &[u8]) -> UpstreamError {
        failure::usual(head, body, "sample")
    }
}

mux_plugin_sdk::export!(Sample);

#[cfg(test)]
mod tests {
    use mux_plugin_sdk::ErrorKind;

    use super::*;

    #[test]
    fn an_error_body_is_read_for_its_words_and_the_status_for_its_class() {
        let head = ResponseHead {
            status: 503,
            headers: Vec::new(),
        };
        let error = Sample.map_error(
            &head,
            br#"{"error":{"code":"busy","message":"all lines are taken"}}"#,
        );
        assert_eq!(error.kind, ErrorKind::Overloaded);
        assert_eq!(error.message, "all lines are taken");
        assert_eq!(error.provider_code.as_deref(), Some("busy"));
    }
}
