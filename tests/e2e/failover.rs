//! Providers that fail: unseen before the first content, honest after it.

use super::by_hand::{ByHand, STREAM, WHOLE, event};
use super::home::{Home, failing, mock};
use super::http::{chat, streamed};
use super::policy::{bundle, chain, openai};
use mux_mock::{Mock, Reply};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// What can go wrong before the first content; the empty one is a port where nobody listens.
const FAULTS: [&str; 11] = [
    "",
    "status=503",
    "status=500",
    "status=529",
    "status=401",
    "status=429,retry-after=7",
    "refuse",
    "hang",
    "hang-after-head",
    "empty-200",
    "html-200",
];

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address")
}

/// Every fault has a provider of its own, so that no breaker of one hides another.
#[tokio::test]
async fn whatever_fails_before_the_first_content_is_invisible() {
    let backup = mock("backup").await;
    backup.control().set_reply(Reply::text("here I am"));
    let faults = FAULTS
        .iter()
        .map(|f| (*f, false))
        .chain(FAULTS.iter().map(|f| (*f, true)));
    let cases: Vec<(&str, bool)> = faults
        .chain([
            ("cut-after=1", false),
            ("cut-after=0", true),
            ("error-in-stream-after=0", true),
        ])
        .collect();
    let mut mocks = Vec::new();
    let mut parts = vec![openai("backup", backup.addr)];
    for (n, (fault, _)) in cases.iter().enumerate() {
        let address = if fault.is_empty() {
            nobody()
        } else {
            mocks.push(failing(fault).await);
            mocks.last().map(|mock| mock.addr).unwrap()
        };
        parts.push(openai(&format!("p{n}"), address));
        parts.push(chain(
            &format!("c{n}"),
            &[&format!("p{n}/m timeout 400ms"), "backup/m"],
        ));
    }
    let home = Home::new(&bundle(&parts));
    let gateway = home.start().await;
    for (n, (fault, stream)) in cases.iter().enumerate() {
        let model = format!("@c{n}");
        let reply = gateway
            .ask(&if *stream {
                streamed(&model)
            } else {
                chat(&model)
            })
            .await;
        let what = format!("`{fault}`, streamed {stream}: {}", reply.text());
        assert_eq!(
            (reply.status, reply.said().as_str()),
            (200, "here I am"),
            "{what}"
        );
        assert_eq!(
            (reply.header("x-mux-attempts"), reply.header("x-mux-target")),
            ("2", "backup/m"),
            "{what}"
        );
        assert!(reply.whole && reply.done() == *stream, "{what}");
    }
    assert_eq!(backup.books().requests, cases.len() as u64);
}

#[tokio::test]
async fn when_everything_fails_the_client_learns_what_was_tried_and_does_not_retry() {
    let (a, b) = (failing("status=503").await, failing("status=500").await);
    let (c, d) = (failing("status=429,retry-after=9").await, nobody());
    let home = Home::new(&bundle(&[
        openai("a", a.addr),
        openai("b", b.addr),
        openai("c", c.addr),
        openai("d", d),
        chain("chat", &["a/m", "b/m  retry 0"]),
        chain("busy", &["d/m", "c/m  retry 0"]),
    ]));
    for body in [chat("@chat"), streamed("@chat")] {
        // A new one: what has failed is left by some of those who come after.
        let gateway = home.start().await;
        let reply = gateway.ask(&body).await;
        assert_eq!(
            (reply.status, reply.header("x-should-retry")),
            (502, "false"),
            "{}",
            reply.text()
        );
        let error = reply.json()["error"].clone();
        assert_eq!(
            (&error["type"], &error["code"]),
            (&json!("upstream_error"), &json!("upstream_error"))
        );
        assert_eq!(error["mux"]["request_id"], reply.header("x-mux-request-id"));
        let tried: Vec<(&Value, &Value, &Value)> = error["mux"]["attempts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| (&a["target"], &a["class"], &a["status"]))
            .collect();
        let (first, second) = (
            json!(["a/m", "overloaded", 503]),
            json!(["b/m", "server", 500]),
        );
        assert_eq!(
            tried,
            [
                (&first[0], &first[1], &first[2]),
                (&second[0], &second[1], &second[2])
            ]
        );
        assert!(
            error["message"].as_str().unwrap().contains("`b/m`"),
            "{error}"
        );
        gateway.stop().await;
    }
    let gateway = home.start().await;
    let reply = gateway.ask(&chat("@busy")).await;
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (429, "9"),
        "{}",
        reply.text()
    );
    assert_eq!(reply.json()["error"]["code"], "rate_limited");
    assert_eq!(
        reply.json()["error"]["mux"]["attempts"][0]["class"],
        "connect"
    );
}

fn broken_off(text: &str, events: &[Value]) -> bool {
    let error = events.last().map(|event| &event["error"]["code"]);
    error == Some(&json!("mid_stream_failure")) && !text.contains("[DONE]")
}

#[tokio::test]
async fn an_end_mark_behind_nothing_is_no_answer() {
    let (a, b) = (ByHand::new().await, mock("b").await);
    let home = Home::new(&bundle(&[
        openai("a", a.address),
        openai("b", b.addr),
        chain("chat", &["a/m retry 0", "b/m"]),
    ]));
    let gateway = home.start().await;
    let body = streamed("@chat");
    let (reply, ()) = tokio::join!(gateway.ask(&body), async {
        let mut call = a.call().await;
        let role = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
        let empty = format!("{}{role}data: [DONE]\n\n", super::by_hand::STREAM);
        call.say(&empty).await;
    });
    assert_eq!(reply.header("x-mux-target"), "b/m", "{}", reply.text());
    assert!(reply.done() && !reply.said().is_empty());
    gateway.stop().await;
    assert_eq!(home.records()[0].attempts[0].class, "bad-response");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_never_finished_by_another_nor_taken_for_whole() {
    let backup = mock("backup").await;
    let silent = ByHand::new().await;
    let faults = ["cut-after=3", "error-in-stream-after=3"];
    let mut mocks: Vec<Mock> = Vec::new();
    let mut parts = vec![
        openai("backup", backup.addr),
        openai("silent", silent.address),
        chain("silent", &["silent/m idle 300ms", "backup/m"]),
    ];
    for (n, fault) in faults.iter().enumerate() {
        let mock = failing(fault).await;
        mock.control().set_reply(Reply::text("one two three four"));
        parts.push(openai(&format!("p{n}"), mock.addr));
        parts.push(chain(&format!("c{n}"), &[&format!("p{n}/m"), "backup/m"]));
        mocks.push(mock);
    }
    let home = Home::new(&bundle(&parts));
    let gateway = home.start().await;
    for (n, fault) in faults.iter().enumerate() {
        let reply = gateway.ask(&streamed(&format!("@c{n}"))).await;
        assert_eq!(
            (reply.status, reply.said().as_str()),
            (200, "one two three "),
            "{fault}"
        );
        assert!(
            broken_off(&reply.text(), &reply.events()),
            "{fault}: {}",
            reply.text()
        );
        assert!(
            !reply.whole,
            "{fault}: the connection must not end as if all were well"
        );
    }
    let body = streamed("@silent");
    let hand = async {
        let mut call = silent.call().await;
        call.say(&format!("{STREAM}{}data: {{\"half", event("one")))
            .await;
        call.hung_up().await;
    };
    let (reply, ()) = tokio::join!(gateway.ask(&body), hand);
    assert_eq!(reply.said(), "one");
    assert!(
        !reply.text().contains("half"),
        "half an event would swallow the error behind it"
    );
    assert!(
        broken_off(&reply.text(), &reply.events()) && !reply.whole,
        "{}",
        reply.text()
    );
    assert_eq!(backup.books().requests, 0, "nobody else was asked");
    let records = {
        gateway.stop().await;
        home.records()
    };
    let classes: Vec<&str> = records.iter().map(|r| r.outcome.class.as_str()).collect();
    assert_eq!(classes, ["cut", "server", "idle"]);
}

#[tokio::test]
async fn one_object_is_no_answer_to_a_client_that_wants_a_stream() {
    let backup = mock("backup").await;
    let odd = ByHand::new().await;
    let parts = vec![
        openai("backup", backup.addr),
        openai("odd", odd.address),
        chain("c", &["odd/m", "backup/m"]),
    ];
    let home = Home::new(&bundle(&parts));
    let gateway = home.start().await;
    let body = streamed("@c");
    let hand = async {
        let mut call = odd.call().await;
        let whole = r#"{"choices":[{"message":{"role":"assistant","content":"whole"}}]}"#;
        call.say(&format!("{WHOLE}{whole}")).await;
    };
    let (reply, ()) = tokio::join!(gateway.ask(&body), hand);
    assert_eq!(
        (reply.status, reply.header("x-mux-target")),
        (200, "backup/m"),
        "{}",
        reply.text()
    );
    assert!(reply.done());
    gateway.stop().await;
    let records = home.records();
    assert_eq!(records[0].attempts[0].class, "bad-response");
    assert_eq!(
        records[0].attempts[0].error, None,
        "what a provider says is not kept"
    );
}

#[tokio::test]
async fn an_operator_drains_a_target_and_lets_it_go() {
    let (first, second) = (mock("first").await, mock("second").await);
    first.control().set_reply(Reply::text("first"));
    second.control().set_reply(Reply::text("second"));
    let parts = [
        openai("first", first.addr),
        openai("second", second.addr),
        chain("c", &["first/m", "second/m"]),
    ];
    let home = Home::new(&bundle(&parts));
    let gateway = home.start().await;
    let says = || async { gateway.ask(&chat("@c")).await.text() };
    assert!(says().await.contains("first"));
    let drained = home.run(&["target", "first/m", "drain"]).await;
    assert!(
        drained.code == Some(0) && drained.out.contains("first/m is drained until"),
        "{drained:?}"
    );
    assert!(says().await.contains("second"));
    let health = home.run(&["health"]).await;
    assert!(
        health.out.contains("drained by an operator"),
        "{}",
        health.out
    );
    let free = home.run(&["target", "first/m", "free"]).await;
    assert_eq!(free.code, Some(0), "{free:?}");
    assert!(says().await.contains("first"));
    let none = home.run(&["target", "third/m", "drain"]).await;
    assert!(
        none.code == Some(1) && none.err.contains("there are first/m, second/m"),
        "{none:?}"
    );
}
