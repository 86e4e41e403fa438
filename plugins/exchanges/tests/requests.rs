//! Every recorded chat request, whoever it was for, can be asked of every adapter that translates: it is sent, or refused
//! as something this provider cannot do, and nothing is lost without a word.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test")]

use std::collections::BTreeMap;

use mux_plugin_exchanges::ask::{question, sent};
use mux_plugin_exchanges::guest::{Guest, ctx};
use mux_plugin_exchanges::recording::{Recording, folder, json_of};
use mux_plugin_sdk::{BodyPlan, Fault};
use serde_json::{Value, json};

/// Adapters, each with a model that can do much.
const ADAPTERS: [(&str, &str); 8] = [
    ("anthropic", "claude-sonnet-4-5"),
    ("bedrock", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ("cohere", "command-a-03-2025"),
    ("gemini", "gemini-3-flash-preview"),
    ("mistral", "mistral-large-latest"),
    ("ollama", "qwen3:4b"),
    ("vertex", "claude-sonnet-4-5@20250929"),
    ("vertex", "gemini-2.5-pro"),
];

/// What a body says in text, wherever it says it.
fn texts(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|value| texts(value, into)),
        Value::Object(map) => map.values().for_each(|value| texts(value, into)),
        _ => {}
    }
}

/// Every text and every name of a tool has to arrive.
fn check_nothing_lost(file: &str, adapter: &str, request: &Value, sent: &Value) {
    let mut all = Vec::new();
    texts(sent, &mut all);
    let all = all.join("\n");
    for message in request["messages"].as_array().expect("messages") {
        let mut said = Vec::new();
        match &message["content"] {
            Value::String(text) => said.push(text.as_str()),
            parts => said.extend(
                parts
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|part| part["text"].as_str()),
            ),
        }
        let calls = message["tool_calls"].as_array().into_iter().flatten();
        said.extend(calls.filter_map(|call| call["function"]["name"].as_str()));
        for text in said {
            // A result that is an object is sent as one, and an answer to go on with loses the space at its end.
            let object = text.trim_start().starts_with('{');
            if !object && !text.trim().is_empty() {
                assert!(
                    all.contains(text.trim_end()),
                    "{file}: {adapter} loses {text:?}"
                );
            }
        }
    }
    // A choice may leave some of the tools, or none.
    let none = request["tool_choice"] == "none" || request["tool_choice"].is_object();
    for tool in request["tools"].as_array().into_iter().flatten() {
        let name = tool["function"]["name"].as_str().unwrap_or_default();
        assert!(
            none || all.contains(name),
            "{file}: {adapter} loses the tool {name}"
        );
    }
}

#[test]
fn every_recorded_chat_request_can_be_asked_of_every_provider() {
    let Some(folder) = folder() else {
        println!(
            "skipped: no recorded traffic here; set MUX_TRAFFIC_DIR to the folder with its index.json"
        );
        return;
    };
    let index = json_of(&folder.join("index.json"));
    let guests: Vec<(Guest, &str, &str)> = ADAPTERS
        .iter()
        .map(|(adapter, model)| (Guest::named(adapter), *adapter, *model))
        .collect();
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut refusals: BTreeMap<String, usize> = BTreeMap::new();
    for entry in index["entries"].as_array().expect("entries") {
        // Mistral's own has words of its own.
        let ours = entry["api"] == "chat_completions" && entry["provider"] != "mistral";
        if !ours || entry["status"] != 200 {
            continue;
        }
        let recording = Recording::read(&folder, entry);
        if !recording.request["messages"].is_array() {
            continue;
        }
        let body = recording.request.to_string();
        for (guest, adapter, model) in &guests {
            let count = counts.entry(format!("{adapter} {model}")).or_default();
            match (guest.prepare)(&ctx(model, recording.is_stream()), body.as_bytes()) {
                Ok(plan) => {
                    let BodyPlan::Replace(sent) = plan.body else {
                        panic!("{adapter} sends no body of its own")
                    };
                    let sent: Value = serde_json::from_slice(&sent).expect("json");
                    check_nothing_lost(&recording.file, adapter, &recording.request, &sent);
                    count.0 += 1;
                }
                Err(Fault::Unsupported(bad)) => {
                    count.1 += 1;
                    *refusals.entry(bad.message).or_default() += 1;
                }
                Err(fault) => wrong.push(format!("{}: {adapter}: {fault:?}", recording.file)),
            }
        }
    }
    println!("{:60} {:>6} {:>8}", "adapter and model", "sent", "refused");
    for (adapter, (sent, refused)) in &counts {
        println!("{adapter:60} {sent:>6} {refused:>8}");
        assert!(sent > refused, "{adapter} refuses more than it sends");
    }
    for (why, count) in &refusals {
        println!("{count:>4} refused: {why}");
    }
    assert!(wrong.is_empty(), "{} called wrong: {wrong:#?}", wrong.len());
}

/// What is said of fields of these names.
fn named<'a>(warnings: &'a [String], name: &str) -> Vec<&'a String> {
    let quoted = format!("`{name}`");
    warnings.iter().filter(|w| w.contains(&quoted)).collect()
}

#[test]
fn a_field_that_an_adapter_does_not_read_is_named() {
    let asked = question(
        &json!({"min_p": 0.1, "store": true, "provider": {"order": ["a"]}, "transforms": [], "echo": false}),
    );
    for (adapter, model) in ADAPTERS {
        let (_, warnings) = sent(adapter, model, &asked);
        for name in ["min_p", "store", "provider"] {
            assert_eq!(
                named(&warnings, name).len(),
                1,
                "{adapter}: {name} in {warnings:?}"
            );
        }
        assert_eq!(warnings.len(), 3, "{adapter}: {warnings:?}");
    }
}

#[test]
fn a_mark_for_the_cache_reaches_those_that_take_it_and_is_named_by_the_rest() {
    let mark = json!({"type": "ephemeral"});
    let part = json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": mark}]}]});
    let message = json!({"messages": [{"role": "user", "content": "Hi", "cache_control": mark}]});
    let tool = json!({"tools": [{"type": "function", "cache_control": mark,
        "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]});
    let said = json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "what is \"cache_control\"?"}]}]});
    for (adapter, model) in ADAPTERS {
        let takes = ["anthropic", "bedrock"].contains(&adapter) || model.starts_with("claude");
        for marked in [&part, &message, &tool] {
            let (sent, warnings) = sent(adapter, model, &question(marked));
            let told = named(&warnings, "cache_control").len();
            assert_eq!(told, usize::from(!takes), "{adapter}: {warnings:?}");
            let sent = sent.to_string();
            let arrived = sent.contains("cache_control") || sent.contains("cachePoint");
            assert_eq!(arrived, takes, "{adapter}: {sent}");
        }
        let (_, warnings) = sent(adapter, model, &question(&said));
        assert!(warnings.is_empty(), "{adapter}: {warnings:?}");
    }
}

#[test]
fn what_lies_deeper_and_is_not_read_is_named_once_by_the_way_to_it() {
    let call = |id: &str| json!({"id": id, "type": "function", "index": 0, "custom": {"a": 1}, "function": {"name": "f", "arguments": "{}", "version": 2}});
    let asked = json!({
        "stream_options": {"include_usage": true, "include_obfuscation": true},
        "response_format": {"type": "json_object", "schema": {"type": "object"}},
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "a", "weight": 2, "annotations": []},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "high"}}]},
            {"role": "assistant", "content": "b", "images": [{"type": "image_url"}], "tool_calls": [call("c1"), call("c2")]},
            {"role": "tool", "tool_call_id": "c1", "content": "d", "is_error": true},
            {"role": "tool", "tool_call_id": "c2", "content": "d", "is_error": true},
            {"role": "user", "content": "e", "weight": 1}, {"role": "user", "content": "e", "weight": 1, "ttl": null}]});
    for (adapter, model) in ADAPTERS {
        let (_, warnings) = sent(adapter, model, &asked);
        for name in [
            "stream_options.include_obfuscation",
            "messages[].content[].weight",
            "messages[].content[].image_url.detail",
            "messages[].images",
            "messages[].tool_calls[].custom",
            "messages[].tool_calls[].function.version",
            "messages[].is_error",
            "messages[].weight",
        ] {
            let said = format!("`{name}` was dropped");
            let times = warnings.iter().filter(|w| **w == said).count();
            assert_eq!(times, 1, "{adapter}: {name} in {warnings:?}");
        }
        // Mistral is sent the format as it came.
        let lost = usize::from(adapter != "mistral");
        assert_eq!(
            named(&warnings, "response_format.schema").len(),
            lost,
            "{adapter}: {warnings:?}"
        );
        let bare = |w: &&String| w.ends_with(" was dropped");
        let all = warnings.iter().filter(bare).count();
        assert_eq!(all, 8 + lost, "{adapter}: {warnings:?}");
    }
}

#[test]
fn a_tools_fields_are_named_where_it_is_written_anew_and_arrive_elsewhere() {
    let asked = question(
        &json!({"tools": [{"type": "function", "defer_loading": true, "eager": false,
        "function": {"name": "f", "parameters": {"type": "object", "properties": {}}, "response": {"type": "string"}, "strict": false}}]}),
    );
    for (adapter, model) in ADAPTERS {
        let (sent, warnings) = sent(adapter, model, &asked);
        if ["cohere", "mistral", "ollama"].contains(&adapter) {
            assert_eq!(sent["tools"], asked["tools"], "{adapter}");
            assert_eq!(warnings, Vec::<String>::new(), "{adapter}");
        } else {
            assert_eq!(
                warnings,
                [
                    "`tools[].defer_loading` was dropped",
                    "`tools[].function.response` was dropped"
                ],
                "{adapter}"
            );
        }
    }
}

#[test]
fn what_a_choice_among_tools_asks_for_beyond_its_form_is_named() {
    let tool = |name: &str| json!({"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}});
    let allowed = |more: Value| {
        let mut allowed =
            json!({"mode": "auto", "tools": [{"type": "function", "function": {"name": "a"}}]});
        allowed["most"] = more;
        question(&json!({"tools": [tool("a"), tool("b")],
            "tool_choice": {"type": "allowed_tools", "allowed_tools": allowed}}))
    };
    for (adapter, model) in ADAPTERS {
        let (_, warnings) = sent(adapter, model, &allowed(json!(2)));
        let said = ["`tool_choice.allowed_tools.most` was dropped"];
        assert_eq!(warnings, said, "{adapter}");
        let (_, warnings) = sent(adapter, model, &allowed(Value::Null));
        assert_eq!(warnings, Vec::<String>::new(), "{adapter}");
    }
}

#[test]
fn an_answer_that_comes_back_as_mux_wrote_it_loses_nothing() {
    let answer = json!({"role": "assistant", "content": "b", "refusal": null, "annotations": [], "audio": null, "function_call": null,
        "reasoning_details": [{"type": "reasoning.text", "text": "Hm", "signature": "s", "provider": "elsewhere", "index": 0, "format": "x"}],
        "extra_content": {"elsewhere": {"seal": "s"}},
        "tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"},
            "extra_content": {"google": {"thought_signature": "s"}}}]});
    let asked = json!({
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}],
        "messages": [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "auto"}}]},
            answer, {"role": "tool", "tool_call_id": "c1", "content": "d", "extra_content": {"anthropic": {"is_error": true}}},
            {"role": "assistant", "content": null, "refusal": "I will not."}, {"role": "user", "content": "e"},
            {"role": "assistant", "content": "", "refusal": "Nor that."}, {"role": "user", "content": "e"}]});
    for (adapter, model) in ADAPTERS {
        let (sent, warnings) = sent(adapter, model, &asked);
        assert_eq!(warnings, Vec::<String>::new(), "{adapter}");
        let sent = sent.to_string();
        assert!(sent.contains("I will not."), "{adapter}: {sent}");
        assert!(sent.contains("Nor that."), "{adapter}: {sent}");
    }
}
