//! Saves: taken up by the next request, refused when broken, and never felt by a client.

use super::by_hand::{ByHand, STREAM, end, event};
use super::home::{Gateway, Home, mock};
use super::http::{Ask, chat, streamed};
use super::patience::soon;
use super::policy::{bundle, chain, only, openai, provider_with};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

#[tokio::test]
async fn a_save_is_used_by_the_next_request() {
    let (a, b) = (mock("a").await, mock("b").await);
    let text = |target: &str| {
        bundle(&[
            openai("a", a.addr),
            openai("b", b.addr),
            only("chat", target),
        ])
    };
    let home = Home::new(&text("a/m"));
    let gateway = home.start().await;
    let mut version = gateway.version().await;
    assert_eq!(
        gateway.ask(&chat("@chat")).await.header("x-mux-target"),
        "a/m"
    );
    for (target, whole) in [("b/m", false), ("a/m", true), ("b/m", true)] {
        home.save_either_way(&text(target), whole);
        version = gateway.version_after(&version).await;
        let reply = gateway.ask(&chat("@chat")).await;
        assert_eq!(
            (reply.header("x-mux-target"), reply.header("x-mux-version")),
            (target, version.as_str())
        );
    }
    std::fs::write(home.policies().join("more.mux"), only("more", "a/m")).unwrap();
    version = gateway.version_after(&version).await;
    assert_eq!(
        gateway.ask(&chat("@more")).await.status,
        200,
        "a new file is part of the bundle"
    );
    std::fs::remove_file(home.policies().join("more.mux")).unwrap();
    gateway.version_after(&version).await;
    assert_eq!(
        gateway.ask(&chat("@more")).await.status,
        404,
        "a removed file is not"
    );
}

/// Every refused save leaves the same version serving.
async fn unchanged(gateway: &Gateway, version: &str) {
    let reply = gateway.ask(&chat("@chat")).await;
    assert_eq!(
        (
            reply.status,
            reply.header("x-mux-target"),
            reply.header("x-mux-version")
        ),
        (200, "a/m", version)
    );
}

#[tokio::test]
async fn a_broken_save_keeps_the_running_version_and_says_where_it_is_broken() {
    let (a, b) = (mock("a").await, mock("b").await);
    let fleet = [openai("a", a.addr), openai("b", b.addr)].concat();
    let text = |policy: String| bundle(&[fleet.clone(), policy]);
    let home = Home::new(&text(only("chat", "a/m")));
    let gateway = home.start().await;
    let version = gateway.version().await;

    let broken = text(only("chat", "b/nowhere"));
    let line = broken.lines().position(|l| l.contains("nowhere")).unwrap() + 1;
    home.save(&broken);
    let policy = gateway
        .policy_when("the save to be refused", |p| p["ok"] == false)
        .await;
    let place = &policy["diagnostics"][0]["labels"][0];
    assert_eq!(
        (&place["file"], &place["span"]["line"]),
        (&json!("main.mux"), &json!(line)),
        "{policy}"
    );
    assert_eq!(policy["live"], version.as_str());
    let log = gateway.process.said().err.concat();
    assert!(
        log.contains("the save was refused") && log.contains(&format!("main.mux:{line}")),
        "{log}"
    );
    unchanged(&gateway, &version).await;

    let promise = "test \"chat goes to b\" {\n  given model @chat\n  expect first is b/m\n}\n";
    home.save(&text(only("chat", "a/m") + promise));
    let told = |p: &Value| {
        p["error"]
            .as_str()
            .is_some_and(|e| e.contains("chat goes to b"))
    };
    let policy = gateway.policy_when("the failing test", told).await;
    assert_eq!(
        (&policy["ok"], &policy["live"]),
        (&json!(false), &json!(version))
    );
    unchanged(&gateway, &version).await;

    std::fs::write(
        home.policies().join("main.mux"),
        [0xff, 0xfe, 0x00, 0x9f].repeat(100),
    )
    .unwrap();
    let told = |p: &Value| {
        p["ok"] == false
            && !p["error"]
                .as_str()
                .is_some_and(|e| e.contains("chat goes to b"))
    };
    gateway.policy_when("the binary garbage", told).await;
    unchanged(&gateway, &version).await;

    home.save(&text(only("chat", "b/m") + promise));
    let healed = gateway.version_after(&version).await;
    let reply = gateway.ask(&chat("@chat")).await;
    assert_eq!(
        (reply.header("x-mux-target"), reply.header("x-mux-version")),
        ("b/m", healed.as_str())
    );
    let policy = gateway.admin("/policy").await;
    assert_eq!(policy["error"], Value::Null);
    let left = policy["diagnostics"].as_array().unwrap();
    assert!(left.iter().all(|d| d["severity"] == "warning"), "{left:?}");
    gateway.stop().await;
    let versions = home.run(&["versions", "--format", "json"]).await;
    let versions: Value = serde_json::from_str(&versions.out).unwrap();
    assert_eq!(
        versions["versions"].as_array().unwrap().len(),
        2,
        "a refused save is no version"
    );
}

#[tokio::test]
async fn a_stream_finishes_on_the_version_it_began_with() {
    let (hand, b) = (ByHand::new().await, mock("b").await);
    let home = Home::new(&bundle(&[openai("a", hand.address), only("chat", "a/m")]));
    let gateway = home.start().await;
    let old = gateway.version().await;
    let begin = async {
        let mut call = hand.call().await;
        call.say(&format!("{STREAM}{}", event("before"))).await;
        call
    };
    let body = streamed("@chat");
    let (mut open, mut call) = tokio::join!(gateway.open(&body), begin);
    open.until("before").await;

    // The provider it streams from is not even part of the new version.
    home.save(&bundle(&[openai("b", b.addr), only("chat", "b/m")]));
    let new = gateway.version_after(&old).await;
    assert_eq!(
        gateway.ask(&chat("@chat")).await.header("x-mux-version"),
        new
    );
    call.say(&format!("{}{}", event(" and after"), end())).await;
    drop(call);
    let reply = open.rest().await;
    assert_eq!(
        (reply.said().as_str(), reply.header("x-mux-version")),
        ("before and after", old.as_str())
    );
    assert!(reply.whole && reply.done());
}

/// What one client saw.
#[derive(Debug, Default)]
struct Seen {
    requests: u64,
    failed: Vec<String>,
    versions: BTreeSet<String>,
}

/// Asks until told to stop.
async fn load(address: SocketAddr, stream: bool, stop: Arc<AtomicBool>) -> Seen {
    let mut seen = Seen::default();
    let body = if stream {
        streamed("@chat")
    } else {
        chat("@chat")
    };
    while !stop.load(Relaxed) {
        let reply = Ask::json(&body).send(address).await;
        seen.requests += 1;
        if reply.status != 200 || !reply.whole || reply.done() != stream || reply.said().is_empty()
        {
            seen.failed
                .push(format!("{}: {}", reply.status, reply.text()));
        }
        seen.versions
            .insert(reply.header("x-mux-version").to_owned());
    }
    seen
}

/// The ids that versions of `main.mux` get, as `gateway` has its adapters.
async fn ids(gateway: &Gateway) -> impl Fn(&str) -> String {
    let policy = gateway.admin("/policy").await;
    let plugins = policy["plugins"].as_array().unwrap().iter();
    let plugins: Vec<(String, String)> = plugins
        .filter(|p| p[0] == "openai")
        .map(|p| ("openai".to_owned(), p[2].as_str().unwrap().to_owned()))
        .collect();
    move |text| {
        let files = [("main.mux".to_owned(), text.as_bytes().to_vec())];
        mux_store::version_id(&files, &plugins, None)
    }
}

#[tokio::test]
async fn two_hundred_saves_under_load_of_which_a_third_is_broken_fail_no_request() {
    let (a, b) = (mock("a").await, mock("b").await);
    let text = |n: usize| {
        let tries = [["a/m", "b/m"], ["b/m", "a/m"]][n % 2];
        let fleet = [openai("a", a.addr), openai("b", b.addr)].concat();
        bundle(&[fleet, chain("chat", &tries), format!("# save {n}")])
    };
    let home = Home::new(&text(1_000));
    let gateway = home.start().await;
    let id = ids(&gateway).await;
    let mut valid = BTreeSet::from([id(&text(1_000))]);
    assert!(
        valid.contains(&gateway.version().await),
        "the id is that of the files and the adapters"
    );

    let stop = Arc::new(AtomicBool::new(false));
    let client = |stream| tokio::spawn(load(gateway.address, stream, Arc::clone(&stop)));
    let clients = [true, false, true, false].map(client);
    for n in 0..200 {
        let (good, whole) = (text(n), n % 4 < 2);
        if n % 3 == 2 {
            home.save_either_way(&good[..good.len() / 2], whole);
            let refused = |p: &Value| p["ok"] == false;
            gateway
                .policy_when("a broken save to be refused", refused)
                .await;
        } else {
            home.save_either_way(&good, whole);
            let wanted = id(&good);
            let taken = |p: &Value| p["live"] == wanted.as_str() && p["ok"] == true;
            gateway.policy_when("a good save to be served", taken).await;
            valid.insert(wanted);
        }
    }
    stop.store(true, Relaxed);
    let mut all = Seen::default();
    for client in clients {
        let seen = client.await.unwrap();
        assert!(
            seen.requests > 20,
            "a client hardly got to ask: {}",
            seen.requests
        );
        all.requests += seen.requests;
        all.failed.extend(seen.failed);
        all.versions.extend(seen.versions);
    }
    println!(
        "{} requests under {} versions",
        all.requests,
        all.versions.len()
    );
    assert_eq!(all.failed, [""; 0], "of {} requests", all.requests);
    let unknown: Vec<&String> = all.versions.difference(&valid).collect();
    assert!(unknown.is_empty(), "served, but never saved: {unknown:?}");
    assert!(
        all.versions.len() > 20,
        "the load met only {} versions",
        all.versions.len()
    );
}

#[tokio::test]
async fn a_save_that_changes_nothing_fetches_no_secret_again() {
    let a = mock("a").await;
    let text = |note: &str| {
        let provider = provider_with("a", "openai", a.addr, "key secret \"count:it\"");
        bundle(&[provider, only("chat", "a/m"), format!("# {note}\n")])
    };
    let home = Home::new(&text("one"));
    let fetched = home.policies().join("fetched");
    let script = home.policies().join("fetch.sh");
    let lines = format!(
        "echo once >> {}\necho sk-fetched-secret\n",
        fetched.display()
    );
    std::fs::write(&script, lines).unwrap();
    let command = format!("count=sh {}", script.display());
    let gateway = home.start_with(&["--secret-command", &command], &[]).await;
    let times = || std::fs::read_to_string(&fetched).unwrap().lines().count();
    let looked = async |checks: u64| {
        while gateway.admin("/policy").await["checks"].as_u64() < Some(checks) {}
    };
    // The first look is the start, the second follows it for what was saved meanwhile.
    soon("the second look", looked(2)).await;
    home.save_whole(&text("one"));
    soon("a look at the save", looked(3)).await;
    assert_eq!(times(), 1);
    let version = gateway.version().await;
    home.save_whole(&text("two"));
    gateway.version_after(&version).await;
    assert_eq!(times(), 2);
}
