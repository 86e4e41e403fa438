//! Versions: listed, rolled back to, held and released, over a running gateway and on the store itself.

use super::home::{Gateway, Home, admin, mock};
use super::http::chat;
use super::policy::{bundle, only, openai};
use hyper::Method;
use mux_mock::Mock;
use serde_json::{Value, json};

fn text(provider: &Mock, n: usize) -> String {
    bundle(&[
        openai("a", provider.addr),
        only("chat", "a/m"),
        format!("# {n}\n"),
    ])
}

/// A home with two versions, served by a gateway.
async fn two_versions(provider: &Mock) -> (Home, Gateway, String, String) {
    let home = Home::new(&text(provider, 1));
    let gateway = home.start().await;
    let first = gateway.version().await;
    home.save(&text(provider, 2));
    let second = gateway.version_after(&first).await;
    (home, gateway, first, second)
}

async fn served(gateway: &Gateway) -> String {
    let reply = gateway.ask(&chat("@chat")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.header("x-mux-version").to_owned()
}

async fn listing(home: &Home) -> Value {
    let listed = home.run(&["versions", "--format", "json"]).await;
    assert_eq!(listed.code, Some(0), "{}", listed.err);
    serde_json::from_str(&listed.out).unwrap()
}

fn ids(listing: &Value) -> Vec<&str> {
    let versions = listing["versions"].as_array().unwrap();
    versions.iter().filter_map(|v| v["id"].as_str()).collect()
}

#[tokio::test]
async fn a_running_gateway_and_the_store_itself_list_the_same_versions() {
    let a = mock("a").await;
    let (home, gateway, first, second) = two_versions(&a).await;
    let online = listing(&home).await;
    assert_eq!(ids(&online), [&second, &first], "newest first");
    assert_eq!(
        online["refs"],
        json!({ "folder": second, "live": second, "held": null })
    );
    let table = home.run(&["versions", "list"]).await;
    let row = table
        .out
        .lines()
        .find(|l| l.starts_with(&second[..12]))
        .unwrap();
    assert!(row.ends_with("live folder"), "{}", table.out);
    assert_eq!(gateway.stop().await.code, Some(0));
    assert_eq!(listing(&home).await, online);

    let nobody = home.run(&["health"]).await;
    assert_eq!(nobody.code, Some(2));
    assert!(
        nobody.err.contains("no gateway is running"),
        "{}",
        nobody.err
    );
}

#[tokio::test]
async fn a_rollback_holds_and_saves_wait_until_it_is_released() {
    let a = mock("a").await;
    let (home, gateway, first, second) = two_versions(&a).await;
    assert_eq!(served(&gateway).await, second);
    for bad in ["ffffffff", "zz"] {
        let refused = home.run(&["rollback", bad]).await;
        assert_eq!(refused.code, Some(1), "{}", refused.err);
        assert!(refused.err.contains(&format!("`{bad}`")), "{}", refused.err);
    }
    assert_eq!(
        served(&gateway).await,
        second,
        "a refused rollback changes nothing"
    );

    let back = home
        .run(&[
            "rollback",
            "--reason",
            "the new one is slow",
            "--format",
            "json",
        ])
        .await;
    assert_eq!(back.code, Some(0), "{}", back.err);
    assert_eq!(
        served(&gateway).await,
        first,
        "without an id it is the version before"
    );

    home.save(&text(&a, 3));
    let policy = gateway
        .policy_when("the save to be kept", |p| {
            p["folder"] != second.as_str() && p["folder"] != first.as_str()
        })
        .await;
    let third = policy["folder"].as_str().unwrap().to_owned();
    assert_eq!(
        (&policy["held"], &policy["live"]),
        (&json!("the new one is slow"), &json!(first))
    );
    assert_eq!(
        ids(&listing(&home).await),
        [&third, &second, &first],
        "a save while held is stored …"
    );
    assert_eq!(served(&gateway).await, first, "… but not served");

    let back = home.run(&["rollback", &second[..8]]).await;
    assert_eq!(back.code, Some(0), "{}", back.err);
    assert_eq!(
        served(&gateway).await,
        second,
        "the beginning of an id is enough"
    );

    let released = home.run(&["release"]).await;
    assert!(
        released.code == Some(0) && released.out.contains(&third),
        "{released:?}"
    );
    assert_eq!(served(&gateway).await, third, "the folder is served again");
    let again = home.run(&["release"]).await;
    assert!(
        again.code == Some(0) && again.out.contains("nothing was held"),
        "{again:?}"
    );
    let actions: Vec<Value> = listing(&home).await["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|h| h["action"].clone())
        .collect();
    assert_eq!(
        actions,
        ["save", "save", "rollback", "save", "rollback", "release"]
    );
}

#[tokio::test]
async fn a_hold_outlives_a_restart_and_can_be_made_and_ended_without_a_gateway() {
    let a = mock("a").await;
    let (home, gateway, first, second) = two_versions(&a).await;
    gateway.stop().await;
    let back = home
        .run(&["rollback", &first[..10], "--reason", "offline"])
        .await;
    assert_eq!(back.code, Some(0), "{}", back.err);

    let gateway = home.start().await;
    assert_eq!(served(&gateway).await, first);
    let policy = gateway.admin("/policy").await;
    assert_eq!(
        (&policy["held"], &policy["folder"]),
        (&json!("offline"), &json!(second))
    );
    gateway.stop().await;

    let released = home.run(&["release", "--format", "json"]).await;
    assert_eq!(released.code, Some(0), "{}", released.err);
    let gateway = home.start().await;
    assert_eq!(served(&gateway).await, second);
}

#[tokio::test]
async fn a_restart_with_a_broken_folder_serves_the_last_good_version_and_says_so() {
    let a = mock("a").await;
    let (home, gateway, _, second) = two_versions(&a).await;
    gateway.stop().await;
    home.save("policy @chat {\n  else use nobody/m\n}\n");
    let gateway = home.start().await;
    assert_eq!(served(&gateway).await, second);
    let policy = gateway.admin("/policy").await;
    assert_eq!(
        (&policy["ok"], &policy["live"]),
        (&json!(false), &json!(second))
    );
    assert!(
        policy["error"].as_str().unwrap().contains("main.mux:2"),
        "{policy}"
    );
    let log = gateway.process.said().err.concat();
    assert!(log.contains("serving the last good version"), "{log}");

    home.save(&text(&a, 3));
    let third = gateway.version_after(&second).await;
    assert_eq!(served(&gateway).await, third);
}

#[tokio::test]
async fn the_admin_socket_is_for_its_owner_and_says_no_in_words() {
    use std::os::unix::fs::PermissionsExt;
    let a = mock("a").await;
    let home = Home::new(&text(&a, 1));
    let gateway = home.start().await;
    let mode = std::fs::metadata(home.data().join("admin.sock"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let body = json!({ "id": "abcdef012345", "author": "t", "reason": "" }).to_string();
    let (status, answer) = admin(&home.data(), Method::POST, "/rollback", &body).await;
    assert!(
        status == 409 && answer["error"].as_str().unwrap().contains("`abcdef012345`"),
        "{answer}"
    );
    let health = home.run(&["health", "--format", "json"]).await;
    let health: Value = serde_json::from_str(&health.out).unwrap();
    assert_eq!(
        (
            &health["targets"][0]["target"],
            &health["targets"][0]["breaker"]
        ),
        (&json!("a/m"), &json!("closed"))
    );
    gateway.stop().await;
    assert!(
        !home.data().join("admin.sock").exists(),
        "the socket goes with the gateway"
    );
}

#[tokio::test]
async fn what_was_kept_is_shown_compared_promoted_and_told_in_the_log() {
    let a = mock("a").await;
    let home = Home::new(&text(&a, 1));
    let git = home.policies().join(".git");
    std::fs::create_dir_all(git.join("refs/heads")).unwrap();
    std::fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    std::fs::write(git.join("refs/heads/main"), &"c0ffee".repeat(7)[..40]).unwrap();
    let gateway = home.start().await;
    let first = gateway.version().await;
    home.save(&text(&a, 2));
    let second = gateway.version_after(&first).await;
    home.run(&["rollback", &first, "--reason", "slow"]).await;
    assert_eq!(served(&gateway).await, first);

    let shown = async |home: &Home| {
        let shown = home
            .run(&["versions", "show", &second[..8], "--format", "json"])
            .await;
        serde_json::from_str::<Value>(&shown.out).unwrap()
    };
    let online = shown(&home).await;
    assert_eq!(
        (&online["parent"], &online["refs"]),
        (&json!(first), &json!(["folder"]))
    );
    assert_eq!(online["files"], json!(["main.mux"]));
    let note = online["version"]["note"].as_str().unwrap();
    assert!(note.ends_with(", on c0ffeec0ffee (main)"), "{note}");
    let file = home
        .run(&["versions", "show", &second, "--file", "main.mux"])
        .await;
    assert!(file.out.contains("# 2"), "{}", file.out);
    let diff = home.run(&["versions", "diff", &first, &second]).await;
    assert!(diff.out.contains("-# 1\n+# 2"), "{}", diff.out);

    let promoted = home.run(&["promote", "--reason", "good after all"]).await;
    assert_eq!(promoted.code, Some(0), "{}", promoted.err);
    assert_eq!(served(&gateway).await, second);
    assert_eq!(listing(&home).await["refs"]["held"], json!(null));
    let refused = home.run(&["promote", "ffffffff"]).await;
    assert_eq!(refused.code, Some(1), "{}", refused.err);

    let log = home.run(&["versions", "log", "--format", "json"]).await;
    let log: Value = serde_json::from_str(&log.out).unwrap();
    let told: Vec<_> = log
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["action"].as_str().unwrap())
        .collect();
    assert_eq!(told, ["promote", "rollback", "save", "save"]);
    assert_eq!(log[0]["prev"], log[1]["hash"]);
    assert_eq!(log[0]["reason"], json!("good after all"));

    gateway.stop().await;
    let offline = shown(&home).await;
    assert_eq!(
        (&offline["version"], &offline["plugins"]),
        (&online["version"], &online["plugins"])
    );
    let hash = online["plugins"]["openai"].as_str().unwrap();
    assert_eq!(hash.len(), 64, "{online}");
    let human = home.run(&["versions", "log", "--limit", "1"]).await;
    assert!(
        human.out.contains("promote") && human.out.lines().count() == 2,
        "{}",
        human.out
    );
}

#[tokio::test]
async fn a_store_is_verified_exported_imported_compacted_and_backed_up_by_the_gateway() {
    let a = mock("a").await;
    let (home, gateway, first, second) = two_versions(&a).await;
    let busy = home.run(&["store", "verify"]).await;
    assert!(
        busy.code == Some(2) && busy.err.contains("is held by"),
        "{}",
        busy.err
    );
    gateway.stop().await;
    let backups = std::fs::read_dir(home.data().join("store/backups"))
        .unwrap()
        .count();
    assert_eq!(backups, 1, "made at the start");
    let whole = home.run(&["store", "verify"]).await;
    assert!(
        whole.code == Some(0) && whole.out.contains("all is well"),
        "{}",
        whole.out
    );
    let file = home.data().join("all.mux-store");
    let file = file.to_str().unwrap();
    assert_eq!(home.run(&["store", "export", file]).await.code, Some(0));
    assert_eq!(home.run(&["store", "compact"]).await.code, Some(0));

    // Journal and index are lost; the export puts both back.
    let store = home.data().join("store");
    for lost in ["journal", "store", "backups"] {
        std::fs::remove_dir_all(store.join(lost)).unwrap();
    }
    let imported = home.run(&["store", "import", file]).await;
    assert!(
        imported.out.contains("imported 2 events"),
        "{} {}",
        imported.out,
        imported.err
    );
    assert_eq!(ids(&listing(&home).await), [&second, &first]);
    let again = home.run(&["store", "import", file]).await;
    assert!(
        again.code == Some(2) && again.err.contains("holds a store already"),
        "{}",
        again.err
    );

    // A bit rots, and is mended from the other copy.
    let journal = std::fs::read_dir(store.join("journal"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut bytes = std::fs::read(&journal).unwrap();
    bytes[70] ^= 4;
    std::fs::write(&journal, bytes).unwrap();
    let repaired = home.run(&["store", "repair"]).await;
    assert!(
        repaired.out.contains("mended: took 1 events back"),
        "{}",
        repaired.out
    );
    assert_eq!(repaired.code, Some(0));
}
