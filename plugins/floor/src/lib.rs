//! An adapter that reads nothing: it sends the client's bytes on as a copy, and says the same chunk for every frame. What its
//! calls take is what the border takes; `mux plugin bench` measures others against it.

use mux_plugin_sdk::{
    Adapter, AuthScheme, Batch, Decoded, Fault, Finish, Framing, Manifest, Operation, RequestCtx,
    RequestPlan, Upstream,
};

const CHUNK: &[u8] =
    b"{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\
\"choices\":[{\"index\":0,\"delta\":{\"content\":\"words number 1 \"},\"finish_reason\":null}]}\n";

/// Copies in, copies out.
#[derive(Debug, Clone, Copy)]
pub struct Floor;

impl Adapter for Floor {
    fn describe() -> Manifest {
        Manifest {
            id: String::from("floor"),
            version: String::from(env!("CARGO_PKG_VERSION")),
            display_name: String::from("Floor"),
            operations: vec![Operation::translated("chat")],
            upstreams: vec![Upstream {
                id: String::from("api"),
                base_url: String::from("https://floor.example"),
                paths: vec![String::from("/chat")],
            }],
            auth: vec![AuthScheme::None],
            config_schema: String::from("{}"),
            ..Manifest::default()
        }
    }

    fn configure(_settings: &[u8]) -> Result<Self, String> {
        Ok(Self)
    }

    fn prepare(&self, ctx: &RequestCtx, body: &[u8]) -> Result<RequestPlan, Fault> {
        let frames = ctx.stream.then_some(Framing::Sse);
        Ok(RequestPlan::post("api", "/chat", frames, body.to_vec()))
    }

    fn decode(&self, _operation: &str, _state: &[u8], batch: &Batch) -> Result<Decoded, Fault> {
        Ok(Decoded {
            chunks: CHUNK.repeat(batch.len()),
            finish: batch.is_last().then_some(Finish::Stop),
            ..Decoded::default()
        })
    }
}

mux_plugin_sdk::export!(Floor);
