//! `mux policy test`: the `test` blocks of policies, and recorded traffic replayed under them.

use crate::bundle::Which;
use crate::ending::{Exit, Outcome, Trouble};
use crate::found::{Found, Told};
use crate::out::{Out, columns};
use clap::Args;
use mux_dsl::rendering::{Case, Failure};
use mux_dsl::{Answer, Image, Proof};
use mux_replay::report::{Report, Side};
use mux_replay::traffic::replay;
use mux_replay::verdict::{Miss, dollars};
use mux_replay::{case, expectation};
use mux_routing::router::{Memory, Router};
use mux_traffic::record::Record;
use serde_json::json;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    /// Write tests for what the tests do not cover, expecting what happens today
    #[arg(long, conflicts_with_all = ["traffic", "filter"])]
    generate: bool,
    /// Where to write them; a file that is there is never overwritten
    #[arg(short, long, value_name = "FILE", requires = "generate")]
    output: Option<PathBuf>,
    /// Add them to the file
    #[arg(long, requires = "output")]
    update: bool,
}

/// Where generated tests go, and what they are for.
#[derive(Debug)]
pub(crate) struct Generation<'t> {
    pub(crate) path: &'t Path,
    pub(crate) output: Option<&'t Path>,
    pub(crate) update: bool,
}

impl Test {
    /// What is to be generated in the place of running anything.
    pub(crate) fn generation(&self) -> Option<Generation<'_>> {
        self.generate.then(|| Generation {
            path: self.which.path(),
            output: self.output.as_deref(),
            update: self.update,
        })
    }

    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let (image, found) = self.which.compile_forced(out)?;
        let Some(image) = image else {
            let told = Told {
                suite: SUITE,
                human: String::new(),
                json: json!({ "error": "the policies do not load" }),
                cases: None,
            };
            self.which.shape.result(&found, &told, out);
            return Ok(Exit::No);
        };
        let passed = match &self.traffic {
            Some(traffic) => self.replay(image, traffic, &found, out)?,
            None => self.cases(image, &found, out)?,
        };
        Ok(if passed && !self.which.shape.denies(&found) {
            Exit::Good
        } else {
            Exit::No
        })
    }

    fn cases(&self, image: Image, found: &Found, out: &mut Out) -> Result<bool, Trouble> {
        let image = Arc::new(image);
        let mut outcomes = case::run(&image);
        outcomes.retain(|o| {
            self.filter
                .as_ref()
                .is_none_or(|f| o.name.contains(f.as_str()))
        });
        let mut proofs = image.proofs.clone();
        proofs.retain(|p| {
            self.filter
                .as_ref()
                .is_none_or(|f| p.name.contains(f.as_str()))
        });
        if let (true, Some(filter)) = (outcomes.is_empty() && proofs.is_empty(), &self.filter) {
            return Err(Trouble::usage(format!(
                "no test and no guarantee has `{filter}` in its name"
            )));
        }
        let failed = outcomes.iter().filter(|o| !o.failures.is_empty()).count()
            + proofs.iter().filter(|p| p.refuted()).count();
        let passed = outcomes.len() + proofs.len() - failed;
        let mut lines: Vec<String> = outcomes.iter().map(told).collect();
        lines.extend(proofs.iter().map(proved));
        lines.push(format!("{passed} passed, {failed} failed"));
        let told = Told {
            suite: SUITE,
            human: lines.join("\n"),
            json: json!({ "passed": passed, "failed": failed, "tests": outcomes, "guarantees": proofs }),
            cases: Some(
                outcomes
                    .iter()
                    .map(|o| tested(o, found))
                    .chain(proofs.iter().map(|p| promised(p, found)))
                    .collect(),
            ),
        };
        self.which.shape.result(found, &told, out);
        Ok(failed == 0)
    }

    fn replay(
        &self,
        image: Image,
        traffic: &Path,
        found: &Found,
        out: &mut Out,
    ) -> Result<bool, Trouble> {
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
        let mut lines = vec![compared(&report)];
        lines.extend(misses.iter().map(|miss| {
            let Miss {
                file,
                line,
                expected,
                got,
            } = miss;
            format!("FAIL  {file}:{line}: `{expected}`, but got {got}")
        }));
        let told = Told {
            suite: SUITE,
            human: lines.join("\n"),
            cases: Some(replayed(report.requests, &misses, found)),
            json: json!({ "report": report, "unreadable": troubles.len(), "failures": misses }),
        };
        self.which.shape.result(found, &told, out);
        Ok(misses.is_empty())
    }
}

/// What tests are called where results of several commands are collected.
const SUITE: &str = "mux policy test";
/// The kind of their failures.
const FAILED: &str = "test-failed";

/// A test as a case.
fn tested(outcome: &case::Outcome, found: &Found) -> Case {
    let file = found.path(&outcome.file);
    let failure = outcome.failures.first().map(|miss| Failure {
        kind: FAILED.to_owned(),
        message: format!("`{}`, but got {}", miss.expected, miss.got),
        text: told(outcome),
    });
    Case {
        name: outcome.name.clone(),
        group: file.clone(),
        place: Some((file, outcome.line)),
        failure,
        note: None,
    }
}

/// The expectations of a replay that did not hold as cases, or one that says that all held.
fn replayed(requests: u64, misses: &[Miss], found: &Found) -> Vec<Case> {
    if misses.is_empty() {
        return vec![Case {
            name: format!("every expectation holds for {requests} requests"),
            group: "replay".to_owned(),
            place: None,
            failure: None,
            note: None,
        }];
    }
    let case = |miss: &Miss| {
        let message = format!("`{}`, but got {}", miss.expected, miss.got);
        Case {
            name: miss.expected.clone(),
            group: "replay".to_owned(),
            place: Some((found.path(&miss.file), miss.line)),
            failure: Some(Failure {
                kind: FAILED.to_owned(),
                message: message.clone(),
                text: message,
            }),
            note: None,
        }
    };
    misses.iter().map(case).collect()
}

/// A guarantee as a case.
fn promised(proof: &Proof, found: &Found) -> Case {
    let file = found.path(&proof.file);
    let failure = match &proof.verdict {
        Answer::Refuted(example) => Some(Failure {
            kind: FAILED.to_owned(),
            message: format!("`{}`, but {}", example.expected, example.got),
            text: proved(proof),
        }),
        Answer::Proved | Answer::Vacuous | Answer::Bounded { .. } => None,
    };
    let note = match &proof.verdict {
        Answer::Bounded { points } => Some(format!("not proved: it holds for {points} requests")),
        Answer::Vacuous => Some("no request is meant by it".to_owned()),
        Answer::Proved | Answer::Refuted(_) => None,
    };
    Case {
        name: proof.name.clone(),
        group: file.clone(),
        place: Some((file, proof.line)),
        failure,
        note,
    }
}

/// A guarantee's line, and the request for which it does not hold below it.
fn proved(proof: &Proof) -> String {
    let name = &proof.name;
    match &proof.verdict {
        Answer::Proved => format!("ok    {name}: proved for every request"),
        Answer::Vacuous => format!("ok    {name}: it holds because no request is meant by it"),
        Answer::Bounded { points } => {
            format!("ok    {name}: holds for {points} requests, too tangled to be proved for all")
        }
        Answer::Refuted(example) => {
            let mut lines = vec![
                format!("FAIL  {name}  ({}:{})", proof.file, proof.line),
                format!(
                    "        `{}`, but {}, by {}",
                    example.expected, example.got, example.rule
                ),
                format!(
                    "        {}:",
                    if example.fails {
                        "this test fails while it does not hold"
                    } else {
                        "for example this request"
                    }
                ),
            ];
            lines.extend(example.test.lines().map(|line| format!("          {line}")));
            lines.join("\n")
        }
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

/// Runs the tests of a name, and the rows of its table, or tells what became of a guarantee of that name: whether all is
/// well, and their lines.
pub(crate) fn one(image: &Arc<Image>, name: &str) -> Option<(bool, String)> {
    let rows = format!("{name}, row ");
    let mut outcomes = case::run(image);
    outcomes.retain(|o| o.name == name || o.name.starts_with(&rows));
    let proofs = image.proofs.iter().filter(|p| p.name == name);
    let well =
        outcomes.iter().all(|o| o.failures.is_empty()) && !proofs.clone().any(Proof::refuted);
    let lines: Vec<String> = outcomes
        .iter()
        .map(told)
        .chain(proofs.map(proved))
        .collect();
    (!lines.is_empty()).then(|| (well, lines.join("\n")))
}
