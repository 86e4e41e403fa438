//! The simulator: what must never happen in any run, and that its figures are those of the scenario.

use mux_replay::sim::baseline::{self, Baseline};
use mux_replay::sim::fault::Kind;
use mux_replay::sim::promise::Seeds;
use mux_replay::sim::run::run;
use mux_replay::sim::scenario::Scenario;
use mux_replay::sim::swarm::{scenario, script, swarm};
use mux_replay::sim::tally::Figures;
use mux_routing::SECOND;

#[test]
fn nothing_that_must_never_happen_does_whatever_breaks() {
    let seeds = Seeds {
        first: 1,
        count: 200,
    };
    let found = swarm(seeds).expect("the chain compiles");
    assert!(found.violations.is_empty(), "{:#?}", found.violations);
    assert!(found.unseen.is_empty(), "never seen: {:?}", found.unseen);
}

#[test]
fn a_seed_says_all_that_breaks() {
    let told = script(&scenario(7));
    assert_eq!(told, script(&scenario(7)));
    assert!(told.len() > 1, "{told:?}");
}

#[test]
fn a_hang_costs_a_plain_chain_its_requests_and_mux_next_to_none() {
    let scenario = Scenario::outage("hang", 5.0, 3, Kind::Hangs);
    let served =
        |tally: &mux_replay::sim::tally::Tally| Figures::of(tally.within(scenario.counted)).served;
    let own = run(&scenario, 3, &mut ()).expect("the chain compiles");
    assert!(served(&own) > 0.99, "{}", served(&own));
    let chain = baseline::run(Baseline::Chain, &scenario, 3);
    assert!(served(&chain) < 0.3, "{}", served(&chain));
}

#[test]
fn a_provider_that_takes_half_serves_half_when_it_is_alone() {
    let mut scenario = Scenario::outage("half", 10.0, 3, Kind::Unreachable).tight(10.0, 0.5);
    scenario = scenario.until(180 * SECOND, (90 * SECOND, 170 * SECOND));
    let own = run(&scenario, 5, &mut ()).expect("the chain compiles");
    let served = Figures::of(own.within(scenario.counted)).served;
    assert!((0.45..0.56).contains(&served), "{served}");
}
