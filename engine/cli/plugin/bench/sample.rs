//! How streams of the providers that mux knows begin and go on, for timing.

use mux_plugins::{Exchange, preset};
use serde_json::json;

/// Stands where an adapter asks for the address of its provider; nothing is sent.
pub(super) const NOWHERE: &str = "https://provider.invalid";

/// Settings without which an adapter does nothing.
pub(super) fn settings(kind: &str) -> &'static str {
    match kind {
        "azure" => r#"{"resource":"here"}"#,
        "bedrock" => r#"{"region":"eu-west-1"}"#,
        "vertex" => r#"{"project":"p-1","location":"europe-west4"}"#,
        _ => "{}",
    }
}

/// What a stream of a kind begins with, and a piece of text.
pub(super) fn stream(kind: &str) -> Option<Exchange> {
    if kind == "bedrock" {
        let headers = json!({"content-type": "application/vnd.amazon.eventstream"});
        let response = json!({"status": 200, "headers": headers, "body_base64": BEDROCK});
        let recorded = json!({"model": "amazon.nova-lite-v1:0", "response": response});
        return Exchange::read(recorded.to_string().as_bytes()).ok();
    }
    let kind = preset::of(kind).map_or(kind, |preset| preset.adapter);
    let (model, lines): (_, &[&str]) = match kind {
        "openai" | "azure" | "mistral" => ("gpt-4.1-mini", OPENAI),
        "anthropic" => ("claude-haiku-4-5", ANTHROPIC),
        "gemini" | "vertex" => ("gemini-2.5-flash", GEMINI),
        "cohere" => ("command-a-03-2025", COHERE),
        "ollama" => ("llama3.2", OLLAMA),
        _ => return None,
    };
    let text = match kind {
        "ollama" => format!("{}\n", lines.join("\n")),
        _ => format!("data: {}\n\n", lines.join("\n\ndata: ")),
    };
    let content_type = match kind {
        "ollama" => "application/x-ndjson",
        _ => "text/event-stream",
    };
    let recorded = json!({
        "model": model,
        "response": {"status": 200, "headers": {"content-type": content_type}, "body_text": text},
    });
    Exchange::read(recorded.to_string().as_bytes()).ok()
}

const OPENAI: &[&str] = &[
    r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1767614400,"model":"gpt-4.1-mini","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
    r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1767614400,"model":"gpt-4.1-mini","choices":[{"index":0,"delta":{"content":"words number 1 "},"finish_reason":null}]}"#,
];
const ANTHROPIC: &[&str] = &[
    r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-haiku-4-5","content":[],"stop_reason":null,"usage":{"input_tokens":900,"output_tokens":1}}}"#,
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"words number 1 "}}"#,
];
const GEMINI: &[&str] = &[
    r#"{"candidates":[{"content":{"parts":[{"text":"words number 1 "}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":900,"totalTokenCount":900},"modelVersion":"gemini-2.5-flash","responseId":"r-1"}"#,
];
const COHERE: &[&str] = &[
    r#"{"id":"c-1","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}"#,
    r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}"#,
    r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"words number 1 "}}}}"#,
];
const OLLAMA: &[&str] = &[
    r#"{"model":"llama3.2","created_at":"2026-11-01T12:00:00Z","message":{"role":"assistant","content":"words number 1 "},"done":false}"#,
];

/// `{"p":"abcdefghijk","role":"assistant"}` as `messageStart`, and
/// `{"contentBlockIndex":0,"delta":{"text":"words number 1 "},"p":"abcdefghijklmnopqrstuvwxyz"}` as `contentBlockDelta`.
const BEDROCK: &str = "\
     AAAAiAAAAFJh0RTiCzpldmVudC10eXBlBwAMbWVzc2FnZVN0YXJ0DTpjb250ZW50LXR5cGUHABBhcHBsaWNhdGlvbi9qc29uDTpt\
     ZXNzYWdlLXR5cGUHAAVldmVudHsicCI6ImFiY2RlZmdoaWprIiwicm9sZSI6ImFzc2lzdGFudCJ9t/VqyQAAAMIAAABXA/ighQs6\
     ZXZlbnQtdHlwZQcAEWNvbnRlbnRCbG9ja0RlbHRhDTpjb250ZW50LXR5cGUHABBhcHBsaWNhdGlvbi9qc29uDTptZXNzYWdlLXR5\
     cGUHAAVldmVudHsiY29udGVudEJsb2NrSW5kZXgiOjAsImRlbHRhIjp7InRleHQiOiJ3b3JkcyBudW1iZXIgMSAifSwicCI6ImFi\
     Y2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6In3PuJFG";

#[cfg(test)]
mod tests {
    use super::stream;

    #[test]
    fn a_preset_streams_as_the_adapter_it_is_served_by_does() {
        assert_eq!(
            stream("groq").map(|it| it.body),
            stream("openai").map(|it| it.body)
        );
        assert!(stream("nobody").is_none());
    }
}
