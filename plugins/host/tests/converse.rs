//! Bedrock's recorded streams through the host's own framing and the built component: what they say is what was recorded,
//! wherever the network cuts them, and damage is never taken for an answer. What is expected is read by this file alone.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test")]

use std::path::{Path, PathBuf};

use bytes::Bytes;
use mux_plugins::{Adapter, Exchange, Fault, Output};
use mux_wire::fault::ErrorKind;
use mux_wire::frame::message;
use serde_json::{Value, json};

#[path = "shared/shipped.rs"]
#[expect(dead_code, reason = "its adapters without settings are for others")]
mod shipped;
#[path = "shared/stage.rs"]
mod stage;

/// Streams up to this length are cut at every byte, longer ones at a spread of places.
const SMALL: usize = 2_500;

fn bedrock() -> Adapter {
    shipped::configured("bedrock", r#"{"region":"eu-central-1"}"#)
}

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("MUX_TRAFFIC_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/traffic"),
        PathBuf::from,
    );
    folder.join("index.json").is_file().then_some(folder)
}

/// The events of a body, each with its name, by the lengths they begin with.
fn events(mut body: &[u8]) -> Vec<(String, Value)> {
    let number = |bytes: &[u8]| {
        let four: [u8; 4] = bytes.try_into().expect("four bytes");
        usize::try_from(u32::from_be_bytes(four)).expect("small")
    };
    let mut events = Vec::new();
    while !body.is_empty() {
        let (total, headers) = (number(&body[..4]), number(&body[4..8]));
        let head = String::from_utf8_lossy(&body[12..12 + headers]).into_owned();
        let (_, name) = head.split_once(":event-type\u{7}\0").expect("a name");
        let name: String = name.chars().skip(1).take_while(|c| *c != '\r').collect();
        let payload = &body[12 + headers..total - 4];
        let payload = serde_json::from_slice(payload).expect("json");
        events.push((name, payload));
        body = &body[total..];
    }
    events
}

/// What the events of a stream say.
#[derive(Debug, Default, PartialEq)]
struct Said {
    text: String,
    calls: Vec<(String, String, Value)>,
    finish: String,
    tokens: (u64, u64),
}

fn said(events: &[Value]) -> Said {
    let mut said = Said::default();
    let mut arguments: Vec<String> = Vec::new();
    let mut hosted: Vec<u64> = Vec::new();
    for event in events {
        let delta = &event["delta"];
        let tool = &event["start"]["toolUse"];
        let block = event["contentBlockIndex"].as_u64();
        // What runs at the provider is no call to the client.
        if tool["type"] == "server_tool_use" {
            hosted.extend(block);
        }
        if block.is_some_and(|block| hosted.contains(&block)) {
            continue;
        }
        said.text += delta["text"].as_str().unwrap_or_default();
        if let (Some(id), Some(name)) = (tool["toolUseId"].as_str(), tool["name"].as_str()) {
            said.calls.push((id.to_owned(), name.to_owned(), json!({})));
            arguments.push(String::new());
        }
        if let Some(piece) = delta["toolUse"]["input"].as_str() {
            arguments.last_mut().expect("a call").push_str(piece);
        }
        if let Some(reason) = event["stopReason"].as_str() {
            let usual = match reason {
                "end_turn" | "stop_sequence" => "stop",
                "tool_use" => "tool_calls",
                "max_tokens" => "length",
                "guardrail_intervened" | "content_filtered" => "content_filter",
                other => other,
            };
            usual.clone_into(&mut said.finish);
        }
        let usage = &event["usage"];
        let count = |name: &str| usage[name].as_u64().unwrap_or(0);
        if usage.is_object() {
            let cached = count("cacheReadInputTokens") + count("cacheWriteInputTokens");
            said.tokens = (count("inputTokens") + cached, count("outputTokens"));
        }
    }
    for (call, text) in said.calls.iter_mut().zip(arguments) {
        if !text.is_empty() {
            call.2 = serde_json::from_str(&text).unwrap_or(Value::from(text));
        }
    }
    said
}

fn read(adapter: &Adapter, pieces: &[&[u8]]) -> Result<Output, Fault> {
    let body = Bytes::from_static(
        br#"{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}"#,
    );
    let plan = adapter.plan(&stage::call(&body, "m", true))?;
    let mut reply = adapter.reply(&plan);
    let mut out = Output::default();
    for piece in pieces {
        reply.push(Bytes::copy_from_slice(piece), &mut out)?;
    }
    reply.end(&mut out)?;
    Ok(out)
}

fn parts(out: &Output) -> Vec<String> {
    out.parts.iter().map(|part| format!("{part:?}")).collect()
}

#[test]
fn recorded_streams_of_bedrock_say_what_was_recorded() {
    let Some(folder) = folder() else {
        println!("skipped: no recordings; MUX_TRAFFIC_DIR can name their folder");
        return;
    };
    let adapter = bedrock();
    let index = std::fs::read(folder.join("index.json")).expect("an index");
    let index: Value = serde_json::from_slice(&index).expect("json");
    let (mut read_well, mut cuts) = (0, 0);
    for entry in index["entries"].as_array().expect("entries") {
        let framing = entry["framing"].as_str().unwrap_or_default();
        let converse = entry["api"]
            .as_str()
            .unwrap_or_default()
            .starts_with("bedrock_converse");
        if !converse || !framing.starts_with("aws_event_stream") {
            continue;
        }
        let file = entry["file"].as_str().expect("a file");
        let text = std::fs::read(folder.join(file)).expect("a recording");
        let exchange = Exchange::read(&text).expect(file);
        let recorded: Value = serde_json::from_slice(&text).expect("json");
        let whole = recorded["response"]["body_base64"].is_string();
        let events: Vec<Value> = if whole {
            events(&exchange.body)
                .into_iter()
                .map(|(_, event)| event)
                .collect()
        } else {
            let kept = recorded["response"]["events"].as_array().expect("events");
            let only = |event: &Value| event.as_object().and_then(|e| e.values().next().cloned());
            kept.iter().filter_map(only).collect()
        };
        let expected = said(&events);
        let reading = exchange.reading(&adapter).expect(file);
        let calls = reading.tool_calls.iter();
        let got = Said {
            text: reading.text.clone(),
            calls: calls
                .map(|call| (call.id.clone(), call.name.clone(), call.arguments.clone()))
                .collect(),
            finish: reading.finish_reason.clone().unwrap_or_default(),
            tokens: reading
                .usage
                .map_or((0, 0), |usage| (usage.input, usage.output)),
        };
        assert_eq!(got, expected, "{file}");
        assert_eq!(reading.class, "ok", "{file}");
        read_well += 1;
        if !whole {
            continue;
        }
        let body = &exchange.body;
        let at_once = read(&adapter, &[body]).expect(file);
        let step = if body.len() < SMALL {
            1
        } else {
            body.len() / 100
        };
        for at in (1..body.len()).step_by(step) {
            let (before, after) = body.split_at(at);
            let cut = read(&adapter, &[before, after]).expect(file);
            assert_eq!(parts(&cut), parts(&at_once), "{file}: cut at {at}");
            cuts += 1;
        }
        let singly: Vec<&[u8]> = body.chunks(1).collect();
        let singly = read(&adapter, &singly).expect(file);
        assert_eq!(parts(&singly), parts(&at_once), "{file}: byte by byte");
    }
    println!("{read_well} streams, cut at {cuts} places");
    assert!(read_well >= 38, "only {read_well} streams were read");
}

fn event(name: &str, payload: &Value) -> Bytes {
    let headers = [
        (":event-type", name),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ];
    message(&headers, payload.to_string().as_bytes())
}

fn exception(class: &str, words: &str) -> Bytes {
    let headers = [
        (":exception-type", class),
        (":content-type", "application/json"),
        (":message-type", "exception"),
    ];
    message(&headers, json!({ "message": words }).to_string().as_bytes())
}

fn begun() -> Vec<u8> {
    let delta = json!({ "contentBlockIndex": 0, "delta": { "text": "Hel" } });
    [
        event("messageStart", &json!({ "role": "assistant" })),
        event("contentBlockDelta", &delta),
    ]
    .concat()
}

#[test]
fn an_exception_inside_a_stream_is_the_class_it_names() {
    let adapter = bedrock();
    for (class, kind) in [
        ("throttlingException", ErrorKind::RateLimited),
        ("modelStreamErrorException", ErrorKind::Server),
        ("internalServerException", ErrorKind::Server),
        ("serviceUnavailableException", ErrorKind::Overloaded),
        ("validationException", ErrorKind::InvalidRequest),
        ("modelTimeoutException", ErrorKind::Timeout),
    ] {
        for before in [Vec::new(), begun()] {
            let body = [before, exception(class, "not now").to_vec()].concat();
            let out = read(&adapter, &[&body]).expect("read");
            let error = out.error.expect("an error");
            assert_eq!(
                (error.kind, error.message.as_str()),
                (kind, "not now"),
                "{class}"
            );
        }
    }
}

#[test]
fn a_stream_that_fails_in_its_headers_has_failed() {
    let headers = [
        (":message-type", "error"),
        (":error-code", "InternalFailure"),
        (":error-message", "the host is gone"),
    ];
    let body = [begun(), message(&headers, b"").to_vec()].concat();
    let error = read(&bedrock(), &[&body])
        .expect("read")
        .error
        .expect("an error");
    assert_eq!(error.kind, ErrorKind::Server);
    assert_eq!(error.message, "the host is gone");
    assert_eq!(error.code.as_deref(), Some("InternalFailure"));
}

#[test]
fn a_flipped_bit_is_a_bad_answer_and_not_another_text() {
    let adapter = bedrock();
    let body = begun();
    for at in 0..body.len() {
        let mut damaged = body.clone();
        damaged[at] ^= 1;
        // The length may now promise more than there is.
        damaged.extend([0; 32]);
        let fault = read(&adapter, &[&damaged]).expect_err("damaged");
        assert!(fault.to_string().contains("damaged"), "{at}: {fault}");
    }
}

#[test]
fn a_stream_that_breaks_off_after_any_byte_is_never_taken_for_whole() {
    let adapter = bedrock();
    let usage = json!({ "inputTokens": 7, "outputTokens": 2, "totalTokens": 9 });
    let stop = event("messageStop", &json!({ "stopReason": "end_turn" }));
    let said = [begun(), stop.to_vec()].concat();
    let body = [
        said.clone(),
        event("metadata", &json!({ "usage": usage })).to_vec(),
    ]
    .concat();
    for at in 0..=body.len() {
        let out = read(&adapter, &[&body[..at]]);
        // An empty answer is none at all.
        let whole = out
            .as_ref()
            .is_ok_and(|out| out.terminal && out.error.is_none());
        assert_eq!(whole, at >= said.len(), "cut at {at}: {out:?}");
    }
    let whole = read(&adapter, &[&body]).expect("read");
    assert_eq!(
        whole.usage.map(|usage| (usage.input, usage.output)),
        Some((7, 2))
    );
}
