//! What holds of the atomics whoever is held up where: threads are interleaved by `shuttle`, at every single load and
//! store, thousands of times over, in an order that is a function of a seed.
//!
//! Needs the feature of that name. `shuttle` takes every access for sequentially consistent, so it says nothing about
//! orderings; each word here is a fact of its own, and nothing else is read because of it.
#![expect(
    clippy::expect_used,
    reason = "a test that cannot set itself up should fail loudly"
)]

use mux_routing::breaker::{Breaker, Permit, Position, Rule};
use mux_routing::chance::Chance;
use mux_routing::class::Class;
use mux_routing::concurrency::Concurrency;
use mux_routing::hedge_budget::HedgeBudget;
use mux_routing::histogram::{ENOUGH, Histogram};
use mux_routing::retry_budget::{Hope, RetryBudget};
use mux_routing::target::{Ended, Load, TargetState};
use mux_routing::window::{Counts, Window};
use mux_routing::{MILLI, Nanos, SECOND};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use shuttle::{Config, Runner, thread};
use std::sync::Arc;

const SEED: u64 = 20_261_126;
/// Points at which a thread is held up, of those schedules that hold up few.
const DEPTH: usize = 3;

/// Runs a test under so many schedules: half of them drawn at each step, half with few threads held up for long, which
/// finds what hides behind one unlucky moment (Burckhardt et al., 2010).
fn explore(schedules: usize, test: impl Fn() + Send + Sync + 'static) {
    let test = Arc::new(test);
    let drawn = RandomScheduler::new_from_seed(SEED, schedules / 2);
    let again = Arc::clone(&test);
    Runner::new(drawn, config()).run(move || again());
    let held = PctScheduler::new_from_seed(SEED, DEPTH, schedules / 2);
    Runner::new(held, config()).run(move || test());
}

/// What is known of a target is made on the stack, and larger here than it is elsewhere.
fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = 1 << 20;
    config
}

/// What each of so many threads makes of what they share.
fn together<S, T>(
    shared: &Arc<S>,
    threads: usize,
    act: impl Fn(&S, usize) -> T + Clone + Send + 'static,
) -> Vec<T>
where
    S: Send + Sync + 'static,
    T: Send + 'static,
{
    let spawn = |n| {
        let (shared, act) = (Arc::clone(shared), act.clone());
        thread::spawn(move || act(&shared, n))
    };
    let running: Vec<_> = (0..threads).map(spawn).collect();
    let joined = running.into_iter().map(thread::JoinHandle::join);
    joined.map(|made| made.expect("it ends")).collect()
}

fn fail(breaker: &Breaker, window: &Window, permit: Permit, now: Nanos, seed: u64) {
    window.record(false, now);
    let rule = Rule::default();
    breaker.failure(permit, &rule, window, now, &mut Chance::new(seed));
}

/// A breaker that has opened, its window, and when its pause is over.
fn opened() -> (Breaker, Window, Nanos) {
    let (breaker, window) = (Breaker::default(), <Window>::default());
    for _ in 0..Rule::default().consecutive {
        fail(&breaker, &window, Permit::Free, 0, 1);
    }
    let until = breaker.admit(0).expect_err("it is open");
    (breaker, window, until)
}

#[test]
fn exactly_one_of_several_wins_a_probe() {
    explore(2_000, || {
        let (breaker, _, until) = opened();
        let won = together(&Arc::new(breaker), 4, move |breaker, _| {
            breaker.admit(until).is_ok()
        });
        assert_eq!(won.into_iter().filter(|won| *won).count(), 1);
    });
}

#[test]
fn probes_that_end_in_whatever_way_never_overlap() {
    explore(2_000, || {
        let (breaker, window, until) = opened();
        let shared = Arc::new((breaker, window, AtomicUsize::new(0)));
        let made = together(&shared, 3, move |(breaker, window, probing), n| {
            let mut made = 0;
            // The second round is after the pause that a failed probe brings.
            for now in [until, until + 60 * SECOND] {
                let Ok(permit) = breaker.admit(now) else {
                    continue;
                };
                made += 1;
                let Permit::Probe(_) = permit else {
                    continue;
                };
                assert_eq!(probing.fetch_add(1, SeqCst), 0, "two probes at a time");
                probing.fetch_sub(1, SeqCst);
                match n {
                    0 => breaker.release(permit),
                    1 => fail(breaker, window, permit, now, 2),
                    _ => drop(breaker.success(permit, &Rule::default(), window)),
                }
            }
            made
        });
        assert!(made.into_iter().sum::<usize>() >= 1);
        let (breaker, ..) = &*shared;
        let later = until + 120 * SECOND;
        assert!(breaker.admit(later).is_ok(), "a probe was left behind");
    });
}

#[test]
fn several_that_fail_at_once_open_a_breaker_once() {
    explore(2_000, || {
        let shared = Arc::new((Breaker::default(), <Window>::default()));
        let rule = Rule::default();
        for _ in 1..rule.consecutive {
            fail(&shared.0, &shared.1, Permit::Free, SECOND, 1);
        }
        together(&shared, 3, |(breaker, window), n| {
            fail(breaker, window, Permit::Free, SECOND, n as u64);
        });
        let (breaker, window) = &*shared;
        assert_eq!(breaker.position(SECOND), Position::Open);
        let until = breaker.admit(SECOND).expect_err("it is open");
        assert!(until <= SECOND + rule.cool + MILLI, "the first pause");
        let probe = breaker.admit(until).expect("it is over");
        fail(breaker, window, probe, until, 5);
        let again = breaker.admit(until).expect_err("it is open");
        assert!(again <= until + 2 * rule.cool + MILLI, "the second");
    });
}

#[test]
fn a_window_counts_every_outcome_once_from_its_first_moment_on() {
    explore(2_000, || {
        let window = <Window>::default();
        // The bucket of second 2 holds what was 128 seconds before.
        for _ in 0..9 {
            window.record(false, 2 * SECOND);
        }
        let now = 130 * SECOND;
        let window = Arc::new(window);
        together(&window, 3, move |window, n| {
            for good in [true, n == 0] {
                window.record(good, now);
                let seen = window.counts(SECOND, now);
                assert!((1..=6).contains(&seen.total()), "{seen:?}");
            }
        });
        assert_eq!(window.counts(SECOND, now), Counts { good: 4, bad: 2 });
    });
}

#[test]
fn a_histogram_loses_no_sample_where_a_generation_begins_and_brings_none_back() {
    explore(100, || {
        let histogram = <Histogram>::default();
        // Slow ones, in the generation that is used again.
        for _ in 0..100 {
            histogram.record(100 * SECOND, SECOND);
            histogram.record(100 * MILLI, SECOND);
        }
        let now = 61 * SECOND;
        let most = 110;
        let histogram = Arc::new(histogram);
        together(&histogram, 2, move |histogram, _| {
            for _ in 0..ENOUGH / 2 {
                histogram.record(100 * MILLI, now);
            }
            let seen = histogram.quantiles([1.0], now);
            assert!(seen.is_none_or(|[slowest]| slowest < most), "{seen:?}");
        });
        assert!(histogram.quantiles([0.5], now).is_some(), "one was lost");
    });
    explore(100, || {
        let histogram = Arc::new(<Histogram>::default());
        together(&histogram, 2, move |histogram, n| {
            for _ in 0..ENOUGH as usize / 2 - n {
                histogram.record(100 * MILLI, 61 * SECOND);
            }
        });
        let told = histogram.quantiles([0.5], 61 * SECOND);
        assert_eq!(told, None, "nineteen are not twenty");
    });
}

#[test]
fn a_hedge_budget_gives_what_it_has_and_never_more() {
    explore(2_000, || {
        // One to begin with, and half of one for each of four requests.
        let budget = Arc::new(HedgeBudget::new(5_000));
        let sent = together(&budget, 4, |budget, _| {
            budget.deposit();
            (0..2).filter(|_| budget.withdraw()).count()
        });
        let sent: usize = sent.into_iter().sum();
        let left = (0..10).filter(|_| budget.withdraw()).count();
        assert_eq!(sent + left, 3, "{sent} were sent");
    });
}

#[test]
fn a_retry_budget_counts_every_request_and_every_further_attempt() {
    explore(1_000, || {
        let budget = RetryBudget::default();
        // The slot is used again.
        budget.deposit(5 * SECOND);
        let (now, budget) = (21 * SECOND, Arc::new(budget));
        together(&budget, 3, move |budget, _| {
            for _ in 0..4 {
                budget.deposit(now);
                budget.withdraw(now);
            }
        });
        let allows = |floor| budget.allows(Hope::Poor, Some((10_000, Some(floor))), now);
        assert!(!allows(12) && allows(13), "twelve were made");
        budget.deposit(now);
        assert!(allows(0), "of twelve requests, and one");
    });
}

#[test]
fn no_more_are_in_flight_than_may_be() {
    explore(200, || {
        let shared = Arc::new((TargetState::default(), AtomicUsize::new(0)));
        let began = together(&shared, 4, |(state, inside), n| {
            let load = Load::default();
            if !state.begin(load, Some(2), SECOND) {
                return false;
            }
            let others = inside.fetch_add(1, SeqCst);
            assert!(others < 2, "{others} were in flight already");
            inside.fetch_sub(1, SeqCst);
            let ended = Ended {
                start: SECOND,
                load,
                waited: true,
                class: if n == 0 { Class::Server } else { Class::Ok },
                permit: Permit::Free,
                retry_after: None,
            };
            state.settle(&ended, &Rule::default(), SECOND, &mut Chance::new(1));
            true
        });
        let began = began.into_iter().filter(|began| *began).count();
        assert!(began >= 2, "there was room for two");
        let (state, _) = &*shared;
        assert_eq!(state.inflight(), 0);
        let waiting = state.signals(60 * SECOND).slowness;
        assert!(waiting < 0.001, "nobody waits: {waiting}");
    });
}

#[test]
fn what_is_told_of_a_target_lacks_none_of_its_failures() {
    explore(200, || {
        let state = Arc::new(TargetState::default());
        together(&state, 3, |state, n| {
            let load = Load::default();
            assert!(state.begin(load, None, SECOND));
            let told = state.score(SECOND);
            let ended = Ended {
                start: SECOND,
                load,
                waited: true,
                class: if n < 2 { Class::Server } else { Class::Ok },
                permit: Permit::Free,
                retry_after: None,
            };
            state.settle(&ended, &Rule::default(), SECOND, &mut Chance::new(1));
            assert!(n == 2 || state.score(SECOND) < told, "its own is told");
        });
        let told = state.score(SECOND);
        // As if nothing was published.
        let counted = state.score(SECOND + 100 * MILLI);
        assert!(told.abs_diff(counted) < 1_500, "{told}, and is {counted}");
    });
}

#[test]
fn a_burst_of_refusals_is_one_sign() {
    explore(2_000, || {
        let limit = Arc::new(Concurrency::default());
        together(&limit, 4, |limit, _| limit.refused(100, SECOND));
        assert_eq!(limit.limit(SECOND), Some(90));
    });
}
