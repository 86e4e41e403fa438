//! Plugins that are not trusted any more, because they fail too often, and those that nobody vouched for.

use super::home::{Gateway, Home, mock};
use super::http::chat;
use super::plugins::{built, hash_of, hostile, marked};
use super::policy::{bundle, chain, only, openai, provider};
use super::process::run;
use serde_json::Value;
use std::path::Path;

/// Ways to fail at once, each another target, so that no breaker comes between.
const WAYS: [&str; 5] = ["trap", "dots", "smuggle", "path", "upstream"];

/// What is wrong with a file, where something is.
fn wrong<'a>(policy: &'a Value, file: &str) -> Option<&'a str> {
    let broken = policy["broken_plugins"].as_object()?;
    let (_, why) = broken.iter().find(|(path, _)| path.ends_with(file))?;
    why.as_str()
}

/// A request for each way to fail, served by another target.
async fn fail(gateway: &Gateway) {
    for how in WAYS {
        let reply = gateway.ask(&chat(&format!("@{how}"))).await;
        assert_eq!(
            (reply.status, reply.header("x-mux-target")),
            (200, "backup/m")
        );
    }
}

#[tokio::test]
async fn a_plugin_that_fails_again_and_again_is_rolled_back_also_across_restarts_until_its_file_is_replaced()
 {
    let backup = mock("backup").await;
    let mut parts = vec![openai("backup", backup.addr)];
    for how in WAYS {
        parts.push(hostile(how, backup.addr, how));
        parts.push(chain(how, &[&format!("{how}/m"), "backup/m"]));
    }
    let home = Home::new(&bundle(&parts));
    let folder = home.data().join("plugins");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("acme.wasm");
    let first = built("hostile/calls.wasm");
    let (second, third) = (marked(first.clone()), marked(marked(first.clone())));
    let hash = |bytes: &[u8]| Some(blake3::hash(bytes).to_hex().to_string());
    std::fs::write(&file, &first).unwrap();
    let gateway = home.start().await;
    std::fs::write(&file, &second).unwrap();
    let serves = |bytes: &[u8]| {
        let hash = hash(bytes);
        move |policy: &Value| hash_of(policy, "hostile") == hash
    };
    gateway.policy_when("the second", serves(&second)).await;

    fail(&gateway).await;
    let policy = gateway.policy_when("the first again", serves(&first)).await;
    let why = wrong(&policy, "acme.wasm").unwrap();
    assert!(
        why.contains("set aside") && why.contains("0.0.1 is back"),
        "{why}"
    );
    let plugins = gateway.admin("/plugins").await;
    let state = |plugins: &Value| {
        plugins
            .as_array()
            .unwrap()
            .iter()
            .find(|p| p["id"] == "hostile")
            .cloned()
    };
    let plugin = state(&plugins).unwrap();
    assert_eq!(
        (&plugin["state"], plugin["hash"].as_str()),
        (&"rolled back".into(), hash(&first).as_deref())
    );
    let listed = home.run(&["plugin", "list"]).await;
    assert!(
        listed.out.contains("in the gateway on") && listed.out.contains("rolled back"),
        "{}",
        listed.out
    );
    let health = home.run(&["health"]).await;
    assert!(
        health.out.contains("rolled back") && health.out.contains("set aside"),
        "{}",
        health.out
    );
    let log = gateway.process.said().err.concat();
    assert!(log.contains("too many of its calls fail"), "{log}");

    // The first is given a chance of its own, and as nothing is left before it, it stays and is not called for a while.
    fail(&gateway).await;
    let plugin = state(&gateway.admin("/plugins").await).unwrap();
    assert_eq!(plugin["state"], "set aside");
    assert_eq!(plugin["faults"]["plan"], 4);
    assert_eq!(
        (&plugin["faults"]["trap"], &plugin["quarantines"]),
        (&1.into(), &1.into())
    );
    gateway.stop().await;

    let gateway = home.start().await;
    let policy = gateway.admin("/policy").await;
    assert_eq!(
        hash_of(&policy, "hostile"),
        hash(&first),
        "the second is not tried again"
    );
    assert!(wrong(&policy, "acme.wasm").unwrap().contains("set aside"));
    std::fs::write(&file, &third).unwrap();
    let policy = gateway.policy_when("the third", serves(&third)).await;
    assert_eq!(wrong(&policy, "acme.wasm"), None);
    let plugin = state(&gateway.admin("/plugins").await).unwrap();
    assert_eq!(
        (&plugin["state"], &plugin["why"]),
        (&"serving".into(), &Value::Null)
    );
}

#[tokio::test]
async fn a_broken_file_is_bridged_by_the_version_before_also_across_a_restart() {
    let a = mock("a").await;
    let home = Home::new(&bundle(&[openai("a", a.addr), only("chat", "a/m")]));
    let folder = home.data().join("plugins");
    std::fs::create_dir_all(&folder).unwrap();
    let (file, good) = (folder.join("mine.wasm"), marked(built("dist/openai.wasm")));
    std::fs::write(&file, &good).unwrap();
    let hash = blake3::hash(&good).to_hex().to_string();
    home.start().await.stop().await;
    std::fs::write(&file, good.split_at(9_000).0).unwrap();
    let gateway = home.start().await;
    let policy = gateway.admin("/policy").await;
    assert_eq!(hash_of(&policy, "openai"), Some(hash));
    assert!(wrong(&policy, "mine.wasm").unwrap().contains("damaged"));
    assert_eq!(gateway.ask(&chat("@chat")).await.status, 200);
}

#[tokio::test]
async fn with_pinned_plugins_nothing_runs_that_is_not_in_the_lock() {
    let a = mock("a").await;
    let home = Home::new(&bundle(&[
        hostile("a", a.addr, "fine"),
        only("chat", "a/m"),
    ]));
    let folder = home.data().join("plugins");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("acme.wasm");
    std::fs::write(&file, built("hostile/calls.wasm")).unwrap();
    let gateway = home.start_with(&["--plugin-trust", "pinned"], &[]).await;
    let policy = gateway.admin("/policy").await;
    assert!(
        wrong(&policy, "acme.wasm")
            .unwrap()
            .contains("mux plugin lock"),
        "{policy}"
    );
    assert_eq!(hash_of(&policy, "hostile"), None);

    let told = home.run(&["plugin", "lock"]).await;
    assert_eq!(told.code, Some(0), "{}", told.err);
    assert!(
        told.out.contains("acme.wasm") && told.out.contains("https://hostile.example"),
        "{}",
        told.out
    );
    let usable = |p: &Value| hash_of(p, "hostile").is_some() && wrong(p, "acme.wasm").is_none();
    let policy = gateway.policy_when("the approved one", usable).await;
    let approved = hash_of(&policy, "hostile");

    std::fs::write(&file, marked(built("hostile/calls.wasm"))).unwrap();
    let refused = |p: &Value| wrong(p, "acme.wasm").is_some();
    let policy = gateway
        .policy_when("the other one to be refused", refused)
        .await;
    assert!(
        wrong(&policy, "acme.wasm")
            .unwrap()
            .contains("nobody approved")
    );
    assert_eq!(
        hash_of(&policy, "hostile"),
        approved,
        "what was approved stays"
    );
    let locked = async |options: &[&str]| {
        let told = home.run(&[&["plugin", "lock"][..], options].concat()).await;
        assert_eq!(told.code, Some(0), "{}", told.err);
        let lock = std::fs::read(home.data().join("plugins.lock")).unwrap();
        let lock: Value = serde_json::from_slice(&lock).unwrap();
        (lock["plugins"].as_array().unwrap().len(), told.out)
    };
    let (count, told) = locked(&["--keep"]).await;
    assert!(count == 2 && told.contains("changed"), "{told}");
    let second = |p: &Value| hash_of(p, "hostile") != approved && wrong(p, "acme.wasm").is_none();
    gateway.policy_when("the other one, approved", second).await;
    assert_eq!(locked(&[]).await.0, 1);

    std::fs::write(
        home.data().join("plugins.lock"),
        r#"{"format":1,"plugins":[]}"#,
    )
    .unwrap();
    let none = |p: &Value| hash_of(p, "hostile").is_none();
    gateway
        .policy_when("an approval that is taken back", none)
        .await;
}

#[tokio::test]
async fn with_signed_plugins_only_the_holder_of_a_key_adds_one() {
    let signed = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins/host/tests/signed");
    let key = |name: &str| signed.join(name).display().to_string();
    let a = mock("a").await;
    let home = Home::new(&bundle(&[
        provider("a", "sample", a.addr),
        only("chat", "a/m"),
    ]));
    let folder = home.data().join("plugins");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(signed.join("sample.wasm"), folder.join("sample.wasm")).unwrap();
    let gateway = home
        .start_with(
            &[
                "--plugin-trust",
                "signed",
                "--plugin-key",
                &key("sample.pub"),
            ],
            &[],
        )
        .await;
    let policy = gateway.admin("/policy").await;
    assert!(
        wrong(&policy, "sample.wasm")
            .unwrap()
            .contains("not signed"),
        "{policy}"
    );
    let beside = "sample.wasm.minisig";
    std::fs::copy(signed.join(beside), folder.join(beside)).unwrap();
    gateway
        .policy_when("the signed one", |p| {
            hash_of(p, "sample").is_some() && wrong(p, "sample.wasm").is_none()
        })
        .await;
    gateway.stop().await;

    let other = [
        "--plugin-trust",
        "signed",
        "--plugin-key",
        &key("other.pub"),
    ];
    let gateway = home.start_with(&other, &[]).await;
    let policy = gateway.admin("/policy").await;
    assert!(
        wrong(&policy, "sample.wasm")
            .unwrap()
            .contains("by none of the keys"),
        "{policy}"
    );
    assert_eq!(hash_of(&policy, "sample"), None);
}

#[tokio::test]
async fn options_of_another_trust_are_refused_rather_than_ignored() {
    let home = tempfile::tempdir().unwrap();
    let policies = home.path().display().to_string();
    for (arguments, words) in [
        (
            &["--plugin-trust", "signed"][..],
            "trusts nobody without a `--plugin-key`",
        ),
        (
            &["--plugin-lock", "x.lock"],
            "without `--plugin-trust pinned`",
        ),
        (&["--plugin-key", "RW"], "without `--plugin-trust signed`"),
        (
            &["--plugin-trust", "signed", "--plugin-key", "nowhere.pub"],
            "`nowhere.pub` is no key",
        ),
    ] {
        let told = run(&[&["serve", "--policies", &policies][..], arguments].concat()).await;
        assert_eq!(told.code, Some(2));
        assert!(told.err.contains(words), "{}", told.err);
    }
}
