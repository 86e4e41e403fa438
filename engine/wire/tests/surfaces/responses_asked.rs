//! What clients of OpenAI's Responses ask, in the chat form.

use crate::heard;
use bytes::Bytes;
use mux_wire::Dialect::Responses;
use mux_wire::chat::{Audience, Translated};
use mux_wire::responses::{to_chat, without_foreign_thoughts};
use serde_json::{Value, json};

const PLAIN: Audience<'_> = Audience::Provider {
    name: "house",
    reasons: false,
    newest: true,
};

fn translated(request: &Value, audience: Audience<'_>) -> (Value, Translated) {
    let made = to_chat(&Bytes::from(request.to_string()), audience).expect("a request");
    let chat = serde_json::from_slice(&made.body).expect("json");
    (chat, made)
}

#[test]
fn a_string_is_what_the_user_says_after_the_instructions() {
    let request =
        json!({ "model": "@chat", "input": "hi", "instructions": "be kind", "stream": true });
    let (chat, made) = translated(&request, PLAIN);
    assert_eq!(
        chat,
        json!({
            "model": "@chat", "stream": true, "stream_options": { "include_usage": true },
            "messages": [{ "role": "system", "content": "be kind" }, { "role": "user", "content": "hi" }],
        })
    );
    assert!(made.dropped.is_empty() && made.refused.is_none());
}

#[test]
fn items_of_one_answer_become_one_message_and_results_follow_by_their_call() {
    let request = json!({ "model": "@chat", "input": [
        { "role": "developer", "content": "brief" },
        { "type": "message", "role": "user", "content": [
            { "type": "input_text", "text": "look" },
            { "type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low" },
            { "type": "input_file", "file_data": "data:application/pdf;base64,BBBB", "filename": "a.pdf" },
        ] },
        { "type": "message", "role": "assistant", "id": "msg_1", "content": [{ "type": "output_text", "text": "I look.", "annotations": [] }] },
        { "type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{\"x\":1}" },
        { "type": "function_call", "id": "fc_2", "call_id": "c2", "name": "g", "arguments": "{}" },
        { "type": "function_call_output", "call_id": "c1", "output": "sun" },
        { "type": "function_call_output", "call_id": "c2", "output": [{ "type": "input_text", "text": "rain" }] },
    ] });
    let (chat, _) = translated(&request, PLAIN);
    assert_eq!(
        chat["messages"],
        json!([
            { "role": "developer", "content": "brief" },
            { "role": "user", "content": [
                { "type": "text", "text": "look" },
                { "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA", "detail": "low" } },
                { "type": "file", "file": { "file_data": "data:application/pdf;base64,BBBB", "filename": "a.pdf" } },
            ] },
            { "role": "assistant", "content": "I look.", "tool_calls": [
                { "id": "c1", "type": "function", "function": { "name": "f", "arguments": "{\"x\":1}" } },
                { "id": "c2", "type": "function", "function": { "name": "g", "arguments": "{}" } },
            ] },
            { "role": "tool", "content": "sun", "tool_call_id": "c1" },
            { "role": "tool", "content": "rain", "tool_call_id": "c2" },
        ])
    );
}

#[test]
fn a_request_keeps_what_it_says_of_tools_form_and_effort() {
    let request = json!({
        "model": "@chat", "input": "hi", "max_output_tokens": 9, "temperature": 0.5, "user": "u1",
        "tools": [{ "type": "function", "name": "f", "description": null, "parameters": { "type": "object" }, "strict": true }],
        "tool_choice": { "type": "allowed_tools", "mode": "required", "tools": [{ "type": "function", "name": "f" }] },
        "parallel_tool_calls": false, "reasoning": { "effort": "low", "summary": "auto" },
        "text": { "format": { "type": "json_schema", "name": "n", "schema": { "type": "object" }, "strict": true } },
        "include": ["reasoning.encrypted_content"], "store": false, "metadata": { "team": "red" }, "truncation": "auto",
    });
    let (chat, made) = translated(&request, PLAIN);
    assert_eq!(
        chat,
        json!({
            "model": "@chat", "messages": [{ "role": "user", "content": "hi" }],
            "max_completion_tokens": 9, "temperature": 0.5, "user": "u1", "reasoning_effort": "low",
            "tools": [{ "type": "function", "function": { "name": "f", "parameters": { "type": "object" }, "strict": true } }],
            "tool_choice": { "type": "allowed_tools", "allowed_tools": { "mode": "required", "tools": [{ "type": "function", "function": { "name": "f" } }] } },
            "parallel_tool_calls": false,
            "response_format": { "type": "json_schema", "json_schema": { "name": "n", "schema": { "type": "object" }, "strict": true } },
        })
    );
    assert_eq!(made.dropped, ["`truncation`", "`metadata`"]);
    let (chat, _) = translated(&request, Audience::Adapter);
    assert_eq!(chat["metadata"], json!({ "team": "red" }));
}

#[test]
fn what_needs_a_memory_or_openais_own_tools_is_refused_with_its_place() {
    for (field, value) in [
        ("previous_response_id", json!("resp_1")),
        ("conversation", json!("conv_1")),
        ("store", json!(true)),
        ("background", json!(true)),
        ("prompt", json!({ "id": "p" })),
    ] {
        let mut request = json!({ "model": "@chat", "input": "hi" });
        request[field] = value;
        let refused = translated(&request, Audience::Adapter).1.refused.unwrap();
        assert_eq!(refused.param, field);
        assert!(refused.message.contains(field), "{}", refused.message);
    }
    let request = json!({ "model": "@chat", "input": "hi", "tools": [{ "type": "web_search" }] });
    assert_eq!(
        translated(&request, PLAIN).1.refused.unwrap().param,
        "tools[0]"
    );
    let request = json!({ "model": "@chat", "input": [{ "type": "item_reference", "id": "x" }] });
    assert_eq!(
        translated(&request, PLAIN).1.refused.unwrap().param,
        "input[0]"
    );
}

/// The items of an answer as a client sends them back, with the result of its call.
fn gone_on(answer: &Value) -> Value {
    let mut input = vec![json!({ "role": "user", "content": "hi" })];
    input.extend(answer["output"].as_array().unwrap().iter().cloned());
    input.push(json!({ "type": "function_call_output", "call_id": "c1", "output": "ok" }));
    json!({ "model": "@chat", "input": input })
}

#[test]
fn opaque_state_of_every_provider_comes_back_as_it_was_given() {
    for details in [
        json!([{ "type": "reasoning.text", "text": "hm", "signature": "sig", "provider": "anthropic", "index": 0 }]),
        json!([{ "type": "reasoning.encrypted", "data": "xyz", "provider": "anthropic", "index": 0 },
               { "type": "reasoning.encrypted", "data": "AAA=", "provider": "google", "index": 1 }]),
    ] {
        let seal = json!({ "google": { "thought_signature": "Q/+=" } });
        let call = json!({ "id": "c1", "type": "function", "function": { "name": "f", "arguments": "{}" }, "extra_content": seal });
        let message = json!({ "role": "assistant", "content": "hm", "reasoning_details": details, "tool_calls": [call] });
        let chat = json!({ "choices": [{ "index": 0, "message": message, "finish_reason": "tool_calls" }] });
        let mut speaker = heard::speaker();
        speaker.by = None;
        let body =
            mux_wire::voice::whole(Responses, &speaker, chat.to_string().as_bytes()).unwrap();
        let answer: Value = serde_json::from_slice(&body.body).unwrap();
        let request = gone_on(&answer);
        let (chat, made) = translated(&request, Audience::Adapter);
        let message = &chat["messages"][1];
        assert_eq!(message["reasoning_details"], details, "{answer}");
        assert_eq!(message["tool_calls"][0]["extra_content"], seal);
        assert_eq!((&message["content"], made.refused), (&json!("hm"), None));
        let (chat, _) = translated(&request, PLAIN);
        assert!(!chat.to_string().contains("reasoning"), "{chat}");

        let sent = without_foreign_thoughts(&Bytes::from(request.to_string())).expect("changed");
        let sent: Value = serde_json::from_slice(&sent).unwrap();
        let items = sent["input"].as_array().unwrap();
        assert!(
            items.iter().all(|item| item["type"] != "reasoning"),
            "{sent}"
        );
        assert_eq!(items.len(), 4);
    }
    let own = json!({ "model": "m", "input": [{ "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA" }] });
    assert_eq!(
        without_foreign_thoughts(&Bytes::from(own.to_string())),
        None,
        "openai's own passes untouched"
    );
}

#[test]
fn what_is_null_is_as_if_it_were_not_there() {
    let image = json!({ "type": "input_image", "image_url": "data:image/png;base64,AAAA" });
    let bare = json!({
        "model": "@chat",
        "input": [{ "role": "user", "content": [image] }, { "role": "assistant" }],
        "tools": [{ "type": "function", "name": "f" }],
        "text": { "format": { "type": "json_schema", "schema": {} } },
    });
    let mut told = bare.clone();
    for field in [
        "instructions",
        "max_output_tokens",
        "tool_choice",
        "metadata",
        "previous_response_id",
        "conversation",
        "prompt",
        "include",
        "truncation",
    ] {
        told[field] = Value::Null;
    }
    told["input"][0]["content"][0]["detail"] = Value::Null;
    told["input"][1]["content"] = Value::Null;
    told["tools"][0]["description"] = Value::Null;
    told["tools"][0]["parameters"] = Value::Null;
    told["text"]["verbosity"] = Value::Null;
    told["text"]["format"]["description"] = Value::Null;
    for audience in [PLAIN, Audience::Adapter] {
        let [told, bare] = [&told, &bare].map(|request| translated(request, audience));
        assert_eq!(told.0, bare.0);
        assert_eq!(told.1.dropped, bare.1.dropped);
        assert_eq!((told.1.refused, bare.1.refused), (None, None));
    }
    told["input"] = Value::Null;
    let refused = translated(&told, PLAIN).1.refused.unwrap();
    assert_eq!(refused.param, "input");
}

#[test]
fn chances_of_words_are_asked_for_and_told() {
    for wish in [
        json!({ "top_logprobs": 3 }),
        json!({ "top_logprobs": 3, "include": ["message.output_text.logprobs"] }),
    ] {
        let mut request = json!({ "model": "@chat", "input": "hi" });
        for (name, value) in wish.as_object().unwrap() {
            request[name] = value.clone();
        }
        let (chat, made) = translated(&request, PLAIN);
        assert_eq!(
            (&chat["logprobs"], &chat["top_logprobs"]),
            (&json!(true), &json!(3))
        );
        assert_eq!(made.dropped, Vec::<String>::new());
    }
    let (chat, _) = translated(
        &json!({ "model": "@chat", "input": "hi", "top_logprobs": 0 }),
        PLAIN,
    );
    assert!(chat.get("logprobs").is_none(), "{chat}");
    let odds =
        |token: &str| json!({ "token": token, "logprob": -0.5, "bytes": [1], "top_logprobs": [] });
    let said = json!({ "model": "m", "choices": [{ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": "Yes." }, "logprobs": { "content": [odds("Yes"), odds(".")], "refusal": null } }] });
    let told = heard::whole(Responses, &said);
    assert_eq!(
        told["output"][0]["content"][0]["logprobs"],
        json!([odds("Yes"), odds(".")])
    );
}
