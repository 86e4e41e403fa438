//! A thousand components drawn at random: whatever one does, it costs its own call and no more time than that may take.
#![expect(clippy::expect_used, clippy::panic, reason = "a test")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use mux_plugins::{Adapter, Fault, Host, Limits, LoadError, Output};
use rustix::time::{ClockId, clock_gettime};

#[path = "shared/crafted.rs"]
mod crafted;
#[expect(dead_code, reason = "the host here has limits of its own")]
#[path = "shared/stage.rs"]
mod stage;

use crafted::{Crafted, INTERFACE, encoded};

/// Drawn by `plugins/hostile/generate`: the first half whole adapters, the second the calls of one.
const GENERATED: &[u8] = include_bytes!("../../hostile/generated.bin");
/// What each call may take, …
const DEADLINE: Duration = Duration::from_millis(10);
/// … and what it may take beyond that.
const GRACE: Duration = Duration::from_millis(20);
/// How often a call is made at most.
const TRIES: u32 = 5;
/// The answer every stream begins with.
const EVENTS: &[u8] = b"event: a\ndata: {\"text\":\"hello\"}\n\nevent: b\ndata: {}\n\n";

fn modules() -> Vec<&'static [u8]> {
    let mut rest = GENERATED;
    let mut modules = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length) as usize;
        let (module, after) = after.split_at(length);
        modules.push(module);
        rest = after;
    }
    modules
}

/// A drawn adapter, of which nothing is as it should be.
fn whole(module: &[u8]) -> Vec<u8> {
    encoded(INTERFACE, module.to_vec(), ("", ""), None)
}

/// An adapter that introduces itself, and then does as was drawn.
fn calls(module: &[u8]) -> Vec<u8> {
    let imports = r#"
  (import "drawn" "prepare" (func $drawn-prepare (param i32) (result i32)))
  (import "drawn" "decode" (func $drawn-decode
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))"#;
    let decode: String = (0..11)
        .map(|n| format!("(local.get {n}) "))
        .collect::<Vec<_>>()
        .concat();
    let mut crafted = Crafted {
        imports,
        // A model that begins with `f` gets a good plan, so that there is something to decode.
        prepare: "(if (i32.ne (local.get $model) (i32.const 102)) (then
            (return (call $drawn-prepare (local.get $body)))))",
        beside: Some(("drawn", module)),
        ..Crafted::default()
    };
    let decode = format!("(return (call $drawn-decode {decode}))");
    crafted.decode = &decode;
    crafted.component()
}

fn spent() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("a time")
}

/// What came of a call; it must not have taken longer than it may. Where the machine kept the thread that tells the time from
/// running, it is made again.
fn timed<R>(what: &str, mut call: impl FnMut() -> R) -> R {
    let mut longest = Duration::ZERO;
    for _ in 0..TRIES {
        let began = spent();
        let result = call();
        let took = spent().saturating_sub(began);
        if took <= DEADLINE + GRACE {
            return result;
        }
        longest = longest.max(took);
    }
    panic!("{what} took {longest:?}");
}

/// Why a drawn adapter does not load: it crashes or hangs as it introduces itself, or says what no adapter may.
fn refusal(error: &LoadError) -> &'static str {
    let reason = error.reason();
    ["crashed", "deadline", "memory", "its id"]
        .into_iter()
        .find(|word| reason.contains(word))
        .unwrap_or_else(|| panic!("{error}"))
}

fn word(result: Result<(), Fault>) -> &'static str {
    match result {
        Ok(()) => "good",
        Err(Fault::Invalid { .. } | Fault::Unsupported { .. } | Fault::BadResponse(_)) => "refused",
        Err(Fault::Trap(_)) => "trap",
        Err(Fault::Deadline) => "deadline",
        Err(Fault::Memory) => "memory",
        Err(Fault::Output(_)) => "output",
        Err(Fault::Plan(_)) => "plan",
        Err(other) => panic!("{other}"),
    }
}

/// Plans, decodes and asks about an error; each answer is checked like that of any plugin.
fn called(n: usize, adapter: &Adapter) -> Vec<&'static str> {
    let body = Bytes::from_static(
        br#"{"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]}"#,
    );
    let plan = |model| adapter.plan(&stage::call(&body, model, true));
    let planned = timed(&format!("the plan of {n}"), || plan("drawn"));
    let mut words = vec![word(planned.map(drop))];
    if let Ok(plan) = plan("fine") {
        let decoded = timed(&format!("the reply of {n}"), || {
            let (mut reply, mut out) = (adapter.reply(&plan), Output::default());
            reply.push(Bytes::from_static(EVENTS), &mut out)
        });
        words.push(word(decoded));
    }
    timed(&format!("the error of {n}"), || {
        adapter.map_error(
            503,
            &HeaderMap::new(),
            b"{\"error\":{\"message\":\"full\"}}",
        )
    });
    words
}

fn host() -> Arc<Host> {
    let limits = Limits {
        describe: DEADLINE,
        prepare: DEADLINE,
        decode: DEADLINE,
        map_error: DEADLINE,
        instances: 64,
        ..Limits::default()
    };
    Host::new(limits).expect("a host")
}

#[test]
fn a_thousand_drawn_components_are_each_contained() {
    let (host, modules) = (host(), modules());
    assert_eq!(modules.len(), 1_000);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut counts = BTreeMap::new();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some(module) = modules.get(n) else {
                return counts;
            };
            let half = if n < modules.len() / 2 { whole } else { calls };
            let loaded = host.load("drawn", &half(module));
            let adapter = loaded.and_then(|plugin| plugin.adapter("{}", None));
            let words =
                adapter.map_or_else(|error| vec![refusal(&error)], |adapter| called(n, &adapter));
            for word in words {
                *counts.entry(word).or_insert(0) += 1;
            }
        }
    };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            for (word, count) in thread.join().expect("no panic") {
                *counts.entry(word).or_default() += count;
            }
        }
    });
    let count = |word: &str| counts.get(word).copied().unwrap_or_default();
    println!("{counts:?}");
    // The first half does not come to be called, and the second is called twice.
    assert_eq!(counts.values().sum::<usize>(), 500 + 2 * 500, "{counts:?}");
    for word in [
        "crashed", "its id", "trap", "deadline", "memory", "plan", "good",
    ] {
        assert!(count(word) >= 5, "{word}: {counts:?}");
    }
}
