//! What a client is told when it gets no answer: one place maps every failure to a status and a stable code.

use crate::Nanos;
use crate::class::Class;

/// A request that is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Stable code, snake case.
    pub code: &'static str,
    /// For a person.
    pub message: String,
    /// The field of the request at fault.
    pub param: Option<&'static str>,
    /// When to come back.
    pub retry_after: Option<Nanos>,
}

impl Refusal {
    /// Without a field or a wait.
    #[must_use]
    pub fn new(status: u16, code: &'static str, message: String) -> Self {
        Self {
            status,
            code,
            message,
            param: None,
            retry_after: None,
        }
    }

    /// The client's field at fault.
    #[must_use]
    pub fn about(mut self, param: &'static str) -> Self {
        self.param = Some(param);
        self
    }

    /// When to come back.
    #[must_use]
    pub fn after(mut self, wait: Option<Nanos>) -> Self {
        self.retry_after = wait;
        self
    }

    /// The last attempt failed with `class` and nothing is left to try.
    #[must_use]
    pub fn failed(class: Class, target: &str, said: Option<&str>) -> Self {
        let (status, code, what) = match class {
            Class::RateLimited => (429, "rate_limited", "is rate limited"),
            Class::QuotaExhausted => (429, "quota_exhausted", "has no quota left"),
            Class::Overloaded => (503, "overloaded", "is overloaded"),
            Class::Authentication | Class::Permission => (
                502,
                "provider_credential_refused",
                "refused the gateway's credential",
            ),
            Class::InvalidRequest | Class::Other => (400, "invalid_request", "refused the request"),
            Class::ContextLength => (
                400,
                "context_length_exceeded",
                "cannot take a prompt this long",
            ),
            Class::ContentFilter => (400, "content_filter", "refused the content"),
            Class::ModelNotFound => (404, "model_not_found", "does not know the model"),
            Class::PayloadTooLarge => (413, "payload_too_large", "cannot take a body this large"),
            Class::Timeout | Class::TimedOut | Class::Idle => {
                (504, "upstream_timeout", "did not answer in time")
            }
            Class::Connect => (502, "upstream_unreachable", "cannot be reached"),
            Class::Cut => (502, "upstream_cut", "broke off its answer"),
            Class::Unsupported => (400, "unsupported", "cannot be asked this"),
            Class::Plugin => (502, "plugin_fault", "has an adapter that failed"),
            Class::Ok | Class::Server | Class::BadResponse => (502, "upstream_error", "failed"),
            Class::Deadline => (504, "deadline_exceeded", "had no time left to answer"),
            Class::ClientGone => (499, "client_gone", "was left by the client"),
            Class::Superseded => (502, "upstream_error", "was not waited for"),
        };
        let message = match said {
            Some(said) => format!("`{target}` {what}: {said}"),
            None => format!("`{target}` {what}"),
        };
        Self::new(status, code, message)
    }
}
