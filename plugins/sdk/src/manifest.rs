//! What an adapter is: read once, when it is loaded.

use crate::header::Header;
use crate::request::ReplyPlan;

/// Everything the host and the operator want to know before the first request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Manifest {
    /// Lower-case name, as written after `kind` in a policy.
    pub id: String,
    /// The adapter's own version.
    pub version: String,
    /// For people.
    pub display_name: String,
    /// What it can do.
    pub operations: Vec<Operation>,
    /// The only places its requests may go.
    pub upstreams: Vec<Upstream>,
    /// The authentication schemes the provider accepts.
    pub auth: Vec<AuthScheme>,
    /// JSON Schema of the settings.
    pub config_schema: String,
    /// Response headers [`map_error`](crate::Adapter::map_error) may see: names, or prefixes ending in `*`.
    pub response_headers: Vec<String>,
    /// Rate-limit headers, read by the host.
    pub limit_headers: Vec<LimitHeader>,
    /// Peak linear memory asked for.
    pub memory_mib: u32,
    /// Further facts.
    pub extra: Vec<(String, String)>,
}

/// One thing the adapter can do.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// `chat`, `embeddings`, …
    pub name: String,
    /// The request dialects it takes.
    pub dialects: Vec<String>,
    /// The whole plan as data: then neither `prepare` nor `decode` is ever called for it.
    pub fixed: Option<FixedPlan>,
    /// What `prepare` wants of the body.
    pub body: BodyNeed,
}

impl Operation {
    /// An operation whose requests the adapter translates from the unified form.
    #[must_use]
    pub fn translated(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            dialects: vec![format!("openai-{name}")],
            fixed: None,
            body: BodyNeed::Full,
        }
    }
}

/// How much of the request body `prepare` is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyNeed {
    /// Nothing.
    None,
    /// All of it.
    Full,
}

/// A place requests may go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// The name plans use.
    pub id: String,
    /// `https://host/base`, may hold `{config.NAME}`.
    pub base_url: String,
    /// Path prefixes below the base.
    pub paths: Vec<String>,
}

/// A plan that is the same for every request.
#[derive(Debug, Clone, PartialEq)]
pub struct FixedPlan {
    /// Which upstream.
    pub upstream: String,
    /// The path below its base.
    pub path: String,
    /// Further headers.
    pub headers: Vec<Header>,
    /// How a streamed reply comes back; one that is not streamed is one buffered document.
    pub reply: ReplyPlan,
}

/// How the host authenticates for the adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthScheme {
    /// Not at all.
    None,
    /// `authorization: Bearer …`.
    Bearer,
    /// A header of its own.
    Header {
        /// The header's name.
        name: String,
        /// What stands before the secret.
        prefix: String,
    },
    /// A query parameter of that name.
    Query(String),
    /// HTTP basic authentication.
    Basic,
    /// AWS request signing.
    AwsSigV4(AwsSigV4),
    /// A Google service account with these scopes.
    GcpServiceAccount(Vec<String>),
    /// Microsoft Entra with this scope.
    AzureEntra(String),
    /// OAuth 2 client credentials.
    OAuth2ClientCredentials(OAuth2),
    /// A scheme the host knows by name.
    Named(String),
}

/// What AWS signs for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsSigV4 {
    /// The service.
    pub service: String,
    /// The region.
    pub region: String,
}

/// Where a token comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuth2 {
    /// The token endpoint.
    pub token_url: String,
    /// The scopes asked for.
    pub scopes: Vec<String>,
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitUnit {
    /// Requests.
    Requests,
    /// Tokens of both kinds.
    Tokens,
    /// Input tokens.
    InputTokens,
    /// Output tokens.
    OutputTokens,
}

/// How a reset time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetFormat {
    /// Seconds from now, as a decimal number.
    Seconds,
    /// `2m1.016s`.
    GoDuration,
    /// A point in time.
    Rfc3339,
    /// Seconds since 1970.
    UnixSeconds,
    /// Milliseconds since 1970.
    UnixMillis,
}

/// The headers of one limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitHeader {
    /// What it counts.
    pub unit: LimitUnit,
    /// Over how long, for people.
    pub window: String,
    /// Header with the limit.
    pub limit: Option<String>,
    /// Header with what is left.
    pub remaining: Option<String>,
    /// Header with the time of the next reset.
    pub reset: Option<String>,
    /// How that time is written.
    pub reset_as: ResetFormat,
}
