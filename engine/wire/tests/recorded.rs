//! Recorded provider answers, framed and read. Skipped where the recordings are absent; `MUX_TRAFFIC_DIR` says where they are.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a failed expectation is the test's answer, and a skip is said aloud"
)]

use std::path::PathBuf;

use bytes::Bytes;
use mux_wire::chat::Tap;
use mux_wire::{Frame, Framer, Framing, Usage};
use serde_json::Value;

struct Recording {
    file: String,
    provider: String,
    status: u64,
    framing: String,
    response: Value,
}

impl Recording {
    fn body(&self) -> Option<&str> {
        self.response["body_text"].as_str()
    }

    fn frames(&self, chunk: usize) -> Vec<Frame> {
        let body = self.body().expect("a body");
        let mut framer = Framer::new(Framing::Sse);
        for part in body.as_bytes().chunks(chunk.max(1)) {
            framer
                .push(Bytes::copy_from_slice(part))
                .expect("within limits");
        }
        framer.finish().expect("whole");
        framer.collect()
    }
}

/// The recorded chat completions, or nothing and a word about it.
fn recordings() -> Vec<Recording> {
    let default = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/traffic"
    ));
    let folder = std::env::var_os("MUX_TRAFFIC_DIR").map_or(default, PathBuf::from);
    let Ok(index) = std::fs::read(folder.join("index.json")) else {
        eprintln!("skipped: no recordings in {}", folder.display());
        return Vec::new();
    };
    let index: Value = serde_json::from_slice(&index).expect("an index");
    let entries = index["entries"].as_array().expect("entries").iter();
    let chats = entries.filter(|entry| entry["api"] == "chat_completions");
    chats
        .map(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
            let exchange = std::fs::read(folder.join(text("file"))).expect("a recording");
            let mut exchange: Value = serde_json::from_slice(&exchange).expect("an exchange");
            let status = entry["status"].as_u64().unwrap_or_default();
            let response = exchange["response"].take();
            Recording {
                file: text("file"),
                provider: text("provider"),
                status,
                framing: text("framing"),
                response,
            }
        })
        .collect()
}

fn streams() -> impl Iterator<Item = Recording> {
    recordings()
        .into_iter()
        .filter(|recording| recording.framing == "sse" && recording.body().is_some())
}

#[test]
fn a_recorded_stream_frames_the_same_in_chunks_of_any_size() {
    for recording in streams() {
        let whole = recording.frames(usize::MAX);
        assert!(!whole.is_empty(), "{}", recording.file);
        for size in [1, 2, 3, 5, 7, 61, 4096] {
            assert_eq!(
                recording.frames(size),
                whole,
                "{} in chunks of {size}",
                recording.file
            );
        }
    }
}

#[test]
fn a_recorded_openai_event_split_at_every_byte_frames_the_same() {
    for recording in streams().filter(|recording| recording.provider == "openai") {
        let body = recording.body().expect("a body");
        let mut rest = body;
        while !rest.is_empty() {
            // Three events at a time: no state of the framer outlives an event.
            let end = rest
                .match_indices("\n\n")
                .nth(2)
                .map_or(rest.len(), |(at, gap)| at + gap.len());
            let (events, tail) = rest.split_at(end);
            split_at_every_byte(&recording.file, &Bytes::copy_from_slice(events.as_bytes()));
            rest = tail;
        }
    }
}

fn split_at_every_byte(file: &str, body: &Bytes) {
    let read = |chunks: &[Bytes]| {
        let mut framer = Framer::new(Framing::Sse);
        for chunk in chunks {
            framer.push(chunk.clone()).expect("within limits");
        }
        framer.finish().expect("whole");
        framer.collect::<Vec<_>>()
    };
    let whole = read(std::slice::from_ref(body));
    for at in 0..=body.len() {
        assert_eq!(
            read(&[body.slice(..at), body.slice(at..)]),
            whole,
            "{file} split at {at}"
        );
    }
}

#[test]
fn a_recorded_stream_tells_its_content_finish_and_usage() {
    for recording in streams().filter(|recording| recording.status == 200) {
        let mut tap = Tap::new(true);
        let (mut wrote, mut usage, mut finish, mut failed) = (String::new(), None, None, false);
        let mut bytes = 0;
        for frame in recording.frames(usize::MAX) {
            let seen = tap.frame(&frame.data);
            bytes += seen.output_bytes;
            usage = seen.usage.or(usage);
            finish = seen.finish.or(finish);
            failed |= seen.error.is_some();
            wrote += &text_of(&frame.data);
        }
        let file = &recording.file;
        assert!(
            bytes >= wrote.len() as u64,
            "{file}: counted {bytes} of {}",
            wrote.len()
        );
        assert!(
            failed
                || finish.is_some()
                || file.contains("trunc")
                || recording.provider == "gpustack"
                || recording.provider == "snowflake",
            "{file}: no finish"
        );
        assert_eq!(
            failed,
            recording
                .body()
                .is_some_and(|body| body.contains("\"error\":{")),
            "{file}: {finish:?}"
        );
        if let Some(Usage { input, output, .. }) = usage {
            assert!(input > 0 || output > 0, "{file}: empty usage");
        }
    }
}

fn text_of(data: &[u8]) -> String {
    let Ok(chunk) = serde_json::from_slice::<Value>(data) else {
        return String::new();
    };
    if chunk["object"] == "chat.completion.done" {
        return String::new();
    }
    let choices = chunk["choices"].as_array().into_iter().flatten();
    choices
        .filter_map(|choice| choice["delta"]["content"].as_str())
        .collect()
}

#[test]
fn a_recorded_whole_answer_tells_its_content_and_usage() {
    for recording in recordings()
        .iter()
        .filter(|recording| recording.status == 200 && recording.framing == "json")
    {
        let body = match recording.body() {
            Some(text) => text.to_owned(),
            None => recording.response["body"].to_string(),
        };
        let document: Value = serde_json::from_str(&body).unwrap_or_default();
        let seen = Tap::new(false).whole(body.as_bytes());
        let file = &recording.file;
        assert_eq!(
            seen.error.is_some(),
            !document["choices"].is_array(),
            "{file}: {:?}",
            seen.error
        );
        if seen.error.is_none() {
            let usage = seen.usage.unwrap_or_default();
            assert_eq!(
                Some(usage.input),
                document["usage"]["prompt_tokens"].as_u64().or(Some(0)),
                "{file}"
            );
            assert_eq!(
                Some(usage.output),
                document["usage"]["completion_tokens"].as_u64().or(Some(0)),
                "{file}"
            );
            let text: u64 = document["choices"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|choice| choice["message"]["content"].as_str())
                .map(|text| text.len() as u64)
                .sum();
            assert!(seen.output_bytes >= text, "{file}");
        }
    }
}
