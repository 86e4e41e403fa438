//! What guests answer, in our words.

use mux_wire::fault::{ErrorKind, RetryAdvice, UpstreamError};
use mux_wire::frame::Framing;
use mux_wire::usage::Usage;

use crate::bindings::mux::provider::types as wit;
use crate::fault::Fault;

/// Longest message of a guest passed on, in bytes.
const MESSAGE_LIMIT: usize = 2_000;

impl From<wit::Fault> for Fault {
    fn from(fault: wit::Fault) -> Self {
        match fault {
            wit::Fault::InvalidRequest(bad) => Self::Invalid {
                message: clip(bad.message),
                param: bad.param,
            },
            wit::Fault::Unsupported(bad) => Self::Unsupported {
                message: clip(bad.message),
                param: bad.param,
            },
            wit::Fault::BadResponse(message) => Self::BadResponse(clip(message)),
            wit::Fault::Internal(message) => Self::Internal(clip(message)),
        }
    }
}

/// An upstream error.
pub(crate) fn upstream_error(error: wit::UpstreamError) -> UpstreamError {
    UpstreamError {
        kind: kind(&error.kind),
        message: clip(error.message),
        code: error.provider_code.map(clip),
        param: error.param.map(clip),
        retry_after_ms: error.retry_after_ms,
        retry: match error.retry {
            wit::RetryAdvice::Never => RetryAdvice::Never,
            wit::RetryAdvice::SameKey => RetryAdvice::SameKey,
            wit::RetryAdvice::OtherKey => RetryAdvice::OtherKey,
            wit::RetryAdvice::OtherModel => RetryAdvice::OtherModel,
            wit::RetryAdvice::OtherProvider => RetryAdvice::OtherProvider,
        },
    }
}

fn kind(kind: &wit::ErrorKind) -> ErrorKind {
    match kind {
        wit::ErrorKind::RateLimited(_) => ErrorKind::RateLimited,
        wit::ErrorKind::QuotaExhausted => ErrorKind::QuotaExhausted,
        wit::ErrorKind::Overloaded => ErrorKind::Overloaded,
        wit::ErrorKind::Authentication => ErrorKind::Authentication,
        wit::ErrorKind::Permission => ErrorKind::Permission,
        wit::ErrorKind::InvalidRequest => ErrorKind::InvalidRequest,
        wit::ErrorKind::ContextLength(_) => ErrorKind::ContextLength,
        wit::ErrorKind::ContentFilter => ErrorKind::ContentFilter,
        wit::ErrorKind::ModelNotFound => ErrorKind::ModelNotFound,
        wit::ErrorKind::PayloadTooLarge => ErrorKind::PayloadTooLarge,
        wit::ErrorKind::Server => ErrorKind::Server,
        wit::ErrorKind::Timeout => ErrorKind::Timeout,
        wit::ErrorKind::BadResponse => ErrorKind::BadResponse,
        wit::ErrorKind::Other(_) => ErrorKind::Other,
    }
}

/// Token counts. Parts larger than their whole are cut down to it: they are the plugin's word, not to be trusted.
pub(crate) fn usage(usage: &wit::Usage) -> Usage {
    let other = |name: &str| {
        let named = usage.other.iter().filter(|(known, _)| known == name);
        named.map(|(_, count)| *count).max().unwrap_or(0)
    };
    let cache_read = usage.cache_read.min(usage.input);
    let cache_write = usage.cache_write.min(usage.input - cache_read);
    let reasoning = usage.reasoning.min(usage.output);
    Usage {
        input: usage.input,
        output: usage.output,
        cache_read,
        cache_write,
        reasoning,
        cache_write_1h: other("cache_write_1h").min(cache_write),
        audio_input: other("audio_input").min(usage.input - cache_read - cache_write),
        audio_output: other("audio_output").min(usage.output - reasoning),
    }
}

/// `finish_reason` as chat clients know it.
pub(crate) fn finish(finish: wit::Finish) -> String {
    let known = match finish {
        wit::Finish::Stop => "stop",
        wit::Finish::Length => "length",
        wit::Finish::ToolCalls => "tool_calls",
        wit::Finish::ContentFilter | wit::Finish::Refusal => "content_filter",
        wit::Finish::Other(name) => return clip(name),
    };
    String::from(known)
}

/// How a reply is cut.
pub(crate) fn framing(framing: wit::Framing) -> Framing {
    match framing {
        wit::Framing::Buffered => Framing::Buffered,
        wit::Framing::Sse => Framing::Sse,
        wit::Framing::Ndjson => Framing::Ndjson,
        wit::Framing::JsonArray => Framing::JsonArray,
        wit::Framing::Raw => Framing::Raw,
        wit::Framing::AwsEventStream => Framing::Amazon,
    }
}

fn clip(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MESSAGE_LIMIT));
    text
}
