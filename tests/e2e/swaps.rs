//! Plugins replaced again and again under load: nobody notices, and nothing is left behind.

use super::home::{Home, mock};
use super::http::{chat, streamed};
use super::plugins::{built, hash_of, marked};
use super::policy::{bundle, only, openai};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// How often the file is replaced, where `MUX_SWAPS` does not say.
const SWAPS: usize = 250;
/// After so many everything has been there once that has to be.
const WARM: usize = 40;
/// What memory may grow by afterwards, in KiB: less than one version in ten leaves behind if it is never let go.
const GROWTH: u64 = 12 << 10;

/// Resident memory of a process, in KiB.
fn memory(process: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Replaces a file whole, as it should be done.
fn replace(file: &Path, bytes: &[u8]) {
    let beside = file.with_extension("part");
    std::fs::write(&beside, bytes).unwrap();
    std::fs::rename(&beside, file).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plugins_swapped_under_load_lose_no_request_and_leave_no_memory_behind() {
    let swaps = std::env::var("MUX_SWAPS").map_or(SWAPS, |n| n.parse().unwrap());
    let a = mock("a").await;
    let home = Home::new(&bundle(&[openai("a", a.addr), only("chat", "a/m")]));
    let folder = home.data().join("plugins");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("mine.wasm");
    let first = marked(built("dist/openai.wasm"));
    let versions = [first.clone(), marked(first)];
    replace(&file, &versions[0]);
    let gateway = home.start().await;

    let (stop, served) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let load = (0..4).map(|n| {
        let (stop, served, address) = (Arc::clone(&stop), Arc::clone(&served), gateway.address);
        tokio::spawn(async move {
            let body = if n % 2 == 0 {
                chat("@chat")
            } else {
                streamed("@chat")
            };
            while !stop.load(Relaxed) {
                let reply = super::http::Ask::json(&body).send(address).await;
                assert_eq!(reply.status, 200, "{}", reply.text());
                assert!(n % 2 == 0 || reply.done(), "{}", reply.text());
                served.fetch_add(1, Relaxed);
            }
        })
    });
    let load: Vec<_> = load.collect();

    let mut warm = 0;
    for n in 1..=swaps {
        let version = &versions[n % 2];
        let hash = Some(blake3::hash(version).to_hex().to_string());
        replace(&file, version);
        gateway
            .policy_when("the other version", |p| hash_of(p, "openai") == hash)
            .await;
        if n == WARM {
            warm = memory(gateway.process.id());
        }
    }
    stop.store(true, Relaxed);
    for task in load {
        task.await.expect("every request is served");
    }
    let end = memory(gateway.process.id());
    println!(
        "{swaps} swaps, {} requests, {warm} KiB then, {end} KiB now",
        served.load(Relaxed)
    );
    assert!(
        served.load(Relaxed) > swaps,
        "{} requests",
        served.load(Relaxed)
    );
    assert!(
        end < warm + GROWTH,
        "{warm} KiB, then {end} KiB after {swaps} swaps"
    );
}
