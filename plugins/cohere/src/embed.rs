//! Embeddings to Cohere's second interface and back.

use std::borrow::Cow;

use mux_plugin_sdk::chat::json;
use mux_plugin_sdk::embeddings::{self, Embeddings};
use mux_plugin_sdk::{Batch, Decoded, Fault, RequestCtx, RequestPlan};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::manifest::{EMBED_PATH, UPSTREAM};

/// What vectors are for where the client does not say: Cohere has to know.
const USUAL: &str = "search_document";

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    texts: Vec<&'a RawValue>,
    input_type: &'a str,
    embedding_types: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimension: Option<u64>,
}

#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    embeddings: Typed<'a>,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(borrow)]
    float: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Meta {
    billed_units: Option<Billed>,
}

#[derive(Deserialize)]
struct Billed {
    input_tokens: Option<u64>,
}

/// The plan for embeddings.
pub(crate) fn prepare(ctx: &RequestCtx, body: &[u8]) -> Result<RequestPlan, Fault> {
    let asked = Embeddings::read(body, "cohere")?;
    let mut warnings = Vec::new();
    if asked.input_type.is_none() {
        warnings.push(format!("`input_type` was taken for {USUAL}"));
    }
    let input_type = asked.input_type.unwrap_or(Cow::Borrowed(USUAL));
    let request = Body {
        model: &ctx.model,
        texts: asked.texts,
        input_type: &input_type,
        embedding_types: ["float"],
        output_dimension: asked.dimensions,
    };
    Ok(RequestPlan {
        state: embeddings::opened(ctx)?,
        warnings,
        ..RequestPlan::post(UPSTREAM, EMBED_PATH, None, json::body(&request, body)?)
    })
}

/// The answer.
pub(crate) fn decode(state: &[u8], batch: &Batch) -> Result<Decoded, Fault> {
    let Some(document) = embeddings::document(batch) else {
        return Ok(Decoded::default());
    };
    let said: Said<'_> = json::read(document).map_err(|error| {
        Fault::BadResponse(format!("cohere's embeddings make no sense: {error}"))
    })?;
    let billed = said.meta.and_then(|meta| meta.billed_units);
    let tokens = billed.and_then(|billed| billed.input_tokens);
    embeddings::answer(state, said.embeddings.float, tokens)
}
