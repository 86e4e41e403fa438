//! Strategies that choose an order, as clients meet them.

use super::by_hand::{ByHand, STREAM, end, event};
use super::home::{Home, failing, mock};
use super::http::{Ask, chat, streamed};
use super::policy::{bundle, openai};
use serde_json::json;
use std::collections::BTreeSet;

fn rule(route: &str) -> String {
    format!("policy @chat {{\n  else use {route}\n}}\n")
}

#[tokio::test]
async fn a_user_of_a_split_always_meets_the_same_arm_and_the_record_names_it() {
    let (a, b) = (mock("a").await, mock("b").await);
    let split =
        "split by end_user salt \"s\" {\n    50% a/m name control\n    50% b/m name treatment\n  }";
    let home = Home::new(&bundle(&[
        openai("a", a.addr),
        openai("b", b.addr),
        rule(split),
    ]));
    let gateway = home.start().await;
    let mut met = BTreeSet::new();
    for user in 0..12 {
        let ask = || Ask::json(&chat("@chat")).header("x-mux-user", &format!("user-{user}"));
        let first = ask().send(gateway.address).await;
        let again = ask().send(gateway.address).await;
        let target = first.header("x-mux-target").to_owned();
        assert_eq!(again.header("x-mux-target"), target);
        met.insert(target);
    }
    assert_eq!(met.len(), 2, "both arms have users");
    gateway.stop().await;
    let records = home.records();
    assert_eq!(records.len(), 24);
    for record in records {
        let decision = record.decision.unwrap();
        let [arm] = decision.arms.as_slice() else {
            panic!("{:?}", decision.arms)
        };
        let served = record.outcome.served.unwrap();
        let named = if served == "a/m" {
            "control"
        } else {
            "treatment"
        };
        assert_eq!((arm.strategy.as_str(), arm.arm.as_str()), ("split", named));
        assert_eq!(arm.bucket < 5_000, served == "a/m", "what decided is there");
    }
}

#[tokio::test]
async fn the_cheapest_that_can_serve_is_asked_and_the_next_where_it_fails() {
    let (dear, cheap) = (mock("dear").await, failing("status=503").await);
    let cheaper = openai("cheap", cheap.addr).replace("input $1/Mtok", "input $0.50/Mtok");
    let list = "cheapest {\n    dear/m\n    cheap/m\n  }";
    let home = Home::new(&bundle(&[openai("dear", dear.addr), cheaper, rule(list)]));
    let gateway = home.start().await;
    let reply = gateway.ask(&chat("@chat")).await;
    assert_eq!(
        (reply.status, reply.header("x-mux-target")),
        (200, "dear/m")
    );
    gateway.stop().await;
    let record = home.records().remove(0);
    let tried: Vec<_> = record.attempts.iter().map(|a| a.target.as_str()).collect();
    assert_eq!(tried, ["cheap/m", "dear/m"]);
    let costs: Vec<_> = record
        .candidates
        .iter()
        .map(|c| c.expected_cost.unwrap())
        .collect();
    assert!(costs[0] < costs[1] && costs[0] > 0, "{costs:?}");
}

#[tokio::test]
async fn a_header_is_read_only_where_a_policy_asks_for_it() {
    let (a, b) = (mock("a").await, mock("b").await);
    let policy = "policy @chat {\n  when header.x-plan is \"gold\" use b/m\n  else use a/m\n}\n";
    let home = Home::new(&bundle(&[
        openai("a", a.addr),
        openai("b", b.addr),
        policy.to_owned(),
    ]));
    let gateway = home.start().await;
    for (plan, target) in [("gold", "b/m"), ("lead", "a/m")] {
        let ask = Ask::json(&chat("@chat")).header("X-Plan", plan);
        let reply = ask
            .header("x-private", "canary-header")
            .send(gateway.address)
            .await;
        assert_eq!(reply.header("x-mux-target"), target);
    }
    gateway.stop().await;
    for record in home.records() {
        let names: Vec<_> = record
            .request
            .headers
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["x-plan"]);
    }
}

#[tokio::test]
async fn a_limit_on_what_is_in_flight_frees_its_place_when_an_answer_ends_or_a_client_leaves() {
    let a = ByHand::new().await;
    let limit = "limit one {\n  1 concurrent per key\n}\n".to_owned();
    let policy = "policy @chat {\n  limit one\n  else use a/m\n}\n".to_owned();
    let home = Home::new(&bundle(&[openai("a", a.address), limit, policy]));
    let gateway = home.start().await;
    for hangs_up in [false, true] {
        let body = streamed("@chat");
        let (mut open, mut call) = tokio::join!(gateway.open(&body), async {
            let mut call = a.call().await;
            call.say(STREAM).await;
            call.say(&event("hi")).await;
            call
        });
        open.until("hi").await;
        let refused = gateway.ask(&chat("@chat")).await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, "1"));
        assert_eq!(refused.json()["error"]["code"], json!("limit_reached"));
        if hangs_up {
            drop(open);
            call.hung_up().await;
        } else {
            call.say(&end()).await;
            drop(call);
            open.rest().await;
        }
    }
    // The place is free: this one reaches the provider.
    let body = chat("@chat");
    let (reply, ()) = tokio::join!(gateway.ask(&body), async {
        drop(a.call().await);
        drop(a.call().await);
    });
    assert_eq!(reply.status, 502, "called, and not refused");
}
