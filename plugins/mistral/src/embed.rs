//! Embeddings: Mistral's are OpenAI's, but for one name and for base64.

use mux_plugin_sdk::chat::json;
use mux_plugin_sdk::embeddings::Embeddings;
use mux_plugin_sdk::{DecodeMode, Fault, Framing, ReplyPlan, RequestCtx, RequestPlan};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::manifest::{EMBED_PATH, UPSTREAM};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    input: Vec<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimension: Option<u64>,
}

/// The plan for embeddings; the answer is as OpenAI has it and passes.
pub(crate) fn prepare(ctx: &RequestCtx, body: &[u8]) -> Result<RequestPlan, Fault> {
    let asked = Embeddings::read(body, "mistral")?;
    let request = Body {
        model: &ctx.model,
        input: asked.texts,
        output_dimension: asked.dimensions,
    };
    Ok(RequestPlan {
        reply: ReplyPlan {
            framing: Framing::Buffered,
            mode: DecodeMode::Verbatim,
        },
        ..RequestPlan::post(UPSTREAM, EMBED_PATH, None, json::body(&request, body)?)
    })
}
