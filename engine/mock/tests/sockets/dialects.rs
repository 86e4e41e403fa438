//! Good answers in both dialects.

use std::time::Duration;

use mux_mock::{Dialect, Options};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::client::{ANTHROPIC, OPENAI, chat, request, send, start, stream};

fn delta_text(events: &[Value], path: &str) -> String {
    events
        .iter()
        .filter_map(|event| event.pointer(path)?.as_str())
        .collect()
}

#[tokio::test]
async fn an_openai_answer_has_text_model_and_usage() {
    let mock = start(Options {
        tokens: 5,
        ..Options::default()
    })
    .await;
    for path in [OPENAI, "/chat/completions"] {
        let answer = send(mock.addr, chat(path, &json!({})))
            .await
            .expect("an answer");
        let body = answer.json();
        assert_eq!(
            (
                answer.status,
                body["object"].as_str(),
                body["model"].as_str()
            ),
            (200, Some("chat.completion"), Some("m-1"))
        );
        assert_eq!(body["choices"][0]["finish_reason"], "stop");
        assert_eq!(
            body["choices"][0]["message"]["content"]
                .as_str()
                .expect("text")
                .split(' ')
                .count(),
            5
        );
        assert_eq!(body["usage"]["completion_tokens"], 5);
        assert_eq!(
            body["usage"]["total_tokens"],
            body["usage"]["prompt_tokens"].as_u64().expect("a count") + 5
        );
        assert_eq!(
            answer.header("x-ratelimit-remaining-requests"),
            Some("9999")
        );
        assert!(answer.header("x-request-id").is_some());
    }
}

#[tokio::test]
async fn an_openai_stream_opens_with_the_role_and_ends_with_done() {
    let mock = start(Options {
        tokens: 4,
        ..Options::default()
    })
    .await;
    let answer = send(mock.addr, stream(OPENAI)).await.expect("an answer");
    let events = answer.events();
    assert_eq!(
        events[0]["choices"][0]["delta"],
        json!({ "role": "assistant", "content": "", "refusal": null })
    );
    assert_eq!(events.len(), 1 + 4 + 1, "role, tokens, finish");
    assert_eq!(events[5]["choices"][0]["finish_reason"], "stop");
    assert!(events.iter().all(|event| event.get("usage").is_none()));
    assert!(answer.text().ends_with("data: [DONE]\n\n") && answer.whole);
    let whole = send(mock.addr, chat(OPENAI, &json!({})))
        .await
        .expect("an answer")
        .json();
    assert_eq!(
        whole["choices"][0]["message"]["content"],
        delta_text(&events, "/choices/0/delta/content")
    );
}

#[tokio::test]
async fn the_usage_chunk_comes_only_when_asked_for() {
    let mock = start(Options {
        tokens: 3,
        ..Options::default()
    })
    .await;
    let asked = chat(
        OPENAI,
        &json!({ "stream": true, "stream_options": { "include_usage": true } }),
    );
    let events = send(mock.addr, asked).await.expect("an answer").events();
    let (last, before) = events.split_last().expect("events");
    assert_eq!(
        (&last["choices"], &last["usage"]["completion_tokens"]),
        (&json!([]), &json!(3))
    );
    assert!(before.iter().all(|event| event["usage"].is_null()));
}

#[tokio::test]
async fn an_anthropic_stream_runs_from_message_start_to_message_stop() {
    let mock = start(Options {
        tokens: 3,
        ..Options::default()
    })
    .await;
    let answer = send(mock.addr, stream(ANTHROPIC)).await.expect("an answer");
    let events = answer.events();
    let types: Vec<&str> = events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    let expected = [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(types, expected);
    let names: Vec<String> = answer
        .text()
        .lines()
        .filter_map(|line| line.strip_prefix("event: ").map(str::to_owned))
        .collect();
    assert_eq!(names, expected, "each event is named by its type");
    assert_eq!(events[7]["usage"]["output_tokens"], 3);
    assert_eq!(events[7]["delta"]["stop_reason"], "end_turn");
    let whole = send(mock.addr, chat(ANTHROPIC, &json!({})))
        .await
        .expect("an answer")
        .json();
    assert_eq!(
        whole["content"][0]["text"],
        delta_text(&events, "/delta/text")
    );
    assert_eq!(whole["usage"]["output_tokens"], 3);
}

#[tokio::test]
async fn a_prompt_that_says_so_gets_a_tool_call_in_both_dialects() {
    let mock = start(Options::default()).await;
    let schema = json!({ "type": "object", "required": ["city"], "properties": { "city": { "type": "string" } } });
    let messages = json!([{ "role": "user", "content": "please call get_weather now" }]);

    let tools = json!([{ "type": "function", "function": { "name": "get_weather", "parameters": schema } }]);
    let fields = json!({ "messages": messages, "tools": tools });
    let body = send(mock.addr, chat(OPENAI, &fields))
        .await
        .expect("an answer")
        .json();
    let call = &body["choices"][0]["message"]["tool_calls"][0];
    assert_eq!(
        (&call["function"]["name"], &call["function"]["arguments"]),
        (&json!("get_weather"), &json!("{\"city\":\"sample\"}"))
    );
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
    let events = send(
        mock.addr,
        chat(
            OPENAI,
            &json!({ "messages": messages, "tools": tools, "stream": true }),
        ),
    )
    .await
    .expect("an answer")
    .events();
    assert_eq!(
        delta_text(&events, "/choices/0/delta/tool_calls/0/function/arguments"),
        "{\"city\":\"sample\"}"
    );

    let tools = json!([{ "name": "get_weather", "input_schema": schema }]);
    let body = send(
        mock.addr,
        chat(ANTHROPIC, &json!({ "messages": messages, "tools": tools })),
    )
    .await
    .expect("an answer")
    .json();
    assert_eq!(
        (&body["content"][0]["type"], &body["content"][0]["input"]),
        (&json!("tool_use"), &json!({ "city": "sample" }))
    );
    assert_eq!(body["stop_reason"], "tool_use");
    let events = send(
        mock.addr,
        chat(
            ANTHROPIC,
            &json!({ "messages": messages, "tools": tools, "stream": true }),
        ),
    )
    .await
    .expect("an answer")
    .events();
    assert_eq!(
        delta_text(&events, "/delta/partial_json"),
        "{\"city\":\"sample\"}"
    );
}

#[tokio::test]
async fn the_pace_is_kept() {
    let options = Options {
        tokens: 6,
        latency: Duration::from_millis(60),
        rate: 100.0,
        ..Options::default()
    };
    let mock = start(options).await;
    for request in [stream(OPENAI), chat(ANTHROPIC, &json!({}))] {
        let begun = Instant::now();
        send(mock.addr, request).await.expect("an answer");
        assert!(
            begun.elapsed() >= Duration::from_millis(60 + 5 * 10),
            "{:?}",
            begun.elapsed()
        );
    }
}

#[tokio::test]
async fn bad_requests_are_refused_in_the_dialect_asked_in() {
    let mock = start(Options {
        require_key: Some("sk-secret-1".into()),
        ..Options::default()
    })
    .await;
    let no_model = send(
        mock.addr,
        request("POST", OPENAI, &json!({ "messages": [] })),
    )
    .await
    .expect("an answer");
    assert_eq!(
        (no_model.status, no_model.json()["error"]["type"].as_str()),
        (400, Some("invalid_request_error"))
    );
    let no_limit = send(
        mock.addr,
        request("POST", ANTHROPIC, &json!({ "model": "m", "messages": [] })),
    )
    .await
    .expect("an answer");
    assert_eq!(
        (no_limit.status, no_limit.json()["type"].as_str()),
        (400, Some("error"))
    );
    let get = send(mock.addr, request("GET", OPENAI, &Value::Null))
        .await
        .expect("an answer");
    assert_eq!(get.status, 405);

    let mut stranger = chat(OPENAI, &json!({}));
    stranger.headers_mut().remove("authorization");
    let answer = send(mock.addr, stranger).await.expect("an answer");
    assert_eq!(
        (answer.status, answer.json()["error"]["code"].as_str()),
        (401, Some("invalid_api_key"))
    );
    let mut friend = chat(ANTHROPIC, &json!({}));
    friend.headers_mut().remove("authorization");
    friend
        .headers_mut()
        .insert("x-api-key", "sk-secret-1".parse().expect("a header"));
    assert_eq!(
        send(mock.addr, friend).await.expect("an answer").status,
        200
    );
}

#[tokio::test]
async fn the_list_of_models_follows_the_dialect() {
    for (dialect, shape) in [
        (Dialect::OpenAi, "object"),
        (Dialect::Anthropic, "has_more"),
    ] {
        let mock = start(Options {
            name: "tern".into(),
            dialect,
            ..Options::default()
        })
        .await;
        let body = send(mock.addr, request("GET", "/v1/models", &Value::Null))
            .await
            .expect("an answer")
            .json();
        assert_eq!(body["data"][0]["id"], "tern");
        assert!(body.get(shape).is_some());
    }
}
