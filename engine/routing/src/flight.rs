//! One request under way, as a state machine: it is told what happened and when, and says what to do.
//!
//! A flight is made of legs, each a walk along an itinerary: *ready*, *flying* (one attempt under way), *joined* (several
//! legs of its own are), *waiting* (before a retry) and *over*. The client is committed at the first content when
//! streaming and at the complete answer otherwise, or when an answer that had to be looked at as a whole is taken; until
//! then a failure moves on unseen, after that nothing is ever replaced.

mod booking;
mod ending;
mod failing;
mod joining;
mod leg;
mod resuming;
mod selection;
mod timers;

use crate::admission::{Admission, Decided};
use crate::answer::Asks;
use crate::attempt::Awaits;
use crate::breaker::Rule;
use crate::candidate::Candidates;
use crate::chance::Chance;
use crate::class::Class;
use crate::course::Course;
use crate::figure::Gauges;
use crate::itinerary::{Asking, Itinerary};
use crate::look::Look;
use crate::order::Order;
use crate::refusal::Refusal;
use crate::router::Router;
use crate::target::Load;
use crate::{Nanos, SECOND};
use leg::{Ending, Leg, LegNo, Legs, Part, Phase};
use mux_dsl::image::{Accept, Combine, Shadow, TargetId};
use mux_traffic::record::{Facts, Usage};
use smallvec::SmallVec;
use std::sync::Arc;

pub use crate::answer::Told;
pub use crate::arrival::Arrival;
pub use crate::attempt::{Attempt, Role};
pub use crate::candidate::PassedOver;
pub use crate::event::{Action, Actions, End, Event, Failure};

/// Longest a streamed answer may take in all.
const LONGEST_STREAMED: Nanos = 600 * SECOND;
/// Longest a whole answer may take.
const LONGEST_WHOLE: Nanos = 300 * SECOND;

/// Sets the draws of copies apart from others of the same request.
const COPIES: u64 = 0x636f_7069_6573_0001;
/// The number of the flight's own leg.
const OWN: LegNo = 0;

/// One request under way.
#[derive(Debug)]
pub struct Flight {
    router: Arc<Router>,
    arrival: Arrival,
    admission: Admission,
    attempts: SmallVec<[Attempt; 2]>,
    candidates: Candidates,
    looks: SmallVec<[Look; 2]>,
    legs: Legs,
    /// The attempt that the client is committed to, and since when.
    committed: Option<(usize, Nanos)>,
    /// The client has status 200 already, whatever comes.
    promised: bool,
    waited: Nanos,
    over: Nanos,
    end: Option<End>,
    state: State,
    chance: Chance,
    /// The request it is a copy of, or `probe`.
    copy_of: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ready,
    UnderWay,
    /// The client has left, and attempts are read on for their usage until then.
    Draining(Nanos),
    Over,
}

/// What an attempt is sent with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand<'a> {
    /// The client's request.
    Request,
    /// A question about an answer, not streamed.
    Judge {
        /// What it is scored by.
        rubric: &'a str,
        /// The attempt that brought it.
        answer: usize,
    },
    /// The client's request, and the beginning of an answer that broke off: what the attempt has brought.
    Resume(usize),
    /// The client's request, and answers to make one of: the arm and the attempt of each.
    Merge(&'a [(usize, usize)]),
}

impl Flight {
    /// Decides about a request. Nothing is called yet; a refusal is already known to [`Flight::end`].
    pub fn new<L: Gauges>(router: &Arc<Router>, arrival: Arrival, live: &L) -> Self {
        let (mut admission, mut candidates) = (Admission::default(), Candidates::new());
        let decided = admission.decide(router, &arrival, live, &mut candidates);
        let within = admission.within(router).unwrap_or(Nanos::MAX);
        let asked = arrival.timeout.unwrap_or(Nanos::MAX);
        let time = longest(&arrival).min(within).min(asked);
        let mut flight = Self::ready(router, arrival, admission, time);
        flight.candidates = candidates;
        flight.end = decided.err().map(End::Refused);
        flight
    }

    /// One that is ready to set off on the way that its admission has laid. Inlined, since it is large and would be moved.
    #[inline]
    fn ready(router: &Arc<Router>, arrival: Arrival, admission: Admission, time: Nanos) -> Self {
        let way = admission.itinerary().unwrap_or_default();
        Self {
            legs: Legs::new(Leg::new(way, arrival.now + time)),
            router: Arc::clone(router),
            admission,
            attempts: SmallVec::new(),
            looks: SmallVec::new(),
            candidates: Candidates::new(),
            committed: None,
            promised: false,
            waited: 0,
            over: arrival.now,
            end: None,
            state: State::Ready,
            chance: Chance::new(arrival.seed),
            copy_of: None,
            arrival,
        }
    }

    /// One whose answer no client gets.
    fn unasked(
        router: &Arc<Router>,
        arrival: Arrival,
        admission: Admission,
        copy_of: String,
    ) -> Self {
        let time = longest(&arrival);
        let mut flight = Self::ready(router, arrival, admission, time);
        flight.copy_of = Some(copy_of);
        flight
    }

    /// Copies of the request that its rule sends besides, each a flight of its own whose answer nobody gets. They count
    /// for the same budgets.
    pub fn copies(&self) -> impl Iterator<Item = Self> + '_ {
        let shadows = self.shadows().iter().enumerate();
        shadows.filter_map(|(n, shadow)| self.copy(n, shadow))
    }

    fn shadows(&self) -> &[Shadow] {
        let decided = self
            .decided()
            .filter(|_| self.state == State::Ready && self.end.is_none());
        let rule = decided.and_then(|decided| {
            let policy = decided.policies.as_slice().last()?;
            let policy = self.router.image().policies.get(policy.index())?;
            policy.rules.get(decided.rule.index())
        });
        rule.map_or(&[], |rule| &rule.shadows)
    }

    fn copy(&self, n: usize, shadow: &Shadow) -> Option<Self> {
        let seed = Chance::new(self.arrival.seed ^ COPIES ^ n as u64).bits();
        let drawn = Chance::new(seed).below(10_000);
        if drawn >= u64::from(shadow.share) {
            return None;
        }
        let course = Course::Attempt(&shadow.attempt);
        let way = Itinerary::flat(Some(&course), self.router.fleet());
        let arrival = Arrival {
            id: format!("{}-copy{}", self.arrival.id, n + 1),
            seed,
            timeout: None,
            ..self.arrival.clone()
        };
        let admission = Admission {
            way: self.admission.way,
            decided: self.admission.decided.clone(),
            order: Some(Order::fixed(way)),
            ..Admission::default()
        };
        let id = self.arrival.id.clone();
        Some(Self::unasked(&self.router, arrival, admission, id))
    }

    /// A request of mux itself, to see whether a target is back: it is charged to no budget.
    #[must_use]
    pub fn probe(router: &Arc<Router>, target: TargetId, arrival: Arrival) -> Self {
        let order = router.straight(target).map(|way| Order::fixed(way.clone()));
        let admission = Admission {
            order,
            ..Admission::default()
        };
        Self::unasked(router, arrival, admission, "probe".to_owned())
    }

    /// Part of the places in flight that is kept for requests of higher priority, basis points.
    #[must_use]
    pub fn reserve(&self) -> u32 {
        let policies = self.decided().map(|d| d.policies.as_slice());
        self.router
            .kept(self.router.priority(policies.unwrap_or_default()))
    }

    /// There is room left only for requests of higher priority: it is not carried out.
    pub fn shed(&mut self) {
        if self.state == State::Ready && self.end.is_none() {
            let message =
                "the gateway is busy, and keeps its last places for requests of higher priority";
            let refusal = Refusal::new(503, "gateway_busy", message.to_owned());
            self.end = Some(End::Refused(refusal.after(Some(SECOND))));
        }
    }

    /// The client is sent status 200 before anybody has answered: what fails from now on is told in the stream.
    pub fn promise(&mut self) {
        self.promised = true;
    }

    /// Whether the client has status 200 already.
    #[must_use]
    pub fn promised(&self) -> bool {
        self.promised
    }

    /// The id of the request it is a copy of, or `probe`.
    #[must_use]
    pub fn copy_of(&self) -> Option<&str> {
        self.copy_of.as_deref()
    }

    /// Sets off.
    pub fn start(&mut self, now: Nanos, out: &mut Actions) {
        if self.state != State::Ready {
            return;
        }
        self.state = State::UnderWay;
        if let Some(end) = self.end.take() {
            return self.finish(end, now, out);
        }
        if self.copy_of.is_none() {
            self.router.retry_budget().deposit(now);
        }
        let way = self.legs[OWN].way.clone();
        self.seek(OWN, &way, 0, false, now, out);
    }

    /// Takes an event.
    pub fn on(&mut self, event: Event, now: Nanos, out: &mut Actions) {
        match event {
            Event::Wake => self.wake(now, out),
            Event::ClientGone => self.abandon(now, out),
            Event::Waits(n) => self.mark(n, |a| a.awaits = Awaits::Credential),
            Event::Sent(n) => self.mark(n, |a| a.send(now)),
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
            Event::Model(n, name) => self.mark(n, |a| a.model = Some(name)),
            Event::Told(n, told) => self.mark(n, |a| a.told = Some(told)),
            Event::Done(n, usage) => match self.state {
                State::Draining(_) => self.drained(n, usage, now, out),
                _ => self.done(n, usage, now, out),
            },
            Event::Failed(n, failure) => match self.state {
                State::Draining(_) => self.drained(n, failure.usage, now, out),
                _ => self.fail(n, failure, now, out),
            },
        }
    }

    /// When to call [`Flight::on`] with [`Event::Wake`], if nothing else happens before.
    #[must_use]
    pub fn wake_at(&self) -> Option<Nanos> {
        self.due().map(|(at, ..)| at)
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

    /// What was looked at before each attempt so far.
    #[must_use]
    pub fn looks(&self) -> &[Look] {
        &self.looks
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

    /// The facts of the request, for whoever lent them; it has none left.
    #[must_use]
    pub fn take_facts(&mut self) -> Facts {
        std::mem::take(&mut self.arrival.facts)
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
        self.committed.map(|(_, at)| at)
    }

    /// The attempt whose answer the client gets, once that is known.
    #[must_use]
    pub fn chosen(&self) -> Option<&Attempt> {
        self.attempts.get(self.committed?.0)
    }

    /// What an attempt is sent with.
    #[must_use]
    pub fn errand(&self, attempt: usize) -> Errand<'_> {
        let Some(a) = self.attempts.get(attempt) else {
            return Errand::Request;
        };
        let parent = self.legs[a.leg].parent;
        let joint = parent.and_then(|leg| self.legs[leg].joint.as_deref());
        match (a.role, joint) {
            (Role::Judge(answer), Some(joining)) => Errand::Judge {
                rubric: joining.rubric(),
                answer,
            },
            (Role::Merge, Some(joining)) => Errand::Merge(joining.answers()),
            (Role::Resume(broken), _) => Errand::Resume(broken),
            _ => Errand::Request,
        }
    }

    /// Whether somebody else goes on where the answer of an attempt breaks off, so that what it brings has to be kept.
    #[must_use]
    pub fn resumes(&self, attempt: usize) -> bool {
        let attempt = self.attempts.get(attempt);
        attempt.is_some_and(|a| {
            let first = !matches!(a.role, Role::Resume(_));
            first && !a.whole && a.leg == OWN && self.legs[OWN].way.resumes(a.step)
        })
    }

    /// What it wants to know of the answer of an attempt before that is complete; `None` where nothing, and where what
    /// comes can be handed to the client at once.
    #[must_use]
    pub fn asks(&self, attempt: usize) -> Option<Asks<'_>> {
        let a = self.attempts.get(attempt)?;
        let (mut leg, mut asks) = (a.leg, None);
        while let Some(parent) = self.legs[leg].parent {
            let joint = self.legs[parent].joint.as_deref()?.joint();
            match (&joint.rule, self.legs[leg].part) {
                (_, Part::Judge(_)) => {
                    return Some(Asks {
                        score: true,
                        ..Asks::default()
                    });
                }
                (Asking::Hedge(_), _) | (_, Part::Merge) => {}
                (Asking::Cascade(accepts), Part::Arm(arm)) => {
                    if let Some(Some(accept)) = accepts.get(arm) {
                        let asks = asks.get_or_insert_with(Asks::default);
                        asks.form |= formal(accept);
                    }
                }
                (Asking::Ensemble(combining), Part::Arm(_)) => {
                    let asks = asks.get_or_insert_with(Asks::default);
                    match &combining.combine {
                        Combine::FirstValid => asks.form = true,
                        Combine::Majority(path) | Combine::Vote(path) => {
                            asks.path = asks.path.or(Some(path));
                        }
                        Combine::Best | Combine::Merge(_) => {}
                    }
                }
            }
            leg = parent;
        }
        asks
    }

    /// The target that comes first on its way, whatever may come of calling it; `None` where several are asked for one
    /// answer there.
    #[must_use]
    pub fn foremost(&self) -> Option<TargetId> {
        let first = self.legs[OWN].way.step(0)?;
        first.joint.is_none().then_some(first.target)
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

    /// Whether an attempt is under way.
    fn current(&self, attempt: usize) -> bool {
        let open = self.attempts.get(attempt).is_some_and(|a| a.end.is_none());
        open && matches!(self.state, State::UnderWay | State::Draining(_))
    }

    fn mark(&mut self, attempt: usize, change: impl FnOnce(&mut Attempt)) {
        if self.current(attempt)
            && let Some(attempt) = self.attempts.get_mut(attempt)
        {
            change(attempt);
        }
    }

    fn content(&mut self, attempt: usize, now: Nanos, out: &mut Actions) {
        let resumes = self.resuming(attempt);
        if !self.current(attempt)
            || self.committed.is_some() && !resumes
            || self.state != State::UnderWay
        {
            return;
        }
        let Some(a) = self.attempts.get_mut(attempt).filter(|a| !a.whole) else {
            return;
        };
        if a.first.is_some() {
            return;
        }
        a.first = Some(now);
        (a.last, a.heard) = (now, now);
        let leg = a.leg;
        self.answered(attempt, now);
        if resumes {
            self.resume_with(attempt, out);
        } else {
            self.heard(leg, attempt, now, out);
        }
    }

    /// An attempt waits for nothing more.
    fn answered(&mut self, attempt: usize, now: Nanos) {
        let tokens = self.arrival.facts.tokens;
        let Some(a) = self.attempts.get_mut(attempt) else {
            return;
        };
        if std::mem::replace(&mut a.awaits, Awaits::Nothing) == Awaits::Nothing {
            return;
        }
        let load = Load {
            tokens,
            whole: a.whole,
        };
        let (target, start, permit, leg, step) = (a.target, a.start, a.permit, a.leg, a.step);
        let rule = self.rule(leg, step);
        if let Some(state) = self.router.state(target) {
            state.first_content(load, start, permit, &rule, now);
        }
    }

    /// When the breaker of a step's target opens.
    fn rule(&self, leg: LegNo, step: usize) -> Rule {
        let step = self.legs[leg].way.step(step);
        step.map(|s| s.breaker).unwrap_or_default()
    }

    /// What an attempt asks of its target.
    fn load(&self, attempt: &Attempt) -> Load {
        Load {
            tokens: self.arrival.facts.tokens,
            whole: attempt.whole,
        }
    }

    fn commit(&mut self, attempt: usize, now: Nanos, out: &mut Actions) {
        if self.committed.is_none() {
            self.committed = Some((attempt, now));
            out.push(Action::Commit(attempt));
        }
    }

    fn done(&mut self, attempt: usize, usage: Option<Usage>, now: Nanos, out: &mut Actions) {
        if !self.current(attempt) {
            return;
        }
        let Some((leg, whole)) = self.attempts.get(attempt).map(|a| (a.leg, a.whole)) else {
            return;
        };
        if whole {
            self.answered(attempt, now);
        }
        let ended = Failure {
            usage,
            ..Failure::of(Class::Ok)
        };
        self.settle(attempt, ended, now);
        if self.resuming(attempt) {
            self.resume_with(attempt, out);
        }
        self.conclude(leg, Ending::Answered(attempt), now, out);
    }

    /// A leg is over.
    fn conclude(&mut self, leg: LegNo, ending: Ending, now: Nanos, out: &mut Actions) {
        self.legs[leg].phase = Phase::Over;
        match (self.legs[leg].parent, ending) {
            (Some(parent), _) => self.joined(parent, leg, ending, now, out),
            (None, Ending::Answered(attempt)) => {
                self.commit(attempt, now, out);
                self.finish(End::Served(attempt), now, out);
            }
            (None, failed) => self.refuse(failed, now, out),
        }
    }
}

/// Longest a request may take.
fn longest(arrival: &Arrival) -> Nanos {
    if arrival.whole {
        LONGEST_WHOLE
    } else {
        LONGEST_STREAMED
    }
}

/// Whether a condition looks at more of an answer than its tokens and its score.
fn formal(accept: &Accept) -> bool {
    match accept {
        Accept::All(parts) | Accept::Any(parts) => parts.iter().any(formal),
        Accept::Not(inner) => formal(inner),
        Accept::Finish(_) | Accept::Schema => true,
        Accept::Score(..) | Accept::Output(..) => false,
    }
}
