//! Anthropic's messages.

use mux_plugin_exchanges::ask::{error, question, sent, streamed, whole};
use mux_plugin_sdk::{ErrorKind, Finish, Usage};
use serde_json::{Value, json};

const MODEL: &str = "claude-sonnet-4-5";

fn start(usage: &Value) -> (&'static str, Value) {
    let message = json!({"id": "msg_1", "model": MODEL, "content": [], "usage": usage});
    ("", json!({"type": "message_start", "message": message}))
}

fn block(index: u64, block: &Value) -> (&'static str, Value) {
    (
        "",
        json!({"type": "content_block_start", "index": index, "content_block": block}),
    )
}

fn delta(index: u64, delta: &Value) -> (&'static str, Value) {
    (
        "",
        json!({"type": "content_block_delta", "index": index, "delta": delta}),
    )
}

fn stop(reason: &str, usage: &Value) -> [(&'static str, Value); 2] {
    let end = json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage});
    [("", end), ("", json!({"type": "message_stop"}))]
}

fn call(id: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": "look", "arguments": ""}})
}

fn tools() -> Value {
    json!([{"type": "function", "function": {"name": "look"}}])
}

#[test]
fn results_of_one_answer_go_back_in_one_turn_before_any_text() {
    let messages = json!([
        {"role": "user", "content": "Look"},
        {"role": "assistant", "content": null, "tool_calls": [call("toolu_1"), call("toolu_2")]},
        {"role": "tool", "tool_call_id": "toolu_1", "content": "one"},
        {"role": "tool", "tool_call_id": "toolu_2", "content": "two"},
        {"role": "user", "content": "Well?"}]);
    let (sent, _) = sent(
        "anthropic",
        MODEL,
        &question(&json!({"messages": messages, "tools": tools()})),
    );
    let turns = sent["messages"].as_array().expect("turns");
    assert_eq!(turns.len(), 3, "turns alternate");
    let kinds: Vec<&Value> = turns[2]["content"]
        .as_array()
        .expect("blocks")
        .iter()
        .map(|b| &b["type"])
        .collect();
    assert_eq!(kinds, ["tool_result", "tool_result", "text"]);
    assert_eq!(turns[2]["content"][1]["tool_use_id"], "toolu_2");
}

#[test]
fn calls_are_numbered_apart_from_blocks() {
    let mut events = vec![
        start(&json!({"input_tokens": 3, "output_tokens": 1})),
        block(0, &json!({"type": "text", "text": "Let me look."})),
        block(
            1,
            &json!({"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}),
        ),
        delta(
            1,
            &json!({"type": "input_json_delta", "partial_json": "{\"at\":1}"}),
        ),
        block(
            2,
            &json!({"type": "tool_use", "id": "toolu_2", "name": "look", "input": {}}),
        ),
        delta(
            2,
            &json!({"type": "input_json_delta", "partial_json": "{\"at\":2}"}),
        ),
    ];
    events.extend(stop("tool_use", &json!({"output_tokens": 9})));
    let heard = streamed("anthropic", MODEL, &events);
    let numbers: Vec<u64> = heard
        .objects
        .iter()
        .flat_map(|object| {
            object["choices"][0]["delta"]["tool_calls"]
                .as_array()
                .cloned()
                .unwrap_or_default()
        })
        .filter_map(|call| call["index"].as_u64())
        .collect();
    assert_eq!((numbers.first(), numbers.last()), (Some(&0), Some(&1)));
    let calls = &heard.told().choices[&0].calls;
    assert_eq!(
        (&calls[0].2, &calls[1].2),
        (&json!({"at": 1}), &json!({"at": 2}))
    );
    assert_eq!(heard.finish, Some(Finish::ToolCalls));
}

#[test]
fn cached_tokens_are_counted_once_whole_and_in_a_stream_whose_counts_are_running_totals() {
    let first = json!({"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 700, "cache_creation_input_tokens": 300});
    let last = json!({"input_tokens": 10, "output_tokens": 25, "cache_read_input_tokens": 700, "cache_creation_input_tokens": 300});
    let mut events = vec![
        start(&first),
        block(0, &json!({"type": "text", "text": "Hi"})),
    ];
    events.extend(stop("end_turn", &last));
    let body = json!({"type": "message", "id": "msg_1", "model": MODEL, "content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn", "usage": last});
    for heard in [
        streamed("anthropic", MODEL, &events),
        whole("anthropic", MODEL, &body),
    ] {
        let usage = heard.usage.clone().expect("usage");
        assert_eq!((usage.input, usage.output), (1_010, 25));
        assert_eq!((usage.cache_read, usage.cache_write), (700, 300));
        assert_eq!(
            heard.told().usage,
            Some(usage),
            "the client is told the same"
        );
    }
}

#[test]
fn what_is_kept_in_the_cache_for_an_hour_is_counted_apart_and_told_to_the_client() {
    let usage = json!({"input_tokens": 19, "output_tokens": 1, "cache_creation_input_tokens": 2_338,
        "cache_creation": {"ephemeral_1h_input_tokens": 1_931, "ephemeral_5m_input_tokens": 407}});
    let mut events = vec![
        start(&usage),
        block(0, &json!({"type": "text", "text": "Hi"})),
    ];
    events.extend(stop("end_turn", &json!({"output_tokens": 61})));
    let heard = streamed("anthropic", MODEL, &events);
    let usage = heard.usage.clone().expect("usage");
    assert_eq!((usage.input, usage.cache_write), (2_357, 2_338));
    assert_eq!(usage.counted(Usage::CACHE_WRITE_1H), 1_931);
    assert_eq!(heard.told().usage, Some(usage));
}

#[test]
fn an_error_in_the_middle_of_a_stream_is_an_error_and_no_end() {
    let events = [
        start(&json!({"input_tokens": 3, "output_tokens": 1})),
        block(0, &json!({"type": "text", "text": "Hel"})),
        (
            "error",
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
        ),
    ];
    let heard = streamed("anthropic", MODEL, &events);
    assert_eq!(
        (heard.error.clone(), heard.finish.clone()),
        (Some(ErrorKind::Overloaded), None)
    );
    let choice = &heard.told().choices[&0];
    assert_eq!((choice.text.as_str(), &choice.finish), ("Hel", &None));
}

#[test]
fn sealed_reasoning_comes_back_with_its_signature_and_stands_before_the_calls() {
    let mut events = vec![
        start(&json!({"input_tokens": 3, "output_tokens": 1})),
        block(
            0,
            &json!({"type": "thinking", "thinking": "", "signature": ""}),
        ),
        delta(
            0,
            &json!({"type": "thinking_delta", "thinking": "A tool, then."}),
        ),
        delta(
            0,
            &json!({"type": "signature_delta", "signature": "c2VhbGVk"}),
        ),
        block(1, &json!({"type": "redacted_thinking", "data": "aGlkZGVu"})),
        block(
            2,
            &json!({"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}),
        ),
    ];
    events.extend(stop("tool_use", &json!({"output_tokens": 9})));
    let heard = streamed("anthropic", MODEL, &events);
    let mut messages = vec![json!({"role": "user", "content": "Look"})];
    messages.extend(heard.told().choices[&0].sent_back());
    let asked =
        question(&json!({"messages": messages, "tools": tools(), "reasoning_effort": "high"}));
    let (sent, _) = sent("anthropic", MODEL, &asked);
    let blocks = &sent["messages"][1]["content"];
    assert_eq!(
        blocks[0],
        json!({"type": "thinking", "thinking": "A tool, then.", "signature": "c2VhbGVk"})
    );
    assert_eq!(
        blocks[1],
        json!({"type": "redacted_thinking", "data": "aGlkZGVu"})
    );
    assert_eq!(blocks[2]["type"], "tool_use");
}

#[test]
fn a_spending_limit_under_a_status_of_400_is_a_spent_quota() {
    let body = r#"{"type":"error","error":{"type":"invalid_request_error","message":"You have reached your specified API usage limits. You will regain access on 2026-12-01."}}"#;
    assert_eq!(
        error("anthropic", 400, body).kind,
        ErrorKind::QuotaExhausted
    );
}

#[test]
fn the_stop_sequence_that_was_met_is_told() {
    let body = json!({"type": "message", "id": "m", "model": "c", "content": [{"type": "text", "text": "a"}],
        "stop_reason": "stop_sequence", "stop_sequence": "END"});
    let events = [
        (
            "",
            json!({"type": "message_start", "message": {"id": "m", "model": "c", "content": []}}),
        ),
        (
            "",
            json!({"type": "message_delta", "delta": {"stop_reason": "stop_sequence", "stop_sequence": "END"}}),
        ),
        ("", json!({"type": "message_stop"})),
    ];
    let model = "claude-sonnet-4-5";
    for heard in [
        whole("anthropic", model, &body),
        streamed("anthropic", model, &events),
    ] {
        let mut met = heard
            .objects
            .iter()
            .map(|object| &object["choices"][0]["stop_sequence"]);
        assert!(met.any(|met| met == "END"), "{:?}", heard.objects);
        assert_eq!(heard.finish, Some(Finish::Stop));
    }
}

#[test]
fn an_earlier_answer_that_refused_keeps_its_words() {
    let request = json!({"model": "@any", "messages": [{"role": "user", "content": "Hi"},
        {"role": "assistant", "content": null, "refusal": "I cannot."}, {"role": "user", "content": "Why?"}]});
    for (name, model) in [
        ("anthropic", "claude-sonnet-4-5"),
        ("bedrock", "amazon.nova-pro-v1:0"),
        ("cohere", "command-a"),
        ("gemini", "gemini-2.5-flash"),
        ("mistral", "mistral-large"),
        ("ollama", "llama"),
    ] {
        let (sent, _) = sent(name, model, &request);
        assert!(sent.to_string().contains("I cannot."), "{name}: {sent}");
    }
}

#[test]
fn whose_request_it_is_and_strict_tools_are_not_dropped_in_silence() {
    let tool = json!({"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": true}});
    let request = question(&json!({"user": "ana", "tools": [tool]}));
    for (name, model, strict) in [
        ("bedrock", "amazon.nova-pro-v1:0", true),
        ("cohere", "command-a", false),
        ("gemini", "gemini-2.5-flash", true),
        ("mistral", "mistral-large", false),
        ("ollama", "llama", false),
    ] {
        let (_, warnings) = sent(name, model, &request);
        let said = |word: &str| warnings.iter().any(|warning| warning.contains(word));
        assert!(said("`user`"), "{name}: {warnings:?}");
        assert_eq!(said("`strict`"), strict, "{name}: {warnings:?}");
    }
}
