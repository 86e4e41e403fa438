//! Why the model stopped, in the unified form's words.

use mux_plugin_sdk::Finish;

/// The finish of an answer with that stop reason.
pub(crate) fn finish(stop_reason: Option<&str>, calls_tools: bool) -> Finish {
    match stop_reason {
        Some("refusal") => Finish::Refusal,
        // Also where the limit cut a call short: the native word beside it says so.
        _ if calls_tools => Finish::ToolCalls,
        Some("max_tokens" | "model_context_window_exceeded") => Finish::Length,
        _ => Finish::Stop,
    }
}

/// `finish_reason` as chat clients know it.
pub(crate) fn reason(finish: &Finish) -> &'static str {
    match finish {
        Finish::Length => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::ContentFilter | Finish::Refusal => "content_filter",
        Finish::Stop | Finish::Other(_) => "stop",
    }
}
