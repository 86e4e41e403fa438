//! Which target is called next: in the order of the plan, past those that cannot serve or may not be called, and past
//! those that are unwell by as much as they are.
//!
//! A request stays with a target with the probability that [`crate::score::stays`] gives for its score, so traffic moves
//! before a breaker opens and comes back as the score does. The draw is a function of the request's seed and the step.

use super::leg::{LegNo, Part, Phase};
use super::{Action, Actions, Attempt, Flight, OWN, PassedOver};
use crate::attempt::{Role, patience};
use crate::breaker::{Permit, Position};
use crate::candidate::cannot;
use crate::itinerary::{Itinerary, Step};
use crate::ledger::Reservations;
use crate::look::{Held, Look, Verdict, Way};
use crate::retry_budget::Hope;
use crate::score::WELL;
use crate::target::{Barred, stays};
use crate::{MILLI, Nanos, SECOND};
use mux_dsl::image::TargetId;

/// Most attempts of one request, whatever is written.
const MOST_ATTEMPTS: usize = 16;
/// One of this score may still be called where attempts are scarce: those that fail are far below.
const HOPEFUL: u32 = 4_000;
/// Time that is kept for each target that was not tried yet.
const RESERVE: Nanos = 500 * MILLI;
/// What an attempt gets at least, whatever is kept.
const SHORTEST_FIRST: Nanos = SECOND;

impl Flight {
    /// Launches the first step from `from` on that can be called and is well enough; else the least ill.
    pub(super) fn seek(
        &mut self,
        leg: LegNo,
        itinerary: &Itinerary,
        from: usize,
        force: bool,
        now: Nanos,
        out: &mut Actions,
    ) {
        for (i, step) in itinerary.steps().skip(from) {
            if self.tried(leg, i) {
                continue;
            }
            if i == from + 1 {
                // Where one is passed over, many may be.
                let left = itinerary.len() - i;
                self.looks.reserve(left);
                self.candidates.reserve(left);
            }
            let own = &mut self.legs[leg];
            own.deadlines.enter(itinerary, i, now);
            if own.deadlines.left(itinerary, i) <= now {
                continue;
            }
            if step.joint.is_some() {
                return self.join(leg, i, force, now, out);
            }
            let way = if force { Way::HeldBack } else { Way::InOrder };
            let look = self.look((leg, i), itinerary, step, way, now);
            if look.verdict(self.arrival.seed) == Verdict::Unwell {
                self.looks.push(look);
                self.pass_over(step.target, PassedOver::Unwell(look.score));
                continue;
            }
            let hope = self.hope(leg, step, force, now);
            if self.try_launch(look, itinerary, step, hope, now, out) {
                return;
            }
        }
        self.last_resorts(leg, itinerary, force, now, out);
    }

    pub(super) fn tried(&self, leg: LegNo, step: usize) -> bool {
        self.legs[leg].joined.contains(&step) || self.of_leg_at(leg, step).next().is_some()
    }

    pub(super) fn of_leg_at(&self, leg: LegNo, step: usize) -> impl Iterator<Item = &Attempt> {
        let attempts = self.attempts.iter();
        attempts.filter(move |a| a.leg == leg && a.step == step)
    }

    /// Goes on at a step after a wait: what was granted then is not asked for again.
    pub(super) fn resume(
        &mut self,
        leg: LegNo,
        itinerary: &Itinerary,
        step_no: usize,
        now: Nanos,
        out: &mut Actions,
    ) {
        let Some(step) = itinerary.step(step_no) else {
            return self.give_up(leg, now, out);
        };
        self.legs[leg].deadlines.enter(itinerary, step_no, now);
        let look = self.look((leg, step_no), itinerary, step, Way::Again, now);
        if !self.try_launch(look, itinerary, step, None, now, out) {
            self.seek(leg, itinerary, step_no + 1, false, now, out);
        }
    }

    /// Launches a step unless it may not be called now; then it is noted why.
    pub(super) fn try_launch(
        &mut self,
        look: Look,
        itinerary: &Itinerary,
        step: &Step,
        hope: Option<Hope>,
        now: Nanos,
        out: &mut Actions,
    ) -> bool {
        let (leg, step_no) = (look.leg, look.step);
        let held = match self.admit(leg, step, look.way == Way::HeldBack, now) {
            Err(reason) => {
                let held = Held::by(&reason);
                self.pass_over(step.target, reason);
                held
            }
            Ok(permit) => {
                let spent = self.spent(leg, step.target);
                let affords = !spent && self.affords(hope, now);
                let kept = if affords {
                    self.set_aside(step.target).map(Some)
                } else {
                    Ok(None)
                };
                let reason = match kept {
                    Ok(Some(kept)) => {
                        let parts = (step, permit, kept);
                        if self.launch((leg, step_no), itinerary, parts, now, out) {
                            self.looks.push(look);
                            return true;
                        }
                        Some(PassedOver::Barred(Barred::Full))
                    }
                    Ok(None) => (!spent).then_some(PassedOver::Scarce),
                    Err(reason) => Some(reason),
                };
                if let Some(state) = self.router.state(step.target) {
                    state.release(permit);
                }
                match reason {
                    Some(reason) => {
                        let held = Held::by(&reason);
                        self.pass_over(step.target, reason);
                        held
                    }
                    None => Held::Attempts,
                }
            }
        };
        self.looks.push(Look {
            held: Some(held),
            ..look
        });
        false
    }

    /// A target as it is now, before anything is asked of it.
    pub(super) fn look(
        &self,
        (leg, step_no): (LegNo, usize),
        itinerary: &Itinerary,
        step: &Step,
        way: Way,
        now: Nanos,
    ) -> Look {
        let state = self.router.state(step.target);
        let position = state.map_or(Position::Closed, |s| s.position(now));
        let mut look = Look {
            at: now,
            leg,
            step: step_no,
            target: step.target,
            way,
            score: state.map_or(WELL, |s| s.score(now)),
            stays: WELL,
            position,
            others: 0,
            held: None,
        };
        if look.by_score() {
            look.stays = stays(look.score, self.router.fleet().defaults.spill);
            // Whoever is well is not left, whoever else there is.
            if look.stays < WELL {
                let others = self.others(leg, itinerary, step_no);
                look.others = u32::try_from(others).unwrap_or(u32::MAX);
            }
        }
        look
    }

    /// How likely a further attempt at a target is to help; `None` for the first of a leg, unless that is there because
    /// another failed.
    pub(super) fn hope(&self, leg: LegNo, step: &Step, force: bool, now: Nanos) -> Option<Hope> {
        if !self.further(leg) {
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

    /// Whether an attempt of a leg is one beyond what the policy would ask of targets that serve.
    fn further(&self, leg: LegNo) -> bool {
        self.legs[leg].further || self.attempts.iter().any(|a| a.leg == leg)
    }

    /// Whether an attempt may be made, with those of all other requests of late in mind.
    pub(super) fn affords(&self, hope: Option<Hope>, now: Nanos) -> bool {
        let written = self.router.fleet().defaults.retry_budget;
        let budget = self.router.retry_budget();
        hope.is_none_or(|hope| budget.allows(hope, written, now))
    }

    /// Whether no further attempt may be made, at all or at a target.
    pub(super) fn spent(&self, leg: LegNo, target: TargetId) -> bool {
        if matches!(self.legs[leg].part, Part::Judge(_) | Part::Merge) {
            return false;
        }
        let (all, each) = self.router.fleet().defaults.attempts;
        let reached = |most: Option<u32>, made: usize| {
            most.and_then(|most| usize::try_from(most).ok())
                .is_some_and(|most| made >= most)
        };
        let answering = || self.attempts.iter().filter(|a| a.role.answers());
        let at = || answering().filter(|a| a.target == target).count();
        let made = answering().count();
        made >= MOST_ATTEMPTS || reached(all, made) || reached(each, at())
    }

    fn admit(
        &self,
        leg: LegNo,
        step: &Step,
        force: bool,
        now: Nanos,
    ) -> Result<Permit, PassedOver> {
        let judges = matches!(self.legs[leg].part, Part::Judge(_));
        match cannot(&self.router, &self.arrival, step.target) {
            // A judge reads what was said; it need not be able to do what the request asks for.
            Some(PassedOver::Lacks(_)) if judges => {}
            Some(reason) => return Err(reason),
            None => {}
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

    /// `false` where as many are in flight at the target as may be.
    fn launch(
        &mut self,
        (leg, step_no): (LegNo, usize),
        itinerary: &Itinerary,
        (step, permit, kept): (&Step, Permit, Reservations),
        now: Nanos,
        out: &mut Actions,
    ) -> bool {
        let attempt = self.attempts.len();
        let role = self.role(leg);
        let whole = self.arrival.whole || !role.answers();
        let first = self.first_deadline((leg, step_no), itinerary, (step, whole), permit, now);
        let mut begun = Attempt::begin((leg, step_no, step), (role, whole), permit, first, now);
        let (load, most) = (self.load(&begun), self.router.concurrency(step.target));
        let state = self.router.state(step.target);
        if !state.is_none_or(|state| state.begin(load, most, now)) {
            self.arrival
                .request(|request| self.router.settle(std::iter::empty(), &kept, request, 0));
            return false;
        }
        begun.reserved = kept;
        if self.further(leg) || role == Role::Duplicate {
            self.router.retry_budget().withdraw(now);
        }
        self.attempts.push(begun);
        if role.answers() {
            match self.candidates.iter_mut().find(|(t, _)| *t == step.target) {
                Some((_, reason)) => *reason = None,
                None => self.candidates.push((step.target, None)),
            }
        }
        let own = &mut self.legs[leg];
        own.at = step_no;
        own.phase = Phase::Flying(attempt);
        out.push(Action::Start {
            attempt,
            target: step.target,
        });
        true
    }

    /// What the attempts of a leg are for.
    fn role(&self, leg: LegNo) -> Role {
        match self.legs[leg].part {
            Part::Arm(_) if let Some(broken) = self.legs[leg].resumes => Role::Resume(broken),
            Part::Arm(_) if self.legs[leg].duplicate => Role::Duplicate,
            Part::Arm(_) => Role::Answer,
            Part::Judge(about) => Role::Judge(about),
            Part::Merge => Role::Merge,
        }
    }

    /// When the first content (streamed) or the whole answer must be there. A written time is kept, or shortened
    /// where `adaptive on` says so; else a target gets four times what it usually takes, as long as there is another one to
    /// turn to.
    fn first_deadline(
        &self,
        (leg, step_no): (LegNo, usize),
        itinerary: &Itinerary,
        (step, whole): (&Step, bool),
        permit: Permit,
        now: Nanos,
    ) -> Nanos {
        let written = step.timeouts.first.map(|ms| now + ms * MILLI);
        let adaptive = self.router.fleet().defaults.adaptive;
        if let Some(written) = written.filter(|_| adaptive != Some(true)) {
            return written;
        }
        // To count them is worth it only where the time is short.
        let several = self.untried(leg, itinerary, step_no).next().is_some();
        let others = u64::from(several) + self.legs[leg].backups;
        // What is only a part of an answer is never waited for at the cost of the rest.
        let last = others == 0 && (leg == OWN || self.legs[leg].patient);
        if last || adaptive == Some(false) {
            return written.unwrap_or(Nanos::MAX);
        }
        let p95 = self.router.state(step.target);
        let p95 = p95.and_then(|s| s.p95(whole, now));
        let patience = patience(&self.arrival, whole, p95, permit);
        let left = self.legs[leg].deadlines.left(itinerary, step_no);
        let most = itinerary.len() as u64 + self.legs[leg].backups;
        let others = if now + patience <= left.saturating_sub(RESERVE * most) {
            most
        } else {
            self.others(leg, itinerary, step_no)
        };
        let kept = RESERVE * others.max(1);
        let latest = left.saturating_sub(kept).max(now + SHORTEST_FIRST);
        (now + patience)
            .min(latest)
            .min(written.unwrap_or(Nanos::MAX))
    }

    /// How many other targets could serve in place of a step's that were not called yet.
    fn others(&self, leg: LegNo, itinerary: &Itinerary, step: usize) -> u64 {
        self.untried(leg, itinerary, step).count() as u64 + self.legs[leg].backups
    }

    /// The steps of those that are on the way itself.
    pub(super) fn untried<'i>(
        &'i self,
        leg: LegNo,
        itinerary: &'i Itinerary,
        step: usize,
    ) -> impl Iterator<Item = &'i Step> {
        let own = itinerary.step(step).map(|s| s.target);
        let able = |target: TargetId| {
            cannot(&self.router, &self.arrival, target).is_none()
                && self.router.unavailable(target).is_none()
        };
        let steps = itinerary.steps().skip(self.legs[leg].floor);
        let steps = steps.map(|(_, step)| step);
        steps.filter(move |s| {
            Some(s.target) != own
                && self.attempts.iter().all(|a| a.target != s.target)
                && able(s.target)
        })
    }
}
