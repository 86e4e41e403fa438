//! The whole gateway in front of simulated providers, all in this process: connected by pipes in memory or by sockets.

use crate::ending::Trouble;
use crate::scratch::Scratch;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{HeaderMap, Request, Uri};
use hyper_util::rt::TokioIo;
use mux_gateway::gateway::{Gateway, Options};
use mux_gateway::network::{Network, Pipes};
use mux_gateway::recorder::Listener;
use mux_mock::Mock;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Bytes that a pipe holds.
const PIPE: usize = 64 << 10;

/// What everything is connected by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Medium {
    Pipes,
    Sockets,
}

/// A gateway and its providers.
#[derive(Debug)]
pub(crate) struct Stage {
    gateway: Gateway,
    medium: Medium,
    providers: Arc<Vec<(String, Mock)>>,
    _scratch: Scratch,
}

/// What a stage is set with.
#[derive(Default)]
pub(crate) struct Scenery {
    /// The policies.
    pub(crate) policy: String,
    /// Each provider of them, by name.
    pub(crate) providers: Vec<(String, mux_mock::Options)>,
    /// What the seeds of requests are drawn from.
    pub(crate) seed: u64,
    /// Gets every record.
    pub(crate) listener: Option<Listener>,
}

/// What a client got.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Until the first content of a streamed answer.
    pub(crate) first: Option<Duration>,
    pub(crate) body: Vec<u8>,
    /// The connection was broken off before the answer was complete.
    pub(crate) broken: bool,
}

impl Reply {
    /// A stream that is complete.
    pub(crate) fn is_served(&self) -> bool {
        self.status == 200 && !self.broken && self.body.ends_with(b"data: [DONE]\n\n")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Stage {
    /// Starts everything.
    pub(crate) async fn set(medium: Medium, scenery: Scenery) -> Result<Self, Trouble> {
        let scratch = Scratch::temporary()?;
        let policies = scratch.save("policies", &[("sim.mux", &scenery.policy)])?;
        let mut providers = Vec::new();
        for (name, options) in scenery.providers {
            let mock = Mock::start(options).await.map_err(Trouble::internal)?;
            providers.push((name, mock));
        }
        let address = |(name, mock): &(String, Mock)| {
            let host = match medium {
                Medium::Pipes => format!("{name}.pipe"),
                Medium::Sockets => mock.addr.to_string(),
            };
            (name.clone(), format!("http://{host}/v1"))
        };
        let addresses = providers.iter().map(address).collect();
        let providers = Arc::new(providers);
        let options = Options {
            addresses,
            listener: scenery.listener,
            seed: Some(scenery.seed),
            // What this machine is short of is no part of the scene.
            gauged: false,
            network: match medium {
                Medium::Pipes => Network::Pipes(pipes(&providers)),
                Medium::Sockets => Network::Sockets,
            },
            grace: Duration::from_secs(1),
            ..Options::new(
                &policies,
                &scratch.folder().join("data"),
                SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            )
        };
        let gateway = Gateway::start(options).await.map_err(Trouble::internal)?;
        Ok(Self {
            gateway,
            medium,
            providers,
            _scratch: scratch,
        })
    }

    /// Sends a chat request on a connection of its own, and reads the answer to its end.
    pub(crate) async fn ask(&self, body: Bytes) -> io::Result<Reply> {
        match self.medium {
            Medium::Pipes => {
                let (near, far) = duplex(PIPE);
                self.gateway.join(far);
                ask(near, body).await
            }
            Medium::Sockets => {
                let stream = TcpStream::connect(self.gateway.address).await?;
                stream.set_nodelay(true)?;
                ask(stream, body).await
            }
        }
    }

    /// Sends what a provider was sent last to it once more, past the gateway, and gives what it answers.
    pub(crate) async fn again(&self, provider: &str) -> io::Result<Vec<u8>> {
        let found = self.providers.iter().find(|(name, _)| name == provider);
        let (_, mock) = found.ok_or(io::ErrorKind::NotFound)?;
        let last = mock.books().last.ok_or(io::ErrorKind::NotFound)?;
        let mut request = Request::post(&last.path);
        for (name, value) in &last.headers {
            request = request.header(name, value);
        }
        let request = request
            .body(Full::new(Bytes::from(last.body)))
            .map_err(io::Error::other)?;
        let (near, far) = duplex(PIPE);
        mock.join(far);
        Ok(send(near, request).await?.body)
    }

    /// Takes everything down; every record has been told when this returns.
    pub(crate) async fn strike(self) {
        self.gateway.stop().await;
    }
}

/// Pipes to providers, by the first part of the host's name.
fn pipes(providers: &Arc<Vec<(String, Mock)>>) -> Pipes {
    let providers = Arc::clone(providers);
    Arc::new(move |uri: &Uri| {
        let name = uri.host().and_then(|host| host.strip_suffix(".pipe"));
        let found = providers.iter().find(|(n, _)| Some(n.as_str()) == name);
        let Some((_, mock)) = found else {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        };
        let (near, far): (DuplexStream, DuplexStream) = duplex(PIPE);
        mock.join(far);
        Ok(near)
    })
}

/// Ends with what it holds.
struct Ending(JoinHandle<()>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    body: Bytes,
) -> io::Result<Reply> {
    let request = Request::post("/v1/chat/completions")
        .header("host", "mux")
        .header("content-type", "application/json")
        .body(Full::new(body))
        .map_err(io::Error::other)?;
    send(stream, request).await
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> io::Result<Reply> {
    let begin = Instant::now();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    let _connection = Ending(tokio::spawn(async move {
        // The answer tells how it ended.
        let _ = connection.await;
    }));
    let response = sender
        .send_request(request)
        .await
        .map_err(io::Error::other)?;
    let (head, mut body) = response.into_parts();
    let mut reply = Reply {
        status: head.status.as_u16(),
        headers: head.headers,
        ..Reply::default()
    };
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            reply.broken = true;
            break;
        };
        if let Some(data) = frame.data_ref() {
            reply.body.extend_from_slice(data);
        }
        if reply.first.is_none() && has_content(&reply.body) {
            reply.first = Some(begin.elapsed());
        }
    }
    Ok(reply)
}

/// Whether some text of an answer is there.
pub(crate) fn has_content(stream: &[u8]) -> bool {
    const FIELD: &[u8] = b"\"content\":\"";
    let at = |place: usize| stream.get(place + FIELD.len());
    let mut fields = stream
        .windows(FIELD.len())
        .enumerate()
        .filter(|(_, w)| *w == FIELD);
    fields.any(|(place, _)| at(place).is_some_and(|next| *next != b'"'))
}
