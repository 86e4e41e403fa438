//! Adapters by name, linked natively.

use mux_plugin_sdk::{
    Adapter, Batch, Decoded, Fault, Manifest, RequestCtx, RequestPlan, ResponseHead, UpstreamError,
};
use serde_json::Value;

type Prepare = dyn Fn(&RequestCtx, &[u8]) -> Result<RequestPlan, Fault> + Send + Sync;
type Decode = dyn Fn(&str, &[u8], &Batch) -> Result<Decoded, Fault> + Send + Sync;
type MapError = dyn Fn(&ResponseHead, &[u8]) -> UpstreamError + Send + Sync;

/// One adapter, configured.
pub struct Guest {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Its three functions.
    pub prepare: Box<Prepare>,
    /// The second.
    pub decode: Box<Decode>,
    /// The third.
    pub map_error: Box<MapError>,
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Guest").field(&self.manifest.id).finish()
    }
}

impl Guest {
    fn of<A: Adapter>(settings: &str) -> Self {
        let adapter = || A::configure(settings.as_bytes()).expect("the settings fit");
        let (first, second, third) = (adapter(), adapter(), adapter());
        Self {
            manifest: A::describe(),
            prepare: Box::new(move |ctx, body| first.prepare(ctx, body)),
            decode: Box::new(move |operation, state, batch| second.decode(operation, state, batch)),
            map_error: Box::new(move |head, body| third.map_error(head, body)),
        }
    }

    /// The adapter of that name, with settings that fit.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let settings = match name {
            "azure" => r#"{"resource":"here"}"#,
            "bedrock" => r#"{"region":"eu-west-1"}"#,
            "vertex" => r#"{"project":"p-1","location":"europe-west4"}"#,
            _ => "{}",
        };
        Self::configured(name, settings)
    }

    /// The adapter of that name, with these settings if there are any.
    #[must_use]
    pub fn with(name: &str, settings: &Value) -> Self {
        if settings.is_null() {
            Self::named(name)
        } else {
            Self::configured(name, &settings.to_string())
        }
    }

    fn configured(name: &str, settings: &str) -> Self {
        match name {
            "anthropic" => Self::of::<mux_plugin_anthropic::Anthropic>(settings),
            "azure" => Self::of::<mux_plugin_azure::Azure>(settings),
            "bedrock" => Self::of::<mux_plugin_bedrock::Bedrock>(settings),
            "cohere" => Self::of::<mux_plugin_cohere::Cohere>(settings),
            "gemini" => Self::of::<mux_plugin_gemini::Gemini>(settings),
            "mistral" => Self::of::<mux_plugin_mistral::Mistral>(settings),
            "ollama" => Self::of::<mux_plugin_ollama::Ollama>(settings),
            "openai" => Self::of::<mux_plugin_openai::OpenAi>(settings),
            "vertex" => Self::of::<mux_plugin_vertex::Vertex>(settings),
            other => panic!("there is no adapter `{other}`"),
        }
    }
}

/// What a gateway knows of a request for that model.
#[must_use]
pub fn ctx(model: &str, stream: bool) -> RequestCtx {
    RequestCtx {
        operation: String::from("chat"),
        dialect: String::from("openai-chat"),
        model: model.to_owned(),
        stream,
        attempt: 1,
        now_unix_ms: 1_700_000_000_123,
        request_id: String::from("req-7f3a"),
        ..RequestCtx::default()
    }
}
