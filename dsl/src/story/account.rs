//! The account of one decision as data: the stable form that other programs read.

use serde::Serialize;

/// Version of the account; it rises when the meaning of a field changes, not when one is added.
pub const VERSION: u32 = 1;

/// What policies did with a request, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Story {
    /// [`VERSION`].
    pub version: u32,
    /// All of it in one sentence.
    pub sentence: String,
    /// What is known of the request.
    pub facts: Vec<Fact>,
    /// Figures of the moment that were asked about.
    pub figures: Vec<Fact>,
    /// In the order they were entered; the last one decided.
    pub policies: Vec<Entered>,
    /// What is carried out; absent where the request was refused.
    pub plan: Option<Course>,
    /// Copies that are sent besides.
    pub shadows: Vec<String>,
}

/// A fact and its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// As policies write it.
    pub fact: String,
    /// As policies write it, or in words where it has none.
    pub value: String,
}

/// A policy that was entered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entered {
    /// With its `@`.
    pub policy: String,
    /// What holds for all its requests: limits, budgets, the time they may take.
    pub terms: Vec<Fact>,
    /// In textual order.
    pub rules: Vec<Told>,
}

/// A rule, and what became of the request at it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Told {
    /// Its place among the rules of its policy, from 1.
    pub number: usize,
    /// `rule NAME`, where given.
    pub name: Option<String>,
    /// File it stands in.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// What became of the request.
    pub outcome: Outcome,
    /// Whether its condition holds, asked or not.
    pub holds: Truth,
    /// The condition, each test with its outcome; absent for `else`.
    pub condition: Option<Asked>,
    /// The condition in one line; `else` where there is none.
    pub when: String,
    /// What it says to do, as policies write it.
    pub then: String,
    /// The tests that settle whether it holds, no more than needed.
    pub because: Vec<Reason>,
}

/// What became of a request at a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It took the request.
    Taken,
    /// Its condition did not hold.
    PassedOver,
    /// An earlier rule took the request.
    NotReached,
}

/// Whether something holds, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Truth {
    /// It does.
    True,
    /// It does not.
    False,
    /// What it asks about is not known.
    Unknown,
}

/// A condition, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum Asked {
    /// All must hold.
    All {
        /// Whether they do.
        holds: Truth,
        /// In textual order.
        parts: Vec<Asked>,
    },
    /// One must hold.
    Any {
        /// Whether one does.
        holds: Truth,
        /// In textual order.
        parts: Vec<Asked>,
    },
    /// The other must not hold.
    Not {
        /// Whether it does not.
        holds: Truth,
        /// The other.
        part: Box<Asked>,
    },
    /// A condition by its name.
    Named {
        /// Whether it holds.
        holds: Truth,
        /// The name.
        name: String,
        /// File of its `define`.
        file: String,
        /// Line of it, from 1.
        line: u32,
        /// What the name stands for.
        part: Box<Asked>,
    },
    /// A test.
    Test(Reason),
}

/// A test, and what decided it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Whether it holds.
    pub holds: Truth,
    /// As written.
    pub text: String,
    /// File it stands in.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// The value that decided, as policies write it; empty where `holds` says it all.
    pub value: String,
    /// Named conditions it is a part of, outermost first.
    pub within: Vec<String>,
}

/// Why a rule did not take a request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WhyNot {
    /// [`VERSION`].
    pub version: u32,
    /// With its `@`.
    pub policy: String,
    /// All of it in one sentence.
    pub sentence: String,
    /// The rule in question.
    pub rule: Told,
    /// The earlier rule that took the request, where one did.
    pub taken: Option<Told>,
    /// Every test that kept it from taking the request.
    pub because: Vec<Reason>,
}

/// How a request is carried out, nested as it is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Course {
    /// `in order, within 45s`; the name of a target where it is one.
    pub said: String,
    /// The plan's name, where it has one.
    pub plan: Option<String>,
    /// `FILE:LINE` of the plan, where it has a name.
    pub place: Option<String>,
    /// The target, where it is one.
    pub target: Option<String>,
    /// What holds for it: deadlines, retries.
    pub options: Vec<String>,
    /// What a reader should know about it: what it costs, why it is left out.
    pub notes: Vec<String>,
    /// Whether it can serve this request, as far as its windows and abilities tell.
    pub able: bool,
    /// What may put its arms into another order for the same request, or choose another one.
    pub varies: Vec<String>,
    /// In the order they are tried, as far as it is known; else as they are written.
    pub arms: Vec<Branch>,
}

/// One of the ways a strategy can go.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Branch {
    /// `1`, `otherwise`, `50% control`.
    pub label: String,
    /// Only for requests of which this holds.
    pub when: Option<String>,
    /// Whether it does.
    pub open: Truth,
    /// What is done.
    pub course: Course,
}

impl Course {
    /// Every target that can serve the request, in the order they are tried, without repeats. Arms whose condition does
    /// not hold are left out, and so are those that a list leaves out.
    #[must_use]
    pub fn targets(&self) -> Vec<&str> {
        let mut found = Vec::new();
        self.reach(&mut found);
        found
    }

    /// What may put its targets into another order for the same request, or choose another one.
    #[must_use]
    pub fn varies(&self) -> Vec<&str> {
        let mut found: Vec<&str> = self.varies.iter().map(String::as_str).collect();
        for more in self.arms.iter().flat_map(|arm| arm.course.varies()) {
            if !found.contains(&more) {
                found.push(more);
            }
        }
        found
    }

    fn reach<'s>(&'s self, found: &mut Vec<&'s str>) {
        if !self.able {
            return;
        }
        if let Some(target) = self.target.as_deref()
            && !found.contains(&target)
        {
            found.push(target);
        }
        let helps = |arm: &&Branch| matches!(arm.label.as_str(), "judge" | "merge");
        let arms = self.arms.iter().filter(|a| a.open != Truth::False);
        for arm in arms.filter(|a| !helps(a)) {
            arm.course.reach(found);
        }
    }
}

impl Asked {
    /// Whether it holds.
    #[must_use]
    pub fn holds(&self) -> Truth {
        match self {
            Self::All { holds, .. }
            | Self::Any { holds, .. }
            | Self::Not { holds, .. }
            | Self::Named { holds, .. } => *holds,
            Self::Test(reason) => reason.holds,
        }
    }
}

impl Truth {
    /// The other way round.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }

    /// Whether all hold.
    pub fn all(parts: impl Iterator<Item = Self>) -> Self {
        parts.fold(Self::True, |all, part| match (all, part) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            _ => Self::True,
        })
    }

    /// Whether one holds.
    pub fn any(parts: impl Iterator<Item = Self>) -> Self {
        Self::all(parts.map(Self::negated)).negated()
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}
