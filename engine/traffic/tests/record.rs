//! What the record promises: the schema says all of it, every record comes back as it was, and newer ones can be read.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test helpers fail loudly"
)]

use mux_traffic::record::{
    Arm, Attempt, Candidate, Decision, Facts, Figures, Look, Outcome, Over, Prefix, Record, Usage,
};
use mux_traffic::schema;
use proptest::prelude::*;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Every field set, as of [`full`].
fn figures() -> Figures {
    Figures {
        target: "openai/gpt".to_owned(),
        p50_ms: Some(300),
        p95_ms: Some(900),
        p99_ms: Some(1_200),
        error_rate: Some(12),
        health: "ok".to_owned(),
        breaker: "closed".to_owned(),
        score: Some(9_876),
        inflight: 3,
        headroom: Some(9_000),
        over: vec![Over {
            span_ms: 600_000,
            p50_ms: Some(600),
            p95_ms: Some(950),
            p99_ms: Some(1_400),
            error_rate: Some(90),
        }],
    }
}

/// As [`full`].
fn full_usage() -> Usage {
    Usage {
        input: 9,
        output: 8,
        cache_read: 7,
        cache_write: 6,
        reasoning: 5,
        cache_write_1h: 4,
        audio_input: 3,
        audio_output: 2,
        estimated: true,
    }
}

/// Every field set, and written out in full so that a new field does not compile until it is here and in the schema.
fn full() -> Record {
    let usage = full_usage();
    Record {
        v: 1,
        id: "0192".to_owned(),
        at: 1_700_000_000_000,
        version: "ab".repeat(32),
        seed: u64::MAX,
        request: Facts {
            operation: "chat".to_owned(),
            dialect: "openai-chat".to_owned(),
            model: "@support".to_owned(),
            key: Some("k".to_owned()),
            team: Some("t".to_owned()),
            end_user: Some("u".to_owned()),
            conversation: Some("c".to_owned()),
            tags: vec![("team".to_owned(), "search".to_owned())],
            headers: vec![("x-plan".to_owned(), "gold".to_owned())],
            prefixes: vec![Prefix {
                tokens: 1_000,
                hash: "00ff".to_owned(),
            }],
            tokens: 12,
            output_limit: Some(256),
            streaming: true,
            needs: vec!["tools".to_owned()],
        },
        live: vec![figures()],
        used: [("team".to_owned(), 5_000)].into(),
        decision: Some(Decision {
            policies: vec!["support".to_owned()],
            rule: "a.mux:3".to_owned(),
            path: "5".to_owned(),
            verdict: "use".to_owned(),
            plan: Some("careful".to_owned()),
            arms: vec![Arm {
                strategy: "split".to_owned(),
                arm: "control".to_owned(),
                bucket: 4_711,
                share: Some(500),
                aborted: false,
            }],
        }),
        candidates: vec![Candidate {
            target: "openai/gpt".to_owned(),
            reason: Some("barred".to_owned()),
            passed_over: Some("breaker open".to_owned()),
            expected_cost: Some(120),
        }],
        looks: vec![look()],
        attempts: vec![Attempt {
            target: "openai/gpt".to_owned(),
            start_us: 1,
            sent_us: Some(1),
            connected_us: Some(2),
            head_us: Some(3),
            first_us: Some(4),
            end_us: 5,
            class: "rate-limited".to_owned(),
            status: Some(429),
            retry_after_ms: Some(1_000),
            error: Some("slow down".to_owned()),
            usage: Some(usage),
            cost: Some(-1),
            role: Some("duplicate".to_owned()),
            score: Some(9_000),
            accepted: Some(true),
        }],
        outcome: Outcome {
            status: 200,
            class: "ok".to_owned(),
            served: Some("openai/gpt".to_owned()),
            committed_us: Some(6),
            total_us: 7,
            queued_us: 2,
            overhead_us: 8,
        },
        usage: Some(usage),
        cost: 123,
        priced: true,
        copy_of: Some("0191".to_owned()),
        sample: Some(1_000),
    }
}

fn look() -> Look {
    Look {
        at_us: 1,
        leg: 1,
        step: 2,
        target: "openai/gpt".to_owned(),
        way: "in-order".to_owned(),
        score: 9_606,
        stays: 10_000,
        breaker: "closed".to_owned(),
        others: 3,
        held: Some("wait".to_owned()),
        verdict: "held".to_owned(),
    }
}

fn resolve<'a>(root: &'a Value, node: &'a Value) -> &'a Value {
    let Some(reference) = node["$ref"].as_str() else {
        return node;
    };
    root.pointer(reference.trim_start_matches('#'))
        .unwrap_or_else(|| panic!("`{reference}` leads nowhere"))
}

/// Every field of `value` is described with its type, and every field described is there.
fn agree(root: &Value, node: &Value, value: &Value, at: &str) {
    let described = node["description"].is_string() || at.ends_with("[]") || at.ends_with("{}");
    assert!(described, "`{at}` has no description");
    let node = resolve(root, node);
    let fits = match node["type"].as_str() {
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        other => panic!("`{at}` has the type {other:?}"),
    };
    assert!(fits, "`{at}` is {value}, the schema says {}", node["type"]);
    for item in value.as_array().into_iter().flatten() {
        agree(root, &node["items"], item, &format!("{at}[]"));
    }
    let Some(fields) = value.as_object() else {
        return;
    };
    match node["properties"].as_object() {
        Some(properties) => agree_on_fields(root, properties, fields, at),
        None => fields
            .values()
            .for_each(|v| agree(root, &node["additionalProperties"], v, &format!("{at}{{}}"))),
    }
}

fn agree_on_fields(
    root: &Value,
    properties: &Map<String, Value>,
    fields: &Map<String, Value>,
    at: &str,
) {
    let names = |map: &Map<String, Value>| map.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(
        names(properties),
        names(fields),
        "fields of `{at}`: the schema's, then the record's"
    );
    for (name, field) in fields {
        agree(root, &properties[name], field, &format!("{at}.{name}"));
    }
}

/// `required` is what an empty one of it still writes.
fn requires(root: &Value, name: &str, empty: &impl serde::Serialize) {
    let node = if name.is_empty() {
        root
    } else {
        &root["$defs"][name]
    };
    let required: BTreeSet<_> = node["required"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_str().unwrap().to_owned())
        .collect();
    let written = serde_json::to_value(empty).unwrap();
    let written: BTreeSet<_> = written.as_object().unwrap().keys().cloned().collect();
    assert_eq!(required, written, "required fields of `{name}`");
}

#[test]
fn the_schema_describes_every_field_of_a_record_and_no_other() {
    let root: Value = serde_json::from_str(schema()).unwrap();
    agree(
        &root,
        &root,
        &serde_json::to_value(full()).unwrap(),
        "record",
    );
}

#[test]
fn the_schema_requires_what_is_always_written() {
    let root: Value = serde_json::from_str(schema()).unwrap();
    requires(&root, "", &Record::default());
    requires(&root, "facts", &Facts::default());
    requires(&root, "figures", &Figures::default());
    requires(&root, "decision", &Decision::default());
    requires(&root, "candidate", &Candidate::default());
    requires(&root, "arm", &Arm::default());
    requires(&root, "prefix", &Prefix::default());
    requires(&root, "look", &Look::default());
    requires(&root, "attempt", &Attempt::default());
    requires(&root, "usage", &Usage::default());
    requires(&root, "outcome", &Outcome::default());
    assert_eq!(
        root["$defs"].as_object().unwrap().len(),
        10,
        "a definition that no check above names"
    );
}

#[test]
fn v_is_the_first_field() {
    assert!(
        serde_json::to_string(&full())
            .unwrap()
            .starts_with(r#"{"v":1,"#)
    );
}

#[test]
fn a_newer_record_with_unknown_fields_is_read() {
    let mut value = serde_json::to_value(full()).unwrap();
    value["v"] = 99.into();
    value["weather"] = "fine".into();
    value["outcome"]["mood"] = 3.into();
    let read: Record = serde_json::from_value(value).unwrap();
    assert_eq!(read, Record { v: 99, ..full() });
}

#[test]
fn an_older_record_without_later_fields_is_read() {
    let read: Record = serde_json::from_str(r#"{"v":1,"id":"a"}"#).unwrap();
    assert_eq!(
        read,
        Record {
            v: 1,
            id: "a".to_owned(),
            ..Record::default()
        }
    );
}

prop_compose! {
    fn usage()(input: u64, output: u64, cache_read: u64, reasoning: u64, estimated: bool) -> Usage {
        Usage { input, output, cache_read, cache_write: cache_read / 2, reasoning, audio_input: output / 2, estimated, ..Usage::default() }
    }
}

prop_compose! {
    fn attempt()(
        target in ".*", start_us: u64, first_us: Option<u64>, status: Option<u16>, error in proptest::option::of(".*"),
        usage in proptest::option::of(usage()), cost: Option<i64>,
    ) -> Attempt {
        Attempt { target, start_us, first_us, status, error, usage, cost, class: "ok".to_owned(), ..Attempt::default() }
    }
}

prop_compose! {
    fn record()(
        id in ".*", at: i64, seed: u64, cost: i64, key in proptest::option::of(".*"),
        tags in proptest::collection::vec((".*", ".*"), 0..4), attempts in proptest::collection::vec(attempt(), 0..4),
        used in proptest::collection::btree_map(".*", any::<u32>(), 0..4), usage in proptest::option::of(usage()),
    ) -> Record {
        let request = Facts { key, tags, ..Facts::default() };
        Record { v: 1, id, at, seed, cost, request, attempts, used, usage, ..Record::default() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_record_comes_back_as_it_was_offered(records in proptest::collection::vec(record(), 1..20)) {
        let dir = tempfile::tempdir().unwrap();
        let writer = mux_traffic::Writer::start(dir.path(), mux_traffic::Options::default()).unwrap();
        prop_assert!(records.iter().all(|record| writer.offer(record.clone())));
        drop(writer);
        let read: Vec<Record> = mux_traffic::read(dir.path()).unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(read, records);
    }
}
