//! The usage object of OpenAI-style answers, with the spellings its imitators use.

use std::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::usage::Usage;

/// A `usage` object as it was sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Counts {
    prompt_tokens: Count,
    completion_tokens: Count,
    prompt_tokens_details: Option<InputDetails>,
    completion_tokens_details: Option<OutputDetails>,
    /// Together.
    cached_tokens: Count,
    /// Mistral.
    num_cached_tokens: Count,
    /// `DeepSeek`; its `prompt_cache_miss_tokens` are no cache writes.
    prompt_cache_hit_tokens: Count,
    /// Perplexity and xAI.
    reasoning_tokens: Count,
}

#[expect(clippy::struct_field_names, reason = "they are spelled as on the wire")]
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InputDetails {
    cached_tokens: Count,
    cache_write_tokens: Count,
    /// mux's own.
    cache_write_1h_tokens: Count,
    audio_tokens: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    reasoning_tokens: Count,
    audio_tokens: Count,
}

impl From<Counts> for Usage {
    /// Parts never exceed their whole: some providers report more reasoning than output.
    fn from(counts: Counts) -> Self {
        let (input, output) = (counts.prompt_tokens.0, counts.completion_tokens.0);
        let input_details = counts.prompt_tokens_details.unwrap_or_default();
        let output_details = counts.completion_tokens_details.unwrap_or_default();
        let cached = [
            input_details.cached_tokens.0,
            counts.cached_tokens.0,
            counts.num_cached_tokens.0,
            counts.prompt_cache_hit_tokens.0,
        ];
        let cache_read = cached.into_iter().max().unwrap_or_default().min(input);
        let cache_write = input_details.cache_write_tokens.0.min(input - cache_read);
        let fresh = input - cache_read - cache_write;
        let reasoning = output_details.reasoning_tokens.0;
        let reasoning = reasoning.max(counts.reasoning_tokens.0).min(output);
        Self {
            input,
            output,
            cache_read,
            cache_write,
            reasoning,
            cache_write_1h: input_details.cache_write_1h_tokens.0.min(cache_write),
            // What of it was cached is not told.
            audio_input: input_details.audio_tokens.0.min(fresh),
            audio_output: output_details.audio_tokens.0.min(output - reasoning),
        }
    }
}

/// A number of tokens; what is no such number counts as none.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Count(pub(crate) u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountVisitor)
    }
}

struct CountVisitor;

impl<'de> Visitor<'de> for CountVisitor {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of tokens")
    }

    fn visit_u64<E: Error>(self, count: u64) -> Result<Count, E> {
        Ok(Count(count))
    }

    fn visit_i64<E: Error>(self, count: i64) -> Result<Count, E> {
        Ok(Count(u64::try_from(count).unwrap_or_default()))
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "casts of floats saturate, which is what is wanted"
    )]
    fn visit_f64<E: Error>(self, count: f64) -> Result<Count, E> {
        Ok(Count(count as u64))
    }

    fn visit_unit<E: Error>(self) -> Result<Count, E> {
        Ok(Count(0))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Count, E> {
        Ok(Count(0))
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Count, E> {
        Ok(Count(0))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Count, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Count(0))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Count, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Count(0))
    }
}
