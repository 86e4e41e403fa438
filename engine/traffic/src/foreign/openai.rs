//! An entry of a log in `OpenAI`'s form: what was asked and what was answered, in the shapes that such logs have.
//!
//! `{"request": {…}, "response": {…}, …}` with times and status beside them, lines of batch results
//! (`{"custom_id": …, "response": {"status_code": …, "body": {…}}}`), and answers alone.

use super::call::{Asked, Call};
use super::fields::{at, count, duration, money, text, time};
use crate::record::{Facts, Usage};
use serde_json::Value;

pub(crate) fn call(entry: &Value) -> Result<Option<Call>, String> {
    let object = |ways: &[&str]| {
        ways.iter()
            .find_map(|way| at(entry, way).filter(|v| v.is_object()))
    };
    let asked = object(&["request.body", "request", "body.request"]).unwrap_or(&Value::Null);
    let alone = entry
        .get("choices")
        .or_else(|| entry.get("usage"))
        .is_some();
    let answered = object(&["response.body", "response", "body.response"])
        .or(alone.then_some(entry))
        .unwrap_or(&Value::Null);
    if asked.is_null() && answered.is_null() && at(entry, "error").is_none() {
        return Err(
            "not a request log: it has neither `request` nor `response` nor `choices`".to_owned(),
        );
    }
    let path = text(entry, &["url", "path", "endpoint", "request.url"]).unwrap_or_default();
    let Some(way) = way(path) else {
        return Ok(None);
    };
    let status = count(
        entry,
        &[
            "status_code",
            "status",
            "http_status",
            "response.status_code",
            "response.status",
        ],
    );
    // A word such as `completed` is a status as well.
    let status = status.ok().flatten().and_then(|s| u16::try_from(s).ok());
    let error = at(entry, "error").or_else(|| at(answered, "error"));
    let failure = error.map(|error| {
        let word = text(error, &["code", "type"]).or_else(|| error.as_str());
        // A message may quote the prompt: only what can be a name is looked at.
        word.filter(|word| word.len() <= 64)
            .unwrap_or("server")
            .to_owned()
    });
    let usage = usage(answered)?;
    let began = time(
        entry,
        &[
            "timestamp",
            "time",
            "start_time",
            "started_at",
            "created_at",
            "request.timestamp",
        ],
    )?;
    let owned = |value: &Value, names: &[&str]| text(value, names).map(str::to_owned);
    Ok(Some(Call {
        id: owned(entry, &["request_id", "id", "custom_id"]).or_else(|| owned(answered, &["id"])),
        at: match began {
            None => time(answered, &["created", "created_at"])?.or(time(entry, &["created"])?),
            began => began,
        },
        asked: way,
        model: owned(asked, &["model"]).or_else(|| owned(entry, &["model"])),
        provider: owned(entry, &["provider"]),
        answered_by: owned(answered, &["model"]),
        status,
        failure,
        first_us: duration(
            entry,
            &["ttft_ms", "time_to_first_token_ms", "first_token_ms"],
            &["ttft", "time_to_first_token"],
        )?,
        total_us: duration(
            entry,
            &["latency_ms", "duration_ms", "response_time_ms", "total_ms"],
            &["latency", "duration", "response_time"],
        )?,
        usage,
        cost: money(entry, &["cost_usd", "cost", "response_cost", "spend"])?,
        class: None,
        from_cache: false,
        facts: facts(entry, asked)?,
    }))
}

fn usage(answered: &Value) -> Result<Option<Usage>, String> {
    let Some(told) = at(answered, "usage") else {
        return Ok(None);
    };
    let tokens = |names: &[&str]| Ok::<_, String>(count(told, names)?.unwrap_or_default());
    Ok(Some(Usage {
        input: tokens(&["prompt_tokens", "input_tokens"])?,
        output: tokens(&["completion_tokens", "output_tokens"])?,
        cache_read: tokens(&[
            "prompt_tokens_details.cached_tokens",
            "input_tokens_details.cached_tokens",
        ])?,
        cache_write: 0,
        reasoning: tokens(&[
            "completion_tokens_details.reasoning_tokens",
            "output_tokens_details.reasoning_tokens",
        ])?,
        audio_input: tokens(&["prompt_tokens_details.audio_tokens"])?,
        audio_output: tokens(&["completion_tokens_details.audio_tokens"])?,
        ..Usage::default()
    }))
}

/// What a policy may ask about the request; never what it says.
fn facts(entry: &Value, asked: &Value) -> Result<Facts, String> {
    let limit = count(
        asked,
        &["max_completion_tokens", "max_tokens", "max_output_tokens"],
    )?;
    let full = |name: &str| {
        at(asked, name)
            .and_then(Value::as_array)
            .is_some_and(|list| !list.is_empty())
    };
    let form = text(asked, &["response_format.type", "text.format.type"]);
    let needs = [
        ("tools", full("tools")),
        ("images", has_images(asked)),
        ("json-schema", form == Some("json_schema")),
    ];
    let tags = at(entry, "metadata").or_else(|| at(asked, "metadata"));
    let tags = tags.and_then(Value::as_object).into_iter().flatten();
    Ok(Facts {
        end_user: text(asked, &["user"])
            .or_else(|| text(entry, &["user"]))
            .map(str::to_owned),
        tags: tags
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect(),
        output_limit: limit.and_then(|limit| u32::try_from(limit).ok()),
        streaming: at(asked, "stream")
            .and_then(Value::as_bool)
            .unwrap_or_default(),
        needs: needs
            .iter()
            .filter(|(_, is)| *is)
            .map(|(need, _)| (*need).to_owned())
            .collect(),
        ..Facts::default()
    })
}

fn has_images(asked: &Value) -> bool {
    let lists = |value, names| {
        let found = move |name: &&str| Value::as_array(Value::get(value, *name)?);
        <[&str]>::iter(names).filter_map(found).flatten()
    };
    lists(asked, &["messages", "input"])
        .flat_map(|message| lists(message, &["content"]))
        .any(|part| {
            matches!(
                text(part, &["type"]),
                Some("image_url" | "input_image" | "image")
            )
        })
}

/// What was asked for, from the end of the path that was called; `None` for what mux has not.
fn way(path: &str) -> Option<Asked> {
    const KNOWN: [(&str, Asked); 5] = [
        ("chat/completions", Asked::CHAT),
        ("embeddings", Asked::EMBEDDINGS),
        ("responses", Asked::RESPONSES),
        ("messages", Asked::MESSAGES),
        ("messages/count_tokens", Asked::COUNT),
    ];
    const OTHERS: [&str; 4] = ["moderations", "images/", "audio/", "rerank"];
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let found = KNOWN
        .iter()
        .find(|(end, _)| path.trim_end_matches('/').ends_with(end));
    match found {
        Some((_, asked)) => Some(*asked),
        None if OTHERS.iter().any(|part| path.contains(part)) => None,
        None => Some(Asked::CHAT),
    }
}
