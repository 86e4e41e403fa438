//! A version tried out beside the live one: who gets it, when it is aborted, when it is promoted. Drafts, which nobody gets.

use super::home::{Gateway, Home, failing, mock};
use super::http::{Ask, chat};
use super::policy::{bundle, chain, only, openai, provider};
use super::process::run;
use mux_mock::Mock;
use mux_routing::bucket::bucket;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Policies on two providers, of which one answers `@chat`.
pub(crate) fn text(a: &Mock, b: &Mock, target: &str) -> String {
    bundle(&[
        openai("a", a.addr),
        openai("b", b.addr),
        only("chat", target),
    ])
}

/// Policies written beside those of a home.
fn idea(home: &Home, text: &str) -> String {
    let folder = home.policies().with_file_name("idea");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("main.mux"), text).unwrap();
    folder.to_str().unwrap().to_owned()
}

/// Keeps policies as a draft; its id.
pub(crate) async fn drafted(home: &Home, text: &str) -> String {
    let folder = idea(home, text);
    let draft = [
        "versions", "draft", &folder, "--reason", "cheaper", "--format", "json",
    ];
    let kept = home.run(&draft).await;
    assert_eq!(kept.code, Some(0), "{}", kept.err);
    let head: Value = serde_json::from_str(&kept.out).unwrap();
    assert_eq!(head["note"], json!("cheaper"));
    head["id"].as_str().unwrap().to_owned()
}

/// A gateway whose `@chat` goes to `a/m`, and a draft that sends it to `b/m`; what is live, and the draft.
pub(crate) async fn beside(a: &Mock, b: &Mock) -> (Home, Gateway, String, String) {
    let home = Home::new(&text(a, b, "a/m"));
    let gateway = home.start().await;
    let live = gateway.version().await;
    let draft = drafted(&home, &text(a, b, "b/m")).await;
    (home, gateway, live, draft)
}

pub(crate) async fn promote(home: &Home, arguments: &[&str]) -> String {
    let said = home.run(&[&["promote", "draft"], arguments].concat()).await;
    assert_eq!(said.code, Some(0), "{}", said.err);
    said.out
}

/// The version that decides for a conversation.
pub(crate) async fn decides(gateway: &Gateway, conversation: &str) -> String {
    let ask = Ask::json(&chat("@chat")).header("x-mux-conversation", conversation);
    let reply = ask.send(gateway.address).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.header("x-mux-version").to_owned()
}

/// Sends so many requests, whatever becomes of them.
pub(crate) async fn send(gateway: &Gateway, requests: usize) {
    for _ in 0..requests {
        gateway.ask(&chat("@chat")).await;
    }
}

#[tokio::test]
async fn a_share_of_the_clients_is_decided_by_the_canary_and_each_stays_until_it_ends() {
    let (a, b) = (mock("a").await, mock("b").await);
    let (home, gateway, live, draft) = beside(&a, &b).await;
    let said = promote(&home, &["--canary", "30%"]).await;
    assert!(said.contains("30% of clients"), "{said}");
    let names: Vec<String> = (0..60).map(|n| format!("talk {n}")).collect();
    let mut in_it = BTreeSet::new();
    for _ in 0..2 {
        for name in &names {
            let expected = if bucket(&format!("mux canary {draft}"), name) < 3_000 {
                in_it.insert(name.clone());
                &draft
            } else {
                &live
            };
            assert_eq!(&decides(&gateway, name).await, expected, "{name}");
        }
    }
    assert!((4..36).contains(&in_it.len()), "{} of 60", in_it.len());

    promote(&home, &["--canary", "60%"]).await;
    for name in &in_it {
        assert_eq!(
            decides(&gateway, name).await,
            draft,
            "a larger share keeps {name}"
        );
    }
    let listed = home.run(&["versions"]).await;
    assert!(
        listed.out.contains("canary: ") && listed.out.contains("60% of clients"),
        "{}",
        listed.out
    );
    let row = listed
        .out
        .lines()
        .find(|line| line.starts_with(&draft[..12]))
        .unwrap();
    assert!(row.ends_with("draft canary"), "{row}");

    let back = home.run(&["rollback", "--reason", "enough"]).await;
    assert!(
        back.code == Some(0) && back.out.contains("has ended"),
        "{back:?}"
    );
    for name in &names {
        assert_eq!(decides(&gateway, name).await, live, "{name}");
    }
    assert_eq!(
        gateway.admin("/versions").await["refs"],
        json!({
            "folder": live, "live": live, "held": null, "draft": draft,
        })
    );
    gateway.stop().await;
    let of_draft = home.records().into_iter().filter(|r| r.version == draft);
    let served: BTreeSet<String> = of_draft.filter_map(|r| r.outcome.served).collect();
    assert_eq!(
        served,
        BTreeSet::from(["b/m".to_owned()]),
        "records tell the version that decided"
    );
}

#[tokio::test]
async fn a_canary_that_fails_is_aborted_by_itself_and_what_was_live_stays() {
    let (a, b) = (mock("a").await, failing("status=500").await);
    let (home, gateway, live, draft) = beside(&a, &b).await;
    promote(&home, &["--canary", "50%", "--by", "request"]).await;
    send(&gateway, 60).await;
    let told = gateway
        .versions_when("the end of the canary", |v| v["refs"]["canary"].is_null())
        .await;
    let last = told["history"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["action"], &last["author"], &last["version"]),
        (&json!("end-canary"), &json!("mux"), &json!(draft))
    );
    let reason = last["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("aborted: ") && reason.contains("requests failed"),
        "{reason}"
    );
    assert_eq!(told["refs"]["live"], json!(live));
    for _ in 0..20 {
        let reply = gateway.ask(&chat("@chat")).await;
        assert_eq!(
            (reply.status, reply.header("x-mux-version")),
            (200, live.as_str())
        );
    }
    let listed = home.run(&["versions"]).await;
    assert!(
        listed.out.contains("has ended: aborted: "),
        "{}",
        listed.out
    );
}

#[tokio::test]
async fn a_canary_that_may_fail_is_left_alone() {
    let (a, b) = (mock("a").await, failing("status=500").await);
    let (home, gateway, _, draft) = beside(&a, &b).await;
    promote(
        &home,
        &[
            "--canary",
            "50%",
            "--by",
            "request",
            "--abort-when",
            "p95+50%",
        ],
    )
    .await;
    send(&gateway, 60).await;
    let enough = |v: &Value| v["canary"]["canary"]["failed"].as_u64() >= Some(15);
    let told = gateway
        .versions_when("failures to be counted", enough)
        .await;
    assert_eq!(told["refs"]["canary"]["version"], json!(draft));
}

#[tokio::test]
async fn a_canary_that_does_as_well_is_promoted_when_its_time_is_up_and_saves_wait_for_that() {
    let (a, b) = (mock("a").await, mock("b").await);
    let (home, gateway, live, draft) = beside(&a, &b).await;
    let terms = [
        "--canary",
        "50%",
        "--by",
        "request",
        "--for",
        "1ms",
        "--answers",
        "20",
    ];
    promote(&home, &terms).await;
    home.save(&chain_of(&a, &b));
    let saved = gateway
        .policy_when("the save to be kept", |p| p["folder"] != live.as_str())
        .await;
    assert_eq!(
        saved["live"],
        json!(live),
        "a save waits for the end of a canary"
    );

    send(&gateway, 80).await;
    let told = gateway
        .versions_when("the promotion", |v| v["refs"]["live"] == draft.as_str())
        .await;
    let last = told["history"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["action"], &last["author"]),
        (&json!("promote"), &json!("mux"))
    );
    assert!(
        last["reason"].as_str().unwrap().contains("no worse"),
        "{last}"
    );
    assert!(
        told["refs"]["canary"].is_null() && told["refs"]["held"].is_string(),
        "{told}"
    );
    assert_eq!(
        gateway.ask(&chat("@chat")).await.header("x-mux-version"),
        draft
    );

    // What was promoted comes into the folder, and that is followed again.
    home.save(&text(&a, &b, "b/m"));
    let followed = |v: &Value| v["refs"]["held"].is_null() && v["refs"]["folder"] == draft.as_str();
    gateway.versions_when("the end of the hold", followed).await;
    home.save(&text(&a, &b, "a/m"));
    assert_eq!(gateway.version_after(&draft).await, live);
}

fn chain_of(a: &Mock, b: &Mock) -> String {
    bundle(&[
        openai("a", a.addr),
        openai("b", b.addr),
        chain("chat", &["a/m", "b/m"]),
    ])
}

#[tokio::test]
async fn a_canary_outlives_a_restart_and_can_begin_and_end_without_a_gateway() {
    let (a, b) = (mock("a").await, mock("b").await);
    let (home, gateway, live, draft) = beside(&a, &b).await;
    gateway.stop().await;
    promote(&home, &["--canary", "50%"]).await;
    let gateway = home.start().await;
    let mut deciding = BTreeSet::new();
    for n in 0..30 {
        deciding.insert(decides(&gateway, &format!("talk {n}")).await);
    }
    assert_eq!(deciding, BTreeSet::from([live.clone(), draft.clone()]));
    gateway.kill().await;
    let back = home.run(&["rollback"]).await;
    assert!(
        back.code == Some(0) && back.out.contains("has ended"),
        "{back:?}"
    );
    let gateway = home.start().await;
    for n in 0..30 {
        assert_eq!(decides(&gateway, &format!("talk {n}")).await, live);
    }
}

#[tokio::test]
async fn what_cannot_be_tried_out_is_told_and_changes_nothing() {
    let (a, b) = (mock("a").await, mock("b").await);
    let (home, gateway, live, draft) = beside(&a, &b).await;
    let before = gateway.admin("/versions").await;
    for (arguments, code, words) in [
        (
            vec!["promote", &live[..], "--canary", "10%"],
            1,
            "live already",
        ),
        (
            vec!["promote", "ffffffff", "--canary", "10%"],
            1,
            "`ffffffff`",
        ),
        (
            vec!["promote", "canary"],
            1,
            "no version is called `canary`",
        ),
        (
            vec!["promote", "draft", "--canary", "100%"],
            2,
            "without `--canary`",
        ),
        (vec!["promote", "draft", "--canary", "ten"], 2, "`10%`"),
        (vec!["promote", "draft", "--for", "10m"], 2, "--canary"),
    ] {
        let said = home.run(&arguments).await;
        assert_eq!(said.code, Some(code), "{arguments:?} {said:?}");
        assert!(said.err.contains(words), "{arguments:?} {}", said.err);
    }
    assert_eq!(gateway.admin("/versions").await, before);
    promote(&home, &["--canary", "10%"]).await;
    let other = drafted(&home, &chain_of(&a, &b)).await;
    let said = home.run(&["promote", &other, "--canary", "10%"]).await;
    assert!(
        said.code == Some(1) && said.err.contains(&draft),
        "{said:?}"
    );
}

#[tokio::test]
async fn a_draft_is_checked_tested_compared_and_the_same_version_that_a_save_would_be() {
    let (a, b) = (mock("a").await, mock("b").await);
    let (home, gateway, live, draft) = beside(&a, &b).await;
    assert_eq!(
        gateway.ask(&chat("@chat")).await.header("x-mux-version"),
        live
    );
    let data = home.data();
    let data = ["--data", data.to_str().unwrap()];
    let compared = run(&[&["policy", "diff", "live", "draft"], &data[..]].concat()).await;
    assert!(
        compared.code == Some(0) && compared.out.contains("use a/m -> use b/m"),
        "{compared:?}"
    );

    let promise = "test \"chat goes to a\" {\n  given model @chat\n  expect first is a/m\n}\n";
    for (bad, words) in [
        (
            "policy @chat {\n  else use nobody/m\n}\n".to_owned(),
            "main.mux:2",
        ),
        (text(&a, &b, "b/m") + promise, "chat goes to a"),
    ] {
        let refused = home.run(&["versions", "draft", &idea(&home, &bad)]).await;
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.err.contains(words), "{}", refused.err);
    }
    assert_eq!(
        gateway.admin("/versions").await["refs"]["draft"],
        json!(draft)
    );

    gateway.stop().await;
    let recordings = home.data().join("recordings");
    let replay = [
        "policy",
        "test",
        "--traffic",
        recordings.to_str().unwrap(),
        "--against",
        "draft",
        "--mode",
        "decisions",
    ];
    let folder = home.policies();
    let policies = ["--policies", folder.to_str().unwrap()];
    let replayed = run(&[&replay[..], &policies, &data].concat()).await;
    assert!(
        replayed.code == Some(0) && replayed.out.contains("draft"),
        "{replayed:?}"
    );
    let alone = drafted(&home, &chain_of(&a, &b)).await;
    home.save(&chain_of(&a, &b));
    let gateway = home.start().await;
    assert_eq!(gateway.version().await, alone);
    assert!(gateway.admin("/versions").await["refs"]["draft"].is_null());
    let nowhere = home.policies().with_file_name("nowhere");
    let said = run(&[
        "versions",
        "draft",
        home.policies().to_str().unwrap(),
        "--data",
        nowhere.to_str().unwrap(),
    ])
    .await;
    assert!(
        said.code == Some(2) && said.err.contains("no gateway data"),
        "{said:?}"
    );
}

#[tokio::test]
async fn an_adapter_that_only_a_canary_uses_is_told_of_like_any_other() {
    let (a, b) = (mock("a").await, mock("b").await);
    let home = Home::new(&text(&a, &b, "a/m"));
    let gateway = home.start().await;
    let other = provider("b", "anthropic", b.addr);
    let parts = [openai("a", a.addr), other, only("chat", "b/m")];
    drafted(&home, &bundle(&parts)).await;
    promote(&home, &["--canary", "50%"]).await;
    let metrics = gateway.metrics().await;
    let told = |line: &str| line.starts_with("mux_plugin_info{plugin=\"anthropic\"");
    assert!(metrics.lines().any(told), "{metrics}");
}
