//! One host for all tests of a binary, and what a gateway would ask of it.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use mux_plugins::{Call, Host, Limits};

pub(crate) const NOW: u64 = 1_700_000_000_123;

pub(crate) fn host() -> Arc<Host> {
    static HOST: OnceLock<Arc<Host>> = OnceLock::new();
    Arc::clone(HOST.get_or_init(|| Host::new(Limits::default()).expect("a host")))
}

/// A call for a chat request; the body must hold `"model"`.
pub(crate) fn call<'a>(body: &'a Bytes, model: &'a str, stream: bool) -> Call<'a> {
    let facts = mux_wire::chat::scan(body).expect("a chat request");
    Call {
        operation: "chat",
        dialect: "openai-chat",
        model,
        model_span: facts.model_span.clone(),
        stream,
        attempt: 1,
        now_unix_ms: NOW,
        request_id: "req-1",
        body,
    }
}
