//! What a plan is made for.

use std::ops::Range;

use bytes::Bytes;

/// One attempt at a request, as the gateway knows it.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// `chat`, …
    pub operation: &'a str,
    /// The dialect of the body, `openai-chat`, …
    pub dialect: &'a str,
    /// The provider's name of the model.
    pub model: &'a str,
    /// Where the JSON string of `model` stands in the body, quotes included.
    pub model_span: Range<usize>,
    /// Whether the client wants a stream.
    pub stream: bool,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// When the request came, in milliseconds since 1970.
    pub now_unix_ms: u64,
    /// The gateway's name of the request.
    pub request_id: &'a str,
    /// The client's bytes.
    pub body: &'a Bytes,
}
