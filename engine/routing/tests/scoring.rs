//! What holds of a target's score, whatever its traffic: no worse outcome makes it better, it does not depend on how
//! quick the target is, and it means something at one request in ten seconds and at a thousand in ten milliseconds.

use mux_routing::breaker::{Permit, Rule};
use mux_routing::chance::Chance;
use mux_routing::class::Class;
use mux_routing::target::{Ended, Load, TargetState, stays};
use mux_routing::{MILLI, Nanos, SECOND};
use proptest::prelude::*;

/// A breaker that never opens: what is looked at is the score alone.
fn never() -> Rule {
    Rule {
        error_rate: 10_000,
        consecutive: 0,
        ..Rule::default()
    }
}

fn begin(state: &TargetState, now: Nanos) {
    assert!(state.begin(Load::default(), None, now));
}

fn end(state: &TargetState, start: Nanos, class: Class, waited: bool, now: Nanos) {
    let ended = Ended {
        start,
        load: Load::default(),
        waited,
        class,
        permit: Permit::Free,
        retry_after: None,
    };
    state.settle(&ended, &never(), now, &mut Chance::new(1));
}

/// One that serves: its first content comes after `elapsed`.
fn serve(state: &TargetState, start: Nanos, elapsed: Nanos) {
    begin(state, start);
    answer(state, start, start + elapsed);
}

fn answer(state: &TargetState, start: Nanos, now: Nanos) {
    state.first_content(Load::default(), start, Permit::Free, &never(), now);
    end(state, start, Class::Ok, false, now);
}

fn fail(state: &TargetState, now: Nanos) {
    begin(state, now);
    end(state, now, Class::Server, true, now);
}

/// One that has answered after `usual`, once in so long, until `until`.
fn known(usual: Nanos, every: Nanos, until: Nanos) -> TargetState {
    let state = TargetState::default();
    let mut now = 0;
    while now + usual <= until {
        serve(&state, now, usual);
        now += every;
    }
    state
}

/// The score as if nothing was published: what is published may be 100 ms old.
fn fresh(state: &TargetState, now: Nanos) -> u32 {
    state.score(now + 100 * MILLI)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Serves,
    Fails,
    Throttled,
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        4 => Just(Outcome::Serves),
        1 => Just(Outcome::Fails),
        1 => Just(Outcome::Throttled),
    ]
}

/// The score after outcomes that come so long after one another, all as quick as each other.
fn after(outcomes: &[(Outcome, Nanos)]) -> u32 {
    let state = TargetState::default();
    let mut now = SECOND;
    for (outcome, wait) in outcomes {
        now += wait;
        match outcome {
            Outcome::Serves => serve(&state, now, 0),
            Outcome::Fails => fail(&state, now),
            Outcome::Throttled => {
                begin(&state, now);
                end(&state, now, Class::RateLimited, true, now);
            }
        }
    }
    fresh(&state, now)
}

proptest! {
    #[test]
    fn a_failure_in_place_of_a_success_never_makes_a_score_better(
        outcomes in prop::collection::vec((outcome(), 0_u64..3_000), 1..80),
        which in any::<usize>(),
    ) {
        let mut outcomes: Vec<_> = outcomes.into_iter().map(|(o, ms)| (o, ms * MILLI)).collect();
        let at = which % outcomes.len();
        let mut scores = Vec::new();
        for outcome in [Outcome::Serves, Outcome::Throttled, Outcome::Fails] {
            outcomes[at].0 = outcome;
            scores.push(after(&outcomes));
        }
        // A refusal for want of room changes the learned limit, too, but nothing is in flight here to be held to it.
        prop_assert!(scores.is_sorted_by(|better, worse| better >= worse), "{:?}", scores);
    }

    #[test]
    fn a_slower_answer_never_makes_a_score_better(
        times in prop::collection::vec(100_u64..2_000, 20..60),
        last in 100_u64..2_000,
        more in 0_u64..20_000,
    ) {
        let with = |last: u64| {
            let state = TargetState::default();
            let mut now = 60 * SECOND;
            for ms in times.iter().chain([&last]) {
                now += SECOND;
                serve(&state, now - ms * MILLI, ms * MILLI);
            }
            fresh(&state, now)
        };
        prop_assert!(with(last + more) <= with(last));
    }

    #[test]
    fn one_that_has_waited_longer_never_makes_a_score_better(
        waits in prop::collection::vec(0_u64..20_000, 1..20),
        which in any::<usize>(),
        more in 0_u64..20_000,
    ) {
        let now = 60 * SECOND;
        let with = |waits: &[u64]| {
            let state = known(500 * MILLI, 200 * MILLI, 30 * SECOND);
            for ms in waits {
                begin(&state, now - ms * MILLI);
            }
            state.score(now)
        };
        let before = with(&waits);
        let mut longer = waits.clone();
        longer[which % waits.len()] += more;
        prop_assert!(with(&longer) <= before, "{waits:?} {longer:?}");
    }

    #[test]
    fn a_target_that_takes_so_many_times_as_long_for_everything_has_the_same_score(
        times in prop::collection::vec(100_u64..3_000, 30..80),
        waits in prop::collection::vec(0_u64..9_000, 0..8),
        times_as_long in 2_u64..20,
    ) {
        let scaled = |scale: u64| {
            let state = TargetState::default();
            let mut now = 60 * SECOND;
            for ms in &times {
                let elapsed = ms * scale * MILLI;
                serve(&state, now - elapsed, elapsed);
                now += SECOND;
            }
            now += 200 * SECOND;
            for ms in &waits {
                begin(&state, now - ms * scale * MILLI);
            }
            state.score(now)
        };
        let (one, other) = (scaled(1), scaled(times_as_long));
        prop_assert!(one.abs_diff(other) <= 20, "{one} {other}");
    }
}

/// A score that nobody leaves.
const WELL_ENOUGH: u32 = 9_000;

/// A request every ten seconds, all served, for ten minutes.
fn rare() -> (TargetState, Nanos) {
    let until = 600 * SECOND;
    (known(500 * MILLI, 10 * SECOND, until), until)
}

#[test]
fn at_one_request_in_ten_seconds_a_failure_moves_nobody_and_an_outage_most_within_half_a_minute() {
    let (state, mut now) = rare();
    assert!(fresh(&state, now) > WELL_ENOUGH);
    fail(&state, now);
    assert!(stays(fresh(&state, now), None) > 9_900, "one is no outage");
    for _ in 0..2 {
        now += 10 * SECOND;
        fail(&state, now);
    }
    assert!(stays(fresh(&state, now), None) < 5_000, "three are");
    for _ in 0..2 {
        now += 10 * SECOND;
        fail(&state, now);
    }
    assert!(
        stays(fresh(&state, now), None) < 2_000,
        "five are beyond doubt"
    );
}

#[test]
fn at_one_request_in_ten_seconds_a_target_that_is_well_again_has_all_of_them_within_three_minutes()
{
    let (state, mut now) = rare();
    for _ in 0..6 {
        now += 10 * SECOND;
        fail(&state, now);
    }
    let before = fresh(&state, now);
    let mut last = before;
    for _ in 0..18 {
        now += 10 * SECOND;
        serve(&state, now, 500 * MILLI);
        let score = fresh(&state, now + 500 * MILLI);
        assert!(score >= last, "every success helps");
        last = score;
    }
    assert!(
        before < 2_000 && stays(last, None) == 10_000,
        "{before} {last}"
    );
}

#[test]
fn a_thousand_at_once_are_no_slowness_until_they_are_late() {
    let state = known(500 * MILLI, 200 * MILLI, 60 * SECOND);
    let begun = 61 * SECOND;
    for n in 0..1_000 {
        begin(&state, begun + n * 10 * MILLI / 1_000);
    }
    for after in [10, 200, 500] {
        let score = state.score(begun + after * MILLI);
        assert_eq!(stays(score, None), 10_000, "after {after} ms: {score}");
    }
    let late = state.score(begun + 3 * SECOND);
    assert!(stays(late, None) < 2_000, "{late}");
    for n in 0..1_000 {
        let start = begun + n * 10 * MILLI / 1_000;
        answer(&state, start, begun + 3 * SECOND);
    }
    assert_eq!(state.inflight(), 0);
}

#[test]
fn a_thousand_at_once_that_are_served_leave_a_target_as_well_as_it_was() {
    let state = known(500 * MILLI, 200 * MILLI, 60 * SECOND);
    for n in 0..1_000 {
        serve(&state, 61 * SECOND + n * 10 * MILLI / 1_000, 500 * MILLI);
    }
    let score = fresh(&state, 61 * SECOND + 510 * MILLI);
    assert!(score > 9_900, "{score}");
    assert_eq!(state.error_rate(62 * SECOND), Some(0));
}

#[test]
fn a_thousand_at_once_that_fail_are_all_counted_and_seen_at_once_and_forgotten_in_half_a_minute() {
    let state = known(500 * MILLI, 200 * MILLI, 60 * SECOND);
    let burst = 61 * SECOND;
    for n in 0..1_000 {
        fail(&state, burst + n * 10 * MILLI / 1_000);
    }
    let score = state.score(burst + 10 * MILLI);
    assert!(score < 100, "the very next request knows: {score}");
    let rate = state.error_rate(burst + 10 * MILLI);
    assert_eq!(
        rate,
        Some(1_000 * 10_000 / 1_290),
        "290 of the minute served"
    );
    let mut now = burst;
    for _ in 0..30 {
        now += SECOND;
        serve(&state, now, 500 * MILLI);
    }
    let score = fresh(&state, now + 500 * MILLI);
    assert_eq!(stays(score, None), 10_000, "{score}");
}

#[test]
fn a_share_that_stays_rises_with_the_score_and_is_all_of_it_from_the_spill_on() {
    for spill in [None, Some(2_000), Some(9_000)] {
        let shares: Vec<u32> = (0..=10_000).map(|score| stays(score, spill)).collect();
        assert!(shares.is_sorted());
        assert_eq!((shares[0], shares[10_000]), (0, 10_000));
        let from = spill.unwrap_or(7_143) as usize;
        assert!(shares[from..].iter().all(|share| *share == 10_000));
        assert!(shares[from * 9 / 10] < 10_000);
    }
}
