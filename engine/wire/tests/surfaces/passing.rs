//! Answers in a provider's own dialect, watched on their way.

use bytes::Bytes;
use mux_wire::tap::Tap;
use mux_wire::{Dialect, ErrorKind, Framer, Framing, Usage};
use serde_json::json;

#[test]
fn a_message_that_passes_is_counted_and_its_end_is_known() {
    let events = [
        r#"event: message_start
data: {"type":"message_start","message":{"id":"m","content":[],"usage":{"input_tokens":5,"cache_read_input_tokens":12,"cache_creation_input_tokens":3,"output_tokens":1}}}"#,
        r#"event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        r#"event: ping
data: {"type":"ping"}"#,
        r#"event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hé"}}"#,
        r#"event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"max_tokens","stop_sequence":null},"usage":{"output_tokens":7}}"#,
        r#"event: message_stop
data: {"type":"message_stop"}"#,
    ];
    let mut framer = Framer::new(Framing::Sse);
    framer
        .push(Bytes::from(events.join("\n\n") + "\n\n"))
        .unwrap();
    let mut tap = Tap::new(Dialect::Messages, true);
    let seen: Vec<_> = framer.map(|frame| tap.frame(&frame.data)).collect();
    let content: Vec<bool> = seen.iter().map(|s| s.content).collect();
    assert_eq!(content, [false, false, false, true, false, false]);
    assert_eq!(
        seen[4].usage,
        Some(Usage {
            input: 20,
            output: 7,
            cache_read: 12,
            cache_write: 3,
            reasoning: 0,
            ..Usage::default()
        })
    );
    assert_eq!(seen[4].finish.as_deref(), Some("length"));
    assert_eq!(seen.iter().map(|s| s.output_bytes).sum::<u64>(), 3);
    assert!(seen[5].terminal && !seen[4].terminal);
    let error = br#"{"type":"error","error":{"details":null,"type":"overloaded_error","message":"Overloaded"}}"#;
    let error = tap.frame(error).error.unwrap();
    assert_eq!(
        (error.kind.as_str(), error.message.as_str()),
        ("overloaded", "Overloaded")
    );
}

#[test]
fn data_that_passes_is_content_and_tells_what_it_cost() {
    let body =
        json!({ "data": [], "usage": { "prompt_tokens": 8, "total_tokens": 8 } }).to_string();
    let seen = Tap::new(Dialect::Embeddings, false).frame(body.as_bytes());
    assert!(seen.content && seen.terminal && seen.error.is_none());
    assert_eq!(seen.usage.map(|u| (u.input, u.output)), Some((8, 0)));
    let seen = Tap::new(Dialect::Count, false).frame(br#"{"input_tokens":9}"#);
    assert_eq!((seen.content, seen.usage), (true, Some(Usage::default())));
    let failed = Tap::new(Dialect::Embeddings, false).frame(br#"{"error":{"message":"no"}}"#);
    assert_eq!(failed.error.unwrap().message, "no");
}

#[test]
fn vectors_that_are_not_there_are_no_answer_and_tokens_that_are_not_told_are_not_known() {
    let mut tap = Tap::new(Dialect::Embeddings, false);
    let untold = tap.frame(br#"{"data":[]}"#);
    assert_eq!((untold.content, untold.usage), (true, None));
    for nonsense in [r#"{"detail":"warming up"}"#, r#"{"data":null}"#, "[1]"] {
        let seen = tap.frame(nonsense.as_bytes());
        let kind = seen.error.map(|error| error.kind);
        assert_eq!(kind, Some(ErrorKind::BadResponse), "{nonsense}");
    }
}

#[test]
fn counts_that_are_no_numbers_hide_no_end() {
    let mut responses = Tap::new(Dialect::Responses, true);
    for (input, tokens) in [("null", 0), ("7.0", 7), ("\"7\"", 0)] {
        let event = format!(
            r#"{{"type":"response.completed","response":{{"usage":{{"input_tokens":{input},"output_tokens":2,"input_tokens_details":{{"cached_tokens":{input}}}}}}}}}"#
        );
        let seen = responses.frame(event.as_bytes());
        let usage = seen.usage.map(|u| (u.input, u.output, u.cache_read));
        assert_eq!((seen.terminal, usage), (true, Some((tokens, 2, tokens))));

        let event = format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":"end_turn"}},"usage":{{"input_tokens":{input},"output_tokens":2.0}}}}"#
        );
        let seen = Tap::new(Dialect::Messages, true).frame(event.as_bytes());
        let usage = seen.usage.map(|u| (u.input, u.output));
        assert_eq!(
            (seen.finish.as_deref(), usage),
            (Some("stop"), Some((tokens, 2)))
        );
    }
}

#[test]
fn only_calls_that_wait_for_the_client_end_an_answer_with_calls() {
    for (kind, finish) in [
        ("web_search_call", "stop"),
        ("code_interpreter_call", "stop"),
        ("mcp_call", "stop"),
        ("function_call", "tool_calls"),
        ("custom_tool_call", "tool_calls"),
        ("computer_call", "tool_calls"),
        ("local_shell_call", "tool_calls"),
    ] {
        let item = json!({ "type": kind });
        let mut tap = Tap::new(Dialect::Responses, true);
        let added = json!({ "type": "response.output_item.added", "item": item }).to_string();
        assert!(tap.frame(added.as_bytes()).content, "{kind}");
        let end = br#"{"type":"response.completed","response":{}}"#;
        assert_eq!(tap.frame(end).finish.as_deref(), Some(finish), "{kind}");
        let whole = json!({ "output": [item] }).to_string();
        let whole = Tap::new(Dialect::Responses, false).frame(whole.as_bytes());
        assert_eq!(whole.finish.as_deref(), Some(finish), "{kind}");
    }
}
