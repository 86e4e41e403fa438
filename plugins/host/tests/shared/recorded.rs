//! What recordings say, read without the help of anything under test.

use std::collections::BTreeMap;

use mux_wire::usage::Usage;
use serde_json::Value;

use crate::exchange::Exchange;
use crate::told::{Choice, Told};

/// The objects in the data lines of an event stream.
pub(crate) fn events(body: &[u8]) -> Vec<Value> {
    let text = String::from_utf8(body.to_vec()).expect("utf-8");
    let lines = text.lines().filter_map(|line| line.strip_prefix("data:"));
    lines
        .filter_map(|data| serde_json::from_str(data.trim()).ok())
        .collect()
}

fn count(usage: &Value, name: &str) -> Option<u64> {
    usage.get(name).and_then(Value::as_u64)
}

pub(crate) fn openai(exchange: &Exchange) -> Told {
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
        for (part, name) in [
            ("output_tokens_details", "thinking_tokens"),
            ("cache_creation", "ephemeral_1h_input_tokens"),
        ] {
            if let Some(value) = count(&usage[part], name) {
                self.usage.insert(name, value);
            }
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
        let explanation = said["stop_details"]["explanation"].as_str();
        explanation
            .unwrap_or_default()
            .clone_into(&mut self.explanation);
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
                cache_write_1h: of("ephemeral_1h_input_tokens"),
                ..Usage::default()
            }),
            error: self.error,
            terminal: self.stopped,
        }
    }
}

fn finish(stop: Option<&str>, choice: &Choice) -> &'static str {
    match stop {
        Some("refusal") => "content_filter",
        _ if !choice.calls.is_empty() => "tool_calls",
        Some("max_tokens" | "model_context_window_exceeded") => "length",
        _ => "stop",
    }
}

pub(crate) fn anthropic(exchange: &Exchange) -> Told {
    if !exchange.stream {
        return Folded::whole(&serde_json::from_slice(&exchange.body).expect("json")).told();
    }
    let mut folded = Folded::default();
    for event in events(&exchange.body) {
        folded.event(&event);
    }
    folded.told()
}
