//! What tests cover of policies, and the tests that are written for the rest.

use super::home::Home;
use super::process::run;
use serde_json::{Value, json};

const POLICIES: &str = "mux 1
provider a {
  kind openai-compatible
  url \"http://127.0.0.1:9/v1\"
  model m { context 8k }
  model big { context 200k }
}
policy @chat {
  when tokens > 4k         use a/big
  when tag.tier is \"free\"  deny 403 \"no\"
  when streaming or tokens > 5k  use a/big
  else                     use a/m
}
";
const ONE: &str = "test \"plain\" for @chat { expect first is a/m }\n";

#[tokio::test]
async fn coverage_is_compared_exactly_and_lists_what_is_missing() {
    let home = Home::new(&format!("{POLICIES}{ONE}"));
    let policies = home.policies();
    let folder = policies.to_str().unwrap();
    let told = run(&["policy", "coverage", folder]).await;
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(
        told.out.contains("rules            25%  1 of 4"),
        "{}",
        told.out
    );
    assert!(
        told.out
            .contains("main.mux:10  `tag.tier is \"free\"` was never true"),
        "{}",
        told.out
    );
    assert!(
        told.out.contains("cannot be covered by any request"),
        "{}",
        told.out
    );

    let low = run(&[
        "policy", "coverage", folder, "--of", "rules", "--min", "25.01%",
    ])
    .await;
    assert!(
        low.code == Some(1) && low.err.contains("1 of 4 is less than 25.01%"),
        "{low:?}"
    );
    let enough = run(&[
        "policy", "coverage", folder, "--of", "rules", "--min", "25%",
    ])
    .await;
    assert_eq!(enough.code, Some(0), "{enough:?}");
    let json = run(&["policy", "coverage", folder, "--format", "json"]).await;
    let report: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(
        report["coverage"]["impossible"][0]["what"], "`tokens > 5k` was never true",
        "{report}"
    );
    let lcov = run(&["policy", "coverage", folder, "--format", "lcov"]).await;
    assert!(
        lcov.out.contains("main.mux\n")
            && lcov.out.contains("DA:12,1")
            && lcov.out.contains("DA:9,0"),
        "{}",
        lcov.out
    );
    let github = run(&["policy", "coverage", folder, "--format", "github"]).await;
    assert!(github.out.contains("line=9"), "{}", github.out);
    assert_eq!(
        run(&["policy", "coverage", folder, "--min", "much"])
            .await
            .code,
        Some(2)
    );
}

#[tokio::test]
async fn tests_are_generated_for_the_rest_and_never_over_what_is_there() {
    let home = Home::new(&format!("{POLICIES}{ONE}"));
    let policies = home.policies();
    let folder = policies.to_str().unwrap();
    let file = policies.join("more_test.mux");
    let path = file.to_str().unwrap();
    let shown = run(&["policy", "test", folder, "--generate"]).await;
    assert!(
        shown
            .out
            .contains("  given tag.tier \"free\"\n  expect denied is 403\n"),
        "{shown:?}"
    );
    let written = run(&["policy", "test", folder, "--generate", "-o", path]).await;
    assert_eq!(
        (written.code, written.out.as_str()),
        (Some(0), ""),
        "{written:?}"
    );
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("# generated, review"), "{text}");

    let tested = run(&["policy", "test", folder]).await;
    assert!(
        tested.code == Some(0) && tested.out.contains(" 0 failed"),
        "{tested:?}"
    );
    let full = ["policy", "coverage", folder, "--min", "100%", "--of"];
    for of in ["rules", "conditions", "edges"] {
        let covered = run(&[&full[..], &[of]].concat()).await;
        assert_eq!(covered.code, Some(0), "{of}: {covered:?}");
    }
    let again = run(&["policy", "test", folder, "--generate", "-o", path]).await;
    assert!(again.err.contains("nothing to generate"), "{again:?}");
    home.save(&POLICIES.replace("5k", "6k"));
    let there = run(&["policy", "test", folder, "--generate", "-o", path]).await;
    assert!(
        there.code != Some(0) || there.err.contains("nothing"),
        "{there:?}"
    );

    std::fs::write(&file, format!("{ONE}# mine\n")).unwrap();
    let refused = run(&["policy", "test", folder, "--generate", "-o", path]).await;
    assert!(
        refused.code == Some(2) && refused.err.contains("--update"),
        "{refused:?}"
    );
    let added = run(&[
        "policy",
        "test",
        folder,
        "--generate",
        "-o",
        path,
        "--update",
    ])
    .await;
    assert_eq!(added.code, Some(0), "{added:?}");
    let both = std::fs::read_to_string(&file).unwrap();
    assert!(both.starts_with(&format!("{ONE}# mine\n\ntest ")), "{both}");
}

#[tokio::test]
async fn recorded_traffic_covers_what_it_went_through() {
    let home = Home::new(&format!("{POLICIES}{ONE}"));
    let policies = home.policies();
    let record = |id: &str, tokens: u32| {
        json!({
            "v": 1, "id": id, "request": { "model": "@chat", "tokens": tokens },
            "attempts": [{ "target": "a/big", "class": "ok" }],
            "outcome": { "status": 200, "served": "a/big" },
        })
    };
    let segment = policies.join("recorded.jsonl");
    std::fs::write(
        &segment,
        format!("{}\n{}\n", record("a", 5_000), record("b", 9_000)),
    )
    .unwrap();
    let arguments = [
        "policy",
        "coverage",
        policies.to_str().unwrap(),
        "--traffic",
        segment.to_str().unwrap(),
        "--format",
        "json",
    ];
    let told = run(&arguments).await;
    let report: Value = serde_json::from_str(&told.out).unwrap();
    let coverage = &report["coverage"];
    assert_eq!(
        (&coverage["requests"], &coverage["rules"]["covered"]),
        (&json!(2), &json!(1)),
        "{report}"
    );
    let first = &coverage["lines"][0];
    assert_eq!(
        (&first["line"], &first["hits"], &first["branches"]),
        (&json!(9), &json!(2), &json!([[2, 0]])),
        "{report}"
    );
    let missing = coverage["missing"].as_array().unwrap();
    assert!(
        !missing
            .iter()
            .any(|gap| gap["line"] == 9 && gap["kind"] == "arm"),
        "{report}"
    );
}
