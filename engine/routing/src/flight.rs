//! One request under way, as a state machine: it is told what happened and when, and says what to do.
//!
//! A flight is *ready*, *flying* (one attempt under way), *waiting* (before a retry), *committed* (the client has got the
//! first of an answer, or the whole of one) and *over*. The client is committed at the first content when streaming and
//! at the complete answer otherwise; until then a failure moves on unseen, after that nothing is ever replaced.

use crate::admission::{Admission, Decided};
use crate::breaker::Permit;
use crate::candidate::{Candidates, cannot};
use crate::chance::Chance;
use crate::class::{Class, Meaning};
use crate::deadlines::{Deadlines, Outer};
use crate::itinerary::{Itinerary, Next, Step};
use crate::price::cost;
use crate::refusal::Refusal;
use crate::retry::{LONGEST_RETRY, UNASKED_WAIT, backoff, retries};
use crate::router::Router;
use crate::target::{Barred, Ended};
use crate::{MILLI, Nanos, SECOND};
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
/// Longest a client is kept waiting for a throttled target when nothing else is left; after that it is told when to come back.
const LONGEST_WAIT: Nanos = 10 * SECOND;
/// Most attempts of one request, whatever is written.
const MOST_ATTEMPTS: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Ready,
    Flying,
    Waiting {
        until: Nanos,
        step: usize,
        force: bool,
    },
    Committed,
    Over,
}

/// What falls due at [`Flight::wake_at`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Resume,
    Outer(Outer),
    Connect,
    First,
    Total,
    Idle,
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
            if let Some(state) = self.router.state(a.target) {
                state.first_content(now.saturating_sub(a.start), now);
            }
        }
        self.commit(attempt, now, out);
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
        self.settle(
            Failure {
                usage,
                ..Failure::of(Class::Ok)
            },
            now,
        );
        self.finish(End::Served(attempt), now, out);
    }

    /// Books the end of the attempt under way.
    fn settle(&mut self, failure: Failure, now: Nanos) {
        let router = Arc::clone(&self.router);
        let charges = self.admission.charges(&router);
        let tokens = u64::from(self.arrival.facts.tokens);
        let Some(a) = self.attempts.last_mut() else {
            return;
        };
        a.end = Some(now);
        a.class = failure.class;
        a.status = failure.status.or(a.status);
        a.retry_after = failure.retry_after;
        a.message = failure.message;
        let (worked, text) = (a.ambiguous(failure.class), a.text);
        a.usage = failure.usage.filter(plausible).or_else(|| {
            worked.then(|| Usage {
                input: tokens,
                output: text.div_ceil(4),
                estimated: true,
                ..Usage::default()
            })
        });
        let price = router
            .fleet()
            .targets
            .get(a.target.index())
            .and_then(|t| t.price);
        a.cost = match (&a.usage, price) {
            (None, _) => Some(0),
            (Some(usage), Some(price)) => Some(cost(&price, usage)),
            (Some(_), None) => None,
        };
        if let Some(state) = router.state(a.target) {
            let ended = Ended {
                start: a.start,
                class: failure.class,
                permit: a.permit,
                retry_after: failure.retry_after,
            };
            let rule = self
                .admission
                .itinerary()
                .and_then(|i| i.steps.get(a.step).map(|s| s.breaker))
                .unwrap_or_default();
            state.settle(&ended, &rule, now, &mut self.chance);
        }
        if let Some(amount) = a.cost.filter(|c| *c > 0) {
            self.arrival
                .request(|request| router.charge(charges.into_iter(), request, amount));
        }
    }

    fn fail(&mut self, failure: Failure, now: Nanos, out: &mut Actions) {
        let (class, status, retry_after) = (failure.class, failure.status, failure.retry_after);
        self.settle(failure, now);
        if self.phase == Phase::Committed {
            return self.finish(End::Broken(class), now, out);
        }
        let Some(itinerary) = self.admission.itinerary() else {
            return;
        };
        let Some(step) = self.attempts.last().map(|a| a.step) else {
            return;
        };
        if let Some(until) = self.retry(&itinerary, step, class, status, retry_after, now) {
            self.phase = Phase::Waiting {
                until,
                step,
                force: false,
            };
            if until <= now {
                self.wake(now, out);
            }
            return;
        }
        self.go(&itinerary, itinerary.after(step, class, status), now, out);
    }

    fn go(&mut self, itinerary: &Itinerary, next: Next, now: Nanos, out: &mut Actions) {
        match next {
            Next::Step(next) => self.seek(itinerary, next, false, now, out),
            Next::Exhausted => self.exhausted(itinerary, false, now, out),
            Next::Final => self.give_up(now, out),
        }
    }

    /// Launches the first step from `from` on that can be called.
    fn seek(
        &mut self,
        itinerary: &Itinerary,
        from: usize,
        force: bool,
        now: Nanos,
        out: &mut Actions,
    ) {
        for (i, step) in itinerary.steps.iter().enumerate().skip(from) {
            if force && self.attempts.iter().any(|a| a.step == i) {
                continue;
            }
            self.deadlines.enter(itinerary, i, now);
            if self.deadlines.left(itinerary, i) <= now {
                continue;
            }
            match self.admit(step, force, now) {
                Ok(permit) if !self.spent(step.target) => {
                    return self.launch(itinerary, i, step, permit, now, out);
                }
                Ok(permit) => {
                    if let Some(state) = self.router.state(step.target) {
                        state.release(permit);
                    }
                }
                Err(reason) => self.pass_over(step.target, reason),
            }
        }
        self.exhausted(itinerary, force, now, out);
    }

    /// Whether no further attempt may be made, at all or at a target.
    fn spent(&self, target: TargetId) -> bool {
        let (all, each) = self.router.fleet().defaults.attempts;
        let reached = |most: Option<u32>, made: usize| {
            most.and_then(|most| usize::try_from(most).ok())
                .is_some_and(|most| made >= most)
        };
        let at = || self.attempts.iter().filter(|a| a.target == target).count();
        let made = self.attempts.len();
        made >= MOST_ATTEMPTS || reached(all, made) || reached(each, at())
    }

    fn admit(&self, step: &Step, force: bool, now: Nanos) -> Result<Permit, PassedOver> {
        if let Some(reason) = cannot(&self.router, &self.arrival, step.target) {
            return Err(reason);
        }
        if let Some(why) = self.router.unavailable(step.target) {
            return Err(PassedOver::Unavailable(why.to_owned()));
        }
        match self.router.state(step.target) {
            Some(state) => state.admit(now, force).map_err(PassedOver::Barred),
            None => Ok(Permit::Free),
        }
    }

    fn pass_over(&mut self, target: TargetId, reason: PassedOver) {
        match self.candidates.iter_mut().find(|(t, _)| *t == target) {
            Some((_, known @ Some(_))) => *known = Some(reason),
            Some(_) => {}
            None => self.candidates.push((target, Some(reason))),
        }
    }

    fn launch(
        &mut self,
        itinerary: &Itinerary,
        step_no: usize,
        step: &Step,
        permit: Permit,
        now: Nanos,
        out: &mut Actions,
    ) {
        let attempt = self.attempts.len();
        let alternative = self.alternative(itinerary, step_no);
        self.attempts.push(Attempt::begin(
            step_no,
            step,
            permit,
            alternative,
            self.arrival.whole,
            now,
        ));
        match self.candidates.iter_mut().find(|(t, _)| *t == step.target) {
            Some((_, reason)) => *reason = None,
            None => self.candidates.push((step.target, None)),
        }
        if let Some(state) = self.router.state(step.target) {
            state.begin();
        }
        self.phase = Phase::Flying;
        out.push(Action::Start {
            attempt,
            target: step.target,
        });
    }

    /// Nothing is left in order. Rather than fail, call what an open breaker held back; or wait for a throttled target
    /// where the time allows it.
    fn exhausted(&mut self, itinerary: &Itinerary, forced: bool, now: Nanos, out: &mut Actions) {
        let held = |b: &Barred| matches!(b, Barred::Breaker(_) | Barred::Credential(_));
        let barred = |reason: &Option<PassedOver>| match reason {
            Some(PassedOver::Barred(b)) => Some(*b),
            _ => None,
        };
        if !forced
            && self
                .candidates
                .iter()
                .filter_map(|(_, r)| barred(r))
                .any(|b| held(&b))
        {
            return self.seek(itinerary, 0, true, now, out);
        }
        let soonest = self
            .candidates
            .iter()
            .filter_map(|(target, reason)| match barred(reason) {
                Some(Barred::Throttled(until)) => Some((until, *target)),
                _ => None,
            });
        if let Some((until, target)) = soonest.min_by_key(|(until, _)| *until)
            && let Some(step) = itinerary.steps.iter().position(|s| s.target == target)
            && until + SECOND < self.deadlines.left(itinerary, step)
            && until <= now + LONGEST_WAIT
            && !self.spent(target)
        {
            self.phase = Phase::Waiting {
                until: until + self.chance.below(100 * MILLI),
                step,
                force: false,
            };
            return;
        }
        self.give_up(now, out);
    }

    fn retry(
        &mut self,
        itinerary: &Itinerary,
        step_no: usize,
        class: Class,
        status: Option<u16>,
        retry_after: Option<Nanos>,
        now: Nanos,
    ) -> Option<Nanos> {
        let step = itinerary.steps.get(step_no)?;
        let made = self.attempts.iter().filter(|a| a.step == step_no).count();
        let allowed = retries(step, class, status, !self.alternative(itinerary, step_no));
        if made > usize::from(allowed) || self.spent(step.target) {
            return None;
        }
        let written = self.router.fleet().defaults.backoff;
        let until = now + backoff(class, retry_after, made, written, &mut self.chance);
        let left = self.deadlines.left(itinerary, step_no);
        let wait = until - now;
        if step.retry.is_none() && wait > UNASKED_WAIT.min(left.saturating_sub(now) / 4)
            || wait > LONGEST_RETRY
        {
            return None;
        }
        // A retry that leaves no time to answer is no retry.
        (until + 100 * MILLI < left).then_some(until)
    }

    /// Whether another target after `step` could serve.
    fn alternative(&self, itinerary: &Itinerary, step: usize) -> bool {
        let own = itinerary.steps.get(step).map(|s| s.target);
        let able = |target: TargetId| {
            cannot(&self.router, &self.arrival, target).is_none()
                && self.router.unavailable(target).is_none()
        };
        let later = itinerary.steps.iter().skip(step + 1).map(|s| s.target);
        later
            .into_iter()
            .any(|target| Some(target) != own && able(target))
    }

    fn due(&self) -> Option<(Nanos, Due)> {
        let order = self.admission.order.as_ref();
        let itinerary = order.map(|o| o.itinerary.as_ref());
        let outer = |step| {
            let (at, outer) = self.deadlines.soonest(itinerary, step);
            (at, Due::Outer(outer))
        };
        let mut soonest: Option<(Nanos, Due)> = None;
        let mut take = |at: Nanos, due: Due| {
            if soonest.is_none_or(|(seen, _)| at < seen) {
                soonest = Some((at, due));
            }
        };
        match self.phase {
            Phase::Ready | Phase::Over => return None,
            Phase::Waiting { until, step, .. } => {
                take(until, Due::Resume);
                let (at, due) = outer(step);
                take(at, due);
            }
            Phase::Flying | Phase::Committed => {
                let a = self.attempts.last()?;
                if self.phase == Phase::Flying {
                    let (at, due) = outer(a.step);
                    take(at, due);
                    take(a.limits.first, Due::First);
                    if a.connected.is_none() {
                        take(a.limits.connect, Due::Connect);
                    }
                } else {
                    take(self.deadlines.request(), Due::Outer(Outer::Request));
                }
                if a.head.is_some() {
                    take(a.last + a.limits.idle, Due::Idle);
                }
                if let Some(idle) = a.limits.content_idle.filter(|_| a.first.is_some()) {
                    take(a.heard + idle, Due::Idle);
                }
                if let Some(total) = a.limits.total {
                    take(total, Due::Total);
                }
            }
        }
        soonest
    }

    fn wake(&mut self, now: Nanos, out: &mut Actions) {
        let Some((_, due)) = self.due().filter(|(at, _)| *at <= now) else {
            return;
        };
        let Some(itinerary) = self.admission.itinerary() else {
            return;
        };
        let itinerary = itinerary.as_ref();
        if let Due::Resume = due {
            let Phase::Waiting { step, force, .. } = self.phase else {
                return;
            };
            let failed = self
                .attempts
                .last()
                .and_then(|a| a.end)
                .unwrap_or(self.arrival.now);
            self.waited += now.saturating_sub(failed);
            return self.seek(itinerary, step, force, now, out);
        }
        if let Phase::Waiting { .. } = self.phase {
            return match due {
                Due::Outer(Outer::Group(group)) => {
                    self.go(itinerary, itinerary.after_group(group), now, out);
                }
                _ => self.give_up(now, out),
            };
        }
        out.push(Action::Cancel(self.attempts.len().saturating_sub(1)));
        match due {
            Due::Connect => self.fail(Failure::of(Class::Connect), now, out),
            Due::First | Due::Total => self.fail(Failure::of(Class::TimedOut), now, out),
            Due::Idle => self.fail(Failure::of(Class::Idle), now, out),
            Due::Outer(Outer::Group(group)) => {
                self.settle(Failure::of(self.blame(now)), now);
                self.go(itinerary, itinerary.after_group(group), now, out);
            }
            Due::Outer(Outer::Request) | Due::Resume => {
                // A deadline the client chose says nothing about the target.
                let class = if self.arrival.timeout.is_some() {
                    Class::Deadline
                } else {
                    self.blame(now)
                };
                self.settle(Failure::of(class), now);
                match self.phase {
                    Phase::Committed => self.finish(End::Broken(class), now, out),
                    _ => self.give_up(now, out),
                }
            }
        }
    }

    fn blame(&self, now: Nanos) -> Class {
        self.attempts
            .last()
            .map_or(Class::Deadline, |a| a.blame(now))
    }

    fn abandon(&mut self, now: Nanos, out: &mut Actions) {
        if self.phase == Phase::Over {
            return;
        }
        if matches!(self.phase, Phase::Flying | Phase::Committed) {
            out.push(Action::Cancel(self.attempts.len().saturating_sub(1)));
            self.settle(Failure::of(Class::ClientGone), now);
        }
        self.finish(End::ClientGone, now, out);
    }

    fn give_up(&mut self, now: Nanos, out: &mut Actions) {
        let refusal = match self.attempts.last() {
            Some(last) => {
                let wait = last
                    .retry_after
                    .filter(|_| last.class.meaning() == Meaning::Throttled);
                Refusal::failed(
                    last.class,
                    self.router.name(last.target),
                    last.message.as_deref(),
                )
                .after(wait)
            }
            None => self.nobody(now),
        };
        self.finish(End::Refused(refusal), now, out);
    }

    /// No target could even be called.
    fn nobody(&self, now: Nanos) -> Refusal {
        if self.candidates.is_empty() {
            return Refusal::new(
                504,
                "deadline_exceeded",
                "the time this request was given is over".to_owned(),
            );
        }
        let mut soonest: Option<Nanos> = None;
        let mut reasons = Vec::new();
        for (target, reason) in &self.candidates {
            let Some(reason) = reason else { continue };
            if let PassedOver::Barred(
                Barred::Breaker(until) | Barred::Throttled(until) | Barred::Credential(until),
            ) = reason
            {
                soonest = Some(soonest.map_or(*until, |s| s.min(*until)));
            }
            reasons.push(format!(
                "`{}` {}",
                self.router.name(*target),
                reason.words(now)
            ));
        }
        let message = format!("no target can be called now: {}", reasons.join("; "));
        Refusal::new(503, "no_target_available", message)
            .after(soonest.map(|s| s.saturating_sub(now)))
    }

    fn finish(&mut self, end: End, now: Nanos, out: &mut Actions) {
        self.phase = Phase::Over;
        self.admission.places.give_back();
        self.over = now;
        self.end = Some(end);
        out.push(Action::Finish);
    }
}

/// Whether a provider's count can be true: no window and no answer is near these sizes, and a budget must not be emptied
/// by a slip of the pen.
fn plausible(usage: &Usage) -> bool {
    usage.input <= 50_000_000 && usage.output <= 5_000_000
}
