//! What a plugin says of itself, checked.

use mux_wire::frame::Framing;

/// What a plugin is and may do, as it said when it was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The name policies use after `kind`.
    pub id: String,
    /// The plugin's own version.
    pub version: String,
    /// The name for people.
    pub display_name: String,
    /// What it can do.
    pub operations: Vec<Operation>,
    /// Where its requests go.
    pub upstreams: Vec<Upstream>,
    /// The authentication schemes its provider takes.
    pub auth: Vec<AuthScheme>,
    /// JSON Schema of the settings.
    pub config_schema: String,
    /// Response headers it may see with an error: names, or prefixes ending in `*`.
    pub response_headers: Vec<String>,
    /// Headers that tell rate limits.
    pub limit_headers: Vec<LimitHeader>,
    /// Memory asked for, in MiB; 0 means what the host gives.
    pub memory_mib: u32,
    /// Further facts.
    pub extra: Vec<(String, String)>,
}

/// One thing a plugin can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// `chat`, …
    pub name: String,
    /// The request dialects taken.
    pub dialects: Vec<String>,
    /// The whole plan, where the plugin is not needed for it.
    pub fixed: Option<FixedPlan>,
    /// Whether `prepare` wants the body.
    pub wants_body: bool,
}

/// A plan that is the same for every request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedPlan {
    /// Which upstream.
    pub upstream: String,
    /// The path below its base.
    pub path: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// How a streamed reply is cut.
    pub framing: Framing,
}

/// A place a plugin's requests may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// The name plans use.
    pub id: String,
    /// The base address, possibly with `{config.NAME}` in it.
    pub base_url: String,
    /// Path prefixes below the base.
    pub paths: Vec<String>,
}

/// How the host authenticates at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthScheme {
    /// Not at all.
    None,
    /// `authorization: Bearer …`.
    Bearer,
    /// A header of the provider's own.
    Header {
        /// Its name.
        name: String,
        /// What stands before the secret.
        prefix: String,
    },
    /// A query parameter of that name.
    Query(String),
    /// Amazon's signature.
    AwsSigV4 {
        /// The service it is for.
        service: String,
        /// The region, possibly with `{config.NAME}` in it.
        region: String,
    },
    /// A token of Google's, for these scopes.
    GoogleAccount(Vec<String>),
    /// A token of Microsoft Entra's, for this scope.
    Entra(String),
    /// A scheme this version does not carry out, by name.
    Other(String),
}

/// What a rate limit counts.
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

/// How the time of a reset is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetFormat {
    /// Seconds from now.
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

/// The headers of one rate limit.
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
