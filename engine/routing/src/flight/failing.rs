//! What comes after an attempt that failed: the same once more, the next in order, or, where nothing is left in order, the
//! last resorts.

use super::leg::{Ending, LegNo, Phase};
use super::{Actions, Failure, Flight, OWN, PassedOver};
use crate::breaker::Position;
use crate::class::{Class, Meaning};
use crate::itinerary::{Itinerary, Next};
use crate::look::Way;
use crate::retry::{LONGEST_RETRY, UNASKED_WAIT, backoff, retries};
use crate::retry_budget::Hope;
use crate::target::{Barred, TargetState};
use crate::{MILLI, Nanos, SECOND};
use mux_dsl::image::TargetId;

/// Longest a client is kept waiting for a throttled target when nothing else is left; after that it is told when to come back.
const LONGEST_WAIT: Nanos = 10 * SECOND;
/// A target of this score (basis points) is one to count on: what failed there did so by a flaw of the moment.
const RELIABLE: u32 = 7_000;

impl Flight {
    pub(super) fn fail(&mut self, attempt: usize, failure: Failure, now: Nanos, out: &mut Actions) {
        if !self.current(attempt) {
            return;
        }
        let Some((leg, step)) = self.attempts.get(attempt).map(|a| (a.leg, a.step)) else {
            return;
        };
        let (class, status, retry_after) = (failure.class, failure.status, failure.retry_after);
        let resumable = failure.resumable;
        self.settle(attempt, failure, now);
        if self.committed.is_some() {
            return self.broken(attempt, (class, resumable), now, out);
        }
        let way = self.legs[leg].way.clone();
        self.legs[leg].last = Some(Ending::Failed(attempt));
        if self.legs[leg].second {
            // What comes after the step in order was tried before it came to this.
            return match way.after(step, class, status) {
                Next::Final => self.give_up(leg, now, out),
                Next::Step(_) | Next::Exhausted => self.last_resorts(leg, &way, false, now, out),
            };
        }
        if let Some(until) = self.retry((leg, step), &way, class, status, retry_after, now) {
            return self.wait(leg, step, until, now, out);
        }
        self.go(leg, &way, way.after(step, class, status), now, out);
    }

    fn wait(&mut self, leg: LegNo, step: usize, until: Nanos, now: Nanos, out: &mut Actions) {
        self.legs[leg].phase = Phase::Waiting { until, step };
        if until <= now {
            let way = self.legs[leg].way.clone();
            self.resume(leg, &way, step, now, out);
        }
    }

    pub(super) fn go(
        &mut self,
        leg: LegNo,
        itinerary: &Itinerary,
        next: Next,
        now: Nanos,
        out: &mut Actions,
    ) {
        match next {
            Next::Step(next) => {
                let own = &mut self.legs[leg];
                if own.at + 1 != next {
                    // A group gave up as a whole: what it passed over is not for this request any more.
                    own.floor = next;
                }
                self.seek(leg, itinerary, next, false, now, out);
            }
            Next::Exhausted => self.last_resorts(leg, itinerary, false, now, out),
            Next::Final => self.give_up(leg, now, out),
        }
    }

    /// Nothing is left in order. Before failing: one that failed by a flaw of the moment once more, the least ill of those
    /// that were left for others, what an open breaker held back, or any that failed once more; or wait for a throttled
    /// target where the time allows it.
    pub(super) fn last_resorts(
        &mut self,
        leg: LegNo,
        itinerary: &Itinerary,
        forced: bool,
        now: Nanos,
        out: &mut Actions,
    ) {
        if leg != OWN {
            // Whoever asked for a part knows what else there is.
            if forced || self.legs[leg].backups > 0 || !self.least_ill(leg, itinerary, now, out) {
                self.give_up(leg, now, out);
            }
            return;
        }
        let again = self.second_chance(itinerary, now);
        if let Some((score, step, until)) = again
            && score >= RELIABLE
        {
            self.legs[leg].second = true;
            return self.wait(leg, step, until, now, out);
        }
        if !forced && self.least_ill(leg, itinerary, now, out) {
            return;
        }
        let held = |b: &Barred| matches!(b, Barred::Breaker(_) | Barred::Credential(_));
        let unwell = self
            .candidates
            .iter()
            .any(|(_, r)| matches!(r, Some(PassedOver::Unwell(_))));
        let joint = (self.legs[leg].floor..itinerary.len())
            .any(|i| itinerary.step(i).is_some_and(|s| s.joint.is_some()) && !self.tried(leg, i));
        let barred = |reason: &Option<PassedOver>| match reason {
            Some(PassedOver::Barred(b)) => Some(*b),
            _ => None,
        };
        if !forced
            && (unwell && joint
                || self
                    .candidates
                    .iter()
                    .filter_map(|(_, r)| barred(r))
                    .any(|b| held(&b)))
        {
            return self.seek(leg, itinerary, self.legs[leg].floor, true, now, out);
        }
        let soonest = self
            .candidates
            .iter()
            .filter_map(|(target, reason)| match barred(reason) {
                Some(Barred::Throttled(until)) => Some((until, *target)),
                _ => None,
            });
        if let Some((until, target)) = soonest.min_by_key(|(until, _)| *until)
            && let Some((step, _)) = itinerary
                .steps()
                .find(|(_, s)| s.target == target && s.joint.is_none())
            && until + SECOND < self.legs[leg].deadlines.left(itinerary, step)
            && until <= now + LONGEST_WAIT
            && !self.spent(leg, target)
        {
            self.legs[leg].phase = Phase::Waiting {
                until: until + self.chance.below(100 * MILLI),
                step,
            };
            return;
        }
        if let Some((_, step, until)) = again {
            self.legs[leg].second = true;
            return self.wait(leg, step, until, now, out);
        }
        self.give_up(leg, now, out);
    }

    /// Launches the best of the targets that were passed over only because they are unwell.
    fn least_ill(
        &mut self,
        leg: LegNo,
        itinerary: &Itinerary,
        now: Nanos,
        out: &mut Actions,
    ) -> bool {
        loop {
            let unwell = |target| {
                let known = self.candidates.iter().find(|(t, _)| *t == target);
                match known {
                    Some((_, Some(PassedOver::Unwell(score)))) => Some(*score),
                    _ => None,
                }
            };
            let steps = itinerary.steps().skip(self.legs[leg].floor);
            let scored = steps
                .filter(|(_, step)| step.joint.is_none())
                .filter(|(i, _)| self.legs[leg].deadlines.left(itinerary, *i) > now)
                .filter_map(|(i, step)| Some((unwell(step.target)?, i, step)));
            // Of equals the first.
            let Some((_, i, step)) = scored.max_by_key(|(score, i, _)| (*score, usize::MAX - i))
            else {
                return false;
            };
            let hope = self.hope(leg, step, false, now);
            let look = self.look((leg, i), itinerary, step, Way::LeastIll, now);
            if self.try_launch(look, itinerary, step, hope, now, out) {
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
        let first = itinerary.step(0).map(|first| first.target);
        let several = itinerary
            .steps()
            .any(|(_, step)| Some(step.target) != first);
        let written = || itinerary.steps().any(|(_, step)| step.retry.is_some());
        if self.legs[OWN].second || !several || written() {
            return None;
        }
        let failed = self.attempts.iter().filter(|a| {
            a.leg == OWN
                && a.step >= self.legs[OWN].floor
                && a.class.meaning() == Meaning::Failing
                && a.class != Class::TimedOut
        });
        let well = |state: &TargetState| state.position(now) == Position::Closed;
        let scored = failed.filter_map(|a| {
            let state = self.router.state(a.target).filter(|s| well(s))?;
            let step = itinerary.step(a.step)?;
            let hope = self.hope(OWN, step, false, now);
            let free = !self.spent(OWN, a.target) && self.affords(hope, now);
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
        (wait <= UNASKED_WAIT
            && until + 100 * MILLI < self.legs[OWN].deadlines.left(itinerary, step))
        .then_some((score, step, until))
    }

    fn retry(
        &mut self,
        (leg, step_no): (LegNo, usize),
        itinerary: &Itinerary,
        class: Class,
        status: Option<u16>,
        retry_after: Option<Nanos>,
        now: Nanos,
    ) -> Option<Nanos> {
        let step = itinerary.step(step_no)?;
        let made = self.of_leg_at(leg, step_no).count();
        // A part of an answer is not retried unasked: the others are its second chance.
        let only = leg == OWN && itinerary.len() == 1 && self.copy_of.is_none();
        let allowed = retries(step, class, status, only);
        if made > usize::from(allowed) || self.spent(leg, step.target) {
            return None;
        }
        // What a policy asks for is not refused for what others do; the total of all requests still is.
        let hope = if step.retry.is_some() {
            Hope::Fair
        } else {
            Hope::Poor
        };
        if !self.affords(Some(hope), now) {
            return None;
        }
        let written = self.router.fleet().defaults.backoff;
        let until = now + backoff(class, retry_after, made, written, &mut self.chance);
        let left = self.legs[leg].deadlines.left(itinerary, step_no);
        let wait = until - now;
        if step.retry.is_none() && wait > UNASKED_WAIT.min(left.saturating_sub(now) / 4)
            || wait > LONGEST_RETRY
        {
            return None;
        }
        // A retry that leaves no time to answer is no retry.
        (until + 100 * MILLI < left).then_some(until)
    }
}

fn unwell_still(candidates: &[(TargetId, Option<PassedOver>)], target: TargetId) -> bool {
    candidates
        .iter()
        .any(|(t, reason)| *t == target && matches!(reason, Some(PassedOver::Unwell(_))))
}
