//! What upstream errors mean, one line per recorded or documented answer.

use ErrorKind as Kind;
use mux_wire::{ErrorKind, RetryAdvice, classify};
use proptest::prelude::*;

/// Status, body, and what it means.
const ANSWERS: &[(u16, &str, Kind)] = &[
    // OpenAI
    (
        429,
        r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
        Kind::QuotaExhausted,
    ),
    (
        429,
        r#"{"error":{"message":"Rate limit reached","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
        Kind::RateLimited,
    ),
    (
        400,
        r#"{"error":{"message":"This model's maximum context length is 128000 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
        Kind::ContextLength,
    ),
    (
        404,
        r#"{"error":{"message":"The model `gpt-9` does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
        Kind::ModelNotFound,
    ),
    (
        401,
        r#"{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
        Kind::Authentication,
    ),
    (
        503,
        r#"{"error":{"message":"slow down","type":"server_error","code":"server_is_overloaded"}}"#,
        Kind::Overloaded,
    ),
    (
        400,
        r#"{"error":{"message":"Unsupported value","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}"#,
        Kind::InvalidRequest,
    ),
    // Azure
    (
        400,
        r#"{"error":{"code":"content_filter","message":"filtered","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
        Kind::ContentFilter,
    ),
    (
        404,
        r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#,
        Kind::ModelNotFound,
    ),
    (
        401,
        r#"{"error":{"code":"401","message":"Access denied"}}"#,
        Kind::Authentication,
    ),
    // Anthropic
    (
        529,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}"#,
        Kind::Overloaded,
    ),
    (
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
        Kind::ContextLength,
    ),
    (
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"You have reached your specified API usage limits."}}"#,
        Kind::QuotaExhausted,
    ),
    (
        429,
        r#"{"type":"error","error":{"type":"rate_limit_error","message":"limit","details":{"error_code":"enforced_spend_limit_reached"}}}"#,
        Kind::QuotaExhausted,
    ),
    (
        404,
        r#"{"type":"error","error":{"type":"not_found_error","message":"model: claude-9"}}"#,
        Kind::ModelNotFound,
    ),
    // Gemini
    (
        400,
        r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"x","reason":"API_KEY_INVALID"}]}}"#,
        Kind::Authentication,
    ),
    (
        429,
        r#"[{"error":{"code":429,"message":"Resource exhausted","status":"RESOURCE_EXHAUSTED"}}]"#,
        Kind::RateLimited,
    ),
    (
        503,
        r#"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"#,
        Kind::Overloaded,
    ),
    // Bedrock
    (
        400,
        r#"{"message":"The provided model identifier is invalid."}"#,
        Kind::ModelNotFound,
    ),
    (
        403,
        r#"{"message":"The security token included in the request is invalid."}"#,
        Kind::Authentication,
    ),
    (424, r#"{"message":"the model failed"}"#, Kind::Server),
    // the flat ones
    (
        400,
        r#"{"object":"error","message":"Invalid model: x","type":"invalid_model","param":null,"code":"1500","raw_status_code":400}"#,
        Kind::ModelNotFound,
    ),
    (401, r#"{"detail":"Invalid API Key"}"#, Kind::Authentication),
    (
        422,
        r#"{"detail":[{"loc":["body","n"],"msg":"Input should be 1","type":"int"}]}"#,
        Kind::InvalidRequest,
    ),
    (
        400,
        r#"{"code":"invalid-argument","error":"Incorrect API key provided: xx"}"#,
        Kind::Authentication,
    ),
    (
        400,
        r#"{"id":"1","message":"too many tokens: size limit exceeded","error_type":"TOO_MANY_TOKENS"}"#,
        Kind::ContextLength,
    ),
    (
        402,
        r#"{"error":{"code":402,"message":"Insufficient credits"}}"#,
        Kind::QuotaExhausted,
    ),
    (
        400,
        r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_ctx":4096}}"#,
        Kind::ContextLength,
    ),
    (
        400,
        r#"{"error":{"message":"Model no-such/model does not exist","code":400}}"#,
        Kind::ModelNotFound,
    ),
    (
        400,
        r#"{"error":{"message":"The supported API model names are a or b, but you passed c","type":"invalid_request_error"}}"#,
        Kind::ModelNotFound,
    ),
    (
        501,
        r#"{"error":{"code":501,"message":"This server does not support reranking","type":"not_supported_error"}}"#,
        Kind::InvalidRequest,
    ),
    (
        500,
        r#"{"error":{"code":500,"message":"tools param requires --jinja flag","type":"server_error"}}"#,
        Kind::InvalidRequest,
    ),
    // rate limited whatever the body claims
    (
        429,
        r#"{"error":{"object":"error","type":"invalid_request_error","message":"rate limit exceeded"}}"#,
        Kind::RateLimited,
    ),
    (
        498,
        r#"{"error":{"message":"flex","type":"capacity_exceeded"}}"#,
        Kind::Overloaded,
    ),
    // no JSON
    (403, "<html><h1>Forbidden</h1></html>", Kind::Server),
    (401, "<html>", Kind::Authentication),
    (404, " <!DOCTYPE html>", Kind::Server),
    (502, "Bad Gateway", Kind::Server),
    (504, "", Kind::Timeout),
    (413, "", Kind::PayloadTooLarge),
    (302, "", Kind::BadResponse),
    (200, "<html>", Kind::BadResponse),
    (
        200,
        r#"{"error":{"type":"api_error","message":"internal"}}"#,
        Kind::Server,
    ),
];

#[test]
fn each_providers_error_is_understood() {
    for &(status, body, kind) in ANSWERS {
        assert_eq!(
            classify(status, body.as_bytes()).kind,
            kind,
            "{status} {body}"
        );
    }
}

#[test]
fn the_upstreams_words_and_wait_are_kept() {
    let error = classify(429, br#"{"error":{"code":429,"message":"wait","status":"RESOURCE_EXHAUSTED","details":[{"@type":"r","retryDelay":"48.5s"}]}}"#);
    assert_eq!(
        (error.message.as_str(), error.code.as_deref()),
        ("wait", Some("RESOURCE_EXHAUSTED"))
    );
    assert_eq!(error.retry_after_ms, Some(48_500));
    let error = classify(400, br#"{"error":{"message":"no","type":"invalid_request_error","param":"tools[0]","code":null}}"#);
    assert_eq!(error.param.as_deref(), Some("tools[0]"));
    assert_eq!(error.retry, RetryAdvice::Never);
    let error = classify(422, br#"{"detail":[{"msg":"one"},{"msg":"two"}]}"#);
    assert_eq!(error.message, "one; two");
}

#[test]
fn a_call_the_model_garbled_may_be_tried_again() {
    let error = classify(400, br#"{"error":{"message":"Failed to call a function","type":"invalid_request_error","code":"tool_use_failed","failed_generation":"x"}}"#);
    assert_eq!(
        (error.kind, error.retry),
        (ErrorKind::BadResponse, RetryAdvice::SameKey)
    );
}

#[test]
fn every_kind_is_found_by_its_name() {
    for kind in ErrorKind::ALL {
        assert_eq!(ErrorKind::parse(kind.as_str()), Some(kind));
    }
    assert_eq!(ErrorKind::parse("RateLimited"), None);
}

proptest! {
    #[test]
    fn any_answer_is_classified_and_its_message_bounded(status: u16, body: Vec<u8>) {
        prop_assert!(classify(status, &body).message.len() <= 8_000);
    }

    #[test]
    fn any_json_is_classified(status in 200_u16..600, code: String, message: String) {
        let body = serde_json::json!({"error": {"code": code, "message": message}}).to_string();
        prop_assert!(classify(status, body.as_bytes()).message.len() <= 2_000);
    }
}
