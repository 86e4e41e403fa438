//! What people ask about one request: why this route, why not that rule, and what would be if.

use super::home::Home;
use super::process::{Ended, Process, Said, mux, run, run_fed};
use rustix::process::Signal;
use serde_json::{Value, json};

const POLICIES: &str = "mux 1
provider a {
  kind openai-compatible
  url \"http://127.0.0.1:9/v1\"
  model m { context 8k }
  model big { context 200k }
}
budget team { cap $9/day }
define long when tokens > 4k
policy @chat {
  rule spent when used of budget team >= 100%  deny 429 \"budget exhausted\"
  when tag.tier is \"free\" and long            deny 400 \"too long for the free tier\"
  when long                                   use a/big
  when p95 of a/m > 4s                        go @eu
  else                                        use a/m timeout 9s
}
policy @eu { else use a/big }
";

/// Runs a question about these policies.
pub(crate) async fn ask(home: &Home, command: &str, words: &[&str]) -> Ended {
    let policies = home.policies();
    let own = ["policy", command, "--policies", policies.to_str().unwrap()];
    run(&[&own, words].concat()).await
}

#[tokio::test]
async fn an_explanation_tells_every_rule_and_the_test_that_decided() {
    let home = Home::new(POLICIES);
    let told = ask(
        &home,
        "explain",
        &["model", "@chat", "tokens", "3k", "tag.tier", "free"],
    )
    .await;
    assert_eq!((told.code, told.err.as_str()), (Some(0), ""));
    for part in [
        "@chat sends the request to a/m timeout 9s, by its `else` (main.mux:15), since none of the 4 rules above applies.",
        "`used of budget team >= 100%` is false: 0%",
        "long (main.mux:9): `tokens > 4k` is false: 3k",
        "`p95 of a/m > 4s` is false: unknown, too few samples",
        "plan: a/m  timeout 9s",
    ] {
        assert!(told.out.contains(part), "no `{part}` in\n{}", told.out);
    }

    let why = ask(
        &home,
        "explain",
        &["model", "@chat", "tokens", "5k", "--why-not", "spent"],
    )
    .await;
    assert_eq!(why.code, Some(0), "{why:?}");
    assert!(
        why.out
            .starts_with("Rule spent (main.mux:11) of @chat did not apply."),
        "{}",
        why.out
    );

    let unknown = ask(&home, "explain", &["model", "@chat", "--why-not", "99"]).await;
    assert!(
        unknown.code == Some(2) && unknown.err.contains("main.mux:13"),
        "{unknown:?}"
    );
    let mistaken = ask(&home, "explain", &["model", "@chat", "tokns", "5k"]).await;
    assert!(
        mistaken.code == Some(2) && mistaken.err.contains("tokens"),
        "{mistaken:?}"
    );
    let which = ask(&home, "explain", &["tokens", "5k"]).await;
    assert!(
        which.code == Some(2) && which.err.contains("@chat, @eu"),
        "{which:?}"
    );
}

#[tokio::test]
async fn the_same_is_told_of_a_body_that_clients_send_and_of_a_record() {
    let home = Home::new(POLICIES);
    let file = home.policies().join("request.json");
    let body = json!({ "model": "chat", "messages": [{ "role": "user", "content": "x".repeat(20_000) }], "metadata": { "tier": "free" } });
    std::fs::write(&file, body.to_string()).unwrap();
    let path = file.to_str().unwrap();
    let told = ask(&home, "explain", &[path, "--format", "json"]).await;
    let story: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(story["version"], 1);
    assert_eq!(
        story["policies"][0]["rules"][1]["outcome"], "taken",
        "{story}"
    );
    assert_eq!(
        story["policies"][0]["rules"][1]["because"][1]["within"],
        json!(["long"])
    );

    let changed = ask(&home, "explain", &[path, "tag.tier", "pro"]).await;
    assert!(
        changed.out.starts_with("@chat sends the request to a/big,"),
        "{changed:?}"
    );

    let record = json!({
        "v": 1, "id": "req_1", "at": 1_767_614_400_000_i64, "version": "abc",
        "request": { "operation": "chat", "dialect": "openai-chat", "model": "@chat", "tokens": 7 },
        "live": [{ "target": "a/m", "p95_ms": 5_000, "health": "ok", "breaker": "closed" }],
        "decision": { "policies": ["chat"], "rule": "main.mux:15", "verdict": "use", "plan": "a/m" },
        "attempts": [{ "target": "a/m", "start_us": 0, "end_us": 90_000, "class": "ok" }],
        "outcome": { "status": 200, "class": "ok", "served": "a/m", "total_us": 91_000 },
    });
    let segment = home.policies().join("recorded.jsonl");
    std::fs::write(&segment, format!("{record}\n")).unwrap();
    let traffic = segment.to_str().unwrap();
    let told = ask(&home, "explain", &["--id", "req_1", "--traffic", traffic]).await;
    assert!(told.out.starts_with("@chat hands the request on to @eu, by its 4th rule (main.mux:14): p95 of a/m > 4s (5s)."), "{told:?}");
    assert!(
        told.out.contains("recorded: served by a/m after 91 ms"),
        "{}",
        told.out
    );
    assert!(
        told.out.contains("decided otherwise: a/m at main.mux:15"),
        "{}",
        told.out
    );
    let missing = ask(&home, "explain", &["--id", "req_2", "--traffic", traffic]).await;
    assert!(
        missing.code == Some(2) && missing.err.contains("req_2"),
        "{missing:?}"
    );
}

#[tokio::test]
async fn a_recorded_path_is_told_as_far_as_it_goes() {
    let home = Home::new(&format!(
        "{POLICIES}policy @two {{\n  when tokens > 4k  deny 400 \"long\"\n  else  use a/m\n}}\n"
    ));
    // The one question, `tokens`, has two answers, so one bit: the lower one, behind the leading 1 that marks the length.
    let told = ask(&home, "explain", &["model", "@two", "--path", "2"]).await;
    assert!(
        told.out
            .starts_with("@two sends the request to a/m, by its `else`"),
        "{told:?}"
    );
    assert!(told.out.contains("tokens  <= 4k"), "{}", told.out);
    let foreign = ask(&home, "explain", &["model", "@two", "--path", "fffff"]).await;
    assert!(
        foreign.code == Some(2) && foreign.err.contains("another version"),
        "{foreign:?}"
    );
    assert_eq!(
        ask(&home, "explain", &["model", "@two", "--path", "xyz"])
            .await
            .code,
        Some(2)
    );
}

#[tokio::test]
async fn a_decision_is_one_line_for_people_and_for_programs() {
    let home = Home::new(POLICIES);
    let told = ask(&home, "eval", &["model", "@chat", "tokens", "5k"]).await;
    assert_eq!(
        (told.code, told.out.as_str()),
        (Some(0), "use a/big  (@chat at main.mux:13)")
    );
    let facts = [
        "model",
        "@chat",
        "used of budget team",
        "100%",
        "--format",
        "json",
    ];
    let told = ask(&home, "eval", &facts).await;
    let decided: Value = serde_json::from_str(&told.out).unwrap();
    let rule = json!({ "name": "spent", "file": "main.mux", "line": 11 });
    assert_eq!(
        (&decided["verdict"], &decided["rule"]),
        (&json!("deny"), &rule),
        "{decided}"
    );
    let wrong = Home::new("policy @chat { else use nosuch/m }");
    assert_eq!(ask(&wrong, "eval", &["tokens", "3k"]).await.code, Some(1));
}

#[tokio::test]
async fn what_is_wrong_is_told_to_programs_in_the_shape_of_a_check() {
    let wrong = Home::new("policy @chat { else use nosuch/m }");
    let good = Home::new(POLICIES);
    for command in ["eval", "explain"] {
        let told = ask(&wrong, command, &["tokens", "3k", "--format", "json"]).await;
        let refused: Value = serde_json::from_str(&told.out).unwrap();
        assert_eq!((told.code, told.err.as_str()), (Some(1), ""));
        assert_eq!(refused["errors"], json!(1), "{refused}");
        assert_eq!(
            refused["diagnostics"][0]["code"], "mux::name::model",
            "{refused}"
        );

        let told = ask(
            &good,
            command,
            &["model", "@chat", "tokens", "3x", "--format", "json"],
        )
        .await;
        let refused: Value = serde_json::from_str(&told.out).unwrap();
        assert_eq!(told.code, Some(2));
        assert_eq!(
            refused["diagnostics"][0]["code"], "mux::unit::unknown",
            "{refused}"
        );

        let told = ask(&good, command, &["model", "@nosuch", "--format", "json"]).await;
        let refused: Value = serde_json::from_str(&told.out).unwrap();
        assert!(
            refused["error"].as_str().unwrap().contains("nosuch"),
            "{refused}"
        );
    }
}

const DIRECT: &str = "mux 1
allow direct
provider a {
  kind openai-compatible
  url \"http://127.0.0.1:9/v1\"
  model m {
    context 8k
    price   input $3/Mtok  output $3/Mtok
  }
  model big {
    context 200k
    price   input $1/Mtok  output $3/Mtok
  }
  model apart { context 2k }
}
policy @chat {
  when end_user is \"ann\"  deny 403 \"no\"
  else use cheapest {
    a/m
    a/big
  }
}
";

#[tokio::test]
async fn a_model_that_only_its_name_leads_to_is_explained() {
    let home = Home::new(DIRECT);
    let told = ask(&home, "explain", &["model", "a/apart", "tokens", "1k"]).await;
    assert_eq!((told.code, told.err.as_str()), (Some(0), ""));
    assert!(told.out.contains("no policy is asked"), "{}", told.out);
    assert!(told.out.contains("plan: a/apart"), "{}", told.out);
    let long = ask(&home, "eval", &["model", "a/apart", "tokens", "3k"]).await;
    assert!(long.out.contains("cannot serve it"), "{}", long.out);
}

#[tokio::test]
async fn candidates_are_named_in_the_order_that_a_test_tries_them_in() {
    let home = Home::new(&format!(
        "{DIRECT}test \"cheapest first\" for @chat {{\n  given tokens 3k\n  expect first is a/big\n}}\n"
    ));
    let told = ask(
        &home,
        "eval",
        &["model", "@chat", "tokens", "3k", "--format", "json"],
    )
    .await;
    let decided: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(decided["targets"], json!(["a/big", "a/m"]), "{decided}");
    assert_ne!(decided["varies"], json!([]), "{decided}");
    let policies = home.policies();
    let tested = run(&["policy", "test", policies.to_str().unwrap()]).await;
    assert_eq!(tested.code, Some(0), "{tested:?}");
}

#[tokio::test]
async fn whatever_characters_a_client_sends_can_be_asked_about() {
    let home = Home::new(DIRECT);
    let body = home.policies().join("r.json");
    let sent = json!({ "model": "@chat", "user": "a\u{0}\r\n\"b\"", "messages": [{ "role": "user", "content": "hi" }] });
    std::fs::write(&body, sent.to_string()).unwrap();
    let told = ask(&home, "explain", &[body.to_str().unwrap()]).await;
    assert_eq!((told.code, told.err.as_str()), (Some(0), ""));
    assert!(told.out.contains(r#""a\0\r\n\"b\"""#), "{}", told.out);
}

#[tokio::test]
async fn a_session_keeps_facts_and_answers_what_it_is_asked() {
    let home = Home::new(POLICIES);
    let policies = home.policies();
    let repl = ["policy", "repl", "--policies", policies.to_str().unwrap()];
    let lines = "model @chat\nset tokens 200k\ntag.tier \"free\"\nunset tag.tier\n:plan\n:why-not spent\n:facts\n:quit\n";
    let told = run_fed(&repl, lines).await;
    assert_eq!((told.code, told.err.as_str()), (Some(0), ""));
    let expected = [
        "use a/m timeout 9s  (@chat at main.mux:15)",
        "use a/big  (@chat at main.mux:13)",
        "deny 400 \"too long for the free tier\"  (@chat at main.mux:12)",
        "use a/big  (@chat at main.mux:13)",
        "plan: a/big  200k context",
        "Rule spent (main.mux:11) of @chat did not apply.",
    ];
    let lines: Vec<&str> = told.out.lines().collect();
    assert_eq!(lines[..6], expected, "{}", told.out);
    assert!(
        told.out.ends_with("model @chat\ntokens 200k"),
        "{}",
        told.out
    );

    let mistaken = run_fed(&repl, "model @chat\nset tokens 3x\n:wy\n").await;
    assert_eq!(mistaken.code, Some(1));
    assert!(
        mistaken.err.contains("unknown unit `x`") && mistaken.err.contains("`:wy`"),
        "{mistaken:?}"
    );
}

#[tokio::test]
async fn policies_are_drawn_with_the_ways_of_traffic() {
    let home = Home::new(POLICIES);
    let record = json!({
        "v": 1, "id": "req_1", "request": { "model": "@chat", "tokens": 5_000 }, "outcome": { "status": 200 },
    });
    let segment = home.policies().join("recorded.jsonl");
    std::fs::write(&segment, format!("{record}\n")).unwrap();
    let heat = segment.to_str().unwrap();
    let drawn = ask(
        &home,
        "graph",
        &["--policy", "@chat", "--format", "json", "--heat", heat],
    )
    .await;
    let picture: Value = serde_json::from_str(&drawn.out).unwrap();
    let chat = &picture["policies"][0];
    assert_eq!(
        (&picture["version"], &chat["requests"]),
        (&json!(1), &json!(1)),
        "{picture}"
    );
    let arrows = chat["arrows"].as_array().unwrap();
    let taken = arrows
        .iter()
        .find(|a| a["from"] == "rule3" && a["label"] == "yes")
        .unwrap();
    assert_eq!(taken["weight"], 1, "{picture}");
    for (format, start) in [
        ("dot", "digraph"),
        ("mermaid", "flowchart"),
        ("svg", "<svg"),
    ] {
        for view in [&["--format", format][..], &["--format", format, "--raw"]] {
            let drawn = ask(&home, "graph", view).await;
            assert!(
                drawn.code == Some(0) && drawn.out.starts_with(start),
                "{drawn:?}"
            );
        }
    }
    let unknown = ask(&home, "graph", &["--policy", "nosuch"]).await;
    assert!(
        unknown.code == Some(2) && unknown.err.contains("@chat, @eu"),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn decisions_are_timed_and_held_to_a_bound() {
    let home = Home::new(POLICIES);
    let timed = ask(&home, "bench", &["--max", "10ms", "--format", "json"]).await;
    let report: Value = serde_json::from_str(&timed.out).unwrap();
    assert_eq!(
        (timed.code, &report["policies"][0]["form"]),
        (Some(0), &json!("graph")),
        "{report}"
    );
    assert!(
        report["policies"][0]["requests"].as_u64().unwrap() >= 5,
        "{report}"
    );
    let slow = ask(&home, "bench", &["--max", "0ns"]).await;
    assert!(
        slow.code == Some(1) && slow.err.contains("@chat takes"),
        "{slow:?}"
    );
    assert_eq!(ask(&home, "bench", &["--max", "soon"]).await.code, Some(2));
}

#[tokio::test]
async fn a_watch_checks_every_save_and_says_what_a_gateway_would_do() {
    let home = Home::new(POLICIES);
    let policies = home.policies();
    let watch = Process::start(mux(&["policy", "watch", policies.to_str().unwrap()]));
    let said = |text: &'static str| {
        move |said: &Said| {
            said.out
                .iter()
                .any(|line| line.contains(text))
                .then_some(())
        }
    };
    watch
        .says("that all is good", said("a gateway would serve them"))
        .await;
    home.save(&POLICIES.replace("a/m timeout 9s", "a/nosuch"));
    watch
        .says(
            "that it is wrong",
            said("would keep the policies it serves"),
        )
        .await;
    home.save(&POLICIES.replace("a/m timeout 9s", "a/big"));
    watch
        .says("that it is good again", said("would swap them in"))
        .await;
    watch.signal(Signal::INT);
    let ended = watch.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.out.contains("a/big"),
        "what changes is told: {}",
        ended.out
    );
}

#[tokio::test]
async fn the_most_that_a_request_can_take_is_told_rule_by_rule() {
    let home = Home::new(POLICIES);
    let told = ask(
        &home,
        "check",
        &["--routes", "--tokens", "3000", "--output", "200"],
    )
    .await;
    assert_eq!(told.code, Some(0), "{told:?}");
    for part in [
        "at most, for 3000 tokens of prompt and 200 of answer:",
        // A target alone is tried again once, after at most two seconds.
        "@chat  main.mux:15  written in the rule  2 calls, 20s, no price known",
        "@eu    main.mux:17  written in the rule  2 calls, no deadline, no price known",
    ] {
        assert!(told.out.contains(part), "no `{part}` in\n{}", told.out);
    }
    let json = ask(&home, "check", &["--routes", "--format", "json"]).await;
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["routes"].as_array().map(Vec::len), Some(3), "{json}");
}
