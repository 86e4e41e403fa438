//! What a plan is made for.

use std::ops::Range;

use bytes::Bytes;
use mux_wire::dialect::Dialect;

use crate::bindings::mux::provider::types::RequestCtx;

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

impl Call<'_> {
    /// What the plugin is told of it beside the body.
    pub(crate) fn context(&self) -> RequestCtx {
        RequestCtx {
            operation: self.operation.to_owned(),
            dialect: self.dialect.to_owned(),
            model: self.model.to_owned(),
            stream: self.stream,
            attempt: self.attempt,
            now_unix_ms: self.now_unix_ms,
            request_id: self.request_id.to_owned(),
            details: None,
        }
    }

    /// The dialect in which the answer is read; that of chat where it is none that is known here.
    pub(crate) fn spoken(&self) -> Dialect {
        Dialect::named(self.dialect).unwrap_or_default()
    }
}
