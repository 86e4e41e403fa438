//! What a client learns from an answer, whatever way it came: the one form in which tests compare.

use std::collections::BTreeMap;

use mux_plugin_sdk::Usage;
use serde_json::{Value, json};

/// One choice of an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choice {
    /// All text.
    pub text: String,
    /// All of a refusal.
    pub refusal: String,
    /// Id, name and arguments.
    pub calls: Vec<(String, String, Value)>,
    /// What calls carry for their provider alone, `null` where they carry nothing.
    pub extras: Vec<Value>,
    /// Text and signature, or data, of each piece of reasoning.
    pub thoughts: Vec<(String, String)>,
    /// Why it ended.
    pub finish: Option<String>,
    /// The provider's word for it.
    pub native: String,
    /// Where its text comes from.
    pub annotations: Vec<Value>,
    /// What the chat form has no word for, by the provider's name.
    pub extra: Value,
    details: Vec<Value>,
}

/// An answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told {
    /// By index.
    pub choices: BTreeMap<u64, Choice>,
    /// As the answer itself has it.
    pub usage: Option<Usage>,
}

impl Told {
    /// Puts chat completion objects together: chunks, or one whole response.
    #[must_use]
    pub fn read<'a>(objects: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut told = Self::default();
        for object in objects {
            if let Some(usage) = object.get("usage").filter(|usage| usage.is_object()) {
                told.usage = Some(usage_of(usage));
            }
            for choice in object["choices"].as_array().into_iter().flatten() {
                let index = choice["index"].as_u64().unwrap_or(0);
                let entry = told.choices.entry(index).or_default();
                let said = if choice["delta"].is_object() {
                    &choice["delta"]
                } else {
                    &choice["message"]
                };
                entry.add(said);
                if let Some(finish) = choice["finish_reason"].as_str() {
                    entry.finish = Some(finish.to_owned());
                }
                if let Some(native) = choice["native_finish_reason"].as_str() {
                    native.clone_into(&mut entry.native);
                }
            }
        }
        for choice in told.choices.values_mut() {
            choice.parse_arguments();
        }
        told
    }
}

impl Choice {
    fn add(&mut self, said: &Value) {
        let text = |field: &str| said[field].as_str().unwrap_or_default();
        self.text.push_str(text("content"));
        self.refusal.push_str(text("refusal"));
        let cited = said["annotations"].as_array().into_iter().flatten();
        self.annotations.extend(cited.cloned());
        if let Some(extra) = said.get("extra_content") {
            self.extra = extra.clone();
        }
        let calls = said["tool_calls"].as_array().into_iter().flatten();
        for (place, call) in calls.enumerate() {
            let index = call["index"]
                .as_u64()
                .map_or(place, |index| usize::try_from(index).expect("small"));
            while self.calls.len() <= index {
                self.calls
                    .push((String::new(), String::new(), Value::from("")));
                self.extras.push(Value::Null);
            }
            let (id, name, arguments) = &mut self.calls[index];
            id.push_str(call["id"].as_str().unwrap_or_default());
            name.push_str(call["function"]["name"].as_str().unwrap_or_default());
            let piece = call["function"]["arguments"].as_str().unwrap_or_default();
            let before = arguments.as_str().unwrap_or_default();
            *arguments = Value::from(format!("{before}{piece}"));
            if let Some(extra) = call.get("extra_content") {
                self.extras[index] = extra.clone();
            }
        }
        for thought in said["reasoning_details"].as_array().into_iter().flatten() {
            let index = thought["index"].as_u64().expect("an index");
            let index = usize::try_from(index).expect("small");
            while self.thoughts.len() <= index {
                self.thoughts.push((String::new(), String::new()));
                self.details.push(thought.clone());
            }
            let (text, seal) = &mut self.thoughts[index];
            text.push_str(thought["text"].as_str().unwrap_or_default());
            seal.push_str(thought["signature"].as_str().unwrap_or_default());
            seal.push_str(thought["data"].as_str().unwrap_or_default());
        }
    }

    /// Arguments compare as JSON; those cut short stay text.
    fn parse_arguments(&mut self) {
        for (_, _, arguments) in &mut self.calls {
            let text = arguments.as_str().unwrap_or_default();
            *arguments = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
        }
    }

    /// The message as a client sends it back, and a result for each of its calls.
    #[must_use]
    pub fn sent_back(&self) -> Vec<Value> {
        let calls: Vec<Value> = self
            .calls
            .iter()
            .zip(&self.extras)
            .map(|((id, name, arguments), extra)| {
                let arguments = arguments.to_string();
                let mut call = json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
                if !extra.is_null() {
                    call["extra_content"] = extra.clone();
                }
                call
            })
            .collect();
        let details: Vec<Value> = self
            .details
            .iter()
            .zip(&self.thoughts)
            .map(|(detail, (text, seal))| {
                let mut detail = detail.clone();
                let sealed = if detail["type"] == "reasoning.encrypted" {
                    "data"
                } else {
                    "signature"
                };
                detail["text"] = Value::from(text.as_str());
                detail[sealed] = Value::from(seal.as_str());
                detail
            })
            .collect();
        let mut message =
            json!({"role": "assistant", "content": self.text, "reasoning_details": details});
        let mut messages = Vec::new();
        if !calls.is_empty() {
            message["tool_calls"] = Value::from(calls);
        }
        messages.push(message);
        for (id, ..) in &self.calls {
            messages.push(json!({"role": "tool", "tool_call_id": id, "content": "done"}));
        }
        messages
    }
}

fn usage_of(usage: &Value) -> Usage {
    let count = |path: &str| usage.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    Usage {
        input: count("/prompt_tokens"),
        output: count("/completion_tokens"),
        cache_read: count("/prompt_tokens_details/cached_tokens"),
        cache_write: count("/prompt_tokens_details/cache_write_tokens"),
        reasoning: count("/completion_tokens_details/reasoning_tokens"),
        other: Vec::new(),
    }
    .with(
        Usage::CACHE_WRITE_1H,
        count("/prompt_tokens_details/cache_write_1h_tokens"),
    )
    .with(
        Usage::AUDIO_INPUT,
        count("/prompt_tokens_details/audio_tokens"),
    )
    .with(
        Usage::AUDIO_OUTPUT,
        count("/completion_tokens_details/audio_tokens"),
    )
}
