//! Gemini, here and at Vertex.

use mux_plugin_exchanges::ask::{question, refused, sent, streamed, whole};
use mux_plugin_exchanges::told::Choice;
use mux_plugin_sdk::{ErrorKind, Finish, Usage};
use serde_json::{Value, json};

const OLD: &str = "gemini-2.5-flash";
const NEW: &str = "gemini-3-flash-preview";

fn tool() -> Value {
    json!({"type": "function", "function": {"name": "look", "parameters": {
        "type": "object", "$schema": "x", "additionalProperties": false,
        "properties": {"at": {"type": "integer", "exclusiveMinimum": 0, "const": 3}}}}})
}

fn call(id: &str, signature: &str) -> Value {
    let mut call = json!({"id": id, "type": "function", "function": {"name": "look", "arguments": "{\"at\":3}"}});
    if !signature.is_empty() {
        call["extra_content"] = json!({"google": {"thought_signature": signature}});
    }
    call
}

fn history(calls: &[Value]) -> Value {
    let results = calls.iter().enumerate().map(|(place, call)| {
        json!({"role": "tool", "tool_call_id": call["id"], "content": format!("result {place}")})
    });
    let mut messages = vec![
        json!({"role": "user", "content": "Look"}),
        json!({"role": "assistant", "content": null, "tool_calls": calls}),
    ];
    messages.extend(results);
    messages.push(json!({"role": "user", "content": "Well?"}));
    json!({"model": "@any", "messages": messages, "tools": [tool()]})
}

fn candidate(parts: &Value, finish: Option<&str>) -> Value {
    let mut candidate = json!({"content": {"role": "model", "parts": parts}, "index": 0});
    if let Some(finish) = finish {
        candidate["finishReason"] = Value::from(finish);
    }
    json!({"candidates": [candidate], "responseId": "r1", "modelVersion": "gemini-x",
           "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 2, "thoughtsTokenCount": 5, "totalTokenCount": 14}})
}

fn first(heard: &mux_plugin_exchanges::hear::Heard) -> Choice {
    heard.told().choices[&0].clone()
}

#[test]
fn results_of_one_answer_go_back_in_one_turn_before_anything_else() {
    let (sent, _) = sent("gemini", OLD, &history(&[call("a", ""), call("b", "")]));
    let turns = sent["contents"].as_array().expect("turns");
    assert_eq!(turns.len(), 3);
    let last = &turns[2]["parts"];
    assert_eq!(
        last[0]["functionResponse"]["response"],
        json!({"output": "result 0"})
    );
    assert_eq!(last[1]["functionResponse"]["id"], "b");
    assert_eq!(last[2]["text"], "Well?");
}

#[test]
fn a_result_is_sent_under_the_name_its_call_had() {
    let (sent, _) = sent("gemini", OLD, &history(&[call("a", "")]));
    assert_eq!(
        sent["contents"][2]["parts"][0]["functionResponse"]["name"],
        "look"
    );
    let lost = json!({"messages": [{"role": "tool", "tool_call_id": "x", "content": "?"}]});
    assert_eq!(refused("gemini", OLD, &lost), "messages[0].tool_call_id");
}

#[test]
fn schema_keywords_outside_the_old_subset_are_sent_untouched() {
    let (sent, _) = sent("gemini", OLD, &question(&json!({"tools": [tool()]})));
    let declared = &sent["tools"][0]["functionDeclarations"][0];
    assert_eq!(
        declared["parametersJsonSchema"],
        tool()["function"]["parameters"]
    );
    assert_eq!(declared.get("parameters"), None);
}

#[test]
fn the_signature_of_a_streamed_call_comes_back_with_it() {
    let heard = streamed(
        "gemini",
        NEW,
        &[(
            "",
            candidate(
                &json!([{"functionCall": {"name": "look", "args": {"at": 3}}, "thoughtSignature": "c2ln"},
                        {"functionCall": {"name": "look", "args": {}}}]),
                Some("STOP"),
            ),
        )],
    );
    let choice = first(&heard);
    assert_eq!(choice.calls[1].2, json!({}));
    let mut messages = vec![json!({"role": "user", "content": "Look"})];
    messages.extend(choice.sent_back());
    let (sent, warnings) = sent("gemini", NEW, &json!({"messages": messages}));
    let parts = &sent["contents"][1]["parts"];
    assert_eq!(parts[0]["thoughtSignature"], "c2ln");
    assert_eq!(parts[1].get("thoughtSignature"), None);
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn the_signature_of_a_text_comes_back_with_it() {
    let heard = streamed(
        "gemini",
        NEW,
        &[
            ("", candidate(&json!([{"text": "Three"}]), None)),
            (
                "",
                candidate(
                    &json!([{"text": "", "thoughtSignature": "c2Vh"}]),
                    Some("STOP"),
                ),
            ),
        ],
    );
    let mut messages = first(&heard).sent_back();
    messages.push(json!({"role": "user", "content": "And?"}));
    let (sent, _) = sent("gemini", NEW, &json!({"messages": messages}));
    assert_eq!(
        sent["contents"][0]["parts"],
        json!([{"text": "Three", "thoughtSignature": "c2Vh"}])
    );
}

#[test]
fn a_call_another_model_made_gets_the_stand_in_where_one_is_wanted() {
    let (new, warnings) = sent("gemini", NEW, &history(&[call("a", ""), call("b", "")]));
    let parts = &new["contents"][1]["parts"];
    assert_eq!(
        parts[0]["thoughtSignature"],
        "skip_thought_signature_validator"
    );
    assert_eq!(parts[1].get("thoughtSignature"), None);
    assert_eq!(warnings.len(), 1);
    let (old, warnings) = sent("gemini", OLD, &history(&[call("a", "")]));
    assert_eq!(old["contents"][1]["parts"][0].get("thoughtSignature"), None);
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn an_effort_is_a_budget_or_a_level_and_never_both() {
    let asked = question(&json!({"reasoning_effort": "low"}));
    let of = |model| sent("gemini", model, &asked).0["generationConfig"]["thinkingConfig"].clone();
    assert_eq!(
        of(OLD),
        json!({"thinkingBudget": 1024, "includeThoughts": true})
    );
    assert_eq!(
        of(NEW),
        json!({"thinkingLevel": "low", "includeThoughts": true})
    );
    assert_eq!(of("gemini-2.0-flash"), Value::Null);
    let (_, warnings) = sent("gemini", "gemini-2.0-flash", &asked);
    assert!(warnings[0].contains("`reasoning_effort`"));
}

#[test]
fn json_beside_tools_is_refused_where_the_model_cannot() {
    let asked = question(&json!({"tools": [tool()], "response_format": {"type": "json_object"}}));
    assert_eq!(refused("gemini", OLD, &asked), "response_format");
    let (sent, _) = sent("gemini", NEW, &asked);
    assert_eq!(
        sent["generationConfig"]["responseMimeType"],
        "application/json"
    );
}

#[test]
fn calls_end_an_answer_with_tool_calls_though_gemini_says_stop() {
    for reason in ["STOP", "UNEXPECTED_TOOL_CALL"] {
        let parts = json!([{"functionCall": {"name": "look", "args": {"at": 3}}}]);
        let heard = whole("gemini", OLD, &candidate(&parts, Some(reason)));
        assert_eq!(heard.finish, Some(Finish::ToolCalls));
        assert_eq!(first(&heard).native, reason);
        assert!(
            !first(&heard).calls[0].0.is_empty(),
            "an id is made where there is none"
        );
    }
}

#[test]
fn thoughts_stay_out_of_the_text_and_count_as_output() {
    let parts = json!([{"text": "Hm.", "thought": true}, {"text": "Three"}]);
    let heard = whole("gemini", OLD, &candidate(&parts, Some("STOP")));
    assert_eq!(first(&heard).text, "Three");
    assert_eq!(
        first(&heard).thoughts,
        [(String::from("Hm."), String::new())]
    );
    let usage = heard.usage.expect("usage");
    assert_eq!((usage.output, usage.reasoning), (7, 5));
}

#[test]
fn counts_that_are_left_out_are_none_and_tools_count_as_input() {
    let body = json!({"candidates": [{"content": {}, "finishReason": "MAX_TOKENS"}],
        "usageMetadata": {"promptTokenCount": 10, "toolUsePromptTokenCount": 4, "cachedContentTokenCount": 6,
                          "thoughtsTokenCount": 20, "totalTokenCount": 34}});
    let heard = whole("gemini", OLD, &body);
    let usage = heard.usage.clone().expect("usage");
    assert_eq!((usage.input, usage.output, usage.cache_read), (14, 20, 6));
    assert_eq!(heard.finish, Some(Finish::Length));
    assert_eq!(heard.objects[0]["choices"][0]["message"]["content"], "");
}

#[test]
fn a_blocked_prompt_is_filtered_and_not_an_empty_answer() {
    let body = json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 3}});
    let heard = whole("gemini", OLD, &body);
    assert_eq!(heard.finish, Some(Finish::ContentFilter));
    let heard = streamed("gemini", OLD, &[("", body)]);
    assert_eq!(first(&heard).finish.as_deref(), Some("content_filter"));
}

#[test]
fn a_call_the_model_got_wrong_is_an_error_that_may_be_tried_again() {
    let heard = whole(
        "gemini",
        OLD,
        &candidate(&json!([]), Some("MALFORMED_FUNCTION_CALL")),
    );
    assert_eq!(heard.error, Some(ErrorKind::BadResponse));
    assert_eq!(heard.finish, None);
}

#[test]
fn a_stream_that_is_cut_never_says_stop() {
    let heard = streamed(
        "gemini",
        OLD,
        &[("", candidate(&json!([{"text": "Thr"}]), None))],
    );
    assert_eq!(heard.finish, None);
    assert_eq!(first(&heard).finish, None);
}

#[test]
fn an_error_in_the_middle_of_a_stream_is_an_error() {
    let error = json!({"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}});
    let heard = streamed(
        "gemini",
        OLD,
        &[
            ("", candidate(&json!([{"text": "Thr"}]), None)),
            ("", error),
        ],
    );
    assert_eq!(heard.error, Some(ErrorKind::Overloaded));
    assert_eq!(first(&heard).finish, None);
}

#[test]
fn several_answers_keep_their_numbers() {
    let (sent, _) = sent("gemini", OLD, &question(&json!({"n": 2})));
    assert_eq!(sent["generationConfig"]["candidateCount"], 2);
    let body = json!({"candidates": [
        {"index": 0, "content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"},
        {"index": 1, "content": {"parts": [{"functionCall": {"name": "look", "args": {}}}]}, "finishReason": "STOP"}]});
    for heard in [
        whole("gemini", OLD, &body),
        streamed("gemini", OLD, &[("", body.clone())]),
    ] {
        let told = heard.told();
        assert_eq!(told.choices[&0].finish.as_deref(), Some("stop"));
        assert_eq!(told.choices[&1].finish.as_deref(), Some("tool_calls"));
    }
}

#[test]
fn what_is_dropped_is_said() {
    let asked = question(
        &json!({"logit_bias": {"1": 2}, "parallel_tool_calls": false,
        "stop": ["a", "b", "c", "d", "e", "f"], "user": "u"}),
    );
    let (sent, warnings) = sent("gemini", OLD, &asked);
    for name in ["logit_bias", "parallel_tool_calls", "stop", "user"] {
        assert!(
            warnings
                .iter()
                .any(|warning| warning.contains(&format!("`{name}`"))),
            "{name}"
        );
    }
    assert_eq!(
        sent["generationConfig"]["stopSequences"]
            .as_array()
            .map(Vec::len),
        Some(5)
    );
}

#[test]
fn sound_is_counted_apart_from_text_whether_it_is_named_or_numbered() {
    for audio in [json!("AUDIO"), json!(4)] {
        let mut body = candidate(&json!([{"text": "A tune."}]), Some("STOP"));
        body["usageMetadata"] = json!({"promptTokenCount": 190, "candidatesTokenCount": 7, "totalTokenCount": 197,
            "cachedContentTokenCount": 50,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 14}, {"modality": audio, "tokenCount": 176}],
            "cacheTokensDetails": [{"modality": audio, "tokenCount": 50}],
            "candidatesTokensDetails": [{"modality": audio, "tokenCount": 7}]});
        let usage = whole("gemini", OLD, &body).usage.expect("usage");
        assert_eq!((usage.input, usage.cache_read, usage.output), (190, 50, 7));
        assert_eq!(
            usage.counted(Usage::AUDIO_INPUT),
            126,
            "what was cached is paid as cached"
        );
        assert_eq!(usage.counted(Usage::AUDIO_OUTPUT), 7);
    }
}

#[test]
fn details_that_cannot_be_read_cost_no_answer() {
    let mut body = candidate(&json!([{"text": "Hi"}]), Some("STOP"));
    body["usageMetadata"]["promptTokensDetails"] = json!({"AUDIO": 4});
    let heard = whole("gemini", OLD, &body);
    assert_eq!(first(&heard).text, "Hi");
    assert_eq!(heard.usage.expect("usage").other, []);
}

#[test]
fn chances_of_tokens_are_asked_for_and_told_as_openai_has_them() {
    let asked = question(&json!({"logprobs": true, "top_logprobs": 2}));
    let (sent, warnings) = sent("vertex", OLD, &asked);
    let generation = &sent["generationConfig"];
    assert_eq!(
        (&generation["responseLogprobs"], &generation["logprobs"]),
        (&json!(true), &json!(2))
    );
    assert!(warnings.is_empty(), "{warnings:?}");
    // As it was recorded.
    let odds = json!({"chosenCandidates": [{"logProbability": -6.5, "token": "Hello", "tokenId": 9259}],
        "topCandidates": [{"candidates": [{"logProbability": -6.5, "token": "Hello", "tokenId": 9259}, {"logProbability": -12.25, "token": "H", "tokenId": 236_775}]}]});
    let mut body = candidate(&json!([{"text": "Hello"}]), Some("STOP"));
    body["candidates"][0]["logprobsResult"] = odds;
    let token =
        |text: &str, odds: f64| json!({"token": text, "logprob": odds, "bytes": text.as_bytes()});
    let mut first = token("Hello", -6.5);
    first["top_logprobs"] = json!([token("Hello", -6.5), token("H", -12.25)]);
    for heard in [
        whole("vertex", OLD, &body),
        streamed("vertex", OLD, &[("", body.clone())]),
    ] {
        let told = heard.objects.iter().find_map(|object| {
            let odds = &object["choices"][0]["logprobs"];
            odds.is_object().then_some(odds)
        });
        assert_eq!(told, Some(&json!({"content": [first]})));
    }
}

#[test]
fn a_picture_reaches_the_client() {
    let parts =
        json!([{"text": "Here:"}, {"inlineData": {"mimeType": "image/png", "data": "aGk="}}]);
    let body = candidate(&parts, Some("STOP"));
    let picture = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}});
    let heard = whole("gemini", OLD, &body);
    assert_eq!(
        heard.objects[0]["choices"][0]["message"]["images"],
        json!([picture])
    );
    let heard = streamed("gemini", OLD, &[("", body)]);
    let mut shown = heard.objects.iter();
    assert!(shown.any(|object| object["choices"][0]["delta"]["images"] == json!([picture])));
}

#[test]
fn what_comes_beside_more_text_is_not_passed_over() {
    let mut piece = candidate(&json!([{"text": " and on"}]), None);
    piece["candidates"][0]["citationMetadata"] =
        json!({"citationSources": [{"startIndex": 0, "endIndex": 2, "uri": "https://a.example/"}]});
    piece["candidates"][0]["logprobsResult"] =
        json!({"chosenCandidates": [{"token": "on", "logProbability": -1.0}]});
    let events = [
        ("", candidate(&json!([{"text": "On"}]), None)),
        ("", piece),
        ("", candidate(&json!([{"text": "."}]), Some("STOP"))),
    ];
    let heard = streamed("gemini", OLD, &events);
    assert_eq!(first(&heard).annotations.len(), 1);
    let mut chunks = heard.objects.iter().map(|object| &object["choices"][0]);
    assert!(chunks.any(|choice| choice["logprobs"]["content"][0]["token"] == "on"));
}

#[test]
fn a_files_name_has_no_place_and_is_said_to_be_dropped() {
    let file = |more: Value| {
        let mut file = json!({"file_data": "data:application/pdf;base64,aGk="});
        file["filename"] = more;
        json!({"type": "file", "file": file})
    };
    let asked = |files: &[Value]| json!({"messages": [{"role": "user", "content": files}]});
    let (_, warnings) = sent(
        "gemini",
        NEW,
        &asked(&[file(json!("a.pdf")), file(json!("b.pdf"))]),
    );
    assert_eq!(
        warnings,
        ["`messages[].content[].file.filename` was dropped"]
    );
    let (_, warnings) = sent("gemini", NEW, &asked(&[file(Value::Null)]));
    assert_eq!(warnings, Vec::<String>::new());
}
