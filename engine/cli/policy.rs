//! `mux policy`: check policies and test them, by their own tests and on recorded traffic.

use crate::ending::{Exit, Outcome, Trouble};
use crate::out::{Format, Out, columns};
use clap::{Args, Subcommand, ValueEnum};
use mux_dsl::rendering::Listing;
use mux_dsl::{Compiled, Image, Severity};
use mux_gateway::plugins::adapter_of;
use mux_gateway::source::Source;
use mux_replay::report::{Report, Side};
use mux_replay::traffic::replay;
use mux_replay::verdict::dollars;
use mux_replay::{case, expectation};
use mux_routing::router::{Memory, Router};
use mux_traffic::record::Record;
use serde_json::json;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Check and test policies
#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Check policies: every error of every file, in one pass
    Check(Check),
    /// Run the `test` blocks, or replay recorded traffic
    Test(Test),
}

impl Policy {
    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        match self {
            Self::Check(check) => check.run(out),
            Self::Test(test) => test.run(out),
        }
    }
}

/// Which policies.
#[derive(Debug, Args)]
struct Which {
    /// A folder (its `.mux` files are one bundle) or one file with its includes
    #[arg(default_value = "policies")]
    path: PathBuf,
    /// The same, spelled as `mux serve` spells it
    #[arg(long, conflicts_with = "path")]
    policies: Option<PathBuf>,
    /// How to write the result
    #[arg(long, default_value = "human")]
    format: Format,
}

impl Which {
    /// Reads and checks; diagnostics go to standard error where a person reads.
    fn compile(&self, out: &mut Out) -> Result<Compiled, Trouble> {
        let path = self.policies.as_deref().unwrap_or(&self.path);
        let compiled = compile(path)?;
        if self.format == Format::Human && !compiled.diagnostics.is_empty() {
            out.error(&mux_dsl::render(
                &compiled.diagnostics,
                &compiled.sources,
                out.color(),
            ));
        }
        Ok(compiled)
    }
}

/// Compiles a folder or a file, as the gateway does.
pub(crate) fn compile(path: &Path) -> Result<Compiled, Trouble> {
    let source = Source::new(path).map_err(Trouble::usage)?;
    let roots = source.roots().map_err(Trouble::usage)?;
    if roots.is_empty() {
        return Err(Trouble::usage(format!(
            "there is no `.mux` file in `{}`",
            path.display()
        )));
    }
    let names: Vec<&str> = roots.iter().map(String::as_str).collect();
    let built_in: Vec<&str> = mux_plugins::embedded()
        .iter()
        .map(|(name, _)| *name)
        .collect();
    Ok(mux_dsl::compile(
        &names,
        &mut |name| source.read(name),
        &|kind| built_in.contains(&adapter_of(kind)),
    ))
}

/// What makes a check fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// Warnings, too.
    Warnings,
}

/// Check policies
#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    which: Which,
    /// Let warnings fail the check
    #[arg(long)]
    deny: Option<Deny>,
}

impl Check {
    fn run(self, out: &mut Out) -> Outcome {
        let compiled = self.which.compile(out)?;
        let count = |severity| {
            compiled
                .diagnostics
                .iter()
                .filter(|d| d.severity == severity)
                .count()
        };
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        match self.which.format {
            Format::Json => out.json(&Listing::new(&compiled.diagnostics)),
            Format::Human => out.line(&summary(compiled.image.as_ref(), errors, warnings)),
        }
        let bad = compiled.image.is_none() || (self.deny == Some(Deny::Warnings) && warnings > 0);
        Ok(if bad { Exit::No } else { Exit::Good })
    }
}

fn summary(image: Option<&Image>, errors: usize, warnings: usize) -> String {
    let many = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let found = format!("{}, {}", many(errors, "error"), many(warnings, "warning"));
    match image {
        Some(image) => {
            let policies = match image.policies.len() {
                1 => "1 policy".to_owned(),
                n => format!("{n} policies"),
            };
            format!(
                "{found}: {policies}, {}, {}",
                many(image.fleet.targets.len(), "target"),
                many(image.tests.len(), "test")
            )
        }
        None => found,
    }
}

/// Run the `test` blocks, or replay recorded traffic
#[derive(Debug, Args)]
pub(crate) struct Test {
    #[command(flatten)]
    which: Which,
    /// Replay recorded requests: a segment, or a folder of them
    #[arg(long, value_name = "FILE|DIR")]
    traffic: Option<PathBuf>,
    /// Run only tests whose name contains this
    #[arg(long)]
    filter: Option<String>,
    /// Seed of every random choice of a replay
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Test {
    fn run(self, out: &mut Out) -> Outcome {
        let compiled = self.which.compile(out)?;
        let Some(image) = compiled.image else {
            if self.which.format == Format::Json {
                out.json(&json!({"error": "the policies do not load", "diagnostics": compiled.diagnostics}));
            }
            return Ok(Exit::No);
        };
        match &self.traffic {
            Some(traffic) => self.replay(image, traffic, out),
            None => self.cases(image, out),
        }
    }

    fn cases(&self, image: Image, out: &mut Out) -> Outcome {
        let mut outcomes = case::run(&Arc::new(image));
        outcomes.retain(|o| {
            self.filter
                .as_ref()
                .is_none_or(|f| o.name.contains(f.as_str()))
        });
        if let (true, Some(filter)) = (outcomes.is_empty(), &self.filter) {
            return Err(Trouble::usage(format!(
                "no test has `{filter}` in its name"
            )));
        }
        let failed = outcomes.iter().filter(|o| !o.failures.is_empty()).count();
        match self.which.format {
            Format::Json => out.json(
                &json!({"passed": outcomes.len() - failed, "failed": failed, "tests": outcomes}),
            ),
            Format::Human => {
                for outcome in &outcomes {
                    out.line(&told(outcome));
                }
                out.line(&format!(
                    "{} passed, {failed} failed",
                    outcomes.len() - failed
                ));
            }
        }
        Ok(if failed == 0 { Exit::Good } else { Exit::No })
    }

    fn replay(&self, image: Image, traffic: &Path, out: &mut Out) -> Outcome {
        let troubles = RefCell::new(Vec::new());
        let router = Arc::new(Router::new(
            Arc::new(image),
            "tested",
            &Memory::default(),
            |_| None,
        ));
        let read = || -> Result<_, Trouble> {
            let reader = mux_traffic::read(traffic)
                .map_err(|e| Trouble::usage(format!("cannot read `{}`: {e}", traffic.display())))?;
            troubles.borrow_mut().clear();
            Ok(reader.filter_map(|item| -> Option<Record> {
                item.map_err(|e| troubles.borrow_mut().push(e.to_string()))
                    .ok()
            }))
        };
        let report = replay(&router, self.seed, read)?;
        let troubles = troubles.into_inner();
        if report.requests == 0 {
            let first = troubles
                .first()
                .map(|t| format!(": {t}"))
                .unwrap_or_default();
            return Err(Trouble::usage(format!(
                "`{}` holds no recorded request{first}",
                traffic.display()
            )));
        }
        for trouble in troubles.iter().take(10) {
            out.error(&format!("skipped: {trouble}"));
        }
        let misses = expectation::check(router.image(), &report);
        match self.which.format {
            Format::Json => out
                .json(&json!({"report": report, "unreadable": troubles.len(), "failures": misses})),
            Format::Human => {
                out.line(&compared(&report));
                for miss in &misses {
                    out.line(&format!(
                        "FAIL  {}:{}: `{}`, but got {}",
                        miss.file, miss.line, miss.expected, miss.got
                    ));
                }
            }
        }
        Ok(if misses.is_empty() {
            Exit::Good
        } else {
            Exit::No
        })
    }
}

/// A test's line, and what failed below it.
fn told(outcome: &case::Outcome) -> String {
    if outcome.failures.is_empty() {
        return format!("ok    {}", outcome.name);
    }
    let mut lines = vec![format!(
        "FAIL  {}  ({}:{})",
        outcome.name, outcome.file, outcome.line
    )];
    for miss in &outcome.failures {
        lines.push(format!(
            "        line {}: `{}`, but got {}",
            miss.line, miss.expected, miss.got
        ));
    }
    let attempts = if outcome.attempts.is_empty() {
        "none".to_owned()
    } else {
        outcome.attempts.join(" ")
    };
    lines.push(format!(
        "        rule {}, attempts {attempts}, {} ms",
        outcome.rule, outcome.total_ms
    ));
    lines.join("\n")
}

/// The comparison of a replay, for a person.
fn compared(report: &Report) -> String {
    let percent = |count: u64| {
        let bp = report.share(count);
        format!("{count} ({}.{:02}%)", bp / 100, bp % 100)
    };
    let row = |name: &str, figure: &dyn Fn(&Side) -> String| {
        vec![name.to_owned(), figure(&report.was), figure(&report.now)]
    };
    let mut rows = vec![
        vec![
            format!("{} requests", report.requests),
            "was".to_owned(),
            "now".to_owned(),
        ],
        row("failed over", &|s| percent(s.failed_over)),
        row("errors", &|s| percent(s.errors)),
        row("denied", &|s| percent(s.denied)),
        row("p50", &|s| format!("{} ms", s.p50_ms)),
        row("p95", &|s| format!("{} ms", s.p95_ms)),
        row("cost", &|s| {
            dollars(i64::try_from(s.cost).unwrap_or(i64::MAX))
        }),
    ];
    if report.was.unpriced + report.now.unpriced > 0 {
        rows.push(row("without a price", &|s| percent(s.unpriced)));
    }
    let routes: std::collections::BTreeSet<&String> = report
        .was
        .routes
        .keys()
        .chain(report.now.routes.keys())
        .collect();
    for route in routes {
        rows.push(row(route, &|s| {
            percent(s.routes.get(route).copied().unwrap_or(0))
        }));
    }
    let versions: Vec<String> = report
        .was
        .versions
        .iter()
        .map(|v| v.chars().take(12).collect())
        .collect();
    let mut lines = vec![
        columns(&rows),
        String::new(),
        format!("decided by {}", versions.join(", ")),
    ];
    lines.push(format!("changed: {}", percent(report.changed)));
    for change in report.changes.iter().take(20) {
        lines.push(format!(
            "  {} -> {}: {}  e.g. {}",
            change.was,
            change.now,
            percent(change.count),
            change.examples.join(" ")
        ));
    }
    if report.skipped > 0 {
        lines.push(format!(
            "skipped: {} requests that could not be read in the first place",
            report.skipped
        ));
    }
    if !report.assumed.is_empty() {
        let assumed: Vec<&str> = report.assumed.iter().map(String::as_str).collect();
        lines.push(format!(
            "assumed healthy, since never recorded: {}",
            assumed.join(", ")
        ));
    }
    lines.join("\n")
}

/// The check a gateway makes at every save: its tests must pass.
pub(crate) fn examine(image: &Arc<Image>) -> Result<(), String> {
    let outcomes = case::run(image);
    let failed: Vec<String> = outcomes
        .iter()
        .filter(|o| !o.failures.is_empty())
        .map(told)
        .collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "tests of the policies fail:\n{}",
            failed.join("\n")
        ))
    }
}
