//! Chat answers as clients of OpenAI's Responses hear them.

use crate::chat::{Numbers, call, deltas, stream, whole};
use crate::heard::{self, response, told};
use bytes::Bytes;
use mux_wire::Dialect::Responses;
use mux_wire::chat::{Complete, ErrorBody};
use mux_wire::voice;
use proptest::prelude::*;
use serde_json::{Value, json};

fn said(deltas: &[Value], finish: &str) -> Value {
    response(&told(Responses, &[stream(deltas, finish)]))
}

#[test]
fn text_thoughts_and_calls_become_items_with_ids_of_their_own() {
    let answer = said(
        &[
            json!({ "role": "assistant", "content": "" }),
            json!({ "reasoning_details": [{ "type": "reasoning.text", "provider": "mistral", "index": 0, "text": "hm" }] }),
            json!({ "content": "I " }),
            json!({ "content": "look." }),
            json!({ "tool_calls": [{ "index": 0, "id": "call_a", "function": { "name": "f", "arguments": "" } }] }),
            json!({ "tool_calls": [{ "index": 0, "function": { "arguments": "{\"x\":1}" } }] }),
            json!({ "tool_calls": [{ "index": 1, "id": "call_b", "function": { "name": "g" } }] }),
        ],
        "tool_calls",
    );
    let output = answer["output"].as_array().unwrap();
    let kinds: Vec<&Value> = output.iter().map(|item| &item["type"]).collect();
    assert_eq!(
        kinds,
        ["reasoning", "message", "function_call", "function_call"]
    );
    assert_eq!(
        output[0]["summary"],
        json!([{ "type": "summary_text", "text": "hm" }])
    );
    assert_eq!(output[1]["content"][0]["text"], "I look.");
    assert_eq!(
        (
            &output[2]["call_id"],
            &output[2]["name"],
            &output[2]["arguments"]
        ),
        (&json!("call_a"), &json!("f"), &json!("{\"x\":1}"))
    );
    assert_eq!(output[3]["arguments"], "{}");
    assert_eq!(
        (
            &answer["status"],
            &answer["model"],
            &answer["id"],
            &answer["object"]
        ),
        (
            &json!("completed"),
            &json!("served"),
            &json!("resp_1"),
            &json!("response")
        )
    );
    assert_eq!(
        answer["usage"],
        json!({
            "input_tokens": 20, "input_tokens_details": { "cached_tokens": 12, "cache_write_tokens": 3 },
            "output_tokens": 7, "output_tokens_details": { "reasoning_tokens": 2 }, "total_tokens": 27,
        })
    );
}

#[test]
fn an_answer_cut_by_its_limit_is_incomplete() {
    let answer = said(&[json!({ "content": "hi" })], "length");
    assert_eq!(answer["status"], "incomplete");
    assert_eq!(answer["incomplete_details"]["reason"], "max_output_tokens");
    let answer = heard::whole(
        Responses,
        &whole(&[json!({ "content": "hi" })], "content_filter"),
    );
    assert_eq!(answer["incomplete_details"]["reason"], "content_filter");
}

#[test]
fn a_response_repeats_what_it_was_asked_with() {
    let mut speaker = heard::speaker();
    speaker.request = Bytes::from_static(br#"{"model":"@chat","instructions":"be kind","temperature":0.50,"tools":[{"type":"function","name":"f"}],"metadata":{"a":"b"},"text":{"verbosity":"low"}}"#);
    let chat = whole(&[json!({ "content": "hi" })], "stop").to_string();
    let body = voice::whole(Responses, &speaker, chat.as_bytes()).unwrap();
    let answer: Value = serde_json::from_slice(&body.body).unwrap();
    assert_eq!(
        (
            &answer["instructions"],
            &answer["temperature"],
            &answer["tool_choice"],
            &answer["parallel_tool_calls"]
        ),
        (&json!("be kind"), &json!(0.5), &json!("auto"), &json!(true))
    );
    assert_eq!(
        (&answer["tools"][0]["name"], &answer["metadata"]),
        (&json!("f"), &json!({ "a": "b" }))
    );
    assert_eq!(
        (&answer["store"], &answer["created_at"]),
        (&json!(false), &json!(1_700_000_000))
    );

    let mut voice = voice::Voice::new(Responses, speaker).unwrap();
    let mut out = bytes::BytesMut::new();
    voice.push(&stream(&[json!({ "content": "hi" })], "stop"), &mut out);
    voice.finish(None, &mut out);
    let events = heard::events(&out.freeze());
    for event in [&events[0], &events[1], &events[events.len() - 1]] {
        let told = &event["response"];
        for field in ["id", "instructions", "temperature", "tools", "metadata"] {
            assert_eq!(told[field], answer[field], "{field}");
        }
    }
    assert_eq!(events[0]["response"], events[1]["response"]);
}

#[test]
fn calls_that_are_not_numbered_or_all_alike_are_kept_apart() {
    for numbers in [Numbers::Each, Numbers::Zero, Numbers::Never] {
        let answer = said(
            &[
                call(numbers, 0, Some("f"), "{\"a\":"),
                call(numbers, 0, None, "1}"),
                call(numbers, 1, Some("g"), "{}"),
            ],
            "tool_calls",
        );
        let calls: Vec<_> = answer["output"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| (&item["call_id"], &item["arguments"]))
            .collect();
        let expected = [json!(["call_0", "{\"a\":1}"]), json!(["call_1", "{}"])];
        assert_eq!(json!(calls), json!(expected), "{numbers:?}");
    }
}

#[test]
fn a_stream_that_breaks_ends_with_a_numbered_error_and_no_response() {
    let error = ErrorBody {
        status: 502,
        message: "the answer broke off".to_owned(),
        code: Some("mid_stream_failure".to_owned()),
        ..ErrorBody::default()
    };
    let mut voice = voice::Voice::new(Responses, heard::speaker()).unwrap();
    let mut out = bytes::BytesMut::new();
    let all = stream(&[json!({ "content": "hi" })], "stop");
    voice.push(&all.slice(..all.len() / 3), &mut out);
    voice.fail(&error, &mut out);
    let events = heard::events(&out.freeze());
    let last = events.last().unwrap();
    assert_eq!(last["sequence_number"], events.len() - 1);
    assert_eq!(
        (&last["type"], &last["code"], &last["error"]["code"]),
        (
            &json!("error"),
            &json!("mid_stream_failure"),
            &json!("mid_stream_failure")
        )
    );
    assert!(
        events
            .iter()
            .all(|event| event["type"] != "response.completed")
    );
    let alone = heard::events(&voice::stream_error(Responses, &error));
    assert_eq!((alone.len(), &alone[0]["sequence_number"]), (1, &json!(0)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_stream_cut_at_any_byte_tells_the_same(deltas in deltas(), finish in prop::sample::select(vec!["stop", "length"])) {
        let bytes = stream(&deltas, finish);
        let all = told(Responses, std::slice::from_ref(&bytes));
        let single: Vec<Bytes> = (0..bytes.len()).map(|at| bytes.slice(at..=at)).collect();
        prop_assert_eq!(&told(Responses, &single), &all);
        for cut in (0..bytes.len()).step_by(3) {
            let parts = [bytes.slice(..cut), bytes.slice(cut..)];
            prop_assert_eq!(&told(Responses, &parts), &all);
        }
    }

    #[test]
    fn a_stream_says_what_the_whole_answer_says_and_both_say_what_chat_says(deltas in deltas()) {
        let streamed = said(&deltas, "stop");
        let whole = heard::whole(Responses, &whole(&deltas, "stop"));
        prop_assert_eq!(&streamed["output"], &whole["output"]);
        prop_assert_eq!(&streamed["usage"], &whole["usage"]);
        let bytes = stream(&deltas, "stop");
        let chat = Complete::streamed([&bytes]).unwrap();
        let output = streamed["output"].as_array().unwrap();
        let text: String = output.iter().filter_map(|i| i["content"][0]["text"].as_str()).collect();
        let thinking: String = output.iter().filter_map(|i| i["summary"][0]["text"].as_str()).collect();
        prop_assert_eq!(text, chat.text);
        prop_assert_eq!(thinking, chat.reasoning);
        let calls: Vec<(&str, &str)> = output.iter().filter(|i| i["type"] == "function_call")
            .map(|i| (i["name"].as_str().unwrap(), i["arguments"].as_str().unwrap())).collect();
        let expected: Vec<(&str, &str)> = chat.calls.iter().map(|c| (c.name.as_str(), c.arguments.as_str())).collect();
        prop_assert_eq!(calls, expected);
    }
}
