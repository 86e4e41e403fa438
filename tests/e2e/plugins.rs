//! Adapters dropped into the plugin folder of a running gateway.

use super::by_hand::{ByHand, STREAM};
use super::home::{Home, mock};
use super::http::{chat, streamed};
use super::policy::{bundle, chain, only, openai, provider};
use serde_json::Value;
use std::path::Path;

/// A built component of the project.
fn built(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("plugins")
        .join(name);
    std::fs::read(path).expect("a built component")
}

/// The same component with a custom section at its end: it does the same, but is another file.
fn marked(mut component: Vec<u8>) -> Vec<u8> {
    component.extend_from_slice(&[0, 5, 4, b'm', b'a', b'r', b'k']);
    component
}

fn hash_of(policy: &Value, id: &str) -> Option<String> {
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
fn hostile(name: &str, at: std::net::SocketAddr, how: &str) -> String {
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
    gateway.stop().await;
    let records = home.records();
    let classes: Vec<&str> = records
        .iter()
        .map(|r| r.attempts[0].class.as_str())
        .collect();
    assert_eq!(classes, ["plugin"; 7]);
}
