//! A client that keeps what came over the wire as it came: one connection a request.

use super::patience::soon;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::io;
use std::net::{Shutdown, SocketAddr};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// A request to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

/// A chat request for `model`.
pub(crate) fn chat(model: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": "hello there" }] })
}

/// The same, streamed.
pub(crate) fn streamed(model: &str) -> Value {
    let mut body = chat(model);
    body["stream"] = json!(true);
    body
}

impl Ask {
    pub(crate) fn new(method: Method, path: &str, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("mux.test"));
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        Self {
            method,
            path: path.to_owned(),
            headers,
            body: body.into(),
        }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new(Method::GET, path, Bytes::new())
    }

    /// A chat completion with exactly these bytes.
    pub(crate) fn chat(body: impl Into<Bytes>) -> Self {
        Self::new(Method::POST, "/v1/chat/completions", body)
    }

    /// A chat completion.
    pub(crate) fn json(body: &Value) -> Self {
        Self::chat(body.to_string())
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        let value = HeaderValue::from_str(value).expect("a header value");
        self.headers.insert(name, value);
        self
    }

    /// Sends it and reads all of the answer.
    pub(crate) async fn send(self, to: SocketAddr) -> Reply {
        self.open(to).await.rest().await
    }

    /// Sends it and waits for the head of the answer.
    pub(crate) async fn open(self, to: SocketAddr) -> Open {
        let stream = TcpStream::connect(to).await.expect("a listener");
        self.over(stream).await.expect("an answer")
    }

    /// The same, by a client that can say that it hangs up, and see that this was noticed.
    pub(crate) async fn open_to_leave(self, to: SocketAddr) -> (Open, Leave) {
        let stream = std::net::TcpStream::connect(to).expect("a listener");
        let leave = Leave(stream.try_clone().expect("a socket"));
        stream.set_nonblocking(true).expect("a socket");
        let stream = TcpStream::from_std(stream).expect("a socket");
        (self.over(stream).await.expect("an answer"), leave)
    }

    /// Sends it over a connection that stands.
    pub(crate) async fn over<S>(self, stream: S) -> io::Result<Open>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        let line = Line(tokio::spawn(async move {
            // A connection that breaks shows in the answer.
            let _ = connection.await;
        }));
        let mut request = Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.path.parse().expect("a path");
        *request.headers_mut() = self.headers;
        let answer = soon("the head of an answer", sender.send_request(request)).await;
        let (head, body) = answer.map_err(io::Error::other)?.into_parts();
        Ok(Open {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
            seen: Vec::new(),
            _line: line,
        })
    }
}

/// The connection; dropped, it closes.
#[derive(Debug)]
struct Line(JoinHandle<()>);

impl Drop for Line {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The sending half of a client's connection.
#[derive(Debug)]
pub(crate) struct Leave(std::net::TcpStream);

impl Leave {
    /// Hangs up, and waits until the gateway has closed the connection in turn.
    pub(crate) async fn and_is_let_go(self, open: Open) {
        self.0.shutdown(Shutdown::Write).expect("a connection");
        assert!(!open.rest().await.whole, "the answer came to its end");
    }
}

/// An answer whose body is still coming. Dropped, the client hangs up.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) status: u16,
    headers: HeaderMap,
    body: Incoming,
    seen: Vec<u8>,
    _line: Line,
}

impl Open {
    /// Reads on until `words` have come.
    pub(crate) async fn until(&mut self, words: &str) {
        while !String::from_utf8_lossy(&self.seen).contains(words) {
            let frame = soon(words, self.body.frame()).await;
            let frame = frame.expect("more of the answer").expect("a whole answer");
            self.seen
                .extend_from_slice(frame.data_ref().map_or(&[], |d| d));
        }
    }

    /// Reads to the end.
    pub(crate) async fn rest(mut self) -> Reply {
        let mut whole = true;
        while let Some(frame) = soon("the end of an answer", self.body.frame()).await {
            match frame {
                Ok(frame) => self
                    .seen
                    .extend_from_slice(frame.data_ref().map_or(&[], |d| d)),
                Err(_) => whole = false,
            }
        }
        Reply {
            status: self.status,
            headers: self.headers,
            body: self.seen,
            whole,
        }
    }
}

/// All of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Whether the connection ended it as it should.
    pub(crate) whole: bool,
}

impl Reply {
    /// A header; empty where it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        text(&self.headers, name)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Looks that it is good and says these words, which `said` reads as its dialect has them.
    #[track_caller]
    pub(crate) fn says(&self, words: &str, said: impl Fn(&Self) -> String) {
        assert_eq!(
            (self.status, said(self).as_str()),
            (200, words),
            "{}",
            self.text()
        );
    }

    /// Looks that it refuses what cannot be carried, and names `what`.
    #[track_caller]
    pub(crate) fn refuses(&self, what: &str) {
        let error = &self.json()["error"];
        assert_eq!(
            (self.status, &error["code"]),
            (400, &json!("unsupported")),
            "{error}"
        );
        self.names(what);
    }

    /// Looks that the message of an error names `what`.
    #[track_caller]
    pub(crate) fn names(&self, what: &str) {
        let error = &self.json()["error"];
        let message = error["message"].as_str().unwrap_or_default();
        assert!(message.contains(what), "{error}");
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The data of every event of a stream; the end mark is no JSON and not among them.
    pub(crate) fn events(&self) -> Vec<Value> {
        let text = self.text();
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        data.filter_map(|data| serde_json::from_str(data).ok())
            .collect()
    }

    /// Whether a stream says that it is complete.
    pub(crate) fn done(&self) -> bool {
        self.body.ends_with(b"data: [DONE]\n\n")
    }

    /// What the model said, whole or streamed.
    pub(crate) fn said(&self) -> String {
        if self.header("content-type") == "application/json" {
            let content = &self.json()["choices"][0]["message"]["content"];
            return content.as_str().unwrap_or_default().to_owned();
        }
        let events = self.events();
        let pieces = events
            .iter()
            .filter_map(|e| e["choices"][0]["delta"]["content"].as_str());
        pieces.collect()
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}
