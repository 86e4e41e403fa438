//! One request under way, as a state machine: it is told what happened and when, and says what to do.
//!
//! A flight is *ready*, *flying* (one attempt under way), *waiting* (before a retry), *committed* (the client has got the
//! first of an answer, or the whole of one) and *over*. The client is committed at the first content when streaming and
//! at the complete answer otherwise; until then a failure moves on unseen, after that nothing is ever replaced.

mod booking;
mod ending;
mod selection;
mod timers;

use crate::admission::{Admission, Decided};
use crate::breaker::Rule;
use crate::candidate::Candidates;
use crate::chance::Chance;
use crate::class::Class;
use crate::deadlines::Deadlines;
use crate::router::Router;
use crate::{Nanos, SECOND};
use mux_dsl::image::TargetId;
use mux_dsl::request::Live;
use mux_traffic::record::Usage;
use smallvec::SmallVec;
use std::sync::Arc;

pub use crate::arrival::Arrival;
pub use crate::attempt::Attempt;
pub use crate::candidate::PassedOver;
pub use crate::event::{Action, Actions, End, Event, Failure};

/// Longest a streamed answer may take in all.
const LONGEST_STREAMED: Nanos = 600 * SECOND;
/// Longest a whole answer may take.
const LONGEST_WHOLE: Nanos = 300 * SECOND;
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Ready,
    Flying,
    Waiting { until: Nanos, step: usize },
    Committed,
    Over,
}

/// One request under way.
#[derive(Debug)]
pub struct Flight {
    router: Arc<Router>,
    arrival: Arrival,
    admission: Admission,
    attempts: SmallVec<[Attempt; 2]>,
    candidates: Candidates,
    committed: Option<Nanos>,
    waited: Nanos,
    over: Nanos,
    end: Option<End>,
    phase: Phase,
    deadlines: Deadlines,
    /// Steps before it are not for this request any more.
    floor: usize,
    /// A target that failed was tried once more, for want of any other.
    second: bool,
    chance: Chance,
}

impl Flight {
    /// Decides about a request. Nothing is called yet; a refusal is already known to [`Flight::end`].
    pub fn new<L: Live>(router: &Arc<Router>, arrival: Arrival, live: &L) -> Self {
        let longest = if arrival.whole {
            LONGEST_WHOLE
        } else {
            LONGEST_STREAMED
        };
        let (mut admission, refusal) = Admission::decide(router, &arrival, live);
        let longest = admission
            .within(router)
            .map_or(longest, |within| longest.min(within));
        Self {
            deadlines: Deadlines::new(
                arrival.now + arrival.timeout.unwrap_or(longest).min(longest),
            ),
            chance: Chance::new(arrival.seed),
            router: Arc::clone(router),
            candidates: std::mem::take(&mut admission.candidates),
            admission,
            attempts: SmallVec::new(),
            committed: None,
            waited: 0,
            over: arrival.now,
            end: refusal.map(End::Refused),
            phase: Phase::Ready,
            floor: 0,
            second: false,
            arrival,
        }
    }

    /// Sets off.
    pub fn start(&mut self, now: Nanos, out: &mut Actions) {
        if self.phase != Phase::Ready {
            return;
        }
        if let Some(end) = self.end.take() {
            return self.finish(end, now, out);
        }
        self.router.retry_budget().deposit(now);
        if let Some(itinerary) = self.admission.itinerary() {
            self.seek(&itinerary, 0, false, now, out);
        }
    }

    /// Takes an event.
    pub fn on(&mut self, event: Event, now: Nanos, out: &mut Actions) {
        match event {
            Event::Wake => self.wake(now, out),
            Event::ClientGone => self.abandon(now, out),
            Event::Sent(n) => self.mark(n, |a| a.sent = Some(now)),
            Event::Connected(n) => self.mark(n, |a| a.connected = Some(now)),
            Event::Head(n, status) => self.mark(n, |a| {
                a.connected.get_or_insert(now);
                a.head = Some(now);
                a.status = Some(status);
                a.last = now;
            }),
            Event::Progress(n, text) => self.mark(n, |a| {
                a.last = now;
                if text > 0 {
                    a.heard = now;
                }
                a.text += text;
            }),
            Event::Allowance(n, left) => {
                if let Some(state) = self
                    .attempts
                    .get(n)
                    .and_then(|a| self.router.state(a.target))
                {
                    state.allowance(left, now);
                }
            }
            Event::Content(n) => self.content(n, now, out),
            Event::Done(n, usage) => self.done(n, usage, now, out),
            Event::Failed(n, failure) => {
                if self.current(n) {
                    self.fail(failure, now, out);
                }
            }
        }
    }

    /// When to call [`Flight::on`] with [`Event::Wake`], if nothing else happens before.
    #[must_use]
    pub fn wake_at(&self) -> Option<Nanos> {
        self.due().map(|(at, _)| at)
    }

    /// How it ended, once it did.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Attempts so far, in order.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// The bundle it flies under.
    #[must_use]
    pub fn router(&self) -> &Arc<Router> {
        &self.router
    }

    /// The request.
    #[must_use]
    pub fn arrival(&self) -> &Arrival {
        &self.arrival
    }

    /// What the policy said.
    #[must_use]
    pub fn decided(&self) -> Option<&Decided> {
        self.admission.decided.as_ref()
    }

    /// What was decided, and on what it rests.
    #[must_use]
    pub fn admission(&self) -> &Admission {
        &self.admission
    }

    /// When the client was committed to one answer.
    #[must_use]
    pub fn committed(&self) -> Option<Nanos> {
        self.committed
    }

    /// When it was over, and how much of its time went into waiting before retries.
    #[must_use]
    pub fn over(&self) -> (Nanos, Nanos) {
        (self.over, self.waited)
    }

    /// Candidates so far, with the reason where one was not called.
    #[must_use]
    pub fn candidates(&self) -> &[(TargetId, Option<PassedOver>)] {
        &self.candidates
    }

    /// Cost of all attempts so far, pico-dollars, and whether every price was known.
    #[must_use]
    pub fn cost(&self) -> (i64, bool) {
        let sum = self
            .attempts
            .iter()
            .filter_map(|a| a.cost)
            .fold(0, i64::saturating_add);
        (sum, self.attempts.iter().all(|a| a.cost.is_some()))
    }

    fn current(&self, attempt: usize) -> bool {
        matches!(self.phase, Phase::Flying | Phase::Committed) && attempt + 1 == self.attempts.len()
    }

    fn mark(&mut self, attempt: usize, change: impl FnOnce(&mut Attempt)) {
        if self.current(attempt)
            && let Some(attempt) = self.attempts.last_mut()
        {
            change(attempt);
        }
    }

    fn content(&mut self, attempt: usize, now: Nanos, out: &mut Actions) {
        if !self.current(attempt) || self.arrival.whole || self.phase == Phase::Committed {
            return;
        }
        if let Some(a) = self.attempts.last_mut() {
            a.first = Some(now);
            (a.last, a.heard) = (now, now);
        }
        self.answered(now);
        self.commit(attempt, now, out);
    }

    /// The attempt under way waits for nothing more.
    fn answered(&mut self, now: Nanos) {
        let Some(a) = self.attempts.last_mut() else {
            return;
        };
        if std::mem::replace(&mut a.answered, true) {
            return;
        }
        let (target, start, permit, step) = (a.target, a.start, a.permit, a.step);
        let rule = self.rule(step);
        if let Some(state) = self.router.state(target) {
            state.first_content(self.arrival.load(), start, permit, &rule, now);
        }
    }

    /// When the breaker of a step's target opens.
    fn rule(&self, step: usize) -> Rule {
        let itinerary = self.admission.itinerary();
        let rule = itinerary.and_then(|i| i.steps.get(step).map(|s| s.breaker));
        rule.unwrap_or_default()
    }

    fn commit(&mut self, attempt: usize, now: Nanos, out: &mut Actions) {
        self.phase = Phase::Committed;
        self.committed = Some(now);
        out.push(Action::Commit(attempt));
    }

    fn done(&mut self, attempt: usize, usage: Option<Usage>, now: Nanos, out: &mut Actions) {
        if !self.current(attempt) {
            return;
        }
        if self.phase != Phase::Committed {
            self.commit(attempt, now, out);
        }
        if self.arrival.whole {
            self.answered(now);
        }
        self.settle(
            Failure {
                usage,
                ..Failure::of(Class::Ok)
            },
            now,
        );
        self.finish(End::Served(attempt), now, out);
    }
}
