//! How a gateway ends: with grace when asked, without loss when killed.

use super::by_hand::{ByHand, STREAM, end, event};
use super::home::{Home, mock};
use super::http::{chat, streamed};
use super::policy::{bundle, only, openai};
use rustix::process::Signal;
use serde_json::Value;
use tokio::net::TcpStream;

#[tokio::test]
async fn a_stream_under_way_is_finished_before_a_gateway_ends() {
    let hand = ByHand::new().await;
    let home = Home::new(&bundle(&[openai("a", hand.address), only("chat", "a/m")]));
    let gateway = home.start().await;
    let begin = async {
        let mut call = hand.call().await;
        call.say(&format!("{STREAM}{}", event("still"))).await;
        call
    };
    let body = streamed("@chat");
    let (mut open, mut call) = tokio::join!(gateway.open(&body), begin);
    open.until("still").await;

    gateway.process.signal(Signal::TERM);
    let stopping = |said: &super::process::Said| {
        said.err
            .iter()
            .any(|l| l.contains("stopping"))
            .then_some(())
    };
    gateway.process.says("that it stops", stopping).await;
    // The port closes when the message is out; until then a connection may still be taken.
    while TcpStream::connect(gateway.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    call.say(&format!("{}{}", event(" here"), end())).await;
    drop(call);
    let reply = open.rest().await;
    assert_eq!(reply.said(), "still here");
    assert!(reply.whole && reply.done());
    let ended = gateway.process.end().await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let records = home.records();
    assert_eq!(
        (records.len(), records[0].outcome.class.as_str()),
        (1, "ok"),
        "and it is recorded"
    );
}

#[tokio::test]
async fn a_request_that_outlives_its_grace_is_cut_off_so_that_the_gateway_ends() {
    let hand = ByHand::new().await;
    let home = Home::new(&bundle(&[openai("a", hand.address), only("chat", "a/m")]));
    let gateway = home.start_with(&["--grace", "200ms"], &[]).await;
    let begin = async {
        let mut call = hand.call().await;
        call.say(&format!("{STREAM}{}", event("for ever"))).await;
        call
    };
    let body = streamed("@chat");
    let (mut open, _call) = tokio::join!(gateway.open(&body), begin);
    open.until("for ever").await;
    let ended = gateway.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let reply = open.rest().await;
    assert!(!reply.done() && !reply.whole, "{}", reply.text());
}

#[tokio::test]
async fn a_killed_gateway_has_lost_no_version_when_it_comes_back() {
    let a = mock("a").await;
    let text = |n: usize| bundle(&[openai("a", a.addr), only("chat", "a/m"), format!("# {n}\n")]);
    let home = Home::new(&text(0));
    let gateway = home.start().await;
    let mut versions = vec![gateway.version().await];
    for n in 1..5 {
        home.save(&text(n));
        let last = versions.last().unwrap().clone();
        versions.push(gateway.version_after(&last).await);
    }
    let ended = gateway.kill().await;
    assert_eq!(ended.code, None, "killed by a signal");
    assert!(
        home.data().join("admin.sock").exists(),
        "the socket of the dead is still there"
    );

    let gateway = home.start().await;
    let reply = gateway.ask(&chat("@chat")).await;
    assert_eq!(reply.header("x-mux-version"), versions[4]);
    let listing = home.run(&["versions", "--format", "json"]).await;
    let listing: Value = serde_json::from_str(&listing.out).unwrap();
    let mut listed: Vec<&str> = listing["versions"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|v| v["id"].as_str())
        .collect();
    listed.reverse();
    assert_eq!(listed, versions);
}
