//! Several legs that are under way for one answer, and what is made of what they bring.
//!
//! A leg that asks several is told how each of them ended. What a `hedge` or a `cascade` does next depends on the last
//! of them, what an `ensemble` does on all.

use super::leg::{Ending, Joining, Leg, LegNo, Part, Phase};
use super::{Actions, Failure, Flight};
use crate::Nanos;
use crate::acceptance::{Verdict, good_enough};
use crate::class::Class;
use crate::itinerary::{Asking, Combining, Itinerary};
use crate::price::expected;
use mux_dsl::image::{Combine, Quantile, TargetId};
use smallvec::SmallVec;
use std::sync::Arc;

/// A target of less than this score (basis points) gets no duplicates.
const WELL_ENOUGH: u32 = 8_000;

impl Flight {
    /// Asks the several of a step.
    pub(super) fn join(
        &mut self,
        leg: LegNo,
        step: usize,
        force: bool,
        now: Nanos,
        out: &mut Actions,
    ) {
        let own = &mut self.legs[leg];
        let Some(joint) = own.way.step(step).and_then(|s| s.joint.clone()) else {
            return;
        };
        own.phase = Phase::Joined;
        own.at = step;
        let arms = joint.arms.len();
        let all = matches!(joint.rule, Asking::Ensemble(_));
        if let Asking::Hedge(hedging) = &joint.rule {
            self.router.hedge_budget(hedging.budget).deposit();
        }
        own.joint = Some(Box::new(Joining::new(joint, force)));
        if !all {
            return self.ask_next(leg, false, now, out);
        }
        self.joining(leg, |j| j.asking = true);
        for _ in 0..arms {
            self.ask(leg, false, now, out);
        }
        self.joining(leg, |j| j.asking = false);
        self.weigh(leg, now, out);
    }

    /// Changes or reads the joint of a leg; nothing where it has none.
    fn joining<T>(&mut self, leg: LegNo, act: impl FnOnce(&mut Joining) -> T) -> Option<T> {
        self.legs[leg].joint.as_deref_mut().map(act)
    }

    /// Asks the next arm; the joint fails where none is left.
    fn ask_next(&mut self, leg: LegNo, further: bool, now: Nanos, out: &mut Actions) {
        if self.joining(leg, |j| j.asked < j.joint.arms.len()) == Some(true) {
            return self.ask(leg, further, now, out);
        }
        let best = self.joining(leg, |j| (j.answers.last().map(|(_, n)| *n), j.failure()));
        match best {
            Some((None, _)) if self.ask_held_back(leg, now, out) => {}
            // Those that would be better are of no use now: an answer that was not good enough is better than none.
            Some((Some(attempt), _)) => self.part(leg, Ending::Answered(attempt), now, out),
            Some((None, failed)) => self.part(leg, failed, now, out),
            None => {}
        }
    }

    /// Asks an arm that was held back or unwell, and so was never called: where nothing else is left, it is the best there is.
    fn ask_held_back(&mut self, leg: LegNo, now: Nanos, out: &mut Actions) -> bool {
        let Some((joint, legs)) = self.joining(leg, |j| (Arc::clone(&j.joint), j.legs.clone()))
        else {
            return false;
        };
        let own = &self.legs[leg];
        let elsewhere = own.backups > 0 || self.untried(leg, &own.way, own.at).next().is_some();
        if elsewhere || matches!(joint.rule, Asking::Ensemble(_)) {
            return false;
        }
        // Who is asked a second time has two legs.
        let once = |arm: &usize| {
            let mut of = legs
                .iter()
                .filter(|no| self.legs[**no].part == Part::Arm(*arm));
            let called = |no: LegNo| self.attempts.iter().any(|a| a.leg == no);
            of.next().is_some_and(|no| !called(*no)) && of.next().is_none()
        };
        let Some(arm) = (0..joint.arms.len()).find(once) else {
            return false;
        };
        self.joining(leg, |j| j.force = true);
        self.ask_arm((leg, arm), (true, false), now, out);
        true
    }

    fn ask(&mut self, leg: LegNo, further: bool, now: Nanos, out: &mut Actions) {
        let duplicate = self.joining(leg, |j| std::mem::take(&mut j.duplicate)) == Some(true);
        let next = self.joining(leg, |j| {
            j.asked += 1;
            j.asked - 1
        });
        if let Some(arm) = next {
            self.ask_arm((leg, arm), (further, duplicate), now, out);
        }
    }

    fn ask_arm(
        &mut self,
        (leg, arm): (LegNo, usize),
        (further, duplicate): (bool, bool),
        now: Nanos,
        out: &mut Actions,
    ) {
        let Some((joint, force)) = self.joining(leg, |j| {
            j.late = None;
            (Arc::clone(&j.joint), j.force)
        }) else {
            return;
        };
        let Some(way) = joint.arms.get(arm) else {
            return;
        };
        let after = joint.arms.len() - arm - 1;
        let backups = match joint.rule {
            Asking::Hedge(_) | Asking::Cascade(_) => after,
            Asking::Ensemble(_) => 0,
        };
        if let (Asking::Hedge(hedging), true) = (&joint.rule, after > 0)
            && let Some(target) = way.step(0).map(|s| s.target)
            && let Some(delay) = hedging.delay(|quantile| self.usual(target, quantile, now))
        {
            self.joining(leg, |j| j.late = Some(now + delay));
        }
        let spawned = Leg {
            duplicate,
            patient: after == 0 && !matches!(joint.rule, Asking::Ensemble(_)),
            backups: backups as u64,
            further,
            ..self.spawn(leg, way, Part::Arm(arm))
        };
        self.depart(leg, spawned, force, now, out);
    }

    fn spawn(&self, leg: LegNo, way: &Itinerary, part: Part) -> Leg {
        let own = &self.legs[leg];
        Leg {
            parent: Some(leg),
            part,
            ..Leg::new(way.clone(), own.deadlines.left(&own.way, own.at))
        }
    }

    fn depart(&mut self, parent: LegNo, leg: Leg, force: bool, now: Nanos, out: &mut Actions) {
        let way = leg.way.clone();
        let no = self.legs.add(leg);
        self.joining(parent, |j| j.legs.push(no));
        self.seek(no, &way, 0, force, now, out);
    }

    /// What a target usually takes, milliseconds.
    fn usual(&self, target: TargetId, quantile: Quantile, now: Nanos) -> Option<u64> {
        let state = self.router.state(target)?;
        let known = state.quantiles(now).filter(|_| !self.arrival.whole);
        match (known, quantile) {
            (Some(q), Quantile::P50) => Some(q.p50),
            (Some(q), Quantile::P95) => Some(q.p95),
            (Some(q), Quantile::P99) => Some(q.p99),
            (None, _) => state.p95(self.arrival.whole, now),
        }
    }

    /// The arm asked last is late: another is asked besides, where there is one that is well, and it may.
    pub(super) fn hedge(&mut self, leg: LegNo, now: Nanos, out: &mut Actions) {
        let Some((joint, next, duplicates)) = self.joining(leg, |j| {
            j.late = None;
            (Arc::clone(&j.joint), j.asked, j.duplicates)
        }) else {
            return;
        };
        let (Asking::Hedge(hedging), Some(way)) = (&joint.rule, joint.arms.get(next)) else {
            return;
        };
        let Some(target) = way.step(0).map(|s| s.target) else {
            return;
        };
        let well = self
            .router
            .state(target)
            .is_none_or(|s| s.score(now) >= WELL_ENOUGH);
        let of = self.router.fleet().targets.get(target.index());
        let dear = of
            .and_then(|of| expected(of, &self.arrival))
            .is_some_and(|cost| cost > hedging.cost);
        if duplicates < hedging.extra
            && well
            && !dear
            && !self.router.sparing().is_on()
            && self.router.hedge_budget(hedging.budget).withdraw()
        {
            self.joining(leg, |j| {
                j.duplicates += 1;
                j.duplicate = true;
            });
            self.ask(leg, false, now, out);
        }
    }

    /// The first content of a leg's answer is there: it may decide a race, and where nothing around it looks at the whole
    /// answer first, the client is committed to it.
    pub(super) fn heard(&mut self, mut leg: LegNo, attempt: usize, now: Nanos, out: &mut Actions) {
        while let Some(parent) = self.legs[leg].parent {
            let Some(joint) = self.joining(parent, |j| Arc::clone(&j.joint)) else {
                return;
            };
            match (&joint.rule, self.legs[leg].part) {
                (Asking::Hedge(_), _) => {
                    self.joining(parent, |j| j.late = None);
                    self.recall(parent, Some(leg), Class::Superseded, now, out);
                }
                (Asking::Cascade(accepts), Part::Arm(arm))
                    if accepts.get(arm).is_none_or(Option::is_none) => {}
                (Asking::Ensemble(_), Part::Merge) => {}
                _ => return,
            }
            leg = parent;
        }
        self.commit(attempt, now, out);
    }

    /// A leg of a joint has ended.
    pub(super) fn joined(
        &mut self,
        leg: LegNo,
        ended: LegNo,
        ending: Ending,
        now: Nanos,
        out: &mut Actions,
    ) {
        let Some(joint) = self.joining(leg, |j| Arc::clone(&j.joint)) else {
            return;
        };
        match (&joint.rule, self.legs[ended].part) {
            (Asking::Hedge(_), _) => self.raced(leg, ending, now, out),
            (Asking::Cascade(_), Part::Arm(_)) => match ending {
                Ending::Answered(attempt) => self.accept(leg, attempt, now, out),
                failed => {
                    self.joining(leg, |j| j.failed = Some(failed));
                    if self.clients_fault(failed) {
                        return self.part(leg, failed, now, out);
                    }
                    self.ask_next(leg, true, now, out);
                }
            },
            (Asking::Cascade(_), Part::Judge(about)) => {
                self.scored(about, ending);
                self.accept(leg, about, now, out);
            }
            (Asking::Ensemble(_), Part::Arm(arm)) => {
                self.joining(leg, |j| match ending {
                    Ending::Answered(attempt) => {
                        let at = j.answers.partition_point(|(other, _)| *other < arm);
                        j.answers.insert(at, (arm, attempt));
                    }
                    failed => j.failed = Some(failed),
                });
                if let (Ending::Answered(attempt), Some(judge)) = (ending, &joint.judge) {
                    let judging = self.spawn(leg, &judge.way, Part::Judge(attempt));
                    self.depart(leg, judging, false, now, out);
                }
                self.weigh(leg, now, out);
            }
            (Asking::Ensemble(_), Part::Judge(about)) => {
                self.scored(about, ending);
                self.weigh(leg, now, out);
            }
            (_, Part::Merge) => {
                let first = self.joining(leg, |j| j.answers.first().map(|(_, n)| *n));
                let ending = match (ending, first.flatten()) {
                    (Ending::Answered(merged), _) => Ending::Answered(merged),
                    // Nobody merges them: the first of them is better than none.
                    (_, Some(first)) => Ending::Answered(first),
                    (failed, None) => failed,
                };
                self.part(leg, ending, now, out);
            }
        }
    }

    /// One of a hedge has ended.
    fn raced(&mut self, leg: LegNo, ending: Ending, now: Nanos, out: &mut Actions) {
        if matches!(ending, Ending::Answered(_)) || self.clients_fault(ending) {
            return self.part(leg, ending, now, out);
        }
        self.joining(leg, |j| j.failed = Some(ending));
        if !self.busy(leg, |_| true) {
            self.ask_next(leg, true, now, out);
        }
    }

    /// The answer of a cascade's arm is there, and perhaps its score.
    fn accept(&mut self, leg: LegNo, attempt: usize, now: Nanos, out: &mut Actions) {
        let Some((joint, arm)) = self.joining(leg, |j| (Arc::clone(&j.joint), j.asked)) else {
            return;
        };
        let Asking::Cascade(accepts) = &joint.rule else {
            return;
        };
        let Some(Some(accept)) = arm.checked_sub(1).and_then(|arm| accepts.get(arm)) else {
            return self.part(leg, Ending::Answered(attempt), now, out);
        };
        let Some(a) = self.attempts.get_mut(attempt) else {
            return;
        };
        match (good_enough(accept, a), &joint.judge) {
            (Verdict::Yes, _) => {
                a.accepted = Some(true);
                self.part(leg, Ending::Answered(attempt), now, out);
            }
            (Verdict::Unknown, Some(judge)) if !a.judged => {
                a.judged = true;
                let judging = self.spawn(leg, &judge.way, Part::Judge(attempt));
                self.depart(leg, judging, false, now, out);
            }
            // What is not known is not good enough.
            _ => {
                a.accepted = Some(false);
                self.joining(leg, |j| j.answers.push((arm, attempt)));
                self.ask_next(leg, false, now, out);
            }
        }
    }

    fn scored(&mut self, about: usize, ending: Ending) {
        let Ending::Answered(judge) = ending else {
            return;
        };
        let judge = self.attempts.get(judge);
        let score = judge.and_then(|a| a.told.as_ref()?.score);
        if let Some(a) = self.attempts.get_mut(about) {
            a.score = score;
        }
    }

    /// Whether legs of a joint are under way whose part is one of these.
    fn busy(&self, leg: LegNo, which: impl Fn(Part) -> bool) -> bool {
        let joint = self.legs[leg].joint.as_deref();
        joint.is_some_and(|j| {
            j.legs
                .iter()
                .map(|no| &self.legs[*no])
                .any(|l| l.phase != Phase::Over && which(l.part))
        })
    }

    /// Makes one answer of those of an ensemble, where it is time.
    fn weigh(&mut self, leg: LegNo, now: Nanos, out: &mut Actions) {
        let Some((joint, asking)) = self.joining(leg, |j| (Arc::clone(&j.joint), j.asking)) else {
            return;
        };
        let (Asking::Ensemble(combining), false) = (&joint.rule, asking) else {
            return;
        };
        let asked = self.busy(leg, |part| matches!(part, Part::Arm(_)));
        let judged = self.busy(leg, |part| matches!(part, Part::Judge(_)));
        let Some(joining) = self.legs[leg].joint.as_deref() else {
            return;
        };
        let answers = joining.answers.clone();
        if let Some(winner) = self.leads(combining, &answers, joint.arms.len(), asked) {
            return self.part(leg, Ending::Answered(winner), now, out);
        }
        if asked && (answers.len() < combining.quorum || combining.combine == Combine::FirstValid) {
            return;
        }
        let failure = joining.failure();
        if answers.len() < combining.least || answers.is_empty() {
            return self.part(leg, failure, now, out);
        }
        match &combining.combine {
            Combine::FirstValid | Combine::Majority(_) | Combine::Vote(_) => {
                self.part(leg, Ending::Unfit, now, out);
            }
            Combine::Best if judged => {
                self.recall_arms(leg, now, out);
            }
            Combine::Best => {
                let best = self.best(&answers);
                self.part(leg, Ending::Answered(best), now, out);
            }
            Combine::Merge(_) => {
                self.recall_arms(leg, now, out);
                match (answers.as_slice(), &combining.merge) {
                    ([(_, only)], _) | ([(_, only), ..], None) => {
                        self.part(leg, Ending::Answered(*only), now, out);
                    }
                    (_, Some(way)) => {
                        let merging = self.spawn(leg, way, Part::Merge);
                        self.depart(leg, merging, false, now, out);
                    }
                    ([], None) => {}
                }
            }
        }
    }

    /// The answer that no other can catch up with any more.
    fn leads(
        &self,
        combining: &Combining,
        answers: &[(usize, usize)],
        arms: usize,
        asked: bool,
    ) -> Option<usize> {
        let told = |attempt: usize| self.attempts.get(attempt)?.told.as_deref();
        let weight = |arm: usize| match combining.combine {
            Combine::Vote(_) => combining.weights.get(arm).copied().unwrap_or(1),
            _ => 1,
        };
        match &combining.combine {
            Combine::FirstValid => {
                let fits = |attempt| told(attempt).is_some_and(|t| t.fits != Some(false));
                let first = answers.iter().filter(|(_, n)| fits(*n));
                first
                    .min_by_key(|(_, n)| self.attempts.get(*n).and_then(|a| a.end))
                    .map(|(_, n)| *n)
            }
            Combine::Majority(_) | Combine::Vote(_) => {
                let enough = answers.len() >= combining.quorum;
                if answers.len() < combining.least {
                    return None;
                }
                let mut tally = SmallVec::<[(&str, u32, usize); 4]>::new();
                for (arm, attempt) in answers {
                    let Some(value) = told(*attempt).and_then(|t| t.value.as_deref()) else {
                        continue;
                    };
                    match tally.iter_mut().find(|(v, ..)| *v == value) {
                        Some((_, votes, _)) => *votes += weight(*arm),
                        None => tally.push((value, weight(*arm), *attempt)),
                    }
                }
                // Of equals the one that was written first.
                let best = tally.iter().rev().max_by_key(|(_, votes, _)| *votes)?;
                let open = (0..arms).filter(|arm| answers.iter().all(|(a, _)| a != arm));
                let open: u32 = if asked { open.map(weight).sum() } else { 0 };
                let others = tally.iter().filter(|t| t.2 != best.2).map(|t| t.1).max();
                let unreachable = best.1 > others.unwrap_or(0) + open;
                (enough || !asked || unreachable).then_some(best.2)
            }
            Combine::Best | Combine::Merge(_) => None,
        }
    }

    /// The answer with the highest score; of equals, and where none is known, the first.
    fn best(&self, answers: &[(usize, usize)]) -> usize {
        let score = |attempt: usize| self.attempts.get(attempt).and_then(|a| a.score);
        let best = answers.iter().rev().max_by_key(|(_, n)| score(*n));
        best.map_or(0, |(_, n)| *n)
    }

    fn recall_arms(&mut self, leg: LegNo, now: Nanos, out: &mut Actions) {
        let legs = self.joining(leg, |j| j.legs.clone()).unwrap_or_default();
        for other in legs {
            if matches!(self.legs[other].part, Part::Arm(_)) {
                self.call_off(other, Class::Superseded, now, out);
            }
        }
    }

    /// Calls off the legs of a joint, all but one.
    pub(super) fn recall(
        &mut self,
        leg: LegNo,
        but: Option<LegNo>,
        class: Class,
        now: Nanos,
        out: &mut Actions,
    ) {
        let legs = self.joining(leg, |j| j.legs.clone()).unwrap_or_default();
        for other in legs.into_iter().filter(|other| Some(*other) != but) {
            self.call_off(other, class, now, out);
        }
    }

    /// Ends a leg and whatever it asked for, without a word to whoever asked for it.
    pub(super) fn call_off(&mut self, leg: LegNo, class: Class, now: Nanos, out: &mut Actions) {
        match std::mem::replace(&mut self.legs[leg].phase, Phase::Over) {
            Phase::Flying(attempt) => {
                out.push(super::Action::Cancel(attempt));
                let failure = match class {
                    Class::TimedOut => self.blame(attempt, now),
                    class => Failure::of(class),
                };
                self.settle(attempt, failure, now);
            }
            Phase::Joined => self.recall(leg, None, class, now, out),
            Phase::Ready | Phase::Waiting { .. } | Phase::Over => {}
        }
    }

    /// The time of a joint is up: what it has is made the best of.
    pub(super) fn hurry(&mut self, leg: LegNo, now: Nanos, out: &mut Actions) -> bool {
        self.recall(leg, None, Class::TimedOut, now, out);
        let Some((joint, answers)) =
            self.joining(leg, |j| (Arc::clone(&j.joint), j.answers.clone()))
        else {
            return false;
        };
        let chosen = match &joint.rule {
            Asking::Hedge(_) => None,
            Asking::Cascade(_) => answers.last().map(|(_, n)| *n),
            Asking::Ensemble(combining) if answers.len() < combining.least => None,
            Asking::Ensemble(combining) => match combining.combine {
                Combine::Best if !answers.is_empty() => Some(self.best(&answers)),
                Combine::Best => None,
                Combine::Merge(_) => answers.first().map(|(_, n)| *n),
                _ => self.leads(combining, &answers, joint.arms.len(), false),
            },
        };
        if let Some(attempt) = chosen {
            self.part(leg, Ending::Answered(attempt), now, out);
        }
        chosen.is_some()
    }

    /// A joint is done: those that are still under way are called off, and its leg goes on.
    fn part(&mut self, leg: LegNo, ending: Ending, now: Nanos, out: &mut Actions) {
        self.recall(leg, None, Class::Superseded, now, out);
        let own = &mut self.legs[leg];
        let force = own.joint.take().is_some_and(|j| j.force);
        let step = own.at;
        let way = own.way.clone();
        if ending != Ending::Nobody {
            own.joined.push(step);
        }
        let next = match ending {
            Ending::Answered(_) => return self.conclude(leg, ending, now, out),
            Ending::Failed(attempt) => {
                let last = self.attempts.get(attempt);
                let (class, status) = last.map_or((Class::Other, None), |a| (a.class, a.status));
                way.after(step, class, status)
            }
            Ending::Unfit => way.after(step, Class::BadResponse, None),
            Ending::Nobody => return self.seek(leg, &way, step + 1, force, now, out),
        };
        self.legs[leg].last = Some(ending);
        self.go(leg, &way, next, now, out);
    }

    /// Whether a leg ended by what the client asked, so that no other would do better.
    fn clients_fault(&self, ending: Ending) -> bool {
        let Ending::Failed(attempt) = ending else {
            return false;
        };
        self.attempts
            .get(attempt)
            .is_some_and(|a| !a.class.moves_on())
    }
}
