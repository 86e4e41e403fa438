//! More text is read the quick way where nothing else comes, and an event is compared with the one before: neither may be seen
//! in what comes of it, whatever the event is.
#![expect(
    clippy::expect_used,
    clippy::string_slice,
    clippy::indexing_slicing,
    reason = "a test"
)]

use std::fmt::Write as _;

use mux_plugin_exchanges::guest::{Guest, ctx};
use mux_plugin_sdk::{Batch, Decoded, Fault};
use serde_json::Value;
use serde_json::value::RawValue;

/// Events of a stream, each with its name.
type Events = &'static [(&'static str, &'static str)];

struct Stream {
    adapter: &'static str,
    /// More fields of the request.
    asked: &'static str,
    /// How the answer begins.
    opening: Events,
    /// What may come then.
    events: Events,
    /// One that nothing comes of, and that is not text.
    nothing: (&'static str, &'static str),
    /// Where what was counted is told.
    ending: Events,
    /// Whether text changes the state.
    counts: bool,
}

const FOUND: &str = r#","tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}],"messages":[{"role":"user","content":"Hi"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"{}"}]"#;
const PLAIN: &str = r#","messages":[{"role":"user","content":"Hi"}]"#;
const SEARCH: &str = r#","tools":[{"type":"web_search_20250305","name":"web_search"}],"messages":[{"role":"user","content":"Hi"}]"#;

const ANTHROPIC: Stream = Stream {
    adapter: "anthropic",
    asked: PLAIN,
    opening: &[
        (
            "",
            r#"{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"a","content":[],"usage":{"input_tokens":9,"output_tokens":1}}}"#,
        ),
        (
            "",
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        ),
    ],
    events: &[
        (
            "",
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"words number 1 "}}"#,
        ),
        (
            "",
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a \"b\" \\ \u00e9 é"}          }"#,
        ),
        (
            "",
            r#"{ "delta" : { "text" : "x" , "type" : "text_delta" } , "index" : 1 , "type" : "content_block_delta" }"#,
        ),
        (
            "",
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{"}}"#,
        ),
    ],
    nothing: ("", r#"{"type":"ping"}"#),
    ending: &[
        (
            "",
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{"type":"web_search_result_location","url":"https://a.example/","title":"A","cited_text":"it"}}}"#,
        ),
        ("", r#"{"type":"content_block_stop","index":0}"#),
    ],
    counts: false,
};

const STREAMS: &[Stream] = &[
    ANTHROPIC,
    Stream {
        asked: SEARCH,
        counts: true,
        ..ANTHROPIC
    },
    Stream {
        adapter: "bedrock",
        asked: PLAIN,
        opening: &[(
            "contentBlockDelta",
            r#"{"contentBlockIndex":0,"delta":{"text":"So"},"p":"abc"}"#,
        )],
        events: &[
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":0,"delta":{"text":" it is"},"p":"abcdef"}"#,
            ),
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":10,"delta":{"text":"\n\u00e9 é"},"p":""}"#,
            ),
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"why"}},"p":"ab"}"#,
            ),
        ],
        nothing: ("contentBlockDelta", r#"{"contentBlockIndex":0}"#),
        ending: &[
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":0,"delta":{"citation":{"title":"A","location":{"web":{"url":"https://a.example/"}}}}}"#,
            ),
            ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
        ],
        counts: true,
    },
    COHERE,
    Stream {
        asked: FOUND,
        counts: true,
        ..COHERE
    },
    Stream {
        adapter: "gemini",
        asked: PLAIN,
        opening: &[
            (
                "",
                r#"{"candidates":[{"content":{"parts":[{"text":"So"}],"role":"model"},"index":0}],"modelVersion":"g","responseId":"r"}"#,
            ),
            (
                "",
                r#"{"candidates":[{"content":{"parts":[{"text":"Or"}],"role":"model"},"index":1}],"modelVersion":"g","responseId":"r"}"#,
            ),
        ],
        events: &[
            (
                "",
                r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"é"}]},"finishReason":null}],"usageMetadata":{"trafficType":"ON_DEMAND"},"createTime":"2026","responseId":"r"}"#,
            ),
            (
                "",
                r#"{"candidates":[{"content":{"parts":[{"text":" it is"}],"role":"model"},"index":1}],"usageMetadata":{"promptTokenCount":34,"candidatesTokenCount":9,"totalTokenCount":43,"promptTokensDetails":[{"modality":"TEXT","tokenCount":34}]},"modelVersion":"g","responseId":"r"}"#,
            ),
            (
                "",
                r#"{"candidates":[{"content":{"parts":[{"text":"\n"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":34,"candidatesTokenCount":173,"totalTokenCount":207,"promptTokensDetails":[{"modality":"TEXT","tokenCount":34}]},"modelVersion":"g","responseId":"r"}"#,
            ),
        ],
        nothing: ("", "{}"),
        ending: &[],
        counts: false,
    },
    Stream {
        adapter: "mistral",
        asked: PLAIN,
        opening: &[
            (
                "",
                r#"{"id":"m","object":"chat.completion.chunk","created":17,"model":"l","choices":[{"index":0,"delta":{"content":"So"},"finish_reason":null}]}"#,
            ),
            (
                "",
                r#"{"id":"m","object":"chat.completion.chunk","created":17,"model":"l","choices":[{"index":2,"delta":{"content":"Or"},"finish_reason":null}]}"#,
            ),
        ],
        events: &[
            (
                "",
                r#"{"id":"m","object":"chat.completion.chunk","created":17,"model":"l","choices":[{"index":0,"delta":{"content":" it is","tool_calls":null},"message":null,"finish_reason":null}],"usage":null,"p":"abc"}"#,
            ),
            (
                "",
                r#"{"id":"m","object":"chat.completion.chunk","created":1,"model":"l","choices":[{"index":2,"delta":{"content":"\n"},"finish_reason":null}],"p":""}"#,
            ),
            (
                "",
                r#"{"id":"m","model":"l","choices":[{"index":0,"delta":{"content":[{"type":"text","text":"é"}]},"finish_reason":null}]}"#,
            ),
        ],
        nothing: ("", r#"{"choices":[]}"#),
        ending: &[],
        counts: false,
    },
    Stream {
        adapter: "ollama",
        asked: PLAIN,
        opening: &[(
            "",
            r#"{"model":"l","created_at":"2026","message":{"role":"assistant","content":"So"},"done":false}"#,
        )],
        events: &[
            (
                "",
                r#"{"model":"l","created_at":"2026","message":{"role":"assistant","content":" it is"},"done":false}"#,
            ),
            (
                "",
                r#"{"model":"l","created_at":"","message":{"role":"assistant","content":"\u003c é"},"done":false}"#,
            ),
            (
                "",
                r#"{"model":"l","created_at":"2026","message":{"role":"assistant","content":"","thinking":"why"},"done":false}"#,
            ),
        ],
        nothing: ("", "{}"),
        ending: &[],
        counts: false,
    },
];

const COHERE: Stream = Stream {
    adapter: "cohere",
    asked: PLAIN,
    opening: &[
        (
            "",
            r#"{"id":"c-1","type":"message-start","delta":{"message":{"role":"assistant","content":[]}}}"#,
        ),
        (
            "",
            r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}"#,
        ),
        (
            "",
            r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"So"}}}}"#,
        ),
    ],
    events: &[
        (
            "",
            r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":" it is"}}}}"#,
        ),
        (
            "",
            r#"{"delta":{"message":{"content":{"text":"\n\u00e9 é"}}},"index":1,"type":"content-delta"}"#,
        ),
        (
            "",
            r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"why"}}}}"#,
        ),
    ],
    nothing: ("", r#"{"type":"news"}"#),
    ending: &[
        (
            "",
            r#"{"type":"content-start","index":1,"delta":{"message":{"content":{"type":"text"}}}}"#,
        ),
        (
            "",
            r#"{"type":"content-delta","index":1,"delta":{"message":{"content":{"text":"And so"}}}}"#,
        ),
        (
            "",
            r#"{"type":"citation-start","index":0,"delta":{"message":{"citations":{"start":0,"end":2,"text":"So","content_index":0,"sources":[{"type":"tool","id":"c:0","tool_output":{"a":"b"}}]}}}}"#,
        ),
        (
            "",
            r#"{"type":"citation-start","index":1,"delta":{"message":{"citations":{"start":0,"end":3,"text":"And","content_index":1,"sources":[{"type":"tool","id":"c:0","tool_output":{"a":"b"}}]}}}}"#,
        ),
    ],
    counts: false,
};

impl Stream {
    fn guest(&self) -> (Guest, Vec<u8>) {
        let body = format!(r#"{{"model":"@any"{}}}"#, self.asked);
        let guest = Guest::named(self.adapter);
        let opened = (guest.prepare)(&ctx("some", true), body.as_bytes()).expect("a question");
        (guest, opened.state)
    }
}

type Frame<'a> = (&'a str, &'a [u8]);

fn bytes(events: Events) -> Vec<Frame<'static>> {
    let frame = |(name, event): &(&'static str, &'static str)| (*name, event.as_bytes());
    events.iter().map(frame).collect()
}

fn decode(guest: &Guest, state: &[u8], frames: &[Frame<'_>]) -> Result<Decoded, Fault> {
    let batch = Batch::pack(frames.iter().copied(), false);
    (guest.decode)("chat", state, &batch)
}

/// What comes of frames, so many at once, and the state then.
fn told(guest: &Guest, state: &[u8], frames: &[Frame<'_>], size: usize) -> (String, Vec<u8>) {
    let (mut state, mut told, mut usage) = (state.to_vec(), String::new(), None);
    for frames in frames.chunks(size) {
        match decode(guest, &state, frames) {
            Ok(decoded) => {
                told.push_str(&String::from_utf8_lossy(&decoded.chunks));
                usage = decoded.usage.or(usage);
                state = decoded.state.unwrap_or(state);
                if let Some(error) = decoded.error {
                    write!(told, "{error:?}").expect("room");
                    break;
                }
            }
            Err(fault) => {
                // Whoever breaks in the middle has told what came before, if it came by itself.
                told = format!("{fault:?}");
                break;
            }
        }
    }
    write!(told, "{usage:?}").expect("room");
    (told, state)
}

/// The event with a byte changed, with one more, and with one less, at every place.
fn misprinted(event: &str) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for at in 0..=event.len() {
        let (start, rest) = event.as_bytes().split_at(at);
        let after = rest.get(1..).unwrap_or_default();
        all.push([start, after].concat());
        for byte in *b"\"\\{}[]:, x0\0\xff" {
            all.push([start, &[byte], rest].concat());
            all.push([start, &[byte], after].concat());
        }
    }
    all
}

/// The event with each of its fields twice, without it, and with values of other types.
fn reworded(event: &str) -> Vec<Vec<u8>> {
    let mut all = vec![event.as_bytes().to_vec()];
    for (colon, _) in event.match_indices(':') {
        let Some(start) = event[..colon].trim_end().strip_suffix('"') else {
            continue;
        };
        let start = start.rfind('"').expect("a name");
        let value = &event[colon + 1..];
        let mut values = serde_json::Deserializer::from_str(value).into_iter::<Box<RawValue>>();
        if !matches!(values.next(), Some(Ok(_))) {
            continue;
        }
        let end = colon + 1 + values.byte_offset();
        let (before, after) = (&event[..start], &event[end..]);
        let (name, field) = (&event[start..=colon], &event[start..end]);
        all.push(format!("{before}{field},{field}{after}").into_bytes());
        all.push(format!("{before}{name}null,{field}{after}").into_bytes());
        all.push(format!("{before}{name}null,{name}null{after}").into_bytes());
        for other in [
            "null",
            "true",
            "7",
            "-1",
            "1.5",
            "\"x\"",
            "\"\\ud800\"",
            "[]",
            "{}",
            "[{}]",
            "1e400",
        ] {
            all.push(format!("{before}{name}{other}{after}").into_bytes());
        }
        let less = format!("{before}{after}").replace("{,", "{");
        all.push(less.replace(",}", "}").replace(",,", ",").into_bytes());
    }
    all
}

#[test]
fn an_event_is_what_it_is_whatever_comes_before_and_beside_it() {
    for stream in STREAMS {
        let (guest, state) = stream.guest();
        let (_, state) = told(&guest, &state, &bytes(stream.opening), 1);
        let nothing = (stream.nothing.0, stream.nothing.1.as_bytes());
        for (name, event) in stream.events {
            for changed in misprinted(event).iter().chain(&reworded(event)) {
                let frames = [(*name, changed.as_slice()), nothing];
                // With something else in the batch, all of it is taken apart.
                let in_full = told(&guest, &state, &frames, 2);
                for before in bytes(stream.events) {
                    told(&guest, &state, &[before], 1);
                    let (adapter, shown) = (stream.adapter, String::from_utf8_lossy(changed));
                    let by_itself = told(&guest, &state, &frames, 1);
                    assert_eq!(by_itself, in_full, "{adapter}: {shown}");
                }
            }
        }
    }
}

#[test]
fn text_that_changes_nothing_leaves_the_state_as_it_was() {
    for stream in STREAMS {
        let (guest, state) = stream.guest();
        let (_, state) = told(&guest, &state, &bytes(stream.opening), 1);
        let decoded = decode(&guest, &state, &bytes(&stream.events[..1])).expect("an event");
        assert_eq!(
            decoded.state.is_none(),
            !stream.counts,
            "{}",
            stream.adapter
        );
    }
}

#[test]
fn what_a_batch_says_does_not_depend_on_where_it_was_cut() {
    for stream in STREAMS {
        let (guest, state) = stream.guest();
        let parts = [stream.opening, stream.events, stream.ending];
        let all: Vec<_> = parts.into_iter().flat_map(bytes).collect();
        let together = told(&guest, &state, &all, all.len());
        for size in 1..all.len() {
            let (adapter, told) = (stream.adapter, told(&guest, &state, &all, size));
            assert_eq!(told, together, "{adapter}, {size} at once");
        }
    }
}

/// The places of citations in what was told.
fn spans(told: &str) -> Vec<(Value, Value)> {
    let chunks = told
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let annotations = chunks.filter_map(|chunk: Value| {
        let all = chunk["choices"][0]["delta"]["annotations"].as_array()?;
        Some(all.clone())
    });
    let source = |annotation: Value| {
        let kind = annotation["type"].as_str().expect("a kind").to_owned();
        let source = &annotation[kind];
        (source["start_index"].clone(), source["end_index"].clone())
    };
    annotations.flatten().map(source).collect()
}

#[test]
fn citations_stand_where_they_belong_after_text_that_was_not_taken_apart() {
    for stream in STREAMS.iter().filter(|stream| !stream.ending.is_empty()) {
        let (guest, state) = stream.guest();
        let text = &stream.events[..1];
        let all = [stream.opening, text, text, stream.ending];
        let all: Vec<_> = all.into_iter().flat_map(bytes).collect();
        let found = spans(&told(&guest, &state, &all, 1).0);
        let places: &[(u64, u64)] = match (stream.adapter, stream.counts) {
            ("anthropic", true) => &[(0, 30)],
            ("bedrock", true) => &[(0, 14)],
            ("cohere", true) => &[(0, 2), (14, 17)],
            // Where nobody counts, only the place of the first text is known.
            ("cohere", false) => &[(0, 2)],
            _ => &[],
        };
        let known = found.iter().filter(|(start, _)| !start.is_null());
        let known: Vec<_> = known
            .map(|(start, end)| (start.as_u64(), end.as_u64()))
            .collect();
        let places: Vec<_> = places
            .iter()
            .map(|(start, end)| (Some(*start), Some(*end)))
            .collect();
        assert_eq!(known, places, "{}", stream.adapter);
        assert!(!found.is_empty(), "{}", stream.adapter);
    }
}
