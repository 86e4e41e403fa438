//! The shipped components on the project's own exchanges: what is sent, what comes back, and that nothing depends
//! on how the network cuts an answer, on what an instance did before, or on running inside WebAssembly.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test"
)]

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use mux_plugin_anthropic::Anthropic;
use mux_plugin_sdk::{Adapter as _, Batch, BodyPlan, RequestCtx};
use mux_plugins::{Adapter, Fault};
use mux_wire::frame::{Framer, Framing};
use mux_wire::usage::Usage;
use serde_json::{Value, json};

#[path = "shared/fixture.rs"]
mod fixture;
#[path = "shared/heard.rs"]
mod heard;
#[path = "shared/shipped.rs"]
mod shipped;
#[path = "shared/stage.rs"]
mod stage;
#[path = "shared/told.rs"]
mod told;

use fixture::{Fixture, fixtures, plan};
use heard::hear;
use told::{Choice, Told};

/// The shipped adapter of an exchange, under its settings.
fn shipped(fixture: &Fixture) -> Adapter {
    shipped::configured(fixture.adapter(), &fixture.settings())
}

fn objects(fixture: &Fixture, bytes: &[u8]) -> Vec<Value> {
    let text = String::from_utf8(bytes.to_vec()).expect("utf-8");
    let lines = text
        .lines()
        .map(|line| line.strip_prefix("data: ").unwrap_or(line));
    let objects: Vec<Value> = lines
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    assert!(
        !objects.is_empty(),
        "{}: nothing readable came out",
        fixture.name
    );
    objects
}

#[test]
fn every_fixture_sends_what_it_says() {
    for fixture in fixtures() {
        let plan = plan(&shipped(&fixture), &fixture);
        let sent: Value = serde_json::from_slice(&plan.body.concat()).expect("json");
        assert_eq!(sent, fixture.said["sent"], "{}", fixture.name);
        assert_eq!(
            json!(plan.warnings),
            fixture.said["warnings"],
            "{}",
            fixture.name
        );
        let usual = if fixture.adapter() == "openai" {
            "/chat/completions"
        } else {
            "/messages"
        };
        let path = fixture.said["path"].as_str().unwrap_or(usual);
        assert!(
            plan.url.starts_with("https://") && plan.url.ends_with(path),
            "{}",
            plan.url
        );
    }
}

#[test]
fn every_fixture_tells_the_client_what_it_says() {
    for fixture in fixtures() {
        let adapter = shipped(&fixture);
        let plan = plan(&adapter, &fixture);
        let heard = hear(&adapter, &plan, [fixture.answer.as_slice()]).expect("it decodes");
        let told = Told::read(&objects(&fixture, &heard.bytes));
        let said = &fixture.said["told"];
        let text = |field: &str| said[field].as_str().map(str::to_owned);
        let choice = Choice {
            text: text("text").unwrap_or_default(),
            refusal: text("refusal").unwrap_or_default(),
            calls: serde_json::from_value(said["calls"].clone()).unwrap_or_default(),
            thoughts: serde_json::from_value(said["thoughts"].clone()).unwrap_or_default(),
            finish: text("finish"),
        };
        assert_eq!(told.choices[&0], choice, "{}", fixture.name);
        assert_eq!(heard.finish, text("finish"), "{}", fixture.name);
        assert_eq!(heard.error, text("error"), "{}", fixture.name);
        assert_eq!(heard.terminal, heard.error.is_none(), "{}", fixture.name);
        let usage: Usage = serde_json::from_value(said["usage"].clone()).expect("usage");
        assert_eq!(heard.usage, Some(usage), "{}", fixture.name);
    }
}

#[test]
fn an_answer_split_at_every_byte_reads_the_same() {
    for fixture in fixtures() {
        let adapter = shipped(&fixture);
        let plan = plan(&adapter, &fixture);
        let whole = hear(&adapter, &plan, [fixture.answer.as_slice()]).expect("it decodes");
        for at in 0..fixture.answer.len() {
            let (head, tail) = fixture.answer.split_at(at);
            let split = hear(&adapter, &plan, [head, tail]).expect("it decodes");
            assert_eq!(split, whole, "{} at {at}", fixture.name);
        }
    }
}

#[test]
fn an_instance_that_served_others_answers_as_a_fresh_one() {
    let warm = shipped::adapter("anthropic");
    for round in 0..3 {
        for fixture in fixtures()
            .iter()
            .filter(|fixture| fixture.adapter() == "anthropic")
        {
            let fresh = warm.plugin().adapter("{}", None).expect("an adapter");
            let (a, b) = (plan(&warm, fixture), plan(&fresh, fixture));
            assert_eq!(a.body, b.body, "{} in round {round}", fixture.name);
            let a = hear(&warm, &a, fixture.answer.chunks(7)).expect("it decodes");
            let b = hear(&fresh, &b, [fixture.answer.as_slice()]).expect("it decodes");
            assert_eq!(a, b, "{} in round {round}", fixture.name);
        }
    }
}

#[test]
fn two_streams_through_one_instance_do_not_mix() {
    let adapter = shipped::adapter("anthropic");
    let all = fixtures();
    let streams: Vec<_> = all
        .iter()
        .filter(|f| f.adapter() == "anthropic" && f.stream)
        .collect();
    let mut open: Vec<_> = streams
        .iter()
        .map(|fixture| {
            (
                adapter.reply(&plan(&adapter, fixture)),
                mux_plugins::Output::default(),
            )
        })
        .collect();
    let longest = streams
        .iter()
        .map(|fixture| fixture.answer.len())
        .max()
        .expect("streams");
    for at in (0..longest).step_by(50) {
        for (fixture, (reply, out)) in streams.iter().zip(&mut open) {
            let end = fixture.answer.len().min(at + 50);
            let piece = fixture.answer.get(at..end).unwrap_or_default();
            reply
                .push(Bytes::copy_from_slice(piece), out)
                .expect("it decodes");
        }
    }
    for (fixture, (reply, out)) in streams.iter().zip(&mut open) {
        reply.end(out).expect("it decodes");
        let alone = hear(
            &adapter,
            &plan(&adapter, fixture),
            [fixture.answer.as_slice()],
        )
        .expect("it decodes");
        let parts: Vec<u8> = out
            .parts
            .iter()
            .flat_map(|part| match part {
                mux_plugins::Part::Chunk(bytes) => [bytes.as_ref(), b"\n"].concat(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(parts, alone.bytes, "{}", fixture.name);
    }
}

/// The same request and answer through the adapter linked natively.
fn natively(fixture: &Fixture) -> (Vec<u8>, Vec<String>, Vec<u8>) {
    let adapter = Anthropic::configure(b"{}").expect("configured");
    let ctx = RequestCtx {
        operation: String::from("chat"),
        dialect: String::from("openai-chat"),
        model: fixture.model().to_owned(),
        stream: fixture.stream,
        attempt: 1,
        now_unix_ms: stage::NOW,
        request_id: String::from("req-1"),
        ..RequestCtx::default()
    };
    let plan = adapter.prepare(&ctx, &fixture.request).expect("prepared");
    let BodyPlan::Replace(sent) = plan.body else {
        panic!("{}: not replaced", fixture.name)
    };
    let mut cutter = Framer::new(if fixture.stream {
        Framing::Sse
    } else {
        Framing::Buffered
    });
    cutter
        .push(Bytes::from(fixture.answer.clone()))
        .expect("framed");
    cutter.finish().expect("framed");
    let frames: Vec<_> = cutter.collect();
    let packed = frames
        .iter()
        .map(|frame| (frame.event_name().unwrap_or_default(), frame.data.as_ref()));
    let decoded = adapter
        .decode("chat", &plan.state, &Batch::pack(packed, true))
        .expect("decoded");
    let mut chunks = decoded.chunks;
    if !chunks.ends_with(b"\n") {
        chunks.push(b'\n');
    }
    (sent, plan.warnings, chunks)
}

#[test]
fn inside_webassembly_the_adapter_gives_the_bytes_it_gives_natively() {
    let adapter = shipped::adapter("anthropic");
    for fixture in fixtures()
        .iter()
        .filter(|fixture| fixture.adapter() == "anthropic")
    {
        let (sent, warnings, chunks) = natively(fixture);
        let plan = plan(&adapter, fixture);
        assert_eq!(plan.body.concat(), sent, "{}", fixture.name);
        assert_eq!(plan.warnings, warnings, "{}", fixture.name);
        let heard = hear(&adapter, &plan, [fixture.answer.as_slice()]).expect("it decodes");
        assert_eq!(heard.bytes, chunks, "{}", fixture.name);
    }
}

#[test]
fn an_error_answer_is_read_with_the_headers_the_plugin_asked_for() {
    let adapter = shipped::adapter("anthropic");
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", HeaderValue::from_static("7"));
    let busy = br#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let error = adapter.map_error(529, &headers, busy);
    assert_eq!(error.kind.as_str(), "overloaded");
    assert_eq!(error.retry_after_ms, Some(7_000));
    let wrong = br#"{"type":"error","error":{"type":"invalid_request_error","message":"no"}}"#;
    let error = adapter.map_error(400, &headers, wrong);
    assert_eq!(
        (error.kind.as_str(), error.retry_after_ms),
        ("invalid-request", None)
    );
    let page = adapter.map_error(502, &headers, b"<html>bad gateway</html>");
    assert_eq!(page.kind.as_str(), "server");
}

#[test]
fn an_image_of_several_megabytes_fits_into_the_plugins_memory() {
    let image = "A".repeat(8 << 20);
    let request = json!({"model": "m", "messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{image}")}}
    ]}]});
    let body = Bytes::from(request.to_string());
    let call = stage::call(&body, "claude-sonnet-4-5", false);
    let plan = shipped::adapter("anthropic").plan(&call).expect("planned");
    assert!(plan.body_len() > image.len());
}

#[test]
fn what_the_provider_cannot_do_is_refused_with_the_field() {
    let adapter = shipped::adapter("anthropic");
    let refused = |extra: Value| {
        let mut request = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
        for (name, value) in extra.as_object().expect("an object") {
            request[name] = value.clone();
        }
        let body = Bytes::from(request.to_string());
        match adapter.plan(&stage::call(&body, "claude-sonnet-4-5", false)) {
            Err(Fault::Invalid { param, .. } | Fault::Unsupported { param, .. }) => param,
            other => panic!("{extra}: {other:?}"),
        }
    };
    let at = |param: &str| Some(param.to_owned());
    assert_eq!(refused(json!({"n": 2})), at("n"));
    assert_eq!(refused(json!({"functions": []})), at("functions"));
    assert_eq!(refused(json!({"modalities": ["audio"]})), at("modalities"));
    assert_eq!(refused(json!({"messages": []})), at("messages"));
    assert_eq!(
        refused(json!({"messages": [{"role": "user", "content": 7}]})),
        at("messages[0].content")
    );
    assert_eq!(
        refused(
            json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "input_audio", "input_audio": {}}]}]})
        ),
        at("messages[0].content")
    );
    assert_eq!(
        refused(
            json!({"tools": [{"type": "function", "function": {"name": "a", "parameters": {"type": "string"}}}]})
        ),
        at("tools[0]")
    );
}

#[test]
fn the_operators_address_and_credential_go_onto_the_plan() {
    let plugin = shipped::adapter("anthropic").plugin().clone();
    let adapter = plugin
        .adapter(
            r#"{"beta":"x-1","default-max-tokens":77}"#,
            Some("http://127.0.0.1:9/v1/"),
        )
        .expect("an adapter");
    let body = Bytes::from_static(br#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#);
    let mut plan = adapter
        .plan(&stage::call(&body, "claude-sonnet-4-5", false))
        .expect("planned");
    assert_eq!(plan.url, "http://127.0.0.1:9/v1/messages");
    assert_eq!(plan.headers["anthropic-beta"], "x-1");
    assert!(String::from_utf8_lossy(&plan.body.concat()).contains(r#""max_tokens":77"#));
    plan.attach(&adapter.auth()[0], "sk-secret")
        .expect("attached");
    assert_eq!(plan.headers["x-api-key"], "sk-secret");
    assert!(!format!("{plan:?}").contains("sk-secret"));
    let refused = plugin.adapter(r#"{"wrong":1}"#, None).expect_err("refused");
    assert!(refused.to_string().contains("wrong"), "{refused}");
}
