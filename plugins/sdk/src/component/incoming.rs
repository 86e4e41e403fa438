//! Arguments: interface types to the plain ones.

use super::wit::mux::provider::types as wit;
use crate::header::Header;
use crate::reply::{Batch, ResponseHead};
use crate::request::{Blob, RequestCtx};

impl From<wit::RequestCtx> for RequestCtx {
    fn from(ctx: wit::RequestCtx) -> Self {
        let (mut blobs, mut extra) = (Vec::new(), Vec::new());
        for detail in ctx.details.into_iter().flatten() {
            match detail {
                wit::Detail::Blob(blob) => blobs.push(blob.into()),
                wit::Detail::Other(pair) => extra.push(pair),
            }
        }
        Self {
            operation: ctx.operation,
            dialect: ctx.dialect,
            model: ctx.model,
            stream: ctx.stream,
            attempt: ctx.attempt,
            now_unix_ms: ctx.now_unix_ms,
            request_id: ctx.request_id,
            blobs,
            extra,
        }
    }
}

impl From<wit::Blob> for Blob {
    fn from(blob: wit::Blob) -> Self {
        Self {
            token: blob.token,
            media_type: blob.media_type,
            bytes: blob.bytes,
            data_url: blob.data_url,
        }
    }
}

impl From<wit::Batch> for Batch {
    fn from(batch: wit::Batch) -> Self {
        Self {
            block: batch.block,
            ends: batch.ends.unwrap_or_else(|| vec![batch.names]),
            names: batch.names,
            state: batch.state,
            end_of_stream: batch.end_of_stream,
        }
    }
}

impl From<wit::ResponseHead> for ResponseHead {
    fn from(head: wit::ResponseHead) -> Self {
        let headers = head.headers.into_iter();
        Self {
            status: head.status,
            headers: headers
                .map(|header| Header::new(header.name, header.value))
                .collect(),
        }
    }
}
