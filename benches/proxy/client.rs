//! A client that sends the same request again and again over a kept connection.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Asks one address, whole or streamed.
pub(crate) struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
    url: String,
    body: Bytes,
    stream: bool,
}

impl Client {
    /// A client with a pool of its own.
    pub(crate) fn new(address: SocketAddr, stream: bool) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        let question =
            "How does one keep a service up when those it depends on are not? ".repeat(12);
        let body = serde_json::json!({
            "model": "@chat", "stream": stream,
            "messages": [{ "role": "user", "content": question }],
        });
        Self {
            pool: Pool::builder(TokioExecutor::new()).build(tcp),
            url: format!("http://{address}/v1/chat/completions"),
            body: Bytes::from(body.to_string()),
            stream,
        }
    }

    /// One request, to its last byte.
    pub(crate) async fn ask(&self) {
        let request = Request::post(&self.url)
            .header("content-type", "application/json")
            .body(Full::new(self.body.clone()))
            .expect("a request");
        let response = self.pool.request(request).await.expect("an answer");
        assert!(response.status().is_success(), "{}", response.status());
        let answer = response.into_body().collect().await.expect("all of it");
        let end: &[u8] = if self.stream { b"[DONE]\n\n" } else { b"}" };
        assert!(answer.to_bytes().ends_with(end), "a whole answer");
    }

    /// So many requests one after the other, and how long they took.
    pub(crate) async fn timed(&self, times: u64) -> Duration {
        let begin = Instant::now();
        for _ in 0..times {
            self.ask().await;
        }
        begin.elapsed()
    }
}
