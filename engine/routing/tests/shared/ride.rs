//! A flight that is told what happens, and what it did about it. Tests add what happens to their own attempts.

use mux_dsl::image::TargetId;
use mux_routing::Nanos;
use mux_routing::flight::{Action, Actions, Arrival, End, Event, Flight};
use mux_routing::router::Router;
use std::sync::Arc;

/// A flight under way, the time, and every action so far.
pub(crate) struct Ride {
    pub(crate) flight: Flight,
    pub(crate) now: Nanos,
    pub(crate) actions: Vec<Action>,
}

impl Ride {
    pub(crate) fn new(router: &Arc<Router>, arrival: Arrival) -> Self {
        let now = arrival.now;
        let mut flight = Flight::new(router, arrival, &router.live(now));
        let mut out = Actions::new();
        flight.start(now, &mut out);
        Self {
            flight,
            now,
            actions: out.to_vec(),
        }
    }

    pub(crate) fn on(&mut self, event: Event) -> &mut Self {
        let mut out = Actions::new();
        self.flight.on(event, self.now, &mut out);
        self.actions.extend(out);
        self
    }

    /// Lets time pass, and wakes the flight when it wants to be woken.
    pub(crate) fn pass(&mut self, span: Nanos) -> &mut Self {
        let until = self.now + span;
        while let Some(at) = self.flight.wake_at().filter(|at| *at <= until) {
            self.now = at;
            self.on(Event::Wake);
        }
        self.now = until;
        self
    }

    pub(crate) fn targets(&self) -> Vec<TargetId> {
        self.flight.attempts().iter().map(|a| a.target).collect()
    }

    pub(crate) fn refused(&self) -> (u16, &str) {
        match self.flight.end() {
            Some(End::Refused(refusal)) => (refusal.status, refusal.code),
            other => panic!("not refused: {other:?}"),
        }
    }
}
