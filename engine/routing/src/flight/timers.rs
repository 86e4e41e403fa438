//! What falls due, and what becomes of a flight then.

use super::{Action, Actions, End, Failure, Flight, Phase};
use crate::Nanos;
use crate::class::Class;
use crate::deadlines::Outer;

/// What falls due at [`Flight::wake_at`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Resume,
    Outer(Outer),
    Connect,
    First,
    Total,
    Idle,
}

impl Flight {
    pub(super) fn due(&self) -> Option<(Nanos, Due)> {
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

    pub(super) fn wake(&mut self, now: Nanos, out: &mut Actions) {
        let Some((_, due)) = self.due().filter(|(at, _)| *at <= now) else {
            return;
        };
        let Some(itinerary) = self.admission.itinerary() else {
            return;
        };
        let itinerary = itinerary.as_ref();
        if let Due::Resume = due {
            let Phase::Waiting { step, .. } = self.phase else {
                return;
            };
            let failed = self
                .attempts
                .last()
                .and_then(|a| a.end)
                .unwrap_or(self.arrival.now);
            self.waited += now.saturating_sub(failed);
            return self.resume(itinerary, step, now, out);
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
}
