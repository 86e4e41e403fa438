//! What an answer used, in tokens.

use serde::{Deserialize, Serialize};

/// Tokens of one answer. `cache_read`, `cache_write` and `audio_input` are parts of `input`, `reasoning` and `audio_output` are
/// parts of `output`; no token is in two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// All input tokens, cached ones included.
    pub input: u64,
    /// All output tokens, reasoning included.
    pub output: u64,
    /// Input tokens read from a prompt cache.
    pub cache_read: u64,
    /// Input tokens written to a prompt cache.
    pub cache_write: u64,
    /// Output tokens spent on reasoning.
    pub reasoning: u64,
    /// Of `cache_write`, tokens kept in the cache for an hour.
    #[serde(skip_serializing_if = "is_nothing")]
    pub cache_write_1h: u64,
    /// Input tokens of sound that were not cached.
    #[serde(skip_serializing_if = "is_nothing")]
    pub audio_input: u64,
    /// Output tokens of sound.
    #[serde(skip_serializing_if = "is_nothing")]
    pub audio_output: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_nothing(count: &u64) -> bool {
    *count == 0
}

impl Usage {
    /// Input and output together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}
