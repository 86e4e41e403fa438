//! The Bedrock adapter: chat completions to Amazon's Converse interface and back, streamed and whole; embeddings by
//! `InvokeModel`, in the words of each vendor.
//!
//! Reading order: `manifest` says what it offers, `request` turns a chat request into one of Converse with the help of
//! `messages`, `attachment`, `tools` and `thinking`, `reply` turns the answer back, `failure` reads error bodies; `embed`
//! is embeddings. A frame's name is its `:event-type`, its `:exception-type` where it is an exception, or `error:` and a code where the stream
//! itself failed; its payload is JSON.

mod attachment;
mod block;
mod citation;
mod embed;
mod failure;
mod family;
mod manifest;
mod messages;
mod reply;
mod request;
mod settings;
mod thinking;
mod tools;

use mux_plugin_sdk::embeddings::OPERATION;
use mux_plugin_sdk::{
    Adapter, Batch, Decoded, Fault, Manifest, RequestCtx, RequestPlan, ResponseHead, UpstreamError,
};

use crate::settings::Settings;

/// Amazon Bedrock's Converse.
#[derive(Debug, Clone, Copy)]
pub struct Bedrock;

impl Adapter for Bedrock {
    fn describe() -> Manifest {
        manifest::manifest()
    }

    fn configure(settings: &[u8]) -> Result<Self, String> {
        Settings::read(settings)?;
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

mux_plugin_sdk::export!(Bedrock);
