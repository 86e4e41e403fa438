//! `mux policy test --traffic`: recorded requests, decided and carried out again under the policies as they are now.

mod figures;
mod page;
mod progress;
mod reading;
mod told;

use crate::ending::Trouble;
use crate::found::{Found, Pages, Told};
use crate::origin::Places;
use crate::out::Out;
use clap::{Args, ValueEnum};
use figures::counted;
use mux_dsl::Image;
use mux_dsl::rendering::{Case, Failure};
use mux_replay::by::By;
use mux_replay::decisions::decide;
use mux_replay::expectation::{self, Judged, Verdict};
use mux_replay::outage::Outage;
use mux_replay::report::Report;
use mux_replay::traffic::{Terms, replay};
use mux_routing::router::{Memory, Router};
use progress::thousands;
use reading::Recording;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use told::Names;

/// How far requests are carried out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Rules and plans only, with the figures of their time: fast, and exact
    Decisions,
    /// All of it, in virtual time: what providers do is drawn from what they did
    Simulated,
}

/// What becomes of an expectation that this traffic cannot tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Open {
    /// The command fails
    Fail,
    /// It does not
    Pass,
}

/// How recorded traffic is replayed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Replay")]
pub(crate) struct Replaying {
    /// Replay recorded requests: a segment, or a folder of them
    #[arg(long, value_name = "FILE|DIR")]
    traffic: Option<PathBuf>,
    /// What every request asks for, in the place of what it asked for when it was recorded: for traffic from elsewhere
    #[arg(long = "as", value_name = "@POLICY", requires = "traffic")]
    asks: Option<String>,
    /// How far they are carried out again
    #[arg(long, value_enum, default_value = "simulated", requires = "traffic")]
    mode: Mode,
    /// Compare with another version as well: a folder, `REV` or `REV:PATH` of git, a version that a gateway keeps; `live` is
    /// what was recorded [default: what `replay` blocks name]
    #[arg(long, value_name = "VERSION", requires = "traffic")]
    against: Option<String>,
    /// Make a target or a provider fail: `TARGET=FAULT[:TIME][@MOMENT]`, such as `anthropic=hangs:10m@14:00`; repeatable
    #[arg(long, value_name = "OUTAGE", requires = "traffic")]
    outage: Vec<Outage>,
    /// Tell the figures also by `tag.NAME`, `key`, `team`, `model`, `end_user`, `target` or `streaming`; repeatable
    #[arg(long, value_name = "FACT", requires = "traffic")]
    by: Vec<By>,
    /// Tell all of one request, by its id
    #[arg(long, value_name = "ID", requires = "traffic")]
    trace: Option<String>,
    /// What an expectation does that cannot be told yet
    #[arg(long, value_enum, default_value = "fail", requires = "traffic")]
    inconclusive: Open,
    /// Seed of every random choice
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The gateway's data folder, where versions are kept
    #[arg(long, env = "MUX_DATA", default_value = ".mux")]
    data: PathBuf,
}

/// A replay that was made.
#[derive(Debug)]
pub(crate) struct Replayed {
    report: Report,
    judged: Vec<Judged>,
    names: Names,
    unreadable: u64,
    newer: u64,
    open: Open,
}

impl Replaying {
    /// Where the traffic is, if any is to be replayed.
    pub(crate) fn traffic(&self) -> Option<&Path> {
        self.traffic.as_deref()
    }

    /// Where versions are kept.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Replays traffic under a bundle; `policies` is where it comes from.
    pub(crate) fn run(
        &self,
        image: Image,
        traffic: &Path,
        policies: &Path,
        out: &mut Out,
    ) -> Result<Replayed, Trouble> {
        if self.mode == Mode::Decisions && (!self.outage.is_empty() || self.trace.is_some()) {
            return Err(Trouble::usage(
                "`--outage` and `--trace` need `--mode simulated`: decisions alone call nobody",
            ));
        }
        self.known(&image)?;
        let named = self.against.as_deref().filter(|name| *name != "live");
        let named = match (&self.against, named) {
            (None, _) => expectation::named(&image).map(str::to_owned),
            (Some(_), named) => named.map(str::to_owned),
        };
        let against = named.as_deref().map(|name| {
            let origin = Places::new(policies, &self.data).find(name)?;
            Ok::<_, Trouble>(router(origin.image, name))
        });
        let against = against.transpose()?;
        let recording = Recording::open(traffic)?;
        let records = |doing| {
            recording.records(doing).map(|mut record| {
                // One that could not be read asks for nothing.
                if let (Some(asks), false) = (&self.asks, record.request.model.is_empty()) {
                    record.request.model.clone_from(asks);
                }
                record
            })
        };
        let router = router(image, "tested");
        let report = match self.mode {
            Mode::Decisions => decide(&router, against.as_deref(), &self.by, records("deciding")),
            Mode::Simulated => {
                let terms = Terms {
                    seed: self.seed,
                    outages: &self.outage,
                    by: &self.by,
                    trace: self.trace.as_deref(),
                };
                let mut doing = ["learning how targets behave", "replaying"].into_iter();
                let read = || {
                    let doing = doing.next().unwrap_or("replaying");
                    Ok::<_, Trouble>(records(doing))
                };
                replay(&router, against.as_ref(), terms, read)?
            }
        };
        let troubles = recording.troubles();
        for trouble in &troubles {
            out.error(&format!("skipped: {trouble}"));
        }
        let more = recording.unreadable().saturating_sub(troubles.len() as u64);
        if more > 0 {
            out.error(&format!("skipped: {} more", thousands(more)));
        }
        for notice in recording.notices() {
            out.error(&format!("mux: {notice}"));
        }
        if recording.newer() > 0 {
            out.error(&format!(
                "mux: {} records were written by a newer mux; what this one does not know of them is left out",
                thousands(recording.newer())
            ));
        }
        if report.requests == 0 {
            return Err(recording.empty());
        }
        if let (Some(id), None) = (&self.trace, &report.traced) {
            return Err(Trouble::usage(format!(
                "no request `{id}` is recorded in `{}`",
                traffic.display()
            )));
        }
        Ok(Replayed {
            judged: expectation::check(router.image(), &report),
            names: Names { against: named },
            unreadable: recording.unreadable(),
            newer: recording.newer(),
            open: self.inconclusive,
            report,
        })
    }

    /// An outage of nobody is a mistake.
    fn known(&self, image: &Image) -> Result<(), Trouble> {
        let names: Vec<&str> = image.fleet.targets.iter().map(|t| &*t.name).collect();
        for outage in &self.outage {
            if !names.iter().any(|name| outage.concerns(name)) {
                return Err(Trouble::usage(format!(
                    "`{}` is no target and no provider; there is {}",
                    outage.target,
                    names.join(", ")
                )));
            }
        }
        Ok(())
    }
}

/// What a bundle decides differently than another one, or than what was recorded, in a few lines.
pub(crate) fn effect(
    now: &Arc<Image>,
    was: Option<&Arc<Image>>,
    traffic: &Path,
) -> Result<String, Trouble> {
    let router =
        |image: &Arc<Image>| Router::new(Arc::clone(image), "tested", &Memory::default(), |_| None);
    let recording = Recording::open(traffic)?;
    let against = was.map(router);
    let report = decide(
        &router(now),
        against.as_ref(),
        &[],
        recording.records("deciding"),
    );
    if report.requests == 0 {
        return Err(recording.empty());
    }
    let mut lines = vec![format!(
        "of {} recorded requests, {} are decided differently",
        thousands(report.requests),
        counted(report.changed, report.requests)
    )];
    let changes = report.changes.iter().take(5);
    lines.extend(changes.map(|c| format!("  {} -> {}: {}", c.was, c.now, thousands(c.count))));
    Ok(lines.join("\n"))
}

fn router(image: Image, version: &str) -> Arc<Router> {
    let memory = Memory::default();
    Arc::new(Router::new(Arc::new(image), version, &memory, |_| None))
}

impl Replayed {
    /// Whether every expectation holds.
    pub(crate) fn holds(&self) -> bool {
        self.judged.iter().all(|j| match j.verdict {
            Verdict::Pass => true,
            Verdict::Fail => false,
            Verdict::Inconclusive => self.open == Open::Pass,
        })
    }

    /// In every format.
    pub(crate) fn told(&self, suite: &'static str, found: &Found) -> Told<serde_json::Value> {
        let Self {
            report,
            judged,
            names,
            unreadable,
            newer,
            ..
        } = self;
        let failures: Vec<&Judged> = judged
            .iter()
            .filter(|j| j.verdict != Verdict::Pass)
            .collect();
        Told {
            suite,
            human: told::human(report, judged, names),
            json: json!({
                "report": report,
                "unreadable": unreadable,
                "newer": newer,
                "expectations": judged,
                "failures": failures,
            }),
            cases: Some(self.cases(found)),
            pages: Some(Pages {
                markdown: self.markdown(),
                html: page::page(report, judged, names),
            }),
        }
    }

    /// In one line.
    pub(crate) fn summary(&self) -> String {
        let count = |verdict| self.judged.iter().filter(|j| j.verdict == verdict).count();
        format!(
            "of {} recorded requests {} are decided differently; of {} expectations {} fail and {} are open",
            thousands(self.report.requests),
            counted(self.report.changed, self.report.requests),
            self.judged.len(),
            count(Verdict::Fail),
            count(Verdict::Inconclusive)
        )
    }

    /// For the comment of a pull request.
    pub(crate) fn markdown(&self) -> String {
        told::markdown(&self.report, &self.judged, &self.names)
    }

    /// The expectations as cases, or one that says how much was replayed where there are none.
    fn cases(&self, found: &Found) -> Vec<Case> {
        if self.judged.is_empty() {
            return vec![Case {
                name: format!(
                    "every expectation holds for {} requests",
                    self.report.requests
                ),
                group: "replay".to_owned(),
                place: None,
                failure: None,
                note: None,
            }];
        }
        let case = |judged: &Judged| {
            let open = judged.verdict == Verdict::Inconclusive;
            let fails = match judged.verdict {
                Verdict::Pass => false,
                Verdict::Fail => true,
                Verdict::Inconclusive => self.open == Open::Fail,
            };
            let kind = if open { "inconclusive" } else { "test-failed" };
            let message = told::outcome(judged);
            Case {
                name: judged.expected.clone(),
                group: "replay".to_owned(),
                place: Some((found.path(&judged.file), judged.line)),
                failure: fails.then(|| Failure {
                    kind: kind.to_owned(),
                    message: message.clone(),
                    text: message.clone(),
                }),
                note: (open && !fails).then_some(message),
            }
        };
        self.judged.iter().map(case).collect()
    }
}
