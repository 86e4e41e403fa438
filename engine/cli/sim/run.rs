//! `mux sim run`: one run of the simulator, told in full: who served what, request by request if asked for, and a chart.

use crate::bundle;
use crate::ending::{Exit, Outcome, Trouble};
use crate::near::unknown;
use crate::out::{Format, Out, columns, duration};
use clap::Args;
use mux_dsl::Image;
use mux_replay::sim::arrivals::{Arrivals, Call};
use mux_replay::sim::baseline::{self, Baseline};
use mux_replay::sim::chart::chart;
use mux_replay::sim::draw::seconds;
use mux_replay::sim::fault::{Fault, Kind, NAMES};
use mux_replay::sim::provider::Model;
use mux_replay::sim::recorded;
use mux_replay::sim::run::{Watch, chain, run_policy};
use mux_replay::sim::scenario::Scenario;
use mux_replay::sim::tally::{Figures, Seen, Tally, ratio};
use mux_routing::flight::Flight;
use mux_routing::{Nanos, SECOND};
use mux_traffic::record::Record;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Run one simulation and tell it in full
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// What runs: policies (a file or a folder), or a fault that the first of a chain of four has, such as `hangs`; `healthy` for none
    #[arg(default_value = "healthy")]
    what: String,
    /// Requests as recorded: CSV with columns for time, prompt tokens and answer tokens
    #[arg(long, value_name = "FILE.csv")]
    arrivals: Option<PathBuf>,
    /// How many times faster they come than they were recorded
    #[arg(long, default_value_t = 1.0, requires = "arrivals", value_parser = positive)]
    speed: f64,
    /// Requests a second, where they are not recorded
    #[arg(long, default_value_t = 20.0, conflicts_with = "arrivals", value_parser = positive)]
    rate: f64,
    /// How long requests come [default: 4m, or as long as they were recorded]
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    span: Option<Duration>,
    /// What a target, or all of a provider, does, such as `openai/gpt-4.1=hangs`, from a quarter to a half of the time; may be
    /// repeated
    #[arg(long = "fault", value_name = "TARGET=FAULT")]
    faults: Vec<String>,
    /// How many of a chain have the fault it is named by [default: 1]
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=i64::from(CHAIN)))]
    broken: Option<u8>,
    /// The policy that requests ask for [default: the first]
    #[arg(long, value_name = "@POLICY")]
    model: Option<String>,
    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print the records of so many requests, a line of JSON each
    #[arg(long, value_name = "N", default_value_t = 0)]
    trace: usize,
    /// Write a line for each request
    #[arg(long, value_name = "FILE.csv")]
    csv: Option<PathBuf>,
    /// Draw the run over time
    #[arg(long, value_name = "FILE.svg", value_parser = drawable)]
    chart: Option<PathBuf>,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
}

/// Providers of a chain.
const CHAIN: u8 = 4;
/// How long requests come that are not recorded.
const SPAN: Nanos = 240 * SECOND;

/// What runs.
struct Subject {
    image: Image,
    /// It is the simulator's own chain.
    chain: bool,
    /// What the first of it have.
    kind: Option<Kind>,
}

/// What is told of some requests.
#[derive(Debug, Serialize)]
struct Line {
    /// Who served them, or by whose rule.
    name: String,
    requests: usize,
    /// Share that was served; of a target, by it.
    served: f64,
    attempts: f64,
    /// Seconds to the first content.
    p50: f64,
    p95: f64,
    p99: f64,
}

/// Keeps the records of the first requests that are over.
struct Traced {
    left: usize,
    records: Vec<Record>,
}

impl Watch for Traced {
    fn over(&mut self, flight: &Flight) {
        if self.left > 0 {
            self.left -= 1;
            self.records.push(flight.record());
        }
    }
}

impl Run {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let Subject { image, chain, kind } = self.subject()?;
        let names: Vec<String> = image
            .fleet
            .targets
            .iter()
            .map(|t| t.name.to_string())
            .collect();
        let scenario = self.scenario(&names, kind)?;
        let model = match (&self.model, image.policies.first()) {
            (Some(model), _) => model.clone(),
            (None, Some(first)) => format!("@{}", first.name),
            (None, None) => return Err(Trouble::usage("there is no policy to send requests to")),
        };
        known(&image, &model, &names)?;
        let mut traced = Traced {
            left: self.trace,
            records: Vec::new(),
        };
        let (tally, _) = run_policy(Arc::new(image), &model, &scenario, self.seed, &mut traced);
        for record in &traced.records {
            out.json(record);
        }
        if let Some(path) = &self.csv {
            write(path, &csv(&tally, &names))?;
        }
        if let Some(path) = &self.chart {
            write(path, &chart(&scenario, &names, &tally))?;
        }
        let mut lines = vec![Line::of("all", &tally, tally.all.len())];
        lines.extend((0..).zip(&names).map(|(n, name)| {
            let own = tally.all.iter().filter(|s| s.served == Some(n));
            let own = Tally {
                all: own.copied().collect(),
            };
            Line::of(name, &own, tally.all.len())
        }));
        if chain {
            lines.extend(Baseline::ALL.into_iter().map(|rule| {
                let other = baseline::run(rule, &scenario, self.seed);
                Line::of(&format!("by {}", rule.name()), &other, other.all.len())
            }));
        }
        match self.format {
            Format::Json => out.json(&lines),
            Format::Human => out.text(&table(&scenario, &lines)),
        }
        Ok(Exit::Good)
    }

    /// The policies, or a chain with the fault that the run is named by.
    fn subject(&self) -> Result<Subject, Trouble> {
        let kind = Kind::named(&self.what);
        if kind.is_some() || self.what == "healthy" {
            let image = chain(CHAIN.into()).map_err(Trouble::internal)?;
            let image =
                Arc::into_inner(image).ok_or_else(|| Trouble::internal("a chain is shared"))?;
            return Ok(Subject {
                image,
                chain: true,
                kind,
            });
        }
        let path = Path::new(&self.what);
        if !path.exists() {
            let faults: Vec<&str> = ["healthy"].into_iter().chain(NAMES).collect();
            return Err(Trouble::usage(unknown(
                &self.what,
                "file, no folder and no fault",
                &faults,
            )));
        }
        let compiled = bundle::compile(path)?;
        let text = mux_dsl::render(&compiled.diagnostics, &compiled.sources, false);
        let image = compiled.image;
        let image =
            image.ok_or_else(|| Trouble::Usage(format!("the policies do not load:\n{text}")))?;
        Ok(Subject {
            image,
            chain: false,
            kind: None,
        })
    }

    fn scenario(&self, names: &[String], kind: Option<Kind>) -> Result<Scenario, Trouble> {
        let (arrivals, lasts) = self.arrivals()?;
        let asked = self
            .span
            .map(|span| Nanos::try_from(span.as_nanos()).unwrap_or(Nanos::MAX));
        let span = asked.unwrap_or(lasts).max(1);
        let fault = |kind| Fault {
            kind,
            from: span / 4,
            until: span / 2,
        };
        let mut providers = vec![(Model::default(), Vec::new()); names.len()];
        match (kind, self.broken) {
            (Some(kind), broken) => {
                let broken = usize::from(broken.unwrap_or(1));
                for (_, faults) in providers.iter_mut().take(broken) {
                    faults.push(fault(kind));
                }
            }
            (None, Some(_)) => {
                return Err(Trouble::usage(format!(
                    "`--broken` says how many of a chain have the fault that it is named by, and `{}` is no fault: write `mux sim run hangs \
                     --broken 2`, or break targets of policies with `--fault TARGET=FAULT`",
                    self.what
                )));
            }
            (None, None) => {}
        }
        for text in &self.faults {
            let (target, kind) = text.split_once('=').ok_or_else(|| {
                Trouble::usage(format!(
                    "`{text}`: write `--fault TARGET=FAULT`, such as `{}=hangs`",
                    names.first().map_or("", String::as_str)
                ))
            })?;
            let kind =
                Kind::named(kind).ok_or_else(|| Trouble::usage(unknown(kind, "fault", &NAMES)))?;
            let owner = |name: &str| name.split('/').next() == Some(target);
            let mut struck = false;
            for (name, (_, faults)) in names.iter().zip(&mut providers) {
                if name == target || owner(name) {
                    struck = true;
                    faults.push(fault(kind));
                }
            }
            if !struck {
                let of = |name: &'_ String| name.split('/').next().map(str::to_owned);
                let owners: BTreeSet<String> = names.iter().filter_map(of).collect();
                let known = names.iter().chain(&owners).map(String::as_str);
                let known: Vec<&str> = known.collect();
                return Err(Trouble::usage(unknown(
                    target,
                    "target and no provider",
                    &known,
                )));
            }
        }
        let trace = self
            .arrivals
            .as_ref()
            .and_then(|p| p.file_name())
            .map(|n| n.to_string_lossy().into_owned());
        let sent = trace.unwrap_or_else(|| format!("{} requests a second", self.rate));
        Ok(Scenario {
            name: format!("{}, {sent}, seed {}", self.what, self.seed),
            arrivals,
            span,
            providers,
            counted: (0, span),
        })
    }

    /// When requests come, and for how long.
    fn arrivals(&self) -> Result<(Arrivals, Nanos), Trouble> {
        let Some(path) = &self.arrivals else {
            return Ok((Arrivals::Poisson(self.rate), SPAN));
        };
        let failed =
            |why: String| Trouble::usage(format!("cannot read `{}`: {why}", path.display()));
        if path.extension().is_some_and(|e| e == "gz") {
            return Err(failed(
                "it is compressed; unpack it with `gunzip` first".to_owned(),
            ));
        }
        let text = std::fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
        let calls: Vec<Call> = recorded::parse(&text, self.speed).map_err(failed)?;
        let lasts = calls.last().map_or(0, |c| c.at) + 1;
        Ok((Arrivals::Recorded(calls.into()), lasts))
    }
}

impl Line {
    fn of(name: &str, tally: &Tally, requests: usize) -> Self {
        let served = tally.all.iter().filter(|s| s.served.is_some()).count();
        Self {
            name: name.to_owned(),
            requests: tally.all.len(),
            served: ratio(served, requests),
            attempts: Figures::of(tally.all.iter()).attempts,
            p50: tally.content(0.50),
            p95: tally.content(0.95),
            p99: tally.content(0.99),
        }
    }
}

/// What nobody answers to would be refused request by request.
fn known(image: &Image, model: &str, targets: &[String]) -> Result<(), Trouble> {
    let policy = model.strip_prefix('@');
    let named = image.policy(policy.unwrap_or(model)).is_some();
    let direct = || {
        targets
            .iter()
            .any(|t| t == model || t.split_once('/').is_some_and(|(_, m)| m == model))
    };
    if named || policy.is_none() && image.fleet.direct && direct() {
        return Ok(());
    }
    let policies: Vec<String> = image
        .policies
        .iter()
        .map(|p| format!("@{}", p.name))
        .collect();
    let direct = targets.iter().filter(|_| image.fleet.direct);
    let known: Vec<&str> = policies.iter().chain(direct).map(String::as_str).collect();
    Err(Trouble::usage(unknown(model, "policy", &known)))
}

/// A file that a chart can be written to.
fn drawable(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("svg"))
    {
        Ok(path)
    } else {
        Err(
            "a chart is drawn as SVG, which browsers show: name a file that ends in `.svg`"
                .to_owned(),
        )
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    if number.is_finite() && number > 0.0 {
        Ok(number)
    } else {
        Err(format!("`{text}` is not above 0"))
    }
}

fn write(path: &Path, text: &str) -> Result<(), Trouble> {
    std::fs::write(path, text)
        .map_err(|e| Trouble::usage(format!("cannot write `{}`: {e}", path.display())))
}

fn table(scenario: &Scenario, lines: &[Line]) -> String {
    let head = ["", "requests", "served", "attempts", "p50", "p95", "p99"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(lines.iter().map(|line| {
        let time = |seconds: f64| {
            if seconds.is_finite() {
                format!("{:.0} ms", seconds * 1_000.0)
            } else {
                "-".to_owned()
            }
        };
        vec![
            line.name.clone(),
            line.requests.to_string(),
            format!("{:.3} %", line.served * 100.0),
            format!("{:.3}", line.attempts),
            time(line.p50),
            time(line.p95),
            time(line.p99),
        ]
    }));
    format!(
        "{}, for {:.0} s of virtual time; times are to the first content\n{}",
        scenario.name,
        seconds(scenario.span),
        columns(&rows)
    )
}

/// A line for each request, in the order they came.
fn csv(tally: &Tally, names: &[String]) -> String {
    let mut all: Vec<&Seen> = tally.all.iter().collect();
    all.sort_by_key(|s| s.at);
    let name = |place: Option<u8>| {
        place
            .and_then(|n| names.get(usize::from(n)))
            .map_or("", String::as_str)
    };
    let lines = all.iter().map(|s| {
        let content = s.content.map(|c| format!("{:.3}", seconds(c) * 1_000.0));
        format!(
            "{:.6},{},{},{},{}\n",
            seconds(s.at),
            name(s.first),
            name(s.served),
            s.attempts,
            content.unwrap_or_default()
        )
    });
    let lines: String = lines.collect();
    format!("at_s,first,served,attempts,first_content_ms\n{lines}")
}
