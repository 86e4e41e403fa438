//! The shipped components keep what all of them promise, and a component that does not is found out.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test"
)]

use mux_plugins::conformance::{Verdict, examine};
use mux_plugins::{Exchange, Quirks, Report, Trial, embedded};
use serde_json::{Value, json};

#[path = "shared/fixture.rs"]
#[expect(dead_code, reason = "other tests plan by it")]
mod fixture;
#[path = "shared/stage.rs"]
mod stage;

use fixture::{Fixture, fixtures};

/// A fixture of the project as an exchange: what is sent for its request is compared, what is told is compared elsewhere.
fn exchange(fixture: &Fixture) -> (String, Exchange) {
    let said = &fixture.said;
    let mut request = json!({ "body": said["sent"] });
    if let Some(path) = said.get("path") {
        request["path"] = path.clone();
    }
    let kind = if fixture.stream {
        "text/event-stream"
    } else {
        "application/json"
    };
    let told = json!({
        "model": said["model"],
        "settings": said.get("settings").cloned().unwrap_or(json!({})),
        "chat": said["request"],
        "request": request,
        "warnings": said["warnings"],
        "response": {
            "status": 200,
            "headers": { "content-type": kind },
            "body_text": String::from_utf8(fixture.answer.clone()).expect("text"),
        },
    });
    let exchange = Exchange::read(told.to_string().as_bytes()).expect("an exchange");
    (fixture.name.clone(), exchange)
}

fn tried(bytes: &[u8], name: &str, exchanges: Vec<(String, Exchange)>) -> Report {
    let plugin = stage::host().load(name, bytes).expect("it loads");
    let trial = Trial::new(&plugin, &Quirks::default(), "{}", exchanges);
    examine(&trial.expect("it takes the settings"), None)
}

fn verdict(report: &Report, name: &str) -> Verdict {
    let check = report.checks.iter().find(|check| check.name == name);
    check.expect("a check of that name").verdict
}

#[test]
fn every_shipped_adapter_keeps_what_all_of_them_promise() {
    let mut golden = 0;
    for (name, bytes) in embedded() {
        let own = fixtures();
        let own = own.iter().filter(|fixture| fixture.adapter() == *name);
        let exchanges: Vec<_> = own.map(exchange).collect();
        golden += exchanges.len();
        let report = tried(bytes, name, exchanges);
        assert!(report.passed(), "{name}: {:#?}", report.checks);
        for check in ["statelessness", "batches", "hostile input"] {
            assert_eq!(verdict(&report, check), Verdict::Pass, "{name}: {check}");
        }
    }
    assert!(golden >= 18, "{golden} fixtures");
}

/// The hostile component misbehaves in the way the model's name says.
fn hostile(model: &str, more: &Value) -> Report {
    let bytes = std::fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../hostile/calls.wasm"
    ));
    let mut told = json!({
        "model": model,
        "chat": {"model": "m", "stream": true, "messages": []},
        "response": {
            "status": 200, "headers": {"content-type": "text/event-stream"},
            "body_text": "data: one\n\ndata: two\n\ndata: three\n\n",
        },
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        told[name] = value.clone();
    }
    let exchange = Exchange::read(told.to_string().as_bytes()).expect("an exchange");
    let exchanges = vec![(model.to_owned(), exchange)];
    tried(&bytes.expect("the component"), "hostile", exchanges)
}

#[test]
fn a_plugin_that_sends_or_says_what_its_fixture_does_not_is_found_out() {
    let report = hostile("fine", &json!({"request": {"path": "/elsewhere"}}));
    assert_eq!(verdict(&report, "golden"), Verdict::Fail);
    let report = hostile(
        "fine",
        &json!({"reading": {"status": 200, "class": "ok", "text": "something else"}}),
    );
    assert_eq!(verdict(&report, "golden"), Verdict::Fail);
    assert!(!report.passed());
}

#[test]
fn a_plugin_that_remembers_other_answers_is_found_out() {
    let report = hostile("decode-tally", &json!({}));
    assert_eq!(
        verdict(&report, "statelessness"),
        Verdict::Fail,
        "{report:#?}"
    );
}

#[test]
fn a_plugin_that_minds_how_frames_are_grouped_is_found_out() {
    let report = hostile("decode-lump", &json!({}));
    assert_eq!(
        verdict(&report, "statelessness"),
        Verdict::Fail,
        "{report:#?}"
    );
    assert_eq!(verdict(&report, "batches"), Verdict::Fail, "{report:#?}");
}

#[test]
fn a_plugin_that_crashes_loops_or_says_nonsense_is_found_out() {
    for how in ["trap", "loop", "dots", "smuggle"] {
        let report = hostile(how, &json!({}));
        assert_eq!(verdict(&report, "hostile input"), Verdict::Fail, "{how}");
        let check = report
            .checks
            .iter()
            .find(|check| check.name == "hostile input");
        let problems = &check.expect("the check").problems;
        let at = problems.first().map(|problem| problem.exchange.as_str());
        assert_eq!(at, Some(how), "{problems:?}");
    }
}
