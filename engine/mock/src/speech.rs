//! Puts an answer into one of the dialects.

use bytes::Bytes;
use serde_json::Value;

use crate::answer::Answer;
use crate::options::Dialect;
use crate::{anthropic, openai};

/// A dialect and what the client wants of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speech {
    pub(crate) dialect: Dialect,
    pub(crate) include_usage: bool,
}

impl Speech {
    pub(crate) fn whole(self, answer: &Answer) -> Value {
        match self.dialect {
            Dialect::OpenAi => openai::whole(answer),
            Dialect::Anthropic => anthropic::whole(answer),
        }
    }

    pub(crate) fn opening(self, answer: &Answer) -> Vec<Bytes> {
        match self.dialect {
            Dialect::OpenAi => openai::opening(answer, self.include_usage),
            Dialect::Anthropic => anthropic::opening(answer),
        }
    }

    pub(crate) fn piece(self, answer: &Answer, piece: &str) -> Bytes {
        match self.dialect {
            Dialect::OpenAi => openai::piece(answer, piece, self.include_usage),
            Dialect::Anthropic => anthropic::piece(answer, piece),
        }
    }

    pub(crate) fn closing(self, answer: &Answer) -> Vec<Bytes> {
        match self.dialect {
            Dialect::OpenAi => openai::closing(answer, self.include_usage),
            Dialect::Anthropic => anthropic::closing(answer),
        }
    }

    pub(crate) fn stream_error(self, message: &str) -> Bytes {
        match self.dialect {
            Dialect::OpenAi => openai::stream_error(message),
            Dialect::Anthropic => anthropic::stream_error(message),
        }
    }
}

/// The model that a body asks for; empty where it does not say.
pub(crate) fn model(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let model = body.get("model").and_then(Value::as_str);
    model.unwrap_or_default().to_owned()
}

/// The body of an error.
pub(crate) fn error(dialect: Dialect, status: u16, message: &str) -> Value {
    match dialect {
        Dialect::OpenAi => openai::error(status, message),
        Dialect::Anthropic => anthropic::error(status, message),
    }
}

/// The list of models, of which there is one.
pub(crate) fn models(dialect: Dialect, name: &str) -> Value {
    match dialect {
        Dialect::OpenAi => openai::models(name),
        Dialect::Anthropic => anthropic::models(name),
    }
}

/// The rate limit headers of a provider that is in no hurry to refuse anyone.
pub(crate) fn limit_headers(dialect: Dialect) -> &'static [(&'static str, &'static str)] {
    match dialect {
        Dialect::OpenAi => &[
            ("x-ratelimit-limit-requests", "10000"),
            ("x-ratelimit-remaining-requests", "9999"),
            ("x-ratelimit-reset-requests", "6ms"),
            ("x-ratelimit-limit-tokens", "2000000"),
            ("x-ratelimit-remaining-tokens", "1999000"),
            ("x-ratelimit-reset-tokens", "30ms"),
        ],
        Dialect::Anthropic => &[
            ("anthropic-ratelimit-requests-limit", "4000"),
            ("anthropic-ratelimit-requests-remaining", "3999"),
            ("anthropic-ratelimit-tokens-limit", "480000"),
            ("anthropic-ratelimit-tokens-remaining", "479000"),
        ],
    }
}
