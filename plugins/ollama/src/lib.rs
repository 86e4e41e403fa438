//! The Ollama adapter: chat completions to Ollama's own chat interface and back, streamed and whole.
//!
//! Reading order: `manifest` says what it offers, `request` turns a chat request into one of Ollama's with the help of
//! `messages`, `reply` turns the answer back.

mod embed;
mod manifest;
mod messages;
mod reply;
mod request;
mod settings;

use mux_plugin_sdk::chat::failure;
use mux_plugin_sdk::embeddings::OPERATION;
use mux_plugin_sdk::{
    Adapter, Batch, Decoded, ErrorKind, Fault, Manifest, RequestCtx, RequestPlan, ResponseHead,
    RetryAdvice, UpstreamError,
};

use crate::settings::Settings;

/// An Ollama server.
#[derive(Debug, Clone)]
pub struct Ollama {
    settings: Settings,
}

impl Adapter for Ollama {
    fn describe() -> Manifest {
        manifest::manifest()
    }

    fn configure(settings: &[u8]) -> Result<Self, String> {
        let settings = Settings::read(settings)?;
        Ok(Self { settings })
    }

    fn prepare(&self, ctx: &RequestCtx, body: &[u8]) -> Result<RequestPlan, Fault> {
        if ctx.operation == OPERATION {
            return embed::prepare(ctx, body);
        }
        request::prepare(&self.settings, ctx, body)
    }

    fn decode(&self, operation: &str, state: &[u8], batch: &Batch) -> Result<Decoded, Fault> {
        if operation == OPERATION {
            return embed::decode(state, batch);
        }
        reply::decode(state, batch)
    }

    fn map_error(&self, head: &ResponseHead, body: &[u8]) -> UpstreamError {
        let mut error = failure::usual(head, body, "ollama");
        // What one model cannot do, another may.
        if error.kind == ErrorKind::InvalidRequest && error.message.contains("does not support") {
            error.retry = RetryAdvice::OtherModel;
        }
        error
    }
}

mux_plugin_sdk::export!(Ollama);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_without_tools_sends_the_request_to_another_model() {
        let head = ResponseHead {
            status: 400,
            headers: Vec::new(),
        };
        let ollama = Ollama::configure(b"{}").expect("settings");
        let body = br#"{"error":"registry.ollama.ai/library/gemma:2b does not support tools"}"#;
        assert_eq!(ollama.map_error(&head, body).retry, RetryAdvice::OtherModel);
        let head = ResponseHead {
            status: 404,
            headers: Vec::new(),
        };
        let body = br#"{"error":"model 'nix' not found"}"#;
        assert_eq!(ollama.map_error(&head, body).kind, ErrorKind::ModelNotFound);
    }
}
