//! What the gateway does for providers when no client asks.

use super::by_hand::ByHand;
use super::home::{Home, mock_with};
use super::http::chat;
use super::patience::soon;
use super::policy::{bundle, only, provider_with};
use mux_mock::{Fault, Options};
use serde_json::Value;

#[tokio::test]
async fn a_connection_is_kept_warm_and_no_credential_is_shown_for_it() {
    let provider = ByHand::new().await;
    let lines = "key env WARM_KEY\n  warm every 1s";
    let text = provider_with("a", "openai-compatible", provider.address, lines);
    let home = Home::new(&bundle(&[text, only("chat", "a/m")]));
    let gateway = home.start_with(&[], &[("WARM_KEY", "sk-warm")]).await;
    let call = provider.call().await;
    assert!(call.head.starts_with("HEAD / HTTP/1.1"), "{}", call.head);
    assert!(!call.head.contains("sk-warm"), "{}", call.head);
    gateway.stop().await;
}

#[tokio::test]
async fn a_provider_that_is_back_is_found_out_at_no_clients_cost() {
    let provider = mock_with(Options {
        fault: Fault::parse("status=503").unwrap(),
        ..Options::default()
    })
    .await;
    let lines = "probe paid every 1s";
    let breaker = "breaker quick {\n  trip when failures >= 2\n  cool 1s\n  probe 1 requests\n}\ndefaults {\n  breaker quick\n}\n";
    let text = provider_with("a", "openai-compatible", provider.addr, lines);
    let home = Home::new(&bundle(&[text, breaker.to_owned(), only("chat", "a/m")]));
    let gateway = home.start().await;
    for _ in 0..2 {
        assert_eq!(gateway.ask(&chat("@chat")).await.status, 503);
    }
    let breaker = |health: &Value| health["targets"][0]["breaker"].as_str().unwrap().to_owned();
    assert_ne!(breaker(&gateway.admin("/health").await), "closed");
    provider.control().clear_fault();
    soon("a closed breaker", async {
        while breaker(&gateway.admin("/health").await) != "closed" {
            tokio::task::yield_now().await;
        }
    })
    .await;
    gateway.stop().await;
    let records = home.records();
    let mut probes = records
        .iter()
        .filter(|r| r.copy_of.as_deref() == Some("probe"));
    assert!(probes.any(|r| r.outcome.status == 200), "{records:?}");
}
