//! Recorded requests, decided and carried out again under other policies.
//!
//! Arrivals keep their distances. Health, breakers, limits and budgets start empty and build up as they would have.
//! A [`Run`] is one bundle; [`Joined`] brings together what several of them made of the same request.

use crate::by::By;
use crate::outage::{Outage, struck};
use crate::play::Play;
use crate::report::{Drawn, Report, Seen, Traced};
use crate::sample::{Ask, Origin, Samples};
use crate::sim::fault::Fault;
use crate::world::{Upstreams, World};
use mux_dsl::image::{Features, TargetId};
use mux_routing::chance::Chance;
use mux_routing::flight::{Arrival, Flight};
use mux_routing::router::Router;
use mux_routing::{MILLI, Nanos, SECOND};
use mux_traffic::record::Record;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};
use std::sync::Arc;

/// Records are written when a request ends; this many are held back to bring arrivals into order again.
const REORDER: usize = 4_096;

/// A recorded request and its place among all.
pub type Numbered = (u64, Arc<Record>);

/// What upstreams do, told by the recording.
#[derive(Debug)]
struct Recorded {
    samples: Arc<Samples>,
    /// Requests under way, as they were.
    was: HashMap<u64, Arc<Record>>,
    /// By target.
    faults: Vec<Vec<Fault>>,
    chance: Chance,
    assumed: BTreeSet<TargetId>,
    drawn: Drawn,
    /// The moment of [`SECOND`], Unix milliseconds.
    zero: i64,
}

impl Upstreams for Recorded {
    fn play(&mut self, flight: &Flight, attempt: usize, target: TargetId) -> Play {
        let number = flight.arrival().id.parse().unwrap_or(u64::MAX);
        let Some(record) = self.was.get(&number) else {
            return Play::new();
        };
        let attempts = flight.attempts();
        let now = attempts.get(attempt).map_or(SECOND, |a| a.start);
        let since = now.saturating_sub(SECOND) / MILLI;
        // The attempt in question is in the list already.
        let nth = attempts.iter().filter(|a| a.target == target).count();
        let ask = Ask {
            record,
            target: flight.router().name(target),
            nth: nth.saturating_sub(1),
            at: self.zero.saturating_add_unsigned(since),
        };
        let (play, origin) = self.samples.play(ask, &mut self.chance);
        let mut faults = self.faults.get(target.index()).into_iter().flatten();
        if let Some(fault) = faults.find(|f| f.holds(now)) {
            self.drawn.outages += 1;
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

/// Recorded requests under one bundle.
#[derive(Debug)]
pub struct Run {
    router: Arc<Router>,
    world: World<Recorded>,
    done: Vec<Flight>,
    /// The request of which everything is to be told.
    trace: Option<String>,
}

impl Run {
    /// Before the first request. `samples` are settled.
    #[must_use]
    pub fn new(router: &Arc<Router>, samples: &Arc<Samples>, terms: Terms<'_>) -> Self {
        let (zero, last) = samples.span();
        let faults = |name: &str| {
            let own = terms.outages.iter().filter(|o| o.concerns(name));
            own.map(|o| o.fault(zero, last)).collect()
        };
        let targets = router.fleet().targets.iter();
        Self {
            world: World::new(Recorded {
                samples: Arc::clone(samples),
                was: HashMap::new(),
                faults: targets.map(|t| faults(&t.name)).collect(),
                chance: Chance::new(terms.seed),
                assumed: BTreeSet::new(),
                drawn: Drawn::default(),
                zero,
            }),
            router: Arc::clone(router),
            done: Vec::new(),
            trace: terms.trace.map(str::to_owned),
        }
    }

    /// Lets a request arrive. Those that end until then are handed to `over` by their places, with the record of what
    /// became of them. Requests are to come in the order of their arrivals.
    pub fn take(&mut self, (number, record): Numbered, over: &mut impl FnMut(u64, Record)) {
        let since = record.at.saturating_sub(self.world.upstreams().zero);
        let now = SECOND + Nanos::try_from(since).unwrap_or(0).saturating_mul(MILLI);
        let done = &mut self.done;
        self.world.advance(now, &mut |flight| done.push(flight));
        let mut arrival = arrival(&record, now);
        arrival.id = number.to_string();
        let live = self.router.live(now);
        let flight = Flight::new(&self.router, arrival, &live);
        self.world.upstreams().was.insert(number, record);
        self.world.launch(flight, &mut |flight| done.push(flight));
        self.collect(over);
    }

    /// Lets every request end.
    pub fn finish(&mut self, over: &mut impl FnMut(u64, Record)) {
        let done = &mut self.done;
        self.world.finish(&mut |flight| done.push(flight));
        self.collect(over);
    }

    /// Targets of which nothing was recorded, by name, and where everything that happened came from.
    pub fn sources(&mut self) -> (BTreeSet<String>, Drawn) {
        let upstreams = self.world.upstreams();
        let name = |target: &TargetId| self.router.name(*target).to_owned();
        (
            upstreams.assumed.iter().map(name).collect(),
            upstreams.drawn,
        )
    }

    fn collect(&mut self, over: &mut impl FnMut(u64, Record)) {
        for flight in self.done.drain(..) {
            let number = flight.arrival().id.parse().unwrap_or(u64::MAX);
            if let Some(was) = self.world.upstreams().was.remove(&number) {
                let whole = self.trace.as_ref() == Some(&was.id);
                let mut record = if whole {
                    flight.record()
                } else {
                    flight.summary()
                };
                record.id.clone_from(&was.id);
                if record.decision.is_none() {
                    record.request.model.clone_from(&was.request.model);
                }
                over(number, record);
            }
        }
    }
}

/// Brings together what one or two bundles made of the same requests, in the order these came.
#[derive(Debug, Default)]
pub struct Joined {
    two: bool,
    waiting: BTreeMap<u64, Waiting>,
    next: u64,
}

/// A request, and what is known of it so far.
#[derive(Debug)]
struct Waiting {
    was: Arc<Record>,
    now: Option<Box<Record>>,
    against: Option<Box<Record>>,
}

impl Joined {
    /// Of one bundle, or of two.
    #[must_use]
    pub fn new(two: bool) -> Self {
        Self {
            two,
            ..Self::default()
        }
    }

    /// A request arrives.
    pub fn begin(&mut self, (number, was): Numbered) {
        let waiting = Waiting {
            was,
            now: None,
            against: None,
        };
        self.waiting.insert(number, waiting);
    }

    /// What became of it under the bundle, or under the other one it is compared with.
    pub fn end(&mut self, number: u64, record: Record, against: bool) {
        if let Some(waiting) = self.waiting.get_mut(&number) {
            let side = if against {
                &mut waiting.against
            } else {
                &mut waiting.now
            };
            *side = Some(Box::new(record));
        }
    }

    /// Hands over those of which all is known and all before them were.
    pub fn drain(&mut self, mut seen: impl FnMut(Seen<'_>)) {
        while let Some(first) = self.waiting.first_entry() {
            let waiting = first.get();
            let whole = waiting.now.is_some() && (!self.two || waiting.against.is_some());
            if *first.key() != self.next || !whole {
                return;
            }
            let waiting = first.remove();
            self.next += 1;
            if let Some(now) = &waiting.now {
                seen(Seen {
                    was: &waiting.was,
                    now,
                    against: waiting.against.as_deref(),
                });
            }
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
    I: Iterator<Item = Record>,
{
    let Terms {
        seed,
        outages,
        by,
        trace,
    } = terms;
    let mut chance = Chance::new(seed);
    let mut samples = Samples::default();
    for record in read()? {
        samples.learn(&record, &mut chance);
    }
    samples.settle();
    let samples = Arc::new(samples);
    let mut report = Report::of(router.image(), "simulated", by);
    let mut run = Run::new(router, &samples, terms);
    let mut other = against.map(|router| Run::new(router, &samples, terms));
    let mut joined = Joined::new(other.is_some());
    let (mut skipped, mut copies, mut traced) = (0, 0, None);
    let mut add = |seen: Seen<'_>| {
        if trace == Some(seen.was.id.as_str()) {
            traced = Some(Traced::of(seen));
        }
        report.add(seen);
    };
    let mut number = 0;
    for record in in_order(read()?) {
        match Worth::of(&record) {
            Worth::Request => {}
            Worth::Unread => {
                skipped += 1;
                continue;
            }
            Worth::Copy => {
                copies += 1;
                continue;
            }
        }
        let record = Arc::new(record);
        joined.begin((number, Arc::clone(&record)));
        if let Some(other) = &mut other {
            let taken = (number, Arc::clone(&record));
            other.take(taken, &mut |number, record| {
                joined.end(number, record, true);
            });
        }
        run.take((number, record), &mut |number, record| {
            joined.end(number, record, false);
        });
        number += 1;
        joined.drain(&mut add);
    }
    if let Some(other) = &mut other {
        other.finish(&mut |number, record| joined.end(number, record, true));
    }
    run.finish(&mut |number, record| joined.end(number, record, false));
    joined.drain(&mut add);
    (report.assumed, report.drawn) = run.sources();
    (report.skipped, report.copies, report.traced) = (skipped, copies, traced);
    report.outages = outages.iter().map(|o| o.text.clone()).collect();
    report.close(Some(seed));
    Ok(report)
}

/// A recorded request, arriving again.
pub(crate) fn arrival(record: &Record, now: Nanos) -> Arrival {
    Arrival {
        id: record.id.clone(),
        seed: record.seed,
        at: record.at,
        now,
        facts: record.request.clone(),
        needs: needs(record),
        whole: !record.request.streaming,
        ..Arrival::default()
    }
}

/// What serving a recorded request takes.
pub(crate) fn needs(record: &Record) -> Features {
    let words = &record.request.needs;
    if words.is_empty() {
        return Features::default();
    }
    let needs = Features::ALL
        .into_iter()
        .filter(|(_, word)| words.iter().any(|w| w == word));
    needs.fold(Features::default(), |sum, (feature, _)| sum.with(feature))
}

/// A record, ordered by arrival.
struct ByArrival(Record);

impl PartialEq for ByArrival {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ByArrival {}

impl PartialOrd for ByArrival {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByArrival {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0.at, &self.0.id).cmp(&(other.0.at, &other.0.id))
    }
}

/// Records in the order their requests came, as far as they are not too far out of it.
pub fn in_order(records: impl Iterator<Item = Record>) -> impl Iterator<Item = Record> {
    let mut records = records.fuse();
    let mut held: BinaryHeap<Reverse<ByArrival>> = BinaryHeap::new();
    std::iter::from_fn(move || {
        while held.len() < REORDER {
            match records.next() {
                Some(record) => held.push(Reverse(ByArrival(record))),
                None => break,
            }
        }
        held.pop().map(|Reverse(ByArrival(record))| record)
    })
}
