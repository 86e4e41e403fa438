//! Prices that no policy says: from the catalogue mux comes with, and from those that an operator takes over it.

use super::by_hand::ByHand;
use super::home::{Gateway, Home, mock};
use super::http::chat;
use super::policy::{bundle, only};
use super::process::run;
use mux_traffic::Record;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;

/// A provider of a kind with one model, `NAME/m`, and no price but that of `lines`.
fn unpriced(name: &str, kind: &str, model: &str, at: SocketAddr, lines: &str) -> String {
    format!(
        "provider {name} {{\n  kind {kind}\n  url \"http://{at}/v1\"\n  model m {{\n    id \"{model}\"\n    context 128k\n    output 8k\n    {lines}\n  }}\n}}\n"
    )
}

/// A table of one model, as genai-prices has it.
fn table(home: &Home, models: &Value) -> PathBuf {
    let path = home.data().with_file_name("table.json");
    let table = json!([{ "id": "groq", "models": models }]);
    std::fs::write(&path, table.to_string()).unwrap();
    path
}

fn llama(input: &str, output: &str) -> Value {
    json!({
        "id": "llama-3.3-70b-versatile",
        "match": { "starts_with": "llama-3.3-70b" },
        "prices": { "input_mtok": input, "output_mtok": output },
    })
}

async fn update(home: &Home, models: &Value) -> super::process::Ended {
    let table = table(home, models);
    home.run(&[
        "prices",
        "update",
        table.to_str().unwrap(),
        "--edition",
        "e2e",
    ])
    .await
}

async fn answered(gateway: &Gateway) {
    let reply = gateway.ask(&chat("@chat")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}

/// What a record should cost at so many pico-dollars a token.
fn costs(record: &Record, input: u64, output: u64) {
    let usage = record.usage.unwrap();
    let cost = usage.input * input + usage.output * output;
    assert!(cost > 0 && record.priced);
    assert_eq!(record.cost.unsigned_abs(), cost);
}

#[tokio::test]
async fn a_model_without_a_price_costs_what_the_catalogue_says_and_other_prices_are_taken_up_at_once()
 {
    let provider = mock("groq").await;
    let home = Home::new(&bundle(&[
        unpriced("groq", "groq", "llama-3.3-70b-versatile", provider.addr, ""),
        only("chat", "groq/m"),
    ]));
    let gateway = home.start().await;
    let shipped = gateway.version().await;
    answered(&gateway).await;

    let taken = update(&home, &json!([llama("7", "11")])).await;
    assert_eq!(taken.code, Some(0), "{}", taken.err);
    let renewed = gateway.version_after(&shipped).await;
    answered(&gateway).await;

    // Nonsense is refused whole, with all that is wrong, and changes nothing.
    let nonsense = json!([llama("-1", "11"), { "id": "x", "prices": { "input_mtok": "free" } }]);
    let refused = update(&home, &nonsense).await;
    assert_eq!(refused.code, Some(1));
    for told in [
        "2 things are wrong",
        "groq/llama-3.3-70b-versatile: input_mtok: `-1`",
        "groq/x: input_mtok: `free`",
    ] {
        assert!(refused.err.contains(told), "{told}: {}", refused.err);
    }
    let shown = home
        .run(&["prices", "show", "llama-3.3-70b", "--format", "json"])
        .await;
    let shown: Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!(
        shown[0]["listed"]["rates"][0]["prices"][0]["input"],
        7_000_000
    );

    // The same prices in another edition are no other version.
    let again = update(&home, &json!([llama("7.0", "11.00")])).await;
    assert!(
        again.out.contains("0 of them new, 0 with other prices"),
        "{}",
        again.out
    );
    answered(&gateway).await;
    assert_eq!(gateway.version().await, renewed);
    gateway.stop().await;

    let records = home.records();
    costs(&records[0], 590_000, 790_000);
    costs(&records[1], 7_000_000, 11_000_000);
    costs(&records[2], 7_000_000, 11_000_000);
    assert_eq!(
        (&records[0].version, &records[1].version),
        (&shipped, &renewed)
    );
}

/// An answer of a model that need not be the one that was asked for.
async fn answer_as(hand: &ByHand, model: &str) {
    let mut call = hand.call().await;
    let body = json!({"id": "c", "object": "chat.completion", "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100}})
    .to_string();
    let length = body.len();
    call.say(&format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    ))
    .await;
}

#[tokio::test]
async fn the_model_that_answered_is_paid_where_no_policy_says_a_price() {
    let hand = ByHand::new().await;
    let written = "price input $2/Mtok output $3/Mtok";
    let home = Home::new(&bundle(&[
        unpriced("alias", "groq", "llama-3.3-70b-versatile", hand.address, ""),
        unpriced("nameless", "groq", "a-deployment", hand.address, ""),
        unpriced(
            "own",
            "groq",
            "llama-3.3-70b-versatile",
            hand.address,
            written,
        ),
        only("alias", "alias/m"),
        only("nameless", "nameless/m"),
        only("own", "own/m"),
    ]));
    let gateway = home.start().await;
    let ask = async |policy: &str, model: &str| {
        let body = chat(policy);
        let (reply, ()) = tokio::join!(gateway.ask(&body), answer_as(&hand, model));
        assert_eq!(reply.status, 200, "{}", reply.text());
    };
    ask("@alias", "llama-3.1-8b-instant").await;
    ask("@alias", "nobody-knows-this").await;
    ask("@nameless", "llama-3.1-8b-instant").await;
    ask("@nameless", "nobody-knows-this").await;
    ask("@own", "llama-3.1-8b-instant").await;
    gateway.stop().await;
    let records = home.records();
    costs(&records[0], 50_000, 80_000);
    costs(&records[1], 590_000, 790_000);
    costs(&records[2], 50_000, 80_000);
    assert_eq!(
        (records[3].priced, records[3].attempts[0].cost),
        (false, None)
    );
    costs(&records[4], 2_000_000, 3_000_000);
}

#[tokio::test]
async fn what_an_operator_writes_stands_before_the_catalogue() {
    let provider = mock("groq").await;
    let own = "price input $2/Mtok output $3/Mtok";
    let home = Home::new(&bundle(&[
        unpriced(
            "groq",
            "groq",
            "llama-3.3-70b-versatile",
            provider.addr,
            own,
        ),
        only("chat", "groq/m"),
    ]));
    let gateway = home.start().await;
    let version = gateway.version().await;
    answered(&gateway).await;
    let policies = home.policies();
    let policies = policies.to_str().unwrap();
    let show = [
        "prices",
        "show",
        "llama-3.3-70b-versatile",
        "--provider",
        "groq",
        "--policies",
        policies,
    ];
    let shown = home.run(&show).await;
    for told in [
        "listed as `llama-3.3-70b-versatile` by genai-prices 0.2.3",
        "input $0.59/Mtok  output $0.79/Mtok",
        "overridden by `groq/m`: input $2/Mtok  output $3/Mtok",
    ] {
        assert!(shown.out.contains(told), "{told}: {}", shown.out);
    }
    // No price of this bundle is from a catalogue, so another catalogue is no other version.
    assert_eq!(
        update(&home, &json!([llama("7", "11")])).await.code,
        Some(0)
    );
    answered(&gateway).await;
    assert_eq!(gateway.version().await, version);
    gateway.stop().await;
    for record in home.records() {
        costs(&record, 2_000_000, 3_000_000);
    }
}

#[tokio::test]
async fn an_unknown_price_is_seen_everywhere_and_is_never_nothing() {
    let provider = mock("local").await;
    let policies = bundle(&[
        unpriced("local", "openai-compatible", "mine", provider.addr, ""),
        only("chat", "local/m"),
        "budget strict {\n  cap $5/day\n  mode hard\n}\n".to_owned(),
        "policy @strict {\n  charge strict\n  else use local/m\n}\n".to_owned(),
    ]);
    let home = Home::new(&policies);
    let gateway = home.start().await;
    answered(&gateway).await;
    let refused = gateway.ask(&chat("@strict")).await;
    assert_eq!(refused.status, 429, "{}", refused.text());
    let health = gateway.admin("/health").await;
    assert_eq!(health["targets"][0]["price"], Value::Null);
    assert_eq!(
        gateway.admin("/policy").await["unpriced"],
        json!(["local/m"])
    );
    let health = home.run(&["health"]).await;
    assert!(health.out.contains("no price known"), "{}", health.out);
    let ended = gateway.stop().await;
    assert!(
        ended.err.contains("no price is known of `local/m`"),
        "{}",
        ended.err
    );
    let records = home.records();
    let unpriced = records.iter().find(|r| r.outcome.status == 200).unwrap();
    assert_eq!((unpriced.priced, unpriced.attempts[0].cost), (false, None));

    let path = home.policies();
    let routes = run(&["policy", "check", path.to_str().unwrap(), "--routes"]).await;
    assert!(
        routes.out.contains("no price known of local/m"),
        "{}{}",
        routes.out,
        routes.err
    );
    let shown = run(&[
        "prices",
        "show",
        "mine",
        "--policies",
        path.to_str().unwrap(),
    ])
    .await;
    assert_eq!(shown.code, Some(1));
    assert!(
        shown.out.contains("no price is known of `mine`"),
        "{}",
        shown.out
    );
}

#[tokio::test]
async fn a_damaged_catalogue_leaves_the_prices_as_they_were_and_is_mended_by_an_update() {
    let provider = mock("groq").await;
    let home = Home::new(&bundle(&[
        unpriced("groq", "groq", "llama-3.3-70b-versatile", provider.addr, ""),
        only("chat", "groq/m"),
    ]));
    std::fs::create_dir_all(home.data()).unwrap();
    std::fs::write(
        home.data().join("prices.jsonl"),
        "{\"provider\":\"groq\"}\n",
    )
    .unwrap();
    let gateway = home.start().await;
    answered(&gateway).await;
    let shown = home
        .run(&["prices", "show", "llama-3.3-70b-versatile"])
        .await;
    assert_eq!(shown.code, Some(2));
    assert!(
        shown
            .err
            .contains("write them anew with `mux prices update`"),
        "{}",
        shown.err
    );
    let before = gateway.version().await;
    assert_eq!(
        update(&home, &json!([llama("7", "11")])).await.code,
        Some(0)
    );
    gateway.version_after(&before).await;
    answered(&gateway).await;
    let ended = gateway.stop().await;
    assert!(
        ended.err.contains("the prices stay as they were"),
        "{}",
        ended.err
    );
    let records = home.records();
    costs(&records[0], 590_000, 790_000);
    costs(&records[1], 7_000_000, 11_000_000);
}
