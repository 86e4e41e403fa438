//! A manifest from the interface's types to ours.

use crate::answer::framing;
use crate::bindings::mux::provider::types as wit;
use crate::manifest::{
    AuthScheme, FixedPlan, LimitHeader, LimitUnit, Manifest, Operation, ResetFormat, Upstream,
};

/// Reads what a plugin said; nothing in it is checked yet.
pub(crate) fn read(said: wit::Manifest) -> Result<Manifest, String> {
    let operations = said.operations.into_iter().map(operation);
    let limits = said.limit_headers.into_iter();
    Ok(Manifest {
        id: said.id,
        version: said.version,
        display_name: said.display_name,
        operations: operations.collect::<Result<_, _>>()?,
        upstreams: said.upstreams.into_iter().map(Upstream::from).collect(),
        auth: said.auth.into_iter().map(AuthScheme::from).collect(),
        config_schema: String::from_utf8(said.config_schema)
            .map_err(|_| String::from("its `config-schema` is not UTF-8"))?,
        response_headers: said.response_headers,
        limit_headers: limits.map(LimitHeader::from).collect(),
        memory_mib: said.memory_mib,
        extra: said.extra,
    })
}

fn operation(said: wit::Operation) -> Result<Operation, String> {
    Ok(Operation {
        fixed: said.fixed.map(fixed).transpose()?,
        name: said.name,
        dialects: said.dialects,
        wants_body: matches!(said.body, wit::BodyNeed::Full),
    })
}

fn fixed(said: wit::FixedPlan) -> Result<FixedPlan, String> {
    if !matches!(said.reply.mode, wit::DecodeMode::Verbatim) {
        return Err(String::from(
            "a fixed plan must have its replies `verbatim`: nobody decodes them",
        ));
    }
    let headers = said.headers.into_iter();
    Ok(FixedPlan {
        upstream: said.upstream,
        path: said.path,
        headers: headers.map(|header| (header.name, header.value)).collect(),
        framing: framing(said.reply.framing),
    })
}

impl From<wit::Upstream> for Upstream {
    fn from(upstream: wit::Upstream) -> Self {
        Self {
            id: upstream.id,
            base_url: upstream.base_url,
            paths: upstream.paths,
        }
    }
}

impl From<wit::AuthScheme> for AuthScheme {
    fn from(scheme: wit::AuthScheme) -> Self {
        let other = |name: &str| Self::Other(name.to_owned());
        match scheme {
            wit::AuthScheme::None => Self::None,
            wit::AuthScheme::Bearer => Self::Bearer,
            wit::AuthScheme::Header(header) => Self::Header {
                name: header.name,
                prefix: header.prefix,
            },
            wit::AuthScheme::Query(name) => Self::Query(name),
            wit::AuthScheme::Basic => other("basic"),
            wit::AuthScheme::AwsSigv4(aws) => Self::AwsSigV4 {
                service: aws.service,
                region: aws.region,
            },
            wit::AuthScheme::GcpServiceAccount(scopes) => Self::GoogleAccount(scopes),
            wit::AuthScheme::AzureEntra(scope) => Self::Entra(scope),
            wit::AuthScheme::Oauth2ClientCredentials(_) => other("oauth2-client-credentials"),
            wit::AuthScheme::Named(name) => Self::Other(name),
        }
    }
}

impl From<wit::LimitHeader> for LimitHeader {
    fn from(limit: wit::LimitHeader) -> Self {
        Self {
            unit: match limit.unit {
                wit::LimitUnit::Requests => LimitUnit::Requests,
                wit::LimitUnit::Tokens => LimitUnit::Tokens,
                wit::LimitUnit::InputTokens => LimitUnit::InputTokens,
                wit::LimitUnit::OutputTokens => LimitUnit::OutputTokens,
            },
            window: limit.window,
            limit: limit.limit,
            remaining: limit.remaining,
            reset: limit.reset,
            reset_as: match limit.reset_as {
                wit::ResetFormat::Seconds => ResetFormat::Seconds,
                wit::ResetFormat::GoDuration => ResetFormat::GoDuration,
                wit::ResetFormat::Rfc3339 => ResetFormat::Rfc3339,
                wit::ResetFormat::UnixSeconds => ResetFormat::UnixSeconds,
                wit::ResetFormat::UnixMillis => ResetFormat::UnixMillis,
            },
        }
    }
}
