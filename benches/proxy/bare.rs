//! The least a proxy can be: hyper on both sides, a pooled client, bodies handed through as they come.

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::{TcpListener, TcpStream};

type Upstream = Client<HttpConnector, Incoming>;

/// Starts it in front of `provider`; it runs until the runtime ends.
pub(crate) async fn start(provider: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("a port");
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    let upstream = Client::builder(TokioExecutor::new()).build(tcp);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(serve(client, upstream.clone(), provider));
        }
    });
    address
}

async fn serve(client: TcpStream, upstream: Upstream, provider: SocketAddr) {
    client.set_nodelay(true).expect("an open socket");
    let service = service_fn(|request| forward(&upstream, provider, request));
    // It ends with an error when the client has gone, which is how all of them end.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(client), service)
        .await;
}

async fn forward(
    upstream: &Upstream,
    provider: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<Response<Incoming>, Error> {
    let path = request.uri().path();
    *request.uri_mut() = Uri::builder()
        .scheme("http")
        .authority(provider.to_string())
        .path_and_query(path)
        .build()
        .expect("an address");
    request.headers_mut().remove("host");
    upstream.request(request).await
}
