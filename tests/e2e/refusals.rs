//! Requests that cannot be served: told why, whose fault it is and what to do, while everything else goes on.

use super::by_hand::{ByHand, STREAM, end, event};
use super::home::{Home, mock};
use super::http::{Ask, chat, streamed};
use super::patience::soon;
use super::policy::{bundle, chain, only, openai};
use hyper::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Body, status, code, parameter, and words of the message.
type Case = (String, u16, &'static str, Value, &'static str);

fn cases() -> Vec<Case> {
    let sound = json!({ "model": "@chat", "messages": [{ "role": "user", "content": [{ "type": "input_audio", "input_audio": { "data": "AAAA", "format": "wav" } }] }] });
    let nested = format!(
        "{{\"model\":\"@chat\",\"messages\":[],\"x\":{}1{}}}",
        "[".repeat(500),
        "]".repeat(500)
    );
    let messages = "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]";
    vec![
        (String::new(), 400, "invalid_request", Value::Null, "empty"),
        (
            "{\"model\": \"@chat\", ".to_owned(),
            400,
            "invalid_request",
            Value::Null,
            "JSON",
        ),
        (
            "[1]".to_owned(),
            400,
            "invalid_request",
            Value::Null,
            "object",
        ),
        (
            format!("{{{messages}}}"),
            400,
            "invalid_request",
            json!("model"),
            "`model`",
        ),
        (
            format!("{{\"model\":7,{messages}}}"),
            400,
            "invalid_request",
            json!("model"),
            "string",
        ),
        (
            "{\"model\":\"@chat\"}".to_owned(),
            400,
            "invalid_request",
            json!("messages"),
            "`messages`",
        ),
        (
            format!("{{\"model\":\"@chat\",\"stream\":\"yes\",{messages}}}"),
            400,
            "invalid_request",
            json!("stream"),
            "true or false",
        ),
        (nested, 400, "invalid_request", Value::Null, "deep"),
        (
            chat("@chta").to_string(),
            404,
            "model_not_found",
            json!("model"),
            "`@chat`",
        ),
        (
            chat("gpt-99").to_string(),
            404,
            "model_not_found",
            json!("model"),
            "`@chat`",
        ),
        (
            chat("a/m").to_string(),
            404,
            "direct_not_allowed",
            json!("model"),
            "`allow direct`",
        ),
        (
            sound.to_string(),
            400,
            "capability_missing",
            Value::Null,
            "`audio`",
        ),
        (
            chat(&"x".repeat(5_000)).to_string(),
            413,
            "request_too_large",
            Value::Null,
            "`--max-body`",
        ),
    ]
}

#[tokio::test]
async fn a_bad_request_is_told_what_is_wrong_and_harms_nobody() {
    let a = mock("a").await;
    let home = Home::new(&bundle(&[openai("a", a.addr), chain("chat", &["a/m"])]));
    let gateway = home.start_with(&["--max-body", "4096"], &[]).await;
    let version = gateway.version().await;
    let cases = cases();
    for (body, status, code, param, words) in &cases {
        let reply = Ask::chat(body.clone()).send(gateway.address).await;
        let error = &reply.json()["error"];
        assert_eq!(
            (reply.status, &error["code"], &error["param"]),
            (*status, &json!(code), param),
            "{error}"
        );
        assert!(
            error["message"].as_str().unwrap().contains(words),
            "`{words}` is missing: {error}"
        );
        assert_eq!(
            (&error["type"], reply.header("x-mux-version")),
            (&json!("invalid_request_error"), version.as_str())
        );
        assert_eq!(error["mux"]["request_id"], reply.header("x-mux-request-id"));
    }
    for (method, path, status, code) in [
        (
            Method::GET,
            "/v1/chat/completions",
            405,
            "method_not_allowed",
        ),
        (Method::POST, "/v1/models", 405, "method_not_allowed"),
        (Method::POST, "/v1/images/edits", 404, "unknown_path"),
        (Method::GET, "/", 404, "unknown_path"),
    ] {
        let reply = Ask::new(method, path, "").send(gateway.address).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]["code"]),
            (status, &json!(code)),
            "{path}"
        );
    }
    assert_eq!(gateway.ask(&chat("@chat")).await.status, 200);
    assert_eq!(a.books().requests, 1, "no bad request reached the provider");
    gateway.stop().await;
    let records = home.records();
    assert_eq!(
        records.len(),
        cases.len() + 1,
        "what was refused is recorded, too"
    );
    assert_eq!(
        records.iter().filter(|r| r.outcome.class == "ok").count(),
        1
    );
}

#[tokio::test]
async fn a_body_without_a_length_is_bounded_as_well() {
    let a = mock("a").await;
    let home = Home::new(&bundle(&[openai("a", a.addr), only("chat", "a/m")]));
    let gateway = home.start_with(&["--max-body", "4096"], &[]).await;
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: mux.test\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    stream.write_all(chunk.repeat(2).as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") {
        let read = soon("an answer", stream.read_buf(&mut answer))
            .await
            .unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
    }
    assert!(
        answer.starts_with(b"HTTP/1.1 413 "),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

#[tokio::test]
async fn a_deployment_can_be_named_where_the_policies_allow_it() {
    let (a, b) = (mock("a").await, mock("b").await);
    let second = openai("b", b.addr).replace("model m {", "model n {");
    let home = Home::new(&bundle(&[
        "allow direct\n".to_owned(),
        openai("a", a.addr),
        second,
        only("chat", "b/n"),
    ]));
    let gateway = home.start().await;
    for model in ["a/m", "m"] {
        let reply = gateway.ask(&chat(model)).await;
        assert_eq!(
            (
                reply.status,
                reply.header("x-mux-target"),
                reply.header("x-mux-route")
            ),
            (200, "a/m", model)
        );
    }
    let models = Ask::get("/v1/models").send(gateway.address).await.json();
    let names: Vec<&str> = models["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|m| m["id"].as_str())
        .collect();
    assert_eq!(names, ["@chat", "a/m", "b/n"]);
    let unknown = gateway.ask(&chat("a/n")).await;
    assert_eq!(
        (unknown.status, &unknown.json()["error"]["code"]),
        (404, &json!("model_not_found"))
    );
}

#[tokio::test]
async fn a_gateway_that_is_full_says_so_at_once_and_takes_the_next_one_when_there_is_room() {
    let hand = ByHand::new().await;
    let home = Home::new(&bundle(&[openai("a", hand.address), only("chat", "a/m")]));
    let gateway = home.start_with(&["--max-inflight", "1"], &[]).await;
    let begin = async {
        let mut call = hand.call().await;
        call.say(&format!("{STREAM}{}", event("one"))).await;
        call
    };
    let body = streamed("@chat");
    let (mut open, call) = tokio::join!(gateway.open(&body), begin);
    open.until("one").await;
    let full = gateway.ask(&chat("@chat")).await;
    assert_eq!((full.status, full.header("retry-after")), (503, "1"));
    assert_eq!(full.json()["error"]["code"], "gateway_busy");

    drop(open);
    call.hung_up().await;
    let answer = async {
        let mut call = hand.call().await;
        call.say(&format!("{STREAM}{}{}", event("two"), end()))
            .await;
    };
    // The provider may hear of the hang-up a moment before the place is free.
    let ask = async {
        loop {
            let reply = gateway.ask(&body).await;
            if reply.status != 503 {
                return reply;
            }
        }
    };
    let (reply, ()) = tokio::join!(soon("room", ask), answer);
    assert_eq!((reply.status, reply.said().as_str()), (200, "two"));
    gateway.stop().await;
    let records = home.records();
    assert!(
        records.iter().any(|r| r.outcome.status == 503),
        "a request there was no room for is recorded as well"
    );
}
