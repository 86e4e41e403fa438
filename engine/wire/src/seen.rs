//! What a watch over a reply tells of it.

use crate::fault::{ErrorKind, UpstreamError};
use crate::usage::Usage;

/// What one frame, or a whole reply, holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// Text, a tool call, reasoning, sound or a refusal: what commits mux to an answer. Not a role, not an empty `choices`.
    pub content: bool,
    /// The usage so far. Some providers repeat it with growing figures: the last one counts.
    pub usage: Option<Usage>,
    /// Why the model stopped, in the provider's word.
    pub finish: Option<String>,
    /// An error where a good answer was promised.
    pub error: Option<UpstreamError>,
    /// Nothing follows.
    pub terminal: bool,
    /// Bytes the model wrote, names of called tools included.
    pub output_bytes: u64,
    /// What the provider calls the model that answers; told once.
    pub model: Option<Box<str>>,
}

impl Seen {
    /// An error and nothing else.
    pub(crate) fn failed(error: UpstreamError) -> Self {
        Self {
            error: Some(error),
            ..Self::default()
        }
    }

    /// An answer that makes no sense.
    pub(crate) fn nonsense(message: &str) -> Self {
        Self::failed(UpstreamError::new(ErrorKind::BadResponse, message))
    }
}
