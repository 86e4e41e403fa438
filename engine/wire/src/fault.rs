//! What an upstream's error means for routing.

mod kind;
mod refusal;
mod rules;

pub use crate::fault::kind::{ErrorKind, RetryAdvice};
use crate::fault::refusal::{Refusal, clip};
use crate::fault::rules::{RULES, Rule};

/// An upstream's failure, in mux's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamError {
    /// What went wrong.
    pub kind: ErrorKind,
    /// The upstream's own words, shortened; empty when it said nothing readable.
    pub message: String,
    /// The upstream's own code.
    pub code: Option<String>,
    /// The request field the upstream blames.
    pub param: Option<String>,
    /// How long the upstream asks to be left alone, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// What may help.
    pub retry: RetryAdvice,
}

impl UpstreamError {
    /// An error without a code, advised as its kind is.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            kind,
            message,
            code: None,
            param: None,
            retry_after_ms: None,
            retry: kind.advice(),
        }
    }
}

/// Says what an upstream's error means: the status decides, codes in the body refine it.
///
/// A status below 400 means an error found inside a good answer; then the body alone decides.
#[must_use]
pub fn classify(status: u16, body: &[u8]) -> UpstreamError {
    match Refusal::read(body) {
        Some(refusal) => judge(status, refusal),
        None => unreadable(status, body),
    }
}

fn judge(status: u16, refusal: Refusal) -> UpstreamError {
    let status = if status < 400 {
        refusal.status.unwrap_or(status)
    } else {
        status
    };
    let kind = refine(status, &refusal).unwrap_or_else(|| by_status(status));
    let Refusal {
        message,
        code,
        param,
        labels,
        retry_after_ms,
        ..
    } = refusal;
    let retry = if labels.iter().any(|label| label == "tool_use_failed") {
        RetryAdvice::SameKey
    } else {
        kind.advice()
    };
    UpstreamError {
        kind,
        message,
        code: code.or_else(|| labels.into_iter().next()),
        param,
        retry_after_ms,
        retry,
    }
}

/// No JSON: a proxy or the provider's edge is speaking, whatever status it chose.
fn unreadable(status: u16, body: &[u8]) -> UpstreamError {
    let text = String::from_utf8_lossy(body);
    let html = text.trim_start().starts_with('<');
    let kind = match status {
        ..=399 => ErrorKind::BadResponse,
        400 | 402..=407 | 409..=412 | 414..=428 if html => ErrorKind::Server,
        _ => by_status(status),
    };
    let message = if html {
        String::from("the upstream answered with a web page instead of JSON")
    } else {
        clip(text.trim())
    };
    UpstreamError::new(kind, message)
}

fn by_status(status: u16) -> ErrorKind {
    match status {
        300..=399 => ErrorKind::BadResponse,
        401 => ErrorKind::Authentication,
        402 => ErrorKind::QuotaExhausted,
        403 => ErrorKind::Permission,
        // Nothing is known there, whatever was asked: an address or a model that does not exist.
        404 | 405 | 410 => ErrorKind::ModelNotFound,
        408 | 504 => ErrorKind::Timeout,
        413 => ErrorKind::PayloadTooLarge,
        429 => ErrorKind::RateLimited,
        498 | 503 | 529 => ErrorKind::Overloaded,
        ..=299 | 407 | 409 | 421 | 423..=425 | 499 | 500.. => ErrorKind::Server,
        _ => ErrorKind::InvalidRequest,
    }
}

/// What the body says more exactly than the status, as far as the status allows it.
fn refine(status: u16, refusal: &Refusal) -> Option<ErrorKind> {
    let words = refusal.message.to_ascii_lowercase();
    let found = |rule: &&Rule| {
        rule.applies(status) && (refusal.labelled(rule.labels) || rule.is_said_in(&words))
    };
    RULES.iter().find(found).map(|rule| rule.kind)
}
