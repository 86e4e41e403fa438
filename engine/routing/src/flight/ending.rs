//! How a flight ends that no target serves.

use super::{Action, Actions, End, Failure, Flight, PassedOver, Phase};
use crate::Nanos;
use crate::class::{Class, Meaning};
use crate::refusal::Refusal;
use crate::target::Barred;

impl Flight {
    pub(super) fn abandon(&mut self, now: Nanos, out: &mut Actions) {
        if self.phase == Phase::Over {
            return;
        }
        if matches!(self.phase, Phase::Flying | Phase::Committed) {
            out.push(Action::Cancel(self.attempts.len().saturating_sub(1)));
            self.settle(Failure::of(Class::ClientGone), now);
        }
        self.finish(End::ClientGone, now, out);
    }

    pub(super) fn give_up(&mut self, now: Nanos, out: &mut Actions) {
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

    pub(super) fn finish(&mut self, end: End, now: Nanos, out: &mut Actions) {
        self.phase = Phase::Over;
        self.admission.places.give_back();
        self.over = now;
        self.end = Some(end);
        out.push(Action::Finish);
    }
}
