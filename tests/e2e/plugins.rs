//! Adapters dropped into the plugin folder of a running gateway.

use super::by_hand::{ByHand, STREAM};
use super::home::{Home, mock};
use super::http::{chat, streamed};
use super::policy::{bundle, chain, only, openai, provider};
use super::process::run;
use serde_json::Value;
use std::path::Path;

/// A built component of the project.
pub(crate) fn built(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("plugins")
        .join(name);
    std::fs::read(path).expect("a built component")
}

/// The same component with a custom section at its end: it does the same, but is another file.
pub(crate) fn marked(mut component: Vec<u8>) -> Vec<u8> {
    component.extend_from_slice(&[0, 5, 4, b'm', b'a', b'r', b'k']);
    component
}

pub(crate) fn hash_of(policy: &Value, id: &str) -> Option<String> {
    let plugins = policy["plugins"].as_array().unwrap();
    let plugin = plugins.iter().find(|plugin| plugin[0] == id)?;
    plugin[2].as_str().map(str::to_owned)
}

#[tokio::test]
async fn a_plugin_file_that_is_no_plugin_is_reported_and_changes_nothing() {
    let a = mock("a").await;
    let home = Home::new(&bundle(&[openai("a", a.addr), only("chat", "a/m")]));
    let gateway = home.start().await;
    let version = gateway.version().await;
    let folder = home.data().join("plugins");
    for (name, content) in [
        ("garbage.wasm", b"no wasm at all".to_vec()),
        (
            "half.wasm",
            built("dist/openai.wasm").split_at(20_000).0.to_vec(),
        ),
    ] {
        std::fs::write(folder.join(name), content).unwrap();
        let named = |p: &Value| {
            p["broken_plugins"]
                .as_object()
                .unwrap()
                .keys()
                .any(|path| path.ends_with(name))
        };
        let policy = gateway.policy_when(name, named).await;
        assert_eq!(
            (&policy["ok"], &policy["live"]),
            (&Value::Bool(true), &Value::String(version.clone()))
        );
        let reply = gateway.ask(&chat("@chat")).await;
        assert_eq!(
            (reply.status, reply.header("x-mux-version")),
            (200, version.as_str())
        );
    }
    let log = gateway.process.said().err.concat();
    assert!(log.contains("garbage.wasm` was not taken up"), "{log}");
    std::fs::remove_file(folder.join("garbage.wasm")).unwrap();
    std::fs::remove_file(folder.join("half.wasm")).unwrap();
    gateway
        .policy_when("nothing broken", |p| {
            p["broken_plugins"].as_object().unwrap().is_empty()
        })
        .await;
}

#[tokio::test]
async fn a_component_dropped_in_replaces_the_built_in_one_of_its_id_until_it_is_removed() {
    let a = mock("a").await;
    let home = Home::new(&bundle(&[openai("a", a.addr), only("chat", "a/m")]));
    let gateway = home.start().await;
    let before = gateway.admin("/policy").await;
    let (version, built_in) = (before["live"].as_str().unwrap(), hash_of(&before, "openai"));
    let file = home.data().join("plugins/mine.wasm");
    std::fs::write(&file, marked(built("dist/openai.wasm"))).unwrap();
    let policy = gateway
        .policy_when("the other component", |p| {
            hash_of(p, "openai") != built_in && p["live"] != version
        })
        .await;
    let reply = gateway.ask(&streamed("@chat")).await;
    assert!(reply.status == 200 && reply.done(), "{}", reply.text());
    assert_eq!(
        reply.header("x-mux-version"),
        policy["live"].as_str().unwrap(),
        "a version holds the hashes of its adapters"
    );

    std::fs::remove_file(&file).unwrap();
    gateway
        .policy_when("the built-in one again", |p| {
            hash_of(p, "openai") == built_in && p["live"] == version
        })
        .await;
    assert_eq!(
        gateway.ask(&chat("@chat")).await.header("x-mux-version"),
        version
    );
}

/// A deployment of the misbehaving adapter; the model's id says how it misbehaves.
pub(crate) fn hostile(name: &str, at: std::net::SocketAddr, how: &str) -> String {
    provider(name, "hostile", at).replace(&format!("\"{name}-model\""), &format!("\"{how}\""))
}

#[tokio::test]
async fn a_kind_nobody_knew_is_usable_as_soon_as_its_component_is_dropped_in() {
    let (hand, backup) = (ByHand::new().await, mock("backup").await);
    let home = Home::new(&bundle(&[
        hostile("new", hand.address, "fine"),
        openai("backup", backup.addr),
        chain("chat", &["new/m", "backup/m"]),
    ]));
    let gateway = home.start().await;
    let policy = gateway.admin("/policy").await;
    let why = policy["unavailable"]["new/m"].as_str().unwrap();
    assert!(why.contains("`hostile`"), "{policy}");
    assert_eq!(policy["diagnostics"][0]["severity"], "warning", "{policy}");
    let reply = gateway.ask(&streamed("@chat")).await;
    assert_eq!(
        reply.header("x-mux-target"),
        "backup/m",
        "until then others serve"
    );

    std::fs::write(
        home.data().join("plugins/hostile.wasm"),
        built("hostile/calls.wasm"),
    )
    .unwrap();
    let usable = |p: &Value| p["unavailable"].as_object().unwrap().is_empty();
    gateway
        .policy_when("the new kind to be usable", usable)
        .await;
    let answer = async {
        let mut call = hand.call().await;
        assert!(call.head.starts_with("POST /v1/chat "), "{}", call.head);
        call.say(&format!("{STREAM}data: a\n\ndata: b\n\n")).await;
    };
    let body = streamed("@chat");
    let (reply, ()) = tokio::join!(gateway.ask(&body), answer);
    assert_eq!(
        (reply.header("x-mux-target"), reply.said().as_str()),
        ("new/m", "xx")
    );
    assert!(reply.done(), "{}", reply.text());
}

#[tokio::test]
async fn an_adapter_that_loops_crashes_or_eats_memory_costs_that_attempt_only() {
    let backup = mock("backup").await;
    let mut parts = vec![openai("backup", backup.addr)];
    let ways = ["loop", "memory", "trap", "recursion", "dots", "smuggle"];
    for how in ways {
        parts.push(hostile(how, backup.addr, how));
        parts.push(chain(how, &[&format!("{how}/m"), "backup/m"]));
    }
    let home = Home::new(&bundle(&parts));
    let folder = home.data().join("plugins");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("calls.wasm"), built("hostile/calls.wasm")).unwrap();
    let gateway = home.start().await;
    for how in ways {
        let reply = gateway.ask(&chat(&format!("@{how}"))).await;
        assert_eq!(
            (
                reply.status,
                reply.header("x-mux-target"),
                reply.header("x-mux-attempts")
            ),
            (200, "backup/m", "2"),
            "{how}: {}",
            reply.text()
        );
    }
    assert_eq!(backup.books().requests, ways.len() as u64);

    // This one loops already when it is asked what it is.
    std::fs::write(folder.join("describe.wasm"), built("hostile/describe.wasm")).unwrap();
    let named = |p: &Value| !p["broken_plugins"].as_object().unwrap().is_empty();
    gateway
        .policy_when("the endless one to be refused", named)
        .await;
    assert_eq!(gateway.ask(&chat("@trap")).await.status, 200);
    let metrics = gateway.metrics().await;
    let ours = metrics.lines().filter(|l| l.contains("plugin=\"hostile\""));
    let count = |name: &str, more: &str| {
        let mut lines = ours
            .clone()
            .filter(|l| l.starts_with(name) && l.contains(more));
        let (_, count) = lines.next()?.rsplit_once(' ')?;
        count.parse::<f64>().ok()
    };
    assert_eq!(
        count("mux_plugin_info{", "source=\"folder\""),
        Some(1.0),
        "{metrics}"
    );
    assert!(
        count("mux_plugin_calls_total{", "") >= Some(7.0),
        "{metrics}"
    );
    for (kind, least) in [("trap", 2.0), ("deadline", 1.0), ("memory", 1.0)] {
        let kind = format!("kind=\"{kind}\"");
        assert!(
            count("mux_plugin_faults_total{", &kind) >= Some(least),
            "{metrics}"
        );
    }
    gateway.stop().await;
    let records = home.records();
    let classes: Vec<&str> = records
        .iter()
        .map(|r| r.attempts[0].class.as_str())
        .collect();
    assert_eq!(classes, ["plugin"; 7]);
}

#[tokio::test]
async fn an_exchange_is_read_without_the_settings_that_say_where_requests_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("said.json");
    let candidate = serde_json::json!({ "content": { "role": "model", "parts": [{ "text": "yes" }] }, "finishReason": "STOP" });
    let exchange = serde_json::json!({
        "request": { "url": "https://x/publishers/google/models/gemini-2.5-flash:generateContent", "body": { "contents": [] } },
        "response": { "status": 200, "headers": {}, "body": { "candidates": [candidate] } },
        "meta": { "model": "gemini-2.5-flash" },
    });
    std::fs::write(&file, exchange.to_string()).expect("a file");
    let file = file.display().to_string();
    let asked = [
        "plugin",
        "run",
        "vertex",
        "--format",
        "json",
        "--exchange",
        &file,
    ];
    let told = run(&asked).await;
    assert_eq!(told.code, Some(0), "{}", told.err);
    let reading: serde_json::Value = serde_json::from_str(&told.out).expect("json");
    assert_eq!(
        (&reading["class"], &reading["text"]),
        (&"ok".into(), &"yes".into())
    );
}

#[tokio::test]
async fn what_a_recorded_exchange_decodes_to_is_one_line_of_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let stream = [
        r#"{"id":"c","model":"llama","choices":[{"index":0,"delta":{"role":"assistant","reasoning":"hm"}}]}"#,
        r#"{"id":"c","model":"llama","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]}}]}"#,
        r#"{"id":"c","model":"llama","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"x_groq":{"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}}"#,
    ];
    let events: Vec<&str> = stream.into();
    let good = serde_json::json!({
        "request": { "body": { "model": "llama", "stream": true } },
        "response": { "status": 200, "headers": { "content-type": "text/event-stream" }, "events": events },
    });
    let bad = serde_json::json!({
        "request": null,
        "response": { "status": 498, "headers": {}, "body": { "error": { "message": "full" } } },
    });
    let files = [
        ("good.json", good.to_string()),
        ("bad.json", bad.to_string()),
        ("no.json", "{}".into()),
    ];
    for (name, text) in &files {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (good, bad, no) = (path("good.json"), path("bad.json"), path("no.json"));
    let asked = ["plugin", "run", "groq", "--format", "json", "--exchange"];
    let told = run(&[&asked[..], &[&*good, &*bad]].concat()).await;
    assert_eq!(told.code, Some(0), "{}", told.err);
    let lines: Vec<serde_json::Value> = told
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("json"))
        .collect();
    assert_eq!(
        lines,
        [
            serde_json::json!({
                "status": 200, "class": "ok", "text": "", "reasoning": "hm",
                "tool_calls": [{ "id": "call_1", "name": "f", "arguments": { "a": 1 } }],
                "finish_reason": "tool_calls",
                "usage": { "input": 7, "output": 3, "cache_read": 0, "cache_write": 0, "reasoning": 0 },
                "model": "llama", "error": null,
            }),
            serde_json::json!({
                "status": 498, "class": "overloaded", "text": "", "reasoning": "", "tool_calls": [],
                "finish_reason": null, "usage": null, "model": null, "error": "full",
            }),
        ]
    );
    let none = run(&["plugin", "run", "grok", "--exchange", &good]).await;
    assert_eq!(none.code, Some(2));
    assert!(
        none.err.contains("no adapter for `grok`") && none.err.contains("`groq`"),
        "{}",
        none.err
    );
    let no = run(&[&asked[..], &[&*no]].concat()).await;
    assert_eq!(no.code, Some(2));
    assert!(
        no.err.contains("no.json`: it has no `response`"),
        "{}",
        no.err
    );
}

#[tokio::test]
async fn what_an_adapter_may_do_is_told_before_it_is_dropped_in() {
    let told = run(&["plugin", "inspect", "groq"]).await;
    assert_eq!(told.code, Some(0), "{}", told.err);
    for line in [
        "  does       chat from openai-chat, untouched",
        "  asks       https://api.groq.com/openai/v1, below /chat/completions",
        "  key        authorization: Bearer KEY",
        "drop \"messages[].name\"",
        "error 498 is overloaded",
    ] {
        assert!(told.out.contains(line), "{line}\n{}", told.out);
    }
    let told = run(&["plugin", "inspect", "anthropic", "--format", "json"]).await;
    let told: Value = serde_json::from_str(&told.out).expect("json");
    assert_eq!(
        told["upstreams"][0]["base_url"],
        "https://api.anthropic.com/v1"
    );
    assert_eq!(told["preset"], Value::Null);
}
