//! Mistral.

use mux_plugin_exchanges::ask::{question, sent, streamed, whole};
use mux_plugin_sdk::{ErrorKind, Finish, Usage};
use serde_json::{Value, json};

const MODEL: &str = "mistral-large-latest";

fn chunk(delta: &Value, finish: Option<&str>) -> (&'static str, Value) {
    let chunk = json!({"id": "1", "object": "chat.completion.chunk", "model": "m", "p": "abc",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
    ("", chunk)
}

fn done() -> (&'static str, Value) {
    ("", Value::from("[DONE]"))
}

#[test]
fn foreign_ids_are_made_to_fit_alike_in_call_and_result() {
    let request = json!({"messages": [
        {"role": "user", "content": "Look"},
        {"role": "assistant", "content": "", "tool_calls": [
            {"id": "toolu_016feRCAQERKZe9apWg1fnsJ", "type": "function", "function": {"name": "look", "arguments": ""}},
            {"id": "Ah0BFgzqX", "type": "function", "function": {"name": "look", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "toolu_016feRCAQERKZe9apWg1fnsJ", "content": "1"},
        {"role": "tool", "tool_call_id": "Ah0BFgzqX", "content": "2"}]});
    let (sent, _) = sent("mistral", MODEL, &request);
    let messages = &sent["messages"];
    let id = messages[1]["tool_calls"][0]["id"].as_str().expect("an id");
    assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(messages[2]["tool_call_id"], id);
    assert_eq!(messages[3]["tool_call_id"], "Ah0BFgzqX");
    assert_eq!(messages[1]["tool_calls"][0]["function"]["arguments"], "{}");
}

#[test]
fn nothing_is_sent_that_would_be_refused_as_unknown() {
    let request = question(
        &json!({"user": "u", "stream_options": {"include_usage": true}, "logit_bias": {"1": 1},
        "max_completion_tokens": 5, "seed": 7, "tool_choice": "required", "store": true, "logprobs": true,
        "tools": [{"type": "function", "function": {"name": "look"}}]}),
    );
    let (sent, warnings) = sent("mistral", MODEL, &request);
    let mut names: Vec<&str> = sent
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "max_tokens",
            "messages",
            "model",
            "random_seed",
            "tool_choice",
            "tools"
        ]
    );
    assert_eq!(sent["tool_choice"], "any");
    assert_eq!(warnings.len(), 4);
}

#[test]
fn a_developer_is_a_system_and_the_last_answer_is_gone_on_with() {
    let request = json!({"messages": [{"role": "developer", "content": "Be brief"},
        {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "He"}]});
    let (sent, _) = sent("mistral", MODEL, &request);
    assert_eq!(sent["messages"][0]["role"], "system");
    assert_eq!(sent["messages"][2]["prefix"], true);
}

#[test]
fn thoughts_and_text_of_one_chunk_are_kept_apart_and_thoughts_come_back() {
    let both = json!({"content": [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}], "closed": true},
        {"type": "text", "text": "Three"}]});
    let heard = streamed(
        "mistral",
        MODEL,
        &[
            chunk(&json!({"role": "assistant", "content": ""}), None),
            chunk(
                &json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Oh. "}]}]}),
                None,
            ),
            chunk(&both, None),
            chunk(&json!({"content": ""}), Some("stop")),
            done(),
        ],
    );
    let choice = heard.told().choices[&0].clone();
    assert_eq!(choice.text, "Three");
    assert_eq!(choice.thoughts, [(String::from("Oh. Hm"), String::new())]);
    let mut messages = choice.sent_back();
    messages.push(json!({"role": "user", "content": "And?"}));
    let (sent, _) = sent("mistral", MODEL, &json!({"messages": messages}));
    let back = json!([{"type": "thinking", "thinking": [{"type": "text", "text": "Oh. Hm"}]},
                      {"type": "text", "text": "Three"}]);
    assert_eq!(sent["messages"][0]["content"], back);
}

#[test]
fn two_calls_of_one_number_are_two_calls() {
    let call = |id: &str| json!({"id": id, "index": 0, "function": {"name": "look", "arguments": "{\"a\":1}"}});
    let calls = json!({"content": "", "tool_calls": [call("aaaaaaaa1"), call("aaaaaaaa2")]});
    let heard = streamed(
        "mistral",
        MODEL,
        &[chunk(&calls, Some("tool_calls")), done()],
    );
    let choice = heard.told().choices[&0].clone();
    assert_eq!(choice.calls.len(), 2);
    assert_eq!(
        choice.calls[1],
        (
            String::from("aaaaaaaa2"),
            String::from("look"),
            json!({"a": 1})
        )
    );
    assert_eq!(heard.finish, Some(Finish::ToolCalls));
}

#[test]
fn a_done_without_a_reason_before_it_is_no_end() {
    let heard = streamed(
        "mistral",
        MODEL,
        &[chunk(&json!({"content": "Thr"}), None), done()],
    );
    assert_eq!(heard.finish, None);
}

#[test]
fn an_answer_that_ends_in_an_error_is_an_error() {
    let heard = streamed(
        "mistral",
        MODEL,
        &[chunk(&json!({"content": "Thr"}), Some("error")), done()],
    );
    assert_eq!(heard.error, Some(ErrorKind::Server));
    let error = json!({"object": "error", "message": "Rate limit exceeded", "type": "rate_limited", "code": "1300"});
    let heard = streamed(
        "mistral",
        MODEL,
        &[chunk(&json!({"content": "Thr"}), None), ("", error)],
    );
    assert!(matches!(heard.error, Some(ErrorKind::RateLimited(_))));
}

#[test]
fn a_full_window_is_a_length_and_cached_tokens_count_by_either_name() {
    let body = json!({"id": "1", "model": "m", "choices": [{"index": 0, "finish_reason": "model_length",
        "message": {"role": "assistant", "content": "x", "tool_calls": null}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10, "num_cached_tokens": 8}});
    let heard = whole("mistral", MODEL, &body);
    assert_eq!(heard.finish, Some(Finish::Length));
    assert_eq!(heard.usage.expect("usage").cache_read, 8);
}

#[test]
fn an_effort_goes_to_models_that_know_one() {
    let asked = question(&json!({"reasoning_effort": "medium"}));
    let (hybrid, warnings) = sent("mistral", "mistral-small-latest", &asked);
    assert_eq!(hybrid["reasoning_effort"], "high");
    assert_eq!(warnings.len(), 1);
    let (never, warnings) = sent("mistral", "codestral-latest", &asked);
    assert_eq!(never.get("reasoning_effort"), None);
    assert_eq!(warnings.len(), 1);
}

#[test]
fn sound_that_is_counted_beside_the_prompt_is_input() {
    let answer = |total: u64| {
        let body = json!({"id": "1", "model": "m", "choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": "x", "tool_calls": null}}],
            "usage": {"prompt_tokens": 11, "completion_tokens": 15, "total_tokens": total,
                      "prompt_tokens_details": {"audio_tokens": 375, "cached_tokens": 9}}});
        whole("mistral", MODEL, &body).usage.expect("usage")
    };
    let usage = answer(401);
    assert_eq!((usage.input, usage.output, usage.cache_read), (386, 15, 9));
    assert_eq!(usage.counted(Usage::AUDIO_INPUT), 375);
    // Where the total says that sound is a part of the prompt, it is.
    assert_eq!(answer(26).input, 11);
}

#[test]
fn an_answer_to_go_on_with_is_marked_and_the_clients_own_mark_is_not_called_lost() {
    let asked = json!({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "So", "prefix": true}]});
    let (sent, warnings) = sent("mistral", MODEL, &asked);
    assert_eq!(sent["messages"][1]["prefix"], true);
    assert_eq!(warnings, Vec::<String>::new());
}
