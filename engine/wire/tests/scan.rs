//! Promises of the request scan.
#![expect(
    clippy::expect_used,
    reason = "a failed expectation in a test is the test's answer"
)]

use bytes::Bytes;
use mux_wire::chat::{BadRequest, ChatRequest, scan};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn read(body: impl Into<Vec<u8>>) -> Result<ChatRequest, BadRequest> {
    scan(&Bytes::from(body.into()))
}

fn facts(body: &Value) -> ChatRequest {
    read(body.to_string()).expect("a chat request")
}

#[test]
fn the_facts_of_a_full_request_are_read() {
    let request = facts(&json!({
        "model": "openai/gpt-5", "stream": true, "stream_options": {"include_usage": true},
        "max_tokens": 7, "max_completion_tokens": 100, "n": 2, "user": "u-1",
        "metadata": {"team": "blue", "tier": 3, "vip": true, "list": [1]},
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}},
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "messages": [{"role": "user", "content": "hello"}],
        "temperature": 0.5, "logit_bias": {"50256": -100},
    }));
    assert_eq!(request.model, "openai/gpt-5");
    assert!(request.stream && request.include_usage && request.tools && request.json_schema);
    assert!(!request.images && !request.audio);
    assert_eq!(request.output_limit, Some(200));
    assert_eq!(request.user.as_deref(), Some("u-1"));
    let metadata: Vec<_> = request
        .metadata
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    assert_eq!(metadata, [("team", "blue"), ("tier", "3"), ("vip", "true")]);
}

#[test]
fn absent_and_null_fields_mean_their_defaults() {
    let request = facts(
        &json!({"model": "m", "messages": [], "stream": null, "tools": [], "user": null, "max_tokens": null, "response_format": {"type": "text"}}),
    );
    let expected = ChatRequest {
        model: "m".into(),
        model_span: request.model_span.clone(),
        tokens: 3,
        ..ChatRequest::default()
    };
    assert_eq!(request, expected);
}

#[test]
fn text_is_counted_after_its_escapes_and_base64_never() {
    let plain =
        facts(&json!({"model": "m", "messages": [{"role": "user", "content": "a".repeat(400)}]}));
    assert_eq!(plain.tokens, 100 + 4 + 3);
    let escaped = read(format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":"{}"}}]}}"#,
        r"\u0061".repeat(400)
    ));
    assert_eq!(escaped.expect("a chat request").tokens, plain.tokens);

    let url = format!("data:image/png;base64,{}", "A".repeat(1 << 20));
    let parts = json!([{"type": "text", "text": "a".repeat(400)}, {"image_url": {"url": url}, "type": "image_url"}]);
    let image = facts(&json!({"model": "m", "messages": [{"role": "user", "content": parts}]}));
    assert!(image.images && !image.audio);
    assert_eq!(image.tokens, plain.tokens + 765);

    let sound = facts(
        &json!({"model": "m", "messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "A".repeat(9_000)}}]}]}),
    );
    assert!(sound.audio && sound.tokens < 600);
}

#[test]
fn sound_wanted_back_is_a_need_for_audio() {
    assert!(facts(&json!({"model": "m", "messages": [], "modalities": ["text", "audio"]})).audio);
}

#[test]
fn a_key_written_with_escapes_is_still_that_key() {
    let request =
        read(r#"{"mod\u0065l":"m","str\u0065am":true,"messages":[]}"#).expect("a chat request");
    assert_eq!((request.model.as_str(), request.stream), ("m", true));
}

#[test]
fn a_body_that_is_no_json_says_where() {
    let error = read("{\n  \"model\": nope }").expect_err("no JSON");
    assert!(
        matches!(
            error,
            BadRequest::NotJson {
                line: 2,
                column: 13..,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(
        error
            .to_string()
            .starts_with("the request body is not JSON: "),
        "{error}"
    );
    assert!(error.to_string().contains("at line 2, column"), "{error}");
    for body in ["{", "{}{}", "{\"model\":\"m\",\"messages\":[]}x", "nope"] {
        assert!(
            matches!(read(body), Err(BadRequest::NotJson { .. })),
            "{body}"
        );
    }
    assert_eq!(read(" \n"), Err(BadRequest::Empty));
    assert_eq!(
        read(b"{\"a\":\"\xff\"}".to_vec()),
        Err(BadRequest::NotUtf8 { offset: 6 })
    );
}

#[test]
fn each_missing_or_wrong_field_is_named() {
    let missing = |field| Err(BadRequest::Missing { field });
    let wrong = |field, wants| Err(BadRequest::WrongType { field, wants });
    assert_eq!(read("[]"), Err(BadRequest::NotAnObject));
    assert_eq!(read("\"text\""), Err(BadRequest::NotAnObject));
    assert_eq!(read("{}"), missing("model"));
    assert_eq!(read(r#"{"messages":[]}"#), missing("model"));
    assert_eq!(read(r#"{"model":"m"}"#), missing("messages"));
    assert_eq!(
        read(r#"{"model":["m"],"messages":[]}"#),
        wrong("model", "a string")
    );
    assert_eq!(
        read(r#"{"model":"m","messages":"hi"}"#),
        wrong("messages", "an array")
    );
    assert_eq!(
        read(r#"{"model":"m","messages":[],"stream":"yes"}"#),
        wrong("stream", "true or false")
    );
}

#[test]
fn a_steering_field_written_twice_is_refused() {
    for field in [
        "model",
        "messages",
        "stream",
        "stream_options",
        "max_tokens",
        "max_completion_tokens",
        "n",
    ] {
        let body = format!(r#"{{"{field}":null,"{field}":null,"x":1,"x":2}}"#);
        assert_eq!(read(body), Err(BadRequest::Duplicate { field }));
    }
    assert!(read(r#"{"model":"m","messages":[],"seed":1,"seed":2}"#).is_ok());
}

#[test]
fn nesting_is_bounded_wherever_it_is() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for field in ["messages", "tools", "extra", "metadata", "stream", "user"] {
        let deep = format!(r#"{{"{field}":{},"model":"m"}}"#, nested(64));
        assert_eq!(read(deep), Err(BadRequest::TooDeep), "{field}");
    }
    let allowed = format!(r#"{{"model":"m","messages":[],"extra":{}}}"#, nested(63));
    assert!(read(allowed).is_ok());
    let abyss = format!(r#"{{"model":"m","messages":{}"#, "[".repeat(1 << 20));
    assert_eq!(read(abyss), Err(BadRequest::TooDeep));
}

/// JSON values of any shape.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Objects with the fields mux reads, mostly of the right type.
fn request() -> impl Strategy<Value = Map<String, Value>> {
    let message = prop_oneof![
        any::<String>().prop_map(|text| json!({"role": "user", "content": text})),
        any::<String>().prop_map(|text| json!({"role": "user", "content": [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": text}}]})),
        value(),
    ];
    let fields = (
        any::<String>(),
        prop::collection::vec(message, 0..4),
        any::<bool>(),
        any::<Option<u32>>(),
        prop::collection::btree_map("[a-z_]{1,6}", value(), 0..4),
    );
    fields.prop_map(|(model, messages, stream, max_tokens, rest)| {
        let mut map: Map<String, Value> = rest.into_iter().collect();
        map.insert("model".into(), model.into());
        map.insert("messages".into(), messages.into());
        map.insert("stream".into(), stream.into());
        map.insert("max_tokens".into(), max_tokens.into());
        map
    })
}

proptest! {
    #[test]
    fn no_bytes_make_the_scan_panic(bytes: Vec<u8>) {
        let _ = read(bytes);
    }

    #[test]
    fn a_damaged_request_never_panics_and_is_judged_as_a_full_parser_judges_it(request in request(), at: prop::sample::Index, byte: u8) {
        let mut body = Value::Object(request).to_string().into_bytes();
        let at = at.index(body.len());
        body[at] = byte;
        let valid = serde_json::from_slice::<Value>(&body).is_ok();
        let verdict = read(body);
        let judged_json = !matches!(verdict, Err(BadRequest::NotJson { .. } | BadRequest::NotUtf8 { .. } | BadRequest::Empty));
        prop_assert_eq!(judged_json, valid, "{:?}", verdict);
    }

    #[test]
    fn facts_agree_with_a_full_parse(request in request(), pretty: bool) {
        let document = Value::Object(request);
        let body = if pretty { serde_json::to_string_pretty(&document) } else { serde_json::to_string(&document) }.expect("serializable");
        let read = read(body).expect("a chat request");
        prop_assert_eq!(Some(read.model.as_str()), document["model"].as_str());
        prop_assert_eq!(Some(read.stream), document["stream"].as_bool());
        let limit = document["max_tokens"].as_u64().filter(|limit| *limit > 0);
        if document.get("n").is_none() {
            prop_assert_eq!(read.output_limit.map(u64::from), limit);
        }
        prop_assert_eq!(read.user.as_deref(), document.get("user").and_then(Value::as_str));
    }

    #[test]
    fn replacing_the_model_changes_nothing_else(request in request(), other: String, pretty: bool) {
        let document = Value::Object(request);
        let body = if pretty { serde_json::to_string_pretty(&document) } else { serde_json::to_string(&document) }.expect("serializable");
        let mut document: Value = serde_json::from_str(&body).expect("just written");
        let span = read(body.clone()).expect("a chat request").model_span;
        let mut replaced = body;
        replaced.replace_range(span, &Value::from(other.clone()).to_string());
        document["model"] = other.into();
        prop_assert_eq!(serde_json::from_str::<Value>(&replaced).expect("still JSON"), document);
    }
}
