//! The Azure OpenAI adapter: OpenAI's chat completions, responses and embeddings at a customer's own address.
//!
//! Nothing is translated: the client's bytes go as they are, with the deployment's name for the model, and the answer
//! comes back untouched. Where the address has to name the deployment, one call in here makes the path.

use mux_plugin_sdk::chat::failure;
use mux_plugin_sdk::chat::json;
use mux_plugin_sdk::{
    Adapter, AuthScheme, BodyNeed, BodyPlan, DecodeMode, Fault, Framing, LimitHeader, LimitUnit,
    Manifest, Method, Operation, ReplyPlan, RequestCtx, RequestPlan, ResetFormat, ResponseHead,
    Upstream, UpstreamError,
};
use serde::Deserialize;

const UPSTREAM: &str = "resource";
const V1: &str = "/v1/";
const DEPLOYMENTS: &str = "/deployments/";

const SETTINGS_SCHEMA: &str = r#"{"type":"object","additionalProperties":false,"required":["resource"],"properties":{
"resource":{"type":"string","description":"name of the resource, the first part of its address"},
"api-version":{"type":"string","description":"version of the older interface, as in 2024-10-21; leave it out for v1"}}}"#;

/// OpenAI's models at Azure.
#[derive(Debug, Clone)]
pub struct Azure {
    settings: Settings,
}

/// What a policy may set for this provider. The host fills the resource into the address.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    #[expect(dead_code, reason = "the host reads it")]
    #[serde(default)]
    resource: Option<String>,
    api_version: Option<String>,
}

impl Adapter for Azure {
    fn describe() -> Manifest {
        Manifest {
            id: String::from("azure"),
            version: String::from(env!("CARGO_PKG_VERSION")),
            display_name: String::from("Azure OpenAI"),
            operations: vec![
                passed("chat", "openai-chat"),
                passed("chat", "openai-responses"),
                passed("embeddings", "openai-embeddings"),
            ],
            upstreams: vec![Upstream {
                id: String::from(UPSTREAM),
                base_url: String::from("https://{config.resource}.openai.azure.com/openai"),
                paths: vec![String::from(V1), String::from(DEPLOYMENTS)],
            }],
            auth: vec![
                AuthScheme::Header {
                    name: String::from("api-key"),
                    prefix: String::new(),
                },
                AuthScheme::AzureEntra(String::from(
                    "https://cognitiveservices.azure.com/.default",
                )),
                AuthScheme::Bearer,
                AuthScheme::None,
            ],
            config_schema: String::from(SETTINGS_SCHEMA),
            response_headers: vec![String::from("retry-after"), String::from("retry-after-ms")],
            limit_headers: vec![
                limit(LimitUnit::Requests, "requests"),
                limit(LimitUnit::Tokens, "tokens"),
            ],
            memory_mib: 8,
            extra: Vec::new(),
        }
    }

    fn configure(settings: &[u8]) -> Result<Self, String> {
        let settings: Settings = json::read(settings).map_err(|error| {
            format!("the settings do not fit ({error}): known are `resource` and `api-version`")
        })?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        match &settings.api_version {
            Some(version) if version.is_empty() || !version.bytes().all(plain) => Err(
                String::from("`api-version` is a date, perhaps with `-preview` behind it"),
            ),
            _ => Ok(Self { settings }),
        }
    }

    fn prepare(&self, ctx: &RequestCtx, _body: &[u8]) -> Result<RequestPlan, Fault> {
        let what = match ctx.dialect.as_str() {
            "openai-responses" => "responses",
            "openai-embeddings" => "embeddings",
            _ => "chat/completions",
        };
        let path = match &self.settings.api_version {
            None => format!("{V1}{what}"),
            Some(_) if what == "responses" => {
                return Err(Fault::unsupported(
                    "azure's older interface has no responses: leave `api-version` out",
                    "model",
                ));
            }
            Some(version) => format!("{DEPLOYMENTS}{}/{what}?api-version={version}", ctx.model),
        };
        let framing = if ctx.stream {
            Framing::Sse
        } else {
            Framing::Buffered
        };
        Ok(RequestPlan {
            upstream: String::from(UPSTREAM),
            method: Method::Post,
            path,
            headers: Vec::new(),
            body: BodyPlan::Passthrough,
            reply: ReplyPlan {
                framing,
                mode: DecodeMode::Verbatim,
            },
            state: Vec::new(),
            warnings: Vec::new(),
        })
    }

    fn map_error(&self, head: &ResponseHead, body: &[u8]) -> UpstreamError {
        failure::usual(head, body, "azure")
    }
}

fn passed(name: &str, dialect: &str) -> Operation {
    Operation {
        name: String::from(name),
        dialects: vec![String::from(dialect)],
        fixed: None,
        // The path alone depends on the request, and on nothing in its body.
        body: BodyNeed::None,
    }
}

/// Azure says what is left and not when there is more, or in a unit that nobody knows.
fn limit(unit: LimitUnit, name: &str) -> LimitHeader {
    let header = |part: &str| Some(format!("x-ratelimit-{part}-{name}"));
    LimitHeader {
        unit,
        window: String::from("minute"),
        limit: header("limit"),
        remaining: header("remaining"),
        reset: None,
        reset_as: ResetFormat::Seconds,
    }
}

mux_plugin_sdk::export!(Azure);

#[cfg(test)]
mod tests {
    use mux_plugin_sdk::{ErrorKind, Header};

    use super::*;

    fn path(settings: &str) -> String {
        let azure = Azure::configure(settings.as_bytes()).expect("settings");
        let ctx = RequestCtx {
            model: String::from("my-gpt"),
            ..RequestCtx::default()
        };
        azure.prepare(&ctx, b"").expect("a plan").path
    }

    #[test]
    fn the_older_interface_names_the_deployment_in_the_path() {
        assert_eq!(path(r#"{"resource":"r"}"#), "/v1/chat/completions");
        assert_eq!(
            path(r#"{"resource":"r","api-version":"2024-10-21"}"#),
            "/deployments/my-gpt/chat/completions?api-version=2024-10-21"
        );
        assert!(Azure::configure(br#"{"resource":"r","api-version":"1&x=/.."}"#).is_err());
    }

    #[test]
    fn a_prompt_that_a_policy_refuses_is_told_from_a_bad_request() {
        let azure = Azure::configure(b"{}").expect("settings");
        let head = |status| ResponseHead {
            status,
            headers: vec![
                Header::new("retry-after", "1"),
                Header::new("retry-after-ms", "0"),
            ],
        };
        let body = br#"{"error":{"message":"The response was filtered.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#;
        assert_eq!(
            azure.map_error(&head(400), body).kind,
            ErrorKind::ContentFilter
        );
        let body = br#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#;
        assert_eq!(
            azure.map_error(&head(404), body).kind,
            ErrorKind::ModelNotFound
        );
        let body = br#"{"error":{"code":"RateLimitReached","message":"Slow down."}}"#;
        assert_eq!(azure.map_error(&head(429), body).retry_after_ms, Some(1000));
    }
}
