//! A provider played by hand: the test says each byte, and when.

use super::patience::soon;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The head of a stream that ends when the connection does.
pub(crate) const STREAM: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// The head of a whole answer that ends when the connection does.
pub(crate) const WHOLE: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";

/// Waits to be called.
#[derive(Debug)]
pub(crate) struct ByHand {
    listener: TcpListener,
    pub(crate) address: SocketAddr,
}

/// A call: what was asked, and the connection to answer over. Dropped, it hangs up.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) head: String,
    pub(crate) body: String,
    stream: TcpStream,
}

impl ByHand {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        Self { listener, address }
    }

    /// The next call, read whole.
    pub(crate) async fn call(&self) -> Call {
        soon("a call", async {
            let (mut stream, _) = self.listener.accept().await.expect("a connection");
            let mut bytes = Vec::new();
            loop {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                if let Some((head, body)) = text.split_once("\r\n\r\n")
                    && body.len() >= length(head)
                {
                    let (head, body) = (head.to_owned(), body.to_owned());
                    return Call { head, body, stream };
                }
                let read = stream.read_buf(&mut bytes).await.expect("a request");
                assert!(read > 0, "the gateway hung up in the middle of its request");
            }
        })
        .await
    }
}

fn length(head: &str) -> usize {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    let value = lines
        .filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map(|(_, value)| value.trim().parse().expect("a length"));
    value.max().unwrap_or(0)
}

impl Call {
    pub(crate) async fn say(&mut self, text: &str) {
        let said = async {
            self.stream.write_all(text.as_bytes()).await?;
            self.stream.flush().await
        };
        said.await.expect("the gateway listens");
    }

    /// Waits until the gateway has closed the connection.
    pub(crate) async fn hung_up(mut self) {
        let mut nothing = [0; 64];
        let end = soon("the end of the call", self.stream.read(&mut nothing)).await;
        assert!(
            matches!(end, Ok(0) | Err(_)),
            "the gateway said more instead of hanging up"
        );
    }
}

/// One event of a stream.
pub(crate) fn event(content: &str) -> String {
    let chunk = serde_json::json!({
        "id": "chatcmpl-hand", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{ "index": 0, "delta": { "content": content }, "finish_reason": null }],
    });
    format!("data: {chunk}\n\n")
}

/// The end of a stream.
pub(crate) fn end() -> String {
    let chunk = serde_json::json!({
        "id": "chatcmpl-hand", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }],
    });
    format!("data: {chunk}\n\ndata: [DONE]\n\n")
}
