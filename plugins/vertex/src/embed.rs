//! Embeddings as Vertex has them: older models by `:predict`, newer ones by `:embedContent`.

use mux_plugin_sdk::chat::json;
use mux_plugin_sdk::embeddings::{self, Embeddings};
use mux_plugin_sdk::{Batch, Decoded, Fault, RequestCtx, RequestPlan};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::publisher::Publisher;

/// How a model is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// All texts at once.
    Batch,
    /// `:predict` with one text.
    One,
    /// `:embedContent`, which takes one text, and reads in the text itself what it is for.
    Content,
}

impl Way {
    fn of(model: &str) -> Self {
        match model.strip_prefix("gemini-embedding-") {
            Some("001") => Self::One,
            Some(version) if !version.starts_with("exp") => Self::Content,
            Some(_) => Self::One,
            None => Self::Batch,
        }
    }
}

#[derive(Serialize)]
struct Predict<'a> {
    instances: Vec<Instance<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Parameters>,
}

#[derive(Serialize)]
struct Instance<'a> {
    content: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_type: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    output_dimensionality: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EmbedContent<'a> {
    content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimensionality: Option<u64>,
}

#[derive(Serialize)]
struct Content<'a> {
    parts: [Part<'a>; 1],
}

#[derive(Serialize)]
struct Part<'a> {
    text: &'a RawValue,
}

/// An answer of either way.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said<'a> {
    #[serde(borrow)]
    predictions: Option<Vec<Prediction<'a>>>,
    #[serde(borrow)]
    embedding: Option<Vector<'a>>,
    usage_metadata: Option<Counts>,
}

#[derive(Deserialize)]
struct Prediction<'a> {
    #[serde(borrow)]
    embeddings: Vector<'a>,
}

#[derive(Deserialize)]
struct Vector<'a> {
    #[serde(borrow)]
    values: &'a RawValue,
    statistics: Option<Statistics>,
}

#[derive(Deserialize)]
struct Statistics {
    /// A whole number that some models write with a point.
    token_count: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    prompt_token_count: Option<u64>,
}

/// The plan for embeddings.
pub(crate) fn prepare(upstream: &str, ctx: &RequestCtx, body: &[u8]) -> Result<RequestPlan, Fault> {
    if Publisher::of(&ctx.model)? != Publisher::Google {
        return Err(Fault::unsupported(
            "this model writes no embeddings",
            "model",
        ));
    }
    let asked = Embeddings::read(body, "vertex")?;
    let way = Way::of(&ctx.model);
    let one = match asked.texts.as_slice() {
        [one] => Some(*one),
        _ => None,
    };
    if way != Way::Batch && one.is_none() {
        return Err(Fault::unsupported(
            "this model embeds one text a request at vertex",
            "input",
        ));
    }
    let mut warnings = Vec::new();
    let (verb, sent) = if let (Way::Content, Some(text)) = (way, one) {
        if asked.input_type.is_some() {
            warnings.push(String::from(
                "`input_type` was dropped: this model reads in the text what it is for",
            ));
        }
        let request = EmbedContent {
            content: Content {
                parts: [Part { text }],
            },
            output_dimensionality: asked.dimensions,
        };
        ("embedContent", json::body(&request, body)?)
    } else {
        let instance = |content| Instance {
            content,
            task_type: asked.input_type.as_deref(),
        };
        let parameters = asked.dimensions.map(|dimensions| Parameters {
            output_dimensionality: dimensions,
        });
        let request = Predict {
            instances: asked.texts.iter().copied().map(instance).collect(),
            parameters,
        };
        ("predict", json::body(&request, body)?)
    };
    let path = format!("/google/models/{}:{verb}", ctx.model);
    Ok(RequestPlan {
        state: embeddings::opened(ctx)?,
        warnings,
        ..RequestPlan::post(upstream, path, None, sent)
    })
}

/// The answer.
pub(crate) fn decode(state: &[u8], batch: &Batch) -> Result<Decoded, Fault> {
    let Some(document) = embeddings::document(batch) else {
        return Ok(Decoded::default());
    };
    let said: Said<'_> = json::read(document).map_err(|error| {
        Fault::BadResponse(format!("vertex's embeddings make no sense: {error}"))
    })?;
    let predicted = said.predictions.into_iter().flatten();
    let vectors: Vec<Vector<'_>> = predicted
        .map(|prediction| prediction.embeddings)
        .chain(said.embedding)
        .collect();
    if vectors.is_empty() {
        return Err(Fault::BadResponse(String::from(
            "vertex answered without a vector",
        )));
    }
    let counted = said
        .usage_metadata
        .and_then(|counts| counts.prompt_token_count);
    let tokens = counted.or_else(|| vectors.iter().map(Vector::tokens).sum());
    let vectors = vectors.iter().map(|vector| vector.values).collect();
    embeddings::answer(state, vectors, tokens)
}

impl Vector<'_> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count that is no sane number is none"
    )]
    fn tokens(&self) -> Option<u64> {
        let count = self.statistics.as_ref()?.token_count?;
        (0.0..1e15).contains(&count).then_some(count as u64)
    }
}
