//! A provider that answers at once, always the same. `mux mock` is no measure here: it keeps its pace by a timer whose
//! ticks of a millisecond would swallow what a proxy adds.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::{TcpListener, TcpStream};

/// Events with content in a streamed answer.
const WORDS: usize = 16;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Starts it; it runs until the runtime ends.
pub(crate) async fn start() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("a port");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(serve(client));
        }
    });
    address
}

async fn serve(client: TcpStream) {
    client.set_nodelay(true).expect("an open socket");
    // It ends with an error when the client has gone, which is how all of them end.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(client), service_fn(answer))
        .await;
}

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let asked = request.into_body().collect().await.expect("a request");
    let asked: Value = serde_json::from_slice(&asked.to_bytes()).expect("it is JSON");
    let (kind, body) = if asked.get("stream") == Some(&Value::Bool(true)) {
        ("text/event-stream", streamed())
    } else {
        ("application/json", whole())
    };
    let response = Response::builder().header("content-type", kind).body(body);
    Ok(response.expect("a response"))
}

fn whole() -> Body {
    let answer = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "m",
        "choices": [{
            "index": 0, "finish_reason": "stop",
            "message": { "role": "assistant", "content": "word ".repeat(WORDS) },
        }],
        "usage": { "prompt_tokens": 200, "completion_tokens": WORDS, "total_tokens": 200 + WORDS },
    });
    Full::new(Bytes::from(answer.to_string())).boxed_unsync()
}

/// Event by event, each sent before the next is there.
fn streamed() -> Body {
    let content = (0..WORDS).map(|_| event(&json!({ "content": "word " }), None));
    let last = event(&json!({}), Some("stop"));
    let done = Bytes::from_static(b"data: [DONE]\n\n");
    let events = content
        .chain([last, done])
        .map(|event| Ok(Frame::data(event)));
    let paced = stream::iter(events).then(|event| async {
        tokio::task::yield_now().await;
        event
    });
    StreamBody::new(paced).boxed_unsync()
}

fn event(delta: &Value, finish: Option<&str>) -> Bytes {
    let chunk = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "m",
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
    });
    Bytes::from(format!("data: {chunk}\n\n"))
}
