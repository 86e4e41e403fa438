//! Error bodies of Cohere's: what they mean for routing.

use mux_plugin_sdk::chat::failure::usual;
use mux_plugin_sdk::{ErrorKind, ResponseHead, UpstreamError};

/// What an answer outside 2xx means.
pub(crate) fn read(head: &ResponseHead, body: &[u8]) -> UpstreamError {
    let error = usual(head, body, "cohere");
    let words = error.message.to_ascii_lowercase();
    let kind = match head.status {
        498 => ErrorKind::ContentFilter,
        499 => ErrorKind::Timeout,
        // A trial key has so many calls a month, and none until the next.
        429 if words.contains("/ month") || words.contains("per month") => {
            ErrorKind::QuotaExhausted
        }
        _ => return error,
    };
    UpstreamError {
        retry: kind.advice(),
        kind,
        ..error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, body: &str) -> ErrorKind {
        let head = ResponseHead {
            status,
            headers: Vec::new(),
        };
        read(&head, body.as_bytes()).kind
    }

    #[test]
    fn a_prompt_that_does_not_fit_names_the_limit() {
        let body = r#"{"id":"1","message":"too many tokens: size limit exceeded by 26 tokens. The limit for this model is 288000 tokens.","error_type":"TOO_MANY_TOKENS"}"#;
        assert_eq!(kind(400, body), ErrorKind::ContextLength(Some(288_000)));
    }

    #[test]
    fn a_trial_that_is_used_up_is_no_rate_limit() {
        let body = r#"{"message":"You are using a Trial key, which is limited to 1000 API calls / month."}"#;
        assert_eq!(kind(429, body), ErrorKind::QuotaExhausted);
    }
}
