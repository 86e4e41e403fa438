//! Clients that hang up.

use super::home::{Home, mock_with};
use super::http::{Ask, chat, streamed};
use super::policy::{bundle, only, openai};
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
