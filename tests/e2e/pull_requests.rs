//! What a pull request is told of its policies and of recorded traffic under them.

use super::home::{Home, mock};
use super::http::chat;
use super::policy::only;
use super::process::run;
use super::replay::{policy, recorded};

#[tokio::test]
async fn a_pull_request_is_told_costs_at_the_prices_of_the_catalogue() {
    let a = mock("a").await;
    let home = Home::new(&format!(
        "mux 1
provider a {{
  kind groq
  url \"http://{}/v1\"
  model m {{
    id \"llama-3.3-70b-versatile\"
    context 128k
    output 8k
  }}
}}
policy @chat {{ else use a/m }}
",
        a.addr
    ));
    let gateway = home.start().await;
    assert_eq!(gateway.ask(&chat("@chat")).await.status, 200);
    gateway.stop().await;
    let (policies, traffic) = (home.policies(), home.data().join("recordings"));
    let told = run(&[
        "policy",
        "ci",
        policies.to_str().unwrap(),
        "--traffic",
        traffic.to_str().unwrap(),
    ])
    .await;
    assert!(
        told.code == Some(0) && told.out.contains("| cost | $"),
        "{told:?}"
    );
    assert!(!told.out.contains("without a price"), "{}", told.out);
}

#[tokio::test]
async fn a_pull_request_gets_one_comment_about_its_policies() {
    let (home, traffic) = recorded().await;
    let before = home.policies().join("../before");
    std::fs::create_dir(&before).unwrap();
    std::fs::copy(home.policies().join("main.mux"), before.join("main.mux")).unwrap();
    policy(&home, "policy @chat", &only("chat", "b/m"));
    let (policies, data) = (home.policies(), home.data());
    let file = home.policies().join("../comment.md");
    let arguments = [
        "policy",
        "ci",
        policies.to_str().unwrap(),
        "--base",
        before.to_str().unwrap(),
        "--traffic",
        &traffic,
        "--data",
        data.to_str().unwrap(),
        "--output",
        file.to_str().unwrap(),
    ];
    let good = run(&arguments).await;
    assert_eq!(good.code, Some(0), "{good:?}");
    for told in [
        "## Policies: good to ship",
        "| ✅ | check | 0 errors, ",
        "| ✅ | test | 0 passed, 0 failed |",
        "### What the policies do differently",
        "Of 20 recorded requests, **20** (100.00%) are treated differently.",
        "### Recorded traffic under these policies",
        "| a/m | b/m | 20 (100.00%) |",
    ] {
        assert!(good.out.contains(told), "{told}: {}", good.out);
    }
    assert_eq!(
        std::fs::read_to_string(&file).unwrap().trim(),
        good.out.trim()
    );
    let wrong = "test \"it stays\" {\n  given model @chat\n  expect served is a/m\n}\n";
    policy(&home, "policy @chat", &(only("chat", "b/m") + wrong));
    let bad = run(&arguments).await;
    assert!(
        bad.code == Some(1) && bad.out.contains("| ❌ | test | 0 passed, 1 failed |"),
        "{bad:?}"
    );
    assert!(bad.out.contains("served by b/m"), "{}", bad.out);
    home.save("policy @chat {");
    let broken = run(&arguments).await;
    assert!(
        broken.code == Some(1)
            && broken
                .out
                .contains("| ➖ | replay | the policies do not load |"),
        "{broken:?}"
    );
}
