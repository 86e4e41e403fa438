//! A small HTTP server for tools: every request is read whole, and answered whole.

use crate::ending::Trouble;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;

/// An open port.
#[derive(Debug)]
pub(super) struct Door(TcpListener);

impl Door {
    pub(super) async fn open(at: SocketAddr) -> Result<Self, Trouble> {
        let listener = TcpListener::bind(at).await;
        let wrong = |error| Trouble::usage(format!("cannot listen on `{at}`: {error}"));
        Ok(Self(listener.map_err(wrong)?))
    }

    pub(super) fn address(&self) -> Result<SocketAddr, Trouble> {
        self.0.local_addr().map_err(Trouble::internal)
    }

    /// Answers until it is dropped.
    pub(super) async fn serve<A, R>(self, answer: A) -> Infallible
    where
        A: Fn(Request<Bytes>) -> R + Send + Sync + 'static,
        R: Future<Output = Response<Bytes>> + Send + 'static,
    {
        let answer = Arc::new(answer);
        loop {
            let Ok((stream, _)) = self.0.accept().await else {
                // Out of file descriptors, most likely: one will come free when somebody leaves.
                tokio::task::yield_now().await;
                continue;
            };
            let answer = Arc::clone(&answer);
            let service = service_fn(move |request| whole(request, Arc::clone(&answer)));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    }
}

async fn whole<A, R>(
    request: Request<Incoming>,
    answer: Arc<A>,
) -> Result<Response<Full<Bytes>>, hyper::Error>
where
    A: Fn(Request<Bytes>) -> R,
    R: Future<Output = Response<Bytes>>,
{
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let answer = answer(Request::from_parts(head, body)).await;
    Ok(answer.map(Full::new))
}
