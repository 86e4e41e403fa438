//! Chat streams made up for tests, and what a chat client makes of them.

use bytes::Bytes;
use mux_wire::chat::Complete;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A stream of these deltas, and its end.
pub(crate) fn stream(deltas: &[Value], finish: &str) -> Bytes {
    let chunk = |choices: Value| {
        let chunk = json!({ "id": "c1", "object": "chat.completion.chunk", "model": "served", "choices": choices });
        format!("data: {chunk}\n\n")
    };
    let mut text: String = deltas
        .iter()
        .map(|delta| chunk(json!([{ "index": 0, "delta": delta, "finish_reason": null }])))
        .collect();
    text.push_str(&chunk(
        json!([{ "index": 0, "delta": {}, "finish_reason": finish }]),
    ));
    let usage = json!({
        "prompt_tokens": 20, "completion_tokens": 7, "total_tokens": 27,
        "prompt_tokens_details": { "cached_tokens": 12, "cache_write_tokens": 3 },
        "completion_tokens_details": { "reasoning_tokens": 2 },
    });
    let last = json!({ "object": "chat.completion.chunk", "model": "served", "choices": [], "usage": usage });
    Bytes::from(format!("{text}data: {last}\n\ndata: [DONE]\n\n"))
}

/// The same as a whole answer.
pub(crate) fn whole(deltas: &[Value], finish: &str) -> Value {
    let bytes = stream(deltas, finish);
    let said = Complete::streamed([&bytes]).expect("a stream");
    let calls: Vec<Value> = said
        .calls
        .iter()
        .map(|call| json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": call.arguments } }))
        .collect();
    let mut message = json!({ "role": "assistant", "content": said.text });
    if !said.reasoning.is_empty() {
        message["reasoning_content"] = json!(said.reasoning);
    }
    if !calls.is_empty() {
        message["tool_calls"] = json!(calls);
    }
    json!({
        "id": "c1", "object": "chat.completion", "model": "served",
        "choices": [{ "index": 0, "message": message, "finish_reason": finish }],
        "usage": {
            "prompt_tokens": 20, "completion_tokens": 7, "total_tokens": 27,
            "prompt_tokens_details": { "cached_tokens": 12, "cache_write_tokens": 3 },
            "completion_tokens_details": { "reasoning_tokens": 2 },
        },
    })
}

/// How a provider numbers the calls of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Numbers {
    Each,
    Zero,
    Never,
}

/// A piece of a call.
pub(crate) fn call(numbers: Numbers, index: usize, name: Option<&str>, arguments: &str) -> Value {
    let mut call = json!({ "function": { "arguments": arguments } });
    match numbers {
        Numbers::Each => call["index"] = json!(index),
        Numbers::Zero => call["index"] = json!(0),
        Numbers::Never => {}
    }
    if let Some(name) = name {
        call["id"] = json!(format!("call_{index}"));
        call["type"] = json!("function");
        call["function"]["name"] = json!(name);
    }
    json!({ "tool_calls": [call] })
}

/// Deltas of an answer that thinks, speaks and calls, cut anywhere.
pub(crate) fn deltas() -> impl Strategy<Value = Vec<Value>> {
    let words = || prop::collection::vec("[a-z\"\\\\é\n🦀]{1,8}", 0..4);
    let arguments = || {
        prop::collection::btree_map("[a-z]{1,4}", "[a-z\"{}\\\\]{0,6}", 0..3)
            .prop_map(|map| json!(map).to_string())
    };
    let calls = prop::collection::vec((arguments(), 1_usize..7), 0..3);
    let numbers = prop::sample::select(vec![Numbers::Each, Numbers::Zero, Numbers::Never]);
    (words(), words(), calls, numbers).prop_map(|(thoughts, texts, calls, numbers)| {
        let mut deltas = vec![json!({ "role": "assistant", "content": "" })];
        deltas.extend(thoughts.iter().map(|t| json!({ "reasoning_content": t })));
        deltas.extend(texts.iter().map(|t| json!({ "content": t })));
        for (index, (arguments, cut)) in calls.iter().enumerate() {
            let name = format!("f{index}");
            deltas.push(call(numbers, index, Some(&name), ""));
            let letters: Vec<char> = arguments.chars().collect();
            for piece in letters.chunks(*cut) {
                let piece: String = piece.iter().collect();
                deltas.push(call(numbers, index, None, &piece));
            }
        }
        deltas
    })
}
