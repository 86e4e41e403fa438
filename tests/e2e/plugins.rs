//! Adapters dropped into the plugin folder of a running gateway.

use super::home::{Home, mock};
use super::http::{chat, streamed};
use super::policy::{bundle, only, openai};
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
