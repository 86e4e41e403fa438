//! How a flight ends that no target serves.

use super::leg::{Ending, LegNo};
use super::{Action, Actions, End, Failure, Flight, PassedOver, State};
use crate::class::{Class, Meaning};
use crate::refusal::Refusal;
use crate::target::Barred;
use crate::{MILLI, Nanos, SECOND};
use mux_dsl::image::{Abandon, TargetId};
use mux_traffic::record::Usage;

impl Flight {
    pub(super) fn abandon(&mut self, now: Nanos, out: &mut Actions) {
        if self.state != State::UnderWay {
            return;
        }
        // Some providers bill what they were asked for whether or not anybody reads it: there, reading on costs nothing,
        // and tells what it was.
        let mut until = None;
        for n in 0..self.attempts.len() {
            let Some(a) = self.attempts.get(n).filter(|a| a.end.is_none()) else {
                continue;
            };
            match self.abandons(a.target) {
                Some(Abandon::Drain(most)) if a.sent.is_some() => {
                    until = until.max(Some(now + most * MILLI));
                }
                _ => {
                    out.push(Action::Cancel(n));
                    self.settle(n, Failure::of(Class::ClientGone), now);
                }
            }
        }
        match until {
            Some(until) => self.state = State::Draining(until),
            None => self.finish(End::ClientGone, now, out),
        }
    }

    /// What happens upstream of a target when a client leaves.
    fn abandons(&self, target: TargetId) -> Option<Abandon> {
        let fleet = self.router.fleet();
        let target = fleet.targets.get(target.index())?;
        let provider = fleet.providers.get(target.provider.index())?;
        provider.abandon.or(fleet.defaults.abandon)
    }

    /// An attempt that was read on for its usage is over.
    pub(super) fn drained(
        &mut self,
        attempt: usize,
        usage: Option<Usage>,
        now: Nanos,
        out: &mut Actions,
    ) {
        if !self.current(attempt) {
            return;
        }
        let left = Failure {
            usage,
            ..Failure::of(Class::ClientGone)
        };
        self.settle(attempt, left, now);
        if self.attempts.iter().all(|a| a.end.is_some()) {
            self.finish(End::ClientGone, now, out);
        }
    }

    /// Enough was read.
    pub(super) fn stop_draining(&mut self, now: Nanos, out: &mut Actions) {
        for n in 0..self.attempts.len() {
            if self.current(n) {
                out.push(Action::Cancel(n));
                self.settle(n, Failure::of(Class::ClientGone), now);
            }
        }
        self.finish(End::ClientGone, now, out);
    }

    /// A leg has nothing left to try.
    pub(super) fn give_up(&mut self, leg: LegNo, now: Nanos, out: &mut Actions) {
        let ending = self.legs[leg].last.unwrap_or(Ending::Nobody);
        self.conclude(leg, ending, now, out);
    }

    /// The flight ends without an answer.
    pub(super) fn refuse(&mut self, ending: Ending, now: Nanos, out: &mut Actions) {
        let failed = match ending {
            Ending::Answered(attempt) | Ending::Failed(attempt) => self.attempts.get(attempt),
            Ending::Nobody | Ending::Unfit => None,
        };
        let refusal = match (failed, ending) {
            (Some(last), _) => {
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
            (None, Ending::Unfit) => Refusal::new(
                502,
                "no_valid_answer",
                "there were answers, and none of them can be used for what the policy asks"
                    .to_owned(),
            ),
            (None, _) => self.nobody(now),
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
            let until = match reason {
                PassedOver::Barred(
                    Barred::Breaker(until) | Barred::Throttled(until) | Barred::Credential(until),
                ) => Some(*until),
                PassedOver::Barred(Barred::Full) => Some(now + SECOND),
                _ => None,
            };
            soonest = soonest.into_iter().chain(until).min();
            reasons.push(format!(
                "`{}` {}",
                self.router.name(*target),
                reason.words(now)
            ));
        }
        let message = format!("no target can be called now: {}", reasons.join("; "));
        let mut held = self.candidates.iter().filter_map(|(_, r)| r.as_ref());
        if held.all(|r| matches!(r, PassedOver::Budget(_) | PassedOver::Unpriced(_))) {
            return Refusal::new(429, "budget_exhausted", message);
        }
        Refusal::new(503, "no_target_available", message)
            .after(soonest.map(|s| s.saturating_sub(now)))
    }

    pub(super) fn finish(&mut self, end: End, now: Nanos, out: &mut Actions) {
        self.state = State::Over;
        self.admission.places.give_back();
        self.over = now;
        self.end = Some(end);
        out.push(Action::Finish);
    }
}
