//! Every recorded exchange with the providers that have an adapter goes through it and comes out as it was recorded.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::panic::catch_unwind;

use mux_plugin_exchanges::expected::{Expected, expected};
use mux_plugin_exchanges::frames::{Cutter, Owned, cut};
use mux_plugin_exchanges::guest::{Guest, ctx};
use mux_plugin_exchanges::hear::{Heard, hear};
use mux_plugin_exchanges::recording::{Recording, folder, json_of};
use mux_plugin_exchanges::told::Told;
use mux_plugin_sdk::{BodyPlan, DecodeMode, ErrorKind, ReplyPlan, Usage};
use serde_json::{Value, json};

/// Streams up to this length are split at every byte.
const SMALL: usize = 20_000;

/// The adapter that a recording goes through.
fn adapter(provider: &str, api: &str) -> Option<&'static str> {
    Some(match (provider, api) {
        ("openai", "chat_completions") => "openai",
        ("anthropic", "messages") => "anthropic",
        ("azure", "chat_completions") => "azure",
        ("bedrock", "bedrock_converse" | "bedrock_converse_stream") => "bedrock",
        ("vertex", "gemini_generate_content" | "gemini_stream_generate_content") => "vertex",
        ("mistral", "chat_completions") => "mistral",
        ("cohere", "cohere_chat") => "cohere",
        ("ollama", "ollama_chat") => "ollama",
        ("gemini", "gemini_generate_content" | "gemini_stream_generate_content") => "gemini",
        _ => return None,
    })
}

/// Recordings that are broken, each with the reason, in a file beside this one.
fn broken() -> BTreeMap<&'static str, &'static str> {
    include_str!("broken.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(": "))
        .collect()
}

/// Without the counts that only one provider has.
fn plain(usage: Option<Usage>) -> Option<Usage> {
    let priced = [
        Usage::CACHE_WRITE_1H,
        Usage::AUDIO_INPUT,
        Usage::AUDIO_OUTPUT,
    ];
    usage.map(|mut usage| {
        usage.other.retain(|(name, _)| priced.contains(&&**name));
        usage
    })
}

fn state(guest: &Guest, recording: &Recording) -> Vec<u8> {
    let body = json!({"model": "@any", "messages": [{"role": "user", "content": "hello"}],
                      "stream_options": {"include_usage": true}});
    let ctx = ctx(&recording.model, recording.is_stream());
    let plan = (guest.prepare)(&ctx, body.to_string().as_bytes()).expect("a plain question");
    assert_eq!(plan.reply.framing, recording.framing, "{}", recording.file);
    plan.state
}

/// All the ways in which the network may cut the body, as batches of frames: each differs from the others.
fn groupings(recording: &Recording, frames: &[Owned]) -> Vec<Vec<usize>> {
    let single = (0..=frames.len()).collect();
    let mut cuts = vec![single];
    if recording.is_stream() && recording.body.len() < SMALL {
        let mut places = BTreeSet::new();
        let mut cutter = Cutter::new(recording.framing);
        let mut done = 0;
        for byte in &recording.body {
            done += cutter.push(&[*byte]).len();
            places.insert(done);
        }
        done += cutter.end().len();
        assert_eq!(done, frames.len(), "{}: the cutter", recording.file);
        cuts.extend(places.into_iter().map(|at| vec![0, at, frames.len()]));
    }
    cuts
}

fn check_choices(file: &str, told: &Told, expected: &Expected) {
    let indices = |keys: Vec<&u64>| keys.into_iter().copied().collect::<Vec<_>>();
    assert_eq!(
        indices(told.choices.keys().collect()),
        indices(expected.choices.keys().collect()),
        "{file}: choices"
    );
    for (index, meant) in &expected.choices {
        let said = &told.choices[index];
        assert_eq!(said.text, meant.text, "{file}: text");
        let thoughts: String = said
            .thoughts
            .iter()
            .map(|(text, _)| text.as_str())
            .collect();
        assert_eq!(thoughts, meant.thoughts, "{file}: thoughts");
        let named = |calls: &[(String, String, Value)]| {
            let pairs = calls
                .iter()
                .map(|(_, name, arguments)| (name.clone(), arguments.clone()));
            pairs.collect::<Vec<_>>()
        };
        assert_eq!(named(&said.calls), named(&meant.calls), "{file}: calls");
        for ((id, ..), (recorded, ..)) in said.calls.iter().zip(&meant.calls) {
            assert!(!id.is_empty(), "{file}: a call without an id");
            assert!(recorded.is_empty() || id == recorded, "{file}: id {id}");
        }
        let ids: BTreeSet<&String> = said.calls.iter().map(|(id, ..)| id).collect();
        assert_eq!(ids.len(), said.calls.len(), "{file}: two calls of one id");
        let sealed = said.thoughts.iter().map(|(_, seal)| seal.as_str());
        let extras = said.extras.iter().filter_map(|extra| {
            extra
                .pointer("/google/thought_signature")
                .and_then(Value::as_str)
        });
        let mut seals: Vec<&str> = sealed
            .chain(extras)
            .filter(|seal| !seal.is_empty())
            .collect();
        let mut recorded: Vec<&str> = meant.seals.iter().map(String::as_str).collect();
        seals.sort_unstable();
        recorded.sort_unstable();
        assert_eq!(seals, recorded, "{file}: seals");
        if expected.ended && !expected.error {
            assert_eq!(said.finish.as_deref(), Some(meant.finish), "{file}: finish");
        } else {
            assert_eq!(said.finish, None, "{file}: finish of a broken answer");
        }
    }
}

/// What the provider sealed is sent back unchanged with the conversation.
fn check_round_trip(guest: &Guest, recording: &Recording, told: &Told, expected: &Expected) {
    let Some(choice) = told.choices.get(&0) else {
        return;
    };
    let mut messages = vec![json!({"role": "user", "content": "hello"})];
    messages.extend(choice.sent_back());
    messages.push(json!({"role": "user", "content": "go on"}));
    let body = json!({"model": "@any", "messages": messages}).to_string();
    let plan = (guest.prepare)(&ctx(&recording.model, false), body.as_bytes())
        .unwrap_or_else(|fault| panic!("{}: sent back: {fault:?}", recording.file));
    let BodyPlan::Replace(sent) = plan.body else {
        return;
    };
    let sent: Value = serde_json::from_slice(&sent).expect("json");
    let sent = sent.to_string();
    for seal in &expected.choices[&0].seals {
        let quoted = Value::from(seal.as_str()).to_string();
        assert!(sent.contains(&quoted), "{}: a seal is lost", recording.file);
    }
    for (_, name, _) in &choice.calls {
        assert!(
            sent.contains(name.as_str()),
            "{}: a call is lost",
            recording.file
        );
    }
}

fn check_good(guest: &Guest, recording: &Recording) -> Vec<&'static str> {
    let file = &recording.file;
    let expected = expected(recording);
    let state = state(guest, recording);
    let frames = cut(recording.framing, &recording.body);
    let all = |batches: &[&[Owned]]| -> Heard {
        hear(guest, &state, batches).unwrap_or_else(|fault| panic!("{file}: {fault}"))
    };
    let heard = all(&[&frames]);
    let told = heard.told();
    assert_eq!(heard.error.is_some(), expected.error, "{file}: error");
    assert_eq!(
        heard.finish.is_some(),
        expected.ended && !expected.error,
        "{file}: ended"
    );
    assert_eq!(plain(heard.usage.clone()), expected.usage, "{file}: usage");
    if heard.finish.is_some() && expected.usage.is_some() {
        assert_eq!(told.usage, expected.usage, "{file}: usage in the answer");
    }
    check_choices(file, &told, &expected);
    for cuts in groupings(recording, &frames) {
        let batches: Vec<&[Owned]> = cuts
            .windows(2)
            .map(|pair| &frames[pair[0]..pair[1]])
            .collect();
        assert_eq!(all(&batches), heard, "{file}: grouped at {cuts:?}");
    }
    check_round_trip(guest, recording, &told, &expected);
    features(recording, &expected)
}

fn features(recording: &Recording, expected: &Expected) -> Vec<&'static str> {
    let choices = || expected.choices.values();
    let usage = expected.usage.clone().unwrap_or_default();
    let mut features = vec![if recording.is_stream() {
        "stream"
    } else {
        "whole"
    }];
    let mut note = |there: bool, name| {
        if there {
            features.push(name);
        }
    };
    note(choices().any(|choice| !choice.text.is_empty()), "text");
    note(choices().any(|choice| !choice.calls.is_empty()), "calls");
    note(choices().any(|choice| choice.calls.len() > 1), "parallel");
    note(
        choices().any(|choice| !choice.thoughts.is_empty()),
        "thoughts",
    );
    note(choices().any(|choice| !choice.seals.is_empty()), "sealed");
    note(usage.cache_read > 0, "cached");
    note(usage.reasoning > 0, "reasoned");
    note(choices().any(|choice| choice.finish == "length"), "length");
    note(
        choices().any(|choice| choice.finish == "content_filter"),
        "filter",
    );
    note(expected.error, "broken");
    features
}

/// The class a recorded error belongs to, by its own words.
fn class(recording: &Recording) -> &'static str {
    let text = String::from_utf8_lossy(&recording.body).to_lowercase();
    let says = |words: &str| text.contains(words);
    match recording.head.status {
        401 => "authentication",
        403 if says("security token") => "authentication",
        403 => "permission",
        404 => "model-not-found",
        429 => "rate-limited",
        400 if says("api usage limits") => "quota-exhausted",
        400 if says("api key not valid") => "authentication",
        400 if says("too long") || says("maximum number of tokens") || says("too many tokens") => {
            "context-length"
        }
        400 if says("invalid model") || says("model identifier is invalid") => "model-not-found",
        400 | 422 => "invalid-request",
        other => panic!("{}: no class is known for {other}", recording.file),
    }
}

fn kind(kind: &ErrorKind) -> String {
    match serde_json::to_value(kind).expect("json") {
        Value::Object(map) => map.keys().next().expect("a kind").clone(),
        other => other.as_str().unwrap_or_default().to_owned(),
    }
}

fn check_error(guest: &Guest, recording: &Recording) {
    let error = (guest.map_error)(&recording.head, &recording.body);
    assert_eq!(kind(&error.kind), class(recording), "{}", recording.file);
    assert!(!error.message.is_empty(), "{}", recording.file);
    assert!(
        !error.message.starts_with('{'),
        "{}: {}",
        recording.file,
        error.message
    );
    if recording.head.status != 429 {
        assert_eq!(error.retry_after_ms, None, "{}", recording.file);
    } else if String::from_utf8_lossy(&recording.body).contains("retryDelay")
        || recording.head.header("retry-after").is_some()
    {
        assert!(
            error.retry_after_ms.is_some_and(|wait| wait >= 1000),
            "{}",
            recording.file
        );
    }
}

/// An answer that flows through untouched: the recording itself has to be readable as one.
fn check_verbatim(recording: &Recording) -> Vec<&'static str> {
    let expected = expected(recording);
    let frames = cut(recording.framing, &recording.body);
    let objects: Vec<Value> = frames
        .iter()
        .filter_map(|(_, data)| serde_json::from_slice(data).ok())
        .collect();
    let told = Told::read(&objects);
    for (index, choice) in &expected.choices {
        assert_eq!(told.choices[index].text, choice.text, "{}", recording.file);
        assert_eq!(
            told.choices[index].calls.len(),
            choice.calls.len(),
            "{}",
            recording.file
        );
    }
    assert_eq!(told.usage, expected.usage, "{}", recording.file);
    features(recording, &expected)
}

/// Checks one exchange and says what was in it.
fn check(recording: &Recording, name: &str) -> Vec<&'static str> {
    let guest = Guest::named(name);
    if recording.head.status >= 400 {
        // An adapter that is data alone is not asked: there the host reads errors itself.
        let mut operations = guest.manifest.operations.iter();
        if operations.any(|operation| operation.fixed.is_none()) {
            check_error(&guest, recording);
        }
        return vec!["error"];
    }
    match reply_plan(&guest, recording).mode {
        DecodeMode::Verbatim => check_verbatim(recording),
        DecodeMode::Frames => check_good(&guest, recording),
    }
}

fn reply_plan(guest: &Guest, recording: &Recording) -> ReplyPlan {
    let chat = &guest.manifest.operations[0];
    if let Some(fixed) = &chat.fixed {
        return fixed.reply;
    }
    let body = br#"{"model":"@any","messages":[{"role":"user","content":"hello"}]}"#;
    let plan = (guest.prepare)(&ctx(&recording.model, recording.is_stream()), body);
    plan.expect("a plain question").reply
}

const COLUMNS: [&str; 13] = [
    "whole", "stream", "text", "calls", "parallel", "thoughts", "sealed", "cached", "reasoned",
    "length", "filter", "broken", "error",
];

fn print_table(table: &BTreeMap<&str, BTreeMap<&str, usize>>) {
    let head: Vec<String> = COLUMNS.iter().map(|name| format!("{name:>8}")).collect();
    println!("{:10}{:>6}{}", "adapter", "all", head.concat());
    for (adapter, row) in table {
        let of = |name: &str| row.get(name).copied().unwrap_or(0);
        let cells: Vec<String> = COLUMNS
            .iter()
            .map(|name| format!("{:>8}", of(name)))
            .collect();
        println!("{adapter:10}{:>6}{}", of("all"), cells.concat());
    }
}

#[test]
fn every_recorded_exchange_comes_out_as_it_was_recorded() {
    let Some(folder) = folder() else {
        println!(
            "skipped: no recorded traffic here; set MUX_TRAFFIC_DIR to the folder with its index.json"
        );
        return;
    };
    let index = json_of(&folder.join("index.json"));
    let broken = broken();
    let mut table: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    let mut failed = Vec::new();
    let mut unused: BTreeSet<&str> = broken.keys().copied().collect();
    for entry in index["entries"].as_array().expect("entries") {
        let text = |field: &str| entry[field].as_str().unwrap_or_default();
        let Some(name) = adapter(text("provider"), text("api")) else {
            continue;
        };
        let file = text("file");
        if unused.remove(file) {
            println!("left out, {}: {file}", broken[file]);
            continue;
        }
        let checked = catch_unwind(|| {
            let answers = Recording::read(&folder, entry).answers();
            answers
                .iter()
                .map(|answer| check(answer, name))
                .next_back()
                .expect("one")
        });
        match checked {
            Ok(features) => {
                let row = table.entry(name).or_default();
                for feature in features.into_iter().chain(["all"]) {
                    *row.entry(feature).or_default() += 1;
                }
            }
            Err(_) => failed.push(file.to_owned()),
        }
    }
    print_table(&table);
    assert!(unused.is_empty(), "not recorded at all: {unused:?}");
    assert!(failed.is_empty(), "{} failed: {failed:#?}", failed.len());
    let rows: usize = table.values().map(|row| row["all"]).sum();
    assert!(
        rows > 400,
        "the folder holds fewer exchanges than it should: {rows}"
    );
}
