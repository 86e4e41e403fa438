//! What mux itself writes into a chat reply: chunks, the end mark and errors.

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use serde_json::json;

/// The end mark of a chat stream.
pub const DONE: &[u8] = b"data: [DONE]\n\n";

/// Writes one event with `json` as its data.
pub fn chunk(json: &[u8], out: &mut BytesMut) {
    out.reserve(json.len() + 8);
    for line in json.split(|byte| matches!(byte, b'\n' | b'\r')) {
        out.put_slice(b"data: ");
        out.put_slice(line);
        out.put_u8(b'\n');
    }
    out.put_u8(b'\n');
}

/// The event that tells a client of a failure after the stream began. Nothing may follow it, [`DONE`] least of all:
/// a client must not take the answer for complete.
#[must_use]
pub fn stream_error(error: &ErrorBody) -> Bytes {
    let json = error.to_json();
    let mut out = BytesMut::with_capacity(json.len() + 8);
    chunk(&json, &mut out);
    out.freeze()
}

/// An error as the client gets it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorBody {
    /// The HTTP status it has, or would have had before the answer began.
    pub status: u16,
    /// What went wrong, whose fault it is and what to do.
    pub message: String,
    /// OpenAI's broad class, such as `invalid_request_error`.
    pub r#type: String,
    /// A stable code a program can rely on.
    pub code: Option<String>,
    /// The request field to blame.
    pub param: Option<String>,
    /// What was tried, in order.
    pub attempts: Vec<AttemptLine>,
    /// The request's id, as in the response header.
    pub request_id: String,
}

/// One attempt, as the client gets to see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttemptLine {
    /// The target tried.
    pub target: String,
    /// How it went: `ok` or an error kind.
    pub class: String,
    /// The upstream's status, if it came to one.
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

impl ErrorBody {
    /// OpenAI's error object with `mux` (request id, attempts) inside `error`, where OpenAI's own clients show it.
    #[must_use]
    pub fn to_json(&self) -> Bytes {
        let body = json!({
            "error": {
                "message": self.message,
                "type": self.r#type,
                "param": self.param,
                "code": self.code,
                "mux": { "request_id": self.request_id, "attempts": self.attempts },
            }
        });
        Bytes::from(body.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn error() -> ErrorBody {
        let attempt = AttemptLine {
            target: "openai/gpt".into(),
            class: "server".into(),
            status: Some(500),
            ms: 12,
        };
        ErrorBody {
            message: "line one\nline two".into(),
            r#type: "upstream_error".into(),
            code: Some("all_attempts_failed".into()),
            attempts: vec![attempt],
            request_id: "r1".into(),
            ..ErrorBody::default()
        }
    }

    #[test]
    fn an_error_has_openais_fields_and_the_attempts() {
        let body: Value = serde_json::from_slice(&error().to_json()).unwrap();
        assert_eq!(body["error"]["message"], "line one\nline two");
        assert_eq!(body["error"]["code"], "all_attempts_failed");
        assert_eq!(body["error"]["param"], Value::Null);
        assert_eq!(body["error"]["mux"]["request_id"], "r1");
        assert_eq!(
            body["error"]["mux"]["attempts"][0],
            json!({"target": "openai/gpt", "class": "server", "status": 500, "ms": 12})
        );
    }

    #[test]
    fn a_stream_error_is_one_event_and_no_end() {
        let event = stream_error(&error());
        let text = std::str::from_utf8(&event).unwrap();
        assert!(text.starts_with("data: {\"error\":") && text.ends_with("}\n\n"));
        assert_eq!(text.matches('\n').count(), 2);
        assert!(!text.contains("[DONE]"));
    }

    #[test]
    fn json_over_several_lines_stays_one_event() {
        let mut out = BytesMut::new();
        chunk(b"{\n\"a\": 1\n}", &mut out);
        assert_eq!(&out[..], b"data: {\ndata: \"a\": 1\ndata: }\n\n");
    }
}
