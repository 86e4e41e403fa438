//! What a client learns from an answer, whatever way it came: the one form in which tests compare.

use std::collections::BTreeMap;

use mux_wire::usage::Usage;
use serde_json::Value;

/// One choice of an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Choice {
    pub(crate) text: String,
    pub(crate) refusal: String,
    /// Id, name and arguments.
    pub(crate) calls: Vec<(String, String, Value)>,
    /// Text and signature, or data, of each piece of reasoning.
    pub(crate) thoughts: Vec<(String, String)>,
    pub(crate) finish: Option<String>,
}

/// An answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Told {
    pub(crate) choices: BTreeMap<u64, Choice>,
    pub(crate) usage: Option<Usage>,
    pub(crate) error: Option<String>,
    pub(crate) terminal: bool,
}

impl Told {
    /// Puts chat completion objects together: chunks, or one whole response.
    pub(crate) fn read<'a>(objects: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut told = Self::default();
        for object in objects {
            if let Some(usage) = object.get("usage").filter(|usage| usage.is_object()) {
                told.usage = Some(usage_of(usage));
            }
            for choice in object["choices"].as_array().into_iter().flatten() {
                let entry = told
                    .choices
                    .entry(choice["index"].as_u64().unwrap_or(0))
                    .or_default();
                let said = if choice["delta"].is_object() {
                    &choice["delta"]
                } else {
                    &choice["message"]
                };
                entry.add(said);
                if let Some(finish) = choice["finish_reason"].as_str() {
                    entry.finish = Some(finish.to_owned());
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
        self.text
            .push_str(said["content"].as_str().unwrap_or_default());
        self.refusal
            .push_str(said["refusal"].as_str().unwrap_or_default());
        for (place, call) in said["tool_calls"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
        {
            let index = call["index"]
                .as_u64()
                .map_or(place, |index| usize::try_from(index).expect("small"));
            while self.calls.len() <= index {
                self.calls
                    .push((String::new(), String::new(), Value::from("")));
            }
            let (id, name, arguments) = &mut self.calls[index];
            id.push_str(call["id"].as_str().unwrap_or_default());
            name.push_str(call["function"]["name"].as_str().unwrap_or_default());
            let piece = call["function"]["arguments"].as_str().unwrap_or_default();
            *arguments = Value::from(format!("{}{piece}", arguments.as_str().unwrap_or_default()));
        }
        for thought in said["reasoning_details"].as_array().into_iter().flatten() {
            let index =
                usize::try_from(thought["index"].as_u64().expect("an index")).expect("small");
            while self.thoughts.len() <= index {
                self.thoughts.push((String::new(), String::new()));
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
}

fn usage_of(usage: &Value) -> Usage {
    let count = |path: &str| usage.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    Usage {
        input: count("/prompt_tokens"),
        output: count("/completion_tokens"),
        cache_read: count("/prompt_tokens_details/cached_tokens"),
        cache_write: count("/prompt_tokens_details/cache_write_tokens"),
        reasoning: count("/completion_tokens_details/reasoning_tokens"),
        cache_write_1h: count("/prompt_tokens_details/cache_write_1h_tokens"),
        audio_input: count("/prompt_tokens_details/audio_tokens"),
        audio_output: count("/completion_tokens_details/audio_tokens"),
    }
}
