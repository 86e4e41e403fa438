//! What falls due, and what becomes of a flight then.

use super::leg::{Ending, LegNo, Phase};
use super::{Action, Actions, Attempt, End, Failure, Flight, OWN, State};
use crate::Nanos;
use crate::attempt::Awaits;
use crate::class::Class;
use crate::deadlines::Outer;

/// What falls due at [`Flight::wake_at`], for a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// The wait before a retry is over.
    Resume,
    /// The one asked last is late.
    Late,
    Outer(Outer),
    Connect,
    First,
    Total,
    Idle,
    /// What the client left was read on for long enough.
    Drained,
}

impl Flight {
    /// What falls due next; of what falls due together, the outermost.
    pub(super) fn due(&self) -> Option<(Nanos, LegNo, Due)> {
        match self.state {
            State::UnderWay => {}
            State::Draining(until) => return Some((until, OWN, Due::Drained)),
            State::Ready | State::Over => return None,
        }
        let mut soonest: Option<(Nanos, LegNo, Due)> = None;
        for no in 0..self.legs.len() {
            self.of_leg(no, &mut |at, due| {
                if soonest.is_none_or(|(seen, ..)| at < seen) {
                    soonest = Some((at, no, due));
                }
            });
        }
        soonest
    }

    fn of_leg(&self, no: LegNo, take: &mut impl FnMut(Nanos, Due)) {
        let leg = &self.legs[no];
        let outer = |step| {
            let (at, outer) = leg.deadlines.soonest(Some(&leg.way), step);
            (at, Due::Outer(outer))
        };
        match leg.phase {
            Phase::Ready | Phase::Over => {}
            Phase::Waiting { until, step } => {
                take(until, Due::Resume);
                let (at, due) = outer(step);
                take(at, due);
            }
            Phase::Flying(n) if self.carries_on(no) => {
                take(leg.deadlines.request(), Due::Outer(Outer::Request));
                if let Some(a) = self.attempts.get(n) {
                    begins(a, take);
                    of_attempt(a, take);
                }
            }
            // The time for choosing is over when something was chosen; what is left is the request's own.
            Phase::Joined | Phase::Flying(_) if self.committed.is_some() => {
                if no == OWN {
                    take(leg.deadlines.request(), Due::Outer(Outer::Request));
                }
                if let Phase::Flying(n) = leg.phase
                    && let Some(a) = self.attempts.get(n)
                {
                    of_attempt(a, take);
                }
            }
            Phase::Joined => {
                let (at, due) = outer(leg.at);
                take(at, due);
                if let Some(late) = leg.joint.as_ref().and_then(|j| j.late()) {
                    take(late, Due::Late);
                }
            }
            Phase::Flying(n) => {
                let Some(a) = self.attempts.get(n) else {
                    return;
                };
                let (at, due) = outer(a.step);
                take(at, due);
                begins(a, take);
                of_attempt(a, take);
            }
        }
    }

    pub(super) fn wake(&mut self, now: Nanos, out: &mut Actions) {
        let Some((_, leg, due)) = self.due().filter(|(at, ..)| *at <= now) else {
            return;
        };
        let way = self.legs[leg].way.clone();
        match (self.legs[leg].phase, due) {
            (_, Due::Drained) => self.stop_draining(now, out),
            (Phase::Waiting { step, .. }, Due::Resume) => {
                let last = self.attempts.iter().rev().find(|a| a.leg == leg);
                let failed = last.and_then(|a| a.end).unwrap_or(self.arrival.now);
                self.waited += now.saturating_sub(failed);
                self.resume(leg, &way, step, now, out);
            }
            (Phase::Waiting { .. }, Due::Outer(Outer::Group(group))) => {
                self.go(leg, &way, way.after_group(group), now, out);
            }
            (Phase::Joined, Due::Late) => self.hedge(leg, now, out),
            (_, Due::Outer(outer)) => self.up(leg, outer, now, out),
            (Phase::Flying(attempt), due) => {
                out.push(Action::Cancel(attempt));
                let class = match due {
                    Due::Connect => Class::Connect,
                    Due::Idle => Class::Idle,
                    _ => Class::TimedOut,
                };
                self.fail(attempt, Failure::of(class), now, out);
            }
            _ => {}
        }
    }

    /// The time of a group around a leg's step is up, or that of the request.
    fn up(&mut self, leg: LegNo, outer: Outer, now: Nanos, out: &mut Actions) {
        // A deadline the client chose says nothing about a target.
        let own = outer == Outer::Request && leg == OWN;
        let class = if own && self.arrival.timeout.is_some() {
            Class::Deadline
        } else {
            Class::TimedOut
        };
        if let Some((attempt, _)) = self.committed.filter(|_| own) {
            self.call_off(leg, class, now, out);
            let class = self.attempts.get(attempt).map_or(class, |a| a.class);
            return self.finish(End::Broken(class), now, out);
        }
        if self.legs[leg].phase == Phase::Joined && self.hurry(leg, now, out) {
            return;
        }
        let mut attempts = self.attempts.iter();
        let last = attempts.rposition(|a| a.leg == leg || a.role.answers());
        self.call_off(leg, class, now, out);
        let own = &mut self.legs[leg];
        own.last = last.map(Ending::Failed).or(own.last);
        if own.joint.take().is_some() {
            own.joined.push(own.at);
        }
        let way = own.way.clone();
        match outer {
            Outer::Group(group) => self.go(leg, &way, way.after_group(group), now, out),
            Outer::Request => self.give_up(leg, now, out),
        }
    }

    /// How an attempt that is cut short by a deadline around it is judged.
    pub(super) fn blame(&self, attempt: usize, now: Nanos) -> Failure {
        let attempt = self.attempts.get(attempt);
        attempt.map_or_else(|| Failure::of(Class::Deadline), |a| a.blame(now))
    }
}

/// What falls due of an attempt that has not begun to answer. While its credential is fetched nothing does but what is
/// around it: whoever fetches has a time of its own, and says when that is over.
fn begins(a: &Attempt, take: &mut impl FnMut(Nanos, Due)) {
    if a.awaits == Awaits::Credential {
        return;
    }
    if a.first.is_none() {
        take(a.limits.first, Due::First);
    }
    if a.connected.is_none() {
        take(a.limits.connect, Due::Connect);
    }
}

/// What of an attempt falls due whether or not the client is committed to it.
fn of_attempt(a: &Attempt, take: &mut impl FnMut(Nanos, Due)) {
    if a.awaits == Awaits::Credential {
        return;
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
