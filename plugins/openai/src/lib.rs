//! The OpenAI adapter: chat completions as one fixed plan.
//!
//! Its clients speak the provider's own dialect, so there is nothing to translate: the host sends the client's
//! bytes with the model's name replaced and hands the answer back untouched, without a single call in here.

use mux_plugin_sdk::{
    Adapter, AuthScheme, BodyNeed, DecodeMode, FixedPlan, Framing, LimitHeader, LimitUnit,
    Manifest, Operation, ReplyPlan, ResetFormat, Upstream,
};

const CHAT_PATH: &str = "/chat/completions";

/// OpenAI and whatever speaks like it.
#[derive(Debug, Clone, Copy)]
pub struct OpenAi;

impl Adapter for OpenAi {
    fn describe() -> Manifest {
        Manifest {
            id: String::from("openai"),
            version: String::from(env!("CARGO_PKG_VERSION")),
            display_name: String::from("OpenAI"),
            operations: vec![chat()],
            upstreams: vec![Upstream {
                id: String::from("api"),
                base_url: String::from("https://api.openai.com/v1"),
                paths: vec![String::from(CHAT_PATH)],
            }],
            auth: vec![AuthScheme::Bearer, AuthScheme::None],
            config_schema: String::from(r#"{"type":"object","additionalProperties":false}"#),
            response_headers: Vec::new(),
            limit_headers: vec![
                limit(LimitUnit::Requests, "requests"),
                limit(LimitUnit::Tokens, "tokens"),
            ],
            memory_mib: 2,
            extra: Vec::new(),
        }
    }

    fn configure(_settings: &[u8]) -> Result<Self, String> {
        Ok(Self)
    }
}

fn chat() -> Operation {
    Operation {
        name: String::from("chat"),
        dialects: vec![String::from("openai-chat")],
        fixed: Some(FixedPlan {
            upstream: String::from("api"),
            path: String::from(CHAT_PATH),
            headers: Vec::new(),
            reply: ReplyPlan {
                framing: Framing::Sse,
                mode: DecodeMode::Verbatim,
            },
        }),
        body: BodyNeed::None,
    }
}

fn limit(unit: LimitUnit, name: &str) -> LimitHeader {
    let header = |part: &str| Some(format!("x-ratelimit-{part}-{name}"));
    LimitHeader {
        unit,
        window: String::from("minute"),
        limit: header("limit"),
        remaining: header("remaining"),
        reset: header("reset"),
        reset_as: ResetFormat::GoDuration,
    }
}

mux_plugin_sdk::export!(OpenAi);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chat_needs_no_call_into_the_adapter() {
        let manifest = OpenAi::describe();
        let chat = &manifest.operations[0];
        let fixed = chat.fixed.as_ref().expect("a fixed plan");
        assert_eq!(fixed.path, "/chat/completions");
        assert_eq!(fixed.reply.mode, DecodeMode::Verbatim);
        assert_eq!(chat.body, BodyNeed::None);
    }
}
