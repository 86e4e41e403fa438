//! `mux policy test`: the `test` blocks of policies, and recorded traffic replayed under them.

use crate::asking::{About, Asking};
use crate::bundle::Which;
use crate::ending::{Exit, Outcome, Trouble};
use crate::found::{Found, Told};
use crate::out::{Out, duration};
use crate::recorded::Recorded;
use crate::replaying::Replaying;
use clap::Args;
use mux_dsl::rendering::{Case, Failure};
use mux_dsl::{Answer, Image, Proof};
use mux_replay::case;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Run the `test` blocks, or replay recorded traffic
#[derive(Debug, Args)]
pub(crate) struct Test {
    #[command(flatten)]
    which: Which,
    /// Run only tests whose name contains this
    #[arg(long, conflicts_with = "traffic")]
    filter: Option<String>,
    #[command(flatten)]
    replaying: Replaying,
    #[command(flatten)]
    asking: Asking,
    /// Do it again and again, with so much time from one beginning to the next, such as `1d`, until it is interrupted: the
    /// policies and the traffic as they are then
    #[arg(long, value_name = "TIME", value_parser = duration, requires = "traffic")]
    #[arg(conflicts_with_all = ["resume", "live", "generate"])]
    every: Option<Duration>,
    /// Write tests for what the tests do not cover, expecting what happens today; with `--traffic`, for the classes of
    /// recorded requests that no test has
    #[arg(long, conflicts_with = "filter")]
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
    /// Recorded requests that they are for; everything that can be decided where there are none.
    pub(crate) recorded: &'t Recorded,
}

impl Test {
    /// What is to be generated in the place of running anything.
    pub(crate) fn generation(&self) -> Option<Generation<'_>> {
        self.generate.then(|| Generation {
            path: self.which.path(),
            output: self.output.as_deref(),
            update: self.update,
            recorded: self.replaying.recorded(),
        })
    }

    pub(crate) fn run(self, out: &mut Out) -> Outcome {
        let Some(every) = self.every else {
            return self.once(out);
        };
        loop {
            let began = Instant::now();
            // What is wrong now may be mended the next time.
            if let Err(trouble) = self.once(out) {
                out.error(&format!("mux: {trouble}"));
            }
            thread::sleep(every.saturating_sub(began.elapsed()));
        }
    }

    fn once(&self, out: &mut Out) -> Outcome {
        let (image, found, given) = self.which.compile_forced(out)?;
        let Some(image) = image else {
            let told = Told {
                suite: SUITE,
                human: String::new(),
                json: json!({ "error": "the policies do not load" }),
                cases: None,
                pages: None,
            };
            self.which.shape.result(&found, &told, out);
            return Ok(Exit::No);
        };
        let image = Arc::new(image);
        let passed = match self.replaying.recorded().traffic() {
            Some(traffic) if self.asking.live() => {
                let against = self.replaying.version(self.which.path())?;
                let about = About {
                    policies: &given,
                    against: against.as_ref(),
                    data: self.replaying.data(),
                    recorded: self.replaying.recorded(),
                    traffic,
                    seed: self.replaying.seed(),
                };
                let reasked = self.asking.run(about, out)?;
                self.which.shape.result(&found, &reasked.told(SUITE), out);
                if let Some(trouble) = reasked.trouble {
                    return Err(trouble);
                }
                reasked.compared()
            }
            Some(traffic) => {
                let replayed = self
                    .replaying
                    .run(&image, traffic, self.which.path(), out)?;
                let told = replayed.told(SUITE, &found);
                self.which.shape.result(&found, &told, out);
                replayed.holds()
            }
            None => self.cases(&image, &found, out)?,
        };
        Ok(if passed && !self.which.shape.denies(&found) {
            Exit::Good
        } else {
            Exit::No
        })
    }

    fn cases(&self, image: &Arc<Image>, found: &Found, out: &mut Out) -> Result<bool, Trouble> {
        if self.which.shape.human() && !image.replays.is_empty() {
            let (many, are) = match image.replays.len() {
                1 => ("1 `replay` block".to_owned(), "is"),
                n => (format!("{n} `replay` blocks"), "are"),
            };
            out.error(&format!(
                "{many} {are} not judged: that takes recorded traffic (`--traffic`)"
            ));
        }
        let mut outcomes = case::run(image);
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
            pages: None,
        };
        self.which.shape.result(found, &told, out);
        Ok(failed == 0)
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

/// What became of the tests and guarantees of a bundle.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    /// What of them failed, in lines.
    pub(crate) failures: Vec<String>,
}

/// Runs every test, and tells what is known of every guarantee.
pub(crate) fn ran(image: &Arc<Image>) -> Ran {
    let outcomes = case::run(image);
    let bad = outcomes.iter().filter(|o| !o.failures.is_empty()).map(told);
    let refuted = image.proofs.iter().filter(|p| p.refuted()).map(proved);
    let failures: Vec<String> = bad.chain(refuted).collect();
    Ran {
        passed: outcomes.len() + image.proofs.len() - failures.len(),
        failed: failures.len(),
        failures,
    }
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
