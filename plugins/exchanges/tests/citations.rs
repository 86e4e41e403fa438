//! Where an answer comes from, as recorded: every source reaches the client, and stands for the text it stood for at the
//! provider, in whatever batches it came. Recordings are skipped where they are absent; `MUX_TRAFFIC_DIR` says where they
//! are.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a failed expectation is the test's answer, and a skip is said aloud"
)]

use std::collections::BTreeMap;

use mux_plugin_exchanges::ask::{question, sent, streamed, whole};
use mux_plugin_exchanges::frames::{Owned, cut};
use mux_plugin_exchanges::guest::{Guest, ctx};
use mux_plugin_exchanges::hear::hear;
use mux_plugin_exchanges::recording::{Recording, folder, json_of};
use mux_plugin_exchanges::told::Choice;
use serde_json::{Value, json};

/// A source as it is compared: where it is, and the text that it stands for, where the provider says so.
type Cited = (String, Option<String>);

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Blocks of text and the citations of each, of Anthropic's and of Bedrock's.
fn blocks(provider: &str, objects: &[Value]) -> Vec<(String, Vec<Value>)> {
    let mut blocks: BTreeMap<u64, (String, Vec<Value>)> = BTreeMap::new();
    for object in objects {
        let whole = object["content"].as_array();
        let whole = whole.or(object
            .pointer("/output/message/content")
            .and_then(Value::as_array));
        for (number, block) in (0..).zip(whole.into_iter().flatten()) {
            let (said, cited) = blocks.entry(number).or_default();
            let shown = provider != "anthropic" || block["type"] == "text";
            said.extend(text(&block["text"]).filter(|_| shown));
            cited.extend(list(&block["citations"]).cloned());
            let inner = &block["citationsContent"];
            said.extend(list(&inner["content"]).filter_map(|words| text(&words["text"])));
            cited.extend(list(&inner["citations"]).cloned());
        }
        let number = object["index"].as_u64();
        let number = number.or(object["contentBlockIndex"].as_u64());
        if let (Some(number), Some(delta)) = (number, object.get("delta")) {
            let (said, cited) = blocks.entry(number).or_default();
            said.extend(text(&delta["text"]));
            cited.extend(delta.get("citation").cloned());
        }
    }
    blocks.into_values().collect()
}

fn name(citation: &Value) -> String {
    let number = |at: &str| Some(format!("document_{}", citation.pointer(at)?));
    text(&citation["url"])
        .or_else(|| text(&citation["location"]["web"]["url"]))
        .or_else(|| text(&citation["source"]))
        .or_else(|| number("/document_index"))
        .or_else(|| number("/location/documentChar/documentIndex"))
        .expect("a place")
}

fn meant(provider: &str, objects: &[Value]) -> Vec<Cited> {
    let mut meant = Vec::new();
    for (said, citations) in blocks(provider, objects) {
        let said = Some(said).filter(|said| !said.is_empty());
        meant.extend(citations.iter().map(|one| (name(one), said.clone())));
    }
    for object in objects {
        let cited = [
            &object["message"]["citations"],
            &object["delta"]["message"]["citations"],
        ];
        for citation in cited.into_iter().flat_map(|c| {
            c.as_array()
                .map_or_else(|| vec![c], |all| all.iter().collect())
        }) {
            for source in list(&citation["sources"]) {
                let place = text(&source["document"]["url"]).or_else(|| text(&source["id"]));
                meant.push((place.expect("a place"), text(&citation["text"])));
            }
        }
        let found = &object["candidates"][0]["groundingMetadata"];
        let place = |chunk: &Value| {
            let kept = &chunk["retrievedContext"];
            let uri = text(&chunk["web"]["uri"]).or_else(|| text(&kept["uri"]));
            uri.or_else(|| text(&kept["fileSearchStore"]))
                .expect("a place")
        };
        let mut named = Vec::new();
        for support in list(&found["groundingSupports"]) {
            for index in list(&support["groundingChunkIndices"]) {
                let index = usize::try_from(index.as_u64().expect("an index")).expect("small");
                named.push(index);
                let chunk = place(&found["groundingChunks"][index]);
                meant.push((chunk, text(&support["segment"]["text"])));
            }
        }
        let unnamed = (0..).zip(list(&found["groundingChunks"]));
        let unnamed = unnamed.filter(|(index, _)| !named.contains(index));
        meant.extend(unnamed.map(|(_, chunk)| (place(chunk), None)));
    }
    meant
}

/// What a client is told.
fn told(choice: &Choice) -> Vec<Cited> {
    let said: Vec<char> = choice.text.chars().collect();
    let cited = choice.annotations.iter().map(|annotation| {
        let url = &annotation["url_citation"];
        let of = if url.is_object() {
            url
        } else {
            &annotation["file_citation"]
        };
        let place = text(&of["url"]).or_else(|| text(&of["file_id"]));
        let at = |field: &str| usize::try_from(of[field].as_u64()?).ok();
        let span = at("start_index").zip(at("end_index"));
        let words = span.map(|(start, end)| said[start..end].iter().collect());
        (place.expect("a place"), words)
    });
    cited.collect()
}

fn adapter(provider: &str, api: &str) -> Option<&'static str> {
    Some(match (provider, api) {
        ("anthropic", "messages") => "anthropic",
        ("bedrock", "bedrock_converse" | "bedrock_converse_stream") => "bedrock",
        ("cohere", "cohere_chat") => "cohere",
        ("gemini", "gemini_generate_content" | "gemini_stream_generate_content") => "gemini",
        ("vertex", "gemini_generate_content" | "gemini_stream_generate_content") => "vertex",
        _ => return None,
    })
}

#[test]
fn every_recorded_source_reaches_the_client_and_stands_for_the_same_text() {
    let Some(folder) = folder() else {
        eprintln!("skipped: no recordings");
        return;
    };
    let index = json_of(&folder.join("index.json"));
    let mut read: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in list(&index["entries"]) {
        let field = |name: &str| entry[name].as_str().unwrap_or_default();
        let Some(name) = adapter(field("provider"), field("api")) else {
            continue;
        };
        if entry["status"] != 200 {
            continue;
        }
        let recording = Recording::read(&folder, entry);
        let file = recording.file.as_str();
        let frames: Vec<Owned> = cut(recording.framing, &recording.body);
        let objects: Vec<Value> = frames
            .iter()
            .filter_map(|(_, data)| serde_json::from_slice(data).ok())
            .collect();
        let meant = meant(field("provider"), &objects);
        if meant.is_empty() || recording.clone().answers().len() > 1 {
            continue;
        }
        let guest = Guest::named(name);
        let mut request = question(&json!({"stream_options": {"include_usage": true}}));
        // Who asks for no sources is not promised a place of any.
        match name {
            "gemini" | "vertex" => request["tools"] = json!([{"type": "google_search"}]),
            "anthropic" => {
                request["tools"] = json!([{"type": "web_search_20250305", "name": "web_search"}]);
            }
            _ => {}
        }
        let ctx = ctx(&recording.model, recording.is_stream());
        let plan = (guest.prepare)(&ctx, request.to_string().as_bytes()).expect("a plan");
        let batches: Vec<&[Owned]> = frames.iter().map(std::slice::from_ref).collect();
        let heard = hear(&guest, &plan.state, &batches).expect("an answer");
        let at_once = hear(&guest, &plan.state, &[&frames]).expect("an answer");
        assert_eq!(heard.objects, at_once.objects, "{file}: grouped otherwise");
        let choice = heard.told().choices[&0].clone();
        let said = told(&choice);
        let places = |cited: &[Cited]| cited.iter().map(|(at, _)| at.clone()).collect::<Vec<_>>();
        assert_eq!(places(&said), places(&meant), "{file}");
        for ((place, there), (_, here)) in said.iter().zip(&meant) {
            assert_eq!(there, here, "{file}: {place}");
        }
        *read.entry(name).or_default() += 1;
    }
    for (name, least) in [
        ("anthropic", 8),
        ("bedrock", 2),
        ("cohere", 6),
        ("gemini", 8),
        ("vertex", 2),
    ] {
        let read = read.get(name).copied().unwrap_or(0);
        assert!(read >= least, "{name}: only {read} recorded");
    }
}

#[test]
fn what_only_the_provider_knows_of_a_citation_goes_along() {
    let citation = json!({"type": "char_location", "cited_text": "It is so.", "document_index": 1, "document_title": "facts", "start_char_index": 0, "end_char_index": 9});
    let body = json!({"type": "message", "id": "m", "model": "c", "stop_reason": "end_turn", "content": [
        {"type": "text", "text": "Yes: "}, {"type": "text", "text": "só.", "citations": [citation]}]});
    let heard = whole("anthropic", "claude-sonnet-4-5", &body);
    let choice = &heard.told().choices[&0];
    assert_eq!(
        choice.annotations,
        [
            json!({"type": "file_citation", "file_citation": {"file_id": "document_1", "filename": "facts", "start_index": 5, "end_index": 8, "content": "It is so."}, "extra_content": {"anthropic": citation}})
        ]
    );
}

#[test]
fn what_google_searched_for_and_wants_shown_is_beside_the_answer() {
    let found = json!({"webSearchQueries": ["why"], "groundingChunks": [{"web": {"uri": "https://a.example/", "title": "a"}}]});
    let body = json!({"candidates": [{"content": {"parts": [{"text": "So."}]}, "finishReason": "STOP", "groundingMetadata": found}]});
    let choice = whole("gemini", "gemini-2.5-flash", &body).told().choices[&0].clone();
    assert_eq!(
        choice.extra,
        json!({"google": {"grounding_metadata": {"webSearchQueries": ["why"]}}})
    );
    assert_eq!(choice.annotations.len(), 1);
}

#[test]
fn a_passage_that_repeats_another_is_named() {
    let body = json!({"candidates": [{"content": {"parts": [{"text": "So."}]}, "finishReason": "STOP",
        "citationMetadata": {"citationSources": [{"startIndex": 0, "endIndex": 2, "uri": "https://a.example/"}]}}]});
    let choice = whole("gemini", "gemini-2.5-flash", &body).told().choices[&0].clone();
    assert_eq!(
        choice.annotations,
        [
            json!({"type": "url_citation", "url_citation": {"url": "https://a.example/", "title": ""}})
        ]
    );
}

#[test]
fn what_belongs_to_a_text_comes_before_the_seal_that_ends_it() {
    let found = json!({"groundingChunks": [{"web": {"uri": "https://a.example/", "title": "a"}}],
        "groundingSupports": [{"segment": {"endIndex": 3, "text": "So."}, "groundingChunkIndices": [0]}]});
    let odds = json!({"chosenCandidates": [{"token": "So.", "logProbability": -0.5}]});
    let event = json!({"candidates": [{"content": {"parts": [{"text": "So.", "thoughtSignature": "c2VhbA=="}]},
        "finishReason": "STOP", "groundingMetadata": found, "logprobsResult": odds}]});
    let heard = streamed("gemini", "gemini-2.5-flash", &[("", event)]);
    let place = |pointer: &str| {
        let told = |object: &Value| object.pointer(pointer).is_some_and(|told| !told.is_null());
        let place = heard.objects.iter().position(told);
        place.unwrap_or_else(|| panic!("{pointer} is told"))
    };
    let sealed = place("/choices/0/delta/reasoning_details");
    assert!(place("/choices/0/logprobs") < sealed);
    assert!(place("/choices/0/delta/annotations") < sealed);
}

#[test]
fn a_further_candidate_does_not_take_its_places_from_the_first() {
    let found = json!({"groundingChunks": [{"web": {"uri": "https://a.example/", "title": "a"}}],
        "groundingSupports": [{"segment": {"startIndex": 2, "endIndex": 6, "text": "it is"}, "groundingChunkIndices": [0]}]});
    let body = json!({"candidates": [
        {"index": 0, "content": {"parts": [{"text": "Yes, it is."}]}, "finishReason": "STOP"},
        {"index": 1, "content": {"parts": [{"text": "it is so."}]}, "finishReason": "STOP", "groundingMetadata": found}]});
    let choice = whole("gemini", "gemini-2.5-flash", &body).told().choices[&1].clone();
    assert_eq!(
        choice.annotations,
        [
            json!({"type": "url_citation", "url_citation": {"url": "https://a.example/", "title": "a"}})
        ]
    );
}

#[test]
fn what_a_tool_found_is_named_by_its_number_at_mistral() {
    let piece = |content: Value| {
        (
            "",
            json!({"id": "m", "model": "m", "choices": [{"index": 0, "delta": {"content": content}}]}),
        )
    };
    let events = [
        piece(json!("Yes")),
        piece(json!([{"type": "reference", "reference_ids": [2]}, {"type": "text", "text": "."}])),
        (
            "",
            json!({"id": "m", "model": "m", "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}]}),
        ),
        ("", json!("[DONE]")),
    ];
    let choice = streamed("mistral", "mistral-large", &events).told().choices[&0].clone();
    assert_eq!(
        choice.annotations,
        [json!({"type": "file_citation", "file_citation": {"file_id": "2", "filename": ""}})]
    );
}

#[test]
fn sources_that_a_client_sends_back_are_said_to_be_dropped() {
    let request = json!({"model": "@any", "messages": [{"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "So.", "annotations": [{"type": "url_citation", "url_citation": {"url": "https://a.example/", "title": ""}}]},
        {"role": "user", "content": "Why?"}]});
    for (name, model) in [
        ("anthropic", "claude-sonnet-4-5"),
        ("bedrock", "amazon.nova-pro-v1:0"),
        ("cohere", "command-a"),
        ("gemini", "gemini-2.5-flash"),
        ("mistral", "mistral-large"),
        ("ollama", "llama"),
        ("vertex", "gemini-2.5-flash"),
    ] {
        let (_, warnings) = sent(name, model, &request);
        let said = warnings
            .iter()
            .any(|w| w.contains("`messages[].annotations`"));
        assert!(said, "{name}: {warnings:?}");
    }
    let mut none = request.clone();
    none["messages"][1]["annotations"] = json!([]);
    assert!(sent("gemini", "gemini-2.5-flash", &none).1.is_empty());
}
