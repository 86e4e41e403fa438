//! Every recorded chat completion of a provider that speaks OpenAI's dialect, read as `mux plugin run` reads it, says what
//! was recorded. What is expected is read from the recordings by this file alone.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use mux_plugins::exchange::Reading;
use mux_plugins::{Adapter, Exchange, preset};
use serde_json::{Value, json};

#[path = "shared/shipped.rs"]
mod shipped;
#[path = "shared/stage.rs"]
#[expect(dead_code, reason = "only its host is wanted here")]
mod stage;

/// Providers of recordings and the kinds that speak for them; the others by their own name.
const KINDS: [(&str, &str); 3] = [
    ("llamacpp", "llama-cpp"),
    ("ollama", "openai-compatible"),
    ("ollama-cloud", "openai-compatible"),
];
/// Providers without a kind of their own that any OpenAI-compatible client can talk to.
const PLAIN: [&str; 16] = [
    "alibaba",
    "bedrock-mantle",
    "crusoe",
    "doubleword",
    "gpustack",
    "mistralrs",
    "moonshotai",
    "nebius",
    "novita",
    "openai",
    "openai-compatible",
    "snowflake",
    "venice",
    "writer",
    "zai",
    "copilot",
];

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("MUX_TRAFFIC_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/traffic"),
        PathBuf::from,
    );
    folder.join("index.json").is_file().then_some(folder)
}

fn kind(provider: &str) -> Option<&str> {
    let known = KINDS.iter().find(|(name, _)| *name == provider);
    match known {
        Some((_, kind)) => Some(kind),
        None if PLAIN.contains(&provider) => Some("openai-compatible"),
        None => preset::of(provider).map(|preset| preset.kind),
    }
}

fn adapter(kind: &str) -> Adapter {
    let preset = preset::of(kind).expect("a preset");
    let adapter = shipped::adapter(preset.adapter);
    adapter.with(preset.quirks()).expect("quirks")
}

/// What an answer says, put together from its raw objects.
#[derive(Debug, Default, PartialEq)]
struct Expected {
    text: String,
    reasoning: String,
    calls: Vec<(String, String, Value)>,
    finish: Option<String>,
    tokens: Option<(u64, u64)>,
    failed: bool,
}

fn expected(objects: &[Value], stream: bool) -> Expected {
    let mut all = Expected::default();
    let mut calls: Vec<(u64, String, String, String)> = Vec::new();
    for object in objects {
        if !object["error"].is_null() || object["object"] == "error" {
            all.failed = true;
        }
        for usage in [&object["usage"], &object["x_groq"]["usage"]] {
            if let (Some(input), Some(output)) = (
                usage["prompt_tokens"].as_u64(),
                usage["completion_tokens"].as_u64(),
            ) {
                all.tokens = Some((input, output));
            }
        }
        let repeats = stream && object["object"] == "chat.completion.done";
        for choice in object["choices"].as_array().into_iter().flatten() {
            if choice["index"].as_u64().unwrap_or(0) != 0 {
                continue;
            }
            if let Some(finish) = choice["finish_reason"].as_str().filter(|f| !f.is_empty()) {
                all.finish = Some(finish.to_owned());
            }
            if repeats {
                continue;
            }
            let said = if stream {
                &choice["delta"]
            } else {
                &choice["message"]
            };
            match &said["content"] {
                Value::Array(parts) => {
                    let texts = parts.iter().filter_map(|part| part["text"].as_str());
                    all.text.extend(texts);
                }
                content => all.text += content.as_str().unwrap_or_default(),
            }
            let thought = [&said["reasoning_content"], &said["reasoning"]];
            let thought = thought.into_iter().find_map(Value::as_str);
            all.reasoning += thought.unwrap_or_default();
            let pieces = said["tool_calls"].as_array().into_iter().flatten();
            for (place, call) in (0..).zip(pieces) {
                let number = call["index"].as_u64().unwrap_or(place);
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let (id, name) = (text(&call["id"]), text(&call["function"]["name"]));
                let arguments = text(&call["function"]["arguments"]);
                // A name after whole arguments is another call, whatever its number: one recording holds two answers.
                let whole = |said: &str| serde_json::from_str::<Value>(said).is_ok();
                let known = calls.iter_mut().rev().find(|known| known.0 == number);
                match known.filter(|known| name.is_empty() || !whole(&known.3)) {
                    Some((_, known_id, known_name, said)) => {
                        if known_id.is_empty() {
                            *known_id = id;
                        }
                        *known_name += &name;
                        *said += &arguments;
                    }
                    None => calls.push((number, id, name, arguments)),
                }
            }
        }
    }
    all.calls = calls
        .into_iter()
        .map(|(_, id, name, arguments)| {
            let arguments = match arguments.trim() {
                "" => json!({}),
                text => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
            };
            (id, name, arguments)
        })
        .collect();
    all
}

/// The objects of an answer: the whole, or the data of its events.
fn objects(exchange: &Exchange) -> Vec<Value> {
    if !exchange.stream {
        return serde_json::from_slice(&exchange.body).into_iter().collect();
    }
    let text = String::from_utf8_lossy(&exchange.body);
    // One of them tells its errors in a field of its own.
    let data = |line: &str| {
        let data = line.strip_prefix("data:").or(line.strip_prefix("error:"))?;
        serde_json::from_str(data.trim()).ok()
    };
    text.lines().filter_map(data).collect()
}

/// The features of an answer that a reading must hold; why it does not.
fn held(reading: &Reading, expected: &Expected) -> Result<Vec<&'static str>, String> {
    let mut features = Vec::new();
    let mut same = |name: &'static str, told: bool, holds: bool| {
        if told {
            features.push(name);
        }
        if holds {
            Ok(())
        } else {
            Err(format!("{name}: {reading:?} instead of {expected:?}"))
        }
    };
    same(
        "text",
        !expected.text.is_empty(),
        reading.text == expected.text,
    )?;
    same(
        "reasoning",
        !expected.reasoning.is_empty(),
        expected.reasoning.is_empty() || reading.reasoning == expected.reasoning,
    )?;
    let calls: Vec<_> = reading
        .tool_calls
        .iter()
        .map(|call| (call.id.clone(), call.name.clone(), call.arguments.clone()))
        .collect();
    same("tools", !expected.calls.is_empty(), calls == expected.calls)?;
    let usual = match expected.finish.as_deref() {
        _ if !expected.calls.is_empty() && expected.finish.as_deref() != Some("length") => {
            Some("tool_calls")
        }
        Some("eos") => Some("stop"),
        other => other,
    };
    same(
        "finish",
        usual.is_some(),
        expected.finish.is_none() || reading.finish_reason.as_deref() == usual,
    )?;
    let tokens = reading.usage.map(|usage| (usage.input, usage.output));
    same(
        "usage",
        expected.tokens.is_some(),
        tokens == expected.tokens,
    )?;
    let failed = reading.class != "ok" && reading.error.is_some();
    same("failure", expected.failed, failed == expected.failed)?;
    Ok(features)
}

/// How many places of a stream it is split at, where it has more bytes than that.
const SPREAD: usize = 60;

/// Where a stream is read otherwise when the network cuts it, byte by byte or once.
fn cut(exchange: &Exchange, adapter: &Adapter, whole: &Reading) -> Result<(), String> {
    let body = &exchange.body;
    let read = |pieces: Vec<Bytes>| {
        let reading = exchange.reading_in(adapter, pieces);
        reading.map_err(|fault| fault.to_string())
    };
    let single = body.chunks(1).map(Bytes::copy_from_slice).collect();
    if read(single)? != *whole {
        return Err("byte by byte it says something else".to_owned());
    }
    for at in (1..body.len()).step_by(body.len() / SPREAD + 1) {
        if read(vec![body.slice(..at), body.slice(at..)])? != *whole {
            return Err(format!("split at {at} it says something else"));
        }
    }
    Ok(())
}

/// What a status says of an error, as far as everybody agrees on it.
fn fits(status: u16, class: &str) -> bool {
    match status {
        401 => class == "authentication",
        402 => class == "quota-exhausted",
        404 => class == "model-not-found" || class == "invalid-request",
        413 => class == "payload-too-large" || class == "context-length",
        429 => class == "rate-limited" || class == "quota-exhausted",
        400..=499 => class != "server" && class != "ok",
        _ => class != "ok",
    }
}

/// Columns of the table.
const FEATURES: [&str; 10] = [
    "exchanges",
    "whole",
    "stream",
    "text",
    "reasoning",
    "tools",
    "finish",
    "usage",
    "failure",
    "errors",
];

#[test]
fn what_openai_compatible_providers_were_recorded_saying_is_read() {
    let Some(folder) = folder() else {
        println!("skipped: no recordings; MUX_TRAFFIC_DIR can name their folder");
        return;
    };
    let index = std::fs::read(folder.join("index.json")).expect("an index");
    let index: Value = serde_json::from_slice(&index).expect("json");
    let mut adapters: BTreeMap<&str, Adapter> = BTreeMap::new();
    let mut table: BTreeMap<(String, &str), u32> = BTreeMap::new();
    let mut wrong = Vec::new();
    for entry in index["entries"].as_array().expect("entries") {
        let provider = entry["provider"].as_str().expect("a provider");
        let Some(kind) = kind(provider).filter(|_| entry["api"] == "chat_completions") else {
            continue;
        };
        let adapter = adapters.entry(kind).or_insert_with(|| adapter(kind));
        let file = entry["file"].as_str().expect("a file");
        let text = std::fs::read(folder.join(file)).expect("a recording");
        let exchange = Exchange::read(&text).expect(file);
        let mut row = |feature| *table.entry((provider.to_owned(), feature)).or_default() += 1;
        row("exchanges");
        let reading = exchange.reading(adapter).expect(file);
        if exchange.status >= 400 {
            row("errors");
            if !fits(exchange.status, &reading.class) {
                wrong.push(format!(
                    "{file}: {} is no {}",
                    reading.class, exchange.status
                ));
            }
            continue;
        }
        let as_recorded = held(&reading, &expected(&objects(&exchange), exchange.stream));
        let split = if exchange.stream {
            cut(&exchange, adapter, &reading)
        } else {
            Ok(())
        };
        match as_recorded.and_then(|features| split.map(|()| features)) {
            Ok(features) => {
                features.into_iter().for_each(&mut row);
                row(if exchange.stream { "stream" } else { "whole" });
            }
            Err(why) => wrong.push(format!(
                "{file}: {}",
                why.chars().take(600).collect::<String>()
            )),
        }
    }
    println!(
        "{:<18}{}",
        "provider",
        FEATURES.map(|f| format!("{f:>10}")).concat()
    );
    let mut providers: Vec<_> = table.keys().map(|(provider, _)| provider.clone()).collect();
    providers.dedup();
    for provider in providers {
        let count = |f| table.get(&(provider.clone(), f)).copied().unwrap_or(0);
        println!(
            "{provider:<18}{}",
            FEATURES.map(|f| format!("{:>10}", count(f))).concat()
        );
    }
    assert!(
        wrong.is_empty(),
        "{} of them are read otherwise:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
