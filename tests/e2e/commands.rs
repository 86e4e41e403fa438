//! Commands that need no gateway: their results, their exit codes, and their words for people.

use super::home::Home;
use super::http::{Ask, chat};
use super::process::{Process, mux, run};
use hyper::Method;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;

const GOOD: &str = "mux 1\nprovider a {\n  kind openai-compatible\n  url \"http://127.0.0.1:9/v1\"\n  model m { context 8k }\n}\npolicy @chat { else use a/m }\n";

#[tokio::test]
async fn a_check_exits_with_0_when_good_1_when_not_and_2_when_nothing_is_there() {
    let home = Home::new(GOOD);
    let folder = home.policies();
    let folder = folder.to_str().unwrap();
    let check = |more: &[&str]| {
        let arguments: Vec<String> = ["policy", "check"]
            .iter()
            .chain(more)
            .map(ToString::to_string)
            .collect();
        async move { run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await }
    };
    let good = check(&[folder]).await;
    assert!(
        good.code == Some(0) && good.out.contains("0 errors"),
        "{good:?}"
    );

    home.save(&GOOD.replace("use a/m", "use a/n"));
    let bad = check(&[folder, "--format", "json"]).await;
    let report: Value = serde_json::from_str(&bad.out).unwrap();
    assert_eq!(
        (bad.code, &report["errors"]),
        (Some(1), &json!(1)),
        "{report}"
    );
    assert_eq!(report["diagnostics"][0]["labels"][0]["span"]["line"], 7);
    let bad = check(&[folder]).await;
    assert!(
        bad.code == Some(1) && bad.err.contains("main.mux:7"),
        "{}",
        bad.err
    );

    home.save(&format!("{GOOD}define unused when streaming\n"));
    assert_eq!(
        check(&[folder]).await.code,
        Some(0),
        "a warning is no error …"
    );
    assert_eq!(
        check(&[folder, "--deny", "warnings"]).await.code,
        Some(1),
        "… unless it is to be one"
    );

    let missing = check(&["/nowhere/at/all"]).await;
    assert!(
        missing.code == Some(2) && missing.err.contains("/nowhere/at/all"),
        "{missing:?}"
    );
    assert_eq!(run(&["policy", "chekc"]).await.code, Some(2));
    assert_eq!(run(&["--version"]).await.code, Some(0));
}

#[tokio::test]
async fn the_projects_own_policies_hold_what_their_tests_promise() {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let policies = policies.to_str().unwrap();
    assert_eq!(
        run(&["policy", "check", policies, "--deny", "warnings"])
            .await
            .code,
        Some(0)
    );
    let tested = run(&["policy", "test", policies, "--format", "json"]).await;
    let report: Value = serde_json::from_str(&tested.out).unwrap();
    assert_eq!(
        (tested.code, &report["failed"]),
        (Some(0), &json!(0)),
        "{report}"
    );
    assert!(report["passed"].as_u64().unwrap() > 2, "{report}");

    let home = Home::new(&format!(
        "{GOOD}test \"wrong\" {{\n  given model @chat\n  upstream a/m hangs\n  expect served is a/m\n}}\n"
    ));
    let failed = run(&["policy", "test", home.policies().to_str().unwrap()]).await;
    assert_eq!(failed.code, Some(1));
    assert!(
        failed.out.contains("FAIL  wrong") && failed.out.contains("0 passed, 1 failed"),
        "{}",
        failed.out
    );
}

#[tokio::test]
async fn a_simulated_provider_answers_and_takes_a_fault_while_it_runs() {
    let command = mux(&[
        "mock",
        "--listen",
        "127.0.0.1:0",
        "--latency",
        "0ms",
        "--rate",
        "0",
        "--tokens",
        "3",
    ]);
    let process = Process::start(command);
    let address: SocketAddr = process
        .says("where it listens", |said| {
            let line = said.out.first()?;
            line.rsplit_once("http://")?.1.parse().ok()
        })
        .await;
    let body = chat("anything");
    let answer = Ask::json(&body).send(address).await;
    assert_eq!((answer.status, answer.said().split(' ').count()), (200, 3));
    let fault = Ask::new(
        Method::PUT,
        "/mock/fault",
        json!({ "status": 503 }).to_string(),
    );
    assert_eq!(fault.send(address).await.status, 200);
    assert_eq!(Ask::json(&body).send(address).await.status, 503);
    let books = Ask::get("/mock/books").send(address).await.json();
    assert_eq!(books["by_status"], json!({ "200": 1, "503": 1 }));
    process.signal(rustix::process::Signal::INT);
    assert_eq!(process.end().await.code, Some(0));

    let nonsense = run(&["mock", "--fault", "sttus=500"]).await;
    assert!(
        nonsense.code == Some(2) && nonsense.err.contains("`sttus`"),
        "{nonsense:?}"
    );
}

#[tokio::test]
async fn the_demo_loses_no_request_while_a_provider_is_down() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let ended = run(&[
        "demo",
        "--for",
        "3s",
        "--format",
        "json",
        "--data",
        data.to_str().unwrap(),
    ])
    .await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let summary: Value = serde_json::from_str(ended.out.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&summary["requests"], &summary["served"], &summary["errors"]),
        (&json!(120), &json!(120), &json!(0)),
        "{summary}"
    );
    assert!(summary["failovers"].as_u64().unwrap() > 0, "{summary}");
    for field in ["p50_ms", "p99_ms", "overhead_p50_us", "overhead_p99_us"] {
        assert!(summary[field].is_u64(), "{field}: {summary}");
    }
    assert!(
        summary["by_target"].as_object().unwrap().len() > 1,
        "{summary}"
    );
    let records = mux_traffic::read(&data.join("recordings")).unwrap();
    assert_eq!(records.flatten().count(), 120);
}

#[tokio::test]
async fn random_outages_are_run_told_and_repeated() {
    let swarm = |more: &'static [&'static str]| {
        let all: Vec<&str> = ["sim", "swarm", "--seeds", "3", "--first-seed", "11"]
            .into_iter()
            .chain(more.iter().copied())
            .collect();
        async move { run(&all).await }
    };
    let told = swarm(&[]).await;
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.out.starts_with("3 seeds, "), "{}", told.out);
    assert!(told.out.contains("0 violations"), "{}", told.out);
    let again = swarm(&[]).await;
    assert_eq!(told.out, again.out);
    let json: Value = serde_json::from_str(&swarm(&["--format", "json"]).await.out).unwrap();
    assert_eq!(json["seeds"], 3);
    assert_eq!(json["violations"], json!([]));
    let script = swarm(&["--script"]).await.out;
    assert_eq!(script.matches("for 120 s").count(), 3, "{script}");
    let none = run(&["sim", "swarm", "--seeds", "0"]).await;
    assert_eq!(none.code, Some(2), "{none:?}");
}

#[tokio::test]
async fn a_recorded_hour_is_sent_through_a_policy_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let lines = (0..300).map(|n| {
        let (minute, second, tokens) = (10 + n / 60, n % 60, 100 + n);
        format!("2023-11-16 18:{minute}:{second:02}.5000000,{tokens},12\n")
    });
    let trace = lines.collect::<Vec<_>>().concat();
    let (arrivals, chart, csv) = (file("trace.csv"), file("run.svg"), file("run.csv"));
    std::fs::write(
        &arrivals,
        format!("TIMESTAMP,ContextTokens,GeneratedTokens\n{trace}"),
    )
    .unwrap();
    let sim = |more: &[&str]| {
        let all = [
            "sim",
            "run",
            "policies",
            "--arrivals",
            arrivals.as_str(),
            "--speed",
            "2",
            "--seed",
            "4",
        ];
        let all: Vec<String> = all.iter().chain(more).map(|a| (*a).to_owned()).collect();
        async move { run(&all.iter().map(String::as_str).collect::<Vec<_>>()).await }
    };
    let files = [
        "--chart",
        chart.as_str(),
        "--csv",
        csv.as_str(),
        "--fault",
        "anthropic=hangs",
    ];
    let told = sim(&files).await;
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(
        told.out.contains("for 150 s of virtual time"),
        "{}",
        told.out
    );
    assert_eq!(
        told.out,
        sim(&files).await.out,
        "a run is a function of its seed"
    );
    let rows = std::fs::read_to_string(&csv).unwrap();
    assert_eq!(rows.lines().count(), 301);
    assert!(rows.contains(",openai/gpt-4.1-mini,"), "{rows}");
    assert!(
        std::fs::read_to_string(&chart)
            .unwrap()
            .contains("anthropic/claude-haiku-4.5 hangs")
    );
    let traced = sim(&["--trace", "2", "--format", "json"]).await.out;
    let records: Vec<Value> = traced
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(records.len(), 3, "two records, and the result");
    assert_eq!(
        (&records[0]["v"], &records[0]["request"]["output_limit"]),
        (&json!(1), &json!(12))
    );
    assert_eq!(records[2][0]["requests"], 300);
}

#[tokio::test]
async fn what_is_no_scenario_fault_or_file_of_a_simulation_is_said() {
    for (wrong, why) in [
        (
            ["sim", "run", "sulks", "--seed", "1"],
            "`sulks` is no file, no folder and no fault; there is healthy, fails, overloaded",
        ),
        (
            ["sim", "run", "policies", "--fault", "nobody=hangs"],
            "`nobody` is no target",
        ),
        (
            ["sim", "run", "policies", "--fault", "antropic=hangs"],
            "did you mean `anthropic`?",
        ),
        (
            ["sim", "run", "policies", "--fault", "openai=hang"],
            "`hang` is no fault; did you mean `hangs`?",
        ),
        (
            ["sim", "run", "hang", "--seed", "1"],
            "did you mean `hangs`?",
        ),
        (
            ["sim", "run", "policies", "--broken", "2"],
            "`--fault TARGET=FAULT`",
        ),
        (["sim", "run", "hangs", "--broken", "0"], "1..=4"),
        (["sim", "run", "hangs", "--broken", "5"], "1..=4"),
        (
            ["sim", "run", "healthy", "--model", "@simm"],
            "`@simm` is no policy",
        ),
        (
            ["sim", "run", "hangs", "--chart", "run.png"],
            "name a file that ends in `.svg`",
        ),
        (
            ["sim", "run", "policies", "--fault", "openai=sulks"],
            "`sulks` is no fault",
        ),
        (
            ["sim", "run", "hangs", "--arrivals", "nowhere.csv"],
            "cannot read `nowhere.csv`",
        ),
    ] {
        let told = run(&wrong).await;
        assert_eq!(told.code, Some(2), "{told:?}");
        assert!(told.err.contains(why), "{}", told.err);
    }
}

#[tokio::test]
async fn a_guarantee_that_does_not_hold_can_be_looked_into() {
    let home = Home::new(&format!(
        "{}guarantee \"nobody\" {{ expect denied }}\n",
        GOOD.replace("context 8k", "can images tools json-schema streaming")
    ));
    let folder = home.policies();
    let folder = folder.to_str().unwrap();
    let check = run(&["policy", "check", folder]).await;
    assert_eq!(check.code, Some(1), "{check:?}");
    let told = run(&["policy", "explain", "--policies", folder, "model", "@chat"]).await;
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(
        told.out.contains("sends the request to a/m"),
        "{}",
        told.out
    );
}
