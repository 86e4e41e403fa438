//! A small client: one connection a request, every chunk kept apart.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use mux_mock::{Mock, Options};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) chunks: Vec<Bytes>,
    /// Whether the body ended as it should.
    pub(crate) whole: bool,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.chunks.concat()).expect("UTF-8")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text()).expect("JSON")
    }

    /// The data of every event that is JSON.
    pub(crate) fn events(&self) -> Vec<Value> {
        let text = self.text();
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        data.filter_map(|data| serde_json::from_str(data).ok())
            .collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A response whose body has not been read, and the connection it comes over.
pub(crate) struct Open {
    pub(crate) response: Response<Incoming>,
    pub(crate) connection: JoinHandle<()>,
}

pub(crate) async fn start(options: Options) -> Mock {
    Mock::start(options).await.expect("a free port")
}

/// Sends a request and waits for its head.
pub(crate) async fn open(
    addr: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Result<Open, hyper::Error> {
    let stream = TcpStream::connect(addr).await.expect("a listener");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(async move {
        let _ = connection.await;
    });
    let response = sender.send_request(request).await?;
    Ok(Open {
        response,
        connection,
    })
}

/// Sends a request and reads all of the answer.
pub(crate) async fn send(
    addr: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Result<Answer, hyper::Error> {
    let (head, mut body) = open(addr, request).await?.response.into_parts();
    let (mut chunks, mut whole) = (Vec::new(), true);
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => chunks.extend(frame.into_data().ok()),
            Err(_) => whole = false,
        }
    }
    Ok(Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        chunks,
        whole,
    })
}

pub(crate) fn request(method: &str, path: &str, body: &Value) -> Request<Full<Bytes>> {
    let body = if body.is_null() {
        Bytes::new()
    } else {
        Bytes::from(body.to_string())
    };
    let builder = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "mock")
        .header("anthropic-version", "2023-06-01");
    builder
        .header("authorization", "Bearer sk-secret-1")
        .body(Full::new(body))
        .expect("a request")
}

/// A chat request with these fields besides the usual ones.
pub(crate) fn chat(path: &str, fields: &Value) -> Request<Full<Bytes>> {
    let mut body = json!({ "model": "m-1", "max_tokens": 1000, "messages": [{ "role": "user", "content": "hello there" }] });
    for (key, value) in fields.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    request("POST", path, &body)
}

/// A chat request that wants a stream.
pub(crate) fn stream(path: &str) -> Request<Full<Bytes>> {
    chat(path, &json!({ "stream": true }))
}

pub(crate) const OPENAI: &str = "/v1/chat/completions";
pub(crate) const ANTHROPIC: &str = "/v1/messages";
