//! A request that is served by the first of its targets allocates nothing from its decision on: counted by an allocator
//! that is only used here.
#![expect(
    clippy::panic,
    reason = "a test that cannot set itself up should fail loudly"
)]
#![expect(
    unsafe_code,
    reason = "a global allocator cannot be written without it; it only counts and hands on"
)]

use mux_dsl::image::TargetId;
use mux_routing::flight::{Action, Actions, Arrival, End, Event, Flight};
use mux_routing::router::{Memory, Router};
use mux_routing::{MILLI, SECOND};
use mux_traffic::record::{Facts, Usage};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is handed on unchanged to the system allocator; counting touches no heap.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `System.alloc` above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many allocations something makes.
fn counted<T>(act: impl FnOnce() -> T) -> (usize, T) {
    let before = COUNT.get();
    let made = act();
    (COUNT.get() - before, made)
}

/// A policy over so many targets; `route` says what is done with their names.
fn router(targets: usize, route: impl Fn(&[String]) -> String) -> Arc<Router> {
    let model = |n| {
        format!(
            "  model m{n} {{ price input ${}/Mtok output $9/Mtok }}\n",
            n + 1
        )
    };
    let models = (0..targets).map(model).collect::<Vec<_>>().concat();
    let names: Vec<String> = (0..targets).map(|n| format!("p/m{n}")).collect();
    let text = format!(
        "provider p {{\n  kind openai\n  key env KEY\n{models}}}\npolicy @x {{\n  else use {}\n}}\n",
        route(&names)
    );
    let compiled = mux_dsl::compile(&["t.mux"], &mut |_| Ok(text.clone().into()), &|_| true);
    let shown = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
    let image = compiled.image.unwrap_or_else(|| panic!("{shown}"));
    let memory = Memory::default();
    Arc::new(Router::new(Arc::new(image), "v", &memory, |_| None))
}

fn chain(names: &[String]) -> String {
    format!(
        "fallback within 60s {{\n    try {}\n  }}",
        names.join("\n    try ")
    )
}

fn request() -> Arrival {
    Arrival {
        id: "r".to_owned(),
        seed: 7,
        at: 1_767_614_400_000,
        now: 100 * SECOND,
        facts: Facts {
            model: "@x".to_owned(),
            tokens: 1_000,
            streaming: true,
            ..Facts::default()
        },
        ..Arrival::default()
    }
}

/// Allocations of a decision, and the flight.
fn decided(router: &Arc<Router>) -> (usize, Flight) {
    let arrival = request();
    let live = router.live(arrival.now);
    counted(|| Flight::new(router, arrival, &live))
}

#[test]
fn a_plain_served_request_allocates_nothing_after_its_decision() {
    let router = router(16, chain);
    // Twice: nothing is left for later either.
    for _ in 0..2 {
        let (_, mut flight) = decided(&router);
        let mut now = flight.arrival().now;
        let mut out = Actions::new();
        let (allocations, ()) = counted(|| flight.start(now, &mut out));
        assert_eq!(allocations, 0, "to set off");
        let target = TargetId(0);
        assert_eq!(out[..], [Action::Start { attempt: 0, target }]);
        let usage = Usage {
            input: 1_000,
            output: 10,
            ..Usage::default()
        };
        for event in [
            Event::Sent(0),
            Event::Connected(0),
            Event::Head(0, 200),
            Event::Allowance(0, 9_000),
            Event::Content(0),
            Event::Progress(0, 40),
            Event::Progress(0, 40),
            Event::Done(0, Some(usage)),
        ] {
            out.clear();
            now += 100 * MILLI;
            let shown = format!("{event:?}");
            let (allocations, at) = counted(|| {
                flight.on(event, now, &mut out);
                flight.wake_at()
            });
            assert_eq!(allocations, 0, "{shown}");
            assert!(at.is_some() || flight.end().is_some());
        }
        assert_eq!(flight.end(), Some(&End::Served(0)));
    }
}

#[test]
fn a_failure_before_the_answer_allocates_nothing_either() {
    let router = router(16, chain);
    let (_, mut flight) = decided(&router);
    let (now, mut out) = (flight.arrival().now, Actions::new());
    flight.start(now, &mut out);
    let failure = mux_routing::flight::Failure::of(mux_routing::class::Class::Server);
    let (allocations, ()) = counted(|| flight.on(Event::Failed(0, failure), now, &mut out));
    assert_eq!(flight.attempts().len(), 2);
    assert_eq!(allocations, 0);
    let (allocations, ()) = counted(|| flight.on(Event::ClientGone, now, &mut out));
    assert_eq!(flight.end(), Some(&End::ClientGone));
    assert_eq!(allocations, 0, "nor that the client leaves");
}

/// What a decision may allocate: what is found is held here, so that more of it is noticed.
#[test]
fn a_decision_allocates_no_more_than_it_has_to() {
    let listed = |word: &'static str| {
        move |names: &[String]| format!("{word} {{\n    {}\n  }}", names.join("\n    "))
    };
    let weighed = |names: &[String]| {
        let arms = names.join(" weight 1\n    ");
        format!("balance {{\n    {arms} weight 1\n  }}")
    };
    let mut above = Vec::new();
    for (name, router, most) in [
        ("a target", router(1, |names| names[0].clone()), 0),
        ("a chain of 4", router(4, chain), 0),
        ("a chain of 16", router(16, chain), 0),
        ("the cheapest of 16", router(16, listed("cheapest")), 7),
        ("one of 16 by weight", router(16, weighed), 6),
    ] {
        decided(&router);
        let (allocations, flight) = decided(&router);
        println!("{name}: {allocations} allocations");
        assert!(flight.end().is_none());
        if allocations > most {
            above.push((name, allocations));
        }
    }
    assert_eq!(above, [], "more than there were");
}
