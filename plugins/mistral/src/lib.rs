//! The Mistral adapter: chat completions to chat completions, where those of Mistral differ.
//!
//! Reading order: `manifest` says what it offers, `request` turns a chat request into one of Mistral's with the help
//! of `messages`, `tools` and `call_id`, `reply` turns the answer back.

mod call_id;
mod embed;
mod manifest;
mod messages;
mod reply;
mod request;
mod tools;

use mux_plugin_sdk::chat::failure;
use mux_plugin_sdk::embeddings::OPERATION;
use mux_plugin_sdk::{
    Adapter, Batch, Decoded, Fault, Manifest, RequestCtx, RequestPlan, ResponseHead, UpstreamError,
};

/// Mistral's chat completions.
#[derive(Debug, Clone, Copy)]
pub struct Mistral;

impl Adapter for Mistral {
    fn describe() -> Manifest {
        manifest::manifest()
    }

    fn configure(_settings: &[u8]) -> Result<Self, String> {
        Ok(Self)
    }

    fn prepare(&self, ctx: &RequestCtx, body: &[u8]) -> Result<RequestPlan, Fault> {
        if ctx.operation == OPERATION {
            return embed::prepare(ctx, body);
        }
        request::prepare(ctx, body)
    }

    fn decode(&self, _operation: &str, state: &[u8], batch: &Batch) -> Result<Decoded, Fault> {
        reply::decode(state, batch)
    }

    fn map_error(&self, head: &ResponseHead, body: &[u8]) -> UpstreamError {
        failure::usual(head, body, "mistral")
    }
}

mux_plugin_sdk::export!(Mistral);

#[cfg(test)]
mod tests {
    use mux_plugin_sdk::ErrorKind;

    use super::*;

    fn kind(status: u16, body: &str) -> ErrorKind {
        let head = ResponseHead {
            status,
            headers: Vec::new(),
        };
        Mistral.map_error(&head, body.as_bytes()).kind
    }

    #[test]
    fn an_unknown_model_under_a_status_of_400_is_an_unknown_model() {
        let body = r#"{"object":"error","message":"Invalid model: nix","type":"invalid_model","param":null,"code":"1500","raw_status_code":400}"#;
        assert_eq!(kind(400, body), ErrorKind::ModelNotFound);
    }

    #[test]
    fn a_validators_list_is_read() {
        let body = r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","user"],"msg":"Extra inputs are not permitted"}]},"type":"invalid_request_error"}"#;
        assert_eq!(kind(422, body), ErrorKind::InvalidRequest);
    }

    #[test]
    fn a_prompt_too_large_for_the_model_names_the_limit() {
        let body = r#"{"object":"error","message":"Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length","type":"invalid_request_error","code":"3051"}"#;
        assert_eq!(kind(400, body), ErrorKind::ContextLength(Some(32_768)));
    }
}
