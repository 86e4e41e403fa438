//! Canaries where not all goes well: disks that take no end of theirs, restarts, refusals of their own, and targets that they
//! reach in another way than the live version.

use super::canary::{beside, decides, drafted, promote, send, text};
use super::home::{Gateway, Home, failing, mock};
use super::http::{Ask, chat};
use super::patience::soon;
use super::policy::{bundle, only, openai, provider_with};
use hyper::Method;
use mux_mock::Mock;
use mux_routing::bucket::bucket;
use serde_json::{Value, json};
use std::fs;

/// Lets nothing be added to the journal of versions.
fn full(home: &Home, gateway: &Gateway) {
    let journal = fs::read_dir(home.data().join("store/journal")).unwrap();
    let sizes = journal.map(|file| file.unwrap().metadata().unwrap().len());
    gateway.files_up_to(sizes.max());
}

fn said<'v>(told: &'v Value, name: &str) -> &'v str {
    told[name].as_str().unwrap_or_default()
}

/// How often something was logged.
fn logged(gateway: &Gateway, words: &str) -> usize {
    let said = gateway.process.said();
    said.err.iter().filter(|line| line.contains(words)).count()
}

/// A gateway whose canary is aborted, which the disk does not take; what is live, and what is told of the versions.
async fn unwritten(a: &Mock, b: &Mock) -> (Home, Gateway, String, Value) {
    let home = Home::new(&text(a, b, "a/m"));
    let gateway = home.start_limitable().await;
    let live = gateway.version().await;
    let draft = drafted(&home, &text(a, b, "b/m")).await;
    promote(&home, &["--canary", "50%", "--by", "request"]).await;
    full(&home, &gateway);
    send(&gateway, 60).await;
    let unwritten = |v: &Value| v["unwritten"].is_string();
    let told = gateway.versions_when("the end", unwritten).await;
    assert_eq!(told["refs"]["canary"]["version"], json!(draft));
    (home, gateway, live, told)
}

#[tokio::test]
async fn an_abortion_that_the_disk_does_not_take_holds_nobody_up_once_it_does() {
    let (a, b) = (mock("a").await, failing("status=500").await);
    let (home, gateway, _, _) = unwritten(&a, &b).await;
    gateway.files_up_to(None);
    let other = drafted(&home, &format!("# Another.\n{}", text(&a, &b, "b/m"))).await;
    let promoted = home.run(&["promote", &other, "--canary", "50%"]).await;
    assert_eq!(promoted.code, Some(0), "{}", promoted.err);
    let told = gateway.admin("/versions").await;
    assert_eq!(told["refs"]["canary"]["version"], json!(other));
    assert!(told["unwritten"].is_null(), "{told}");
    let mut history = told["history"].as_array().unwrap().iter();
    let end = history.rfind(|event| event["action"] == "end-canary");
    assert!(
        end.is_some_and(|end| said(end, "reason").starts_with("aborted: ")),
        "{told}"
    );
}

#[tokio::test]
async fn an_abortion_that_the_disk_does_not_take_holds_at_once_and_is_written_when_it_does() {
    let (a, b) = (mock("a").await, failing("status=500").await);
    let (home, gateway, live, told) = unwritten(&a, &b).await;
    assert!(said(&told, "unwritten").contains("disk is full"), "{told}");
    for _ in 0..20 {
        let reply = gateway.ask(&chat("@chat")).await;
        assert_eq!(
            (reply.status, reply.header("x-mux-version")),
            (200, &live[..])
        );
    }
    let listed = home.run(&["versions"]).await.out;
    assert!(listed.contains("cannot be written down yet"), "{listed}");
    let metrics = gateway.metrics().await;
    for line in ["mux_canary_running 0", "mux_canary_end_unwritten 1"] {
        assert!(metrics.contains(line), "{metrics}");
    }

    gateway.files_up_to(None);
    let written = |v: &Value| v["refs"]["canary"].is_null();
    let told = gateway
        .versions_when("the end to be written", written)
        .await;
    assert!(told["unwritten"].is_null(), "{told}");
    let last = told["history"].as_array().unwrap().last().unwrap();
    assert_eq!(last["action"], json!("end-canary"));
    assert!(said(last, "reason").starts_with("aborted: "), "{last}");
    gateway.kill().await;
    let gateway = home.start().await;
    for n in 0..20 {
        assert_eq!(decides(&gateway, &format!("talk {n}")).await, live);
    }
}

#[tokio::test]
async fn a_promotion_that_the_disk_does_not_take_is_told_once_and_made_when_it_does() {
    let (a, b) = (mock("a").await, mock("b").await);
    let home = Home::new(&text(&a, &b, "a/m"));
    let gateway = home.start_limitable().await;
    let live = gateway.version().await;
    let draft = drafted(&home, &text(&a, &b, "b/m")).await;
    let terms = ["--canary", "50%", "--for", "1ms", "--answers", "20"];
    promote(&home, &[&terms[..], &["--by", "request"]].concat()).await;
    full(&home, &gateway);
    send(&gateway, 80).await;
    let words = "cannot be promoted";
    let refused = |said: &super::process::Said| {
        let found = said.err.iter().any(|line| line.contains(words));
        found.then_some(())
    };
    gateway.process.says("that it cannot", refused).await;
    // It keeps its share, however often it is asked about, and what was told once is not told again.
    send(&gateway, 20).await;
    let told = gateway.admin("/versions").await;
    assert_eq!(
        (&told["refs"]["live"], &told["refs"]["canary"]["version"]),
        (&json!(live), &json!(draft))
    );
    gateway.files_up_to(None);
    let promoted = |v: &Value| v["refs"]["live"] == draft.as_str();
    gateway.versions_when("the promotion", promoted).await;
    assert_eq!(logged(&gateway, words), 1);
    let metrics = gateway.metrics().await;
    assert!(metrics.contains("mux_canary_promoted_total 1"), "{metrics}");
}

#[tokio::test]
async fn answers_are_counted_anew_after_a_restart_which_is_told() {
    let (a, b) = (mock("a").await, mock("b").await);
    let (home, gateway, _, draft) = beside(&a, &b).await;
    let terms = ["--canary", "50%", "--for", "1ms", "--answers", "40"];
    promote(&home, &[&terms[..], &["--by", "request"]].concat()).await;
    send(&gateway, 40).await;
    let listed = home.run(&["versions"]).await.out;
    assert!(!listed.contains("counted anew"), "{listed}");
    gateway.stop().await;

    let gateway = home.start().await;
    send(&gateway, 30).await;
    let counted = |v: &Value| v["canary"]["live"]["answers"].as_u64() > Some(0);
    let told = gateway.versions_when("some answers", counted).await;
    let canary = &told["canary"];
    let since = |name: &str| canary[name].as_i64().unwrap();
    assert!(since("counted_since_unix_ms") > since("since_unix_ms"));
    // Both had forty together with those of before.
    let answers = |side: &str| canary[side]["answers"].as_u64().unwrap();
    assert!(answers("live") + answers("canary") <= 30, "{canary}");
    let listed = home.run(&["versions"]).await.out;
    assert!(listed.contains("counted anew since"), "{listed}");
    assert!(gateway.metrics().await.contains("mux_canary_running 1"));

    send(&gateway, 120).await;
    let promoted = |v: &Value| v["refs"]["live"] == draft.as_str();
    let told = gateway.versions_when("the promotion", promoted).await;
    let last = told["history"].as_array().unwrap().last().unwrap();
    let reason = said(last, "reason");
    assert!(reason.contains("since the gateway was started"), "{last}");
}

#[tokio::test]
async fn what_a_canary_refuses_before_anybody_is_asked_counts_against_it_and_what_nobody_decided_does_not()
 {
    let (a, b) = (mock("a").await, mock("b").await);
    let home = Home::new(&text(&a, &b, "a/m"));
    let gateway = home.start().await;
    // It reads a header, so that one too long for anything is refused.
    let rule = "policy @chat {\n  when header.x-plan is \"gold\" use b/m\n  else use a/m\n}\n";
    let parts = [openai("a", a.addr), openai("b", b.addr), rule.to_owned()];
    drafted(&home, &bundle(&parts)).await;
    promote(&home, &["--canary", "50%", "--by", "request"]).await;
    for _ in 0..20 {
        let reply = Ask::chat("no json").send(gateway.address).await;
        assert_eq!(reply.status, 400);
        // Answered by mux itself, of whichever version.
        let ask = Ask::new(
            Method::POST,
            "/v1/messages/count_tokens",
            chat("@chat").to_string(),
        );
        let reply = ask.send(gateway.address).await;
        assert_eq!(reply.header("x-mux-estimated"), "true");
    }
    send(&gateway, 1).await;
    let both = |v: &Value| ["live", "canary"].map(|side| v["canary"][side]["answers"].as_u64());
    let one = |v: &Value| both(v).into_iter().flatten().sum::<u64>() == 1;
    let told = gateway.versions_when("the one that was decided", one).await;
    assert_eq!(told["canary"]["live"]["failed"], json!(0), "{told}");

    let long = "x".repeat(4_000);
    for _ in 0..60 {
        let ask = Ask::json(&chat("@chat")).header("x-plan", &long);
        ask.send(gateway.address).await;
    }
    let ended = |v: &Value| v["refs"]["canary"].is_null();
    let told = gateway.versions_when("the end of the canary", ended).await;
    let last = told["history"].as_array().unwrap().last().unwrap();
    assert!(said(last, "reason").contains("requests failed"), "{last}");
    let metrics = gateway.metrics().await;
    assert!(metrics.contains("mux_canary_aborted_total 1"), "{metrics}");
}

#[tokio::test]
async fn a_canary_is_measured_under_names_that_are_documented() {
    let (a, b) = (mock("a").await, failing("status=500").await);
    let (home, gateway, live, draft) = beside(&a, &b).await;
    let idle = gateway.metrics().await;
    assert!(idle.contains("mux_canary_running 0"), "{idle}");
    let terms = [
        "--canary",
        "25%",
        "--by",
        "request",
        "--abort-when",
        "never",
    ];
    promote(&home, &terms).await;
    send(&gateway, 60).await;
    let counted = |v: &Value| {
        let of = |side: &str| v["canary"][side]["answers"].as_u64().unwrap_or_default();
        of("live") + of("canary") == 60
    };
    let told = gateway.versions_when("all to be counted", counted).await;
    let metrics = gateway.metrics().await;
    let has = |line: &str| assert!(metrics.lines().any(|l| l == line), "{line}: {metrics}");
    has("mux_canary_running 1");
    for (side, version, share) in [("live", &live, "0.75"), ("canary", &draft, "0.25")] {
        let did = &told["canary"][side];
        let labels = format!("{{side=\"{side}\",version=\"{version}\"}}");
        has(&format!("mux_canary_share{labels} {share}"));
        has(&format!(
            "mux_canary_answers_total{labels} {}",
            did["answers"]
        ));
        has(&format!(
            "mux_canary_failures_total{labels} {}",
            did["failed"]
        ));
    }
    assert!(
        told["canary"]["canary"]["failed"].as_u64() > Some(0),
        "{told}"
    );
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let types = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    let names: Vec<&str> = types.filter_map(|line| line.split(' ').next()).collect();
    assert!(names.len() >= 9, "{names:?}");
    for name in names {
        assert!(readme.contains(&format!("`{name}`")), "README.md: {name}");
    }
}

#[tokio::test]
async fn a_target_that_a_canary_reaches_in_another_way_is_shown_and_held_as_well() {
    let a = mock("a").await;
    let keyed = |key: &str| {
        let lines = format!("key env {key}");
        let provider = provider_with("a", "openai-compatible", a.addr, &lines);
        bundle(&[provider, only("chat", "a/m")])
    };
    let home = Home::new(&keyed("KEY_ONE"));
    let keys = [("KEY_ONE", "one"), ("KEY_TWO", "two")];
    let gateway = home.start_with(&[], &keys).await;
    let draft = drafted(&home, &keyed("KEY_TWO")).await;
    promote(&home, &["--canary", "50%", "--by", "request"]).await;
    let targets = async || {
        let health = gateway.admin("/health").await;
        let targets = health["targets"].as_array().unwrap().iter();
        let shown = |t: &Value| {
            assert_eq!(t["target"], json!("a/m"));
            (
                t["canary"] == true,
                t["by_hand"].as_str().map(str::to_owned),
            )
        };
        targets.map(shown).collect::<Vec<_>>()
    };
    assert_eq!(targets().await, [(false, None), (true, None)]);
    for (action, held) in [
        ("drain", Some("drained")),
        ("open", Some("held open")),
        ("free", None),
    ] {
        let said = home.run(&["target", "a/m", action]).await;
        assert_eq!(said.code, Some(0), "{said:?}");
        let held = held.map(str::to_owned);
        assert_eq!(
            targets().await,
            [(false, held.clone()), (true, held.clone())]
        );
        if action == "drain" {
            for _ in 0..10 {
                assert_eq!(gateway.ask(&chat("@chat")).await.status, 503);
            }
        }
    }
    let told = home.run(&["health"]).await.out;
    assert!(told.contains("of the canary"), "{told}");
    // What is the same for both is told once.
    home.run(&["rollback"]).await;
    assert_eq!(targets().await, [(false, None)]);
    assert_ne!(gateway.version().await, draft);
}

#[tokio::test]
async fn a_target_that_only_a_canary_reaches_so_is_asked_whether_it_is_back() {
    let (a, b) = (mock("a").await, failing("status=503").await);
    let of = |at| {
        let provider = provider_with("a", "openai-compatible", at, "probe paid every 1s");
        let breaker = "breaker quick {\n  trip when failures >= 2\n  cool 1s\n  probe 1 requests\n}\ndefaults {\n  breaker quick\n}\n";
        bundle(&[provider, breaker.to_owned(), only("chat", "a/m")])
    };
    let home = Home::new(&of(a.addr));
    let gateway = home.start().await;
    let draft = drafted(&home, &of(b.addr)).await;
    promote(&home, &["--canary", "50%"]).await;
    let salt = format!("mux canary {draft}");
    let names = (0..).map(|n| format!("talk {n}"));
    let inside: Vec<String> = names.filter(|n| bucket(&salt, n) < 5_000).take(2).collect();
    for name in &inside {
        let ask = Ask::json(&chat("@chat")).header("x-mux-conversation", name);
        assert_eq!(ask.send(gateway.address).await.status, 503);
    }
    let breaker = async || {
        let health = gateway.admin("/health").await;
        let shown = &health["targets"][1];
        assert_eq!(shown["canary"], json!(true), "{health}");
        shown["breaker"].as_str().unwrap().to_owned()
    };
    assert_ne!(breaker().await, "closed");
    b.control().clear_fault();
    soon("a closed breaker", async {
        while breaker().await != "closed" {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
