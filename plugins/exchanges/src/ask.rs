//! One question to an adapter, and one answer through it.

use mux_plugin_sdk::{BodyPlan, Fault, Framing, RequestPlan, ResponseHead, UpstreamError};
use serde_json::{Value, json};

use crate::frames::Owned;
use crate::guest::{Guest, ctx};
use crate::hear::{Heard, hear};

/// What is sent for a request, and the warnings.
#[must_use]
pub fn sent(adapter: &str, model: &str, request: &Value) -> (Value, Vec<String>) {
    let plan = plan(adapter, model, request, false)
        .unwrap_or_else(|fault| panic!("{adapter} refuses: {fault:?}"));
    let BodyPlan::Replace(body) = plan.body else {
        panic!("{adapter} sends no body of its own")
    };
    (serde_json::from_slice(&body).expect("json"), plan.warnings)
}

/// The plan for a request.
///
/// # Errors
/// When the adapter refuses it.
pub fn plan(
    adapter: &str,
    model: &str,
    request: &Value,
    stream: bool,
) -> Result<RequestPlan, Fault> {
    let body = request.to_string();
    (Guest::named(adapter).prepare)(&ctx(model, stream), body.as_bytes())
}

/// The field a request is refused for.
#[must_use]
pub fn refused(adapter: &str, model: &str, request: &Value) -> String {
    match plan(adapter, model, request, false) {
        Err(Fault::InvalidRequest(bad) | Fault::Unsupported(bad)) => bad.param.unwrap_or_default(),
        other => panic!("{adapter} does not refuse: {other:?}"),
    }
}

/// A plain question, and more fields with it.
#[must_use]
pub fn question(more: &Value) -> Value {
    let mut request = json!({"model": "@any", "messages": [{"role": "user", "content": "Hi"}]});
    for (name, value) in more.as_object().into_iter().flatten() {
        request[name] = value.clone();
    }
    request
}

/// A whole answer through the adapter.
#[must_use]
pub fn whole(adapter: &str, model: &str, body: &Value) -> Heard {
    heard(adapter, model, false, &[frame("", body)])
}

/// A stream of frames through the adapter; a name stands before a frame that has one.
#[must_use]
pub fn streamed(adapter: &str, model: &str, events: &[(&str, Value)]) -> Heard {
    let frames: Vec<Owned> = events
        .iter()
        .map(|(name, data)| frame(name, data))
        .collect();
    heard(adapter, model, true, &frames)
}

/// A frame; a string is sent as it is, without quotes.
fn frame(name: &str, data: &Value) -> Owned {
    let text = data
        .as_str()
        .map_or_else(|| data.to_string(), str::to_owned);
    (name.to_owned(), text.into_bytes())
}

fn heard(adapter: &str, model: &str, stream: bool, frames: &[Owned]) -> Heard {
    let request = question(&json!({"stream_options": {"include_usage": true}}));
    let plan = plan(adapter, model, &request, stream).expect("a plain question");
    assert_eq!(plan.reply.framing == Framing::Buffered, !stream);
    let guest = Guest::named(adapter);
    let all = hear(&guest, &plan.state, &[frames]).expect("an answer");
    for at in 0..=frames.len() {
        let (head, tail) = frames.split_at(at);
        let split = hear(&guest, &plan.state, &[head, tail]).expect("an answer");
        assert_eq!(split, all, "grouped at {at}");
    }
    all
}

/// What an error means.
#[must_use]
pub fn error(adapter: &str, status: u16, body: &str) -> UpstreamError {
    let head = ResponseHead {
        status,
        headers: Vec::new(),
    };
    (Guest::named(adapter).map_error)(&head, body.as_bytes())
}
