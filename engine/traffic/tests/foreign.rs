//! What imports promise: what a log says is in the record, what it does not say is absent, and nothing hostile is fatal.
#![expect(clippy::unwrap_used, reason = "test helpers fail loudly")]

use mux_traffic::record::{Record, Usage};
use mux_traffic::{Assumed, Foreign, ReadError, import};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

type Items = Vec<Result<Record, ReadError>>;

fn read_at(path: &Path, from: Foreign) -> (Items, u64) {
    let mut import = import(path, from, Assumed::default()).unwrap();
    let items = import.by_ref().collect();
    (items, import.others())
}

fn read(name: &str, text: &str, from: Foreign) -> (Items, u64) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, text).unwrap();
    read_at(&path, from)
}

fn only(items: Items) -> Record {
    assert_eq!(items.len(), 1, "{items:?}");
    items.into_iter().next().unwrap().unwrap()
}

fn exchange() -> Value {
    json!({
        "id": "req-1", "timestamp": "2026-11-01T10:00:00.250Z", "provider": "openai", "status_code": 200,
        "latency_ms": 1500, "ttft_ms": 300.5, "cost_usd": 0.00125,
        "request": {
            "model": "gpt-4.1-mini", "stream": true, "max_tokens": 300, "user": "u7",
            "messages": [{"role": "user", "content": [
                {"type": "text", "text": "the secret plan"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            ]}],
            "tools": [{"type": "function", "function": {"name": "f"}}],
            "response_format": {"type": "json_schema", "json_schema": {}},
            "metadata": {"team": "red"},
        },
        "response": {
            "id": "chatcmpl-1", "created": 1, "model": "gpt-4.1-mini-2025-04-14",
            "choices": [{"message": {"content": "the secret answer"}, "finish_reason": "stop"}],
            "usage": {
                "prompt_tokens": 1200, "completion_tokens": 30,
                "prompt_tokens_details": {"cached_tokens": 1024},
                "completion_tokens_details": {"reasoning_tokens": 8},
            },
        },
    })
}

#[test]
fn a_logged_exchange_becomes_a_record_without_its_words() {
    let (items, others) = read("log.jsonl", &exchange().to_string(), Foreign::OpenaiLog);
    let record = only(items);
    assert_eq!(others, 0);
    assert_eq!(
        (record.id.as_str(), record.at, record.cost),
        ("req-1", 1_793_527_200_250, 1_250_000_000)
    );
    let facts = &record.request;
    assert_eq!(
        (facts.operation.as_str(), facts.model.as_str()),
        ("chat", "gpt-4.1-mini")
    );
    assert_eq!(
        (facts.tokens, facts.output_limit, facts.streaming),
        (1_200, Some(300), true)
    );
    assert_eq!(facts.needs, ["tools", "images", "json-schema"]);
    assert_eq!(facts.tags, [("team".to_owned(), "red".to_owned())]);
    assert_eq!(facts.end_user.as_deref(), Some("u7"));
    assert_eq!(
        record.outcome.served.as_deref(),
        Some("openai/gpt-4.1-mini-2025-04-14")
    );
    assert_eq!(
        (record.outcome.committed_us, record.outcome.total_us),
        (Some(300_500), 1_500_000)
    );
    let usage = Usage {
        input: 1_200,
        output: 30,
        cache_read: 1_024,
        reasoning: 8,
        ..Usage::default()
    };
    assert_eq!(
        (record.usage, record.attempts[0].usage),
        (Some(usage), Some(usage))
    );
    assert!(!record.failed_over());
    let text = serde_json::to_string(&record).unwrap();
    assert!(
        !text.contains("secret") && !text.contains("base64"),
        "{text}"
    );
}

#[test]
fn one_log_is_read_the_same_as_lines_as_a_list_laid_out_or_packed() {
    let mut second = exchange();
    second["id"] = json!("req-2");
    let ids = |(items, _): (Items, u64)| {
        items
            .into_iter()
            .map(|item| item.unwrap().id)
            .collect::<Vec<_>>()
    };
    let list = json!([exchange(), second]);
    let laid_out = serde_json::to_string_pretty(&list).unwrap();
    let apart = format!("{:#}\n{second:#}\n", exchange());
    let lines = format!("\u{feff}{}\n\n{second}\n", exchange());
    for text in [
        list.to_string(),
        laid_out,
        apart,
        lines.clone(),
        json!({"data": list}).to_string(),
    ] {
        assert_eq!(
            ids(read("log.json", &text, Foreign::OpenaiLog)),
            ["req-1", "req-2"],
            "{text}"
        );
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.jsonl.zst");
    fs::write(&path, zstd::encode_all(lines.as_bytes(), 3).unwrap()).unwrap();
    assert_eq!(ids(read_at(&path, Foreign::OpenaiLog)), ["req-1", "req-2"]);
}

#[test]
fn batch_results_answers_alone_and_failures_are_read() {
    let batch = json!({"id": "b1", "custom_id": "mine", "error": null, "response": {"status_code": 429, "body":
        {"error": {"message": "the secret plan is too long", "type": "requests", "code": "rate_limit_exceeded"}}},
        "created_at": 1_793_527_200});
    let alone = json!({"id": "chatcmpl-9", "object": "chat.completion", "created": 1_793_527_201, "model": "gpt-5",
        "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 1}});
    let (items, _) = read("a.jsonl", &format!("{batch}\n{alone}"), Foreign::OpenaiLog);
    let records: Vec<Record> = items.into_iter().map(Result::unwrap).collect();
    assert_eq!(
        (records[0].outcome.class.as_str(), records[0].outcome.status),
        ("rate-limited", 429)
    );
    assert!(
        !serde_json::to_string(&records[0])
            .unwrap()
            .contains("secret")
    );
    assert_eq!(
        (records[1].id.as_str(), records[1].at),
        ("chatcmpl-9", 1_793_527_201_000)
    );
    assert_eq!(
        (records[1].request.model.as_str(), records[1].request.tokens),
        ("gpt-5", 5)
    );
}

fn spend() -> Value {
    json!({
        "request_id": "chatcmpl-7", "call_type": "acompletion", "api_key": "ab".repeat(32), "spend": 0.0021,
        "total_tokens": 330, "prompt_tokens": 300, "completion_tokens": 30, "startTime": "2026-11-01T10:00:00Z",
        "endTime": "2026-11-01T10:00:02.500Z", "completionStartTime": "2026-11-01T10:00:00.400Z",
        "model": "anthropic/claude-haiku-4-5", "model_group": "fast", "custom_llm_provider": "anthropic",
        "cache_hit": "False", "request_tags": ["team:red", "prod"], "team_id": "t1", "end_user": "u1",
        "session_id": "s1", "status": "success", "messages": {}, "response": {},
        "metadata": {"usage_object": {"prompt_tokens_details": {"cached_tokens": 128}}},
    })
}

#[test]
fn a_spend_log_becomes_a_record() {
    let record = only(
        read(
            "spend.json",
            &json!([spend()]).to_string(),
            Foreign::Litellm,
        )
        .0,
    );
    assert_eq!(
        (record.id.as_str(), record.at, record.cost),
        ("chatcmpl-7", 1_793_527_200_000, 2_100_000_000)
    );
    assert_eq!(
        (
            record.request.operation.as_str(),
            record.request.model.as_str()
        ),
        ("chat", "fast")
    );
    assert_eq!(
        record.outcome.served.as_deref(),
        Some("anthropic/claude-haiku-4-5")
    );
    assert_eq!(
        (record.outcome.committed_us, record.outcome.total_us),
        (Some(400_000), 2_500_000)
    );
    assert_eq!(
        record.usage.map(|u| (u.input, u.output, u.cache_read)),
        Some((300, 30, 128))
    );
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        record.request.tags,
        [pair("team", "red"), pair("prod", "true")]
    );
    assert_eq!(
        record.request.key.as_deref(),
        Some("ab".repeat(32).as_str())
    );
}

#[test]
fn a_key_in_a_spend_log_that_is_no_hash_is_not_kept() {
    let mut row = spend();
    row["api_key"] = json!("sk-live-1234");
    let record = only(read("spend.jsonl", &row.to_string(), Foreign::Litellm).0);
    assert!(!serde_json::to_string(&record).unwrap().contains("sk-live"));
}

#[test]
fn failures_and_cached_answers_of_a_spend_log_are_no_answers_of_a_provider() {
    let mut failed = spend();
    failed["status"] = json!("failure");
    failed["metadata"] = json!({"error_information": {"error_code": "500", "error_class": "ContextWindowExceededError"}});
    let mut cached = spend();
    cached["cache_hit"] = json!("True");
    cached["spend"] = json!(0);
    let (items, _) = read(
        "spend.jsonl",
        &format!("{failed}\n{cached}"),
        Foreign::Litellm,
    );
    let records: Vec<Record> = items.into_iter().map(Result::unwrap).collect();
    let told = |r: &Record| {
        (
            r.outcome.class.clone(),
            r.outcome.served.clone(),
            r.attempts.len(),
        )
    };
    assert_eq!(told(&records[0]), ("context-length".to_owned(), None, 1));
    assert_eq!(told(&records[1]), ("ok".to_owned(), None, 0));
}

#[test]
fn a_spend_log_dumped_as_csv_is_the_same_record() {
    let row = spend();
    let row = row.as_object().unwrap();
    let cell = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => format!("\"{}\"", other.to_string().replace('"', "\"\"")),
    };
    let names: Vec<&str> = row.keys().map(String::as_str).collect();
    let cells: Vec<String> = row.values().map(cell).collect();
    let text = format!("{}\n{}\n", names.join(","), cells.join(","));
    let of_json = only(read("spend.jsonl", &spend().to_string(), Foreign::Litellm).0);
    assert_eq!(only(read("spend.csv", &text, Foreign::Litellm).0), of_json);
}

fn export() -> Value {
    let attribute = |key: &str, value: Value| json!({"key": key, "value": value});
    json!({"resourceSpans": [{
        "resource": {"attributes": [attribute("service.name", json!({"stringValue": "shop"}))]},
        "scopeSpans": [{"spans": [
            {"traceId": "t", "spanId": "1", "name": "chat gpt-5", "startTimeUnixNano": "1793527200250000000",
             "endTimeUnixNano": "1793527201750000000", "attributes": [
                attribute("gen_ai.operation.name", json!({"stringValue": "chat"})),
                attribute("gen_ai.provider.name", json!({"stringValue": "openai"})),
                attribute("gen_ai.request.model", json!({"stringValue": "gpt-5"})),
                attribute("gen_ai.usage.input_tokens", json!({"intValue": "70"})),
                attribute("gen_ai.usage.output_tokens", json!({"intValue": 7})),
                attribute("gen_ai.conversation.id", json!({"stringValue": "c1"})),
                attribute("gen_ai.input.messages", json!({"stringValue": "the secret plan"})),
             ]},
            {"traceId": "t", "spanId": "2", "name": "GET /", "startTimeUnixNano": "1793527200250000000", "attributes": []},
            {"traceId": "t", "spanId": "3", "startTimeUnixNano": 1_793_527_200_250_000_000_u64,
             "endTimeUnixNano": 1_793_527_200_350_000_000_u64, "status": {"code": 2}, "attributes": [
                attribute("gen_ai.system", json!({"stringValue": "anthropic"})),
                attribute("gen_ai.request.model", json!({"stringValue": "claude-haiku-4-5"})),
                attribute("error.type", json!({"stringValue": "anthropic.RateLimitError"})),
             ]},
        ]}],
    }]})
}

#[test]
fn spans_of_calls_become_records_and_other_spans_are_counted() {
    let (items, others) = read("traces.json", &export().to_string(), Foreign::Otel);
    let records: Vec<Record> = items.into_iter().map(Result::unwrap).collect();
    assert_eq!((records.len(), others), (2, 1));
    let chat = &records[0];
    assert_eq!(
        (chat.id.as_str(), chat.at, chat.outcome.total_us),
        ("t1", 1_793_527_200_250, 1_500_000)
    );
    assert_eq!(chat.outcome.served.as_deref(), Some("openai/gpt-5"));
    assert_eq!(
        (chat.request.tokens, chat.request.conversation.as_deref()),
        (70, Some("c1"))
    );
    assert_eq!(
        chat.request.tags,
        [("service.name".to_owned(), "shop".to_owned())]
    );
    assert!(!serde_json::to_string(chat).unwrap().contains("secret"));
    assert_eq!(
        (
            records[1].outcome.class.as_str(),
            &records[1].outcome.served
        ),
        ("rate-limited", &None)
    );
    assert_eq!(records[1].attempts[0].target, "anthropic/claude-haiku-4-5");
}

#[test]
fn published_traces_are_read_as_they_are() {
    let azure =
        "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:17:03.9799600,4808,10\r\n";
    let record = only(read("azure.csv", azure, Foreign::Csv).0);
    assert_eq!(
        (
            record.at,
            record.request.tokens,
            record.usage.unwrap().output
        ),
        (1_700_158_623_979, 4_808, 10)
    );
    assert_eq!(
        (record.id.as_str(), record.attempts.len(), record.priced),
        ("azure-2", 0, false)
    );
    let burst = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n45,GPT-4,1087,230,1317,API log\n";
    let record = only(read("burst.csv", burst, Foreign::Csv).0);
    assert_eq!(
        (
            record.at,
            record.request.model.as_str(),
            record.request.tokens
        ),
        (45_000, "GPT-4", 1_087)
    );
}

#[test]
fn what_is_asked_for_has_the_names_of_mux_and_what_mux_has_not_is_counted() {
    let dialects = |from: Foreign, entries: Vec<Value>| {
        let text: Vec<String> = entries.iter().map(Value::to_string).collect();
        let (items, others) = read("a.jsonl", &text.join("\n"), from);
        let told = items.into_iter().map(|item| {
            let facts = item.unwrap().request;
            format!("{} {}", facts.operation, facts.dialect)
        });
        (told.collect::<Vec<_>>(), others)
    };
    let spent = |call_type: &str| {
        let mut row = spend();
        row["call_type"] = json!(call_type);
        row
    };
    let expected = [
        "chat openai-chat",
        "chat anthropic-messages",
        "chat openai-responses",
        "embeddings openai-embeddings",
        "count-tokens anthropic-count-tokens",
    ];
    let words = [
        "atext_completion",
        "anthropic_messages",
        "aresponses",
        "aembedding",
        "acount_tokens",
        "aimage_generation",
        "audio_speech",
    ];
    assert_eq!(
        dialects(Foreign::Litellm, words.map(spent).to_vec()),
        (expected.map(str::to_owned).to_vec(), 2)
    );
    let called = |path: &str| {
        let mut entry = exchange();
        entry["url"] = json!(path);
        entry
    };
    let paths = [
        "/openai/deployments/d/chat/completions?api-version=1",
        "/v1/messages",
        "/v1/responses/",
        "/v1/embeddings",
        "/v1/messages/count_tokens",
        "/v1/images/generations",
        "/v1/moderations",
    ];
    assert_eq!(
        dialects(Foreign::OpenaiLog, paths.map(called).to_vec()),
        (expected.map(str::to_owned).to_vec(), 2)
    );
}

#[test]
fn what_mux_exported_keeps_its_facts_and_its_copies_are_counted() {
    let text = "id,arrived_at,dialect,operation,model,tags,tokens,streaming,needs,class,status,input,output,cache_read,cache_write,copy_of\n\
        r,5,anthropic-messages,chat,@chat,\"{\"\"team\"\":\"\"red\"\"}\",90,true,tools images,ok,200,100,7,60,4,\n\
        s,6,openai-chat,chat,@chat,,90,true,,ok,200,100,7,,,r\n\
        t,7,openai-chat,chat,@chat,,90,false,,timed-out,504,,,,,\n";
    let (items, others) = read("a.csv", text, Foreign::Csv);
    let records: Vec<Record> = items.into_iter().map(Result::unwrap).collect();
    assert_eq!((records.len(), others), (2, 1));
    let (facts, usage) = (&records[0].request, records[0].usage.unwrap());
    assert_eq!(facts.tags, [("team".to_owned(), "red".to_owned())]);
    assert_eq!(
        (facts.dialect.as_str(), facts.tokens, facts.streaming),
        ("anthropic-messages", 90, true)
    );
    assert_eq!(facts.needs, ["tools", "images"]);
    assert_eq!(
        (usage.input, usage.cache_read, usage.cache_write),
        (100, 60, 4)
    );
    assert_eq!(records[1].outcome.class, "timed-out");
}

#[test]
fn what_a_log_does_not_say_is_taken_from_the_command() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.csv");
    fs::write(&path, "time,input,output\n5,10,2\n").unwrap();
    let assumed = Assumed {
        model: Some("@chat".to_owned()),
        target: Some("openai/gpt-5".to_owned()),
    };
    let record = only(import(&path, Foreign::Csv, assumed).unwrap().collect());
    assert_eq!(record.request.model, "@chat");
    assert_eq!(record.outcome.served.as_deref(), Some("openai/gpt-5"));
}

#[test]
fn hostile_entries_are_named_with_their_lines_and_the_rest_is_read() {
    let good = exchange().to_string();
    let hostile = [
        "{\"request\": ".to_owned(),
        "[1, 2]".to_owned(),
        "17".to_owned(),
        "{\"v\": 99, \"future\": true}".to_owned(),
        good.replace("\"prompt_tokens\":1200", "\"prompt_tokens\":\"many\""),
        good.replace("\"prompt_tokens\":1200", "\"prompt_tokens\":-1"),
        good.replace("\"prompt_tokens\":1200", "\"prompt_tokens\":99999999999"),
        good.replace("\"latency_ms\":1500", "\"latency_ms\":{}"),
        good.replace("2026-11-01T10:00:00.250Z", "yesterday"),
        "\u{0}\u{1}".to_owned(),
        "[".repeat(100_000),
    ];
    let mut text = good.clone() + "\n";
    for line in &hostile {
        writeln!(text, "{line}").unwrap();
    }
    text += &good;
    let (items, _) = read("log.jsonl", &text, Foreign::OpenaiLog);
    let lines: Vec<u64> = items
        .iter()
        .filter_map(|item| Some(item.as_ref().err()?.line))
        .collect();
    let expected: Vec<u64> = (2..).take(hostile.len()).collect();
    assert_eq!(lines, expected, "{items:?}");
    assert_eq!(items.iter().filter(|item| item.is_ok()).count(), 2);
}

#[test]
fn rows_of_a_trace_that_are_none_are_named() {
    let text = "time,input,output\n1,2,3\nnoon,2,3\n1,-2,3\n1,2\n1,2,3,4\n\"1,2,3\n,1,2\n9,9,9\n";
    let (items, _) = read("a.csv", text, Foreign::Csv);
    let lines: Vec<u64> = items
        .iter()
        .filter_map(|item| Some(item.as_ref().err()?.line))
        .collect();
    assert_eq!((lines, items.len()), (vec![3, 4, 5, 6, 7, 8], 8));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("b.csv");
    fs::write(&path, "a,b\n1,2\n").unwrap();
    let why = import(&path, Foreign::Csv, Assumed::default())
        .unwrap_err()
        .to_string();
    assert!(
        why.contains("no column `arrived_at`") && why.contains("`a,b`"),
        "{why}"
    );
}

/// One good file of each form.
fn good() -> [(Foreign, String); 5] {
    let lines = |value: &Value| format!("{value}\n{value}\n{value}\n");
    [
        (Foreign::OpenaiLog, lines(&exchange())),
        (
            Foreign::OpenaiLog,
            format!("{:#}", json!([exchange(), exchange()])),
        ),
        (Foreign::Litellm, lines(&spend())),
        (Foreign::Otel, lines(&export())),
        (
            Foreign::Csv,
            "time,input,output,model\n1,2,3,\"a\"\n2,3,4,b\n".to_owned(),
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_log_is_read_to_its_end_and_never_tells_what_was_said(
        which in 0_usize..5,
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let (from, text) = good().into_iter().nth(which).unwrap();
        let mut bytes = text.into_bytes();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        fs::write(&path, &bytes).unwrap();
        // Only CSV without its columns is no log at all.
        let Ok(import) = import(&path, from, Assumed::default()) else {
            return Ok(());
        };
        let items: Items = import.collect();
        // An entry for each line or span at most, and its fault.
        prop_assert!(items.len() <= bytes.len() + 1);
        for item in items {
            let told = match item {
                Ok(record) => serde_json::to_string(&record).unwrap(),
                Err(why) => why.to_string(),
            };
            prop_assert!(!told.contains("the secret"), "{told}");
        }
    }
}

/// Most bytes that this process has had in memory; absent where the system does not say.
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(
        line.trim()
            .trim_end_matches(" kB")
            .trim()
            .parse::<u64>()
            .ok()?
            << 10,
    )
}

/// A packed file in which a gigabyte of one letter stands between two entries.
fn with_a_gigabyte(dir: &Path, before: &str, after: &str) -> PathBuf {
    let path = dir.join("long.jsonl.zst");
    let mut file = zstd::Encoder::new(fs::File::create(&path).unwrap(), 1).unwrap();
    file.write_all(before.as_bytes()).unwrap();
    let letters = vec![b'x'; 1 << 20];
    for _ in 0..1_024 {
        file.write_all(&letters).unwrap();
    }
    file.write_all(after.as_bytes()).unwrap();
    file.finish().unwrap();
    path
}

#[test]
fn a_line_and_an_entry_of_a_gigabyte_are_skipped_in_flat_memory() {
    let good = exchange().to_string();
    let dir = tempfile::tempdir().unwrap();
    for (before, after) in [
        (
            format!("{good}\n{{\"request\": \""),
            format!("\"}}\n{good}\n"),
        ),
        (
            format!("[{good},\n{{\"request\": \""),
            format!("\"}}, {good}]"),
        ),
    ] {
        let (items, _) = read_at(
            &with_a_gigabyte(dir.path(), &before, &after),
            Foreign::OpenaiLog,
        );
        let told: Vec<_> = items
            .iter()
            .map(|item| item.as_ref().map(|r| &*r.id).map_err(|e| e.line))
            .collect();
        assert_eq!(told, [Ok("req-1"), Err(2), Ok("req-1")]);
    }
    if let Some(peak) = peak() {
        assert!(peak < 300 << 20, "{} MiB", peak >> 20);
    }
}
