//! Bedrock's Converse.

use mux_plugin_exchanges::ask::{plan, question, refused, sent, streamed, whole};
use mux_plugin_sdk::{ErrorKind, Finish, LimitScope, Usage};
use serde_json::{Value, json};

const CLAUDE: &str = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0";

fn delta(block: u32, delta: &Value) -> (&'static str, Value) {
    (
        "contentBlockDelta",
        json!({"contentBlockIndex": block, "delta": delta, "p": "abc"}),
    )
}

fn start(block: u32, id: &str) -> (&'static str, Value) {
    (
        "contentBlockStart",
        json!({"contentBlockIndex": block, "start": {"toolUse": {"toolUseId": id, "name": "look"}}}),
    )
}

fn stop(block: u32) -> (&'static str, Value) {
    ("contentBlockStop", json!({"contentBlockIndex": block}))
}

fn metadata() -> (&'static str, Value) {
    (
        "metadata",
        json!({"usage": {"inputTokens": 3, "outputTokens": 4, "totalTokens": 17,
        "cacheReadInputTokens": 10, "cacheReadInputTokenCount": 10,
        "cacheWriteInputTokens": 0, "cacheWriteInputTokenCount": 0}}),
    )
}

#[test]
fn calls_are_numbered_apart_from_blocks() {
    let heard = streamed(
        "bedrock",
        CLAUDE,
        &[
            ("messageStart", json!({"role": "assistant"})),
            delta(0, &json!({"text": "Let me "})),
            delta(0, &json!({"text": ""})),
            delta(0, &json!({"text": "look."})),
            stop(0),
            start(1, "t1"),
            delta(1, &json!({"toolUse": {"input": "{\"at\""}})),
            delta(1, &json!({"toolUse": {"input": ":3}"}})),
            stop(1),
            start(2, "t2"),
            stop(2),
            ("messageStop", json!({"stopReason": "tool_use"})),
            metadata(),
        ],
    );
    let choice = heard.told().choices[&0].clone();
    assert_eq!(choice.text, "Let me look.");
    let call = |id: &str, arguments: Value| (String::from(id), String::from("look"), arguments);
    assert_eq!(
        choice.calls,
        [call("t1", json!({"at": 3})), call("t2", json!({}))]
    );
    assert_eq!(heard.finish, Some(Finish::ToolCalls));
}

#[test]
fn counts_come_after_the_stop_and_either_name_counts_once() {
    let heard = streamed(
        "bedrock",
        CLAUDE,
        &[
            ("messageStop", json!({"stopReason": "end_turn"})),
            metadata(),
        ],
    );
    let usage = heard.usage.clone().expect("usage");
    assert_eq!((usage.input, usage.cache_read, usage.output), (13, 10, 4));
    assert_eq!(heard.told().usage.expect("a chunk with it").input, 13);
}

#[test]
fn an_exception_in_the_middle_of_a_stream_is_an_error() {
    let heard = streamed(
        "bedrock",
        CLAUDE,
        &[
            delta(0, &json!({"text": "Thr"})),
            ("throttlingException", json!({"message": "slow down"})),
        ],
    );
    assert_eq!(
        heard.error,
        Some(ErrorKind::RateLimited(LimitScope::Unknown))
    );
    assert_eq!(heard.finish, None);
    assert_eq!(heard.told().choices[&0].finish, None);
}

#[test]
fn a_history_with_calls_and_a_request_without_tools_is_sent_as_text() {
    let messages = json!([
        {"role": "user", "content": "Look"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "t1", "function": {"name": "look", "arguments": "{\"at\":3}"}}]},
        {"role": "tool", "tool_call_id": "t1", "content": "sharp"}]);
    let (bare, warnings) = sent("bedrock", CLAUDE, &json!({"messages": messages}));
    assert_eq!(
        bare["messages"][1]["content"],
        json!([{"text": "[called look with {\"at\":3}]"}])
    );
    assert_eq!(
        bare["messages"][2]["content"],
        json!([{"text": "[result of look]"}, {"text": "sharp"}])
    );
    assert_eq!(bare.get("toolConfig"), None);
    assert_eq!(warnings.len(), 1);
    let tools = json!([{"type": "function", "function": {"name": "look"}}]);
    let (with, warnings) = sent(
        "bedrock",
        CLAUDE,
        &json!({"messages": messages, "tools": tools, "tool_choice": "none"}),
    );
    assert_eq!(
        with["messages"][1]["content"][0]["toolUse"]["input"],
        json!({"at": 3})
    );
    assert_eq!(
        with["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"]["type"],
        "object"
    );
    assert!(warnings[0].contains("`tool_choice`"));
}

#[test]
fn results_of_one_answer_go_back_in_one_turn_and_none_is_empty() {
    let messages = json!([
        {"role": "user", "content": "Look"},
        {"role": "assistant", "content": "", "tool_calls": [
            {"id": "t1", "function": {"name": "look", "arguments": ""}}, {"id": "t2", "function": {"name": "look", "arguments": ""}}]},
        {"role": "tool", "tool_call_id": "t1", "content": ""},
        {"role": "tool", "tool_call_id": "t2", "content": "two"},
        {"role": "user", "content": "Well?"}]);
    let tools = json!([{"type": "function", "function": {"name": "look"}}]);
    let (sent, _) = sent(
        "bedrock",
        CLAUDE,
        &json!({"messages": messages, "tools": tools}),
    );
    let last = &sent["messages"][2]["content"];
    assert_eq!(sent["messages"].as_array().map(Vec::len), Some(3));
    assert_eq!(
        last[0]["toolResult"]["content"],
        json!([{"text": "(no output)"}])
    );
    assert_eq!(last[1]["toolResult"]["toolUseId"], "t2");
    assert_eq!(last[2]["text"], "Well?");
}

#[test]
fn a_model_is_escaped_once_in_the_path() {
    let plan = plan("bedrock", CLAUDE, &question(&json!({})), true).expect("a plan");
    assert_eq!(
        plan.path,
        "/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream"
    );
}

#[test]
fn sealed_and_hidden_reasoning_comes_back() {
    let content = json!([
        {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "c2ln"}}},
        {"reasoningContent": {"redactedContent": "b3BhcXVl"}},
        {"text": "Three"}]);
    let body = json!({"output": {"message": {"role": "assistant", "content": content}}, "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 2}});
    let heard = whole("bedrock", CLAUDE, &body);
    let mut messages = vec![json!({"role": "user", "content": "Hi"})];
    messages.extend(heard.told().choices[&0].sent_back());
    let (sent, _) = sent("bedrock", CLAUDE, &json!({"messages": messages}));
    assert_eq!(sent["messages"][1]["content"], content);
}

#[test]
fn what_differs_by_vendor_goes_into_the_models_own_fields() {
    let asked = question(
        &json!({"reasoning_effort": "low", "top_k": 5, "temperature": 0.5, "max_tokens": 9000}),
    );
    let of = |model| sent("bedrock", model, &asked);
    let (claude, warnings) = of(CLAUDE);
    assert_eq!(
        claude["additionalModelRequestFields"],
        json!({"thinking": {"type": "enabled", "budget_tokens": 2048}})
    );
    assert_eq!(claude["inferenceConfig"], json!({"maxTokens": 9000}));
    assert_eq!(warnings.len(), 2);
    let (nova, _) = of("us.amazon.nova-2-lite-v1:0");
    assert_eq!(
        nova["additionalModelRequestFields"]["inferenceConfig"],
        json!({"topK": 5})
    );
    let (oss, warnings) = of("openai.gpt-oss-120b-1:0");
    assert_eq!(
        oss["additionalModelRequestFields"],
        json!({"reasoning_effort": "low"})
    );
    assert!(warnings[0].contains("`top_k`"));
}

#[test]
fn a_schema_is_sent_as_text_and_pictures_by_format() {
    let asked = json!({"messages": [{"role": "user", "content": [
            {"type": "text", "text": " "}, {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,aGk="}},
            {"type": "file", "file": {"filename": "Q3_a.pdf", "file_data": "data:application/pdf;base64,aGk="}}]}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}}});
    let (sent, _) = sent("bedrock", CLAUDE, &asked);
    assert_eq!(
        sent["messages"][0]["content"],
        json!([
        {"image": {"format": "jpeg", "source": {"bytes": "aGk="}}},
        {"document": {"format": "pdf", "name": "Q3 a", "source": {"bytes": "aGk="}}}])
    );
    assert_eq!(
        sent["outputConfig"]["textFormat"]["structure"]["jsonSchema"],
        json!({"name": "s", "schema": "{\"type\":\"object\"}"})
    );
    let far = json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}]}]});
    assert_eq!(refused("bedrock", CLAUDE, &far), "messages[0].content[0]");
}

#[test]
fn a_guardrail_is_a_filter() {
    let body = json!({"output": {"message": {"role": "assistant", "content": [{"text": "No."}]}}, "stopReason": "guardrail_intervened",
        "usage": {"inputTokens": 1, "outputTokens": 2}});
    assert_eq!(
        whole("bedrock", CLAUDE, &body).finish,
        Some(Finish::ContentFilter)
    );
}

#[test]
fn what_is_kept_in_the_cache_for_an_hour_is_counted_apart() {
    let body = json!({"output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}}, "stopReason": "end_turn",
        "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 241, "cacheWriteInputTokens": 236, "cacheWriteInputTokenCount": 236,
                  "cacheDetails": [{"inputTokens": 200, "ttl": "1h"}, {"inputTokens": 36, "ttl": "5m"}]}});
    let usage = whole("bedrock", CLAUDE, &body).usage.expect("usage");
    assert_eq!((usage.input, usage.cache_write), (239, 236));
    assert_eq!(usage.counted(Usage::CACHE_WRITE_1H), 200);
}

#[test]
fn thinking_in_claudes_words_is_an_effort_for_models_of_others() {
    let asked = json!({"thinking": {"type": "enabled", "budget_tokens": 4000}, "reasoning_effort": "medium"});
    let fields = |model: &str| {
        sent("bedrock", model, &question(&asked)).0["additionalModelRequestFields"].clone()
    };
    assert_eq!(
        fields("us.amazon.nova-2-lite-v1:0"),
        json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}})
    );
    assert_eq!(
        fields("anthropic.claude-sonnet-4-5-20250929-v1:0")["thinking"],
        json!({"type": "enabled", "budget_tokens": 4000})
    );
}

#[test]
fn a_text_of_white_space_is_left_out_however_it_is_written() {
    let said = |text: &str| {
        let body = format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"Hi"}},{{"role":"user","content":{text}}}]}}"#
        );
        let request: Value = serde_json::from_str(&body).expect("json");
        sent("bedrock", CLAUDE, &request).0["messages"][0]["content"].clone()
    };
    for blank in [
        r#""""#,
        r#"" ""#,
        r#""\n\t ""#,
        "\"\u{a0}\"",
        r#"[{"type":"text","text":" "}]"#,
    ] {
        assert_eq!(said(blank), json!([{"text": "Hi"}]), "{blank}");
    }
    for (text, read) in [
        (r#""x""#, "x"),
        (r#"" x""#, " x"),
        (r#""\n\"""#, "\n\""),
        ("\"é\"", "é"),
    ] {
        assert_eq!(said(text), json!([{"text": "Hi"}, {"text": read}]));
    }
}
