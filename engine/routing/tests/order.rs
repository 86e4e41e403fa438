//! In which order a request tries targets, where its plan leaves that to the request.
#![expect(
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot set itself up should fail loudly"
)]

use mux_dsl::image::{
    Affinity, After, Arm, Attempt, BasisPoints, By, Canary, Cascade, Combine, Compare, Ensemble,
    Fallback, Features, Filter, HealthRule, Hedge, Listed, Millis, Quantile, Route, Split, Sticky,
    TargetId, Terms, Tier, Timeouts,
};
use mux_dsl::request::{HealthState, Live, Request};
use mux_routing::SECOND;
use mux_routing::admission::Admission;
use mux_routing::flight::Arrival;
use mux_routing::refusal::Refusal;
use mux_routing::router::{Memory, Router};
use mux_traffic::record::{Facts, Prefix};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

const A: TargetId = TargetId(0);
const B: TargetId = TargetId(1);
const C: TargetId = TargetId(2);
const D: TargetId = TargetId(3);

/// `a` is cheap to ask, `b` cheap to listen to, `c` dear, and of `d` the price is not known.
const BUNDLE: &str = r"
provider p {
  kind openai
  regions eu
  key env KEY
  model a {
    context 10k
    price input $1/Mtok output $20/Mtok
    can tools images json-schema streaming
    tier economy
  }
  model b {
    context 10k
    price input $2/Mtok output $1/Mtok
    can tools images json-schema streaming
    tier standard
  }
  model c {
    context 100k
    price input $9/Mtok output $90/Mtok
    can tools images json-schema audio streaming
    tier frontier
  }
}
provider q {
  kind openai
  key env KEY
  model d {
    context 10k
    can tools images json-schema streaming
  }
}
policy @x {
  else use p/a
}
";

/// Live figures that are told.
#[derive(Clone, Default)]
struct Told {
    p95: BTreeMap<TargetId, Millis>,
    error_rate: BTreeMap<TargetId, BasisPoints>,
    down: Vec<TargetId>,
}

impl Live for Told {
    fn p50(&self, _: TargetId) -> Option<Millis> {
        None
    }
    fn p95(&self, target: TargetId) -> Option<Millis> {
        self.p95.get(&target).copied()
    }
    fn p99(&self, _: TargetId) -> Option<Millis> {
        None
    }
    fn error_rate(&self, target: TargetId) -> Option<BasisPoints> {
        self.error_rate.get(&target).copied()
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
    fn health(&self, target: TargetId) -> HealthState {
        if self.down.contains(&target) {
            HealthState::Down
        } else {
            HealthState::Ok
        }
    }
    fn used(&self, _: mux_dsl::image::BudgetId, _: &Request<'_>) -> BasisPoints {
        0
    }
}

/// A gateway of one policy, `@x`, that always takes this route.
fn router(route: Route) -> Arc<Router> {
    let compiled = mux_dsl::compile(&["t.mux"], &mut |_| Ok(BUNDLE.into()), &|_| true);
    let shown = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
    let mut image = compiled.image.unwrap_or_else(|| panic!("{shown}"));
    image.plans[0].route = route;
    Arc::new(Router::new(
        Arc::new(image),
        "v",
        &Memory::default(),
        |_| None,
    ))
}

fn attempt(target: TargetId) -> Attempt {
    Attempt {
        target,
        timeouts: Timeouts::default(),
        retry: None,
    }
}

fn to(target: TargetId) -> Arm {
    Arm::of(Route::Attempt(attempt(target)))
}

fn weighing(target: TargetId, weight: u32) -> Arm {
    Arm {
        weight,
        ..to(target)
    }
}

fn list(by: By, targets: &[TargetId]) -> Listed {
    Listed {
        by,
        filter: None,
        arms: targets.iter().copied().map(to).collect(),
        otherwise: None,
        terms: Terms::default(),
    }
}

fn cheapest(targets: &[TargetId]) -> Listed {
    list(By::Cost, targets)
}

fn fastest(explore: BasisPoints, targets: &[TargetId]) -> Listed {
    list(By::Latency(Quantile::P95, 60_000, explore), targets)
}

fn split(salt: &str, arms: &[(BasisPoints, TargetId)]) -> Route {
    Route::Split(Split {
        by: vec![Sticky::EndUser],
        salt: salt.into(),
        arms: arms
            .iter()
            .map(|(share, target)| (*share, to(*target)))
            .collect(),
    })
}

fn request(seed: u64) -> Arrival {
    Arrival {
        id: format!("req_{seed}"),
        seed,
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

fn of_user(name: &str) -> Arrival {
    let mut arrival = request(1);
    arrival.facts.end_user = Some(name.to_owned());
    arrival
}

fn admit(router: &Arc<Router>, arrival: &Arrival, live: &Told) -> (Admission, Option<Refusal>) {
    Admission::decide(router, arrival, live)
}

fn order(router: &Arc<Router>, arrival: &Arrival, live: &Told) -> Vec<TargetId> {
    let (admission, _) = admit(router, arrival, live);
    let itinerary = admission.itinerary().expect("it is admitted");
    itinerary.steps.iter().map(|step| step.target).collect()
}

fn plain(router: &Arc<Router>, arrival: &Arrival) -> Vec<TargetId> {
    order(router, arrival, &Told::default())
}

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
        assert!(admission.order.expect("laid").itinerary.steps.is_empty());
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

fn counted(route: Route, users: u32) -> BTreeMap<TargetId, u32> {
    let router = router(route);
    let mut counts = BTreeMap::new();
    for user in 0..users {
        *counts
            .entry(plain(&router, &of_user(&format!("user-{user}")))[0])
            .or_default() += 1;
    }
    counts
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
    assert_eq!(order.itinerary.steps[0].target, A);
    let [choice] = order.choices.as_slice() else {
        panic!("{:?}", order.choices)
    };
    assert_eq!(
        (choice.strategy, &*choice.arm, choice.aborted),
        ("canary", "base", true)
    );
}

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
        .steps
        .iter()
        .map(|s| (s.target, flat.groups[s.group].within))
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
fn a_hedge_is_carried_out_as_its_arms_in_order() {
    let router = router(Route::Hedge(Hedge {
        after: After::Time(800),
        extra: 1,
        arms: vec![to(C), to(A)],
        budget: None,
        cost: None,
        terms: Terms::default(),
    }));
    assert_eq!(plain(&router, &request(1)), [C, A]);
    let (admission, _) = admit(&router, &request(1), &Told::default());
    assert!(
        admission.order.expect("laid").fixed,
        "nothing is allocated for it"
    );
}

#[test]
fn what_cannot_be_carried_out_is_refused_and_nothing_is_called() {
    let router = router(Route::Ensemble(Ensemble {
        asks: vec![to(A), to(B)],
        quorum: 2,
        combine: Combine::FirstValid,
        judge: None,
        buffer: true,
        terms: Terms::default(),
    }));
    let (admission, refusal) = admit(&router, &request(1), &Told::default());
    let refusal = refusal.expect("refused");
    assert_eq!(
        (refusal.status, refusal.code),
        (501, "strategy_unsupported")
    );
    assert_eq!(
        refusal.message,
        "this version cannot carry out `ensemble` yet"
    );
    assert!(admission.decided.is_some(), "the decision itself is known");
}

#[test]
fn a_list_does_not_hide_an_arm_that_cannot_be_carried_out() {
    let cascade = Route::Cascade(Cascade {
        judge: None,
        steps: vec![(to(A), None)],
        buffer: true,
        terms: Terms::default(),
    });
    let mut list = cheapest(&[A, B]);
    list.arms.push(Arm::of(cascade));
    let router = router(Route::Listed(list));
    let (_, refusal) = admit(&router, &request(1), &Told::default());
    assert_eq!(refusal.expect("refused").code, "strategy_unsupported");
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
        for group in &first.0.groups {
            prop_assert!(group.end <= first.0.steps.len());
        }
    }
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
