//! A recorded exchange with a provider, and what its answer says once an adapter has read it.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use mux_wire::chat::{Complete, scan};
use mux_wire::frame::{Framing, message};
use mux_wire::usage::Usage;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::adapter::Adapter;
use crate::call::Call;
use crate::fault::Fault;
use crate::output::{Output, Part};
use crate::plan::Plan;

/// An answer as it was recorded, what of its request matters for reading it, and what is expected of an adapter.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The provider's name of the model; empty where the request was not recorded.
    pub model: String,
    /// What a client asked, where that is told.
    pub chat: Option<Bytes>,
    /// What must be sent for it.
    pub sent: Option<Sent>,
    /// Settings of the adapter, a JSON object; nothing where any will do.
    pub settings: Option<String>,
    /// What its answer must decode to, a [`Reading`] without what is empty.
    pub expected: Option<Value>,
    /// Whether the answer is a stream.
    pub stream: bool,
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// A request as the provider must get it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sent {
    /// The method.
    pub method: Option<String>,
    /// Path and query below the provider's address.
    pub path: Option<String>,
    /// The body.
    pub body: Option<Value>,
    /// What must be said about it, in this order.
    pub warnings: Vec<String>,
}

/// What an answer says, in one form whoever it is from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// The status.
    pub status: u16,
    /// `ok`, or what went wrong; see [`mux_wire::fault::ErrorKind`].
    pub class: String,
    /// What was said.
    pub text: String,
    /// What was thought before.
    pub reasoning: String,
    /// Tools that are called.
    pub tool_calls: Vec<Called>,
    /// `stop`, `length`, `tool_calls`, `content_filter`, or the provider's own word.
    pub finish_reason: Option<String>,
    /// Tokens, where they are told.
    pub usage: Option<Usage>,
    /// The model that says it answered.
    pub model: Option<String>,
    /// What the provider says went wrong.
    pub error: Option<String>,
}

/// One call of a tool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Called {
    /// What its result is told apart by.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments; text where the answer was cut within them.
    pub arguments: Value,
}

impl Exchange {
    /// Reads `{request: {body}, response: {status, headers, body | body_text | body_base64 | events}}`. Of `events`, each is
    /// the data of one event of a stream, in Amazon's own `{name: data}`. Expectations are `chat`, what a client asks;
    /// `request` with `method`, `path` and `body`, and `warnings`, what must become of it; `reading`, what the answer must
    /// say; all under `settings`.
    ///
    /// # Errors
    /// The text is no exchange, in words that say what is missing.
    pub fn read(text: &[u8]) -> Result<Self, String> {
        let recorded: Value =
            serde_json::from_slice(text).map_err(|error| format!("it is no JSON: {error}"))?;
        let response = recorded
            .get("response")
            .filter(|response| response.is_object())
            .ok_or("it has no `response`")?;
        let status = response.get("status").and_then(Value::as_u64);
        let status = status.and_then(|status| u16::try_from(status).ok());
        let headers = headers(response.get("headers"));
        let (body, streams) = body(response)?;
        let typed = headers
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let named = recorded.get("model");
        let named = named.or_else(|| recorded.pointer("/request/body/model"));
        let named = named.or_else(|| recorded.pointer("/meta/model"));
        let part = |name: &str| recorded.get(name).map(Value::to_string);
        Ok(Self {
            model: named.and_then(Value::as_str).unwrap_or_default().to_owned(),
            chat: part("chat").map(Bytes::from),
            sent: recorded.get("chat").map(|_| sent(&recorded)),
            settings: part("settings"),
            expected: recorded.get("reading").cloned(),
            stream: streams.unwrap_or_else(|| streamed(typed, &body)),
            status: status.ok_or("its `response` has no `status`")?,
            headers,
            body,
        })
    }

    /// What the answer says, by an adapter.
    ///
    /// # Errors
    /// When the adapter cannot ask for such an answer, or fails.
    pub fn reading(&self, adapter: &Adapter) -> Result<Reading, Fault> {
        self.read_in(adapter, |framing| [self.framed(framing)])
    }

    /// The same, where the network brings the body in these pieces.
    ///
    /// # Errors
    /// As for [`Exchange::reading`].
    pub fn reading_in(
        &self,
        adapter: &Adapter,
        pieces: impl IntoIterator<Item = Bytes>,
    ) -> Result<Reading, Fault> {
        self.read_in(adapter, |_| pieces)
    }

    fn read_in<P: IntoIterator<Item = Bytes>>(
        &self,
        adapter: &Adapter,
        pieces: impl FnOnce(Framing) -> P,
    ) -> Result<Reading, Fault> {
        if self.status >= 400 {
            return Ok(self.refused(adapter));
        }
        let plan = self.plan(adapter, &self.client())?;
        let mut reply = adapter.reply(&plan);
        let mut out = Output::default();
        for piece in pieces(plan.framing()) {
            reply.push(piece, &mut out)?;
        }
        reply.end(&mut out)?;
        Ok(self.heard(out))
    }

    /// The body as it was on the wire, where the data of its events alone was kept.
    pub(crate) fn framed(&self, framing: Framing) -> Bytes {
        if framing != Framing::Amazon || !self.body.starts_with(b"data: ") {
            return self.body.clone();
        }
        let text = String::from_utf8_lossy(&self.body);
        let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let events = lines.filter_map(|line| serde_json::from_str::<Map<String, Value>>(line).ok());
        let messages = events.flatten().map(|(name, data)| {
            let headers = [(":event-type", name.as_str()), (":message-type", "event")];
            message(&headers, data.to_string().as_bytes())
        });
        Bytes::from(messages.collect::<Vec<_>>().concat())
    }

    /// What the client asked, or something that has such an answer.
    #[must_use]
    pub fn client(&self) -> Bytes {
        self.chat.clone().unwrap_or_else(|| {
            let chat = json!({
                "model": "m",
                "stream": self.stream,
                "stream_options": { "include_usage": true },
                "messages": [{ "role": "user", "content": "?" }],
            });
            Bytes::from(chat.to_string())
        })
    }

    /// What an adapter plans for a chat request to the model of this exchange.
    ///
    /// # Errors
    /// When the adapter refuses it or fails, or it is no chat request.
    pub fn plan(&self, adapter: &Adapter, chat: &Bytes) -> Result<Plan, Fault> {
        let facts = scan(chat).map_err(|error| Fault::Invalid {
            message: error.to_string(),
            param: None,
        })?;
        adapter.plan(&self.call(chat, facts.model_span))
    }

    pub(crate) fn call<'a>(&'a self, chat: &'a Bytes, model_span: Range<usize>) -> Call<'a> {
        Call {
            operation: "chat",
            dialect: "openai-chat",
            model: &self.model,
            model_span,
            stream: self.stream,
            attempt: 1,
            now_unix_ms: 0,
            request_id: "exchange",
            body: chat,
        }
    }

    fn refused(&self, adapter: &Adapter) -> Reading {
        let error = adapter.map_error(self.status, &self.headers, &self.body);
        Reading {
            status: self.status,
            class: error.kind.as_str().to_owned(),
            error: Some(error.message),
            ..Reading::default()
        }
    }

    fn heard(&self, out: Output) -> Reading {
        let answer = self.complete(&out.parts).unwrap_or_default();
        let ended = out.terminal || out.finish.is_some();
        let class = match &out.error {
            Some(error) => error.kind.as_str(),
            None if ended => "ok",
            None => "bad-response",
        };
        let calls: Vec<Called> = answer.calls.into_iter().map(called).collect();
        let finish = out.finish.as_deref().map(usual);
        Reading {
            status: self.status,
            class: class.to_owned(),
            text: answer.text,
            reasoning: answer.reasoning,
            finish_reason: match finish {
                // What some providers say of an answer that calls tools is `stop`.
                Some("stop") if !calls.is_empty() => Some("tool_calls".to_owned()),
                finish => finish.map(str::to_owned),
            },
            tool_calls: calls,
            usage: out.usage,
            model: answer.model,
            error: out.error.map(|error| error.message),
        }
    }

    fn complete(&self, parts: &[Part]) -> Option<Complete> {
        let verbatim = parts.iter().all(|part| matches!(part, Part::Verbatim(_)));
        let bytes = |part: &Part| match part {
            Part::Verbatim(bytes) | Part::Whole(bytes) => bytes.clone(),
            Part::Chunk(json) => Bytes::from([b"data: ", json.as_ref(), b"\n\n"].concat()),
        };
        let bytes: Vec<Bytes> = parts.iter().map(bytes).collect();
        if self.stream {
            return Complete::streamed(&bytes);
        }
        match bytes.as_slice() {
            [whole] => Complete::whole(whole),
            pieces if verbatim => Complete::whole(&pieces.concat()),
            _ => None,
        }
    }
}

/// What must become of the `chat` of a file.
fn sent(recorded: &Value) -> Sent {
    let request = recorded.get("request");
    let part = |name: &str| request.and_then(|request| request.get(name));
    let text = |name: &str| part(name).and_then(Value::as_str).map(str::to_owned);
    let warnings = recorded.get("warnings").and_then(Value::as_array);
    let warnings = warnings.into_iter().flatten().filter_map(Value::as_str);
    Sent {
        method: text("method"),
        path: text("path"),
        body: part("body").cloned(),
        warnings: warnings.map(str::to_owned).collect(),
    }
}

/// Whether an answer is a stream, by what it says it is and by how it begins.
fn streamed(content_type: &str, body: &[u8]) -> bool {
    let streams = ["text/event-stream", "ndjson", "vnd.amazon.eventstream"];
    let begins = body.trim_ascii_start();
    streams.iter().any(|kind| content_type.contains(kind))
        || content_type.is_empty()
            && (begins.starts_with(b"data:") || begins.starts_with(b"event:"))
}

fn headers(recorded: Option<&Value>) -> HeaderMap {
    let pairs = recorded.and_then(Value::as_object).into_iter().flatten();
    let pair = |(name, value): (&String, &Value)| {
        let name: HeaderName = name.to_ascii_lowercase().parse().ok()?;
        let value = match value {
            Value::Array(values) => values.first()?.as_str()?,
            value => value.as_str()?,
        };
        Some((name, HeaderValue::from_str(value).ok()?))
    };
    pairs.filter_map(pair).collect()
}

/// The body, and whether it is a stream where its form says so.
fn body(response: &Value) -> Result<(Bytes, Option<bool>), String> {
    if let Some(events) = response.get("events").and_then(Value::as_array) {
        let data = |event: &Value| {
            let text = event.as_str().map(str::to_owned);
            let text = text.unwrap_or_else(|| event.to_string());
            format!("data: {text}\n\n")
        };
        let text: String = events.iter().map(data).collect();
        return Ok((Bytes::from(text), Some(true)));
    }
    if let Some(text) = response.get("body_text").and_then(Value::as_str) {
        return Ok((Bytes::from(text.to_owned()), None));
    }
    if let Some(text) = response.get("body_base64").and_then(Value::as_str) {
        let bytes = STANDARD.decode(text);
        let bytes = bytes.map_err(|error| format!("its `body_base64` is no base64: {error}"))?;
        return Ok((Bytes::from(bytes), None));
    }
    match response.get("body") {
        Some(body) => Ok((Bytes::from(body.to_string()), Some(false))),
        None => {
            Err("its `response` has no `body`, `body_text`, `body_base64` or `events`".to_owned())
        }
    }
}

fn called(call: mux_wire::chat::ToolCall) -> Called {
    let arguments = match call.arguments.trim() {
        "" => json!({}),
        text => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
    };
    Called {
        id: call.id,
        name: call.name,
        arguments,
    }
}

/// The usual word for why an answer ended.
fn usual(finish: &str) -> &str {
    match finish {
        "eos" | "stop_sequence" | "end_turn" | "COMPLETE" => "stop",
        "function_call" | "tool_use" => "tool_calls",
        "model_length" | "max_tokens" | "MAX_TOKENS" => "length",
        other => other,
    }
}
