//! Recorded traffic, and the command that replays it.

use super::home::{Home, mock};
use super::http::{Ask, chat};
use super::policy::{bundle, only, openai};
use super::process::{Ended, Process, mux};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

/// Twenty requests of two teams that a gateway has recorded, and where.
pub(crate) async fn recorded() -> (Home, String) {
    let (a, b) = (mock("a").await, mock("b").await);
    let text = |target: &str| {
        bundle(&[
            openai("a", a.addr),
            openai("b", b.addr),
            only("chat", target),
        ])
    };
    let home = Home::new(&text("a/m"));
    let gateway = home.start().await;
    for n in 0..20 {
        let team = if n % 4 == 0 { "team=blue" } else { "team=red" };
        let ask = Ask::json(&chat("@chat")).header("x-mux-tags", team);
        assert_eq!(ask.send(gateway.address).await.status, 200);
    }
    gateway.stop().await;
    // The providers are gone by now: nobody is called any more.
    let recordings = home.data().join("recordings");
    (home, recordings.to_str().unwrap().to_owned())
}

pub(crate) async fn test(home: &Home, traffic: &str, more: &[&str]) -> Ended {
    Process::start(command(home, traffic, more)).end().await
}

/// `mux policy test` of the policies of a home on recorded traffic.
pub(crate) fn command(home: &Home, traffic: &str, more: &[&str]) -> Command {
    let policies = home.policies();
    let data = home.data();
    let own = [
        "policy",
        "test",
        policies.to_str().unwrap(),
        "--traffic",
        traffic,
        "--data",
        data.to_str().unwrap(),
    ];
    mux(&[&own[..], more].concat())
}

pub(crate) fn read(told: &Ended) -> Value {
    serde_json::from_str(&told.out).unwrap_or_else(|e| panic!("{e}: {told:?}"))
}

/// The recorded policies, with another one in their place.
pub(crate) fn policy(home: &Home, from: &str, to: &str) {
    let file = home.policies().join("main.mux");
    let text = std::fs::read_to_string(file).unwrap();
    let (fleet, _) = text.split_once(from).unwrap();
    home.save(&format!("{fleet}{to}"));
}

/// Saves policies that send one team elsewhere; the folder of those before.
pub(crate) fn changed(home: &Home) -> PathBuf {
    let before = home.policies().join("../before");
    std::fs::create_dir(&before).unwrap();
    std::fs::copy(home.policies().join("main.mux"), before.join("main.mux")).unwrap();
    let blue = "policy @chat {
  rule blue when tag.team is \"blue\" use b/m
  else use fallback within 20s {
    try a/m timeout 5s
    try b/m timeout 5s
  }
}
";
    policy(home, "policy @chat", blue);
    before
}
