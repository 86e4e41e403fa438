//! Which arm a request takes where shares decide: `split` and `canary`.
#![expect(
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot set itself up should fail loudly"
)]

#[path = "shared/plans.rs"]
#[expect(dead_code, reason = "not all of it is wanted here")]
mod plans;

use mux_dsl::image::{Arm, BasisPoints, Canary, HealthRule, Route, Sticky};
use mux_routing::SECOND;
use mux_routing::flight::Arrival;
use mux_routing::router::{Memory, Router};
use plans::{
    A, B, C, D, Told, admit, attempt, counted, of_user, order, plain, request, router, router_with,
    split, to,
};
use std::sync::Arc;

fn canary(share: BasisPoints, abort: Vec<HealthRule>) -> Route {
    Route::Canary(Canary {
        by: vec![Sticky::EndUser],
        salt: "".into(),
        base: Box::new(Route::Attempt(attempt(A))),
        trial: Box::new(to(B)),
        share,
        abort,
        ramp: None,
    })
}

#[test]
fn shares_of_a_split_hold_over_a_hundred_thousand_users() {
    let counts = counted(
        split("s", &[(5_000, A), (3_000, B), (1_950, C), (50, D)]),
        100_000,
    );
    for (target, share) in [(A, 50_000_u32), (B, 30_000), (C, 19_500), (D, 500)] {
        let share_f = f64::from(share) / 100_000.0;
        let deviation = (100_000.0 * share_f * (1.0 - share_f)).sqrt();
        let off = f64::from(counts[&target].abs_diff(share));
        assert!(
            off < 4.0 * deviation,
            "{target:?}: {off} of {deviation}: {counts:?}"
        );
    }
}

#[test]
fn a_user_always_gets_the_same_arm_whatever_else_differs() {
    let router = router(split("s", &[(5_000, A), (5_000, B)]));
    for user in 0..200 {
        let name = format!("user-{user}");
        let first = plain(&router, &of_user(&name));
        let mut other = of_user(&name);
        (other.seed, other.id, other.facts.tokens) = (99, "another".to_owned(), 3);
        other.facts.key = Some("k".to_owned());
        assert_eq!(plain(&router, &other), first);
    }
}

#[test]
fn pointing_an_arm_elsewhere_or_renaming_it_moves_no_user() {
    let before = router(split("s", &[(3_000, A), (7_000, B)]));
    let Route::Split(mut moved) = split("s", &[(3_000, C), (7_000, B)]) else {
        panic!("it is a split")
    };
    moved.arms[0].1.name = Some("another".into());
    let after = router(Route::Split(moved));
    for user in 0..5_000 {
        let arrival = of_user(&format!("user-{user}"));
        let was = plain(&before, &arrival)[0];
        let is = plain(&after, &arrival)[0];
        assert_eq!(is, if was == A { C } else { B });
    }
}

#[test]
fn another_salt_shuffles_users_independently() {
    let one = router(split("one", &[(5_000, A), (5_000, B)]));
    let two = router(split("two", &[(5_000, A), (5_000, B)]));
    let same = (0..10_000).filter(|user| {
        let arrival = of_user(&format!("user-{user}"));
        plain(&one, &arrival) == plain(&two, &arrival)
    });
    let same = same.count();
    assert!((4_800..5_200).contains(&same), "{same}");
}

#[test]
fn a_request_without_a_user_goes_by_its_key_and_then_by_its_id() {
    let router = router(split("s", &[(5_000, A), (5_000, B)]));
    let arm = |arrival: &Arrival| plain(&router, arrival)[0];
    let mut keyed = request(1);
    keyed.facts.key = Some("k_1".to_owned());
    let by_key = arm(&keyed);
    for seed in 2..50 {
        let mut again = request(seed);
        again.facts.key = Some("k_1".to_owned());
        assert_eq!(arm(&again), by_key);
    }
    let by_id: std::collections::BTreeSet<_> = (0..50).map(|seed| arm(&request(seed))).collect();
    assert_eq!(by_id.len(), 2, "ids fall on both arms");
}

#[test]
fn a_canary_grows_step_by_step_and_begins_anew_after_an_abort() {
    let abort = vec![HealthRule::ErrorRateAbove(1_000, 60_000)];
    let Route::Canary(mut canary) = canary(1_000, abort) else {
        panic!("it is a canary")
    };
    canary.ramp = Some((vec![1_000, 5_000, 10_000], 60_000));
    let memory = Memory::default();
    let router = router_with(Route::Canary(canary.clone()), &memory);
    let share = |router: &Arc<Router>, second: u64, live: &Told| {
        let trials = (0..400).filter(|n| {
            let mut arrival = of_user(&format!("user {n}"));
            arrival.now = second * SECOND;
            let (admission, _) = admit(router, &arrival, live);
            let order = admission.order.expect("laid");
            order.itinerary.step(0).unwrap().target == B
        });
        trials.count() / 4
    };
    let well = Told::default();
    assert!((5..15).contains(&share(&router, 100, &well)));
    assert!((5..15).contains(&share(&router, 159, &well)));
    assert!((42..58).contains(&share(&router, 160, &well)));
    let saved = router_with(Route::Canary(canary), &memory);
    assert_eq!(
        share(&saved, 230, &well),
        100,
        "a save does not set it back"
    );
    let mut ill = Told::default();
    ill.error_rate.insert(B, 2_000);
    assert_eq!(share(&saved, 240, &ill), 0);
    assert!(
        (5..15).contains(&share(&saved, 250, &well)),
        "it begins anew"
    );
}

#[test]
fn a_larger_share_of_a_canary_keeps_those_who_had_it() {
    let (small, large) = (router(canary(500, vec![])), router(canary(2_500, vec![])));
    let mut had = 0;
    for user in 0..10_000 {
        let arrival = of_user(&format!("user-{user}"));
        if plain(&small, &arrival) == [B] {
            had += 1;
            assert_eq!(plain(&large, &arrival), [B]);
        }
    }
    assert!((400..600).contains(&had), "{had}");
}

#[test]
fn a_canary_beyond_a_threshold_sends_everybody_to_the_base_and_says_so() {
    let rule = HealthRule::ErrorRateAbove(200, 600_000);
    let router = router(canary(10_000, vec![rule]));
    let arrival = of_user("ana");
    let told = |share| Told {
        error_rate: [(B, share)].into(),
        ..Told::default()
    };
    assert_eq!(order(&router, &arrival, &told(200)), [B]);
    assert_eq!(
        order(&router, &arrival, &Told::default()),
        [B],
        "unknown is no reason"
    );
    let (admission, _) = admit(&router, &arrival, &told(201));
    let order = admission.order.expect("it is admitted");
    assert_eq!(order.itinerary.step(0).unwrap().target, A);
    let [choice] = order.choices.as_slice() else {
        panic!("{:?}", order.choices)
    };
    assert_eq!(
        (choice.strategy, &*choice.arm, choice.aborted),
        ("canary", "base", true)
    );
}

#[test]
fn choices_are_told_outermost_first() {
    let Route::Canary(mut canary) = canary(10_000, vec![]) else {
        panic!("it is a canary")
    };
    let Route::Split(mut inner) = split("s", &[(10_000, A)]) else {
        panic!("it is a split")
    };
    inner.arms[0].1.name = Some("only".into());
    *canary.trial = Arm::of(Route::Split(inner));
    let router = router(Route::Canary(canary));
    let (admission, _) = admit(&router, &of_user("ana"), &Told::default());
    let order = admission.order.expect("it is admitted");
    let arms: Vec<_> = order
        .choices
        .iter()
        .map(|c| (c.strategy, &*c.arm))
        .collect();
    assert_eq!(arms, [("canary", "trial"), ("split", "only")]);
}
