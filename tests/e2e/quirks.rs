//! Providers that need no component: kinds that are another dialect with departures, and departures that a policy writes.

use super::by_hand::{ByHand, Call};
use super::home::Home;
use super::http::chat;
use super::policy::{bundle, chain, only, openai, provider_with};
use serde_json::{Value, json};

/// A whole answer.
const ANSWER: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"yes"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#;

async fn answer(call: &mut Call, status: &str, headers: &str, body: &str) {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n"
    );
    call.say(&format!("{head}{body}")).await;
}

fn sent(call: &Call) -> Value {
    serde_json::from_str(&call.body).expect("json")
}

#[tokio::test]
async fn a_kind_leaves_out_what_its_provider_refuses_and_says_so() {
    let hand = ByHand::new().await;
    let groq = provider_with("fast", "groq", hand.address, "");
    let home = Home::new(&bundle(&[groq, only("chat", "fast/m")]));
    let gateway = home.start().await;
    let mut body = chat("@chat");
    body["messages"] = json!([
        { "role": "developer", "content": "be short" },
        { "role": "user", "name": "ana", "content": "hello" },
    ]);
    body["logprobs"] = json!(true);
    body["temperature"] = json!(0.5);
    let (reply, call) = tokio::join!(gateway.ask(&body), async {
        let mut call = hand.call().await;
        answer(&mut call, "200 OK", "", ANSWER).await;
        call
    });
    assert_eq!(
        sent(&call),
        json!({
            "model": "fast-model",
            "messages": [
                { "role": "system", "content": "be short" },
                { "role": "user", "content": "hello" },
            ],
            "temperature": 0.5,
        })
    );
    assert_eq!((reply.status, reply.text().as_str()), (200, ANSWER));
    assert_eq!(
        reply.header("x-mux-dropped"),
        "`logprobs` is not known to this provider; `messages[].name` is not known to this provider"
    );
    gateway.stop().await;
}

#[tokio::test]
async fn a_policy_writes_what_its_own_server_departs_by() {
    let hand = ByHand::new().await;
    let quirks = "quirks {
    rename \"max_completion_tokens\" to \"max_tokens\"
    drop   \"user\"
    force  \"seed\" 7
    header \"x-title\" \"mux\"
    path   chat \"/generate\"
  }";
    let own = provider_with("own", "openai-compatible", hand.address, quirks);
    let home = Home::new(&bundle(&[own, only("chat", "own/m")]));
    let gateway = home.start().await;
    let mut body = chat("@chat");
    body["max_completion_tokens"] = json!(9);
    body["user"] = json!("ana");
    body["seed"] = json!(1);
    let (reply, call) = tokio::join!(gateway.ask(&body), async {
        let mut call = hand.call().await;
        answer(&mut call, "200 OK", "", ANSWER).await;
        call
    });
    assert_eq!(reply.status, 200);
    assert!(
        call.head.starts_with("POST /v1/generate HTTP/1.1"),
        "{}",
        call.head
    );
    assert!(call.head.contains("x-title: mux"), "{}", call.head);
    let sent = sent(&call);
    assert_eq!(
        (&sent["max_tokens"], &sent["seed"], &sent["user"]),
        (&json!(9), &json!(7), &Value::Null)
    );
    assert_eq!(sent.get("max_completion_tokens"), None);
    gateway.stop().await;
}

#[tokio::test]
async fn an_error_of_its_own_means_what_the_policy_says() {
    let (own, other) = (ByHand::new().await, ByHand::new().await);
    let quirks = "quirks { error \"too_busy\" is overloaded }";
    let home = Home::new(&bundle(&[
        provider_with("own", "openai-compatible", own.address, quirks),
        openai("other", other.address),
        chain("chat", &["own/m", "other/m"]),
    ]));
    let gateway = home.start().await;
    let body = chat("@chat");
    let (reply, ()) = tokio::join!(gateway.ask(&body), async {
        let mut call = own.call().await;
        // By its status alone it would be the client's fault, and final.
        let error = r#"{"error":{"message":"later","code":"too_busy"}}"#;
        answer(&mut call, "400 Bad Request", "", error).await;
        let mut call = other.call().await;
        answer(&mut call, "200 OK", "", ANSWER).await;
    });
    assert_eq!(
        (reply.status, reply.header("x-mux-target")),
        (200, "other/m")
    );
    gateway.stop().await;
    let record = home.records().remove(0);
    assert_eq!(record.attempts[0].class, "overloaded");
}

#[tokio::test]
async fn the_limits_it_tells_in_headers_of_its_own_are_read() {
    let hand = ByHand::new().await;
    let quirks = "quirks { limits requests limit \"x-all\" remaining \"x-left\" }";
    let own = provider_with("own", "openai-compatible", hand.address, quirks);
    let home = Home::new(&bundle(&[own, only("chat", "own/m")]));
    let gateway = home.start().await;
    let body = chat("@chat");
    for _ in 0..2 {
        let (reply, ()) = tokio::join!(gateway.ask(&body), async {
            let mut call = hand.call().await;
            let headers = "x-all: 1000\r\nx-left: 40\r\nconnection: close\r\n";
            answer(&mut call, "200 OK", headers, ANSWER).await;
        });
        assert_eq!(reply.status, 200);
    }
    gateway.stop().await;
    let records = home.records();
    let headroom = |n: usize| records[n].live[0].headroom;
    assert_eq!((headroom(0), headroom(1)), (None, Some(400)));
}

#[tokio::test]
async fn a_wait_that_comes_with_a_good_answer_keeps_nobody_away() {
    let (hand, spare) = (ByHand::new().await, ByHand::new().await);
    let home = Home::new(&bundle(&[
        openai("first", hand.address),
        openai("spare", spare.address),
        chain("chat", &["first/m", "spare/m"]),
    ]));
    let gateway = home.start().await;
    let body = chat("@chat");
    for _ in 0..2 {
        let (reply, ()) = tokio::join!(gateway.ask(&body), async {
            let mut call = hand.call().await;
            let headers = "retry-after: 59\r\nconnection: close\r\n";
            answer(&mut call, "200 OK", headers, ANSWER).await;
        });
        assert_eq!(
            (reply.status, reply.header("x-mux-target")),
            (200, "first/m")
        );
    }
    gateway.stop().await;
}
