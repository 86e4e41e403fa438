//! Chunks that carry on an answer whose beginning another stream has said. A client reads one answer: it has one role, and
//! what it counts is what both parts used.

use bytes::{Bytes, BytesMut};
use serde_json::{Map, Value};

use crate::usage::Usage;

/// Whole events as more of an answer that has begun, after a part that used so much.
#[must_use]
pub fn carried_on(events: &[u8], before: Option<&Usage>) -> Bytes {
    let mut out = BytesMut::with_capacity(events.len());
    for line in events.split_inclusive(|byte| *byte == b'\n') {
        let data = line.strip_prefix(b"data:").unwrap_or_default();
        match chunk(data.trim_ascii(), before) {
            Some(chunk) => {
                out.extend_from_slice(b"data: ");
                out.extend_from_slice(&chunk);
                out.extend_from_slice(ending(line));
            }
            None => out.extend_from_slice(line),
        }
    }
    out.freeze()
}

/// One chunk as more of an answer; `None` where it is that already.
fn chunk(json: &[u8], before: Option<&Usage>) -> Option<Vec<u8>> {
    let holds = |word: &[u8]| json.windows(word.len()).any(|at| at == word);
    if !holds(b"\"role\"") && !holds(b"\"usage\"") {
        return None;
    }
    let mut chunk: Value = serde_json::from_slice(json).ok()?;
    let mut changed = false;
    let choices = chunk.get_mut("choices").and_then(Value::as_array_mut);
    for choice in choices.into_iter().flatten() {
        if let Some(delta) = choice.get_mut("delta").and_then(Value::as_object_mut) {
            changed |= delta.remove("role").is_some();
        }
    }
    if let Some(before) = before {
        for place in ["/usage", "/x_groq/usage"] {
            if let Some(usage) = chunk.pointer_mut(place).and_then(Value::as_object_mut) {
                add(usage, before);
                changed = true;
            }
        }
    }
    changed.then(|| serde_json::to_vec(&chunk).ok()).flatten()
}

/// Adds to those counts that are told.
fn add(usage: &mut Map<String, Value>, before: &Usage) {
    let more = |counts: &mut Map<String, Value>, name: &str, more: u64| {
        if let Some(count) = counts.get_mut(name)
            && let Some(known) = count.as_u64()
        {
            *count = known.saturating_add(more).into();
        }
    };
    more(usage, "prompt_tokens", before.input);
    more(usage, "completion_tokens", before.output);
    more(usage, "total_tokens", before.total());
    for (part, name, count) in [
        ("prompt_tokens_details", "cached_tokens", before.cache_read),
        (
            "completion_tokens_details",
            "reasoning_tokens",
            before.reasoning,
        ),
    ] {
        if let Some(details) = usage.get_mut(part).and_then(Value::as_object_mut) {
            more(details, name, count);
        }
    }
}

/// How a line ends.
fn ending(line: &[u8]) -> &[u8] {
    let text = line.trim_ascii_end().len();
    line.get(text..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: Usage = Usage {
        input: 100,
        output: 20,
        cache_read: 60,
        cache_write: 0,
        reasoning: 5,
        cache_write_1h: 0,
        audio_input: 0,
        audio_output: 0,
    };

    fn data(events: &Bytes) -> Vec<Value> {
        let text = std::str::from_utf8(events).unwrap();
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        data.filter_map(|data| serde_json::from_str(data).ok())
            .collect()
    }

    #[test]
    fn the_second_part_of_an_answer_names_no_role_and_counts_both() {
        let stream = concat!(
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"a\"}}],\"usage\":null}\r\n\r\n",
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3,\"total_tokens\":10,",
            "\"prompt_tokens_details\":{\"cached_tokens\":1}}}\r\n\r\n",
        );
        let carried = carried_on(stream.as_bytes(), Some(&BEFORE));
        let events = data(&carried);
        assert_eq!(
            events[0]["choices"][0]["delta"],
            serde_json::json!({"content": "a"})
        );
        assert_eq!(events[0]["usage"], Value::Null);
        assert_eq!(
            events[1]["usage"],
            serde_json::json!({
                "prompt_tokens": 107, "completion_tokens": 23, "total_tokens": 130,
                "prompt_tokens_details": { "cached_tokens": 61 },
            })
        );
        assert_eq!(carried.windows(4).filter(|w| w == b"\r\n\r\n").count(), 2);
    }

    #[test]
    fn whatever_need_not_be_changed_stays_byte_for_byte() {
        for stream in [
            "data: { \"choices\":[{\"delta\":{\"content\":\"the \\\"role\\\" of usage\"}} ] }\n\n",
            ": a comment\n\nevent: x\ndata:{\"usage\" : null}\n\ndata: [DONE]\n\n",
            "data: not \"role\" json\n\n",
            "",
        ] {
            assert_eq!(carried_on(stream.as_bytes(), Some(&BEFORE)), stream);
        }
        let counted = "data: {\"usage\":{\"prompt_tokens\":7}}\n\n";
        assert_eq!(carried_on(counted.as_bytes(), None), counted);
    }
}
