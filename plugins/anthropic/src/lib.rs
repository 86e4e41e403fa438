//! The Anthropic adapter: chat completions to the Messages API and back, streamed and whole.
//!
//! Reading order: [`manifest`] says what it offers, `request` turns a chat request into a Messages request with
//! the help of `conversation`, `content`, `tools` and `reasoning`, `stream` and `message` turn the answer back,
//! `failure` reads error bodies. Long texts pass through as the JSON they came in and are never unescaped.

mod block;
mod chunk;
mod content;
mod conversation;
mod failure;
mod finish;
mod manifest;
mod message;
mod model;
mod provider;
mod reasoning;
mod request;
mod sampling;
mod settings;
mod state;
mod stream;
mod tools;
mod usage;

use mux_plugin_sdk::{
    Adapter, Batch, Decoded, Fault, Manifest, RequestCtx, RequestPlan, ResponseHead, UpstreamError,
};

use crate::settings::Settings;
use crate::state::State;

/// Anthropic's Messages API.
#[derive(Debug, Clone)]
pub struct Anthropic {
    settings: Settings,
}

impl Adapter for Anthropic {
    fn describe() -> Manifest {
        manifest::manifest()
    }

    fn configure(settings: &[u8]) -> Result<Self, String> {
        let settings = Settings::read(settings)?;
        Ok(Self { settings })
    }

    fn prepare(&self, ctx: &RequestCtx, body: &[u8]) -> Result<RequestPlan, Fault> {
        request::prepare(&self.settings, ctx, body)
    }

    fn decode(&self, _operation: &str, state: &[u8], batch: &Batch) -> Result<Decoded, Fault> {
        if let Some(decoded) = stream::more_text(state, batch) {
            return Ok(decoded);
        }
        let state = State::read(state)?;
        if state.stream {
            stream::decode(state, batch)
        } else {
            message::decode(&state, batch)
        }
    }

    fn map_error(&self, head: &ResponseHead, body: &[u8]) -> UpstreamError {
        failure::read(head, body)
    }
}

#[cfg(feature = "component")]
mux_plugin_sdk::export!(Anthropic);
