//! Asks a running gateway over its admin socket.

use crate::ending::Trouble;
use crate::runtime;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::io::ErrorKind;
use std::path::Path;
use tokio::net::UnixStream;

/// What a gateway said.
#[derive(Debug)]
pub(crate) enum Said {
    /// Yes, and this.
    Yes(Value),
    /// No, because.
    No(String),
    /// Nobody is there.
    Nobody,
}

/// Asks the gateway that uses `data`.
pub(crate) fn ask(
    data: &Path,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Said, Trouble> {
    runtime::start()?.block_on(exchange(&data.join("admin.sock"), method, path, body))
}

async fn exchange(
    socket: &Path,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Said, Trouble> {
    let stream = match UnixStream::connect(socket).await {
        Ok(stream) => stream,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            return Ok(Said::Nobody);
        }
        Err(e) => {
            return Err(Trouble::usage(format!(
                "cannot reach the gateway at `{}`: {e}",
                socket.display()
            )));
        }
    };
    let broken = |e: hyper::Error| Trouble::usage(format!("the gateway hung up: {e}"));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    tokio::spawn(connection);
    let bytes = body.map_or_else(Bytes::new, |b| Bytes::from(b.to_string()));
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "mux")
        .header("content-type", "application/json");
    let request = request.body(Full::new(bytes)).map_err(Trouble::internal)?;
    let response = sender.send_request(request).await.map_err(broken)?;
    let status = response.status();
    let bytes = response
        .into_body()
        .collect()
        .await
        .map_err(broken)?
        .to_bytes();
    let value: Value = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    Ok(if status == StatusCode::OK {
        Said::Yes(value)
    } else {
        Said::No(
            value
                .get("error")
                .and_then(Value::as_str)
                .map_or_else(|| format!("{status}: {value}"), str::to_owned),
        )
    })
}
