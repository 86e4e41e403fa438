//! Virtual time: a queue of events, and the flights they belong to.
//!
//! Events of the same moment happen in the order they were planned, so a run is a function of its inputs.

use crate::play::{Beat, Play};
use mux_dsl::image::{Finish, TargetId};
use mux_routing::Nanos;
use mux_routing::flight::{Action, Actions, Event, Flight, Told};
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

/// Decides what an upstream does with an attempt. It is told the flight, the number of the attempt and its target.
pub trait Upstreams {
    /// The play of one attempt.
    fn play(&mut self, flight: &Flight, attempt: usize, target: TargetId) -> Play;

    /// What is told of a complete answer, where the flight asks.
    fn tell(&mut self, _: &Flight, _: usize) -> Told {
        alike()
    }
}

/// Of an answer that is good, and the same as any other.
#[must_use]
pub fn alike() -> Told {
    Told {
        finish: Some(Finish::Stop),
        fits: Some(true),
        value: Some("\"the same\"".into()),
        score: Some(10_000),
    }
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
    /// By place; a place is given again when its flight is over.
    flying: Vec<Option<Box<Flying>>>,
    free: Vec<u32>,
    launched: u32,
}

/// A flight, and what is to happen to it. Only the next event of each attempt is in the queue.
#[derive(Debug)]
struct Flying {
    /// It is some thousand bytes, and moved about.
    flight: Box<Flight>,
    /// Tells flights apart that had the same place.
    no: u32,
    playing: SmallVec<[Playing; 1]>,
    /// When it is to be woken at the latest: an entry in the queue; one that is put off finds out when that comes.
    wake: Nanos,
}

/// What is left of the play of an attempt.
#[derive(Debug)]
struct Playing {
    attempt: usize,
    began: Nanos,
    /// The place of its next beat among everything that was planned.
    order: u64,
    beats: std::vec::IntoIter<(Nanos, Beat)>,
}

/// Something to come. Ordered by time, then by when it was planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Planned {
    at: Nanos,
    order: u64,
    place: u32,
    no: u32,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Wake,
    /// The next beat of an attempt.
    Beat(u32),
}

impl<U: Upstreams> World<U> {
    /// An empty world.
    pub fn new(upstreams: U) -> Self {
        Self {
            upstreams,
            now: 0,
            queue: BinaryHeap::new(),
            planned: 0,
            flying: Vec::new(),
            free: Vec::new(),
            launched: 0,
        }
    }

    /// What the upstreams know.
    pub fn upstreams(&mut self) -> &mut U {
        &mut self.upstreams
    }

    /// Sets a flight off now. Flights that end at once are handed to `over`.
    pub fn launch(&mut self, flight: Flight, over: &mut impl FnMut(Box<Flight>)) {
        let mut flying = Box::new(Flying {
            flight: Box::new(flight),
            no: self.launched,
            playing: SmallVec::new(),
            wake: Nanos::MAX,
        });
        self.launched = self.launched.wrapping_add(1);
        let mut actions = Actions::new();
        flying.flight.start(self.now, &mut actions);
        let place = self.free.pop().unwrap_or_else(|| {
            self.flying.push(None);
            u32::try_from(self.flying.len() - 1).unwrap_or(u32::MAX)
        });
        self.perform(place, flying, actions, over);
    }

    /// Lets time pass until `until`; flights that end on the way are handed to `over`.
    pub fn advance(&mut self, until: Nanos, over: &mut impl FnMut(Box<Flight>)) {
        while let Some(next) = self.due(until) {
            self.now = self.now.max(next.at);
            self.happen(next, over);
        }
        self.now = self.now.max(until);
    }

    /// Lets time pass until nothing is left to happen.
    pub fn finish(&mut self, over: &mut impl FnMut(Box<Flight>)) {
        while let Some(at) = self.queue.peek().map(|Reverse(next)| next.at) {
            self.advance(at, over);
        }
    }

    /// Takes what comes next, where it comes by then.
    fn due(&mut self, until: Nanos) -> Option<Planned> {
        let next = self.queue.peek_mut()?;
        (next.0.at <= until).then(|| PeekMut::pop(next).0)
    }

    fn happen(&mut self, next: Planned, over: &mut impl FnMut(Box<Flight>)) {
        let place = usize::try_from(next.place).unwrap_or(usize::MAX);
        let Some(slot) = self.flying.get_mut(place) else {
            return;
        };
        let Some(mut flying) = slot.take_if(|f| f.no == next.no) else {
            return;
        };
        let event = match next.what {
            What::Wake => {
                if flying.wake == next.at {
                    flying.wake = Nanos::MAX;
                }
                // A timer that was put off is not due yet.
                let due = flying.flight.wake_at().is_some_and(|at| at <= self.now);
                due.then_some(Event::Wake)
            }
            What::Beat(attempt) => self.beat(next, attempt, &mut flying),
        };
        let mut actions = Actions::new();
        if let Some(event) = event {
            if let Event::Done(attempt, _) = event
                && flying.flight.asks(attempt).is_some()
            {
                let told = self.upstreams.tell(&flying.flight, attempt);
                let told = Event::Told(attempt, Box::new(told));
                flying.flight.on(told, self.now, &mut actions);
            }
            flying.flight.on(event, self.now, &mut actions);
        }
        self.perform(next.place, flying, actions, over);
    }

    /// The next beat of an attempt; the one after it is planned.
    fn beat(&mut self, next: Planned, attempt: u32, flying: &mut Flying) -> Option<Event> {
        let attempt = usize::try_from(attempt).ok()?;
        let playing = flying.playing.iter_mut().find(|p| p.attempt == attempt)?;
        let (_, beat) = playing.beats.next()?;
        if let Some((after, _)) = playing.beats.as_slice().first() {
            playing.order += 1;
            self.queue.push(Reverse(Planned {
                at: playing.began + after,
                order: playing.order,
                ..next
            }));
        }
        Some(beat.event(attempt))
    }

    fn perform(
        &mut self,
        place: u32,
        mut flying: Box<Flying>,
        mut actions: Actions,
        over: &mut impl FnMut(Box<Flight>),
    ) {
        let mut done = 0;
        while let Some(action) = actions.get(done).copied() {
            done += 1;
            match action {
                Action::Start { attempt, target } => {
                    let play = self.upstreams.play(&flying.flight, attempt, target);
                    let mut more = Actions::new();
                    flying.flight.on(Event::Sent(attempt), self.now, &mut more);
                    actions.extend(more);
                    self.play(place, attempt, play, &mut flying);
                }
                Action::Finish => {
                    self.free.push(place);
                    over(flying.flight);
                    return;
                }
                // Whoever is cancelled tells nothing more.
                Action::Cancel(attempt) => flying.playing.retain(|p| p.attempt != attempt),
                Action::Commit(_) | Action::Resume(_) => {}
            }
        }
        if let Some(at) = flying.flight.wake_at()
            && at < flying.wake
        {
            flying.wake = at;
            let order = self.planned;
            self.planned += 1;
            self.queue.push(Reverse(Planned {
                at,
                order,
                place,
                no: flying.no,
                what: What::Wake,
            }));
        }
        let slot = usize::try_from(place).ok();
        if let Some(slot) = slot.and_then(|place| self.flying.get_mut(place)) {
            *slot = Some(flying);
        }
    }

    fn play(&mut self, place: u32, attempt: usize, mut play: Play, flying: &mut Flying) {
        play.sort_by_key(|(after, _)| *after);
        let order = self.planned;
        self.planned += play.len() as u64;
        if let (Some((after, _)), Ok(number)) = (play.first(), u32::try_from(attempt)) {
            self.queue.push(Reverse(Planned {
                at: self.now + after,
                order,
                place,
                no: flying.no,
                what: What::Beat(number),
            }));
        }
        flying.playing.push(Playing {
            attempt,
            began: self.now,
            order,
            beats: play.into_iter(),
        });
    }
}
