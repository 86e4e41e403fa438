//! Recorded prompts asked again through real providers: what is asked, what it may cost, and what is said of it.

use super::home::{Home, mock};
use super::http::Ask;
use super::policy::{bundle, only, openai};
use super::replay::{policy, read, test};
use mux_mock::{Mock, Reply};
use serde_json::{Value, json};

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
        unknown.code == Some(2) && unknown.err.contains("costs is not known"),
        "{unknown:?}"
    );
    for (arguments, why) in [
        (&["--live"][..], "--max-spend"),
        (&["--live", "--max-spend", "much"], "no amount of money"),
        (
            &["--live", "--max-spend", "1usd", "--judge", "c/m"],
            "no target to judge",
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
