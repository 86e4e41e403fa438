//! Errors as Anthropic's clients know them.

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

use crate::chat::ErrorBody;
use crate::event::event;

/// The error object. `code` is mux's stable one; `mux` has the attempts.
#[must_use]
pub(crate) fn error(error: &ErrorBody) -> Bytes {
    Bytes::from(body(error).to_string())
}

/// The event that ends a stream which broke. Nothing may follow it.
#[must_use]
pub(crate) fn stream_error(error: &ErrorBody) -> Bytes {
    let mut out = BytesMut::new();
    event("error", &body(error), &mut out);
    out.freeze()
}

fn body(error: &ErrorBody) -> Value {
    json!({
        "type": "error",
        "error": {
            "type": kind(error.status),
            "message": error.message,
            "code": error.code,
            "param": error.param,
            "mux": { "request_id": error.request_id, "attempts": error.attempts },
        },
        "request_id": error.request_id,
    })
}

fn kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        408 | 504 => "timeout_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    }
}
