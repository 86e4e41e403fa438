//! What connections to providers are made of: TCP, or pipes in memory, so that the whole of the gateway can be run in
//! virtual time. TLS and everything above are the same for both.

use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::DuplexStream;
use tokio::net::TcpStream;
use tower_service::Service;

/// Where connections to providers lead.
#[derive(Clone, Default)]
pub enum Network {
    /// Out into the world.
    #[default]
    Sockets,
    /// To the other ends of pipes.
    Pipes(Pipes),
}

/// Opens a pipe to whoever answers at an address.
pub type Pipes = Arc<dyn Fn(&Uri) -> io::Result<DuplexStream> + Send + Sync>;

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sockets => "Sockets",
            Self::Pipes(_) => "Pipes",
        })
    }
}

/// Connects by either.
#[derive(Clone, Debug)]
pub struct Dial<C> {
    tcp: C,
    network: Network,
}

impl<C> Dial<C> {
    /// By `tcp` where the network is one of sockets.
    #[must_use]
    pub fn new(tcp: C, network: Network) -> Self {
        Self { tcp, network }
    }
}

impl<C> Service<Uri> for Dial<C>
where
    C: Service<Uri, Response = TokioIo<TcpStream>>,
    C::Error: Into<Box<dyn Error + Send + Sync>>,
    C::Future: Send + 'static,
{
    type Response = Wire;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Wire, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        match &self.network {
            Network::Sockets => {
                let connecting = self.tcp.call(uri);
                Box::pin(async move { Ok(Wire::Tcp(connecting.await.map_err(Into::into)?)) })
            }
            Network::Pipes(open) => {
                let opened = open(&uri);
                Box::pin(async move { Ok(Wire::Pipe(TokioIo::new(opened?))) })
            }
        }
    }
}

/// A connection.
#[derive(Debug)]
pub enum Wire {
    /// By TCP.
    Tcp(TokioIo<TcpStream>),
    /// In memory.
    Pipe(TokioIo<DuplexStream>),
}

impl Connection for Wire {
    fn connected(&self) -> Connected {
        match self {
            Self::Tcp(io) => io.connected(),
            Self::Pipe(_) => Connected::new(),
        }
    }
}

impl Read for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(io) => Pin::new(io).poll_read(cx, buf),
            Self::Pipe(io) => Pin::new(io).poll_read(cx, buf),
        }
    }
}

impl Write for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(io) => Pin::new(io).poll_write(cx, bytes),
            Self::Pipe(io) => Pin::new(io).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(io) => Pin::new(io).poll_flush(cx),
            Self::Pipe(io) => Pin::new(io).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(io) => Pin::new(io).poll_shutdown(cx),
            Self::Pipe(io) => Pin::new(io).poll_shutdown(cx),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(io) => io.is_write_vectored(),
            Self::Pipe(io) => io.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(io) => Pin::new(io).poll_write_vectored(cx, slices),
            Self::Pipe(io) => Pin::new(io).poll_write_vectored(cx, slices),
        }
    }
}
