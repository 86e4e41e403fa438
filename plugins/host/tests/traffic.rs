//! Every recorded exchange with OpenAI's chat completions and Anthropic's messages goes through the built
//! components and comes out as it was recorded. What is expected is read from the recordings by this file alone.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test"
)]

use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use mux_plugins::{Adapter, Plan};
use mux_wire::usage::Usage;
use serde_json::{Value, json};

#[path = "shared/shipped.rs"]
mod shipped;
#[path = "shared/stage.rs"]
mod stage;
#[path = "shared/told.rs"]
mod told;

use told::{Choice, Heard, Told, hear};

/// Streams up to this length are split at every byte, longer ones at a spread of places.
const SMALL: usize = 20_000;
/// How many places the spread has.
const SPREAD: usize = 200;

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("MUX_TRAFFIC_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/traffic"),
        PathBuf::from,
    );
    folder.join("index.json").is_file().then_some(folder)
}

fn json_of(path: &Path) -> Value {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// One recorded exchange.
#[derive(Clone)]
struct Exchange {
    file: String,
    provider: String,
    model: String,
    request: Value,
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
    stream: bool,
}

impl Exchange {
    /// The exchange, or the several that some files hold one after the other.
    fn read_all(folder: &Path, entry: &Value) -> Vec<Self> {
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

    fn plan(&self, adapter: &Adapter) -> Plan {
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
            text.push_str(&format!("data: {line}\n\n"));
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

/// The objects in the data lines of an event stream.
fn events(body: &[u8]) -> Vec<Value> {
    let text = String::from_utf8(body.to_vec()).expect("utf-8");
    let lines = text.lines().filter_map(|line| line.strip_prefix("data:"));
    lines
        .filter_map(|data| serde_json::from_str(data.trim()).ok())
        .collect()
}

fn count(usage: &Value, name: &str) -> Option<u64> {
    usage.get(name).and_then(Value::as_u64)
}

fn openai(exchange: &Exchange) -> Told {
    let mut told = if exchange.stream {
        Told::read(&events(&exchange.body))
    } else {
        Told::read([&serde_json::from_slice(&exchange.body).expect("json")])
    };
    told.terminal = true;
    told
}

/// A message of Anthropic's, whole or put together from its events.
#[derive(Default)]
struct Folded {
    base: u64,
    blocks: BTreeMap<u64, Value>,
    arguments: BTreeMap<u64, String>,
    stop: Option<String>,
    explanation: String,
    usage: BTreeMap<&'static str, u64>,
    error: Option<String>,
    stopped: bool,
}

const COUNTS: [&str; 4] = [
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
];

impl Folded {
    fn count(&mut self, usage: &Value) {
        for name in COUNTS {
            if let Some(value) = count(usage, name) {
                self.usage.insert(name, value);
            }
        }
        if let Some(value) = count(&usage["output_tokens_details"], "thinking_tokens") {
            self.usage.insert("thinking_tokens", value);
        }
    }

    fn whole(message: &Value) -> Self {
        let mut folded = Self::default();
        for (index, block) in (0..).zip(message["content"].as_array().into_iter().flatten()) {
            folded.blocks.insert(index, block.clone());
        }
        folded.finish(message);
        folded.count(&message["usage"]);
        folded.stopped = true;
        folded
    }

    fn finish(&mut self, said: &Value) {
        self.stop = said["stop_reason"].as_str().map(str::to_owned);
        self.explanation = said["stop_details"]["explanation"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
    }

    fn event(&mut self, event: &Value) {
        // One file starts over in the middle: the blocks after that are further ones.
        let index = self.base + event["index"].as_u64().unwrap_or(0);
        match event["type"].as_str().unwrap_or_default() {
            "message_start" => {
                self.base = self.blocks.keys().next_back().map_or(0, |last| last + 1);
                self.count(&event["message"]["usage"]);
            }
            "content_block_start" => {
                self.blocks.insert(index, event["content_block"].clone());
            }
            "content_block_delta" => self.delta(index, &event["delta"]),
            "message_delta" => {
                self.finish(&event["delta"]);
                self.count(&event["usage"]);
            }
            "message_stop" => self.stopped = true,
            "error" => self.error = event["error"]["type"].as_str().map(str::to_owned),
            _ => {}
        }
    }

    fn delta(&mut self, index: u64, delta: &Value) {
        for field in ["text", "thinking", "signature"] {
            if let Some(piece) = delta[field].as_str() {
                let block = self.blocks.get_mut(&index).expect("an open block");
                let before = block[field].as_str().unwrap_or_default();
                block[field] = Value::from(format!("{before}{piece}"));
            }
        }
        if let Some(piece) = delta["partial_json"].as_str() {
            self.arguments.entry(index).or_default().push_str(piece);
        }
    }

    fn told(self) -> Told {
        let mut choice = Choice::default();
        for (index, block) in &self.blocks {
            let text = |field: &str| block[field].as_str().unwrap_or_default().to_owned();
            match block["type"].as_str().unwrap_or_default() {
                "text" => choice.text.push_str(&text("text")),
                "thinking" => choice.thoughts.push((text("thinking"), text("signature"))),
                "redacted_thinking" => choice.thoughts.push((String::new(), text("data"))),
                "tool_use" => {
                    let streamed = self.arguments.get(index).filter(|text| !text.is_empty());
                    let arguments = match streamed {
                        Some(text) => serde_json::from_str(text)
                            .unwrap_or_else(|_| Value::from(text.as_str())),
                        None => block["input"].clone(),
                    };
                    choice.calls.push((text("id"), text("name"), arguments));
                }
                _ => {}
            }
        }
        choice.finish = self
            .stopped
            .then(|| finish(self.stop.as_deref(), &choice).to_owned());
        choice.refusal = self.explanation;
        let of = |name: &str| self.usage.get(name).copied().unwrap_or(0);
        let (read, write) = (of(COUNTS[2]), of(COUNTS[3]));
        Told {
            choices: BTreeMap::from([(0, choice)]),
            usage: Some(Usage {
                input: of(COUNTS[0]) + read + write,
                output: of(COUNTS[1]),
                cache_read: read,
                cache_write: write,
                reasoning: of("thinking_tokens"),
            }),
            error: self.error,
            terminal: self.stopped,
        }
    }
}

fn finish(stop: Option<&str>, choice: &Choice) -> &'static str {
    match stop {
        Some("max_tokens" | "model_context_window_exceeded") => "length",
        Some("refusal") => "content_filter",
        _ if !choice.calls.is_empty() => "tool_calls",
        _ => "stop",
    }
}

fn anthropic(exchange: &Exchange) -> Told {
    if !exchange.stream {
        return Folded::whole(&serde_json::from_slice(&exchange.body).expect("json")).told();
    }
    let mut folded = Folded::default();
    for event in events(&exchange.body) {
        folded.event(&event);
    }
    folded.told()
}

/// What was heard, as a client understands it.
fn understood(exchange: &Exchange, heard: &Heard) -> Told {
    let objects: Vec<Value> = if exchange.provider == "openai" && exchange.stream {
        events(&heard.bytes)
    } else if exchange.provider == "openai" {
        vec![serde_json::from_slice(&heard.bytes).expect("json")]
    } else {
        let lines = heard
            .bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        lines
            .map(|line| serde_json::from_slice(line).expect("a chunk is json"))
            .collect()
    };
    let mut told = Told::read(&objects);
    told.terminal = heard.terminal;
    told.error.clone_from(&heard.error);
    told
}

fn check_good(exchange: &Exchange, adapter: &Adapter, expected: &Told) {
    let file = &exchange.file;
    let plan = exchange.plan(adapter);
    let hear_in = |pieces: &[&[u8]]| {
        hear(adapter, &plan, pieces.iter().copied())
            .unwrap_or_else(|fault| panic!("{file}: {fault}"))
    };
    let heard = hear_in(&[&exchange.body]);
    let told = understood(exchange, &heard);
    assert_eq!(told.choices, expected.choices, "{file}");
    assert_eq!(told.terminal, expected.terminal, "{file}: terminal");
    assert_eq!(heard.usage, expected.usage, "{file}: usage");
    if told.usage.is_some() {
        assert_eq!(told.usage, expected.usage, "{file}: usage in the answer");
    }
    let last = expected
        .choices
        .values()
        .next_back()
        .and_then(|choice| choice.finish.clone());
    assert_eq!(heard.finish, last, "{file}: finish");
    let says_something = expected.choices.values().any(|choice| {
        !choice.text.is_empty() || !choice.refusal.is_empty() || !choice.calls.is_empty()
    });
    if says_something {
        assert!(heard.content, "{file}: content unseen");
        assert!(heard.output_bytes > 0, "{file}: no output counted");
    }
    if exchange.provider == "openai" {
        assert_eq!(heard.bytes, exchange.body, "{file}: bytes were touched");
    }
    let single: Vec<&[u8]> = exchange.body.chunks(1).collect();
    assert_eq!(hear_in(&single), heard, "{file}: byte by byte");
    if exchange.stream {
        for at in splits(exchange.body.len()) {
            let (head, tail) = exchange.body.split_at(at);
            assert_eq!(hear_in(&[head, tail]), heard, "{file}: split at {at}");
        }
    }
}

fn splits(length: usize) -> impl Iterator<Item = usize> {
    let step = if length < SMALL { 1 } else { length / SPREAD };
    (1..length).step_by(step)
}

/// The class a recorded error belongs to, by its own words.
fn class(exchange: &Exchange) -> &'static str {
    let body: Value = serde_json::from_slice(&exchange.body).unwrap_or_default();
    let error = &body["error"];
    let message = error["message"].as_str().unwrap_or_default();
    match exchange.status {
        401 => "authentication",
        404 => "model-not-found",
        400 if message.contains("prompt is too long") => "context-length",
        400 if message.contains("API usage limits") => "quota-exhausted",
        400 => "invalid-request",
        other => panic!("{}: no class is known for {other}", exchange.file),
    }
}

/// Checks one exchange and says which row of the table it belongs to.
fn check(exchange: &Exchange) -> String {
    let adapter = shipped::adapter(&exchange.provider);
    let provider = &exchange.provider;
    if exchange.status >= 400 {
        let error = adapter.map_error(exchange.status, &exchange.headers, &exchange.body);
        assert_eq!(error.kind.as_str(), class(exchange), "{}", exchange.file);
        assert!(!error.message.is_empty(), "{}", exchange.file);
        return format!("{provider} error status");
    }
    let expected = if provider == "openai" {
        openai(exchange)
    } else {
        anthropic(exchange)
    };
    if let Some(kind) = &expected.error {
        assert_eq!(kind, "overloaded_error", "{}", exchange.file);
        let plan = exchange.plan(&adapter);
        let heard = hear(&adapter, &plan, exchange.body.chunks(1)).expect("an error is no fault");
        assert_eq!(
            heard.error.as_deref(),
            Some("overloaded"),
            "{}",
            exchange.file
        );
        assert!(
            !heard.terminal && heard.finish.is_none(),
            "{}",
            exchange.file
        );
        return format!("{provider} error in stream");
    }
    check_good(exchange, &adapter, &expected);
    format!(
        "{provider} {}",
        if exchange.stream { "stream" } else { "whole" }
    )
}

#[test]
fn every_recorded_exchange_decodes_as_it_was_recorded() {
    let Some(folder) = folder() else {
        println!(
            "skipped: no recorded traffic here; set MUX_TRAFFIC_DIR to the folder with its index.json"
        );
        return;
    };
    let index = json_of(&folder.join("index.json"));
    let ours = |entry: &&Value| {
        matches!(
            (entry["provider"].as_str(), entry["api"].as_str()),
            (Some("openai"), Some("chat_completions")) | (Some("anthropic"), Some("messages"))
        )
    };
    let entries: Vec<&Value> = index["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .filter(ours)
        .collect();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let rows = std::thread::scope(|scope| {
        let (entries, folder) = (&entries, &folder);
        let work = |worker: usize| {
            move || {
                let mine = entries.iter().skip(worker).step_by(workers);
                let row = |entry: &&Value| {
                    catch_unwind(|| {
                        let all = Exchange::read_all(folder, entry);
                        all.iter().map(check).next_back().expect("at least one")
                    })
                };
                mine.map(row).collect::<Vec<_>>()
            }
        };
        let threads: Vec<_> = (0..workers)
            .map(|worker| scope.spawn(work(worker)))
            .collect();
        let done = threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("panics are caught"));
        done.collect::<Vec<_>>()
    });
    let (rows, failed): (Vec<_>, Vec<_>) = rows.into_iter().partition(Result::is_ok);
    let rows: Vec<String> = rows
        .into_iter()
        .map(|row| row.expect("partitioned"))
        .collect();
    let mut table: BTreeMap<String, usize> = BTreeMap::new();
    for row in &rows {
        *table.entry(row.clone()).or_default() += 1;
    }
    println!("{:28} exchanges", "recorded as");
    for (row, count) in &table {
        println!("{row:28} {count:9}");
    }
    println!("{:28} {:9}", "all", rows.len());
    println!("{:28} {:9}", "failed, each named above", failed.len());
    assert_eq!(rows.len(), entries.len());
    assert!(
        rows.len() > 300,
        "the folder holds fewer exchanges than it should"
    );
}
