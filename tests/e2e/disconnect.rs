//! Clients that hang up.

use super::by_hand::{ByHand, STREAM, end, event};
use super::home::{Home, mock_with};
use super::http::{Ask, chat, streamed};
use super::policy::{bundle, only, openai, provider_with};
use mux_mock::{Fault, Options};

#[tokio::test]
async fn a_client_that_hangs_up_stops_the_provider_and_is_recorded_as_gone() {
    let provider = mock_with(Options {
        // A token a minute: nothing but the hang-up ends this.
        rate: 1.0 / 60.0,
        fault: Fault::parse("hang,times=2").unwrap(),
        ..Options::default()
    })
    .await;
    let books = provider.control();
    let home = Home::new(&bundle(&[openai("a", provider.addr), only("chat", "a/m")]));
    let gateway = home.start().await;

    for (n, body) in [chat("@chat"), streamed("@chat")].into_iter().enumerate() {
        let waiting = tokio::spawn(Ask::json(&body).open(gateway.address));
        books.books_when(|b| b.requests == n as u64 + 1).await;
        waiting.abort();
        books.books_when(|b| b.cancelled == n as u64 + 1).await;
    }
    let mut open = gateway.open(&streamed("@chat")).await;
    assert_eq!(open.status, 200);
    open.until("\"content\":\"").await;
    drop(open);
    let books = books.books_when(|b| b.cancelled == 3).await;
    assert_eq!((books.requests, books.in_flight), (3, 0));

    gateway.stop().await;
    let records = home.records();
    let classes: Vec<(&str, &str)> = records
        .iter()
        .map(|r| (r.outcome.class.as_str(), r.attempts[0].class.as_str()))
        .collect();
    assert_eq!(classes, [("client-gone", "client-gone"); 3]);
    let estimated = records[2].attempts[0].usage.unwrap();
    assert!(
        estimated.estimated && estimated.input > 0,
        "what a provider bills before the hang-up is counted: {estimated:?}"
    );
}

#[tokio::test]
async fn where_a_provider_bills_anyway_the_rest_is_read_for_its_usage() {
    let provider = ByHand::new().await;
    let drains = provider_with(
        "a",
        "openai-compatible",
        provider.address,
        "on-disconnect drain 30s",
    );
    let home = Home::new(&bundle(&[drains, only("chat", "a/m")]));
    let gateway = home.start().await;
    let asked = tokio::spawn(Ask::json(&streamed("@chat")).open_to_leave(gateway.address));
    let mut call = provider.call().await;
    call.say(&format!("{STREAM}{}", event("half of "))).await;
    let (mut open, leave) = asked.await.unwrap();
    open.until("half of ").await;
    leave.and_is_let_go(open).await;
    let usage = r#"data: {"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":222}}"#;
    call.say(&format!("{}{usage}\n\n{}", event("it"), end()))
        .await;
    call.hung_up().await;
    gateway.stop().await;
    let record = home.records().remove(0);
    assert_eq!(
        (record.outcome.status, record.outcome.class.as_str()),
        (499, "client-gone")
    );
    let attempt = &record.attempts[0];
    assert_eq!(attempt.class, "client-gone");
    let usage = attempt.usage.unwrap();
    assert_eq!(
        (usage.input, usage.output, usage.estimated),
        (11, 222, false)
    );
    assert!(record.cost > 0);
}
