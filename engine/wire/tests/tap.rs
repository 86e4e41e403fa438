//! What the tap tells of a reply that passes through.

use mux_wire::chat::{Seen, Tap};
use mux_wire::{ErrorKind, Usage};
use proptest::prelude::*;

fn frame(data: &str) -> Seen {
    Tap::new(true).frame(data.as_bytes())
}

fn whole(body: &str) -> Seen {
    Tap::new(false).whole(body.as_bytes())
}

fn delta(delta: &str) -> Seen {
    frame(&format!(
        r#"{{"id":"c","object":"chat.completion.chunk","choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#
    ))
}

#[test]
fn only_what_the_model_wrote_is_content() {
    for (text, bytes) in [
        (r#"{"content":"hé"}"#, 3),
        (r#"{"content":[{"type":"text","text":"abc"}]}"#, 3),
        (r#"{"reasoning_content":"why"}"#, 3),
        (r#"{"reasoning":"why","reasoning_content":"why"}"#, 3),
        (r#"{"refusal":"no"}"#, 2),
        (
            r#"{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]}"#,
            1,
        ),
        (
            r#"{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}"#,
            2,
        ),
    ] {
        let seen = delta(text);
        assert!(seen.content, "{text}");
        assert_eq!(seen.output_bytes, bytes, "{text}");
    }
    for text in [
        r#"{"role":"assistant","content":""}"#,
        r#"{"role":"assistant","content":null,"tool_calls":null,"refusal":null}"#,
        "{}",
        "null",
    ] {
        assert_eq!(delta(text), Seen::default(), "{text}");
    }
}

#[test]
fn an_opening_chunk_with_no_choices_commits_nobody() {
    assert_eq!(
        frame(
            r#"{"choices":[],"created":0,"id":"","model":"","prompt_filter_results":[{"prompt_index":0}]}"#
        ),
        Seen::default()
    );
}

#[test]
fn usage_is_read_in_every_spelling_and_parts_never_exceed_the_whole() {
    let usage = |json: &str| frame(&format!(r#"{{"choices":[],"usage":{json}}}"#)).usage;
    let full = r#"{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,"prompt_tokens_details":{"cached_tokens":60,"cache_write_tokens":10},"completion_tokens_details":{"reasoning_tokens":20}}"#;
    assert_eq!(
        usage(full),
        Some(Usage {
            input: 100,
            output: 50,
            cache_read: 60,
            cache_write: 10,
            reasoning: 20,
            ..Usage::default()
        })
    );
    let deepseek = r#"{"prompt_tokens":10,"completion_tokens":5,"prompt_cache_hit_tokens":4,"prompt_cache_miss_tokens":6}"#;
    assert_eq!(
        usage(deepseek),
        Some(Usage {
            input: 10,
            output: 5,
            cache_read: 4,
            ..Usage::default()
        })
    );
    let excess = r#"{"prompt_tokens":10,"completion_tokens":5,"reasoning_tokens":9,"prompt_tokens_details":null,"cached_tokens":11}"#;
    assert_eq!(
        usage(excess),
        Some(Usage {
            input: 10,
            output: 5,
            cache_read: 10,
            cache_write: 0,
            reasoning: 5,
            ..Usage::default()
        })
    );
    let heard = r#"{"prompt_tokens":100,"completion_tokens":50,"prompt_tokens_details":{"cached_tokens":80,"audio_tokens":30,"cache_write_tokens":10,"cache_write_1h_tokens":99},"completion_tokens_details":{"audio_tokens":40,"reasoning_tokens":20}}"#;
    assert_eq!(
        usage(heard),
        Some(Usage {
            input: 100,
            output: 50,
            cache_read: 80,
            cache_write: 10,
            reasoning: 20,
            cache_write_1h: 10,
            audio_input: 10,
            audio_output: 30,
        })
    );
    assert_eq!(usage("null"), None);
    let groq = frame(
        r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"r","usage":{"prompt_tokens":3,"completion_tokens":4}}}"#,
    );
    assert_eq!(
        groq.usage,
        Some(Usage {
            input: 3,
            output: 4,
            ..Usage::default()
        })
    );
    assert_eq!(groq.finish.as_deref(), Some("stop"));
}

#[test]
fn a_message_beside_the_delta_is_not_counted_again() {
    let cumulative = frame(
        r#"{"object":"chat.completion.chunk","choices":[{"delta":{"content":"c"},"message":{"content":"abc"}}]}"#,
    );
    assert_eq!(cumulative.output_bytes, 1);
    let done = frame(
        r#"{"object":"chat.completion.done","choices":[{"delta":{"content":""},"message":{"content":"abc"},"finish_reason":"stop"}]}"#,
    );
    assert!(done.terminal && !done.content);
}

#[test]
fn the_end_mark_is_terminal_and_blank_data_is_nothing() {
    assert!(frame("[DONE]").terminal);
    assert_eq!(frame(""), Seen::default());
}

#[test]
fn an_error_inside_a_good_stream_is_an_error() {
    let kind = |data: &str| frame(data).error.map(|error| error.kind);
    assert_eq!(
        kind(r#"{"error":{"message":"slow down","type":"tokens","code":"rate_limit_exceeded"}}"#),
        Some(ErrorKind::RateLimited)
    );
    assert_eq!(
        kind(r#"{"error":{"message":"Overloaded","type":"overloaded_error"}}"#),
        Some(ErrorKind::Overloaded)
    );
    assert_eq!(
        kind(
            r#"{"id":"g","choices":[{"delta":{"content":""},"finish_reason":"error"}],"error":{"code":502,"message":"upstream"}}"#
        ),
        Some(ErrorKind::Server)
    );
    assert_eq!(
        kind(r#"{"object":"error","message":"boom","type":"x","code":500}"#),
        Some(ErrorKind::Server)
    );
    assert_eq!(kind("<html>"), Some(ErrorKind::BadResponse));
    assert_eq!(kind(r#"{"choices":[],"error":null}"#), None);
}

#[test]
fn a_whole_reply_is_read_at_once() {
    let body = r#"{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello","refusal":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
    let seen = whole(body);
    assert_eq!(seen, Tap::new(false).frame(body.as_bytes()));
    assert!(seen.content && seen.terminal);
    assert_eq!(
        (seen.output_bytes, seen.finish.as_deref(), seen.error),
        (5, Some("stop"), None)
    );
}

#[test]
fn a_whole_reply_that_is_no_answer_is_an_error() {
    let kind = |body: &str| whole(body).error.map(|error| error.kind);
    assert_eq!(kind(""), Some(ErrorKind::BadResponse));
    assert_eq!(kind("<!doctype html><p>hi"), Some(ErrorKind::BadResponse));
    assert_eq!(kind("{}"), Some(ErrorKind::BadResponse));
    assert_eq!(kind("[1]"), Some(ErrorKind::BadResponse));
    assert_eq!(
        kind(r#"{"error":{"code":429,"message":"slow down"}}"#),
        Some(ErrorKind::RateLimited)
    );
}

#[test]
fn the_model_that_answers_is_told_once_and_nonsense_is_none() {
    let mut tap = Tap::new(true);
    let mut told = |json: &str| tap.frame(json.as_bytes()).model;
    assert_eq!(told(r#"{"choices":[],"model":""}"#), None);
    for nonsense in ["null", "7", "-1", "0.5", "true", "[1]", r#"{"a":1}"#] {
        let chunk = format!(r#"{{"choices":[{{"delta":{{"content":"x"}}}}],"model":{nonsense}}}"#);
        assert_eq!(told(&chunk), None, "{nonsense}");
        assert!(frame(&chunk).content, "{nonsense} costs no content");
    }
    let long = format!(r#"{{"choices":[],"model":"{}"}}"#, "x".repeat(257));
    assert_eq!(told(&long), None);
    assert_eq!(
        told(r#"{"choices":[],"model":"gpt-4o-2024-08-06"}"#).as_deref(),
        Some("gpt-4o-2024-08-06")
    );
    assert_eq!(told(r#"{"choices":[],"model":"gpt-4o-2024-08-06"}"#), None);
    let whole = whole(r#"{"choices":[{"message":{"content":"x"}}],"model":"g\u0070t"}"#);
    assert_eq!(whole.model.as_deref(), Some("gpt"));
}

#[test]
fn an_answer_without_any_choice_and_one_that_ends_with_an_error_are_failures() {
    let whole = |text: &str| Tap::new(false).frame(text.as_bytes());
    let empty = whole(r#"{"object":"chat.completion","model":"m","choices":[]}"#);
    assert!(empty.error.is_some() && !empty.content);
    let failed =
        r#"{"choices":[{"message":{"role":"assistant","content":"so"},"finish_reason":"error"}]}"#;
    assert!(whole(failed).error.is_some());
    let mut stream = Tap::new(true);
    let usage =
        stream.frame(br#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#);
    assert!(usage.error.is_none(), "a chunk need not have one");
    let chunk = br#"{"choices":[{"index":0,"delta":{},"finish_reason":"error"}]}"#;
    assert!(stream.frame(chunk).error.is_some());
}

/// What surrounds the text of a chunk, whatever it is a text of.
const AROUND: [(&str, &str); 6] = [
    (
        r#"{"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"#,
        r#"},"finish_reason":null}]}"#,
    ),
    (
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"#,
        r"}}]}}]}",
    ),
    (
        r#"{"choices":[{"delta":{"reasoning":"abc","reasoning_content":"#,
        r#","content":""}}]}"#,
    ),
    (
        r#"{"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":1},"text":"#,
        "}",
    ),
    (
        r#"{"choices":[{"delta":{"x\"content":"#,
        r#","content":"y"}}]}"#,
    ),
    (r#"{"choices":[{"delta":{"content":"a","content":"#, "}}]}"),
];

proptest! {
    #[test]
    fn a_chunk_tells_the_same_whatever_came_before_it(
        around in 0..AROUND.len(),
        texts in prop::collection::vec("[a-z \\\\\"\n\u{1}\u{e9}\u{2600}/]{0,40}", 1..30),
        change in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let (before, after) = AROUND[around];
        let mut tap = Tap::new(true);
        for (n, text) in texts.iter().enumerate() {
            // As JSON writes it, and as it is.
            let text = if n % 7 == 6 {
                format!("\"{text}\"")
            } else {
                serde_json::to_string(text).expect("text")
            };
            let mut chunk = format!("{before}{text}{after}").into_bytes();
            if let Some((place, byte)) = change.filter(|_| n % 5 == 4) {
                let place = place.index(chunk.len());
                chunk[place] = byte;
            }
            let model = |seen: Seen| Seen { model: None, ..seen };
            let alone = Tap::new(true).frame(&chunk);
            prop_assert_eq!(model(tap.frame(&chunk)), model(alone), "{}", String::from_utf8_lossy(&chunk));
        }
    }
}
