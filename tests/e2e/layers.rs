//! The simulator against the whole gateway: the same scenarios give the same figures. And what is promised of the whole.

use super::process::run;
use serde_json::Value;

async fn agree(layer: &str) {
    let ended = run(&["sim", "layers", layer, "--format", "json", "--seed", "7"]).await;
    let rows: Vec<Value> = serde_json::from_str(&ended.out).expect("rows");
    assert_eq!(rows.len(), 10, "five scenarios, twice: {}", ended.out);
    let apart: Vec<_> = rows.iter().filter(|r| r["agrees"] != true).collect();
    assert!(apart.is_empty(), "{apart:#?}\nof {rows:#?}");
    assert!(rows.iter().any(|r| r["layer"] == layer), "{rows:#?}");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}

#[tokio::test]
async fn the_gateway_in_memory_with_its_clock_stopped_does_what_the_simulator_says() {
    agree("paused").await;
}

#[tokio::test]
#[ignore = "it takes a minute of real time, and a machine that does nothing else"]
async fn the_gateway_over_real_sockets_does_what_the_simulator_says() {
    agree("sockets").await;
}

#[tokio::test]
async fn a_stream_cut_after_any_byte_is_told_or_replaced_and_paid_for() {
    let ended = run(&["sim", "promises", "--only", "cuts", "--format", "json"]).await;
    let rows: Vec<Value> = serde_json::from_str(&ended.out).expect("rows");
    assert_eq!(rows.len(), 3, "{}", ended.out);
    assert!(rows.iter().all(|r| r["holds"] == true), "{rows:#?}");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}
