//! Providers that speak nearly as OpenAI does: what is peculiar to each, and what gateways are known to have got wrong about
//! it. A test a behaviour.
#![expect(clippy::expect_used, reason = "a test")]

use bytes::Bytes;
use http::HeaderMap;
use mux_plugins::exchange::Reading;
use mux_plugins::{Adapter, Exchange, preset};
use mux_wire::fault::UpstreamError;
use mux_wire::usage::Usage;
use serde_json::{Value, json};

#[path = "shared/heard.rs"]
mod heard;
#[path = "shared/shipped.rs"]
mod shipped;
#[path = "shared/stage.rs"]
mod stage;

use heard::{Heard, hear};

fn adapter(kind: &str) -> Adapter {
    let Some(preset) = preset::of(kind) else {
        return shipped::adapter(kind);
    };
    let adapter = shipped::adapter(preset.adapter);
    adapter.with(preset.quirks()).expect("quirks")
}

/// A chunk of a stream.
fn chunk(delta: &Value, finish: Option<&str>) -> Value {
    json!({"id": "c1", "object": "chat.completion.chunk", "model": "m",
           "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
}

/// Events as they are on the wire.
fn events(chunks: &[Value], done: bool) -> String {
    let each = chunks.iter().map(|chunk| format!("data: {chunk}\n\n"));
    let end = done.then(|| "data: [DONE]\n\n".to_owned());
    each.chain(end).collect()
}

/// A stream, heard whole and split at every byte.
fn streamed(kind: &str, body: &str) -> Heard {
    let adapter = adapter(kind);
    let asked = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "Hi"}],
                       "stream_options": {"include_usage": true}});
    let asked = Bytes::from(asked.to_string());
    let plan = adapter
        .plan(&stage::call(&asked, "m", true))
        .expect("a plain question");
    let heard = hear(&adapter, &plan, [body.as_bytes()]).expect("an answer");
    for at in 1..body.len() {
        let (before, after) = body.as_bytes().split_at(at);
        let split = hear(&adapter, &plan, [before, after]).expect("an answer");
        assert_eq!(split, heard, "split at {at}");
    }
    heard
}

/// The same as a client puts it together.
fn read(kind: &str, body: &str) -> Reading {
    let recorded = json!({"request": {"body": {"model": "m"}}, "response": {"status": 200, "body_text": body,
        "headers": {"content-type": "text/event-stream"}}});
    let exchange = Exchange::read(recorded.to_string().as_bytes()).expect("an exchange");
    exchange.reading(&adapter(kind)).expect("an answer")
}

fn refused(kind: &str, status: u16, body: &Value) -> UpstreamError {
    adapter(kind).map_error(status, &HeaderMap::new(), body.to_string().as_bytes())
}

fn call(index: u64, arguments: &str) -> Value {
    json!({"tool_calls": [{"index": index, "id": format!("call_{index}"), "type": "function",
                           "function": {"name": "look", "arguments": arguments}}]})
}

fn counts(input: u64, output: u64) -> Value {
    json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output})
}

#[test]
fn groqs_error_event_in_the_middle_of_a_stream_is_an_error_and_no_end() {
    let error = json!({"error": {"message": "Failed to call a function.", "type": "invalid_request_error",
        "code": "tool_use_failed", "failed_generation": "<look>", "status_code": 400}});
    let begun = events(
        &[chunk(&json!({"role": "assistant", "content": "Hel"}), None)],
        false,
    );
    let heard = streamed("groq", &format!("{begun}event: error\ndata: {error}\n\n"));
    assert!(heard.error.is_some() && heard.content);
    assert_eq!((heard.terminal, &heard.finish), (false, &None));
}

#[test]
fn openrouters_error_in_a_chunk_is_an_error_though_a_done_follows() {
    let mut broken = chunk(&json!({"content": ""}), Some("error"));
    broken["error"] = json!({"code": 502, "message": "Provider disconnected"});
    let body = events(
        &[
            chunk(&json!({"role": "assistant", "content": "Hel"}), None),
            broken,
        ],
        true,
    );
    let heard = streamed("openrouter", &body);
    assert!(heard.error.is_some());
    let told = read("openrouter", &body);
    assert_ne!(told.class, "ok");
}

#[test]
fn chunks_without_choices_neither_begin_nor_end_nor_break_a_stream() {
    let opening = json!({"choices": [], "created": 0, "id": "", "model": "", "object": "",
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}]});
    let late = json!({"choices": [], "id": "c1", "model": "m", "object": "chat.completion.chunk", "usage": counts(9, 2)});
    let body = events(
        &[
            opening,
            chunk(&json!({"role": "assistant", "content": ""}), None),
            chunk(&json!({"content": "Hello"}), None),
            chunk(&json!({}), Some("stop")),
            late,
        ],
        true,
    );
    for kind in ["openai", "openai-compatible", "groq"] {
        let heard = streamed(kind, &body);
        assert_eq!(
            heard.bytes,
            body.as_bytes(),
            "{kind}: the role of the first chunk is the client's"
        );
        assert_eq!(
            (heard.terminal, heard.finish.as_deref()),
            (true, Some("stop")),
            "{kind}"
        );
        assert_eq!(
            heard.usage.map(|u| (u.input, u.output)),
            Some((9, 2)),
            "{kind}"
        );
        assert_eq!(read(kind, &body).text, "Hello");
    }
}

#[test]
fn groqs_three_copies_of_one_usage_count_once() {
    let mut finish = chunk(&json!({}), Some("stop"));
    finish["usage"] = counts(30, 4);
    finish["x_groq"] = json!({"id": "req_1", "usage": counts(30, 4)});
    let copy = json!({"id": "c1", "object": "chat.completion.chunk", "choices": [], "usage": counts(30, 4)});
    let spoken = chunk(&json!({"role": "assistant", "content": "Hi"}), None);
    let thrice = streamed(
        "groq",
        &events(&[spoken.clone(), finish.clone(), copy], true),
    );
    finish.as_object_mut().expect("an object").remove("usage");
    let hidden = streamed("groq", &events(&[spoken, finish], true));
    for heard in [thrice, hidden] {
        assert_eq!(heard.usage.map(|u| (u.input, u.output)), Some((30, 4)));
    }
}

#[test]
fn perplexitys_last_event_repeats_the_message_and_adds_nothing() {
    let mut first = chunk(&json!({"role": "assistant", "content": "Hel"}), None);
    first["choices"][0]["message"] = json!({"role": "assistant", "content": "Hel"});
    first["usage"] = counts(5, 1);
    let mut last = chunk(&json!({"role": "assistant", "content": ""}), Some("stop"));
    last["object"] = json!("chat.completion.done");
    last["choices"][0]["message"] = json!({"role": "assistant", "content": "Hello"});
    last["usage"] = counts(5, 2);
    let body = events(
        &[first, chunk(&json!({"content": "lo"}), None), last],
        false,
    )
    .replace('\n', "\r\n");
    let heard = streamed("perplexity", &body);
    assert!(heard.terminal, "it sends no `[DONE]`");
    assert_eq!(
        heard.output_bytes, 5,
        "what is repeated is not written twice"
    );
    assert_eq!(
        heard.usage.map(|u| (u.input, u.output)),
        Some((5, 2)),
        "counts are running totals"
    );
    let told = read("perplexity", &body);
    assert_eq!((told.text.as_str(), told.class.as_str()), ("Hello", "ok"));
}

#[test]
fn a_stop_after_calls_is_read_as_calls_and_the_bytes_stay_the_providers_own() {
    let body = events(
        &[
            chunk(&json!({"role": "assistant", "content": null}), None),
            chunk(&call(0, ""), None),
            chunk(
                &json!({"tool_calls": [{"index": 0, "function": {"arguments": "{\"at\":3}"}}]}),
                None,
            ),
            chunk(&json!({}), Some("stop")),
        ],
        true,
    );
    let told = read("openai-compatible", &body);
    assert_eq!(told.finish_reason.as_deref(), Some("tool_calls"));
    assert_eq!(told.tool_calls[0].arguments, json!({"at": 3}));
    assert_eq!(streamed("openai-compatible", &body).bytes, body.as_bytes());
}

#[test]
fn whole_calls_and_pieces_of_calls_are_told_apart_by_their_numbers() {
    let body = events(
        &[
            chunk(&call(0, "{\"at\":"), None),
            chunk(&call(1, "{}"), None),
            chunk(
                &json!({"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]}),
                None,
            ),
            chunk(&json!({}), Some("tool_calls")),
        ],
        true,
    );
    let told = read("openai-compatible", &body);
    let arguments: Vec<&Value> = told.tool_calls.iter().map(|call| &call.arguments).collect();
    assert_eq!(arguments, [&json!({"at": 1}), &json!({})]);
}

#[test]
fn a_rate_limit_in_the_words_of_a_bad_request_is_a_rate_limit() {
    let said = json!({"error": {"object": "error", "type": "invalid_request_error", "message": "rate limit exceeded, please try again later"}});
    assert_eq!(
        refused("fireworks", 429, &said).kind.as_str(),
        "rate-limited"
    );
    let said = json!({"error": "Too Many Requests", "message": "slow down"});
    assert_eq!(
        refused("fireworks", 429, &said).kind.as_str(),
        "rate-limited"
    );
    let said = json!({"error": {"message": "You exceeded your current quota", "type": "insufficient_quota", "code": "insufficient_quota"}});
    assert_eq!(
        refused("openai", 429, &said).kind.as_str(),
        "quota-exhausted",
        "no wait gives money"
    );
}

#[test]
fn a_bad_key_and_an_unknown_model_are_known_under_a_status_of_400() {
    let key = json!({"code": "invalid-argument", "error": "Incorrect API key provided: xa***. You can obtain an API key from https://console.x.ai."});
    assert_eq!(refused("xai", 400, &key).kind.as_str(), "authentication");
    let model = json!({"error": {"message": "The requested model 'nope' does not exist.", "type": "invalid_request_error", "param": "model", "code": "model_not_found"}});
    assert_eq!(
        refused("openai", 400, &model).kind.as_str(),
        "model-not-found"
    );
    let model = json!({"error": {"code": 400, "message": "nope/nope is not a valid model ID"}, "user_id": "u"});
    assert_eq!(
        refused("openrouter", 400, &model).kind.as_str(),
        "model-not-found"
    );
}

#[test]
fn a_server_without_an_ability_says_so_with_a_5xx_and_is_not_asked_again() {
    let said = json!({"error": {"code": 501, "message": "This server does not support tools. Start it with `--jinja`", "type": "not_supported_error"}});
    for status in [500, 501] {
        assert_eq!(
            refused("llama-cpp", status, &said).kind.as_str(),
            "invalid-request",
            "{status}"
        );
    }
    let said = json!({"error": {"code": 400, "message": "the request exceeds the available context size", "type": "exceed_context_size_error", "n_ctx": 4096}});
    assert_eq!(
        refused("llama-cpp", 400, &said).kind.as_str(),
        "context-length"
    );
}

#[test]
fn a_call_the_model_got_wrong_may_be_tried_again() {
    let said = json!({"error": {"message": "Failed to call a function. Please adjust your prompt.", "type": "invalid_request_error", "code": "tool_use_failed", "failed_generation": "<look>"}});
    let error = refused("groq", 400, &said);
    assert_ne!(
        error.kind.as_str(),
        "invalid-request",
        "the request was good"
    );
}

#[test]
fn what_missed_deepseeks_cache_was_not_written_to_it() {
    let mut last = chunk(&json!({"content": ""}), Some("stop"));
    last["usage"] = json!({"prompt_tokens": 100, "completion_tokens": 9, "total_tokens": 109,
        "prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 36, "prompt_tokens_details": {"cached_tokens": 64}});
    let heard = streamed(
        "deepseek",
        &events(&[chunk(&json!({"content": "Hi"}), None), last], true),
    );
    let wanted = Usage {
        input: 100,
        output: 9,
        cache_read: 64,
        ..Usage::default()
    };
    assert_eq!(heard.usage, Some(wanted));
}

#[test]
fn what_deepseek_thought_is_shown_and_sent_back_as_it_was() {
    let body = events(
        &[
            chunk(
                &json!({"role": "assistant", "content": null, "reasoning_content": "A tool, "}),
                None,
            ),
            chunk(&json!({"reasoning_content": "then."}), None),
            chunk(&call(0, "{}"), None),
            chunk(&json!({}), Some("tool_calls")),
        ],
        true,
    );
    let told = read("deepseek", &body);
    assert_eq!(told.reasoning, "A tool, then.");
    assert!(
        streamed("deepseek", &body).content,
        "thinking commits to an answer, too"
    );
    let back = json!({"model": "m", "messages": [
        {"role": "user", "content": "Look"},
        {"role": "assistant", "content": null, "reasoning_content": told.reasoning, "tool_calls": call(0, "{}")["tool_calls"]},
        {"role": "tool", "tool_call_id": "call_0", "content": "3"}]});
    let asked = Bytes::from(back.to_string());
    let plan = adapter("deepseek")
        .plan(&stage::call(&asked, "m", false))
        .expect("a question");
    let sent: Value = serde_json::from_slice(&plan.body.concat()).expect("json");
    assert_eq!(sent["messages"], back["messages"]);
}

#[test]
fn more_reasoning_than_answer_is_cut_down_to_the_answer() {
    let mut last = chunk(&json!({}), Some("stop"));
    last["usage"] = counts(10, 5);
    last["usage"]["completion_tokens_details"] = json!({"reasoning_tokens": 7});
    let heard = streamed(
        "openai-compatible",
        &events(&[chunk(&json!({"content": "Hi"}), None), last], true),
    );
    assert_eq!(heard.usage.map(|u| (u.output, u.reasoning)), Some((5, 5)));
}

#[test]
fn a_reason_that_comes_twice_is_one_and_a_togethers_eos_is_a_stop() {
    let twice = events(
        &[
            chunk(&json!({"role": "assistant", "content": "Hi"}), None),
            chunk(&json!({"role": "assistant", "content": ""}), Some("stop")),
            chunk(&json!({"role": "assistant", "content": ""}), Some("stop")),
        ],
        true,
    );
    let told = read("openrouter", &format!(": OPENROUTER PROCESSING\n\n{twice}"));
    assert_eq!(
        (told.text.as_str(), told.finish_reason.as_deref()),
        ("Hi", Some("stop"))
    );
    let mut last = chunk(&json!({"content": "Hi"}), Some("eos"));
    last["choices"][0]["text"] = json!("Hi");
    let told = read("together", &events(&[last], true));
    assert_eq!(
        (told.text.as_str(), told.finish_reason.as_deref()),
        ("Hi", Some("stop"))
    );
}

#[test]
fn a_stream_that_is_cut_never_says_stop() {
    let body = events(
        &[chunk(&json!({"role": "assistant", "content": "Hel"}), None)],
        false,
    );
    let heard = streamed("openai-compatible", &body);
    assert_eq!((heard.terminal, heard.finish), (false, None));
    let told = read("openai-compatible", &body);
    assert_eq!(told.class, "bad-response");
}
