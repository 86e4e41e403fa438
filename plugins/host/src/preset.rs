//! Providers that need no component: each is an adapter at another address, with its own departures from the dialect.
//!
//! What is left out of requests is what these providers refuse; everything else goes through untouched, so that whatever
//! they learn works on the day they learn it.

use mux_wire::dialect::Dialect;
use mux_wire::fault::ErrorKind;

use crate::manifest::{LimitHeader, LimitUnit, ResetFormat};
use crate::quirks::{FieldQuirk, Quirks};

/// A `kind` that is another adapter with departures of its own.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// The name policies use after `kind`.
    pub kind: &'static str,
    /// The name for people.
    pub display_name: &'static str,
    /// The id of the adapter that speaks for it.
    pub adapter: &'static str,
    /// Where it is, where the policy does not say; `None` for what everybody runs for themselves.
    pub url: Option<&'static str>,
    renames: &'static [(&'static str, &'static str)],
    drops: &'static [&'static str],
    /// Whether it knows no role `developer`.
    plain_roles: bool,
    errors: &'static [(&'static str, ErrorKind)],
    limits: &'static [Limit],
    /// Whether it offers OpenAI's Responses besides.
    responses: bool,
}

/// Unit, window, and what the names of its headers end in: all of these providers write them as OpenAI does.
type Limit = (LimitUnit, &'static str, &'static str);

/// A preset like any other: nothing departs.
const PLAIN: Preset = Preset {
    kind: "openai-compatible",
    display_name: "anything that speaks as OpenAI does",
    adapter: "openai",
    url: None,
    renames: &[],
    drops: &[],
    plain_roles: false,
    errors: &[],
    limits: &[],
    responses: false,
};

const TO_MAX_TOKENS: &[(&str, &str)] = &[("max_completion_tokens", "max_tokens")];

/// All of them, by kind.
pub const PRESETS: [Preset; 12] = [
    Preset {
        kind: "cerebras",
        display_name: "Cerebras",
        url: Some("https://api.cerebras.ai/v1"),
        drops: &[
            "frequency_penalty",
            "presence_penalty",
            "logit_bias",
            "logprobs",
            "top_logprobs",
            "parallel_tool_calls",
            "service_tier",
            "prompt_cache_key",
            "verbosity",
        ],
        plain_roles: true,
        limits: &[
            (LimitUnit::Requests, "day", "-requests-day"),
            (LimitUnit::Tokens, "minute", "-tokens-minute"),
        ],
        ..PLAIN
    },
    Preset {
        kind: "deepseek",
        display_name: "DeepSeek",
        url: Some("https://api.deepseek.com"),
        renames: TO_MAX_TOKENS,
        plain_roles: true,
        errors: &[("402", ErrorKind::QuotaExhausted)],
        responses: true,
        ..PLAIN
    },
    Preset {
        kind: "fireworks",
        display_name: "Fireworks",
        url: Some("https://api.fireworks.ai/inference/v1"),
        renames: TO_MAX_TOKENS,
        errors: &[
            ("402", ErrorKind::QuotaExhausted),
            ("412", ErrorKind::Permission),
        ],
        limits: &[
            (LimitUnit::Requests, "minute", "-requests"),
            (LimitUnit::InputTokens, "minute", "-tokens-prompt"),
            (LimitUnit::OutputTokens, "minute", "-tokens-generated"),
        ],
        ..PLAIN
    },
    Preset {
        kind: "groq",
        display_name: "Groq",
        url: Some("https://api.groq.com/openai/v1"),
        drops: &[
            "logprobs",
            "top_logprobs",
            "logit_bias",
            "messages[].name",
            "messages[].reasoning",
            "messages[].reasoning_details",
        ],
        plain_roles: true,
        errors: &[("498", ErrorKind::Overloaded)],
        ..PLAIN
    },
    Preset {
        kind: "llama-cpp",
        display_name: "llama.cpp",
        errors: &[
            // It says with a 5xx that it was started without what the request needs.
            ("501", ErrorKind::InvalidRequest),
            ("not_supported_error", ErrorKind::InvalidRequest),
            ("exceed_context_size_error", ErrorKind::ContextLength),
            ("unavailable_error", ErrorKind::Overloaded),
        ],
        responses: true,
        ..PLAIN
    },
    PLAIN,
    Preset {
        kind: "openrouter",
        display_name: "OpenRouter",
        url: Some("https://openrouter.ai/api/v1"),
        errors: &[
            ("402", ErrorKind::QuotaExhausted),
            ("408", ErrorKind::Timeout),
        ],
        responses: true,
        ..PLAIN
    },
    Preset {
        kind: "perplexity",
        display_name: "Perplexity",
        url: Some("https://api.perplexity.ai"),
        drops: &[
            "tools",
            "tool_choice",
            "parallel_tool_calls",
            "logit_bias",
            "n",
            "seed",
            "service_tier",
        ],
        renames: TO_MAX_TOKENS,
        plain_roles: true,
        ..PLAIN
    },
    Preset {
        kind: "sglang",
        display_name: "SGLang",
        ..PLAIN
    },
    Preset {
        kind: "together",
        display_name: "Together",
        url: Some("https://api.together.xyz/v1"),
        renames: TO_MAX_TOKENS,
        plain_roles: true,
        errors: &[
            ("402", ErrorKind::QuotaExhausted),
            ("403", ErrorKind::ContextLength),
        ],
        limits: &[
            (LimitUnit::Requests, "second", ""),
            (LimitUnit::Tokens, "second", "-tokens"),
        ],
        ..PLAIN
    },
    Preset {
        kind: "vllm",
        display_name: "vLLM",
        ..PLAIN
    },
    Preset {
        kind: "xai",
        display_name: "xAI",
        url: Some("https://api.x.ai/v1"),
        drops: &["presence_penalty", "frequency_penalty"],
        limits: &[
            (LimitUnit::Requests, "minute", "-requests"),
            (LimitUnit::Tokens, "minute", "-tokens"),
        ],
        responses: true,
        ..PLAIN
    },
];

/// The preset of a kind.
#[must_use]
pub fn of(kind: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.kind == kind)
}

impl Preset {
    /// Its departures.
    #[must_use]
    pub fn quirks(&self) -> Quirks {
        let renames = self.renames.iter();
        let renames = renames.map(|(from, to)| FieldQuirk::Rename((*from).into(), (*to).into()));
        let drops = self
            .drops
            .iter()
            .map(|name| FieldQuirk::Drop((*name).into()));
        let roles = self.plain_roles.then(|| {
            FieldQuirk::Replace(
                "messages[].role".into(),
                "developer".into(),
                "system".into(),
            )
        });
        let errors = self.errors.iter();
        let limits = self.limits.iter();
        let limits = limits.map(|(unit, window, end)| {
            let header = |part: &str| Some(format!("x-ratelimit-{part}{end}"));
            LimitHeader {
                unit: *unit,
                window: (*window).to_owned(),
                limit: header("limit"),
                remaining: header("remaining"),
                reset: header("reset"),
                reset_as: ResetFormat::Seconds,
            }
        });
        Quirks {
            fields: renames.chain(drops).chain(roles).collect(),
            errors: errors.map(|(of, kind)| ((*of).to_owned(), *kind)).collect(),
            limits: limits.collect(),
            unspoken: (!self.responses)
                .then_some(Dialect::Responses)
                .into_iter()
                .collect(),
            ..Quirks::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_can_be_found_and_may_be_sent() {
        let kinds: Vec<&str> = PRESETS.iter().map(|preset| preset.kind).collect();
        assert!(kinds.is_sorted(), "{kinds:?}");
        for preset in PRESETS {
            assert_eq!(
                of(preset.kind).map(|p| p.display_name),
                Some(preset.display_name)
            );
            assert!(preset.quirks().checked().is_ok());
            if let Some(url) = preset.url {
                assert_eq!(crate::place::base(url), Ok(url.to_owned()));
            }
        }
    }
}
