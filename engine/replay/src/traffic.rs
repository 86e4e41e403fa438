//! Recorded requests, decided and carried out again under other policies.
//!
//! Arrivals keep their distances. Health, breakers, limits and budgets start empty and build up as they would have.
//! A `Run` is one bundle, in a `Lane` of its own; `Joined` brings together what several of them made of the same request.
//!
//! After so many requests a *stage* is over: what is under way ends, and the gateway that is simulated starts anew, as one
//! that is updated does. It forgets how targets were, and knows what was spent. There is nothing else to be written down
//! between two stages, so that is where a [`Replay`] that was interrupted goes on.

use crate::fate::{Ended, Words};
use crate::lane::Lane;
use crate::order::InOrder;
use crate::report::{self, Report, Seen, Traced};
use crate::run::Run;
use crate::sample::{Lesson, Samples};
use crate::terms::drawn_in;
use mux_dsl::image::Pico;
use mux_routing::chance::Chance;
use mux_routing::ledger::Entry;
use mux_routing::router::Router;
use mux_traffic::record::{Facts, Record};
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::collections::VecDeque;
use std::sync::Arc;

pub use crate::arriving::Worth;
pub use crate::terms::{Hands, STAGE, Terms, Work};

/// Brings together what one or two bundles made of the same requests, in the order these came.
#[derive(Debug)]
struct Joined {
    two: bool,
    line: VecDeque<Waiting>,
    next: u64,
}

/// A request, and what is known of it so far.
#[derive(Debug)]
struct Waiting {
    was: Arc<Record>,
    now: Option<(Ended, Facts)>,
    against: Option<Ended>,
}

impl Joined {
    /// Of one bundle, or of two.
    fn new(two: bool) -> Self {
        Self {
            two,
            line: VecDeque::new(),
            next: 0,
        }
    }

    /// A request arrives; its number is the next one.
    fn begin(&mut self, was: Arc<Record>) {
        self.line.push_back(Waiting {
            was,
            now: None,
            against: None,
        });
    }

    /// What became of it under the bundle; with its facts, which are its own again.
    fn end(&mut self, number: u64, ended: Ended, facts: Facts) {
        if let Some(waiting) = self.waiting(number) {
            waiting.now = Some((ended, facts));
        }
    }

    /// What became of it under the other bundle.
    fn end_other(&mut self, number: u64, ended: Ended) {
        if let Some(waiting) = self.waiting(number) {
            waiting.against = Some(ended);
        }
    }

    fn waiting(&mut self, number: u64) -> Option<&mut Waiting> {
        let place = number.checked_sub(self.next)?;
        self.line.get_mut(usize::try_from(place).ok()?)
    }

    /// Hands over those of which all is known and all before them were.
    fn drain(&mut self, mut seen: impl FnMut(&Record, Ended, Option<Ended>)) {
        while let Some(first) = self.line.front_mut() {
            if self.two && first.against.is_none() {
                return;
            }
            let Some((now, facts)) = first.now.take() else {
                return;
            };
            // Nobody else has it any more: its flights are over.
            if let Some(was) = Arc::get_mut(&mut first.was) {
                was.request = facts;
            }
            seen(&first.was, now, first.against);
            self.line.pop_front();
            self.next += 1;
        }
    }
}

/// Learns how targets behave, record by record.
#[derive(Debug)]
pub struct Learning {
    samples: Samples,
    learnt: u64,
    chance: Chance,
    seed: u64,
    stage: u64,
}

impl Learning {
    /// Before the first record.
    #[must_use]
    pub fn new(terms: Terms<'_>) -> Self {
        Self::go_on(terms, Samples::default(), 0)
    }

    /// Behind so many records, as [`Learning::kept`] told it.
    #[must_use]
    pub fn go_on(terms: Terms<'_>, samples: Samples, learnt: u64) -> Self {
        let stage = terms.stage();
        Self {
            samples,
            learnt,
            chance: drawn_in(terms.seed, learnt / stage),
            seed: terms.seed,
            stage,
        }
    }

    /// Takes a record; whether a stage is over.
    pub fn take<'r>(&mut self, record: impl Into<Lesson<'r>>) -> bool {
        self.samples.learn(record, &mut self.chance);
        self.learnt += 1;
        let over = self.learnt.is_multiple_of(self.stage);
        if over {
            self.chance = drawn_in(self.seed, self.learnt / self.stage);
        }
        over
    }

    /// All that is needed to go on, when a stage is over.
    #[must_use]
    pub fn kept(&self) -> (&Samples, u64) {
        (&self.samples, self.learnt)
    }

    /// What was learnt.
    #[must_use]
    pub fn settle(mut self) -> Arc<Samples> {
        self.samples.settle();
        Arc::new(self.samples)
    }
}

/// What was spent of budgets, by budget.
type Spent = Vec<Vec<(Option<String>, i64, Pico)>>;

/// A replay between two stages, written down.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
    report: report::Kept,
    stages: u64,
    /// Under the bundle, and under the other one.
    spent: [Spent; 2],
    struck: Vec<u64>,
}

/// One version of the policies.
#[derive(Debug)]
struct Version {
    router: Arc<Router>,
    words: Words,
    lane: Lane,
}

impl Version {
    /// In a stage; carried out here, or by these hands.
    fn new(
        router: &Arc<Router>,
        samples: &Arc<Samples>,
        (terms, stage): (Terms<'_>, u64),
        hands: Option<&dyn Hands>,
    ) -> Self {
        let run = Run::new(router, samples, terms, stage);
        Self {
            words: Words::of(router),
            lane: Lane::new(run, hands),
            router: Arc::clone(router),
        }
    }

    fn spent(&self) -> Spent {
        let ledgers = self.router.spent().into_iter();
        let told = |e: Entry| (e.name, e.since, e.spent);
        ledgers
            .map(|entries| entries.into_iter().map(told).collect())
            .collect()
    }
}

/// The bundle in a stage, and the other one where there is one: each in hands of its own, as far as there are any.
fn versions(
    router: &Arc<Router>,
    against: Option<&Arc<Router>>,
    samples: &Arc<Samples>,
    at: (Terms<'_>, u64),
) -> (Version, Option<Version>) {
    let hands = |more: usize| at.0.hands.filter(|hands| hands.many() > more);
    let beside = usize::from(against.is_some());
    (
        Version::new(router, samples, at, hands(beside)),
        against.map(|router| Version::new(router, samples, at, hands(0))),
    )
}

/// Recorded requests, carried out again under a bundle, and under another one where there is one.
#[derive(Debug)]
pub struct Replay<'t> {
    terms: Terms<'t>,
    samples: Arc<Samples>,
    own: Version,
    other: Option<Version>,
    joined: Joined,
    report: Report,
    /// The request that is to be told in full, as it was recorded.
    traced: Option<Record>,
    /// Requests of this stage so far.
    taken: u64,
    stages: u64,
    struck: Vec<u64>,
}

impl<'t> Replay<'t> {
    /// Before the first request.
    #[must_use]
    pub fn new(
        router: &Arc<Router>,
        against: Option<&Arc<Router>>,
        samples: &Arc<Samples>,
        terms: Terms<'t>,
    ) -> Self {
        let mut report = Report::of(router.image(), "simulated", terms.by);
        report.mistimed = samples.mistimed();
        report.outages = terms.outages.iter().map(|o| o.text.clone()).collect();
        let struck = vec![0; terms.outages.len()];
        Self::at(
            0,
            versions(router, against, samples, (terms, 0)),
            samples,
            terms,
            (report, struck),
        )
    }

    /// Where another one was when it was written down: of the same bundles, samples and terms. The routers are new.
    #[must_use]
    pub fn go_on(
        router: &Arc<Router>,
        against: Option<&Arc<Router>>,
        samples: &Arc<Samples>,
        terms: Terms<'t>,
        kept: Kept,
    ) -> Self {
        let [spent, other] = &kept.spent;
        take_up(router, spent);
        if let Some(against) = against {
            take_up(against, other);
        }
        let versions = versions(router, against, samples, (terms, kept.stages));
        let report = Report::go_on(kept.report, terms.by);
        Self::at(kept.stages, versions, samples, terms, (report, kept.struck))
    }

    fn at(
        stages: u64,
        (own, other): (Version, Option<Version>),
        samples: &Arc<Samples>,
        terms: Terms<'t>,
        (report, struck): (Report, Vec<u64>),
    ) -> Self {
        Self {
            samples: Arc::clone(samples),
            joined: Joined::new(other.is_some()),
            own,
            other,
            report,
            traced: None,
            taken: 0,
            stages,
            struck,
            terms,
        }
    }

    /// All that is needed to go on; `None` within a stage.
    #[must_use]
    pub fn kept(&self) -> Option<Kept> {
        (self.taken == 0).then(|| Kept {
            report: self.report.kept(),
            stages: self.stages,
            spent: [
                self.own.spent(),
                self.other.as_ref().map(Version::spent).unwrap_or_default(),
            ],
            struck: self.struck.clone(),
        })
    }

    /// Takes a record, best one that nobody else has; whether a stage is over. Records are to come in the order of their arrivals.
    pub fn take(&mut self, mut record: Arc<Record>) -> bool {
        match Worth::of(&record) {
            Worth::Request => {}
            Worth::Unread => {
                self.report.skipped += 1;
                return false;
            }
            Worth::Copy => {
                self.report.copies += 1;
                return false;
            }
        }
        if self.terms.trace == Some(record.id.as_str()) {
            self.traced = Some(Record::clone(&record));
        }
        let facts = match Arc::get_mut(&mut record) {
            Some(record) => std::mem::take(&mut record.request),
            None => record.request.clone(),
        };
        let joined = &mut self.joined;
        joined.begin(Arc::clone(&record));
        if let Some(other) = &mut self.other {
            let taken = (self.taken, Arc::clone(&record), facts.clone());
            other.lane.take(taken, &mut |number, ended, _| {
                joined.end_other(number, ended);
            });
        }
        let taken = (self.taken, record, facts);
        self.own.lane.take(taken, &mut |number, ended, facts| {
            joined.end(number, ended, facts);
        });
        self.taken += 1;
        self.count();
        let over = self.taken == self.terms.stage();
        if over {
            self.land();
            self.taken = 0;
            self.stages += 1;
            // A gateway that starts anew, and knows what was spent.
            let anew = |version: &Version| Arc::new(version.router.restarted());
            let (own, other) = (anew(&self.own), self.other.as_ref().map(anew));
            let at = (self.terms, self.stages);
            (self.own, self.other) = versions(&own, other.as_ref(), &self.samples, at);
            self.joined = Joined::new(self.other.is_some());
        }
        over
    }

    /// Lets everything end, and works out what is to be told.
    #[must_use]
    pub fn finish(mut self) -> Report {
        self.land();
        let idle = self.report.outages.iter().zip(&self.struck);
        let idle = idle.filter(|(_, struck)| **struck == 0);
        self.report.idle_outages = idle.map(|(text, _)| text.clone()).collect();
        self.report.close(Some(self.terms.seed));
        self.report
    }

    /// Everything that is under way ends.
    fn land(&mut self) {
        let joined = &mut self.joined;
        if let Some(other) = &mut self.other {
            other.lane.land(&mut |number, ended, _| {
                joined.end_other(number, ended);
            });
        }
        self.own.lane.land(&mut |number, ended, facts| {
            joined.end(number, ended, facts);
        });
        self.count();
        let Some(run) = self.own.lane.run() else {
            return;
        };
        let (drawn, assumed, struck) = run.told();
        let names = assumed.iter();
        let names = names.map(|target| self.own.router.name(*target).to_owned());
        self.report.assumed.extend(names);
        self.report.drawn.merge(drawn);
        for (sum, struck) in self.struck.iter_mut().zip(struck) {
            *sum += struck;
        }
        if let (Some(was), Some(now)) = (self.traced.take(), run.traced.take()) {
            let other = self.other.as_mut().and_then(|other| other.lane.run());
            let against = other.and_then(|run| run.traced.take());
            self.report.traced = Some(Traced { was, now, against });
        }
    }

    /// Counts those of which all is known.
    fn count(&mut self) {
        let words = &self.own.words;
        let others = self.other.as_ref().map(|other| &other.words);
        let report = &mut self.report;
        self.joined.drain(|was, now, against| {
            let model = was.request.model.as_str();
            report.add(Seen {
                was,
                now: words.fate(&now, model),
                against: against
                    .as_ref()
                    .zip(others)
                    .map(|(ended, words)| words.fate(ended, model)),
            });
        });
    }
}

fn take_up(router: &Router, spent: &Spent) {
    let entries = |(name, since, spent): &(Option<String>, i64, Pico)| Entry {
        name: name.clone(),
        since: *since,
        spent: *spent,
    };
    let spent: Vec<Vec<Entry>> = spent
        .iter()
        .map(|own| own.iter().map(entries).collect())
        .collect();
    router.take_up(&spent);
}

/// Replays records under a bundle, and under another one where there is one. `read` is called twice: first to learn how
/// targets behave, then to run the requests.
///
/// # Errors
/// Those of `read`.
pub fn replay<E, I>(
    router: &Arc<Router>,
    against: Option<&Arc<Router>>,
    terms: Terms<'_>,
    mut read: impl FnMut() -> Result<I, E>,
) -> Result<Report, E>
where
    I: Iterator<Item: Borrow<Record> + Into<Arc<Record>>>,
{
    let mut learning = Learning::new(terms);
    for record in read()? {
        let record: &Record = record.borrow();
        learning.take(record);
    }
    let samples = learning.settle();
    let mut replay = Replay::new(router, against, &samples, terms);
    for record in InOrder::new(read()?, &samples, Vec::new()) {
        replay.take(record);
    }
    Ok(replay.finish())
}
