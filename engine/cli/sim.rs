//! `mux sim`: the real routing code against modelled providers in virtual time.

mod cuts;
mod failover;
mod layers;
mod run;
mod stage;

use crate::ending::{Exit, Outcome, Trouble};
use crate::out::{Format, Out, columns};
use clap::{Args, Subcommand, ValueEnum};
use mux_replay::sim::baseline::Baseline;
use mux_replay::sim::promise::{Row, Seeds, Side, Unit, promises};
use mux_replay::sim::swarm::{self, Swarm, swarm};

/// Simulate outages
#[derive(Debug, Subcommand)]
pub(crate) enum Sim {
    /// Hold what mux promises of failover against simulated outages, beside what other gateways' rules reach
    Promises(Promises),
    /// Draw faults at random and look for what must never happen
    Swarm(Random),
    /// Run one simulation and tell it in full: of policies, or of a chain with a fault
    Run(run::Run),
    /// Hold the simulator against runs of the whole gateway: the same scenarios, side by side
    Layers(layers::Layers),
}

/// Hold what mux promises of failover against simulated outages
#[derive(Debug, Args)]
pub(crate) struct Promises {
    /// How many runs of each outage count together
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    seeds: u64,
    /// The first seed; the others follow it
    #[arg(long, default_value_t = 1)]
    first_seed: u64,
    /// Only this part of them
    #[arg(long)]
    only: Option<Part>,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
}

/// What promises are about, by how they are tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Outages, in virtual time
    Outages,
    /// Streams cut after each byte, through the whole gateway in memory
    Cuts,
    /// What a failover costs, over real sockets
    Failover,
}

/// Draw faults at random and look for what must never happen
#[derive(Debug, Args)]
pub(crate) struct Random {
    /// How many runs
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first seed; the others follow it
    #[arg(long, default_value_t = 1)]
    first_seed: u64,
    /// Say what is sent and what breaks, and run nothing
    #[arg(long)]
    script: bool,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
}

/// So many seeds take every path there is; with fewer, one that is not taken is no fault.
const ENOUGH: u64 = 200;

impl Sim {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        match self {
            Self::Promises(promises) => promises.run(out),
            Self::Swarm(random) => random.run(out),
            Self::Run(run) => run.run(out),
            Self::Layers(layers) => layers.run(out),
        }
    }
}

impl Promises {
    fn run(self, out: &mut Out) -> Outcome {
        let seeds = Seeds {
            first: self.first_seed,
            count: self.seeds,
        };
        let wanted = |part| self.only.is_none_or(|only| only == part);
        let mut rows = Vec::new();
        if wanted(Part::Outages) {
            rows.extend(promises(seeds).map_err(Trouble::internal)?);
        }
        if wanted(Part::Cuts) {
            rows.extend(cuts::rows()?);
        }
        if wanted(Part::Failover) {
            rows.extend(failover::rows()?);
        }
        match self.format {
            Format::Json => out.json(&rows),
            Format::Human => out.text(&table(&rows)),
        }
        Ok(Exit::when(rows.iter().all(|row| row.holds)))
    }
}

impl Random {
    fn run(self, out: &mut Out) -> Outcome {
        let seeds = Seeds {
            first: self.first_seed,
            count: self.seeds,
        };
        if self.script {
            for seed in seeds.each() {
                out.text(&swarm::script(&swarm::scenario(seed)).join("\n"));
            }
            return Ok(Exit::Good);
        }
        let found = swarm(seeds).map_err(Trouble::internal)?;
        match self.format {
            Format::Json => out.json(&found),
            Format::Human => out.text(&told(&found)),
        }
        let complete = found.unseen.is_empty() || found.seeds < ENOUGH;
        Ok(Exit::when(found.violations.is_empty() && complete))
    }
}

fn table(rows: &[Row]) -> String {
    let head = ["", "promise", "circumstances", "must be", "is"];
    let others = Baseline::ALL.map(Baseline::name);
    let mut lines = vec![
        head.iter()
            .chain(&others)
            .map(|h| (*h).to_owned())
            .collect(),
    ];
    for row in rows {
        let side = match row.bar.is {
            Side::AtLeast => "≥",
            Side::AtMost => "≤",
        };
        let figure = |value| figure(row.bar.unit, value);
        let other = |name| {
            row.baselines
                .get(name)
                .map_or("-".to_owned(), |v| figure(*v))
        };
        let mut line = vec![
            if row.holds { "ok" } else { "FAIL" }.to_owned(),
            row.promise.to_owned(),
            row.scenario.clone(),
            format!("{side} {}", figure(row.bar.value)),
            figure(row.value),
        ];
        line.extend(others.map(other));
        lines.push(line);
    }
    columns(&lines)
}

fn figure(unit: Unit, value: f64) -> String {
    match unit {
        _ if !value.is_finite() => "never".to_owned(),
        Unit::Share => format!("{:.3} %", value * 100.0),
        Unit::Seconds => format!("{value:.0} s"),
        Unit::Millis => format!("{value:.2} ms"),
        Unit::Attempts => format!("{value:.2}"),
    }
}

fn told(found: &Swarm) -> String {
    let mut lines = vec![format!(
        "{} seeds, {} requests, each run twice: {} violations",
        found.seeds,
        found.requests,
        found.violations.len()
    )];
    for violation in &found.violations {
        lines.push(format!("seed {}: {}", violation.seed, violation.what));
        lines.extend(violation.script.iter().map(|line| format!("  {line}")));
        let again = format!("mux sim swarm --first-seed {} --seeds 1", violation.seed);
        lines.push(format!("  again: {again}"));
    }
    let list = |set: &std::collections::BTreeSet<String>| {
        set.iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    };
    lines.push(format!("seen: {}", list(&found.seen)));
    if !found.unseen.is_empty() {
        lines.push(format!("never seen: {}", list(&found.unseen)));
    }
    lines.join("\n")
}
