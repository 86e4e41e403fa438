//! One comparison: recorded requests under a bundle, and under another one where there is one, to its end or on from where
//! an earlier run of it was interrupted.

use super::kept::{Keeper, Kept, Now, Phase};
use super::reading::{Place, Recording};
use crate::ending::Trouble;
use crate::out::Out;
use crate::recorded::Recorded;
use clap::ValueEnum;
use mux_replay::decisions::{self, Deciding};
use mux_replay::order::InOrder;
use mux_replay::report::Report;
use mux_replay::sample::Samples;
use mux_replay::traffic::{self, Learning, Replay, STAGE, Terms};
use mux_routing::router::Router;
use mux_traffic::Record;
use mux_traffic::record::Behaviour;
use serde_json::{Value, json};
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;

/// How far requests are carried out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Rules and plans only, with the figures of their time: fast, and exact
    Decisions,
    /// All of it, in virtual time: what providers do is drawn from what they did
    Simulated,
}

/// What is compared, and how.
#[derive(Debug)]
pub(crate) struct Comparing<'c> {
    pub(crate) router: &'c Arc<Router>,
    pub(crate) against: Option<&'c Arc<Router>>,
    pub(crate) mode: Mode,
    pub(crate) terms: Terms<'c>,
    pub(crate) recorded: &'c Recorded,
    /// Where it is kept how far it is.
    pub(crate) resume: Option<&'c Path>,
}

impl Comparing<'_> {
    /// Compares, with the recording that was read.
    pub(crate) fn run(
        &self,
        traffic: &Path,
        out: &mut Out,
    ) -> Result<(Report, Recording), Trouble> {
        let of = self.of(traffic);
        let kept = self.resume.map(|path| Kept::of(path, &of)).transpose()?;
        let (recording, at, phase) = if let Some(kept) = kept.flatten() {
            let recording = Recording::again(traffic, &kept.files)?;
            let path = self.resume.unwrap_or(traffic).display();
            out.error(&format!("going on as `{path}` says"));
            (recording, kept.at, Some(kept.phase))
        } else {
            let recording = Recording::open(traffic, self.recorded.since())?;
            (recording, Place::default(), None)
        };
        let keeper = self.resume;
        let keeper = keeper.map(|path| Keeper::new(path, of, recording.files()));
        let keeper = keeper.as_ref();
        let report = match (self.mode, phase) {
            (Mode::Decisions, Some(Phase::Deciding(kept))) => {
                self.decide(&recording, (at, Some(kept)), keeper)?
            }
            (Mode::Decisions, _) => self.decide(&recording, (at, None), keeper)?,
            (_, Some(Phase::Replaying(mut samples, kept, held))) => {
                samples.settle();
                let samples = Arc::new(samples);
                self.carry_out(&recording, &samples, Some((at, kept, held)), keeper)?
            }
            (_, Some(Phase::Learning(samples, learnt))) => {
                let learning = Learning::go_on(self.terms, samples, learnt);
                let samples = learn(&recording, (at, learning), keeper)?;
                self.carry_out(&recording, &samples, None, keeper)?
            }
            (_, _) => {
                let learning = Learning::new(self.terms);
                let samples = learn(&recording, (at, learning), keeper)?;
                self.carry_out(&recording, &samples, None, keeper)?
            }
        };
        if let Some(keeper) = keeper {
            keeper.over();
        }
        Ok((report, recording))
    }

    fn records<'r>(
        &'r self,
        recording: &'r Recording,
        doing: &'static str,
        from: Place,
    ) -> impl Iterator<Item = Record> + 'r {
        let records = recording.records_from(doing, from);
        records.map(|record| self.recorded.seen(record))
    }

    fn decide(
        &self,
        recording: &Recording,
        (from, kept): (Place, Option<decisions::Kept>),
        keeper: Option<&Keeper>,
    ) -> Result<Report, Trouble> {
        let (router, against, by) = (self.router, self.against.map(AsRef::as_ref), self.terms.by);
        let go_on = |kept| Deciding::go_on(router, against, by, kept);
        let mut deciding = kept.map_or_else(|| Deciding::new(router, against, by), go_on);
        let stage = self.terms.stage.map_or(STAGE, NonZeroU64::get);
        for record in self.records(recording, "deciding", from) {
            deciding.take(&record);
            let at = recording.place();
            if let (Some(keeper), true) = (keeper, at.records.is_multiple_of(stage)) {
                let kept = deciding.kept();
                keeper.keep(at, Now::Deciding(&kept))?;
                deciding = go_on(kept);
            }
        }
        Ok(deciding.finish())
    }

    fn carry_out(
        &self,
        recording: &Recording,
        samples: &Arc<Samples>,
        kept: Option<(Place, traffic::Kept, Vec<Record>)>,
        keeper: Option<&Keeper>,
    ) -> Result<Report, Trouble> {
        let (router, against, terms) = (self.router, self.against, self.terms);
        let (from, mut replay, held) = if let Some((from, kept, held)) = kept {
            let replay = Replay::go_on(router, against, samples, terms, kept);
            (from, replay, held)
        } else {
            let replay = Replay::new(router, against, samples, terms);
            (Place::default(), replay, Vec::new())
        };
        // Written the same behind every stage.
        let known = keeper
            .map(|_| serde_json::value::to_raw_value(&**samples))
            .transpose()
            .map_err(Trouble::internal)?;
        let records = self.records(recording, "replaying", from);
        let mut records = InOrder::new(records, samples, held);
        while let Some(record) = records.next() {
            if replay.take(record)
                && let (Some(keeper), Some(known), Some(kept)) = (keeper, &known, replay.kept())
            {
                let now = Now::Replaying(known, Box::new(kept), records.held());
                keeper.keep(recording.place(), now)?;
            }
        }
        Ok(replay.finish())
    }

    /// What makes it this comparison and no other.
    fn of(&self, traffic: &Path) -> Value {
        let terms = &self.terms;
        json!({
            "mux": env!("CARGO_PKG_VERSION"),
            "traffic": traffic,
            "as": self.recorded.asks(),
            "mode": format!("{:?}", self.mode),
            "seed": terms.seed,
            "outages": terms.outages.iter().map(|o| &o.text).collect::<Vec<_>>(),
            "by": terms.by.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "trace": terms.trace,
            "stage": terms.stage,
            "policies": bundle(self.router),
            "against": self.against.map(|router| bundle(router)),
        })
    }
}

/// Learns how targets behave.
fn learn(
    recording: &Recording,
    (from, mut learning): (Place, Learning),
    keeper: Option<&Keeper>,
) -> Result<Arc<Samples>, Trouble> {
    // What requests ask for is of no account here.
    let doing = "learning how targets behave";
    for behaviour in recording.records_from::<Behaviour>(doing, from) {
        if learning.take(&behaviour)
            && let Some(keeper) = keeper
        {
            let (samples, learnt) = learning.kept();
            keeper.keep(recording.place(), Now::Learning(samples, learnt))?;
        }
    }
    Ok(learning.settle())
}

/// A bundle by what it does, the words it is told in, and its prices.
fn bundle(router: &Router) -> Value {
    let image = router.image();
    let rules = image.policies.iter().flat_map(|p| &p.rules);
    let prices = image.fleet.targets.iter();
    let prices = prices.map(|t| format!("{} {:?} {:?}", t.name, t.price, t.listed));
    json!({
        "semantic": image.semantic().hash,
        "rules": rules.map(mux_routing::trace::placed).collect::<Vec<_>>(),
        "plans": image.plans.iter().map(|p| p.name.as_deref()).collect::<Vec<_>>(),
        "prices": prices.collect::<Vec<_>>(),
    })
}
