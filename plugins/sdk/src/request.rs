//! One request on its way to the provider.

use serde::{Deserialize, Serialize};

use crate::header::Header;

/// Everything about a request beside its body. There is no clock and no random source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RequestCtx {
    /// `chat`, …
    pub operation: String,
    /// The dialect of the body.
    pub dialect: String,
    /// The provider's name of the model; the one in the body is the client's.
    pub model: String,
    /// Whether the client wants a stream.
    pub stream: bool,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// When the request came, in milliseconds since 1970.
    pub now_unix_ms: u64,
    /// The gateway's name of the request.
    pub request_id: String,
    /// Long strings the host kept out of the body.
    pub blobs: Vec<Blob>,
    /// Further facts.
    pub extra: Vec<(String, String)>,
}

/// A long string that stayed with the host. `token` stands in its place.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Blob {
    /// What stands in the body.
    pub token: String,
    /// The media type of a data URL.
    pub media_type: Option<String>,
    /// Its length in bytes.
    pub bytes: u64,
    /// Whether it is a data URL; then `token:payload` stands for what follows the comma.
    pub data_url: bool,
}

/// What to send and how to read the answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RequestPlan {
    /// One of the manifest's upstreams.
    pub upstream: String,
    /// The method.
    pub method: Method,
    /// Path and query below the upstream's base.
    pub path: String,
    /// Headers, none of which authenticates.
    pub headers: Vec<Header>,
    /// The body.
    pub body: BodyPlan,
    /// How to read the answer.
    pub reply: ReplyPlan,
    /// Handed to the first `decode`, at most 16 KiB.
    pub state: Vec<u8>,
    /// Parameters dropped or changed.
    pub warnings: Vec<String>,
}

impl RequestPlan {
    /// A JSON body posted to an upstream, the answer to be decoded: as `frames` when it streams, else as one document.
    #[must_use]
    pub fn post(
        upstream: &str,
        path: impl Into<String>,
        frames: Option<Framing>,
        body: Vec<u8>,
    ) -> Self {
        Self {
            upstream: upstream.to_owned(),
            method: Method::Post,
            path: path.into(),
            headers: vec![Header::new("content-type", "application/json")],
            body: BodyPlan::Replace(body),
            reply: ReplyPlan {
                framing: frames.unwrap_or(Framing::Buffered),
                mode: DecodeMode::Frames,
            },
            state: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// DELETE.
    Delete,
}

/// Where the bytes sent come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyPlan {
    /// No body.
    Empty,
    /// The client's bytes with the model's name replaced.
    Passthrough,
    /// The client's bytes with these edits, in order, not overlapping.
    Splices(Vec<Splice>),
    /// These bytes.
    Replace(Vec<u8>),
}

/// One edit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Splice {
    /// Byte offset in the client's body.
    pub at: u32,
    /// How many bytes go.
    pub remove: u32,
    /// What comes in their place.
    pub insert: Vec<u8>,
}

/// How the answer is cut and who reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ReplyPlan {
    /// How it is cut.
    pub framing: Framing,
    /// Who reads it.
    pub mode: DecodeMode,
}

/// How the host cuts an answer into frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Framing {
    /// The whole body is one frame.
    Buffered,
    /// Server-sent events.
    Sse,
    /// A JSON text a line.
    Ndjson,
    /// The elements of one JSON array.
    JsonArray,
    /// Amazon's event stream.
    AwsEventStream,
    /// Chunks as they come.
    Raw,
}

/// Who reads the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecodeMode {
    /// It is in the client's dialect already and goes through untouched.
    Verbatim,
    /// `decode`.
    Frames,
}
