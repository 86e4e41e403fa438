//! Whoever answers over HTTP on a port of this machine, by a function of what is asked, and remembers what was.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    /// With its query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) body: Bytes,
}

/// The endpoint; dropped, it closes its port.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    door: JoinHandle<()>,
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.door.abort();
    }
}

impl Said {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json", body.to_string())
    }

    pub(crate) fn text(status: u16, kind: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            kind,
            headers: Vec::new(),
            body: body.into(),
        }
    }
}

impl Asked {
    /// A header; empty where it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    /// A field of a form or of the query.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let form = String::from_utf8_lossy(&self.body).into_owned();
        let query = self.path.split_once('?').map_or("", |(_, query)| query);
        let mut pairs = form.split('&').chain(query.split('&'));
        let (_, value) = pairs
            .by_ref()
            .filter_map(|pair| pair.split_once('='))
            .find(|(field, _)| *field == name)?;
        let mut bytes = Vec::new();
        let mut rest = value.as_bytes();
        while let Some((byte, after)) = rest.split_first() {
            rest = after;
            if *byte == b'%' {
                let (code, after) = rest.split_at(2);
                let code = std::str::from_utf8(code).expect("two digits");
                bytes.push(u8::from_str_radix(code, 16).expect("two digits"));
                rest = after;
            } else {
                bytes.push(*byte);
            }
        }
        Some(String::from_utf8(bytes).expect("utf-8"))
    }
}

impl Endpoint {
    pub(crate) async fn new(answer: impl Fn(&Asked) -> Said + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (answer, books) = (Arc::new(answer), Arc::clone(&asked));
        let door = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, books) = (Arc::clone(&answer), Arc::clone(&books));
                let service = service_fn(move |request| {
                    let (answer, books) = (Arc::clone(&answer), Arc::clone(&books));
                    async move {
                        let asked = read(request).await;
                        let said = answer(&asked);
                        books.lock().expect("the books").push(asked);
                        Ok::<_, Infallible>(response(said))
                    }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self {
            address,
            asked,
            door,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("the books").clone()
    }
}

async fn read(request: Request<Incoming>) -> Asked {
    let (head, body) = request.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    Asked {
        method: head.method,
        path: head.uri.to_string(),
        headers: head.headers,
        body,
    }
}

fn response(said: Said) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(said.body));
    *response.status_mut() = said.status.try_into().expect("a status");
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static(said.kind));
    for (name, value) in said.headers {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    response
}
