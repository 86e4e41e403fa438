//! Which target is called next: in the order of the plan, past those that cannot serve or may not be called, and past
//! those that are unwell by as much as they are.
//!
//! A request stays with a target with the probability that [`crate::score::stays`] gives for its score, so traffic moves
//! before a breaker opens and comes back as the score does. The draw is a function of the request's seed and the step.

use super::{Action, Actions, Attempt, End, Failure, Flight, PassedOver, Phase};
use crate::attempt::patience;
use crate::breaker::{Permit, Position};
use crate::candidate::cannot;
use crate::chance::Chance;
use crate::class::{Class, Meaning};
use crate::itinerary::{Itinerary, Next, Step};
use crate::retry::{LONGEST_RETRY, UNASKED_WAIT, backoff, retries};
use crate::retry_budget::Hope;
use crate::target::{Barred, TargetState, WELL, stays};
use crate::{MILLI, Nanos, SECOND};
use mux_dsl::image::TargetId;

/// Longest a client is kept waiting for a throttled target when nothing else is left; after that it is told when to come back.
const LONGEST_WAIT: Nanos = 10 * SECOND;
/// Most attempts of one request, whatever is written.
const MOST_ATTEMPTS: usize = 16;
/// A target of this score (basis points) is one to count on: what failed there did so by a flaw of the moment.
const RELIABLE: u32 = 7_000;
/// One of this score may still be called where attempts are scarce: those that fail are far below.
const HOPEFUL: u32 = 4_000;
/// Sets the draws of spills apart from others of the same request.
const SPILLS: u64 = 0x7370_696c_6c00_0001;
/// Time that is kept for each target that was not tried yet.
const RESERVE: Nanos = 500 * MILLI;
/// What an attempt gets at least, whatever is kept.
const SHORTEST_FIRST: Nanos = SECOND;

impl Flight {
    pub(super) fn fail(&mut self, failure: Failure, now: Nanos, out: &mut Actions) {
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
        if self.second {
            // What comes after the step in order was tried before it came to this.
            return match itinerary.after(step, class, status) {
                Next::Final => self.give_up(now, out),
                Next::Step(_) | Next::Exhausted => self.last_resorts(&itinerary, false, now, out),
            };
        }
        if let Some(until) = self.retry(&itinerary, step, class, status, retry_after, now) {
            return self.wait(step, until, now, out);
        }
        self.go(&itinerary, itinerary.after(step, class, status), now, out);
    }

    fn wait(&mut self, step: usize, until: Nanos, now: Nanos, out: &mut Actions) {
        self.phase = Phase::Waiting { until, step };
        if until <= now {
            self.wake(now, out);
        }
    }

    pub(super) fn go(&mut self, itinerary: &Itinerary, next: Next, now: Nanos, out: &mut Actions) {
        match next {
            Next::Step(next) => {
                if self.attempts.last().is_some_and(|a| a.step + 1 != next) {
                    // A group gave up as a whole: what it passed over is not for this request any more.
                    self.floor = next;
                }
                self.seek(itinerary, next, false, now, out);
            }
            Next::Exhausted => self.last_resorts(itinerary, false, now, out),
            Next::Final => self.give_up(now, out),
        }
    }

    /// Launches the first step from `from` on that can be called and is well enough; else the least ill.
    pub(super) fn seek(
        &mut self,
        itinerary: &Itinerary,
        from: usize,
        force: bool,
        now: Nanos,
        out: &mut Actions,
    ) {
        for (i, step) in itinerary.steps.iter().enumerate().skip(from) {
            if self.attempts.iter().any(|a| a.step == i) {
                continue;
            }
            self.deadlines.enter(itinerary, i, now);
            if self.deadlines.left(itinerary, i) <= now {
                continue;
            }
            if !force && let Some(score) = self.spills(itinerary, i, step, now) {
                self.pass_over(step.target, PassedOver::Unwell(score));
                continue;
            }
            let hope = self.hope(step, force, now);
            if self.try_launch(itinerary, i, step, (force, hope), now, out) {
                return;
            }
        }
        self.last_resorts(itinerary, force, now, out);
    }

    /// Goes on at a step after a wait: what was granted then is not asked for again.
    pub(super) fn resume(
        &mut self,
        itinerary: &Itinerary,
        step_no: usize,
        now: Nanos,
        out: &mut Actions,
    ) {
        let Some(step) = itinerary.steps.get(step_no) else {
            return self.give_up(now, out);
        };
        self.deadlines.enter(itinerary, step_no, now);
        if !self.try_launch(itinerary, step_no, step, (false, None), now, out) {
            self.seek(itinerary, step_no + 1, false, now, out);
        }
    }

    /// Launches a step unless it may not be called now; then it is noted why.
    fn try_launch(
        &mut self,
        itinerary: &Itinerary,
        step_no: usize,
        step: &Step,
        (force, hope): (bool, Option<Hope>),
        now: Nanos,
        out: &mut Actions,
    ) -> bool {
        match self.admit(step, force, now) {
            Err(reason) => self.pass_over(step.target, reason),
            Ok(permit) => {
                let spent = self.spent(step.target);
                if !spent && self.affords(hope, now) {
                    self.launch(itinerary, step_no, step, permit, now, out);
                    return true;
                }
                if let Some(state) = self.router.state(step.target) {
                    state.release(permit);
                }
                if !spent {
                    self.pass_over(step.target, PassedOver::Scarce);
                }
            }
        }
        false
    }

    /// The score of a target that this request leaves for another because it is unwell. One whose breaker is not closed
    /// is judged by that.
    fn spills(
        &self,
        itinerary: &Itinerary,
        step_no: usize,
        step: &Step,
        now: Nanos,
    ) -> Option<u32> {
        let state = self.router.state(step.target)?;
        let score = state.score(now);
        let stays = stays(score);
        if stays >= WELL || state.position(now) != Position::Closed {
            return None;
        }
        let salt = (step_no as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let drawn = Chance::new(self.arrival.seed ^ SPILLS ^ salt).below(WELL.into());
        (drawn >= u64::from(stays) && self.alternative(itinerary, step_no)).then_some(score)
    }

    /// How likely a further attempt at a target is to help; `None` for the first of a request.
    fn hope(&self, step: &Step, force: bool, now: Nanos) -> Option<Hope> {
        if self.attempts.is_empty() {
            return None;
        }
        let again = self.attempts.iter().any(|a| a.target == step.target);
        let score = self.router.state(step.target).map(|s| s.score(now));
        Some(match score {
            _ if force => Hope::Poor,
            Some(score) if score >= HOPEFUL => Hope::Good,
            _ if again => Hope::Poor,
            _ => Hope::Fair,
        })
    }

    /// Whether an attempt may be made, with those of all other requests of late in mind.
    fn affords(&self, hope: Option<Hope>, now: Nanos) -> bool {
        hope.is_none_or(|hope| self.router.retry_budget().allows(hope, now))
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
        let first = self.first_deadline(itinerary, step_no, step, permit, now);
        if attempt > 0 {
            self.router.retry_budget().withdraw(now);
        }
        self.attempts
            .push(Attempt::begin(step_no, step, permit, first, now));
        match self.candidates.iter_mut().find(|(t, _)| *t == step.target) {
            Some((_, reason)) => *reason = None,
            None => self.candidates.push((step.target, None)),
        }
        if let Some(state) = self.router.state(step.target) {
            state.begin(self.arrival.load(), now);
        }
        self.phase = Phase::Flying;
        out.push(Action::Start {
            attempt,
            target: step.target,
        });
    }

    /// When the first content (streamed) or the whole answer must be there. A written time is kept; else a target gets
    /// four times what it usually takes, as long as there is another one to turn to.
    fn first_deadline(
        &self,
        itinerary: &Itinerary,
        step_no: usize,
        step: &Step,
        permit: Permit,
        now: Nanos,
    ) -> Nanos {
        if let Some(ms) = step.timeouts.first {
            return now + ms * MILLI;
        }
        let others = self.untried(itinerary, step_no);
        if others == 0 {
            return Nanos::MAX;
        }
        let p95 = self.router.state(step.target);
        let p95 = p95.and_then(|s| s.p95(self.arrival.whole, now));
        let patience = patience(&self.arrival, p95, permit);
        let left = self.deadlines.left(itinerary, step_no);
        let kept = RESERVE * others;
        let latest = left.saturating_sub(kept).max(now + SHORTEST_FIRST);
        (now + patience).min(latest)
    }

    /// Nothing is left in order. Before failing: one that failed by a flaw of the moment once more, the least ill of those
    /// that were left for others, what an open breaker held back, or any that failed once more; or wait for a throttled
    /// target where the time allows it.
    fn last_resorts(&mut self, itinerary: &Itinerary, forced: bool, now: Nanos, out: &mut Actions) {
        let again = self.second_chance(itinerary, now);
        if let Some((score, step, until)) = again
            && score >= RELIABLE
        {
            self.second = true;
            return self.wait(step, until, now, out);
        }
        if !forced && self.least_ill(itinerary, now, out) {
            return;
        }
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
            return self.seek(itinerary, self.floor, true, now, out);
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
            };
            return;
        }
        if let Some((_, step, until)) = again {
            self.second = true;
            return self.wait(step, until, now, out);
        }
        self.give_up(now, out);
    }

    /// Launches the best of the targets that were passed over only because they are unwell.
    fn least_ill(&mut self, itinerary: &Itinerary, now: Nanos, out: &mut Actions) -> bool {
        loop {
            let unwell = |target| {
                let known = self.candidates.iter().find(|(t, _)| *t == target);
                match known {
                    Some((_, Some(PassedOver::Unwell(score)))) => Some(*score),
                    _ => None,
                }
            };
            let steps = itinerary.steps.iter().enumerate().skip(self.floor);
            let scored = steps
                .filter(|(i, _)| self.deadlines.left(itinerary, *i) > now)
                .filter_map(|(i, step)| Some((unwell(step.target)?, i, step)));
            // Of equals the first.
            let Some((_, i, step)) = scored.max_by_key(|(score, i, _)| (*score, usize::MAX - i))
            else {
                return false;
            };
            let hope = self.hope(step, false, now);
            if self.try_launch(itinerary, i, step, (false, hope), now, out) {
                return true;
            }
            if unwell_still(&self.candidates, step.target) {
                // No attempt is left for it, and so for none.
                return false;
            }
        }
    }

    /// Of several targets that all failed, the best whose breaker is closed, once more: a flaw of the moment is over by
    /// then. Where there is one target only, [`retries`] says.
    fn second_chance(&mut self, itinerary: &Itinerary, now: Nanos) -> Option<(u32, usize, Nanos)> {
        let several = itinerary
            .steps
            .iter()
            .any(|s| Some(s.target) != itinerary.steps.first().map(|f| f.target));
        if self.second || !several || itinerary.steps.iter().any(|s| s.retry.is_some()) {
            return None;
        }
        let failed = self.attempts.iter().filter(|a| {
            a.step >= self.floor
                && a.class.meaning() == Meaning::Failing
                && a.class != Class::TimedOut
        });
        let well = |state: &TargetState| state.position(now) == Position::Closed;
        let scored = failed.filter_map(|a| {
            let state = self.router.state(a.target).filter(|s| well(s))?;
            let step = itinerary.steps.get(a.step)?;
            let hope = self.hope(step, false, now);
            let free = !self.spent(a.target) && self.affords(hope, now);
            free.then(|| (state.score(now), a))
        });
        let (score, best) = scored.max_by_key(|(score, a)| (*score, usize::MAX - a.step))?;
        let step = best.step;
        let wait = backoff(
            best.class,
            best.retry_after,
            1,
            self.router.fleet().defaults.backoff,
            &mut self.chance,
        );
        let until = now + wait;
        (wait <= UNASKED_WAIT && until + 100 * MILLI < self.deadlines.left(itinerary, step))
            .then_some((score, step, until))
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
        let only = itinerary.steps.len() == 1;
        let allowed = retries(step, class, status, only);
        if made > usize::from(allowed) || self.spent(step.target) {
            return None;
        }
        // What a policy asks for is not refused for what others do; the total of all requests still is.
        let hope = if step.retry.is_some() {
            Hope::Fair
        } else {
            Hope::Poor
        };
        if !self.router.retry_budget().allows(hope, now) {
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

    /// Whether another target could serve in place of a step's.
    fn alternative(&self, itinerary: &Itinerary, step: usize) -> bool {
        self.untried(itinerary, step) > 0
    }

    /// How many other targets could serve that were not called yet.
    fn untried(&self, itinerary: &Itinerary, step: usize) -> u64 {
        let own = itinerary.steps.get(step).map(|s| s.target);
        let able = |target: TargetId| {
            cannot(&self.router, &self.arrival, target).is_none()
                && self.router.unavailable(target).is_none()
        };
        let others = itinerary.steps.iter().skip(self.floor).filter(|s| {
            Some(s.target) != own
                && self.attempts.iter().all(|a| a.target != s.target)
                && able(s.target)
        });
        others.count() as u64
    }
}

fn unwell_still(candidates: &[(TargetId, Option<PassedOver>)], target: TargetId) -> bool {
    candidates
        .iter()
        .any(|(t, reason)| *t == target && matches!(reason, Some(PassedOver::Unwell(_))))
}
