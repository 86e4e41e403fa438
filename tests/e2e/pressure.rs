//! What a gateway does when its machine is hard pressed.

use super::by_hand::{ByHand, Call, STREAM, end, event};
use super::home::{Gateway, Home, mock};
use super::http::{Ask, Open, chat, streamed};
use super::patience::soon;
use super::policy::{bundle, only, openai, provider_with};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

async fn stage_is(gateway: &Gateway, expected: &str) {
    soon(expected, async {
        while gateway.admin("/health").await["pressure"]["stage"] != expected {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Three of the four places of a gateway, each taken by a stream that has begun.
async fn streaming(gateway: &Gateway, busy: &ByHand) -> Vec<(Open, Call)> {
    let mut streams = Vec::new();
    for _ in 0..3 {
        let begin = async {
            let mut call = busy.call().await;
            call.say(&format!("{STREAM}{}", event("one"))).await;
            call
        };
        let body = streamed("@chat");
        streams.push(tokio::join!(gateway.open(&body), begin));
    }
    streams
}

async fn finish(streams: Vec<(Open, Call)>) {
    for (open, mut call) in streams {
        call.say(&end()).await;
        drop(call);
        assert!(open.rest().await.done());
    }
}

#[tokio::test]
async fn a_gateway_without_memory_takes_no_requests_and_says_so() {
    let provider = mock("a").await;
    let home = Home::new(&bundle(&[openai("a", provider.addr), only("chat", "a/m")]));
    let gateway = home.start_with(&["--memory-limit", "1"], &[]).await;
    for reply in [
        gateway.ask(&chat("@chat")).await,
        Ask::get("/v1/models").send(gateway.address).await,
    ] {
        assert_eq!((reply.status, reply.header("retry-after")), (503, "1"));
        let error = &reply.json()["error"];
        assert_eq!(error["code"], "gateway_busy");
        assert!(error["message"].as_str().unwrap().contains("memory"));
    }
    let alive = Ask::get("/healthz").send(gateway.address).await;
    assert_eq!(alive.status, 200);
    let health = home.run(&["health", "--format", "json"]).await;
    let health: Value = serde_json::from_str(&health.out).unwrap();
    let pressure = &health["pressure"];
    assert_eq!(
        (&pressure["stage"], &pressure["memory_limit"]),
        (&json!("closed"), &json!(1))
    );
    assert!(pressure["memory"].as_u64().unwrap() > 1 << 20);
    let health = home.run(&["health"]).await;
    assert!(health.out.starts_with("closed: "), "{}", health.out);
    assert_eq!(provider.books().requests, 0);
    gateway.stop().await;
    assert_eq!(home.records()[0].outcome.status, 503);
}

#[tokio::test]
async fn short_of_memory_only_the_foremost_are_served() {
    let provider = mock("a").await;
    let home = Home::new(&bundle(&[
        openai("a", provider.addr),
        "policy @urgent { priority 9\n  else use a/m }\n".to_owned(),
        "policy @idle { priority 1\n  else use a/m }\n".to_owned(),
    ]));
    // How much a gateway takes is not known beforehand: the limit is sought at which it finds itself in between.
    let mut limit = u64::from(u32::MAX);
    for _ in 0..20 {
        let gateway = home
            .start_with(&["--memory-limit", &limit.to_string()], &[])
            .await;
        let urgent = gateway.ask(&chat("@urgent")).await;
        let before = gateway.admin("/health").await;
        let idle = gateway.ask(&chat("@idle")).await;
        let urgent_again = gateway.ask(&chat("@urgent")).await;
        let health = gateway.admin("/health").await;
        gateway.stop().await;
        let stages = (&before["pressure"]["stage"], &health["pressure"]["stage"]);
        if stages == (&json!("strict"), &json!("strict")) {
            assert_eq!((urgent.status, urgent_again.status), (200, 200));
            assert_eq!((idle.status, idle.header("retry-after")), (503, "1"));
            assert!(idle.text().contains("higher priority"), "{}", idle.text());
            return;
        }
        limit = health["pressure"]["memory"].as_u64().unwrap() * 100 / 90;
    }
    panic!("no limit was found at which it is strict; the last was {limit}");
}

#[tokio::test]
async fn where_most_places_are_taken_nobody_is_asked_twice() {
    let (busy, slow, rival) = (
        ByHand::new().await,
        ByHand::new().await,
        mock("rival").await,
    );
    let hedge =
        "policy @hedged {\n  else use hedge after 1ms extra 1 {\n    slow/m\n    rival/m\n  }\n}\n";
    let home = Home::new(&bundle(&[
        openai("busy", busy.address),
        openai("slow", slow.address),
        openai("rival", rival.addr),
        only("chat", "busy/m"),
        hedge.to_owned(),
    ]));
    let gateway = home.start_with(&["--max-inflight", "4"], &[]).await;
    let streams = streaming(&gateway, &busy).await;
    stage_is(&gateway, "sparing").await;
    let ask = Ask::json(&streamed("@hedged")).header("x-mux-timeout-ms", "500");
    let (late, _call) = tokio::join!(ask.send(gateway.address), slow.call());
    assert_eq!(late.status, 504, "it had half a second for a second one");
    assert_eq!(rival.books().requests, 0);

    finish(streams).await;
    stage_is(&gateway, "calm").await;
    let (body, slow) = (streamed("@hedged"), slow.call());
    let (reply, _call) = tokio::join!(gateway.ask(&body), slow);
    assert_eq!(reply.header("x-mux-target"), "rival/m");
}

#[tokio::test]
async fn where_most_places_are_taken_no_provider_is_called_unasked() {
    let (busy, quiet) = (ByHand::new().await, ByHand::new().await);
    let warmed = |address| provider_with("q", "openai-compatible", address, "warm every 1s");
    // A gateway with time to spare, by which the other's silence is measured.
    let clock = ByHand::new().await;
    let steady = Home::new(&bundle(&[warmed(clock.address), only("chat", "q/m")]));
    let steady = steady.start().await;
    let home = Home::new(&bundle(&[
        openai("busy", busy.address),
        warmed(quiet.address),
        only("chat", "busy/m"),
    ]));
    let gateway = home.start_with(&["--max-inflight", "4"], &[]).await;
    assert!(quiet.call().await.head.starts_with("HEAD / "));

    let streams = streaming(&gateway, &busy).await;
    stage_is(&gateway, "sparing").await;
    // One may still be on its way.
    clock.call().await;
    let silence = async {
        for _ in 0..3 {
            clock.call().await;
        }
    };
    let mut heads = Vec::new();
    let heard = async {
        loop {
            heads.push(quiet.call().await.head);
        }
    };
    tokio::select! {
        () = silence => {}
        () = heard => {}
    }
    assert!(heads.len() <= 1, "{heads:?}");

    finish(streams).await;
    stage_is(&gateway, "calm").await;
    assert!(quiet.call().await.head.starts_with("HEAD / "));
    steady.stop().await;
}

#[tokio::test]
async fn an_answer_under_way_is_finished_however_hard_pressed_the_gateway_is() {
    let hand = ByHand::new().await;
    let home = Home::new(&bundle(&[openai("a", hand.address), only("chat", "a/m")]));
    let gateway = home.start().await;
    let usual = gateway.admin("/health").await["pressure"]["memory"].clone();
    gateway.stop().await;

    let limit = usual.as_u64().unwrap() * 2;
    let arguments = [
        "--memory-limit",
        &limit.to_string(),
        "--max-body",
        "1000000000",
    ];
    let gateway = home.start_with(&arguments, &[]).await;
    let begin = async {
        let mut call = hand.call().await;
        call.say(&format!("{STREAM}{}", event("still"))).await;
        call
    };
    let body = streamed("@chat");
    let (mut open, mut call): (Open, _) = tokio::join!(gateway.open(&body), begin);
    open.until("still").await;
    // A body as large as all there may be, of which one byte does not come: it is held meanwhile.
    let mut large = TcpStream::connect(gateway.address).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: mux.test\r\ncontent-length: {}\r\n\r\n",
        limit + 1
    );
    large.write_all(head.as_bytes()).await.unwrap();
    let words = vec![b'w'; usize::try_from(limit).unwrap()];
    large.write_all(&words).await.unwrap();
    stage_is(&gateway, "closed").await;
    assert_eq!(gateway.ask(&chat("@chat")).await.status, 503);
    call.say(&format!("{}{}", event(" here"), end())).await;
    drop(call);
    let reply = open.rest().await;
    assert!(reply.whole && reply.done());
    assert_eq!(reply.said(), "still here");
    drop(large);
}
