//! The simulator: what must never happen in any run, and that its figures are those of the scenario.
#![expect(
    clippy::expect_used,
    reason = "a test that cannot go on stops with a message"
)]

use mux_replay::sim::baseline::{self, Baseline};
use mux_replay::sim::fault::Kind;
use mux_replay::sim::promise::Seeds;
use mux_replay::sim::run::Watch;
use mux_replay::sim::run::run;
use mux_replay::sim::scenario::Scenario;
use mux_replay::sim::swarm::{scenario, script, swarm};
use mux_replay::sim::tally::Figures;
use mux_routing::SECOND;
use mux_routing::flight::Flight;
use mux_routing::review::review;
use mux_traffic::record::Record;
use std::collections::BTreeSet;

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

/// Keeps every record, as it is written and read again.
#[derive(Default)]
struct Records(Vec<Record>);

impl Watch for Records {
    fn over(&mut self, flight: &Flight) {
        let written = serde_json::to_string(&flight.record()).expect("a record is JSON");
        self.0
            .push(serde_json::from_str(&written).expect("and is read again"));
    }
}

#[test]
fn every_choice_of_a_run_follows_from_its_record_alone() {
    let mut ways = BTreeSet::new();
    for seed in 1..=12 {
        let mut records = Records::default();
        run(&scenario(seed), seed, &mut records).expect("the chain compiles");
        for record in &records.0 {
            assert_eq!(review(record), Ok(()), "seed {seed}: {record:#?}");
            ways.extend(
                record
                    .looks
                    .iter()
                    .map(|l| (l.way.clone(), l.verdict.clone())),
            );
        }
    }
    for seen in [
        ("in-order", "called"),
        ("in-order", "unwell"),
        ("in-order", "held"),
        ("least-ill", "called"),
        ("held-back", "called"),
        ("again", "called"),
    ] {
        let seen = (seen.0.to_owned(), seen.1.to_owned());
        assert!(ways.contains(&seen), "never {seen:?}: {ways:?}");
    }
}

#[test]
fn a_record_that_was_tampered_with_does_not_follow_from_itself() {
    let hang = Scenario::outage("hang", 5.0, 2, Kind::HangsSome { share: 0.5 });
    let mut records = Records::default();
    run(&hang, 3, &mut records).expect("the chain compiles");
    let moved = |r: &&Record| {
        let verdicts: Vec<&str> = r.looks.iter().map(|l| l.verdict.as_str()).collect();
        verdicts == ["unwell", "called"]
    };
    let record = records.0.iter().find(moved).expect("somebody left");
    let tampered = |change: &dyn Fn(&mut Record)| {
        let mut record = record.clone();
        change(&mut record);
        review(&record)
    };
    assert_eq!(tampered(&|_| {}), Ok(()));
    let changes: [&dyn Fn(&mut Record); 7] = [
        &|r| r.looks[0].stays = 10_000,
        &|r| r.looks[0].verdict = "called".to_owned(),
        &|r| r.looks[0].others = 0,
        &|r| r.looks[0].breaker = "open".to_owned(),
        &|r| r.looks[1].held = Some("wait".to_owned()),
        &|r| r.attempts[0].target = "p0/m".to_owned(),
        &|r| r.candidates.reverse(),
    ];
    for (n, change) in changes.iter().enumerate() {
        assert!(tampered(change).is_err(), "change {n} went unseen");
    }
    // Its draw is the seed's own: with others it stays.
    let stays = (0..100).filter(|seed| tampered(&|r| r.seed = *seed).is_err());
    assert!(stays.count() > 0);
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
