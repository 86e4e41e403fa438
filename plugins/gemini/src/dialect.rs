//! Gemini's dialect without an address: the same models answer elsewhere too.

use mux_plugin_sdk::{Batch, Decoded, Fault, RequestCtx, ResponseHead, UpstreamError};

pub use crate::request::Request;

/// A chat request in Gemini's words.
///
/// # Errors
/// When the request is wrong, or asks for something Gemini cannot do.
pub fn request(ctx: &RequestCtx, body: &[u8]) -> Result<Request, Fault> {
    crate::request::request(ctx, body)
}

/// What stands behind the model's name in a path.
#[must_use]
pub fn verb(stream: bool) -> &'static str {
    if stream {
        "streamGenerateContent?alt=sse"
    } else {
        "generateContent"
    }
}

/// Gemini's answer in unified chunks.
///
/// # Errors
/// When the frames are none of Gemini's.
pub fn decode(state: &[u8], batch: &Batch) -> Result<Decoded, Fault> {
    crate::reply::decode(state, batch)
}

/// What an answer outside 2xx means.
#[must_use]
pub fn map_error(head: &ResponseHead, body: &[u8]) -> UpstreamError {
    crate::failure::read(head, body)
}
