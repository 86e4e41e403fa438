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

use mux_plugins::Adapter;
use serde_json::Value;

#[path = "shared/exchange.rs"]
mod exchange;
#[path = "shared/heard.rs"]
mod heard;
#[path = "shared/recorded.rs"]
mod recorded;
#[path = "shared/shipped.rs"]
mod shipped;
#[path = "shared/stage.rs"]
mod stage;
#[path = "shared/told.rs"]
mod told;

use exchange::{Exchange, json_of};
use heard::{Heard, hear};
use recorded::{anthropic, events, openai};
use told::Told;

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
            let (before, after) = exchange.body.split_at(at);
            assert_eq!(hear_in(&[before, after]), heard, "{file}: split at {at}");
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

/// What of an answer is in it, each a column of the table.
fn features(expected: &Told) -> Vec<&'static str> {
    let any = |has: fn(&told::Choice) -> bool| expected.choices.values().any(has);
    [
        ("text", any(|choice| !choice.text.is_empty())),
        ("tools", any(|choice| !choice.calls.is_empty())),
        ("finish", any(|choice| choice.finish.is_some())),
        ("usage", expected.usage.is_some()),
        ("cached", expected.usage.is_some_and(|u| u.cache_read > 0)),
        ("reasoned", expected.usage.is_some_and(|u| u.reasoning > 0)),
    ]
    .into_iter()
    .filter_map(|(name, there)| there.then_some(name))
    .collect()
}

/// Checks one exchange and says which row of the table it belongs to, and what was in it.
fn check(exchange: &Exchange) -> (String, Vec<&'static str>) {
    let adapter = shipped::adapter(&exchange.provider);
    let provider = &exchange.provider;
    if exchange.status >= 400 {
        let error = adapter.map_error(exchange.status, &exchange.headers, &exchange.body);
        assert_eq!(error.kind.as_str(), class(exchange), "{}", exchange.file);
        assert!(!error.message.is_empty(), "{}", exchange.file);
        return (format!("{provider} error status"), vec!["class"]);
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
        return (format!("{provider} error in stream"), vec!["class"]);
    }
    check_good(exchange, &adapter, &expected);
    let way = if exchange.stream { "stream" } else { "whole" };
    (format!("{provider} {way}"), features(&expected))
}

/// Columns of the table.
const FEATURES: [&str; 7] = [
    "text", "tools", "finish", "usage", "cached", "reasoned", "class",
];

fn print_table(rows: &[(String, Vec<&'static str>)]) {
    let mut table: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for (row, features) in rows {
        let row = table.entry(row).or_default();
        for feature in features.iter().chain(&["all"]) {
            *row.entry(feature).or_default() += 1;
        }
    }
    println!(
        "{:28} exchanges{}",
        "recorded as",
        FEATURES.map(|f| format!("{f:>9}")).concat()
    );
    for (row, counts) in &table {
        let of = |feature| counts.get(feature).copied().unwrap_or(0);
        let cells = FEATURES.map(|f| format!("{:9}", of(f))).concat();
        println!("{row:28} {:9}{cells}", of("all"));
    }
    println!("{:28} {:9}", "all", rows.len());
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
    let rows: Vec<_> = rows
        .into_iter()
        .map(|row| row.expect("partitioned"))
        .collect();
    print_table(&rows);
    println!("{:28} {:9}", "failed, each named above", failed.len());
    assert_eq!(rows.len(), entries.len());
    assert!(
        rows.len() > 300,
        "the folder holds fewer exchanges than it should"
    );
}
