//! Embeddings to `batchEmbedContents` and back.

use mux_plugin_sdk::chat::json;
use mux_plugin_sdk::embeddings::{self, Embeddings};
use mux_plugin_sdk::{Batch, Decoded, Fault, RequestCtx, RequestPlan};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::manifest::UPSTREAM;

#[derive(Serialize)]
struct Body<'a> {
    requests: Vec<One<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct One<'a> {
    model: &'a str,
    content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimensionality: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_type: Option<&'a str>,
}

#[derive(Serialize)]
struct Content<'a> {
    parts: [Part<'a>; 1],
}

#[derive(Serialize)]
struct Part<'a> {
    text: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said<'a> {
    #[serde(borrow)]
    embeddings: Vec<Vector<'a>>,
    usage_metadata: Option<Counts>,
}

#[derive(Deserialize)]
struct Vector<'a> {
    #[serde(borrow)]
    values: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    prompt_token_count: Option<u64>,
}

/// The plan for embeddings.
pub(crate) fn prepare(ctx: &RequestCtx, model: &str, body: &[u8]) -> Result<RequestPlan, Fault> {
    let asked = Embeddings::read(body, "gemini")?;
    let one = |text| One {
        model,
        content: Content {
            parts: [Part { text }],
        },
        output_dimensionality: asked.dimensions,
        task_type: asked.input_type.as_deref(),
    };
    let request = Body {
        requests: asked.texts.iter().copied().map(one).collect(),
    };
    let path = format!("/{model}:batchEmbedContents");
    Ok(RequestPlan {
        state: embeddings::opened(ctx)?,
        ..RequestPlan::post(UPSTREAM, path, None, json::body(&request, body)?)
    })
}

/// The answer.
pub(crate) fn decode(state: &[u8], batch: &Batch) -> Result<Decoded, Fault> {
    let Some(document) = embeddings::document(batch) else {
        return Ok(Decoded::default());
    };
    let said: Said<'_> = json::read(document).map_err(|error| {
        Fault::BadResponse(format!("gemini's embeddings make no sense: {error}"))
    })?;
    let vectors = said.embeddings.iter().map(|vector| vector.values).collect();
    let tokens = said
        .usage_metadata
        .and_then(|counts| counts.prompt_token_count);
    embeddings::answer(state, vectors, tokens)
}
