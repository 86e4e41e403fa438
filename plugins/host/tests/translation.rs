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
use mux_plugin_sdk::{Adapter as _, Batch, BodyPlan, Fault as Refusal, RequestCtx};
use mux_plugins::{Adapter, Fault, Plan};
use mux_wire::frame::{Framer, Framing};
use mux_wire::usage::Usage;
use proptest::prelude::*;
use serde_json::{Value, json};

#[path = "shared/fixture.rs"]
mod fixture;
#[path = "shared/shipped.rs"]
mod shipped;
#[path = "shared/stage.rs"]
mod stage;
#[path = "shared/told.rs"]
mod told;

use fixture::{Fixture, fixtures};
use told::{Choice, Heard, Told, hear};

fn plan(adapter: &Adapter, fixture: &Fixture) -> Plan {
    let call = stage::call(&fixture.request, fixture.model(), fixture.stream);
    adapter
        .plan(&call)
        .unwrap_or_else(|fault| panic!("{}: {fault}", fixture.name))
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
        let plan = plan(&shipped::adapter(fixture.adapter()), &fixture);
        let sent: Value = serde_json::from_slice(&plan.body.concat()).expect("json");
        assert_eq!(sent, fixture.said["sent"], "{}", fixture.name);
        assert_eq!(
            json!(plan.warnings),
            fixture.said["warnings"],
            "{}",
            fixture.name
        );
        let path = if fixture.adapter() == "openai" {
            "/chat/completions"
        } else {
            "/messages"
        };
        assert!(
            plan.url.starts_with("https://api.") && plan.url.ends_with(path),
            "{}",
            plan.url
        );
    }
}

#[test]
fn every_fixture_tells_the_client_what_it_says() {
    for fixture in fixtures() {
        let adapter = shipped::adapter(fixture.adapter());
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
        let adapter = shipped::adapter(fixture.adapter());
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
    let mut framer = Framer::new(if fixture.stream {
        Framing::Sse
    } else {
        Framing::Buffered
    });
    framer
        .push(Bytes::from(fixture.answer.clone()))
        .expect("framed");
    framer.finish().expect("framed");
    let frames: Vec<_> = framer.collect();
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
        at("messages[0].content[1]")
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

/// A request of random shape that scans as a chat request.
fn requests() -> impl Strategy<Value = Value> {
    let text = "[ -~äß☀\n]{0,12}";
    let message = prop_oneof![
        text.prop_map(|text| json!({"role": "user", "content": text})),
        text.prop_map(|text| json!({"role": "system", "content": text})),
        text.prop_map(|text| json!({"role": "assistant", "content": text})),
        (text, text).prop_map(|(id, arguments)| json!({"role": "assistant", "tool_calls": [{"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}}]})),
        (text, text).prop_map(|(id, text)| json!({"role": "tool", "tool_call_id": id, "content": [{"type": "text", "text": text}]})),
        Just(json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]})),
    ];
    let effort = prop_oneof![Just(Value::Null), Just(json!("low")), Just(json!("xhigh"))];
    (prop::collection::vec(message, 0..8), effort, prop::option::of(0.0..2.0_f64), any::<bool>()).prop_map(
        |(messages, effort, temperature, stream)| {
            json!({"model": "m", "messages": messages, "reasoning_effort": effort, "temperature": temperature, "stream": stream})
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_request_is_planned_or_refused_alike_inside_and_outside(request in requests(), family in 0..4_usize) {
        let model = ["claude-3-haiku-20240307", "claude-sonnet-4-5", "claude-opus-4-8", "other"][family];
        let body = Bytes::from(request.to_string());
        let stream = request["stream"] == true;
        let inside = shipped::adapter("anthropic").plan(&stage::call(&body, model, stream));
        let ctx = RequestCtx { model: model.to_owned(), stream, now_unix_ms: stage::NOW, ..RequestCtx::default() };
        match (Anthropic::configure(b"{}").expect("configured").prepare(&ctx, &body), inside) {
            (Ok(outside), Ok(inside)) => {
                let BodyPlan::Replace(sent) = outside.body else { panic!("not replaced") };
                prop_assert_eq!(inside.body.concat(), sent);
                prop_assert_eq!(inside.warnings, outside.warnings);
            }
            (Err(Refusal::InvalidRequest(a)), Err(Fault::Invalid { message, param })) => {
                prop_assert_eq!((a.message, a.param), (message, param));
            }
            (outside, inside) => prop_assert!(false, "{:?} {:?}", outside, inside),
        }
    }

    #[test]
    fn batches_of_any_size_give_the_same_answer(cuts in prop::collection::vec(1_usize..400, 1..40), which in 0_usize..100) {
        let all = fixtures();
        let fixture = &all[which % all.len()];
        let adapter = shipped::adapter(fixture.adapter());
        let plan = plan(&adapter, fixture);
        let whole: Heard = hear(&adapter, &plan, [fixture.answer.as_slice()]).expect("it decodes");
        let mut pieces = Vec::new();
        let mut rest = fixture.answer.as_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break; }
            let (piece, after) = rest.split_at(rest.len().min(*cut));
            pieces.push(piece);
            rest = after;
        }
        prop_assert_eq!(hear(&adapter, &plan, pieces).expect("it decodes"), whole);
    }

    #[test]
    fn garbage_from_the_provider_is_its_own_fault_and_never_the_plugins(body: Vec<u8>, stream: bool) {
        let adapter = shipped::adapter("anthropic");
        let request = Bytes::from_static(br#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#);
        let plan = adapter.plan(&stage::call(&request, "claude-sonnet-4-5", stream)).expect("planned");
        match hear(&adapter, &plan, [body.as_slice(), b"\n\n"]) {
            Ok(heard) => prop_assert!(!heard.terminal),
            Err(Fault::BadResponse(_)) => {}
            Err(other) => prop_assert!(false, "{}", other),
        }
        let error = adapter.map_error(500, &HeaderMap::new(), &body);
        prop_assert_eq!(error.kind.as_str(), "server");
    }
}
