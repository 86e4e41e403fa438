//! Anthropic's words: messages, whole and streamed.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::answer::{Answer, Finish};

/// A whole answer.
pub(crate) fn whole(answer: &Answer) -> Value {
    let block = match &answer.tool {
        Some(name) => {
            // A call cut short by the token limit has no whole arguments to show.
            let input: Value = serde_json::from_str(&answer.text()).unwrap_or_else(|_| json!({}));
            json!({ "type": "tool_use", "id": answer.call_id("toolu_"), "name": name, "input": input })
        }
        None => json!({ "type": "text", "text": answer.text() }),
    };
    message(
        answer,
        &json!([block]),
        Some(finish(answer.finish)),
        answer.output_tokens(),
    )
}

/// What a stream says before any content.
pub(crate) fn opening(answer: &Answer) -> Vec<Bytes> {
    let block = match &answer.tool {
        Some(name) => {
            json!({ "type": "tool_use", "id": answer.call_id("toolu_"), "name": name, "input": {} })
        }
        None => json!({ "type": "text", "text": "" }),
    };
    vec![
        event(&json!({ "type": "message_start", "message": message(answer, &json!([]), None, 1) })),
        event(&json!({ "type": "content_block_start", "index": 0, "content_block": block })),
        event(&json!({ "type": "ping" })),
    ]
}

/// One piece of content.
pub(crate) fn piece(answer: &Answer, piece: &str) -> Bytes {
    let delta = if answer.tool.is_some() {
        json!({ "type": "input_json_delta", "partial_json": piece })
    } else {
        json!({ "type": "text_delta", "text": piece })
    };
    event(&json!({ "type": "content_block_delta", "index": 0, "delta": delta }))
}

/// What a stream says after its content.
pub(crate) fn closing(answer: &Answer) -> Vec<Bytes> {
    let delta = json!({ "stop_reason": finish(answer.finish), "stop_sequence": null });
    let usage = json!({ "output_tokens": answer.output_tokens() });
    vec![
        event(&json!({ "type": "content_block_stop", "index": 0 })),
        event(&json!({ "type": "message_delta", "delta": delta, "usage": usage })),
        event(&json!({ "type": "message_stop" })),
    ]
}

/// An error's body.
pub(crate) fn error(status: u16, message: &str) -> Value {
    let kind = match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        504 => "timeout_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    json!({ "type": "error", "error": { "type": kind, "message": message }, "request_id": null })
}

/// An error inside a stream; nothing follows it.
pub(crate) fn stream_error(message: &str) -> Bytes {
    event(
        &json!({ "type": "error", "error": { "details": null, "type": "overloaded_error", "message": message } }),
    )
}

/// The list of models.
pub(crate) fn models(name: &str) -> Value {
    let model = json!({ "type": "model", "id": name, "display_name": name, "created_at": "2023-11-14T22:13:20Z" });
    json!({ "data": [model], "has_more": false, "first_id": name, "last_id": name })
}

fn message(
    answer: &Answer,
    content: &Value,
    stop_reason: Option<&str>,
    output_tokens: u64,
) -> Value {
    json!({
        "id": format!("msg_mock{:08x}", answer.number),
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": null,
        "usage": {
            "input_tokens": answer.input_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": output_tokens,
        },
    })
}

fn finish(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::Tool => "tool_use",
    }
}

/// An event whose name is its `type`.
fn event(json: &Value) -> Bytes {
    let name = json.get("type").and_then(Value::as_str).unwrap_or_default();
    Bytes::from(format!("event: {name}\ndata: {json}\n\n"))
}
