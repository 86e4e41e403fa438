//! Error bodies and exceptions of Amazon's: what they mean for routing.

use mux_plugin_sdk::chat::{Told, retry_after, strange};
use mux_plugin_sdk::{ErrorKind, LimitScope, ResponseHead, RetryAdvice, UpstreamError};

/// What an answer outside 2xx means. The class stands in a header, behind a colon an address nobody needs.
pub(crate) fn read(head: &ResponseHead, body: &[u8]) -> UpstreamError {
    let class = head.header("x-amzn-errortype").unwrap_or_default();
    let class = class.split(':').next().unwrap_or_default();
    let told = told(body);
    let kind = kind(class, head.status, &told);
    let mut error = error(kind, class, told);
    error.retry_after_ms = retry_after(head);
    error
}

/// What an exception inside a stream means.
pub(crate) fn in_stream(class: &str, data: &[u8]) -> UpstreamError {
    let told = told(data);
    // Streams write the first letter small.
    let mut letters = class.chars();
    let class: String = letters
        .next()
        .map(|first| first.to_ascii_uppercase())
        .into_iter()
        .chain(letters)
        .collect();
    let kind = kind(&class, 500, &told);
    error(kind, &class, told)
}

/// The model tried to answer and failed: the same again may do.
pub(crate) fn malformed(native: &str) -> UpstreamError {
    let mut error = UpstreamError::new(ErrorKind::BadResponse, "the model's answer was malformed");
    error.provider_code = Some(native.to_owned());
    error.retry = RetryAdvice::SameKey;
    error
}

fn told(body: &[u8]) -> Told {
    Told::read(body).unwrap_or_else(|| Told {
        message: strange(body, "bedrock"),
        ..Told::default()
    })
}

fn error(kind: ErrorKind, class: &str, told: Told) -> UpstreamError {
    let mut error = told.into_error(kind);
    error.provider_code = Some(class.to_owned())
        .filter(|class| !class.is_empty())
        .or(error.provider_code);
    error
}

fn kind(class: &str, status: u16, told: &Told) -> ErrorKind {
    let words = told.message.to_ascii_lowercase();
    match class {
        "ThrottlingException" if words.contains("per day") => ErrorKind::QuotaExhausted,
        "ThrottlingException" => ErrorKind::RateLimited(LimitScope::Unknown),
        "ServiceQuotaExceededException" => ErrorKind::QuotaExhausted,
        "AccessDeniedException" => ErrorKind::Permission,
        "UnrecognizedClientException"
        | "ExpiredTokenException"
        | "InvalidSignatureException"
        | "MissingAuthenticationTokenException"
        | "IncompleteSignatureException" => ErrorKind::Authentication,
        "ResourceNotFoundException" => ErrorKind::ModelNotFound,
        "ModelNotReadyException" | "ServiceUnavailableException" => ErrorKind::Overloaded,
        "ModelTimeoutException" => ErrorKind::Timeout,
        "ModelErrorException"
        | "ModelStreamErrorException"
        | "InternalServerException"
        | "InternalFailure" => ErrorKind::Server,
        "ValidationException" => refused(told, &words),
        _ => match status {
            400 => refused(told, &words),
            403 if words.contains("security token") || words.contains("signature") => {
                ErrorKind::Authentication
            }
            404 => ErrorKind::ModelNotFound,
            424 => ErrorKind::Server,
            other => told.usual(other),
        },
    }
}

fn refused(told: &Told, words: &str) -> ErrorKind {
    if words.contains("model identifier is invalid") {
        ErrorKind::ModelNotFound
    } else {
        told.usual(400)
    }
}

#[cfg(test)]
mod tests {
    use mux_plugin_sdk::Header;

    use super::*;

    fn kind_of(status: u16, class: &str, message: &str) -> ErrorKind {
        let head = ResponseHead {
            status,
            headers: vec![Header::new(
                "x-amzn-errortype",
                format!("{class}:http://internal.example/"),
            )],
        };
        let body = format!(r#"{{"message":"{message}"}}"#);
        let error = read(&head, body.as_bytes());
        assert_eq!(error.provider_code.as_deref(), Some(class));
        error.kind
    }

    #[test]
    fn the_class_in_the_header_decides() {
        assert_eq!(
            kind_of(403, "UnrecognizedClientException", "no"),
            ErrorKind::Authentication
        );
        assert_eq!(
            kind_of(429, "ModelNotReadyException", "no"),
            ErrorKind::Overloaded
        );
        assert_eq!(
            kind_of(408, "ModelTimeoutException", "no"),
            ErrorKind::Timeout
        );
        assert_eq!(
            kind_of(429, "ThrottlingException", "Too many tokens per day"),
            ErrorKind::QuotaExhausted
        );
        assert_eq!(
            kind_of(
                400,
                "ValidationException",
                "The provided model identifier is invalid."
            ),
            ErrorKind::ModelNotFound
        );
        assert_eq!(
            kind_of(
                400,
                "ValidationException",
                "Input is too long for requested model."
            ),
            ErrorKind::ContextLength(None)
        );
    }

    #[test]
    fn an_exception_inside_a_stream_is_read_by_its_name() {
        let error = in_stream("throttlingException", br#"{"message":"slow down"}"#);
        assert_eq!(error.kind, ErrorKind::RateLimited(LimitScope::Unknown));
        assert_eq!(error.message, "slow down");
        let error = in_stream("modelStreamErrorException", br#"{"message":"broke"}"#);
        assert_eq!(error.kind, ErrorKind::Server);
    }
}
