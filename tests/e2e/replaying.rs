//! Recorded traffic under other policies: what the whole command says.

use super::policy::{chain, only};
use super::process::{Process, Said, mux, run};
use super::replay::{changed, policy, read, recorded, test};
use rustix::process::Signal;
use serde_json::json;

#[tokio::test]
async fn a_replay_says_what_changes_on_every_side_and_in_every_format() {
    let (home, traffic) = recorded().await;
    let other = changed(&home);
    let other = other.to_str().unwrap();
    let told = read(&test(&home, &traffic, &["--format", "json", "--by", "tag.team"]).await);
    let report = &told["report"];
    assert_eq!(
        (&report["requests"], &report["now"]["routes"]),
        (&json!(20), &json!({ "a/m": 15, "b/m": 5 }))
    );
    let groups = report["groups"].as_array().unwrap().iter();
    let groups = groups.map(|g| (g["value"].as_str().unwrap(), g["now"]["routes"].clone()));
    assert_eq!(
        groups.collect::<Vec<_>>(),
        [("red", json!({ "a/m": 15 })), ("blue", json!({ "b/m": 5 }))]
    );
    assert_eq!(report["assumed"], json!(["b/m"]), "nobody was sent there");
    assert_eq!(
        report["drawn"],
        json!({ "same": 15, "others": 0, "assumed": 5, "outages": 0 })
    );
    let change = report["changes"].as_array().unwrap().iter();
    let mut change = change.filter(|c| c["now"] == "b/m");
    let change = change.next().unwrap();
    assert_eq!(
        (
            &change["was"],
            &change["count"],
            change["examples"].as_array().unwrap().len()
        ),
        (&json!("a/m"), &json!(5), 3)
    );
    assert!(
        change["now_rule"].as_str().unwrap().ends_with(" blue"),
        "{change}"
    );

    let elsewhere = ["--format", "json", "--as", "@nobody", "--mode", "decisions"];
    let told = read(&test(&home, &traffic, &elsewhere).await);
    assert_eq!(
        told["report"]["now"]["routes"],
        json!({ "refused 404": 20 })
    );

    let against = ["--format", "json", "--against", other];
    let told = read(&test(&home, &traffic, &against).await);
    assert_eq!(told["report"]["against"]["routes"], json!({ "a/m": 20 }));

    let fast = [
        "--format",
        "json",
        "--mode",
        "decisions",
        "--against",
        other,
    ];
    let told = read(&test(&home, &traffic, &fast).await);
    let report = &told["report"];
    assert_eq!(
        (&report["changed"], &report["classes"], &report["mode"]),
        (&json!(20), &json!(2), &json!("decisions")),
        "every request has another plan: {report}"
    );

    let id = change["examples"][0].as_str().unwrap().to_owned();
    let traced = test(&home, &traffic, &["--trace", &id]).await;
    let both = ["as it was recorded", "under these policies"].map(|how| format!("{id} {how}"));
    assert!(
        both.iter().all(|how| traced.out.contains(how)),
        "{}",
        traced.out
    );
    assert!(
        traced.out.contains("  served by b/m after "),
        "{}",
        traced.out
    );

    let seeded = ["--format", "json", "--seed", "7"];
    let [one, other] = [
        test(&home, &traffic, &seeded),
        test(&home, &traffic, &seeded),
    ];
    assert_eq!(one.await.out, other.await.out, "a function of its seed");
}

#[tokio::test]
async fn a_replay_is_a_comment_and_a_page() {
    let (home, traffic) = recorded().await;
    let other = changed(&home);
    let other = other.to_str().unwrap();
    let comment = test(
        &home,
        &traffic,
        &["--format", "markdown", "--by", "tag.team"],
    )
    .await;
    for told in [
        "### Recorded traffic",
        "| a/m | b/m | 5 (25.00%) |",
        "| a/m | 20 (100.00%) | 15 (75.00%)",
        "tag.team blue",
    ] {
        assert!(comment.out.contains(told), "{told}: {}", comment.out);
    }
    let page = test(&home, &traffic, &["--format", "html", "--against", other]).await;
    assert!(
        page.out.starts_with("<!doctype html>") && page.out.contains("<svg "),
        "{}",
        page.out
    );
    assert!(
        !page.out.contains("http") && !page.out.contains("<script"),
        "it needs nothing else"
    );
}

#[tokio::test]
async fn an_outage_can_be_put_into_recorded_traffic() {
    let (home, traffic) = recorded().await;
    let struck = ["--format", "json", "--outage", "a=fails"];
    let told = read(&test(&home, &traffic, &struck).await);
    assert_eq!(told["report"]["now"]["errors"], json!(20), "{told}");
    policy(
        &home,
        "policy @chat",
        &chain("chat", &["a/m timeout 5s", "b/m timeout 5s"]),
    );
    let told = read(&test(&home, &traffic, &struck).await);
    let now = &told["report"]["now"];
    assert_eq!(
        (&now["errors"], &now["routes"], &now["failed_over"]),
        (&json!(0), &json!({ "b/m": 20 }), &json!(20)),
        "{told}"
    );
    for (wrong, why) in [
        (&["--outage", "c=fails"][..], "there is a/m, b/m"),
        (&["--outage", "a=sulks"], "`sulks` is no fault"),
        (
            &["--outage", "a=fails", "--mode", "decisions"],
            "need `--mode simulated`",
        ),
        (&["--trace", "nobody"], "no request `nobody`"),
        (&["--by", "colour"], "cannot be told by `colour`"),
        (&["--against", "nothing"], "`nothing` is no file"),
    ] {
        let refused = test(&home, &traffic, wrong).await;
        assert!(
            refused.code == Some(2) && refused.err.contains(why),
            "{wrong:?}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn an_expectation_holds_or_not_or_says_how_many_requests_would_tell() {
    let (home, traffic) = recorded().await;
    let file = home.policies().join("main.mux");
    let plain = std::fs::read_to_string(file).unwrap();
    let expects = |line: &str| {
        home.save(&format!(
            "{plain}replay \"recordings\" {{\n  expect {line}\n}}\n"
        ));
    };
    expects("changed <= 0%");
    let good = test(&home, &traffic, &[]).await;
    assert!(
        good.code == Some(0) && good.out.contains("ok  "),
        "{good:?}"
    );
    expects("failed_over >= 50%");
    let bad = test(&home, &traffic, &["--format", "junit"]).await;
    assert!(
        bad.code == Some(1) && bad.out.contains("type=\"test-failed\""),
        "{bad:?}"
    );
    // No error in twenty requests does not show that there is less than one in a hundred.
    expects("errors <= 1%");
    let open = test(&home, &traffic, &["--format", "json"]).await;
    let told = read(&open);
    let judged = &told["expectations"][0];
    assert_eq!(
        (open.code, &judged["verdict"]),
        (Some(1), &json!("inconclusive"))
    );
    assert!(judged["needed"].as_u64().unwrap() > 200, "{judged}");
    let words = test(&home, &traffic, &["--inconclusive", "pass"]).await;
    assert!(
        words.code == Some(0) && words.out.contains("OPEN") && words.out.contains("would tell"),
        "{words:?}"
    );
}

#[tokio::test]
async fn every_replay_block_is_compared_with_the_version_it_names() {
    let (home, traffic) = recorded().await;
    let before = changed(&home);
    let file = home.policies().join("main.mux");
    let plain = std::fs::read_to_string(file).unwrap();
    let other = before.to_str().unwrap();
    home.save(&format!(
        "{plain}
replay \"recordings\" {{
  expect changed >= 25%
}}
replay \"recordings\" against \"{other}\" {{
  expect changed >= 100%
}}
"
    ));
    let ended = test(
        &home,
        &traffic,
        &["--format", "json", "--mode", "decisions"],
    )
    .await;
    let told = read(&ended);
    let verdicts = told["expectations"].as_array().unwrap().iter();
    let verdicts: Vec<_> = verdicts.map(|j| j["verdict"].clone()).collect();
    assert_eq!(
        (ended.code, verdicts),
        (Some(0), vec![json!("pass"), json!("pass")]),
        "{told}"
    );
    let names = told["comparisons"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|c| c["against"].clone()).collect();
    assert_eq!(names, [json!(null), json!(other)]);
    let struck = test(
        &home,
        &traffic,
        &["--against", other, "--outage", "a=fails:1m@+2h"],
    )
    .await;
    assert!(
        struck.out.contains("a=fails:1m@+2h struck nobody"),
        "{struck:?}"
    );
    let page = test(&home, &traffic, &["--format", "html", "--by", "tag.team"]).await;
    assert!(
        page.out.contains("decided differently than recorded") && page.out.contains(other),
        "{page:?}"
    );
}

#[tokio::test]
async fn tests_are_made_for_what_was_recorded_and_is_not_tested() {
    let (home, traffic) = recorded().await;
    let rules = "policy @chat {
  when tag.team is \"blue\" use b/m
  when tag.team is \"green\" use b/m
  else use a/m
}
";
    policy(&home, "policy @chat", rules);
    let made = test(&home, &traffic, &["--generate"]).await;
    assert!(made.code == Some(0), "{made:?}");
    let [red, blue] = ["(15 recorded requests)", "(5 recorded requests)"].map(|t| made.out.find(t));
    assert!(
        red.unwrap() < blue.unwrap(),
        "the most frequent first: {}",
        made.out
    );
    assert!(
        made.out.contains("given tag.team \"blue\"") && !made.out.contains("green"),
        "{}",
        made.out
    );
    policy(&home, "policy @chat", &format!("{rules}{}", made.out));
    let again = test(&home, &traffic, &["--generate"]).await;
    assert!(
        again.out.trim().is_empty() && again.err.contains("nothing to generate"),
        "{again:?}"
    );
    let passed = run(&["policy", "test", home.policies().to_str().unwrap()]).await;
    assert!(
        passed.code == Some(0) && passed.out.contains("2 passed, 0 failed"),
        "{passed:?}"
    );
}

#[tokio::test]
async fn traffic_is_replayed_again_and_again_under_the_policies_as_they_are_then() {
    let (home, traffic) = recorded().await;
    let policies = home.policies();
    let arguments = [
        "policy",
        "test",
        policies.to_str().unwrap(),
        "--traffic",
        &traffic,
        "--every",
        "100ms",
        "--last",
        "1d",
    ];
    let process = Process::start(mux(&arguments));
    let said = |text: &'static str| {
        move |said: &Said| said.out.iter().any(|l| l.contains(text)).then_some(())
    };
    process
        .says("that nothing changes", said("changed: 0 (0.00%)"))
        .await;
    policy(&home, "policy @chat", &only("chat", "b/m"));
    process
        .says("what changes", said("changed: 20 (100.00%)"))
        .await;
    process.signal(Signal::INT);
    process.end().await;
    let none = test(&home, &traffic, &["--last", "0s"]).await;
    assert!(
        none.code == Some(2) && none.err.contains("no recorded request"),
        "{none:?}"
    );
}

#[tokio::test]
async fn traffic_from_elsewhere_asks_for_what_it_is_told_to() {
    let (home, traffic) = recorded().await;
    policy(&home, "policy @chat", &only("other", "b/m"));
    let policies = home.policies();
    let covered = async |more: &[&str]| {
        let own = ["policy", "coverage", policies.to_str().unwrap()];
        let traffic = ["--traffic", &traffic, "--format", "json"];
        let told = read(&run(&[&own[..], &traffic, more].concat()).await);
        told["coverage"]["rules"]["covered"].clone()
    };
    assert_eq!(covered(&[]).await, json!(0), "nobody asked for it");
    assert_eq!(covered(&["--as", "@other"]).await, json!(1));
    assert_eq!(covered(&["--as", "@other", "--last", "0s"]).await, json!(0));
}

#[tokio::test]
async fn a_watch_says_at_each_save_what_it_means_for_recorded_traffic() {
    let (home, traffic) = recorded().await;
    let policies = home.policies();
    let arguments = [
        "policy",
        "watch",
        policies.to_str().unwrap(),
        "--traffic",
        &traffic,
    ];
    let watch = Process::start(mux(&arguments));
    let said = |text: &'static str| {
        move |said: &Said| {
            let mut lines = said.out.iter();
            lines.any(|line| line.contains(text)).then_some(())
        }
    };
    let nothing = "of 20 recorded requests, 0 (0.00%) are decided differently";
    watch.says("that nothing changes", said(nothing)).await;
    policy(&home, "policy @chat", &only("chat", "b/m"));
    watch
        .says(
            "what changes",
            said("of 20 recorded requests, 20 (100.00%)"),
        )
        .await;
    watch.says("how", said("a/m -> b/m: 20")).await;
    watch.signal(Signal::INT);
    assert_eq!(watch.end().await.code, Some(0));
}
