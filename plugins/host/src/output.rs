//! What an answer turned into, on its way to the client.

use bytes::Bytes;
use mux_wire::fault::UpstreamError;
use mux_wire::usage::Usage;

/// What one call to a [`Reply`](crate::reply::Reply) produced. Pass a fresh or a [cleared](Self::clear) one to
/// each call to see what that call alone brought.
#[derive(Debug, Default)]
pub struct Output {
    /// What to hand on, in order.
    pub parts: Vec<Part>,
    /// Whether there was content among it: what commits the client to this answer.
    pub content: bool,
    /// Token counts so far; each replaces the one before.
    pub usage: Option<Usage>,
    /// Why the model stopped.
    pub finish: Option<String>,
    /// An error where a good answer was promised.
    pub error: Option<UpstreamError>,
    /// The protocol's own end was seen. A stream that ends without one was cut.
    pub terminal: bool,
    /// Bytes the model wrote, to estimate tokens by where nobody counts them.
    pub output_bytes: u64,
    /// What the provider calls the model that answers; told once.
    pub model: Option<Box<str>>,
}

/// Something to hand on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The provider's bytes as they came.
    Verbatim(Bytes),
    /// One unified chunk, a JSON object without a line feed.
    Chunk(Bytes),
    /// One unified response object.
    Whole(Bytes),
}

impl Output {
    /// Empties it for the next call, keeping its memory.
    pub fn clear(&mut self) {
        let mut parts = std::mem::take(&mut self.parts);
        parts.clear();
        *self = Self {
            parts,
            ..Self::default()
        };
    }
}
