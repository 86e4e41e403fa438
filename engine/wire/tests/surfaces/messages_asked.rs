//! What Anthropic's clients ask, in the chat form.

use crate::heard;
use bytes::Bytes;
use mux_wire::Dialect::Messages;
use mux_wire::chat::{Audience, Translated, scan};
use mux_wire::messages::{to_chat, without_foreign_thoughts};
use serde_json::{Value, json};

const PLAIN: Audience<'_> = Audience::Provider {
    name: "house",
    reasons: false,
    newest: false,
};

fn translated(request: &Value, audience: Audience<'_>) -> (Value, Translated) {
    let made = to_chat(&Bytes::from(request.to_string()), audience).expect("a request");
    let chat = serde_json::from_slice(&made.body).expect("json");
    (chat, made)
}

fn ask(messages: &Value) -> Value {
    json!({ "model": "@chat", "max_tokens": 100, "messages": messages })
}

#[test]
fn results_of_tools_become_messages_before_what_the_user_says() {
    let request = ask(&json!([
        { "role": "user", "content": "weather?" },
        { "role": "assistant", "content": [
            { "type": "text", "text": "I look." },
            { "type": "tool_use", "id": "t1", "name": "f", "input": { "city": "Paris" } },
            { "type": "tool_use", "id": "t2", "name": "g", "input": {} },
        ] },
        { "role": "user", "content": [
            { "type": "text", "text": "and hurry" },
            { "type": "tool_result", "tool_use_id": "t1", "content": "sun" },
            { "type": "tool_result", "tool_use_id": "t2", "content": [{ "type": "text", "text": "rain" }], "is_error": true },
        ] },
    ]));
    let (chat, made) = translated(&request, Audience::Adapter);
    assert_eq!(made.dropped, Vec::<String>::new());
    assert_eq!(
        chat["messages"],
        json!([
            { "role": "user", "content": "weather?" },
            { "role": "assistant", "content": "I look.", "tool_calls": [
                { "id": "t1", "type": "function", "function": { "name": "f", "arguments": "{\"city\":\"Paris\"}" } },
                { "id": "t2", "type": "function", "function": { "name": "g", "arguments": "{}" } },
            ] },
            { "role": "tool", "content": "sun", "tool_call_id": "t1" },
            { "role": "tool", "content": "rain", "tool_call_id": "t2", "extra_content": { "anthropic": { "is_error": true } } },
            { "role": "user", "content": "and hurry" },
        ])
    );
    let (chat, made) = translated(&request, PLAIN);
    assert_eq!(chat["messages"][3].get("extra_content"), None);
    assert_eq!(made.dropped, ["`is_error` of tool results"]);
}

#[test]
fn a_request_keeps_what_it_says_of_tools_sampling_and_form() {
    let mut request = ask(&json!([{ "role": "user", "content": [
        { "type": "text", "text": "look", "cache_control": { "type": "ephemeral" } },
        { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "AAAA" } },
        { "type": "image", "source": { "type": "url", "url": "https://example.com/a.png" } },
        { "type": "document", "title": "a.pdf", "source": { "type": "base64", "media_type": "application/pdf", "data": "BBBB" } },
        { "type": "document", "source": { "type": "text", "media_type": "text/plain", "data": "plain" } },
    ] }]));
    request["system"] =
        json!([{ "type": "text", "text": "be kind" }, { "type": "text", "text": "be brief" }]);
    request["stop_sequences"] = json!(["END"]);
    request["temperature"] = json!(0.5);
    request["top_k"] = json!(3);
    request["stream"] = json!(true);
    request["metadata"] = json!({ "user_id": "u1" });
    request["tools"] =
        json!([{ "name": "f", "description": "d", "input_schema": { "type": "object" } }]);
    request["tool_choice"] =
        json!({ "type": "tool", "name": "f", "disable_parallel_tool_use": true });
    request["output_config"] =
        json!({ "format": { "type": "json_schema", "schema": { "type": "object" } } });
    let (chat, made) = translated(&request, PLAIN);
    assert_eq!(
        chat,
        json!({
            "model": "@chat",
            "messages": [
                { "role": "system", "content": [{ "type": "text", "text": "be kind" }, { "type": "text", "text": "be brief" }] },
                { "role": "user", "content": [
                    { "type": "text", "text": "look" },
                    { "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA" } },
                    { "type": "image_url", "image_url": { "url": "https://example.com/a.png" } },
                    { "type": "file", "file": { "file_data": "data:application/pdf;base64,BBBB", "filename": "a.pdf" } },
                    { "type": "text", "text": "plain" },
                ] },
            ],
            "max_tokens": 100, "temperature": 0.5, "stop": ["END"], "user": "u1",
            "tools": [{ "type": "function", "function": { "name": "f", "description": "d", "parameters": { "type": "object" } } }],
            "tool_choice": { "type": "function", "function": { "name": "f" } }, "parallel_tool_calls": false,
            "response_format": { "type": "json_schema", "json_schema": { "name": "answer", "schema": { "type": "object" }, "strict": true } },
            "stream": true, "stream_options": { "include_usage": true },
        })
    );
    assert_eq!(made.dropped, ["`cache_control`", "`top_k`"]);
    let facts = scan(&made.body).unwrap();
    assert!(facts.stream && facts.tools && facts.images && facts.json_schema);
    assert_eq!(
        (facts.output_limit, facts.user.as_deref()),
        (Some(100), Some("u1"))
    );

    let (chat, made) = translated(&request, Audience::Adapter);
    assert_eq!(
        (&chat["top_k"], &chat["max_completion_tokens"]),
        (&json!(3), &json!(100))
    );
    assert_eq!(
        chat["messages"][1]["content"][0]["cache_control"],
        json!({ "type": "ephemeral" })
    );
    assert!(made.dropped.is_empty());
}

#[test]
fn what_no_other_provider_can_be_asked_is_refused_with_its_place() {
    let refused =
        |request: &Value, audience| translated(request, audience).1.refused.map(|r| r.param);
    let file = ask(&json!([{ "role": "user", "content": [
        { "type": "document", "source": { "type": "file", "file_id": "f1" } } ] }]));
    assert_eq!(
        refused(&file, PLAIN).as_deref(),
        Some("messages[0].content[0].source")
    );
    let searched = ask(&json!([{ "role": "assistant", "content": [
        { "type": "server_tool_use", "id": "s", "name": "web_search", "input": {} } ] }]));
    assert_eq!(
        refused(&searched, Audience::Adapter).as_deref(),
        Some("messages[0].content[0]")
    );
    let mut server = ask(&json!([{ "role": "user", "content": "hi" }]));
    server["tools"] = json!([{ "type": "web_search_20250305", "name": "web_search" }]);
    assert_eq!(refused(&server, PLAIN).as_deref(), Some("tools[0]"));
    let (chat, made) = translated(&server, Audience::Adapter);
    assert_eq!((made.refused, &chat["tools"]), (None, &server["tools"]));
    let bad = Bytes::from_static(br#"{"model":"m","max_tokens":1}"#);
    assert!(
        to_chat(&bad, PLAIN)
            .unwrap_err()
            .to_string()
            .contains("messages")
    );
}

#[test]
fn thinking_is_asked_of_adapters_as_it_is_and_of_models_that_reason_as_an_effort() {
    let mut request = ask(&json!([{ "role": "user", "content": "hi" }]));
    request["thinking"] = json!({ "type": "enabled", "budget_tokens": 4000 });
    let (chat, _) = translated(&request, Audience::Adapter);
    assert_eq!(
        (&chat["thinking"], &chat["reasoning_effort"]),
        (&request["thinking"], &json!("medium"))
    );
    let reasons = Audience::Provider {
        name: "house",
        reasons: true,
        newest: true,
    };
    let (chat, made) = translated(&request, reasons);
    assert_eq!(
        (chat["reasoning_effort"].as_str(), made.dropped.len()),
        (Some("medium"), 0)
    );
    let (chat, made) = translated(&request, PLAIN);
    assert_eq!(chat.get("reasoning_effort"), None);
    assert!(
        made.dropped[0].starts_with("`thinking`"),
        "{:?}",
        made.dropped
    );
}

/// An answer as a client sends it back, with the result of its call.
fn gone_on(answer: &Value) -> Value {
    ask(&json!([
        { "role": "user", "content": "hi" },
        { "role": "assistant", "content": answer["content"] },
        { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "c1", "content": "ok" }] },
    ]))
}

fn answered(details: &Value, call: &Value) -> Value {
    let call = json!({ "id": "c1", "type": "function", "function": { "name": "f", "arguments": "{}" }, "extra_content": call });
    let message = json!({ "role": "assistant", "content": "hm", "reasoning_details": details, "tool_calls": [call] });
    let answer = json!({ "model": "m", "choices": [{ "index": 0, "message": message, "finish_reason": "tool_calls" }] });
    let mut speaker = heard::speaker();
    speaker.by = None;
    let body = mux_wire::voice::whole(Messages, &speaker, answer.to_string().as_bytes()).unwrap();
    serde_json::from_slice(&body.body).unwrap()
}

#[test]
fn opaque_state_of_every_provider_comes_back_as_it_was_given() {
    for details in [
        json!([{ "type": "reasoning.text", "text": "hm", "signature": "sig", "provider": "anthropic", "index": 0 }]),
        json!([{ "type": "reasoning.encrypted", "data": "xyz", "provider": "anthropic", "index": 0 }]),
        json!([{ "type": "reasoning.encrypted", "data": "AAA=", "provider": "google", "index": 0 }]),
        json!([{ "type": "reasoning.text", "text": "so", "provider": "mistral", "index": 0 },
               { "type": "reasoning.text", "text": "and", "signature": "s", "provider": "bedrock", "index": 1 }]),
    ] {
        let seal = json!({ "google": { "thought_signature": "Q/+=" } });
        let answer = answered(&details, &seal);
        let (chat, made) = translated(&gone_on(&answer), Audience::Adapter);
        let message = &chat["messages"][1];
        assert_eq!(message["reasoning_details"], details, "{answer}");
        assert_eq!(message["tool_calls"][0]["extra_content"], seal);
        assert_eq!(message["content"], "hm");
        assert!(made.dropped.is_empty() && made.refused.is_none());
    }
}

#[test]
fn reasoning_of_a_provider_that_gets_requests_as_they_are_goes_back_to_it_alone() {
    let call =
        json!({ "id": "c1", "type": "function", "function": { "name": "f", "arguments": "{}" } });
    let message = json!({ "role": "assistant", "content": null, "reasoning_content": "deep", "tool_calls": [call] });
    let answer =
        json!({ "choices": [{ "index": 0, "message": message, "finish_reason": "tool_calls" }] });
    let answer = heard::whole(Messages, &answer);
    assert_eq!(answer["content"][0]["thinking"], "deep");
    let (chat, _) = translated(&gone_on(&answer), PLAIN);
    assert_eq!(chat["messages"][1]["reasoning_content"], "deep");
    for other in [
        Audience::Adapter,
        Audience::Provider {
            name: "other",
            reasons: true,
            newest: true,
        },
    ] {
        let (chat, _) = translated(&gone_on(&answer), other);
        let text = chat.to_string();
        assert!(!text.contains("deep") && !text.contains("mux1."), "{text}");
    }
}

#[test]
fn anthropic_is_not_sent_what_others_thought() {
    let details =
        json!([{ "type": "reasoning.text", "text": "so", "provider": "mistral", "index": 0 }]);
    let foreign = gone_on(&answered(&details, &Value::Null));
    let sent = without_foreign_thoughts(&Bytes::from(foreign.to_string())).expect("changed");
    let sent: Value = serde_json::from_slice(&sent).unwrap();
    let kinds: Vec<&Value> = sent["messages"][1]["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| &b["type"])
        .collect();
    assert_eq!(kinds, ["text", "tool_use"]);
    assert_eq!(sent["messages"][2], foreign["messages"][2]);

    let details = json!([{ "type": "reasoning.text", "text": "so", "signature": "sig", "provider": "anthropic", "index": 0 }]);
    let own = Bytes::from(gone_on(&answered(&details, &Value::Null)).to_string());
    assert_eq!(
        without_foreign_thoughts(&own),
        None,
        "its own passes untouched"
    );
}

#[test]
fn thoughts_that_nobody_signed_are_not_sent_to_anthropic() {
    for thought in [
        json!({ "type": "thinking", "thinking": "so" }),
        json!({ "type": "thinking", "thinking": "so", "signature": "" }),
        json!({ "type": "redacted_thinking" }),
    ] {
        let request = json!({ "model": "m", "messages": [
            { "role": "user", "content": "hi" },
            { "role": "assistant", "content": [thought, { "type": "text", "text": "ho" }] },
        ] });
        let sent = without_foreign_thoughts(&Bytes::from(request.to_string())).expect("changed");
        let sent: Value = serde_json::from_slice(&sent).unwrap();
        assert_eq!(
            sent["messages"][1]["content"],
            json!([{ "type": "text", "text": "ho" }]),
            "{thought}"
        );
    }
}

#[test]
fn what_openai_would_refuse_for_its_form_is_not_sent() {
    let mut request = ask(&json!([
        { "role": "user", "content": "hi" },
        { "role": "assistant", "content": [{ "type": "thinking", "thinking": "hm", "signature": "anthropics-own" }] },
        { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "t1", "content": [] }] },
        { "role": "assistant", "content": "It is" },
    ]));
    request["stop_sequences"] = json!([]);
    request["metadata"] = json!({ "user_id": "u".repeat(65) });
    request["\u{44f}"] = json!(1);
    let (chat, made) = translated(&request, PLAIN);
    assert_eq!(
        chat,
        json!({ "model": "@chat", "max_tokens": 100, "messages": [
            { "role": "user", "content": "hi" },
            { "role": "tool", "content": "", "tool_call_id": "t1" },
            { "role": "assistant", "content": "It is" },
        ] })
    );
    assert!(
        made.dropped.iter().all(|told| told.is_ascii()),
        "they stand in a header: {:?}",
        made.dropped
    );
    assert_eq!(made.dropped.len(), 3, "{:?}", made.dropped);
    let (chat, made) = translated(&request, Audience::Adapter);
    assert_eq!(
        (
            chat["messages"].as_array().map(Vec::len),
            made.dropped.len()
        ),
        (Some(4), 1)
    );
}

#[test]
fn what_is_null_is_as_if_it_were_not_there() {
    let user = json!({ "role": "user", "content": [{ "type": "text", "text": "hi" }] });
    let mut bare = ask(&json!([user, { "role": "assistant" }]));
    bare["tools"] = json!([{ "name": "f" }]);
    bare["metadata"] = json!({});
    let mut told = bare.clone();
    for field in [
        "system",
        "top_k",
        "stop_sequences",
        "tool_choice",
        "thinking",
        "output_config",
        "mcp_servers",
        "container",
        "context_management",
        "cache_control",
    ] {
        told[field] = Value::Null;
    }
    told["messages"][0]["content"][0]["cache_control"] = Value::Null;
    told["messages"][1]["content"] = Value::Null;
    told["tools"][0] =
        json!({ "name": "f", "description": null, "input_schema": null, "cache_control": null });
    told["metadata"]["user_id"] = Value::Null;
    for audience in [PLAIN, Audience::Adapter] {
        let [told, bare] = [&told, &bare].map(|request| translated(request, audience));
        assert_eq!(told.0, bare.0);
        assert_eq!(told.1.dropped, bare.1.dropped);
        assert_eq!((told.1.refused, bare.1.refused), (None, None));
    }
}

#[test]
fn the_mark_of_a_whole_request_stands_with_its_last_message() {
    let mut request = ask(
        &json!([{ "role": "user", "content": "a" }, { "role": "assistant", "content": "b" }, { "role": "user", "content": "c" }]),
    );
    request["cache_control"] = json!({ "type": "ephemeral" });
    let (chat, made) = translated(&request, Audience::Adapter);
    assert_eq!(
        chat["messages"][2]["cache_control"],
        json!({ "type": "ephemeral" })
    );
    assert!(chat["messages"][0].get("cache_control").is_none());
    assert_eq!(made.dropped, Vec::<String>::new());
    let (chat, made) = translated(&request, PLAIN);
    assert!(chat["messages"][2].get("cache_control").is_none());
    assert_eq!(made.dropped, ["`cache_control`"]);
}

#[test]
fn what_only_anthropic_knows_of_a_tool_is_named() {
    let mut request = ask(&json!([{ "role": "user", "content": "a" }]));
    request["tools"] = json!([{ "name": "f", "input_schema": { "type": "object" }, "input_examples": [{}], "defer_loading": false }]);
    let (_, made) = translated(&request, Audience::Adapter);
    assert_eq!(made.dropped, ["`input_examples` of tools"]);
}
