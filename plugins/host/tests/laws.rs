//! What holds for every request and every answer, whatever it is.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test"
)]

use bytes::Bytes;
use http::HeaderMap;
use mux_plugin_anthropic::Anthropic;
use mux_plugin_sdk::{Adapter as _, BodyPlan, Fault as Refusal, RequestCtx};
use mux_plugins::Fault;
use proptest::prelude::*;
use serde_json::{Value, json};

#[path = "shared/fixture.rs"]
mod fixture;
#[path = "shared/heard.rs"]
mod heard;
#[path = "shared/shipped.rs"]
mod shipped;
#[path = "shared/stage.rs"]
mod stage;

use fixture::{fixtures, plan};
use heard::{Heard, hear};

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
        let adapter = shipped::configured(fixture.adapter(), &fixture.settings());
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
