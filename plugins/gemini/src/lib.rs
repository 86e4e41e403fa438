//! The Gemini adapter: chat completions to `generateContent` and back, streamed and whole.
//!
//! Reading order: `manifest` says what it offers, `request` turns a chat request into one of Gemini's with the help of
//! `contents`, `tools` and `thinking`, `reply`, `partial` and `grounding` turn the answer
//! back, `failure` reads error bodies.
//! [`dialect`] is what another adapter needs that reaches the same models elsewhere.

pub mod dialect;

mod contents;
mod embed;
mod failure;
mod family;
mod grounding;
mod manifest;
mod part;
mod partial;
mod provider;
mod reply;
mod request;
mod thinking;
mod tools;

use mux_plugin_sdk::embeddings::OPERATION;
use mux_plugin_sdk::{
    Adapter, Batch, Decoded, Fault, Framing, Manifest, RequestCtx, RequestPlan, ResponseHead,
    UpstreamError,
};

/// Google's Gemini API.
#[derive(Debug, Clone, Copy)]
pub struct Gemini;

impl Adapter for Gemini {
    fn describe() -> Manifest {
        manifest::manifest()
    }

    fn configure(_settings: &[u8]) -> Result<Self, String> {
        Ok(Self)
    }

    fn prepare(&self, ctx: &RequestCtx, body: &[u8]) -> Result<RequestPlan, Fault> {
        let model = if ctx.model.contains('/') {
            ctx.model.clone()
        } else {
            format!("models/{}", ctx.model)
        };
        if ctx.operation == OPERATION {
            return embed::prepare(ctx, &model, body);
        }
        let request = dialect::request(ctx, body)?;
        let path = format!("/{model}:{}", dialect::verb(ctx.stream));
        let frames = ctx.stream.then_some(Framing::Sse);
        Ok(RequestPlan {
            state: request.state,
            warnings: request.warnings,
            ..RequestPlan::post(manifest::UPSTREAM, path, frames, request.body)
        })
    }

    fn decode(&self, operation: &str, state: &[u8], batch: &Batch) -> Result<Decoded, Fault> {
        if operation == OPERATION {
            return embed::decode(state, batch);
        }
        dialect::decode(state, batch)
    }

    fn map_error(&self, head: &ResponseHead, body: &[u8]) -> UpstreamError {
        dialect::map_error(head, body)
    }
}

#[cfg(feature = "component")]
mux_plugin_sdk::export!(Gemini);
