//! What is counted of a plugin, what is tried again, and when a plugin is set aside.
#![expect(clippy::expect_used, reason = "a test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use mux_plugins::{Adapter, Fault, Host, Limits, Output, Plan};

#[path = "shared/crafted.rs"]
mod crafted;
#[path = "shared/stage.rs"]
mod stage;

use crafted::Crafted;

/// By the first letter of the model: `t` traps, `l` never ends.
const MOODS: &str = "
  (if (i32.eq (local.get $model) (i32.const 116)) (then unreachable))
  (if (i32.eq (local.get $model) (i32.const 108)) (then (loop $ever (br $ever))))";

fn adapter(host: &Arc<Host>, crafted: &Crafted<'_>) -> Adapter {
    let plugin = host
        .load("crafted", &crafted.component())
        .expect("it loads");
    plugin.adapter("{}", None).expect("an adapter")
}

fn plan(adapter: &Adapter, model: &str) -> Result<Plan, Fault> {
    let body = Bytes::from(format!(
        r#"{{"model":"m","stream":true,"messages":[{{"role":"user","content":"{model}"}}]}}"#
    ));
    adapter.plan(&stage::call(&body, model, true))
}

fn decode(adapter: &Adapter, plan: &Plan) -> Result<Output, Fault> {
    let mut out = Output::default();
    let mut reply = adapter.reply(plan);
    reply.push(Bytes::from_static(b"data: a\n\n"), &mut out)?;
    Ok(out)
}

#[test]
fn a_call_that_crashes_on_a_warm_instance_is_made_once_more_and_nobody_sees_it() {
    // Each instance crashes at its third call, in the middle of its work.
    let third = "(global.set $n (i32.add (global.get $n) (i32.const 1)))
        (if (i32.eq (global.get $n) (i32.const 3)) (then unreachable))";
    let crafted = Crafted {
        parts: "(global $n (mut i32) (i32.const 0))",
        prepare: third,
        decode: third,
        ..Crafted::default()
    };
    let adapter = adapter(&stage::host(), &crafted);
    for _ in 0..50 {
        let plan = plan(&adapter, "m").expect("a plan");
        let out = decode(&adapter, &plan).expect("a reply");
        assert_eq!(out.parts.len(), 1, "and nothing is passed on twice");
    }
    let figures = adapter.plugin().standing().figures();
    assert_eq!(figures.faults.all(), 0);
    // Of a hundred calls, every one that would have been an instance's third.
    assert_eq!((figures.retries, figures.calls), (49, 149));
    assert_eq!(
        figures.instances, 51,
        "one is made to ask about the settings"
    );
}

#[test]
fn a_call_that_fails_on_a_fresh_instance_and_one_that_ran_out_of_time_are_not_made_again() {
    let crafted = Crafted {
        prepare: MOODS,
        ..Crafted::default()
    };
    let adapter = adapter(&stage::host(), &crafted);
    assert!(matches!(plan(&adapter, "t"), Err(Fault::Trap(_))));
    let figures = adapter.plugin().standing().figures();
    assert_eq!((figures.calls, figures.retries), (1, 0));
    assert!(plan(&adapter, "m").is_ok());
    assert!(matches!(plan(&adapter, "l"), Err(Fault::Deadline)));
    let figures = adapter.plugin().standing().figures();
    assert_eq!((figures.calls, figures.retries), (3, 0));
    // The instance that ran out of time is gone.
    assert!(plan(&adapter, "m").is_ok() && plan(&adapter, "t").is_err());
    let figures = adapter.plugin().standing().figures();
    assert_eq!((figures.calls, figures.retries), (6, 1));
    let faults: Vec<_> = figures.faults.each().filter(|(_, n)| *n > 0).collect();
    assert_eq!(faults, [("trap", 2), ("deadline", 1)]);
}

#[test]
fn a_plugin_that_fails_again_and_again_is_set_aside_while_streams_that_began_go_on() {
    let host = Host::new(Limits {
        instances: 8,
        ..Limits::default()
    })
    .expect("a host");
    let told = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&told);
    host.tell(move || {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let crafted = Crafted {
        prepare: MOODS,
        ..Crafted::default()
    };
    let adapter = adapter(&host, &crafted);
    let begun = plan(&adapter, "m").expect("a plan");
    for _ in 0..20 {
        assert!(
            matches!(plan(&adapter, "t"), Err(Fault::Trap(_))),
            "one request alone"
        );
    }
    for n in 0..4 {
        let _ = plan(&adapter, &format!("t{n}"));
    }
    let Err(Fault::Quarantined { seconds }) = plan(&adapter, "m") else {
        panic!("it is still called");
    };
    assert!((1..=30).contains(&seconds));
    assert_eq!(told.load(Ordering::Relaxed), 1);
    assert_eq!(decode(&adapter, &begun).expect("a reply").parts.len(), 1);
    let figures = adapter.plugin().standing().figures();
    assert_eq!(figures.quarantines, 1);
    assert!(figures.aside_ms > 0);

    // The same file again is another try.
    let plugin = host
        .load("crafted", &crafted.component())
        .expect("it loads");
    assert!(plan(&plugin.adapter("{}", None).expect("an adapter"), "m").is_ok());
}

#[test]
fn time_spent_in_a_plugin_is_counted() {
    let crafted = Crafted {
        prepare: MOODS,
        ..Crafted::default()
    };
    let adapter = adapter(&stage::host(), &crafted);
    // Long calls are counted whenever they come, and those that are over in no time are not taken for long.
    for n in 1..=3 {
        assert!((0..3).all(|_| plan(&adapter, "m").is_ok()));
        assert!(matches!(plan(&adapter, "l"), Err(Fault::Deadline)));
        let busy = adapter.plugin().standing().figures().busy_ms;
        // A machine that is busy with others lets a loop have less than its fifty milliseconds.
        assert!((n * 5..n * 100).contains(&busy), "{busy} ms");
    }
}

#[test]
fn slow_plugins_and_large_requests_get_out_of_the_way_of_others() {
    let host = Host::new(Limits {
        instances: 8,
        ..Limits::default()
    })
    .expect("a host");
    let aside = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&aside);
    host.slow_lane(move |work| {
        counted.fetch_add(1, Ordering::Relaxed);
        work();
    });
    // `s` turns three million times, which is milliseconds.
    let turning = "(if (i32.eq (local.get $model) (i32.const 115)) (then
        (local.set $a (i32.const 3000000))
        (loop $more
          (local.set $a (i32.sub (local.get $a) (i32.const 1)))
          (br_if $more (local.get $a)))))";
    let crafted = Crafted {
        prepare: turning,
        ..Crafted::default()
    };
    let adapter = adapter(&host, &crafted);
    let large = format!("quick{}", " ".repeat(300 << 10));
    assert!(plan(&adapter, &large).is_ok());
    assert_eq!(aside.load(Ordering::Relaxed), 1);
    for _ in 0..40 {
        assert!(plan(&adapter, "slow").is_ok());
    }
    let slow = aside.load(Ordering::Relaxed) - 1;
    assert!((1..=40).contains(&slow), "{slow}");
    for _ in 0..400 {
        assert!(plan(&adapter, "quick").is_ok());
    }
    let before = aside.load(Ordering::Relaxed);
    assert!(plan(&adapter, "quick").is_ok());
    assert_eq!(
        aside.load(Ordering::Relaxed),
        before,
        "it was slow for a while"
    );
}
