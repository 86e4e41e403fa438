//! Others than those who use a bad plugin do not feel it.

use super::home::{Gateway, Home, mock};
use super::http::{Ask, chat};
use super::plugins::{built, hostile};
use super::policy::{bundle, chain, only, openai};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Targets whose plugin loops: so many that no breaker comes between.
const TARGETS: usize = 20;
/// What the slowest of a hundred may be later by.
const LATER: Duration = Duration::from_millis(20);

/// What the slowest of a hundred requests takes while four others ask for `policy`0 to 19 all the time.
async fn slowest_beside(gateway: &Gateway, policy: &'static str) -> Duration {
    let (stop, asked) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (stop, asked, address) = (Arc::clone(&stop), Arc::clone(&asked), gateway.address);
            tokio::spawn(async move {
                while !stop.load(Relaxed) {
                    let n = asked.fetch_add(1, Relaxed) % TARGETS;
                    let body = chat(&format!("@{policy}{n}"));
                    let reply = Ask::json(&body).send(address).await;
                    assert_eq!(
                        (reply.status, reply.header("x-mux-target")),
                        (200, "backup/m")
                    );
                }
            })
        })
        .collect();
    let body = chat("@good");
    let mut times = Vec::new();
    for _ in 0..5_000 {
        let began = Instant::now();
        assert_eq!(gateway.ask(&body).await.status, 200);
        times.push(began.elapsed());
    }
    stop.store(true, Relaxed);
    for task in load {
        task.await.expect("they are served by another target");
    }
    times.sort();
    times[times.len() * 99 / 100]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it measures time, and needs a machine that does nothing else"]
async fn a_plugin_that_loops_does_not_make_others_wait() {
    let (a, backup) = (mock("a").await, mock("backup").await);
    let mut parts = vec![
        openai("a", a.addr),
        openai("backup", backup.addr),
        only("good", "a/m"),
    ];
    for n in 0..TARGETS {
        let name = format!("bad{n}");
        parts.push(hostile(&name, backup.addr, "loop"));
        parts.push(chain(&name, &[&format!("{name}/m"), "backup/m"]));
        parts.push(only(&format!("well{n}"), "backup/m"));
    }
    let home = Home::new(&bundle(&parts));
    let folder = home.data().join("plugins");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("calls.wasm"), built("hostile/calls.wasm")).unwrap();
    let gateway = home.start().await;
    let (alone, beside) = (
        slowest_beside(&gateway, "well").await,
        slowest_beside(&gateway, "bad").await,
    );
    let plugins = gateway.admin("/plugins").await;
    let looping = plugins
        .as_array()
        .unwrap()
        .iter()
        .find(|p| p["id"] == "hostile");
    let faults = &looping.unwrap()["faults"]["deadline"];
    assert!(faults.as_u64() >= Some(5), "it loops: {plugins}");
    println!("beside harmless requests {alone:?}, beside {faults} that loop {beside:?}");
    assert!(
        beside < alone + LATER,
        "{alone:?}, and {beside:?} beside a plugin that loops"
    );
}
