//! What a provider adapter costs: a plan without a call, a plan the component makes, frames it translates, and its load.
//! Beside each the same adapter linked natively: that is what the sandbox costs.
#![expect(
    clippy::expect_used,
    reason = "a bench that cannot set itself up should fail loudly"
)]

use bytes::Bytes;
use criterion::{BatchSize, Criterion};
use mux_plugin_exchanges::guest::{Guest, ctx};
use mux_plugin_sdk::Batch;
use mux_plugins::{Adapter, Cache, Call, Host, Limits, Output, Part, Plan, Reply, dist, embedded};
use mux_wire::Dialect;
use mux_wire::chat::{ChatRequest, scan};
use mux_wire::tap::Tap;
use serde_json::json;
use std::hint::black_box;
use std::sync::Arc;

/// How a stream of a provider begins, and how it goes on with a few words in each event.
struct Stream {
    kind: &'static str,
    start: &'static str,
    event: fn(usize) -> String,
}

const STREAMS: [Stream; 4] = [
    // It reads nothing: what its frames take is what the border takes.
    Stream {
        kind: "floor",
        start: "data: 0\n\n",
        event: |n| format!("data: {{\"text\":\"words number {n} \"}}\n\n"),
    },
    Stream {
        kind: "anthropic",
        start: ANTHROPIC,
        event: |n| {
            format!(
                "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\
                 \"delta\":{{\"type\":\"text_delta\",\"text\":\"words number {n} \"}}}}\n\n"
            )
        },
    },
    Stream {
        kind: "gemini",
        start: "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"first \"}],\"role\":\"model\"},\"index\":0}],\
                \"usageMetadata\":{\"promptTokenCount\":900,\"totalTokenCount\":900},\
                \"modelVersion\":\"gemini-2.5-flash\",\"responseId\":\"r-1\"}\n\n",
        event: |n| {
            format!(
                "data: {{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":\"words number {n} \"}}],\"role\":\"model\"}},\
                 \"index\":0}}],\"usageMetadata\":{{\"promptTokenCount\":900,\"candidatesTokenCount\":{n},\"totalTokenCount\":{},\
                 \"promptTokensDetails\":[{{\"modality\":\"TEXT\",\"tokenCount\":900}}]}},\
                 \"modelVersion\":\"gemini-2.5-flash\",\"responseId\":\"r-1\"}}\n\n",
                900 + n
            )
        },
    },
    Stream {
        kind: "mistral",
        start: "data: {\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"mistral-small\",\
                \"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"first \"},\"finish_reason\":null}]}\n\n",
        event: |n| {
            format!(
                "data: {{\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"mistral-small\",\
                 \"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"words number {n} \"}},\"finish_reason\":null}}]}}\n\n"
            )
        },
    },
];

const ANTHROPIC: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\
                     \"role\":\"assistant\",\"model\":\"claude-haiku-4-5\",\"content\":[],\"stop_reason\":null,\
                     \"usage\":{\"input_tokens\":900,\"output_tokens\":1}}}\n\n\
                     event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\
                     \"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";

/// Events of a stream before those that are timed.
const UNDER_WAY: usize = 4;

fn shipped(name: &str) -> &'static [u8] {
    if name == "floor" {
        return dist::floor();
    }
    let mut all = embedded().iter();
    let (_, bytes) = all.find(|(id, _)| *id == name).expect("it is shipped");
    bytes
}

fn adapter(host: &Arc<Host>, name: &str) -> Adapter {
    let plugin = host.load(name, shipped(name)).expect("it loads");
    plugin.adapter("{}", None).expect("it needs no settings")
}

/// A conversation of so many turns, 13 of 4 KiB, and what mux knows of it.
fn conversation(turns: usize) -> (Bytes, ChatRequest) {
    let turn = "How does one keep a service up when those it depends on are not? ".repeat(4);
    let messages: Vec<_> = (0..turns)
        .map(|n| json!({ "role": if n % 2 == 0 { "user" } else { "assistant" }, "content": turn }))
        .collect();
    let body = json!({ "model": "@chat", "stream": true, "max_tokens": 500, "messages": messages });
    let body = Bytes::from(body.to_string());
    let chat = scan(&body).expect("a chat request");
    (body, chat)
}

/// A request that says as little as can be.
fn little() -> (Bytes, ChatRequest) {
    let body = Bytes::from_static(
        br#"{"model":"@chat","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}"#,
    );
    let chat = scan(&body).expect("a chat request");
    (body, chat)
}

fn call<'a>(body: &'a Bytes, chat: &ChatRequest) -> Call<'a> {
    Call {
        operation: "chat",
        dialect: "openai-chat",
        model: "some-model",
        model_span: chat.model_span.clone(),
        stream: true,
        attempt: 1,
        now_unix_ms: 1_767_614_400_000,
        request_id: "01JABCDEFGH",
        body,
    }
}

/// So many events in one piece.
fn events(stream: &Stream, count: usize) -> Bytes {
    Bytes::from((0..count).map(stream.event).collect::<String>())
}

/// A reply that is under way: what was read once is known by now.
fn begun(adapter: &Adapter, plan: &Plan, stream: &Stream) -> (Reply, Output) {
    let mut reply = adapter.reply(plan);
    let mut out = Output::default();
    let start = Bytes::from_static(stream.start.as_bytes());
    reply.push(start, &mut out).expect("a good start");
    for n in 0..UNDER_WAY {
        out.clear();
        let event = Bytes::from((stream.event)(n));
        reply.push(event, &mut out).expect("a good event");
    }
    out.clear();
    (reply, out)
}

/// The translating adapters, each at what its model is called.
const MODELS: [(&str, &str); 3] = [
    ("anthropic", "claude-haiku-4-5"),
    ("gemini", "gemini-2.5-flash"),
    ("mistral", "mistral-small"),
];

/// Turns of a conversation of 4 KiB, and of 64.
const LENGTHS: [(&str, usize); 2] = [("4 KiB", 13), ("64 KiB", 231)];

fn planning(criterion: &mut Criterion, host: &Arc<Host>, openai: &Adapter) {
    let mut group = criterion.benchmark_group("plan");
    for (length, turns) in LENGTHS {
        let (body, chat) = conversation(turns);
        let call = call(&body, &chat);
        group.bench_function(format!("openai, {length}, no call"), |bench| {
            bench.iter(|| openai.plan(black_box(&call)).expect("a plan"));
        });
        let floor = adapter(host, "floor");
        group.bench_function(format!("floor, {length}"), |bench| {
            bench.iter(|| floor.plan(black_box(&call)).expect("a plan"));
        });
        for (kind, model) in MODELS {
            let adapter = adapter(host, kind);
            group.bench_function(format!("{kind}, {length} translated"), |bench| {
                bench.iter(|| adapter.plan(black_box(&call)).expect("a plan"));
            });
            let (native, ctx) = (Guest::named(kind), ctx(model, true));
            group.bench_function(format!("{kind}, {length} translated natively"), |bench| {
                bench.iter(|| (native.prepare)(black_box(&ctx), &body).expect("a plan"));
            });
        }
    }
    group.finish();
}

/// A reply that is read by an adapter linked natively, and for the rest as the host reads one.
struct Twin<'a> {
    native: &'a Guest,
    state: Vec<u8>,
}

impl<'a> Twin<'a> {
    /// One that is under way.
    fn begun(native: &'a Guest, model: &str, body: &Bytes, stream: &Stream) -> (Self, Tap, Output) {
        let plan = (native.prepare)(&ctx(model, true), body).expect("a plan");
        let state = plan.state;
        let (mut twin, mut tap) = (Self { native, state }, Tap::new(Dialect::Chat, true));
        let mut out = Output::default();
        let start = Bytes::from_static(stream.start.as_bytes());
        let events = (0..UNDER_WAY).map(|n| Bytes::from((stream.event)(n)));
        for bytes in std::iter::once(start).chain(events) {
            out.clear();
            twin.push(&bytes, &mut tap, &mut out);
        }
        out.clear();
        (twin, tap, out)
    }

    fn push(&mut self, chunk: &Bytes, tap: &mut Tap, out: &mut Output) {
        let text = std::str::from_utf8(chunk).expect("text");
        let events = text.split_terminator("\n\n").map(|event| {
            let event = event.strip_prefix("event: ").unwrap_or(event);
            let (name, data) = event.split_once('\n').unwrap_or(("", event));
            (name, data.strip_prefix("data: ").expect("data").as_bytes())
        });
        let batch = Batch::pack(events, false);
        let decoded = (self.native.decode)("chat", &self.state, &batch).expect("good events");
        self.state = decoded.state.unwrap_or(std::mem::take(&mut self.state));
        let made = Bytes::from(decoded.chunks);
        std::str::from_utf8(&made).expect("text");
        for line in made
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            out.content |= tap.frame(line).content;
            out.parts.push(Part::Chunk(made.slice_ref(line)));
        }
    }
}

fn reading(criterion: &mut Criterion, host: &Arc<Host>, openai: &Adapter) {
    let (body, chat) = conversation(13);
    let call = call(&body, &chat);
    let mut group = criterion.benchmark_group("decode");
    for stream in &STREAMS {
        let adapter = adapter(host, stream.kind);
        let plan = adapter.plan(&call).expect("a plan");
        for count in [1, 16] {
            let (mut reply, mut out) = begun(&adapter, &plan, stream);
            let pushed = reply.push(events(stream, count), &mut out);
            pushed.expect("good events");
            let chunks = out.parts.iter();
            let chunks = chunks.filter(|part| matches!(part, Part::Chunk(_)));
            assert_eq!(chunks.count(), count, "one chunk for each event");
            group.bench_function(format!("{}, frames: {count}", stream.kind), |bench| {
                bench.iter_batched(
                    || (begun(&adapter, &plan, stream), events(stream, count)),
                    |((mut reply, mut out), bytes)| {
                        reply.push(bytes, &mut out).expect("good events");
                        (reply, out)
                    },
                    BatchSize::SmallInput,
                );
            });
        }
        // 500 frames of a chat, as they come one by one, and as a quick model sends them.
        for each in [1, 16] {
            group.bench_function(format!("{}, 500 frames, by {each}", stream.kind), |bench| {
                bench.iter_batched(
                    || {
                        let pieces: Vec<_> =
                            (0..500 / each).map(|_| events(stream, each)).collect();
                        (begun(&adapter, &plan, stream), pieces)
                    },
                    |((mut reply, mut out), pieces)| {
                        for bytes in pieces {
                            out.clear();
                            reply.push(bytes, &mut out).expect("good events");
                        }
                        (reply, out)
                    },
                    BatchSize::SmallInput,
                );
            });
        }
        let known = MODELS.iter().find(|(kind, _)| *kind == stream.kind);
        if let Some((kind, model)) = known {
            let native = Guest::named(kind);
            for count in [1, 16] {
                group.bench_function(format!("{kind} natively, frames: {count}"), |bench| {
                    bench.iter_batched(
                        || {
                            let begun = Twin::begun(&native, model, &body, stream);
                            (begun, events(stream, count))
                        },
                        |((mut twin, mut tap, mut out), bytes)| {
                            twin.push(&bytes, &mut tap, &mut out);
                            (twin.state, tap, out)
                        },
                        BatchSize::SmallInput,
                    );
                });
            }
        }
    }
    let plan = openai.plan(&call).expect("a plan");
    let frame = Bytes::from_static(
        b"data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"words number 1 \"}}]}\n\n",
    );
    group.bench_function("openai, a frame passed on", |bench| {
        bench.iter_batched(
            || (openai.reply(&plan), Output::default(), frame.clone()),
            |(mut reply, mut out, bytes)| {
                reply.push(bytes, &mut out).expect("a good event");
                (reply, out)
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// What an instance costs, settings included: the same plan with one that is kept, and with one for each call. Their difference
/// is what making one, asking it about its settings and giving it back takes.
fn instantiating(criterion: &mut Criterion, warm: &Adapter) {
    let (body, chat) = little();
    let call = call(&body, &chat);
    let limits = Limits {
        calls: 1,
        ..Limits::default()
    };
    let fresh = adapter(&Host::new(limits).expect("plugins run here"), "anthropic");
    let mut group = criterion.benchmark_group("instance");
    for (name, adapter) in [("kept", warm), ("one for each call", &fresh)] {
        group.bench_function(name, |bench| {
            bench.iter(|| adapter.plan(black_box(&call)).expect("a plan"));
        });
    }
    group.finish();
}

/// A start that finds the code it compiled before: read, proven, linked, introduced and vetted.
fn loading(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = Cache::open(folder.path()).expect("a cache");
    let host = Host::with_cache(Limits::default(), cache).expect("plugins run here");
    let mut group = criterion.benchmark_group("load");
    for name in ["openai", "anthropic"] {
        let load = || host.load(name, shipped(name)).expect("it loads");
        assert!(!load().is_from_cache() && load().is_from_cache());
        group.bench_function(format!("{name}, compiled before"), |bench| {
            bench.iter_with_large_drop(load);
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let host = Host::new(Limits::default()).expect("plugins run here");
    let openai = adapter(&host, "openai");
    planning(&mut criterion, &host, &openai);
    reading(&mut criterion, &host, &openai);
    instantiating(&mut criterion, &adapter(&host, "anthropic"));
    loading(&mut criterion);
    criterion.final_summary();
}
