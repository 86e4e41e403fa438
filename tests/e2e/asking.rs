//! Recorded prompts asked again through real providers: what is asked, what it may cost, and what is said of it.

use super::home::{Home, mock, mock_with};
use super::http::Ask;
use super::policy::{bundle, only, openai};
use super::process::{Process, Said};
use super::replay::{command, policy, read, test};
use mux_mock::manner::{Manner, Manners};
use mux_mock::{Fault, Mock, Options, Reply};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Twelve requests whose prompts were recorded, and the providers, which still serve.
async fn prompted() -> (Home, String, [Mock; 2]) {
    let (a, b) = (mock("a").await, mock("b").await);
    let home = Home::new(&bundle(&[
        openai("a", a.addr),
        openai("b", b.addr),
        only("chat", "a/m"),
    ]));
    let gateway = home.start_with(&["--record-prompts"], &[]).await;
    for n in 0..12 {
        let body = json!({
            "model": "@chat", "stream": n % 2 == 0, "max_tokens": 20,
            "messages": [{ "role": "user", "content": format!("question {n}") }],
        });
        let ask = Ask::json(&body).header("x-mux-tags", "team=red");
        assert_eq!(ask.send(gateway.address).await.status, 200);
    }
    gateway.stop().await;
    policy(
        &home,
        "policy @chat",
        "policy @chat {\n  when tag.team is \"red\" use b/m\n  else use a/m\n}\n",
    );
    let traffic = home.data().join("recordings");
    (home, traffic.to_str().unwrap().to_owned(), [a, b])
}

#[tokio::test]
async fn recorded_prompts_are_asked_again_and_answers_compared() {
    let (home, traffic, [a, b]) = prompted().await;
    a.control()
        .set_reply(Reply::text("It is the same as ever, they say."));
    b.control()
        .set_reply(Reply::text("7 of them: it is the same as ever."));
    let before = a.books().requests;
    let live = [
        "--live",
        "--max-spend",
        "5usd",
        "--requests",
        "5",
        "--judge",
        "b/m",
        "--format",
        "json",
    ];
    let ended = test(&home, &traffic, &live).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let told = &read(&ended)["live"];
    let pairs = told["requests"].as_array().unwrap();
    assert_eq!((pairs.len(), &told["stopped"]), (5, &json!(false)));
    for pair in pairs {
        assert_eq!(
            (&pair["was"]["target"], &pair["now"]["target"]),
            (&json!("a/m"), &json!("b/m")),
            "who served it, and whom the policies choose: {pair}"
        );
        // Of runs of three words: it-is-the is-the-same the-same-as same-as-ever are in common, 4 of 9.
        assert_eq!(
            (&pair["alike"], &pair["judged"]),
            (&json!(4_444), &json!(7_000)),
            "{pair}"
        );
        assert!(
            pair["was"].get("text").is_none(),
            "nobody else reads it: {pair}"
        );
    }
    assert_eq!(a.books().requests - before, 5);
    assert_eq!(
        b.books().requests,
        10,
        "as the new target, and as the judge"
    );
    let costs = pairs
        .iter()
        .flat_map(|p| [&p["was"]["cost"], &p["now"]["cost"]]);
    let costs: i64 = costs.map(|c| c.as_i64().unwrap()).sum();
    assert!(
        told["spent"].as_i64().unwrap() > costs && costs > 0,
        "and the judge: {told}"
    );
    let again = read(&test(&home, &traffic, &live).await);
    let ids = |told: &Value| {
        let pairs = told["requests"].as_array().unwrap().iter();
        pairs.map(|p| p["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&again["live"]), ids(told), "drawn by the seed alone");
    let other = test(&home, &traffic, &[&live[..], &["--seed", "2"]].concat()).await;
    assert_ne!(ids(&read(&other)["live"]), ids(told));
}

#[tokio::test]
async fn what_may_be_spent_on_asking_again_is_never_passed() {
    let (home, traffic, [a, b]) = prompted().await;
    let spent =
        |mock: &Mock| mock.books().tokens_in * 1_000_000 + mock.books().tokens_out * 5_000_000;
    let mut stopped = 0;
    for cap in ["0.0001usd", "0.001usd", "0.003usd", "0.01usd"] {
        let before = spent(&a) + spent(&b);
        let live = ["--live", "--max-spend", cap, "--format", "json"];
        let ended = test(&home, &traffic, &live).await;
        let told = &read(&ended)["live"];
        let really = spent(&a) + spent(&b) - before;
        assert_eq!(
            told["spent"],
            json!(really),
            "{cap}: what the providers say they were paid"
        );
        assert!(really <= told["cap"].as_u64().unwrap(), "{cap}: {told}");
        let asked = told["requests"].as_array().unwrap().len();
        assert_eq!(ended.code, Some(i32::from(asked == 0)));
        stopped += usize::from(told["stopped"] == json!(true));
    }
    assert!(stopped >= 2, "some caps are reached: {stopped}");
    let cheap = std::fs::read_to_string(home.policies().join("main.mux")).unwrap();
    home.save(&cheap.replace("    price   input $1/Mtok  output $5/Mtok\n", ""));
    let unknown = test(&home, &traffic, &["--live", "--max-spend", "1usd"]).await;
    assert!(
        unknown.code == Some(2) && unknown.err.contains("whose costs are not known"),
        "{unknown:?}"
    );
    for (arguments, why) in [
        (&["--live"][..], "--max-spend"),
        (&["--live", "--max-spend", "much"], "no amount of money"),
        (
            &["--live", "--max-spend", "1usd", "--judge", "c/m"],
            "no target to judge with",
        ),
        (
            &["--live", "--max-spend", "1usd", "--prompts", "nowhere"],
            "--record-prompts",
        ),
    ] {
        let wrong = test(&home, &traffic, arguments).await;
        assert!(
            wrong.code == Some(2) && wrong.err.contains(why),
            "{arguments:?}: {wrong:?}"
        );
    }
}

/// Bodies that two providers were asked under a policy, with their prompts; both still serve.
async fn asked(policies: &str, bodies: &[Value]) -> (Home, String, [Mock; 2]) {
    let (a, b) = (mock("a").await, mock("b").await);
    let home = Home::new(&bundle(&[
        openai("a", a.addr),
        openai("b", b.addr),
        policies.to_owned(),
    ]));
    let gateway = home.start_with(&["--record-prompts"], &[]).await;
    for body in bodies {
        let reply = gateway.ask(body).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    gateway.stop().await;
    let traffic = home.data().join("recordings");
    (home, traffic.to_str().unwrap().to_owned(), [a, b])
}

/// What is asked, with more fields.
fn body(model: &str, more: &[(&str, Value)]) -> Value {
    let mut body = json!({
        "model": model, "max_tokens": 20, "messages": [{ "role": "user", "content": "hello" }],
    });
    for (name, value) in more {
        body[*name] = value.clone();
    }
    body
}

const LIVE: [&str; 5] = ["--live", "--max-spend", "5usd", "--format", "json"];

/// The target of each answer, under the policies as they are.
fn targets(told: &Value) -> Vec<&str> {
    let pairs = told["live"]["requests"].as_array().unwrap().iter();
    pairs
        .map(|p| p["now"]["target"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn what_its_bytes_do_not_bound_is_not_asked_again_and_counted_by_why() {
    let thinks = json!({ "type": "enabled", "budget_tokens": 2_000 });
    let (home, traffic, [a, _b]) = asked(
        &only("chat", "a/m"),
        &[
            body("@chat", &[]),
            body("@chat", &[("web_search_options", json!({}))]),
            body("@chat", &[("web_search_options", json!({}))]),
            body("@chat", &[("service_tier", json!("priority"))]),
            body("@chat", &[("tools", json!([{ "type": "web_search" }]))]),
            body(
                "@chat",
                &[("thinking", thinks), ("max_tokens", json!(4_000))],
            ),
        ],
    )
    .await;
    let before = a.books().requests;
    let ended = test(&home, &traffic, &LIVE).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let told = read(&ended);
    assert_eq!(targets(&told), ["a/m"]);
    let skipped = json!({
        "with `web_search_options`, whose cost its bytes do not bound": 2,
        "with `service_tier`, whose cost its bytes do not bound": 1,
        "with the tool `web_search`, which the provider runs or explains": 1,
        "with thoughts that alone may be as long as `--answer-tokens` allows": 1,
    });
    assert_eq!(told["live"]["skipped"], skipped);
    assert_eq!(a.books().requests - before, 2, "once for each side");
    let words = test(&home, &traffic, &LIVE[..3]).await;
    assert!(
        words.out.contains("2 with `web_search_options`, whose"),
        "{words:?}"
    );
    let longer = [&LIVE[..], &["--answer-tokens", "3000"]].concat();
    let told = read(&test(&home, &traffic, &longer).await);
    assert_eq!(targets(&told).len(), 2, "there is room for thoughts now");
}

#[tokio::test]
async fn what_is_gone_or_has_no_price_is_skipped_by_name_and_the_rest_is_asked() {
    let names = ["@chat", "@old", "@dear", "@old", "@chat"];
    let policies = names.map(|name| body(name, &[]));
    let old = ["chat", "old", "dear"].map(|name| only(name, "a/m"));
    let (home, traffic, [_a, b]) = asked(&old.concat(), &policies).await;
    let unpriced = format!(
        "provider c {{\n  kind openai-compatible\n  url \"http://{}/v1\"\n  model m {{\n    id \"c\"\n    context 128k\n    output 8k\n  }}\n}}\n",
        b.addr
    );
    policy(
        &home,
        "policy @chat",
        &(unpriced + &only("chat", "b/m") + &only("dear", "c/m")),
    );
    let ended = test(&home, &traffic, &LIVE).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let told = read(&ended);
    assert_eq!(targets(&told), ["b/m", "b/m"]);
    assert_eq!(
        told["live"]["skipped"],
        json!({ "for `@old`, which is gone": 2, "for `@dear`, whose costs are not known": 1 })
    );
    let none = [&LIVE[..], &["--as", "@older"]].concat();
    let none = test(&home, &traffic, &none).await;
    assert!(
        none.code == Some(2) && none.err.contains("5 for `@older`, which is gone"),
        "{none:?}"
    );
}

#[tokio::test]
async fn a_save_in_the_middle_changes_neither_who_is_asked_nor_what_it_costs() {
    let bodies = [(); 4].map(|()| body("@chat", &[]));
    let (home, traffic, [_a, _b]) = asked(&only("chat", "a/m"), &bodies).await;
    // Slow enough for a gateway that looks to see the save.
    let c = mock_with(Options {
        name: "c".to_owned(),
        manners: Some(Manners::new(|_| Manner {
            first: Duration::from_millis(150),
            tokens: 3,
            ..Manner::default()
        })),
        ..Options::default()
    })
    .await;
    policy(
        &home,
        "policy @chat",
        &(openai("c", c.addr) + &only("chat", "c/m")),
    );
    let process = Process::start(command(&home, &traffic, &LIVE));
    let begun = |said: &Said| {
        said.err
            .iter()
            .any(|l| l.starts_with("asking "))
            .then_some(())
    };
    process.says("that it asks", begun).await;
    policy(&home, "policy @chat", &only("chat", "b/m"));
    let told = read(&process.end().await);
    assert_eq!(targets(&told), ["c/m"; 4]);
}

#[tokio::test]
async fn what_may_be_spent_is_held_by_the_prices_of_the_data_folder_that_is_named() {
    let a = mock("a").await;
    let home = Home::new(&format!(
        "mux 1
provider a {{
  kind groq
  url \"http://{}/v1\"
  model m {{
    id \"llama-3.3-70b-versatile\"
    context 128k
    output 8k
  }}
}}
policy @chat {{ else use a/m }}
",
        a.addr
    ));
    let gateway = home.start_with(&["--record-prompts"], &[]).await;
    assert_eq!(gateway.ask(&body("@chat", &[])).await.status, 200);
    gateway.stop().await;
    let traffic = home.data().join("recordings");
    let live = ["--live", "--max-spend", "0.05usd", "--format", "json"];
    let cheap = read(&test(&home, traffic.to_str().unwrap(), &live).await);
    assert_eq!(cheap["live"]["stopped"], json!(false), "{cheap}");
    // Where `MUX_DATA` is, they are as mux comes with them.
    let head = r#"{"mux-prices":1,"source":"genai-prices","version":"1","date":"2026-11-27","notice":"mine"}"#;
    let row = r#"{"provider":"groq","model":"llama-3.3-70b-versatile","rates":[{"input":1000000000,"output":1000000000}]}"#;
    std::fs::write(home.data().join("prices.jsonl"), format!("{head}\n{row}\n")).unwrap();
    let before = a.books().requests;
    let dear = test(&home, traffic.to_str().unwrap(), &live).await;
    let told = &read(&dear)["live"];
    assert_eq!(
        (dear.code, &told["stopped"], &told["spent"]),
        (Some(1), &json!(true), &json!(0)),
        "{told}"
    );
    assert_eq!(a.books().requests, before);
}

#[tokio::test]
async fn only_what_came_lately_is_drawn_from() {
    let bodies = [(); 12].map(|()| body("@chat", &[]));
    let (home, traffic, _providers) = asked(&only("chat", "a/m"), &bodies).await;
    // All but the last came long ago.
    let recent = home.records().last().unwrap().id.clone();
    for folder in ["recordings", "prompts"] {
        let folder = home.data().join(folder);
        let mut lines = String::new();
        let mut reader = mux_traffic::read(&folder).unwrap();
        while let Some(item) = reader.next() {
            item.unwrap();
            let mut line: Value = serde_json::from_slice(reader.line()).unwrap();
            if line["id"] != recent.as_str() {
                line["at"] = json!(line["at"].as_i64().unwrap() - 86_400_000);
            }
            lines.extend([line.to_string(), "\n".to_owned()]);
        }
        drop(reader);
        std::fs::remove_dir_all(&folder).unwrap();
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("1.jsonl"), lines).unwrap();
    }
    for seed in ["1", "2", "3", "4", "5", "6"] {
        let lately = ["--last", "1h", "--requests", "1", "--seed", seed];
        let ended = test(&home, &traffic, &[&LIVE[..], &lately].concat()).await;
        assert_eq!(ended.code, Some(0), "{seed}: {ended:?}");
        let told = read(&ended);
        assert_eq!(told["live"]["requests"][0]["id"], json!(recent), "{seed}");
        assert_eq!(told["live"]["skipped"], json!({}), "{seed}");
    }
}

#[tokio::test]
async fn a_run_without_two_answers_to_anything_fails_and_says_so() {
    let (home, traffic, [a, b]) = prompted().await;
    let live = ["--live", "--max-spend", "5usd", "--requests", "2"];
    b.control().set_fault(Fault::status(400));
    let one = test(&home, &traffic, &live).await;
    let why = "no request has two answers, so nothing is compared";
    assert!(
        one.code == Some(1) && one.out.contains(why) && one.out.contains("failed: 0 -> 2"),
        "{one:?}"
    );
    a.control().set_fault(Fault::status(400));
    let junit = [&live[..], &["--format", "junit"]].concat();
    let both = test(&home, &traffic, &junit).await;
    assert!(both.code == Some(1) && both.out.contains(why), "{both:?}");
    a.control().clear_fault();
    b.control().clear_fault();
    let good = test(&home, &traffic, &live).await;
    assert!(good.code == Some(0) && !good.out.contains(why), "{good:?}");
}

#[tokio::test]
async fn an_answer_whose_usage_nobody_reported_is_booked_as_the_most_that_it_may_have_cost() {
    let (home, traffic, [_a, b]) = prompted().await;
    // A whole answer is cut in half: what it used comes at its end.
    b.control().set_fault(Fault {
        cut_after: Some(1),
        ..Fault::default()
    });
    let live = ["--live", "--max-spend", "5usd", "--format", "json"];
    let once = [&live[..], &["--requests", "1"]].concat();
    let ended = test(&home, &traffic, &once).await;
    let told = &read(&ended)["live"];
    let pair = &told["requests"][0];
    assert_eq!(
        (ended.code, &pair["now"]["cost"], &pair["alike"]),
        (Some(1), &Value::Null, &Value::Null),
        "{told}"
    );
    let was = pair["was"]["cost"].as_i64().unwrap();
    // A token for each byte of `{"model":"@chat","max_tokens":20,…}` and twenty of the answer, at $1 and $5 for a million.
    let most = (80 + 5 * 20) * 1_000_000;
    let spent = told["spent"].as_i64().unwrap() - was;
    assert!(spent >= most, "{spent} of {most}: {told}");
    let cap = format!("0.{:012}usd", was + 2 * spent - 1);
    let capped = ["--live", "--max-spend", &cap, "--format", "json"];
    let told = &read(&test(&home, &traffic, &capped).await)["live"];
    assert_eq!(
        (told["requests"].as_array().unwrap().len(), &told["stopped"]),
        (1, &json!(true)),
        "what it may have cost is gone: {told}"
    );
}

#[tokio::test]
async fn options_that_mean_nothing_where_providers_are_asked_are_refused() {
    let (home, traffic, _providers) = prompted().await;
    for wrong in [
        &["--mode", "decisions"][..],
        &["--outage", "a=fails"],
        &["--by", "tag.team"],
        &["--trace", "x"],
        &["--inconclusive", "pass"],
        &["--resume", "file"],
        &["--stage", "5"],
        &["--filter", "x"],
        &["--generate"],
        &["--every", "1h"],
    ] {
        let refused = test(&home, &traffic, &[&LIVE[..], wrong].concat()).await;
        assert!(
            refused.code == Some(2)
                && refused.err.contains("cannot be used with")
                && refused.err.contains(wrong[0]),
            "{wrong:?}: {refused:?}"
        );
    }
    for wrong in [
        &["--requests", "5"][..],
        &["--answer-tokens", "5"],
        &["--judge", "b/m"],
        &["--prompts", "x"],
        &["--max-spend", "5usd"],
    ] {
        let refused = test(&home, &traffic, wrong).await;
        assert!(
            refused.code == Some(2) && refused.err.contains("--live"),
            "{wrong:?}: {refused:?}"
        );
    }
    let filtered = test(&home, &traffic, &["--filter", "x"]).await;
    assert!(
        filtered.code == Some(2) && filtered.err.contains("cannot be used with"),
        "{filtered:?}"
    );
}

#[tokio::test]
async fn two_versions_answer_side_by_side_within_one_cap() {
    let (home, traffic, [a, b]) = prompted().await;
    let before = home.policies().join("../before");
    std::fs::create_dir(&before).unwrap();
    std::fs::copy(home.policies().join("main.mux"), before.join("main.mux")).unwrap();
    // One version sends all of them to b, the one that is tested to a, which served them.
    policy(&home, "policy @chat", &only("chat", "a/m"));
    let before = before.to_str().unwrap();
    let spent =
        |mock: &Mock| mock.books().tokens_in * 1_000_000 + mock.books().tokens_out * 5_000_000;
    let paid = spent(&a) + spent(&b);
    let asked = [a.books().requests, b.books().requests];
    let against = ["--against", before, "--requests", "3", "--judge", "a/m"];
    a.control().set_reply(Reply::text("7 of 10"));
    let ended = test(&home, &traffic, &[&LIVE[..], &against].concat()).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let told = &read(&ended)["live"];
    let pairs = told["requests"].as_array().unwrap();
    assert_eq!((pairs.len(), &told["against"]), (3, &json!(before)));
    for pair in pairs {
        assert_eq!(
            (
                &pair["was"]["target"],
                &pair["now"]["target"],
                &pair["judged"]
            ),
            (&json!("b/m"), &json!("a/m"), &json!(7_000)),
            "{pair}"
        );
    }
    let more = [a.books().requests - asked[0], b.books().requests - asked[1]];
    assert_eq!(more, [6, 3], "to answer and to judge, and to answer");
    assert_eq!(told["spent"], json!(spent(&a) + spent(&b) - paid));

    let words = test(&home, &traffic, &[&LIVE[..3], &against[..4]].concat()).await;
    let which = format!("first under the policies of `{before}`");
    assert!(words.out.contains(&which), "{words:?}");
    let capped = ["--live", "--max-spend", "0.007usd", "--format", "json"];
    let paid = spent(&a) + spent(&b);
    let capped = [&capped[..], &against[..2]].concat();
    let told = &read(&test(&home, &traffic, &capped).await)["live"];
    let really = spent(&a) + spent(&b) - paid;
    assert_eq!(
        (&told["stopped"], &told["spent"]),
        (&json!(true), &json!(really)),
        "{told}"
    );
    assert!(really > 0 && really <= 7_000_000_000, "{told}");

    let live = [&LIVE[..], &["--against", "live", "--requests", "1"]].concat();
    let told = &read(&test(&home, &traffic, &live).await)["live"];
    assert_eq!(
        (&told["against"], &told["requests"][0]["was"]["target"]),
        (&Value::Null, &json!("a/m")),
        "who served them"
    );
    let nothing = [&LIVE[..], &["--against", "nothing"]].concat();
    let nothing = test(&home, &traffic, &nothing).await;
    assert!(
        nothing.code == Some(2) && nothing.err.contains("`nothing` is no file"),
        "{nothing:?}"
    );
}

#[tokio::test]
async fn what_policies_look_at_is_the_same_again_though_no_header_can_hold_it() {
    let named = body(
        "@chat",
        &[
            ("user", json!("Łukasz\nof Łódź")),
            ("metadata", json!({ "team": "red, blue\n", "city": "Łódź" })),
        ],
    );
    let (home, traffic, _providers) = asked(&only("chat", "a/m"), &[named]).await;
    policy(
        &home,
        "policy @chat",
        "policy @chat {
  when tag.team is \"red, blue\\n\" and tag.city is \"Łódź\" and end_user is \"Łukasz\\nof Łódź\" use b/m
  else use a/m
}
",
    );
    let ended = test(&home, &traffic, &LIVE).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(targets(&read(&ended)), ["b/m"]);
}

#[tokio::test]
async fn who_stops_it_is_told_what_was_asked_until_then_and_what_it_may_have_cost() {
    let bodies = [(); 4].map(|()| body("@chat", &[]));
    let (home, traffic, [_a, _b]) = asked(&only("chat", "a/m"), &bodies).await;
    let calls = AtomicU64::new(0);
    let c = mock_with(Options {
        name: "c".to_owned(),
        manners: Some(Manners::new(move |_| Manner {
            first: match calls.fetch_add(1, Ordering::Relaxed) {
                0 => Duration::ZERO,
                _ => Duration::from_mins(10),
            },
            tokens: 3,
            ..Manner::default()
        })),
        ..Options::default()
    })
    .await;
    let to = openai("c", c.addr) + &only("chat", "c/m");
    policy(&home, "policy @chat", &to);
    let process = Process::start(command(&home, &traffic, &LIVE));
    let second = |said: &Said| {
        let asking = said.err.iter().filter(|l| l.starts_with("asking "));
        (asking.count() == 2).then_some(())
    };
    process.says("that it asks for a second pair", second).await;
    process.signal(rustix::process::Signal::INT);
    let ended = process.end().await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("it was stopped"), "{ended:?}");
    let told = &read(&ended)["live"];
    let pairs = told["requests"].as_array().unwrap();
    assert_eq!(pairs.len(), 1, "{told}");
    let heard = ["was", "now"].map(|side| pairs[0][side]["cost"].as_i64().unwrap());
    assert!(
        told["spent"].as_i64() > Some(heard.iter().sum()),
        "and what was not heard to its end: {told}"
    );
}
