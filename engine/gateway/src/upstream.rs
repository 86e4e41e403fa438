//! Connections to providers: pooled, without Nagle's delay, and never to a private address that nobody allowed.

use crate::network::{Dial, Network};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::rt::Executor;
use hyper::{Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::client::legacy::connect::{CaptureConnection, HttpConnector, capture_connection};
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::TokioTimer;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// How long an unused connection is kept.
const KEEP: Duration = Duration::from_secs(50);

/// The clients: one that refuses private addresses, one for providers marked `private`.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    public: Client<HttpsConnector<Dial<HttpConnector<Guarded>>>, Slices>,
    private: Client<HttpsConnector<Dial<HttpConnector<Guarded>>>, Slices>,
}

impl Upstream {
    /// With no connection yet.
    #[must_use]
    pub(crate) fn new(network: &Network) -> Self {
        Self {
            public: client(false, network),
            private: client(true, network),
        }
    }

    /// Sends a request. The second value tells when the connection stands.
    ///
    /// # Errors
    /// The address is literally a private one, and that was not allowed.
    pub(crate) fn send(
        &self,
        mut request: Request<Slices>,
        private: bool,
    ) -> Result<(ResponseFuture, CaptureConnection), String> {
        if !private && let Some(ip) = literal(request.uri()).filter(|ip| !public(*ip)) {
            return Err(format!(
                "`{ip}` is a private address; add the line `private` to the provider if that is meant"
            ));
        }
        let captured = capture_connection(&mut request);
        let client = if private { &self.private } else { &self.public };
        Ok((client.request(request), captured))
    }
}

fn client(
    private: bool,
    network: &Network,
) -> Client<HttpsConnector<Dial<HttpConnector<Guarded>>>, Slices> {
    let mut tcp = HttpConnector::new_with_resolver(Guarded {
        resolver: GaiResolver::new(),
        private,
    });
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(Duration::from_secs(30)));
    let tls = HttpsConnectorBuilder::new()
        .with_webpki_roots()
        .https_or_http()
        .enable_http1()
        .wrap_connector(Dial::new(tcp, network.clone()));
    Client::builder(Tasks)
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(KEEP)
        .pool_max_idle_per_host(512)
        .build(tls)
}

/// Runs hyper's connection tasks.
#[derive(Clone, Copy, Debug)]
struct Tasks;

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        tokio::spawn(task);
    }
}

/// Resolves names, and drops private addresses at the moment of connecting, so that a name that changes its mind between
/// check and use gains nothing.
#[derive(Clone, Debug)]
pub(crate) struct Guarded {
    resolver: GaiResolver,
    private: bool,
}

impl tower_service::Service<Name> for Guarded {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        tower_service::Service::poll_ready(&mut self.resolver, cx)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let private = self.private;
        let host = name.as_str().to_owned();
        let found = tower_service::Service::call(&mut self.resolver, name);
        Box::pin(async move {
            let all: Vec<SocketAddr> = found.await?.collect();
            let allowed: Vec<SocketAddr> = all
                .iter()
                .filter(|a| private || public(a.ip()))
                .copied()
                .collect();
            if allowed.is_empty() && !all.is_empty() {
                let why = format!(
                    "`{host}` is at a private address; add the line `private` to the provider if that is meant"
                );
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
            }
            Ok(allowed.into_iter())
        })
    }
}

fn literal(uri: &Uri) -> Option<IpAddr> {
    uri.host()?
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()
}

/// Whether an address is literally this machine.
pub(crate) fn loopback(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else {
        return false;
    };
    uri.host() == Some("localhost") || literal(&uri).is_some_and(|ip| ip.is_loopback())
}

/// Whether an address is out on the internet.
fn public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => public_v4(v4),
        IpAddr::V6(v6) => {
            if let Some(v4) = v6.to_ipv4_mapped() {
                return public_v4(v4);
            }
            let [first, ..] = v6.segments();
            let unique_local = first & 0xfe00 == 0xfc00;
            let link_local = first & 0xffc0 == 0xfe80;
            !(v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || unique_local
                || link_local)
        }
    }
}

fn public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, ..] = v4.octets();
    let shared = a == 100 && (64..128).contains(&b);
    !(v4.is_loopback()
        || v4.is_private()
        || v4.is_link_local()
        || v4.is_multicast()
        || v4.is_broadcast()
        || a == 0
        || shared)
}

/// A request body in slices: the client's bytes with another model name need no copy.
#[derive(Debug, Default)]
pub(crate) struct Slices {
    parts: VecDeque<Bytes>,
    left: u64,
}

impl From<Vec<Bytes>> for Slices {
    fn from(parts: Vec<Bytes>) -> Self {
        let left = parts.iter().map(|p| p.len() as u64).sum();
        Self {
            parts: parts.into(),
            left,
        }
    }
}

impl Body for Slices {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.parts.pop_front();
        self.left -= next.as_ref().map_or(0, |p| p.len() as u64);
        Poll::Ready(next.map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.parts.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_known_in_all_their_spellings() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fd00::1",
            "fe80::1",
            "ff02::1",
            "::ffff:169.254.169.254",
            "::ffff:10.0.0.1",
        ] {
            assert!(!public(private.parse().unwrap()), "{private}");
        }
        for open in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111"] {
            assert!(public(open.parse().unwrap()), "{open}");
        }
    }

    #[tokio::test]
    async fn a_literal_private_address_is_refused_unless_allowed() {
        let upstream = Upstream::new(&Network::Sockets);
        let request = || {
            Request::post("http://169.254.169.254/latest")
                .body(Slices::default())
                .unwrap()
        };
        assert!(
            upstream
                .send(request(), false)
                .unwrap_err()
                .contains("private")
        );
    }
}
