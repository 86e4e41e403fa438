//! What mux promises of failover, and whether it holds: a row for each promise, with what other rules reach beside it.

use super::baseline::{self, Baseline};
use super::draw::seconds;
use super::fault::Kind;
use super::run::{Unsound, run};
use super::scenario::{BREAKS, MENDED, Scenario};
use super::tally::{Figures, Tally};
use mux_routing::{Nanos, SECOND};
use serde::Serialize;
use std::collections::BTreeMap;

/// Requests a second where a promise names no other rate.
const RATE: f64 = 20.0;
/// Share of all requests that a provider takes where capacity is tight: the figure of the promise decoded.
const TIGHT: f64 = 0.87;
/// Requests to healthy providers, all seeds together.
const HEALTHY: f64 = 1_000_000.0;
/// How long a brown-out rises, and where it ends.
const RISE: Nanos = 60 * SECOND;
/// See [`RISE`].
const BROWN_OUT: Kind = Kind::BrownOut {
    errors: 0.6,
    slower: 5.0,
};

/// How long a target is watched after its outage, and how much of that counts together.
const WATCHED: Nanos = 120 * SECOND;
/// See [`WATCHED`].
const MOMENT: Nanos = 5 * SECOND;

/// A promise and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What is promised.
    pub promise: &'static str,
    /// Under which circumstances.
    pub scenario: String,
    /// What it must be.
    pub bar: Bar,
    /// What it is, all seeds together.
    pub value: f64,
    /// What other rules reach under the same circumstances.
    pub baselines: BTreeMap<&'static str, f64>,
    /// Whether it is what it must be.
    pub holds: bool,
}

impl Row {
    /// With nothing to compare with.
    #[must_use]
    pub fn new(promise: &'static str, scenario: String, bar: Bar, value: f64) -> Self {
        Self {
            promise,
            scenario,
            bar,
            value,
            baselines: BTreeMap::new(),
            holds: bar.holds(value),
        }
    }
}

/// A bound.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bar {
    /// Which side of it is good.
    pub is: Side,
    /// The bound.
    pub value: f64,
    /// What is counted.
    pub unit: Unit,
}

/// A side of a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// That much or more.
    AtLeast,
    /// That much or less.
    AtMost,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Parts of 1.
    Share,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Millis,
    /// Attempts a request.
    Attempts,
}

impl Bar {
    /// That much or more.
    #[must_use]
    pub fn at_least(value: f64, unit: Unit) -> Self {
        Self {
            is: Side::AtLeast,
            value,
            unit,
        }
    }

    /// That much or less.
    #[must_use]
    pub fn at_most(value: f64, unit: Unit) -> Self {
        Self {
            is: Side::AtMost,
            value,
            unit,
        }
    }

    fn holds(self, value: f64) -> bool {
        match self.is {
            Side::AtLeast => value >= self.value,
            Side::AtMost => value <= self.value,
        }
    }
}

/// The seeds of a run.
#[derive(Clone, Copy, Debug)]
pub struct Seeds {
    /// The first.
    pub first: u64,
    /// How many.
    pub count: u64,
}

impl Seeds {
    /// Each of them.
    pub fn each(self) -> impl Iterator<Item = u64> {
        self.first..self.first.saturating_add(self.count)
    }
}

/// The runs of all seeds together: mux's, and those of other rules.
struct Runs {
    own: Tally,
    others: Vec<(Baseline, Tally)>,
}

impl Runs {
    fn of(scenario: &Scenario, seeds: Seeds, compare: bool) -> Result<Self, Unsound> {
        let mut runs = Self {
            own: Tally::default(),
            others: Vec::new(),
        };
        for seed in seeds.each() {
            runs.own.add(run(scenario, seed, &mut ())?);
        }
        let rules = Baseline::ALL.into_iter().filter(|_| compare);
        runs.others = rules
            .map(|rule| {
                let mut all = Tally::default();
                for seed in seeds.each() {
                    all.add(baseline::run(rule, scenario, seed));
                }
                (rule, all)
            })
            .collect();
        Ok(runs)
    }

    /// A figure of each.
    fn row(
        &self,
        promise: &'static str,
        scenario: &str,
        bar: Bar,
        figure: impl Fn(&Tally) -> f64,
    ) -> Row {
        Row {
            baselines: self
                .others
                .iter()
                .map(|(rule, tally)| (rule.name(), figure(tally)))
                .collect(),
            ..Row::new(promise, scenario.to_owned(), bar, figure(&self.own))
        }
    }
}

/// Every promise.
///
/// # Errors
/// See [`super::run::chain`].
pub fn promises(seeds: Seeds) -> Result<Vec<Row>, Unsound> {
    let mut rows = Vec::new();
    let mut tell = |row: Row| rows.push(row);
    for (kind, how, bars) in [
        (Kind::Fails, "failing fast", [0.9999, 0.9999, 0.999]),
        (Kind::Hangs, "hanging", [0.9995, 0.999, 0.995]),
    ] {
        for (broken, bar) in (1..).zip(bars) {
            let name = format!("{broken} of 4 {how}, spare capacity");
            let scenario = Scenario::outage(&name, RATE, broken, kind);
            let runs = Runs::of(&scenario, seeds, true)?;
            let served = |t: &Tally| Figures::of(t.within(scenario.counted)).served;
            tell(runs.row("served", &name, Bar::at_least(bar, Unit::Share), served));
        }
    }
    for (broken, bar) in (1..).zip([0.9999, 0.995, 0.86]) {
        let name = format!("{broken} of 4 failing fast, each carries {TIGHT} of the load");
        let scenario = Scenario::outage(&name, RATE, broken, Kind::Fails).tight(RATE, TIGHT);
        let runs = Runs::of(&scenario, seeds, true)?;
        let served = |t: &Tally| Figures::of(t.within(scenario.counted)).served;
        tell(runs.row("served", &name, Bar::at_least(bar, Unit::Share), served));
    }
    brown_out(seeds, &mut tell)?;
    for (rate, bar) in [(20.0, 6.0), (1.0, 25.0)] {
        let name = format!("the first hangs, {rate} requests a second");
        let scenario = Scenario::outage(&name, rate, 1, Kind::Hangs);
        let runs = Runs::of(&scenario, seeds, true)?;
        let moved = |t: &Tally| shifted(t, rate, seeds);
        tell(runs.row("80 % moved", &name, Bar::at_most(bar, Unit::Seconds), moved));
    }
    healthy(seeds, &mut tell)?;
    let scenario = Scenario::outage("all failing", RATE, 4, Kind::Fails);
    let runs = Runs::of(&scenario, seeds, true)?;
    for (name, span, bar) in [
        ("all of 4 failing", (BREAKS, MENDED), 2.0),
        (
            "all of 4 failing, after a minute",
            (BREAKS + RISE, MENDED),
            1.2,
        ),
    ] {
        let attempts = |t: &Tally| Figures::of(t.within(span)).attempts;
        tell(runs.row(
            "attempts a request",
            name,
            Bar::at_most(bar, Unit::Attempts),
            attempts,
        ));
    }
    recovery(seeds, &mut tell)?;
    Ok(rows)
}

fn brown_out(seeds: Seeds, tell: &mut impl FnMut(Row)) -> Result<(), Unsound> {
    let mut scenario = Scenario::outage("brown-out", RATE, 1, BROWN_OUT);
    scenario = scenario.until(BREAKS + RISE, (BREAKS, BREAKS + RISE));
    for (_, faults) in &mut scenario.providers {
        for fault in faults {
            fault.until = BREAKS + RISE;
        }
    }
    let runs = Runs::of(&scenario, seeds, true)?;
    // Failures reach 30 % when half of the rise is over.
    let before = (BREAKS + RISE / 2 - 2 * SECOND, BREAKS + RISE / 2);
    let moved = |t: &Tally| Figures::of(t.within(before)).moved;
    tell(runs.row(
        "moved before failures reach 30 %",
        "the first browns out within a minute",
        Bar::at_least(0.8, Unit::Share),
        moved,
    ));
    let failed = |t: &Tally| 1.0 - Figures::of(t.within(scenario.counted)).served;
    tell(runs.row(
        "failed for clients",
        "the first browns out within a minute",
        Bar::at_most(0.0, Unit::Share),
        failed,
    ));
    Ok(())
}

fn healthy(seeds: Seeds, tell: &mut impl FnMut(Row)) -> Result<(), Unsound> {
    let rates = [1.0, 20.0, 200.0];
    let each = HEALTHY / 3.0;
    let mut own = Tally::default();
    let mut requests = 0;
    for rate in rates {
        #[expect(clippy::cast_precision_loss, reason = "a few seeds")]
        let span = super::draw::time(each / rate / seeds.count.max(1) as f64);
        let scenario = Scenario::healthy("healthy", rate, span);
        let runs = Runs::of(&scenario, seeds, false)?;
        requests += runs.own.all.len();
        own.add(runs.own);
    }
    let runs = Runs {
        own,
        others: Vec::new(),
    };
    let name = format!("{requests} requests to four that are well, 1, 20 and 200 a second");
    let moved = |t: &Tally| Figures::of(t.all.iter()).moved;
    tell(runs.row("diverted", &name, Bar::at_most(0.001, Unit::Share), moved));
    Ok(())
}

fn recovery(seeds: Seeds, tell: &mut impl FnMut(Row)) -> Result<(), Unsound> {
    for (kind, how) in [(Kind::Fails, "failed"), (Kind::Hangs, "hung")] {
        let name = format!("the first {how} for two minutes");
        let back = (MENDED + 50 * SECOND, MENDED + 60 * SECOND);
        let scenario = Scenario::outage(&name, RATE, 1, kind).until(MENDED + WATCHED, back);
        let runs = Runs::of(&scenario, seeds, true)?;
        let share = |t: &Tally| 1.0 - Figures::of(t.within(back)).moved;
        tell(runs.row(
            "share that is back",
            &format!("{name}; the sixth ten seconds after"),
            Bar::at_least(0.9, Unit::Share),
            share,
        ));
        tell(runs.row(
            "attempts at it, of those before",
            &format!("{name}; the most of any five seconds of the two minutes after"),
            Bar::at_most(1.1, Unit::Share),
            overshoot,
        ));
    }
    Ok(())
}

/// The most attempts a request that a target gets in any moment after its outage, over what it got before.
fn overshoot(tally: &Tally) -> f64 {
    let attempts = |span| Figures::of(tally.within(span)).primary;
    let before = attempts((0, BREAKS));
    let starts = (0..WATCHED / MOMENT).map(|n| MENDED + n * MOMENT);
    let most = starts.map(|from| attempts((from, from + MOMENT)));
    most.fold(0.0, f64::max) / before
}

/// Seconds from the outage until at least 80 % of the requests are sent elsewhere at once, and stay so for the next
/// moment too; endless where that never happens.
fn shifted(tally: &Tally, rate: f64, seeds: Seeds) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a few seeds")]
    let together = rate * seeds.count as f64;
    // As many as twenty requests tell a share.
    let step = super::draw::time((20.0 / together).max(1.0));
    let starts = (0..)
        .map(|n| BREAKS + n * step)
        .take_while(|at| at + 2 * step <= MENDED);
    let moved = |from: Nanos| Figures::of(tally.within((from, from + step))).moved;
    for from in starts {
        if moved(from) >= 0.8 && moved(from + step) >= 0.8 {
            return seconds(from + step - BREAKS);
        }
    }
    f64::INFINITY
}
