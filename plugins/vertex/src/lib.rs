//! The Vertex AI adapter: Gemini and Claude at Google Cloud. The dialects are those of their own adapters; what is
//! different is where they go.
//!
//! Reading order: `manifest` says what it offers, `publisher` whose dialect a model speaks, `claude` what Anthropic's
//! request lacks and has too much of here, `embed` what Google's models for embeddings are asked.

mod claude;
mod embed;
mod manifest;
mod publisher;
mod settings;

use mux_plugin_anthropic::Anthropic;
use mux_plugin_gemini::dialect;
use mux_plugin_sdk::embeddings::OPERATION;
use mux_plugin_sdk::{
    Adapter, Batch, Decoded, Fault, Framing, Manifest, RequestCtx, RequestPlan, ResponseHead,
    UpstreamError,
};

use crate::publisher::Publisher;
use crate::settings::Settings;

/// Google Cloud's Vertex AI.
#[derive(Debug, Clone)]
pub struct Vertex {
    upstream: &'static str,
    anthropic: Anthropic,
}

impl Adapter for Vertex {
    fn describe() -> Manifest {
        manifest::manifest()
    }

    fn configure(settings: &[u8]) -> Result<Self, String> {
        let settings = Settings::read(settings)?;
        Ok(Self {
            upstream: manifest::upstream(&settings.location),
            anthropic: Anthropic::configure(settings.anthropic()?.as_slice())?,
        })
    }

    fn prepare(&self, ctx: &RequestCtx, body: &[u8]) -> Result<RequestPlan, Fault> {
        if ctx.operation == OPERATION {
            return embed::prepare(self.upstream, ctx, body);
        }
        match Publisher::of(&ctx.model)? {
            Publisher::Anthropic => claude::prepare(&self.anthropic, self.upstream, ctx, body),
            Publisher::Google => {
                let request = dialect::request(ctx, body)?;
                let path = format!("/google/models/{}:{}", ctx.model, dialect::verb(ctx.stream));
                let frames = ctx.stream.then_some(Framing::Sse);
                Ok(RequestPlan {
                    state: Publisher::Google.mark(request.state),
                    warnings: request.warnings,
                    ..RequestPlan::post(self.upstream, path, frames, request.body)
                })
            }
        }
    }

    fn decode(&self, operation: &str, state: &[u8], batch: &Batch) -> Result<Decoded, Fault> {
        if operation == OPERATION {
            return embed::decode(state, batch);
        }
        let (publisher, state) = Publisher::split(state)?;
        let decoded = match publisher {
            Publisher::Google => dialect::decode(state, batch)?,
            Publisher::Anthropic => self.anthropic.decode(operation, state, batch)?,
        };
        Ok(Decoded {
            state: decoded.state.map(|state| publisher.mark(state)),
            ..decoded
        })
    }

    fn map_error(&self, head: &ResponseHead, body: &[u8]) -> UpstreamError {
        if claude::is_error(body) {
            self.anthropic.map_error(head, body)
        } else {
            dialect::map_error(head, body)
        }
    }
}

mux_plugin_sdk::export!(Vertex);

#[cfg(test)]
mod tests {
    use mux_plugin_sdk::{BodyPlan, ErrorKind};
    use serde_json::Value;

    use super::*;

    const CHAT: &[u8] =
        br#"{"model":"@any","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}"#;

    fn vertex(location: &str) -> Vertex {
        let settings = format!(r#"{{"project":"p-1","location":"{location}"}}"#);
        Vertex::configure(settings.as_bytes()).expect("settings")
    }

    fn plan(model: &str, stream: bool) -> RequestPlan {
        let ctx = RequestCtx {
            model: model.to_owned(),
            stream,
            ..RequestCtx::default()
        };
        vertex("europe-west4").prepare(&ctx, CHAT).expect("a plan")
    }

    #[test]
    fn a_model_goes_to_its_publisher() {
        assert_eq!(
            plan("gemini-2.5-pro", true).path,
            "/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse"
        );
        assert_eq!(
            plan("claude-sonnet-4-5@20250929", true).path,
            "/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict"
        );
        assert_eq!(
            plan("claude-sonnet-4-5@20250929", false).path,
            "/anthropic/models/claude-sonnet-4-5@20250929:rawPredict"
        );
    }

    #[test]
    fn claude_is_sent_its_version_and_no_model() {
        let BodyPlan::Replace(body) = plan("claude-sonnet-4@20250514", true).body else {
            panic!("a body")
        };
        let body: Value = serde_json::from_slice(&body).expect("json");
        assert_eq!(body["anthropic_version"], "vertex-2023-10-16");
        assert_eq!(body.get("model"), None);
        assert_eq!(body["stream"], true);
        assert_eq!(body["messages"][0]["content"][0]["text"], "Hi");
    }

    #[test]
    fn everywhere_has_an_address_of_its_own() {
        assert_eq!(vertex("global").upstream, "global");
        assert_eq!(vertex("us-central1").upstream, "regional");
        assert!(Vertex::configure(br#"{"project":"p"}"#).is_err());
    }

    #[test]
    fn either_publishers_errors_are_read() {
        let head = ResponseHead {
            status: 400,
            headers: Vec::new(),
        };
        let body = br#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 tokens > 8 maximum"}}"#;
        let error = vertex("global").map_error(&head, body);
        assert_eq!(error.kind, ErrorKind::ContextLength(Some(8)));
        let body = br#"[{"error":{"code":400,"message":"The input token count (9) exceeds the maximum number of tokens allowed (8).","status":"INVALID_ARGUMENT"}}]"#;
        let error = vertex("global").map_error(&head, body);
        assert_eq!(error.kind, ErrorKind::ContextLength(Some(8)));
    }
}
