//! One walk along an itinerary. A flight begins with one; each arm of a `hedge`, a `cascade` or an `ensemble`, each judge
//! and each merging model has one of its own, which reports to the leg that asked for it.

use crate::Nanos;
use crate::deadlines::Deadlines;
use crate::itinerary::{Itinerary, Joint};
use smallvec::SmallVec;
use std::ops::{Index, IndexMut};
use std::sync::Arc;

/// Number of a leg; 0 is the flight's own.
pub(super) type LegNo = usize;

/// Where a leg stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    Ready,
    /// An attempt of this number is under way.
    Flying(usize),
    /// Several legs of its own are.
    Joined,
    Waiting {
        until: Nanos,
        step: usize,
    },
    Over,
}

/// What a leg is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The answer, as this arm of its parent's joint; 0 for the flight's own.
    Arm(usize),
    /// The score of this attempt's answer.
    Judge(usize),
    /// One answer out of several.
    Merge,
}

/// How a leg ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// This attempt brought the answer.
    Answered(usize),
    /// This attempt was the last, and failed.
    Failed(usize),
    /// Nobody could be called.
    Nobody,
    /// There were answers, and none is what was asked for.
    Unfit,
}

#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent fact about a leg"
)]
pub(super) struct Leg {
    pub(super) way: Itinerary,
    /// The leg whose joint it is a part of.
    pub(super) parent: Option<LegNo>,
    pub(super) part: Part,
    pub(super) phase: Phase,
    pub(super) deadlines: Deadlines,
    /// The step that was launched last.
    pub(super) at: usize,
    /// Steps before it are not for this request any more.
    pub(super) floor: usize,
    /// How what was tried last ended.
    pub(super) last: Option<Ending>,
    /// A target that failed was tried once more, for want of any other.
    pub(super) second: bool,
    /// Siblings that could take over.
    pub(super) backups: u64,
    /// The attempt whose answer broke off, which the next ones carry on.
    pub(super) resumes: Option<usize>,
    /// It is asked besides one that is late.
    pub(super) duplicate: bool,
    /// It is waited for as long as there is time, since nothing is left to turn to.
    pub(super) patient: bool,
    /// It is there because a sibling failed, and so counts as a further attempt.
    pub(super) further: bool,
    /// Steps that asked several, and were done with.
    pub(super) joined: SmallVec<[usize; 2]>,
    pub(super) joint: Option<Box<Joining>>,
}

impl Leg {
    pub(super) fn new(way: Itinerary, deadline: Nanos) -> Self {
        Self {
            way,
            parent: None,
            part: Part::Arm(0),
            phase: Phase::Ready,
            deadlines: Deadlines::new(deadline),
            at: 0,
            floor: 0,
            last: None,
            second: false,
            backups: 0,
            resumes: None,
            duplicate: false,
            patient: false,
            further: false,
            joined: SmallVec::new(),
            joint: None,
        }
    }
}

/// A joint under way.
#[derive(Debug)]
pub(super) struct Joining {
    pub(super) joint: Arc<Joint>,
    /// Its legs: arms in the order they were asked, judges, and the one that merges.
    pub(super) legs: SmallVec<[LegNo; 4]>,
    /// Arms that were asked.
    pub(super) asked: usize,
    /// Duplicates that were sent.
    pub(super) duplicates: usize,
    /// The arm asked next is one.
    pub(super) duplicate: bool,
    /// When the next arm is asked, unless something comes.
    pub(super) late: Option<Nanos>,
    /// Even those are called that are held back.
    pub(super) force: bool,
    /// Arms are still being asked: nothing is decided yet.
    pub(super) asking: bool,
    /// Of those that brought an answer, which leg and attempt, in the order of their arms.
    pub(super) answers: SmallVec<[(usize, usize); 4]>,
    /// How the last one that brought none ended.
    pub(super) failed: Option<Ending>,
}

impl Joining {
    pub(super) fn new(joint: Arc<Joint>, force: bool) -> Self {
        Self {
            joint,
            legs: SmallVec::new(),
            asked: 0,
            duplicates: 0,
            duplicate: false,
            late: None,
            force,
            asking: false,
            answers: SmallVec::new(),
            failed: None,
        }
    }

    pub(super) fn late(&self) -> Option<Nanos> {
        self.late
    }

    pub(super) fn joint(&self) -> &Joint {
        &self.joint
    }

    /// What its judge scores by.
    pub(super) fn rubric(&self) -> &str {
        self.joint.judge.as_ref().map_or("", |judge| &judge.rubric)
    }

    /// The answers so far: the arm and the attempt of each.
    pub(super) fn answers(&self) -> &[(usize, usize)] {
        &self.answers
    }

    pub(super) fn failure(&self) -> Ending {
        self.failed.unwrap_or(Ending::Nobody)
    }
}

/// All legs of a flight. The flight's own is always there.
#[derive(Debug)]
pub(super) struct Legs {
    own: Leg,
    others: Vec<Leg>,
}

impl Legs {
    pub(super) fn new(own: Leg) -> Self {
        Self {
            own,
            others: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, leg: Leg) -> LegNo {
        self.others.push(leg);
        self.others.len()
    }

    pub(super) fn len(&self) -> usize {
        self.others.len() + 1
    }
}

impl Index<LegNo> for Legs {
    type Output = Leg;

    fn index(&self, leg: LegNo) -> &Leg {
        let other = leg.checked_sub(1).and_then(|at| self.others.get(at));
        other.unwrap_or(&self.own)
    }
}

impl IndexMut<LegNo> for Legs {
    fn index_mut(&mut self, leg: LegNo) -> &mut Leg {
        let other = leg.checked_sub(1).and_then(|at| self.others.get_mut(at));
        other.unwrap_or(&mut self.own)
    }
}
