//! Embeddings as every provider has them: what OpenAI's clients ask, and recorded answers. Recordings are skipped where they
//! are absent; `MUX_TRAFFIC_DIR` says where they are.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is the test's answer, and a skip is said aloud"
)]

use mux_plugin_exchanges::guest::{Guest, ctx};
use mux_plugin_exchanges::recording::{Recording, folder, json_of};
use mux_plugin_sdk::{Batch, BodyPlan, DecodeMode, Fault, RequestCtx, RequestPlan};
use serde_json::{Value, json};

fn embed(model: &str) -> RequestCtx {
    RequestCtx {
        operation: String::from("embeddings"),
        dialect: String::from("openai-embeddings"),
        ..ctx(model, false)
    }
}

fn sent(name: &str, request: &Value) -> (String, Value) {
    let (path, body, _) = sent_to(name, "m", request);
    (path, body)
}

#[test]
fn texts_and_dimensions_are_asked_for_as_each_provider_has_them() {
    let request =
        json!({ "model": "@e", "input": ["a", "b"], "dimensions": 3, "encoding_format": "base64" });
    assert_eq!(
        sent("mistral", &request),
        (
            String::from("/embeddings"),
            json!({ "model": "m", "input": ["a", "b"], "output_dimension": 3 })
        )
    );
    assert_eq!(
        sent("ollama", &request),
        (
            String::from("/embed"),
            json!({ "model": "m", "input": ["a", "b"], "dimensions": 3 })
        )
    );
    assert_eq!(
        sent("cohere", &request),
        (
            String::from("/embed"),
            json!({ "model": "m", "texts": ["a", "b"], "input_type": "search_document", "embedding_types": ["float"], "output_dimension": 3 })
        )
    );
    let one = |text: &str| json!({ "model": "models/m", "content": { "parts": [{ "text": text }] }, "outputDimensionality": 3 });
    assert_eq!(
        sent("gemini", &request),
        (
            String::from("/models/m:batchEmbedContents"),
            json!({ "requests": [one("a"), one("b")] })
        )
    );
}

fn planned_for(name: &str, model: &str, request: &Value) -> Result<RequestPlan, Fault> {
    (Guest::named(name).prepare)(&embed(model), request.to_string().as_bytes())
}

fn sent_to(name: &str, model: &str, request: &Value) -> (String, Value, Vec<String>) {
    let plan = planned_for(name, model, request).expect("a plan");
    let BodyPlan::Replace(body) = plan.body else {
        panic!("a body of its own");
    };
    let body = serde_json::from_slice(&body).expect("json");
    (plan.path, body, plan.warnings)
}

/// The field a request is refused for.
fn refused(name: &str, model: &str, request: &Value) -> String {
    match planned_for(name, model, request) {
        Err(Fault::Unsupported(bad)) => bad.param.expect("a field"),
        other => panic!("{name} does not refuse: {other:?}"),
    }
}

#[test]
fn each_of_googles_models_is_asked_at_vertex_in_its_own_way() {
    let two = json!({ "model": "@e", "input": ["a", "b"], "dimensions": 3, "input_type": "RETRIEVAL_QUERY" });
    let one =
        json!({ "model": "@e", "input": "a", "dimensions": 3, "input_type": "RETRIEVAL_QUERY" });
    let instance = |text: &str| json!({ "content": text, "task_type": "RETRIEVAL_QUERY" });
    let (path, body, warnings) = sent_to("vertex", "text-embedding-005", &two);
    assert_eq!(path, "/google/models/text-embedding-005:predict");
    assert_eq!(
        body,
        json!({ "instances": [instance("a"), instance("b")], "parameters": { "outputDimensionality": 3 } })
    );
    assert!(warnings.is_empty());
    let (path, body, _) = sent_to("vertex", "gemini-embedding-001", &one);
    assert_eq!(path, "/google/models/gemini-embedding-001:predict");
    assert_eq!(body["instances"], json!([instance("a")]));
    let (path, body, warnings) = sent_to("vertex", "gemini-embedding-2", &one);
    assert_eq!(path, "/google/models/gemini-embedding-2:embedContent");
    assert_eq!(
        body,
        json!({ "content": { "parts": [{ "text": "a" }] }, "outputDimensionality": 3 })
    );
    assert!(warnings[0].contains("`input_type`"), "{warnings:?}");
}

#[test]
fn each_vendors_models_are_asked_at_bedrock_in_their_own_words() {
    let one = json!({ "model": "@e", "input": "a", "dimensions": 256 });
    let (path, body, _) = sent_to("bedrock", "amazon.titan-embed-text-v2:0", &one);
    assert_eq!(path, "/model/amazon.titan-embed-text-v2%3A0/invoke");
    assert_eq!(body, json!({ "inputText": "a", "dimensions": 256 }));
    let two = json!({ "model": "@e", "input": ["a", "b"] });
    let (path, body, warnings) = sent_to("bedrock", "cohere.embed-english-v3", &two);
    assert_eq!(path, "/model/cohere.embed-english-v3/invoke");
    assert_eq!(
        body,
        json!({ "texts": ["a", "b"], "input_type": "search_document", "embedding_types": ["float"] })
    );
    assert!(warnings[0].contains("`input_type`"), "{warnings:?}");
    let sized =
        json!({ "model": "@e", "input": ["a"], "dimensions": 256, "input_type": "search_query" });
    let (path, body, warnings) = sent_to("bedrock", "eu.cohere.embed-v4:0", &sized);
    assert_eq!(path, "/model/eu.cohere.embed-v4%3A0/invoke");
    assert_eq!(
        (&body["output_dimension"], &body["input_type"]),
        (&json!(256), &json!("search_query"))
    );
    assert!(warnings.is_empty());
}

#[test]
fn what_a_model_cannot_embed_is_refused_and_not_cut_short() {
    let two = json!({ "model": "@e", "input": ["a", "b"] });
    for (name, model) in [
        ("vertex", "gemini-embedding-001"),
        ("vertex", "gemini-embedding-2"),
        ("bedrock", "amazon.titan-embed-text-v2:0"),
    ] {
        assert_eq!(refused(name, model, &two), "input", "{model}");
    }
    let sized = json!({ "model": "@e", "input": "a", "dimensions": 256 });
    for model in ["amazon.titan-embed-text-v1", "cohere.embed-multilingual-v3"] {
        assert_eq!(refused("bedrock", model, &sized), "dimensions", "{model}");
    }
    for (name, model) in [
        ("vertex", "claude-sonnet-4@20250514"),
        ("bedrock", "amazon.nova-pro-v1:0"),
    ] {
        assert_eq!(refused(name, model, &two), "model", "{model}");
    }
}

/// Bedrock's answers were not recorded: these have the shapes that Amazon's manual shows.
#[test]
fn vectors_of_either_vendor_at_bedrock_come_out_as_they_were_written() {
    for (model, body, tokens) in [
        (
            "amazon.titan-embed-text-v2:0",
            json!({ "embedding": [0.5, -0.25], "embeddingsByType": { "float": [0.5, -0.25] }, "inputTextTokenCount": 7 }),
            json!(7),
        ),
        (
            "cohere.embed-english-v3",
            json!({ "id": "i", "texts": ["a"], "response_type": "embeddings_by_type", "embeddings": { "float": [[0.5, -0.25]] } }),
            Value::Null,
        ),
        (
            "cohere.embed-english-v3",
            json!({ "id": "i", "texts": ["a"], "response_type": "embeddings_floats", "embeddings": [[0.5, -0.25]] }),
            Value::Null,
        ),
    ] {
        let plan =
            planned_for("bedrock", model, &json!({ "model": "@e", "input": "a" })).expect("a plan");
        let body = body.to_string();
        let batch = Batch::pack([("", body.as_bytes())], true);
        let guest = Guest::named("bedrock");
        let decoded = (guest.decode)("embeddings", &plan.state, &batch).expect("an answer");
        let answer: Value = serde_json::from_slice(&decoded.chunks).expect("json");
        assert_eq!(
            answer["data"][0]["embedding"],
            json!([0.5, -0.25]),
            "{body}"
        );
        assert_eq!(answer["model"], model);
        assert_eq!(answer["usage"]["prompt_tokens"], tokens, "{body}");
    }
}

#[test]
fn tokens_are_refused_where_they_mean_nothing() {
    for (name, model) in [
        ("mistral", "m"),
        ("ollama", "m"),
        ("cohere", "m"),
        ("gemini", "m"),
        ("vertex", "text-embedding-005"),
        ("bedrock", "cohere.embed-v4:0"),
    ] {
        let refused = planned_for(
            name,
            model,
            &json!({ "model": "@e", "input": [[1, 2], [3]] }),
        );
        assert!(
            matches!(refused, Err(Fault::Unsupported(_))),
            "{name}: {refused:?}"
        );
    }
}

#[test]
fn recorded_vectors_come_out_as_they_were_recorded() {
    let Some(folder) = folder() else {
        eprintln!("skipped: no recordings");
        return;
    };
    let index = json_of(&folder.join("index.json"));
    let mut read = 0;
    for entry in index["entries"].as_array().expect("entries") {
        let provider = entry["provider"].as_str().expect("a provider");
        let known = ["mistral", "cohere", "gemini", "vertex"].contains(&provider);
        if entry["api"] != "embeddings" || entry["status"] != 200 || !known {
            continue;
        }
        let recording = Recording::read(&folder, entry);
        let body: Value = serde_json::from_slice(&recording.body).expect("json");
        let vectors = match provider {
            "cohere" if !body["embeddings"]["float"].is_array() => continue,
            "cohere" => body["embeddings"]["float"].clone(),
            "vertex" if body["embedding"].is_object() => json!([body["embedding"]["values"]]),
            "vertex" => body["predictions"]
                .as_array()
                .expect("vectors")
                .iter()
                .map(|p| p["embeddings"]["values"].clone())
                .collect(),
            "gemini" if !body["embeddings"].is_array() => continue,
            "gemini" => body["embeddings"]
                .as_array()
                .expect("vectors")
                .iter()
                .map(|v| v["values"].clone())
                .collect(),
            _ => body["data"]
                .as_array()
                .expect("vectors")
                .iter()
                .map(|v| v["embedding"].clone())
                .collect(),
        };
        let tokens = match provider {
            "cohere" => body["meta"]["billed_units"]["input_tokens"].clone(),
            "gemini" => body["usageMetadata"]["promptTokenCount"].clone(),
            "vertex" if body["usageMetadata"].is_object() => {
                body["usageMetadata"]["promptTokenCount"].clone()
            }
            "vertex" => body["predictions"][0]["embeddings"]["statistics"]["token_count"].clone(),
            _ => body["usage"]["prompt_tokens"].clone(),
        };
        let guest = Guest::named(provider);
        let request = json!({ "model": "@e", "input": "a" }).to_string();
        let plan = (guest.prepare)(&embed(&recording.model), request.as_bytes()).expect("a plan");
        let answer: Value = if plan.reply.mode == DecodeMode::Verbatim {
            body
        } else {
            let batch = Batch::pack([("", recording.body.as_slice())], true);
            let decoded = (guest.decode)("embeddings", &plan.state, &batch).expect("an answer");
            serde_json::from_slice(&decoded.chunks).expect("json")
        };
        let said: Value = answer["data"]
            .as_array()
            .expect("data")
            .iter()
            .map(|e| e["embedding"].clone())
            .collect();
        assert_eq!(said, vectors, "{}", recording.file);
        // What was not told is not said.
        assert_eq!(
            answer["usage"]["prompt_tokens"], tokens,
            "{}",
            recording.file
        );
        read += 1;
    }
    assert!(read >= 14, "only {read} recorded");
}
