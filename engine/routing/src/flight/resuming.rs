//! `continue once`: an answer that breaks off while the client reads it is carried on by the next target.
//!
//! Off unless a policy asks for it, since a seam may show: the other model sees what was said so far and goes on from there.

use super::leg::{LegNo, Phase};
use super::{Action, Actions, End, Flight, OWN, Role};
use crate::Nanos;
use crate::class::{Class, Meaning};
use crate::look::Way;
use mux_traffic::record::Usage;

impl Flight {
    /// What the answer of an attempt used: where it carries on one that broke off, both together.
    #[must_use]
    pub fn used(&self, attempt: usize) -> Option<Usage> {
        let a = self.attempts.get(attempt)?;
        let before = match a.role {
            Role::Resume(broken) => self.attempts.get(broken).and_then(|b| b.usage),
            _ => None,
        };
        match (a.usage, before) {
            (Some(rest), Some(before)) => Some(before.and(&rest)),
            (rest, before) => rest.or(before),
        }
    }

    /// Whether an attempt goes on where another broke off, and has not begun to.
    pub(super) fn resuming(&self, attempt: usize) -> bool {
        let role = self.attempts.get(attempt).map(|a| a.role);
        match (role, self.committed) {
            (Some(Role::Resume(broken)), Some((committed, _))) => committed == broken,
            _ => false,
        }
    }

    pub(super) fn resume_with(&mut self, attempt: usize, out: &mut Actions) {
        if let Some((_, at)) = self.committed {
            self.committed = Some((attempt, at));
            out.push(Action::Resume(attempt));
        }
    }

    /// The answer that the client is committed to broke off, or what was to carry it on failed.
    pub(super) fn broken(
        &mut self,
        attempt: usize,
        (class, resumable): (Class, bool),
        now: Nanos,
        out: &mut Actions,
    ) {
        let first = self.attempts.get(attempt).map(|a| (a.role, a.step));
        let failing = matches!(class.meaning(), Meaning::Failing | Meaning::Local);
        if let Some((role, step)) = first
            && !matches!(role, Role::Resume(_))
            && resumable
            && failing
            && self.resumes(attempt)
            && self.go_on(attempt, step, now, out)
        {
            return;
        }
        let class = match first {
            // The client is told of what it saw breaking.
            Some((Role::Resume(broken), _)) if self.resuming(attempt) => {
                self.attempts.get(broken).map_or(class, |a| a.class)
            }
            _ => class,
        };
        self.finish(End::Broken(class), now, out);
    }

    /// Launches the next target that may be called.
    fn go_on(&mut self, broken: usize, step: usize, now: Nanos, out: &mut Actions) -> bool {
        let way = self.legs[OWN].way.clone();
        self.legs[OWN].resumes = Some(broken);
        let steps = way.steps().skip(step + 1);
        for (i, next) in steps.filter(|(_, next)| next.joint.is_none()) {
            let hope = self.hope(OWN, next, false, now);
            let look = self.look((OWN, i), &way, next, Way::GoesOn, now);
            if self.try_launch(look, &way, next, hope, now, out) {
                return true;
            }
        }
        false
    }

    /// Whether a leg's attempt is to carry on what the client has begun to read.
    pub(super) fn carries_on(&self, leg: LegNo) -> bool {
        matches!(self.legs[leg].phase, Phase::Flying(n) if self.resuming(n))
    }
}
