//! Changes of a policy that change nothing about who is called: one more target behind those that serve, other names,
//! weights that are all so many times as large.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot set itself up should fail loudly"
)]

use mux_dsl::Image;
use mux_dsl::image::{Arm, Attempt, By, Fallback, Listed, Route, TargetId, Terms, Timeouts};
use mux_routing::breaker::{Permit, Rule};
use mux_routing::chance::Chance;
use mux_routing::class::Class;
use mux_routing::flight::{Action, Actions, Arrival, End, Event, Failure, Flight};
use mux_routing::router::{Memory, Router};
use mux_routing::target::{Ended, Load};
use mux_routing::{MILLI, Nanos, SECOND};
use mux_traffic::record::Facts;
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};

/// The last of them is the one that may be added.
const TARGETS: u32 = 5;

/// A fleet whose names are of this making. Prices fall, so that the cheapest is not the first.
fn fleet(name: fn(u32) -> String) -> String {
    let model = |n| {
        format!(
            "  model {} {{ price input ${}/Mtok output $9/Mtok }}\n",
            name(n),
            9 - n
        )
    };
    let models: String = (0..TARGETS).map(model).collect();
    format!(
        "provider {} {{\n  kind openai\n  key env KEY\n{models}}}\npolicy @x {{ else use {0}/{} }}\n",
        name(TARGETS),
        name(0)
    )
}

fn rising(n: u32) -> String {
    format!("m{n}")
}

/// In the opposite order, if anybody should sort them.
fn falling(n: u32) -> String {
    format!("{}-model", char::from(b'z' - u8::try_from(n).unwrap_or(0)))
}

fn image(name: fn(u32) -> String, route: Route) -> Arc<Image> {
    let text = fleet(name);
    let compiled = mux_dsl::compile(&["t.mux"], &mut |_| Ok(text.clone().into()), &|_| true);
    let shown = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
    let mut image = compiled.image.unwrap_or_else(|| panic!("{shown}"));
    let full = |n| format!("{}/{}", name(TARGETS), name(n));
    let named = (0..TARGETS).all(|n| image.target(&full(n)) == Some(TargetId(n)));
    assert!(named, "targets are numbered as they are written");
    image.plans[0].route = route;
    Arc::new(image)
}

/// One that remembers nothing yet.
fn router(image: &Arc<Image>) -> Arc<Router> {
    let memory = Memory::default();
    Arc::new(Router::new(Arc::clone(image), "v", &memory, |_| None))
}

fn arm(target: u32, weight: u32) -> Arm {
    Arm {
        weight,
        ..Arm::of(Route::Attempt(Attempt {
            target: TargetId(target),
            timeouts: Timeouts::default(),
            retry: None,
        }))
    }
}

fn chain(targets: u32) -> Route {
    Route::Fallback(Fallback {
        tries: (0..targets).map(|n| arm(n, 1)).collect(),
        terms: Terms::default(),
    })
}

fn list(by: By, weights: &[u32]) -> Route {
    let arms = (0..).zip(weights).map(|(n, weight)| arm(n, *weight));
    Route::Listed(Listed {
        by,
        filter: None,
        arms: arms.collect(),
        otherwise: None,
        terms: Terms::default(),
    })
}

/// What a target went through before the request comes: so many outcomes, so many of a hundred of them failures.
type Past = (u64, u64);

fn past() -> impl Strategy<Value = Past> {
    (0_u64..40, prop_oneof![Just(0_u64), 0_u64..101])
}

fn live_through(router: &Router, pasts: &[Past]) {
    for (target, (outcomes, failing)) in (0..).map(TargetId).zip(pasts) {
        let Some(state) = router.state(target) else {
            panic!("{target:?} is declared")
        };
        for n in 0..*outcomes {
            let start = (90 + n / 5) * SECOND;
            let load = Load::default();
            assert!(state.begin(load, None, start));
            let fails = n * 37 % 100 < *failing;
            let ended = Ended {
                start,
                load,
                waited: true,
                class: if fails { Class::Server } else { Class::Ok },
                permit: Permit::Free,
                retry_after: None,
            };
            state.settle(&ended, &Rule::default(), start, &mut Chance::new(n));
        }
    }
}

/// Everything it did, for whom, and how it ended: attempts fail as the script says, and then they serve.
#[derive(Debug, PartialEq)]
struct Told {
    actions: Vec<Action>,
    began: Vec<(TargetId, Nanos)>,
    passed_over: Vec<TargetId>,
    served: bool,
}

fn ride(router: &Arc<Router>, seed: u64, script: &[Class]) -> Told {
    let now = 100 * SECOND;
    let arrival = Arrival {
        id: "r".to_owned(),
        seed,
        now,
        facts: Facts {
            model: "@x".to_owned(),
            tokens: 1_000,
            streaming: true,
            ..Facts::default()
        },
        ..Arrival::default()
    };
    let mut flight = Flight::new(router, arrival, &router.live(now));
    let (mut now, mut actions, mut out) = (now, Vec::new(), Actions::new());
    flight.start(now, &mut out);
    actions.extend(out.drain(..));
    let mut script = script.iter();
    while flight.end().is_none() {
        let open = flight.attempts().iter().position(|a| a.end.is_none());
        match (open, script.next(), flight.wake_at()) {
            (Some(n), Some(class), _) => {
                now += 30 * MILLI;
                let failure = Failure::of(*class);
                flight.on(Event::Failed(n, failure), now, &mut out);
            }
            (Some(n), None, _) => {
                flight.on(Event::Content(n), now, &mut out);
                flight.on(Event::Done(n, None), now, &mut out);
            }
            (None, _, Some(at)) => {
                now = at;
                flight.on(Event::Wake, now, &mut out);
            }
            (None, _, None) => panic!("it hangs"),
        }
        actions.extend(out.drain(..));
    }
    let candidates = flight.candidates().iter();
    Told {
        actions,
        began: flight
            .attempts()
            .iter()
            .map(|a| (a.target, a.start))
            .collect(),
        passed_over: candidates
            .filter(|(_, why)| why.is_some())
            .map(|(t, _)| *t)
            .collect(),
        served: matches!(flight.end(), Some(End::Served(_))),
    }
}

fn class() -> impl Strategy<Value = Class> {
    prop::sample::select(vec![
        Class::Server,
        Class::Connect,
        Class::RateLimited,
        Class::Authentication,
        Class::Cut,
    ])
}

fn pasts() -> impl Strategy<Value = Vec<Past>> {
    prop::collection::vec(past(), TARGETS as usize)
}

/// A chain of all targets but the last, and one of all.
static CHAINS: LazyLock<[Arc<Image>; 2]> =
    LazyLock::new(|| [TARGETS - 1, TARGETS].map(|targets| image(rising, chain(targets))));

/// Some requests after each other, by their seeds, whose attempts fail as the script says.
fn rides(image: &Arc<Image>, pasts: &[Past], requests: &[(u64, Vec<Class>)]) -> Vec<Told> {
    let router = router(image);
    live_through(&router, pasts);
    let told = requests
        .iter()
        .map(|(seed, script)| ride(&router, *seed, script));
    told.collect()
}

fn requests() -> impl Strategy<Value = Vec<(u64, Vec<Class>)>> {
    let request = (any::<u64>(), prop::collection::vec(class(), 0..6));
    prop::collection::vec(request, 1..12)
}

fn weights() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(1_u32..1_000, TARGETS as usize)
}

proptest! {
    #[test]
    fn a_target_behind_all_that_are_called_changes_nothing(
        pasts in pasts(),
        seed in any::<u64>(),
        script in prop::collection::vec(class(), 0..4),
    ) {
        let [short, long] = &*CHAINS;
        let request = [(seed, script)];
        let (short, long) = (rides(short, &pasts, &request), rides(long, &pasts, &request));
        // Whoever comes to the last one may turn to the one behind it.
        if !reaches(&short[0], TargetId(TARGETS - 2)) {
            prop_assert!(short[0].served);
            prop_assert_eq!(short, long);
        }
    }
}

proptest! {
    // Each compiles two policies, which is what takes time.
    #![proptest_config(ProptestConfig { cases: 50, ..ProptestConfig::default() })]

    #[test]
    fn other_names_change_nothing(
        pasts in pasts(),
        requests in requests(),
        weights in weights(),
        which in 0..3,
    ) {
        let told = |name| {
            let route = match which {
                0 => chain(TARGETS),
                1 => list(By::Cost, &weights),
                _ => list(By::Weight, &weights),
            };
            rides(&image(name, route), &pasts, &requests)
        };
        prop_assert_eq!(told(rising), told(falling));
    }

    #[test]
    fn weights_that_are_all_so_many_times_as_large_change_nothing(
        pasts in pasts(),
        requests in requests(),
        weights in weights(),
        times in 2_u32..1_000,
    ) {
        // Not only for as many of many requests, but for each of them.
        let told = |times: u32| {
            let weights: Vec<u32> = weights.iter().map(|weight| weight * times).collect();
            rides(&image(rising, list(By::Weight, &weights)), &pasts, &requests)
        };
        prop_assert_eq!(told(1), told(times));
    }
}

fn reaches(told: &Told, target: TargetId) -> bool {
    told.began.iter().any(|(t, _)| *t == target) || told.passed_over.contains(&target)
}

#[test]
fn most_of_these_flights_never_come_to_the_last_of_a_chain() {
    let requests: Vec<_> = (0..200).map(|seed| (seed, vec![Class::Server])).collect();
    let reached = requests.iter().filter(|request| {
        let pasts = [(20, 60), (20, 10), (0, 0), (0, 0)];
        let told = rides(&CHAINS[0], &pasts, std::slice::from_ref(request));
        reaches(&told[0], TargetId(TARGETS - 2))
    });
    let reached = reached.count();
    assert!(reached < 100, "{reached}");
}
