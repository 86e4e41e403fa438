//! Records: one for each request, enough to decide again, and nothing that was said or must stay secret.

use super::by_hand::ByHand;
use super::home::{Home, failing, mock_with};
use super::http::{Ask, chat};
use super::policy::{bundle, chain, only, openai, provider_with};
use super::process::run;
use mux_mock::Options;
use serde_json::{Value, json};
use std::path::Path;

const PROMPT: &str = "canary-prompt-5f2c";
const TOKEN: &str = "canary-client-token-91ab";
const KEY: &str = "canary-provider-key-77de";

/// Every byte of every file below a folder, recordings also unpacked.
fn all_bytes(folder: &Path, out: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all_bytes(&path, out);
        } else if let Ok(bytes) = std::fs::read(&path) {
            if path.extension().is_some_and(|e| e == "zst") {
                out.extend(zstd::decode_all(bytes.as_slice()).unwrap());
            }
            out.extend(bytes);
        }
    }
}

#[tokio::test]
async fn a_record_tells_what_was_decided_and_tried_but_no_prompt_and_no_secret() {
    let a = failing("status=503").await;
    let b = mock_with(Options {
        require_key: Some(KEY.to_owned()),
        ..Options::default()
    })
    .await;
    let echo = ByHand::new().await;
    let key = "key env E2E_PROVIDER_KEY";
    let home = Home::new(&bundle(&[
        openai("a", a.addr),
        provider_with("b", "openai-compatible", b.addr, key),
        provider_with("echo", "openai-compatible", echo.address, key),
        chain("chat", &["a/m", "b/m"]),
        only("echo", "echo/m"),
    ]));
    let gateway = home.start_with(&[], &[("E2E_PROVIDER_KEY", KEY)]).await;
    let version = gateway.version().await;
    let mut body = chat("@chat");
    body["messages"][0]["content"] = json!(PROMPT);
    let ask = |body: &Value| {
        Ask::json(body)
            .header("authorization", &format!("Bearer {TOKEN}"))
            .header("x-mux-tags", "team=red")
            .send(gateway.address)
    };
    let good = ask(&body).await;
    assert_eq!(good.status, 200, "{}", good.text());
    let last = b.books().last.unwrap();
    assert_eq!(
        last.header("authorization"),
        Some("Bearer ***"),
        "the provider's key arrived, as its fault-free answer shows"
    );
    body["model"] = json!("@nobody");
    assert_eq!(ask(&body).await.status, 404);
    body["model"] = json!("@echo");
    let refusal = async {
        let mut call = echo.call().await;
        assert!(
            call.head.contains(KEY) && !call.head.contains(TOKEN),
            "the client's token is not for providers"
        );
        let error = json!({ "error": { "message": format!("Incorrect API key provided: {KEY}."), "type": "invalid_request_error", "code": "invalid_api_key" } }).to_string();
        call.say(&format!("HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{error}", error.len())).await;
    };
    let (refused, ()) = tokio::join!(ask(&body), refusal);
    assert_eq!(refused.status, 502, "{}", refused.text());
    assert!(
        !refused.text().contains(KEY),
        "a provider that repeats the key shows it to no client: {}",
        refused.text()
    );
    let unread = Ask::chat(format!("{{\"model\":\"@chat\",\"messages\":\"{PROMPT}\""))
        .send(gateway.address)
        .await;
    assert_eq!(unread.status, 400);
    let ended = gateway.stop().await;

    let records = home.records();
    let of = |reply: &super::http::Reply| {
        records
            .iter()
            .find(|r| r.id == reply.header("x-mux-request-id"))
            .unwrap()
    };
    assert_eq!(records.len(), 4, "one for each request");
    let record = of(&good);
    assert_eq!((record.v, record.version.as_str()), (1, version.as_str()));
    let tried: Vec<(&str, &str, Option<u16>)> = record
        .attempts
        .iter()
        .map(|a| (a.target.as_str(), a.class.as_str(), a.status))
        .collect();
    assert_eq!(
        tried,
        [("a/m", "overloaded", Some(503)), ("b/m", "ok", Some(200))]
    );
    let usage = record.usage.unwrap();
    assert!(
        usage.input > 0 && usage.output == 16 && !usage.estimated,
        "{usage:?}"
    );
    assert_eq!(
        (
            record.outcome.served.as_deref(),
            record.outcome.class.as_str(),
            record.outcome.status
        ),
        (Some("b/m"), "ok", 200)
    );
    assert_eq!(
        record.cost,
        i64::try_from(usage.input * 1_000_000 + usage.output * 5_000_000).unwrap(),
        "pico-dollars"
    );
    assert!(
        record
            .request
            .key
            .as_ref()
            .is_some_and(|k| k.starts_with("k_"))
            && record.request.tags == [("team".to_owned(), "red".to_owned())]
    );
    assert_eq!(record.live.len(), 3, "the figures of all targets");
    assert_eq!(
        (
            of(&unread).outcome.status,
            of(&unread).outcome.class.as_str()
        ),
        (400, "refused")
    );

    let mut kept = Vec::new();
    all_bytes(&home.data(), &mut kept);
    let kept = String::from_utf8_lossy(&kept).into_owned();
    assert!(kept.contains(&record.id), "the recordings were looked at");
    for canary in [PROMPT, TOKEN, KEY] {
        assert!(!kept.contains(canary), "`{canary}` is in the data folder");
        assert!(
            !ended.err.contains(canary) && !ended.out.contains(canary),
            "`{canary}` is in the log"
        );
    }
}

#[tokio::test]
async fn recorded_traffic_shows_what_another_policy_would_change() {
    let (a, b) = (super::home::mock("a").await, super::home::mock("b").await);
    let text = |target: &str| {
        bundle(&[
            openai("a", a.addr),
            openai("b", b.addr),
            only("chat", target),
        ])
    };
    let home = Home::new(&text("a/m"));
    let gateway = home.start().await;
    for _ in 0..5 {
        assert_eq!(gateway.ask(&chat("@chat")).await.status, 200);
    }
    gateway.stop().await;
    let recordings = home.data().join("recordings");
    let (policies, recordings) = (home.policies(), recordings.to_str().unwrap());
    let test = |traffic: &'static str| {
        vec![
            "policy",
            "test",
            policies.to_str().unwrap(),
            "--format",
            "json",
            "--traffic",
            traffic,
        ]
    };
    let mut arguments = test("");
    arguments.pop();
    arguments.push(recordings);
    let same = run(&arguments).await;
    let report: Value = serde_json::from_str(&same.out).unwrap();
    assert_eq!(
        (
            same.code,
            &report["report"]["requests"],
            &report["report"]["changed"]
        ),
        (Some(0), &json!(5), &json!(0)),
        "{report}"
    );

    home.save(&text("b/m"));
    let other = run(&arguments).await;
    let report: Value = serde_json::from_str(&other.out).unwrap();
    assert_eq!(
        (other.code, &report["report"]["changed"]),
        (Some(0), &json!(5)),
        "{report}"
    );
    assert_eq!(
        (
            &report["report"]["was"]["routes"],
            &report["report"]["now"]["routes"]
        ),
        (&json!({ "a/m": 5 }), &json!({ "b/m": 5 }))
    );

    let human = run(&[
        "policy",
        "test",
        policies.to_str().unwrap(),
        "--traffic",
        recordings,
    ])
    .await;
    assert!(
        human.out.contains("5 requests") && human.out.contains("a/m -> b/m"),
        "{}",
        human.out
    );
    home.save("policy @chat {");
    assert_eq!(
        run(&arguments).await.code,
        Some(1),
        "policies that do not load"
    );
    let nowhere = run(&test("/nowhere")).await;
    assert_eq!(
        nowhere.code,
        Some(1),
        "they are judged before the traffic is looked for"
    );
    home.save(&text("a/m"));
    let nowhere = run(&test("/nowhere")).await;
    assert!(
        nowhere.code == Some(2) && nowhere.err.contains("/nowhere"),
        "{nowhere:?}"
    );
}
