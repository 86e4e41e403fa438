//! `OpenTelemetry` spans with `gen_ai.*` attributes, as OTLP writes them in JSON: an export of any number of spans.

use super::call::{Asked, Call};
use super::fields::{count, duration, money, text};
use crate::record::{Facts, Usage};
use serde_json::{Map, Value};

/// What each span of an export is: a call, none (another kind of span), or not what it should be.
pub(crate) fn calls(export: &Value) -> Vec<Result<Option<Call>, String>> {
    // An export, or a span alone, as some exporters write it.
    if export.get("startTimeUnixNano").is_some() {
        return vec![call(export, &Map::new())];
    }
    if export.get("resourceSpans").is_none() {
        return vec![Err("not OTLP: it has no `resourceSpans`".to_owned())];
    }
    let mut calls = Vec::new();
    for resource in list(export, "resourceSpans") {
        let shared = attributes(resource.get("resource").unwrap_or(&Value::Null));
        for scope in list(resource, "scopeSpans") {
            calls.extend(list(scope, "spans").iter().map(|span| call(span, &shared)));
        }
    }
    calls
}

fn list<'v>(of: &'v Value, name: &str) -> &'v [Value] {
    of.get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Attributes by their names, which hold dots.
fn attributes(of: &Value) -> Map<String, Value> {
    let pair = |attribute: &Value| {
        let name = attribute.get("key")?.as_str()?.to_owned();
        let (kind, value) = attribute.get("value")?.as_object()?.iter().next()?;
        let value = match kind.as_str() {
            "arrayValue" => value.get("values")?.clone(),
            _ => value.clone(),
        };
        // One level, so that ways of fields lead to it.
        Some((name.replace('.', "/"), value))
    };
    list(of, "attributes").iter().filter_map(pair).collect()
}

fn call(span: &Value, shared: &Map<String, Value>) -> Result<Option<Call>, String> {
    let mut all = shared.clone();
    all.extend(attributes(span));
    let told = Value::Object(all);
    let operation = text(&told, &["gen_ai/operation/name"]);
    let model = text(&told, &["gen_ai/request/model", "gen_ai/response/model"]);
    let is_call = match operation {
        Some(name) => matches!(
            name,
            "chat" | "text_completion" | "generate_content" | "embeddings"
        ),
        // Older conventions name no operation.
        None => model.is_some(),
    };
    if !is_call {
        return Ok(None);
    }
    let (began, ended) = (
        nanos(span, "startTimeUnixNano")?,
        nanos(span, "endTimeUnixNano")?,
    );
    let failed = text(&told, &["error/type"]).map(str::to_owned).or_else(|| {
        let code = span.get("status")?.get("code")?;
        let is_error = code.as_u64() == Some(2) || code.as_str() == Some("STATUS_CODE_ERROR");
        is_error.then(|| "server".to_owned())
    });
    let tokens = |names: &[&str]| Ok::<_, String>(count(&told, names)?.unwrap_or_default());
    let usage = Usage {
        input: tokens(&["gen_ai/usage/input_tokens", "gen_ai/usage/prompt_tokens"])?,
        output: tokens(&[
            "gen_ai/usage/output_tokens",
            "gen_ai/usage/completion_tokens",
        ])?,
        cache_read: tokens(&[
            "gen_ai/usage/cache_read/input_tokens",
            "gen_ai/usage/cache_read_input_tokens",
        ])?,
        cache_write: tokens(&[
            "gen_ai/usage/cache_creation/input_tokens",
            "gen_ai/usage/cache_creation_input_tokens",
        ])?,
        reasoning: tokens(&[
            "gen_ai/usage/reasoning/output_tokens",
            "gen_ai/usage/reasoning_tokens",
        ])?,
        ..Usage::default()
    };
    let owned = |names: &[&str]| text(&told, names).map(str::to_owned);
    let status = count(&told, &["http/response/status_code", "http/status_code"])?;
    let limit = count(&told, &["gen_ai/request/max_tokens"])?;
    let first_us = duration(
        &told,
        &[],
        &[
            "gen_ai/response/time_to_first_chunk",
            "gen_ai/server/time_to_first_token",
        ],
    )?;
    let streaming = told.get("gen_ai/request/stream").and_then(Value::as_bool);
    let span_id = |name| text(span, &[name]).unwrap_or_default();
    let id = [span_id("traceId"), span_id("spanId")].concat();
    Ok(Some(Call {
        id: Some(id).filter(|id| !id.is_empty()),
        at: began.and_then(|ns| i64::try_from(ns / 1_000_000).ok()),
        asked: match operation {
            Some("embeddings") => Asked::EMBEDDINGS,
            _ => Asked::CHAT,
        },
        model: owned(&["gen_ai/request/model", "gen_ai/response/model"]),
        provider: owned(&["gen_ai/provider/name", "gen_ai/system"]),
        answered_by: owned(&["gen_ai/response/model"]),
        status: status.and_then(|s| u16::try_from(s).ok()),
        failure: failed,
        first_us,
        total_us: began
            .zip(ended)
            .and_then(|(b, e)| Some(e.checked_sub(b)? / 1_000)),
        usage: Some(usage),
        cost: money(&told, &["gen_ai/usage/cost", "gen_ai/cost/total_cost"])?,
        class: None,
        from_cache: false,
        facts: Facts {
            end_user: owned(&["enduser/id", "user/id"]),
            conversation: owned(&["gen_ai/conversation/id", "session/id"]),
            tags: ["service.name", "deployment.environment.name"]
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), owned(&[&*name.replace('.', "/")])?)))
                .collect(),
            output_limit: limit.and_then(|limit| u32::try_from(limit).ok()),
            streaming: streaming.unwrap_or(first_us.is_some()),
            ..Facts::default()
        },
    }))
}

/// Nanoseconds since 1970, which JSON has as text.
fn nanos(span: &Value, name: &str) -> Result<Option<u64>, String> {
    Ok(count(span, &[name])?.filter(|nanos| *nanos > 0))
}
