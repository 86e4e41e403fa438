//! What checking commands write for machines, where they write it, and how they end.

use super::home::Home;
use super::process::{Ended, Process, mux, run};
use serde_json::{Value, json};

const GOOD: &str = "mux 1\nprovider a {\n  kind openai-compatible\n  url \"http://127.0.0.1:9/v1\"\n  model m { context 8k }\n}\npolicy @chat { else use a/m }\n";

/// Runs `mux policy` in the folder that holds `policies`, with variables of the environment.
async fn policy(home: &Home, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = mux(&["policy"]);
    command.args(arguments);
    command.current_dir(home.policies().parent().unwrap());
    command.envs(variables.iter().copied());
    Process::start(command).end().await
}

fn wrong() -> Home {
    Home::new(&GOOD.replace("use a/m", "use a/n timeout 20sec"))
}

fn failing() -> Home {
    Home::new(&format!(
        "{GOOD}test \"right\" for @chat {{ expect first is a/m }}\ntest \"100% wrong\" for @chat {{\n  upstream a/m hangs\n  expect served is a/m\n}}\n"
    ))
}

#[tokio::test]
async fn people_get_problems_on_standard_error_and_results_on_standard_output() {
    let checked = policy(&wrong(), &["check"], &[]).await;
    assert_eq!(checked.code, Some(1));
    assert_eq!(checked.out, "2 errors, 0 warnings");
    assert!(
        checked.err.contains("mux::name::model") && checked.err.contains('╭'),
        "{}",
        checked.err
    );

    let plain = policy(&wrong(), &["check", "--plain"], &[]).await;
    assert!(
        plain.err.contains("mux::name::model") && plain.err.is_ascii(),
        "{}",
        plain.err
    );
}

#[tokio::test]
async fn machines_get_one_document_on_standard_output_and_nothing_else() {
    let home = wrong();
    for format in ["json", "github", "junit", "tap", "sarif"] {
        let checked = policy(&home, &["check", "--format", format], &[]).await;
        assert_eq!(
            (checked.code, checked.err.as_str()),
            (Some(1), ""),
            "{format}"
        );
        assert!(
            checked.out.contains("mux::unit::unknown")
                || checked.out.contains("mux%3A%3Aunit%3A%3Aunknown"),
            "{format}: {}",
            checked.out
        );
        if matches!(format, "json" | "sarif") {
            let parsed: Result<Value, _> = serde_json::from_str(&checked.out);
            assert!(parsed.is_ok(), "{format}: {}", checked.out);
        }
        // A bundle that does not load fails its tests in the same format.
        let tested = policy(&home, &["test", "--format", format], &[]).await;
        assert_eq!(
            (tested.code, tested.err.as_str()),
            (Some(1), ""),
            "{format}"
        );
        assert!(
            tested.out.contains("unknown unit `sec`"),
            "{format}: {}",
            tested.out
        );
    }
}

#[tokio::test]
async fn json_is_the_same_listing_for_every_command() {
    let home = wrong();
    for command in ["check", "test"] {
        let ended = policy(&home, &[command, "--format", "json"], &[]).await;
        let listing: Value = serde_json::from_str(&ended.out).unwrap();
        assert_eq!(
            (
                &listing["version"],
                &listing["errors"],
                &listing["warnings"]
            ),
            (&json!(1), &json!(2), &json!(0)),
            "{listing}"
        );
        let unit = &listing["diagnostics"][1];
        assert_eq!(unit["code"], "mux::unit::unknown", "{listing}");
        assert_eq!(unit["fixes"][0]["text"], "s", "{listing}");
    }
    let good = policy(&failing(), &["test", "--format", "json"], &[]).await;
    let listing: Value = serde_json::from_str(&good.out).unwrap();
    assert_eq!(
        (&listing["version"], &listing["passed"], &listing["failed"]),
        (&json!(1), &json!(1), &json!(1)),
        "{listing}"
    );
}

#[tokio::test]
async fn a_workflow_of_github_gets_annotations_beside_what_people_read() {
    let workflow = [("GITHUB_ACTIONS", "true")];
    let home = wrong();
    let checked = policy(&home, &["check"], &workflow).await;
    let place = "file=policies/main.mux,line=7,";
    assert!(
        checked.out.contains(&format!("::error {place}")),
        "{}",
        checked.out
    );
    assert!(checked.err.contains("main.mux:7"), "{}", checked.err);

    let asked = policy(&home, &["check", "--format", "human"], &workflow).await;
    assert!(!asked.out.contains("::error"), "{}", asked.out);

    let whole = home.policies();
    let absolute = policy(
        &home,
        &["check", whole.to_str().unwrap(), "--format", "github"],
        &[],
    )
    .await;
    assert!(absolute.out.contains(place), "{}", absolute.out);

    let tested = policy(&failing(), &["test"], &workflow).await;
    assert!(
        tested
            .out
            .contains("::error file=policies/main.mux,line=9,title=100%25 wrong::FAIL"),
        "{}",
        tested.out
    );
}

#[tokio::test]
async fn tests_that_fail_fail_in_every_format() {
    let home = failing();
    for (format, sign) in [
        ("human", "1 passed, 1 failed"),
        (
            "junit",
            "<failure type=\"test-failed\" message=\"`expect served is a/m`, but got",
        ),
        ("junit", "tests=\"2\" failures=\"1\""),
        (
            "tap",
            "1..2\nok 1 - policies/main.mux: right\nnot ok 2 - policies/main.mux: 100% wrong",
        ),
        ("github", "title=100%25 wrong::"),
        ("sarif", "\"ruleId\": \"test-failed\""),
    ] {
        let tested = policy(&home, &["test", "--format", format], &[]).await;
        assert_eq!(tested.code, Some(1), "{format}");
        assert!(tested.out.contains(sign), "{format}: {}", tested.out);
    }
}

#[tokio::test]
async fn denied_warnings_fail_a_check_and_a_test_in_every_format() {
    let home = Home::new(&format!(
        "{GOOD}define unused when streaming\ntest \"right\" for @chat {{ expect first is a/m }}\n"
    ));
    for command in ["check", "test"] {
        assert_eq!(policy(&home, &[command], &[]).await.code, Some(0));
        let denied = policy(&home, &[command, "--deny", "warnings"], &[]).await;
        assert_eq!(denied.code, Some(1), "{command}");
    }
    let lenient = policy(&home, &["check", "--format", "junit"], &[]).await;
    assert!(lenient.out.contains("failures=\"0\""), "{}", lenient.out);
    let strict = policy(
        &home,
        &["check", "--format", "junit", "--deny", "warnings"],
        &[],
    )
    .await;
    assert!(strict.out.contains("failures=\"1\""), "{}", strict.out);
}

#[tokio::test]
async fn a_code_is_explained_without_files_or_network() {
    let known = run(&["policy", "explain-code", "mux::rule::unreachable"]).await;
    assert!(
        known.code == Some(0) && known.out.contains("wrong:") && known.out.contains("right:"),
        "{known:?}"
    );
    let short = run(&["policy", "explain-code", "rule::unreachable"]).await;
    assert_eq!(short.out, known.out);

    let slip = run(&["policy", "explain-code", "rule::unreachble"]).await;
    assert!(
        slip.code == Some(2) && slip.err.contains("did you mean `mux::rule::unreachable`?"),
        "{slip:?}"
    );

    let all = run(&["policy", "explain-code"]).await;
    assert!(
        all.code == Some(0) && all.out.contains("mux::rule::unreachable"),
        "{all:?}"
    );
    let all = run(&["policy", "explain-code", "--format", "json"]).await;
    let all: Value = serde_json::from_str(&all.out).unwrap();
    assert!(all["codes"].as_array().unwrap().len() > 80, "{all}");
}
