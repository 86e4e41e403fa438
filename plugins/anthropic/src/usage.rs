//! Token counts: the provider's three kinds of input become one with its parts.

use mux_plugin_sdk::Usage;
use serde::{Deserialize, Serialize};

/// Counts as the provider sends them. Later ones replace earlier ones: they are running totals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Counts {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation: Option<CacheCreation>,
    output_tokens_details: Option<OutputDetails>,
    server_tool_use: Option<ServerTools>,
}

/// How long what was written to the cache is kept there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct CacheCreation {
    ephemeral_1h_input_tokens: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct OutputDetails {
    thinking_tokens: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct ServerTools {
    web_search_requests: Option<u64>,
    web_fetch_requests: Option<u64>,
}

/// Usage as the unified form writes it.
#[derive(Debug, Serialize)]
pub(crate) struct UnifiedUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

#[expect(clippy::struct_field_names, reason = "they are spelled as on the wire")]
#[derive(Debug, Serialize)]
struct PromptDetails {
    cached_tokens: u64,
    cache_write_tokens: u64,
    #[serde(skip_serializing_if = "is_nothing")]
    cache_write_1h_tokens: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_nothing(count: &u64) -> bool {
    *count == 0
}

#[derive(Debug, Serialize)]
struct CompletionDetails {
    reasoning_tokens: u64,
}

impl Counts {
    /// Takes over what `later` says; the answer begun with says nothing reliable about its own length.
    pub(crate) fn replace(&mut self, later: Self) {
        self.input_tokens = later.input_tokens.or(self.input_tokens);
        self.output_tokens = later.output_tokens.or(self.output_tokens);
        self.cache_creation_input_tokens = later
            .cache_creation_input_tokens
            .or(self.cache_creation_input_tokens);
        self.cache_read_input_tokens = later
            .cache_read_input_tokens
            .or(self.cache_read_input_tokens);
        self.cache_creation = later.cache_creation.or(self.cache_creation);
        self.output_tokens_details = later.output_tokens_details.or(self.output_tokens_details);
        self.server_tool_use = later.server_tool_use.or(self.server_tool_use);
    }

    /// The same counts in the interface's terms.
    pub(crate) fn usage(&self) -> Usage {
        let cache_read = self.cache_read_input_tokens.unwrap_or(0);
        let cache_write = self.cache_creation_input_tokens.unwrap_or(0);
        let fresh = self.input_tokens.unwrap_or(0);
        let details = self.output_tokens_details.unwrap_or_default();
        let output = self.output_tokens.unwrap_or(0);
        let created = self.cache_creation.unwrap_or_default();
        let kept = created.ephemeral_1h_input_tokens.unwrap_or(0);
        Usage {
            input: fresh.saturating_add(cache_read).saturating_add(cache_write),
            output,
            cache_read,
            cache_write,
            reasoning: details.thinking_tokens.unwrap_or(0).min(output),
            other: self.other(),
        }
        .with(Usage::CACHE_WRITE_1H, kept.min(cache_write))
    }

    fn other(&self) -> Vec<(String, u64)> {
        let tools = self.server_tool_use.unwrap_or_default();
        [
            ("web_search_requests", tools.web_search_requests),
            ("web_fetch_requests", tools.web_fetch_requests),
        ]
        .into_iter()
        .filter_map(|(name, count)| Some((String::from(name), count.filter(|count| *count > 0)?)))
        .collect()
    }
}

impl From<&Usage> for UnifiedUsage {
    fn from(usage: &Usage) -> Self {
        Self {
            prompt_tokens: usage.input,
            completion_tokens: usage.output,
            total_tokens: usage.input.saturating_add(usage.output),
            prompt_tokens_details: PromptDetails {
                cached_tokens: usage.cache_read,
                cache_write_tokens: usage.cache_write,
                cache_write_1h_tokens: usage.counted(Usage::CACHE_WRITE_1H),
            },
            completion_tokens_details: CompletionDetails {
                reasoning_tokens: usage.reasoning,
            },
        }
    }
}
