//! Records: one for each request, enough to decide again, and nothing that was said or must stay secret.

use super::by_hand::ByHand;
use super::home::{Home, failing, mock, mock_with};
use super::http::{Ask, Reply, chat};
use super::policy::{bundle, chain, only, openai, provider_with};
use super::process::run;
use mux_mock::Options;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const PROMPT: &str = "canary-prompt-5f2c";
const TOKEN: &str = "canary-client-token-91ab";
const KEY: &str = "canary-provider-key-77de";

/// Every byte of every file below a folder, recordings also unpacked.
pub(crate) fn all_bytes(folder: &Path, out: &mut Vec<u8>) {
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
async fn a_record_tells_what_was_decided_tried_used_and_paid() {
    let (a, b) = (failing("status=503").await, mock("b").await);
    let home = Home::new(&bundle(&[
        openai("a", a.addr),
        openai("b", b.addr),
        chain("chat", &["a/m", "b/m"]),
    ]));
    let gateway = home.start().await;
    let version = gateway.version().await;
    let ask = Ask::json(&chat("@chat")).header("x-mux-tags", "team=red");
    let good = ask.send(gateway.address).await;
    let unread = Ask::chat("{").send(gateway.address).await;
    let unknown = gateway.ask(&chat("@nobody")).await;
    assert_eq!(
        [good.status, unread.status, unknown.status],
        [200, 400, 404]
    );
    gateway.stop().await;

    let records = home.records();
    assert_eq!(records.len(), 3, "one for each request");
    let of = |reply: &Reply| {
        let id = reply.header("x-mux-request-id");
        records.iter().find(|r| r.id == id).unwrap()
    };
    let record = of(&good);
    assert_eq!((record.v, &record.version), (1, &version));
    let tried = record
        .attempts
        .iter()
        .map(|a| (a.target.as_str(), a.class.as_str(), a.status));
    let tried: Vec<_> = tried.collect();
    assert_eq!(
        tried,
        [("a/m", "overloaded", Some(503)), ("b/m", "ok", Some(200))]
    );
    let usage = record.usage.unwrap();
    assert!(
        usage.input > 0 && usage.output == 16 && !usage.estimated,
        "{usage:?}"
    );
    let price = usage.input * 1_000_000 + usage.output * 5_000_000;
    assert_eq!(
        (record.cost.unsigned_abs(), record.priced),
        (price, true),
        "pico-dollars"
    );
    let outcome = &record.outcome;
    assert_eq!(
        (outcome.served.as_deref(), outcome.class.as_str()),
        (Some("b/m"), "ok")
    );
    assert_eq!(record.request.tags, [("team".to_owned(), "red".to_owned())]);
    assert_eq!(record.live.len(), 2, "the figures of all targets");
    for (reply, status) in [(&unread, 400), (&unknown, 404)] {
        let outcome = &of(reply).outcome;
        assert_eq!(
            (outcome.status, outcome.class.as_str()),
            (status, "refused")
        );
    }
}

#[tokio::test]
async fn records_that_the_disk_refuses_are_logged_once_and_counted_where_operators_look() {
    let a = mock("a").await;
    let home = Home::new(&bundle(&[openai("a", a.addr), only("chat", "a/m")]));
    let gateway = home.start().await;
    let folder = home.data().join("recordings");
    std::fs::remove_dir(&folder).unwrap();
    assert_eq!(gateway.ask(&chat("@chat")).await.status, 200);
    let lines = |err: &[String], what: &str| err.iter().filter(|line| line.contains(what)).count();
    let said = |what: &'static str| {
        move |said: &super::process::Said| (lines(&said.err, what) > 0).then_some(())
    };
    let refused = "recordings: cannot write records to";
    gateway.process.says("the fault", said(refused)).await;
    assert_eq!(gateway.admin("/health").await["unrecorded"], 1);

    std::fs::create_dir(&folder).unwrap();
    assert_eq!(gateway.ask(&chat("@chat")).await.status, 200);
    gateway
        .process
        .says("the end of it", said("recordings are well again"))
        .await;
    let ended = gateway.stop().await;
    let err: Vec<String> = ended.err.lines().map(str::to_owned).collect();
    assert_eq!(lines(&err, refused), 1, "{}", ended.err);
    assert_eq!(home.records().len(), 1);
}

/// Refuses the gateway's key, and repeats it.
async fn repeat_the_key(provider: &ByHand) {
    let mut call = provider.call().await;
    assert!(
        call.head.contains(KEY) && !call.head.contains(TOKEN),
        "the client's token is not for providers"
    );
    let message = format!("Incorrect API key provided: {KEY}.");
    let error = json!({ "error": { "message": message, "type": "invalid_request_error", "code": "invalid_api_key" } });
    let head =
        "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
    call.say(&format!("{head}{error}")).await;
}

#[tokio::test]
async fn no_prompt_no_client_token_and_no_provider_key_is_kept_or_logged() {
    let options = Options {
        require_key: Some(KEY.to_owned()),
        ..Options::default()
    };
    let (strict, hand) = (mock_with(options).await, ByHand::new().await);
    let key = "key env E2E_PROVIDER_KEY";
    let home = Home::new(&bundle(&[
        provider_with("strict", "openai-compatible", strict.addr, key),
        provider_with("hand", "openai-compatible", hand.address, key),
        only("chat", "strict/m"),
        only("hand", "hand/m"),
    ]));
    let gateway = home.start_with(&[], &[("E2E_PROVIDER_KEY", KEY)]).await;
    let ask = |body: String| {
        let ask = Ask::chat(body).header("authorization", &format!("Bearer {TOKEN}"));
        ask.send(gateway.address)
    };
    let body = |model: &str| {
        let mut body = chat(model);
        body["messages"][0]["content"] = json!(PROMPT);
        body.to_string()
    };
    assert_eq!(ask(body("@chat")).await.status, 200, "the key arrived");
    assert_eq!(ask(body("@nobody")).await.status, 404);
    assert_eq!(ask(body("@chat")[..60].to_owned()).await.status, 400);
    let (refused, ()) = tokio::join!(ask(body("@hand")), repeat_the_key(&hand));
    assert_eq!(refused.status, 502, "{}", refused.text());
    assert!(
        !refused.text().contains(KEY),
        "shown to a client: {}",
        refused.text()
    );
    let ended = gateway.stop().await;

    let records = home.records();
    let known = records.iter().filter_map(|r| r.request.key.as_deref());
    assert!(known.clone().all(|k| k.starts_with("k_")) && known.count() == 3);
    let mut kept = Vec::new();
    all_bytes(&home.data(), &mut kept);
    let kept = String::from_utf8_lossy(&kept).into_owned();
    assert!(
        kept.contains(&records[0].id),
        "the recordings were looked at"
    );
    for canary in [PROMPT, TOKEN, KEY] {
        assert!(!kept.contains(canary), "`{canary}` is in the data folder");
        assert!(!ended.err.contains(canary), "`{canary}` is in the log");
    }
}

#[tokio::test]
async fn recorded_traffic_shows_what_another_policy_would_change() {
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
    for _ in 0..5 {
        assert_eq!(gateway.ask(&chat("@chat")).await.status, 200);
    }
    gateway.stop().await;
    let recordings = home.data().join("recordings");
    let (policies, recordings) = (home.policies(), recordings.to_str().unwrap());
    let replay = |traffic: &'static str| {
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
    let mut arguments = replay("");
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
    let bound = |share: u32| {
        format!("replay \"recordings\" against \"live\" {{\n  expect changed <= {share}%\n}}\n")
    };
    for (share, code) in [(100, 0), (99, 1)] {
        home.save(&(text("b/m") + &bound(share)));
        let bounded = run(&arguments).await;
        assert_eq!(
            bounded.code,
            Some(code),
            "at most {share} %: {}",
            bounded.out
        );
    }

    home.save("policy @chat {");
    assert_eq!(
        run(&arguments).await.code,
        Some(1),
        "policies that do not load"
    );
    let nowhere = run(&replay("/nowhere")).await;
    assert_eq!(
        nowhere.code,
        Some(1),
        "they are judged before the traffic is looked for"
    );
    home.save(&text("a/m"));
    let nowhere = run(&replay("/nowhere")).await;
    assert!(
        nowhere.code == Some(2) && nowhere.err.contains("/nowhere"),
        "{nowhere:?}"
    );
}

#[tokio::test]
async fn a_served_record_follows_from_itself_and_its_schema_is_printed() {
    let (a, b) = (failing("status=503").await, mock("b").await);
    let home = Home::new(&bundle(&[
        openai("a", a.addr),
        openai("b", b.addr),
        chain("chat", &["a/m", "b/m"]),
    ]));
    let gateway = home.start().await;
    for _ in 0..8 {
        assert_eq!(gateway.ask(&chat("@chat")).await.status, 200);
    }
    gateway.stop().await;
    let records = home.records();
    assert_eq!(records.len(), 8);
    for record in &records {
        assert_eq!(mux_routing::review::review(record), Ok(()), "{record:#?}");
        assert!(record.attempts.iter().all(|a| a.sent_us.is_some()));
    }
    let schema: Value = serde_json::from_str(&run(&["schema", "record"]).await.out).unwrap();
    let written = serde_json::to_value(&records[0]).unwrap();
    for field in written.as_object().unwrap().keys() {
        assert!(schema["properties"][field].is_object(), "{field}");
    }
}

#[tokio::test]
async fn prompts_are_recorded_only_when_asked_for_and_without_what_has_the_form_of_a_secret() {
    let a = mock("a").await;
    let home = Home::new(&bundle(&[openai("a", a.addr), only("chat", "a/m")]));
    let asked = |gateway: &super::home::Gateway| {
        let body = json!({"model": "@chat", "messages": [{"role": "user", "content":
            "tell ann@example.com that falcon-7 flies; my key is sk-live0123456789abcdef"}]});
        Ask::json(&body).send(gateway.address)
    };
    let gateway = home.start().await;
    assert_eq!(asked(&gateway).await.status, 200);
    gateway.stop().await;
    let prompts = home.data().join("prompts");
    assert!(!prompts.exists());

    let arguments = ["--record-prompts", "--redact", "falcon-[0-9]+"];
    let gateway = home.start_with(&arguments, &[]).await;
    let reply = asked(&gateway).await;
    let id = reply.header("x-mux-request-id").to_owned();
    gateway.stop().await;
    let mut kept = Vec::new();
    all_bytes(&prompts, &mut kept);
    let kept = String::from_utf8_lossy(&kept).into_owned();
    assert!(
        kept.contains("tell [e-mail] that [redacted] flies; my key is [secret]")
            && kept.contains(&id),
        "{kept}"
    );
    for secret in ["ann@", "falcon-7", "sk-live"] {
        assert!(!kept.contains(secret), "{secret}");
    }
    assert!(kept.contains("\"dialect\":\"openai-chat\""), "{kept}");
    let mode = std::fs::metadata(&prompts).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let wrong = home
        .start_in_vain(&["--record-prompts", "--redact", "("])
        .await;
    assert!(
        wrong.code == Some(2) && wrong.err.contains("no regular expression"),
        "{}",
        wrong.err
    );
}

#[tokio::test]
async fn a_recorded_prompt_is_what_the_client_sent_and_not_what_became_of_it() {
    let a = mock("a").await;
    let home = Home::new(&bundle(&[openai("a", a.addr), only("chat", "a/m")]));
    let gateway = home.start_with(&["--record-prompts"], &[]).await;
    let body = json!({
        "model": "@chat", "max_tokens": 5, "system": "answer in verse",
        "messages": [{ "role": "user", "content": "hello there" }],
    });
    let ask = Ask::new(hyper::Method::POST, "/v1/messages", body.to_string());
    assert_eq!(ask.send(gateway.address).await.status, 200);
    assert_eq!(gateway.admin("/health").await["unrecorded_prompts"], 0);
    gateway.stop().await;
    let mut kept = Vec::new();
    all_bytes(&home.data().join("prompts"), &mut kept);
    let kept = String::from_utf8_lossy(&kept).into_owned();
    assert!(
        kept.contains("\"system\":\"answer in verse\"")
            && kept.contains("\"dialect\":\"anthropic-messages\""),
        "{kept}"
    );
}

#[tokio::test]
async fn a_sample_records_its_share_and_says_so() {
    let a = mock("a").await;
    let home = Home::new(&bundle(&[openai("a", a.addr), only("chat", "a/m")]));
    let gateway = home
        .start_with(&["--sample", "25%", "--keep", "30d,1GB"], &[])
        .await;
    for _ in 0..200 {
        assert_eq!(gateway.ask(&chat("@chat")).await.status, 200);
    }
    gateway.stop().await;
    let records = home.records();
    assert!((20..90).contains(&records.len()), "{}", records.len());
    assert!(records.iter().all(|record| record.sample == Some(2_500)));
    for (flag, value) in [("--sample", "12"), ("--keep", "forever")] {
        assert_eq!(home.start_in_vain(&[flag, value]).await.code, Some(2));
    }
}
