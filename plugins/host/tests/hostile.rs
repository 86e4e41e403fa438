//! Plugins that loop, hoard, crash and lie cost the one call that met them.
#![expect(clippy::expect_used, clippy::panic, reason = "a test")]

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use mux_plugins::{Adapter, Cache, Fault, Host, Limits, LoadError, Output, Part, Plugin};
use rustix::time::{ClockId, clock_gettime};

#[path = "shared/crafted.rs"]
mod crafted;
#[path = "shared/stage.rs"]
mod stage;

use crafted::Crafted;

const CALLS: &[u8] = include_bytes!("../../hostile/calls.wasm");
const DESCRIBE: &[u8] = include_bytes!("../../hostile/describe.wasm");

/// What a call may take beyond its deadline, in processor time.
const GRACE: Duration = Duration::from_millis(20);

/// Far beyond any deadline, and far below endless: machines that run tests are busy.
const SOON: Duration = Duration::from_secs(20);

/// Compiles once what every test loads for itself: a plugin with many faults is set aside, and they all have some.
fn host() -> &'static Arc<Host> {
    static HOST: OnceLock<(Arc<Host>, tempfile::TempDir)> = OnceLock::new();
    let start = || {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::open(folder.path()).expect("a cache");
        let host = Host::with_cache(Limits::default(), cache).expect("a host");
        (host, folder)
    };
    &HOST.get_or_init(start).0
}

fn plugin() -> Arc<Plugin> {
    host().load("hostile", CALLS).expect("it looks harmless")
}

fn adapter() -> Adapter {
    plugin().adapter("{}", None).expect("it looks harmless")
}

fn plan(adapter: &Adapter, how: &str) -> Result<mux_plugins::Plan, Fault> {
    let body = Bytes::from_static(br#"{"model":"m","messages":[],"stream":true}"#);
    adapter.plan(&stage::call(&body, how, true))
}

/// The fault of a plan, and that the next call is served as if nothing had been.
fn planned(how: &str) -> Fault {
    planned_by(&adapter(), how)
}

fn planned_by(adapter: &Adapter, how: &str) -> Fault {
    let started = Instant::now();
    let fault = plan(adapter, how).expect_err(how);
    assert!(
        started.elapsed() < SOON,
        "{how} took {:?}",
        started.elapsed()
    );
    assert!(plan(adapter, "fine").is_ok(), "after {how}");
    fault
}

/// The fault of a stream, and that the next stream is served.
fn decoded(how: &str) -> Fault {
    decoded_by(&adapter(), how)
}

fn decoded_by(adapter: &Adapter, how: &str) -> Fault {
    let stream = |how: &str| {
        let plan = plan(adapter, how).expect("planned");
        let mut out = Output::default();
        let mut reply = adapter.reply(&plan);
        let pushed = reply.push(Bytes::from_static(b"data: a\n\ndata: b\n\n"), &mut out);
        pushed.and_then(|()| reply.end(&mut out)).map(|()| out)
    };
    let started = Instant::now();
    let fault = stream(&format!("decode-{how}")).expect_err(how);
    assert!(
        started.elapsed() < SOON,
        "{how} took {:?}",
        started.elapsed()
    );
    let out = stream("fine").unwrap_or_else(|fault| panic!("after {how}: {fault}"));
    assert!(out.terminal && out.parts.iter().all(|part| matches!(part, Part::Chunk(_))));
    assert_eq!(out.parts.len(), 2);
    fault
}

#[test]
fn whatever_does_not_end_is_stopped_twenty_milliseconds_after_its_deadline_at_the_latest() {
    let adapter = adapter();
    let spent = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::try_from(time).expect("a time")
    };
    let deadline = Limits::default().prepare;
    for how in ["loop", "fill"] {
        let began = spent();
        assert_eq!(plan(&adapter, how).expect_err(how), Fault::Deadline);
        let took = spent().saturating_sub(began);
        assert!(
            took >= deadline / 10 && took <= deadline + GRACE,
            "{how}: {took:?}"
        );
    }
}

#[test]
fn an_endless_loop_is_stopped_and_costs_that_call() {
    assert_eq!(planned("loop"), Fault::Deadline);
    assert_eq!(decoded("loop"), Fault::Deadline);
}

#[test]
fn endless_filling_of_memory_is_stopped() {
    assert_eq!(planned("fill"), Fault::Deadline);
}

#[test]
fn a_memory_bomb_costs_that_call() {
    // On a busy machine it takes longer to fill the memory than a call may take.
    let limits = Limits {
        prepare: SOON,
        decode: SOON,
        ..Limits::default()
    };
    let host = Host::new(limits).expect("a host");
    let plugin = host.load("hostile", CALLS).expect("it looks harmless");
    let adapter = plugin.adapter("{}", None).expect("it looks harmless");
    assert_eq!(planned_by(&adapter, "memory"), Fault::Memory);
    assert_eq!(decoded_by(&adapter, "memory"), Fault::Memory);
}

#[test]
fn a_trap_costs_that_call() {
    assert!(matches!(planned("trap"), Fault::Trap(_)));
    assert!(matches!(decoded("trap"), Fault::Trap(_)));
}

#[test]
fn endless_recursion_costs_that_call() {
    let fault = planned("recursion");
    assert!(
        matches!(&fault, Fault::Trap(why) if why.contains("stack")),
        "{fault}"
    );
}

#[test]
fn asking_for_chance_gets_none() {
    let bodies = [plan(&adapter(), "wasi"), plan(&adapter(), "wasi")];
    assert!(bodies.iter().all(Result::is_ok), "{bodies:?}");
}

/// What a crafted adapter's plan comes to.
fn crafted(crafted: &Crafted<'_>) -> Result<mux_plugins::Plan, Fault> {
    let plugin = stage::host().load("crafted", &crafted.component());
    let adapter = plugin.expect("it loads").adapter("{}", None);
    plan(&adapter.expect("an adapter"), "m")
}

#[test]
fn a_table_does_not_grow_beyond_its_limit() {
    let grown = crafted(&Crafted {
        parts: "(table $table 1 funcref)",
        prepare: "(block $full (loop $more
            (br_if $full (i32.eq (table.grow $table (ref.null func) (i32.const 100)) (i32.const -1)))
            (br $more)))
          (if (i32.gt_u (table.size $table) (i32.const 20000)) (then unreachable))
          (if (i32.lt_u (table.size $table) (i32.const 10000)) (then unreachable))",
        ..Crafted::default()
    });
    assert!(grown.is_ok(), "{grown:?}");
}

#[test]
fn an_instance_that_grows_little_by_little_is_replaced_long_before_it_has_all_it_may_have() {
    let hoarder = Crafted {
        // A MiB more with every call; where there is none left, the call fails.
        prepare: "(if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))",
        ..Crafted::default()
    };
    let plugin = stage::host().load("hoarder", &hoarder.component());
    let plugin = plugin.expect("it loads");
    let adapter = plugin.adapter("{}", None).expect("an adapter");
    for call in 0..100 {
        assert!(plan(&adapter, "m").is_ok(), "{call}");
    }
    let figures = plugin.standing().figures();
    assert_eq!(figures.retries, 0, "no call found nothing left");
    assert!((11..=16).contains(&figures.instances), "{figures:?}");
}

#[test]
fn a_component_that_crashes_or_hangs_as_it_starts_is_refused() {
    for (start, reason) in [
        ("(func $start unreachable) (start $start)", "crashed"),
        (
            "(func $start (loop $ever (br $ever))) (start $start)",
            "deadline",
        ),
    ] {
        let crafted = Crafted {
            parts: start,
            ..Crafted::default()
        };
        let error = refused(&crafted.component());
        assert!(error.reason().contains(reason), "{error}");
    }
}

#[test]
fn a_function_of_another_type_is_refused_as_it_is_loaded() {
    let interface = include_str!("../../wit/provider.wit");
    for (field, other, function) in [
        ("    error: option<upstream-error>,\n", "", "`decode`"),
        ("    warnings: list<string>,\n", "", "`prepare`"),
        ("{ status: u16,", "{ status: u32,", "`map-error`"),
        (
            "    memory-mib: u32,\n",
            "    memory-mib: s32,\n",
            "`describe`",
        ),
    ] {
        assert!(interface.contains(field), "{field}");
        let crafted = Crafted {
            interface: &interface.replace(field, other),
            ..Crafted::default()
        };
        let error = refused(&crafted.component());
        let fits = error.reason().contains("does not fit the interface");
        assert!(fits && error.reason().contains(function), "{error}");
    }
}

#[test]
fn lies_about_where_something_is_and_how_long_it_is_cost_that_call() {
    let lies = [
        // A plan that begins at the end of the memory, and one beyond it, and one that is nowhere near a word.
        "(return (i32.const 131068))",
        "(return (i32.const -16))",
        "(return (i32.const 1025))",
        // A text of two gigabytes, and a list of four billion headers.
        "(i32.store offset=8 (i32.const 0) (i32.const 0x7fffffff)) (return (i32.const 0))",
        "(i32.store offset=28 (i32.const 0) (i32.const -1)) (return (i32.const 0))",
        // A kind of answer that does not exist.
        "(i32.store8 (i32.const 0) (i32.const 7)) (return (i32.const 0))",
    ];
    for lie in lies {
        let fault = crafted(&Crafted {
            prepare: lie,
            ..Crafted::default()
        })
        .expect_err(lie);
        assert!(
            matches!(fault, Fault::Trap(_) | Fault::Output(_)),
            "{lie}: {fault}"
        );
    }
    for room in ["(return (i32.const -8))", "(return (i32.const 131064))"] {
        let realloc = format!("(if (i32.gt_u (local.get $size) (i32.const 40)) (then {room}))");
        let fault = crafted(&Crafted {
            realloc: &realloc,
            ..Crafted::default()
        })
        .expect_err(room);
        assert!(matches!(fault, Fault::Trap(_)), "{room}: {fault}");
    }
    // Room for words that is nowhere near one: the ends of frames are some.
    let askew = Crafted {
        realloc: "(if (i32.gt_u (local.get $align) (i32.const 1)) (then (return (i32.const 3))))",
        ..Crafted::default()
    };
    let plugin = stage::host().load("crafted", &askew.component());
    let adapter = plugin.expect("it loads").adapter("{}", None);
    let adapter = adapter.expect("an adapter");
    let plan = plan(&adapter, "m").expect("a plan takes no words");
    let events = Bytes::from_static(b"data: 1\n\ndata: 2\n\n");
    let fault = adapter.reply(&plan).push(events, &mut Output::default());
    let fault = fault.expect_err("two frames have two ends");
    assert!(matches!(fault, Fault::Trap(_)), "{fault}");
}

#[test]
fn a_plan_cannot_name_the_address_of_another_host() {
    for path in [
        "//evil.example/chat",
        "https://evil.example/chat",
        "@evil.example/chat",
        ".evil.example/chat",
        ":80@evil.example/chat",
        "/chat/../../admin",
        "/chat/%2e%2e/admin",
        "/chat\r\nhost: evil.example",
    ] {
        let fault = crafted(&Crafted {
            path,
            ..Crafted::default()
        })
        .expect_err(path);
        assert!(matches!(fault, Fault::Plan(_)), "{path}: {fault}");
    }
}

#[test]
fn a_giant_result_is_refused() {
    assert!(matches!(planned("body"), Fault::Output(_)));
    assert!(matches!(decoded("chunks"), Fault::Output(_)));
}

#[test]
fn a_state_of_more_than_16_kib_is_refused() {
    assert!(matches!(planned("state"), Fault::Plan(_)));
    assert!(matches!(decoded("state"), Fault::Output(_)));
}

#[test]
fn a_plan_that_leads_elsewhere_is_refused() {
    for how in ["path", "dots", "upstream", "header", "smuggle", "splices"] {
        let fault = planned(how);
        assert!(matches!(fault, Fault::Plan(_)), "{how}: {fault}");
        assert!(fault.is_plugins());
    }
}

#[test]
fn warnings_cannot_break_out_of_a_header_or_flood_it() {
    let plan = plan(&adapter(), "warnings").expect("planned");
    assert_eq!(plan.warnings.len(), 32);
    assert!(
        plan.warnings
            .iter()
            .all(|said| said.len() == 200 && !said.contains(['\r', '\n']))
    );
}

#[test]
fn chunks_that_are_none_are_refused() {
    for how in ["text", "bytes", "control"] {
        let fault = decoded(how);
        assert!(matches!(fault, Fault::Output(_)), "{how}: {fault}");
    }
}

#[test]
fn an_error_is_understood_even_if_the_plugin_hangs_over_it() {
    let adapter = adapter();
    let busy = br#"{"error":{"message":"slow down","type":"rate_limit_error"}}"#;
    assert_eq!(
        adapter.map_error(418, &HeaderMap::new(), busy).message,
        "slow down"
    );
    assert_eq!(
        adapter.map_error(429, &HeaderMap::new(), busy).message,
        "as it says"
    );
}

#[test]
fn a_failing_call_on_one_thread_does_not_disturb_the_others() {
    let adapter = adapter();
    std::thread::scope(|scope| {
        let bad =
            scope.spawn(|| (0..3).all(|_| matches!(plan(&adapter, "loop"), Err(Fault::Deadline))));
        let good = || (0..200).all(|_| plan(&adapter, "fine").is_ok());
        let good: Vec<_> = (0..3).map(|_| scope.spawn(good)).collect();
        assert!(
            good.into_iter()
                .all(|thread| thread.join().expect("no panic"))
        );
        assert!(bad.join().expect("no panic"));
    });
}

#[test]
fn settings_the_plugin_refuses_and_secrets_it_must_not_see() {
    let refused = plugin()
        .adapter(r#"{"refuse":true}"#, None)
        .expect_err("refused");
    assert!(refused.to_string().contains("does not like"), "{refused}");
    assert!(
        plugin().adapter(r#"{"token":"sk-1"}"#, None).is_ok(),
        "a secret was shown"
    );
    assert!(plugin().adapter("[]", None).is_err());
    assert!(plugin().adapter("{}", Some("ftp://x")).is_err());
}

fn refused(bytes: &[u8]) -> LoadError {
    let started = Instant::now();
    let error = stage::host()
        .load("sample.wasm", bytes)
        .expect_err("refused");
    assert!(started.elapsed() < SOON);
    assert!(error.to_string().contains("sample.wasm"));
    error
}

#[test]
fn files_that_are_no_adapter_are_refused_with_a_reason() {
    let module = b"\0asm\x01\0\0\0";
    let component = b"\0asm\x0d\0\x01\0";
    for (bytes, reason) in [
        (&b""[..], "empty"),
        (b"#!/bin/sh\n", "no WebAssembly"),
        (b"\x7fELF\x02\x01\x01", "machine code"),
        (b"\0asm\x09\0\0\0", "unknown version"),
        (module, "core module"),
        (component, "does not export"),
        (b"\0asm\x0d\0\x01\0\xff\xff\xff\xff", "damaged"),
    ] {
        let error = refused(bytes);
        assert!(error.reason().contains(reason), "{error}");
    }
}

#[test]
fn a_component_cut_short_anywhere_is_refused() {
    for at in (8..CALLS.len()).step_by(CALLS.len() / 40) {
        refused(CALLS.get(..at).expect("in range"));
    }
}

#[test]
fn a_component_over_the_size_limit_is_refused_unread() {
    let limits = Limits {
        component: 1000,
        instances: 4,
        ..Limits::default()
    };
    let host = Host::new(limits).expect("a host");
    let error = host.load("big.wasm", CALLS).expect_err("refused");
    assert!(error.reason().contains("may have 1000"), "{error}");
}

#[test]
fn a_plugin_that_never_finishes_introducing_itself_is_refused() {
    let error = refused(DESCRIBE);
    assert!(error.reason().contains("deadline"), "{error}");
}

#[test]
fn swapping_a_plugin_many_times_frees_the_old_ones() {
    let limits = Limits {
        instances: 8,
        ..Limits::default()
    };
    let host = Host::new(limits).expect("a host");
    let plugin = host.load("hostile", CALLS).expect("loaded");
    for _ in 0..100 {
        let adapter = plugin.adapter("{}", None).expect("a slot is free");
        assert!(plan(&adapter, "fine").is_ok());
    }
}

#[test]
fn when_every_slot_is_taken_a_call_says_so() {
    let limits = Limits {
        instances: 1,
        ..Limits::default()
    };
    let host = Host::new(limits).expect("a host");
    let plugin = host.load("hostile", CALLS).expect("loaded");
    let first = plugin.adapter("{}", None).expect("an adapter");
    let second = plugin.adapter("{}", None).expect("an adapter");
    assert!(
        plan(&first, "fine").is_ok(),
        "this thread now keeps the only instance"
    );
    assert!(matches!(plan(&second, "fine"), Err(Fault::Busy)));
}
