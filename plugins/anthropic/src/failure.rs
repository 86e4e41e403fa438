//! Error bodies of the provider: what they mean for routing.

use mux_plugin_sdk::chat::json;
use mux_plugin_sdk::{ErrorKind, LimitScope, ResponseHead, UpstreamError};
use serde::Deserialize;

/// The longest message handed on where the body is not the provider's own JSON, in characters.
const STRANGE_LIMIT: usize = 300;

#[derive(Deserialize)]
struct Envelope {
    error: Told,
}

#[derive(Deserialize)]
struct Told {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    message: String,
    details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    error_code: Option<String>,
}

/// What an answer outside 2xx means.
pub(crate) fn read(head: &ResponseHead, body: &[u8]) -> UpstreamError {
    let mut error = match json::lossy::<Envelope>(body) {
        Ok(envelope) => told(head.status, envelope.error),
        Err(_) => UpstreamError::by_status(head.status, strange(body)),
    };
    // The provider sends this header on good answers too; it means something only where waiting helps.
    if matches!(head.status, 429 | 500..) {
        error.retry_after_ms = head.header("retry-after").and_then(milliseconds);
    }
    error
}

/// What an error event, or an error body under a good status, means.
pub(crate) fn in_stream(data: &[u8]) -> UpstreamError {
    match json::lossy::<Envelope>(data) {
        Ok(envelope) => told(200, envelope.error),
        Err(_) => UpstreamError::new(ErrorKind::BadResponse, strange(data)),
    }
}

fn told(status: u16, told: Told) -> UpstreamError {
    let code = told.details.and_then(|details| details.error_code);
    let kind = kind(status, &told.kind, &told.message, code.as_deref());
    let mut error = UpstreamError::new(kind, told.message);
    error.provider_code = code.or(Some(told.kind)).filter(|code| !code.is_empty());
    error
}

/// The status decides where it is exact; 400 and statuses below say too little, there the body does.
fn kind(status: u16, told: &str, message: &str, code: Option<&str>) -> ErrorKind {
    let words = message.to_ascii_lowercase();
    let spent = code.is_some_and(|code| code.contains("spend_limit"))
        || words.contains("specified api usage limits")
        || words.contains("credit balance is too low");
    if spent && matches!(status, 0..=299 | 400 | 402 | 403 | 429) {
        return ErrorKind::QuotaExhausted;
    }
    match status {
        400 => refused(&words),
        ..=299 => by_name(told, &words),
        404 if !words.contains("model") => ErrorKind::InvalidRequest,
        other => ErrorKind::by_status(other),
    }
}

fn by_name(told: &str, words: &str) -> ErrorKind {
    match told {
        "authentication_error" => ErrorKind::Authentication,
        "permission_error" => ErrorKind::Permission,
        "billing_error" => ErrorKind::QuotaExhausted,
        "not_found_error" => ErrorKind::ModelNotFound,
        "request_too_large" => ErrorKind::PayloadTooLarge,
        "rate_limit_error" => ErrorKind::RateLimited(LimitScope::Unknown),
        "overloaded_error" => ErrorKind::Overloaded,
        "timeout_error" => ErrorKind::Timeout,
        "invalid_request_error" => refused(words),
        _ => ErrorKind::Server,
    }
}

fn refused(words: &str) -> ErrorKind {
    if words.contains("prompt is too long") || words.contains("exceed context limit") {
        ErrorKind::ContextLength(limit(words))
    } else if words.contains("content filtering policy") {
        ErrorKind::ContentFilter
    } else {
        ErrorKind::InvalidRequest
    }
}

/// The number after `>`, as in `250000 tokens > 200000 maximum`.
fn limit(words: &str) -> Option<u64> {
    let (_, after) = words.split_once('>')?;
    let digits = after.trim_start();
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    digits.get(..end)?.parse().ok()
}

fn milliseconds(seconds: &str) -> Option<u64> {
    seconds.trim().parse::<u64>().ok()?.checked_mul(1000)
}

fn strange(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    if text.trim_start().starts_with('<') {
        return String::from("the answer is a web page, not anthropic's JSON");
    }
    text.trim().chars().take(STRANGE_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_body(status: u16, body: &str) -> ErrorKind {
        let head = ResponseHead {
            status,
            headers: Vec::new(),
        };
        read(&head, body.as_bytes()).kind
    }

    #[test]
    fn a_spent_budget_is_told_from_a_bad_request() {
        let body = r#"{"type":"error","error":{"type":"invalid_request_error","message":"You have reached your specified API usage limits."}}"#;
        assert_eq!(read_body(400, body), ErrorKind::QuotaExhausted);
    }

    #[test]
    fn a_prompt_that_does_not_fit_names_the_limit() {
        let body = r#"{"error":{"type":"invalid_request_error","message":"prompt is too long: 250000 tokens > 200000 maximum"}}"#;
        assert_eq!(
            read_body(400, body),
            ErrorKind::ContextLength(Some(200_000))
        );
    }

    #[test]
    fn a_web_page_is_judged_by_its_status() {
        assert_eq!(read_body(529, "<html>busy</html>"), ErrorKind::Overloaded);
    }

    #[test]
    fn a_status_of_429_wins_over_the_words() {
        let body = r#"{"error":{"type":"invalid_request_error","message":"slow down"}}"#;
        assert_eq!(
            read_body(429, body),
            ErrorKind::RateLimited(LimitScope::Unknown)
        );
    }
}
