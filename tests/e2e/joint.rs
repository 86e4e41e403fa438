//! Strategies that ask several for one answer, as clients and providers meet them.

use super::by_hand::{ByHand, STREAM, end, event};
use super::home::{Home, failing, mock};
use super::http::{Ask, chat, streamed};
use super::policy::{bundle, openai};
use mux_mock::{Mock, Reply};
use serde_json::{Value, json};

fn rule(route: &str) -> String {
    format!("policy @chat {{\n  else use {route}\n}}\n")
}

/// A provider that says this.
async fn saying(name: &str, text: &str) -> Mock {
    let mock = mock(name).await;
    mock.control().set_reply(Reply::text(text));
    mock
}

/// A gateway's folder with a rubric beside the policies.
fn judged(policies: &str) -> Home {
    let home = Home::new("mux 1\n");
    std::fs::write(home.policies().join("good.md"), "Is it `kind`?").unwrap();
    home.save(policies);
    home
}

#[tokio::test]
async fn a_late_provider_gets_a_rival_and_is_hung_up_on_when_that_is_quicker() {
    let (slow, quick) = (ByHand::new().await, saying("quick", "at once").await);
    let hedge = "hedge after 100ms extra 1 {\n    slow/m\n    quick/m\n  }";
    let home = Home::new(&bundle(&[
        openai("slow", slow.address),
        openai("quick", quick.addr),
        rule(hedge),
    ]));
    let gateway = home.start().await;
    let body = streamed("@chat");
    let (reply, ()) = tokio::join!(gateway.ask(&body), async {
        let mut call = slow.call().await;
        call.say(STREAM).await;
        call.hung_up().await;
    });
    assert_eq!(
        (reply.status, reply.header("x-mux-target")),
        (200, "quick/m")
    );
    assert_eq!((reply.said().as_str(), reply.done()), ("at once", true));
    assert_eq!(reply.header("x-mux-attempts"), "2");
    gateway.stop().await;
    let record = home.records().remove(0);
    let told: Vec<_> = record
        .attempts
        .iter()
        .map(|a| (a.target.as_str(), a.class.as_str(), a.role.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            ("slow/m", "superseded", None),
            ("quick/m", "ok", Some("duplicate"))
        ]
    );
    assert!(record.attempts[0].usage.is_some_and(|u| u.estimated));
}

#[tokio::test]
async fn of_two_streams_the_client_gets_one_and_not_a_byte_of_the_other() {
    let (a, b) = (ByHand::new().await, ByHand::new().await);
    let hedge = "hedge after 1ms extra 1 {\n    a/m\n    b/m\n  }";
    let home = Home::new(&bundle(&[
        openai("a", a.address),
        openai("b", b.address),
        rule(hedge),
    ]));
    let gateway = home.start().await;
    let body = streamed("@chat");
    let (reply, ()) = tokio::join!(gateway.ask(&body), async {
        let (mut first, mut second) = (a.call().await, b.call().await);
        let role = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n";
        first.say(&format!("{STREAM}{role}")).await;
        second.say(&format!("{STREAM}{role}")).await;
        second.say(&event("from b")).await;
        first.hung_up().await;
        second.say(&end()).await;
    });
    assert_eq!((reply.said().as_str(), reply.done()), ("from b", true));
    assert_eq!(reply.text().matches("\"role\"").count(), 1);
    gateway.stop().await;
}

#[tokio::test]
async fn a_cascade_asks_the_judge_and_climbs_where_an_answer_is_not_good_enough() {
    let (cheap, dear) = (saying("cheap", "rude").await, saying("dear", "kind").await);
    let judge = saying("judge", "Hm. {\"score\": 0.2}").await;
    let cascade = "cascade within 30s buffer {\n    judge judge/m rubric \"good.md\"\n    try cheap/m {\n      accept when finish is stop and score of judge >= 0.8\n    }\n    try dear/m\n  }";
    let home = judged(&bundle(&[
        openai("cheap", cheap.addr),
        openai("dear", dear.addr),
        openai("judge", judge.addr),
        rule(cascade),
    ]));
    let gateway = home.start().await;
    for body in [chat("@chat"), streamed("@chat")] {
        let reply = gateway.ask(&body).await;
        assert_eq!(
            (reply.status, reply.header("x-mux-target")),
            (200, "dear/m")
        );
        assert!(reply.text().contains("kind") && !reply.text().contains("rude"));
    }
    let asked = judge.books().last.expect("it was asked").body;
    assert!(
        asked.contains("Is it `kind`?") && asked.contains("hello there") && asked.contains("rude"),
        "{asked}"
    );

    judge.control().set_reply(Reply::text("{\"score\": 0.9}"));
    for body in [chat("@chat"), streamed("@chat")] {
        let reply = gateway.ask(&body).await;
        assert_eq!(
            (reply.status, reply.header("x-mux-target")),
            (200, "cheap/m")
        );
        assert!(reply.text().contains("rude"), "{}", reply.text());
    }
    gateway.stop().await;
    let record = home.records().pop().unwrap();
    assert_eq!(record.attempts.len(), 2);
    assert_eq!(
        (record.attempts[0].score, record.attempts[0].accepted),
        (Some(9_000), Some(true))
    );
    assert!(
        record.cost > record.attempts[0].cost.unwrap(),
        "the judge is paid for"
    );
}

#[tokio::test]
async fn a_schema_that_an_answer_misses_is_a_reason_to_climb() {
    let (cheap, dear) = (
        saying("cheap", "{\"label\": \"eggs\"}").await,
        saying("dear", "{\"label\": \"spam\"}").await,
    );
    let cascade = "cascade buffer {\n    try cheap/m {\n      accept when schema is valid\n    }\n    try dear/m\n  }";
    let home = Home::new(&bundle(&[
        openai("cheap", cheap.addr),
        openai("dear", dear.addr),
        rule(cascade),
    ]));
    let gateway = home.start().await;
    let mut body = chat("@chat");
    body["response_format"] = json!({ "type": "json_schema", "json_schema": { "name": "n", "schema": {
        "type": "object", "required": ["label"], "properties": { "label": { "enum": ["spam", "ham"] } },
    } } });
    let reply = gateway.ask(&body).await;
    assert_eq!(reply.header("x-mux-target"), "dear/m");
    let reply = gateway.ask(&chat("@chat")).await;
    assert_eq!(
        reply.header("x-mux-target"),
        "cheap/m",
        "who asks for no schema has none that is missed"
    );
    gateway.stop().await;
}

#[tokio::test]
async fn an_ensemble_serves_what_most_say() {
    let (a, b, c) = (
        saying("a", "{\"label\": \"ham\"}").await,
        saying("b", "{\"label\": \"spam\", \"why\": 1}").await,
        saying("c", "{\"label\": \"spam\", \"why\": 2}").await,
    );
    let ensemble = "ensemble within 30s buffer {\n    ask a/m\n    ask b/m\n    ask c/m\n    combine majority on \"$.label\"\n  }";
    let home = Home::new(&bundle(&[
        openai("a", a.addr),
        openai("b", b.addr),
        openai("c", c.addr),
        rule(ensemble),
    ]));
    let gateway = home.start().await;
    let reply = gateway.ask(&chat("@chat")).await;
    assert_eq!(reply.header("x-mux-target"), "b/m");
    let content = &reply.json()["choices"][0]["message"]["content"];
    assert_eq!(content, "{\"label\": \"spam\", \"why\": 1}");
    let reply = gateway.ask(&streamed("@chat")).await;
    assert_eq!(reply.said(), "{\"label\": \"spam\", \"why\": 1}");
    assert!(reply.done());
    gateway.stop().await;
    // All are asked at once; who differs may be hung up on before its request has arrived.
    assert_eq!([&b, &c].map(|m| m.books().requests), [2, 2]);
    for record in home.records() {
        let asked: Vec<_> = record.attempts.iter().map(|a| &*a.target).collect();
        assert_eq!(asked, ["a/m", "b/m", "c/m"]);
    }
}

#[tokio::test]
async fn a_model_makes_one_answer_of_several_and_it_is_streamed() {
    let (a, b) = (
        saying("a", "first draft").await,
        saying("b", "second draft").await,
    );
    let chief = ByHand::new().await;
    let ensemble =
        "ensemble within 30s buffer {\n    ask a/m\n    ask b/m\n    combine merge by chief/m\n  }";
    let home = Home::new(&bundle(&[
        openai("a", a.addr),
        openai("b", b.addr),
        openai("chief", chief.address),
        rule(ensemble),
    ]));
    let gateway = home.start().await;
    let asked = tokio::spawn(Ask::json(&streamed("@chat")).open(gateway.address));
    let mut call = chief.call().await;
    let body: Value = serde_json::from_str(&call.body).unwrap();
    let last = body["messages"].as_array().unwrap().last().unwrap()["content"].to_string();
    assert!(
        last.contains("first draft") && last.contains("second draft"),
        "{last}"
    );
    assert_eq!(
        (&body["model"], &body["stream"]),
        (&json!("chief-model"), &json!(true))
    );
    call.say(&format!("{STREAM}{}", event("one answer"))).await;
    let mut open = asked.await.unwrap();
    open.until("one answer").await;
    call.say(&end()).await;
    let rest = open.rest().await;
    assert!(rest.done(), "{}", rest.text());
    gateway.stop().await;
}

#[tokio::test]
async fn an_ensemble_survives_a_provider_that_is_down() {
    let (a, down) = (saying("a", "fine").await, failing("status=503").await);
    let ensemble =
        "ensemble within 30s buffer {\n    ask down/m\n    ask a/m\n    combine first-valid\n  }";
    let home = Home::new(&bundle(&[
        openai("a", a.addr),
        openai("down", down.addr),
        rule(ensemble),
    ]));
    let gateway = home.start().await;
    for _ in 0..3 {
        let reply = gateway.ask(&chat("@chat")).await;
        assert_eq!((reply.status, reply.header("x-mux-target")), (200, "a/m"));
    }
    gateway.stop().await;
}

#[tokio::test]
async fn who_hangs_up_on_an_ensemble_hangs_up_on_all_of_it() {
    let (a, b) = (ByHand::new().await, ByHand::new().await);
    let ensemble =
        "ensemble within 30s buffer {\n    ask a/m\n    ask b/m\n    combine first-valid\n  }";
    let home = Home::new(&bundle(&[
        openai("a", a.address),
        openai("b", b.address),
        rule(ensemble),
    ]));
    let gateway = home.start().await;
    let asked = tokio::spawn(Ask::json(&chat("@chat")).open(gateway.address));
    let (first, second) = (a.call().await, b.call().await);
    asked.abort();
    first.hung_up().await;
    second.hung_up().await;
    gateway.stop().await;
    let record = home.records().remove(0);
    let classes: Vec<_> = record.attempts.iter().map(|a| a.class.as_str()).collect();
    assert_eq!(classes, ["client-gone", "client-gone"]);
}

/// The event that most streams begin with.
const ROLE: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";

/// An event that counts.
fn used(input: u32, output: u32) -> String {
    let usage = json!({ "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output });
    format!("data: {}\n\n", json!({ "choices": [], "usage": usage }))
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_carried_on_where_the_policy_says_so() {
    let (a, b) = (ByHand::new().await, ByHand::new().await);
    let chain = "fallback within 30s {\n    continue once\n    try a/m\n    try b/m\n  }";
    let home = Home::new(&bundle(&[
        openai("a", a.address),
        openai("b", b.address),
        rule(chain),
    ]));
    let gateway = home.start().await;
    let body = streamed("@chat");
    let (reply, ()) = tokio::join!(gateway.ask(&body), async {
        let mut first = a.call().await;
        let begun = format!("{STREAM}{ROLE}{}{}", event("once upon "), used(50, 3));
        first.say(&begun).await;
        first.say("data: {\"choices\":[{\"ind").await;
        drop(first);
        let mut second = b.call().await;
        let body: Value = serde_json::from_str(&second.body).unwrap();
        let messages = body["messages"].as_array().unwrap();
        assert_eq!(
            messages[messages.len() - 2],
            json!({ "role": "assistant", "content": "once upon " })
        );
        second
            .say(&format!(
                "{STREAM}{ROLE}{}{}{}",
                event("a time"),
                used(60, 2),
                end()
            ))
            .await;
    });
    assert_eq!(
        (reply.said().as_str(), reply.done()),
        ("once upon a time", true)
    );
    let events = reply.events();
    let roles = events
        .iter()
        .filter(|e| e["choices"][0]["delta"]["role"] == "assistant");
    assert_eq!(roles.count(), 1, "one answer has one role");
    let counted = events.iter().rev().find(|e| e["usage"].is_object());
    assert_eq!(
        counted.map(|e| &e["usage"]),
        Some(&json!({ "prompt_tokens": 110, "completion_tokens": 5, "total_tokens": 115 })),
        "both parts were paid for"
    );
    assert!(reply.text().contains(": mux continued"), "{}", reply.text());
    let of = |word| reply.text().matches(word).count();
    assert_eq!(
        of("\"ind"),
        of("\"index\""),
        "half an event is not passed on: {}",
        reply.text()
    );
    gateway.stop().await;
    let record = home.records().remove(0);
    let told: Vec<_> = record
        .attempts
        .iter()
        .map(|a| (a.class.as_str(), a.role.as_deref()))
        .collect();
    assert_eq!(told, [("cut", None), ("ok", Some("continue"))]);
    let used = record.usage.unwrap();
    assert_eq!((used.input, used.output), (110, 5));
}

#[tokio::test]
async fn an_answer_that_was_said_to_be_all_is_not_carried_on_whatever_breaks_behind_it() {
    let (a, b) = (ByHand::new().await, mock("b").await);
    let chain = "fallback within 30s {\n    continue once\n    try a/m\n    try b/m\n  }";
    let home = Home::new(&bundle(&[
        openai("a", a.address),
        openai("b", b.addr),
        rule(chain),
    ]));
    let gateway = home.start().await;
    let body = streamed("@chat");
    let (reply, ()) = tokio::join!(gateway.ask(&body), async {
        let mut call = a.call().await;
        let all = format!("{}{}", event("all of it"), end());
        let all = all.replace("data: [DONE]\n\n", "");
        let head = STREAM.replace("connection: close", "transfer-encoding: chunked");
        // The end of the chunks never comes.
        call.say(&format!("{head}{:x}\r\n{all}\r\n", all.len()))
            .await;
        drop(call);
    });
    assert_eq!(reply.said(), "all of it");
    assert!(!reply.text().contains("continued"), "{}", reply.text());
    gateway.stop().await;
    assert_eq!(b.books().requests, 0);
    assert_eq!(home.records()[0].attempts.len(), 1);
}

#[tokio::test]
async fn copies_go_to_a_shadow_and_the_client_never_notices() {
    let (a, shadow) = (saying("a", "mine").await, ByHand::new().await);
    let home = Home::new(&bundle(&[
        openai("a", a.addr),
        openai("shadow", shadow.address),
        "policy @chat {\n  when tokens >= 0 {\n    shadow 100% shadow/m\n    use a/m\n  }\n  else use a/m\n}\n".to_owned(),
    ]));
    let gateway = home.start().await;
    let reply = gateway.ask(&streamed("@chat")).await;
    assert_eq!((reply.said().as_str(), reply.done()), ("mine", true));
    let mut call = shadow.call().await;
    assert!(call.body.contains("hello there"));
    call.say(&format!("{STREAM}{}{}", event("unheard"), end()))
        .await;
    call.hung_up().await;
    gateway.stop().await;
    let mut records = home.records();
    records.sort_by_key(|r| r.copy_of.is_some());
    let [own, copy] = records.as_slice() else {
        panic!("{records:?}")
    };
    assert_eq!(copy.copy_of.as_deref(), Some(own.id.as_str()));
    assert_eq!(copy.outcome.served.as_deref(), Some("shadow/m"));
    assert_eq!(own.attempts.len(), 1);
}
