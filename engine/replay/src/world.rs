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
    /// Flights that are over, whose room is used again.
    #[expect(
        clippy::vec_box,
        reason = "they come boxed, and it is the boxes that are kept"
    )]
    spare: Vec<Box<Flight>>,
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

/// Something to come. Ordered by time, then by when it was planned, which differs.
#[derive(Debug, Clone, Copy)]
struct Planned {
    at: Nanos,
    order: u64,
    place: u32,
    no: u32,
    what: What,
}

impl Planned {
    fn turn(&self) -> u128 {
        u128::from(self.at) << u64::BITS | u128::from(self.order)
    }
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        self.turn() == other.turn()
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
        self.turn().cmp(&other.turn())
    }
}

#[derive(Debug, Clone, Copy)]
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
            spare: Vec::new(),
        }
    }

    /// What the upstreams know.
    pub fn upstreams(&mut self) -> &mut U {
        &mut self.upstreams
    }

    /// Takes back a flight that is over and was looked at: another one gets its room.
    pub fn take_back(&mut self, flight: Box<Flight>) {
        self.spare.push(flight);
    }

    /// Sets a flight off now. Flights that end at once are handed to `over`.
    pub fn launch(&mut self, flight: Flight, over: &mut impl FnMut(Box<Flight>)) {
        let flight = match self.spare.pop() {
            Some(mut room) => {
                *room = flight;
                room
            }
            None => Box::new(flight),
        };
        let mut flying = Box::new(Flying {
            flight,
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
        if let Some(flying) = self.perform(place, flying, actions, over) {
            self.rest(place, flying);
        }
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
        match next.what {
            What::Wake => {
                if flying.wake == next.at {
                    flying.wake = Nanos::MAX;
                }
                // A timer that was put off is not due yet.
                if flying.flight.wake_at().is_some_and(|at| at <= self.now) {
                    match self.tell(next.place, flying, Event::Wake, over) {
                        Some(still) => flying = still,
                        None => return,
                    }
                }
            }
            // What happens to an attempt at the same moment happens in a row: it was planned in a row.
            What::Beat(attempt) => {
                let mut turn = next;
                while let Some(event) = self.beat(&mut turn, attempt, &mut flying) {
                    match self.tell(next.place, flying, event, over) {
                        Some(still) => flying = still,
                        None => return,
                    }
                    if turn.at > self.now {
                        break;
                    }
                }
            }
        }
        self.rest(next.place, flying);
    }

    /// Tells a flight of an event, and does what it says; `None` where that ends it.
    fn tell(
        &mut self,
        place: u32,
        mut flying: Box<Flying>,
        event: Event,
        over: &mut impl FnMut(Box<Flight>),
    ) -> Option<Box<Flying>> {
        let mut actions = Actions::new();
        if let Event::Done(attempt, _) = event
            && flying.flight.asks(attempt).is_some()
        {
            let told = self.upstreams.tell(&flying.flight, attempt);
            let told = Event::Told(attempt, Box::new(told));
            flying.flight.on(told, self.now, &mut actions);
        }
        flying.flight.on(event, self.now, &mut actions);
        self.perform(place, flying, actions, over)
    }

    /// The next beat of an attempt. The one after it is planned where it comes later; `turn` is then its own.
    fn beat(&mut self, turn: &mut Planned, attempt: u32, flying: &mut Flying) -> Option<Event> {
        let attempt = usize::try_from(attempt).ok()?;
        let playing = flying.playing.iter_mut().find(|p| p.attempt == attempt)?;
        let (_, beat) = playing.beats.next()?;
        if let Some((after, _)) = playing.beats.as_slice().first() {
            playing.order += 1;
            turn.at = playing.began + after;
            turn.order = playing.order;
            if turn.at > self.now {
                self.queue.push(Reverse(*turn));
            }
        }
        Some(beat.event(attempt))
    }

    /// Does what a flight says; `None` where that ends it.
    fn perform(
        &mut self,
        place: u32,
        mut flying: Box<Flying>,
        mut actions: Actions,
        over: &mut impl FnMut(Box<Flight>),
    ) -> Option<Box<Flying>> {
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
                    return None;
                }
                // Whoever is cancelled tells nothing more.
                Action::Cancel(attempt) => flying.playing.retain(|p| p.attempt != attempt),
                Action::Commit(_) | Action::Resume(_) => {}
            }
        }
        Some(flying)
    }

    /// Keeps a flight until something happens to it; when it is to be woken is planned.
    fn rest(&mut self, place: u32, mut flying: Box<Flying>) {
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
