//! Limits and budgets, as clients meet them.

use super::home::{Gateway, Home, mock};
use super::http::{Ask, Reply, chat};
use super::policy::{bundle, openai};
use serde_json::json;

async fn ask_as(gateway: &Gateway, token: &str, team: &str) -> Reply {
    Ask::json(&chat("@chat"))
        .header("authorization", &format!("Bearer {token}"))
        .header("x-mux-tags", &format!("team={team}"))
        .send(gateway.address)
        .await
}

#[tokio::test]
async fn a_limit_refuses_with_the_time_to_come_back_and_a_save_does_not_reset_it() {
    let a = mock("a").await;
    let text = |note: &str| {
        let limit = "limit tight {\n  2 requests/hour per key\n}\n".to_owned();
        let policy = format!("policy @chat {{\n  limit tight\n  else use a/m\n}}\n# {note}\n");
        bundle(&[openai("a", a.addr), limit, policy])
    };
    let home = Home::new(&text("before"));
    let gateway = home.start().await;
    let version = gateway.version().await;
    for _ in 0..2 {
        assert_eq!(ask_as(&gateway, "sk-one", "red").await.status, 200);
    }
    for saved in [false, true] {
        if saved {
            home.save(&text("after"));
            gateway.version_after(&version).await;
        }
        let refused = ask_as(&gateway, "sk-one", "red").await;
        let error = &refused.json()["error"];
        assert_eq!(
            (refused.status, &error["code"], &error["type"]),
            (429, &json!("limit_reached"), &json!("rate_limit_error")),
            "{error}"
        );
        let wait: u64 = refused.header("retry-after").parse().unwrap();
        assert!(
            (1_700..=1_800).contains(&wait),
            "half an hour until there is room for one more: {wait}"
        );
        assert!(
            error["message"].as_str().unwrap().contains("`tight`"),
            "{error}"
        );
    }
    assert_eq!(
        ask_as(&gateway, "sk-two", "red").await.status,
        200,
        "another key has a limit of its own"
    );
    assert_eq!(a.books().requests, 3);
}

#[tokio::test]
async fn a_spent_budget_refuses_its_team_only_and_a_save_does_not_refund_it() {
    let a = mock("a").await;
    // 16 tokens at $5/Mtok are $0.00008.
    let text = |note: &str| {
        let budget = "budget team {\n  cap $0.00005/month per tag.team\n  warn 80%\n}\n".to_owned();
        let policy = format!("policy @chat {{\n  charge team\n  else use a/m\n}}\n# {note}\n");
        bundle(&[openai("a", a.addr), budget, policy])
    };
    let home = Home::new(&text("before"));
    let gateway = home.start().await;
    let version = gateway.version().await;
    assert_eq!(ask_as(&gateway, "sk-one", "red").await.status, 200);
    for saved in [false, true] {
        if saved {
            home.save(&text("after"));
            gateway.version_after(&version).await;
        }
        let refused = ask_as(&gateway, "sk-two", "red").await;
        assert_eq!(
            (refused.status, &refused.json()["error"]["code"]),
            (429, &json!("budget_exhausted")),
            "{}",
            refused.text()
        );
    }
    assert_eq!(
        ask_as(&gateway, "sk-one", "blue").await.status,
        200,
        "another team has its own"
    );
    gateway
        .process
        .says("that the budget is nearly spent", |said| {
            said.err
                .iter()
                .any(|l| l.contains("a budget is nearly spent"))
                .then_some(())
        })
        .await;
    gateway.stop().await;
    let classes: Vec<String> = home
        .records()
        .into_iter()
        .map(|r| r.outcome.class)
        .collect();
    assert_eq!(classes, ["ok", "refused", "refused", "ok"]);
}
