//! What recordings say, read without the help of anything under test and as plainly as can be.

use std::collections::BTreeMap;

use mux_plugin_sdk::{Framing, Usage};
use serde_json::Value;

use crate::frames::cut;
use crate::recording::Recording;

/// A choice as the recording has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choice {
    /// All text.
    pub text: String,
    /// Id (empty where the provider gave none), name, and arguments.
    pub calls: Vec<(String, String, Value)>,
    /// All readable reasoning.
    pub thoughts: String,
    /// Everything that must come back to the provider unchanged.
    pub seals: Vec<String>,
    /// Why it ended, in the chat form's words.
    pub finish: &'static str,
    arguments: BTreeMap<u64, usize>,
}

/// An answer as the recording has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expected {
    /// By index.
    pub choices: BTreeMap<u64, Choice>,
    /// The last counts.
    pub usage: Option<Usage>,
    /// Whether it broke with an error.
    pub error: bool,
    /// Whether it came to its end.
    pub ended: bool,
}

/// What the recording says.
#[must_use]
pub fn expected(recording: &Recording) -> Expected {
    let mut all = Expected {
        ended: recording.framing == Framing::Buffered,
        ..Expected::default()
    };
    for (name, data) in cut(recording.framing, &recording.body) {
        if data == b"[DONE]" {
            all.ended = true;
            continue;
        }
        if data.trim_ascii().is_empty() {
            continue;
        }
        let event: Value = serde_json::from_slice(&data)
            .unwrap_or_else(|error| panic!("{}: {error}", recording.file));
        match recording.api.as_str() {
            api if api.starts_with("gemini") => all.gemini(&event),
            "messages" => all.anthropic(&event),
            "cohere_chat" => all.cohere(&event),
            "ollama_chat" => all.ollama(&event),
            api if api.starts_with("bedrock") => all.bedrock(&name, &event),
            _ => all.chat(&event),
        }
    }
    if recording.api.starts_with("gemini") {
        all.ended = all.choices.values().any(|choice| !choice.finish.is_empty());
    }
    if !all.error {
        all.choices.entry(0).or_default();
    }
    for choice in all.choices.values_mut() {
        choice.settle();
    }
    all
}

impl Choice {
    fn settle(&mut self) {
        for (_, _, arguments) in &mut self.calls {
            if let Some(text) = arguments.as_str() {
                let text = if text.is_empty() { "{}" } else { text };
                *arguments = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
            }
            if arguments.is_null() {
                *arguments = serde_json::json!({});
            }
        }
        if !self.calls.is_empty() && self.finish != "content_filter" && !self.finish.is_empty() {
            self.finish = "tool_calls";
        }
    }

    fn call(&mut self, block: u64, id: &Value, name: &Value, arguments: &Value) {
        self.arguments.insert(block, self.calls.len());
        self.calls
            .push((str_of(id), str_of(name), arguments.clone()));
    }

    fn argue(&mut self, block: u64, piece: &Value) {
        let place = self.arguments[&block];
        let before = self.calls[place].2.as_str().unwrap_or_default();
        self.calls[place].2 = Value::from(format!("{before}{}", str_of(piece)));
    }

    fn seal(&mut self, seal: &Value) {
        if let Some(seal) = seal.as_str().filter(|seal| !seal.is_empty()) {
            self.seals.push(seal.to_owned());
        }
    }
}

fn str_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn count(usage: &Value, path: &str) -> u64 {
    usage.pointer(path).and_then(Value::as_u64).unwrap_or(0)
}

fn finish(word: &str) -> &'static str {
    match word {
        "" => "",
        "MAX_TOKENS"
        | "2"
        | "max_tokens"
        | "length"
        | "model_length"
        | "model_context_window_exceeded" => "length",
        "SAFETY"
        | "MODEL_ARMOR"
        | "refusal"
        | "content_filter"
        | "content_filtered"
        | "guardrail_intervened" => "content_filter",
        _ => "stop",
    }
}

impl Expected {
    fn at(&mut self, index: &Value) -> &mut Choice {
        self.choices.entry(index.as_u64().unwrap_or(0)).or_default()
    }

    fn gemini(&mut self, event: &Value) {
        let usage = &event["usageMetadata"];
        if usage["promptTokenCount"].is_u64() {
            let thoughts = count(usage, "/thoughtsTokenCount");
            let counted = Usage {
                input: count(usage, "/promptTokenCount") + count(usage, "/toolUsePromptTokenCount"),
                output: count(usage, "/candidatesTokenCount") + thoughts,
                cache_read: count(usage, "/cachedContentTokenCount"),
                reasoning: thoughts,
                ..Usage::default()
            };
            let sound = |of: &str| -> u64 {
                let modes = list(&usage[of])
                    .filter(|mode| mode["modality"] == "AUDIO" || mode["modality"] == 4);
                modes.map(|mode| count(mode, "/tokenCount")).sum()
            };
            let heard = sound("promptTokensDetails") - sound("cacheTokensDetails");
            let counted = counted.with(Usage::AUDIO_INPUT, heard);
            self.usage = Some(counted.with(Usage::AUDIO_OUTPUT, sound("candidatesTokensDetails")));
        }
        if event["promptFeedback"]["blockReason"].is_string() {
            self.at(&Value::Null).finish = "content_filter";
        }
        for candidate in list(&event["candidates"]) {
            let choice = self.at(&candidate["index"]);
            for part in list(&candidate["content"]["parts"]) {
                choice.gemini_part(part);
            }
            let word = match &candidate["finishReason"] {
                Value::Number(number) => number.to_string(),
                other => str_of(other),
            };
            if !word.is_empty() {
                choice.finish = finish(&word);
            }
        }
    }

    fn chat(&mut self, event: &Value) {
        if event["error"].is_object() {
            self.error = true;
        }
        let usage = &event["usage"];
        if usage["prompt_tokens"].is_u64() {
            let cached = count(usage, "/prompt_tokens_details/cached_tokens");
            // Mistral counts sound beside the prompt.
            let total = count(usage, "/total_tokens") - count(usage, "/completion_tokens");
            let heard = count(usage, "/prompt_tokens_details/audio_tokens");
            let prompt = count(usage, "/prompt_tokens");
            let counted = Usage {
                input: if total == prompt + heard {
                    total
                } else {
                    prompt
                },
                output: count(usage, "/completion_tokens"),
                cache_read: cached.max(count(usage, "/num_cached_tokens")),
                cache_write: count(usage, "/prompt_tokens_details/cache_write_tokens"),
                reasoning: count(usage, "/completion_tokens_details/reasoning_tokens"),
                ..Usage::default()
            };
            let counted = counted.with(Usage::AUDIO_INPUT, heard);
            let spoken = count(usage, "/completion_tokens_details/audio_tokens");
            self.usage = Some(counted.with(Usage::AUDIO_OUTPUT, spoken));
        }
        for part in list(&event["choices"]) {
            let choice = self.at(&part["index"]);
            let said = if part["delta"].is_object() {
                &part["delta"]
            } else {
                &part["message"]
            };
            choice.text.push_str(&str_of(&said["content"]));
            for piece in list(&said["content"]) {
                choice.text.push_str(&str_of(&piece["text"]));
                for thought in list(&piece["thinking"]) {
                    choice.thoughts.push_str(&str_of(&thought["text"]));
                }
            }
            for (place, call) in (0..).zip(list(&said["tool_calls"])) {
                let block = call["index"].as_u64().unwrap_or(place);
                let function = &call["function"];
                let new = function["name"]
                    .as_str()
                    .is_some_and(|name| !name.is_empty());
                if new {
                    choice.call(
                        block,
                        &call["id"],
                        &function["name"],
                        &function["arguments"],
                    );
                } else {
                    choice.argue(block, &function["arguments"]);
                }
            }
            if let Some(word) = part["finish_reason"].as_str() {
                choice.finish = finish(word);
            }
        }
    }

    fn cohere(&mut self, event: &Value) {
        let end = event["type"] == "message-end";
        let whole = event.get("type").is_none();
        let usage = if whole {
            &event["usage"]
        } else {
            &event["delta"]["usage"]
        };
        if usage["tokens"].is_object() {
            let tokens = |name: &str| {
                let billed = usage["billed_units"][name].as_u64();
                billed.unwrap_or_else(|| usage["tokens"][name].as_u64().unwrap_or(0))
            };
            let input = tokens("input_tokens");
            let output = tokens("output_tokens");
            self.usage = Some(Usage {
                input,
                output,
                reasoning: count(usage, "/tokens/reasoning_tokens").min(output),
                ..Usage::default()
            });
        }
        let block = event["index"].as_u64().unwrap_or(0);
        let message = if whole {
            &event["message"]
        } else {
            &event["delta"]["message"]
        };
        let choice = self.choices.entry(0).or_default();
        let content = &message["content"];
        let pieces: Vec<&Value> = match content {
            Value::Array(all) => all.iter().collect(),
            one => vec![one],
        };
        for piece in pieces {
            choice.text.push_str(&str_of(&piece["text"]));
            choice.thoughts.push_str(&str_of(&piece["thinking"]));
        }
        choice.thoughts.push_str(&str_of(&message["tool_plan"]));
        let calls = &message["tool_calls"];
        let function = &calls["function"];
        match event["type"].as_str() {
            Some("tool-call-start") => {
                choice.call(
                    block,
                    &calls["id"],
                    &function["name"],
                    &function["arguments"],
                );
            }
            Some("tool-call-delta") => choice.argue(block, &function["arguments"]),
            _ => {
                for (place, call) in (0..).zip(list(calls)) {
                    let function = &call["function"];
                    choice.call(
                        place,
                        &call["id"],
                        &function["name"],
                        &function["arguments"],
                    );
                }
            }
        }
        let word = if whole {
            &event["finish_reason"]
        } else {
            &event["delta"]["finish_reason"]
        };
        if end || whole {
            choice.finish = finish(&str_of(word));
        }
        self.ended |= end;
    }

    fn ollama(&mut self, event: &Value) {
        let choice = self.choices.entry(0).or_default();
        let message = &event["message"];
        choice.text.push_str(&str_of(&message["content"]));
        choice.thoughts.push_str(&str_of(&message["thinking"]));
        for call in list(&message["tool_calls"]) {
            let block = u64::try_from(choice.calls.len()).expect("few");
            let function = &call["function"];
            choice.call(
                block,
                &call["id"],
                &function["name"],
                &function["arguments"],
            );
        }
        if event["done"] == true {
            choice.finish = finish(event["done_reason"].as_str().unwrap_or("stop"));
            self.ended = true;
            self.usage = Some(Usage {
                input: count(event, "/prompt_eval_count"),
                output: count(event, "/eval_count"),
                ..Usage::default()
            });
        }
    }

    fn anthropic(&mut self, event: &Value) {
        let block = event["index"].as_u64().unwrap_or(0);
        match event["type"].as_str().unwrap_or_default() {
            "message" => {
                for (place, piece) in (0..).zip(list(&event["content"])) {
                    self.anthropic_block(place, piece);
                }
                self.anthropic_end(event);
                self.anthropic_usage(&event["usage"]);
            }
            "message_start" => self.anthropic_usage(&event["message"]["usage"]),
            "content_block_start" => self.anthropic_block(block, &event["content_block"]),
            "content_block_delta" => {
                let delta = &event["delta"];
                let choice = self.choices.entry(0).or_default();
                choice.text.push_str(&str_of(&delta["text"]));
                choice.thoughts.push_str(&str_of(&delta["thinking"]));
                choice.seal(&delta["signature"]);
                if delta["partial_json"].is_string() && choice.arguments.contains_key(&block) {
                    choice.argue(block, &delta["partial_json"]);
                }
            }
            "message_delta" => {
                self.anthropic_end(&event["delta"]);
                self.anthropic_usage(&event["usage"]);
            }
            "message_stop" => self.ended = true,
            "error" => self.error = true,
            _ => {}
        }
    }

    fn anthropic_end(&mut self, said: &Value) {
        if let Some(word) = said["stop_reason"].as_str() {
            self.choices.entry(0).or_default().finish = finish(word);
        }
    }

    fn anthropic_block(&mut self, block: u64, piece: &Value) {
        let choice = self.choices.entry(0).or_default();
        match piece["type"].as_str().unwrap_or_default() {
            "text" => choice.text.push_str(&str_of(&piece["text"])),
            "thinking" | "redacted_thinking" => {
                choice.thoughts.push_str(&str_of(&piece["thinking"]));
                choice.seal(&piece["signature"]);
                choice.seal(&piece["data"]);
            }
            "tool_use" => choice.call(block, &piece["id"], &piece["name"], &piece["input"]),
            _ => {}
        }
    }

    fn anthropic_usage(&mut self, usage: &Value) {
        if !usage.is_object() {
            return;
        }
        let before = self.usage.take().unwrap_or_default();
        let fresh = before.input - before.cache_read - before.cache_write;
        let get = |name: &str, old: u64| usage[name].as_u64().unwrap_or(old);
        let read = get("cache_read_input_tokens", before.cache_read);
        let write = get("cache_creation_input_tokens", before.cache_write);
        let thinking = usage.pointer("/output_tokens_details/thinking_tokens");
        let kept = usage.pointer("/cache_creation/ephemeral_1h_input_tokens");
        let kept = kept.and_then(Value::as_u64);
        let kept = kept.unwrap_or(before.counted(Usage::CACHE_WRITE_1H));
        let counted = Usage {
            input: get("input_tokens", fresh) + read + write,
            output: get("output_tokens", before.output),
            cache_read: read,
            cache_write: write,
            reasoning: thinking.and_then(Value::as_u64).unwrap_or(before.reasoning),
            other: Vec::new(),
        };
        self.usage = Some(counted.with(Usage::CACHE_WRITE_1H, kept));
    }

    fn bedrock(&mut self, name: &str, event: &Value) {
        if name.ends_with("Exception") {
            self.error = true;
        }
        if name.is_empty() {
            let content = event["output"]["message"]["content"].clone();
            for (place, piece) in (0..).zip(list(&content)) {
                self.bedrock_block(place, piece);
            }
        }
        let block = event["contentBlockIndex"].as_u64().unwrap_or(0);
        match name {
            "contentBlockStart" => self.bedrock_block(block, &event["start"]),
            "contentBlockDelta" => self.bedrock_block(block, &event["delta"]),
            _ => {}
        }
        if let Some(word) = event["stopReason"].as_str() {
            self.choices.entry(0).or_default().finish = finish(word);
            self.ended = true;
        }
        let usage = &event["usage"];
        if usage.is_object() {
            let (read, write) = (
                count(usage, "/cacheReadInputTokens"),
                count(usage, "/cacheWriteInputTokens"),
            );
            let counted = Usage {
                input: count(usage, "/inputTokens") + read + write,
                output: count(usage, "/outputTokens"),
                cache_read: read,
                cache_write: write,
                ..Usage::default()
            };
            let hours = list(&usage["cacheDetails"]).filter(|kept| kept["ttl"] == "1h");
            let kept = hours.map(|kept| count(kept, "/inputTokens")).sum();
            self.usage = Some(counted.with(Usage::CACHE_WRITE_1H, kept));
        }
    }

    fn bedrock_block(&mut self, block: u64, piece: &Value) {
        let choice = self.choices.entry(0).or_default();
        choice.text.push_str(&str_of(&piece["text"]));
        let thought = &piece["reasoningContent"];
        let text = if thought["reasoningText"].is_object() {
            &thought["reasoningText"]
        } else {
            thought
        };
        choice.thoughts.push_str(&str_of(&text["text"]));
        choice.seal(&text["signature"]);
        choice.seal(&thought["redactedContent"]);
        let call = &piece["toolUse"];
        if call["name"].is_string() && call["type"] != "server_tool_use" {
            choice.call(block, &call["toolUseId"], &call["name"], &call["input"]);
        } else if call["input"].is_string() && choice.arguments.contains_key(&block) {
            choice.argue(block, &call["input"]);
        }
    }
}

impl Choice {
    fn gemini_part(&mut self, part: &Value) {
        let call = &part["functionCall"];
        if call.is_object() {
            self.seal(&part["thoughtSignature"]);
            if call["name"].is_string() {
                let block = u64::try_from(self.calls.len()).expect("few");
                self.call(block, &call["id"], &call["name"], &call["args"]);
            }
            for arg in list(&call["partialArgs"]) {
                let open = &mut self.calls.last_mut().expect("an open call").2;
                let path = arg["jsonPath"].as_str().expect("a path").replace('[', ".[");
                let place = path.split('.').skip(1).fold(open, |value, step| {
                    match step.strip_prefix('[') {
                        Some(item) => {
                            let item: usize = item.trim_end_matches(']').parse().expect("a number");
                            if value.is_null() {
                                *value = Value::Array(Vec::new());
                            }
                            let items = value.as_array_mut().expect("a list");
                            while items.len() <= item {
                                items.push(Value::Null);
                            }
                            &mut items[item]
                        }
                        None => &mut value[step],
                    }
                });
                *place = match arg["stringValue"].as_str() {
                    Some(piece) => {
                        Value::from(format!("{}{piece}", place.as_str().unwrap_or_default()))
                    }
                    None => arg["numberValue"].clone(),
                };
            }
        } else if part["text"].is_string() {
            self.seal(&part["thoughtSignature"]);
            let text = str_of(&part["text"]);
            if part["thought"] == true {
                self.thoughts.push_str(&text);
            } else {
                self.text.push_str(&text);
            }
        }
    }
}
