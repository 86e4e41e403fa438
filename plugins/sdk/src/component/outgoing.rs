//! Results: plain types to those of the interface.

use super::wit::mux::provider::types as wit;
use crate::error::{BadParam, ErrorKind, Fault, LimitScope, RetryAdvice, UpstreamError};
use crate::header::Header;
use crate::manifest::{
    AuthScheme, BodyNeed, FixedPlan, LimitHeader, LimitUnit, Manifest, Operation, ResetFormat,
    Upstream,
};
use crate::reply::{Decoded, Finish, Usage};
use crate::request::{BodyPlan, DecodeMode, Framing, Method, ReplyPlan, RequestPlan, Splice};

fn all<A, B: From<A>>(items: Vec<A>) -> Vec<B> {
    items.into_iter().map(B::from).collect()
}

impl From<Manifest> for wit::Manifest {
    fn from(manifest: Manifest) -> Self {
        Self {
            id: manifest.id,
            version: manifest.version,
            display_name: manifest.display_name,
            operations: all(manifest.operations),
            upstreams: all(manifest.upstreams),
            auth: all(manifest.auth),
            config_schema: manifest.config_schema.into_bytes(),
            response_headers: manifest.response_headers,
            limit_headers: all(manifest.limit_headers),
            memory_mib: manifest.memory_mib,
            extra: manifest.extra,
        }
    }
}

impl From<Operation> for wit::Operation {
    fn from(operation: Operation) -> Self {
        Self {
            name: operation.name,
            dialects: operation.dialects,
            fixed: operation.fixed.map(Into::into),
            body: match operation.body {
                BodyNeed::None => wit::BodyNeed::None,
                BodyNeed::Full => wit::BodyNeed::Full,
            },
        }
    }
}

impl From<Upstream> for wit::Upstream {
    fn from(upstream: Upstream) -> Self {
        Self {
            id: upstream.id,
            base_url: upstream.base_url,
            paths: upstream.paths,
        }
    }
}

impl From<FixedPlan> for wit::FixedPlan {
    fn from(plan: FixedPlan) -> Self {
        Self {
            upstream: plan.upstream,
            path: plan.path,
            headers: all(plan.headers),
            reply: plan.reply.into(),
        }
    }
}

impl From<Header> for wit::Header {
    fn from(header: Header) -> Self {
        Self {
            name: header.name,
            value: header.value,
        }
    }
}

impl From<AuthScheme> for wit::AuthScheme {
    fn from(scheme: AuthScheme) -> Self {
        match scheme {
            AuthScheme::None => Self::None,
            AuthScheme::Bearer => Self::Bearer,
            AuthScheme::Header { name, prefix } => Self::Header(wit::HeaderAuth { name, prefix }),
            AuthScheme::Query(name) => Self::Query(name),
            AuthScheme::Basic => Self::Basic,
            AuthScheme::AwsSigV4(aws) => Self::AwsSigv4(wit::AwsSigv4 {
                service: aws.service,
                region: aws.region,
            }),
            AuthScheme::GcpServiceAccount(scopes) => Self::GcpServiceAccount(scopes),
            AuthScheme::AzureEntra(scope) => Self::AzureEntra(scope),
            AuthScheme::OAuth2ClientCredentials(oauth) => {
                Self::Oauth2ClientCredentials(wit::Oauth2 {
                    token_url: oauth.token_url,
                    scopes: oauth.scopes,
                })
            }
            AuthScheme::Named(name) => Self::Named(name),
        }
    }
}

impl From<LimitHeader> for wit::LimitHeader {
    fn from(limit: LimitHeader) -> Self {
        Self {
            unit: match limit.unit {
                LimitUnit::Requests => wit::LimitUnit::Requests,
                LimitUnit::Tokens => wit::LimitUnit::Tokens,
                LimitUnit::InputTokens => wit::LimitUnit::InputTokens,
                LimitUnit::OutputTokens => wit::LimitUnit::OutputTokens,
            },
            window: limit.window,
            limit: limit.limit,
            remaining: limit.remaining,
            reset: limit.reset,
            reset_as: match limit.reset_as {
                ResetFormat::Seconds => wit::ResetFormat::Seconds,
                ResetFormat::GoDuration => wit::ResetFormat::GoDuration,
                ResetFormat::Rfc3339 => wit::ResetFormat::Rfc3339,
                ResetFormat::UnixSeconds => wit::ResetFormat::UnixSeconds,
                ResetFormat::UnixMillis => wit::ResetFormat::UnixMillis,
            },
        }
    }
}

impl From<RequestPlan> for wit::RequestPlan {
    fn from(plan: RequestPlan) -> Self {
        Self {
            upstream: plan.upstream,
            method: match plan.method {
                Method::Get => wit::Method::Get,
                Method::Post => wit::Method::Post,
                Method::Put => wit::Method::Put,
                Method::Delete => wit::Method::Delete,
            },
            path: plan.path,
            headers: all(plan.headers),
            body: match plan.body {
                BodyPlan::Empty => wit::BodyPlan::Empty,
                BodyPlan::Passthrough => wit::BodyPlan::Passthrough,
                BodyPlan::Splices(splices) => wit::BodyPlan::Splices(all(splices)),
                BodyPlan::Replace(bytes) => wit::BodyPlan::Replace(bytes),
            },
            reply: plan.reply.into(),
            state: plan.state,
            warnings: plan.warnings,
        }
    }
}

impl From<Splice> for wit::Splice {
    fn from(splice: Splice) -> Self {
        Self {
            at: splice.at,
            remove: splice.remove,
            insert: splice.insert,
        }
    }
}

impl From<ReplyPlan> for wit::ReplyPlan {
    fn from(reply: ReplyPlan) -> Self {
        Self {
            framing: match reply.framing {
                Framing::Buffered => wit::Framing::Buffered,
                Framing::Sse => wit::Framing::Sse,
                Framing::Ndjson => wit::Framing::Ndjson,
                Framing::JsonArray => wit::Framing::JsonArray,
                Framing::AwsEventStream => wit::Framing::AwsEventStream,
                Framing::Raw => wit::Framing::Raw,
            },
            mode: match reply.mode {
                DecodeMode::Verbatim => wit::DecodeMode::Verbatim,
                DecodeMode::Frames => wit::DecodeMode::Frames,
            },
        }
    }
}

impl From<Decoded> for wit::Decoded {
    fn from(decoded: Decoded) -> Self {
        Self {
            state: decoded.state,
            chunks: decoded.chunks,
            usage: decoded.usage.map(Into::into),
            finish: decoded.finish.map(Into::into),
            error: decoded.error.map(Into::into),
        }
    }
}

impl From<Usage> for wit::Usage {
    fn from(usage: Usage) -> Self {
        Self {
            input: usage.input,
            output: usage.output,
            cache_read: usage.cache_read,
            cache_write: usage.cache_write,
            reasoning: usage.reasoning,
            other: usage.other,
        }
    }
}

impl From<Finish> for wit::Finish {
    fn from(finish: Finish) -> Self {
        match finish {
            Finish::Stop => Self::Stop,
            Finish::Length => Self::Length,
            Finish::ToolCalls => Self::ToolCalls,
            Finish::ContentFilter => Self::ContentFilter,
            Finish::Refusal => Self::Refusal,
            Finish::Other(name) => Self::Other(name),
        }
    }
}

impl From<Fault> for wit::Fault {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::InvalidRequest(bad) => Self::InvalidRequest(bad.into()),
            Fault::Unsupported(bad) => Self::Unsupported(bad.into()),
            Fault::BadResponse(message) => Self::BadResponse(message),
            Fault::Internal(message) => Self::Internal(message),
        }
    }
}

impl From<BadParam> for wit::BadParam {
    fn from(bad: BadParam) -> Self {
        Self {
            message: bad.message,
            param: bad.param,
        }
    }
}

impl From<UpstreamError> for wit::UpstreamError {
    fn from(error: UpstreamError) -> Self {
        Self {
            kind: error.kind.into(),
            message: error.message,
            provider_code: error.provider_code,
            param: error.param,
            retry_after_ms: error.retry_after_ms,
            retry: match error.retry {
                RetryAdvice::Never => wit::RetryAdvice::Never,
                RetryAdvice::SameKey => wit::RetryAdvice::SameKey,
                RetryAdvice::OtherKey => wit::RetryAdvice::OtherKey,
                RetryAdvice::OtherModel => wit::RetryAdvice::OtherModel,
                RetryAdvice::OtherProvider => wit::RetryAdvice::OtherProvider,
            },
        }
    }
}

impl From<ErrorKind> for wit::ErrorKind {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::RateLimited(scope) => Self::RateLimited(scope.into()),
            ErrorKind::QuotaExhausted => Self::QuotaExhausted,
            ErrorKind::Overloaded => Self::Overloaded,
            ErrorKind::Authentication => Self::Authentication,
            ErrorKind::Permission => Self::Permission,
            ErrorKind::InvalidRequest => Self::InvalidRequest,
            ErrorKind::ContextLength(limit) => Self::ContextLength(limit),
            ErrorKind::ContentFilter => Self::ContentFilter,
            ErrorKind::ModelNotFound => Self::ModelNotFound,
            ErrorKind::PayloadTooLarge => Self::PayloadTooLarge,
            ErrorKind::Server => Self::Server,
            ErrorKind::Timeout => Self::Timeout,
            ErrorKind::BadResponse => Self::BadResponse,
            ErrorKind::Other(name) => Self::Other(name),
        }
    }
}

impl From<LimitScope> for wit::LimitScope {
    fn from(scope: LimitScope) -> Self {
        match scope {
            LimitScope::Unknown => Self::Unknown,
            LimitScope::Key => Self::Key,
            LimitScope::Model => Self::Model,
            LimitScope::Organization => Self::Organization,
            LimitScope::Address => Self::Address,
        }
    }
}
