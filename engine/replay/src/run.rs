//! Recorded requests under one bundle, in virtual time.

use crate::arriving::arrival;
use crate::fate::Ended;
use crate::outage::struck;
use crate::play::Play;
use crate::report::Drawn;
use crate::sample::{Ask, Origin, Samples};
use crate::sim::fault::Fault;
use crate::terms::{Terms, drawn_in};
use crate::world::{Upstreams, World};
use mux_dsl::image::TargetId;
use mux_routing::chance::Chance;
use mux_routing::flight::Flight;
use mux_routing::router::Router;
use mux_routing::{MILLI, Nanos, SECOND};
use mux_traffic::record::{Facts, Record};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// A recorded request by its number among those of its stage: as it was, but for its facts, which fly along.
pub(crate) type Numbered = (u64, Arc<Record>, Facts);

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
    /// Their numbers, by the ids they fly under.
    numbers: HashMap<String, u64>,
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

impl Recorded {
    /// Its number among those of its stage.
    fn number(&self, flight: &Flight) -> Option<u64> {
        self.numbers.get(&flight.arrival().id).copied()
    }

    /// A request sets off; the id it flies under. That is its own, which decides where it belongs where nothing else does,
    /// unless another one of that id is under way.
    fn depart(&mut self, number: u64, record: Arc<Record>) -> String {
        let id = if self.numbers.contains_key(&record.id) {
            format!("{}#{number}", record.id)
        } else {
            record.id.clone()
        };
        self.numbers.insert(id.clone(), number);
        self.was.push(record);
        id
    }

    /// A request is over: its number, and how it was.
    fn land(&mut self, flight: &Flight) -> Option<(u64, Arc<Record>)> {
        let number = self.numbers.remove(&flight.arrival().id)?;
        Some((number, self.was.remove(number)?))
    }
}

impl Upstreams for Recorded {
    fn play(&mut self, flight: &Flight, attempt: usize, target: TargetId) -> Play {
        let record = self.number(flight).and_then(|n| self.was.get(n));
        let Some(record) = record else {
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

/// Recorded requests under one bundle.
#[derive(Debug)]
pub(crate) struct Run {
    router: Arc<Router>,
    world: World<Recorded>,
    #[expect(
        clippy::vec_box,
        reason = "they come boxed, and are too large to be moved"
    )]
    done: Vec<Box<Flight>>,
    /// The request of which everything is to be told, and that.
    trace: Option<String>,
    pub(crate) traced: Option<Record>,
}

impl Run {
    /// Before the first request. `samples` are settled.
    pub(crate) fn new(
        router: &Arc<Router>,
        samples: &Arc<Samples>,
        terms: Terms<'_>,
        stage: u64,
    ) -> Self {
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
                numbers: HashMap::new(),
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

    /// What was drawn, which targets were never recorded, and attempts by the outage that struck them.
    pub(crate) fn told(&mut self) -> (Drawn, &BTreeSet<TargetId>, &[u64]) {
        let upstreams = self.world.upstreams();
        (upstreams.drawn, &upstreams.assumed, &upstreams.struck)
    }

    /// Lets a request arrive. Those that end until then are handed to `over` by their numbers. Requests are to come in the
    /// order of their arrivals, and of their numbers.
    pub(crate) fn take(
        &mut self,
        (number, record, facts): Numbered,
        over: &mut impl FnMut(u64, Ended, Facts),
    ) {
        let since = record.at.saturating_sub(self.world.upstreams().zero);
        let now = SECOND.saturating_add(Nanos::try_from(since).unwrap_or(0).saturating_mul(MILLI));
        let done = &mut self.done;
        self.world.advance(now, &mut |flight| done.push(flight));
        let id = self.world.upstreams().depart(number, Arc::clone(&record));
        let arrival = arrival(&record, id, facts, now);
        let live = self.router.live(now);
        let flight = Flight::new(&self.router, arrival, &live);
        self.world.launch(flight, &mut |flight| done.push(flight));
        self.collect(over);
    }

    /// Lets every request end.
    pub(crate) fn finish(&mut self, over: &mut impl FnMut(u64, Ended, Facts)) {
        let done = &mut self.done;
        self.world.finish(&mut |flight| done.push(flight));
        self.collect(over);
    }

    fn collect(&mut self, over: &mut impl FnMut(u64, Ended, Facts)) {
        for mut flight in self.done.drain(..) {
            let Some((number, was)) = self.world.upstreams().land(&flight) else {
                continue;
            };
            if self.trace.as_ref() == Some(&was.id) {
                let mut record = flight.record();
                record.id.clone_from(&was.id);
                self.traced = Some(record);
            }
            over(number, Ended::of(&flight), flight.take_facts());
            self.world.take_back(flight);
        }
    }
}
