//! `mux policy test --traffic`: recorded requests, decided and carried out again under the policies as they are now.

mod comparing;
mod figures;
mod kept;
mod page;
mod processors;
mod progress;
mod reading;
mod told;

use crate::ending::Trouble;
use crate::found::{Found, Pages, Told};
use crate::origin::Places;
use crate::out::Out;
use crate::recorded::Recorded;
use clap::{Args, ValueEnum};
use comparing::{Comparing, Mode};
use figures::counted;
use mux_dsl::Image;
use mux_dsl::rendering::{Case, Failure};
use mux_gateway::source::Given;
use mux_replay::by::By;
use mux_replay::decisions::decide;
use mux_replay::expectation::{self, Judged, Verdict};
use mux_replay::outage::Outage;
use mux_replay::traffic::Terms;
use mux_routing::router::{Memory, Router};
use processors::Processors;
use progress::thousands;
use reading::Recording;
use serde_json::json;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use told::{Compared, Names};

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
    #[command(flatten)]
    recorded: Recorded,
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
    /// Keep in this file how far it is, and go on from there where it was interrupted; it is removed when all is done
    #[arg(
        long,
        value_name = "FILE",
        requires = "traffic",
        conflicts_with = "last"
    )]
    resume: Option<PathBuf>,
    /// Requests after which that is kept, and after which the gateway that is simulated starts anew, knowing what was spent
    /// [default: 1000000]
    #[arg(long, value_name = "N", requires = "traffic")]
    stage: Option<NonZeroU64>,
    /// Seed of every random choice
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The gateway's data folder, where versions are kept
    #[arg(long, env = "MUX_DATA", default_value = ".mux")]
    data: PathBuf,
}

/// A replay that was made: a comparison for each version that `replay` blocks name.
#[derive(Debug)]
pub(crate) struct Replayed {
    /// At least one.
    comparisons: Vec<Compared>,
    open: Open,
}

impl Replaying {
    /// The traffic that is to be replayed, if any is.
    pub(crate) fn recorded(&self) -> &Recorded {
        &self.recorded
    }

    /// The seed of every random choice.
    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// Where versions are kept.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// The version to compare with, as it was read, and its name; `None` where that is what was recorded.
    pub(crate) fn version(&self, policies: &Path) -> Result<Option<(String, Given)>, Trouble> {
        let named = self.against.as_deref().filter(|name| *name != "live");
        let places = Places::new(policies, &self.data);
        named.map(|name| places.given(name)).transpose()
    }

    /// Replays traffic under a bundle; `policies` is where it comes from.
    pub(crate) fn run(
        &self,
        image: &Arc<Image>,
        traffic: &Path,
        policies: &Path,
        out: &mut Out,
    ) -> Result<Replayed, Trouble> {
        if self.mode == Mode::Decisions && (!self.outage.is_empty() || self.trace.is_some()) {
            return Err(Trouble::usage(
                "`--outage` and `--trace` need `--mode simulated`: decisions alone call nobody",
            ));
        }
        self.known(image)?;
        let names: Vec<Option<String>> = match self.against.as_deref() {
            Some("live") => vec![None],
            Some(name) => vec![Some(name.to_owned())],
            None => {
                let names = expectation::named(image).into_iter();
                names.map(|name| name.map(str::to_owned)).collect()
            }
        };
        if self.resume.is_some() && names.len() > 1 {
            return Err(Trouble::usage(
                "`--resume` goes with one comparison, and the `replay` blocks name several versions; name one with `--against`",
            ));
        }
        let comparisons = names.into_iter().map(|name| {
            let found = name.as_deref().map(|name| {
                let origin = Places::new(policies, &self.data).find(name)?;
                Ok::<_, Trouble>(router(&Arc::new(origin.image), name))
            });
            self.compare(image, found.transpose()?.as_ref(), (traffic, name), out)
        });
        Ok(Replayed {
            comparisons: comparisons.collect::<Result<_, _>>()?,
            open: self.inconclusive,
        })
    }

    fn compare(
        &self,
        image: &Arc<Image>,
        against: Option<&Arc<Router>>,
        (traffic, name): (&Path, Option<String>),
        out: &mut Out,
    ) -> Result<Compared, Trouble> {
        let comparing = Comparing {
            router: &router(image, "tested"),
            against,
            mode: self.mode,
            terms: Terms {
                seed: self.seed,
                outages: &self.outage,
                by: &self.by,
                trace: self.trace.as_deref(),
                stage: self.stage,
                hands: Some(&Processors),
            },
            recorded: &self.recorded,
            resume: self.resume.as_deref(),
        };
        let (report, recording) = comparing.run(traffic, out)?;
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
        let judged = if self.against.is_some() {
            expectation::check(image, &report)
        } else {
            expectation::check_named(image, name.as_deref(), &report)
        };
        Ok(Compared {
            judged,
            names: Names { against: name },
            unreadable: recording.unreadable(),
            newer: recording.newer(),
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
    (recorded, traffic): (&Recorded, &Path),
) -> Result<String, Trouble> {
    let recording = Recording::open(traffic, recorded.since())?;
    let against = was.map(|image| router(image, "before"));
    let records = recording.records("deciding");
    let report = decide(
        &router(now, "tested"),
        against.as_deref(),
        &[],
        records.map(|record| recorded.seen(record)),
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

fn router(image: &Arc<Image>, version: &str) -> Arc<Router> {
    let memory = Memory::default();
    Arc::new(Router::new(Arc::clone(image), version, &memory, |_| None))
}

impl Replayed {
    /// Whether every expectation holds.
    pub(crate) fn holds(&self) -> bool {
        self.judged().all(|j| match j.verdict {
            Verdict::Pass => true,
            Verdict::Fail => false,
            Verdict::Inconclusive => self.open == Open::Pass,
        })
    }

    fn judged(&self) -> impl Iterator<Item = &Judged> {
        self.comparisons.iter().flat_map(|c| &c.judged)
    }

    /// In every format.
    pub(crate) fn told(&self, suite: &'static str, found: &Found) -> Told<serde_json::Value> {
        let failures = self.judged().filter(|j| j.verdict != Verdict::Pass);
        let first = self.comparisons.first();
        let mut json = json!({
            "report": first.map(|c| &c.report),
            "unreadable": first.map_or(0, |c| c.unreadable),
            "newer": first.map_or(0, |c| c.newer),
            "expectations": self.judged().collect::<Vec<_>>(),
            "failures": failures.collect::<Vec<_>>(),
        });
        if let (Some(object), [_, _, ..]) = (json.as_object_mut(), self.comparisons.as_slice()) {
            let all = self.comparisons.iter();
            let all = all.map(|c| json!({ "against": c.names.against, "report": c.report }));
            object.insert("comparisons".to_owned(), all.collect());
        }
        let human = self.comparisons.iter();
        let human = human.map(|c| told::human(&c.report, &c.judged, &c.names));
        Told {
            suite,
            human: human.collect::<Vec<_>>().join("\n\n"),
            json,
            cases: Some(self.cases(found)),
            pages: Some(Pages {
                markdown: self.markdown(),
                html: page::page(&self.comparisons),
            }),
        }
    }

    /// In one line.
    pub(crate) fn summary(&self) -> String {
        let count = |verdict| self.judged().filter(|j| j.verdict == verdict).count();
        let changed = self.comparisons.iter().map(|c| {
            format!(
                "of {} recorded requests {} are decided differently{}",
                thousands(c.report.requests),
                counted(c.report.changed, c.report.requests),
                match &c.names.against {
                    Some(name) if self.comparisons.len() > 1 => format!(" than by `{name}`"),
                    _ => String::new(),
                }
            )
        });
        format!(
            "{}; of {} expectations {} fail and {} are open",
            changed.collect::<Vec<_>>().join(", "),
            self.judged().count(),
            count(Verdict::Fail),
            count(Verdict::Inconclusive)
        )
    }

    /// For the comment of a pull request.
    pub(crate) fn markdown(&self) -> String {
        let each = self.comparisons.iter();
        let each = each.map(|c| told::markdown(&c.report, &c.judged, &c.names));
        each.collect::<Vec<_>>().join("\n")
    }

    /// The expectations as cases, or one that says how much was replayed where there are none.
    fn cases(&self, found: &Found) -> Vec<Case> {
        if self.judged().next().is_none() {
            let requests = self.comparisons.first().map_or(0, |c| c.report.requests);
            return vec![Case {
                name: format!("every expectation holds for {requests} requests"),
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
        self.judged().map(case).collect()
    }
}
