//! Each fault, as a client meets it.

use std::time::Duration;

use http_body_util::BodyExt;
use mux_mock::{Fault, Manner, Manners, Options};
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::client::{ANTHROPIC, OPENAI, chat, open, request, send, start, stream};

fn fault(flag: &str) -> Options {
    Options {
        tokens: 8,
        fault: Fault::parse(flag).expect("a fault"),
        ..Options::default()
    }
}

#[tokio::test]
async fn an_error_status_comes_in_the_dialects_own_shape() {
    let mock = start(fault("status=529,retry-after=7")).await;
    let answer = send(mock.addr, chat(ANTHROPIC, &json!({})))
        .await
        .expect("an answer");
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (529, Some("7"))
    );
    assert_eq!(answer.json()["error"]["type"], "overloaded_error");

    mock.control().set_fault(Fault::status(429));
    let answer = send(mock.addr, stream(OPENAI)).await.expect("an answer");
    assert_eq!((answer.status, answer.header("retry-after")), (429, None));
    assert_eq!(answer.json()["error"]["code"], "rate_limit_exceeded");
    assert_eq!(mock.books().by_status, [(429, 1), (529, 1)].into());
    assert_eq!(mock.books().tokens_in, 0);
}

#[tokio::test]
async fn the_seed_decides_who_meets_a_fault_of_some_rate() {
    let run = async |seed| {
        let mock = start(Options {
            seed,
            ..fault("status=500,rate=0.3")
        })
        .await;
        let mut statuses = Vec::new();
        for _ in 0..60 {
            statuses.push(
                send(mock.addr, chat(OPENAI, &json!({})))
                    .await
                    .expect("an answer")
                    .status,
            );
        }
        statuses
    };
    let first = run(1).await;
    assert_eq!(first, run(1).await);
    assert_ne!(first, run(2).await);
    let failed = first.iter().filter(|status| **status == 500).count();
    assert!((6..32).contains(&failed), "{failed} of 60");
}

#[tokio::test]
async fn a_counted_fault_is_over_after_its_count() {
    let mock = start(fault("status=503,times=2")).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(
            send(mock.addr, chat(OPENAI, &json!({})))
                .await
                .expect("an answer")
                .status,
        );
    }
    assert_eq!(statuses, [503, 503, 200, 200]);
}

#[tokio::test]
async fn a_hanging_provider_never_answers_and_notices_the_client_leave() {
    let mock = start(fault("hang")).await;
    let client = tokio::spawn(send(mock.addr, chat(OPENAI, &json!({}))));
    mock.control()
        .books_when(|books| books.last.is_some())
        .await;
    assert!(!client.is_finished());
    client.abort();
    let books = mock
        .control()
        .books_when(|books| books.cancelled == 1)
        .await;
    assert_eq!(
        (books.requests, books.in_flight, books.by_status.len()),
        (1, 0, 0)
    );
}

#[tokio::test]
async fn a_provider_may_send_its_head_and_no_more() {
    let mock = start(fault("hang-after-head")).await;
    for asked in [stream(OPENAI), chat(OPENAI, &json!({}))] {
        let mut open = open(mock.addr, asked).await.expect("a head");
        assert_eq!(open.response.status(), 200);
        let body = timeout(Duration::from_millis(30), open.response.body_mut().frame()).await;
        assert!(body.is_err(), "a frame came");
        open.connection.abort();
    }
    mock.control()
        .books_when(|books| books.cancelled == 2)
        .await;
}

#[tokio::test]
async fn a_stream_is_cut_after_so_many_pieces() {
    for pieces in [0, 3] {
        let mock = start(fault(&format!("cut-after={pieces}"))).await;
        let answer = send(mock.addr, stream(OPENAI)).await.expect("a head");
        assert!(!answer.whole);
        assert_eq!(
            answer.events().len(),
            1 + pieces,
            "the role and {pieces} pieces"
        );
        assert!(!answer.text().contains("[DONE]"));
        let books = mock
            .control()
            .books_when(|books| books.in_flight == 0)
            .await;
        assert_eq!(
            (books.cut, books.cancelled, books.tokens_out),
            (1, 0, pieces as u64)
        );
    }
}

#[tokio::test]
async fn a_whole_answer_is_cut_in_half() {
    let mock = start(fault("cut-after=1")).await;
    let answer = send(mock.addr, chat(OPENAI, &json!({})))
        .await
        .expect("a head");
    assert!(!answer.whole);
    assert!(serde_json::from_str::<serde_json::Value>(&answer.text()).is_err());
}

#[tokio::test]
async fn a_stream_can_fail_politely() {
    let mock = start(fault("error-in-stream-after=2")).await;
    let answer = send(mock.addr, stream(OPENAI)).await.expect("an answer");
    let events = answer.events();
    assert!(answer.whole && events.len() == 1 + 2 + 1);
    assert_eq!(events[3]["error"]["type"], "server_error");
    assert!(!answer.text().contains("[DONE]"));
    let answer = send(mock.addr, stream(ANTHROPIC)).await.expect("an answer");
    assert!(answer.text().contains("event: error\n"));
    assert!(!answer.text().contains("message_stop"));
}

#[tokio::test]
async fn slow_tokens_take_their_time() {
    let mock = start(Options {
        rate: 1000.0,
        tokens: 5,
        ..fault("slow=20")
    })
    .await;
    let begun = Instant::now();
    send(mock.addr, stream(OPENAI)).await.expect("an answer");
    assert!(
        begun.elapsed() >= Duration::from_millis(80),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn a_refusing_provider_closes_the_door() {
    let mock = start(fault("refuse")).await;
    assert!(send(mock.addr, chat(OPENAI, &json!({}))).await.is_err());
    assert_eq!(mock.books().refused, 1);
    mock.control().clear_fault();
    assert_eq!(
        send(mock.addr, chat(OPENAI, &json!({})))
            .await
            .expect("an answer")
            .status,
        200
    );
}

#[tokio::test]
async fn a_good_status_may_hold_nothing_or_a_web_page() {
    let mock = start(fault("empty-200")).await;
    let answer = send(mock.addr, stream(OPENAI)).await.expect("an answer");
    assert_eq!(
        (
            answer.status,
            answer.text().as_str(),
            answer.header("content-type")
        ),
        (200, "", Some("text/event-stream"))
    );
    mock.control()
        .set_fault(Fault::parse("html-200").expect("a fault"));
    let answer = send(mock.addr, chat(OPENAI, &json!({})))
        .await
        .expect("an answer");
    assert!(answer.text().starts_with("<!doctype html>"));
    assert_eq!(answer.header("content-type"), Some("text/html"));
}

#[tokio::test]
async fn a_client_that_leaves_mid_stream_pays_for_what_was_sent() {
    let mock = start(Options {
        tokens: 10_000,
        rate: 200.0,
        ..Options::default()
    })
    .await;
    let mut open = open(mock.addr, stream(ANTHROPIC)).await.expect("a head");
    let mut frames = 0;
    while frames < 8 {
        open.response
            .body_mut()
            .frame()
            .await
            .expect("a stream")
            .expect("a frame");
        frames += 1;
    }
    open.connection.abort();
    let books = mock
        .control()
        .books_when(|books| books.cancelled == 1)
        .await;
    assert!(
        (1..1_000).contains(&books.tokens_out),
        "{}",
        books.tokens_out
    );
    assert_eq!(books.in_flight, 0);
}

#[tokio::test]
async fn the_list_of_models_meets_no_fault() {
    let mock = start(fault("status=500")).await;
    assert_eq!(
        send(
            mock.addr,
            request("GET", "/v1/models", &serde_json::Value::Null)
        )
        .await
        .expect("an answer")
        .status,
        200
    );
    assert_eq!(mock.books().requests, 0);
}

#[tokio::test]
async fn an_answer_is_cut_at_any_byte() {
    let mock = start(fault("")).await;
    for ask in [stream(OPENAI), chat(OPENAI, &json!({}))] {
        mock.control().clear_fault();
        let length = send(mock.addr, ask.clone())
            .await
            .expect("an answer")
            .text()
            .len();
        for bytes in [0, 1, 100, length - 1, length] {
            let flag = format!("cut-at-byte={bytes}");
            mock.control()
                .set_fault(Fault::parse(&flag).expect("a fault"));
            let answer = send(mock.addr, ask.clone()).await.expect("an answer");
            assert_eq!(answer.text().len(), bytes, "of {length}");
            let is_json = answer.header("content-type") == Some("application/json");
            assert_eq!(answer.whole, is_json && bytes == length, "{flag}");
        }
    }
}

#[tokio::test]
async fn what_decides_about_each_request_is_told_the_model() {
    let manners = Manners::new(|model| Manner {
        tokens: 3,
        fault: Fault {
            status: (model == "broken").then_some(503),
            ..Fault::default()
        },
        ..Manner::default()
    });
    let mock = start(Options {
        manners: Some(manners),
        ..Options::default()
    })
    .await;
    let ask = async |model: &str| {
        let ask = chat(OPENAI, &json!({ "model": model }));
        send(mock.addr, ask).await.expect("an answer")
    };
    assert_eq!(ask("broken").await.status, 503);
    let answer = ask("well").await;
    assert_eq!(answer.json()["usage"]["completion_tokens"], 3);
}
