//! What can go wrong: at the provider, and in the request before anything is sent.

use serde::Serialize;

/// An error answer of the provider, or an error inside a stream that began well.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UpstreamError {
    /// What it means for routing.
    pub kind: ErrorKind,
    /// The provider's words.
    pub message: String,
    /// The provider's own code.
    pub provider_code: Option<String>,
    /// The request field it blames.
    pub param: Option<String>,
    /// How long it asks to be left alone.
    pub retry_after_ms: Option<u64>,
    /// What may help.
    pub retry: RetryAdvice,
}

impl UpstreamError {
    /// An error of that kind with the advice usual for it.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            retry: kind.advice(),
            kind,
            message: message.into(),
            provider_code: None,
            param: None,
            retry_after_ms: None,
        }
    }

    /// What the status alone says.
    #[must_use]
    pub fn by_status(status: u16, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::by_status(status), message)
    }
}

/// What an upstream error means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// Too many requests or tokens just now.
    RateLimited(LimitScope),
    /// No credit, or a spending limit is reached.
    QuotaExhausted,
    /// No capacity.
    Overloaded,
    /// The credential is not accepted.
    Authentication,
    /// The credential may not do this.
    Permission,
    /// The request is wrong.
    InvalidRequest,
    /// The prompt does not fit; the limit in tokens where it is known.
    ContextLength(Option<u64>),
    /// Refused by a content policy.
    ContentFilter,
    /// No such model.
    ModelNotFound,
    /// The body is too large.
    PayloadTooLarge,
    /// The provider failed.
    Server,
    /// The provider gave up waiting for itself.
    Timeout,
    /// The answer makes no sense.
    BadResponse,
    /// Anything else, named.
    Other(String),
}

impl ErrorKind {
    /// What a status means where the body says nothing more exact.
    #[must_use]
    pub fn by_status(status: u16) -> Self {
        match status {
            401 => Self::Authentication,
            402 => Self::QuotaExhausted,
            403 => Self::Permission,
            404 => Self::ModelNotFound,
            408 | 504 => Self::Timeout,
            413 => Self::PayloadTooLarge,
            429 => Self::RateLimited(LimitScope::Unknown),
            503 | 529 => Self::Overloaded,
            400..=499 => Self::InvalidRequest,
            500..=599 => Self::Server,
            _ => Self::BadResponse,
        }
    }

    /// What usually helps against it.
    #[must_use]
    pub fn advice(&self) -> RetryAdvice {
        match self {
            Self::InvalidRequest | Self::Other(_) => RetryAdvice::Never,
            Self::Server | Self::Timeout => RetryAdvice::SameKey,
            Self::RateLimited(_)
            | Self::QuotaExhausted
            | Self::Authentication
            | Self::Permission => RetryAdvice::OtherKey,
            Self::Overloaded | Self::ContextLength(_) | Self::ModelNotFound => {
                RetryAdvice::OtherModel
            }
            Self::ContentFilter | Self::PayloadTooLarge | Self::BadResponse => {
                RetryAdvice::OtherProvider
            }
        }
    }
}

/// What a rate limit counts by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitScope {
    /// Not said.
    Unknown,
    /// The credential.
    Key,
    /// The model.
    Model,
    /// The whole organisation.
    Organization,
    /// The caller's network address.
    Address,
}

/// The nearest change under which the same request may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetryAdvice {
    /// It fails everywhere.
    Never,
    /// The same again, after a pause.
    SameKey,
    /// Another credential.
    OtherKey,
    /// Another model.
    OtherModel,
    /// Another provider.
    OtherProvider,
}

/// The adapter's own refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The client's request is wrong.
    InvalidRequest(BadParam),
    /// The request is fine, but this provider cannot do it.
    Unsupported(BadParam),
    /// The provider's answer makes no sense.
    BadResponse(String),
    /// The adapter's own mistake.
    Internal(String),
}

impl Fault {
    /// The client's request is wrong in `param`.
    #[must_use]
    pub fn invalid(message: impl Into<String>, param: impl Into<String>) -> Self {
        Self::InvalidRequest(BadParam::new(message, param))
    }

    /// The provider cannot do what `param` asks for.
    #[must_use]
    pub fn unsupported(message: impl Into<String>, param: impl Into<String>) -> Self {
        Self::Unsupported(BadParam::new(message, param))
    }
}

/// What is wrong and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BadParam {
    /// What is wrong and what to do.
    pub message: String,
    /// The field, as in `messages[2].content`; none when it is the whole body.
    pub param: Option<String>,
}

impl BadParam {
    fn new(message: impl Into<String>, param: impl Into<String>) -> Self {
        let param = param.into();
        Self {
            message: message.into(),
            param: (!param.is_empty()).then_some(param),
        }
    }
}
