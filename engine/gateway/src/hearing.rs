//! What a complete answer says, where a strategy asks: read once it is complete, and only then.

use bytes::Bytes;
use mux_dsl::image::Finish;
use mux_dsl::image::answer_path::{Segment, segments};
use mux_routing::answer::Asks;
use mux_routing::flight::Told;
use mux_wire::chat::{Complete, question};
use serde_json::Value;
use std::collections::VecDeque;

/// Longest schema that an answer is held against; a longer one is taken to be met.
const SCHEMA: usize = 256 << 10;

/// Reads a complete answer.
pub(crate) fn complete(parts: &VecDeque<Bytes>, stream: bool) -> Option<Complete> {
    if stream {
        return Complete::streamed(parts);
    }
    match (parts.front(), parts.len()) {
        (Some(only), 1) => Complete::whole(only),
        _ => Complete::whole(&parts.iter().flatten().copied().collect::<Vec<u8>>()),
    }
}

/// What a flight asks about an answer to `request`.
pub(crate) fn told(asks: &Asks<'_>, answer: Option<&Complete>, request: &[u8]) -> Told {
    let Some(answer) = answer else {
        return Told {
            fits: Some(false),
            ..Told::default()
        };
    };
    Told {
        finish: answer.finish.as_deref().and_then(finish),
        fits: asks.form.then(|| fits(answer, request)).flatten(),
        value: asks.path.and_then(|path| value(&answer.text, path)),
        score: asks.score.then(|| question::score(&answer.text)).flatten(),
    }
}

fn finish(word: &str) -> Option<Finish> {
    Some(match word {
        "stop" => Finish::Stop,
        "length" => Finish::Length,
        "tool_calls" | "function_call" => Finish::ToolCalls,
        "content_filter" => Finish::ContentFilter,
        _ => return None,
    })
}

/// Whether an answer fits the schema that the request asks for; `None` where it asks for none. An answer that is empty
/// fits nothing.
fn fits(answer: &Complete, request: &[u8]) -> Option<bool> {
    if answer.text.is_empty() && answer.calls.is_empty() {
        return Some(false);
    }
    let request: Value = serde_json::from_slice(request).ok()?;
    let format = request.get("response_format")?;
    let said = serde_json::from_str::<Value>(&answer.text);
    let schema = match format.get("type")?.as_str()? {
        "json_schema" => format.get("json_schema")?.get("schema"),
        "json_object" => return Some(said.is_ok_and(|said| said.is_object())),
        _ => return None,
    };
    let Ok(said) = said else {
        // A model that calls a tool answers later.
        return (answer.text.is_empty()).then_some(true).or(Some(false));
    };
    let Some(schema) = schema.filter(|schema| schema.to_string().len() <= SCHEMA) else {
        return Some(true);
    };
    // A schema that is none was not refused by the provider, and so binds nobody.
    let schema = jsonschema::validator_for(schema).ok();
    Some(schema.is_none_or(|schema| schema.is_valid(&said)))
}

/// Whether a request asks for one answer in plain text, which somebody else could carry on.
pub(crate) fn plain(request: &[u8]) -> bool {
    let Ok(request) = serde_json::from_slice::<Value>(request) else {
        return false;
    };
    let several = request.get("n").is_some_and(|n| n.as_u64() != Some(1));
    let formed = request
        .get("response_format")
        .is_some_and(|f| f.get("type").and_then(Value::as_str) != Some("text"));
    !several && !formed && request.get("audio").is_none()
}

/// What stands at a path of an answer that is JSON, as JSON whose keys are sorted.
fn value(text: &str, path: &str) -> Option<Box<str>> {
    let fenced = text.trim().strip_prefix("```");
    let text = fenced.map_or(text, |rest| {
        let rest = rest.strip_suffix("```").unwrap_or(rest);
        rest.strip_prefix("json").unwrap_or(rest)
    });
    let answer: Value = serde_json::from_str(text).ok()?;
    let mut at = &answer;
    for segment in segments(path).ok()? {
        at = match segment {
            Segment::Member(name) => at.get(&*name)?,
            Segment::Element(place) => at.get(place)?,
        };
    }
    Some(at.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mux_wire::chat::ToolCall;

    fn says(text: &str) -> Complete {
        Complete {
            text: text.to_owned(),
            finish: Some("stop".to_owned()),
            ..Complete::default()
        }
    }

    #[test]
    fn an_answer_is_held_against_the_schema_of_the_request() {
        let request = br#"{"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object","required":["label"],"properties":{"label":{"enum":["spam","ham"]}}}}}}"#;
        assert_eq!(fits(&says(r#"{"label":"spam"}"#), request), Some(true));
        assert_eq!(fits(&says(r#"{"label":"eggs"}"#), request), Some(false));
        assert_eq!(fits(&says("spam"), request), Some(false));
        assert_eq!(fits(&says(""), request), Some(false));
        let object = br#"{"response_format":{"type":"json_object"}}"#;
        assert_eq!(fits(&says("{}"), object), Some(true));
        assert_eq!(fits(&says("[]"), object), Some(false));
        assert_eq!(fits(&says("anything"), br"{}"), None);
        let calls = Complete {
            calls: vec![ToolCall::default()],
            ..says("")
        };
        assert_eq!(fits(&calls, request), Some(true));
    }

    #[test]
    fn a_schema_never_leads_out_of_the_process() {
        let request = br#"{"response_format":{"type":"json_schema","json_schema":{"schema":{"$ref":"http://127.0.0.1:1/schema"}}}}"#;
        assert_eq!(fits(&says("{}"), request), Some(true));
        let request = br#"{"response_format":{"type":"json_schema","json_schema":{"schema":{"$ref":"file:///etc/passwd"}}}}"#;
        assert_eq!(fits(&says("{}"), request), Some(true));
    }

    #[test]
    fn votes_are_counted_by_what_stands_at_the_path() {
        let at = |text, path| value(text, path).as_deref().map(str::to_owned);
        assert_eq!(at(r#"{"a":[{"b":1}]}"#, "$.a[0].b").as_deref(), Some("1"));
        assert_eq!(
            at("```json\n{\"a\":\"x\"}\n```", "$.a").as_deref(),
            Some("\"x\"")
        );
        assert_eq!(at(r#"{"a":1}"#, "$.b"), None);
        assert_eq!(at("not json", "$"), None);
        assert_eq!(
            at(r#"{"b":1,"a":2}"#, "$"),
            at(r#"{ "a": 2, "b": 1 }"#, "$")
        );
    }
}
