//! A row of `LiteLLM`'s spend logs.

use super::call::{Asked, Call};
use super::fields::{count, duration, money, text, time};
use crate::record::{Facts, Usage};
use serde_json::Value;

/// The call in a row, whose cells may all be text, as they are in a dump.
pub(crate) fn call(row: &Value) -> Result<Option<Call>, String> {
    if text(row, &["request_id", "startTime", "call_type"]).is_none() {
        return Err(
            "not a spend log: it has neither `request_id` nor `startTime` nor `call_type`"
                .to_owned(),
        );
    }
    let Some(asked) = asked(text(row, &["call_type"]).unwrap_or_default()) else {
        return Ok(None);
    };
    // JSON columns are text in some dumps.
    let inner = |name: &str| match row.get(name) {
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or(Value::Null),
        Some(value) => value.clone(),
        None => Value::Null,
    };
    let (metadata, tags) = (inner("metadata"), inner("request_tags"));
    let (began, ended) = (
        time(row, &["startTime", "start_time"])?,
        time(row, &["endTime", "end_time"])?,
    );
    let content = time(row, &["completionStartTime", "completion_start_time"])?;
    let since = |at: Option<i64>| {
        let ms = at?.checked_sub(began?)?;
        u64::try_from(ms).ok()?.checked_mul(1_000)
    };
    // A whole answer begins when it ends.
    let streamed = content.is_some() && content != ended;
    let failed = text(row, &["status"]).is_some_and(|status| status == "failure");
    let error = text(&metadata, &["error_information.error_class"]);
    let code = count(&metadata, &["error_information.error_code"])?;
    let usage = Usage {
        input: count(row, &["prompt_tokens"])?.unwrap_or_default(),
        output: count(row, &["completion_tokens"])?.unwrap_or_default(),
        cache_read: count(
            &metadata,
            &[
                "usage_object.cache_read_input_tokens",
                "usage_object.prompt_tokens_details.cached_tokens",
            ],
        )?
        .unwrap_or_default(),
        cache_write: count(&metadata, &["usage_object.cache_creation_input_tokens"])?
            .unwrap_or_default(),
        reasoning: count(
            &metadata,
            &["usage_object.completion_tokens_details.reasoning_tokens"],
        )?
        .unwrap_or_default(),
        ..Usage::default()
    };
    let owned = |names: &[&str]| text(row, names).map(str::to_owned);
    Ok(Some(Call {
        id: owned(&["request_id"]),
        at: began,
        asked,
        model: owned(&["model_group", "model"]),
        provider: owned(&["custom_llm_provider"]),
        answered_by: owned(&["model"]),
        status: code.and_then(|code| u16::try_from(code).ok()),
        failure: failed.then(|| error.unwrap_or("server").to_owned()),
        first_us: since(content).filter(|_| streamed),
        total_us: duration(row, &["request_duration_ms"], &[])?.or_else(|| since(ended)),
        usage: Some(usage),
        cost: money(row, &["spend", "response_cost"])?,
        class: None,
        from_cache: text(row, &["cache_hit"]).is_some_and(|hit| hit.eq_ignore_ascii_case("true")),
        facts: Facts {
            // Only what is a hash: a log of an old version may hold the key itself.
            key: owned(&["api_key"])
                .filter(|key| key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit())),
            team: owned(&["team_id"]),
            end_user: owned(&["end_user", "user"]),
            conversation: owned(&["session_id"]),
            tags: tags
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(tag)
                .collect(),
            streaming: streamed,
            ..Facts::default()
        },
    }))
}

/// What a `call_type` asks for, of which most come in two kinds: `completion`, and `acompletion` where it did not block.
/// `None` for what mux has not, such as images and speech.
fn asked(call_type: &str) -> Option<Asked> {
    Some(match call_type.trim_start_matches('_') {
        ""
        | "completion"
        | "acompletion"
        | "text_completion"
        | "atext_completion"
        | "generate_content"
        | "agenerate_content"
        | "generate_content_stream"
        | "agenerate_content_stream" => Asked::CHAT,
        "anthropic_messages" => Asked::MESSAGES,
        "responses" | "aresponses" => Asked::RESPONSES,
        "embedding" | "aembedding" => Asked::EMBEDDINGS,
        "count_tokens" | "acount_tokens" => Asked::COUNT,
        _ => return None,
    })
}

/// `team:red` and `team=red` are tags with a value.
fn tag(text: &str) -> (String, String) {
    let (name, value) = text.split_once([':', '=']).unwrap_or((text, "true"));
    (name.trim().to_owned(), value.trim().to_owned())
}
