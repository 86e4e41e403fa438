//! Embeddings to Ollama's and back.

use mux_plugin_sdk::chat::json;
use mux_plugin_sdk::embeddings::{self, Embeddings};
use mux_plugin_sdk::{Batch, Decoded, Fault, RequestCtx, RequestPlan};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::manifest::{EMBED_PATH, UPSTREAM};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    input: Vec<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u64>,
}

#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    embeddings: Vec<&'a RawValue>,
    prompt_eval_count: Option<u64>,
}

/// The plan for embeddings.
pub(crate) fn prepare(ctx: &RequestCtx, body: &[u8]) -> Result<RequestPlan, Fault> {
    let asked = Embeddings::read(body, "ollama")?;
    let request = Body {
        model: &ctx.model,
        input: asked.texts,
        dimensions: asked.dimensions,
    };
    Ok(RequestPlan {
        state: embeddings::opened(ctx)?,
        ..RequestPlan::post(UPSTREAM, EMBED_PATH, None, json::body(&request, body)?)
    })
}

/// The answer.
pub(crate) fn decode(state: &[u8], batch: &Batch) -> Result<Decoded, Fault> {
    let Some(document) = embeddings::document(batch) else {
        return Ok(Decoded::default());
    };
    let said: Said<'_> = json::read(document).map_err(|error| {
        Fault::BadResponse(format!("ollama's embeddings make no sense: {error}"))
    })?;
    embeddings::answer(state, said.embeddings, said.prompt_eval_count)
}
