//! Error bodies of Google's: what they mean for routing.

use mux_plugin_sdk::chat::json;
use mux_plugin_sdk::chat::{Told, failure::duration_ms, retry_after, strange};
use mux_plugin_sdk::{ErrorKind, LimitScope, ResponseHead, UpstreamError};
use serde_json::Value;

/// What an answer outside 2xx means.
pub(crate) fn read(head: &ResponseHead, body: &[u8]) -> UpstreamError {
    let mut error = match Told::read(body) {
        Some(told) => told_of(head.status, told, body),
        None => UpstreamError::by_status(head.status, strange(body, "gemini")),
    };
    error.retry_after_ms = error.retry_after_ms.or_else(|| retry_after(head));
    error
}

/// What an error inside a stream means: it has its status inside.
pub(crate) fn in_stream(data: &[u8]) -> UpstreamError {
    let body: Value = json::lossy(data).unwrap_or_default();
    let status = body
        .pointer("/error/code")
        .and_then(Value::as_u64)
        .and_then(|code| u16::try_from(code).ok())
        .unwrap_or(500);
    match Told::read(data) {
        Some(told) => told_of(status, told, data),
        None => UpstreamError::new(ErrorKind::Server, strange(data, "gemini")),
    }
}

fn told_of(status: u16, told: Told, body: &[u8]) -> UpstreamError {
    let details = Details::read(body);
    let words = told.message.to_ascii_lowercase();
    let reason = details.reason.as_deref().unwrap_or_default();
    let kind = match status {
        400 if reason.starts_with("API_KEY") || words.contains("api key not valid") => {
            ErrorKind::Authentication
        }
        400 if words.contains("api key expired") => ErrorKind::Authentication,
        400 => told.usual(400),
        403 if reason.contains("BILLING") => ErrorKind::QuotaExhausted,
        404 if words.contains("model") || words.contains("models/") => ErrorKind::ModelNotFound,
        429 => limited(&details),
        499 => ErrorKind::Timeout,
        other => told.usual(other),
    };
    let waits = matches!(status, 429 | 500..);
    let wait = details.retry_delay.or_else(|| in_words(&words));
    let mut error = told.into_error(kind);
    // The status in words says more than the number, which is that of the answer.
    error.provider_code = details.reason.or(details.status).or(error.provider_code);
    error.retry_after_ms = wait.filter(|_| waits);
    error
}

/// A quota by the day is spent for long; one by the minute is a rate.
fn limited(details: &Details) -> ErrorKind {
    if details.quotas.iter().any(|quota| quota.contains("PerDay")) {
        return ErrorKind::QuotaExhausted;
    }
    let by_model = details
        .quotas
        .iter()
        .any(|quota| quota.contains("PerModel"));
    ErrorKind::RateLimited(if by_model {
        LimitScope::Model
    } else {
        LimitScope::Unknown
    })
}

/// `… retry in 48.9s.`
fn in_words(words: &str) -> Option<u64> {
    let (_, after) = words.split_once("retry in ")?;
    let end = after
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(after.len());
    let unit = after.get(end..).unwrap_or_default();
    let number = after.get(..end)?.trim_end_matches('.');
    duration_ms(&format!(
        "{number}{}",
        if unit.starts_with("ms") { "ms" } else { "s" }
    ))
}

/// The typed notes beside the message.
#[derive(Debug, Default)]
struct Details {
    reason: Option<String>,
    status: Option<String>,
    retry_delay: Option<u64>,
    quotas: Vec<String>,
}

impl Details {
    fn read(body: &[u8]) -> Self {
        let body: Value = json::lossy(body).unwrap_or_default();
        let body = body.get(0).unwrap_or(&body);
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let mut read = Self {
            status: body.pointer("/error/status").and_then(text),
            ..Self::default()
        };
        let notes = body.pointer("/error/details").and_then(Value::as_array);
        for note in notes.into_iter().flatten() {
            read.reason = read.reason.or_else(|| text(note.get("reason")?));
            read.retry_delay = read
                .retry_delay
                .or_else(|| duration_ms(note.get("retryDelay")?.as_str()?));
            let violations = note.get("violations").and_then(Value::as_array);
            for violation in violations.into_iter().flatten() {
                let quota = violation
                    .get("quotaId")
                    .or_else(|| violation.get("quotaMetric"));
                read.quotas.extend(quota.and_then(text));
            }
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, body: &str) -> UpstreamError {
        let head = ResponseHead {
            status,
            headers: Vec::new(),
        };
        read(&head, body.as_bytes())
    }

    #[test]
    fn a_bad_key_under_a_status_of_400_is_a_bad_key() {
        let body = r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#;
        assert_eq!(told(400, body).kind, ErrorKind::Authentication);
    }

    #[test]
    fn the_wait_stands_in_the_body() {
        let body = r#"{"error":{"code":429,"message":"Quota","status":"RESOURCE_EXHAUSTED","details":[{"violations":[{"quotaId":"GenerateRequestsPerMinutePerProjectPerModel-FreeTier"}]},{"retryDelay":"48s"}]}}"#;
        let error = told(429, body);
        assert_eq!(error.kind, ErrorKind::RateLimited(LimitScope::Model));
        assert_eq!(error.retry_after_ms, Some(48_000));
        let body = r#"{"error":{"code":429,"message":"Please retry in 1.5s.","status":"RESOURCE_EXHAUSTED"}}"#;
        assert_eq!(told(429, body).retry_after_ms, Some(1500));
    }

    #[test]
    fn a_quota_by_the_day_is_no_rate() {
        let body = r#"{"error":{"code":429,"message":"Quota","details":[{"violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel"}]}]}}"#;
        assert_eq!(told(429, body).kind, ErrorKind::QuotaExhausted);
    }

    #[test]
    fn an_error_in_a_list_of_one_is_read() {
        let body = r#"[{"error":{"code":400,"message":"The input token count (1250074) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}]"#;
        assert_eq!(
            told(400, body).kind,
            ErrorKind::ContextLength(Some(1_048_576))
        );
    }
}
