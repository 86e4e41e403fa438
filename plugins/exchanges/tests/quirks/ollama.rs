//! Ollama.

use mux_plugin_exchanges::ask::{plan, question, refused, sent, streamed};
use mux_plugin_sdk::{ErrorKind, Finish, Framing};
use serde_json::{Value, json};

const MODEL: &str = "qwen3:4b";

fn line(message: &Value, done: bool) -> (&'static str, Value) {
    let mut line = json!({"model": MODEL, "created_at": "x", "message": message, "done": done});
    if done {
        line["done_reason"] = Value::from("stop");
        line["eval_count"] = Value::from(4);
    }
    ("", line)
}

#[test]
fn calls_end_an_answer_with_tool_calls_though_ollama_says_stop() {
    let calls = json!({"role": "assistant", "content": "", "tool_calls": [
        {"function": {"name": "look", "arguments": {"at": 3}}},
        {"id": "call_x", "function": {"index": 1, "name": "look", "arguments": {}}}]});
    let silent = json!({"role": "assistant", "content": ""});
    let heard = streamed("ollama", MODEL, &[line(&calls, false), line(&silent, true)]);
    assert_eq!(heard.finish, Some(Finish::ToolCalls));
    let choice = heard.told().choices[&0].clone();
    assert!(
        !choice.calls[0].0.is_empty(),
        "an id is made where there is none"
    );
    assert_eq!(choice.calls[1].0, "call_x");
    assert_eq!(choice.calls[0].2, json!({"at": 3}));
    // Nothing is said of a prompt that was in the cache.
    assert_eq!(heard.usage.expect("usage").input, 0);
}

#[test]
fn thinking_comes_back_and_results_have_their_tools_name() {
    let thought = json!({"role": "assistant", "content": "", "thinking": "Hm"});
    let call = json!({"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "function": {"name": "look", "arguments": {"at": 3}}}]});
    let heard = streamed("ollama", MODEL, &[line(&thought, false), line(&call, true)]);
    let mut messages = vec![json!({"role": "user", "content": "Look"})];
    messages.extend(heard.told().choices[&0].sent_back());
    let (sent, _) = sent("ollama", MODEL, &json!({"messages": messages}));
    assert_eq!(sent["messages"][1]["thinking"], "Hm");
    assert_eq!(
        sent["messages"][1]["tool_calls"][0]["function"],
        json!({"name": "look", "arguments": {"at": 3}})
    );
    assert_eq!(sent["messages"][2]["tool_name"], "look");
}

#[test]
fn images_are_bare_base64_and_none_is_fetched() {
    let with = |url: &str| {
        json!({"messages": [{"role": "user", "content": [
        {"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": url}}]}]})
    };
    let (sent, _) = sent("ollama", MODEL, &with("data:image/png;base64,aGk="));
    assert_eq!(
        sent["messages"][0],
        json!({"role": "user", "content": "What?", "images": ["aGk="]})
    );
    assert_eq!(
        refused("ollama", MODEL, &with("https://a.example/b.png")),
        "messages[0].content[1]"
    );
}

#[test]
fn it_is_told_not_to_stream_where_it_is_not_to() {
    let (sent, _) = sent("ollama", MODEL, &question(&json!({})));
    assert_eq!(sent["stream"], false);
    let plan = plan("ollama", MODEL, &question(&json!({})), true).expect("a plan");
    assert_eq!(plan.reply.framing, Framing::Ndjson);
}

#[test]
fn a_call_that_cannot_be_forced_is_said() {
    let tool = json!({"type": "function", "function": {"name": "look"}});
    let (required, warnings) = sent(
        "ollama",
        MODEL,
        &question(&json!({"tools": [tool], "tool_choice": "required"})),
    );
    assert_eq!(required["tools"], json!([tool]));
    assert!(warnings[0].contains("`tool_choice`"));
    let (none, warnings) = sent(
        "ollama",
        MODEL,
        &question(&json!({"tools": [tool], "tool_choice": "none"})),
    );
    assert_eq!(none.get("tools"), None);
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn thinking_is_a_switch_or_a_level_by_the_model() {
    let asked = |effort: &str| question(&json!({"reasoning_effort": effort}));
    let think = |model, effort| sent("ollama", model, &asked(effort)).0["think"].clone();
    assert_eq!(think(MODEL, "low"), true);
    assert_eq!(think(MODEL, "none"), false);
    assert_eq!(think("gpt-oss:20b", "medium"), "medium");
}

#[test]
fn an_error_in_a_line_is_an_error() {
    let said = json!({"role": "assistant", "content": "Thr"});
    let heard = streamed(
        "ollama",
        MODEL,
        &[
            line(&said, false),
            (
                "",
                json!({"error": "an error was encountered while running the model"}),
            ),
        ],
    );
    assert_eq!(heard.error, Some(ErrorKind::Server));
    assert_eq!(heard.finish, None);
}

#[test]
fn a_stream_that_is_cut_never_says_stop() {
    let said = json!({"role": "assistant", "content": "Thr"});
    assert_eq!(
        streamed("ollama", MODEL, &[line(&said, false)]).finish,
        None
    );
}
