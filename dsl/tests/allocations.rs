//! A decision allocates nothing: counted by an allocator that is only used here.
#![expect(
    unsafe_code,
    reason = "a global allocator cannot be written without it; it only counts and hands on"
)]

#[path = "shared/shapes.rs"]
mod shapes;

use mux_dsl::compile;
use mux_dsl::image::{BasisPoints, BudgetId, Features, Millis, TargetId};
use mux_dsl::request::{HealthState, Live, Request};
use shapes::{Customer, Moment, equalities, image, ranges};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeSet;

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

struct Slow;

impl Live for Slow {
    fn p50(&self, _: TargetId) -> Option<Millis> {
        Some(900)
    }
    fn p95(&self, _: TargetId) -> Option<Millis> {
        Some(3_000)
    }
    fn p99(&self, _: TargetId) -> Option<Millis> {
        None
    }
    fn error_rate(&self, _: TargetId) -> Option<BasisPoints> {
        Some(100)
    }
    fn inflight(&self, _: TargetId) -> u32 {
        0
    }
    fn breaker_open(&self, _: TargetId) -> bool {
        false
    }

    fn headroom(&self, _: TargetId) -> Option<BasisPoints> {
        None
    }
    fn health(&self, _: TargetId) -> HealthState {
        HealthState::Ok
    }
    fn used(&self, _: BudgetId, _: &Request<'_>) -> BasisPoints {
        0
    }
}

const POLICY: &str = r#"
provider north {
  kind openai
  model large
}
budget team { cap $1/day }
set staff { "ana" }
policy @p {
  when tag.tier matches "*gold*" and end_user in staff deny 401 "a"
  when time in sat-sun 08:00-20:00 America/New_York deny 402 "b"
  when p95 of north/large > 10s or health of north is down deny 403 "c"
  when used of budget team >= 80% deny 404 "d"
  when tokens > 3k and has images go @q
  else use north/large
}
policy @q { when model starts with "x" deny 405 "e"
  else use north/large timeout 5s }
"#;

#[test]
fn a_decision_through_every_kind_of_test_allocates_nothing() {
    let compiled = compile(&["p.mux"], &mut |_| Ok(POLICY.into()), &|_| true);
    let image = compiled.image.expect("it is a good policy");
    let policy = image.policy("p").expect("it is declared");
    let request = Request {
        model: "@p",
        key: Some("k"),
        team: None,
        end_user: Some("li"),
        conversation: None,
        tags: &[("team", "a"), ("tier", "golden")],
        headers: &[],
        operation: "chat",
        dialect: "openai-chat",
        tokens: 5_000,
        output_limit: Some(100),
        streaming: true,
        needs: Features::IMAGES,
        now: 1_774_600_000_000,
    };
    let before = COUNT.get();
    let decision = image.decide(policy, &request, &Slow);
    let allocations = COUNT.get() - before;
    assert_eq!(decision.policies.as_slice().len(), 2);
    assert_eq!(allocations, 0);
    let asked = image
        .asked(policy, &decision.path)
        .expect("it was just taken");
    assert_eq!(asked.len(), 9, "{asked:?}");
}

#[test]
fn a_decision_allocates_nothing_however_many_rules_there_are() {
    for rules in [10, 200, 1_000] {
        let image = image(&equalities(rules));
        let policy = image.policy("shape").expect("it is declared");
        for rule in 0..rules {
            let customer = Customer::of(rule);
            let tags = customer.tags();
            let request = customer.request(&tags);
            let before = COUNT.get();
            let decision = image.decide(policy, &request, &Slow);
            let allocations = COUNT.get() - before;
            assert_eq!(decision.rule.index(), rule, "of {rules}");
            assert_eq!(allocations, 0, "rule {rule} of {rules}");
        }
    }
}

#[test]
fn a_decision_by_ranges_that_all_overlap_allocates_nothing() {
    const RULES: usize = 40;
    let image = image(&ranges(RULES));
    let policy = image.policy("shape").expect("it is declared");
    let mut deciding = BTreeSet::new();
    for moment in Moment::some(500) {
        let request = moment.request();
        let before = COUNT.get();
        let decision = image.decide(policy, &request, &moment);
        let allocations = COUNT.get() - before;
        deciding.insert(decision.rule.index());
        assert_eq!(allocations, 0, "{moment:?}");
    }
    assert!(deciding.len() > RULES / 2, "only {deciding:?} decided");
    assert!(deciding.contains(&RULES), "`else` never decided");
}
