//! What a request stays with.
#![expect(
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot set itself up should fail loudly"
)]

#[path = "shared/plans.rs"]
#[expect(dead_code, reason = "not all of it is wanted here")]
mod plans;

use mux_dsl::image::{Affinity, Arm, By, Listed, Route, Sticky, TargetId};
use mux_traffic::record::Prefix;
use plans::{
    A, B, C, Told, cheapest, counted, fastest, list, of_user, order, plain, request, router, split,
    weighing,
};
use std::collections::BTreeMap;

fn staying(affinity: Affinity, targets: &[TargetId]) -> Listed {
    let mut list = list(By::Weight, targets);
    list.terms.affinity = Some(affinity);
    list
}

#[test]
fn a_conversation_stays_with_one_target_and_leaves_it_only_while_that_is_down() {
    let router = router(Route::Listed(staying(Affinity::Conversation, &[A, B, C])));
    let mut homes: BTreeMap<TargetId, u32> = BTreeMap::new();
    for talk in 0..300 {
        let of = |seed| {
            let mut arrival = request(seed);
            arrival.facts.conversation = Some(format!("talk-{talk}"));
            arrival
        };
        let home = plain(&router, &of(1))[0];
        *homes.entry(home).or_default() += 1;
        assert!((2..20).all(|seed| plain(&router, &of(seed))[0] == home));
        let ill = |target| Told {
            down: vec![target],
            ..Told::default()
        };
        for target in [A, B, C] {
            let away = order(&router, &of(3), &ill(target))[0];
            assert_eq!(
                away == home,
                target != home,
                "only those of the ill one move"
            );
        }
    }
    assert!(homes.values().all(|n| (60..140).contains(n)), "{homes:?}");
}

#[test]
fn a_conversation_whose_target_fails_goes_on_to_the_same_next_one_each_time() {
    let router = router(Route::Listed(staying(Affinity::Conversation, &[A, B, C])));
    let mut seconds: BTreeMap<(TargetId, TargetId), u32> = BTreeMap::new();
    for talk in 0..300 {
        let of = |seed| {
            let mut arrival = request(seed);
            arrival.facts.conversation = Some(format!("talk-{talk}"));
            plain(&router, &arrival)
        };
        let first = of(1);
        assert!((2..20).all(|seed| of(seed) == first), "{first:?}");
        *seconds.entry((first[0], first[1])).or_default() += 1;
        // Once its target is known to be down, it stays where it has gone on to.
        let mut arrival = request(1);
        arrival.facts.conversation = Some(format!("talk-{talk}"));
        let down = Told {
            down: vec![first[0]],
            ..Told::default()
        };
        let away = order(&router, &arrival, &down);
        assert_eq!(away, [first[1], first[2], first[0]]);
    }
    assert_eq!(
        seconds.len(),
        6,
        "what leaves one is spread over the others"
    );
    assert!(seconds.values().all(|n| *n > 20), "{seconds:?}");
}

#[test]
fn a_weighted_affinity_keeps_the_weights() {
    let mut list = staying(Affinity::EndUser, &[]);
    list.arms = vec![weighing(A, 1), weighing(B, 3)];
    let counts = counted(Route::Listed(list), 20_000);
    assert!(counts[&A].abs_diff(5_000) < 300, "{counts:?}");
}

#[test]
fn affinity_never_makes_cheapest_dear() {
    let mut list = cheapest(&[C, A, B]);
    list.terms.affinity = Some(Affinity::EndUser);
    assert_eq!(counted(Route::Listed(list), 200), [(B, 200)].into());
}

#[test]
fn who_stays_with_one_of_the_fastest_stays_among_those_that_are_as_fast() {
    let mut list = fastest(0, &[A, B, C]);
    list.terms.affinity = Some(Affinity::EndUser);
    let router = router(Route::Listed(list));
    let homes = |live: &Told| -> BTreeMap<TargetId, u32> {
        let mut homes = BTreeMap::new();
        for user in 0..300 {
            let home = order(&router, &of_user(&format!("user-{user}")), live)[0];
            *homes.entry(home).or_default() += 1;
        }
        homes
    };
    assert_eq!(homes(&Told::default()).len(), 3, "nothing is known of any");
    let live = Told {
        p95: [(A, 1_000), (B, 1_500), (C, 1_501)].into(),
        ..Told::default()
    };
    let homes = homes(&live);
    assert_eq!(homes.keys().copied().collect::<Vec<_>>(), [A, B]);
    assert!(homes.values().all(|n| *n > 100), "{homes:?}");
}

#[test]
fn a_request_with_nothing_to_stay_by_is_drawn() {
    let router = router(Route::Listed(staying(Affinity::Conversation, &[A, B])));
    let firsts: std::collections::BTreeSet<_> = (0..50)
        .map(|seed| plain(&router, &request(seed))[0])
        .collect();
    assert_eq!(firsts.len(), 2);
}

#[test]
fn headers_and_prefixes_that_plans_go_by_are_asked_of_every_request() {
    let mut list = staying(Affinity::Prefix(2_000), &[A, B]);
    let Route::Split(mut split) = split("s", &[(10_000, A)]) else {
        panic!("it is a split")
    };
    split.by = vec![Sticky::Header("x-tenant".into()), Sticky::Key];
    list.arms.push(Arm::of(Route::Split(split)));
    let router = router(Route::Listed(list));
    assert_eq!(router.demand().headers, ["x-tenant".into()]);
    assert_eq!(router.demand().prefixes, [2_000]);
    let with = |hash: &str| {
        let mut arrival = request(1);
        arrival.facts.prefixes = vec![Prefix {
            tokens: 2_000,
            hash: hash.to_owned(),
        }];
        plain(&router, &arrival)[0]
    };
    let homes: std::collections::BTreeSet<_> =
        (0..40).map(|n| with(&format!("{n:016x}"))).collect();
    assert_eq!(homes.len(), 2, "prompts spread");
    assert_eq!(with("00ff"), with("00ff"));
}
