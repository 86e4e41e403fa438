//! Recorded requests, decided and carried out again under other policies.
//!
//! Arrivals keep their distances. Health, breakers, limits and budgets start empty and build up as they would have.
//! A `Run` is one bundle; `Joined` brings together what several of them made of the same request.
//!
//! After so many requests a *stage* is over: what is under way ends, and the gateway that is simulated starts anew, as one
//! that is updated does. It forgets how targets were, and knows what was spent. There is nothing else to be written down
//! between two stages, so that is where a [`Replay`] that was interrupted goes on.

use crate::by::By;
use crate::fate::{Ended, Words};
use crate::order::InOrder;
use crate::outage::{Outage, struck};
use crate::play::Play;
use crate::report::{self, Drawn, Report, Seen, Traced};
use crate::sample::{Ask, Origin, Samples};
use crate::sim::fault::Fault;
use crate::world::{Upstreams, World};
use mux_dsl::image::{Features, Pico, TargetId};
use mux_routing::chance::Chance;
use mux_routing::flight::{Arrival, Flight};
use mux_routing::ledger::Entry;
use mux_routing::router::Router;
use mux_routing::{MILLI, Nanos, SECOND};
use mux_traffic::record::{Facts, Record};
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::collections::{BTreeSet, VecDeque};
use std::num::NonZeroU64;
use std::sync::Arc;

/// Requests of a stage, where nothing else is said.
pub const STAGE: u64 = 1_000_000;

/// A recorded request by its number among those of its stage: as it was, but for its facts, which fly along.
type Numbered = (u64, Arc<Record>, Facts);

/// Things by number, of which those with low numbers go first.
#[derive(Debug)]
struct Line<T> {
    first: u64,
    waiting: VecDeque<Option<T>>,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self {
            first: 0,
            waiting: VecDeque::new(),
        }
    }
}

impl<T> Line<T> {
    /// The next number is that of `thing`.
    fn push(&mut self, thing: T) {
        self.waiting.push_back(Some(thing));
    }

    fn get_mut(&mut self, number: u64) -> Option<&mut Option<T>> {
        let place = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.waiting.get_mut(place)
    }

    fn get(&self, number: u64) -> Option<&T> {
        let place = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.waiting.get(place)?.as_ref()
    }

    fn remove(&mut self, number: u64) -> Option<T> {
        let thing = self.get_mut(number)?.take();
        while let Some(None) = self.waiting.front() {
            self.waiting.pop_front();
            self.first += 1;
        }
        thing
    }
}

/// What upstreams do, told by the recording.
#[derive(Debug)]
struct Recorded {
    samples: Arc<Samples>,
    /// Requests under way, as they were.
    was: Line<Arc<Record>>,
    /// By target; with the place of the outage.
    faults: Vec<Vec<(usize, Fault)>>,
    /// Attempts by the outage that struck them.
    struck: Vec<u64>,
    chance: Chance,
    assumed: BTreeSet<TargetId>,
    drawn: Drawn,
    /// The moment of [`SECOND`], Unix milliseconds.
    zero: i64,
}

impl Upstreams for Recorded {
    fn play(&mut self, flight: &Flight, attempt: usize, target: TargetId) -> Play {
        let Some(record) = self.was.get(number(flight)) else {
            return Play::new();
        };
        let attempts = flight.attempts();
        let now = attempts.get(attempt).map_or(SECOND, |a| a.start);
        let since = now.saturating_sub(SECOND) / MILLI;
        // The attempt in question is in the list already.
        let nth = attempts.iter().filter(|a| a.target == target).count();
        let ask = Ask {
            record,
            facts: &flight.arrival().facts,
            target: flight.router().name(target),
            nth: nth.saturating_sub(1),
            at: self.zero.saturating_add_unsigned(since),
        };
        let (play, origin) = self.samples.play(ask, &mut self.chance);
        let mut faults = self.faults.get(target.index()).into_iter().flatten();
        if let Some((outage, fault)) = faults.find(|(_, f)| f.holds(now)) {
            self.drawn.outages += 1;
            if let Some(count) = self.struck.get_mut(*outage) {
                *count += 1;
            }
            return struck(fault, now, &mut self.chance, play);
        }
        match origin {
            Origin::Same => self.drawn.same += 1,
            Origin::Others => self.drawn.others += 1,
            Origin::Assumed => {
                self.drawn.assumed += 1;
                self.assumed.insert(target);
            }
        }
        play
    }
}

/// Its number among those of its stage.
fn number(flight: &Flight) -> u64 {
    flight.arrival().id.parse().unwrap_or(u64::MAX)
}

/// Recorded requests under one bundle.
#[derive(Debug)]
struct Run {
    router: Arc<Router>,
    world: World<Recorded>,
    #[expect(
        clippy::vec_box,
        reason = "they come boxed, and are too large to be moved"
    )]
    done: Vec<Box<Flight>>,
    /// The request of which everything is to be told, and that.
    trace: Option<String>,
    traced: Option<Record>,
}

impl Run {
    /// Before the first request. `samples` are settled.
    fn new(router: &Arc<Router>, samples: &Arc<Samples>, terms: Terms<'_>, stage: u64) -> Self {
        let (zero, last) = samples.span();
        let faults = |name: &str| {
            let own = terms.outages.iter().enumerate();
            let own = own.filter(|(_, o)| o.concerns(name));
            own.map(|(n, o)| (n, o.fault(zero, last))).collect()
        };
        let targets = router.fleet().targets.iter();
        Self {
            world: World::new(Recorded {
                samples: Arc::clone(samples),
                was: Line::default(),
                faults: targets.map(|t| faults(&t.name)).collect(),
                struck: vec![0; terms.outages.len()],
                chance: drawn_in(terms.seed, stage),
                assumed: BTreeSet::new(),
                drawn: Drawn::default(),
                zero,
            }),
            router: Arc::clone(router),
            done: Vec::new(),
            trace: terms.trace.map(str::to_owned),
            traced: None,
        }
    }

    /// The same in another stage: a gateway that starts anew, and knows what was spent.
    fn anew(&self, samples: &Arc<Samples>, (terms, stage): (Terms<'_>, u64)) -> Self {
        Self::new(&Arc::new(self.router.restarted()), samples, terms, stage)
    }

    /// Lets a request arrive. Those that end until then are handed to `over` by their numbers. Requests are to come in the
    /// order of their arrivals, and of their numbers.
    fn take(
        &mut self,
        (number, record, facts): Numbered,
        over: &mut impl FnMut(u64, Ended, Facts),
    ) {
        let since = record.at.saturating_sub(self.world.upstreams().zero);
        let now = SECOND.saturating_add(Nanos::try_from(since).unwrap_or(0).saturating_mul(MILLI));
        let done = &mut self.done;
        self.world.advance(now, &mut |flight| done.push(flight));
        let arrival = arrival(&record, number.to_string(), facts, now);
        let live = self.router.live(now);
        let flight = Flight::new(&self.router, arrival, &live);
        self.world.upstreams().was.push(record);
        self.world.launch(flight, &mut |flight| done.push(flight));
        self.collect(over);
    }

    /// Lets every request end.
    fn finish(&mut self, over: &mut impl FnMut(u64, Ended, Facts)) {
        let done = &mut self.done;
        self.world.finish(&mut |flight| done.push(flight));
        self.collect(over);
    }

    fn collect(&mut self, over: &mut impl FnMut(u64, Ended, Facts)) {
        for mut flight in self.done.drain(..) {
            let number = number(&flight);
            let Some(was) = self.world.upstreams().was.remove(number) else {
                continue;
            };
            if self.trace.as_ref() == Some(&was.id) {
                let mut record = flight.record();
                record.id.clone_from(&was.id);
                self.traced = Some(record);
            }
            over(number, Ended::of(&flight), flight.take_facts());
        }
    }
}

/// What is drawn in a stage. The first is drawn as all would be.
fn drawn_in(seed: u64, stage: u64) -> Chance {
    Chance::new(if stage == 0 {
        seed
    } else {
        Chance::nth(seed, stage)
    })
}

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

/// Whether there is something to decide again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// A client's request.
    Request,
    /// It could not be read in the first place.
    Unread,
    /// A copy of another request, or a question of mux's own.
    Copy,
}

impl Worth {
    /// Of a record.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        if record.copy_of.is_some() {
            Self::Copy
        } else if record.request.model.is_empty() {
            Self::Unread
        } else {
            Self::Request
        }
    }
}

/// How a replay is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms<'t> {
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// What is made to fail.
    pub outages: &'t [Outage],
    /// Facts that figures are told by.
    pub by: &'t [By],
    /// The request of which everything is to be told.
    pub trace: Option<&'t str>,
    /// Requests of a stage; [`STAGE`] where nothing is said.
    pub stage: Option<NonZeroU64>,
}

impl Terms<'_> {
    fn stage(&self) -> u64 {
        self.stage.map_or(STAGE, NonZeroU64::get)
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
    pub fn take(&mut self, record: &Record) -> bool {
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

/// Recorded requests, carried out again under a bundle, and under another one where there is one.
#[derive(Debug)]
pub struct Replay<'t> {
    terms: Terms<'t>,
    samples: Arc<Samples>,
    words: Words,
    other_words: Option<Words>,
    run: Run,
    other: Option<Run>,
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
        Self {
            samples: Arc::clone(samples),
            words: Words::of(router),
            other_words: against.map(Words::of),
            run: Run::new(router, samples, terms, 0),
            other: against.map(|router| Run::new(router, samples, terms, 0)),
            joined: Joined::new(against.is_some()),
            report,
            traced: None,
            taken: 0,
            stages: 0,
            struck: vec![0; terms.outages.len()],
            terms,
        }
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
        let own = Self::new(router, against, samples, terms);
        let [spent, other] = &kept.spent;
        take_up(router, spent);
        if let Some(against) = against {
            take_up(against, other);
        }
        Self {
            run: Run::new(router, samples, terms, kept.stages),
            other: against.map(|router| Run::new(router, samples, terms, kept.stages)),
            report: Report::go_on(kept.report, terms.by),
            stages: kept.stages,
            struck: kept.struck,
            ..own
        }
    }

    /// All that is needed to go on; `None` within a stage.
    #[must_use]
    pub fn kept(&self) -> Option<Kept> {
        let spent = |run: &Run| -> Spent {
            let ledgers = run.router.spent().into_iter();
            let told = |e: Entry| (e.name, e.since, e.spent);
            ledgers
                .map(|entries| entries.into_iter().map(told).collect())
                .collect()
        };
        (self.taken == 0).then(|| Kept {
            report: self.report.kept(),
            stages: self.stages,
            spent: [
                spent(&self.run),
                self.other.as_ref().map(spent).unwrap_or_default(),
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
            other.take(taken, &mut |number, ended, _| {
                joined.end_other(number, ended);
            });
        }
        self.run
            .take((self.taken, record, facts), &mut |number, ended, facts| {
                joined.end(number, ended, facts);
            });
        self.taken += 1;
        self.count();
        let over = self.taken == self.terms.stage();
        if over {
            self.land();
            self.taken = 0;
            self.stages += 1;
            let terms = (self.terms, self.stages);
            self.run = self.run.anew(&self.samples, terms);
            let other = self.other.as_ref();
            self.other = other.map(|run| run.anew(&self.samples, terms));
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
            other.finish(&mut |number, ended, _| {
                joined.end_other(number, ended);
            });
        }
        self.run.finish(&mut |number, ended, facts| {
            joined.end(number, ended, facts);
        });
        self.count();
        let upstreams = self.run.world.upstreams();
        let assumed = upstreams.assumed.iter();
        let names = assumed.map(|target| self.run.router.name(*target).to_owned());
        self.report.assumed.extend(names);
        self.report.drawn.merge(upstreams.drawn);
        for (sum, struck) in self.struck.iter_mut().zip(&upstreams.struck) {
            *sum += struck;
        }
        if let (Some(was), Some(now)) = (self.traced.take(), self.run.traced.take()) {
            let against = self.other.as_mut().and_then(|run| run.traced.take());
            self.report.traced = Some(Traced { was, now, against });
        }
    }

    /// Counts those of which all is known.
    fn count(&mut self) {
        let (words, others) = (&self.words, self.other_words.as_ref());
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
        learning.take(record.borrow());
    }
    let samples = learning.settle();
    let mut replay = Replay::new(router, against, &samples, terms);
    for record in InOrder::new(read()?, &samples, Vec::new()) {
        replay.take(record);
    }
    Ok(replay.finish())
}

/// A recorded request, arriving again.
pub(crate) fn arrival(record: &Record, id: String, facts: Facts, now: Nanos) -> Arrival {
    Arrival {
        id,
        seed: record.seed,
        at: record.at,
        now,
        needs: needs(&facts),
        whole: !facts.streaming,
        facts,
        ..Arrival::default()
    }
}

/// What serving a recorded request takes.
pub(crate) fn needs(facts: &Facts) -> Features {
    let words = &facts.needs;
    if words.is_empty() {
        return Features::default();
    }
    let needs = Features::ALL
        .into_iter()
        .filter(|(_, word)| words.iter().any(|w| w == word));
    needs.fold(Features::default(), |sum, (feature, _)| sum.with(feature))
}
