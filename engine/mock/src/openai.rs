//! OpenAI's words: chat completions, whole and streamed.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::answer::{Answer, Finish};

/// The fixed birthday of every answer, so that runs can be compared.
const CREATED: u64 = 1_700_000_000;

/// A whole answer.
pub(crate) fn whole(answer: &Answer) -> Value {
    let message = match &answer.tool {
        Some(name) => {
            let function = json!({ "name": name, "arguments": answer.text() });
            let call =
                json!({ "id": answer.call_id("call_"), "type": "function", "function": function });
            json!({ "role": "assistant", "content": null, "refusal": null, "tool_calls": [call] })
        }
        None => json!({ "role": "assistant", "content": answer.text(), "refusal": null }),
    };
    json!({
        "id": id(answer),
        "object": "chat.completion",
        "created": CREATED,
        "model": answer.model,
        "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": finish(answer.finish) }],
        "usage": usage(answer),
    })
}

/// What a stream says before any content.
pub(crate) fn opening(answer: &Answer, include_usage: bool) -> Vec<Bytes> {
    let delta = match &answer.tool {
        Some(name) => {
            let function = json!({ "name": name, "arguments": "" });
            let call = json!({ "index": 0, "id": answer.call_id("call_"), "type": "function", "function": function });
            json!({ "role": "assistant", "content": null, "tool_calls": [call] })
        }
        None => json!({ "role": "assistant", "content": "", "refusal": null }),
    };
    vec![chunk(answer, &delta, None, include_usage)]
}

/// One piece of content.
pub(crate) fn piece(answer: &Answer, piece: &str, include_usage: bool) -> Bytes {
    let delta = if answer.tool.is_some() {
        json!({ "tool_calls": [{ "index": 0, "function": { "arguments": piece } }] })
    } else {
        json!({ "content": piece })
    };
    chunk(answer, &delta, None, include_usage)
}

/// What a stream says after its content.
pub(crate) fn closing(answer: &Answer, include_usage: bool) -> Vec<Bytes> {
    let mut events = vec![chunk(
        answer,
        &json!({}),
        Some(finish(answer.finish)),
        include_usage,
    )];
    if include_usage {
        events.push(event(&frame(answer, &json!([]), Some(usage(answer)))));
    }
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    events
}

/// An error's body.
pub(crate) fn error(status: u16, message: &str) -> Value {
    let (kind, code) = match status {
        401 => ("invalid_request_error", Some("invalid_api_key")),
        402 => ("insufficient_quota", Some("insufficient_quota")),
        404 => ("invalid_request_error", Some("model_not_found")),
        429 => ("requests", Some("rate_limit_exceeded")),
        503 | 529 => ("server_error", Some("server_is_overloaded")),
        500.. => ("server_error", None),
        _ => ("invalid_request_error", None),
    };
    json!({ "error": { "message": message, "type": kind, "param": null, "code": code } })
}

/// An error inside a stream; nothing follows it.
pub(crate) fn stream_error(message: &str) -> Bytes {
    event(&error(500, message))
}

/// The list of models.
pub(crate) fn models(name: &str) -> Value {
    json!({ "object": "list", "data": [{ "id": name, "object": "model", "created": CREATED, "owned_by": "mock" }] })
}

fn chunk(answer: &Answer, delta: &Value, finish: Option<&str>, include_usage: bool) -> Bytes {
    let choice = json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish });
    event(&frame(
        answer,
        &json!([choice]),
        include_usage.then_some(Value::Null),
    ))
}

/// A chunk; `usage` stands in it only when the client asked for it.
fn frame(answer: &Answer, choices: &Value, usage: Option<Value>) -> Value {
    let mut chunk = json!({
        "id": id(answer),
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": answer.model,
        "choices": choices,
    });
    if let (Some(usage), Some(fields)) = (usage, chunk.as_object_mut()) {
        fields.insert(String::from("usage"), usage);
    }
    chunk
}

fn id(answer: &Answer) -> String {
    format!("chatcmpl-mock{:08x}", answer.number)
}

fn finish(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Tool => "tool_calls",
    }
}

fn usage(answer: &Answer) -> Value {
    let (input, output) = (answer.input_tokens, answer.output_tokens());
    json!({
        "prompt_tokens": input,
        "completion_tokens": output,
        "total_tokens": input + output,
        "prompt_tokens_details": { "cached_tokens": 0 },
        "completion_tokens_details": { "reasoning_tokens": 0 },
    })
}

fn event(json: &Value) -> Bytes {
    Bytes::from(format!("data: {json}\n\n"))
}
