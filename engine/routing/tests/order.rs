//! In which order a request tries targets, where its plan leaves that to figures, weights and nesting.
#![expect(
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot set itself up should fail loudly"
)]

#[path = "shared/plans.rs"]
#[expect(dead_code, reason = "not all of it is wanted here")]
mod plans;

use mux_dsl::image::{
    Accept, Affinity, After, Arm, By, Cascade, Compare, Fallback, Features, Filter, Hedge, Listed,
    Millis, ProviderId, Quantile, Route, Split, Sticky, TargetId, Terms, Tier,
};
use mux_dsl::request::HealthState;
use mux_routing::SECOND;
use mux_routing::router::Router;
use plans::{
    A, B, C, D, Told, admit, attempt, cheapest, fastest, list, order, plain, request, router,
    split, to, weighing,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

#[test]
fn the_cheapest_is_the_cheapest_for_this_request_and_the_others_follow() {
    let router = router(Route::Listed(cheapest(&[D, C, A, B])));
    let mut arrival = request(1);
    // 1000·$1 + 256·$20 against 1000·$2 + 256·$1, by the million.
    assert_eq!(plain(&router, &arrival), [B, A, C, D], "a long answer");
    arrival.facts.output_limit = Some(10);
    assert_eq!(plain(&router, &arrival), [A, B, C, D], "a short one");
    arrival.facts.output_limit = Some(100_000);
    assert_eq!(plain(&router, &arrival), [B, A, C, D], "a limit is no wish");
}

#[test]
fn what_cannot_serve_or_does_not_pass_is_no_candidate_and_the_record_says_why() {
    let mut list = cheapest(&[D, C, A, B]);
    list.filter = Some(Filter::All(vec![
        Filter::Tier(Compare::AtLeast, Tier::Standard),
        Filter::Health(HealthState::Ok),
    ]));
    list.otherwise = Some(Box::new(Route::Attempt(attempt(A))));
    let router = router(Route::Listed(list));
    let mut arrival = request(1);
    assert_eq!(plain(&router, &arrival), [B, C, A], "a is only the way out");
    let live = Told {
        down: vec![B],
        ..Told::default()
    };
    assert_eq!(order(&router, &arrival, &live), [C, A]);
    arrival.needs = Features::AUDIO;
    let (admission, _) = admit(&router, &arrival, &live);
    let order = admission.order.expect("it is admitted");
    let why: Vec<_> = order
        .dropped
        .iter()
        .map(|(t, r)| (*t, r.as_ref().unwrap().kind()))
        .collect();
    assert_eq!(
        why,
        [
            (D, "capability-missing"),
            (A, "capability-missing"),
            (B, "capability-missing")
        ]
    );
    assert_eq!(order.costs.len(), 1, "only candidates are weighed");
}

#[test]
fn neither_a_condition_on_what_is_unknown_nor_its_negation_passes() {
    let unknown = Filter::Price(Compare::AtMost, 5_000_000);
    for filter in [unknown.clone(), Filter::Not(Box::new(unknown))] {
        let mut list = fastest(0, &[D]);
        list.filter = Some(filter);
        let router = router(Route::Listed(list));
        let (admission, refusal) = admit(&router, &request(1), &Told::default());
        assert!(refusal.is_none());
        assert!(admission.order.expect("laid").itinerary.is_empty());
    }
}

#[test]
fn a_request_that_no_target_of_a_list_can_serve_is_refused_before_anything_is_called() {
    let router = router(Route::Listed(cheapest(&[A, B])));
    let mut arrival = request(1);
    arrival.needs = Features::AUDIO;
    let (_, refusal) = admit(&router, &arrival, &Told::default());
    assert_eq!(refusal.expect("refused").code, "capability_missing");
}

#[test]
fn the_fastest_comes_first_and_unknown_ones_last_but_for_the_share_that_explores() {
    let live = Told {
        p95: [(C, 900), (A, 200)].into(),
        ..Told::default()
    };
    let still = router(Route::Listed(fastest(0, &[D, C, B, A])));
    for seed in 0..100 {
        assert_eq!(order(&still, &request(seed), &live), [A, C, D, B]);
    }
    let curious = router(Route::Listed(fastest(1_000, &[D, C, B, A])));
    let mut firsts: BTreeMap<TargetId, u32> = BTreeMap::new();
    for seed in 0..10_000 {
        *firsts
            .entry(order(&curious, &request(seed), &live)[0])
            .or_default() += 1;
    }
    assert_eq!(firsts.get(&C), None, "what is unknown is explored first");
    assert!(
        (900..1_100).contains(&(firsts[&D] + firsts[&B])),
        "{firsts:?}"
    );
    assert!(firsts[&D] > 400 && firsts[&B] > 400, "{firsts:?}");
}

#[test]
fn where_all_are_known_any_but_the_fastest_is_explored() {
    let live = Told {
        p95: [(A, 200), (B, 300), (C, 400)].into(),
        ..Told::default()
    };
    let router = router(Route::Listed(fastest(10_000, &[A, B, C])));
    let mut firsts: BTreeMap<TargetId, u32> = BTreeMap::new();
    for seed in 0..1_000 {
        *firsts
            .entry(order(&router, &request(seed), &live)[0])
            .or_default() += 1;
    }
    assert_eq!(firsts.keys().copied().collect::<Vec<_>>(), [B, C]);
}

#[test]
fn a_balance_keeps_its_weights_and_the_heaviest_is_next() {
    let mut list = list(By::Weight, &[]);
    list.arms = vec![weighing(A, 1), weighing(B, 6), weighing(C, 3)];
    let router = router(Route::Listed(list));
    let mut firsts: BTreeMap<TargetId, u32> = BTreeMap::new();
    for seed in 0..20_000 {
        let order = plain(&router, &request(seed));
        *firsts.entry(order[0]).or_default() += 1;
        let rest = match order[0] {
            A => [B, C],
            B => [C, A],
            _ => [B, A],
        };
        assert_eq!(order[1..], rest);
    }
    for (target, share) in [(A, 2_000_u32), (B, 12_000), (C, 6_000)] {
        // Five standard deviations of the widest.
        assert!(firsts[&target].abs_diff(share) < 350, "{firsts:?}");
    }
}

#[test]
fn of_equals_the_busier_of_two_is_left_for_the_other_and_written_weights_are_kept() {
    let share = |list: &Listed, live: &Told| {
        let router = router(Route::Listed(list.clone()));
        let firsts = (0..4_000).map(|seed| order(&router, &request(seed), live)[0]);
        firsts.filter(|first| *first == A).count()
    };
    let equal = list(By::Weight, &[A, B, C]);
    let mut weighed = equal.clone();
    weighed.arms[0].weight = 2;
    let busy = |inflight: u32, p50: [Millis; 3]| Told {
        inflight: [(A, inflight), (B, 20), (C, 20)].into(),
        p50: [A, B, C].into_iter().zip(p50).collect(),
        ..Told::default()
    };
    for (live, left) in [
        (busy(20, [500; 3]), false),
        (busy(30, [500; 3]), false),
        (busy(40, [500; 3]), true),
        (busy(20, [900, 500, 500]), true),
        (busy(10, [900, 500, 500]), false),
    ] {
        let (a, kept) = (share(&equal, &live), share(&weighed, &live));
        if left {
            assert_eq!(a, 0, "whichever of the others is drawn is less busy");
        } else {
            assert!(a.abs_diff(1_333) < 120, "{a}");
        }
        assert!(kept.abs_diff(2_000) < 120, "{kept}");
    }
}

#[test]
fn strategies_nest_and_keep_their_own_deadlines_and_outcomes() {
    let inner = Route::Fallback(Fallback {
        tries: vec![to(B), to(A)],
        terms: Terms {
            within: Some(3_000),
            ..Terms::default()
        },
    });
    let mut outer = cheapest(&[C]);
    outer.arms.push(Arm::of(inner));
    outer.arms.push(Arm::of(split("s", &[(10_000, D)])));
    outer.terms.within = Some(9_000);
    let router = router(Route::Listed(outer));
    let (admission, _) = admit(&router, &request(1), &Told::default());
    let flat = admission.itinerary().expect("it is admitted");
    let steps: Vec<_> = flat
        .steps()
        .map(|(_, s)| (s.target, flat.group(s.group).unwrap().within))
        .collect();
    let seconds = |n: u64| Some(n * SECOND);
    assert_eq!(
        steps,
        [
            (B, seconds(3)),
            (A, seconds(3)),
            (C, seconds(9)),
            (D, seconds(9))
        ]
    );
}

#[test]
fn a_hedge_is_one_step_and_nothing_is_allocated_for_it() {
    let router = router(Route::Hedge(Hedge {
        after: After::Time(800),
        extra: 1,
        arms: vec![to(C), to(A)],
        budget: None,
        cost: None,
        terms: Terms::default(),
    }));
    let (admission, _) = admit(&router, &request(1), &Told::default());
    let order = admission.order.expect("laid");
    assert!(order.fixed, "it is laid once for all");
    assert_eq!(order.itinerary.len(), 1);
    let step = order.itinerary.step(0).unwrap();
    assert_eq!(step.target, C);
    assert_eq!(step.joint.as_ref().map(|j| j.arms.len()), Some(2));
}

#[test]
fn an_arm_of_a_list_may_be_a_cascade_and_loses_what_the_list_filters_out() {
    let cascade = Route::Cascade(Cascade {
        judge: None,
        steps: vec![(to(A), Some(Accept::Schema)), (to(C), None)],
        buffer: true,
        terms: Terms::default(),
    });
    let mut list = cheapest(&[B]);
    list.filter = Some(Filter::Provider(ProviderId(0)));
    list.arms.push(Arm::of(cascade));
    let router = router(Route::Listed(list));
    let (admission, refusal) = admit(&router, &request(1), &Told::default());
    assert_eq!(refusal, None);
    let order = admission.order.expect("laid");
    let joint = order.itinerary.steps().find_map(|(_, s)| s.joint.clone());
    assert!(joint.is_some(), "{:?}", order.itinerary);
}

fn arms() -> impl Strategy<Value = Route> {
    let leaf = (0..4_u32).prop_map(|t| Route::Attempt(attempt(TargetId(t))));
    leaf.prop_recursive(3, 12, 4, |inner| {
        let arms = prop::collection::vec((inner.clone(), 0..5_u32), 1..4);
        let by = prop_oneof![
            Just(By::Cost),
            Just(By::Weight),
            (0..10_000_u32).prop_map(|share| By::Latency(Quantile::P95, 1, share))
        ];
        let affinity = prop::option::of(Just(Affinity::EndUser));
        let listed = (by, arms.clone(), affinity).prop_map(|(by, arms, affinity)| {
            let mut list = list(by, &[]);
            list.arms = arms
                .into_iter()
                .map(|(route, weight)| Arm {
                    weight,
                    ..Arm::of(route)
                })
                .collect();
            list.terms.affinity = affinity;
            Route::Listed(list)
        });
        let chain = arms.prop_map(|arms| {
            Route::Fallback(Fallback {
                tries: arms.into_iter().map(|(route, _)| Arm::of(route)).collect(),
                terms: Terms::default(),
            })
        });
        let divided = (inner.clone(), inner, 0..=10_000_u32).prop_map(|(a, b, share)| {
            Route::Split(Split {
                by: vec![Sticky::EndUser],
                salt: "".into(),
                arms: vec![(share, Arm::of(a)), (10_000 - share, Arm::of(b))],
            })
        });
        prop_oneof![listed, chain, divided]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_order_is_a_function_of_bundle_request_figures_and_seed(
        route in arms(),
        seed: u64,
        user in prop::option::of("[a-z]{1,4}"),
        p95 in prop::collection::btree_map((0..4_u32).prop_map(TargetId), 1..5_000_u64, 0..4),
        images: bool,
    ) {
        let mut arrival = request(seed);
        arrival.facts.end_user = user;
        arrival.needs = if images { Features::AUDIO } else { Features::default() };
        let live = Told { p95, ..Told::default() };
        let laid = |router: &Arc<Router>| {
            let (admission, _) = admit(router, &arrival, &live);
            let order = admission.order.expect("laid");
            (order.itinerary, order.choices, order.costs, order.dropped)
        };
        let (one, two) = (router(route.clone()), router(route));
        let first = laid(&one);
        prop_assert_eq!(&first, &laid(&one));
        prop_assert_eq!(&first, &laid(&two));
    }
}
