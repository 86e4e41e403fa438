//! Chat answers as Anthropic's clients hear them.

use crate::chat::{Numbers, call, deltas, stream, whole};
use crate::heard::{self, message, told};
use bytes::Bytes;
use mux_wire::Dialect::Messages;
use mux_wire::chat::{Complete, ErrorBody};
use mux_wire::voice;
use proptest::prelude::*;
use serde_json::{Value, json};

fn said(deltas: &[Value], finish: &str) -> Value {
    message(&told(Messages, &[stream(deltas, finish)]))
}

#[test]
fn text_thoughts_and_calls_become_blocks_with_numbers_of_their_own() {
    let answer = said(
        &[
            json!({ "role": "assistant", "content": "" }),
            json!({ "reasoning_details": [{ "type": "reasoning.text", "provider": "anthropic", "index": 0, "text": "hm" }] }),
            json!({ "reasoning_details": [{ "type": "reasoning.text", "provider": "anthropic", "index": 0, "signature": "sig" }] }),
            json!({ "content": "I " }),
            json!({ "content": "look." }),
            json!({ "tool_calls": [{ "index": 0, "id": "call_a", "function": { "name": "f", "arguments": "" } }] }),
            json!({ "tool_calls": [{ "index": 0, "function": { "arguments": "{\"x\":" } }] }),
            json!({ "tool_calls": [{ "index": 0, "function": { "arguments": "1}" } }] }),
            json!({ "tool_calls": [{ "index": 1, "id": "call_b", "function": { "name": "g", "arguments": "{}" } }] }),
        ],
        "tool_calls",
    );
    assert_eq!(
        answer["content"],
        json!([
            { "type": "thinking", "thinking": "hm", "signature": "sig" },
            { "type": "text", "text": "I look." },
            { "type": "tool_use", "id": "call_a", "name": "f", "input": { "x": 1 } },
            { "type": "tool_use", "id": "call_b", "name": "g", "input": {} },
        ])
    );
    assert_eq!(
        (&answer["stop_reason"], &answer["model"], &answer["id"]),
        (&json!("tool_use"), &json!("served"), &json!("msg_1"))
    );
}

#[test]
fn input_leaves_out_what_was_cached_as_anthropics_clients_expect() {
    let expected = json!({
        "input_tokens": 5, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 12, "output_tokens": 7,
    });
    let deltas = [json!({ "content": "hi" })];
    assert_eq!(said(&deltas, "stop")["usage"], expected);
    assert_eq!(
        heard::whole(Messages, &whole(&deltas, "stop"))["usage"],
        expected
    );
}

#[test]
fn the_reason_of_an_end_is_anthropics_word_for_it() {
    let of = |finish: &str| said(&[json!({ "content": "hi" })], finish)["stop_reason"].clone();
    assert_eq!(of("stop"), "end_turn");
    assert_eq!(of("length"), "max_tokens");
    assert_eq!(of("content_filter"), "refusal");
    let call = json!({ "tool_calls": [{ "index": 0, "id": "c", "function": { "name": "f", "arguments": "{}" } }] });
    assert_eq!(
        said(std::slice::from_ref(&call), "stop")["stop_reason"],
        "tool_use"
    );
    assert_eq!(said(&[call], "length")["stop_reason"], "max_tokens");
}

#[test]
fn calls_that_come_in_turns_are_kept_apart() {
    let piece = |index: u32, arguments: &str| json!({ "tool_calls": [{ "index": index, "function": { "arguments": arguments } }] });
    let begun = |index: u32| json!({ "tool_calls": [{ "index": index, "id": format!("c{index}"), "function": { "name": "f", "arguments": "" } }] });
    let answer = said(
        &[
            begun(0),
            begun(1),
            piece(0, "{\"a\":"),
            piece(1, "{\"b\":2"),
            piece(0, "1}"),
            piece(1, "}"),
        ],
        "tool_calls",
    );
    assert_eq!(answer["content"][0]["input"], json!({ "a": 1 }));
    assert_eq!(answer["content"][1]["input"], json!({ "b": 2 }));
}

#[test]
fn calls_that_are_not_numbered_or_all_alike_are_kept_apart() {
    for numbers in [Numbers::Each, Numbers::Zero, Numbers::Never] {
        let answer = said(
            &[
                call(numbers, 0, Some("f"), "{\"a\":"),
                call(numbers, 0, None, "1}"),
                call(numbers, 1, Some("g"), "{}"),
                call(numbers, 2, Some("f"), ""),
                call(numbers, 2, None, "{\"b\":2}"),
            ],
            "tool_calls",
        );
        assert_eq!(
            answer["content"],
            json!([
                { "type": "tool_use", "id": "call_0", "name": "f", "input": { "a": 1 } },
                { "type": "tool_use", "id": "call_1", "name": "g", "input": {} },
                { "type": "tool_use", "id": "call_2", "name": "f", "input": { "b": 2 } },
            ]),
            "{numbers:?}"
        );
    }
}

#[test]
fn a_model_that_is_no_name_costs_no_words() {
    let text = "data: {\"model\":5,\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n";
    let answer = message(&told(Messages, &[Bytes::from(text)]));
    assert_eq!(
        (&answer["content"][0]["text"], &answer["model"]),
        (&json!("hi"), &json!("@chat"))
    );
    let chat = Complete::streamed(&[Bytes::from(text)]).unwrap();
    assert_eq!((chat.text.as_str(), chat.model), ("hi", None));
}

#[test]
fn a_stream_that_breaks_ends_with_anthropics_error_event_and_no_end_of_the_message() {
    let error = ErrorBody {
        status: 502,
        message: "the answer broke off".to_owned(),
        code: Some("mid_stream_failure".to_owned()),
        ..ErrorBody::default()
    };
    let event = voice::stream_error(Messages, &error);
    let [event] = heard::events(&event).try_into().unwrap();
    assert_eq!(event["error"]["type"], "api_error");
    assert_eq!(event["error"]["code"], "mid_stream_failure");
    let error = ErrorBody {
        status: 429,
        ..error
    };
    let body: Value = serde_json::from_slice(&voice::error(Messages, &error)).unwrap();
    assert_eq!(
        (&body["type"], &body["error"]["type"]),
        (&json!("error"), &json!("rate_limit_error"))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_stream_cut_at_any_byte_tells_the_same(deltas in deltas(), finish in prop::sample::select(vec!["stop", "length"])) {
        let bytes = stream(&deltas, finish);
        let all = told(Messages, std::slice::from_ref(&bytes));
        let single: Vec<Bytes> = (0..bytes.len()).map(|at| bytes.slice(at..=at)).collect();
        prop_assert_eq!(&told(Messages, &single), &all);
        for cut in 0..bytes.len() {
            let parts = [bytes.slice(..cut), bytes.slice(cut..)];
            prop_assert_eq!(&told(Messages, &parts), &all);
        }
    }

    #[test]
    fn a_stream_says_what_the_whole_answer_says_and_both_say_what_chat_says(deltas in deltas()) {
        let streamed = said(&deltas, "stop");
        let answer = whole(&deltas, "stop");
        let whole = heard::whole(Messages, &answer);
        prop_assert_eq!(&streamed["content"], &whole["content"]);
        prop_assert_eq!(&streamed["stop_reason"], &whole["stop_reason"]);
        let bytes = stream(&deltas, "stop");
        let chat = Complete::streamed([&bytes]).unwrap();
        let blocks = streamed["content"].as_array().unwrap();
        let text: String = blocks.iter().filter_map(|b| b["text"].as_str()).collect();
        let thinking: String = blocks.iter().filter_map(|b| b["thinking"].as_str()).collect();
        prop_assert_eq!(text, chat.text);
        prop_assert_eq!(thinking, chat.reasoning);
        let calls: Vec<(String, Value)> = blocks.iter().filter(|b| b["type"] == "tool_use")
            .map(|b| (b["name"].as_str().unwrap().to_owned(), b["input"].clone())).collect();
        let expected: Vec<(String, Value)> = chat.calls.iter()
            .map(|c| (c.name.clone(), serde_json::from_str(&c.arguments).unwrap())).collect();
        prop_assert_eq!(calls, expected);
    }
}

#[test]
fn the_stop_sequence_that_was_met_is_told() {
    let mut answer = whole(&[json!({ "content": "hi" })], "stop");
    answer["choices"][0]["stop_sequence"] = json!("END");
    let said = heard::whole(Messages, &answer);
    assert_eq!(
        (&said["stop_reason"], &said["stop_sequence"]),
        (&json!("stop_sequence"), &json!("END"))
    );
}
