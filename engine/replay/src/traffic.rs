//! Recorded requests, decided and carried out again under another policy.
//!
//! Arrivals keep their distances. Health, breakers, limits and budgets start empty and build up as they would have.

use crate::play::Play;
use crate::report::Report;
use crate::sample::Samples;
use crate::world::{Upstreams, World};
use mux_dsl::image::{Features, TargetId};
use mux_routing::chance::Chance;
use mux_routing::flight::{Arrival, Flight};
use mux_routing::router::Router;
use mux_routing::{MILLI, Nanos, SECOND};
use mux_traffic::record::Record;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

/// Records are written when a request ends; this many are held back to bring arrivals into order again.
const REORDER: usize = 4_096;

/// What upstreams do, told by the recording.
struct Recorded {
    samples: Samples,
    /// Requests under way, as they were.
    was: HashMap<String, Record>,
    chance: Chance,
}

impl Upstreams for Recorded {
    fn play(&mut self, flight: &Flight, _: usize, target: TargetId) -> Play {
        let Some(record) = self.was.get(&flight.arrival().id) else {
            return Play::new();
        };
        let name = flight.router().name(target);
        // The attempt in question is in the list already.
        let nth = flight
            .attempts()
            .iter()
            .filter(|a| a.target == target)
            .count()
            .saturating_sub(1);
        self.samples.play(record, name, nth, &mut self.chance)
    }
}

/// Replays records. `read` is called twice: first to learn how targets behave, then to run the requests.
///
/// # Errors
/// Those of `read`.
pub fn replay<E, I>(
    router: &Arc<Router>,
    seed: u64,
    mut read: impl FnMut() -> Result<I, E>,
) -> Result<Report, E>
where
    I: Iterator<Item = Record>,
{
    let mut chance = Chance::new(seed);
    let mut samples = Samples::default();
    for record in read()? {
        samples.learn(&record, &mut chance);
    }
    let mut report = Report::default();
    let mut world = World::new(Recorded {
        samples,
        was: HashMap::new(),
        chance,
    });
    let mut first = None;
    let mut done: Vec<Flight> = Vec::new();
    for record in in_order(read()?) {
        if record.request.model.is_empty() {
            report.skipped += 1;
            continue;
        }
        let zero = *first.get_or_insert(record.at);
        let since = Nanos::try_from(record.at.saturating_sub(zero)).unwrap_or(0);
        world.advance(SECOND + since * MILLI, &mut |flight| done.push(flight));
        let arrival = arrival(&record, SECOND + since * MILLI);
        let live = router.live(arrival.now);
        let flight = Flight::new(router, arrival, &live);
        world.upstreams().was.insert(record.id.clone(), record);
        world.launch(flight, &mut |flight| done.push(flight));
        collect(&mut done, &mut world, &mut report);
    }
    world.finish(&mut |flight| done.push(flight));
    collect(&mut done, &mut world, &mut report);
    report
        .assumed
        .clone_from(world.upstreams().samples.assumed());
    report.close();
    Ok(report)
}

fn collect(done: &mut Vec<Flight>, world: &mut World<Recorded>, report: &mut Report) {
    for flight in done.drain(..) {
        if let Some(was) = world.upstreams().was.remove(&flight.arrival().id) {
            report.add(&was, &flight.record());
        }
    }
}

/// A recorded request, arriving again.
pub(crate) fn arrival(record: &Record, now: Nanos) -> Arrival {
    let words = &record.request.needs;
    let needs = Features::ALL
        .into_iter()
        .filter(|(_, word)| words.iter().any(|w| w == word));
    Arrival {
        id: record.id.clone(),
        seed: record.seed,
        at: record.at,
        now,
        facts: record.request.clone(),
        needs: needs.fold(Features::default(), |sum, (feature, _)| sum.with(feature)),
        whole: !record.request.streaming,
        timeout: None,
    }
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

fn in_order(records: impl Iterator<Item = Record>) -> impl Iterator<Item = Record> {
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
