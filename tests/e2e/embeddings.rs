//! Embeddings: passed through, in the form the client asked for, under the same policies, budgets and records as chat.

use super::home::{Home, failing, mock};
use super::http::Ask;
use super::policy::{bundle, chain, only, openai, provider};
use hyper::Method;
use serde_json::{Value, json};

fn ask(body: &Value) -> Ask {
    Ask::new(Method::POST, "/v1/embeddings", body.to_string())
}

#[tokio::test]
async fn vectors_come_as_numbers_or_packed_as_the_client_asked() {
    let a = mock("a").await;
    let home = Home::new(&bundle(&[openai("a", a.addr), only("e", "a/m")]));
    let gateway = home.start().await;
    let plain = ask(&json!({ "model": "@e", "input": ["one", "two"], "dimensions": 4 }))
        .send(gateway.address)
        .await;
    assert_eq!((plain.status, plain.header("x-mux-target")), (200, "a/m"));
    let plain = plain.json();
    let numbers: Vec<f64> = serde_json::from_value(plain["data"][0]["embedding"].clone()).unwrap();
    assert_eq!(
        (numbers.len(), plain["data"].as_array().unwrap().len()),
        (4, 2)
    );
    assert_eq!(a.books().last.unwrap().path, "/v1/embeddings");

    let packed = ask(
        &json!({ "model": "@e", "input": "one", "dimensions": 4, "encoding_format": "base64" }),
    );
    let packed = packed.send(gateway.address).await.json();
    let packed = packed["data"][0]["embedding"].as_str().unwrap().to_owned();
    assert_eq!(packed.len(), 24, "sixteen bytes: {packed}");
    let below = Ask::new(
        Method::POST,
        "/openai/v1/embeddings",
        json!({ "model": "@e", "input": [1, 2, 3] }).to_string(),
    );
    assert_eq!(
        below.send(gateway.address).await.json()["usage"]["prompt_tokens"],
        3
    );
}

#[tokio::test]
async fn a_policy_knows_embeddings_and_falls_back_from_a_provider_that_fails_or_has_none() {
    let (down, good, wordy) = (
        failing("status=503").await,
        mock("good").await,
        mock("wordy").await,
    );
    let policy =
        "policy @any {\n  when operation is \"embeddings\" use good/m\n  else use wordy/m\n}\n";
    let home = Home::new(&bundle(&[
        openai("down", down.addr),
        openai("good", good.addr),
        provider("wordy", "anthropic", wordy.addr),
        chain("e", &["down/m retry 0", "wordy/m", "good/m"]),
        only("none", "wordy/m"),
        policy.to_owned(),
    ]));
    let gateway = home.start().await;
    let reply = ask(&json!({ "model": "@e", "input": "one" }))
        .send(gateway.address)
        .await;
    assert_eq!(
        (
            reply.status,
            reply.header("x-mux-target"),
            reply.header("x-mux-attempts")
        ),
        (200, "good/m", "3")
    );
    let reply = ask(&json!({ "model": "@any", "input": "one" }))
        .send(gateway.address)
        .await;
    assert_eq!(
        (reply.status, reply.header("x-mux-target")),
        (200, "good/m")
    );
    let none = ask(&json!({ "model": "@none", "input": "one" }))
        .send(gateway.address)
        .await;
    none.refuses("embeddings");
    assert_eq!(wordy.books().requests, 0);
    let bad = ask(&json!({ "model": "@e", "input": { "a": 1 } }))
        .send(gateway.address)
        .await;
    assert_eq!(
        (bad.status, &bad.json()["error"]["param"]),
        (400, &json!("input"))
    );
    gateway.stop().await;
    let records = home.records();
    let first = &records[0];
    assert_eq!(
        (
            first.request.operation.as_str(),
            first.request.dialect.as_str()
        ),
        ("embeddings", "openai-embeddings")
    );
    let used = first.attempts.last().unwrap().usage.unwrap();
    assert_eq!((used.input, used.output, used.estimated), (1, 0, false));
    assert_eq!(
        first.attempts.last().unwrap().cost,
        Some(1_000_000),
        "a token at a dollar a million"
    );
}
