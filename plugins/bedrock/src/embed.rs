//! Embeddings by `InvokeModel`: Amazon's Titan and Cohere's models, each in its vendor's own words.

use mux_plugin_sdk::chat::json;
use mux_plugin_sdk::embeddings::{self, Embeddings};
use mux_plugin_sdk::{Batch, Decoded, Fault, RequestCtx, RequestPlan};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::manifest::{PREFIX, UPSTREAM};
use crate::request::escaped;

/// What vectors are for where the client does not say: Cohere has to know.
const USUAL: &str = "search_document";

/// A vendor of models for embeddings, and whether the length of its vectors can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Vendor {
    Titan { lengths: bool },
    Cohere { lengths: bool },
}

impl Vendor {
    /// The vendor of a model or of an inference profile.
    fn of(model: &str) -> Option<Self> {
        if model.contains("amazon.titan-embed-text") {
            let lengths = !model.contains("titan-embed-text-v1");
            return Some(Self::Titan { lengths });
        }
        // The third generation has two names and one length.
        let lengths = !model.contains("-v3");
        model
            .contains("cohere.embed")
            .then_some(Self::Cohere { lengths })
    }

    fn lengths(self) -> bool {
        match self {
            Self::Titan { lengths } | Self::Cohere { lengths } => lengths,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Titan<'a> {
    input_text: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u64>,
}

#[derive(Serialize)]
struct Cohere<'a> {
    texts: Vec<&'a RawValue>,
    input_type: &'a str,
    embedding_types: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimension: Option<u64>,
}

/// An answer of either vendor.
#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    embedding: Option<&'a RawValue>,
    #[serde(rename = "inputTextTokenCount")]
    tokens: Option<u64>,
    /// Vectors by their type; models that know one type give them as they are.
    #[serde(borrow)]
    embeddings: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(borrow)]
    float: Vec<&'a RawValue>,
}

/// The plan for embeddings.
pub(crate) fn prepare(ctx: &RequestCtx, body: &[u8]) -> Result<RequestPlan, Fault> {
    let vendor = Vendor::of(&ctx.model).ok_or_else(|| {
        Fault::unsupported(
            "of the models at bedrock only titan's and cohere's are asked for embeddings here",
            "model",
        )
    })?;
    let asked = Embeddings::read(body, "bedrock")?;
    if asked.dimensions.is_some() && !vendor.lengths() {
        return Err(Fault::unsupported(
            "this model's vectors have one length",
            "dimensions",
        ));
    }
    let mut warnings = Vec::new();
    let sent = match vendor {
        Vendor::Titan { .. } => {
            let [input_text] = asked.texts.as_slice() else {
                return Err(Fault::unsupported(
                    "titan embeds one text a request",
                    "input",
                ));
            };
            if asked.input_type.is_some() {
                warnings.push(String::from(
                    "`input_type` was dropped: titan has no such parameter",
                ));
            }
            let request = Titan {
                input_text,
                dimensions: asked.dimensions,
            };
            json::body(&request, body)?
        }
        Vendor::Cohere { .. } => {
            if asked.input_type.is_none() {
                warnings.push(format!("`input_type` was taken for {USUAL}"));
            }
            let request = Cohere {
                input_type: asked.input_type.as_deref().unwrap_or(USUAL),
                texts: asked.texts,
                embedding_types: ["float"],
                output_dimension: asked.dimensions,
            };
            json::body(&request, body)?
        }
    };
    let path = format!("{PREFIX}{}/invoke", escaped(&ctx.model));
    Ok(RequestPlan {
        state: embeddings::opened(ctx)?,
        warnings,
        ..RequestPlan::post(UPSTREAM, path, None, sent)
    })
}

/// The answer. What Cohere counts stands in a header, which is not for adapters to see.
pub(crate) fn decode(state: &[u8], batch: &Batch) -> Result<Decoded, Fault> {
    let Some(document) = embeddings::document(batch) else {
        return Ok(Decoded::default());
    };
    let wrong = |error: serde_json::Error| {
        Fault::BadResponse(format!("bedrock's embeddings make no sense: {error}"))
    };
    let said: Said<'_> = json::read(document).map_err(wrong)?;
    let vectors = match (said.embedding, said.embeddings) {
        (Some(one), _) => vec![one],
        (None, Some(all)) if all.get().starts_with('{') => {
            let Typed { float } = Typed::deserialize(all).map_err(wrong)?;
            float
        }
        (None, Some(all)) => Vec::deserialize(all).map_err(wrong)?,
        (None, None) => {
            return Err(Fault::BadResponse(String::from(
                "bedrock answered without a vector",
            )));
        }
    };
    embeddings::answer(state, vectors, said.tokens)
}
