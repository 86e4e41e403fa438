//! Runs with faults drawn at random, looking for what must never happen.
//!
//! Each seed draws its own few faults out of the whole alphabet (swarm testing: Groce et al. 2012), since a run with all of
//! them at once hides what two of them do. What must hold is looked at when a request is over and when a run is; what
//! must be seen sometimes is counted over all runs, so that a rare path that is never taken shows. A seed that fails is
//! reduced to the faults that it takes.

use super::arrivals::Arrivals;
use super::draw::{time, uniform};
use super::fault::{Fault, Kind, NAMES};
use super::provider::Model;
use super::run::{Unsound, Watch, run_with};
use super::scenario::Scenario;
use mux_dsl::image::TargetId;
use mux_routing::chance::Chance;
use mux_routing::class::Class;
use mux_routing::flight::{End, Flight, PassedOver};
use mux_routing::review::review;
use mux_routing::target::Barred;
use mux_routing::{Nanos, SECOND};
use serde::Serialize;
use std::collections::BTreeSet;

/// Most attempts of one request.
const MOST_ATTEMPTS: usize = 16;
/// How long requests come.
const SPAN: Nanos = 120 * SECOND;
/// Share of requests that may fail while one provider is well throughout.
const LOST: f64 = 0.02;
/// How many may, however few there are.
const FEW_LOST: usize = 3;

/// Something that must never happen, and did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Violation {
    /// The seed.
    pub seed: u64,
    /// What happened.
    pub what: String,
    /// The faults that it takes, a line each.
    pub script: Vec<String>,
}

/// What came of some seeds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Swarm {
    /// Seeds.
    pub seeds: u64,
    /// Requests of all runs.
    pub requests: u64,
    /// What must never happen.
    pub violations: Vec<Violation>,
    /// What must be seen sometimes, and was.
    pub seen: BTreeSet<String>,
    /// What was not.
    pub unseen: BTreeSet<String>,
}

/// Runs each seed twice, and what fails a few times more.
///
/// # Errors
/// See [`super::run::chain`].
pub fn swarm(seeds: super::promise::Seeds) -> Result<Swarm, Unsound> {
    let mut swarm = Swarm::default();
    for seed in seeds.each() {
        let scenario = scenario(seed);
        let looked = look(&scenario, seed)?;
        swarm.seeds += 1;
        swarm.requests += looked.requests;
        for fault in scenario.providers.iter().flat_map(|(_, f)| f) {
            swarm.seen.insert(format!("fault {}", fault.kind.name()));
        }
        swarm.seen.extend(looked.seen);
        if let Some(what) = looked.wrong {
            let reduced = reduced(scenario, seed)?;
            swarm.violations.push(Violation {
                seed,
                what,
                script: script(&reduced),
            });
        }
    }
    let wanted = SOMETIMES.iter().map(|s| (*s).to_owned());
    let wanted = wanted.chain(NAMES.iter().map(|n| format!("fault {n}")));
    swarm.unseen = wanted.filter(|w| !swarm.seen.contains(w)).collect();
    Ok(swarm)
}

/// What happens now and then in enough runs.
const SOMETIMES: [&str; 14] = [
    "served by the first",
    "served by the second",
    "served by the third",
    "served by a later one",
    "broken off",
    "refused",
    "left as unwell",
    "held back by a breaker",
    "held back by a wait",
    "held back by a credential",
    "spared for the retry budget",
    "tried again",
    "timed out",
    "waited",
];

/// The scenario of a seed.
#[must_use]
pub fn scenario(seed: u64) -> Scenario {
    let mut chance = Chance::new(seed ^ 0x7377_6172_6d00_0001);
    let providers = usize::try_from(2 + chance.below(4)).unwrap_or(2);
    let rate = one_of(&[0.3, 2.0, 8.0, 30.0], &mut chance).unwrap_or(2.0);
    let arrivals = if chance.below(3) == 0 {
        Arrivals::Bursts(rate)
    } else {
        Arrivals::Poisson(rate)
    };
    let shock = (chance.below(5) == 0).then(|| fault(&mut chance));
    let each = (0..providers).map(|_| {
        let tight = chance.below(6) == 0;
        let room = rate * (0.3 + uniform(&mut chance));
        let model = Model {
            capacity: tight.then_some((room, room.max(1.0))),
            ..Model::default()
        };
        let own = chance.below(3);
        let mut faults: Vec<Fault> = (0..own).map(|_| fault(&mut chance)).collect();
        faults.extend(shock.filter(|_| chance.below(2) == 0));
        (model, faults)
    });
    let providers = each.collect();
    Scenario {
        name: format!("seed {seed}"),
        arrivals,
        span: SPAN,
        providers,
        counted: (0, SPAN),
    }
}

fn one_of<T: Copy>(from: &[T], chance: &mut Chance) -> Option<T> {
    let place = chance.below(from.len() as u64);
    from.get(usize::try_from(place).ok()?).copied()
}

fn fault(chance: &mut Chance) -> Fault {
    let share = uniform(chance);
    let kinds = [
        Kind::Fails,
        Kind::Overloaded,
        Kind::Hangs,
        Kind::HangsSome { share },
        Kind::HangsAfterHead,
        Kind::PingsForever,
        Kind::BrownOut {
            errors: share,
            slower: 1.0 + 9.0 * uniform(chance),
        },
        Kind::Slow {
            times: 1.0 + 9.0 * share,
        },
        Kind::Throttles {
            share,
            retry_after: one_of(&[None, Some(0.5), Some(20.0), Some(86_400.0)], chance).flatten(),
        },
        Kind::Spent,
        Kind::Refuses,
        Kind::Unreachable,
        Kind::Cuts { share },
        Kind::Garbage,
        Kind::Flaps {
            period: 1.0 + 20.0 * share,
        },
    ];
    let from = time(uniform(chance) * 90.0);
    let lasts = time(5.0 + uniform(chance) * 60.0);
    Fault {
        kind: one_of(&kinds, chance).unwrap_or(Kind::Fails),
        from,
        until: from + lasts,
    }
}

/// What one run showed.
#[derive(Debug, Default)]
struct Looked {
    requests: u64,
    wrong: Option<String>,
    seen: BTreeSet<String>,
    /// Of everything that happened, to compare runs by.
    digest: u64,
    lost: usize,
    /// Only the digest is of interest.
    again: bool,
}

impl Watch for Looked {
    fn over(&mut self, flight: &Flight) {
        self.requests += 1;
        if !self.again
            && let Some(wrong) = wrong(flight).or_else(|| undecided(flight))
        {
            self.wrong.get_or_insert(wrong);
        }
        let mut see = |what: &str| {
            if !self.seen.contains(what) {
                self.seen.insert(what.to_owned());
            }
        };
        let attempts = flight.attempts();
        match flight.end() {
            Some(End::Served(n)) => {
                let place = attempts.get(*n).map_or(0, |a| a.target.index());
                see(match place {
                    0 => "served by the first",
                    1 => "served by the second",
                    2 => "served by the third",
                    _ => "served by a later one",
                });
            }
            Some(End::Broken(_)) => see("broken off"),
            Some(End::Refused(_)) => {
                see("refused");
                self.lost += 1;
            }
            _ => {}
        }
        for (_, reason) in flight.candidates() {
            match reason {
                Some(PassedOver::Unwell(_)) => see("left as unwell"),
                Some(PassedOver::Scarce) => see("spared for the retry budget"),
                Some(PassedOver::Barred(Barred::Breaker(_))) => see("held back by a breaker"),
                Some(PassedOver::Barred(Barred::Throttled(_))) => see("held back by a wait"),
                Some(PassedOver::Barred(Barred::Credential(_))) => see("held back by a credential"),
                _ => {}
            }
        }
        for (n, attempt) in attempts.iter().enumerate() {
            let earlier = attempts.iter().take(n);
            if earlier.clone().any(|a| a.target == attempt.target) {
                see("tried again");
            }
            if attempt.class == Class::TimedOut {
                see("timed out");
            }
            let end = attempt.end.unwrap_or_default();
            let mixed = self.digest ^ end ^ attempt.target.index() as u64;
            self.digest = Chance::new(mixed).bits();
        }
        if flight.over().1 > 0 {
            see("waited");
        }
    }
}

/// What must hold of a request that is over.
fn wrong(flight: &Flight) -> Option<String> {
    let attempts = flight.attempts();
    let told = |what: &str| {
        let at = super::draw::seconds(flight.arrival().now);
        Some(format!("{what}, of the request that came at {at:.3} s"))
    };
    let Some(end) = flight.end() else {
        return told("it is over and has no end");
    };
    if attempts.len() > MOST_ATTEMPTS {
        return told("more attempts than any request may take");
    }
    if attempts.iter().any(|a| a.end.is_none()) {
        return told("an attempt is still under way");
    }
    let overlaps = attempts
        .iter()
        .zip(attempts.iter().skip(1))
        .any(|(a, b)| b.start < a.end.unwrap_or(Nanos::MAX));
    if overlaps {
        return told("an attempt began before the one before it was over");
    }
    if let Some(committed) = flight.committed()
        && attempts.iter().any(|a| a.start > committed)
    {
        return told("an attempt began after the client was committed");
    }
    match end {
        End::Served(n) => {
            let served = attempts.get(*n).is_some_and(|a| a.class == Class::Ok);
            (!served || flight.committed().is_none())
                .then(|| told("served by an attempt that did not serve"))
                .flatten()
        }
        End::Broken(_) if flight.committed().is_none() => {
            told("broken off before the client was committed")
        }
        End::Refused(_) if flight.committed().is_some() => {
            told("refused after the client was committed")
        }
        _ => None,
    }
}

/// What of its record does not follow from the record.
fn undecided(flight: &Flight) -> Option<String> {
    let mismatch = review(&flight.record()).err()?;
    let at = super::draw::seconds(flight.arrival().now);
    let what = mismatch.what;
    Some(format!(
        "a record that says something else than what follows from it, of the request that came at {at:.3} s: {what}"
    ))
}

/// Runs a scenario and looks at everything.
fn look(scenario: &Scenario, seed: u64) -> Result<Looked, Unsound> {
    let mut looked = Looked::default();
    let (tally, router) = run_with(scenario, seed, &mut looked)?;
    let targets = (0..scenario.providers.len()).filter_map(|n| u32::try_from(n).ok());
    let flying = targets.filter_map(|n| router.state(TargetId(n)));
    let left: u32 = flying.map(mux_routing::target::TargetState::inflight).sum();
    if left > 0 {
        let what = format!("{left} attempts are counted as in flight when all are over");
        looked.wrong.get_or_insert(what);
    }
    let well =
        |(model, faults): &(Model, Vec<Fault>)| model.capacity.is_none() && faults.is_empty();
    let lost = super::tally::ratio(looked.lost, tally.all.len());
    if scenario.providers.iter().any(well) && lost > LOST && looked.lost > FEW_LOST {
        let what = format!("{:.1} % failed while one provider was well", lost * 100.0);
        looked.wrong.get_or_insert(what);
    }
    let mut again = Looked {
        again: true,
        ..Looked::default()
    };
    run_with(scenario, seed, &mut again)?;
    if again.digest != looked.digest {
        let what = "a second run of the same seed took another course".to_owned();
        looked.wrong.get_or_insert(what);
    }
    Ok(looked)
}

/// The same with as few faults as still fail.
fn reduced(mut scenario: Scenario, seed: u64) -> Result<Scenario, Unsound> {
    let mut place = (0, 0);
    while let Some((_, faults)) = scenario.providers.get(place.0) {
        if place.1 >= faults.len() {
            place = (place.0 + 1, 0);
            continue;
        }
        let mut fewer = scenario.clone();
        if let Some((_, faults)) = fewer.providers.get_mut(place.0) {
            faults.remove(place.1);
        }
        if look(&fewer, seed)?.wrong.is_some() {
            scenario = fewer;
        } else {
            place.1 += 1;
        }
    }
    Ok(scenario)
}

/// A scenario in words.
#[must_use]
pub fn script(scenario: &Scenario) -> Vec<String> {
    let mut lines = vec![format!(
        "{:?} for {} s",
        scenario.arrivals,
        scenario.span / SECOND
    )];
    for (n, (model, faults)) in scenario.providers.iter().enumerate() {
        if let Some((rate, burst)) = model.capacity {
            lines.push(format!(
                "p{n} takes {rate:.1} requests a second, {burst:.0} at once"
            ));
        }
        for fault in faults {
            let [from, until] = [fault.from, fault.until].map(super::draw::seconds);
            lines.push(format!(
                "p{n} {:?} from {from:.1} s to {until:.1} s",
                fault.kind
            ));
        }
    }
    lines
}
