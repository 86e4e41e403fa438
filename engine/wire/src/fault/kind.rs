//! The kinds of upstream failure and what may help against each.

use std::fmt;

/// What went wrong at an upstream, in the words of the plugin interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Too many requests or tokens just now.
    RateLimited,
    /// No credit, or a spending limit is reached: waiting a little does not help.
    QuotaExhausted,
    /// The upstream has no capacity left.
    Overloaded,
    /// The credential is not accepted.
    Authentication,
    /// The credential is accepted but may not do this.
    Permission,
    /// The request itself is wrong.
    InvalidRequest,
    /// The prompt does not fit the model's window.
    ContextLength,
    /// Prompt or answer were refused by a content policy.
    ContentFilter,
    /// No such model there.
    ModelNotFound,
    /// The body is over the upstream's size limit.
    PayloadTooLarge,
    /// The upstream failed.
    Server,
    /// The upstream gave up waiting for itself.
    Timeout,
    /// The answer makes no sense.
    BadResponse,
    /// Anything else.
    Other,
}

impl ErrorKind {
    /// Every kind, in the order of the plugin interface.
    pub const ALL: [Self; 14] = [
        Self::RateLimited,
        Self::QuotaExhausted,
        Self::Overloaded,
        Self::Authentication,
        Self::Permission,
        Self::InvalidRequest,
        Self::ContextLength,
        Self::ContentFilter,
        Self::ModelNotFound,
        Self::PayloadTooLarge,
        Self::Server,
        Self::Timeout,
        Self::BadResponse,
        Self::Other,
    ];

    /// The name in kebab case, as records and policies have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate-limited",
            Self::QuotaExhausted => "quota-exhausted",
            Self::Overloaded => "overloaded",
            Self::Authentication => "authentication",
            Self::Permission => "permission",
            Self::InvalidRequest => "invalid-request",
            Self::ContextLength => "context-length",
            Self::ContentFilter => "content-filter",
            Self::ModelNotFound => "model-not-found",
            Self::PayloadTooLarge => "payload-too-large",
            Self::Server => "server",
            Self::Timeout => "timeout",
            Self::BadResponse => "bad-response",
            Self::Other => "other",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// What may help where the upstream said nothing more exact.
    #[must_use]
    pub fn advice(self) -> RetryAdvice {
        match self {
            Self::InvalidRequest | Self::Other => RetryAdvice::Never,
            Self::Server | Self::Timeout => RetryAdvice::SameKey,
            Self::RateLimited | Self::QuotaExhausted | Self::Authentication | Self::Permission => {
                RetryAdvice::OtherKey
            }
            Self::Overloaded | Self::ContextLength | Self::ModelNotFound => RetryAdvice::OtherModel,
            Self::ContentFilter | Self::PayloadTooLarge | Self::BadResponse => {
                RetryAdvice::OtherProvider
            }
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The nearest change under which the same request may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetryAdvice {
    /// The request fails everywhere.
    Never,
    /// The same again, after a pause.
    SameKey,
    /// Another credential of the same provider.
    OtherKey,
    /// Another model.
    OtherModel,
    /// Another provider.
    OtherProvider,
}

impl RetryAdvice {
    /// The name in kebab case, as the plugin interface has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::SameKey => "same-key",
            Self::OtherKey => "other-key",
            Self::OtherModel => "other-model",
            Self::OtherProvider => "other-provider",
        }
    }
}
