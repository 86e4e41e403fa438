//! Components that other toolchains build: they import WASI, and get none of it.
#![expect(clippy::expect_used, reason = "a test")]

use bytes::Bytes;
use mux_plugins::{Adapter, Fault, Output};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};

#[path = "shared/crafted.rs"]
mod crafted;
#[path = "shared/stage.rs"]
mod stage;

use crafted::Crafted;

/// As much of WASI as runtimes ask for, in its own words.
const PACKAGES: &str = r"
package wasi:io@0.2.6 {
  interface error { resource error { to-debug-string: func() -> string; } }
  interface poll {
    resource pollable { ready: func() -> bool; block: func(); }
    poll: func(in: list<borrow<pollable>>) -> list<u32>;
  }
  interface streams {
    use error.{error};
    use poll.{pollable};
    variant stream-error { last-operation-failed(error), closed }
    resource input-stream {
      blocking-read: func(len: u64) -> result<list<u8>, stream-error>;
    }
    resource output-stream {
      check-write: func() -> result<u64, stream-error>;
      blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
      subscribe: func() -> pollable;
    }
  }
}
package wasi:clocks@0.2.6 {
  interface monotonic-clock { now: func() -> u64; }
  interface wall-clock { record datetime { seconds: u64, nanoseconds: u32 } now: func() -> datetime; }
}
package wasi:random@0.2.6 {
  interface random { get-random-bytes: func(len: u64) -> list<u8>; get-random-u64: func() -> u64; }
}
package wasi:filesystem@0.2.6 {
  interface types {
    enum error-code { access, would-block, not-permitted }
    resource descriptor {
      sync: func() -> result<_, error-code>;
      size: func() -> u64;
    }
  }
  interface preopens {
    use types.{descriptor};
    get-directories: func() -> list<tuple<descriptor, string>>;
  }
}
package wasi:cli@0.2.6 {
  interface environment {
    get-environment: func() -> list<tuple<string, string>>;
    initial-cwd: func() -> option<string>;
  }
  interface stdin { use wasi:io/streams@0.2.6.{input-stream}; get-stdin: func() -> input-stream; }
  interface stdout { use wasi:io/streams@0.2.6.{output-stream}; get-stdout: func() -> output-stream; }
  interface exit { exit: func(status: result); }
}
";

const IMPORTS: &str = "import wasi:io/streams@0.2.6; import wasi:io/poll@0.2.6; import wasi:clocks/monotonic-clock@0.2.6; \
    import wasi:clocks/wall-clock@0.2.6; import wasi:random/random@0.2.6; import wasi:filesystem/types@0.2.6; \
    import wasi:filesystem/preopens@0.2.6; import wasi:cli/environment@0.2.6; import wasi:cli/stdin@0.2.6; \
    import wasi:cli/stdout@0.2.6; import wasi:cli/exit@0.2.6;";

/// The same imports as the module names them.
const LOWERED: &str = r#"
  (import "wasi:cli/environment@0.2.6" "get-environment" (func $environment (param i32)))
  (import "wasi:cli/environment@0.2.6" "initial-cwd" (func $cwd (param i32)))
  (import "wasi:filesystem/preopens@0.2.6" "get-directories" (func $directories (param i32)))
  (import "wasi:filesystem/types@0.2.6" "[method]descriptor.sync" (func $sync (param i32 i32)))
  (import "wasi:filesystem/types@0.2.6" "[method]descriptor.size" (func $size (param i32) (result i64)))
  (import "wasi:cli/stdin@0.2.6" "get-stdin" (func $stdin (result i32)))
  (import "wasi:io/streams@0.2.6" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
  (import "wasi:cli/stdout@0.2.6" "get-stdout" (func $stdout (result i32)))
  (import "wasi:io/streams@0.2.6" "[method]output-stream.check-write" (func $room (param i32 i32)))
  (import "wasi:io/streams@0.2.6" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))
  (import "wasi:io/streams@0.2.6" "[method]output-stream.subscribe" (func $subscribe (param i32) (result i32)))
  (import "wasi:io/streams@0.2.6" "[resource-drop]output-stream" (func $drop (param i32)))
  (import "wasi:io/poll@0.2.6" "[method]pollable.ready" (func $ready (param i32) (result i32)))
  (import "wasi:io/poll@0.2.6" "[method]pollable.block" (func $block (param i32)))
  (import "wasi:io/poll@0.2.6" "[resource-drop]pollable" (func $drop-pollable (param i32)))
  (import "wasi:io/poll@0.2.6" "poll" (func $poll (param i32 i32 i32)))
  (import "wasi:clocks/monotonic-clock@0.2.6" "now" (func $now (result i64)))
  (import "wasi:clocks/wall-clock@0.2.6" "now" (func $date (param i32)))
  (import "wasi:random/random@0.2.6" "get-random-u64" (func $random (result i64)))
  (import "wasi:random/random@0.2.6" "get-random-bytes" (func $bytes (param i64 i32)))
  (import "wasi:cli/exit@0.2.6" "exit" (func $exit (param i32)))
"#;

/// Crashes unless what precedes it is true.
const PARTS: &str = "(func $must (param i32) (if (i32.eqz (local.get 0)) (then unreachable)))
  (global $first (mut i64) (i64.const 0))";

/// By the first letter of the model: everything a runtime does at its start, or one thing that is not granted.
const PREPARE: &str = r"
  (if (i32.eq (local.get $model) (i32.const 120)) (then (call $exit (i32.const 0))))
  (if (i32.eq (local.get $model) (i32.const 115)) (then (drop (call $size (i32.const 1)))))
  (if (i32.eq (local.get $model) (i32.const 109)) (then (call $bytes (i64.const 100000000) (i32.const 0))))
  (call $environment (i32.const 0))
  (call $must (i32.eqz (i32.load offset=4 (i32.const 0))))
  (call $cwd (i32.const 0))
  (call $must (i32.eqz (i32.load8_u (i32.const 0))))
  (call $directories (i32.const 0))
  (call $must (i32.eqz (i32.load offset=4 (i32.const 0))))
  ;; Nothing comes from stdin, which is closed.
  (call $read (call $stdin) (i64.const 10) (i32.const 0))
  (call $must (i32.eq (i32.load8_u (i32.const 0)) (i32.const 1)))
  (call $must (i32.eq (i32.load8_u offset=4 (i32.const 0)) (i32.const 1)))
  ;; What is written is gone, and said to be written.
  (local.set $a (call $stdout))
  (call $room (local.get $a) (i32.const 0))
  (call $must (i32.eqz (i32.load8_u (i32.const 0))))
  (call $must (i64.gt_u (i64.load offset=8 (i32.const 0)) (i64.const 0)))
  (call $write (local.get $a) (i32.const 1024) (i32.const 64) (i32.const 0))
  (call $must (i32.eqz (i32.load8_u (i32.const 0))))
  (local.set $b (call $subscribe (local.get $a)))
  (call $must (call $ready (local.get $b)))
  (call $block (local.get $b))
  (i32.store offset=32 (i32.const 0) (local.get $b))
  (call $poll (i32.const 32) (i32.const 1) (i32.const 0))
  (call $must (i32.eq (i32.load offset=4 (i32.const 0)) (i32.const 1)))
  (call $drop-pollable (local.get $b))
  (call $drop (local.get $a))
  ;; Time stands still, and not at nought.
  (call $must (i64.ne (call $now) (i64.const 0)))
  (call $must (i64.eq (call $now) (call $now)))
  (call $date (i32.const 0))
  (call $must (i64.eq (i64.load (i32.const 0)) (i64.const 1000000000)))
  ;; Every call draws the same numbers, which differ among each other.
  (if (i64.eqz (global.get $first)) (then (global.set $first (call $random))) (else
    (call $must (i64.eq (call $random) (global.get $first)))))
  (call $must (i64.ne (call $random) (global.get $first)))
  (call $bytes (i64.const 13) (i32.const 0))
  (call $must (i32.eq (i32.load offset=4 (i32.const 0)) (i32.const 13)))
";

/// What C libraries and older toolchains import; an adapter of wasmtime's turns it into the above.
const PREVIEW1: &str = r#"
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))"#;

/// The same machine with nothing on it, as they see it; errno 8 is a bad descriptor.
const PREPARE1: &str = "
  (if (i32.eq (local.get $model) (i32.const 120)) (then (call $exit (i32.const 0))))
  (i32.store (i32.const 0) (i32.const -1))
  (call $must (i32.eqz (call $environ (i32.const 0) (i32.const 4))))
  (call $must (i32.eqz (i32.load (i32.const 0))))
  (i32.store (i32.const 0) (i32.const -1))
  (call $must (i32.eqz (call $args (i32.const 0) (i32.const 4))))
  (call $must (i32.eqz (i32.load (i32.const 0))))
  (call $must (i32.eq (call $prestat (i32.const 3) (i32.const 0)) (i32.const 8)))
  (call $must (i32.eq (call $open (i32.const 3) (i32.const 0) (i32.const 1024) (i32.const 4) (i32.const 0)
    (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0)) (i32.const 8)))
  (i32.store (i32.const 0) (i32.const 1024))
  (i32.store (i32.const 4) (i32.const 64))
  (call $must (i32.eqz (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (call $must (i32.eq (i32.load (i32.const 8)) (i32.const 64)))
  (i32.store (i32.const 0) (i32.const 512))
  (call $must (i32.eqz (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))))
  (call $must (i32.eqz (i32.load (i32.const 8))))
  (call $must (i32.eqz (call $clock (i32.const 0) (i64.const 1) (i32.const 0))))
  (call $must (i64.eq (i64.load (i32.const 0)) (i64.const 1000000000000000000)))
  (call $must (i32.eqz (call $clock (i32.const 1) (i64.const 1) (i32.const 0))))
  (i64.store (i32.const 0) (i64.const 0))
  (call $must (i32.eqz (call $random (i32.const 0) (i32.const 8))))
  (call $must (i64.ne (i64.load (i32.const 0)) (i64.const 0)))
  (call $must (i32.eqz (call $yield)))";

/// A component that imports WASI itself.
fn adapter() -> Adapter {
    made(&Crafted {
        world: (IMPORTS, PACKAGES),
        imports: LOWERED,
        parts: PARTS,
        prepare: PREPARE,
        ..Crafted::default()
    })
}

/// One whose toolchain knows only the first preview of WASI.
fn older() -> Adapter {
    made(&Crafted {
        imports: PREVIEW1,
        parts: PARTS,
        prepare: PREPARE1,
        beside: Some((
            WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
            WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
        )),
        ..Crafted::default()
    })
}

fn made(crafted: &Crafted<'_>) -> Adapter {
    let plugin = stage::host().load("wasi", &crafted.component());
    plugin
        .expect("it loads")
        .adapter("{}", None)
        .expect("an adapter")
}

fn plan(adapter: &Adapter, model: &str) -> Result<mux_plugins::Plan, Fault> {
    let body = Bytes::from_static(br#"{"model":"m","messages":[],"stream":true}"#);
    adapter.plan(&stage::call(&body, model, true))
}

#[test]
fn a_component_that_imports_wasi_works_on_a_machine_with_nothing_on_it() {
    for adapter in [adapter(), older()] {
        // Many times, so that handles it forgets to drop and numbers it draws are those of a warm instance.
        for _ in 0..100 {
            let plan = plan(&adapter, "fine").expect("a plan");
            let mut out = Output::default();
            let mut reply = adapter.reply(&plan);
            reply
                .push(Bytes::from_static(b"data: a\n\n"), &mut out)
                .expect("an event");
            assert!(out.terminal && out.parts.len() == 1);
        }
    }
}

#[test]
fn what_wasi_has_no_refusal_for_ends_the_call_in_words_and_not_the_plugin() {
    let adapter = adapter();
    for (model, words) in [
        ("x", "`wasi:cli/exit` `exit`"),
        ("m", "random bytes"),
        // A handle it never got.
        ("s", "handle"),
    ] {
        let fault = plan(&adapter, model).expect_err(model);
        assert!(
            matches!(&fault, Fault::Trap(why) if why.contains(words)),
            "{model}: {fault}"
        );
        assert!(plan(&adapter, "fine").is_ok(), "after {model}");
    }
    let older = older();
    assert!(matches!(plan(&older, "x"), Err(Fault::Trap(_))));
    assert!(plan(&older, "fine").is_ok());
}
