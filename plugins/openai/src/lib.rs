//! The OpenAI adapter: chat completions, responses and embeddings as fixed plans.
//!
//! Its clients speak the provider's own dialect, so there is nothing to translate: the host sends the client's
//! bytes with the model's name replaced and hands the answer back untouched, without a single call in here.

use mux_plugin_sdk::{
    Adapter, AuthScheme, BodyNeed, DecodeMode, FixedPlan, Framing, LimitHeader, LimitUnit,
    Manifest, Operation, ReplyPlan, ResetFormat, Upstream,
};

const CHAT_PATH: &str = "/chat/completions";
const RESPONSES_PATH: &str = "/responses";
const EMBEDDINGS_PATH: &str = "/embeddings";

/// OpenAI and whatever speaks like it.
#[derive(Debug, Clone, Copy)]
pub struct OpenAi;

impl Adapter for OpenAi {
    fn describe() -> Manifest {
        Manifest {
            id: String::from("openai"),
            version: String::from(env!("CARGO_PKG_VERSION")),
            display_name: String::from("OpenAI"),
            operations: vec![
                passed("chat", "openai-chat", CHAT_PATH),
                passed("chat", "openai-responses", RESPONSES_PATH),
                passed("embeddings", "openai-embeddings", EMBEDDINGS_PATH),
            ],
            upstreams: vec![Upstream {
                id: String::from("api"),
                base_url: String::from("https://api.openai.com/v1"),
                paths: [CHAT_PATH, RESPONSES_PATH, EMBEDDINGS_PATH]
                    .map(String::from)
                    .to_vec(),
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

fn passed(name: &str, dialect: &str, path: &str) -> Operation {
    Operation {
        name: String::from(name),
        dialects: vec![String::from(dialect)],
        fixed: Some(FixedPlan {
            upstream: String::from("api"),
            path: String::from(path),
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
    fn nothing_needs_a_call_into_the_adapter() {
        let manifest = OpenAi::describe();
        for (operation, path) in
            manifest
                .operations
                .iter()
                .zip(["/chat/completions", "/responses", "/embeddings"])
        {
            let fixed = operation.fixed.as_ref().expect("a fixed plan");
            assert_eq!(fixed.path, path);
            assert_eq!(fixed.reply.mode, DecodeMode::Verbatim);
            assert_eq!(operation.body, BodyNeed::None);
        }
    }
}
