//! The socket of a simulated provider.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinHandle, JoinSet};

use crate::books::Books;
use crate::control::Control;
use crate::data::Data;
use crate::options::{Dialect, Options};
use crate::play::Play;
use crate::state::State;
use crate::{console, provider, speech};

/// A running provider. Dropped or stopped, it closes its port and all its connections.
#[derive(Debug)]
pub struct Mock {
    /// Where it listens.
    pub addr: SocketAddr,
    control: Control,
    joining: UnboundedSender<DuplexStream>,
    door: JoinHandle<()>,
}

impl Mock {
    /// Opens the port and serves.
    ///
    /// # Errors
    /// When the address cannot be listened on, for instance because it is in use.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await.map_err(|error| {
            let message = format!(
                "the mock provider `{}` cannot listen on {}: {error}",
                options.name, options.listen
            );
            io::Error::new(error.kind(), message)
        })?;
        let addr = listener.local_addr()?;
        let state = Arc::new(State::new(options));
        let control = Control::new(Arc::clone(&state));
        let (joining, joined) = unbounded_channel();
        let door = tokio::spawn(keep_door(listener, joined, state));
        Ok(Self {
            addr,
            control,
            joining,
            door,
        })
    }

    /// Serves a connection in memory, as if it had come by the port.
    pub fn join(&self, stream: DuplexStream) {
        // A provider that has stopped serves nobody: the stream is dropped, which its other end sees.
        let _ = self.joining.send(stream);
    }

    /// A handle that may be cloned and outlives the provider.
    #[must_use]
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// The books as they stand.
    #[must_use]
    pub fn books(&self) -> Books {
        self.control.books()
    }

    /// Closes the port and all connections, and returns when that is done.
    pub async fn stop(mut self) {
        self.door.abort();
        // Being aborted is what was asked for; there is no other outcome to look at.
        let _ = (&mut self.door).await;
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.door.abort();
    }
}

async fn keep_door(
    listener: TcpListener,
    mut joined: UnboundedReceiver<DuplexStream>,
    state: Arc<State>,
) {
    let mut guests = JoinSet::new();
    loop {
        tokio::select! {
            Some(stream) = joined.recv() => drop(guests.spawn(serve(stream, Arc::clone(&state)))),
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    // Out of file descriptors, most likely: one will come free.
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                };
                if state.refuses() && state.strike(state.next_turn()).is_some() {
                    state.books.send_modify(|books| books.refused += 1);
                    continue;
                }
                // Without it small pieces may wait for one another; a socket that cannot have it still works.
                let _ = stream.set_nodelay(true);
                guests.spawn(serve(stream, Arc::clone(&state)));
            }
            Some(_) = guests.join_next() => {}
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, state: Arc<State>) {
    let service = service_fn(move |request| route(Arc::clone(&state), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    // Broken connections are faults at work or clients leaving: the books have them.
    let _ = connection.await;
}

async fn route(state: Arc<State>, request: Request<Incoming>) -> io::Result<Response<Play>> {
    let default = state.options.dialect;
    let path = request.uri().path();
    let chat = match path.trim_end_matches('/') {
        "/v1/chat/completions" | "/chat/completions" => Some(Dialect::OpenAi),
        "/v1/messages" | "/messages" => Some(Dialect::Anthropic),
        _ => None,
    };
    let data = Data::at(path);
    let dialect = chat.or(data.map(|(_, dialect)| dialect));
    match (dialect, request.method()) {
        (Some(dialect), &Method::POST) => {
            let data = data.map(|(data, _)| data);
            provider::answer(state, dialect, data, request).await
        }
        (Some(dialect), method) => {
            let complaint = format!("`{method}` is not allowed here, `POST` is");
            Ok(provider::json(
                405,
                &speech::error(dialect, 405, &complaint),
            ))
        }
        (None, &Method::GET) if matches!(path, "/v1/models" | "/models") => Ok(provider::json(
            200,
            &speech::models(default, &state.options.name),
        )),
        (None, _) if path.starts_with("/mock/") => Ok(console::answer(&state, request).await),
        (None, _) => Ok(provider::json(
            404,
            &speech::error(default, 404, &format!("there is no `{path}` here")),
        )),
    }
}
