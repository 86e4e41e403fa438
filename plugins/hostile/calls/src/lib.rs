//! A plugin that misbehaves on demand: the model's name says how. For the host's tests.

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use mux_plugin_sdk::{
    Adapter, AuthScheme, Batch, BodyNeed, BodyPlan, DecodeMode, Decoded, Fault, Finish, Framing,
    Header, Manifest, Method, Operation, ReplyPlan, RequestCtx, RequestPlan, ResponseHead,
    Upstream, UpstreamError,
};

mod wasi;

/// What one must not have: a memory of earlier calls.
static CALLS: AtomicUsize = AtomicUsize::new(0);

/// It keeps to the interface and to nothing else.
#[derive(Debug)]
pub struct Hostile;

impl Adapter for Hostile {
    fn describe() -> Manifest {
        Manifest {
            id: String::from("hostile"),
            version: String::from("0.0.1"),
            display_name: String::from("Hostile"),
            operations: vec![Operation {
                name: String::from("chat"),
                dialects: vec![String::from("openai-chat")],
                fixed: None,
                body: BodyNeed::Full,
            }],
            upstreams: vec![Upstream {
                id: String::from("api"),
                base_url: String::from("https://hostile.example"),
                paths: vec![String::from("/chat")],
            }],
            auth: vec![AuthScheme::Bearer],
            config_schema: String::from(r#"{"properties":{"token":{"secret":true}}}"#),
            ..Manifest::default()
        }
    }

    fn configure(settings: &[u8]) -> Result<Self, String> {
        let text = String::from_utf8_lossy(settings);
        if text.contains("token") {
            return Err(String::from("it was shown a secret"));
        }
        if text.contains("refuse") {
            return Err(String::from("it does not like `refuse`"));
        }
        Ok(Self)
    }

    fn prepare(&self, ctx: &RequestCtx, _body: &[u8]) -> Result<RequestPlan, Fault> {
        let mut plan = plan(&ctx.model);
        match ctx.model.as_str() {
            "path" => plan.path = String::from("/admin"),
            "dots" => plan.path = String::from("/chat/../admin"),
            "upstream" => plan.upstream = String::from("elsewhere"),
            "header" => plan
                .headers
                .push(Header::new("authorization", "Bearer mine")),
            "smuggle" => plan.headers.push(Header::new("x-a", "b\r\nhost: evil")),
            "state" => plan.state = vec![b'x'; 17 << 10],
            "warnings" => plan.warnings = vec!["a\r\nhost: evil ".repeat(20); 99],
            "splices" => {
                plan.body = BodyPlan::Splices(vec![mux_plugin_sdk::Splice {
                    at: u32::MAX,
                    remove: 1,
                    insert: Vec::new(),
                }]);
            }
            "body" => plan.body = BodyPlan::Replace(vec![b'x'; 8 << 20]),
            other => misbehave(other),
        }
        Ok(plan)
    }

    fn decode(&self, _operation: &str, state: &[u8], batch: &Batch) -> Result<Decoded, Fault> {
        let state = String::from_utf8_lossy(state);
        let Some(how) = state.strip_prefix("decode-") else {
            return Ok(echo(&state, batch));
        };
        let mut decoded = echo(how, batch);
        match how {
            "state" => decoded.state = Some(vec![b'x'; 17 << 10]),
            "chunks" => decoded.chunks = vec![b'x'; 2 << 20],
            "text" => decoded.chunks = b"hello\n".to_vec(),
            "bytes" => decoded.chunks = b"{\"a\":\"\xff\"}\n".to_vec(),
            "control" => decoded.chunks = b"{\"a\":\x01}\n".to_vec(),
            "tally" => decoded.chunks = numbered(CALLS.fetch_add(1, Ordering::Relaxed)),
            "lump" => decoded.chunks = numbered(batch.len()),
            other => misbehave(other),
        }
        Ok(decoded)
    }

    fn map_error(&self, head: &ResponseHead, _body: &[u8]) -> UpstreamError {
        if head.status == 418 {
            misbehave("loop");
        }
        UpstreamError::by_status(head.status, "as it says")
    }
}

fn plan(model: &str) -> RequestPlan {
    RequestPlan {
        upstream: String::from("api"),
        method: Method::Post,
        path: String::from("/chat"),
        headers: Vec::new(),
        body: BodyPlan::Passthrough,
        reply: ReplyPlan {
            framing: Framing::Sse,
            mode: DecodeMode::Frames,
        },
        state: model.as_bytes().to_vec(),
        warnings: Vec::new(),
    }
}

/// One chunk a frame, and the end with the end.
fn echo(state: &str, batch: &Batch) -> Decoded {
    let chunk =
        br#"{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"x"}}]}"#;
    let mut chunks = Vec::new();
    for _ in batch.frames() {
        chunks.extend_from_slice(chunk);
        chunks.push(b'\n');
    }
    Decoded {
        state: Some(state.as_bytes().to_vec()),
        chunks,
        finish: batch.is_last().then_some(Finish::Stop),
        ..Decoded::default()
    }
}

/// One chunk, whatever the frames.
fn numbered(number: usize) -> Vec<u8> {
    format!(
        "{{\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{number}\"}}}}]}}\n"
    )
    .into_bytes()
}

fn misbehave(how: &str) {
    match how {
        "loop" => {
            let mut turns = 0_u64;
            while black_box(true) {
                turns = black_box(turns.wrapping_add(1));
            }
        }
        "fill" => {
            let mut block = vec![0_u8; 1 << 20];
            while black_box(true) {
                let last = block.last().copied().unwrap_or_default();
                black_box(&mut block).fill(last.wrapping_add(1));
            }
        }
        "memory" => {
            let mut hoard: Vec<Vec<u8>> = Vec::new();
            while black_box(true) {
                hoard.push(black_box(vec![1; 1 << 20]));
            }
        }
        "recursion" => {
            black_box(descend(1));
        }
        #[expect(clippy::panic, reason = "that is what it is for")]
        "trap" => panic!("on demand"),
        "wasi" => wasi::call(),
        _ => {}
    }
}

#[expect(unconditional_recursion, reason = "that is what it is for")]
fn descend(depth: u64) -> u64 {
    black_box(descend(black_box(depth + 1)) + depth)
}

mux_plugin_sdk::export!(Hostile);
