//! Streams whose status goes out before anybody has answered.

use super::by_hand::{ByHand, STREAM, end, event};
use super::home::{Home, failing, mock};
use super::http::{chat, streamed};
use super::policy::{bundle, chain, only, openai};
use serde_json::json;
use std::net::SocketAddr;

const EARLY: &str = "defaults { early-headers on }\n";

/// A home whose one provider is at `address`.
fn early(address: SocketAddr) -> Home {
    let provider = openai("a", address);
    Home::new(&bundle(&[provider, EARLY.to_owned(), only("chat", "a/m")]))
}

#[tokio::test]
async fn a_stream_has_its_status_before_anybody_answers_and_hears_that_it_is_waited_for() {
    let hand = ByHand::new().await;
    let home = early(hand.address);
    let gateway = home.start().await;
    // Nobody says anything until the client has a status, and a comment.
    let mut open = gateway.open(&streamed("@chat")).await;
    assert_eq!(open.status, 200);
    let mut call = hand.call().await;
    open.until(": keep-alive\n\n").await;
    call.say(&format!("{STREAM}{}{}", event("at last"), end()))
        .await;
    let reply = open.rest().await;
    assert!(reply.whole && reply.done());
    assert_eq!(reply.said(), "at last");
    assert_eq!(
        (reply.header("content-type"), reply.header("x-mux-route")),
        ("text/event-stream", "@chat")
    );
    assert!(reply.header("x-mux-request-id").starts_with("req_"));
    assert_eq!(
        (reply.header("x-mux-target"), reply.header("x-mux-attempts")),
        ("", ""),
        "nobody knew"
    );
}

#[tokio::test]
async fn a_failover_after_the_status_is_as_invisible_as_before_it() {
    let (broken, good) = (failing("status=500").await, mock("b").await);
    let home = Home::new(&bundle(&[
        openai("a", broken.addr),
        openai("b", good.addr),
        EARLY.to_owned(),
        chain("chat", &["a/m", "b/m"]),
    ]));
    let gateway = home.start().await;
    let reply = gateway.ask(&streamed("@chat")).await;
    assert!(reply.status == 200 && reply.whole && reply.done());
    assert!(!reply.said().is_empty() && !reply.text().contains("error"));
    gateway.stop().await;
    assert_eq!(home.records()[0].attempts.len(), 2);
}

#[tokio::test]
async fn what_fails_after_the_status_is_told_in_the_stream_which_is_then_broken_off() {
    let provider = failing("status=500").await;
    let home = early(provider.addr);
    let gateway = home.start().await;
    let reply = gateway.ask(&streamed("@chat")).await;
    assert_eq!(reply.status, 200);
    assert!(!reply.whole && !reply.done(), "{}", reply.text());
    let events = reply.events();
    assert_eq!(events.len(), 1, "{events:?}");
    let error = &events[0]["error"];
    assert_eq!(
        (&error["code"], &error["mux"]["attempts"][0]["target"]),
        (&json!("upstream_error"), &json!("a/m")),
        "{error}"
    );

    let whole = gateway.ask(&chat("@chat")).await;
    assert_eq!(
        whole.status, 502,
        "what is not streamed waits for its status"
    );
    assert_eq!(whole.json()["error"]["code"], "upstream_error");
    gateway.stop().await;
    let told: Vec<(u16, String)> = home
        .records()
        .into_iter()
        .map(|r| (r.outcome.status, r.outcome.class))
        .collect();
    let class = || "server".to_owned();
    assert_eq!(told, [(200, class()), (502, class())]);
}

#[tokio::test]
async fn a_refusal_that_is_known_at_the_decision_keeps_its_status() {
    let provider = mock("a").await;
    let home = Home::new(&bundle(&[
        openai("a", provider.addr),
        EARLY.to_owned(),
        only("chat", "a/m"),
        "policy @shut { else deny 403 \"not here\" }\n".to_owned(),
        "limit none { 1 requests/hour }\n".to_owned(),
        "policy @seldom {\n  limit none\n  else use a/m\n}\n".to_owned(),
    ]));
    let gateway = home.start().await;
    for (model, status, code) in [
        ("@shut", 403, "denied_by_policy"),
        ("@nowhere", 404, "model_not_found"),
    ] {
        let reply = gateway.ask(&streamed(model)).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]["code"]),
            (status, &json!(code))
        );
        assert_eq!(reply.header("content-type"), "application/json");
    }
    assert_eq!(gateway.ask(&streamed("@seldom")).await.status, 200);
    assert_eq!(gateway.ask(&streamed("@seldom")).await.status, 429);
}

#[tokio::test]
async fn a_client_that_leaves_after_its_status_stops_the_provider() {
    let hand = ByHand::new().await;
    let home = early(hand.address);
    let gateway = home.start().await;
    let open = gateway.open(&streamed("@chat")).await;
    let call = hand.call().await;
    drop(open);
    call.hung_up().await;
    gateway.stop().await;
    let outcome = &home.records()[0].outcome;
    assert_eq!(
        (outcome.status, outcome.class.as_str()),
        (499, "client-gone")
    );
}
