//! Error bodies: what providers say in them, in whatever shape, and what it means.

use serde_json::Value;

use crate::chat::json;
use crate::error::{ErrorKind, LimitScope, UpstreamError};
use crate::reply::ResponseHead;

/// The longest message handed on where the body is not the provider's own JSON, in characters.
const STRANGE_LIMIT: usize = 300;

/// What an error body says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// In words.
    pub message: String,
    /// The provider's class of error.
    pub kind: String,
    /// The provider's code.
    pub code: String,
    /// The request field it blames.
    pub param: Option<String>,
}

impl Told {
    /// Reads the shapes that occur: `{"error": {…}}`, `{"error": "…"}`, the same in a list of one, flat bodies with
    /// `message`, and `{"detail": …}` of validators.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Self> {
        let body: Value = json::lossy(body).ok()?;
        let body = match &body {
            Value::Array(list) => list.first()?,
            other => other,
        };
        let error = body.get("error").filter(|error| !error.is_null());
        let told = match error {
            Some(Value::String(message)) => Self {
                message: match text(body, "message") {
                    Some(more) if more != *message => format!("{message}: {more}"),
                    _ => message.clone(),
                },
                ..Self::flat(body)
            },
            Some(object @ Value::Object(_)) => Self::flat(object),
            _ => Self::flat(body),
        };
        (!told.message.is_empty()).then_some(told)
    }

    fn flat(object: &Value) -> Self {
        let message = text(object, "message")
            .or_else(|| text(object.get("message")?, "detail"))
            .or_else(|| {
                object
                    .get("message")
                    .and_then(|it| details(it.get("detail")?))
            })
            .or_else(|| details(object.get("detail")?));
        let code = text(object, "code")
            .or_else(|| object.get("code")?.as_i64().map(|code| code.to_string()));
        Self {
            message: message.unwrap_or_default(),
            kind: text(object, "type")
                .or_else(|| text(object, "error_type"))
                .or_else(|| text(object, "status"))
                .unwrap_or_default(),
            code: code.unwrap_or_default(),
            param: text(object, "param"),
        }
    }

    /// The error this is, of a kind found by status and words.
    #[must_use]
    pub fn into_error(self, kind: ErrorKind) -> UpstreamError {
        let mut error = UpstreamError::new(kind, self.message);
        error.provider_code = [self.code, self.kind]
            .into_iter()
            .find(|code| !code.is_empty());
        error.param = self.param;
        error
    }

    /// What most providers mean by such a status, code and words.
    #[must_use]
    pub fn usual(&self, status: u16) -> ErrorKind {
        let words = self.message.to_ascii_lowercase();
        let code = format!("{} {}", self.code, self.kind).to_ascii_lowercase();
        let spent = [
            "insufficient_quota",
            "billing_hard_limit",
            "insufficient_balance",
        ];
        if matches!(status, 400 | 402 | 403 | 429) && spent.iter().any(|spent| code.contains(spent))
        {
            return ErrorKind::QuotaExhausted;
        }
        match status {
            400 | 422 => refused(&code, &words),
            404 if code.contains("model")
                || code.contains("deployment")
                || words.contains("model") =>
            {
                ErrorKind::ModelNotFound
            }
            404 => ErrorKind::InvalidRequest,
            ..=299 => in_stream(&code, &words),
            other => ErrorKind::by_status(other),
        }
    }
}

/// An error inside an answer that began well has no status of its own.
fn in_stream(code: &str, words: &str) -> ErrorKind {
    let said = |part: &str| code.contains(part) || words.contains(part);
    if said("rate limit") || said("rate_limit") || code.contains("429") {
        ErrorKind::RateLimited(LimitScope::Unknown)
    } else if said("overloaded") || code.contains("503") {
        ErrorKind::Overloaded
    } else if said("timeout") {
        ErrorKind::Timeout
    } else if said("invalid_request") || code.contains("400") {
        refused(code, words)
    } else {
        ErrorKind::Server
    }
}

fn refused(code: &str, words: &str) -> ErrorKind {
    let long = [
        "context_length",
        "too_many_tokens",
        "too_many_prompt_tokens",
        "exceed_context_size",
        "string_above_max_length",
    ];
    let says_long = [
        "maximum context length",
        "context window",
        "prompt is too long",
        "too many tokens",
        "exceeds the maximum number of tokens",
        "input tokens exceeded",
        "input is too long",
        "too large for model with",
    ];
    let has = |text: &str, parts: &[&str]| parts.iter().any(|part| text.contains(part));
    if has(code, &long) || has(words, &says_long) {
        ErrorKind::ContextLength(limit(words))
    } else if has(code, &["content_filter", "content_policy", "responsibleai"]) {
        ErrorKind::ContentFilter
    } else if has(
        code,
        &["model_not_found", "invalid_model", "deploymentnotfound"],
    ) {
        ErrorKind::ModelNotFound
    } else if has(code, &["invalid_api_key"]) {
        ErrorKind::Authentication
    } else {
        ErrorKind::InvalidRequest
    }
}

/// The limit some messages name: the number behind one of the words that introduce it.
fn limit(words: &str) -> Option<u64> {
    let ways = [
        "maximum context length is ",
        "maximum number of tokens allowed (",
        "maximum number of tokens allowed ",
        "limit for this model is ",
        "too large for model with ",
        "> ",
    ];
    ways.iter().find_map(|way| {
        let (_, after) = words.split_once(way)?;
        let digits: String = after
            .chars()
            .take_while(|c| c.is_ascii_digit() || *c == ',')
            .filter(char::is_ascii_digit)
            .collect();
        digits.parse().ok()
    })
}

/// How long to wait, where waiting helps: providers send the header with good answers and refusals too.
#[must_use]
pub fn retry_after(head: &ResponseHead) -> Option<u64> {
    if !matches!(head.status, 408 | 429 | 500..) {
        return None;
    }
    let millis = head.header("retry-after-ms").and_then(decimal);
    let seconds = head.header("retry-after").and_then(decimal);
    // Some send 0 ms beside a whole second: the longer one is meant.
    match (millis, seconds.map(|seconds| seconds * 1000.0)) {
        (Some(a), Some(b)) => whole(a.max(b)),
        (a, b) => whole(a.or(b)?),
    }
}

fn decimal(text: &str) -> Option<f64> {
    let number: f64 = text.trim().trim_end_matches('s').parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number)
}

/// Milliseconds of a text such as `48.9s` or `250ms`.
#[must_use]
pub fn duration_ms(text: &str) -> Option<u64> {
    match text.trim().strip_suffix("ms") {
        Some(number) => whole(decimal(number)?),
        None => whole(decimal(text)? * 1000.0),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "finite, not negative and within a year"
)]
fn whole(millis: f64) -> Option<u64> {
    (millis < 3.2e10).then(|| millis.ceil() as u64)
}

/// What to say of a body that is not the provider's JSON.
#[must_use]
pub fn strange(body: &[u8], provider: &str) -> String {
    let text = String::from_utf8_lossy(body);
    if text.trim_start().starts_with('<') {
        return format!("the answer is a web page, not {provider}'s JSON");
    }
    if text.trim().is_empty() {
        return format!("{provider} answered without a word");
    }
    text.trim().chars().take(STRANGE_LIMIT).collect()
}

/// What an answer outside 2xx means, where nothing about the provider is special.
#[must_use]
pub fn usual(head: &ResponseHead, body: &[u8], provider: &str) -> UpstreamError {
    let mut error = match Told::read(body) {
        Some(told) => {
            let kind = told.usual(head.status);
            told.into_error(kind)
        }
        None => UpstreamError::by_status(head.status, strange(body, provider)),
    };
    error.retry_after_ms = retry_after(head);
    error
}

fn text(object: &Value, name: &str) -> Option<String> {
    object.get(name)?.as_str().map(str::to_owned)
}

/// A validator's `detail`: a text, or a list with `msg` and `loc`.
fn details(detail: &Value) -> Option<String> {
    match detail {
        Value::String(text) => Some(text.clone()),
        Value::Array(list) => {
            let lines: Vec<String> = list.iter().filter_map(|one| text(one, "msg")).collect();
            (!lines.is_empty()).then(|| lines.join("; "))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Header;

    fn kind(status: u16, body: &str) -> ErrorKind {
        let head = ResponseHead {
            status,
            headers: Vec::new(),
        };
        usual(&head, body.as_bytes(), "it").kind
    }

    #[test]
    fn a_rate_limit_in_the_words_of_a_bad_request_is_a_rate_limit() {
        let body = r#"{"error":{"type":"invalid_request_error","message":"rate limit exceeded"}}"#;
        assert_eq!(kind(429, body), ErrorKind::RateLimited(LimitScope::Unknown));
    }

    #[test]
    fn a_spent_quota_is_told_from_a_rate_limit() {
        let body = r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#;
        assert_eq!(kind(429, body), ErrorKind::QuotaExhausted);
    }

    #[test]
    fn a_prompt_that_does_not_fit_names_the_limit() {
        let body = r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","code":"context_length_exceeded"}}"#;
        assert_eq!(kind(400, body), ErrorKind::ContextLength(Some(8192)));
    }

    #[test]
    fn every_shape_of_a_body_gives_its_message() {
        for body in [
            r#"{"error":{"message":"no"}}"#,
            r#"[{"error":{"message":"no"}}]"#,
            r#"{"error":"no"}"#,
            r#"{"message":"no"}"#,
            r#"{"detail":"no"}"#,
            r#"{"detail":[{"msg":"no","loc":["body"]}]}"#,
            r#"{"object":"error","message":{"detail":[{"msg":"no"}]}}"#,
        ] {
            let told = Told::read(body.as_bytes());
            assert_eq!(told.expect(body).message, "no", "{body}");
        }
    }

    #[test]
    fn a_wait_counts_only_where_waiting_helps() {
        let head = |status| ResponseHead {
            status,
            headers: vec![
                Header::new("retry-after", "1"),
                Header::new("retry-after-ms", "0"),
            ],
        };
        assert_eq!(retry_after(&head(429)), Some(1000));
        assert_eq!(retry_after(&head(400)), None);
        assert_eq!(duration_ms("48.5s"), Some(48_500));
    }
}
