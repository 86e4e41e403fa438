//! The one trait an adapter implements.

use crate::error::{Fault, UpstreamError};
use crate::manifest::Manifest;
use crate::reply::{Batch, Decoded, ResponseHead};
use crate::request::{RequestCtx, RequestPlan};

/// One provider's dialect as pure functions of their arguments and of the settings.
///
/// The host calls [`configure`](Self::configure) once per instance and may then use any instance for any call:
/// whatever a stream must remember travels in `state`, never in the adapter. An adapter whose operations are all
/// [fixed](crate::manifest::Operation::fixed) needs only `describe` and `configure`.
pub trait Adapter: Sized + Send + Sync + 'static {
    /// What this adapter is and may do. Two calls must give the same answer.
    fn describe() -> Manifest;

    /// Reads the settings, a JSON object. It never holds a secret.
    ///
    /// # Errors
    /// In the operator's words: which setting is wrong and what would be right.
    fn configure(settings: &[u8]) -> Result<Self, String>;

    /// Turns a request in one of the manifest's dialects into a plan for the provider.
    ///
    /// # Errors
    /// When the request is wrong, or asks for something the provider cannot do.
    fn prepare(&self, ctx: &RequestCtx, body: &[u8]) -> Result<RequestPlan, Fault> {
        let _ = body;
        Err(not_offered(&ctx.operation))
    }

    /// Turns frames of the provider's answer into unified chunks. Folding the frames in any grouping must give
    /// the same chunks and the same last state.
    ///
    /// # Errors
    /// When the frames are no answer of this provider.
    fn decode(&self, operation: &str, state: &[u8], batch: &Batch) -> Result<Decoded, Fault> {
        let _ = (state, batch);
        Err(not_offered(operation))
    }

    /// Says what an answer outside 2xx means.
    fn map_error(&self, head: &ResponseHead, body: &[u8]) -> UpstreamError {
        UpstreamError::by_status(head.status, String::from_utf8_lossy(body))
    }
}

fn not_offered(operation: &str) -> Fault {
    Fault::Internal(format!(
        "this adapter translates no `{operation}`: its operations are fixed plans"
    ))
}
