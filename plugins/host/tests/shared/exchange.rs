//! Recorded exchanges, as their files hold them.

use std::path::Path;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use mux_plugins::{Adapter, Plan};
use serde_json::{Value, json};

use crate::stage;

pub(crate) fn json_of(path: &Path) -> Value {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// One recorded exchange.
#[derive(Clone)]
pub(crate) struct Exchange {
    pub(crate) file: String,
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) request: Value,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) stream: bool,
}

impl Exchange {
    /// The exchange, or the several that some files hold one after the other.
    pub(crate) fn read_all(folder: &Path, entry: &Value) -> Vec<Self> {
        let all = Self::read(folder, entry);
        let answers = answers(&all.body);
        let one = |body: Vec<u8>| Self {
            body,
            ..all.clone()
        };
        answers.into_iter().map(one).collect()
    }

    fn read(folder: &Path, entry: &Value) -> Self {
        let file = entry["file"].as_str().expect("a file").to_owned();
        let recorded = json_of(&folder.join(&file));
        let response = &recorded["response"];
        let provider = entry["provider"].as_str().expect("a provider").to_owned();
        let (body, stream) = body(response, &provider);
        let status = response["status"]
            .as_u64()
            .and_then(|status| u16::try_from(status).ok());
        Self {
            model: entry["model"]
                .as_str()
                .unwrap_or("claude-or-gpt")
                .to_owned(),
            request: recorded["request"]["body"].clone(),
            status: status.expect("a status"),
            headers: headers(&response["headers"]),
            file,
            provider,
            body,
            stream,
        }
    }

    /// The chat request a client may have sent: the recorded one, where it is one.
    fn client_body(&self) -> Bytes {
        let chat = self.provider == "openai" && self.request["messages"].is_array();
        let mut request = if chat {
            self.request.clone()
        } else {
            json!({"model": "@any", "messages": [{"role": "user", "content": "hello"}],
                   "stream_options": {"include_usage": true}})
        };
        request["stream"] = Value::from(self.stream);
        Bytes::from(request.to_string())
    }

    pub(crate) fn plan(&self, adapter: &Adapter) -> Plan {
        let body = self.client_body();
        let plan = adapter
            .plan(&stage::call(&body, &self.model, self.stream))
            .unwrap_or_else(|fault| panic!("{}: {fault}", self.file));
        if self.provider == "openai" {
            let mut sent: Value = serde_json::from_slice(&plan.body.concat()).expect("json");
            assert_eq!(sent["model"], self.model.as_str(), "{}", self.file);
            let mut asked: Value = serde_json::from_slice(&body).expect("json");
            sent["model"] = Value::Null;
            asked["model"] = Value::Null;
            assert_eq!(sent, asked, "{}", self.file);
        }
        plan
    }
}

fn body(response: &Value, provider: &str) -> (Vec<u8>, bool) {
    if let Some(events) = response["events"].as_array() {
        let mut text = String::new();
        for event in events {
            let line = event
                .as_str()
                .map_or_else(|| event.to_string(), str::to_owned);
            text.extend(["data: ", &line, "\n\n"]);
        }
        if provider == "openai" && !text.contains("[DONE]") {
            text.push_str("data: [DONE]\n\n");
        }
        return (text.into_bytes(), true);
    }
    if let Some(text) = response["body_text"].as_str() {
        return (text.as_bytes().to_vec(), true);
    }
    (response["body"].to_string().into_bytes(), false)
}

/// A body cut behind each `message_stop`.
fn answers(body: &[u8]) -> Vec<Vec<u8>> {
    const STOP: &str = "data: {\"type\":\"message_stop\"}\n\n";
    let text = String::from_utf8(body.to_vec()).expect("utf-8");
    if text.matches(STOP).count() < 2 {
        return vec![text.into_bytes()];
    }
    text.split_inclusive(STOP)
        .map(|answer| answer.as_bytes().to_vec())
        .collect()
}

fn headers(recorded: &Value) -> HeaderMap {
    let pairs = recorded.as_object().into_iter().flatten();
    pairs
        .filter_map(|(name, value)| {
            let name: HeaderName = name.to_ascii_lowercase().parse().ok()?;
            Some((name, HeaderValue::from_str(value.as_str()?).ok()?))
        })
        .collect()
}
