//! What a client makes of a Messages stream, held to the protocol on the way.

use bytes::{Bytes, BytesMut};
use mux_wire::Dialect;
use mux_wire::speaker::Speaker;
use mux_wire::voice::{self, Voice};
use mux_wire::{Framer, Framing};
use serde_json::{Value, json};

/// What an answer is written with in tests.
pub(crate) fn speaker() -> Speaker {
    Speaker {
        request_id: "req_1".to_owned(),
        model: "@chat".to_owned(),
        by: Some("house".to_owned()),
        created: 1_700_000_000,
        ..Speaker::default()
    }
}

/// A chat stream as a client of another dialect hears it, the bytes cut at these places.
pub(crate) fn told(dialect: Dialect, parts: &[Bytes]) -> Bytes {
    let mut voice = Voice::new(dialect, speaker()).expect("a dialect of its own");
    let mut out = BytesMut::new();
    for part in parts {
        voice.push(part, &mut out);
    }
    voice.finish(None, &mut out);
    out.freeze()
}

/// A whole chat answer in another dialect.
pub(crate) fn whole(dialect: Dialect, answer: &Value) -> Value {
    let body = voice::whole(dialect, &speaker(), answer.to_string().as_bytes());
    serde_json::from_slice(&body.expect("an answer").body).expect("json")
}

/// The events of a stream, each with its name equal to its type.
pub(crate) fn events(stream: &Bytes) -> Vec<Value> {
    let mut framer = Framer::new(Framing::Sse);
    framer.push(stream.clone()).expect("frames");
    framer.finish().expect("an end");
    let event = |frame: mux_wire::Frame| {
        let event: Value = serde_json::from_slice(&frame.data).expect("json");
        assert_eq!(frame.event_name(), event["type"].as_str());
        event
    };
    framer.map(event).collect()
}

/// The message that a stream adds up to, as Anthropic's clients add it up.
pub(crate) fn message(stream: &Bytes) -> Value {
    let mut message = Value::Null;
    let mut open: Vec<usize> = Vec::new();
    let mut partial: Vec<String> = Vec::new();
    let mut over = false;
    for event in events(stream) {
        assert!(!over, "nothing follows `message_stop`");
        let index = event["index"]
            .as_u64()
            .map_or(usize::MAX, |n| usize::try_from(n).unwrap());
        match event["type"].as_str().unwrap() {
            "message_start" => {
                assert!(message.is_null(), "one start");
                message = event["message"].clone();
                assert_eq!(message["content"], json!([]));
            }
            "content_block_start" => {
                let content = message["content"].as_array_mut().unwrap();
                assert_eq!(index, content.len(), "blocks are numbered in order");
                content.push(event["content_block"].clone());
                partial.push(String::new());
                open.push(index);
            }
            "content_block_delta" => {
                assert!(open.contains(&index), "only open blocks grow");
                let (block, delta) = (&mut message["content"][index], &event["delta"]);
                let (kind, field, added) = match delta["type"].as_str().unwrap() {
                    "text_delta" => ("text", "text", &delta["text"]),
                    "thinking_delta" => ("thinking", "thinking", &delta["thinking"]),
                    "signature_delta" => ("thinking", "signature", &delta["signature"]),
                    "input_json_delta" => {
                        assert_eq!(block["type"], "tool_use");
                        partial[index].push_str(delta["partial_json"].as_str().unwrap());
                        continue;
                    }
                    "citations_delta" => {
                        assert_eq!(block["type"], "text");
                        let mut cited = block["citations"].as_array().cloned().unwrap_or_default();
                        cited.push(delta["citation"].clone());
                        block["citations"] = json!(cited);
                        continue;
                    }
                    other => panic!("{other}"),
                };
                assert_eq!(block["type"], kind);
                let said = format!(
                    "{}{}",
                    block[field].as_str().unwrap(),
                    added.as_str().unwrap()
                );
                block[field] = json!(said);
            }
            "content_block_stop" => {
                assert!(open.contains(&index), "a block is closed once");
                open.retain(|n| *n != index);
                if message["content"][index]["type"] == "tool_use" && !partial[index].is_empty() {
                    let input = serde_json::from_str(&partial[index]).unwrap_or(json!({}));
                    message["content"][index]["input"] = input;
                }
            }
            "message_delta" => {
                assert!(open.is_empty(), "all blocks are closed");
                message["stop_reason"] = event["delta"]["stop_reason"].clone();
                message["stop_sequence"] = event["delta"]["stop_sequence"].clone();
                message["usage"] = event["usage"].clone();
            }
            "message_stop" => over = true,
            "ping" => {}
            other => panic!("{other}"),
        }
    }
    assert!(over, "the end is told");
    message
}

/// The response that a stream adds up to, as OpenAI's clients add it up.
pub(crate) fn response(stream: &Bytes) -> Value {
    let mut items: Vec<Value> = Vec::new();
    let mut texts: Vec<String> = Vec::new();
    let mut cited: Vec<Vec<Value>> = Vec::new();
    let mut ended = Value::Null;
    for (number, event) in events(stream).into_iter().enumerate() {
        assert!(ended.is_null(), "nothing follows the end");
        assert_eq!(
            event["sequence_number"], number,
            "events are numbered in order"
        );
        let at = event["output_index"]
            .as_u64()
            .map_or(usize::MAX, |n| usize::try_from(n).unwrap());
        let kind = event["type"].as_str().unwrap();
        if let Some(item) = event["item_id"].as_str() {
            assert_eq!(items[at]["id"], item, "an item keeps its id");
        }
        match kind {
            "response.created" | "response.in_progress" => {
                assert_eq!(event["response"]["status"], "in_progress");
            }
            "response.output_item.added" => {
                assert_eq!(at, items.len());
                let item = event["item"].clone();
                assert!(
                    items.iter().all(|known| known["id"] != item["id"]),
                    "ids differ"
                );
                items.push(item);
                texts.push(String::new());
                cited.push(Vec::new());
            }
            "response.output_item.done" => {
                let item = &event["item"];
                assert_eq!(
                    (&item["id"], &item["type"]),
                    (&items[at]["id"], &items[at]["type"])
                );
                items[at] = item.clone();
                if item["type"] == "message" && !cited[at].is_empty() {
                    let told = &item["content"][0]["annotations"];
                    assert_eq!(told, &json!(cited[at]), "all sources are told");
                }
            }
            "response.output_text.annotation.added" => {
                assert_eq!(event["annotation_index"], cited[at].len());
                cited[at].push(event["annotation"].clone());
            }
            "response.output_text.done" | "response.reasoning_summary_text.done" => {
                assert_eq!(event["text"], texts[at]);
            }
            "response.refusal.done" => assert_eq!(event["refusal"], texts[at]),
            "response.function_call_arguments.done" => {
                let said = if texts[at].is_empty() {
                    "{}"
                } else {
                    &texts[at]
                };
                assert_eq!(event["arguments"], said);
            }
            "response.completed" | "response.incomplete" => ended = event["response"].clone(),
            _ if kind.rsplit('.').next() == Some("delta") => {
                texts[at].push_str(event["delta"].as_str().unwrap());
            }
            "response.content_part.added"
            | "response.content_part.done"
            | "response.reasoning_summary_part.added"
            | "response.reasoning_summary_part.done" => {}
            other => panic!("{other}"),
        }
    }
    assert_eq!(
        ended["output"],
        json!(items),
        "the end has all items as they were told"
    );
    ended
}
