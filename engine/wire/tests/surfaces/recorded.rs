//! Recorded exchanges through every client dialect. Skipped where the recordings are absent; `MUX_TRAFFIC_DIR` says where
//! they are.

use crate::heard::{message, response, told};
use bytes::Bytes;
use mux_wire::chat::{Audience, Complete, scan};
use mux_wire::tap::Tap;
use mux_wire::{Dialect, Framer, Framing, messages, responses};
use serde_json::Value;
use std::path::PathBuf;

struct Recorded {
    file: String,
    entry: Value,
    exchange: Value,
}

impl Recorded {
    fn stream(&self) -> Option<Bytes> {
        let body = self.exchange["response"]["body_text"].as_str()?;
        let sse = self.entry["framing"] == "sse" && self.entry["status"] == 200;
        sse.then(|| Bytes::from(body.to_owned()))
    }
}

fn recorded(api: &str) -> Vec<Recorded> {
    let default = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/traffic"
    ));
    let folder = std::env::var_os("MUX_TRAFFIC_DIR").map_or(default, PathBuf::from);
    let Ok(index) = std::fs::read(folder.join("index.json")) else {
        eprintln!("skipped: no recordings in {}", folder.display());
        return Vec::new();
    };
    let index: Value = serde_json::from_slice(&index).expect("an index");
    let entries = index["entries"].as_array().expect("entries").iter();
    let wanted = entries.filter(|entry| entry["api"] == api);
    let read = |entry: &Value| {
        let file = entry["file"].as_str().expect("a file").to_owned();
        let exchange = std::fs::read(folder.join(&file)).expect("a recording");
        let exchange = serde_json::from_slice(&exchange).expect("an exchange");
        Recorded {
            file,
            entry: entry.clone(),
            exchange,
        }
    };
    wanted.map(read).collect()
}

#[test]
fn what_anthropics_clients_asked_can_be_asked_of_others_or_is_refused_with_its_place() {
    let all = recorded("messages");
    let requests = all
        .iter()
        .filter(|r| r.exchange["request"]["body"].is_object());
    let (mut asked, mut refused) = (0, 0);
    for recorded in requests {
        let request = &recorded.exchange["request"]["body"];
        let made = messages::to_chat(&Bytes::from(request.to_string()), Audience::Adapter)
            .unwrap_or_else(|error| panic!("{}: {error}", recorded.file));
        asked += 1;
        if let Some(why) = made.refused {
            refused += 1;
            assert!(!why.param.is_empty(), "{}", recorded.file);
            continue;
        }
        let facts = scan(&made.body).unwrap_or_else(|error| panic!("{}: {error}", recorded.file));
        assert_eq!(facts.model, request["model"], "{}", recorded.file);
        assert_eq!(facts.stream, request["stream"] == true, "{}", recorded.file);
        assert_eq!(
            facts.tools,
            request["tools"].as_array().is_some_and(|t| !t.is_empty()),
            "{}",
            recorded.file
        );
        let chat: Value = serde_json::from_slice(&made.body).unwrap();
        let calls = count(&request["messages"], "tool_use");
        let made: usize = chat["messages"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|m| m["tool_calls"].as_array())
            .map(Vec::len)
            .sum();
        assert_eq!(made, calls, "{}", recorded.file);
        let results = chat["messages"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|m| m["role"] == "tool")
            .count();
        assert_eq!(
            results,
            count(&request["messages"], "tool_result"),
            "{}",
            recorded.file
        );
    }
    eprintln!("{asked} recorded requests of Messages, {refused} of them for Anthropic alone");
    assert!(
        all.is_empty() || asked > 150 && refused < 40,
        "{asked} {refused}"
    );
}

fn count(messages: &Value, kind: &str) -> usize {
    let turns = messages.as_array().into_iter().flatten();
    turns
        .filter_map(|turn| turn["content"].as_array())
        .flatten()
        .filter(|block| block["type"] == kind)
        .count()
}

#[test]
fn messages_that_were_recorded_pass_with_their_usage_their_end_and_their_errors() {
    let all = recorded("messages");
    for recorded in &all {
        if recorded.entry["status"] != 200 {
            continue;
        }
        let whole = recorded.exchange["response"]["body"].clone();
        let mut last = None;
        let (mut content, mut terminal, mut error, mut usage, mut finish) =
            (false, false, None, None, None);
        let frames: Vec<Bytes> = match recorded.stream() {
            Some(stream) => frames(&stream, 7),
            None if whole.is_object() => vec![Bytes::from(whole.to_string())],
            None => continue,
        };
        let mut tap = Tap::new(Dialect::Messages, recorded.stream().is_some());
        for frame in &frames {
            let seen = tap.frame(frame);
            content |= seen.content;
            terminal |= seen.terminal;
            usage = seen.usage.or(usage);
            finish = seen.finish.or(finish);
            error = seen.error.or(error);
            last = serde_json::from_slice::<Value>(frame).ok().or(last);
        }
        if recorded.entry["features"]
            .as_array()
            .unwrap()
            .iter()
            .any(|f| f == "error_in_stream")
        {
            assert!(error.is_some(), "{}", recorded.file);
            continue;
        }
        assert!(terminal && error.is_none(), "{}: {error:?}", recorded.file);
        let reasons = recorded.entry["finish_reasons"].as_array().unwrap();
        assert_eq!(finish.is_some(), !reasons.is_empty(), "{}", recorded.file);
        if whole.is_object() {
            let told = &whole["usage"];
            let n = |key: &str| told[key].as_u64().unwrap_or(0);
            let input =
                n("input_tokens") + n("cache_read_input_tokens") + n("cache_creation_input_tokens");
            assert_eq!(
                usage.map(|u| (u.input, u.output)),
                Some((input, n("output_tokens"))),
                "{}",
                recorded.file
            );
            assert_eq!(
                content,
                !whole["content"].as_array().unwrap().is_empty(),
                "{}",
                recorded.file
            );
        } else {
            assert!(
                usage.is_some_and(|u| u.input > 0),
                "{}: {usage:?}",
                recorded.file
            );
        }
    }
}

fn frames(stream: &Bytes, chunk: usize) -> Vec<Bytes> {
    let mut framer = Framer::new(Framing::Sse);
    for part in stream.chunks(chunk) {
        framer
            .push(Bytes::copy_from_slice(part))
            .expect("within limits");
    }
    framer.finish().expect("whole");
    framer.map(|frame| frame.data).collect()
}

#[test]
fn recorded_chat_streams_say_the_same_in_every_dialect_wherever_they_are_cut() {
    let all = recorded("chat_completions");
    let mut told_of = 0;
    for recorded in &all {
        let Some(stream) = recorded.stream() else {
            continue;
        };
        let Some(chat) = Complete::streamed([&stream]) else {
            continue;
        };
        // A call whose number is out of line is two calls to whoever counts them.
        if chat.calls.iter().any(|call| call.name.is_empty()) {
            continue;
        }
        let heard = told(Dialect::Messages, std::slice::from_ref(&stream));
        let parts: Vec<Bytes> = stream.chunks(5).map(Bytes::copy_from_slice).collect();
        assert_eq!(told(Dialect::Messages, &parts), heard, "{}", recorded.file);
        let answer = message(&heard);
        let blocks = answer["content"].as_array().unwrap();
        let text: String = blocks.iter().filter_map(|b| b["text"].as_str()).collect();
        let calls: Vec<&Value> = blocks.iter().filter(|b| b["type"] == "tool_use").collect();
        let refused = recorded.entry["features"]
            .as_array()
            .unwrap()
            .iter()
            .any(|f| f == "resp_refusal");
        assert!(
            text == chat.text || refused || recorded.entry["provider"] == "perplexity",
            "{}",
            recorded.file
        );
        let names: Vec<&str> = calls.iter().filter_map(|c| c["name"].as_str()).collect();
        let expected: Vec<&str> = chat.calls.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, expected, "{}", recorded.file);
        for (call, expected) in calls.iter().zip(&chat.calls) {
            let arguments =
                serde_json::from_str(&expected.arguments).unwrap_or(serde_json::json!({}));
            assert_eq!(call["input"], arguments, "{}", recorded.file);
            assert_eq!(call["id"], expected.id, "{}", recorded.file);
        }
        let heard = told(Dialect::Responses, std::slice::from_ref(&stream));
        assert_eq!(told(Dialect::Responses, &parts), heard, "{}", recorded.file);
        let answer = response(&heard);
        let items = answer["output"].as_array().unwrap();
        let said: String = items
            .iter()
            .filter_map(|i| i["content"][0]["text"].as_str())
            .collect();
        assert!(
            said == chat.text || recorded.entry["provider"] == "perplexity",
            "{}",
            recorded.file
        );
        let made: Vec<&Value> = items
            .iter()
            .filter(|i| i["type"] == "function_call")
            .collect();
        for (call, expected) in made.iter().zip(&chat.calls) {
            assert_eq!(
                (&call["name"], &call["call_id"]),
                (
                    &Value::from(expected.name.as_str()),
                    &Value::from(expected.id.as_str())
                ),
                "{}",
                recorded.file
            );
        }
        assert_eq!(made.len(), chat.calls.len(), "{}", recorded.file);
        told_of += 1;
    }
    eprintln!("{told_of} recorded chat streams told to clients of Messages and of Responses");
    assert!(all.is_empty() || told_of > 200, "{told_of}");
}

#[test]
fn what_clients_of_responses_asked_can_be_asked_of_others_or_is_refused_with_its_place() {
    let all = recorded("responses");
    let requests = all
        .iter()
        .filter(|r| r.exchange["request"]["body"]["model"].is_string());
    let (mut asked, mut refused) = (0, 0);
    for recorded in requests {
        let request = &recorded.exchange["request"]["body"];
        let made = responses::to_chat(&Bytes::from(request.to_string()), Audience::Adapter)
            .unwrap_or_else(|error| panic!("{}: {error}", recorded.file));
        asked += 1;
        if let Some(why) = made.refused {
            refused += 1;
            assert!(!why.param.is_empty(), "{}", recorded.file);
            continue;
        }
        let facts = scan(&made.body).unwrap_or_else(|error| panic!("{}: {error}", recorded.file));
        assert_eq!(facts.model, request["model"], "{}", recorded.file);
        assert_eq!(facts.stream, request["stream"] == true, "{}", recorded.file);
        let chat: Value = serde_json::from_slice(&made.body).unwrap();
        let items = request["input"].as_array();
        let of = |kind: &str| {
            items.map_or(0, |items| {
                items.iter().filter(|i| i["type"] == kind).count()
            })
        };
        let messages = chat["messages"].as_array().unwrap();
        let calls: usize = messages
            .iter()
            .filter_map(|m| m["tool_calls"].as_array())
            .map(Vec::len)
            .sum();
        assert_eq!(calls, of("function_call"), "{}", recorded.file);
        let results = messages.iter().filter(|m| m["role"] == "tool").count();
        assert_eq!(results, of("function_call_output"), "{}", recorded.file);
    }
    eprintln!("{asked} recorded requests of Responses, {refused} of them for OpenAI alone");
    assert!(
        all.is_empty() || asked > 200 && refused < asked / 4,
        "{asked} {refused}"
    );
}

#[test]
fn responses_that_were_recorded_pass_with_their_usage_their_end_and_their_errors() {
    let all = recorded("responses");
    let (mut streams, mut wholes) = (0, 0);
    for recorded in &all {
        if recorded.entry["status"] != 200 {
            continue;
        }
        let body = &recorded.exchange["response"]["body"];
        let stream = recorded.stream();
        let frames: Vec<Bytes> = match &stream {
            Some(stream) => frames(stream, 11),
            None if body.is_object() => vec![Bytes::from(body.to_string())],
            None => continue,
        };
        let mut tap = Tap::new(Dialect::Responses, stream.is_some());
        let (mut content, mut terminal, mut error, mut usage) = (false, false, None, None);
        for frame in &frames {
            let seen = tap.frame(frame);
            assert!(!terminal || !seen.content, "{}", recorded.file);
            content |= seen.content;
            terminal |= seen.terminal;
            usage = seen.usage.or(usage);
            error = seen.error.or(error);
        }
        if error.is_some() {
            let features = recorded.entry["features"].as_array().unwrap();
            let told = features
                .iter()
                .any(|f| f == "error_in_stream" || f == "error_http");
            assert!(told, "{}: {error:?}", recorded.file);
            continue;
        }
        let begun = body["status"] == "queued";
        assert!(terminal && (content || begun), "{}", recorded.file);
        if stream.is_some() {
            streams += 1;
            assert!(usage.is_some(), "{}", recorded.file);
            continue;
        }
        let told = &body["usage"];
        wholes += 1;
        let n = |key: &str| told[key].as_u64();
        assert_eq!(
            usage.map(|u| u.input),
            n("input_tokens"),
            "{}",
            recorded.file
        );
        assert_eq!(
            usage.map(|u| u.output),
            n("output_tokens"),
            "{}",
            recorded.file
        );
    }
    eprintln!("{streams} recorded streams of Responses watched, {wholes} whole ones");
    assert!(
        all.is_empty() || streams > 80 && wholes > 150,
        "{streams} {wholes}"
    );
}
