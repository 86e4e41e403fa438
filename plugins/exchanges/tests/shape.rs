//! An event is read the same whatever event was read before it, down to the byte: adapters compare it with that one first.

use mux_plugin_exchanges::guest::{Guest, ctx};
use mux_plugin_sdk::Batch;

/// The adapter, the name its events have, and such events: the first ones begin the answer, the others may follow it.
type Stream = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const STREAMS: &[Stream] = &[
    (
        "anthropic",
        "",
        &[
            r#"{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"a","content":[],"usage":{"input_tokens":9,"output_tokens":1}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        ],
        &[
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"words number 1 "}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a \"b\" \\ \u00e9 é"}          }"#,
            r#"{ "delta" : { "text" : "x" , "type" : "text_delta" } , "index" : 1 , "type" : "content_block_delta" }"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{"}}"#,
        ],
    ),
    (
        "bedrock",
        "contentBlockDelta",
        &[r#"{"contentBlockIndex":0,"delta":{"text":"So"},"p":"abc"}"#],
        &[
            r#"{"contentBlockIndex":0,"delta":{"text":" it is"},"p":"abcdef"}"#,
            r#"{"contentBlockIndex":10,"delta":{"text":"\n\u00e9 é"},"p":""}"#,
            r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"why"}},"p":"ab"}"#,
        ],
    ),
    (
        "cohere",
        "",
        &[
            r#"{"id":"c-1","type":"message-start","delta":{"message":{"role":"assistant","content":[]}}}"#,
            r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}"#,
            r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"So"}}}}"#,
        ],
        &[
            r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":" it is"}}}}"#,
            r#"{"delta":{"message":{"content":{"text":"\n\u00e9 é"}}},"index":1,"type":"content-delta"}"#,
            r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"why"}}}}"#,
        ],
    ),
    (
        "gemini",
        "",
        &[
            r#"{"candidates":[{"content":{"parts":[{"text":"So"}],"role":"model"},"index":0}],"modelVersion":"g","responseId":"r"}"#,
        ],
        &[
            r#"{"candidates":[{"content":{"parts":[{"text":" it is"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":34,"candidatesTokenCount":9,"totalTokenCount":43,"promptTokensDetails":[{"modality":"TEXT","tokenCount":34}]},"modelVersion":"g","responseId":"r"}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":"\n"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":34,"candidatesTokenCount":173,"totalTokenCount":207,"promptTokensDetails":[{"modality":"TEXT","tokenCount":34}]},"modelVersion":"g","responseId":"r"}"#,
            r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"é"}]}}],"usageMetadata":{"trafficType":"ON_DEMAND"},"createTime":"2026","responseId":"r"}"#,
        ],
    ),
    (
        "mistral",
        "",
        &[
            r#"{"id":"m","object":"chat.completion.chunk","created":17,"model":"l","choices":[{"index":0,"delta":{"content":"So"},"finish_reason":null}]}"#,
        ],
        &[
            r#"{"id":"m","object":"chat.completion.chunk","created":17,"model":"l","choices":[{"index":0,"delta":{"content":" it is"},"finish_reason":null}],"p":"abc"}"#,
            r#"{"id":"m","object":"chat.completion.chunk","created":1,"model":"l","choices":[{"index":0,"delta":{"content":"\n"},"finish_reason":null}],"p":""}"#,
            r#"{"id":"m","model":"l","choices":[{"index":0,"delta":{"content":[{"type":"text","text":"é"}]},"finish_reason":null}]}"#,
        ],
    ),
    (
        "ollama",
        "",
        &[
            r#"{"model":"l","created_at":"2026","message":{"role":"assistant","content":"So"},"done":false}"#,
        ],
        &[
            r#"{"model":"l","created_at":"2026","message":{"role":"assistant","content":" it is"},"done":false}"#,
            r#"{"model":"l","created_at":"","message":{"role":"assistant","content":"\u003c é"},"done":false}"#,
            r#"{"model":"l","created_at":"2026","message":{"role":"assistant","content":"","thinking":"why"},"done":false}"#,
        ],
    ),
];

/// The event with a byte changed, with one more, and with one less, at every place.
fn changed(event: &str) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for at in 0..=event.len() {
        let (start, rest) = event.as_bytes().split_at(at);
        let after = rest.get(1..).unwrap_or_default();
        all.push([start, after].concat());
        for byte in *b"\"\\,0\xff" {
            all.push([start, &[byte], rest].concat());
            all.push([start, &[byte], after].concat());
        }
    }
    all
}

#[test]
fn an_event_is_what_it_is_whatever_event_came_before() {
    for (adapter, name, opening, events) in STREAMS {
        let body = br#"{"model":"@any","messages":[{"role":"user","content":"Hi"}]}"#;
        let guest = Guest::named(adapter);
        let opened = (guest.prepare)(&ctx("some", true), body).expect("a plain question");
        let decode = |state: &[u8], event: &[u8]| {
            (guest.decode)("chat", state, &Batch::pack([(*name, event)], false))
        };
        let state = opening.iter().fold(opened.state, |state, event| {
            let decoded = decode(&state, event.as_bytes()).expect("an event");
            decoded.state.unwrap_or(state)
        });
        let told = |event: &[u8]| format!("{:?}", decode(&state, event));
        let check = |event: &[u8]| {
            // Nothing came before in a thread of its own.
            let alone = told(event);
            for before in *events {
                told(before.as_bytes());
                let shown = String::from_utf8_lossy(event);
                assert_eq!(told(event), alone, "{adapter}: {shown} after {before}");
            }
        };
        for event in events.iter().flat_map(|event| changed(event)) {
            std::thread::scope(|scope| {
                scope.spawn(|| check(&event));
            });
        }
    }
}

#[test]
fn what_a_batch_says_does_not_depend_on_where_it_was_cut() {
    for (adapter, name, opening, events) in STREAMS {
        let body = br#"{"model":"@any","messages":[{"role":"user","content":"Hi"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"{}"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}]}"#;
        let guest = Guest::named(adapter);
        let opened = (guest.prepare)(&ctx("some", true), body).expect("what a tool found");
        let all: Vec<(&str, &[u8])> = opening
            .iter()
            .chain(*events)
            .map(|event| (*name, event.as_bytes()))
            .collect();
        let fold = |size: usize| {
            let (mut state, mut chunks, mut usage) = (opened.state.clone(), Vec::new(), None);
            for frames in all.chunks(size) {
                let batch = Batch::pack(frames.iter().copied(), false);
                let decoded = (guest.decode)("chat", &state, &batch).expect("events");
                state = decoded.state.unwrap_or(state);
                chunks.extend(decoded.chunks);
                usage = decoded.usage.or(usage);
            }
            (state, String::from_utf8(chunks).expect("text"), usage)
        };
        let together = fold(all.len());
        for size in 1..all.len() {
            assert_eq!(fold(size), together, "{adapter}, {size} at once");
        }
    }
}
