//! Cohere.

use mux_plugin_exchanges::ask::{question, refused, sent, streamed, whole};
use mux_plugin_sdk::{ErrorKind, Finish};
use serde_json::{Value, json};

const MODEL: &str = "command-a-03-2025";

fn event(kind: &'static str, mut data: Value) -> (&'static str, Value) {
    data["type"] = Value::from(kind);
    (kind, data)
}

fn end(reason: &str) -> (&'static str, Value) {
    event(
        "message-end",
        json!({"delta": {"finish_reason": reason, "usage": {
        "billed_units": {"input_tokens": 8, "output_tokens": 5},
        "tokens": {"input_tokens": 1394, "output_tokens": 40}, "cached_tokens": 992}}}),
    )
}

fn call_start(index: u32, id: &str, arguments: &Value) -> (&'static str, Value) {
    event(
        "tool-call-start",
        json!({"index": index, "delta": {"message": {"tool_calls": {
        "id": id, "type": "function", "function": {"name": "look", "arguments": arguments}}}}}),
    )
}

#[test]
fn calls_are_numbered_apart_and_a_call_without_arguments_has_an_object() {
    let heard = streamed(
        "cohere",
        MODEL,
        &[
            event(
                "message-start",
                json!({"id": "m1", "delta": {"message": {"role": "assistant", "content": []}}}),
            ),
            event(
                "tool-plan-delta",
                json!({"delta": {"message": {"tool_plan": "I will "}}}),
            ),
            event(
                "tool-plan-delta",
                json!({"delta": {"message": {"tool_plan": "look."}}}),
            ),
            call_start(3, "look_1", &Value::from("")),
            event(
                "tool-call-delta",
                json!({"index": 3, "delta": {"message": {"tool_calls": {"function": {"arguments": "{\"at\":3}"}}}}}),
            ),
            event("tool-call-end", json!({"index": 3})),
            call_start(7, "look_2", &Value::Null),
            event("tool-call-end", json!({"index": 7})),
            end("TOOL_CALL"),
            ("", Value::from("[DONE]")),
        ],
    );
    let choice = heard.told().choices[&0].clone();
    assert_eq!(choice.text, "");
    assert_eq!(
        choice.thoughts,
        [(String::from("I will look."), String::new())]
    );
    let call = |id: &str, arguments: Value| (String::from(id), String::from("look"), arguments);
    assert_eq!(
        choice.calls,
        [call("look_1", json!({"at": 3})), call("look_2", json!({}))]
    );
    assert_eq!(choice.finish.as_deref(), Some("tool_calls"));
    let mut messages = vec![json!({"role": "user", "content": "Look"})];
    messages.extend(choice.sent_back());
    let (sent, _) = sent("cohere", MODEL, &json!({"messages": messages}));
    assert_eq!(sent["messages"][1]["tool_plan"], "I will look.");
    assert_eq!(sent["messages"][1].get("content"), None);
    assert_eq!(sent["messages"][2]["role"], "tool");
}

#[test]
fn what_is_billed_is_what_is_counted() {
    let heard = streamed("cohere", MODEL, &[end("COMPLETE")]);
    let usage = heard.usage.expect("usage");
    assert_eq!((usage.input, usage.output, usage.cache_read), (8, 5, 0));
    assert!(
        usage
            .other
            .contains(&(String::from("raw_input_tokens"), 1394))
    );
    assert!(
        usage
            .other
            .contains(&(String::from("raw_cached_tokens"), 992))
    );
}

#[test]
fn a_tool_that_must_be_called_is_the_only_one_sent() {
    let named = |name: &str| json!({"type": "function", "function": {"name": name, "parameters": {"type": "object"}}});
    let choice = json!({"type": "function", "function": {"name": "b"}});
    let (sent, warnings) = sent(
        "cohere",
        MODEL,
        &question(&json!({"tools": [named("a"), named("b")], "tool_choice": choice})),
    );
    assert_eq!(sent["tools"], json!([named("b")]));
    assert_eq!(sent["tool_choice"], "REQUIRED");
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn parameters_have_other_names_and_other_bounds() {
    let asked = question(
        &json!({"top_p": 0.9, "top_k": 5, "stop": "x", "seed": 1, "frequency_penalty": -1.0,
        "presence_penalty": 0.5, "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}}}),
    );
    let (sent, warnings) = sent("cohere", MODEL, &asked);
    assert_eq!(
        (&sent["p"], &sent["k"], &sent["stop_sequences"]),
        (&json!(0.9), &json!(5), &json!(["x"]))
    );
    assert_eq!(sent["presence_penalty"], 0.5);
    assert_eq!(sent.get("frequency_penalty"), None);
    assert_eq!(
        sent["response_format"],
        json!({"type": "json_object", "json_schema": {"type": "object"}})
    );
    assert_eq!(warnings, ["`frequency_penalty` was brought to 0"]);
    let several = question(&json!({"n": 2}));
    assert_eq!(refused("cohere", MODEL, &several), "n");
}

#[test]
fn an_answer_that_ends_in_an_error_is_an_error() {
    let heard = streamed(
        "cohere",
        MODEL,
        &[end("ERROR"), ("", Value::from("[DONE]"))],
    );
    assert_eq!(heard.error, Some(ErrorKind::Server));
    assert_eq!(heard.finish, None);
}

#[test]
fn thinking_and_citations_do_not_show_in_the_text() {
    let body = json!({"id": "m", "finish_reason": "STOP_SEQUENCE", "message": {"role": "assistant",
        "content": [{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "Three"}],
        "citations": [{"start": 0, "end": 5, "text": "Three", "sources": []}]},
        "usage": {"billed_units": {"input_tokens": 1, "output_tokens": 2}, "tokens": {"input_tokens": 9, "output_tokens": 9, "reasoning_tokens": 7}}});
    let heard = whole("cohere", MODEL, &body);
    let choice = heard.told().choices[&0].clone();
    assert_eq!(
        (choice.text.as_str(), heard.finish),
        ("Three", Some(Finish::Stop))
    );
    assert_eq!(heard.usage.expect("usage").reasoning, 2);
}

#[test]
fn thinking_in_claudes_words_is_an_effort_where_one_stands_beside_it() {
    let asked = json!({"thinking": {"type": "enabled", "budget_tokens": 4000}, "reasoning_effort": "medium"});
    let (sent, _) = sent("cohere", "command-a-reasoning-08-2025", &question(&asked));
    assert_eq!(
        sent["thinking"],
        json!({"type": "enabled", "token_budget": 8192})
    );
}
