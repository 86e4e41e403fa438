//! Virtual time: a queue of events, and the flights they belong to.
//!
//! Events of the same moment happen in the order they were planned, so a run is a function of its inputs.

use crate::play::Play;
use mux_dsl::image::TargetId;
use mux_routing::Nanos;
use mux_routing::flight::{Action, Actions, Event, Flight};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Which flight of a world.
pub type FlightNo = u64;

/// Decides what an upstream does with an attempt. It is told the flight, the number of the attempt and its target.
pub trait Upstreams {
    /// The play of one attempt.
    fn play(&mut self, flight: &Flight, attempt: usize, target: TargetId) -> Play;
}

impl<F: FnMut(&Flight, usize, TargetId) -> Play> Upstreams for F {
    fn play(&mut self, flight: &Flight, attempt: usize, target: TargetId) -> Play {
        self(flight, attempt, target)
    }
}

/// Flights in virtual time.
#[derive(Debug)]
pub struct World<U> {
    upstreams: U,
    now: Nanos,
    queue: BinaryHeap<Reverse<Planned>>,
    planned: u64,
    flights: BTreeMap<FlightNo, Flight>,
    next: FlightNo,
}

/// An event to come. Ordered by time, then by when it was planned.
#[derive(Debug)]
struct Planned {
    at: Nanos,
    order: u64,
    flight: FlightNo,
    event: Event,
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Planned {}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Planned {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl<U: Upstreams> World<U> {
    /// An empty world.
    pub fn new(upstreams: U) -> Self {
        Self {
            upstreams,
            now: 0,
            queue: BinaryHeap::new(),
            planned: 0,
            flights: BTreeMap::new(),
            next: 0,
        }
    }

    /// What the upstreams know.
    pub fn upstreams(&mut self) -> &mut U {
        &mut self.upstreams
    }

    /// Sets a flight off now. Flights that end at once are handed to `over`.
    pub fn launch(&mut self, mut flight: Flight, over: &mut impl FnMut(Flight)) {
        let no = self.next;
        self.next += 1;
        let mut actions = Actions::new();
        flight.start(self.now, &mut actions);
        self.flights.insert(no, flight);
        self.perform(no, &actions, over);
    }

    /// Lets time pass until `until`; flights that end on the way are handed to `over`.
    pub fn advance(&mut self, until: Nanos, over: &mut impl FnMut(Flight)) {
        while self
            .queue
            .peek()
            .is_some_and(|Reverse(next)| next.at <= until)
        {
            let Some(Reverse(next)) = self.queue.pop() else {
                break;
            };
            self.now = self.now.max(next.at);
            let Some(flight) = self.flights.get_mut(&next.flight) else {
                continue;
            };
            // A timer that was put off since is not due any more; its successor is in the queue.
            if matches!(next.event, Event::Wake) && flight.wake_at().is_none_or(|at| at > self.now)
            {
                continue;
            }
            let mut actions = Actions::new();
            flight.on(next.event, self.now, &mut actions);
            self.perform(next.flight, &actions, over);
        }
        self.now = self.now.max(until);
    }

    /// Lets time pass until nothing is left to happen.
    pub fn finish(&mut self, over: &mut impl FnMut(Flight)) {
        while let Some(at) = self.queue.peek().map(|Reverse(next)| next.at) {
            self.advance(at, over);
        }
    }

    fn plan(&mut self, at: Nanos, flight: FlightNo, event: Event) {
        let order = self.planned;
        self.planned += 1;
        self.queue.push(Reverse(Planned {
            at,
            order,
            flight,
            event,
        }));
    }

    fn perform(&mut self, no: FlightNo, actions: &Actions, over: &mut impl FnMut(Flight)) {
        for action in actions {
            match *action {
                Action::Start { attempt, target } => {
                    let Some(flight) = self.flights.get(&no) else {
                        continue;
                    };
                    let play = self.upstreams.play(flight, attempt, target);
                    self.plan(self.now, no, Event::Sent(attempt));
                    for (after, beat) in play {
                        self.plan(self.now + after, no, beat.event(attempt));
                    }
                }
                Action::Finish => {
                    if let Some(flight) = self.flights.remove(&no) {
                        over(flight);
                    }
                    return;
                }
                Action::Cancel(_) | Action::Commit(_) => {}
            }
        }
        if let Some(at) = self.flights.get(&no).and_then(Flight::wake_at) {
            self.plan(at, no, Event::Wake);
        }
    }
}
