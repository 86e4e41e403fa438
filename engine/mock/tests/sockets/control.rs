//! Faults, scripts and books at run time.

use mux_mock::{Mock, Options, Reply};
use serde_json::{Value, json};

use crate::client::{ANTHROPIC, OPENAI, chat, request, send, start, stream};

async fn ask(mock: &Mock, method: &str, path: &str, body: Value) -> (u16, Value) {
    let answer = send(mock.addr, request(method, path, &body))
        .await
        .expect("an answer");
    (answer.status, answer.json())
}

#[tokio::test]
async fn faults_are_set_read_and_mended_over_http() {
    let mock = start(Options::default()).await;
    let (status, fault) = ask(
        &mock,
        "PUT",
        "/mock/fault",
        json!({ "status": 429, "retry_after": 3 }),
    )
    .await;
    assert_eq!(
        (status, &fault["status"], &fault["retry_after"]),
        (200, &json!(429), &json!("3"))
    );
    assert_eq!(
        send(mock.addr, chat(OPENAI, &json!({})))
            .await
            .expect("an answer")
            .header("retry-after"),
        Some("3")
    );
    assert_eq!(ask(&mock, "GET", "/mock/fault", Value::Null).await.1, fault);
    ask(&mock, "DELETE", "/mock/fault", Value::Null).await;
    assert_eq!(
        send(mock.addr, chat(OPENAI, &json!({})))
            .await
            .expect("an answer")
            .status,
        200
    );
}

#[tokio::test]
async fn a_fault_that_makes_no_sense_changes_nothing_and_says_why() {
    let mock = start(Options::default()).await;
    for (body, words) in [
        (json!({ "sttus": 1 }), "unknown field `sttus`"),
        (json!({ "rate": 7 }), "between 0 and 1"),
        (json!(3), "invalid type"),
    ] {
        let (status, answer) = ask(&mock, "PUT", "/mock/fault", body).await;
        let error = answer["error"].as_str().expect("a complaint");
        assert!(status == 400 && error.contains(words), "{status} {error}");
    }
    assert!(mock.control().fault().is_none());
    assert_eq!(ask(&mock, "GET", "/mock/nothing", Value::Null).await.0, 404);
    assert_eq!(ask(&mock, "POST", "/mock/fault", Value::Null).await.0, 405);
}

#[tokio::test]
async fn a_script_says_what_is_answered() {
    let mock = start(Options::default()).await;
    ask(&mock, "PUT", "/mock/reply", json!({ "text": "forty two" })).await;
    let body = send(mock.addr, chat(OPENAI, &json!({})))
        .await
        .expect("an answer")
        .json();
    assert_eq!(body["choices"][0]["message"]["content"], "forty two");
    assert_eq!(body["usage"]["completion_tokens"], 2);

    mock.control()
        .set_reply(Reply::tool("look", json!({ "at": [1, 2] })));
    let events = send(mock.addr, stream(ANTHROPIC))
        .await
        .expect("an answer")
        .events();
    let arguments: String = events
        .iter()
        .filter_map(|event| event.pointer("/delta/partial_json")?.as_str())
        .collect();
    assert_eq!(arguments, r#"{"at":[1,2]}"#);

    ask(&mock, "DELETE", "/mock/reply", Value::Null).await;
    let body = send(mock.addr, chat(OPENAI, &json!({})))
        .await
        .expect("an answer")
        .json();
    assert_ne!(body["choices"][0]["message"]["content"], "forty two");
    assert_eq!(ask(&mock, "PUT", "/mock/reply", json!({})).await.0, 400);
}

#[tokio::test]
async fn the_books_have_the_bill_and_the_last_request_without_its_secrets() {
    let mock = start(Options {
        tokens: 5,
        ..Options::default()
    })
    .await;
    send(mock.addr, stream(OPENAI)).await.expect("an answer");
    send(mock.addr, chat(OPENAI, &json!({ "seed": 7 })))
        .await
        .expect("an answer");
    mock.control()
        .books_when(|books| books.in_flight == 0)
        .await;
    let (_, books) = ask(&mock, "GET", "/mock/books", Value::Null).await;
    assert_eq!(
        (
            &books["requests"],
            &books["tokens_out"],
            &books["by_status"]
        ),
        (&json!(2), &json!(10), &json!({ "200": 2 }))
    );
    assert_eq!(books["cancelled"], 0);
    let last = mock.books().last.expect("a request");
    assert_eq!(
        (last.path.as_str(), last.header("Authorization")),
        (OPENAI, Some("Bearer ***"))
    );
    let body: Value = serde_json::from_str(&last.body).expect("JSON");
    assert_eq!(body["seed"], 7);
    assert!(!books.to_string().contains("sk-secret-1"));
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let mock = start(Options::default()).await;
    let error = Mock::start(Options {
        listen: mock.addr,
        name: "gull".into(),
        ..Options::default()
    })
    .await
    .expect_err("in use");
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    assert!(
        error.to_string().starts_with(&format!(
            "the mock provider `gull` cannot listen on {}",
            mock.addr
        )),
        "{error}"
    );
}

#[tokio::test]
async fn a_stopped_provider_is_gone_from_its_port() {
    let mock = start(Options::default()).await;
    let (addr, control) = (mock.addr, mock.control());
    send(addr, chat(OPENAI, &json!({})))
        .await
        .expect("an answer");
    mock.stop().await;
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
    assert_eq!(control.books().requests, 1);
}

#[test]
fn a_key_never_shows_in_debug_output() {
    let options = Options {
        require_key: Some("sk-secret-1".into()),
        ..Options::default()
    };
    assert!(!format!("{options:?}").contains("sk-secret"));
}
