//! The Cohere adapter: chat completions to Cohere's second chat interface and back, streamed and whole.
//!
//! Reading order: `manifest` says what it offers, `request` turns a chat request into one of Cohere's with the help of
//! `messages`, `reply` turns the answer back, `failure` reads error bodies.

mod citation;
mod embed;
mod failure;
mod manifest;
mod messages;
mod reply;
mod request;

use mux_plugin_sdk::embeddings::OPERATION;
use mux_plugin_sdk::{
    Adapter, Batch, Decoded, Fault, Manifest, RequestCtx, RequestPlan, ResponseHead, UpstreamError,
};

/// Cohere's chat.
#[derive(Debug, Clone, Copy)]
pub struct Cohere;

impl Adapter for Cohere {
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

    fn decode(&self, operation: &str, state: &[u8], batch: &Batch) -> Result<Decoded, Fault> {
        if operation == OPERATION {
            return embed::decode(state, batch);
        }
        reply::decode(state, batch)
    }

    fn map_error(&self, head: &ResponseHead, body: &[u8]) -> UpstreamError {
        failure::read(head, body)
    }
}

mux_plugin_sdk::export!(Cohere);
