//! Anthropic's request as Vertex takes it: the model is in the path, and the version in the body.

use std::collections::BTreeMap;

use mux_plugin_anthropic::Anthropic;
use mux_plugin_sdk::chat::json;
use mux_plugin_sdk::{Adapter as _, BodyPlan, Fault, RequestCtx, RequestPlan};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::publisher::Publisher;

const VERSION: &str = r#""vertex-2023-10-16""#;

/// The plan for a chat request to Claude.
pub(crate) fn prepare(
    anthropic: &Anthropic,
    upstream: &str,
    ctx: &RequestCtx,
    body: &[u8],
) -> Result<RequestPlan, Fault> {
    // Vertex puts `@` before a model's date, Anthropic a hyphen; the rules for a model are found by the latter.
    let named = RequestCtx {
        model: ctx.model.replace('@', "-"),
        ..ctx.clone()
    };
    let plan = anthropic.prepare(&named, body)?;
    let verb = if ctx.stream {
        "streamRawPredict"
    } else {
        "rawPredict"
    };
    let mut headers = plan.headers;
    headers.retain(|header| header.name != "anthropic-version");
    Ok(RequestPlan {
        upstream: upstream.to_owned(),
        path: format!("/anthropic/models/{}:{verb}", ctx.model),
        headers,
        body: BodyPlan::Replace(versioned(plan.body)?),
        state: Publisher::Anthropic.mark(plan.state),
        ..plan
    })
}

fn versioned(body: BodyPlan) -> Result<Vec<u8>, Fault> {
    let wrong = |error: serde_json::Error| Fault::Internal(error.to_string());
    let BodyPlan::Replace(body) = body else {
        return Err(Fault::Internal(String::from(
            "claude's request has no body",
        )));
    };
    let mut fields: BTreeMap<&str, &RawValue> = json::read(&body).map_err(wrong)?;
    let version: &RawValue = serde_json::from_str(VERSION).map_err(wrong)?;
    fields.remove("model");
    fields.insert("anthropic_version", version);
    let mut sent = Vec::with_capacity(body.len() + 64);
    serde_json::to_writer(&mut sent, &fields).map_err(wrong)?;
    Ok(sent)
}

/// Whether an error body is Anthropic's and not Google's.
pub(crate) fn is_error(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Envelope {
        #[serde(rename = "type")]
        kind: String,
    }
    json::lossy::<Envelope>(body).is_ok_and(|envelope| envelope.kind == "error")
}
