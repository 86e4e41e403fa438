//! Which words in an error body mean which kind of failure, under which statuses.

use crate::fault::kind::ErrorKind;

/// Labels and phrases that mean `kind` under some statuses, and always inside a good answer.
pub(crate) struct Rule {
    pub(crate) kind: ErrorKind,
    statuses: &'static [u16],
    pub(crate) labels: &'static [&'static str],
    phrases: &'static [&'static str],
}

impl Rule {
    pub(crate) fn applies(&self, status: u16) -> bool {
        status < 300 || self.statuses.contains(&status)
    }

    /// Whether `words`, in lower case, contain one of the phrases. A `*` in a phrase stands for anything.
    pub(crate) fn is_said_in(&self, words: &str) -> bool {
        self.phrases.iter().any(|phrase| {
            let mut rest = Some(words);
            for part in phrase.split('*') {
                rest = rest
                    .and_then(|rest| rest.split_once(part))
                    .map(|(_, after)| after);
            }
            rest.is_some()
        })
    }
}

/// First match wins. Collected from the providers' documents and from recorded answers.
pub(crate) const RULES: &[Rule] = &[
    Rule {
        kind: ErrorKind::QuotaExhausted,
        statuses: &[400, 402, 403, 429],
        labels: &[
            "insufficient_quota",
            "credit_balance_exhausted",
            "organization_spend_limit_exceeded",
            "project_spend_limit_exceeded",
            "organization_usage_limit_exceeded",
            "enforced_spend_limit_reached",
            "quota_exceeded",
            "billing_hard_limit_reached",
            "billing_not_active",
            "billing_error",
        ],
        phrases: &[
            "specified api usage limits",
            "credit balance is too low",
            "exceeded your current quota, please check your plan and billing",
        ],
    },
    Rule {
        kind: ErrorKind::ContextLength,
        statuses: &[400, 403, 404, 413, 422, 500],
        labels: &[
            "context_length_exceeded",
            "exceed_context_size_error",
            "too_many_tokens",
            "too_many_prompt_tokens",
            "string_above_max_length",
        ],
        phrases: &[
            "prompt is too long",
            "maximum context length",
            "context length",
            "context window",
            "input tokens exceed",
            "input is too long",
            "input token count",
            "too many tokens",
            "too many input tokens",
        ],
    },
    Rule {
        kind: ErrorKind::ContentFilter,
        statuses: &[400, 403, 422],
        labels: &[
            "content_filter",
            "content_policy_violation",
            "responsibleaipolicyviolation",
            "moderation_blocked",
        ],
        phrases: &[
            "content management policy",
            "content policy",
            "flagged by moderation",
        ],
    },
    Rule {
        kind: ErrorKind::Authentication,
        statuses: &[400, 403],
        labels: &[
            "invalid_api_key",
            "api_key_invalid",
            "authentication_error",
            "unauthenticated",
            "unrecognizedclientexception",
        ],
        phrases: &[
            "api key not valid",
            "incorrect api key",
            "invalid api key",
            "security token included in the request is invalid",
        ],
    },
    Rule {
        kind: ErrorKind::ModelNotFound,
        statuses: &[400, 403, 404, 410, 422],
        labels: &[
            "model_not_found",
            "invalid_model",
            "deploymentnotfound",
            "model_decommissioned",
            "resourcenotfoundexception",
            "unknown_model",
        ],
        phrases: &[
            "model identifier is invalid",
            "is not a valid model",
            "invalid model",
            "unknown model",
            "model not found",
            "model not exist",
            "model * does not exist",
            "supported models are",
            "supported api model names",
        ],
    },
    Rule {
        kind: ErrorKind::ModelNotFound,
        statuses: &[404],
        labels: &[],
        phrases: &["model", "deployment"],
    },
    Rule {
        kind: ErrorKind::Overloaded,
        statuses: &[429, 500, 502, 503],
        labels: &[
            "overloaded_error",
            "overloaded",
            "server_is_overloaded",
            "engine_overloaded",
            "capacity_exceeded",
            "unavailable",
            "modelnotreadyexception",
            "serviceunavailableexception",
        ],
        phrases: &["currently overloaded", "experiencing high demand"],
    },
    Rule {
        kind: ErrorKind::RateLimited,
        statuses: &[400, 403, 503],
        labels: &[
            "rate_limit_exceeded",
            "rate_limit_error",
            "rate_limited",
            "ratelimitreached",
            "resource_exhausted",
            "throttlingexception",
            "too_many_requests",
            "slow_down",
        ],
        phrases: &["rate limit exceeded", "too many requests"],
    },
    // A server that lacks the ability says so with a 5xx; asking again does not teach it.
    Rule {
        kind: ErrorKind::InvalidRequest,
        statuses: &[500, 501],
        labels: &["not_supported_error"],
        phrases: &["is not supported", "param requires --"],
    },
    // The model wrote a call its own provider could not read: the request is fine.
    Rule {
        kind: ErrorKind::BadResponse,
        statuses: &[400],
        labels: &["tool_use_failed"],
        phrases: &[],
    },
    Rule {
        kind: ErrorKind::PayloadTooLarge,
        statuses: &[400],
        labels: &["request_too_large"],
        phrases: &[],
    },
    Rule {
        kind: ErrorKind::Permission,
        statuses: &[],
        labels: &["permission_error", "permission_denied"],
        phrases: &[],
    },
    Rule {
        kind: ErrorKind::Timeout,
        statuses: &[],
        labels: &["timeout_error", "timeout", "deadline_exceeded"],
        phrases: &[],
    },
    Rule {
        kind: ErrorKind::InvalidRequest,
        statuses: &[],
        labels: &[
            "invalid_request_error",
            "invalid_argument",
            "validationexception",
            "not_found_error",
        ],
        phrases: &[],
    },
];
