//! What a provider adapter costs: a plan without a call, a plan the component makes, frames it translates, and its load.
#![expect(
    clippy::expect_used,
    reason = "a bench that cannot set itself up should fail loudly"
)]

use bytes::Bytes;
use criterion::{BatchSize, Criterion};
use mux_plugins::{Adapter, Cache, Call, Host, Limits, Output, Part, Plan, Reply, embedded};
use mux_wire::chat::{ChatRequest, scan};
use serde_json::json;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\
                     \"role\":\"assistant\",\"model\":\"claude-haiku-4-5\",\"content\":[],\"stop_reason\":null,\
                     \"usage\":{\"input_tokens\":900,\"output_tokens\":1}}}\n\n\
                     event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\
                     \"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";

fn shipped(name: &str) -> &'static [u8] {
    let mut all = embedded().iter();
    let (_, bytes) = all.find(|(id, _)| *id == name).expect("it is shipped");
    bytes
}

fn adapter(host: &Arc<Host>, name: &str) -> Adapter {
    let plugin = host.load(name, shipped(name)).expect("it loads");
    plugin.adapter("{}", None).expect("it needs no settings")
}

/// A conversation of 4 KiB, and what mux knows of it.
fn conversation() -> (Bytes, ChatRequest) {
    let turn = "How does one keep a service up when those it depends on are not? ".repeat(4);
    let messages: Vec<_> = (0..13)
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

/// So many events with a few words each, as they come from Anthropic.
fn events(count: usize) -> Bytes {
    let mut text = String::new();
    for n in 0..count {
        write!(
            text,
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\
             \"delta\":{{\"type\":\"text_delta\",\"text\":\"words number {n} \"}}}}\n\n"
        )
        .expect("text grows");
    }
    Bytes::from(text)
}

/// A reply whose first events were read.
fn begun(adapter: &Adapter, plan: &Plan) -> (Reply, Output) {
    let mut reply = adapter.reply(plan);
    let mut out = Output::default();
    reply
        .push(Bytes::from_static(START.as_bytes()), &mut out)
        .expect("a good start");
    out.clear();
    (reply, out)
}

fn planning(criterion: &mut Criterion, openai: &Adapter, anthropic: &Adapter) {
    let (body, chat) = conversation();
    let call = call(&body, &chat);
    let mut group = criterion.benchmark_group("plan");
    for (name, adapter) in [
        ("openai, no call", openai),
        ("anthropic, 4 KiB translated", anthropic),
    ] {
        group.bench_function(name, |bench| {
            bench.iter(|| adapter.plan(black_box(&call)).expect("a plan"));
        });
    }
    group.finish();
}

fn reading(criterion: &mut Criterion, openai: &Adapter, anthropic: &Adapter) {
    let (body, chat) = conversation();
    let call = call(&body, &chat);
    let plan = anthropic.plan(&call).expect("a plan");
    let mut group = criterion.benchmark_group("decode");
    for count in [1, 16] {
        let (mut reply, mut out) = begun(anthropic, &plan);
        reply.push(events(count), &mut out).expect("good events");
        let chunks = out
            .parts
            .iter()
            .filter(|part| matches!(part, Part::Chunk(_)));
        assert_eq!(chunks.count(), count, "one chunk for each event");
        group.bench_function(format!("anthropic, frames: {count}"), |bench| {
            bench.iter_batched(
                || (begun(anthropic, &plan), events(count)),
                |((mut reply, mut out), bytes)| {
                    reply.push(bytes, &mut out).expect("good events");
                    (reply, out)
                },
                BatchSize::SmallInput,
            );
        });
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

/// What an instance costs, settings included: the same plan with one that is kept, and with one for each call.
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
            bench.iter(load);
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let host = Host::new(Limits::default()).expect("plugins run here");
    let (openai, anthropic) = (adapter(&host, "openai"), adapter(&host, "anthropic"));
    planning(&mut criterion, &openai, &anthropic);
    reading(&mut criterion, &openai, &anthropic);
    instantiating(&mut criterion, &anthropic);
    loading(&mut criterion);
    criterion.final_summary();
}
