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

fn planned(name: &str, request: &Value) -> Result<RequestPlan, Fault> {
    (Guest::named(name).prepare)(&embed("m"), request.to_string().as_bytes())
}

fn sent(name: &str, request: &Value) -> (String, Value) {
    let plan = planned(name, request).expect("a plan");
    let BodyPlan::Replace(body) = plan.body else {
        panic!("a body of its own");
    };
    (plan.path, serde_json::from_slice(&body).expect("json"))
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

#[test]
fn tokens_are_refused_where_they_mean_nothing() {
    for name in ["mistral", "ollama", "cohere", "gemini"] {
        let refused = planned(name, &json!({ "model": "@e", "input": [[1, 2], [3]] }));
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
        let known = ["mistral", "cohere", "gemini"].contains(&provider);
        if entry["api"] != "embeddings" || entry["status"] != 200 || !known {
            continue;
        }
        let recording = Recording::read(&folder, entry);
        let body: Value = serde_json::from_slice(&recording.body).expect("json");
        let vectors = match provider {
            "cohere" if !body["embeddings"]["float"].is_array() => continue,
            "cohere" => body["embeddings"]["float"].clone(),
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
    assert!(read >= 10, "only {read} recorded");
}
