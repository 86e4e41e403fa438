//! Recorded exchanges, as their files hold them.

use std::path::{Path, PathBuf};

use mux_plugin_sdk::{Framing, Header, ResponseHead};
use serde_json::Value;

use crate::frames::base64;

/// The folder with the recordings, where there is one.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("MUX_TRAFFIC_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/traffic"),
        PathBuf::from,
    );
    folder.join("index.json").is_file().then_some(folder)
}

/// A file's JSON.
#[must_use]
pub fn json_of(path: &Path) -> Value {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// One recorded exchange.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Its file below the folder.
    pub file: String,
    /// Who answered.
    pub provider: String,
    /// In what dialect.
    pub api: String,
    /// The model asked for.
    pub model: String,
    /// The body sent, `null` where it was not kept.
    pub request: Value,
    /// The status and headers.
    pub head: ResponseHead,
    /// The answer.
    pub body: Vec<u8>,
    /// How it is cut.
    pub framing: Framing,
}

impl Recording {
    /// The exchange of an entry of the index.
    #[must_use]
    pub fn read(folder: &Path, entry: &Value) -> Self {
        let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
        let file = text("file");
        let recorded = json_of(&folder.join(&file));
        let response = &recorded["response"];
        let status = response["status"].as_u64().expect("a status");
        let (body, framing) = body(response, &text("provider"), &text("framing"));
        Self {
            file,
            provider: text("provider"),
            api: text("api"),
            model: text("model"),
            request: recorded["request"]["body"].clone(),
            head: ResponseHead {
                status: u16::try_from(status).expect("a status"),
                headers: headers(&response["headers"]),
            },
            body,
            framing,
        }
    }

    /// Whether the answer came as a stream.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.framing != Framing::Buffered
    }

    /// The exchange cut into the several that some files hold one after the other.
    #[must_use]
    pub fn answers(self) -> Vec<Self> {
        const STOP: &str = "data: {\"type\":\"message_stop\"}\n\n";
        let text = String::from_utf8_lossy(&self.body).into_owned();
        if text.matches(STOP).count() < 2 {
            return vec![self];
        }
        let bodies = text.split_inclusive(STOP);
        let one = |body: &str| Self {
            body: body.as_bytes().to_vec(),
            ..self.clone()
        };
        bodies.map(one).collect()
    }
}

fn body(response: &Value, provider: &str, framing: &str) -> (Vec<u8>, Framing) {
    if let Some(events) = response["events"].as_array() {
        return made(events, provider, framing);
    }
    if let Some(text) = response["body_base64"].as_str() {
        return (base64(text), Framing::AwsEventStream);
    }
    if let Some(text) = response["body_text"].as_str() {
        let framing = match framing {
            "ndjson" => Framing::Ndjson,
            "json" => Framing::Buffered,
            _ => Framing::Sse,
        };
        return (text.as_bytes().to_vec(), framing);
    }
    (response["body"].to_string().into_bytes(), Framing::Buffered)
}

/// A stream of which the events alone were kept.
fn made(events: &[Value], provider: &str, framing: &str) -> (Vec<u8>, Framing) {
    if framing.starts_with("aws_event_stream") {
        let mut body = Vec::new();
        for event in events {
            body.extend(message(event));
        }
        return (body, Framing::AwsEventStream);
    }
    let mut text = String::new();
    for event in events {
        let line = event
            .as_str()
            .map_or_else(|| event.to_string(), str::to_owned);
        text.extend(["data: ", &line, "\n\n"]);
    }
    // What ends the stream was not kept with the events.
    if matches!(provider, "openai" | "mistral" | "azure") && !text.contains("[DONE]") {
        text.push_str("data: [DONE]\n\n");
    }
    (text.into_bytes(), Framing::Sse)
}

/// An event-stream message of `{"name": {…}}`.
#[must_use]
pub fn message(event: &Value) -> Vec<u8> {
    let (name, payload) = event
        .as_object()
        .and_then(|event| event.iter().next())
        .expect("an event");
    let payload = payload.to_string();
    let mut head = Vec::new();
    for (key, value) in [(":event-type", name.as_str()), (":message-type", "event")] {
        head.push(u8::try_from(key.len()).expect("short"));
        head.extend(key.as_bytes());
        head.push(7);
        head.extend(u16::try_from(value.len()).expect("short").to_be_bytes());
        head.extend(value.as_bytes());
    }
    let length = |length: usize| u32::try_from(length).expect("short").to_be_bytes();
    let mut message = Vec::new();
    message.extend(length(16 + head.len() + payload.len()));
    message.extend(length(head.len()));
    message.extend([0; 4]);
    message.extend(head);
    message.extend(payload.as_bytes());
    message.extend([0; 4]);
    message
}

fn headers(recorded: &Value) -> Vec<Header> {
    let pairs = recorded.as_object().into_iter().flatten();
    pairs
        .filter_map(|(name, value)| Some(Header::new(name.to_ascii_lowercase(), value.as_str()?)))
        .collect()
}
