//! Somebody who hands out credentials, in memory, for tests.

use crate::credential::surroundings::Surroundings;
use crate::network::Network;
use crate::upstream::Upstream;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::sync::Arc;

/// The status of whoever says nothing.
pub(crate) const SILENT: u16 = 0;

/// What was asked.
pub(crate) struct Asked {
    /// Method, address and query.
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Asked {
    /// A header; empty where it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }
}

/// Connections that all lead to whoever `answer` is, with a status and a body.
pub(crate) fn cloud(answer: impl Fn(Asked) -> (u16, String) + Send + Sync + 'static) -> Upstream {
    let answer = Arc::new(answer);
    Upstream::new(&Network::Pipes(Arc::new(move |_| {
        let (near, far) = tokio::io::duplex(64 << 10);
        let answer = Arc::clone(&answer);
        let service = service_fn(move |request| {
            let answer = Arc::clone(&answer);
            async move {
                let (status, body) = answer(read(request).await);
                if status == SILENT {
                    return std::future::pending().await;
                }
                let mut response = Response::new(Full::new(Bytes::from(body)));
                *response.status_mut() = status.try_into().unwrap();
                Ok::<_, Infallible>(response)
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(far), service));
        Ok(near)
    })))
}

async fn read(request: Request<Incoming>) -> Asked {
    let (head, body) = request.into_parts();
    let host = head.headers.get("host").and_then(|host| host.to_str().ok());
    let line = format!("{} {}{}", head.method, host.unwrap_or_default(), head.uri);
    let body = body.collect().await.unwrap().to_bytes();
    Asked {
        line,
        headers: head.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

/// Surroundings of these variables alone.
pub(crate) fn around(variables: &'static [(&str, &str)]) -> Surroundings {
    Surroundings::of(Arc::new(|name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    }))
}
